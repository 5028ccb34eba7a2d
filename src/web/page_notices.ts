/**
 * PageNotices: what is said at the server of what pages have done to it: whoever sits there has not done it.
 *
 * Owns: that a page, or a program in its stead, that does a thousand things in a second does not fill a terminal and a log: what
 * was done last is said in any case, and how much before it was not. Must not know: what is done.
 */
import type { Repeat } from "./stream_hub.ts";

/** Local choice: as many as a person does in a row. */
const MOST_AT_ONCE = 5;
/** Local choice: milliseconds after which one more may be said. */
const REST_MS = 1000;

/** Says a notice; `kind` is for programs. */
export type Tell = (kind: string, message: string) => void;

/** See the head of this file. */
export class PageNotices {
  readonly #tell: Tell;
  readonly #repeat: Repeat;
  #left = MOST_AT_ONCE;
  #waiting: { readonly kind: string; readonly message: string } | null = null;
  #unsaid = 0;
  /** There while not all may be said. */
  #stop: (() => void) | null = null;

  constructor(parts: { readonly tell: Tell; readonly repeat: Repeat }) {
    this.#tell = parts.tell;
    this.#repeat = parts.repeat;
  }

  /** Says it, now or soon; what waits is forgotten for it. */
  readonly tell: Tell = (kind, message) => {
    if (this.#waiting !== null) this.#unsaid++;
    this.#waiting = { kind, message };
    this.#stop ??= this.#repeat(() => this.#rest(), REST_MS);
    this.#say();
  };

  /** Says what waits, for there is no later. */
  end(): void {
    this.#left = Math.max(1, this.#left);
    this.#say();
    this.#stop?.();
    this.#stop = null;
  }

  #rest(): void {
    this.#left = Math.min(MOST_AT_ONCE, this.#left + 1);
    this.#say();
    if (this.#left < MOST_AT_ONCE) return;
    this.#stop?.();
    this.#stop = null;
  }

  #say(): void {
    const waiting = this.#waiting;
    if (waiting === null || this.#left === 0) return;
    this.#left--;
    this.#waiting = null;
    const unsaid = this.#unsaid;
    this.#unsaid = 0;
    const before = unsaid === 0 ? "" : ` (and ${unsaid} more from there before it)`;
    this.#tell(waiting.kind, waiting.message + before);
  }
}
