/**
 * CUBIC: the curve, the Reno-friendly region, the decrease, fast convergence, timeouts. RFC 9438 §4, §5.8.
 *
 * The expected figures come from the RFC's equations, in segments and seconds; C = 0.4, beta = 0.7.
 */
import { assert, assertEquals } from "@std/assert";
import { type BulkOptions, BulkSender, MS_US, PLAIN_OPTIONS, range, twentyOut } from "./bulk_sender.ts";
import { SECOND_US } from "./wire_ends.ts";

const C = 0.4;
const BETA = 0.7;
const CUBIC: BulkOptions = { tcp: { congestionControl: "cubic", sendBufferBytes: 0x400000 } };

/** RFC 9438 §4.2 equation 2. */
function plateauTime(maximum: number, begin: number): number {
  return Math.cbrt((maximum - begin) / C);
}

/** RFC 9438 §4.2 equation 1. */
function curve(seconds: number, maximum: number, begin: number): number {
  return C * (seconds - plateauTime(maximum, begin)) ** 3 + maximum;
}

function edges(bulk: BulkSender): { una: number; next: number } {
  const { sndUna, sndNxt, iss } = bulk.info;
  const number = (seq: number) => ((seq - iss - 1) >>> 0) / bulk.mss;
  return { una: number(sndUna), next: number(sndNxt) };
}

/** One round trip in which all that is out is acknowledged, two segments an ACK; returns how much that lets out. */
function round(bulk: BulkSender, isFed = true): number {
  if (isFed && bulk.info.unsent < 400 * bulk.mss) top(bulk);
  const { una, next } = edges(bulk);
  bulk.passRtt();
  return bulk.acksEach(una, next, 2).length;
}

const FILL = new Uint8Array(0x100000);

/** Queues more; the contents no longer matter. */
function top(bulk: BulkSender): void {
  bulk.lab.user(() => bulk.app.connection.write(FILL));
}

/** Queues zeros only, so that any amount can be sent. */
function filled(options: BulkOptions): BulkSender {
  const bulk = new BulkSender({ ...options, queued: 0 });
  top(bulk);
  bulk.peer.takeAll();
  return bulk;
}

/** Grows to a flight of at least `segments`, loses its first, recovers. What is returned is the flight before. */
function loseOne(bulk: BulkSender, segments: number): number {
  while (edges(bulk).next - edges(bulk).una < segments) roundOfZeros(bulk);
  const { una, next } = edges(bulk);
  bulk.passRtt();
  for (let end = una + 2; end <= next; end++) bulk.acks(una, { sack: [[una + 1, end]] });
  bulk.peer.takeAll();
  bulk.passRtt();
  bulk.acks(edges(bulk).next);
  bulk.peer.takeAll();
  assertEquals(bulk.info.recovery, "open");
  return next - una;
}

/** As `round`, without looking at contents. */
function roundOfZeros(bulk: BulkSender): void {
  if (bulk.info.unsent < 400 * bulk.mss) top(bulk);
  const { una, next } = edges(bulk);
  bulk.passRtt();
  for (let at = una + 2; at < next + 2; at += 2) bulk.acks(Math.min(at, next));
  bulk.peer.takeAll();
}

Deno.test("slow start doubles as everywhere (RFC 9438 §4.10, RFC 5681 §3.1)", () => {
  const bulk = new BulkSender(CUBIC);
  bulk.expects(range(0, 10));
  assertEquals([round(bulk), round(bulk)], [20, 40]);
});

Deno.test("a loss reduces to 0.7 of the flight (RFC 9438 §4.6)", () => {
  const bulk = twentyOut(CUBIC);
  bulk.passRtt();
  bulk.acks(10, { sack: [[11, 14]] });
  assertEquals(bulk.ssthresh, 20 * BETA);
});

Deno.test("ssthresh is two segments at least (RFC 9438 §4.6)", () => {
  const bulk = new BulkSender({ ...CUBIC, queued: 2 * 1460, options: PLAIN_OPTIONS });
  bulk.took();
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([0]);
  assertEquals(bulk.ssthresh, 2);
});

Deno.test("a timeout: one segment, and ssthresh of 0.7 of the flight (RFC 9438 §4.8)", () => {
  const bulk = twentyOut({ ...CUBIC, options: PLAIN_OPTIONS });
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.expects([10]);
  assertEquals([bulk.cwnd, bulk.ssthresh], [1, 14]);
});

Deno.test("the window follows the curve: concave to W_max, flat there, convex after it (RFC 9438 §4.2, §4.4, §4.5)", () => {
  const rttUs = 250 * MS_US;
  const bulk = filled({ ...CUBIC, rttUs });
  const maximum = loseOne(bulk, 80);
  const begin = bulk.ssthresh;
  assert(Math.abs(begin - maximum * BETA) < 0.01, `${begin} of ${maximum}`);
  // t counts from the first ACK of congestion avoidance (RFC 9438 §4.2), a round trip after recovery.
  const startUs = bulk.lab.nowUs + rttUs;
  const windows: number[] = [];
  const rttSeconds = rttUs / SECOND_US;
  for (let i = 0; i < 28; i++) {
    roundOfZeros(bulk);
    const seconds = (bulk.lab.nowUs - startUs) / SECOND_US;
    windows.push(bulk.cwnd);
    // The window heads for the curve one round trip ahead, and is at most there: between these two.
    const low = curve(seconds - rttSeconds, maximum, begin) - 1;
    const high = curve(seconds + 2 * rttSeconds, maximum, begin) + 1;
    assert(
      bulk.cwnd >= Math.max(begin, low) - 0.5 && bulk.cwnd <= high,
      `${bulk.cwnd} at ${seconds} s: ${low} to ${high}`,
    );
  }
  const growth = windows.slice(1).map((window, i) => window - windows[i]);
  const plateau = Math.round(plateauTime(maximum, begin) / rttSeconds);
  assert(growth[1] > 3 * growth[plateau - 2], `slower towards the plateau: ${growth}`);
  assert(growth[plateau + 10] > 3 * growth[plateau], `faster beyond it: ${growth}`);
  assert(growth.every((more) => more >= 0), "never less");
});

Deno.test("the window of congestion avoidance is what is on the wire (RFC 9438 §4.1)", () => {
  const bulk = filled(CUBIC);
  loseOne(bulk, 40);
  for (let i = 0; i < 5; i++) {
    roundOfZeros(bulk);
    const { una, next } = edges(bulk);
    assertEquals(next - una, Math.floor(bulk.cwnd));
  }
});

Deno.test("the window grows by half in a round trip at most (RFC 9438 §4.2: target of 1.5 cwnd)", () => {
  const bulk = filled({ ...CUBIC, rttUs: 900 * MS_US });
  loseOne(bulk, 10);
  let before = bulk.cwnd;
  for (let i = 0; i < 12; i++) {
    roundOfZeros(bulk);
    assert(bulk.cwnd <= before * 1.5 + 1, `${before} to ${bulk.cwnd}`);
    before = bulk.cwnd;
  }
});

Deno.test("fast convergence: a loss before W_max is reached lowers W_max to 0.85 of the window (RFC 9438 §4.7)", () => {
  const rttUs = 250 * MS_US;
  const bulk = filled({ ...CUBIC, rttUs });
  const first = loseOne(bulk, 80);
  roundOfZeros(bulk);
  roundOfZeros(bulk);
  const second = loseOne(bulk, 1);
  assert(second < first - 5, `${second} after ${first}`);
  const begin = bulk.ssthresh;
  const maximum = second * (1 + BETA) / 2;
  const startUs = bulk.lab.nowUs + rttUs;
  const rttSeconds = rttUs / SECOND_US;
  const plateau = plateauTime(maximum, begin);
  for (let seconds = 0; seconds < plateau;) {
    roundOfZeros(bulk);
    seconds = (bulk.lab.nowUs - startUs) / SECOND_US;
    const high = curve(seconds + 2 * rttSeconds, maximum, begin) + 1;
    assert(bulk.cwnd <= high, `${bulk.cwnd} at ${seconds} s: at most ${high}`);
  }
  assert(Math.abs(bulk.cwnd - maximum) < 1.5, `plateau at ${bulk.cwnd} instead of ${maximum}`);
});

Deno.test("a loss beyond W_max sets W_max to the window (RFC 9438 §4.6, §4.7)", () => {
  const rttUs = 250 * MS_US;
  const bulk = filled({ ...CUBIC, rttUs });
  const first = loseOne(bulk, 40);
  while (bulk.cwnd < first + 6) roundOfZeros(bulk);
  const second = loseOne(bulk, 1);
  assert(second > first);
  const begin = bulk.ssthresh;
  const rounds = Math.ceil(plateauTime(second, begin) / (rttUs / SECOND_US)) + 1;
  for (let i = 0; i < rounds; i++) roundOfZeros(bulk);
  assert(Math.abs(bulk.cwnd - second) < 1.5, `plateau at ${bulk.cwnd} instead of ${second}`);
});

Deno.test("with short round trips CUBIC is no slower than Reno: the Reno-friendly region (RFC 9438 §4.3)", () => {
  const rttUs = 20 * MS_US;
  const bulk = filled({ ...CUBIC, rttUs });
  const prior = loseOne(bulk, 20);
  const alpha = 3 * (1 - BETA) / (1 + BETA);
  let estimate = bulk.ssthresh;
  for (let i = 0; i < 30; i++) {
    roundOfZeros(bulk);
    // A round trip late, and ACKs of the first round may be of what recovery sent.
    const late = bulk.ssthresh + Math.max(0, i - 2) * alpha;
    estimate += estimate < prior ? alpha : 1;
    assert(bulk.cwnd <= estimate + 1.5, `${bulk.cwnd} after ${i + 1} rounds, at most ${estimate}`);
    assert(bulk.cwnd >= late - 1, `${bulk.cwnd} after ${i + 1} rounds, at least ${late}`);
  }
  assert(
    bulk.cwnd >= estimate - 3,
    `${bulk.cwnd}: beyond the old window Reno takes one segment a round trip, ${estimate}`,
  );
});

Deno.test("time without enough to send is no time of growth (RFC 9438 §4.2, §5.8)", () => {
  const bulk = new BulkSender({ ...CUBIC, queued: 70 * 1460 });
  bulk.expects(range(0, 10));
  assertEquals([round(bulk, false), round(bulk, false)], [20, 40]);
  assertEquals(bulk.info.unsent, 0);
  // The last flight, as large as the window, loses its first.
  bulk.passRtt();
  for (let end = 32; end <= 70; end++) bulk.acks(30, { sack: [[31, end]] });
  bulk.expects([30]);
  bulk.passRtt();
  bulk.acks(70);
  assertEquals(bulk.info.recovery, "open");
  const window = bulk.cwnd;
  for (let i = 0; i < 200; i++) {
    bulk.writes(100);
    bulk.peer.takeAll();
    bulk.passRtt();
    bulk.peer.sends({ flags: "ACK", ack: bulk.peer.seen });
  }
  assert(Math.abs(bulk.cwnd - window) <= 1, `${window} to ${bulk.cwnd} while next to nothing was sent`);
  top(bulk);
  bulk.peer.takeAll();
  for (let i = 0; i < 2; i++) {
    bulk.passRtt();
    bulk.peer.sends({ flags: "ACK", ack: bulk.peer.seen });
    bulk.peer.takeAll();
  }
  assert(bulk.cwnd <= window + 4, `a leap from ${window} to ${bulk.cwnd}`);
});

Deno.test("after a timeout the curve begins at the window with which congestion avoidance begins (RFC 9438 §4.8)", () => {
  const rttUs = 250 * MS_US;
  const bulk = filled({ ...CUBIC, rttUs, options: PLAIN_OPTIONS });
  while (edges(bulk).next - edges(bulk).una < 40) roundOfZeros(bulk);
  bulk.lab.pass(bulk.info.timers["rto"] + MS_US);
  bulk.peer.takeAll();
  const { ssthresh } = bulk;
  assert(Math.abs(ssthresh - 40 * BETA) < 0.01);
  // All but the first had arrived; slow start up to ssthresh.
  bulk.passRtt();
  bulk.acks(edges(bulk).next);
  bulk.peer.takeAll();
  while (bulk.cwnd < ssthresh) roundOfZeros(bulk);
  const begin = bulk.cwnd;
  assert(begin < ssthresh + 3, `${begin}`);
  // K = 0: W(t) = 0.4 t^3 + W_max, with the Reno-friendly estimate below it.
  const alpha = 3 * (1 - BETA) / (1 + BETA);
  for (let i = 1; i <= 10; i++) {
    roundOfZeros(bulk);
    const seconds = i * rttUs / SECOND_US;
    const high = Math.max(begin + C * (seconds + 2 * rttUs / SECOND_US) ** 3, begin + i + 1) + 1;
    const low = begin + (i - 2) * alpha - 1;
    assert(bulk.cwnd <= high && bulk.cwnd >= low, `${bulk.cwnd} after ${i} rounds: ${low} to ${high}`);
  }
});
