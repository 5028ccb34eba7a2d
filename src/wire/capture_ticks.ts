/**
 * Times of pcapng: 64-bit counts of ticks whose length each interface chooses.
 *
 * Owns: ticks to whole seconds and nanoseconds, exactly; what is finer is cut off. Must not know: blocks, options.
 *
 * Source: draft-ietf-opsawg-pcapng §4.2 (if_tsresol, if_tsoffset) and §4.3 (timestamps). A count of nanoseconds since 1970 has 61 bits, and a
 * double has 53: the upper half is turned into seconds and a rest once for all packets that share it, which at nanoseconds are those of 4 s.
 */
import type { CaptureTime } from "./capture_packet.ts";

/** if_tsresol where the option is absent: 10^-6 s. */
const MICROSECONDS = 0x06;
const BINARY = 0x80;
const UPPER_HALF = 0x100000000;
const NANOS_PER_SECOND = 1e9;

/** Turns the timestamps of one interface into times. */
export class TickClock {
  /** Ticks in a second. */
  readonly #rate: bigint;
  /** The same as a number, where sums of ticks of less than a second and of a lower half are exact; else 0. */
  readonly #exactRate: number;
  readonly #offsetSeconds: number;
  #high = -1;
  #highSeconds = 0;
  #highRest = 0;

  /** `resolution` is if_tsresol as it stands there, undefined where it does not. */
  constructor(resolution: number = MICROSECONDS, offsetSeconds = 0) {
    const exponent = BigInt(resolution & ~BINARY);
    this.#rate = (resolution & BINARY) === 0 ? 10n ** exponent : 2n ** exponent;
    // A rest below 2^50 and a lower half below 2^32 stay below 2^53.
    this.#exactRate = this.#rate <= 1n << 50n ? Number(this.#rate) : 0;
    this.#offsetSeconds = offsetSeconds;
  }

  /** Sets `time` to that of the timestamp whose halves these are. */
  read(high: number, low: number, time: CaptureTime): void {
    const rate = this.#exactRate;
    if (rate === 0) return this.#readExactly(high, low, time);
    if (high !== this.#high) {
      const ticks = BigInt(high) * BigInt(UPPER_HALF);
      this.#high = high;
      this.#highSeconds = Number(ticks / this.#rate) + this.#offsetSeconds;
      this.#highRest = Number(ticks % this.#rate);
    }
    const ticks = this.#highRest + low;
    const seconds = Math.floor(ticks / rate);
    const rest = ticks - seconds * rate;
    const nanosPerTick = NANOS_PER_SECOND / rate;
    if (Number.isInteger(nanosPerTick)) {
      time.nanoseconds = rest * nanosPerTick;
    } else if (rate * NANOS_PER_SECOND <= Number.MAX_SAFE_INTEGER) {
      time.nanoseconds = Math.floor(rest * NANOS_PER_SECOND / rate);
    } else {
      time.nanoseconds = Number(BigInt(rest) * BigInt(NANOS_PER_SECOND) / this.#rate);
    }
    time.seconds = this.#highSeconds + seconds;
  }

  #readExactly(high: number, low: number, time: CaptureTime): void {
    const ticks = BigInt(high) * BigInt(UPPER_HALF) + BigInt(low);
    time.seconds = Number(ticks / this.#rate) + this.#offsetSeconds;
    time.nanoseconds = Number(ticks % this.#rate * BigInt(NANOS_PER_SECOND) / this.#rate);
  }
}
