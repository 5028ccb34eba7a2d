/**
 * ShadowEnd: what can be known of one end's TCB by watching its segments and those that answer them.
 *
 * Owns: positions (RFC 9293 §3.4) unwrapped to plain numbers, exact to 2^53; what was sent, acknowledged, acknowledged
 * selectively (RFC 2018); windows and their scale (RFC 7323 §2); counts. Must not know: states (end_facts.ts), marks.
 */
import { positionOf } from "../tcp/sequence.ts";
import { FLAG } from "../wire/tcp.ts";
import { ByteRanges } from "./byte_ranges.ts";
import { RoundTrips } from "./round_trips.ts";
import { SentRecords } from "./sent_records.ts";
import type { StorySegment } from "./story_segment.ts";

/** The largest window there is (RFC 7323 §2.2): what lies further away belongs to no window, so to no connection. */
const MOST_WINDOW_BYTES = 2 ** 30;
/** RFC 7323 §2.3: a shift above 14 counts as 14. */
const MOST_SHIFT = 14;

/** Counts of what an end did; all of segments but `bytes`. */
export interface EndCounts {
  segments: number;
  /** Payload octets of the stream; what is sent again is not counted again. */
  bytes: number;
  retransmissions: number;
  spurious: number;
  outOfOrder: number;
  duplicateAcks: number;
  zeroWindows: number;
  /** Segments with a sum that no receiver takes. */
  wrongChecksums: number;
  /** Segments with a sum that was left to a device, and all whose sum was looked at. */
  partialChecksums: number;
  judgedChecksums: number;
  /** Segments that belong to no window. */
  strays: number;
}

/** A segment's place in the streams of both ends. */
export interface Placement {
  /** Position of its first octet (or SYN) in the sender's stream. */
  readonly start: number;
  /** One past the last, SYN and FIN counted. */
  readonly end: number;
  /** Position that it acknowledges in the other's stream; 0 without ACK. */
  readonly ack: number;
  /** True where it lies in no window that the connection can have. */
  readonly isStray: boolean;
}

/** One end, from outside. */
export class ShadowEnd {
  /** Number on the wire of position 0: the ISN, or where no SYN was seen one before the first octet; null before anything. */
  initial: number | null = null;
  hasSyn = false;
  /** Lowest position seen. */
  sentStart = 0;
  /** One past the highest position sent; SND.NXT at least. */
  sentEnd = 0;
  /** The highest position that the other end has acknowledged: SND.UNA at most. */
  acked = 0;
  /** Position of our FIN, once it was seen. */
  finAt: number | null = null;
  /** The highest position that this end acknowledges of the other's stream: RCV.NXT at least; -1 before the first ACK. */
  lastAck = -1;
  lastAckNumber = 0;
  /** The window field of the last segment, and when it became zero. */
  window = -1;
  /** The same in bytes; null while its scale is unknown. */
  lastWindowBytes: number | null = null;
  zeroSince: number | null = null;
  zeroSinceNumber = 0;
  /** Window scale that it offered; null where its SYN had none or was not seen. */
  offeredShift: number | null = null;
  mss: number | null = null;
  sackPermitted = false;
  /** What its SYNs were, as bits: 1 without ACK, 2 with. */
  #synKinds = 0;
  hasTimestamps = false;
  /** Octets received in SYN segments, which may be acknowledged before the handshake is over (RFC 9293 §3.4, RFC 7413). */
  synDataBytes = 0;
  /** The furthest position of the other's stream that its windows have allowed; -Infinity while the scale is unknown. */
  rightEdge = -Infinity;
  lastTime = 0;
  /** TTL or hop limit of its first segment; null where it was not seen. */
  ttl: number | null = null;
  /** Octets of this end's stream that passed the capture. */
  readonly seen = new ByteRanges();
  /** Of its stream: what the other end has acknowledged selectively. */
  readonly sacked = new ByteRanges();
  readonly records = new SentRecords();
  readonly roundTrips = new RoundTrips();
  readonly counts: EndCounts = {
    segments: 0,
    bytes: 0,
    retransmissions: 0,
    spurious: 0,
    outOfOrder: 0,
    duplicateAcks: 0,
    zeroWindows: 0,
    wrongChecksums: 0,
    partialChecksums: 0,
    judgedChecksums: 0,
    strays: 0,
  };
  #strayEnd: number | null = null;

  /** The position of a number of this end's stream; a stream that nothing was seen of begins so that it is `first`. */
  #positionOf(word: number, { near, first }: { near: number; first: number }): number {
    if (this.initial === null) {
      this.initial = (word - first) >>> 0;
      this.sentStart = first;
      this.sentEnd = first;
      this.acked = first;
      return first;
    }
    return positionOf(word, this.initial, near);
  }

  /** Where a segment of this end lies; what it acknowledges lies in the stream of `other`. */
  place(segment: StorySegment, other: ShadowEnd): Placement {
    const { flags, length } = segment;
    const isSyn = (flags & FLAG.SYN) !== 0;
    const isReset = (flags & FLAG.RST) !== 0;
    // A RST of an end that never said anything has a number that the other's ACK made up: it begins no stream.
    const knows = this.initial !== null || !isReset;
    const start = knows ? this.#positionOf(segment.seq, { near: this.sentEnd, first: isSyn ? 0 : 1 }) : 0;
    const octets = isReset ? 0 : length + (isSyn ? 1 : 0) + ((flags & FLAG.FIN) !== 0 ? 1 : 0);
    let ack = 0;
    if ((flags & FLAG.ACK) !== 0) {
      ack = other.initial === null && isReset
        ? 0
        : other.#positionOf(segment.ack, { near: other.sentEnd, first: 1 });
    }
    const end = start + octets;
    return { start, end, ack, isStray: this.#isStray({ start, end, asked: other.lastAck }) };
  }

  /**
   * What is too far away is taken when what follows it lies there too, or when the other end has acknowledged all before it: then the
   * capture has a hole of a gigabyte.
   */
  #isStray({ start, end, asked }: { start: number; end: number; asked: number }): boolean {
    if (Math.abs(start - this.sentEnd) <= MOST_WINDOW_BYTES || start === asked) return false;
    const follows = this.#strayEnd !== null && start === this.#strayEnd && end > start;
    this.#strayEnd = follows ? null : end;
    return !follows;
  }

  /** A SYN begins the stream anew: nothing that was believed of it holds. */
  restart(word: number): void {
    this.initial = word;
    this.hasSyn = false;
    this.#synKinds = 0;
    this.sentStart = 0;
    this.sentEnd = 0;
    this.acked = 0;
    this.finAt = null;
    this.seen.clear();
    this.sacked.clear();
    this.records.clear();
  }

  /** What lies below `position` and was not told of was sent all the same, and what became of it is not known. */
  jump(position: number): void {
    if (position > this.sentEnd) {
      this.seen.add(this.sentEnd, position);
      this.sentEnd = position;
    }
    this.sacked.clear();
    this.records.clear();
  }

  /** Takes what a SYN says for the life of the connection. */
  noteSyn({ flags, options, length }: StorySegment, initialPosition: number): void {
    if (initialPosition !== 0) return;
    this.hasSyn = true;
    this.#synKinds |= (flags & FLAG.ACK) === 0 ? 1 : 2;
    this.offeredShift = options.windowScale === undefined ? null : Math.min(MOST_SHIFT, options.windowScale);
    this.mss = options.mss ?? null;
    this.sackPermitted = options.sackPermitted === true;
    this.hasTimestamps = options.timestamps !== undefined;
    this.synDataBytes = Math.max(this.synDataBytes, length);
  }

  /** The shift of this end's windows: both SYNs must have offered one (RFC 7323 §2.2); null where that is not known. */
  shiftBeside(other: ShadowEnd): number | null {
    if (!this.hasSyn || !other.hasSyn) return null;
    return this.offeredShift === null || other.offeredShift === null ? 0 : this.offeredShift;
  }

  /** The window of a segment of this end in bytes; of a SYN it is never scaled. */
  windowBytes({ flags, window }: StorySegment, other: ShadowEnd): number | null {
    if ((flags & FLAG.SYN) !== 0) return window;
    const shift = this.shiftBeside(other);
    return shift === null ? (window === 0 ? 0 : null) : window * 2 ** shift;
  }

  /** Takes the window of a segment of this end that acknowledges `ack` of the other's stream. */
  noteWindow(segment: StorySegment, { ack, other }: { ack: number; other: ShadowEnd }): void {
    if (ack < this.lastAck) return;
    const bytes = this.windowBytes(segment, other);
    if (bytes !== null) this.rightEdge = Math.max(this.rightEdge, ack + bytes);
    this.window = segment.window;
    this.lastWindowBytes = bytes;
    if (segment.window > 0) this.zeroSince = null;
    else if (this.zeroSince === null) {
      this.zeroSince = segment.time;
      this.zeroSinceNumber = segment.number;
    }
  }

  /** It has sent a SYN without ACK, and one with: both ends called. */
  get hasCalledAndAnswered(): boolean {
    return this.#synKinds === 3;
  }

  /** Octets out that nobody has acknowledged. */
  get outstanding(): number {
    return Math.max(0, this.sentEnd - this.acked);
  }
}
