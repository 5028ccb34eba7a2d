/**
 * Sequence numbers on the wire and positions in a stream (RFC 9293 §3.4).
 *
 * Owns: the way from one to the other, and comparison modulo 2^32 where a number belongs to no stream: initial sequence
 * numbers and timestamps. Must not know: what the numbers count.
 *
 * A position counts the octets of one direction from its SYN, which is 0, in a plain number: exact up to 2^53, compared
 * with `<`, and never stale. The 32 bits of a segment become a position once, when it arrives, and a position becomes 32
 * bits once, in the writer.
 */

/** The position whose number on the wire is `word` and which is nearest to the position `near`; `initial` is the SYN's number. */
export function positionOf(word: number, initial: number, near: number): number {
  return near + ((word - initial - near) | 0);
}

/** The number on the wire of a position, unsigned; `initial` is the SYN's number. */
export function wordOf(position: number, initial: number): number {
  return (initial + position) >>> 0;
}

/** `a + n` modulo 2^32, unsigned. */
export function seqAdd(a: number, n: number): number {
  return (a + n) >>> 0;
}

/** `a < b` modulo 2^32. */
export function seqLt(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** `a <= b` modulo 2^32. */
export function seqLe(a: number, b: number): boolean {
  return ((a - b) | 0) <= 0;
}
