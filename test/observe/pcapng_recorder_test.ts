/**
 * The recorder: each frame once, in the order of the wire, and each comment on the frame that it is about.
 */
import { assertEquals } from "@std/assert";
import { memoryPair } from "../../src/link/memory_link.ts";
import { tapLink } from "../../src/link/tap.ts";
import { commentsIn, HAS_TSHARK, readBlocks, readPackets, tsharkFields } from "./capture_reading.ts";
import {
  ACK_IN,
  ACK_OUT,
  CLOSE,
  CLOSING,
  EXPIRED,
  EXPIRY,
  FIN,
  FIN_OUT,
  OPENING,
  recording,
  repeats,
  SYN,
  SYN_ACK,
} from "./recording.ts";
import { SAMPLE_CONNECTION, SAMPLE_TIME, sampleTransition } from "./sample_events.ts";
import { CLIENT, SERVER, tcpFrame } from "./sample_frames.ts";

Deno.test("recorder: a transition by a segment is a comment on that segment, though its answer was sent before", () => {
  const { recorder, packets } = recording();
  recorder.received(SYN, SYN.length, 5);
  recorder.sent(SYN_ACK, SYN_ACK.length, 0);
  recorder.observe(sampleTransition());
  recorder.receivedDone();
  assertEquals(packets(), [["in", 0x02, [OPENING]], ["out", 0x12, []]]);
});

Deno.test("recorder: a transition by the user is a comment on the segment that it names, and on no other", () => {
  const { recorder, packets } = recording();
  recorder.received(FIN, FIN.length, 5);
  recorder.observe(CLOSE);
  // A twin of the frame, of another segment; one of a segment without a number; an answer.
  recorder.sent(FIN_OUT, FIN_OUT.length, 0, 6);
  recorder.sent(FIN_OUT, FIN_OUT.length, 0, 0);
  recorder.sent(ACK_OUT, ACK_OUT.length, 0, 8);
  recorder.sent(FIN_OUT, FIN_OUT.length, 0, 7);
  recorder.sent(FIN_OUT, FIN_OUT.length, 0, 9);
  recorder.receivedDone();
  assertEquals(packets(), [
    ["in", 0x11, []],
    ["out", 0x19, []],
    ["out", 0x19, []],
    ["out", 0x10, []],
    ["out", 0x19, [CLOSING]],
    ["out", 0x19, []],
  ]);
});

Deno.test("recorder: a listener that opens is told of on the first frame that leads out of its LISTEN", () => {
  for (const listener of ["192.168.56.101:3333", "*:3333"]) {
    const { recorder, packets } = recording();
    for (const opened of [listener, "192.168.56.101:4444", "*:333"]) {
      recorder.observe(sampleTransition({
        connection: `${opened}-*:*`,
        from: "CLOSED",
        to: "LISTEN",
        recv: null,
        send: null,
        cause: "user",
        rule: "open.passive",
        rfc: "RFC 9293 §3.10.1",
      }));
    }
    for (let i = 0; i < 2; i++) {
      recorder.received(SYN, SYN.length, 5);
      if (i === 1) recorder.observe({ event: "drop", time: SAMPLE_TIME, reason: "checksum" });
      recorder.receivedDone();
    }
    for (let i = 0; i < 2; i++) {
      recorder.received(SYN, SYN.length, 5);
      recorder.observe(sampleTransition());
      recorder.receivedDone();
    }
    const opening = "before this frame: CLOSED -> LISTEN (user) open.passive RFC 9293 §3.10.1";
    assertEquals(packets(), [
      ["in", 0x02, []],
      ["in", 0x02, ["dropped: checksum"]],
      ["in", 0x02, [opening, OPENING]],
      ["in", 0x02, [OPENING]],
    ]);
  }
});

Deno.test("recorder: a listener's opening is found by its IPv6 address, and by that of all addresses", () => {
  const connection = "[2001:db8::101]:3333-[2001:db8::1]:51234";
  const opens = sampleTransition({ from: "CLOSED", to: "LISTEN", recv: null, send: null, cause: "user" });
  const opening = "before this frame: CLOSED -> LISTEN (user) arrives.listen.syn RFC 9293 §3.10.7.2";
  for (const listener of ["[2001:db8::101]:3333", "*:3333"]) {
    const { recorder, packets } = recording();
    for (const opened of [listener, "[2001:db8::102]:3333", "*:333"]) {
      recorder.observe({ ...opens, connection: `${opened}-*:*` });
    }
    recorder.received(SYN, SYN.length, 5);
    recorder.observe(sampleTransition({ connection }));
    recorder.receivedDone();
    assertEquals(packets(), [["in", 0x02, [opening, OPENING]]]);
  }
});

Deno.test("recorder: a change of state whose segment never left goes to the one that repeats it", () => {
  const { recorder, packets, file } = recording();
  recorder.observe(CLOSE);
  recorder.observe(repeats({ segment: 12, repeats: 7 }));
  recorder.sent(FIN_OUT, FIN_OUT.length, 0, 12);
  assertEquals(packets(), [["out", 0x19, [
    CLOSING,
    "retransmission (fin), sent again once, repeats segment 7",
  ]]]);
  recorder.finish();
  assertEquals(commentsIn(readBlocks(file())[3].options), []);
});

Deno.test("recorder: of ten thousand segments that never leave the last 256 are remembered, to the end of the file", () => {
  const { recorder, packets, file } = recording();
  for (let segment = 1; segment <= 10_000; segment++) {
    recorder.observe({ ...CLOSE, segment, connection: `c${segment}` });
    recorder.observe({ ...EXPIRY, connection: `gone${segment}` });
  }
  recorder.sent(FIN_OUT, FIN_OUT.length, 0, 9744);
  recorder.sent(FIN_OUT, FIN_OUT.length, 0, 9745);
  assertEquals(packets().map(([, , comments]) => comments), [[], [CLOSING]]);
  recorder.finish();
  const left = commentsIn(readBlocks(file())[4].options);
  assertEquals([left.length, left.at(-1)], [256, `c10000: ${CLOSING}`]);
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

Deno.test("recorder: a retransmission is marked on the segment that repeats, with the frame that it repeats", () => {
  const { recorder, packets } = recording();
  // Numbers of segments do not end at 32 bits.
  const first = 2 ** 32 - 1;
  recorder.sent(SYN_ACK, SYN_ACK.length, 0, first);
  recorder.observe(repeats({ kind: "syn-ack", segment: first + 2, repeats: first, count: 2 }));
  recorder.sent(ACK_OUT, ACK_OUT.length, 0, first + 1);
  recorder.sent(SYN_ACK, SYN_ACK.length, 0, first + 2);
  recorder.received(ACK_IN, ACK_IN.length, 5);
  recorder.observe({ event: "drop", time: SAMPLE_TIME, reason: "checksum" });
  // Of another second, and of many.
  recorder.observe({ event: "drop", time: SAMPLE_TIME, reason: "outside-window", count: 2 });
  recorder.receivedDone();
  recorder.observe(repeats({ kind: "rto", segment: first + 4, repeats: first + 2, count: 3 }));
  recorder.observe(repeats({ kind: "probe", segment: first + 5, count: 11 }));
  for (let i = 4; i < 6; i++) recorder.sent(ACK_OUT, ACK_OUT.length, 0, first + i);
  assertEquals(packets(), [
    ["out", 0x12, []],
    ["out", 0x10, []],
    ["out", 0x12, [`retransmission (syn-ack), sent again 2 times so far, repeats frame 1, segment ${first}`]],
    ["in", 0x10, ["dropped: checksum"]],
    ["out", 0x10, [`retransmission (rto), sent again 3 times so far, repeats frame 3, segment ${first + 2}`]],
    ["out", 0x10, ["retransmission (probe), sent again 11 times so far"]],
  ]);
});

Deno.test("recorder: how often something was sent again is told in the log's words, whatever the number", () => {
  const { recorder, packets } = recording();
  for (const count of [1, 2, 11, 21, 113]) {
    recorder.observe(repeats({ segment: count, count }));
    recorder.sent(FIN_OUT, FIN_OUT.length, 0, count);
  }
  assertEquals(
    packets().map(([, , comments]) => comments),
    ["once", ...[2, 11, 21, 113].map((count) => `${count} times so far`)]
      .map((times) => [`retransmission (fin), sent again ${times}`]),
  );
});

Deno.test("recorder: the number of the frame that is repeated is known for 16,384 segments", () => {
  const { recorder, file } = recording();
  const most = 0x4000;
  for (let segment = 1; segment <= most; segment++) recorder.sent(ACK_OUT, ACK_OUT.length, 0, segment);
  for (const segment of [most + 1, most + 2]) {
    recorder.observe(repeats({ segment, repeats: 1 }));
    recorder.sent(ACK_OUT, ACK_OUT.length, 0, segment);
  }
  recorder.finish();
  const said = "retransmission (fin), sent again once, repeats";
  assertEquals(readPackets(file()).flatMap(({ comments }) => comments), [
    `${said} frame 1, segment 1`,
    `${said} segment 1`,
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
    server.send(FIN_OUT, FIN_OUT.length, 0, 7);
    recorder.finish();
    const rows = await tsharkFields(file(), ["tcp.flags", "tcp.checksum.status", "frame.comment"]);
    assertEquals(rows, [["0x0002", "1", OPENING], ["0x0012", "1", ""], ["0x0019", "1", CLOSING]]);
  },
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

Deno.test("recorder: what our own faults lost stands in its place of time among what came and what left", () => {
  const epochUs = 1_600_000_000_000_000;
  // The link's own clock is ten seconds behind, and a time beyond now cannot be.
  const { recorder, file } = recording({ epochUs, arrivedUs: (capturedUs) => capturedUs + 10_000_000 });
  const lost = (us: number, nowUs: number) =>
    recorder.faulted({
      direction: "in",
      frame: SYN,
      length: SYN.length,
      nowUs,
      capturedUs: us - 10_000_000,
      faults: ["drop"],
      reason: "queue-full",
      touch: 1,
      label: 0,
      delayUs: 0,
    });
  recorder.looking();
  lost(90, 95);
  recorder.received(ACK_IN, ACK_IN.length, 1);
  recorder.arrived(100);
  recorder.sent(ACK_OUT, ACK_OUT.length, 0, 0);
  recorder.receivedDone();
  recorder.looked(true);
  recorder.departing(120);
  recorder.looking();
  lost(110, 160);
  lost(150, 160);
  lost(170, 165);
  assertEquals(recorder.isHolding, true);
  recorder.looked(true);
  assertEquals(recorder.isHolding, false);
  recorder.finish();
  assertEquals(
    readPackets(file()).map(({ direction, timestampUs, comments }) => [
      direction,
      timestampUs - epochUs,
      comments,
    ]),
    [
      ["in", 90, ["fault drop in: lost, the path's queue is full"]],
      ["in", 100, []],
      ["in", 110, ["fault drop in: lost, the path's queue is full"]],
      ["out", 120, []],
      ["in", 150, ["fault drop in: lost, the path's queue is full"]],
      ["in", 165, ["fault drop in: lost, the path's queue is full"]],
    ],
  );
});
