/**
 * A device whose MTU is changed while it is served: a stream goes on in smaller segments, new connections offer what
 * fits, and a person is told.
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import type { LabSide } from "../../src/cli/lab_plan.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { serverFigures } from "./server_figures.ts";
import { waitFor } from "./wait_for.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

const ETHERNET_BYTES = 14;
/** Headers of IPv4 and TCP with timestamps. */
const HEADERS_BYTES = 52;
const NARROW = 1000;

async function setMtu(lab: PrivateLab, mtu: number, side: LabSide = "server"): Promise<void> {
  const words = ["ip", "link", "set", lab.plan.devices[side], "mtu", String(mtu)];
  const { code, stderr } = await lab.run({ side, words });
  assertEquals(code, 0, stderr);
}

/** Lets the peer read chargen's pattern, which comes without a gap, until it has so many bytes in all. */
async function readsPattern(peer: KernelPeer, bytes: number): Promise<void> {
  const read = await peer.ask({ do: "pattern", bytes });
  assertEquals([read.wrongAt, read.received], [null, read.expected]);
}

/** What the server's newest connection offered, and what it sends at most. */
async function newestMss(lab: PrivateLab): Promise<{ offered: number; sends: number }> {
  const { connections } = await serverFigures(lab);
  const newest = connections[connections.length - 1];
  return { offered: newest.receiveMss, sends: newest.sendMss };
}

for (const tx of ["inject", "batch", "gso"] as const) {
  liveTest(`segments follow a device whose MTU is lowered and raised again, --tx ${tx}`, {
    needs: [...PEER_PROGRAMS, ...JUDGE_PROGRAMS],
    offloads: false,
  }, async (lab) => {
    await using file = await scratchFile(".pcapng");
    const args = ["--app", "chargen", "--tx", tx];
    await using server = await ServeProcess.start(lab, { args, quiet: true });
    await using peer = new KernelPeer(lab);
    await peer.ask({ do: "connect", port: 3333 });
    await readsPattern(peer, 300_000);
    assertEquals(await newestMss(lab), { offered: 1460, sends: 1500 - HEADERS_BYTES });

    await setMtu(lab, NARROW);
    const reading = readsPattern(peer, 20_000_000);
    reading.catch(() => {});
    const told = await server.event("notice", ({ kind }) => kind === "mtu-changed");
    assertEquals(
      told.message,
      `The MTU of ${lab.plan.devices.server} is 1000 bytes now, 1500 before: segments become smaller`,
    );
    await reading;
    const { counters } = await serverFigures(lab);
    // A kernel that cuts for us takes what is too large without a word: there a time-out may come before the look.
    if (tx !== "gso") {
      assertEquals(counters.timeouts, 0, "the refusal is what makes it go on, not a time-out");
    }
    assertEquals(await newestMss(lab), { offered: 1460, sends: NARROW - HEADERS_BYTES });

    const recording = await WireRecording.start(lab, file.path);
    await readsPattern(peer, 20_500_000);
    await peer.ask({ do: "abort" });
    await server.event("closed");
    await using second = new KernelPeer(lab);
    await second.ask({ do: "connect", port: 3333 });
    await readsPattern(second, 100_000);
    assertEquals(await newestMss(lab), { offered: NARROW - 40, sends: NARROW - HEADERS_BYTES });
    const frames = await recording.judge();
    const ours = frames.filter(({ source }) => source === lab.plan.tcplabAddress);
    // What the first one was to read may have been waiting in its kernel; the second one's is not.
    assert(ours.length > 100, `${ours.length} frames of ours`);
    for (const { frameLength } of ours) assertLessOrEqual(frameLength, NARROW + ETHERNET_BYTES);

    await setMtu(lab, 1500);
    // Looked at once a second, when frames come.
    let bytes = 100_000;
    await waitFor(async () => {
      await readsPattern(second, bytes += 100_000);
      return server.all("notice").some(({ message }) => message.includes("is 1500 bytes now"));
    }, { what: "the raised MTU is seen" });
    await using third = new KernelPeer(lab);
    await third.ask({ do: "connect", port: 3333 });
    await readsPattern(third, 100_000);
    assertEquals(await newestMss(lab), { offered: 1460, sends: 1500 - HEADERS_BYTES });
  });
}

for (const offloads of [false, true]) {
  const what = offloads
    ? "more is offered where the capture ring takes it"
    : "no more is offered than the ring takes";
  liveTest(`a device whose MTU is raised beyond what it was at the start: ${what}`, {
    needs: [...PEER_PROGRAMS],
    offloads,
  }, async (lab) => {
    await using server = await ServeProcess.start(lab, { args: ["--app", "echo"], quiet: true });
    for (const side of ["server", "client"] as const) await setMtu(lab, 9000, side);
    // The look at the device comes with frames, once a second, and some frame may have had it before the change.
    await waitFor(async () => {
      await using first = new KernelPeer(lab);
      await first.ask({ do: "connect", port: 3333 });
      return !offloads || server.all("notice").some(({ kind }) => kind === "mtu-changed");
    }, { what: "the raised MTU is seen" });
    await using second = new KernelPeer(lab);
    await second.ask({ do: "connect", port: 3333 });
    await second.ask({ do: "send", text: "hello" });
    assertEquals((await second.ask({ do: "receive", bytes: 5 })).text, "hello");
    assertEquals((await newestMss(lab)).offered, offloads ? 8960 : 1460);
    const { sent, received } = await second.ask({ do: "transfer", bytes: 2_000_000 });
    assertEquals(received, sent);
    assertEquals((await serverFigures(lab)).counters["drop-malformed-ipv4"] ?? 0, 0);
  });
}
