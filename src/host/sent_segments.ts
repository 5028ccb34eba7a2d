/**
 * SentSegments: which segment carried what of a stream last, as long as it is not acknowledged.
 *
 * Owns: ranges of positions with the number of a segment each, in order, without overlap. Must not know: why anything is
 * sent again. It is kept only while somebody observes.
 */

/** Octets from `start` to before `end`, which segment `number` has carried last. */
interface SentRange {
  start: number;
  end: number;
  number: number;
}

/** Local choice: a window of six megabytes in full segments; of what lies below the oldest is forgotten first. */
const MOST_RANGES = 4096;

/** The segments of one direction of a connection. */
export class SentSegments {
  #ranges: SentRange[] = [];
  /** The first that counts. */
  #head = 0;

  /** Number of the segment that carried the octet at `position` last, 0 where that is not known. */
  carrierOf(position: number): number {
    const range = this.#ranges[this.#find(position)];
    return range !== undefined && range.start <= position ? range.number : 0;
  }

  /** Notes that segment `number` carries the octets from `start` to before `end`; those below `una` are acknowledged. */
  note(start: number, end: number, about: { number: number; una: number }): void {
    this.#forget(about.una);
    const ranges = this.#ranges;
    const { number } = about;
    if (this.#head === 1 && ranges.length === 1) {
      // Nothing else is on its way, as between a question and the next: the same place serves for all of them.
      const only = ranges[0];
      only.start = start;
      only.end = end;
      only.number = number;
      this.#head = 0;
      return;
    }
    const range: SentRange = { start, end, number };
    if (ranges.length === 0) {
      // With one place: an array that grows from nothing has seventeen, which most connections never need.
      this.#ranges = [range];
      return;
    }
    const last = ranges[ranges.length - 1];
    if (ranges.length === this.#head || last.end <= start) {
      ranges.push(range);
      return;
    }
    const from = this.#find(start);
    let to = from;
    const parts: SentRange[] = [];
    if (from < ranges.length && ranges[from].start < start) parts.push({ ...ranges[from], end: start });
    parts.push(range);
    for (; to < ranges.length && ranges[to].start < end; to++) {
      if (ranges[to].end > end) parts.push({ ...ranges[to], start: end });
    }
    ranges.splice(from, to - from, ...parts);
  }

  /** Index of the first range that ends behind `position`. */
  #find(position: number): number {
    let low = this.#head;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranges[middle].end > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Lets go of what is acknowledged, and of the oldest where there is too much. */
  #forget(una: number): void {
    const ranges = this.#ranges;
    while (this.#head < ranges.length && ranges[this.#head].end <= una) this.#head++;
    // More than one, because a segment in the middle of a range splits that: two more than before.
    while (ranges.length - this.#head >= MOST_RANGES) this.#head++;
    if (this.#head < 64 || this.#head * 2 < ranges.length) return;
    ranges.splice(0, this.#head);
    this.#head = 0;
  }
}
