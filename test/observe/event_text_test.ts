/**
 * The log for people, letter by letter, at the widths that it promises.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { getColorEnabled, setColorEnabled, stripAnsiCode } from "@std/fmt/colors";
import fc from "fast-check";
import { eventToText, type TextLayout, textLog } from "../../src/observe/event_text.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import {
  anyEvent,
  SAMPLE_CONNECTION,
  SAMPLE_TIME,
  sampleSegment,
  sampleTransition,
} from "./sample_events.ts";

/** One of each kind: how the seed's connection would go, with some trouble on the way. */
const STORY: readonly TcpEvent[] = [
  {
    event: "listening",
    time: SAMPLE_TIME,
    device: "veth0",
    ip: "192.168.56.101",
    mac: "02:74:63:70:6c:01",
    port: 3333,
    app: "echo",
    capture: "immediate",
    filter: "arp or tcp",
  },
  sampleSegment(),
  sampleSegment({ direction: "send", flags: ["SYN", "ACK"], relAck: 1, window: 65535 }),
  sampleTransition(),
  sampleSegment({
    flags: ["ACK"],
    ack: 1000,
    relSeq: 146013,
    relAck: 100,
    options: { sack: [[1400, 1900], [2900, 3900]] },
    state: "ESTABLISHED",
    rule: "arrives.check5.ack",
  }),
  { event: "data", time: SAMPLE_TIME, connection: SAMPLE_CONNECTION, direction: "recv", length: 12 },
  {
    event: "retransmit",
    time: SAMPLE_TIME,
    connection: SAMPLE_CONNECTION,
    kind: "fin",
    relSeq: 1,
    seq: 77,
    length: 0,
    count: 2,
  },
  sampleSegment({
    flags: ["FIN", "PSH", "ACK"],
    relSeq: 13,
    relAck: 13,
    options: {},
    state: "CLOSE_WAIT",
    rule: "x",
  }),
  sampleTransition({
    from: "CLOSE_WAIT",
    to: "LAST_ACK",
    recv: null,
    send: ["FIN", "ACK"],
    cause: "user",
    rule: "user.close",
    rfc: "RFC 9293 §3.10.4",
  }),
  { event: "drop", time: SAMPLE_TIME, reason: "outside-window", connection: SAMPLE_CONNECTION },
  { event: "drop", time: SAMPLE_TIME, reason: "checksum" },
  {
    event: "application-error",
    time: SAMPLE_TIME,
    connection: SAMPLE_CONNECTION,
    message: "TypeError: x is not\na function",
  },
  { event: "notice", time: SAMPLE_TIME, kind: "carrier-lost", message: "lab0 has no carrier" },
  {
    event: "closed",
    time: SAMPLE_TIME,
    connection: SAMPLE_CONNECTION,
    reason: "normal",
    bytesIn: 12,
    bytesOut: 123456,
    durationMs: 5003.2,
    states: ["LISTEN", "SYN_RCVD", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"],
  },
];

function storyText(options: { width: number; color?: boolean }): string {
  return STORY.map(textLog(options)).join("\n");
}

Deno.test("event text: at 120 columns", () => {
  assertEquals(
    "\n" + storyText({ width: 120 }),
    `
22:13:20.123456 listening on 192.168.56.101:3333  echo  device veth0  mac 02:74:63:70:6c:01  capture immediate
                filter arp or tcp
22:13:20.123456 192.168.56.1:51234 --> 192.168.56.101:3333  SYN     seq 0                   len 0    SYN_RCVD
                arrives.listen.syn  win 64240  mss 1460  sackOK  wscale 7  ts 1234567/0
22:13:20.123456 192.168.56.1:51234 <-- 192.168.56.101:3333  SYN,ACK seq 0       ack 1       len 0    SYN_RCVD
                arrives.listen.syn  win 65535  mss 1460  sackOK  wscale 7  ts 1234567/0
22:13:20.123456 192.168.56.1:51234 LISTEN -> SYN_RCVD         recv [SYN]       send [SYN, ACK]   RFC 9293 §3.10.7.2
22:13:20.123456 192.168.56.1:51234 --> 192.168.56.101:3333  ACK     seq 146013  ack 100     len 0    ESTABLISHED
                arrives.check5.ack  win 64240  sack 500..1000  sack 2000..3000
22:13:20.123456 192.168.56.1:51234 data in   12 B
22:13:20.123456 192.168.56.1:51234 retransmit fin  FIN, not acknowledged yet  seq 77 (absolute)  len 0  2 times so far
22:13:20.123456 192.168.56.1:51234 --> 192.168.56.101:3333  FIN,PSH,ACK seq 13  ack 13      len 0    CLOSE_WAIT
                x  win 64240
22:13:20.123456 192.168.56.1:51234 CLOSE_WAIT -> LAST_ACK     recv -           send [FIN, ACK]   RFC 9293 §3.10.4
                user: user.close
22:13:20.123456 192.168.56.1:51234 drop  outside-window
22:13:20.123456 -                  drop  checksum
22:13:20.123456 192.168.56.1:51234 application error  TypeError: x is not?a function
22:13:20.123456 -                  notice  lab0 has no carrier  carrier-lost
22:13:20.123456 192.168.56.1:51234 closed normal  after 5.003 s  in 12 B  out 123 kB
                LISTEN -> SYN_RCVD -> ESTABLISHED -> CLOSE_WAIT -> LAST_ACK -> CLOSED`,
  );
});

Deno.test("event text: at 80 columns", () => {
  assertEquals(
    "\n" + storyText({ width: 80 }),
    `
22:13:20.123456 listening on 192.168.56.101:3333  echo  device veth0
                mac 02:74:63:70:6c:01  capture immediate  filter arp or tcp
22:13:20.123456 192.168.56.1:51234 --> :3333   SYN     SYN_RCVD
                seq 0  len 0  arrives.listen.syn  win 64240  mss 1460  sackOK
                wscale 7  ts 1234567/0
22:13:20.123456 192.168.56.1:51234 <-- :3333   SYN,ACK SYN_RCVD
                seq 0  ack 1  len 0  arrives.listen.syn  win 65535  mss 1460
                sackOK  wscale 7  ts 1234567/0
22:13:20.123456 192.168.56.1:51234 LISTEN -> SYN_RCVD
                recv [SYN]  send [SYN, ACK]  RFC 9293 §3.10.7.2
22:13:20.123456 192.168.56.1:51234 --> :3333   ACK     ESTABLISHED
                seq 146013  ack 100  len 0  arrives.check5.ack  win 64240
                sack 500..1000  sack 2000..3000
22:13:20.123456 192.168.56.1:51234 data in   12 B
22:13:20.123456 192.168.56.1:51234 retransmit fin  FIN, not acknowledged yet
                seq 77 (absolute)  len 0  2 times so far
22:13:20.123456 192.168.56.1:51234 --> :3333   FIN,PSH,ACK CLOSE_WAIT
                seq 13  ack 13  len 0  x  win 64240
22:13:20.123456 192.168.56.1:51234 CLOSE_WAIT -> LAST_ACK
                recv -  send [FIN, ACK]  RFC 9293 §3.10.4  user: user.close
22:13:20.123456 192.168.56.1:51234 drop  outside-window
22:13:20.123456 -                  drop  checksum
22:13:20.123456 192.168.56.1:51234 application error
                TypeError: x is not?a function
22:13:20.123456 -                  notice  lab0 has no carrier  carrier-lost
22:13:20.123456 192.168.56.1:51234 closed normal  after 5.003 s  in 12 B
                out 123 kB
                LISTEN -> SYN_RCVD -> ESTABLISHED -> CLOSE_WAIT -> LAST_ACK
                -> CLOSED`,
  );
});

Deno.test("event text: a wide page has one line a segment", () => {
  assertEquals(
    textLog({ width: 190 })(sampleSegment()),
    "22:13:20.123456 192.168.56.1:51234 --> 192.168.56.101:3333  SYN     seq 0                   len 0    SYN_RCVD     " +
      "arrives.listen.syn  win 64240  mss 1460  sackOK  wscale 7  ts 1234567/0",
  );
});

Deno.test("event text: the clock on the wall is where the reader is", () => {
  assertStringIncludes(textLog({ utcOffsetMinutes: 330 })(sampleSegment()), "03:43:20.123456 ");
  assertStringIncludes(textLog({ utcOffsetMinutes: -600 })(sampleSegment()), "12:13:20.123456 ");
});

Deno.test("event text: a line that stands for many says for how many", () => {
  const log = textLog({ width: 80 });
  assertEquals(
    log({ event: "drop", time: SAMPLE_TIME, reason: "no-listener", count: 48211 }),
    "22:13:20.123456 -                 drop  no-listener  48211 of these in a second",
  );
  assertStringIncludes(log(sampleSegment({ count: 7 })), "7 of these in a second");
  assertStringIncludes(
    log({ event: "notice", time: SAMPLE_TIME, kind: "x", message: "y", count: 2 }),
    "notice  y  2 of these in a second",
  );
});

Deno.test("event text: a large segment tells where it is cut", () => {
  assertStringIncludes(
    textLog()(sampleSegment({ direction: "send", length: 65160, cut: 1448 })),
    "cut into 1448-byte segments on the wire",
  );
});

Deno.test("event text: IPv6 ends keep their brackets; the page stays within its width", () => {
  const text = textLog({ width: 120 })(
    sampleSegment({ connection: "[2001:db8::101]:3333-[2001:db8:0:1:2:3:4:5]:51234" }),
  );
  assertStringIncludes(text, " [2001:db8:0:1:2:3:4:5]:51234 --> ");
  assert(text.split("\n").every((line) => line.length <= 120), text);
});

Deno.test("event text: colour changes no letter", () => {
  const before = getColorEnabled();
  setColorEnabled(true);
  try {
    const colored = storyText({ width: 120, color: true });
    // With NO_COLOR in the environment the library colours nothing, whatever it is told.
    assertEquals(colored.includes("\x1b["), !Deno.noColor);
    assertEquals(stripAnsiCode(colored), storyText({ width: 120 }));
  } finally {
    setColorEnabled(before);
  }
});

Deno.test("event text: any event, hostile text included, is lines without control characters", () => {
  const layout: TextLayout = { width: 100, color: false, utcOffsetMinutes: 0, peerWidth: 20, localWidth: 20 };
  fc.assert(fc.property(anyEvent, fc.integer({ min: 20, max: 250 }), (event, width) => {
    for (const text of [eventToText(event, { ...layout, width }), textLog({ width })(event)]) {
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]/.test(text), JSON.stringify(text));
    }
  }));
});
