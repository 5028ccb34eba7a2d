/** Events for tests: a few by hand, and fast-check arbitraries of every kind. Owns no expectation. */
import fc from "fast-check";
import type { FlagName, SegmentEvent, TcpEvent, TransitionEvent } from "../../src/tcp/events.ts";
import { TCP_STATES } from "../../src/tcp/state.ts";

/** 2023-11-14 22:13:20 UTC, and a bit. */
export const SAMPLE_TIME = 1_700_000_000.123456;
export const SAMPLE_CONNECTION = "192.168.56.101:3333-192.168.56.1:51234";

export function sampleSegment(changes: Partial<SegmentEvent> = {}): SegmentEvent {
  return {
    event: "segment",
    time: SAMPLE_TIME,
    connection: SAMPLE_CONNECTION,
    direction: "recv",
    flags: ["SYN"],
    seq: 3735928559,
    ack: 0,
    relSeq: 0,
    relAck: 0,
    window: 64240,
    length: 0,
    options: { mss: 1460, sackPermitted: true, timestamps: { value: 1234567, echo: 0 }, windowScale: 7 },
    state: "SYN_RCVD",
    rule: "arrives.listen.syn",
    ...changes,
  };
}

export function sampleTransition(changes: Partial<TransitionEvent> = {}): TransitionEvent {
  return {
    event: "transition",
    time: SAMPLE_TIME,
    connection: SAMPLE_CONNECTION,
    from: "LISTEN",
    to: "SYN_RCVD",
    recv: ["SYN"],
    send: ["SYN", "ACK"],
    cause: "segment",
    row: "listen.syn",
    rule: "arrives.listen.syn",
    rfc: "RFC 9293 §3.10.7.2",
    ...changes,
  };
}

/** The server ends its direction, as its user says. */
export function sampleClose(changes: Partial<TransitionEvent> = {}): TransitionEvent {
  return sampleTransition({
    from: "CLOSE_WAIT",
    to: "LAST_ACK",
    recv: null,
    send: ["FIN", "ACK"],
    cause: "user",
    rule: "user.close",
    rfc: "RFC 9293 §3.10.4",
    ...changes,
  });
}

const ALL_FLAGS: readonly FlagName[] = ["SYN", "FIN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

const time = fc.integer({ min: 0, max: 4_000_000_000_000_000 }).map((us) => us / 1e6);
const text = fc.string({ unit: "binary", maxLength: 40 });
const connection = fc.oneof(fc.constant(SAMPLE_CONNECTION), fc.constant("[fe80::1]:80-[fe80::2]:4000"), text);
const flags = fc.subarray([...ALL_FLAGS]);
const sequence = fc.integer({ min: 0, max: 0xffffffff });
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const number = fc.integer({ min: 1, max: 0x100000000 });
const state = fc.constantFrom(...TCP_STATES);
const direction = fc.constantFrom("recv" as const, "send" as const);
const options = fc.record({
  mss: fc.integer({ min: 0, max: 0xffff }),
  windowScale: fc.integer({ min: 0, max: 255 }),
  sackPermitted: fc.constant(true as const),
  sack: fc.array(fc.tuple(sequence, sequence), { maxLength: 4 }),
  timestamps: fc.record({ value: sequence, echo: sequence }),
}, { requiredKeys: [] });

/** Any event whatsoever, with hostile text wherever there is text. */
export const anyEvent: fc.Arbitrary<TcpEvent> = fc.oneof(
  fc.record({
    event: fc.constant("segment" as const),
    time,
    connection,
    id: number,
    segment: number,
    direction,
    flags,
    seq: sequence,
    ack: sequence,
    relSeq: sequence,
    relAck: sequence,
    window: fc.integer({ min: 0, max: 0xffff }),
    windowBytes: fc.integer({ min: 0, max: 0x3fffc000 }),
    length: fc.integer({ min: 0, max: 0xffff }),
    options,
    state,
    rule: text,
    rules: fc.array(text, { minLength: 2, maxLength: 3 }),
    cut: fc.integer({ min: 1, max: 1460 }),
    count: fc.integer({ min: 2 }),
  }, {
    requiredKeys: [
      "event",
      "time",
      "connection",
      "direction",
      "flags",
      "seq",
      "ack",
      "relSeq",
      "relAck",
      "window",
      "length",
      "options",
      "state",
      "rule",
    ],
  }),
  fc.record({
    event: fc.constant("transition" as const),
    time,
    connection,
    from: state,
    to: state,
    recv: fc.option(flags),
    send: fc.option(flags),
    cause: fc.constantFrom("segment" as const, "user" as const, "deadline" as const),
    row: text,
    rule: text,
    rfc: text,
    id: number,
    segment: number,
  }, {
    requiredKeys: [
      "event",
      "time",
      "connection",
      "from",
      "to",
      "recv",
      "send",
      "cause",
      "row",
      "rule",
      "rfc",
    ],
  }),
  fc.record({
    event: fc.constant("data" as const),
    time,
    connection,
    id: number,
    direction,
    length: count,
    payload: text,
  }, {
    requiredKeys: ["event", "time", "connection", "direction", "length"],
  }),
  fc.record({
    event: fc.constant("retransmit" as const),
    time,
    connection,
    kind: fc.constantFrom(
      ...["rto", "fast", "tlp", "syn", "syn-ack", "fin", "probe", "keepalive"] as const,
    ),
    seq: sequence,
    relSeq: count,
    length: count,
    count,
    id: number,
    segment: number,
    repeats: number,
  }, {
    requiredKeys: ["event", "time", "connection", "kind", "seq", "relSeq", "length", "count"],
  }),
  fc.record({
    event: fc.constant("closed" as const),
    time,
    connection,
    reason: fc.constantFrom(...["normal", "reset-by-peer", "reset-by-us", "timeout", "refused"] as const),
    bytesIn: count,
    bytesOut: count,
    durationMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
    states: fc.array(state, { maxLength: 20 }),
    id: number,
  }, {
    requiredKeys: [
      "event",
      "time",
      "connection",
      "reason",
      "bytesIn",
      "bytesOut",
      "durationMs",
      "states",
    ],
  }),
  fc.record({
    event: fc.constant("drop" as const),
    time,
    reason: text,
    connection,
    id: number,
    segment: number,
    count,
  }, {
    requiredKeys: ["event", "time", "reason"],
  }),
  fc.record({ event: fc.constant("application-error" as const), time, connection, message: text }),
  fc.record({ event: fc.constant("notice" as const), time, kind: text, message: text, connection, count }, {
    requiredKeys: ["event", "time", "kind", "message"],
  }),
  fc.record({
    event: fc.constant("fault" as const),
    time,
    connection,
    id: number,
    segment: number,
    direction,
    kind: fc.constantFrom(...["drop", "duplicate", "reorder", "corrupt", "delay", "mark"] as const),
    reason: fc.constantFrom(...["chance", "queue-full", "once"] as const),
    delayUs: count,
    flags,
    seq: sequence,
    ack: sequence,
    relSeq: count,
    relAck: count,
    window: fc.integer({ min: 0, max: 0xffff }),
    length: count,
    frameBytes: count,
  }, { requiredKeys: ["event", "time", "direction", "kind", "frameBytes"] }),
  fc.record({
    event: fc.constant("arp" as const),
    time,
    direction,
    kind: fc.constantFrom(...["request", "reply", "probe", "announcement"] as const),
    sender: text,
    senderMac: text,
    target: text,
    count,
  }, { requiredKeys: ["event", "time", "direction", "kind", "sender", "senderMac", "target"] }),
  fc.record({
    event: fc.constant("ndp" as const),
    time,
    direction,
    kind: fc.constantFrom(...["solicitation", "advertisement", "probe", "announcement"] as const),
    sender: text,
    senderMac: text,
    target: text,
    to: text,
    count,
  }, { requiredKeys: ["event", "time", "direction", "kind", "sender", "senderMac", "target", "to"] }),
  fc.record({
    event: fc.constant("icmp" as const),
    time,
    connection,
    id: number,
    direction,
    kind: fc.constantFrom(...["echo-request", "echo-reply", "unreachable", "too-big", "other"] as const),
    type: fc.integer({ min: 0, max: 255 }),
    code: fc.integer({ min: 0, max: 255 }),
    from: text,
    to: text,
    rule: text,
    count,
  }, { requiredKeys: ["event", "time", "direction", "kind", "type", "code", "from", "to"] }),
  fc.record({
    event: fc.constant("timer" as const),
    time,
    connection,
    id: number,
    timer: fc.constantFrom(...["rto", "tlp", "persist", "delayed-ack", "keep-alive", "time-wait"] as const),
    action: fc.constantFrom(...["armed", "fired", "stopped"] as const),
    inUs: count,
  }, { requiredKeys: ["event", "time", "connection", "timer", "action"] }),
  fc.record({
    event: fc.constant("sample" as const),
    time,
    connection,
    id: number,
    cwnd: count,
    ssthresh: count,
    inFlight: count,
    srttUs: count,
    rtoUs: count,
    sndWnd: count,
    rcvWnd: count,
  }),
  fc.record({ event: fc.constant("lost" as const), time, count }),
  fc.record({
    event: fc.constant("listening" as const),
    time,
    device: text,
    ip: text,
    mac: text,
    port: fc.integer({ min: 0, max: 65535 }),
    app: text,
    capture: text,
    filter: text,
  }),
  fc.record({
    event: fc.constant("summary" as const),
    time,
    durationMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
    counters: fc.dictionary(text, count),
  }),
);
