/**
 * Round trips as the capture shows them: from a segment to the acknowledgment of it, by Karn's rule (RFC 6298 §3).
 *
 * Owns: the samples that are kept, and what is made of them: least, middle, greatest, and a retransmission timeout as the
 * end may have had it. Must not know: segments.
 */

/** Local choice: enough for a middle that does not move; of more samples every second, fourth... is kept. */
const MOST_SAMPLES = 512;

/** RFC 6298 §2.1: before the first sample. */
const FIRST_RTO_SECONDS = 1;
/** Local choice: Linux's lower bound, far below the second of RFC 6298 §2.4: what is sooner is no timeout anywhere. */
export const LEAST_RTO_SECONDS = 0.2;

/** Samples of one direction. */
export class RoundTrips {
  #samples: number[] = [];
  #stride = 1;
  #count = 0;
  #least = Infinity;
  #greatest = 0;
  #smoothed = 0;
  #variation = 0;

  /** Takes a sample; what is negative is of two clocks and counts for nothing. */
  add(seconds: number): void {
    if (!(seconds >= 0)) return;
    if (this.#count % this.#stride === 0) this.#samples.push(seconds);
    if (this.#samples.length > MOST_SAMPLES) {
      this.#samples = this.#samples.filter((_, index) => index % 2 === 0);
      this.#stride *= 2;
    }
    this.#least = Math.min(this.#least, seconds);
    this.#greatest = Math.max(this.#greatest, seconds);
    // RFC 6298 §2.2, §2.3.
    if (this.#count === 0) {
      this.#smoothed = seconds;
      this.#variation = seconds / 2;
    } else {
      this.#variation = 0.75 * this.#variation + 0.25 * Math.abs(this.#smoothed - seconds);
      this.#smoothed = 0.875 * this.#smoothed + 0.125 * seconds;
    }
    this.#count++;
  }

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  /** SRTT, seconds; 0 before the first sample. */
  get smoothedSeconds(): number {
    return this.#smoothed;
  }

  /** The soonest at which a timeout is believed, seconds. */
  get timeoutSeconds(): number {
    if (this.#count === 0) return FIRST_RTO_SECONDS;
    return Math.max(LEAST_RTO_SECONDS, this.#smoothed + 4 * this.#variation);
  }

  /** Least, middle and greatest in milliseconds, to the microsecond; null without a sample. */
  summaryMs(): { readonly min: number; readonly median: number; readonly max: number } | null {
    if (this.#count === 0) return null;
    const sorted = this.#samples.toSorted((a, b) => a - b);
    const half = sorted.length >>> 1;
    const median = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    return { min: toMs(this.#least), median: toMs(median), max: toMs(this.#greatest) };
  }
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e3;
}
