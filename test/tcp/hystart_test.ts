/**
 * HyStart++: slow start that ends when the round trip grows, before anything is lost. RFC 9406 §4.2, §4.3.
 */
import { assert, assertEquals } from "@std/assert";
import { type BulkOptions, BulkSender, MS_US, range, STAMPED_OPTIONS, tenOut } from "./bulk_sender.ts";

const CUBIC: BulkOptions = {
  options: STAMPED_OPTIONS,
  tcp: { congestionControl: "cubic" },
  queued: 1_000_000,
};

function edges(bulk: BulkSender): { una: number; next: number } {
  const { sndUna, sndNxt, iss } = bulk.info;
  const number = (seq: number) => ((seq - iss - 1) >>> 0) / bulk.mss;
  return { una: number(sndUna), next: number(sndNxt) };
}

/** A round with a round trip of `ms`, an ACK for each segment; returns by how many segments the window grew. */
function round(bulk: BulkSender, ms: number): number {
  const { una, next } = edges(bulk);
  const before = bulk.cwnd;
  bulk.lab.pass(ms * MS_US);
  bulk.acksEach(una, next);
  return bulk.cwnd - before;
}

function near(actual: number, wanted: number, why: string): void {
  assert(Math.abs(actual - wanted) < 0.01, `${why}: ${actual} instead of ${wanted}`);
}

Deno.test("round trips that stay, or grow by less than an eighth, leave slow start alone (RFC 9406 §4.2)", () => {
  const bulk = tenOut(CUBIC);
  near(round(bulk, 100), 10, "first round");
  near(round(bulk, 106), 20, "second");
  near(round(bulk, 112), 40, "third");
  assertEquals(bulk.info.ssthresh, 0);
});

Deno.test("a round trip longer by an eighth, eight samples of it: growth by a quarter from then on (RFC 9406 §4.2)", () => {
  const bulk = tenOut(CUBIC);
  near(round(bulk, 100), 10, "first round");
  // 100 / 8 = 12.5 ms more; the first seven or eight ACKs still double.
  const grown = round(bulk, 114);
  assert(grown >= 7 + 13 / 4 - 0.01 && grown <= 9 + 11 / 4 + 0.01, `${grown}`);
  const before = bulk.cwnd;
  const { una, next } = edges(bulk);
  near(round(bulk, 114), (next - una) / 4, `conservative slow start from ${before}`);
});

Deno.test("fewer than eight samples in a round prove nothing (RFC 9406 §4.2, N_RTT_SAMPLE)", () => {
  const bulk = new BulkSender({ ...CUBIC, tcp: { congestionControl: "cubic", initialWindowSegments: 3 } });
  bulk.expects([0, 1, 2]);
  near(round(bulk, 100), 3, "three samples");
  near(round(bulk, 150), 6, "six samples");
});

Deno.test("the threshold is 4 ms at least (RFC 9406 §4.2, MIN_RTT_THRESH)", () => {
  const bulk = tenOut({ ...CUBIC, rttUs: 8 * MS_US });
  near(round(bulk, 8), 10, "first round");
  near(round(bulk, 11), 20, "3 ms more");
  const longer = tenOut({ ...CUBIC, rttUs: 8 * MS_US });
  near(round(longer, 8), 10, "first round");
  assert(round(longer, 13) < 15, "5 ms more");
});

Deno.test("the threshold is 16 ms at most (RFC 9406 §4.2, MAX_RTT_THRESH)", () => {
  const bulk = tenOut({ ...CUBIC, rttUs: 400 * MS_US });
  near(round(bulk, 400), 10, "first round");
  near(round(bulk, 415), 20, "15 ms more");
  const longer = tenOut({ ...CUBIC, rttUs: 400 * MS_US });
  near(round(longer, 400), 10, "first round");
  assert(round(longer, 418) < 15, "18 ms more, less than an eighth");
});

Deno.test("a round trip that falls again resumes slow start (RFC 9406 §4.2)", () => {
  const bulk = tenOut(CUBIC);
  round(bulk, 100);
  assert(round(bulk, 120) < 15);
  // The next round shows it after eight samples, the one after it doubles.
  round(bulk, 100);
  const { una, next } = edges(bulk);
  near(round(bulk, 100), next - una, "slow start again");
  assertEquals(bulk.info.ssthresh, 0);
});

Deno.test("five rounds of it, and congestion avoidance begins (RFC 9406 §4.2, CSS_ROUNDS)", () => {
  const bulk = tenOut(CUBIC);
  round(bulk, 100);
  assert(round(bulk, 120) < 15);
  const growths: number[] = [];
  for (let i = 0; i < 7; i++) {
    const { una, next } = edges(bulk);
    growths.push(round(bulk, 120) / (next - una));
  }
  for (const share of growths.slice(0, 3)) near(share, 0.25, `${growths}`);
  // Congestion avoidance takes a segment or two a round trip.
  assert(growths[5] < 0.12 && growths[6] < 0.12, `${growths}`);
  assert(bulk.info.ssthresh > 0);
  assert(bulk.info.ssthresh <= bulk.info.cwnd);
});

Deno.test("only the first slow start is watched: after a timeout it is RFC 5681's (RFC 9406 §4.3)", () => {
  const bulk = tenOut(CUBIC);
  round(bulk, 100);
  round(bulk, 100);
  bulk.lab.pass((bulk.info.timers["tlp"] ?? 0) + MS_US);
  bulk.lab.pass((bulk.info.timers["rto"] ?? 0) + MS_US);
  bulk.took();
  assertEquals(bulk.cwnd, 1);
  const first = edges(bulk).una;
  bulk.lab.pass(150 * MS_US);
  bulk.acks(first + 1);
  assertEquals(bulk.cwnd, 2);
  assertEquals(bulk.took().slice(0, 2), range(first + 1, first + 3));
});
