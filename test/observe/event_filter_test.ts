/**
 * What a log tells: kinds, and expressions about connections with the place of what is wrong in them.
 */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ExpressionError, parseExpression } from "../../src/observe/event_expression.ts";
import { eventFilter, LOG_KINDS, type LogKind, USUAL_KINDS } from "../../src/observe/event_filter.ts";
import type { TcpEvent } from "../../src/tcp/events.ts";
import {
  anyEvent,
  SAMPLE_CONNECTION,
  SAMPLE_TIME,
  sampleSegment,
  sampleTransition,
} from "./sample_events.ts";

const time = SAMPLE_TIME;
const about = { time, connection: SAMPLE_CONNECTION, id: 3 };
const other = "192.168.56.101:5000-[2001:db8::7]:40000";

const ONE_OF_EACH: readonly TcpEvent[] = [
  sampleSegment({ id: 3 }),
  sampleTransition({ id: 3 }),
  { ...about, event: "data", direction: "recv", length: 12 },
  { ...about, event: "retransmit", kind: "rto", seq: 1, relSeq: 1, length: 1, count: 1 },
  { ...about, event: "drop", reason: "outside-window" },
  { ...about, event: "fault", direction: "recv", kind: "drop", frameBytes: 66 },
  {
    event: "arp",
    time,
    direction: "recv",
    kind: "request",
    sender: "192.168.56.1",
    senderMac: "02:00:00:00:00:01",
    target: "192.168.56.101",
  },
  {
    event: "ndp",
    time,
    direction: "send",
    kind: "advertisement",
    sender: "fd00::101",
    senderMac: "02:00:00:00:00:02",
    target: "fd00::101",
    to: "fd00::1",
  },
  {
    event: "icmp",
    time,
    direction: "send",
    kind: "echo-reply",
    type: 0,
    code: 0,
    from: "192.168.56.101",
    to: "192.168.56.1",
  },
  { ...about, event: "timer", timer: "rto", action: "fired" },
  { ...about, event: "sample", cwnd: 1, ssthresh: 1, inFlight: 1, srttUs: 1, rtoUs: 1, sndWnd: 1, rcvWnd: 1 },
  { event: "notice", time, kind: "carrier-lost", message: "x" },
];

const ALWAYS: readonly TcpEvent[] = [
  { event: "listening", time, device: "d", ip: "i", mac: "m", port: 1, app: "a", capture: "c", filter: "f" },
  { ...about, event: "application-error", message: "x" },
  { ...about, event: "closed", reason: "normal", bytesIn: 0, bytesOut: 0, durationMs: 0, states: [] },
  { event: "lost", time, count: 1 },
  { event: "summary", time, durationMs: 0, counters: {} },
];

function told(kinds: readonly LogKind[] | undefined): string[] {
  return ONE_OF_EACH.filter(eventFilter(kinds === undefined ? {} : { kinds })).map(({ event }) => event);
}

Deno.test("event filter: each kind shows its own events, and nothing else", () => {
  assertEquals(LOG_KINDS.map((kind) => told([kind])), ONE_OF_EACH.map(({ event }) => [event]));
  assertEquals(told([]), []);
  assertEquals(told(undefined), told(USUAL_KINDS));
  assertEquals(
    ONE_OF_EACH.map(({ event }) => event).filter((event) => !told(undefined).includes(event)),
    ["timer", "sample"],
  );
});

Deno.test("event filter: ends belong to no kind, and are always told", () => {
  assertEquals(ALWAYS.filter(eventFilter({ kinds: [] })), ALWAYS);
});

/** Which of these an expression lets pass, by place. */
function passing(expression: string, events: readonly TcpEvent[]): number[] {
  const passes = eventFilter({ kinds: LOG_KINDS, only: parseExpression(expression) });
  return events.map((event, place) => passes(event) ? place : -1).filter((place) => place >= 0);
}

Deno.test("event filter: ports, peers and numbers, and their combinations", () => {
  const events = [
    sampleSegment({ id: 3 }),
    sampleSegment({ id: 4, connection: other }),
    sampleSegment({ connection: other, state: "LISTEN" }),
  ];
  const cases: readonly (readonly [string, number[]])[] = [
    ["port 3333", [0]],
    ["port 40000", [1, 2]],
    ["peer 192.168.56.1", [0]],
    ["peer 192.168.56.101", []],
    ["peer 192.168.0.0/16", [0]],
    ["peer 2001:db8::7", [1, 2]],
    ["peer [2001:db8::7]", [1, 2]],
    ["peer 2001:db8::/32", [1, 2]],
    ["peer 0.0.0.0/0", [0]],
    ["id 3", [0]],
    ["id 4 or id 3", [0, 1]],
    ["not id 3", [1, 2]],
    ["not not id 3", [0]],
    ["port 5000 and not id 4", [2]],
    // "and" binds closer than "or".
    ["id 3 or port 5000 and id 4", [0, 1]],
    ["(id 3 or port 5000) and id 4", [1]],
    ["NOT (id 3 OR id 4)", [2]],
    ["!(id 3||id 4)&&port 5000", [2]],
    ["peer 10.0.0.2 and port 5000", []],
  ];
  for (const [expression, expected] of cases) {
    assertEquals([expression, passing(expression, events)], [expression, expected]);
  }
});

Deno.test("event filter: a state is a segment's, both of a transition's, and the connection's for all else", () => {
  const data = { ...about, event: "data", direction: "recv", length: 1 } as const;
  const events: readonly TcpEvent[] = [
    data,
    sampleSegment(),
    sampleTransition(),
    data,
    sampleTransition({ from: "SYN_RCVD", to: "ESTABLISHED" }),
    data,
    { ...data, connection: other },
    {
      ...about,
      event: "closed",
      reason: "reset-by-peer",
      bytesIn: 0,
      bytesOut: 0,
      durationMs: 0,
      states: ["LISTEN", "SYN_RCVD", "ESTABLISHED", "CLOSED"],
    },
    data,
  ];
  assertEquals(passing("state SYN_RCVD", events), [1, 2, 3, 4, 7]);
  // As `tcplab why` and `tcplab netstat` understand them.
  for (const name of ["syn-rcvd", "syn-recv", "SYN-RECEIVED"]) {
    assertEquals(passing(`state ${name}`, events), [1, 2, 3, 4, 7]);
  }
  assertEquals(passing("state ESTABLISHED", events), [4, 5, 7]);
  assertEquals(passing("state LISTEN", events), [2, 7]);
  assertEquals(passing("state CLOSED", events), [7]);
});

Deno.test("event filter: neighbours are peers; a drop of nobody matches nothing; what concerns all passes", () => {
  const [arp, icmp] = ONE_OF_EACH.filter(({ event }) => event === "arp" || event === "icmp");
  const drop: TcpEvent = { event: "drop", time, reason: "checksum" };
  const notice: TcpEvent = { event: "notice", time, kind: "carrier-lost", message: "x" };
  const ofConnection: TcpEvent = { ...notice, connection: other };
  const events = [arp, icmp, drop, notice, ofConnection, ...ALWAYS];
  assertEquals(passing("peer 192.168.56.1", events), [0, 1, 3, 5, 6, 7, 8, 9]);
  assertEquals(passing("port 1", events), [3, 5, 8, 9]);
});

Deno.test("event filter: the peer of a message of neighbor discovery is who asks, or is asked or answered", () => {
  const ndp = {
    event: "ndp",
    time,
    sender: "fd00::101",
    senderMac: "02:00:00:00:00:02",
    target: "fd00::9",
    to: "fd00::1",
  } as const;
  const events: readonly TcpEvent[] = [
    { ...ndp, direction: "recv", kind: "advertisement" },
    { ...ndp, direction: "send", kind: "advertisement" },
    { ...ndp, direction: "send", kind: "solicitation" },
  ];
  assertEquals(passing("peer fd00::101", events), [0]);
  assertEquals(passing("peer fd00::1", events), [1]);
  assertEquals(passing("peer fd00::9", events), [2]);
});

Deno.test("event filter: any event is judged, whatever its texts", () => {
  const passes = eventFilter({ only: parseExpression("not (peer 10.0.0.1 or state LISTEN or port 1)") });
  fc.assert(fc.property(anyEvent, (event) => typeof passes(event) === "boolean"));
});

Deno.test("event expression: what is wrong is pointed at", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["", "expected state, port, peer, id, not or ( at character 1: >>><<<"],
    [
      "peer 10.0.0.2 and prot 5000",
      "expected state, port, peer, id, not or ( at character 19: peer 10.0.0.2 and >>>prot<<< 5000",
    ],
    ["port x5000", "expected a port, 1 to 65535 at character 6: port >>>x5000<<<"],
    ["port 0", "expected a port, 1 to 65535 at character 6: port >>>0<<<"],
    ["port 65536", "expected a port, 1 to 65535 at character 6: port >>>65536<<<"],
    ["port", "expected a port, 1 to 65535 at character 5: port>>><<<"],
    ["id -1", "expected a connection's number, from 1 on at character 4: id >>>-1<<<"],
    ["peer 10.0.0", "expected an address, as 10.0.0.2 or 10.0.0.0/8 at character 6: peer >>>10.0.0<<<"],
    ["port 1 port 2", 'expected "and", "or" or the end at character 8: port 1 >>>port<<< 2'],
    ["port 1 and", "expected state, port, peer, id, not or ( at character 11: port 1 and>>><<<"],
    ["(port 1", 'expected "and", "or" or ")" at character 8: (port 1>>><<<'],
    ["port 1)", 'expected "and", "or" or the end at character 7: port 1>>>)<<<'],
    ["port 1 & port 2", 'expected "and", "or" or the end at character 8: port 1 >>>&<<< port 2'],
  ];
  for (const [expression, message] of cases) {
    const error = assertThrows(() => parseExpression(expression), ExpressionError);
    assertEquals(error.message, message);
  }
  const error = assertThrows(() => parseExpression("state OPEN"), ExpressionError);
  assertEquals(
    /^expected a state \(.*\bTIME_WAIT\b.*\) at character 7: state >>>OPEN<<<$/.test(error.message),
    true,
  );
  assertThrows(() => parseExpression("(".repeat(100_000)), ExpressionError, "at most 100 levels");
  assertThrows(() => parseExpression("not ".repeat(100_000)), ExpressionError, "at most 100 levels");
});
