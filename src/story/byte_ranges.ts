/**
 * A set of positions in a stream, kept as ranges: what was seen of it, what was acknowledged selectively.
 *
 * Owns: the ranges and the bound on their number. Must not know: what the positions mean.
 */

/** Local choice: more holes at a time than a window of the usual kind has; what is beyond is forgotten from below. */
const MOST_RANGES = 1024;

/** Ranges [start, end) of plain numbers that neither touch nor overlap. */
export class ByteRanges {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** How many ranges there are. */
  get count(): number {
    return this.#starts.length;
  }

  /** One past the highest position, -Infinity where there is none. */
  get end(): number {
    const { count } = this;
    return count === 0 ? -Infinity : this.#ends[count - 1];
  }

  /** The lowest position, Infinity where there is none. */
  get start(): number {
    return this.count === 0 ? Infinity : this.#starts[0];
  }

  /** Adds [start, end) and returns how many of its positions are new. */
  add(start: number, end: number): number {
    if (!(end > start)) return 0;
    const starts = this.#starts;
    const ends = this.#ends;
    // Nearly always it continues the last range.
    const last = starts.length - 1;
    if (last >= 0 && start === ends[last]) {
      ends[last] = end;
      return end - start;
    }
    const from = this.#firstEndingAtOrAfter(start);
    let to = from;
    let left = start;
    let right = end;
    let held = 0;
    while (to < starts.length && starts[to] <= end) {
      held += Math.max(0, Math.min(end, ends[to]) - Math.max(start, starts[to]));
      left = Math.min(left, starts[to]);
      right = Math.max(right, ends[to]);
      to++;
    }
    starts.splice(from, to - from, left);
    ends.splice(from, to - from, right);
    if (starts.length > MOST_RANGES) {
      // The lowest hole is closed without having been filled: what lies there counts as seen.
      starts.splice(1, 1);
      ends.splice(0, 1);
    }
    return end - start - held;
  }

  /** Where the range that `position` lies in ends; `position` itself where it lies in none. */
  endOfRun(position: number): number {
    const at = this.#firstEndingAtOrAfter(position);
    return at < this.count && this.#starts[at] <= position ? this.#ends[at] : position;
  }

  /** How many positions of [start, end) are in the set. */
  covered(start: number, end: number): number {
    let sum = 0;
    for (let i = this.#firstEndingAtOrAfter(start); i < this.count && this.#starts[i] < end; i++) {
      sum += Math.max(0, Math.min(end, this.#ends[i]) - Math.max(start, this.#starts[i]));
    }
    return sum;
  }

  /** Forgets everything. */
  clear(): void {
    this.#starts.length = 0;
    this.#ends.length = 0;
  }

  /** Closes all holes: what lies between the lowest and the highest position counts as being in the set. */
  fill(): void {
    if (this.count < 2) return;
    this.#ends[0] = this.end;
    this.#starts.length = this.#ends.length = 1;
  }

  /** Forgets everything below `position`. */
  dropBelow(position: number): void {
    const from = this.#firstEndingAtOrAfter(position);
    this.#starts.splice(0, from);
    this.#ends.splice(0, from);
    if (this.count > 0 && this.#starts[0] < position) this.#starts[0] = position;
    if (this.count > 0 && this.#ends[0] <= this.#starts[0]) {
      this.#starts.shift();
      this.#ends.shift();
    }
  }

  /** The ranges, lowest first. */
  *ranges(): Generator<readonly [number, number]> {
    for (let i = 0; i < this.count; i++) yield [this.#starts[i], this.#ends[i]];
  }

  #firstEndingAtOrAfter(position: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle] < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
