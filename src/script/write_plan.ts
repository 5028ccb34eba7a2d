/**
 * WritePlan: the calls by which an application must have handed over what one end of a captured connection sent.
 *
 * Owns: how much each call gives, and before which segment. Must not know: how calls are written, what the other end did.
 *
 * A stack sets PSH where a call's octets end (RFC 9293 §3.9.1, SHLD-27) and nothing more waits to be sent: so what leaves
 * between two of them was there at the first. A stack that never sets it is taken to have had a call for each segment.
 */
import type { EndName, SegmentRow } from "../story/story_segment.ts";
import { FLAG } from "../wire/tcp.ts";

const { SYN, FIN, PSH, URG } = FLAG;

/**
 * Local choice: so many octets beyond the segment that leaves are handed over at the most: more than a segment of any link, so
 * that it leaves as it did; less than the buffer of any stack, so that the call does not block.
 */
const MOST_AHEAD = 0x10000;

/** See the head of this file. Positions are relative, the first octet is at 1. */
export class WritePlan {
  /** Where calls end, rising. */
  readonly #ends: readonly number[];
  /** The last octets leave together with FIN. */
  readonly #endsWithFin: boolean;
  /** What leaves with FIN has PSH: it was written to the end, and only held back. */
  readonly isFinPushed: boolean;
  #next = 0;
  #written = 1;

  /** `rows` of the connection, in order; `side` is the end whose calls are wanted. */
  constructor(rows: readonly SegmentRow[], side: EndName) {
    const own = rows.filter(({ segment }) => segment.from === side && hasText(segment));
    const pushes = own.some(({ segment }) => (segment.flags & PSH) !== 0);
    const ends: number[] = [];
    let sent = 1;
    for (const { segment: { flags, length }, relSeq } of own) {
      const end = relSeq + length;
      if (end <= sent) continue;
      // What is urgent is a call of its own.
      if ((flags & URG) !== 0 && relSeq >= sent) ends.push(relSeq);
      if (!pushes || (flags & (PSH | FIN | URG)) !== 0) ends.push(end);
      sent = end;
    }
    ends.push(sent);
    const last = own.find(({ segment, relSeq }) =>
      (segment.flags & FIN) !== 0 && relSeq + segment.length === sent
    );
    this.#endsWithFin = last !== undefined;
    this.isFinPushed = last !== undefined && (last.segment.flags & PSH) !== 0;
    this.#ends = ends.filter((end, index) => index === 0 || end > ends[index - 1]);
  }

  /** All is handed over, and FIN leaves with the last of it: the application had closed by then. */
  get closesNow(): boolean {
    return this.#endsWithFin && this.#written === this.#ends[this.#ends.length - 1];
  }

  /** How many octets must be handed over before this segment leaves, and nothing later; 0 where they are already. */
  due({ segment: { length }, relSeq }: SegmentRow): number {
    const end = relSeq + length;
    if (end <= this.#written && this.#written - end > MOST_AHEAD / 2) return 0;
    while (this.#next < this.#ends.length - 1 && this.#ends[this.#next] < end) this.#next++;
    const to = Math.max(end, Math.min(this.#ends[this.#next], end + MOST_AHEAD));
    const count = Math.max(0, to - this.#written);
    this.#written += count;
    return count;
  }
}

function hasText({ flags, length }: SegmentRow["segment"]): boolean {
  return length > 0 && (flags & SYN) === 0;
}
