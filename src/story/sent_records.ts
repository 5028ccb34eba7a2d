/**
 * What one end has sent and nobody has acknowledged yet, segment by segment: to say later which of them arrived, and which
 * was sent for nothing.
 *
 * Owns: the records, in the order of the stream, and the bound on their number. Must not know: marks, rows.
 */

/** One sending of some octets. */
export interface Sending {
  readonly number: number;
  readonly time: number;
  /** TSval, -1 without timestamps. */
  readonly tsValue: number;
  /** All that it carried, which may be more than the record that it is noted in. */
  readonly octets: number;
  /** True where nothing is to be said about its arrival: lost by our own fault injector, or a probe of a shut window. */
  isLost: boolean;
  /** True once it is sure what became of it. A mark of its own: sets of weak references, two for each connection, cost more than all else. */
  isJudged: boolean;
  /** It was said of it that it never arrived, and not taken back. */
  isThoughtLost: boolean;
}

/** Octets that were sent together, SYN and FIN included. */
export interface SentRecord {
  readonly start: number;
  end: number;
  /** Oldest first; of many the first one and the last few. */
  readonly sendings: Sending[];
  /** How many of the sendings had left when a SACK spoke of it first: one of them arrived. 0 before that. */
  sackedAfter: number;
}

/** Local choice: the largest window of the usual buffers in full segments. What is beyond is forgotten, lowest first. */
const MOST_RECORDS = 4096;
/** Local choice: sixteen sendings of one segment are beyond what R2 allows (RFC 9293 §3.8.3). */
const MOST_SENDINGS = 16;

/** Local choice: so few are not worth a copy of the list; with ten thousand connections they are some megabytes. */
const MOST_GONE = 8;

/** The records of one end. */
export class SentRecords {
  #records: SentRecord[] = [];
  #head = 0;
  #sendings = 0;

  /** Sendings that they remember. */
  get sendings(): number {
    return this.#sendings;
  }

  /** How many there are. */
  get count(): number {
    return this.#records.length - this.#head;
  }

  /** The lowest one, or null. */
  get first(): SentRecord | null {
    return this.count > 0 ? this.#records[this.#head] : null;
  }

  /** Notes a sending of the octets of `range`. */
  add([start, end]: readonly [number, number], sending: Sending): void {
    const records = this.#records;
    const last = records.length > this.#head ? records[records.length - 1] : null;
    if (last === null || start >= last.end) {
      records.push({ start, end, sendings: [sending], sackedAfter: 0 });
      this.#sendings++;
    } else {
      let isNoted = false;
      for (const record of this.overlapping(start, end)) {
        isNoted = true;
        record.sendings.push(sending);
        if (record.sendings.length > MOST_SENDINGS) {
          record.sendings.splice(1, 1);
          if (record.sackedAfter > 1) record.sackedAfter--;
        } else this.#sendings++;
      }
      if (!isNoted) {
        records.splice(this.#placeOf(start), 0, { start, end, sendings: [sending], sackedAfter: 0 });
        this.#sendings++;
      }
    }
    if (this.count > MOST_RECORDS) this.#drop(1);
  }

  /** The records that share octets with [start, end), lowest first. */
  *overlapping(start: number, end: number): Generator<SentRecord> {
    for (let i = this.#placeOf(start + 1); i < this.#records.length; i++) {
      const record = this.#records[i];
      if (record.start >= end) return;
      yield record;
    }
  }

  /** Takes out what is acknowledged up to `position`, lowest first. */
  acknowledge(position: number): SentRecord[] {
    let end = this.#head;
    while (end < this.#records.length && this.#records[end].end <= position) end++;
    if (end === this.#head) return NONE;
    const gone = this.#records.slice(this.#head, end);
    this.#drop(end - this.#head);
    return gone;
  }

  /** The sending with this number was lost by our own faults. */
  lose(number: number): void {
    // It left a moment ago: nearly always it is the last one.
    for (let i = this.#records.length - 1; i >= this.#head; i--) {
      for (const sending of this.#records[i].sendings) {
        if (sending.number !== number) continue;
        sending.isLost = true;
        return;
      }
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#records = [];
    this.#head = 0;
    this.#sendings = 0;
  }

  #drop(count: number): void {
    for (let i = 0; i < count; i++) this.#sendings -= this.#records[this.#head + i].sendings.length;
    this.#head += count;
    // What is gone must not be held by the list of what is not.
    if (this.count > 0 && (this.#head < MOST_GONE || this.#head * 2 < this.#records.length)) return;
    this.#records = this.#records.slice(this.#head);
    this.#head = 0;
  }

  /** Index of the first record that ends at or after `position`. */
  #placeOf(position: number): number {
    let low = this.#head;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#records[middle].end < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const NONE: SentRecord[] = [];
