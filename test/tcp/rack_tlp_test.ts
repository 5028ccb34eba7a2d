/**
 * RACK and the tail loss probe: RFC 8985 §6 (reordering window, losses by time), §7 (when to probe, with what, what
 * the answer says).
 */
import { assert, assertEquals } from "@std/assert";
import {
  type BulkAck,
  type BulkOptions,
  BulkSender,
  MS_US,
  PLAIN_OPTIONS,
  range,
  STAMPED_OPTIONS,
  tenOut,
  twentyOut,
} from "./bulk_sender.ts";
import { SECOND_US } from "./wire_ends.ts";

const RENO: BulkOptions = { tcp: { congestionControl: "reno" } };
type Blocks = NonNullable<BulkAck["sack"]>;

/** Segments 10 to 29 left at one instant, one round trip of 100 ms ago; the reordering window is 25 ms. */
function waiting(options: BulkOptions = RENO): BulkSender {
  const bulk = twentyOut(options);
  bulk.passRtt();
  return bulk;
}

function after(bulk: BulkSender, upTo: number, sack: Blocks): (number | string)[] {
  bulk.acks(upTo, { sack });
  return bulk.took();
}

/** Segments before `below` that were sent, with the milliseconds until then. */
function resentIn(bulk: BulkSender, us: number, below: number): [number, number][] {
  const startUs = bulk.lab.nowUs;
  bulk.lab.pass(us);
  return bulk.takes()
    .map((seen): [number, number] => [Number(bulk.numberOf(seen)), (seen.atUs - startUs) / MS_US])
    .filter(([segment]) => segment < below);
}

function near([segment, ms]: [number, number], wanted: number, wantedMs: number): void {
  assertEquals(segment, wanted);
  // RFC 8985 §6.2 step 5; a timer may have a grain of its own.
  assert(ms >= wantedMs - 0.01 && ms <= wantedMs + 2, `after ${ms} ms instead of ${wantedMs}`);
}

// Reordering window, RFC 8985 §6.2.

Deno.test("a hole with one or two segments SACKed beyond it is lost after a quarter of the round trip (RFC 8985 §6.2 steps 4 and 5, §6.3)", () => {
  for (const sacked of [1, 2]) {
    const bulk = waiting();
    after(bulk, 10, [[11, 11 + sacked]]);
    const again = resentIn(bulk, 60 * MS_US, 30);
    assertEquals(again.length, 1, `${sacked} SACKed`);
    near(again[0], 10, 25);
    assertEquals([bulk.info.recovery, bulk.ssthresh], ["recovery", 10]);
  }
});

Deno.test("a segment that comes within the reordering window was never lost (RFC 8985 §6.2)", () => {
  const bulk = waiting();
  after(bulk, 10, [[11, 13]]);
  assertEquals(resentIn(bulk, 20 * MS_US, 30), []);
  bulk.acks(13);
  assertEquals(resentIn(bulk, 60 * MS_US, 30), []);
  assertEquals(bulk.ssthresh, 0);
});

Deno.test("the window counts from when the hole's segment left: old holes are lost at once (RFC 8985 §6.2 step 5)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 0 });
  bulk.writes(bulk.mss);
  bulk.expects([0]);
  bulk.lab.pass(40 * MS_US);
  bulk.writes(bulk.mss);
  bulk.expects([1]);
  bulk.passRtt();
  // 0 left 140 ms ago, more than the round trip of 100 ms and the window of 25 ms.
  assertEquals(after(bulk, 0, [[1, 2]]), [0]);
});

Deno.test("segments that left later than the newest delivered one are not judged yet (RFC 8985 §6.2 step 5)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 0 });
  bulk.writes(2 * bulk.mss);
  bulk.expects([0, 1]);
  bulk.lab.pass(90 * MS_US);
  bulk.writes(2 * bulk.mss);
  bulk.expects([2, 3]);
  bulk.lab.pass(10 * MS_US);
  after(bulk, 0, [[1, 2]]);
  const again = resentIn(bulk, 60 * MS_US, 30);
  assertEquals(again.length, 1);
  near(again[0], 0, 25);
});

Deno.test("three segments SACKed and no reordering seen: no window, lost at once (RFC 8985 §6.2 step 4)", () => {
  const bulk = waiting();
  assertEquals(after(bulk, 10, [[11, 14]])[0], 10);
});

/** Reordering was seen: 10 came after 11 and 12, with nothing sent again. */
function reordered(options: BulkOptions = RENO): BulkSender {
  const bulk = waiting(options);
  after(bulk, 10, [[11, 13]]);
  bulk.acks(13);
  bulk.took();
  return bulk;
}

Deno.test("where reordering was seen, three SACKed segments are no loss before the window has passed (RFC 8985 §6.2 steps 3 and 4)", () => {
  const bulk = reordered();
  for (const end of [15, 16, 17, 18, 19, 20]) {
    assertEquals(after(bulk, 13, [[14, end]]).filter((segment) => Number(segment) < 30), []);
  }
  const again = resentIn(bulk, 60 * MS_US, 30);
  assertEquals(again.length, 1);
  near(again[0], 13, 25);
});

Deno.test("where reordering was seen, late segments cost nothing, however many overtook them (RFC 8985 §6.2)", () => {
  const bulk = reordered();
  after(bulk, 13, [[14, 25]]);
  assertEquals(resentIn(bulk, 15 * MS_US, 30), []);
  bulk.acks(25);
  assertEquals(resentIn(bulk, 60 * MS_US, 30), []);
  assertEquals([bulk.ssthresh, bulk.resent()], [0, []]);
});

Deno.test("a D-SACK widens the reordering window by another quarter (RFC 8985 §6.2 step 4)", () => {
  const bulk = reordered();
  // 13 is sent again for nothing after 25 ms, and the peer says so.
  after(bulk, 13, [[14, 25]]);
  near(resentIn(bulk, 30 * MS_US, 30)[0], 13, 25);
  bulk.acks(30);
  bulk.took();
  bulk.passRtt();
  bulk.acks(30, { sack: [[13, 14]] });
  bulk.took();
  // A new flight with a hole; all of recovery is over.
  const { sndNxt, iss } = bulk.info;
  const next = ((sndNxt - iss - 1) >>> 0) / bulk.mss;
  bulk.acks(next);
  const flight = bulk.took().map(Number);
  assertEquals(flight[0], next);
  const { minRttUs } = bulk.info;
  bulk.passRtt();
  after(bulk, next, [[next + 1, next + 5]]);
  const again = resentIn(bulk, 90 * MS_US, next + 1);
  assertEquals(again.length, 1);
  near(again[0], next, 2 * minRttUs / 4 / MS_US);
});

Deno.test("the reordering window is never more than SRTT (RFC 8985 §6.2 step 4)", () => {
  const bulk = reordered({ ...RENO, queued: 1_000_000, peer: { window: Math.ceil(40 * 1460 / 128) } });
  let next = 13;
  // Ten D-SACKs, each in a round trip of its own.
  for (let i = 0; i < 10; i++) {
    const { sndNxt, iss } = bulk.info;
    const end = ((sndNxt - iss - 1) >>> 0) / bulk.mss;
    bulk.acks(end, { sack: [[next - 1, next]] });
    bulk.took();
    next = end;
    bulk.passRtt();
  }
  assert(bulk.info.duplicatesReported >= 10);
  const { srttUs } = bulk.info;
  after(bulk, next, [[next + 1, next + 5]]);
  const again = resentIn(bulk, 190 * MS_US, next + 1);
  assertEquals(again.length, 1);
  near(again[0], next, srttUs / MS_US);
});

Deno.test("after sixteen recoveries without a D-SACK the reordering window is a quarter again (RFC 8985 §6.2 step 4, reo_wnd_persist)", () => {
  const bulk = reordered({ ...RENO, queued: 1_000_000, peer: { window: Math.ceil(40 * 1460 / 128) } });
  const number = (seq: number) => ((seq - bulk.info.iss - 1) >>> 0) / bulk.mss;
  const waits: number[] = [];
  /** A hole at the left edge that is found lost, and filled; how long it took. */
  const loseOne = (duplicate: number | null) => {
    bulk.took();
    while (number(bulk.info.sndNxt) - number(bulk.info.sndUna) < 6) {
      bulk.passRtt();
      bulk.acks(number(bulk.info.sndNxt));
      bulk.took();
    }
    const una = number(bulk.info.sndUna);
    bulk.passRtt();
    after(bulk, una, [[una + 1, una + 4]]);
    const [again] = resentIn(bulk, 90 * MS_US, una + 1);
    assertEquals(again?.[0], una);
    bulk.passRtt();
    bulk.acks(number(bulk.info.sndNxt), duplicate === null ? {} : { sack: [[duplicate, duplicate + 1]] });
    waits.push(Math.round(again[1]));
  };
  loseOne(12);
  for (let i = 0; i < 17; i++) loseOne(null);
  const quarter = Math.round(bulk.info.minRttUs / 4 / MS_US);
  assertEquals(waits[0], quarter);
  assertEquals(waits.slice(1, 15), Array.from({ length: 14 }, () => 2 * quarter));
  assertEquals(waits[17], quarter);
});

Deno.test("a lost retransmission is found lost by what was sent after it, without a timeout (RFC 8985 §6.2, §3.1)", () => {
  const bulk = waiting();
  const sent = after(bulk, 10, [[11, 14]]).map(Number);
  assertEquals(sent[0], 10);
  for (let end = 15; end <= 30; end++) sent.push(...after(bulk, 10, [[11, end]]).map(Number));
  const highest = Math.max(...sent);
  assert(highest > 32);
  bulk.passRtt();
  // What recovery sent arrives, but not 10.
  const again = after(bulk, 10, [[11, highest + 1]]);
  assertEquals(again.filter((segment) => Number(segment) <= highest), [10]);
  assertEquals(bulk.resent().filter((kind) => kind === "rto"), []);
  assertEquals(bulk.info.recovery, "recovery");
});

Deno.test("an ACK of the original right after it was sent again is no round trip of the retransmission (RFC 8985 §6.2 step 2)", () => {
  const bulk = waiting();
  after(bulk, 10, [[11, 13]]);
  near(resentIn(bulk, 26 * MS_US, 30)[0], 10, 25);
  // The original comes 4 ms later: 14 to 29 left long before the retransmission and are not lost for that.
  bulk.lab.pass(3 * MS_US);
  bulk.acks(13);
  assertEquals(resentIn(bulk, 20 * MS_US, 30), []);
  bulk.acks(30);
  assertEquals(resentIn(bulk, 20 * MS_US, 30), []);
});

Deno.test("with timestamps the echo tells the original from the retransmission (RFC 8985 §6.2 step 2)", () => {
  const bulk = waiting({ ...RENO, options: STAMPED_OPTIONS });
  const original = bulk.peer.hostTimestamp;
  after(bulk, 10, [[11, 13]]);
  near(resentIn(bulk, 26 * MS_US, 30)[0], 10, 25);
  // Later than the shortest round trip, but the echo is older than the retransmission.
  bulk.lab.pass(110 * MS_US);
  bulk.took();
  bulk.acks(13, { echo: original });
  assertEquals(bulk.took().filter((segment) => Number(segment) < 30), []);
});

Deno.test("the reordering timer and the retransmission timer: what is due first (RFC 8985 §8)", () => {
  const bulk = waiting();
  after(bulk, 10, [[11, 12]]);
  bulk.lab.pass(24 * MS_US);
  assertEquals(bulk.took(), []);
  bulk.lab.pass(3 * MS_US);
  assertEquals(bulk.took(), [10]);
  assertEquals(bulk.resent(), ["fast"]);
});

Deno.test("without SACK nothing is judged by time (RFC 8985 §3)", () => {
  const bulk = waiting({ ...RENO, options: PLAIN_OPTIONS });
  bulk.acks(10);
  bulk.acks(10);
  bulk.took();
  assertEquals(resentIn(bulk, 80 * MS_US, 30), []);
});

// Tail loss probes, RFC 8985 §7.

/** `segments` are out, and nothing else is queued; the round trip is 100 ms, the RTO 300 ms. */
function tail(segments: number, options: BulkOptions = RENO): BulkSender {
  const bulk = new BulkSender({ ...options, queued: segments * 1460 });
  bulk.expects(range(0, segments));
  return bulk;
}

Deno.test("nothing new to send: the last segment is sent again after two round trips (RFC 8985 §7.2, §7.3)", () => {
  const bulk = tail(5);
  const again = resentIn(bulk, 290 * MS_US, 30);
  assertEquals(again.length, 1);
  near(again[0], 4, 200);
  assertEquals(bulk.resent(), ["tlp"]);
});

Deno.test("the time to the probe begins anew with each ACK of new data (RFC 8985 §7.2)", () => {
  const bulk = tail(8);
  bulk.passRtt();
  bulk.acks(3);
  bulk.lab.pass(50 * MS_US);
  bulk.acks(5);
  const { srttUs } = bulk.info;
  const again = resentIn(bulk, 290 * MS_US, 30);
  assertEquals(again[0][0], 7);
  const due = 2 * srttUs / MS_US;
  near(again[0], 7, due);
});

Deno.test("the time to the probe begins anew with new data (RFC 8985 §7.2)", () => {
  const bulk = tail(3);
  bulk.lab.pass(90 * MS_US);
  bulk.writes(2 * bulk.mss);
  bulk.expects([3, 4]);
  const again = resentIn(bulk, 205 * MS_US, 30);
  assertEquals(again.length, 1);
  near(again[0], 4, 200);
});

Deno.test("the probe is never later than the timeout would be (RFC 8985 §7.2)", () => {
  const bulk = tail(5);
  bulk.passRtt();
  bulk.acks(1);
  bulk.passRtt();
  bulk.acks(2);
  const { rtoUs } = bulk.info;
  const again = resentIn(bulk, rtoUs + MS_US, 30);
  assert(again.length >= 1 && again[0][1] * MS_US <= rtoUs + 1, `${again}, RTO ${rtoUs}`);
});

Deno.test("one segment out: time for the peer's delayed ACK too (RFC 8985 §7.2, TLP.max_ack_delay)", () => {
  const bulk = tail(1, { ...RENO, rttUs: 20 * MS_US });
  // 2 SRTT are 40 ms; the RTO is 200 ms at least.
  assertEquals(resentIn(bulk, 75 * MS_US, 30), []);
  const again = resentIn(bulk, 130 * MS_US, 30);
  assertEquals(again.length, 1);
  assertEquals(again[0][0], 0);
});

Deno.test("the probe is new data where there is some, though the congestion window is full (RFC 8985 §7.3)", () => {
  const bulk = tenOut(RENO);
  const startUs = bulk.lab.nowUs;
  bulk.lab.pass(290 * MS_US);
  const probes = bulk.takes();
  assertEquals(probes.map((seen) => bulk.numberOf(seen)), [10]);
  assert(Math.abs(probes[0].atUs - startUs - 200 * MS_US) <= 2 * MS_US);
  assertEquals(bulk.cwnd, 10, "the window stays");
});

Deno.test("new data that the peer's window does not allow is no probe: the last segment again (RFC 8985 §7.3)", () => {
  const window = Math.ceil(10 * 1460 / 128);
  const bulk = tenOut({ ...RENO, peer: { window } });
  assertEquals(resentIn(bulk, 290 * MS_US, 30).map(([segment]) => segment), [9]);
});

Deno.test("the probe of a small last segment is that segment, FIN and all (RFC 8985 §7.3)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 3 * 1460 + 100 });
  bulk.app.closeWrite();
  const first = bulk.takes();
  const last = first[first.length - 1];
  assert(last.flags === "FIN ACK");
  bulk.lab.pass(290 * MS_US);
  const probes = bulk.takes();
  assertEquals(probes.length, 1);
  assertEquals([probes[0].flags, probes[0].seq + probes[0].data.length], ["FIN ACK", 1 + 3 * 1460 + 100]);
});

Deno.test("one probe at a time; then the retransmission timer, counted from the probe (RFC 8985 §7.3)", () => {
  const bulk = tail(5);
  const startUs = bulk.lab.nowUs;
  bulk.lab.pass(1000 * MS_US);
  const sent = bulk.takes().map((seen) => [bulk.numberOf(seen), Math.round((seen.atUs - startUs) / MS_US)]);
  assertEquals(sent.slice(0, 2), [[4, 200], [0, 500]]);
  assertEquals(bulk.resent().slice(0, 2), ["tlp", "rto"]);
});

Deno.test("no second probe without a measured round trip since the first (RFC 8985 §7.3)", () => {
  const bulk = tail(5);
  bulk.lab.pass(SECOND_US);
  assertEquals(bulk.took().slice(0, 2), [4, 0]);
  assertEquals(bulk.resent().filter((kind) => kind === "tlp").length, 1);
  bulk.lab.pass(20 * SECOND_US);
  assertEquals(bulk.resent().filter((kind) => kind === "tlp").length, 1);
});

Deno.test("a measured round trip allows the next probe (RFC 8985 §7.3)", () => {
  const bulk = tail(5);
  assertEquals(resentIn(bulk, 210 * MS_US, 30).length, 1);
  bulk.lab.pass(50 * MS_US);
  bulk.acks(5);
  bulk.writes(5 * bulk.mss);
  bulk.took();
  bulk.passRtt();
  bulk.acks(7);
  bulk.lab.pass(2 * bulk.info.srttUs + 2 * MS_US);
  assertEquals(bulk.took(), [9]);
  assertEquals(bulk.resent(), ["tlp", "tlp"]);
});

Deno.test("no probe while segments are SACKed beyond a hole, nor in recovery (RFC 8985 §7.2)", () => {
  const bulk = tail(6);
  bulk.passRtt();
  after(bulk, 0, [[1, 2]]);
  assertEquals(bulk.took(), []);
  bulk.lab.pass(SECOND_US);
  bulk.took();
  assertEquals(bulk.resent().filter((kind) => kind === "tlp"), []);
});

Deno.test("the probe's SACK shows the tail before it lost: fast recovery instead of a timeout (RFC 8985 §7.4.1, §3.2)", () => {
  const bulk = tail(10);
  bulk.passRtt();
  bulk.acks(6);
  const { srttUs } = bulk.info;
  near(resentIn(bulk, 2 * srttUs + 2 * MS_US, 30)[0], 9, 2 * srttUs / MS_US);
  bulk.passRtt();
  const again = after(bulk, 6, [[9, 10]]);
  assertEquals(again[0], 6);
  assertEquals(bulk.info.recovery, "recovery");
  for (let i = 0; i < 3; i++) {
    bulk.passRtt();
    const last = again[again.length - 1];
    again.push(...after(bulk, last === 8 ? 10 : Number(last) + 1, last === 8 ? [] : [[9, 10]]));
  }
  assertEquals(again, [6, 7, 8]);
  assertEquals(bulk.resent().filter((kind) => kind === "rto"), []);
});

/** The last of ten segments was lost, and sent again as a probe; all before it is acknowledged. */
function probed(options: BulkOptions = RENO): BulkSender {
  const bulk = tail(10, options);
  bulk.passRtt();
  bulk.acks(8);
  bulk.lab.pass(2 * bulk.info.srttUs + 2 * MS_US);
  bulk.expects([9]);
  bulk.passRtt();
  return bulk;
}

Deno.test("a probe that repaired a loss is a sign of congestion: the window is reduced (RFC 8985 §7.4.2)", () => {
  const bulk = probed();
  bulk.acks(10);
  bulk.silence();
  bulk.writes(bulk.mss);
  bulk.took();
  bulk.passRtt();
  bulk.acks(11);
  const { ssthresh, cwnd } = bulk.info;
  assert(ssthresh > 0 && ssthresh < 10 * bulk.mss, `ssthresh ${ssthresh}`);
  assert(cwnd < 10 * bulk.mss, `window ${cwnd}`);
});

Deno.test("a probe whose original had arrived, by D-SACK: nothing is reduced (RFC 8985 §7.4.2)", () => {
  const bulk = probed();
  bulk.acks(10, { sack: [[9, 10]] });
  bulk.writes(bulk.mss);
  bulk.took();
  bulk.passRtt();
  bulk.acks(11);
  assertEquals(bulk.ssthresh, 0);
  assert(bulk.cwnd >= 10);
});

Deno.test("a probe and its original both acknowledged, by a duplicate ACK without SACK: nothing is reduced (RFC 8985 §7.4.2)", () => {
  const bulk = probed();
  bulk.acks(10);
  bulk.acks(10);
  bulk.writes(bulk.mss);
  bulk.took();
  bulk.passRtt();
  bulk.acks(11);
  assertEquals(bulk.ssthresh, 0);
});

Deno.test("a probe of new data says nothing of loss: nothing is reduced (RFC 8985 §7.4.2)", () => {
  const bulk = tenOut(RENO);
  bulk.lab.pass(210 * MS_US);
  bulk.expects([10]);
  bulk.lab.pass(20 * MS_US);
  bulk.acks(11);
  bulk.took();
  bulk.passRtt();
  bulk.acks(13);
  assertEquals(bulk.ssthresh, 0);
});

Deno.test("text is not probed while the peer's window is shut: the window probe does that (RFC 8985 §7.3, RFC 9293 §3.8.6.1)", () => {
  const bulk = tenOut(RENO);
  bulk.passRtt();
  bulk.acks(10, { window: 0 });
  bulk.silence();
  bulk.lab.pass(SECOND_US);
  bulk.took();
  assertEquals(bulk.resent().filter((kind) => kind === "tlp"), []);
});

Deno.test("a timeout marks all that left long ago lost, and nothing younger (RFC 8985 §6.3)", () => {
  const bulk = tail(3);
  assertEquals(resentIn(bulk, 210 * MS_US, 30), [[2, 200]]);
  bulk.lab.pass(240 * MS_US);
  bulk.writes(2 * bulk.mss);
  // Two new segments 50 ms before the timeout.
  bulk.expects([3, 4]);
  bulk.lab.pass(60 * MS_US);
  bulk.expects([0]);
  bulk.passRtt();
  bulk.acks(1);
  const next = bulk.took();
  assertEquals(next.filter((segment) => segment === 3 || segment === 4), []);
  assertEquals(next[0], 1);
});
