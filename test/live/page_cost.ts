/**
 * What an open live page may cost, and whether it has cost more.
 *
 * Owns: the bounds. Must not know: how anything is measured (measure_page.ts).
 */

/** What was measured. */
export interface PageCost {
  /** Throughput with the page open, in parts of that without: the median of the rounds. */
  readonly ratio: number;
  /** Segments that a tab was left open through. */
  readonly segments: number;
  /** What the tab's script holds after them. */
  readonly heapBytes: number;
}

/** An open page leaves a bulk transfer so much of its throughput. */
export const LEAST_RATIO = 0.9;
/** Fewer do not show that a tab can be left open. */
export const LEAST_SEGMENTS = 1e6;
/** Of Chromium's own memory only the page's part is ours; this is the bound on it. */
export const MOST_HEAP_BYTES = 200e6;

/** What was missed, a line each; empty when all is well. A figure that is none has missed. */
export function missesOf({ ratio, segments, heapBytes }: PageCost): string[] {
  const misses: string[] = [];
  if (!(ratio >= LEAST_RATIO)) {
    misses.push(
      `With the page open ${ratio.toFixed(2)} of the throughput is left: at least ${LEAST_RATIO} was to be`,
    );
  }
  if (!(segments >= LEAST_SEGMENTS)) {
    misses.push(
      `${segments} segments are too few to say what a tab holds: at least ${LEAST_SEGMENTS} were to pass`,
    );
  }
  if (!(heapBytes < MOST_HEAP_BYTES)) {
    misses.push(
      `The tab holds ${(heapBytes / 1e6).toFixed(1)} MB: less than ${MOST_HEAP_BYTES / 1e6} MB was to be`,
    );
  }
  return misses;
}
