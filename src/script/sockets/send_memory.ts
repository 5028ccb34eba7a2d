/**
 * SendMemory: how much a socket takes to send, as Linux counts it: memory in pieces, each with its overhead, not octets.
 *
 * Owns: the pieces of one socket, its limit, and how the limit grows. Must not know: the connection's buffer, which is larger than
 * the limit; when a call waits. Programs see this: how much a write takes, when a socket is writable again, how often with
 * `TCP_NOTSENT_LOWAT`. Other systems count octets (data_transfer.ts).
 */

/** Linux 6, 64 bits: the structures and the rounded header of an empty piece (`SKB_TRUESIZE`, of a slab of 1024). */
const PIECE_OVERHEAD = 1280;
/** `MAX_TCP_HEADER` and `skb_shared_info`, as `tcp_sndbuf_expand` counts them; and `sk_buff`. */
const SEGMENT_EXTRA = 640;
const SEGMENT_RECORD = 256;
/** `TCP_INIT_CWND`. */
const LEAST_SEGMENTS = 10;
/** `GSO_MAX_SIZE` less headers. */
const MOST_PIECE_BYTES = 65_216;
/** `SOCK_MIN_SNDBUF`: the least that `SO_SNDBUF` comes to. */
export const LEAST_SEND_MEMORY = 4608;
/** Below this a window is not halved (`TCP_MSS_DEFAULT`). */
const LEAST_WINDOW = 536;

/** What the connection is like now. */
export interface SendSituation {
  readonly unackedBytes: number;
  readonly unsentBytes: number;
  /** What both windows would let out beside what is in flight. */
  readonly sendableBytes: number;
  readonly mss: number;
  /** Largest window that the peer has offered. */
  readonly maxWindow: number;
  readonly cwndSegments: number;
}

/** See the file's comment. */
export class SendMemory {
  /** Octets of each piece, the oldest first. */
  readonly #pieces: number[] = [];
  #bytes = 0;
  #limit: number;
  /** Up to here the limit grows; 0: it was set, and stays. */
  #most: number;

  constructor(limit: number, most: number) {
    this.#limit = limit;
    this.#most = most;
  }

  /** `SO_SNDBUF` as it is asked for. */
  get limit(): number {
    return this.#limit;
  }

  /** `SO_SNDBUF` has been set. */
  fix(limit: number): void {
    this.#limit = limit;
    this.#most = 0;
  }

  /** The limit follows the congestion window: twice of what it lets out. */
  expand({ mss, cwndSegments }: SendSituation): void {
    if (this.#most === 0) return;
    const perSegment = 2 ** Math.ceil(Math.log2(mss + SEGMENT_EXTRA)) + SEGMENT_RECORD;
    const wanted = 2 * perSegment * Math.max(LEAST_SEGMENTS, cwndSegments);
    if (wanted > this.#limit) this.#limit = Math.min(wanted, this.#most);
  }

  /** How far the stream is by now: acknowledged pieces are gone, and where sending has stopped within one there are two. */
  follow({ unackedBytes, unsentBytes }: SendSituation): void {
    for (let gone = this.#bytes - unackedBytes; gone > 0 && this.#pieces.length > 0;) {
      const [first] = this.#pieces;
      const part = Math.min(gone, first);
      gone -= part;
      this.#bytes -= part;
      if (part === first) this.#pieces.shift();
      else this.#pieces[0] = first - part;
    }
    this.#split(unsentBytes);
  }

  /** The octets that have not been sent begin with a piece of their own. */
  #split(unsentBytes: number): void {
    let behind = 0;
    for (let at = this.#pieces.length - 1; at >= 0 && behind < unsentBytes; at--) {
      const piece = this.#pieces[at];
      const unsent = unsentBytes - behind;
      if (piece > unsent) this.#pieces.splice(at, 1, piece - unsent, unsent);
      behind += piece;
    }
  }

  /**
   * Takes as many of `wanted` octets as fit, a piece after the other: the rest of the last one, and new ones as long as there is
   * memory. Full pieces leave at once, as far as both windows let them. Returns how many.
   */
  take(wanted: number, situation: SendSituation, notSentLimit: number): number {
    const goal = pieceGoal(situation);
    let taken = 0;
    while (taken < wanted) {
      // What there was has had its chance to leave.
      const unsent = taken === 0
        ? situation.unsentBytes
        : Math.max(0, situation.unsentBytes + taken - situation.sendableBytes);
      this.#split(unsent);
      const last = unsent > 0 ? this.#pieces.at(-1) ?? 0 : 0;
      const isOpen = last > 0 && last < goal;
      if (!isOpen && !this.#isFree(notSentLimit, unsent)) break;
      const count = Math.min(isOpen ? goal - last : goal, wanted - taken);
      if (isOpen) this.#pieces[this.#pieces.length - 1] = last + count;
      else this.#pieces.push(count);
      this.#bytes += count;
      taken += count;
    }
    return taken;
  }

  /** Memory that is in use. */
  get used(): number {
    return this.#bytes + this.#pieces.length * PIECE_OVERHEAD;
  }

  /** `sk_stream_memory_free`. */
  #isFree(notSentLimit: number, unsentBytes: number): boolean {
    return this.used < this.#limit && unsentBytes < notSentLimit;
  }

  /** `sk_stream_is_writeable`: a third is free, and little enough waits unsent. */
  isWritable(notSentLimit: number, { unsentBytes }: SendSituation): boolean {
    const { used } = this;
    return this.#limit - used >= used / 2 && unsentBytes < notSentLimit;
  }
}

/** How large a piece gets: whole segments, up to half of the largest window (`tcp_xmit_size_goal`). */
function pieceGoal({ mss, maxWindow }: SendSituation): number {
  const half = maxWindow > LEAST_WINDOW ? Math.floor(maxWindow / 2) : maxWindow;
  const bytes = half > 0 ? Math.min(half, MOST_PIECE_BYTES) : MOST_PIECE_BYTES;
  return Math.max(1, Math.floor(bytes / mss)) * mss;
}
