/**
 * Recovery by the figures: what a partial ACK, a timeout inside recovery and a proof of needlessness do to threshold,
 * window and marks (RFC 5681 §3.1 equation 4, RFC 6582 §3.2, RFC 6298 §5.4, RFC 3522, RFC 3708, RFC 8985 §6).
 */
import { assert, assertEquals } from "@std/assert";
import {
  type BulkOptions,
  BulkSender,
  MS_US,
  PLAIN_OPTIONS,
  range,
  SACK_OPTIONS,
  STAMPED_OPTIONS,
  STAMPED_PLAIN_OPTIONS,
  tenOut,
  twentyOut,
} from "./bulk_sender.ts";

const RENO = { congestionControl: "reno" } as const;
const PLAIN: BulkOptions = { options: PLAIN_OPTIONS, tcp: RENO };
const SACK: BulkOptions = { options: SACK_OPTIONS, tcp: RENO };

/** Segments 10 to 29 are out, one round trip of 100 ms ago. */
function waiting(options: BulkOptions): BulkSender {
  const bulk = twentyOut(options);
  bulk.passRtt();
  return bulk;
}

function edge(bulk: BulkSender): number {
  return ((bulk.info.sndNxt - bulk.info.iss - 1) >>> 0) / bulk.mss;
}

/** Figures in segments. */
function figures(bulk: BulkSender) {
  const { mss, info } = bulk;
  const { inFlight, sackedBytes, lostBytes, resentBytes, recovery } = info;
  return {
    recovery,
    window: bulk.cwnd,
    threshold: bulk.ssthresh,
    inFlight: inFlight / mss,
    sacked: sackedBytes / mss,
    lost: lostBytes / mss,
    resent: resentBytes / mss,
  };
}

function duplicates(bulk: BulkSender, upTo: number, count: number): (number | string)[] {
  const out: (number | string)[] = [];
  for (let i = 0; i < count; i++) {
    bulk.acks(upTo);
    out.push(...bulk.took());
  }
  return out;
}

Deno.test("a partial ACK: the next hole at once, and the duplicates that it explains no longer count (RFC 6582 §3.2 step 5)", () => {
  const bulk = waiting(PLAIN);
  assertEquals(duplicates(bulk, 10, 17), [30, 31, 10, 32, 33, 34, 35, 36]);
  const before = { recovery: "recovery", window: 10, threshold: 10, inFlight: 10, lost: 1, resent: 1 };
  assertEquals(figures(bulk), { ...before, sacked: 17 });
  bulk.passRtt();
  // 10, 11 and 12: three duplicates were of them or stand for them.
  bulk.acks(13);
  bulk.expects([13]);
  assertEquals(figures(bulk), { ...before, sacked: 14 });
  bulk.acks(14);
  bulk.expects([14]);
  assertEquals(figures(bulk), { ...before, sacked: 13 });
  // Part of a segment counts as one.
  bulk.peer.sends({ flags: "ACK", ack: bulk.seqOf(14) + 500 });
  assertEquals(bulk.info.sackedBytes, 12 * bulk.mss);
  assertEquals(bulk.info.recovery, "recovery");
});

Deno.test("a partial ACK does not grow the window, whatever the controller (RFC 6582 §3.2 step 5, RFC 6937 §3)", () => {
  for (const [congestionControl, window] of [["reno", 10], ["cubic", 14]] as const) {
    const bulk = waiting({ options: PLAIN_OPTIONS, tcp: { congestionControl } });
    duplicates(bulk, 10, 17);
    assertEquals(bulk.cwnd, window);
    bulk.passRtt();
    for (const upTo of [13, 20, 29]) {
      bulk.acks(upTo);
      bulk.took();
      assertEquals([bulk.info.recovery, bulk.cwnd <= window], ["recovery", true], `window ${bulk.cwnd}`);
    }
  }
});

Deno.test("each recovery counts its deliveries from its own beginning (RFC 6937 §3)", () => {
  const bulk = waiting(SACK);
  const recoveries: (number | string)[][] = [];
  for (let recovery = 0; recovery < 3; recovery++) {
    const una = edge(bulk) - Math.round((bulk.info.sndNxt - bulk.info.sndUna) / bulk.mss);
    const end = edge(bulk);
    // Each ACK SACKs one more; what leaves is told as distances from the left edge.
    const sent: (number | string)[] = [];
    for (let upTo = una + 4; upTo <= end; upTo++) {
      bulk.acks(una, { sack: [[una + 1, upTo]] });
      sent.push(...bulk.took());
      assert(bulk.info.inFlight <= bulk.info.cwnd + bulk.mss);
    }
    assertEquals(sent[0], una);
    // Half of the flight at the beginning, and no more: ssthresh.
    const flight = end - una;
    assertEquals(bulk.ssthresh, Math.max(2, flight / 2));
    assert(sent.length <= Math.ceil(flight / 2) + 1, `recovery ${recovery}: ${sent.length} for ${flight}`);
    recoveries.push(sent);
    bulk.passRtt();
    bulk.acks(edge(bulk));
    bulk.took();
    assertEquals(bulk.info.recovery, "open");
    bulk.passRtt();
  }
  assertEquals(recoveries.length, 3);
});

Deno.test("a probe that a timeout overtook is judged no more: nothing is reduced when its end is passed (RFC 8985 §7.4, RFC 5681 §3.1)", () => {
  const bulk = tenOut({ ...SACK, queued: 10 * 1460 });
  bulk.lab.pass(bulk.info.timers["tlp"]);
  bulk.expects([9]);
  bulk.lab.pass(bulk.info.timers["rto"]);
  bulk.expects([0]);
  assertEquals(bulk.ssthresh, 5);
  bulk.passRtt();
  bulk.acks(10);
  bulk.writes(20 * bulk.mss);
  const sent = bulk.took().length;
  bulk.passRtt();
  bulk.acks(10 + sent);
  bulk.took();
  assertEquals(bulk.ssthresh, 5);
});

Deno.test("partial ACKs of more than was duplicated leave no duplicates (RFC 6582 §3.2 step 5)", () => {
  const bulk = waiting(PLAIN);
  duplicates(bulk, 10, 3);
  bulk.acks(28);
  bulk.took();
  assertEquals([bulk.info.sackedBytes, bulk.info.recovery], [0, "recovery"]);
  assertEquals(bulk.resent(), ["fast", "fast"]);
});

Deno.test("the ACK of exactly what was out when recovery began ends it; one octet less is partial (RFC 6582 §3.2 steps 3 and 5)", () => {
  for (const less of [0, 1]) {
    const bulk = waiting(PLAIN);
    assertEquals(duplicates(bulk, 10, 3), [30, 31, 10]);
    bulk.passRtt();
    bulk.peer.sends({ flags: "ACK", ack: bulk.seqOf(32) - less });
    assertEquals(bulk.info.recovery, less === 0 ? "open" : "recovery");
    assertEquals(bulk.resent(), less === 0 ? ["fast"] : ["fast", "fast"]);
  }
});

Deno.test("a timeout without SACK: all that is out is lost and goes again in order (RFC 6298 §5.4, RFC 5681 §3.1)", () => {
  for (const congestionControl of ["reno", "cubic"] as const) {
    const bulk = tenOut({ options: PLAIN_OPTIONS, tcp: { congestionControl } });
    bulk.lab.pass(bulk.info.rtoUs);
    bulk.expects([0]);
    const threshold = congestionControl === "reno" ? 5 : 7;
    const lost = { recovery: "loss", window: 1, threshold, inFlight: 1, sacked: 0, lost: 10, resent: 1 };
    assertEquals(figures(bulk), lost);
    assertEquals(bulk.info.backoff, 1);
    // Again: nothing is reduced twice.
    bulk.lab.pass(bulk.info.rtoUs);
    bulk.expects([0]);
    assertEquals(figures(bulk), lost);
    assertEquals(bulk.info.backoff, 2);
    bulk.acks(1);
    bulk.expects([1, 2]);
    bulk.acks(2);
    bulk.expects([3, 4]);
    bulk.acks(10);
    const rest = bulk.took();
    assertEquals(rest, range(10, 10 + rest.length));
    assertEquals(figures(bulk).recovery, "open");
  }
});

Deno.test("a timeout without SACK after duplicate ACKs: they count no more (RFC 5681 §3.1)", () => {
  const bulk = waiting(PLAIN);
  assertEquals(duplicates(bulk, 10, 2), [30, 31]);
  bulk.lab.pass(bulk.info.timers["rto"]);
  bulk.expects([10]);
  assertEquals(figures(bulk), {
    recovery: "loss",
    window: 1,
    threshold: 10,
    inFlight: 1,
    sacked: 0,
    lost: 22,
    resent: 1,
  });
  // A duplicate is that of the time before: no fast retransmission.
  assertEquals(duplicates(bulk, 10, 4), []);
});

Deno.test("a timeout inside recovery halves what is in flight then, once more (RFC 5681 §3.1 equation 4)", () => {
  // Recovery has brought the window to 10: half of that.
  const bulk = waiting(SACK);
  bulk.acks(10, { sack: [[11, 20]] });
  bulk.expects([10]);
  bulk.acks(10, { sack: [[11, 30]] });
  bulk.expects(range(30, 39));
  assertEquals([bulk.info.recovery, bulk.cwnd, bulk.ssthresh], ["recovery", 10, 10]);
  bulk.lab.pass(bulk.info.timers["rto"]);
  bulk.expects([10]);
  assertEquals([bulk.info.recovery, bulk.cwnd, bulk.ssthresh], ["loss", 1, 5]);
  assertEquals(bulk.resent(), ["fast", "rto"]);
  // CUBIC takes 0.7.
  const cubic = waiting({ ...SACK, tcp: { congestionControl: "cubic" } });
  cubic.acks(10, { sack: [[11, 30]] });
  cubic.took();
  const before = cubic.cwnd;
  cubic.lab.pass(cubic.info.timers["rto"]);
  assert(Math.abs(cubic.ssthresh - 0.7 * before) < 0.01, `${cubic.ssthresh} of ${before}`);
});

Deno.test("a timeout of what was first sent after the last timeout's recovery reduces again (RFC 5681 §3.1)", () => {
  const bulk = tenOut(PLAIN);
  bulk.lab.pass(bulk.info.rtoUs);
  bulk.expects([0]);
  bulk.passRtt();
  bulk.acks(10);
  const next = bulk.took().map(Number);
  assertEquals(next, range(10, 10 + next.length));
  assertEquals(bulk.ssthresh, 5);
  bulk.lab.pass(bulk.info.timers["rto"]);
  bulk.expects([10]);
  assertEquals(bulk.ssthresh, 2, "two segments at the least");
});

/** A timeout of 1 and 2, of which a probe was sent; 3 and 4 left so many milliseconds before it. */
function timeoutWithYoungData(agoMs: number): BulkSender {
  const bulk = new BulkSender({ ...SACK, queued: 0 });
  bulk.writes(bulk.mss);
  bulk.expects([0]);
  bulk.passRtt();
  bulk.acks(1);
  bulk.writes(2 * bulk.mss);
  bulk.expects([1, 2]);
  bulk.lab.pass(bulk.info.timers["tlp"]);
  bulk.expects([2]);
  bulk.lab.pass(bulk.info.timers["rto"] - agoMs * MS_US);
  bulk.writes(2 * bulk.mss);
  bulk.expects([3, 4]);
  bulk.lab.pass(agoMs * MS_US);
  assertEquals(bulk.info.recovery, "loss");
  return bulk;
}

Deno.test("with SACK a timeout leaves alone what left within the last round trip (RFC 8985 §6.3)", () => {
  for (const [agoMs, lost] of [[1, 2], [99, 2], [100, 4], [101, 4]]) {
    const { info, mss } = timeoutWithYoungData(agoMs);
    assertEquals(info.lostBytes, lost * mss, `3 and 4 left ${agoMs} ms ago`);
  }
});

Deno.test("a timeout sends the earliest segment again at once, whatever is in flight beside it (RFC 6298 §5.4)", () => {
  for (const agoMs of [1, 50, 99, 100, 150]) timeoutWithYoungData(agoMs).expects([1]);
});

// Needless reductions

Deno.test("Eifel: without timestamps an early ACK of what was sent again undoes nothing (RFC 3522 §3.1)", () => {
  for (const options of [PLAIN_OPTIONS, SACK_OPTIONS]) {
    const bulk = waiting({ options, tcp: RENO });
    if (options === SACK_OPTIONS) bulk.acks(10, { sack: [[11, 14]] });
    else duplicates(bulk, 10, 3);
    bulk.took();
    assertEquals([bulk.info.recovery, bulk.ssthresh], ["recovery", 10]);
    bulk.lab.pass(MS_US);
    bulk.acks(14);
    assertEquals([bulk.info.recovery, bulk.ssthresh], ["recovery", 10]);
  }
});

Deno.test("Eifel: an echo as old as the retransmission is no proof, one that is older is (RFC 3522 §3.2 steps 2 and 4)", () => {
  for (const options of [STAMPED_OPTIONS, STAMPED_PLAIN_OPTIONS]) {
    for (const older of [0, 1]) {
      const bulk = waiting({ options, tcp: RENO });
      const original = bulk.peer.hostTimestamp;
      for (let i = 1; i <= 3; i++) {
        bulk.acks(10, {
          echo: original,
          ...(options === STAMPED_OPTIONS ? { sack: [[11, 11 + i] as const] } : {}),
        });
      }
      assertEquals(bulk.took().at(-1), 10);
      const again = bulk.peer.hostTimestamp;
      bulk.lab.pass(10 * MS_US);
      bulk.acks(14, { echo: again - older });
      const isUndone = bulk.info.recovery !== "recovery";
      assertEquals(isUndone, older === 1);
      assertEquals(bulk.ssthresh, older === 1 ? 0 : 10);
      if (isUndone) assertEquals([bulk.info.lostBytes, bulk.info.resentBytes], [0, 0]);
    }
  }
});

Deno.test("Eifel: the echo of the first of two retransmissions is no proof, only one from before it (RFC 3522 §3.2 step 2)", () => {
  for (const older of [0, 1]) {
    const bulk = tenOut({ options: STAMPED_PLAIN_OPTIONS, tcp: RENO });
    bulk.lab.pass(bulk.info.timers["rto"]);
    bulk.expects([0]);
    const first = bulk.peer.hostTimestamp;
    bulk.lab.pass(bulk.info.timers["rto"]);
    bulk.expects([0]);
    assert(bulk.peer.hostTimestamp > first);
    bulk.lab.pass(5 * MS_US);
    bulk.acks(1, { echo: first - older });
    assertEquals([bulk.info.recovery, bulk.ssthresh], older === 1 ? ["open", 0] : ["loss", 5]);
  }
});

Deno.test("small pieces that are all lost go again as one segment, never beyond what was SACKed (RFC 9293 §3.8.1)", () => {
  const plain = new BulkSender({ options: PLAIN_OPTIONS, tcp: { ...RENO, noDelay: true }, queued: 0 });
  for (let i = 0; i < 20; i++) plain.writes(100);
  assertEquals(plain.takes().map(({ data }) => data.length), Array.from({ length: 20 }, () => 100));
  plain.lab.pass(plain.info.timers["rto"]);
  assertEquals(plain.takes().map(({ seq, data }) => [seq, data.length]), [[1, 1400]]);

  const sack = new BulkSender({ options: SACK_OPTIONS, tcp: { ...RENO, noDelay: true }, queued: 0 });
  for (let i = 0; i < 8; i++) sack.writes(100);
  sack.takes();
  sack.passRtt();
  // 1 to 300 and 401 to 500 are missing.
  sack.peer.sends({
    flags: "ACK",
    ack: 1,
    options: { sack: [sack.peer.hostBlock(501, 801), sack.peer.hostBlock(301, 401)] },
  });
  assertEquals(sack.takes().map(({ seq, data }) => [seq, data.length]), [[1, 300], [401, 100]]);
});

Deno.test("Eifel: an old echo on an ACK of nothing new proves nothing (RFC 3522 §3.2)", () => {
  const bulk = waiting({ options: STAMPED_OPTIONS, tcp: RENO });
  const original = bulk.peer.hostTimestamp;
  bulk.acks(10, { sack: [[11, 14]], echo: original });
  bulk.took();
  bulk.lab.pass(10 * MS_US);
  bulk.acks(10, { sack: [[11, 15]], echo: original });
  assertEquals([bulk.info.recovery, bulk.ssthresh], ["recovery", 10]);
});

Deno.test("a timeout that is undone ends the back-off and gives window and threshold back (RFC 4015 §3.2, RFC 3522 §3.2)", () => {
  const bulk = tenOut({ options: STAMPED_OPTIONS, tcp: RENO });
  const original = bulk.peer.hostTimestamp;
  // The tail loss probe, then two timeouts.
  bulk.lab.pass(bulk.info.timers["tlp"]);
  bulk.expects([10]);
  for (let i = 0; i < 2; i++) {
    bulk.lab.pass(bulk.info.timers["rto"]);
    bulk.expects([0]);
  }
  assertEquals([bulk.info.backoff, bulk.cwnd], [2, 1]);
  bulk.lab.pass(5 * MS_US);
  bulk.acks(1, { echo: original });
  assertEquals([bulk.info.backoff, bulk.info.recovery, bulk.ssthresh, bulk.info.lostBytes], [
    0,
    "open",
    0,
    0,
  ]);
  assert(bulk.cwnd >= 10, `window ${bulk.cwnd}`);
  assertEquals(bulk.took().filter((segment) => Number(segment) < 11), [], "nothing again");
});

Deno.test("D-SACK of each retransmission undoes, of one that lies beyond them does not (RFC 3708 §3)", () => {
  for (const [block, isUndone] of [[[10, 11], true], [[9, 10], false], [[12, 13], false]] as const) {
    const bulk = waiting(SACK);
    bulk.acks(10, { sack: [[11, 14]] });
    assertEquals(bulk.took(), [10]);
    bulk.lab.pass(5 * MS_US);
    bulk.acks(14);
    bulk.took();
    bulk.passRtt();
    bulk.acks(15, { sack: [block] });
    assertEquals(bulk.ssthresh, isUndone ? 0 : 10, `${block}`);
  }
});
