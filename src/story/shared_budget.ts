/**
 * SharedBudget: an amount that many connections hold together, and when some of them have to give.
 *
 * Owns: the sum, and that looking for givers costs little however often there are none. Must not know: what is held, who gives.
 */

/** Local choice: so much of the budget is free again after a sweep, so that the next one is far. */
const FREED_SHARE = 0.25;
/** Local choice: after a sweep that has not freed that, the sum grows by so much before the next one. */
const GROWTH_SHARE = 0.1;

/** See the head of this file. */
export class SharedBudget {
  readonly #most: number;
  #held = 0;
  #sweepAbove: number;
  #sweeps = 0;

  constructor(most: number) {
    this.#most = most;
    this.#sweepAbove = most;
  }

  /** What is held. */
  get held(): number {
    return this.#held;
  }

  /** More is held, or less. */
  add(amount: number): void {
    this.#held += amount;
  }

  /** Whether somebody has to give. */
  get isSpent(): boolean {
    return this.#held > this.#sweepAbove;
  }

  /** How often it was looked for givers. */
  get sweeps(): number {
    return this.#sweeps;
  }

  /** Takes gifts, each made when it is asked for, until enough is free. Returns how much was given. */
  sweep(gifts: Iterable<number>): number {
    const target = this.#most * (1 - FREED_SHARE);
    const before = this.#held;
    this.#sweeps++;
    for (const gift of gifts) {
      this.#held -= gift;
      if (this.#held <= target) break;
    }
    this.#sweepAbove = Math.max(this.#most, this.#held * (1 + GROWTH_SHARE));
    return before - this.#held;
  }
}
