/**
 * Kernel clients of every kind over a bad path: each congestion control, and each option of TCP switched off or on.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import type { RetransmitEvent } from "../../src/tcp/events.ts";
import { clientCounter, congestionControls, filterAtClient, setClientRoute } from "./client_conditions.ts";
import { type Ipv4Settings, KernelPeer, PEER_PROGRAMS, type PeerAnswer } from "./kernel_peer.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { serverFigures } from "./server_figures.ts";
import { JUDGE_PROGRAMS, type JudgedFrame, WireRecording } from "./wire_judge.ts";
import { assertOursAreRight } from "./wire_verdict.ts";

/** A kind of client, and what must have been agreed with it. */
interface Variant {
  readonly name: string;
  readonly kernel?: Ipv4Settings;
  /** Features of the route to tcplab. */
  readonly route?: string;
  readonly agreed: Partial<PeerAnswer>;
}

const USUAL = { timestamps: true, sack: true, windowScaling: true, ecn: false } as const;
const BYTES = 300_000;

/** Asks for ECN again in a SYN that is sent again; by default Linux gives it up there (RFC 3168 §6.1.1.1). */
const ECN_EVEN_IF_LOST = { tcp_ecn: 1, tcp_ecn_fallback: 0 } as const;

const VARIANTS: readonly Variant[] = [
  ...["cubic", "reno", "bbr"].map((name) => ({
    name,
    agreed: { ...USUAL, congestion: name },
  })),
  { name: "no timestamps", kernel: { tcp_timestamps: 0 }, agreed: { ...USUAL, timestamps: false } },
  { name: "no SACK", kernel: { tcp_sack: 0 }, agreed: { ...USUAL, sack: false } },
  {
    name: "no window scaling",
    kernel: { tcp_window_scaling: 0 },
    agreed: { ...USUAL, windowScaling: false },
  },
  { name: "no D-SACK", kernel: { tcp_dsack: 0 }, agreed: USUAL },
  {
    name: "no options at all",
    kernel: { tcp_timestamps: 0, tcp_sack: 0, tcp_window_scaling: 0 },
    agreed: { timestamps: false, sack: false, windowScaling: false, ecn: false, sendMss: 1460 },
  },
  { name: "ECN", kernel: ECN_EVEN_IF_LOST, agreed: { ...USUAL, ecn: true, ecnSeen: true } },
  {
    name: "ECN with Reno, without SACK",
    kernel: { ...ECN_EVEN_IF_LOST, tcp_sack: 0 },
    agreed: { ...USUAL, sack: false, ecn: true, ecnSeen: true, congestion: "reno" },
  },
  // Accurate ECN asks with three bits; a server that knows RFC 3168 only answers as to an ECN-setup SYN.
  {
    name: "Accurate ECN",
    kernel: { tcp_ecn: 3 },
    agreed: { timestamps: true, sack: true, windowScaling: true },
  },
  { name: "a small MTU", route: "mtu 576", agreed: { ...USUAL, sendMss: 524 } },
  {
    name: "no RACK and no tail loss probe",
    kernel: { tcp_recovery: 0, tcp_early_retrans: 0 },
    agreed: USUAL,
  },
  { name: "a small window", kernel: { tcp_rmem: "4096 8192 8192" }, agreed: USUAL },
];

/** Whether this kernel has what the variant needs. */
async function canPlay(peer: KernelPeer, variant: Variant, controls: readonly string[]): Promise<boolean> {
  const control = variant.agreed.congestion;
  if (control !== undefined && !controls.includes(control)) return false;
  const { error, settings } = await peer.tryTo({ do: "kernel", settings: variant.kernel ?? {} });
  if (error === undefined) await peer.ask({ do: "kernel", settings: settings ?? {} });
  return error === undefined;
}

/** Echoes and reads as the variant's client, and looks at what its kernel has agreed with us. */
async function play(lab: PrivateLab, peer: KernelPeer, variant: Variant): Promise<void> {
  const { settings = {} } = await peer.ask({ do: "kernel", settings: variant.kernel ?? {} });
  if (variant.route !== undefined) await setClientRoute(lab, variant.route);
  const congestion = variant.agreed.congestion === undefined ? {} : { congestion: variant.agreed.congestion };
  await peer.ask({ do: "connect", port: 3333, ...congestion });
  const echoed = await peer.ask({ do: "transfer", bytes: BYTES });
  assertEquals([echoed.bytes, echoed.received], [BYTES, echoed.sent], variant.name);
  const info = await peer.ask({ do: "info" });
  for (const [name, value] of Object.entries(variant.agreed)) {
    assertEquals(Object.entries(info).find(([key]) => key === name)?.[1], value, `${variant.name}: ${name}`);
  }
  await peer.ask({ do: "connect", port: 5002, ...congestion });
  const read = await peer.ask({ do: "pattern", bytes: BYTES, toEnd: true });
  assertEquals([read.wrongAt, read.received], [null, read.expected], variant.name);
  await peer.ask({ do: "kernel", settings });
  if (variant.route !== undefined) await setClientRoute(lab, "");
}

/** Plays all variants that this kernel can, over this path; gives how many, and what tshark saw. */
async function playAll(lab: PrivateLab, faults: readonly string[]): Promise<{
  readonly played: readonly string[];
  readonly frames: readonly JudgedFrame[];
  readonly counters: Readonly<Record<string, number>>;
  /** What the log tells to have been sent again. */
  readonly told: readonly RetransmitEvent[];
}> {
  await using file = await scratchFile(".pcapng");
  const args = ["--serve", "3333=echo,5002=chargen", ...faults];
  await using server = await ServeProcess.start(lab, { args, quiet: true });
  await using peer = new KernelPeer(lab);
  const controls = await congestionControls(lab);
  const recording = await WireRecording.start(lab, file.path);
  const played: string[] = [];
  for (const variant of VARIANTS) {
    if (!await canPlay(peer, variant, controls)) continue;
    await play(lab, peer, variant);
    played.push(variant.name);
  }
  await server.count("closed", 2 * played.length);
  for (const closed of server.all("closed")) assertEquals(closed.reason, "normal", closed.connection);
  const { counters } = await serverFigures(lab);
  const frames = await recording.judge();
  assertEquals((await server.stop()).code, 0, server.stderr);
  return { played, frames, counters, told: server.all("retransmit") };
}

const NEEDS = { needs: [...PEER_PROGRAMS, ...JUDGE_PROGRAMS], offloads: false };

liveTest("clients of every kind over a good path: nothing is sent twice", NEEDS, async (lab) => {
  const { played, frames, told } = await playAll(lab, []);
  assertGreater(played.length, 8, `this kernel can play: ${played.join(", ")}`);
  assertOursAreRight(frames, { ours: lab.plan.tcplabAddress, sentAgain: { told, lost: 0 } });
});

liveTest("clients of every kind over a path that loses, swaps and marks", NEEDS, async (lab) => {
  const { played, frames, counters } = await playAll(lab, ["--fault", "drop=1%,reorder=1%,mark=3%,seed=3"]);
  assertOursAreRight(frames, { ours: lab.plan.tcplabAddress });
  assert(counters.retransmits > 0, "something was lost");
  assert(played.includes("ECN"), `this kernel can play: ${played.join(", ")}`);
  assertGreater(counters["ecn-reductions"], 0, "marks on what we send make us slower");
  assertGreater(await clientCounter(lab, "TCPDeliveredCE"), 0, "marks on what we get are told to the client");
});

liveTest("ECN is agreed on as the client asks in the SYN that it sends again", {
  needs: [...PEER_PROGRAMS, "nft"],
  offloads: false,
}, async (lab) => {
  await using server = await ServeProcess.start(lab, {
    args: ["--serve", "3333=echo,5002=chargen"],
    quiet: true,
  });
  await using peer = new KernelPeer(lab);
  const lostOnce = "limit rate 1/hour burst 1 packets drop";
  const lostSyn = `output tcp flags & (syn | ack) == syn ${lostOnce}`;
  const lostAnswer = `input tcp flags & (syn | ack) == (syn | ack) ${lostOnce}`;
  const cases = [
    { lost: lostSyn, fallback: 1, ecn: false },
    { lost: lostSyn, fallback: 0, ecn: true },
    // Our answer to the first SYN stands, and Linux takes it though it has asked without in the meantime.
    { lost: lostAnswer, fallback: 1, ecn: true },
    { lost: lostAnswer, fallback: 0, ecn: true },
  ];
  for (const { lost, fallback, ecn } of cases) {
    await filterAtClient(lab, [lost]);
    await peer.ask({ do: "kernel", settings: { tcp_ecn: 1, tcp_ecn_fallback: fallback } });
    await peer.ask({ do: "connect", port: 3333 });
    const info = await peer.ask({ do: "info" });
    assertEquals(info.ecn, ecn, `${lost}, tcp_ecn_fallback ${fallback}`);
    await peer.ask({ do: "transfer", bytes: BYTES });
  }
  await server.count("closed", cases.length);
});

liveTest("a server without SACK, timestamps and window scaling, over a bad path", {
  needs: PEER_PROGRAMS,
  offloads: false,
}, async (lab) => {
  const plain = ["--no-sack", "--no-timestamps", "--no-window-scale", "--mss", "1000"];
  const args = ["--serve", "3333=echo,5002=chargen", ...plain, "--fault", "drop=1%,dup=1%,seed=6"];
  await using server = await ServeProcess.start(lab, { args, quiet: true });
  await using peer = new KernelPeer(lab);
  const agreed = { timestamps: false, sack: false, windowScaling: false, sendMss: 1000 };
  await play(lab, peer, { name: "plain server", agreed });
  await server.count("closed", 2);
  assertEquals(server.all("closed").map(({ reason }) => reason), ["normal", "normal"]);
});
