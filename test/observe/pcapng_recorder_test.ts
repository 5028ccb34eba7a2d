/**
 * The recorder: each frame once, in the order of the wire, and each comment on the frame that it is about.
 */
import { assert, assertEquals } from "@std/assert";
import { memoryPair } from "../../src/link/memory_link.ts";
import { tapLink } from "../../src/link/tap.ts";
import { PcapngRecorder } from "../../src/observe/pcapng_recorder.ts";
import { commentsIn, HAS_TSHARK, readBlocks, readPackets, tsharkFields } from "./capture_reading.ts";
import { SAMPLE_CONNECTION, SAMPLE_TIME, sampleTransition } from "./sample_events.ts";
import { CLIENT, SERVER, tcpFrame } from "./sample_frames.ts";

function recording(options: Partial<ConstructorParameters<typeof PcapngRecorder>[0]> = {}) {
  const bytes: number[] = [];
  const errors: unknown[] = [];
  const clock = { nowUs: 1_700_000_000_000_000 };
  const recorder = new PcapngRecorder({
    write: (chunk) => {
      for (const byte of chunk) bytes.push(byte);
      return chunk.length;
    },
    onError: (error) => errors.push(error),
    nowEpochUs: () => clock.nowUs++,
    device: "veth0",
    application: "tcplab test",
    ...options,
  });
  /** Direction, flags byte, comments of each packet so far. */
  const packets = () => {
    recorder.flush();
    return readPackets(Uint8Array.from(bytes)).map((
      { direction, frame, comments },
    ) => [direction, frame[47], comments]);
  };
  return { recorder, packets, errors, clock, file: () => Uint8Array.from(bytes) };
}

const SYN = tcpFrame(CLIENT, SERVER, { flags: ["SYN"] });
const SYN_ACK = tcpFrame(SERVER, CLIENT, { flags: ["SYN", "ACK"], seq: 5000 });
const FIN = tcpFrame(CLIENT, SERVER, { flags: ["FIN", "ACK"], seq: 1001 });
const ACK_OUT = tcpFrame(SERVER, CLIENT, { flags: ["ACK"], seq: 5001 });
const ACK_IN = tcpFrame(CLIENT, SERVER, { flags: ["ACK"], seq: 1001 });
const FIN_OUT = tcpFrame(SERVER, CLIENT, { flags: ["FIN", "PSH", "ACK"], seq: 5001, payloadBytes: 3 });

const OPENING = "LISTEN -> SYN_RCVD (recv SYN, send SYN,ACK) arrives.listen.syn RFC 9293 §3.10.7.2";
const CLOSE = sampleTransition({
  from: "CLOSE_WAIT",
  to: "LAST_ACK",
  recv: null,
  send: ["FIN", "ACK"],
  cause: "user",
  rule: "user.close",
  rfc: "RFC 9293 §3.10.4",
});
const CLOSING = "CLOSE_WAIT -> LAST_ACK (user, send FIN,ACK) user.close RFC 9293 §3.10.4";
const EXPIRY = sampleTransition({
  from: "TIME_WAIT",
  to: "CLOSED",
  recv: null,
  send: null,
  cause: "deadline",
  rule: "time-wait.timeout",
  rfc: "RFC 9293 §3.10.8",
});
const EXPIRED = "TIME_WAIT -> CLOSED (deadline) time-wait.timeout RFC 9293 §3.10.8";

Deno.test("recorder: a transition by a segment is a comment on that segment, though its answer was sent before", () => {
  const { recorder, packets } = recording();
  recorder.received(SYN, SYN.length, 5);
  recorder.sent(SYN_ACK, SYN_ACK.length, 0);
  recorder.observe(sampleTransition());
  recorder.receivedDone();
  assertEquals(packets(), [["in", 0x02, [OPENING]], ["out", 0x12, []]]);
});

Deno.test("recorder: a transition by the user is a comment on the segment sent for it, not on another", () => {
  for (const isToldFirst of [true, false]) {
    const { recorder, packets } = recording();
    recorder.received(FIN, FIN.length, 5);
    if (isToldFirst) recorder.observe(CLOSE);
    recorder.sent(ACK_OUT, ACK_OUT.length, 0);
    recorder.sent(FIN_OUT, FIN_OUT.length, 0);
    if (!isToldFirst) recorder.observe(CLOSE);
    recorder.receivedDone();
    assertEquals(packets(), [["in", 0x11, []], ["out", 0x10, []], ["out", 0x19, [CLOSING]]]);
  }
});

Deno.test("recorder: a transition waits for its own connection's segment", () => {
  const { recorder, packets } = recording();
  const other = tcpFrame(SERVER, { ...CLIENT, port: 51235 }, { flags: ["FIN", "ACK"] });
  recorder.observe(CLOSE);
  recorder.sent(other, other.length, 0);
  recorder.sent(FIN_OUT, FIN_OUT.length, 0);
  assertEquals(packets(), [["out", 0x11, []], ["out", 0x19, [CLOSING]]]);
});

Deno.test("recorder: a transition without any segment marks the connection's next frame", () => {
  const { recorder, packets } = recording();
  recorder.observe(sampleTransition({
    connection: "192.168.56.101:3333-*",
    from: "CLOSED",
    to: "LISTEN",
    recv: null,
    send: null,
    cause: "user",
    rule: "user.open.passive",
    rfc: "RFC 9293 §3.10.1",
  }));
  recorder.received(SYN, SYN.length, 5);
  recorder.receivedDone();
  assertEquals(packets(), [["in", 0x02, [
    "before this frame: CLOSED -> LISTEN (user) user.open.passive RFC 9293 §3.10.1",
  ]]]);
});

Deno.test("recorder: what has no frame, or never finds it, is told at the end of the file", () => {
  const { recorder, file } = recording({ statistics: () => ({ received: 3, dropped: 1 }) });
  recorder.observe(EXPIRY);
  recorder.observe(CLOSE);
  recorder.received(SYN, SYN.length, 5);
  recorder.receivedDone();
  recorder.finish();
  recorder.finish();
  const blocks = readBlocks(file());
  assertEquals(blocks.map(({ type }) => type), [0x0a0d0d0a, 1, 6, 5]);
  assertEquals(commentsIn(blocks[2].options), []);
  assertEquals(commentsIn(blocks[3].options), [
    `${SAMPLE_CONNECTION}: ${EXPIRED}`,
    `${SAMPLE_CONNECTION}: ${CLOSING}`,
  ]);
});

Deno.test("recorder: a retransmission is marked on the segment that repeats, drops on the dropped frame", () => {
  const { recorder, packets } = recording();
  recorder.sent(SYN_ACK, SYN_ACK.length, 0);
  recorder.observe({
    event: "retransmit",
    time: SAMPLE_TIME,
    connection: SAMPLE_CONNECTION,
    kind: "syn-ack",
    relSeq: 0,
    seq: 5000,
    length: 0,
    count: 2,
  });
  recorder.sent(ACK_OUT, ACK_OUT.length, 0);
  recorder.sent(SYN_ACK, SYN_ACK.length, 0);
  recorder.received(ACK_IN, ACK_IN.length, 5);
  recorder.observe({ event: "drop", time: SAMPLE_TIME, reason: "checksum" });
  recorder.receivedDone();
  assertEquals(packets(), [
    ["out", 0x12, []],
    ["out", 0x10, []],
    ["out", 0x12, ["retransmission (syn-ack), 2nd time"]],
    ["in", 0x10, ["dropped: checksum"]],
  ]);
});

Deno.test("recorder: a large segment tells where it is cut", () => {
  const { recorder, packets } = recording();
  const frame = tcpFrame(SERVER, CLIENT, { flags: ["ACK"], payloadBytes: 60000 });
  recorder.sent(frame, frame.length, 1448);
  const comment = "one send, cut into segments of 1448 bytes on the wire, which then get their checksums";
  assertEquals(packets(), [["out", 0x10, [comment]]]);
});

Deno.test("recorder: times are the capture's for received frames, the clock's for sent ones", () => {
  const { recorder, file } = recording();
  recorder.received(SYN, SYN.length, 1_699_999_999_000_001);
  recorder.sent(SYN_ACK, SYN_ACK.length, 0);
  recorder.receivedDone();
  recorder.flush();
  assertEquals(readPackets(file()).map(({ timestampUs }) => timestampUs), [
    1_699_999_999_000_001,
    1_700_000_000_000_000,
  ]);
});

Deno.test("recorder: frames that are no TCP, or broken, are kept like all others", () => {
  const { recorder, file } = recording();
  recorder.observe(CLOSE);
  for (const frame of [new Uint8Array(0), Uint8Array.of(1), SYN.subarray(0, 30), new Uint8Array(60)]) {
    recorder.received(frame, frame.length, 1);
    recorder.receivedDone();
    recorder.sent(frame, frame.length, 0);
  }
  recorder.finish();
  assertEquals(readPackets(file()).map(({ frame }) => frame.length), [0, 0, 1, 1, 30, 30, 60, 60]);
});

Deno.test("recorder: a burst longer than what is held, in order and with every frame", () => {
  const { recorder, file } = recording();
  recorder.received(ACK_IN, ACK_IN.length, 1);
  const frames = Array.from(
    { length: 1000 },
    (_, i) => tcpFrame(SERVER, CLIENT, { flags: ["ACK"], seq: i, payloadBytes: 1400 }),
  );
  for (const frame of frames) recorder.sent(frame, frame.length, 0);
  recorder.receivedDone();
  recorder.finish();
  const packets = readPackets(file());
  assertEquals(packets.map(({ direction }) => direction), ["in", ...frames.map(() => "out" as const)]);
  packets.slice(1).forEach(({ frame }, i) => assertEquals(frame, frames[i]));
});

Deno.test("recorder: a full disk is one error, and the end of the recording only", () => {
  let room = 1000;
  const { recorder, errors } = recording({
    write: (chunk) => {
      if (room === 0) throw new Error("No space left on device");
      const taken = Math.min(room, chunk.length);
      room -= taken;
      return taken;
    },
  });
  for (let i = 0; i < 5000; i++) {
    recorder.received(SYN, SYN.length, i);
    recorder.observe(sampleTransition());
    recorder.sent(SYN_ACK, SYN_ACK.length, 0);
    recorder.receivedDone();
  }
  recorder.finish();
  assertEquals(errors.map(String), ["Error: No space left on device"]);
  assert(recorder.isStopped);
});

Deno.test("recorder: of a full disk it is told how many bytes belong to a block that is not whole", () => {
  for (let room = 0; room < 1000; room += 7) {
    const taken: number[] = [];
    let torn = NaN;
    const { recorder } = recording({
      write: (chunk) => {
        if (taken.length === room) throw new Error("No space left on device");
        const part = chunk.subarray(0, Math.min(room - taken.length, 100));
        taken.push(...part);
        return part.length;
      },
      onError: (_error, tornBytes) => torn = tornBytes,
    });
    for (let i = 0; i < 20; i++) {
      recorder.sent(SYN_ACK, SYN_ACK.length, 0);
      if (i === 3) recorder.flush();
    }
    recorder.flush();
    assertEquals(taken.length, room);
    const whole = readBlocks(Uint8Array.from(taken.slice(0, room - torn)));
    // The next block would not have fitted.
    assert(torn < 200 && (whole.length > 1 || room < 200), `${room} bytes, ${torn} of them torn`);
  }
});

Deno.test("recorder: files of a limit hold each frame once, comments go on to their frames in the next", () => {
  const files: Uint8Array[] = [];
  let bytes: number[] = [];
  const limitBytes = 700;
  const { recorder } = recording({
    write: (chunk) => {
      bytes.push(...chunk);
      return chunk.length;
    },
    limitBytes,
    onLimit: () => {
      files.push(Uint8Array.from(bytes));
      bytes = [];
      return true;
    },
  });
  // It waits for its frame, which comes in a later file.
  recorder.observe(CLOSE);
  for (let i = 0; i < 50; i++) {
    recorder.sent(ACK_OUT, ACK_OUT.length, 0);
    recorder.observe(EXPIRY);
  }
  recorder.sent(FIN_OUT, FIN_OUT.length, 0);
  recorder.finish();
  files.push(Uint8Array.from(bytes));
  assert(files.length > 5);
  const packets = files.flatMap(readPackets);
  assertEquals(packets.length, 51);
  assertEquals(packets[50].comments, [CLOSING]);
  for (const file of files) {
    assert(file.length <= limitBytes, `${file.length} bytes`);
    assertEquals(readBlocks(file).map(({ type }) => type).filter((type) => type !== 6), [0x0a0d0d0a, 1, 5]);
  }
});

Deno.test("recorder: a frame larger than the limit is kept alone", () => {
  const files: number[] = [];
  const { recorder, file } = recording({ limitBytes: 500, onLimit: () => files.push(1) > 0 });
  const large = tcpFrame(SERVER, CLIENT, { flags: ["ACK"], payloadBytes: 1400 });
  for (let i = 0; i < 3; i++) recorder.sent(large, large.length, 0);
  recorder.finish();
  assertEquals([files.length, readPackets(file()).length], [2, 3]);
});

Deno.test("recorder: a sink that takes nothing is a full disk too", () => {
  const { recorder, errors } = recording({ write: () => 0 });
  recorder.flush();
  recorder.flush();
  assertEquals(errors.length, 1);
});

Deno.test({
  name: "recorder: on a tapped link, tshark shows each frame with its state change",
  ignore: !HAS_TSHARK,
  fn: async () => {
    const { recorder, file, clock } = recording();
    const [client, wire] = memoryPair({ nowUs: () => clock.nowUs++ });
    const server = tapLink(wire, recorder);
    client.send(SYN, SYN.length);
    server.receive(() => {
      recorder.observe(sampleTransition());
      server.send(SYN_ACK, SYN_ACK.length);
    }, 10);
    recorder.observe(CLOSE);
    server.send(FIN_OUT, FIN_OUT.length);
    recorder.finish();
    const rows = await tsharkFields(file(), ["tcp.flags", "tcp.checksum.status", "frame.comment"]);
    assertEquals(rows, [["0x0002", "1", OPENING], ["0x0012", "1", ""], ["0x0019", "1", CLOSING]]);
  },
});

Deno.test("recorder: IPv6 connections are found by their names too", () => {
  const { recorder, file } = recording();
  const server = { address: "2001:db8::101", port: 3333 };
  const client = { address: "2001:db8::1", port: 4000 };
  const frame = tcpFrame(server, client, { flags: ["FIN", "ACK"] });
  recorder.observe({ ...CLOSE, connection: "[2001:db8::101]:3333-[2001:db8::1]:4000" });
  recorder.sent(frame, frame.length, 0);
  recorder.finish();
  assertEquals(readPackets(file())[0].comments, [CLOSING]);
});

Deno.test("recorder: frames stand in order of time, also one that was captured before an answer left and taken after", () => {
  const epochUs = 1_600_000_000_000_000;
  const { recorder, file } = recording({ epochUs });
  const times = () => {
    recorder.flush();
    return readPackets(file()).map((
      { direction, timestampUs },
    ) => [direction, Number(timestampUs) - epochUs]);
  };
  const comes = (us: number) => {
    recorder.received(ACK_IN, ACK_IN.length, 12345);
    recorder.arrived(us);
    recorder.receivedDone();
  };
  recorder.looking();
  comes(100);
  recorder.sent(ACK_OUT, ACK_OUT.length, 0);
  recorder.looked(false);
  recorder.departing(150);
  assertEquals([times(), recorder.isHolding, recorder.isOpen], [[["in", 100]], true, false]);
  recorder.looking();
  comes(140);
  comes(160);
  // One that shows late never makes time run back.
  comes(155);
  recorder.looked(true);
  assertEquals(times(), [["in", 100], ["in", 140], ["out", 150], ["in", 160], ["in", 160]]);
  recorder.sent(ACK_OUT, ACK_OUT.length, 0);
  recorder.departing(200);
  recorder.end();
  assertEquals(times().at(-1), ["out", 200]);
});
