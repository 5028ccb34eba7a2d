/**
 * The lab: a kernel client connects, sleeps, closes; seven frames, and the lab's path of states.
 */
import { assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { kernelClientCommand } from "../../src/cli/self_command.ts";
import type { RetransmitEvent } from "../../src/tcp/events.ts";
import { compiledBinary, liveTest, scratchFile } from "./private_lab.ts";
import { undisturbed } from "./sent_again.ts";
import { ServeProcess } from "./serve_process.ts";
import { JUDGE_PROGRAMS, type JudgedFrame, WireRecording } from "./wire_judge.ts";

/** The lab's offloads are off, so that every frame carries the checksum that a real wire would carry. */
const STORY_LAB = { offloads: false, needs: [...JUDGE_PROGRAMS, "ethtool"] };

/** The lab's table, server side: from, to, received, sent. */
const LAB_PATH = [
  ["LISTEN", "SYN_RCVD", "SYN", "SYN,ACK"],
  ["SYN_RCVD", "ESTABLISHED", "ACK", ""],
  ["ESTABLISHED", "CLOSE_WAIT", "FIN,ACK", "ACK"],
  ["CLOSE_WAIT", "LAST_ACK", "", "FIN,ACK"],
  ["LAST_ACK", "CLOSED", "ACK", ""],
];

/** What is on the wire, and what the log says was sent again. */
interface Course {
  readonly frames: readonly JudgedFrame[];
  readonly sentAgain: readonly RetransmitEvent[];
}

async function playLab(lab: PrivateLab, program?: readonly string[]): Promise<readonly JudgedFrame[]> {
  await using file = await scratchFile(".pcapng");
  const { frames, sentAgain } = await undisturbed(file.path, () => playOnce(lab, file.path, program));
  assertEquals(sentAgain, []);
  return frames;
}

async function playOnce(lab: PrivateLab, path: string, program?: readonly string[]): Promise<Course> {
  await using server = await ServeProcess.start(lab, {
    args: ["--port", "3333"],
    ...(program && { program }),
  });
  const recording = await WireRecording.start(lab, path);
  const address = lab.plan.tcplabAddress;
  const words = [...kernelClientCommand(), address, "3333", "--sleep", "0.3"];
  const client = await lab.run({ side: "client", words });
  assertEquals([client.code, client.stdout], [0, ""], client.stderr);

  const closed = await server.event("closed");
  assertEquals(closed.reason, "normal");
  assertEquals([closed.bytesIn, closed.bytesOut], [0, 0]);
  assertEquals(
    closed.connection.startsWith(`${address}:3333-${lab.plan.addresses.client}:`),
    true,
    closed.connection,
  );
  const states = server.all("transition").filter((event) => event.connection === closed.connection)
    .map(({ from, to, recv, send }) => [from, to, (recv ?? []).join(), (send ?? []).join()]);
  assertEquals(states, LAB_PATH, server.tail());

  const frames = await recording.judge();
  const result = await server.stop();
  assertEquals(result.code, 0, result.stderr);
  assertEquals(server.all("summary").length, 1);
  return { frames, sentAgain: server.all("retransmit") };
}

function judgeLabFrames(frames: readonly JudgedFrame[], lab: PrivateLab): void {
  const client = lab.plan.addresses.client;
  const seen = frames.map((frame) => `${frame.source === client ? "client" : "server"} ${frame.flags}`);
  assertEquals(seen, [
    "client SYN",
    "server SYN,ACK",
    "client ACK",
    "client FIN,ACK",
    "server ACK",
    "server FIN,ACK",
    "client ACK",
  ]);
  const numbers = frames.map((frame) => `${frame.relSeq}/${frame.relAck}`);
  assertEquals(numbers, ["0/0", "0/1", "1/1", "1/1", "1/2", "1/2", "2/2"]);
  for (const frame of frames) {
    const where = `frame ${frame.number} (${frame.flags})`;
    assertEquals([frame.tcpChecksum, frame.ipChecksum], ["good", "good"], `checksums of ${where}`);
    assertEquals(frame.malformed, false, where);
    assertEquals(frame.analysis, [], `tshark's analysis of ${where}`);
  }
}

liveTest("the lab: seven frames in order, and the lab's path", STORY_LAB, async (lab) => {
  judgeLabFrames(await playLab(lab), lab);
});

const binary = compiledBinary();
const missing = binary === null ? "no compiled binary: deno task compile, or TCPLAB_BINARY" : null;

liveTest("the lab with the compiled binary", { ...STORY_LAB, missing }, async (lab) => {
  judgeLabFrames(await playLab(lab, [binary ?? ""]), lab);
});
