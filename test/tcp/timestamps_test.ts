/**
 * Timestamps at the sender: which ACKs give a sample of the round trip, what is sent again, and what that does to the
 * timer. RFC 7323 §3, §4; RFC 6298 §3. The receiver's side is in paws_test.ts.
 */
import { assert, assertEquals } from "@std/assert";
import {
  type BulkOptions,
  BulkSender,
  MS_US,
  STAMPED_OPTIONS,
  STAMPED_PLAIN_OPTIONS,
  tenOut,
  twentyOut,
} from "./bulk_sender.ts";

const RENO: BulkOptions = { options: STAMPED_OPTIONS, tcp: { congestionControl: "reno" } };

/** What an estimator of RFC 6298 §2.3 makes of one sample. */
function smoothed(srttUs: number, sampleUs: number): number {
  return srttUs + (sampleUs - srttUs) / 8;
}

Deno.test("every data segment carries a timestamp, those of one instant the same (RFC 7323 §3.2)", () => {
  const bulk = new BulkSender(RENO);
  const values = bulk.takes().map((seen) => seen.options.timestamps?.value);
  assertEquals(values.length, 10);
  assertEquals(new Set(values).size, 1);
  assert(values[0] !== undefined);
});

Deno.test("what is sent again carries the time of then, not the first (RFC 7323 §3.2, §4.1)", () => {
  const bulk = new BulkSender({ ...RENO, options: STAMPED_PLAIN_OPTIONS });
  const [first] = bulk.takes();
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  const [again] = bulk.takes();
  assertEquals(again.seq, first.seq);
  const ticks = ((again.options.timestamps?.value ?? 0) - (first.options.timestamps?.value ?? 0)) >>> 0;
  const ms = (again.atUs - first.atUs) / MS_US;
  assert(ticks > 0 && ticks <= ms + 1, `${ticks} ticks in ${ms} ms`);
});

Deno.test("a sample is taken from the echo of the first ACK of new data (RFC 7323 §4.1, MUST-18)", () => {
  const bulk = tenOut(RENO);
  bulk.lab.pass(180 * MS_US);
  bulk.acks(1);
  const { srttUs } = bulk.info;
  // One sample of 180 ms; RFC 7323 §4.2 allows to weigh it less where there are many a round trip.
  assert(srttUs > 100 * MS_US && srttUs <= smoothed(100 * MS_US, 181 * MS_US), `${srttUs}`);
});

Deno.test("ACKs that acknowledge nothing new give no sample, whatever they echo (RFC 7323 §4.1 (2))", () => {
  const bulk = tenOut(RENO);
  const old = bulk.peer.hostTimestamp;
  bulk.passRtt();
  bulk.acks(5, { echo: old });
  bulk.took();
  const { srttUs, rttvarUs } = bulk.info;
  bulk.lab.pass(90 * MS_US);
  // A window update, a duplicate, text: all with an old echo.
  bulk.acks(5, { echo: old, window: 60_000 });
  bulk.acks(5, { echo: old });
  bulk.peer.sends({ flags: "ACK", ack: bulk.seqOf(5), data: "text" });
  assertEquals([bulk.info.srttUs, bulk.info.rttvarUs], [srttUs, rttvarUs]);
});

Deno.test("SACKed segments do not stretch the round trip: the ACK that fills the hole echoes the filler (RFC 7323 §4.3 (C))", () => {
  const bulk = twentyOut(RENO);
  bulk.passRtt();
  for (let end = 12; end <= 30; end++) bulk.acks(10, { sack: [[11, end]] });
  bulk.took();
  bulk.passRtt();
  bulk.acks(30);
  const { srttUs } = bulk.info;
  assert(Math.abs(srttUs - 100 * MS_US) <= 2 * MS_US, `${srttUs}`);
});

Deno.test("the answer to a retransmission by the timer is a sample, and ends the back-off (RFC 7323 §4.1, RFC 6298 §5)", () => {
  const bulk = tenOut({ ...RENO, options: STAMPED_PLAIN_OPTIONS });
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([0, 0]);
  assert(bulk.info.rtoUs >= 1100 * MS_US);
  bulk.passRtt();
  bulk.acks(1);
  const { rtoUs, srttUs, backoff } = bulk.info;
  assert(rtoUs < 600 * MS_US, `RTO ${rtoUs}`);
  assert(srttUs <= 110 * MS_US, `SRTT ${srttUs}`);
  assertEquals(backoff, 0);
});

Deno.test("many samples a round trip do not make the estimate forget: the RTO stays above a jittery round trip (RFC 7323 §4.2, RFC 6298 §2.3)", () => {
  const bulk = tenOut(RENO);
  bulk.passRtt();
  bulk.acksEach(0, 10);
  for (let i = 0; i < 4; i++) {
    const { sndUna, sndNxt, iss } = bulk.info;
    const [una, next] = [sndUna, sndNxt].map((seq) => ((seq - iss - 1) >>> 0) / bulk.mss);
    bulk.lab.pass((i % 2 === 0 ? 100 : 160) * MS_US);
    bulk.acksEach(una, next, 2);
  }
  assert(bulk.info.rtoUs >= 200 * MS_US);
  assert(bulk.resent().filter((kind) => kind === "rto").length === 0);
});

Deno.test("an echo from before the connection, or of the future, is no sample (RFC 7323 §4.1)", () => {
  for (const offset of [-10_000_000, 5000, 0x4000_0000]) {
    const bulk = tenOut(RENO);
    const { srttUs } = bulk.info;
    bulk.passRtt();
    bulk.acks(1, { echo: (bulk.peer.hostTimestamp + offset) >>> 0 });
    const after = bulk.info;
    assert(after.srttUs >= 0.5 * srttUs && after.srttUs <= 2 * srttUs, `${offset}: ${after.srttUs}`);
    assert(after.rtoUs >= 200 * MS_US && after.rtoUs <= 1000 * MS_US, `${offset}: RTO ${after.rtoUs}`);
  }
});

Deno.test("with timestamps a segment holds 1448 bytes, also what is sent again (MUST-16, RFC 7323 §3.2)", () => {
  const bulk = twentyOut(RENO);
  bulk.passRtt();
  bulk.acks(10, { sack: [[11, 14]] });
  const seen = bulk.takes();
  assert(seen.length >= 1);
  for (const { data, options } of seen) {
    assertEquals(data.length, 1448);
    assert(options.timestamps !== undefined);
  }
});
