/**
 * BoundedPoints and BoundedBars: what a chart keeps of a connection, however long that lives.
 *
 * Owns: which points stay. Must not know: what they mean, or how they are drawn.
 *
 * When there are too many, neighbours become one: of four points the lowest and the highest stay, so that no peak is lost;
 * two bars that say nothing by themselves become one that covers both.
 */

/** Local choice: more than a chart has columns of pixels on a projector, and drawn in a millisecond. */
const MOST_POINTS = 2048;
/** Local choice: of these each is drawn by itself. */
const MOST_BARS = 4096;

/** Values by time, in the order of time. */
export class BoundedPoints {
  #times: number[] = [];
  #values: number[] = [];

  get times(): readonly number[] {
    return this.#times;
  }

  get values(): readonly number[] {
    return this.#values;
  }

  /** The next value. Time never runs backwards: one that would counts as of the last moment. */
  push(time: number, value: number): void {
    const last = this.#times.length - 1;
    if (last >= 0 && time <= this.#times[last]) {
      time = this.#times[last];
      if (value === this.#values[last]) return;
    }
    this.#times.push(time);
    this.#values.push(value);
    if (this.#times.length > MOST_POINTS) this.#thin();
  }

  /** The value that holds at `time`; null before the first. */
  at(time: number): number | null {
    const place = lastAtOrBefore(this.#times, time);
    return place < 0 ? null : this.#values[place];
  }

  /** Lowest and highest value that hold between two moments; null where there is none. */
  extent(from: number, to: number): readonly [number, number] | null {
    let least = Infinity;
    let most = -Infinity;
    for (let at = Math.max(0, lastAtOrBefore(this.#times, from)); at < this.#times.length; at++) {
      if (this.#times[at] > to) break;
      least = Math.min(least, this.#values[at]);
      most = Math.max(most, this.#values[at]);
    }
    return least === Infinity ? null : [least, most];
  }

  /** The newest eighth is left as it is: that is where a person looks. */
  #thin(): void {
    const times: number[] = [];
    const values: number[] = [];
    const end = (MOST_POINTS * 7 / 8) & ~3;
    for (let at = 0; at < end; at += 4) {
      const group = [at, at + 1, at + 2, at + 3];
      const low = group.reduce((one, other) => this.#values[other] < this.#values[one] ? other : one);
      const high = group.reduce((one, other) => this.#values[other] > this.#values[one] ? other : one);
      for (const place of low === high ? [low] : [Math.min(low, high), Math.max(low, high)]) {
        times.push(this.#times[place]);
        values.push(this.#values[place]);
      }
    }
    this.#times = times.concat(this.#times.slice(end));
    this.#values = values.concat(this.#values.slice(end));
  }
}

/** What a bar is there for. */
export type BarKind = "data" | "resent" | "lost" | "syn" | "fin" | "sack" | "duplicate-ack";

/** A stretch of a stream at a moment, or over a while where several have become one. */
export interface Bar {
  readonly time: number;
  readonly until: number;
  readonly from: number;
  readonly to: number;
  /** May change for as long as the bar stands for one segment: that it was lost is told later. */
  readonly kind: () => BarKind;
}

/** Bars in the order of time. */
export class BoundedBars {
  #bars: Bar[] = [];

  get bars(): readonly Bar[] {
    return this.#bars;
  }

  push(bar: Bar): void {
    this.#bars.push(bar);
    if (this.#bars.length > MOST_BARS) this.#thin();
  }

  #thin(): void {
    const end = MOST_BARS * 7 / 8;
    const kept: Bar[] = [];
    let mayJoin = false;
    for (const bar of this.#bars.slice(0, end)) {
      const isPlain = bar.kind() === "data";
      if (isPlain && mayJoin) kept.push(joined(kept.pop() ?? bar, bar));
      else kept.push(bar);
      // Two become one, not three: what has become one is joined again only the next time.
      mayJoin = isPlain && !mayJoin;
    }
    // Where hardly any bar is plain, the oldest go.
    const most = MOST_BARS * 3 / 4;
    this.#bars = kept.slice(Math.max(0, kept.length - most)).concat(this.#bars.slice(end));
  }
}

const plainData = (): BarKind => "data";

function joined(one: Bar, other: Bar): Bar {
  return {
    time: one.time,
    until: other.until,
    from: Math.min(one.from, other.from),
    to: Math.max(one.to, other.to),
    kind: plainData,
  };
}

/** Place of the last time at or before `time`; -1 where there is none. */
export function lastAtOrBefore(times: readonly number[], time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
