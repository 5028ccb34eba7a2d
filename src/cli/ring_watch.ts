/**
 * Says when the capture ring lost frames.
 *
 * Owns: when to look (only while frames come, and not often), and the line. Must not know: how frames are carried.
 */
import type { LinkStats } from "../link/link.ts";

/** What a watch looks at, and whom it tells. */
interface RingWatchOptions {
  readonly stats: () => LinkStats;
  readonly nowUs: () => number;
  readonly tell: (line: string) => void;
  /** For the remedy. */
  readonly ringMib: number;
}

/** Local choice: a person wants to know within seconds, and a look is a system call. */
const INTERVAL_US = 2_000_000;

/** Looks at a link's counters now and then. */
export class RingWatch {
  readonly #options: RingWatchOptions;
  #nextUs: number;
  #dropped = 0;

  constructor(options: RingWatchOptions) {
    this.#options = options;
    this.#nextUs = options.nowUs() + INTERVAL_US;
  }

  /** Called after frames were taken; costs one look at the clock until the interval is over. */
  afterFrames(): void {
    const nowUs = this.#options.nowUs();
    if (nowUs < this.#nextUs) return;
    this.#nextUs = nowUs + INTERVAL_US;
    this.look();
  }

  /** Looks now, and tells what was lost since the last look. */
  look(): void {
    const { droppedByRing, droppedByDevice } = this.#options.stats();
    const dropped = droppedByRing + droppedByDevice;
    const lost = dropped - this.#dropped;
    this.#dropped = dropped;
    if (lost <= 0) return;
    const remedy = this.#options.ringMib < 512
      ? `a larger ring takes longer bursts (--ring ${this.#options.ringMib * 2})`
      : "the machine is too slow for this traffic";
    this.#options.tell(
      lost === 1
        ? `The capture ring lost 1 frame, which its sender will have to send again: ${remedy}`
        : `The capture ring lost ${lost} frames, which their senders will have to send again: ${remedy}`,
    );
  }
}
