/**
 * RACK: which segments are lost by the time that has passed. RFC 8985 §6. The tail loss probe is in
 * tail_loss_probe_test.ts.
 */
import { assert, assertEquals } from "@std/assert";
import {
  type BulkAck,
  type BulkOptions,
  BulkSender,
  MS_US,
  PLAIN_OPTIONS,
  STAMPED_OPTIONS,
  twentyOut,
} from "./bulk_sender.ts";

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

Deno.test("the echo of a late original stands for all that is acknowledged with it, also when all is undone already (RFC 8985 §6.2 step 2, RFC 7323 §4.3)", () => {
  const bulk = waiting({ ...RENO, options: STAMPED_OPTIONS });
  const original = bulk.peer.hostTimestamp;
  after(bulk, 10, [[13, 15]]);
  near(resentIn(bulk, 26 * MS_US, 30)[0], 10, 25);
  const again: (number | string)[] = [];
  for (let end = 16; end <= 26; end++) again.push(...after(bulk, 10, [[13, end]]));
  assertEquals(again.filter((segment) => Number(segment) < 30), [11, 12]);
  bulk.lab.pass(110 * MS_US);
  bulk.took();
  // The first of the late ones undoes the reduction; the next two say nothing of their copies, and 26 to 29 are not lost.
  bulk.acks(11, { echo: original });
  assertEquals(bulk.info.recovery, "disorder");
  bulk.took();
  bulk.acks(26, { echo: original });
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
