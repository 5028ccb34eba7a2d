/**
 * Slow start, congestion avoidance, the reaction to a timeout, restart after idle: RFC 5681 §3.1, §4.1 (MUST-19), with
 * the appropriate byte counting of RFC 3465 where it narrows it.
 *
 * "reno" where the text gives exact figures; what differs with CUBIC is in cubic_test.ts.
 */
import { assert, assertEquals } from "@std/assert";
import { BulkSender, MS_US, PLAIN_OPTIONS, range, SACK_OPTIONS, tenOut, twentyOut } from "./bulk_sender.ts";
import { SECOND_US } from "./wire_ends.ts";

const RENO = { tcp: { congestionControl: "reno" } } as const;
const CONTROLS = ["reno", "cubic"] as const;

/** Congestion avoidance with a window of ten: of twenty segments one was lost and recovered. */
function halved(): BulkSender {
  const bulk = twentyOut(RENO);
  bulk.passRtt();
  for (let sacked = 12; sacked <= 30; sacked++) bulk.acks(10, { sack: [[11, sacked]] });
  const highest = Math.max(...bulk.took().map(Number));
  bulk.passRtt();
  bulk.acks(highest + 1);
  bulk.took();
  assertEquals([bulk.info.recovery, bulk.ssthresh], ["open", 10]);
  return bulk;
}

/** Acknowledges all in flight, `step` segments an ACK; returns how many segments that let out. */
function round(bulk: BulkSender, step = 1): number {
  const { sndUna, sndNxt, iss } = bulk.info;
  const from = ((sndUna - iss - 1) >>> 0) / bulk.mss;
  const to = ((sndNxt - iss - 1) >>> 0) / bulk.mss;
  bulk.passRtt();
  return bulk.acksEach(from, to, step).length;
}

for (const congestionControl of CONTROLS) {
  Deno.test(`slow start: each ACK of a segment lets out two (${congestionControl}) (MUST-19, RFC 5681 §3.1)`, () => {
    const bulk = tenOut({ tcp: { congestionControl } });
    bulk.passRtt();
    for (let i = 0; i < 10; i++) {
      bulk.acks(i + 1);
      bulk.expects([10 + 2 * i, 11 + 2 * i]);
    }
    assertEquals(bulk.cwnd, 20);
  });

  Deno.test(`slow start doubles the window each round trip (${congestionControl}) (MUST-19, RFC 5681 §3.1)`, () => {
    const bulk = tenOut({ tcp: { congestionControl } });
    assertEquals([round(bulk), round(bulk), round(bulk), round(bulk)], [20, 40, 80, 160]);
  });

  Deno.test(`slow start: an ACK of two segments adds one to two segments, not more than it acknowledges (${congestionControl}) (MUST-19, RFC 5681 §3.1, RFC 3465 §2.2)`, () => {
    const bulk = tenOut({ tcp: { congestionControl } });
    bulk.passRtt();
    bulk.acks(2);
    const sent = bulk.took();
    assert(sent.length >= 3 && sent.length <= 4, `${sent.length} segments`);
    assertEquals(sent, range(10, 10 + sent.length));
  });

  Deno.test(`slow start: an ACK of many segments adds no more than it acknowledges (${congestionControl}) (MUST-19, RFC 3465 §2.1)`, () => {
    const bulk = tenOut({ tcp: { congestionControl } });
    bulk.passRtt();
    bulk.acks(10);
    const sent = bulk.took();
    assert(sent.length >= 11 && sent.length <= 20, `${sent.length} segments`);
  });

  Deno.test(`ACK division: pieces of a segment grow the window by what they acknowledge, not by a segment each (${congestionControl}) (RFC 5681 §3.1, min(N, SMSS))`, () => {
    const bulk = tenOut({ tcp: { congestionControl } });
    bulk.passRtt();
    for (let bytes = 146; bytes <= 1460; bytes += 146) bulk.peer.sends({ flags: "ACK", ack: 1 + bytes });
    assertEquals(bulk.info.cwnd, 11 * 1460);
    bulk.expects([10, 11]);
  });

  Deno.test(`ACKs that acknowledge nothing new grow nothing (${congestionControl}) (RFC 5681 §3.1)`, () => {
    const bulk = tenOut({ tcp: { congestionControl } });
    bulk.passRtt();
    // Window updates, an old ACK, text of the peer.
    bulk.acks(0, { window: 60_000 });
    bulk.acks(0, { window: 60_001 });
    bulk.peer.sends({ flags: "ACK", ack: 1, data: "text" });
    bulk.peer.sends({ flags: "ACK", ack: 1, data: "more" });
    assertEquals(bulk.cwnd, 10);
    assertEquals(bulk.took().filter((segment) => typeof segment === "number"), []);
  });

  Deno.test(`an application that sends little does not grow its window (${congestionControl}) (RFC 9438 §5.8, RFC 7661 §1)`, () => {
    const bulk = new BulkSender({ queued: 0, tcp: { congestionControl } });
    for (let i = 0; i < 50; i++) {
      bulk.writes(bulk.mss);
      bulk.expects([i]);
      bulk.passRtt();
      bulk.acks(i + 1);
    }
    bulk.writes(100 * bulk.mss);
    bulk.expects(range(50, 60), "still the initial window");
  });

  Deno.test(`the peer's window bounds what the congestion window would allow (${congestionControl}) (RFC 5681 §3.1)`, () => {
    // A window of 15 segments, in units of 128 bytes.
    const window = Math.floor(15 * 1460 / 128) + 1;
    const bulk = tenOut({ tcp: { congestionControl }, peer: { window } });
    bulk.passRtt();
    bulk.acks(10);
    const { sndWnd } = bulk.info;
    const sent = bulk.took();
    assertEquals(sent, range(10, 25));
    bulk.passRtt();
    bulk.acks(25);
    assertEquals(bulk.took(), range(25, 40));
    assert(sndWnd < 16 * 1460);
  });
}

Deno.test("congestion avoidance: about one segment more each round trip, never more (MUST-19, RFC 5681 §3.1)", () => {
  for (const step of [1, 2]) {
    const bulk = halved();
    round(bulk, step);
    const flights: number[] = [];
    for (let i = 0; i < 12; i++) flights.push(round(bulk, step));
    for (let i = 1; i < flights.length; i++) {
      const more = flights[i] - flights[i - 1];
      assert(more >= 0 && more <= 1, `flights ${flights}`);
    }
    const grown = flights[flights.length - 1] - flights[0];
    assert(grown >= 9 && grown <= 11, `flights ${flights}`);
  }
});

Deno.test("congestion avoidance: ACK division grows the window no faster (RFC 5681 §3.1, RFC 3465 §2.1)", () => {
  const bulk = halved();
  round(bulk);
  const before = bulk.info.cwnd;
  const { sndUna, sndNxt, iss } = bulk.info;
  bulk.passRtt();
  const end = (sndNxt - iss) >>> 0;
  for (let at = ((sndUna - iss) >>> 0) + 292; at <= end; at += 292) {
    bulk.peer.sends({ flags: "ACK", ack: at });
  }
  const grown = bulk.info.cwnd - before;
  assert(grown > 0 && grown <= bulk.mss, `${grown} bytes`);
});

Deno.test("a timeout: the window is one segment, ssthresh half of what was in flight (MUST-19, RFC 5681 §3.1 equation 4)", () => {
  for (const options of [SACK_OPTIONS, PLAIN_OPTIONS]) {
    const bulk = twentyOut({ ...RENO, options });
    bulk.lab.pass(150 * MS_US);
    bulk.silence();
    bulk.lab.pass(2 * SECOND_US);
    const sent = bulk.took();
    // A tail probe may have come before (new data, with SACK); the timer sends the first segment, and no other.
    assert(sent.includes(10) && sent.every((segment) => segment === 10 || segment === 30), `${sent}`);
    assertEquals(bulk.cwnd, 1);
    assertEquals(bulk.ssthresh, 10);
  }
});

Deno.test("a timeout of what was already sent again by a timeout leaves ssthresh alone (RFC 5681 §3.1)", () => {
  const bulk = twentyOut({ ...RENO, options: PLAIN_OPTIONS });
  const thresholds: number[] = [];
  for (let expiry = 0; expiry < 4; expiry++) {
    bulk.lab.pass((bulk.info.timers["rto"] ?? 0) + MS_US);
    bulk.expects([10]);
    thresholds.push(bulk.ssthresh);
  }
  assertEquals(thresholds, [10, 10, 10, 10]);
});

Deno.test("after a timeout slow start leads to ssthresh, and congestion avoidance from there (MUST-19, RFC 5681 §3.1)", () => {
  const bulk = twentyOut({ ...RENO, options: PLAIN_OPTIONS });
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  let flight = bulk.took().map(Number);
  assertEquals(flight, [10]);
  const flights: number[] = [];
  for (let i = 0; i < 8; i++) {
    bulk.passRtt();
    const next: number[] = [];
    for (const segment of flight) {
      bulk.acks(segment + 1);
      next.push(...bulk.took().map(Number));
    }
    flights.push(next.length);
    flight = next;
  }
  assertEquals(flights.slice(0, 3), [2, 4, 8]);
  assert(flights[3] === 10 || flights[3] === 11, `${flights}`);
  for (let i = 4; i < flights.length; i++) {
    assert(flights[i] - flights[i - 1] <= 1 && flights[i] >= flights[i - 1], `${flights}`);
  }
  assert(flights[7] >= 13, `${flights}`);
});

Deno.test("in slow start after a timeout an ACK adds one segment at most, whatever had arrived before (RFC 5681 §3.1, RFC 3465 §2.3)", () => {
  const bulk = twentyOut({ ...RENO, options: PLAIN_OPTIONS });
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([10]);
  bulk.passRtt();
  bulk.acks(30);
  bulk.expects([30, 31]);
});

Deno.test("after a timeout without SACK what was in flight is sent again in slow start (RFC 5681 §3.1, RFC 6298 §5.4)", () => {
  const bulk = twentyOut({ ...RENO, options: PLAIN_OPTIONS });
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([10]);
  bulk.passRtt();
  bulk.acks(11);
  bulk.expects([11, 12]);
  bulk.passRtt();
  bulk.acks(12);
  bulk.expects([13, 14]);
  bulk.acks(13);
  bulk.expects([15, 16]);
});

Deno.test("ssthresh comes from what is in flight, not from the window (RFC 5681 §3.1: FlightSize)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 30 * 1460, options: PLAIN_OPTIONS });
  bulk.expects(range(0, 10));
  bulk.passRtt();
  bulk.acksEach(0, 10);
  bulk.passRtt();
  bulk.acks(30);
  bulk.silence();
  assert(bulk.cwnd >= 20);
  bulk.writes(6 * bulk.mss);
  bulk.expects(range(30, 36));
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([30]);
  assertEquals(bulk.ssthresh, 3);
});

Deno.test("ssthresh is two segments at least (RFC 5681 §3.1 equation 4)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 1460, options: PLAIN_OPTIONS });
  bulk.expects([0]);
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([0]);
  assertEquals([bulk.ssthresh, bulk.cwnd], [2, 1]);
});

for (const congestionControl of CONTROLS) {
  Deno.test(`after an idle time longer than the RTO the window is the initial window again (${congestionControl}) (RFC 5681 §4.1)`, () => {
    const bulk = new BulkSender({ queued: 70 * 1460, tcp: { congestionControl } });
    bulk.took();
    for (let i = 0; i < 3; i++) round(bulk);
    assert(bulk.cwnd >= 40);
    assertEquals(bulk.info.sendQueue, 0);
    const threshold = bulk.info.ssthresh;
    bulk.lab.pass(5 * SECOND_US);
    bulk.writes(70 * bulk.mss);
    bulk.expects(range(70, 80));
    assertEquals(bulk.info.ssthresh, threshold, "ssthresh stays");
  });

  Deno.test(`text of the peer is no reason not to restart: what counts is when we sent data (${congestionControl}) (RFC 5681 §4.1)`, () => {
    const bulk = new BulkSender({ queued: 70 * 1460, tcp: { congestionControl } });
    bulk.took();
    for (let i = 0; i < 3; i++) round(bulk);
    for (let i = 0; i < 50; i++) {
      bulk.lab.pass(100 * MS_US);
      bulk.peer.sends({ flags: "PSH ACK", data: "a request" });
    }
    bulk.lab.pass(SECOND_US);
    bulk.peer.takeAll();
    bulk.peer.sends({ flags: "PSH ACK", data: "a request" });
    bulk.peer.takeAll();
    bulk.writes(70 * bulk.mss);
    const sent = bulk.took();
    assertEquals(sent, range(70, 80));
  });

  Deno.test(`a window below the initial one stays what it is after idle: min(IW, cwnd) (${congestionControl}) (RFC 5681 §4.1)`, () => {
    const bulk = new BulkSender({ queued: 10 * 1460, options: PLAIN_OPTIONS, tcp: { congestionControl } });
    bulk.expects(range(0, 10));
    bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
    bulk.expects([0]);
    bulk.passRtt();
    bulk.acks(10);
    const window = bulk.cwnd;
    assert(window < 10);
    bulk.lab.pass(60 * SECOND_US);
    bulk.writes(20 * bulk.mss);
    bulk.expects(range(10, 10 + Math.floor(window)));
  });

  Deno.test(`an idle time shorter than the RTO changes nothing (${congestionControl}) (RFC 5681 §4.1)`, () => {
    const bulk = new BulkSender({ queued: 30 * 1460, tcp: { congestionControl } });
    bulk.took();
    round(bulk);
    round(bulk);
    const window = Math.floor(bulk.cwnd);
    assert(window >= 20);
    bulk.lab.pass(50 * MS_US);
    bulk.writes(100 * bulk.mss);
    bulk.expects(range(30, 30 + window));
  });
}
