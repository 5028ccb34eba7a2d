/**
 * The congestion window, acknowledgment by acknowledgment, against the formulas of the RFCs: slow start (RFC 5681 §3.1,
 * RFC 9406), Reno's and CUBIC's congestion avoidance (RFC 5681 §3.1, RFC 9438 §4), and after idleness (RFC 5681 §4.1).
 *
 * Owns: the formulas, written down once more. Must not know: how the machine computes them.
 */
import { assert, assertEquals } from "@std/assert";
import { type BulkOptions, BulkSender, MS_US, SACK_OPTIONS, tenOut, twentyOut } from "./bulk_sender.ts";
import { SECOND_US } from "./wire_ends.ts";

const BETA = 0.7;
const C = 0.4;
const ALPHA = 3 * (1 - BETA) / (1 + BETA);

/** Cubic of RFC 9438 §4, in segments, from the beginning of congestion avoidance on. */
class CubicModel {
  readonly #wMax: number;
  readonly #k: number;
  readonly #prior: number;
  readonly #startUs: number;
  #estimate: number;
  window: number;

  /** `wMax` of §4.6 to §4.8 (0: the window at the beginning), `prior` the window before the reduction. */
  constructor(at: { window: number; wMax: number; prior: number; startUs: number }) {
    const { window, wMax, prior, startUs } = at;
    this.window = window;
    this.#estimate = window;
    this.#wMax = Math.max(wMax, window);
    this.#k = wMax > window ? Math.cbrt((wMax - window) / C) : 0;
    this.#prior = prior;
    this.#startUs = startUs;
  }

  /** An ACK of `segments` at `nowUs`, with this smoothed round trip. */
  acks(segments: number, nowUs: number, srttUs: number): void {
    const curve = (seconds: number) => C * (seconds - this.#k) ** 3 + this.#wMax;
    const seconds = (nowUs - this.#startUs) / 1e6;
    const { window } = this;
    // §4.3
    this.#estimate += (this.#estimate >= this.#prior ? 1 : ALPHA) * segments / window;
    if (curve(seconds) < this.#estimate) {
      this.window = Math.max(window, this.#estimate);
      return;
    }
    // §4.2, §4.4, §4.5
    const target = Math.min(Math.max(curve(seconds + srttUs / 1e6), window), 1.5 * window);
    this.window += (target - window) / window * segments;
  }
}

function edges(bulk: BulkSender): { una: number; next: number } {
  const number = (seq: number) => ((seq - bulk.info.iss - 1) >>> 0) / bulk.mss;
  return { una: number(bulk.info.sndUna), next: number(bulk.info.sndNxt) };
}

/** A loss of the first segment in flight, found and repaired; the window before it, and now in congestion avoidance. */
function repaired(bulk: BulkSender): number {
  const { una, next } = edges(bulk);
  bulk.passRtt();
  const before = bulk.cwnd;
  bulk.acks(una, { sack: [[una + 1, next]] });
  bulk.took();
  bulk.passRtt();
  bulk.acks(edges(bulk).next);
  bulk.took();
  assertEquals(bulk.info.recovery, "open");
  return before;
}

function near(actual: number, wanted: number, why: string): void {
  assert(Math.abs(actual - wanted) < 0.002, `${why}: ${actual} instead of ${wanted}`);
}

/** Rounds of ACKs of `step` segments each, a millisecond apart; each ACK holds the window against the model's. */
function compareCubic(bulk: BulkSender, model: CubicModel | null, about: {
  readonly rounds: number;
  readonly step: number;
  readonly wMax: number;
  readonly prior: number;
}): void {
  let cubic = model;
  for (let round = 0; round < about.rounds; round++) {
    const { una, next } = edges(bulk);
    bulk.passRtt();
    for (let at = una; at < next; at += about.step) {
      const upTo = Math.min(at + about.step, next);
      const window = bulk.cwnd;
      bulk.lab.pass(MS_US);
      bulk.acks(upTo);
      bulk.took();
      cubic ??= new CubicModel({ window, wMax: about.wMax, prior: about.prior, startUs: bulk.lab.nowUs });
      cubic.acks(upTo - at, bulk.lab.nowUs, bulk.info.srttUs);
      near(bulk.cwnd, cubic.window, `round ${round}, ACK of ${upTo}`);
    }
  }
}

const CUBIC: BulkOptions = { options: SACK_OPTIONS, tcp: { congestionControl: "cubic" }, queued: 1_000_000 };

for (const rttMs of [20, 100, 400]) {
  for (const step of [1, 2, 5]) {
    Deno.test(`CUBIC, round trip ${rttMs} ms, ACKs of ${step}: the window after each ACK is that of the formulas (RFC 9438 §4.2 to §4.6)`, () => {
      const bulk = twentyOut({ ...CUBIC, rttUs: rttMs * MS_US });
      const prior = repaired(bulk);
      near(bulk.ssthresh, BETA * prior, "the reduction");
      near(bulk.cwnd, BETA * prior, "the window after recovery");
      compareCubic(bulk, null, { rounds: 14, step, wMax: prior, prior });
    });
  }
}

Deno.test("CUBIC: a loss below the last maximum lowers it (fast convergence), and a new epoch begins (RFC 9438 §4.2, §4.7)", () => {
  const bulk = twentyOut({ ...CUBIC, rttUs: 200 * MS_US });
  const first = repaired(bulk);
  compareCubic(bulk, null, { rounds: 3, step: 1, wMax: first, prior: first });
  const second = repaired(bulk);
  assert(second < first);
  near(bulk.ssthresh, BETA * second, "the reduction");
  compareCubic(bulk, null, { rounds: 8, step: 1, wMax: second * (1 + BETA) / 2, prior: second });
});

for (const rttMs of [100, 900]) {
  Deno.test(`CUBIC, round trip ${rttMs} ms: after a timeout the epoch begins with congestion avoidance, at the window of then; half of it is the most that a round trip adds (RFC 9438 §4.2, §4.8)`, () => {
    const bulk = twentyOut({ ...CUBIC, options: { mss: 1460, windowScale: 7 }, rttUs: rttMs * MS_US });
    const prior = bulk.cwnd;
    bulk.lab.pass(bulk.info.timers["rto"]);
    bulk.took();
    near(bulk.ssthresh, BETA * prior, "ssthresh");
    // Slow start up to there; what is acknowledged in a lump would grow it by one segment only.
    for (let i = 0; bulk.cwnd < bulk.ssthresh; i++) {
      assert(i < 200, "slow start ends");
      bulk.lab.pass(5 * MS_US);
      bulk.acks(edges(bulk).una + 1);
      bulk.took();
    }
    near(bulk.cwnd, bulk.ssthresh, "slow start goes no further");
    compareCubic(bulk, null, { rounds: rttMs === 100 ? 10 : 5, step: 1, wMax: 0, prior });
  });
}

Deno.test("CUBIC: an earlier epoch leaves nothing behind: after a timeout the curve begins flat at the window of then (RFC 9438 §4.2, §4.8)", () => {
  const bulk = twentyOut({ ...CUBIC, rttUs: 600 * MS_US });
  const first = repaired(bulk);
  compareCubic(bulk, null, { rounds: 2, step: 1, wMax: first, prior: first });
  bulk.lab.pass(10 * SECOND_US);
  bulk.took();
  assertEquals(bulk.info.recovery, "loss");
  const prior = bulk.ssthresh / BETA;
  for (let i = 0; bulk.cwnd < bulk.ssthresh; i++) {
    assert(i < 200, "slow start ends");
    bulk.lab.pass(5 * MS_US);
    bulk.acks(edges(bulk).una + 1);
    bulk.took();
  }
  compareCubic(bulk, null, { rounds: 7, step: 1, wMax: 0, prior });
});

Deno.test("Reno: one segment for each window that is acknowledged, to the byte (RFC 5681 §3.1, RFC 3465 §2.1)", () => {
  for (const step of [1, 2, 3]) {
    const bulk = twentyOut({ ...CUBIC, tcp: { congestionControl: "reno" } });
    const prior = repaired(bulk);
    near(bulk.cwnd, prior / 2, "half");
    let window = bulk.cwnd;
    let credit = 0;
    for (let round = 0; round < 8; round++) {
      const { una, next } = edges(bulk);
      bulk.passRtt();
      for (let at = una; at < next; at += step) {
        const upTo = Math.min(at + step, next);
        bulk.acks(upTo);
        bulk.took();
        credit += upTo - at;
        if (credit >= window) {
          credit -= window;
          window += 1;
        }
        near(bulk.cwnd, window, `round ${round}`);
      }
    }
    assert(window >= prior / 2 + 5);
  }
});

Deno.test("slow start: what was acknowledged, eight segments an ACK at the most, and to ssthresh only (RFC 5681 §3.1, RFC 9406 §4.2)", () => {
  for (const acked of [1, 2, 7, 8, 9, 10]) {
    const bulk = tenOut({ ...CUBIC, tcp: { congestionControl: "reno" } });
    bulk.passRtt();
    bulk.acks(acked);
    assertEquals(bulk.cwnd, 10 + Math.min(acked, 8));
  }
});

// HyStart++: RFC 9406

/** A round of ACKs of one segment each, after a round trip of `us`; what the window grew by at each. */
function hystartRound(bulk: BulkSender, us: number): number[] {
  const { una, next } = edges(bulk);
  bulk.lab.pass(us);
  const growth: number[] = [];
  for (let upTo = una + 1; upTo <= next; upTo++) {
    const before = bulk.cwnd;
    bulk.acks(upTo);
    bulk.took();
    growth.push(Math.round(1000 * (bulk.cwnd - before)) / 1000);
  }
  return growth;
}

const times = (count: number, value: number) => Array.from({ length: count }, () => value);

Deno.test("HyStart++: the eighth sample of a longer round trip turns growth to a quarter, at the threshold and not below (RFC 9406 §4.2)", () => {
  for (
    const [rttMs, thresholdUs] of [[16, 4000], [32, 4000], [40, 5000], [100, 12_500], [128, 16_000], [
      400,
      16_000,
    ]]
  ) {
    for (const below of [0, 1]) {
      const bulk = tenOut({ ...CUBIC, rttUs: rttMs * MS_US });
      assertEquals(hystartRound(bulk, rttMs * MS_US), times(10, 1));
      const growth = hystartRound(bulk, rttMs * MS_US + thresholdUs - below);
      const wanted = below === 1 ? times(20, 1) : [...times(7, 1), ...times(13, 0.25)];
      assertEquals(growth, wanted, `${rttMs} ms and ${thresholdUs - below} us`);
    }
  }
});

Deno.test("HyStart++: five rounds of quarters with that of the rise, then congestion avoidance at the window of then (RFC 9406 §4.2, CSS_ROUNDS)", () => {
  const bulk = tenOut({ ...CUBIC, queued: 1_000_000 });
  hystartRound(bulk, 100 * MS_US);
  hystartRound(bulk, 120 * MS_US);
  for (let round = 2; round <= 4; round++) {
    const growth = hystartRound(bulk, 120 * MS_US);
    assert(growth.every((one) => one === 0.25), `round ${round}: ${growth}`);
    assertEquals(bulk.info.ssthresh, 0);
  }
  const growth = hystartRound(bulk, 120 * MS_US);
  assert(growth[0] === 0.25, "the fifth");
  const quarters = growth.filter((one) => one === 0.25).length;
  assert(growth.slice(quarters).every((one) => one < 0.1), `${growth}`);
  assert(quarters < growth.length, "its end begins congestion avoidance");
  assert(bulk.info.ssthresh > 0 && bulk.ssthresh <= bulk.cwnd);
});

Deno.test("HyStart++: eight samples of a round trip below that of the rise take growth up again (RFC 9406 §4.2)", () => {
  for (const [ms, isResumed] of [[114, true], [115, false]] as const) {
    const bulk = tenOut(CUBIC);
    hystartRound(bulk, 100 * MS_US);
    assertEquals(hystartRound(bulk, 115 * MS_US).at(-1), 0.25);
    const growth = hystartRound(bulk, ms * MS_US);
    const at = growth.indexOf(1);
    if (!isResumed) assertEquals(at, -1);
    else {
      // The round may have begun an ACK or two before.
      assert(at >= 4 && at <= 7, `after ${at} ACKs`);
      assert(growth.slice(0, at).every((one) => one === 0.25) && growth.slice(at).every((one) => one === 1));
    }
    assertEquals(bulk.info.ssthresh, 0);
  }
});

Deno.test("HyStart++: the shortest round trip of a round counts, not the last or the longest (RFC 9406 §4.2)", () => {
  for (const shortAt of [0, 3, 7]) {
    const bulk = tenOut(CUBIC);
    hystartRound(bulk, 100 * MS_US);
    const { una, next } = edges(bulk);
    const sentUs = bulk.lab.nowUs;
    // All left at one time; one answer overtakes none, but the first so many come early.
    for (let upTo = una + 1; upTo <= next; upTo++) {
      bulk.lab.passUntil(sentUs + (upTo - una <= shortAt + 1 ? 105 : 130) * MS_US);
      const before = bulk.cwnd;
      bulk.acks(upTo);
      bulk.took();
      assertEquals(bulk.cwnd - before, 1, `ACK of ${upTo}`);
    }
  }
});

// After idleness

Deno.test("after idleness of more than an RTO the window is the initial one, after an RTO it is as it was (RFC 5681 §4.1)", () => {
  for (const congestionControl of ["reno", "cubic"] as const) {
    for (const beyondUs of [0, 1]) {
      const bulk = twentyOut({ ...CUBIC, tcp: { congestionControl }, queued: 30 * 1460 });
      bulk.passRtt();
      bulk.acksEach(10, 30);
      const window = Math.floor(bulk.cwnd);
      assert(window >= 20);
      // Idle since the last flight left, a round trip ago.
      bulk.lab.pass(bulk.info.rtoUs - bulk.info.sinceSendUs + beyondUs);
      bulk.writes(90 * bulk.mss);
      const wanted = beyondUs === 0 ? window : 10;
      assertEquals([bulk.took().length, Math.floor(bulk.cwnd)], [wanted, wanted]);
    }
  }
});

Deno.test("after idleness a window below the initial one stays (RFC 5681 §4.1)", () => {
  const bulk = twentyOut({ ...CUBIC, options: { mss: 1460, windowScale: 7 }, queued: 30 * 1460 });
  bulk.lab.pass(bulk.info.timers["rto"]);
  bulk.took();
  bulk.acks(30);
  bulk.took();
  const { cwnd } = bulk;
  assert(cwnd < 10);
  bulk.lab.pass(100 * SECOND_US);
  bulk.writes(30 * bulk.mss);
  bulk.took();
  assertEquals(bulk.cwnd, cwnd);
});

Deno.test("while something is out nothing is idle, however long it takes (RFC 5681 §4.1)", () => {
  const bulk = tenOut({
    ...CUBIC,
    tcp: { congestionControl: "reno", rtoMinUs: 60 * SECOND_US },
    queued: 11 * 1460,
  });
  bulk.passRtt();
  bulk.acksEach(0, 10);
  assert(bulk.cwnd > 10);
  const { cwnd } = bulk;
  bulk.lab.pass(50 * SECOND_US);
  bulk.writes(30 * bulk.mss);
  assertEquals(bulk.cwnd, cwnd);
});
