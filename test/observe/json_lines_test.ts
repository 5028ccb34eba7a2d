/**
 * Events written as bytes: the same lines, byte for byte, as those of the slow way.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { eventToJson } from "../../src/observe/event_json.ts";
import { JsonLines } from "../../src/observe/json_lines.ts";
import { LineWriter } from "../../src/observe/log_writer.ts";
import type { SegmentEvent, TcpEvent } from "../../src/tcp/events.ts";
import { flagNames } from "../../src/wire/tcp.ts";
import { anyEvent, SAMPLE_CONNECTION, sampleSegment, sampleTransition } from "./sample_events.ts";

/** What comes out, and how many events were not put together by hand. */
function written(events: readonly TcpEvent[], bufferBytes = 0x4000): { text: string; slow: number } {
  const chunks: Uint8Array[] = [];
  const writer = new LineWriter({
    bufferBytes,
    write: (chunk) => {
      chunks.push(chunk.slice());
      return chunk.length;
    },
  });
  let slow = 0;
  const line = writer.line.bind(writer);
  writer.line = (text) => {
    slow++;
    line(text);
  };
  const { observe } = new JsonLines(writer);
  for (const event of events) observe(event);
  writer.flush();
  return { text: chunks.map((chunk) => new TextDecoder().decode(chunk)).join(""), slow };
}

function expected(events: readonly TcpEvent[]): string {
  return events.map((event) => eventToJson(event) + "\n").join("");
}

/** As the host makes them: flags are the arrays of `flagNames`, which the fast way knows. */
const hostLike = anyEvent.chain((event): fc.Arbitrary<TcpEvent> => {
  const flags = fc.integer({ min: 0, max: 0xff }).map(flagNames);
  if (event.event === "segment") {
    const connection = fc.constantFrom(SAMPLE_CONNECTION, "[fe80::1]:80-[fe80::2]:4000", event.connection);
    return fc.record({ flags, connection }).map((changes): SegmentEvent => ({ ...event, ...changes }));
  }
  if (event.event !== "transition") return fc.constant(event);
  return fc.record({ recv: fc.option(flags), send: fc.option(flags) })
    .map((changes) => ({ ...event, ...changes }));
});

Deno.test("json lines: any events come out as the slow way tells them, in order, a line each", () => {
  fc.assert(fc.property(fc.array(fc.oneof(anyEvent, hostLike), { maxLength: 30 }), (events) => {
    const { text } = written(events);
    assertEquals(text, expected(events));
    const lines = text.split("\n");
    assertEquals(lines.pop(), "");
    assertEquals(
      lines.map((line) => JSON.parse(line)),
      events.map((event) => JSON.parse(eventToJson(event))),
    );
    // deno-lint-ignore no-control-regex
    for (const line of lines) assert(!/[\x00-\x1f\x7f-\x9f\u2028\u2029]/.test(line), line);
  }));
});

Deno.test("json lines: what a host tells all the time goes the fast way", () => {
  const events: TcpEvent[] = [
    sampleSegment({ flags: flagNames(0x02) }),
    sampleSegment({ flags: flagNames(0x10), options: {}, cut: 1448 }),
    sampleSegment({ flags: flagNames(0x18), options: { sack: [[1, 2], [4294967295, 0]] } }),
    sampleSegment({ flags: flagNames(0x10), id: 4_000_000_000, segment: 4_294_967_295 }),
    sampleTransition({ recv: null, send: flagNames(0x12) }),
    sampleTransition({ recv: flagNames(0x02), send: null, id: 1, segment: 1, row: "other" }),
    { event: "data", time: 1_700_000_000, connection: SAMPLE_CONNECTION, direction: "send", length: 65535 },
    {
      event: "closed",
      time: 1_700_000_000.5,
      connection: SAMPLE_CONNECTION,
      id: 7,
      reason: "normal",
      bytesIn: 0,
      bytesOut: 4294967295,
      durationMs: 5003.25,
      states: ["LISTEN", "SYN_RCVD", "CLOSED"],
    },
  ];
  assertEquals(written(events), { text: expected(events), slow: 0 });
});

Deno.test("json lines: numbers at every length, times at every number of decimals", () => {
  const numbers = Array.from({ length: 33 }, (_, bits) => [2 ** bits - 1, 2 ** bits % 2 ** 32]).flat();
  const powers = Array.from({ length: 10 }, (_, digits) => [10 ** digits - 1, 10 ** digits]).flat();
  const segments = [...numbers, ...powers].map((seq) => sampleSegment({ flags: flagNames(0x10), seq }));
  const micros = [0, 1, 9, 10, 99_999, 100_000, 123_456, 500_000, 999_999];
  const seconds = [0, 1, 1_700_000_000, 4_294_967_295];
  const times = seconds.flatMap((second) => micros.map((us) => (second * 1e6 + us) / 1e6));
  segments.push(...times.map((time) => sampleSegment({ flags: flagNames(0x10), time })));
  assertEquals(written(segments), { text: expected(segments), slow: 0 });
});

Deno.test("json lines: positions and numbers beyond 2^32 go the fast way too, to 2^53 - 1", () => {
  const numbers = [
    ...[2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1],
    ...[5e9, 9_999_999_999, 1e10, 4_294_967_295_999_999_999 % 2 ** 53, 1e15 + 7, 4_294_967_296e6],
  ];
  const flags = flagNames(0x10);
  const segments = numbers.flatMap((number) => [
    sampleSegment({ flags, relSeq: number, relAck: number - 1 }),
    sampleSegment({ flags, id: number, segment: number }),
  ]);
  const others = numbers.flatMap((number): TcpEvent[] => [
    sampleTransition({ recv: flags, send: null, id: number, segment: number }),
    {
      ...{ event: "closed", time: 1_700_000_000, connection: SAMPLE_CONNECTION, id: 7, reason: "normal" },
      ...{ bytesIn: number, bytesOut: number, durationMs: 1, states: ["LISTEN", "CLOSED"] },
    },
  ]);
  const events = [...segments, ...others];
  assertEquals(written(events), { text: expected(events), slow: 0 });
  const beyond = [2 ** 53, 1e300, -1].map((relSeq) => sampleSegment({ flags, relSeq }));
  assertEquals(written(beyond), { text: expected(beyond), slow: beyond.length });
});

Deno.test("json lines: refused rows of transitions take no place from those that are kept", () => {
  const long = Array.from(
    { length: 600 },
    (_, i) => sampleTransition({ recv: null, row: "x".repeat(101), rule: `r${i}` }),
  );
  const kept = Array.from(
    { length: 512 },
    (_, i) => sampleTransition({ recv: null, send: null, rule: `r${i}` }),
  );
  assertEquals(written(long), { text: expected(long), slow: 600 });
  assertEquals(written([...long, ...kept]), { text: expected([...long, ...kept]), slow: 600 });
});

Deno.test("json lines: more connections than are remembered", () => {
  const events = Array.from({ length: 9000 }, (_, i) =>
    sampleSegment({
      flags: flagNames(0x10),
      connection: `10.0.0.1:3333-10.${i % 250}.3.4:${1000 + (i * 7919) % 64000}`,
    }));
  assertEquals(written(events), { text: expected(events), slow: 0 });
});

Deno.test("json lines: a segment's own texts cannot command a terminal, fast or slow", () => {
  for (const flags of [flagNames(0x10), ["ACK"] as const]) {
    const events = [sampleSegment({ flags, rule: "\x7f\x9b2J\u2028" })];
    const { text } = written(events);
    assertEquals(text, expected(events));
    assert(text.includes('"rule":"\\u007f\\u009b2J\\u2028"'), text);
  }
});

Deno.test("json lines: numbers that are none of a segment, and a time before 1970", () => {
  const events = [
    sampleSegment({ flags: flagNames(0x10), seq: -1 }),
    sampleSegment({ flags: flagNames(0x10), length: 1.5 }),
    sampleSegment({ flags: flagNames(0x10), window: NaN }),
    sampleSegment({ flags: flagNames(0x10), time: -1 }),
    sampleSegment({ flags: ["ACK", "SYN"] }),
    sampleSegment({ flags: flagNames(0x10), rule: "x".repeat(5000) }),
  ];
  assertEquals(written(events), { text: expected(events), slow: events.length });
});

Deno.test("json lines: a window that stays is one piece, and goes when the window changes", () => {
  const windows = [[502, 64256], [502, 128512], [502, undefined], [501, 64128], [502, 64256]] as const;
  const events = windows.flatMap(([window, windowBytes]) =>
    Array.from({ length: 20 }, () =>
      sampleSegment({
        flags: flagNames(0x10),
        window,
        ...(windowBytes === undefined ? {} : { windowBytes }),
      }))
  );
  assertEquals(written(events), { text: expected(events), slow: 0 });
});

Deno.test("json lines: options and times that stay are copied, and go when they change", () => {
  const options = [{}, { timestamps: { value: 4_294_967_295, echo: 0 } }, {
    mss: 1460,
    sackPermitted: true as const,
  }];
  const times = [1_700_000_000.000001, 1_700_000_000.1, 1_700_000_001, 1_700_000_000.1];
  const events = [...options, ...options].flatMap((each) =>
    times.flatMap((time) =>
      Array.from({ length: 4 }, () => sampleSegment({ flags: flagNames(0x10), options: each, time }))
    )
  );
  assertEquals(written(events), { text: expected(events), slow: 0 });
});

Deno.test("json lines: connections that share a place by their numbers, and names that are no host's", () => {
  const names = [
    SAMPLE_CONNECTION,
    "[fe80::1]:80-[fe80::2]:4000",
    'a "quoted" \\ one',
    "\x7f\x9b",
    "ä\u2028",
    "x".repeat(100),
  ];
  const ids = [1, 257, 0, 4_294_967_295];
  const events = [...names, ...names].flatMap((connection) =>
    ids.flatMap((id) =>
      [1, 2].map((segment) => sampleSegment({ flags: flagNames(0x10), connection, id, segment }))
    )
  );
  assertEquals(written(events), { text: expected(events), slow: 0 });
});

Deno.test("json lines: durations are told as JSON tells them", () => {
  const durations = [
    0,
    -0,
    0.001,
    0.0005,
    0.1,
    12,
    5003.25,
    4_294_967_295.999,
    1e10,
    1e21,
    -1,
    1 / 3,
    123_456.789,
  ];
  const events = durations.map((durationMs): TcpEvent => ({
    event: "closed",
    time: 1_700_000_000,
    connection: SAMPLE_CONNECTION,
    id: 7,
    reason: "normal",
    bytesIn: 0,
    bytesOut: 0,
    durationMs,
    states: ["LISTEN", "CLOSED"],
  }));
  assertEquals(written(events).text, expected(events));
});
