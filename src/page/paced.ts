/**
 * Paced: something that is drawn again and again, never oftener than an eye can tell, and never so often that it fills a core.
 *
 * Owns: when. Must not know: what is drawn.
 *
 * The page shares its machine with the server that it shows: what it takes, a transfer has not.
 */
/// <reference lib="dom" />

/** 20 times a second: more than an eye tells apart. */
const LEAST_MS = 50;
/** Local choice: between two drawings so many times as long as one took: at most a twentieth of a core. */
const REST = 20;
/** Local choice: a person waits no longer for what has happened. */
const MOST_MS = 1000;

/** See the head of this file. */
export class Paced {
  readonly #draw: () => void;
  readonly #painted = new MessageChannel();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #beganMs = 0;
  #nextMs = 0;
  /** Between the request of a frame and the end of its painting. */
  #isBusy = false;
  #isAsked = false;

  constructor(draw: () => void) {
    this.#draw = draw;
    this.#painted.port1.onmessage = () => this.#rest();
    document.addEventListener("visibilitychange", () => {
      if (this.#isAsked) this.ask();
    });
  }

  /** Draws soon; not at all while nobody sees it. */
  ask(): void {
    this.#isAsked = true;
    if (this.#timer !== null || this.#isBusy || document.hidden) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#isBusy = true;
      requestAnimationFrame(() => this.#frame());
    }, Math.max(0, this.#nextMs - performance.now()));
  }

  /** What was asked for is not wanted any more. */
  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isAsked = false;
  }

  #frame(): void {
    this.#beganMs = performance.now();
    try {
      if (this.#isAsked) {
        this.#isAsked = false;
        this.#draw();
      }
    } finally {
      // Comes when the frame has been laid out and painted, which takes longer than the script. Also when that has thrown: the
      // console says what, and the next picture may be well again.
      this.#painted.port2.postMessage(null);
    }
  }

  #rest(): void {
    const nowMs = performance.now();
    const tookMs = nowMs - this.#beganMs;
    this.#nextMs = nowMs + Math.min(MOST_MS, Math.max(LEAST_MS, REST * tookMs));
    this.#isBusy = false;
    if (this.#isAsked) this.ask();
  }
}
