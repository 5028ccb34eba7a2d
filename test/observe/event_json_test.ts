/**
 * Events as JSON, field by field as the contract of the event log has them.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { eventToJson } from "../../src/observe/event_json.ts";
import { FIELD_NAMES } from "../../src/tcp/event_fields.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import {
  anyEvent,
  SAMPLE_CONNECTION,
  SAMPLE_TIME,
  sampleSegment,
  sampleTransition,
} from "./sample_events.ts";

Deno.test("event json: a SYN", () => {
  assertEquals(
    eventToJson(sampleSegment()),
    '{"event":"segment","time":1700000000.123456,"connection":"192.168.56.101:3333-192.168.56.1:51234",' +
      '"direction":"recv","flags":["SYN"],"seq":3735928559,"ack":0,"relSeq":0,"relAck":0,"window":64240,' +
      '"length":0,"options":{"mss":1460,"sackPermitted":true,"timestamps":{"value":1234567,"echo":0},' +
      '"windowScale":7},"state":"SYN_RCVD","rule":"arrives.listen.syn"}',
  );
});

Deno.test("event json: no options are an empty object, a cut size is told only where there is one", () => {
  const plain = JSON.parse(eventToJson(sampleSegment({ options: {} })));
  assertEquals(plain.options, {});
  assertEquals("cut" in plain, false);
  assertEquals(JSON.parse(eventToJson(sampleSegment({ cut: 1448 }))).cut, 1448);
});

Deno.test("event json: a transition; no flags are null", () => {
  assertEquals(
    eventToJson(sampleTransition({ from: "SYN_RCVD", to: "ESTABLISHED", recv: ["ACK"], send: null })),
    '{"event":"transition","time":1700000000.123456,"connection":"192.168.56.101:3333-192.168.56.1:51234",' +
      '"from":"SYN_RCVD","to":"ESTABLISHED","recv":["ACK"],"send":null,"cause":"segment",' +
      '"row":"listen.syn","rule":"arrives.listen.syn","rfc":"RFC 9293 §3.10.7.2"}',
  );
});

Deno.test("event json: the other kinds, field for field", () => {
  const base = { time: SAMPLE_TIME, connection: SAMPLE_CONNECTION };
  const head = (event: string) => `{"event":"${event}","time":1700000000.123456,`;
  const connection = `"connection":"${SAMPLE_CONNECTION}",`;
  assertEquals(
    eventToJson({ event: "data", ...base, direction: "send", length: 10 }),
    head("data") + connection + '"direction":"send","length":10}',
  );
  assertEquals(
    eventToJson({ event: "data", ...base, direction: "recv", length: 2, payload: "aGk=" }),
    head("data") + connection + '"direction":"recv","length":2,"payload":"aGk="}',
  );
  assertEquals(
    eventToJson({ event: "retransmit", ...base, kind: "syn-ack", seq: 7, relSeq: 0, length: 0, count: 2 }),
    head("retransmit") + connection + '"kind":"syn-ack","seq":7,"relSeq":0,"length":0,"count":2}',
  );
  assertEquals(
    eventToJson({ event: "application-error", ...base, message: 'Error: a "word"\n' }),
    head("application-error") + connection + '"message":"Error: a \\"word\\"\\n"}',
  );
  assertEquals(
    eventToJson({ event: "notice", time: base.time, kind: "carrier-lost", message: "no carrier" }),
    head("notice") + '"kind":"carrier-lost","message":"no carrier"}',
  );
  assertEquals(
    eventToJson({
      event: "closed",
      ...base,
      reason: "normal",
      bytesIn: 1,
      bytesOut: 2,
      durationMs: 5003.25,
      states: ["LISTEN", "SYN_RCVD", "CLOSED"],
    }),
    head("closed") + connection +
      '"reason":"normal","bytesIn":1,"bytesOut":2,"durationMs":5003.25,"states":["LISTEN","SYN_RCVD","CLOSED"]}',
  );
  assertEquals(
    eventToJson({ event: "drop", time: SAMPLE_TIME, reason: "checksum" }),
    head("drop") + '"reason":"checksum"}',
  );
  assertEquals(
    eventToJson({ event: "drop", ...base, reason: "outside-window" }),
    head("drop") + `"reason":"outside-window","connection":"${SAMPLE_CONNECTION}"}`,
  );
  assertEquals(
    eventToJson({
      event: "listening",
      time: SAMPLE_TIME,
      device: "veth0",
      ip: "10.0.0.1",
      mac: "02:00:00:00:00:01",
      port: 3333,
      app: "echo",
      capture: "immediate",
      filter: "tcp",
    }),
    head("listening") +
      '"device":"veth0","ip":"10.0.0.1","mac":"02:00:00:00:00:01","port":3333,"app":"echo","capture":"immediate",' +
      '"filter":"tcp"}',
  );
  assertEquals(
    eventToJson({ event: "summary", time: SAMPLE_TIME, durationMs: 1, counters: { "frames-in": 3 } }),
    head("summary") + '"durationMs":1,"counters":{"frames-in":3}}',
  );
});

Deno.test("event json: time has microseconds, whatever the sum of doubles left behind", () => {
  const time = JSON.parse(eventToJson(sampleSegment({ time: 1_700_000_000 + 0.1 + 0.2 + 0.000001 }))).time;
  assertEquals(time, 1_700_000_000.300001);
});

Deno.test("event json: any event is one line of JSON that says what the event says", () => {
  fc.assert(fc.property(anyEvent, (event) => {
    const line = eventToJson(event);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x1f]/.test(line), "control character in " + line);
    assertEquals(JSON.parse(line), JSON.parse(JSON.stringify(event)));
  }));
});

Deno.test("event json: letter by letter what JSON.stringify makes of the fields in the order of the schema", () => {
  const sample = {
    event: "sample",
    time: SAMPLE_TIME,
    connection: "c",
    cwnd: 1,
    ssthresh: 0,
    inFlight: 0,
  } as const;
  const strange = [NaN, Infinity, -0, -1.5, 1e21, 5e-324].map((srttUs): TcpEvent => {
    return { ...sample, srttUs, rtoUs: 1, sndWnd: 0, rcvWnd: 0 };
  });
  fc.assert(
    fc.property(fc.oneof(anyEvent, fc.constantFrom(...strange)), (event) => {
      const names = ["event", "time", ...FIELD_NAMES.get(event.event) ?? []];
      const values = new Map<string, unknown>(Object.entries(event));
      const wanted = JSON.stringify(Object.fromEntries(names.map((name) => [name, values.get(name)])));
      assertEquals(eventToJson(event), escaped(wanted));
    }),
    { numRuns: 500, examples: strange.map((event) => [event]) },
  );
});

/** With the escapes of what JSON allows raw, and terminals do not. */
function escaped(line: string): string {
  return line.replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (raw) => "\\u" + raw.charCodeAt(0).toString(16).padStart(4, "0"),
  );
}
