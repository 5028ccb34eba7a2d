/**
 * Patience: for how long somebody is waited for who may never come.
 *
 * Owns: what it means that the time is over. Must not know: who is waited for.
 *
 * A timer and what it is set against have no order between them: a process that has stood still for as long (a busy machine, Ctrl-Z)
 * hears of both at once, and of the timer first. So whose time is over gets a moment more, in which what has come meanwhile is read.
 */

/** Local choice: some turns of the event loop and of its helper threads, beside twenty other programs; nobody feels it. */
const MOMENT_MS = 100;

/** Patience with somebody who may say something again and again. */
export class Patience implements Disposable {
  readonly #ms: number;
  readonly #onOver: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  /** Begins now; `onOver` is called once, when nothing has been heard for `ms` milliseconds. */
  constructor(ms: number, onOver: () => void) {
    this.#ms = ms;
    this.#onOver = onOver;
    this.heard();
  }

  /** Begins anew. */
  heard(): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#timer = setTimeout(() => this.#end(), MOMENT_MS), this.#ms);
  }

  /** Waits no longer. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #end(): void {
    this.#isOver = true;
    this.#onOver();
  }
}

/** Whether what is promised comes within so many milliseconds; rejects as the promise does. */
export async function comesWithin(promised: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  using _patience = new Patience(ms, () => resolve(false));
  return await Promise.race([promised.then(() => true), late]);
}
