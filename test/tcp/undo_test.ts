/**
 * Retransmissions that were for nothing: detected by timestamps (RFC 3522) or D-SACK (RFC 2883 §4, RFC 3708 §3), and
 * the reduction undone (RFC 4015 §3).
 */
import { assert, assertEquals } from "@std/assert";
import {
  type BulkOptions,
  BulkSender,
  MS_US,
  range,
  SACK_OPTIONS,
  STAMPED_OPTIONS,
  STAMPED_PLAIN_OPTIONS,
  tenOut,
  twentyOut,
} from "./bulk_sender.ts";

const RENO = { congestionControl: "reno" } as const;
const STAMPED: BulkOptions = { options: STAMPED_OPTIONS, tcp: RENO };
const STAMPED_PLAIN: BulkOptions = { options: STAMPED_PLAIN_OPTIONS, tcp: RENO };
const PLAIN_SACK: BulkOptions = { options: SACK_OPTIONS, tcp: RENO };

/** Ten segments are out and their ACKs late; the timer sent the first again. */
function expired(options: BulkOptions = STAMPED_PLAIN): { bulk: BulkSender; original: number } {
  const bulk = tenOut(options);
  const original = bulk.peer.hostTimestamp;
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([0]);
  assertEquals([bulk.cwnd, bulk.ssthresh], [1, 5]);
  return { bulk, original };
}

Deno.test("a timeout for nothing, by timestamps: new data goes on, nothing else is sent again (RFC 3522 §3.2, RFC 4015 §3.1)", () => {
  const { bulk, original } = expired();
  bulk.lab.pass(10 * MS_US);
  const sent: (number | string)[] = [];
  for (let upTo = 1; upTo <= 10; upTo++) {
    bulk.acks(upTo, { echo: original });
    sent.push(...bulk.took());
  }
  assertEquals(sent.filter((segment) => Number(segment) < 10), [], "only new data");
  assert(sent.length >= 9, `${sent}`);
  assertEquals(bulk.resent(), ["rto"]);
});

Deno.test("a timeout for nothing, by timestamps: threshold and window are as before (RFC 4015 §3.2)", () => {
  const { bulk, original } = expired();
  bulk.lab.pass(10 * MS_US);
  bulk.acks(1, { echo: original });
  const { cwnd, ssthresh } = bulk.info;
  assert(ssthresh === 0 || ssthresh >= 10 * bulk.mss, `ssthresh ${ssthresh / bulk.mss}`);
  assert(cwnd >= 9 * bulk.mss && cwnd <= 12 * bulk.mss, `window ${cwnd / bulk.mss}`);
  assert(bulk.took().length <= 3, "no burst");
});

Deno.test("two timeouts for nothing: the echo is older than the first retransmission (RFC 3522 §3.2 step 2)", () => {
  const { bulk, original } = expired();
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([0]);
  bulk.acks(1, { echo: original });
  assertEquals(bulk.took().filter((segment) => Number(segment) < 10), []);
  assert(bulk.ssthresh === 0 || bulk.ssthresh >= 10);
});

Deno.test("a timeout for something: the echo is the retransmission's, nothing is undone (RFC 3522 §3.2 step 4)", () => {
  const { bulk } = expired();
  bulk.passRtt();
  bulk.acks(1);
  bulk.expects([1, 2]);
  assertEquals([bulk.cwnd, bulk.ssthresh], [2, 5]);
});

Deno.test("without timestamps the first ACK after a timeout proves nothing: nothing is undone (RFC 3522 §3.1)", () => {
  const bulk = tenOut({ options: { mss: 1460, windowScale: 7 }, tcp: RENO });
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([0]);
  bulk.lab.pass(10 * MS_US);
  bulk.acks(1);
  assertEquals(bulk.ssthresh, 5);
  assert(bulk.cwnd <= 2);
});

/** 10 was sent again after three SACKs; it had only been overtaken. */
function overtaken(options: BulkOptions): { bulk: BulkSender; original: number } {
  const bulk = twentyOut(options);
  const original = bulk.peer.hostTimestamp;
  bulk.passRtt();
  bulk.acks(10, { sack: [[11, 14]], echo: original });
  assertEquals(bulk.took()[0], 10);
  assertEquals([bulk.info.recovery, bulk.ssthresh], ["recovery", 10]);
  return { bulk, original };
}

Deno.test("a fast retransmission for nothing, by timestamps: undone at once (RFC 3522 §3.2, RFC 4015 §3.2)", () => {
  const { bulk, original } = overtaken(STAMPED);
  bulk.lab.pass(5 * MS_US);
  bulk.acks(14, { echo: original });
  assert(bulk.ssthresh === 0 || bulk.ssthresh >= 20, `ssthresh ${bulk.ssthresh}`);
  assert(bulk.info.recovery !== "recovery");
  assert(bulk.cwnd >= 19 && bulk.cwnd <= 26, `window ${bulk.cwnd}`);
  assertEquals(bulk.took().filter((segment) => Number(segment) < 30), []);
});

Deno.test("a fast retransmission for nothing without SACK, by timestamps: undone (RFC 3522 §3.2)", () => {
  const bulk = twentyOut(STAMPED_PLAIN);
  const original = bulk.peer.hostTimestamp;
  bulk.passRtt();
  for (let i = 0; i < 3; i++) bulk.acks(10, { echo: original });
  assertEquals(bulk.took(), [30, 31, 10]);
  bulk.lab.pass(5 * MS_US);
  bulk.acks(14, { echo: original });
  assert(bulk.ssthresh === 0 || bulk.ssthresh >= 20, `ssthresh ${bulk.ssthresh}`);
  assertEquals(bulk.took().filter((segment) => Number(segment) < 30), []);
});

Deno.test("a fast retransmission for something: the echo is the retransmission's (RFC 3522 §3.2 step 4)", () => {
  const { bulk } = overtaken(STAMPED);
  const again = bulk.peer.hostTimestamp;
  bulk.passRtt();
  bulk.acks(14, { echo: again });
  assertEquals([bulk.ssthresh, bulk.info.recovery], [10, "recovery"]);
});

Deno.test("one recovery follows another, both for something: the ACK of a copy from before undoes nothing (RFC 3522 §3.2 step 2)", () => {
  const bulk = twentyOut(STAMPED);
  bulk.passRtt();
  bulk.acks(10, { sack: [[11, 20]] });
  bulk.acks(10, { sack: [[21, 30], [11, 20]] });
  assertEquals(bulk.took(), [10, 20, ...range(30, 38)]);
  bulk.passRtt();
  // Of what followed the first window, 30 is lost too, and leaves again before that window's recovery is over.
  bulk.acks(20, { sack: [[31, 34], [21, 30]] });
  assert(bulk.took().includes(30));
  bulk.lab.pass(2 * MS_US);
  bulk.acks(30, { sack: [[35, 38], [31, 34]] });
  bulk.expects([34], "the second recovery, with 30 on its way already");
  assertEquals([bulk.info.recovery, bulk.ssthresh], ["recovery", 5]);
  bulk.passRtt();
  // The copy of 30 fills its hole; what it brings back is older than the copy of 34.
  bulk.acks(34, { sack: [[35, 38]] });
  assertEquals([bulk.info.recovery, bulk.ssthresh, bulk.cwnd], ["recovery", 5, 5]);
  bulk.acks(38);
  bulk.passRtt();
  assertEquals(bulk.ssthresh, 5);
});

Deno.test("a fast retransmission for nothing, by D-SACK within recovery: undone (RFC 3708 §3, RFC 2883 §4.1)", () => {
  const { bulk } = overtaken(PLAIN_SACK);
  bulk.lab.pass(5 * MS_US);
  bulk.acks(14);
  bulk.took();
  assertEquals(bulk.info.recovery, "recovery");
  bulk.passRtt();
  bulk.acks(20, { sack: [[10, 11]] });
  assert(bulk.ssthresh === 0 || bulk.ssthresh >= 20, `ssthresh ${bulk.ssthresh}`);
  assert(bulk.cwnd >= 19, `window ${bulk.cwnd}`);
  assertEquals(bulk.info.duplicatesReported, 1);
});

Deno.test("a fast retransmission for nothing, by D-SACK after recovery: undone (RFC 3708 §3)", () => {
  const { bulk } = overtaken(PLAIN_SACK);
  bulk.lab.pass(5 * MS_US);
  bulk.acks(((bulk.info.sndNxt - bulk.info.iss - 1) >>> 0) / bulk.mss);
  bulk.took();
  assertEquals([bulk.info.recovery, bulk.ssthresh], ["open", 10]);
  bulk.passRtt();
  bulk.acks(35, { sack: [[10, 11]] });
  assert(bulk.ssthresh === 0 || bulk.ssthresh >= 20, `ssthresh ${bulk.ssthresh}`);
  assert(bulk.cwnd >= 19, `window ${bulk.cwnd}`);
});

Deno.test("a fast retransmission for nothing, by D-SACK when nothing is in flight any more: undone (RFC 3708 §3)", () => {
  const bulk = tenOut({ ...PLAIN_SACK, queued: 10 * 1460 });
  bulk.passRtt();
  bulk.acks(0, { sack: [[1, 5]] });
  assertEquals(bulk.took()[0], 0);
  bulk.lab.pass(5 * MS_US);
  bulk.acks(10);
  assertEquals([bulk.info.recovery, bulk.ssthresh], ["open", 5]);
  bulk.passRtt();
  bulk.acks(10, { sack: [[0, 1]] });
  assert(bulk.ssthresh === 0 || bulk.ssthresh >= 10, `ssthresh ${bulk.ssthresh}`);
  assert(bulk.cwnd >= 10, `window ${bulk.cwnd}`);
});

Deno.test("one of two retransmissions for nothing undoes nothing; both do (RFC 3708 §3: all of the window)", () => {
  const bulk = twentyOut(PLAIN_SACK);
  bulk.passRtt();
  bulk.acks(10, { sack: [[11, 12]] });
  bulk.acks(10, { sack: [[13, 20], [11, 12]] });
  const sent = bulk.took();
  bulk.acks(10, { sack: [[13, 28], [11, 12]] });
  sent.push(...bulk.took());
  assertEquals(sent.filter((segment) => Number(segment) < 30), [10, 12]);
  bulk.lab.pass(5 * MS_US);
  bulk.acks(28);
  bulk.took();
  bulk.passRtt();
  bulk.acks(28, { sack: [[10, 11]] });
  assertEquals(bulk.ssthresh, 10);
  bulk.acks(28, { sack: [[12, 13]] });
  assert(bulk.ssthresh === 0 || bulk.ssthresh >= 20, `ssthresh ${bulk.ssthresh}`);
});

Deno.test("a D-SACK of what was sent once is the network's copy: nothing changes (RFC 3708 §3)", () => {
  const bulk = twentyOut(PLAIN_SACK);
  bulk.passRtt();
  bulk.acks(15);
  bulk.took();
  const { cwnd } = bulk.info;
  for (let i = 0; i < 5; i++) bulk.acks(15, { sack: [[12, 13]] });
  assertEquals([bulk.info.cwnd, bulk.ssthresh, bulk.info.recovery], [cwnd, 0, "open"]);
  assertEquals(bulk.took(), []);
});

Deno.test("a D-SACK of what was sent once does not undo a reduction (RFC 3708 §3)", () => {
  const { bulk } = overtaken(PLAIN_SACK);
  bulk.passRtt();
  bulk.acks(20, { sack: [[11, 12]] });
  assertEquals(bulk.ssthresh, 10);
});

Deno.test("a D-SACK above the cumulative ACK, within the second block, is known as one (RFC 2883 §4.2, §4.3)", () => {
  const bulk = twentyOut(PLAIN_SACK);
  bulk.passRtt();
  bulk.acks(10, { sack: [[11, 20]] });
  bulk.took();
  bulk.acks(10, { sack: [[15, 16], [11, 20]] });
  assertEquals(bulk.info.duplicatesReported, 1);
  assertEquals(bulk.info.sackedBytes, 9 * bulk.mss);
});

Deno.test("D-SACKs are no SACKs: three of them make no loss (RFC 2883 §5, RFC 6675 §2)", () => {
  const bulk = tenOut(PLAIN_SACK);
  bulk.passRtt();
  bulk.acks(5);
  bulk.took();
  for (const segment of [0, 1, 2, 3, 4]) bulk.acks(5, { sack: [[segment, segment + 1]] });
  assertEquals(bulk.took(), []);
  assertEquals([bulk.info.sackedBytes, bulk.ssthresh, bulk.info.duplicatesReported], [0, 0, 5]);
});
