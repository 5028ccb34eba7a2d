/**
 * WallOffset: how far the wall clock is from the monotonic one, and that it may be set meanwhile.
 *
 * Owns: that number and its error. Must not know: what is done with times; where frames come from.
 *
 * Both clocks run at the same rate: what adjusts the wall clock smoothly (NTP) does so to both (Linux: the frequency and
 * `adjtime` act on CLOCK_MONOTONIC too). So their distance is a constant, until somebody sets the wall clock. Every
 * reading of both gives bounds for it; the constant is where all of them overlap, and where they do not, it was set.
 */

/** Bounds of the wall clock's lead over the monotonic one, as one reading of both gives them, microseconds. */
export interface OffsetBounds {
  readonly lowUs: number;
  readonly highUs: number;
}

/** Local choice: better than what the capture itself rounds to would be of no use. */
const CLOSE_ENOUGH_US = 2;
/** Local choice: longer than the tick of a clock that only knows milliseconds, so that one of them falls into it. */
const READING_LIMIT_US = 5_000;
/**
 * Before that many the limit does not hold: a process that has to wait for a core in the middle of its first reading has used
 * it up with bounds of 8 ms. Local choice: it will not have to every time.
 */
const LEAST_READINGS = 20;
/** Both clocks are rounded when they are read; local choice. */
const ROUNDING_US = 2;
/** Local choice: a reading costs a microsecond; whoever watches a step of the clock sees it this late at most. */
const INTERVAL_US = 1_000_000;
/** A time that is further from now than this may be due to a step; local choice: frames seldom wait so long. */
const PLAUSIBLE_US = 1_000;

/** Follows one pair of clocks. */
export class WallOffset {
  /** Wall-clock microseconds since 1970 at 0 of the monotonic clock; an integer. A step changes it, or better knowledge. */
  us = 0;
  readonly #read: () => OffsetBounds;
  readonly #monotonicUs: () => number;
  #lowUs = -Infinity;
  #highUs = Infinity;
  #checkedUs = 0;

  /** Measures once: some microseconds, where the wall clock only knows milliseconds up to five of them. */
  constructor(clocks: { read: () => OffsetBounds; monotonicUs: () => number }) {
    this.#read = clocks.read;
    this.#monotonicUs = clocks.monotonicUs;
    this.#measure();
  }

  /**
   * The monotonic time of something that has just happened at `wallUs`, while the monotonic clock says `nowUs`, or a
   * little more. What lies far off is a reason to look whether the clock was set; so is a second without a look.
   */
  monotonicOf(wallUs: number, nowUs: number): number {
    const us = wallUs - this.us;
    const sinceUs = nowUs - this.#checkedUs;
    if (sinceUs < PLAUSIBLE_US) return us;
    const agoUs = nowUs - us;
    if (sinceUs < INTERVAL_US && agoUs >= -PLAUSIBLE_US && agoUs <= PLAUSIBLE_US) return us;
    this.#check(nowUs);
    return wallUs - this.us;
  }

  #check(nowUs: number): void {
    this.#checkedUs = nowUs;
    if (!this.#narrow(this.#read())) this.#measure();
  }

  /** Takes one more reading; false where it contradicts those before. */
  #narrow({ lowUs, highUs }: OffsetBounds): boolean {
    if (lowUs > this.#highUs + ROUNDING_US || highUs < this.#lowUs - ROUNDING_US) return false;
    // Rounding may let them miss each other by a little: then the bounds stay as they are.
    if (lowUs > this.#lowUs && lowUs <= this.#highUs) this.#lowUs = lowUs;
    if (highUs < this.#highUs && highUs >= this.#lowUs) this.#highUs = highUs;
    // The lower bound: a time of capture is never told too early, and no round trip too short.
    this.us = Math.floor(this.#lowUs);
    return true;
  }

  #measure(): void {
    const beganUs = this.#monotonicUs();
    this.#begin();
    for (let readings = 1; this.#highUs - this.#lowUs > CLOSE_ENOUGH_US; readings++) {
      if (readings >= LEAST_READINGS && this.#monotonicUs() - beganUs > READING_LIMIT_US) break;
      // Set again at this very moment.
      if (!this.#narrow(this.#read())) this.#begin();
    }
    this.#checkedUs = this.#monotonicUs();
  }

  #begin(): void {
    const { lowUs, highUs } = this.#read();
    this.#lowUs = lowUs;
    this.#highUs = highUs;
    this.us = Math.floor(lowUs);
  }
}

/** `Date.now()` leaves out what is less. */
const DATE_GRAIN_US = 1000;

/** One reading of the machine's clocks: `performance.now()`, and between two looks at it the wall clock. */
export function readSystemClocks(): OffsetBounds {
  const beforeUs = performance.now() * 1000;
  // The one of the platform's wall clocks that is finer than a millisecond; not every platform has it.
  const isFine = typeof Temporal !== "undefined";
  const wallUs = isFine ? Number(Temporal.Now.instant().epochNanoseconds / 100n) / 10 : Date.now() * 1000;
  const afterUs = performance.now() * 1000;
  return { lowUs: wallUs - afterUs, highUs: wallUs + (isFine ? 0 : DATE_GRAIN_US) - beforeUs };
}
