/**
 * A path that is narrower than both ends: ICMP "fragmentation needed" from the kernel on the other end, and what tcplab
 * makes of it (RFC 1191).
 */
import { assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { filterAtClient } from "./client_conditions.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { serverFigures } from "./server_figures.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";
import { assertOursAreRight } from "./wire_verdict.ts";

/** Larger packets are refused. */
const MOST_PACKET_BYTES = 1000;
/** The largest of RFC 1191 §7.1's plateaus that passes, less the headers with timestamps. */
const PLATEAU_SEND_MSS = 508 - 52;
const ETHERNET_BYTES = 14;

liveTest("packets become smaller where the path says that they are too large", {
  needs: [...PEER_PROGRAMS, ...JUDGE_PROGRAMS, "nft"],
  offloads: false,
}, async (lab) => {
  await using file = await scratchFile(".pcapng");
  await using server = await ServeProcess.start(lab, { args: ["--app", "chargen"], quiet: true });
  await using peer = new KernelPeer(lab);
  const tooLarge = `ip length > ${MOST_PACKET_BYTES}`;
  // This message does not say how large a packet may be: the plateaus are tried one after the other.
  await filterAtClient(lab, [`input tcp sport 3333 ${tooLarge} reject with icmp type frag-needed`]);
  const recording = await WireRecording.start(lab, file.path);
  await peer.ask({ do: "connect", port: 3333 });
  const bytes = 300_000;
  const read = await peer.ask({ do: "pattern", bytes });
  assertEquals([read.wrongAt, read.received], [null, read.expected]);
  const { connections: [connection], counters } = await serverFigures(lab);
  assertGreater(connection.sendMss, PLATEAU_SEND_MSS);
  assertLessOrEqual(connection.sendMss + 52, MOST_PACKET_BYTES);
  assertEquals(counters.timeouts, 0, "the message is what makes it go on, not a time-out");
  await peer.ask({ do: "abort" });
  await server.event("closed");

  const frames = await recording.judge();
  assertOursAreRight(frames, { ours: lab.plan.tcplabAddress });
  const ours = frames.filter(({ source }) => source === lab.plan.tcplabAddress);
  const large = ours.filter(({ frameLength }) => frameLength > MOST_PACKET_BYTES + ETHERNET_BYTES);
  assertLess(large.length, 60, "only what was under way before the messages came");
});
