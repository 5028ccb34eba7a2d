/**
 * Windows that are shut, with the kernel's own TCP on the other end: a client that does not read, and a server that
 * does not.
 */
import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { JUDGE_PROGRAMS, type JudgedFrame, WireRecording } from "./wire_judge.ts";
import { assertOursAreRight } from "./wire_verdict.ts";

const NEEDS = { needs: [...PEER_PROGRAMS, ...JUDGE_PROGRAMS], offloads: false };
const CLIENT_BUFFER = 16384;
const SERVER_BUFFER = 32768;
/** What a timer may be early: times are rounded. */
const TIMER_S = 0.001;

function found(frames: readonly JudgedFrame[], finding: string): JudgedFrame[] {
  return frames.filter((frame) => frame.analysis.includes(`tcp.analysis.${finding}`));
}

liveTest("a client that does not read is probed, and gets everything once it reads", NEEDS, async (lab) => {
  await using file = await scratchFile(".pcapng");
  await using server = await ServeProcess.start(lab, {
    args: ["--app", "chargen", "--rto-min", "0.05", "-v"],
  });
  await using peer = new KernelPeer(lab);
  const recording = await WireRecording.start(lab, file.path);
  await peer.ask({ do: "connect", port: 3333, receiveBuffer: CLIENT_BUFFER });
  const fourth = await server.event("retransmit", ({ kind, count }) => kind === "probe" && count === 4);
  const past = server.events.slice(0, server.events.indexOf(fourth) + 1);
  const times = past.flatMap((event) =>
    event.event === "retransmit" && event.kind === "probe" ? [event.time] : []
  ).slice(-4);
  // Each is waited for twice as long as the one before; a busy machine sends it later than that, and never sooner.
  const waits = past.flatMap((event) =>
    event.event === "timer" && event.timer === "persist" && event.inUs !== undefined ? [event.inUs / 1e6] : []
  ).slice(-3);
  assertEquals(waits.slice(1), waits.slice(0, 2).map((wait) => 2 * wait));
  for (const [at, wait] of waits.entries()) {
    assertGreater(times[at + 1] - times[at], wait - TIMER_S, `the probes' times: ${times}`);
  }
  const bytes = 2_000_000;
  const read = await peer.ask({ do: "pattern", bytes, toEnd: true });
  assertGreaterOrEqual(read.bytes ?? 0, bytes);
  assertEquals([read.wrongAt, read.received], [null, read.expected]);
  const closed = await server.event("closed");
  assertEquals([closed.reason, closed.bytesOut], ["normal", read.bytes]);

  const frames = await recording.judge();
  assertOursAreRight(frames, { ours: lab.plan.tcplabAddress });
  const ours = frames.filter(({ source }) => source === lab.plan.tcplabAddress);
  assertGreater(found(frames, "zero_window").length, 0, "the client's window was shut");
  assertLessOrEqual(Math.max(...ours.map(({ length }) => length)), 1460);
});

liveTest("a server that does not read shuts its window, and answers every probe", NEEDS, async (lab) => {
  await using file = await scratchFile(".pcapng");
  const args = ["--app", "hold", "--recv-buffer", String(SERVER_BUFFER)];
  await using server = await ServeProcess.start(lab, { args });
  await using peer = new KernelPeer(lab);
  const recording = await WireRecording.start(lab, file.path);
  await peer.ask({ do: "connect", port: 3333, sendBuffer: 65536 });
  // Far more than both buffers hold: the kernel stops taking when ours is full.
  const { bytes: taken = 0 } = await peer.ask({ do: "push", bytes: 10_000_000, withinMs: 1500 });
  assertLessOrEqual(taken, 1_000_000);
  // However late a busy machine fills the buffers, and however long the kernel waits from one probe to the next.
  let isShut = false;
  let asked = 0;
  await server.event("segment", ({ direction, window, length }) => {
    if (direction === "send") isShut ||= window === 0;
    else if (isShut && length === 0) asked++;
    return asked === 2;
  });
  const info = await peer.ask({ do: "info" });
  assertEquals(info.state, 1, "ESTABLISHED");
  assertEquals(server.all("closed"), []);
  await peer.ask({ do: "abort" });
  const closed = await server.event("closed");
  assertEquals(closed.reason, "reset-by-peer");
  assertLessOrEqual(closed.bytesIn, SERVER_BUFFER);
  assertGreater(closed.bytesIn, SERVER_BUFFER / 2);

  const frames = await recording.judge();
  // It has nothing to send, and so nothing to send again.
  assertEquals(server.all("retransmit"), []);
  assertOursAreRight(frames, { ours: lab.plan.tcplabAddress, sentAgain: { told: [], lost: 0 } });
  const { client } = lab.plan.addresses;
  const shut = frames.findIndex(({ source, window }) => source === lab.plan.tcplabAddress && window === 0);
  assertGreater(shut, 0, "our window was shut");
  const after = frames.slice(shut).filter(({ flags }) => !flags.includes("RST"));
  const answers = after.filter(({ source }) => source === lab.plan.tcplabAddress);
  assert(answers.every(({ window, length }) => window === 0 && length === 0), "the window stays shut");
  // The kernel probes with the last number that was acknowledged, and no data.
  const edge = answers[answers.length - 1].relAck;
  const isProbe = ({ source, relSeq, length }: JudgedFrame) =>
    source === client && relSeq === edge - 1 && length === 0;
  const first = after.findIndex(isProbe);
  const probes = after.filter(isProbe).length;
  assertGreaterOrEqual(probes, 2, "the client has probed");
  // On a busy machine the client may probe again before the answer comes, or give up on the last one.
  const unanswered = isProbe(after[after.length - 1]) ? 1 : 0;
  const answered = after.slice(first).filter(({ source, relAck }) =>
    source === lab.plan.tcplabAddress && relAck === edge
  );
  assertGreaterOrEqual(answered.length, probes - unanswered, "every probe is answered");
});
