/**
 * A flood of SYNs from addresses that do not exist, and real clients in the middle of it: SYN cookies (RFC 4987).
 */
import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { serverFigures } from "./server_figures.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";
import { assertOursAreRight } from "./wire_verdict.ts";

const BACKLOG = 16;
const BYTES = 200_000;
/** The flood of hping3: a SYN every half millisecond, with a bound far beyond what the test needs. */
const FLOOD = ["hping3", "-q", "-n", "-S", "-p", "3333", "--rand-source", "-i", "u500", "-c", "200000"];

liveTest("real clients are served in a flood of SYNs", {
  needs: [...PEER_PROGRAMS, ...JUDGE_PROGRAMS, "hping3"],
  offloads: false,
}, async (lab) => {
  await using file = await scratchFile(".pcapng");
  await using server = await ServeProcess.start(lab, { args: ["--backlog", String(BACKLOG)] });
  await using peer = new KernelPeer(lab);
  const recording = await WireRecording.start(lab, file.path);
  const flood = lab.spawn({ side: "client", words: [...FLOOD, lab.plan.tcplabAddress] });
  await server.event("segment", ({ rule }) => rule === "arrives.listen.cookie-sent");
  for (const timestamps of [1, 0]) {
    await peer.ask({ do: "kernel", settings: { tcp_timestamps: timestamps } });
    for (let round = 0; round < 3; round++) {
      await peer.ask({ do: "connect", port: 3333 });
      const info = await peer.ask({ do: "info" });
      // What the client offered is kept in the timestamp; without timestamps only the MSS is (RFC 4987 §3.6).
      const kept = timestamps === 1;
      assertEquals([info.timestamps, info.sack, info.windowScaling], [kept, kept, kept]);
      assertEquals(info.sendMss, kept ? 1448 : 1460);
      const echoed = await peer.ask({ do: "transfer", bytes: BYTES });
      assertEquals([echoed.bytes, echoed.received], [BYTES, echoed.sent]);
    }
  }
  const { connections, counters } = await serverFigures(lab);
  assert(!flood.ended, "the flood went on all the time");
  await flood.stop();
  assertLessOrEqual(connections.filter(({ state }) => state === "SYN_RCVD").length, BACKLOG);
  assertGreater(counters["syn-cookies-sent"], 100);
  assertGreaterOrEqual(counters["syn-cookies-good"], 6);
  assertEquals(counters["syn-dropped"], 0);
  // The flood fills the log, which is read behind it.
  let ended = 0;
  await server.event("closed", ({ reason }) => reason === "normal" && ++ended === 6);
  const closed = server.all("closed").filter(({ reason }) => reason === "normal");
  assertEquals(closed.map(({ bytesIn, bytesOut }) => [bytesIn, bytesOut]), Array(6).fill([BYTES, BYTES]));
  assertEquals(server.stderr, "");
  assertOursAreRight(await recording.judge(), { ours: lab.plan.tcplabAddress });
});
