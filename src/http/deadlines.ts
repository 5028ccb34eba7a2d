/**
 * The deadlines of many connections behind one timer.
 *
 * Owns: the timer. A deadline that moves away, as each request moves it, costs an assignment; the timer finds out when it fires.
 * Must not know: what a deadline is for.
 */
import type { Clock } from "../runtime/clock.ts";

/** What has a deadline, at most one at a time. */
export interface Timed {
  /** Infinity: none. Set by {@link Deadlines.set}. */
  deadlineUs: number;
  /** The deadline has passed; it is Infinity again. */
  expire(): void;
}

/** Local choice: many deadlines shortly after each other are found at one look; none is found later than by so much. */
const GRAIN_US = 10_000;

/** See the head of this file. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #all = new Set<Timed>();
  #firesAtUs = Infinity;
  #cancel: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(timed: Timed): void {
    this.#all.add(timed);
  }

  delete(timed: Timed): void {
    this.#all.delete(timed);
    if (this.#all.size > 0) return;
    this.#cancel();
    this.#firesAtUs = Infinity;
  }

  /** Sets, moves, or (Infinity) takes away. */
  set(timed: Timed, afterMs: number): void {
    timed.deadlineUs = this.#clock.nowUs() + afterMs * 1000;
    if (timed.deadlineUs < this.#firesAtUs) this.#arm(timed.deadlineUs);
  }

  #arm(atUs: number): void {
    this.#cancel();
    this.#firesAtUs = atUs;
    this.#cancel = this.#clock.after(Math.max(0, atUs - this.#clock.nowUs()), () => this.#fire());
  }

  #fire(): void {
    this.#firesAtUs = Infinity;
    const nowUs = this.#clock.nowUs();
    let nextUs = Infinity;
    for (const timed of this.#all) {
      if (timed.deadlineUs <= nowUs) {
        timed.deadlineUs = Infinity;
        timed.expire();
      } else if (timed.deadlineUs < nextUs) {
        nextUs = timed.deadlineUs;
      }
    }
    if (nextUs < this.#firesAtUs) this.#arm(Math.max(nextUs, nowUs + GRAIN_US));
  }
}
