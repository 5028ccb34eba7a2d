/**
 * Tail loss probes by the clock (RFC 8985 §7.2), one at a time (§7.3), and what is left when they are over (§7.4); the
 * reordering timer (§6.3).
 */
import { assert, assertEquals } from "@std/assert";
import {
  type BulkOptions,
  BulkSender,
  MS_US,
  range,
  SACK_OPTIONS,
  tenOut,
  twentyOut,
} from "./bulk_sender.ts";
import { reachSynRcvd } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const RENO: BulkOptions = { tcp: { congestionControl: "reno" } };

/** What leaves within `us` from now, with the microseconds until then. */
function sentIn(bulk: BulkSender, us: number): [number | string, number][] {
  const startUs = bulk.lab.nowUs;
  bulk.lab.pass(us);
  return bulk.takes().map((seen): [number | string, number] => [bulk.numberOf(seen), seen.atUs - startUs]);
}

Deno.test("the probe comes after two round trips when more than one segment is out, to the microsecond (RFC 8985 §7.2)", () => {
  for (const rttMs of [20, 33, 100, 400]) {
    const bulk = new BulkSender({ ...RENO, rttUs: rttMs * MS_US, queued: 0 });
    bulk.writes(3 * bulk.mss);
    bulk.expects([0, 1, 2]);
    assertEquals(bulk.info.timers, { tlp: 2 * rttMs * MS_US });
    assertEquals(sentIn(bulk, 2 * rttMs * MS_US - 1), []);
    assertEquals(sentIn(bulk, 1), [[2, 1]]);
  }
});

Deno.test("a lone segment has 200 ms more, for the peer's delayed ACK; one octet beyond it has not (RFC 8985 §7.2)", () => {
  const tcp = { ...RENO.tcp, rtoMinUs: 5 * SECOND_US, noDelay: true };
  for (const [bytes, more] of [[1, 200], [1460, 200], [1461, 0]]) {
    const bulk = new BulkSender({ tcp, queued: 0 });
    bulk.app.write(bytes);
    bulk.peer.takeAll();
    assertEquals(bulk.info.timers, { tlp: 200 * MS_US + more * MS_US });
  }
});

Deno.test("the probe waits 10 ms at least (local choice beside RFC 8985 §7.2)", () => {
  const bulk = new BulkSender({ ...RENO, rttUs: 2 * MS_US, queued: 0 });
  bulk.writes(3 * bulk.mss);
  bulk.expects([0, 1, 2]);
  assertEquals(bulk.info.timers, { tlp: 10 * MS_US });
});

Deno.test("nothing measured: the probe comes after a second (RFC 8985 §7.2)", () => {
  // A SYN-ACK that was sent twice gives no sample, and an RTO of 3 s.
  const { lab, peer, app } = reachSynRcvd({ options: SACK_OPTIONS });
  lab.pass(SECOND_US + 100 * MS_US);
  peer.expects({ flags: "SYN ACK", seq: 0 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  app.write("abc");
  peer.expects({ flags: "ACK", seq: 1, data: "abc" });
  assertEquals([app.connection.info().srttUs, app.connection.info().timers], [0, { tlp: SECOND_US }]);
  lab.pass(SECOND_US - 1);
  peer.expectsSilence();
  lab.pass(1);
  peer.expects({ flags: "ACK", seq: 1, data: "abc" });
});

Deno.test("where the RTO is shorter the probe takes its place, and the timeout follows it (RFC 8985 §7.2, §7.3)", () => {
  // RTTVAR goes towards zero, so that the RTO becomes SRTT and a little, with two round trips still the PTO.
  const bulk = new BulkSender({ tcp: { congestionControl: "reno", rtoMinUs: 1000 }, queued: 0 });
  for (let i = 0; i < 40; i++) {
    bulk.writes(2 * bulk.mss);
    bulk.took();
    bulk.passRtt();
    bulk.acks(2 * (i + 1));
  }
  bulk.writes(2 * bulk.mss);
  bulk.took();
  const { rtoUs, srttUs, timers } = bulk.info;
  assert(rtoUs < 2 * srttUs, `RTO ${rtoUs}`);
  assertEquals(timers, { tlp: rtoUs });
  bulk.lab.pass(rtoUs);
  assertEquals(bulk.resent(), ["tlp"]);
  assertEquals(bulk.info.timers, { rto: rtoUs });
  bulk.lab.pass(rtoUs);
  assertEquals(bulk.resent(), ["tlp", "rto"]);
});

Deno.test("one probe of new data at a time: the next deadline is the RTO, counted from the probe (RFC 8985 §7.3)", () => {
  const bulk = tenOut(RENO);
  assertEquals(sentIn(bulk, 200 * MS_US), [[10, 200 * MS_US]]);
  assertEquals(bulk.info.timers, { rto: 300 * MS_US });
  // The window is full, and the probe is out: silence until the timeout.
  assertEquals(sentIn(bulk, 300 * MS_US - 1), []);
  assertEquals(sentIn(bulk, 1), [[0, 1]]);
  assertEquals(bulk.resent(), ["rto"]);
});

Deno.test("a probe of new data is one segment, of a full window or of a small rest (RFC 8985 §7.3)", () => {
  for (const rest of [1, 1000, 1460, 1461, 5000]) {
    const bulk = tenOut({ ...RENO, queued: 10 * 1460 + rest });
    bulk.lab.pass(200 * MS_US);
    const seen = bulk.takes();
    assertEquals(seen.map(({ seq, data }) => [seq, data.length]), [[bulk.seqOf(10), Math.min(rest, 1460)]]);
    assertEquals([bulk.info.cwnd, bulk.ssthresh], [10 * 1460, 0], "the window is as it was");
  }
});

Deno.test("what Nagle keeps leaves as a probe (RFC 8985 §7.3)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 0 });
  bulk.writes(100);
  bulk.writes(2 * bulk.mss + 100);
  assertEquals(bulk.takes().map(({ data }) => data.length), [100, 1460, 1460]);
  bulk.lab.pass(200 * MS_US);
  assertEquals(bulk.takes().map(({ seq, data }) => [seq, data.length]), [[bulk.seqOf(2) + 100, 100]]);
  bulk.passRtt();
  bulk.peer.sends({ flags: "ACK", ack: bulk.seqOf(2) + 200 });
  assertEquals(bulk.resent(), []);
});

Deno.test("a probe of what Nagle held leaves Nagle as it was: the next small write waits (RFC 8985 §7.3, SHLD-7)", () => {
  for (const noDelay of [false, true]) {
    const bulk = new BulkSender({ tcp: { ...RENO.tcp, noDelay }, queued: 0 });
    bulk.writes(2 * bulk.mss);
    bulk.writes(10);
    bulk.writes(10);
    assertEquals(bulk.took().length, noDelay ? 4 : 3);
    bulk.lab.pass(bulk.info.timers["tlp"]);
    assertEquals(bulk.takes().map(({ data }) => data.length), [10], "the probe");
    bulk.writes(10);
    assertEquals(bulk.took().length, noDelay ? 1 : 0);
  }
});

Deno.test("what a probe of new data repaired is no loss, also after an earlier probe that sent again (RFC 8985 §7.4.2)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 0 });
  bulk.writes(4 * bulk.mss);
  bulk.expects([0, 1, 2, 3]);
  // A probe that sends again what had arrived, and the peer says so.
  assertEquals(sentIn(bulk, 200 * MS_US).map(([segment]) => segment), [3]);
  bulk.acks(4, { sack: [[3, 4]] });
  bulk.silence();
  assertEquals(bulk.ssthresh, 0);
  // A measured round trip, and a probe of new data.
  bulk.writes(30 * bulk.mss);
  const flight = bulk.took().length;
  assert(flight >= 10);
  bulk.passRtt();
  bulk.acks(5);
  const next = Math.max(...bulk.took().map(Number));
  bulk.lab.pass(bulk.info.timers["tlp"]);
  bulk.expects([next + 1], "the probe");
  bulk.passRtt();
  bulk.acks(next + 2);
  bulk.took();
  bulk.passRtt();
  bulk.acks(next + 3);
  assertEquals([bulk.ssthresh, bulk.resent()], [0, ["tlp"]]);
});

Deno.test("an ACK of all that was out before the probe does not judge it: what comes next does (RFC 8985 §7.4)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 0 });
  bulk.writes(4 * bulk.mss);
  bulk.expects([0, 1, 2, 3]);
  bulk.lab.pass(200 * MS_US);
  bulk.expects([3]);
  bulk.acks(4);
  assertEquals(bulk.ssthresh, 0, "the original or the copy: nobody knows yet");
  bulk.writes(2 * bulk.mss);
  bulk.expects([4, 5]);
  bulk.passRtt();
  bulk.acks(6);
  assertEquals(bulk.ssthresh, 2, "no D-SACK came for the copy, so the original was lost");
});

Deno.test("no probe after a timeout until something has been measured (RFC 8985 §7.2)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 0 });
  bulk.writes(2 * bulk.mss);
  bulk.expects([0, 1]);
  bulk.lab.pass(200 * MS_US);
  bulk.expects([1]);
  bulk.lab.pass(300 * MS_US);
  bulk.expects([0]);
  bulk.acks(2);
  bulk.writes(2 * bulk.mss);
  bulk.took();
  assertEquals(Object.keys(bulk.info.timers), ["rto"], "backed off");
  bulk.passRtt();
  bulk.acks(4);
  bulk.writes(2 * bulk.mss);
  bulk.took();
  assertEquals(Object.keys(bulk.info.timers), ["tlp"]);
});

// The reordering timer

Deno.test("the reordering timer marks what is lost and sends one segment; the next ACKs let out the rest (RFC 8985 §6.3, RFC 6937 §3)", () => {
  const bulk = twentyOut(RENO);
  bulk.passRtt();
  // 10, 11 and 12 are missing, two are SACKed beyond them: the window of 25 ms is waited for.
  bulk.acks(10, { sack: [[13, 15]] });
  assertEquals(bulk.took(), [30, 31]);
  assertEquals(bulk.info.timers, { rack: 25 * MS_US });
  assertEquals(sentIn(bulk, 25 * MS_US - 1), []);
  assertEquals(sentIn(bulk, 1), [[10, 1]]);
  assertEquals([bulk.info.recovery, bulk.ssthresh, bulk.info.lostBytes], ["recovery", 10, 3 * 1460]);
  // In proportion to what is delivered: at most one an ACK, the lost ones first.
  const later: (number | string)[] = [];
  for (let end = 16; end <= 30; end++) {
    bulk.acks(10, { sack: [[13, end]] });
    const sent = bulk.took();
    assert(sent.length <= 1, `${sent}`);
    later.push(...sent);
  }
  assertEquals(later.slice(0, 2), [11, 12]);
});

Deno.test("holes of different age are judged when the youngest's time has come (RFC 8985 §6.2 step 5: the longest remaining)", () => {
  const bulk = new BulkSender({ ...RENO, queued: 0 });
  bulk.writes(2 * bulk.mss);
  bulk.expects([0, 1]);
  bulk.lab.pass(10 * MS_US);
  bulk.writes(2 * bulk.mss);
  bulk.expects([2, 3]);
  bulk.passRtt();
  // 3 left 100 ms ago and arrived; 2 left with it, 0 and 1 before.
  bulk.acks(0, { sack: [[3, 4]] });
  bulk.silence();
  assertEquals(bulk.info.timers, { rack: 25 * MS_US });
  assertEquals(sentIn(bulk, 25 * MS_US - 1), []);
  assertEquals(sentIn(bulk, 1), [[0, 1]]);
  assertEquals([bulk.info.lostBytes, Object.keys(bulk.info.timers)], [3 * 1460, ["rto"]]);
});

Deno.test("while a probe of new data is out no other is arranged; its ACK allows the next (RFC 8985 §7.2, §7.3)", () => {
  const bulk = tenOut(RENO);
  bulk.lab.pass(200 * MS_US);
  bulk.expects([10]);
  bulk.acks(5);
  bulk.took();
  assertEquals(Object.keys(bulk.info.timers), ["rto"], "the probe is not acknowledged");
  bulk.acks(10);
  bulk.took();
  assertEquals(Object.keys(bulk.info.timers), ["rto"]);
  bulk.acks(11);
  bulk.took();
  assertEquals(Object.keys(bulk.info.timers), ["tlp"]);
});

Deno.test("a tail of which nothing is SACKed is not judged by time: the probe comes (RFC 8985 §7.1)", () => {
  const bulk = tenOut({ ...RENO, queued: 10 * 1460 });
  bulk.passRtt();
  bulk.acks(5);
  bulk.silence();
  assertEquals(Object.keys(bulk.info.timers), ["tlp"]);
  assertEquals(sentIn(bulk, 200 * MS_US).map(([segment]) => segment), range(9, 10));
});
