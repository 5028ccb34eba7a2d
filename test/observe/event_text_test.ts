/**
 * The log for people, letter by letter, at the widths that it promises.
 */
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { stripAnsiCode } from "@std/fmt/colors";
import fc from "fast-check";
import { textLog, type TextLogOptions } from "../../src/observe/event_text.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import {
  anyEvent,
  SAMPLE_CONNECTION,
  SAMPLE_TIME,
  sampleClose,
  sampleSegment,
  sampleTransition,
} from "./sample_events.ts";

const OF_THREE = { time: SAMPLE_TIME, connection: SAMPLE_CONNECTION, id: 3 };

/** One of each kind: how the lab's connection would go, with some trouble on the way. */
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
  {
    event: "arp",
    time: SAMPLE_TIME,
    direction: "recv",
    kind: "request",
    sender: "192.168.56.1",
    senderMac: "02:00:00:00:00:01",
    target: "192.168.56.101",
  },
  {
    event: "icmp",
    time: SAMPLE_TIME,
    direction: "send",
    kind: "echo-reply",
    type: 0,
    code: 0,
    from: "192.168.56.101",
    to: "192.168.56.1",
  },
  sampleSegment({ id: 3, segment: 1 }),
  sampleSegment({ id: 3, segment: 2, direction: "send", flags: ["SYN", "ACK"], relAck: 1, window: 65535 }),
  sampleTransition({ id: 3 }),
  sampleSegment({
    id: 3,
    flags: ["ACK"],
    ack: 1000,
    relSeq: 146013,
    relAck: 100,
    window: 502,
    windowBytes: 64256,
    options: { sack: [[1400, 1900], [2900, 3900]] },
    state: "ESTABLISHED",
    rule: "arrives.check5.ack",
  }),
  { ...OF_THREE, event: "data", direction: "recv", length: 12 },
  { ...OF_THREE, event: "retransmit", kind: "fin", seq: 77, relSeq: 12, length: 0, count: 2, repeats: 5 },
  {
    ...OF_THREE,
    event: "fault",
    direction: "recv",
    kind: "drop",
    reason: "chance",
    flags: ["PSH", "ACK"],
    relSeq: 1,
    relAck: 100,
    length: 12,
    frameBytes: 66,
  },
  sampleSegment({
    id: 3,
    flags: ["FIN", "PSH", "ACK"],
    relSeq: 13,
    relAck: 13,
    options: {},
    state: "CLOSE_WAIT",
    rule: "x",
  }),
  sampleTransition({
    id: 3,
    from: "ESTABLISHED",
    to: "CLOSE_WAIT",
    recv: ["FIN", "PSH", "ACK"],
    send: ["ACK"],
    rule: "x",
  }),
  sampleClose({ id: 3 }),
  { ...OF_THREE, event: "timer", timer: "rto", action: "armed", inUs: 200_000 },
  {
    ...OF_THREE,
    event: "sample",
    cwnd: 14480,
    ssthresh: 0,
    inFlight: 1,
    srttUs: 210,
    rtoUs: 200_000,
    sndWnd: 0,
    rcvWnd: 65535,
  },
  { event: "drop", time: SAMPLE_TIME, reason: "outside-window", connection: SAMPLE_CONNECTION, id: 3 },
  { event: "drop", time: SAMPLE_TIME, reason: "checksum" },
  { ...OF_THREE, event: "application-error", message: "TypeError: x is not\na function" },
  { event: "notice", time: SAMPLE_TIME, kind: "carrier-lost", message: "lab0 has no carrier" },
  { event: "lost", time: SAMPLE_TIME, count: 7 },
  {
    ...OF_THREE,
    event: "closed",
    reason: "normal",
    bytesIn: 12,
    bytesOut: 123456,
    durationMs: 5003.2,
    states: ["LISTEN", "SYN_RCVD", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"],
  },
  { event: "summary", time: SAMPLE_TIME, durationMs: 3000, counters: { "frames-in": 7, "drop-checksum": 1 } },
];

Deno.test("event text: SACK blocks stand beside the acknowledgment, also beyond 4 GiB and where numbers begin again", () => {
  const log = textLog({ width: Infinity });
  const sackText = (ack: number, relAck: number, sack: readonly (readonly [number, number])[]) =>
    /sack .*(?= {2}segment)/.exec(
      log(sampleSegment({ flags: ["ACK"], ack, relAck, options: { sack }, segment: 1 })),
    )?.[0];
  const ack = (7 + 5e9) % 2 ** 32;
  assertEquals(
    sackText(ack, 5e9, [[ack + 1000, ack + 2000], [ack - 1000, ack - 500]]),
    "sack 5000001000..5000002000  sack 4999999000..4999999500",
  );
  assertEquals(sackText(2 ** 32 - 100, 1, [[100, 300]]), "sack 201..401");
  // A stranger's, whose acknowledgment is told as it stands.
  assertEquals(sackText(10, 10, [[100, 4e9]]), "sack 100..4000000000");
});

function storyText(options: TextLogOptions): string {
  return STORY.map(textLog(options)).join("\n");
}

Deno.test("event text: at 120 columns", () => {
  assertEquals(
    "\n" + storyText({ width: 120 }),
    `
22:13:20.123456 listening on 192.168.56.101:3333  echo  device veth0  mac 02:74:63:70:6c:01  capture immediate
                     filter arp or tcp
22:13:20.123456      192.168.56.1      --> arp request  who has 192.168.56.101? asks 192.168.56.1
22:13:20.123456      192.168.56.1      <-- icmp echo-reply
22:13:20.123456 #3   192.168.56.1:51234 --> :3333   SYN         seq 0                   len 0     SYN_RCVD
                     arrives.listen.syn  win 64240  mss 1460  sackOK  wscale 7  ts 1234567/0  segment 1
22:13:20.123456 #3   192.168.56.1:51234 <-- :3333   SYN,ACK     seq 0       ack 1       len 0     SYN_RCVD
                     arrives.listen.syn  win 65535  mss 1460  sackOK  wscale 7  ts 1234567/0  segment 2
22:13:20.123456 #3   192.168.56.1:51234 LISTEN -> SYN_RCVD         recv [SYN]            send [SYN, ACK]
                     RFC 9293 §3.10.7.2  arrives.listen.syn
22:13:20.123456 #3   192.168.56.1:51234 --> :3333   ACK         seq 146013  ack 100     len 0     ESTABLISHED
                     arrives.check5.ack  win 64256 (502)  sack 500..1000  sack 2000..3000
22:13:20.123456 #3   192.168.56.1:51234 data in   12 B
22:13:20.123456 #3   192.168.56.1:51234 retransmit fin  FIN, not acknowledged yet  seq 12  len 0  2 times so far
                     repeats segment 5
22:13:20.123456 #3   192.168.56.1:51234 fault drop in PSH,ACK   seq 1       ack 100     len 12    lost on purpose
22:13:20.123456 #3   192.168.56.1:51234 --> :3333   FIN,PSH,ACK seq 13      ack 13      len 0     CLOSE_WAIT
                     x  win 64240
22:13:20.123456 #3   192.168.56.1:51234 ESTABLISHED -> CLOSE_WAIT  recv [FIN, PSH, ACK]  send [ACK]
                     RFC 9293 §3.10.7.2  x
22:13:20.123456 #3   192.168.56.1:51234 CLOSE_WAIT -> LAST_ACK     recv -                send [FIN, ACK]
                     RFC 9293 §3.10.4  user: user.close
22:13:20.123456 #3   192.168.56.1:51234 timer rto  armed  in 200.0 ms
22:13:20.123456 #3   192.168.56.1:51234 sample  cwnd 14480  ssthresh -  in flight 1  srtt 0.210 ms  rto 200.0 ms
                     the peer's window is shut  ours 65535
22:13:20.123456 #3   192.168.56.1:51234 drop  outside-window
22:13:20.123456      -                  drop  checksum
22:13:20.123456 #3   192.168.56.1:51234 application error  TypeError: x is not?a function
22:13:20.123456      -                  notice  lab0 has no carrier  carrier-lost
22:13:20.123456      -                  lost  7 events are missing here: the log's reader was too slow
22:13:20.123456 #3   192.168.56.1:51234 closed normal  after 5.003 s  in 12 B  out 123 kB
                     LISTEN -> SYN_RCVD -> ESTABLISHED -> CLOSE_WAIT -> LAST_ACK -> CLOSED
summary after 3.000 s
  frames-in      7    drop-checksum  1
  tcplab why NAME explains a rule, a row or a state`,
  );
});

Deno.test("event text: at 80 columns", () => {
  assertEquals(
    "\n" + storyText({ width: 80 }),
    `
22:13:20.123456 listening on 192.168.56.101:3333  echo  device veth0
                     mac 02:74:63:70:6c:01  capture immediate  filter arp or tcp
22:13:20.123456      192.168.56.1      --> arp request
                     who has 192.168.56.101? asks 192.168.56.1
22:13:20.123456      192.168.56.1      <-- icmp echo-reply
22:13:20.123456 #3   192.168.56.1:51234 --> :3333   SYN         SYN_RCVD
                     seq 0  len 0  arrives.listen.syn  win 64240  mss 1460
                     sackOK  wscale 7  ts 1234567/0  segment 1
22:13:20.123456 #3   192.168.56.1:51234 <-- :3333   SYN,ACK     SYN_RCVD
                     seq 0  ack 1  len 0  arrives.listen.syn  win 65535
                     mss 1460  sackOK  wscale 7  ts 1234567/0  segment 2
22:13:20.123456 #3   192.168.56.1:51234 LISTEN -> SYN_RCVD
                     recv [SYN]  send [SYN, ACK]  RFC 9293 §3.10.7.2
                     arrives.listen.syn
22:13:20.123456 #3   192.168.56.1:51234 --> :3333   ACK         ESTABLISHED
                     seq 146013  ack 100  len 0  arrives.check5.ack
                     win 64256 (502)  sack 500..1000  sack 2000..3000
22:13:20.123456 #3   192.168.56.1:51234 data in   12 B
22:13:20.123456 #3   192.168.56.1:51234 retransmit fin
                     FIN, not acknowledged yet  seq 12  len 0  2 times so far
                     repeats segment 5
22:13:20.123456 #3   192.168.56.1:51234 fault drop in  PSH,ACK  seq 1  ack 100
                     len 12  lost on purpose
22:13:20.123456 #3   192.168.56.1:51234 --> :3333   FIN,PSH,ACK CLOSE_WAIT
                     seq 13  ack 13  len 0  x  win 64240
22:13:20.123456 #3   192.168.56.1:51234 ESTABLISHED -> CLOSE_WAIT
                     recv [FIN, PSH, ACK]  send [ACK]  RFC 9293 §3.10.7.2  x
22:13:20.123456 #3   192.168.56.1:51234 CLOSE_WAIT -> LAST_ACK
                     recv -  send [FIN, ACK]  RFC 9293 §3.10.4  user: user.close
22:13:20.123456 #3   192.168.56.1:51234 timer rto  armed  in 200.0 ms
22:13:20.123456 #3   192.168.56.1:51234 sample  cwnd 14480  ssthresh -
                     in flight 1  srtt 0.210 ms  rto 200.0 ms
                     the peer's window is shut  ours 65535
22:13:20.123456 #3   192.168.56.1:51234 drop  outside-window
22:13:20.123456      -                  drop  checksum
22:13:20.123456 #3   192.168.56.1:51234 application error
                     TypeError: x is not?a function
22:13:20.123456      -                  notice  lab0 has no carrier
                     carrier-lost
22:13:20.123456      -                  lost
                     7 events are missing here: the log's reader was too slow
22:13:20.123456 #3   192.168.56.1:51234 closed normal  after 5.003 s  in 12 B
                     out 123 kB
                     LISTEN -> SYN_RCVD -> ESTABLISHED -> CLOSE_WAIT -> LAST_ACK
                     -> CLOSED
summary after 3.000 s
  frames-in      7    drop-checksum  1
  tcplab why NAME explains a rule, a row or a state`,
  );
});

Deno.test("event text: at 60 columns", () => {
  assertEquals(
    "\n" + storyText({ width: 60 }),
    `
22:13:20.123456 listening on 192.168.56.101:3333  echo
    device veth0  mac 02:74:63:70:6c:01  capture immediate
    filter arp or tcp
22:13:20.123456      192.168.56.1      --> arp request
    who has 192.168.56.101? asks 192.168.56.1
22:13:20.123456      192.168.56.1      <-- icmp echo-reply
22:13:20.123456 #3   192.168.56.1:51234 --> :3333   SYN
    SYN_RCVD  seq 0  len 0  arrives.listen.syn  win 64240
    mss 1460  sackOK  wscale 7  ts 1234567/0  segment 1
22:13:20.123456 #3   192.168.56.1:51234 <-- :3333   SYN,ACK
    SYN_RCVD  seq 0  ack 1  len 0  arrives.listen.syn
    win 65535  mss 1460  sackOK  wscale 7  ts 1234567/0
    segment 2
22:13:20.123456 #3   192.168.56.1:51234 LISTEN -> SYN_RCVD
    recv [SYN]  send [SYN, ACK]  RFC 9293 §3.10.7.2
    arrives.listen.syn
22:13:20.123456 #3   192.168.56.1:51234 --> :3333   ACK
    ESTABLISHED  seq 146013  ack 100  len 0
    arrives.check5.ack  win 64256 (502)  sack 500..1000
    sack 2000..3000
22:13:20.123456 #3   192.168.56.1:51234 data in   12 B
22:13:20.123456 #3   192.168.56.1:51234 retransmit fin
    FIN, not acknowledged yet  seq 12  len 0  2 times so far
    repeats segment 5
22:13:20.123456 #3   192.168.56.1:51234 fault drop in
    PSH,ACK  seq 1  ack 100  len 12  lost on purpose
22:13:20.123456 #3   192.168.56.1:51234 --> :3333
    FIN,PSH,ACK
    CLOSE_WAIT  seq 13  ack 13  len 0  x  win 64240
22:13:20.123456 #3   192.168.56.1:51234
    ESTABLISHED -> CLOSE_WAIT
    recv [FIN, PSH, ACK]  send [ACK]  RFC 9293 §3.10.7.2  x
22:13:20.123456 #3   192.168.56.1:51234
    CLOSE_WAIT -> LAST_ACK
    recv -  send [FIN, ACK]  RFC 9293 §3.10.4
    user: user.close
22:13:20.123456 #3   192.168.56.1:51234 timer rto  armed
    in 200.0 ms
22:13:20.123456 #3   192.168.56.1:51234 sample  cwnd 14480
    ssthresh -  in flight 1  srtt 0.210 ms  rto 200.0 ms
    the peer's window is shut  ours 65535
22:13:20.123456 #3   192.168.56.1:51234 drop  outside-window
22:13:20.123456      -                  drop  checksum
22:13:20.123456 #3   192.168.56.1:51234 application error
    TypeError: x is not?a function
22:13:20.123456      -                  notice
    lab0 has no carrier  carrier-lost
22:13:20.123456      -                  lost
    7 events are missing here: the log's reader was too slow
22:13:20.123456 #3   192.168.56.1:51234 closed normal
    after 5.003 s  in 12 B  out 123 kB
    LISTEN -> SYN_RCVD -> ESTABLISHED -> CLOSE_WAIT
    -> LAST_ACK -> CLOSED
summary after 3.000 s
  frames-in      7    drop-checksum  1
  tcplab why NAME explains a rule, a row or a state`,
  );
});

Deno.test("event text: at 200 columns", () => {
  assertEquals(
    "\n" + storyText({ width: 200 }),
    `
22:13:20.123456 listening on 192.168.56.101:3333  echo  device veth0  mac 02:74:63:70:6c:01  capture immediate  filter arp or tcp
22:13:20.123456      192.168.56.1      --> arp request  who has 192.168.56.101? asks 192.168.56.1
22:13:20.123456      192.168.56.1      <-- icmp echo-reply
22:13:20.123456 #3   192.168.56.1:51234 --> 192.168.56.101:3333  SYN         seq 0                   len 0     SYN_RCVD
                     arrives.listen.syn  win 64240  mss 1460  sackOK  wscale 7  ts 1234567/0  segment 1
22:13:20.123456 #3   192.168.56.1:51234 <-- 192.168.56.101:3333  SYN,ACK     seq 0       ack 1       len 0     SYN_RCVD
                     arrives.listen.syn  win 65535  mss 1460  sackOK  wscale 7  ts 1234567/0  segment 2
22:13:20.123456 #3   192.168.56.1:51234 LISTEN -> SYN_RCVD         recv [SYN]            send [SYN, ACK]       RFC 9293 §3.10.7.2  arrives.listen.syn
22:13:20.123456 #3   192.168.56.1:51234 --> 192.168.56.101:3333  ACK         seq 146013  ack 100     len 0     ESTABLISHED  arrives.check5.ack  win 64256 (502)  sack 500..1000  sack 2000..3000
22:13:20.123456 #3   192.168.56.1:51234 data in   12 B
22:13:20.123456 #3   192.168.56.1:51234 retransmit fin  FIN, not acknowledged yet  seq 12  len 0  2 times so far  repeats segment 5
22:13:20.123456 #3   192.168.56.1:51234 fault drop in            PSH,ACK     seq 1       ack 100     len 12    lost on purpose
22:13:20.123456 #3   192.168.56.1:51234 --> 192.168.56.101:3333  FIN,PSH,ACK seq 13      ack 13      len 0     CLOSE_WAIT   x  win 64240
22:13:20.123456 #3   192.168.56.1:51234 ESTABLISHED -> CLOSE_WAIT  recv [FIN, PSH, ACK]  send [ACK]            RFC 9293 §3.10.7.2  x
22:13:20.123456 #3   192.168.56.1:51234 CLOSE_WAIT -> LAST_ACK     recv -                send [FIN, ACK]       RFC 9293 §3.10.4  user: user.close
22:13:20.123456 #3   192.168.56.1:51234 timer rto  armed  in 200.0 ms
22:13:20.123456 #3   192.168.56.1:51234 sample  cwnd 14480  ssthresh -  in flight 1  srtt 0.210 ms  rto 200.0 ms  the peer's window is shut  ours 65535
22:13:20.123456 #3   192.168.56.1:51234 drop  outside-window
22:13:20.123456      -                  drop  checksum
22:13:20.123456 #3   192.168.56.1:51234 application error  TypeError: x is not?a function
22:13:20.123456      -                  notice  lab0 has no carrier  carrier-lost
22:13:20.123456      -                  lost  7 events are missing here: the log's reader was too slow
22:13:20.123456 #3   192.168.56.1:51234 closed normal  after 5.003 s  in 12 B  out 123 kB
                     LISTEN -> SYN_RCVD -> ESTABLISHED -> CLOSE_WAIT -> LAST_ACK -> CLOSED
summary after 3.000 s
  frames-in      7    drop-checksum  1
  tcplab why NAME explains a rule, a row or a state`,
  );
});

Deno.test("event text: one event is one line where the width is infinite", () => {
  assertEquals(
    "\n" + storyText({ width: Infinity }),
    `
22:13:20.123456 listening on 192.168.56.101:3333  echo  device veth0  mac 02:74:63:70:6c:01  capture immediate  filter arp or tcp
22:13:20.123456      192.168.56.1      --> arp request  who has 192.168.56.101? asks 192.168.56.1
22:13:20.123456      192.168.56.1      <-- icmp echo-reply
22:13:20.123456 #3   192.168.56.1:51234 --> 192.168.56.101:3333  SYN         seq 0                   len 0     SYN_RCVD     arrives.listen.syn  win 64240  mss 1460  sackOK  wscale 7  ts 1234567/0  segment 1
22:13:20.123456 #3   192.168.56.1:51234 <-- 192.168.56.101:3333  SYN,ACK     seq 0       ack 1       len 0     SYN_RCVD     arrives.listen.syn  win 65535  mss 1460  sackOK  wscale 7  ts 1234567/0  segment 2
22:13:20.123456 #3   192.168.56.1:51234 LISTEN -> SYN_RCVD         recv [SYN]            send [SYN, ACK]       RFC 9293 §3.10.7.2  arrives.listen.syn
22:13:20.123456 #3   192.168.56.1:51234 --> 192.168.56.101:3333  ACK         seq 146013  ack 100     len 0     ESTABLISHED  arrives.check5.ack  win 64256 (502)  sack 500..1000  sack 2000..3000
22:13:20.123456 #3   192.168.56.1:51234 data in   12 B
22:13:20.123456 #3   192.168.56.1:51234 retransmit fin  FIN, not acknowledged yet  seq 12  len 0  2 times so far  repeats segment 5
22:13:20.123456 #3   192.168.56.1:51234 fault drop in            PSH,ACK     seq 1       ack 100     len 12    lost on purpose
22:13:20.123456 #3   192.168.56.1:51234 --> 192.168.56.101:3333  FIN,PSH,ACK seq 13      ack 13      len 0     CLOSE_WAIT   x  win 64240
22:13:20.123456 #3   192.168.56.1:51234 ESTABLISHED -> CLOSE_WAIT  recv [FIN, PSH, ACK]  send [ACK]            RFC 9293 §3.10.7.2  x
22:13:20.123456 #3   192.168.56.1:51234 CLOSE_WAIT -> LAST_ACK     recv -                send [FIN, ACK]       RFC 9293 §3.10.4  user: user.close
22:13:20.123456 #3   192.168.56.1:51234 timer rto  armed  in 200.0 ms
22:13:20.123456 #3   192.168.56.1:51234 sample  cwnd 14480  ssthresh -  in flight 1  srtt 0.210 ms  rto 200.0 ms  the peer's window is shut  ours 65535
22:13:20.123456 #3   192.168.56.1:51234 drop  outside-window
22:13:20.123456      -                  drop  checksum
22:13:20.123456 #3   192.168.56.1:51234 application error  TypeError: x is not?a function
22:13:20.123456      -                  notice  lab0 has no carrier  carrier-lost
22:13:20.123456      -                  lost  7 events are missing here: the log's reader was too slow
22:13:20.123456 #3   192.168.56.1:51234 closed normal  after 5.003 s  in 12 B  out 123 kB  LISTEN -> SYN_RCVD -> ESTABLISHED -> CLOSE_WAIT -> LAST_ACK -> CLOSED
summary after 3.000 s: frames-in 7, drop-checksum 1`,
  );
});

Deno.test("event text: the clock on the wall is where the reader is", () => {
  assertStringIncludes(textLog({ utcOffsetMinutes: 330 })(sampleSegment()), "03:43:20.123456 ");
  assertStringIncludes(textLog({ utcOffsetMinutes: -600 })(sampleSegment()), "12:13:20.123456 ");
});

Deno.test("event text: a line that stands for many says for how many", () => {
  const log = textLog({ width: 90 });
  assertEquals(
    log({ event: "drop", time: SAMPLE_TIME, reason: "no-listener", count: 48211 }),
    "22:13:20.123456      -                 drop  no-listener  48211 of these in a second",
  );
  assertStringIncludes(log(sampleSegment({ count: 7 })), "7 of these in a second");
  assertStringIncludes(
    log({ event: "notice", time: SAMPLE_TIME, kind: "x", message: "y", count: 2 }),
    "notice  y  2 of these in a second",
  );
});

Deno.test("event text: neighbour discovery says who asks whom, and who is told", () => {
  const log = textLog({ width: Infinity });
  const ours = { sender: "fd00::101", senderMac: "02:00:00:00:00:01", target: "fd00::101" };
  const theirs = { sender: "fd00::9", senderMac: "02:00:00:00:00:09", target: "fd00::101" };
  const head = { event: "ndp", time: SAMPLE_TIME } as const;
  const lines = ([
    { ...head, direction: "recv", kind: "solicitation", ...theirs, to: "ff02::1:ff00:101" },
    { ...head, direction: "send", kind: "advertisement", ...ours, to: "fd00::9" },
    { ...head, direction: "recv", kind: "probe", ...theirs, sender: "::", to: "ff02::1:ff00:101", count: 5 },
    { ...head, direction: "send", kind: "announcement", ...ours, to: "ff02::1" },
  ] as const).map((event) => log(event).slice("22:13:20.123456".length).trim().replace(/ +/g, " "));
  assertEquals(lines, [
    "fd00::9 --> ndp solicitation who has fd00::101? asks fd00::9",
    "fd00::9 <-- ndp advertisement fd00::101 is at 02:00:00:00:00:01",
    ":: --> ndp probe who has fd00::101? (probe) 5 of these in a second",
    "fd00::101 <-- ndp announcement fd00::101 is at 02:00:00:00:00:01 (announcement)",
  ]);
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

Deno.test("event text: colour changes no letter, and tells connections apart", () => {
  const colored = storyText({ width: 120, color: true });
  assertEquals(colored.includes("\x1b["), true);
  assertEquals(stripAnsiCode(colored), storyText({ width: 120 }));
  const numberOf = (id: number) => {
    const text = textLog({ color: true })(sampleSegment({ id }));
    // deno-lint-ignore no-control-regex
    return /\x1b\[(\d+)m#/.exec(text)?.[1];
  };
  assertNotEquals(numberOf(1), undefined);
  assertEquals(new Set([1, 2, 3, 4, 5, 6, 7, 8].map(numberOf)).size, 8);
  assertEquals(numberOf(1), numberOf(11));
});

Deno.test("event text: the width is asked for again, and columns grow with numbers and never shrink", () => {
  let width = 80;
  const log = textLog({ width: () => width });
  const lines = (event: TcpEvent) => log(event).split("\n").length;
  assertEquals(lines(sampleSegment()), 3);
  width = 200;
  assertEquals(lines(sampleSegment()), 1);
  const stateAt = (relSeq: number, id = 1) => log(sampleSegment({ relSeq, id })).indexOf("SYN_RCVD");
  const before = stateAt(9_999_999);
  assertEquals(stateAt(123_456_789), before + 4);
  assertEquals(stateAt(1), before + 4);
  assertEquals(stateAt(1, 12345), before + 6);
  // A stranger's numbers are absolute, and widen nothing.
  log(sampleSegment({ relSeq: 4_000_000_000, state: "LISTEN" }));
  assertEquals(stateAt(1), before + 6);
});

Deno.test("event text: the time column in its forms", () => {
  const times = [SAMPLE_TIME, SAMPLE_TIME + 0.0005, SAMPLE_TIME + 2];
  const column = (time: TextLogOptions["time"]) => {
    const log = textLog({ ...(time === undefined ? {} : { time }), utcOffsetMinutes: 120 });
    return times.map((time) => log({ event: "drop", time, reason: "x" }).split(" - ")[0].trimEnd());
  };
  assertEquals(column("clock"), ["00:13:20.123456", "00:13:20.123956", "00:13:22.123456"]);
  assertEquals(column("none"), ["", "", ""]);
  assertEquals(
    textLog({ time: "none" })(sampleSegment({ id: 3 })).startsWith("#3   192.168.56.1:51234 --> "),
    true,
  );
  assertEquals(column("epoch"), ["1700000000.123456", "1700000000.123956", "1700000002.123456"]);
  assertEquals(column("date")[0], "2023-11-15 00:13:20.123456");
  assertEquals(column("delta"), ["00:00:00.000000", "00:00:00.000500", "00:00:01.999500"]);
  assertEquals(column("relative"), ["00:00:00.000000", "00:00:00.000500", "00:00:02.000000"]);
});

Deno.test("event text: any event, hostile text included, is lines without control characters", () => {
  fc.assert(fc.property(anyEvent, fc.integer({ min: 20, max: 250 }), (event, width) => {
    const text = textLog({ width })(event);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]/.test(text), JSON.stringify(text));
    const line = textLog({ width: Infinity })(event);
    assert(!line.includes("\n"), JSON.stringify(line));
  }));
});
