/**
 * DatagramParts: what has come of one datagram that was sent in fragments.
 *
 * Owns: the parts in the order of their places, what does not go together, whether all are there, and the congestion marks.
 * Must not know: IP headers, time, how much all datagrams together may hold.
 *
 * A sorted list of parts does what the holes of RFC 815 do. Parts never overlap: RFC 5722 §3 wants a whole IPv6 datagram
 * dropped where they do, and RFC 1858 §3 and RFC 3128 show what overlaps in IPv4 are good for.
 *
 * An exact duplicate is no overlap: RFC 8200 §4.5 leaves it to the host, networks do duplicate, and whoever may add the
 * same bytes once more gains nothing by it. Linux goes further and passes over whatever lies inside of what is there,
 * with any content; here a duplicate has the same place and the same bytes.
 */

/** One part: bytes of its own, and where they belong. */
interface Part {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** Values of `DatagramParts.place` that are no place. */
export const NO_PLACE = {
  /** It has come already. */
  DUPLICATE: -1,
  /** It overlaps another one, or does not agree with where the datagram ends. */
  CONTRADICTION: -2,
} as const;

/** Values of the ECN field (RFC 3168 §5). */
const ECN = { NOT_ECT: 0, CE: 3 } as const;

/** The parts of one datagram. */
export class DatagramParts {
  readonly #parts: Part[] = [];
  #receivedBytes = 0;
  /** Length of the whole, -1 until its last part has come. */
  #endBytes = -1;
  /** A bit for each ECN codepoint that was met. */
  #ecnMet = 0;

  /** How many there are. */
  get count(): number {
    return this.#parts.length;
  }

  /** Whether all have come. */
  get isWhole(): boolean {
    return this.#receivedBytes === this.#endBytes;
  }

  /** Bytes of the whole once {@link DatagramParts.isWhole}. */
  get lengthBytes(): number {
    return this.#receivedBytes;
  }

  /** The part at the beginning, null until it has come. */
  get first(): Uint8Array | null {
    return this.#parts.length > 0 && this.#parts[0].start === 0 ? this.#parts[0].bytes : null;
  }

  /** Where a part belongs in the list, for {@link DatagramParts.add}; or one of {@link NO_PLACE}. In order it costs nothing. */
  place(bytes: Uint8Array, { start, isLast }: { start: number; isLast: boolean }): number {
    const parts = this.#parts;
    const end = start + bytes.length;
    const index = this.#indexOf(start);
    if (index < parts.length && parts[index].start === start) {
      const isSame = isLast === (end === this.#endBytes) && areSame(parts[index].bytes, bytes);
      return isSame ? NO_PLACE.DUPLICATE : NO_PLACE.CONTRADICTION;
    }
    if (index > 0 && endOf(parts[index - 1]) > start) return NO_PLACE.CONTRADICTION;
    if (index < parts.length && (isLast || end > parts[index].start)) return NO_PLACE.CONTRADICTION;
    if (this.#endBytes >= 0 && end > this.#endBytes) return NO_PLACE.CONTRADICTION;
    return index;
  }

  /** Adds a part, whose bytes are kept, at its place. */
  add(bytes: Uint8Array, about: { place: number; start: number; isLast: boolean; ecn: number }): void {
    const { place, start, isLast, ecn } = about;
    this.#parts.splice(place, 0, { start, bytes });
    this.#receivedBytes += bytes.length;
    this.#ecnMet |= 1 << ecn;
    if (isLast) this.#endBytes = start + bytes.length;
  }

  /**
   * The ECN codepoint of the whole, given that of its first part; -1 where it must be dropped, since one part was marked
   * and another one's sender knows nothing of marks (RFC 3168 §5.3).
   */
  mergedEcn(ofFirst: number): number {
    if ((this.#ecnMet & (1 << ECN.CE)) === 0) return ofFirst;
    return (this.#ecnMet & (1 << ECN.NOT_ECT)) === 0 ? ECN.CE : -1;
  }

  /** Writes all parts one behind the other. */
  copyTo(out: Uint8Array, offset: number): void {
    for (const { start, bytes } of this.#parts) out.set(bytes, offset + start);
  }

  /** The index of the first part that begins at `start` or behind it. */
  #indexOf(start: number): number {
    const parts = this.#parts;
    let low = 0;
    let high = parts.length;
    if (high > 0 && parts[high - 1].start < start) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (parts[middle].start < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function endOf({ start, bytes }: Part): number {
  return start + bytes.length;
}

function areSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
