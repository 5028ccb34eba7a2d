/**
 * ICMP that lies: what a message may do to a connection that lives (RFC 5927; RFC 1191 §3, §6.3, §6.5; RFC 4821 §7.6).
 *
 * Types and codes are literal here, as RFC 792 has them.
 */
import { assert, assertEquals, assertGreater, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { type BulkOptions, BulkSender, MS_US, tenOut, twentyOut } from "./bulk_sender.ts";
import { FAMILY, HEADERS, IS_IPV6, LAB_MTU } from "./family.ts";
import { sendsIcmp } from "./icmp_craft.ts";
import type { Peer } from "./peer.ts";
import {
  type Fixture,
  type FixtureOptions,
  reachCloseWait,
  reachClosing,
  reachEstablished,
  reachFinWait1,
  reachLastAck,
  reachSynRcvd,
  reachSynSent,
} from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** What is hard (RFC 792), and what of ICMPv6 is like it (RFC 4443 §3.1). */
const HARD: readonly (readonly [string, { readonly type: number; readonly code: number }])[] = IS_IPV6
  ? [["port unreachable", { type: 1, code: 4 }]]
  : [["protocol unreachable", { type: 3, code: 2 }], ["port unreachable", { type: 3, code: 3 }]];
const TOO_BIG = IS_IPV6 ? { type: 2, code: 0 } : { type: 3, code: 4 };
const ALL = IS_IPV6
  ? [[1, 0], [1, 1], [1, 2], [1, 3], [1, 4], [1, 5], [1, 6], [2, 0], [3, 0], [4, 0], [4, 1]]
  : [[3, 0], [3, 1], [3, 2], [3, 3], [3, 4], [3, 5], [11, 0], [12, 0]];
const NARROW = Math.max(1000, FAMILY.leastPathMtu);
/** The least path that is believed, and what a segment holds on it. */
const LEAST = FAMILY.leastPathMtu;
const LEAST_MSS = LEAST - HEADERS;

/** The letter of RFC 9293 §3.9.2.2. */
const LETTER = { icmpHardErrors: "abort", noDelay: false } as const;
const MINUTE_US = 60 * SECOND_US;

/** Synchronized, with `una` to `next - 1` in flight. */
const IN_FLIGHT: readonly {
  readonly name: string;
  readonly reach: (options?: FixtureOptions) => Fixture;
  readonly text: string;
  readonly una: number;
  readonly next: number;
}[] = [
  { name: "ESTABLISHED", reach: reachEstablished, text: "abc", una: 1, next: 4 },
  { name: "CLOSE_WAIT", reach: reachCloseWait, text: "abc", una: 1, next: 4 },
  { name: "FIN_WAIT_1", reach: reachFinWait1, text: "", una: 1, next: 2 },
  { name: "CLOSING", reach: reachClosing, text: "", una: 1, next: 2 },
  { name: "LAST_ACK", reach: reachLastAck, text: "", una: 1, next: 2 },
];

for (const [name, error] of HARD) {
  for (const { name: state, reach, text, una, next } of IN_FLIGHT) {
    Deno.test(`${state}: ICMP ${name} about what is in flight is advice, the connection lives (RFC 5927 §5.2)`, () => {
      const { lab, peer, app } = reach();
      if (text !== "") app.write(text);
      peer.takeAll();
      lab.takeTransitions();
      for (let seq = una; seq < next; seq++) sendsIcmp(peer, { ...error, seq });
      peer.expectsSilence();
      assertEquals(lab.takeTransitions(), []);
      assertGreaterOrEqual(app.advice.length, 1, "the application is told");
      assertEquals([app.state, app.closed.length], [state, 0]);
      peer.sends({ flags: "ACK", ack: next });
      assertEquals(app.connection.unackedBytes, 0);
    });
  }

  Deno.test(`icmpHardErrors "abort": ICMP ${name} about what is in flight ends it, about other numbers not (SHLD-26, RFC 5927 §4.1)`, () => {
    for (const { reach, text, una, next } of IN_FLIGHT) {
      const { lab, peer, app } = reach({ tcp: LETTER });
      if (text !== "") app.write(text);
      peer.takeAll();
      for (const seq of [una - 1, next, next + 1, una - 100_000, next + 100_000]) {
        sendsIcmp(peer, { ...error, seq });
      }
      assertEquals([app.advice.length, app.closed.length], [0, 0]);
      sendsIcmp(peer, { ...error, seq: next - 1 });
      assertEquals(app.closed.length, 1);
      assertEquals(lab.host.connections().length, 0);
    }
  });

  Deno.test(`ICMP ${name} about our SYN: refused, with or without the option (SHLD-26, RFC 5927 §5.2)`, () => {
    for (const options of [{}, { tcp: LETTER }]) {
      const { lab, peer, app } = reachSynSent(options);
      for (const seq of [-1, 1, 2]) sendsIcmp(peer, { ...error, seq });
      assertEquals(app.state, "SYN_SENT", "another number");
      lab.takeTransitions();
      sendsIcmp(peer, { ...error, seq: 0 });
      peer.expectsSilence();
      assertEquals(lab.takeTransitions(), ["SYN_SENT>CLOSED"]);
      assertEquals(app.closed, ["refused"]);
    }
  });

  Deno.test(`ICMP ${name} about our SYN, ACK ends the half-open connection (SHLD-26, RFC 5927 §5.2)`, () => {
    const { lab, peer } = reachSynRcvd();
    sendsIcmp(peer, { ...error, seq: 1 });
    assertEquals(lab.host.connections().length, 1);
    sendsIcmp(peer, { ...error, seq: 0 });
    assertEquals(lab.host.connections().length, 0);
    peer.expectsSilence();
  });

  Deno.test(`ICMP ${name}: 65,536 messages through the whole number space do not end a download (RFC 5927 §5)`, () => {
    const bulk = tenOut();
    for (let guess = 0; guess < 0x1_0000; guess++) {
      sendsIcmp(bulk.peer, { ...error, seq: guess * 0x1_0000 });
    }
    // And one that is right.
    sendsIcmp(bulk.peer, { ...error, seq: 1 });
    bulk.silence();
    assertEquals([bulk.app.state, bulk.app.closed.length], ["ESTABLISHED", 0]);
    assertEquals(bulk.acksEach(0, 10).length, 20);
  });
}

Deno.test("ICMP about numbers that are not in flight tells nothing, whatever it says (RFC 5927 §4.1)", () => {
  for (const [type, code] of ALL) {
    const { lab, peer, app } = reachEstablished();
    app.write(3000);
    peer.takeAll();
    peer.sends({ flags: "ACK", ack: 1461 });
    peer.takeAll();
    const { sendMss } = app.connection.info();
    // Before SND.UNA (acknowledged by now), and from SND.NXT on.
    for (const seq of [0, 1, 1460, 3001, 3002, 70_000, -70_000]) {
      sendsIcmp(peer, { type, code, seq, rest: type === TOO_BIG.type && code === TOO_BIG.code ? LEAST : 0 });
    }
    peer.expectsSilence();
    assertEquals([app.advice.length, app.closed.length], [0, 0]);
    assertEquals(app.connection.info().sendMss, sendMss);
    lab.expectsNoStrays();
  }
});

// Too big

function tooBig(peer: Peer, seq: number, mtu: number): void {
  sendsIcmp(peer, { ...TOO_BIG, seq, rest: mtu });
}

Deno.test("too big: only about a segment that is larger than what is said to fit (RFC 5927 §7.2)", () => {
  const { lab, peer, app } = reachEstablished({ tcp: { noDelay: true } });
  app.write(100);
  app.write(4 * 1460);
  assertEquals(peer.takeAll().map(({ data }) => data.length), [100, 1460, 1460, 1460, 1460]);
  // The first has 140 bytes: no router drops it for so few.
  tooBig(peer, 1, NARROW);
  peer.expectsSilence();
  assertEquals(app.connection.info().sendMss, 1460);
  tooBig(peer, 101, LAB_MTU);
  peer.expectsSilence();
  assertEquals(app.connection.info().sendMss, 1460);
  tooBig(peer, 101, NARROW);
  assertEquals(app.connection.info().sendMss, NARROW - HEADERS);
  lab.expectsNoStrays();
});

Deno.test("too big about a lone small segment is a lie (RFC 5927 §7.2)", () => {
  for (const mtu of [68, 576, 1000, 1280, 1400]) {
    const { peer, app } = reachEstablished();
    app.write(20);
    peer.takeAll();
    tooBig(peer, 1, mtu);
    peer.expectsSilence();
    assertEquals(app.connection.info().sendMss, 1460);
  }
});

const RENO: BulkOptions = { tcp: { congestionControl: "reno" } };

for (const reach of [tenOut, twentyOut]) {
  for (const congestionControl of ["reno", "cubic"] as const) {
    Deno.test(`too big is no congestion (${reach.name}, ${congestionControl}): windows stay, the segment leaves again at once in pieces that fit (RFC 1191 §6.5)`, () => {
      const bulk = reach({ tcp: { congestionControl } });
      bulk.passRtt();
      const { sndUna, iss, cwnd, ssthresh, sndNxt } = bulk.info;
      const una = (sndUna - iss) >>> 0;
      tooBig(bulk.peer, una, NARROW);
      const again = bulk.takes();
      assertEquals([bulk.info.cwnd, bulk.info.ssthresh, bulk.info.backoff], [cwnd, ssthresh, 0]);
      assertEquals(bulk.info.sndNxt, sndNxt, "nothing new instead of what was dropped");
      let covered = una;
      for (const { seq, data, packet } of again) {
        assertLessOrEqual(packet.packetBytes, NARROW);
        if (seq <= covered) covered = Math.max(covered, seq + data.length);
      }
      assertGreaterOrEqual(covered, una + 1460, "the whole segment, and at once");
    });
  }
}

Deno.test("what leaves again because it was too big is not told as a timeout (RFC 1191 §6.5)", () => {
  const bulk = tenOut();
  bulk.passRtt();
  tooBig(bulk.peer, 1, NARROW);
  assertGreaterOrEqual(bulk.takes().length, 2);
  assertEquals(bulk.resent().filter((kind) => kind === "rto"), []);
});

/** Sends and acknowledges a full write every ten seconds; returns the largest segment of the last one. */
function trickles(bulk: BulkSender, us: number): number {
  let largest = 0;
  for (const endUs = bulk.lab.nowUs + us; bulk.lab.nowUs < endUs;) {
    bulk.lab.pass(Math.min(10 * SECOND_US, endUs - bulk.lab.nowUs));
    bulk.writes(2920);
    largest = 0;
    for (let rounds = 0; bulk.info.sendQueue > 0; rounds++) {
      assert(rounds < 20, "what is written is sent");
      largest = Math.max(largest, ...bulk.takes().map(({ data }) => data.length));
      bulk.peer.sends({ flags: "ACK", ack: bulk.peer.seen });
      if (bulk.info.sendQueue > 0) bulk.lab.pass(100 * MS_US);
    }
  }
  return largest;
}

/** A sender to whom a stranger has said that so few bytes fit. */
function deceived(options: BulkOptions = {}): BulkSender {
  const bulk = tenOut({ ...RENO, ...options, queued: 14_600 });
  tooBig(bulk.peer, 1, LEAST);
  assertEquals(bulk.info.sendMss, LEAST_MSS);
  bulk.takes();
  bulk.acks(10);
  bulk.takes();
  return bulk;
}

Deno.test("after a false path MTU the old size comes back: not before five minutes, by ten at the latest (RFC 1191 §3, §6.3, RFC 4821 §7)", () => {
  const bulk = deceived();
  assertEquals(trickles(bulk, 5 * MINUTE_US - 20 * SECOND_US), LEAST_MSS);
  assertEquals(trickles(bulk, 6 * MINUTE_US), 1460);
  assertEquals(bulk.info.sendMss, 1460);
});

Deno.test("pathMtuLifeUs says how long a path MTU is believed (RFC 1191 §6.3)", () => {
  const life = { pathMtuLifeUs: 20 * MINUTE_US, congestionControl: "reno" } as const;
  const bulk = deceived({ tcp: life });
  assertEquals(trickles(bulk, 19 * MINUTE_US), LEAST_MSS);
  assertEquals(trickles(bulk, 2 * MINUTE_US), 1460);
});

Deno.test("a path that is narrow indeed is found narrow again: one flight is repaired, nothing stalls (RFC 1191 §3, §6.3)", () => {
  const bulk = deceived();
  bulk.lab.pass(11 * MINUTE_US);
  bulk.writes(14_600);
  const { cwnd } = bulk.info;
  let arrived = bulk.peer.seen;
  let refused = 0;
  for (let rounds = 0; bulk.info.sendQueue > 0; rounds++) {
    assert(rounds < 40, "the stream gets through");
    for (const { seq, data, packet } of bulk.takes()) {
      if (packet.packetBytes > LEAST) {
        refused += 1;
        tooBig(bulk.peer, seq, LEAST);
      } else if (seq <= arrived) arrived = Math.max(arrived, seq + data.length);
    }
    bulk.passRtt();
    bulk.peer.sends({ flags: "ACK", ack: arrived });
  }
  assertGreater(refused, 0, "the old size was tried");
  assertLessOrEqual(refused, 10, "in one flight");
  assertEquals(bulk.info.sendMss, LEAST_MSS);
  assertGreaterOrEqual(bulk.info.cwnd, cwnd, "no congestion");
});
