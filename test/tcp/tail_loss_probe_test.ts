/**
 * The tail loss probe: when it is sent, what it holds, what its answer says. RFC 8985 §7.
 */
import { assert, assertEquals } from "@std/assert";
import {
  type BulkAck,
  type BulkOptions,
  BulkSender,
  MS_US,
  range,
  SACK_OPTIONS,
  STAMPED_OPTIONS,
  tenOut,
} from "./bulk_sender.ts";
import { SECOND_US } from "./wire_ends.ts";

const RENO: BulkOptions = { tcp: { congestionControl: "reno" } };
type Blocks = NonNullable<BulkAck["sack"]>;

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

/** `segments` are out, and nothing else is queued; the round trip is 100 ms, the RTO 300 ms. */
function tail(segments: number, options: BulkOptions = RENO): BulkSender {
  const mss = options.options?.timestamps === undefined ? 1460 : 1448;
  const bulk = new BulkSender({ ...options, queued: segments * mss });
  bulk.expects(range(0, segments));
  return bulk;
}

Deno.test("nothing new to send: the last segment is sent again after two round trips (RFC 8985 §7.2, §7.3)", () => {
  const bulk = tail(5);
  const again = resentIn(bulk, 290 * MS_US, 30);
  assertEquals(again.length, 1);
  near(again[0], 4, 200);
  assertEquals(bulk.resent(), ["tlp"]);
  assertEquals(bulk.info.retransmits, 1, "the segment has left twice, as ss counts it");
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

/** The echo of a SACK is that of what came before the hole (RFC 7323 §4.3): with timestamps and without, the course is the same. */
const WITH_OPTIONS: readonly (readonly [string, BulkOptions])[] = [
  ["without timestamps", { ...RENO, options: SACK_OPTIONS }],
  ["with timestamps", { ...RENO, options: STAMPED_OPTIONS }],
];

for (const [kind, options] of WITH_OPTIONS) {
  Deno.test(`two segments lost at the tail, ${kind}: the probe's SACK sends the first of them again at once (RFC 8985 §7.4.1, §3.2)`, () => {
    const bulk = tail(10, options);
    bulk.passRtt();
    bulk.acks(8);
    const { srttUs } = bulk.info;
    near(resentIn(bulk, 2 * srttUs + 2 * MS_US, 30)[0], 9, 2 * srttUs / MS_US);
    bulk.passRtt();
    assertEquals(after(bulk, 8, [[9, 10]]), [8]);
    assertEquals([bulk.info.recovery, bulk.resent()], ["recovery", ["tlp", "fast"]]);
    bulk.passRtt();
    bulk.acks(10);
    bulk.lab.pass(2 * SECOND_US);
    bulk.silence();
    assertEquals([bulk.info.recovery, bulk.info.retransmits], ["open", 2]);
  });
}

Deno.test("a SACK sooner than the shortest round trip after the probe is of its original: nothing before it is lost yet (RFC 8985 §6.2 step 2)", () => {
  for (const [kind, options] of WITH_OPTIONS) {
    const bulk = tail(10, options);
    bulk.passRtt();
    bulk.acks(8);
    const { srttUs } = bulk.info;
    near(resentIn(bulk, 2 * srttUs + 2 * MS_US, 30)[0], 9, 2 * srttUs / MS_US);
    bulk.lab.pass(50 * MS_US);
    assertEquals(after(bulk, 8, [[9, 10]]), [], kind);
    bulk.lab.pass(30 * MS_US);
    bulk.silence(kind);
    bulk.acks(10);
    assertEquals([bulk.ssthresh, bulk.resent()], [0, ["tlp"]], kind);
  }
});

Deno.test("the probe's SACK shows the tail before it lost: fast recovery instead of a timeout (RFC 8985 §7.4.1, §3.2)", () => {
  for (const [, options] of WITH_OPTIONS) probeShowsTail(options);
});

function probeShowsTail(options: BulkOptions): void {
  const bulk = tail(10, options);
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
}

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

Deno.test("after a timeout what left just before it is not sent again, when its SACK comes in time (RFC 8985 §6.3)", () => {
  const bulk = tail(3);
  assertEquals(resentIn(bulk, 210 * MS_US, 30), [[2, 200]]);
  bulk.lab.pass(240 * MS_US);
  bulk.writes(2 * bulk.mss);
  // Two new segments 50 ms before the timeout.
  bulk.expects([3, 4]);
  bulk.lab.pass(60 * MS_US);
  bulk.expects([0]);
  bulk.lab.pass(40 * MS_US);
  const again = after(bulk, 0, [[3, 5]]);
  bulk.lab.pass(50 * MS_US);
  bulk.acks(1, { sack: [[3, 5]] });
  again.push(...bulk.took());
  bulk.passRtt();
  bulk.acks(2, { sack: [[3, 5]] });
  again.push(...bulk.took());
  assertEquals(again, [1, 2]);
});

Deno.test("the probe is the small segment that Nagle's rule held back (RFC 8985 §7.3, SHLD-7)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 3 * 1460 + 100 });
  const first = bulk.takes();
  const held = first.length === 3;
  bulk.lab.pass(290 * MS_US);
  const probes = bulk.takes();
  assertEquals(probes.length, 1);
  assertEquals([probes[0].seq, probes[0].data.length], [1 + 3 * 1460, 100]);
  assertEquals(bulk.resent(), held ? [] : ["tlp"]);
});

Deno.test("text of the peer neither puts the probe off nor brings it on (RFC 8985 §7.2)", () => {
  const bulk = tail(5);
  const startUs = bulk.lab.nowUs;
  for (let i = 0; i < 25; i++) {
    bulk.lab.pass(10 * MS_US);
    bulk.peer.sends({ flags: "ACK", ack: 1, data: "some text" });
  }
  const probes = bulk.takes().filter(({ data }) => data.length > 0);
  assertEquals(probes.map((seen) => [bulk.numberOf(seen), Math.round((seen.atUs - startUs) / MS_US)]), [[
    4,
    200,
  ]]);
});
