/**
 * SYN cookies (RFC 4987 §3.6): the state of a half-open connection, kept in our SYN-ACK's numbers instead of memory.
 *
 * Owns: what is put into the sequence number and the timestamp, and how it is read back. Must not know: when
 * cookies are used, or how segments are sent.
 *
 * The sequence number holds five bits of a clock that ticks every 64 s, three bits that stand for an MSS, and 24
 * bits of a keyed hash over addresses, ports, the peer's sequence number and that clock. Where the peer sent
 * timestamps, the low six bits of our TSval hold its window scale, SACK and ECN, and come back as TSecr.
 */
import type { FourTuple } from "../tcp/initial_sequence.ts";
import { SipHash } from "../tcp/siphash.ts";

/** RFC 4987 §3.6's scheme: a cookie is good in its own tick and the next. */
const TICK_US = 64_000_000;
const CLOCK_MASK = 0x1f;
const HASH_MASK = 0x00ffffff;
/** Local choice: the values that peers offer most; the largest that is not above the peer's is taken. */
const MSS_TABLE = [48, 256, 536, 1220, 1360, 1440, 1460, 8960] as const;

/** No window scaling offered, in the four bits of the scale (RFC 7323 §2.3 allows up to 14). */
const NO_SCALE = 0x0f;
const SCALE_MASK = 0x0f;
const SACK_BIT = 0x10;
const ECN_BIT = 0x20;
/** Bits of the timestamp that carry options. */
const STAMP_MASK = 0x3f;

/** Options of the peer's SYN that a timestamp can carry. */
export interface CookieOptions {
  /** -1 for none. */
  readonly windowScale: number;
  readonly sack: boolean;
  readonly ecn: boolean;
}

/** Makes and checks cookies for one host. */
export class SynCookies {
  readonly #hash: SipHash;
  readonly #bytes = new Uint8Array(48);

  /** `secret`: the host's 16 bytes; the hash is kept apart from that of sequence numbers. */
  constructor(secret: Uint8Array) {
    this.#hash = new SipHash(secret.map((byte) => byte ^ 0xa5));
  }

  /** The sequence number for a SYN-ACK. */
  make(tuple: FourTuple, syn: { seq: number; mss: number }, nowUs: number): number {
    const clock = Math.floor(nowUs / TICK_US) & CLOCK_MASK;
    let index = 0;
    while (index + 1 < MSS_TABLE.length && MSS_TABLE[index + 1] <= syn.mss) index++;
    return ((clock << 27) | (index << 24) | this.#digest(tuple, syn.seq, clock)) >>> 0;
  }

  /** The MSS in a cookie that comes back with sequence number `cookie`, or -1 when it is not ours or too old. */
  check(tuple: FourTuple, syn: { seq: number; cookie: number }, nowUs: number): number {
    const clock = syn.cookie >>> 27;
    const now = Math.floor(nowUs / TICK_US) & CLOCK_MASK;
    if (((now - clock) & CLOCK_MASK) > 1) return -1;
    if ((syn.cookie & HASH_MASK) !== this.#digest(tuple, syn.seq, clock)) return -1;
    return MSS_TABLE[(syn.cookie >>> 24) & 7];
  }

  #digest(tuple: FourTuple, seq: number, clock: number): number {
    const bytes = this.#bytes;
    let at = 0;
    bytes.set(tuple.localAddress, at);
    at += tuple.localAddress.length;
    bytes.set(tuple.peerAddress, at);
    at += tuple.peerAddress.length;
    for (const word of [(tuple.localPort << 16) | tuple.peerPort, seq]) {
      for (let shift = 24; shift >= 0; shift -= 8) bytes[at++] = (word >>> shift) & 0xff;
    }
    bytes[at++] = clock;
    return this.#hash.hash(bytes, at).low & HASH_MASK;
  }
}

/** A timestamp not later than `stamp` that carries the options. */
export function stampWithOptions(stamp: number, options: CookieOptions): number {
  const bits = (options.windowScale < 0 ? NO_SCALE : options.windowScale & SCALE_MASK) |
    (options.sack ? SACK_BIT : 0) | (options.ecn ? ECN_BIT : 0);
  const candidate = ((stamp & ~STAMP_MASK) | bits) >>> 0;
  return ((candidate - stamp) | 0) > 0 ? (candidate - (STAMP_MASK + 1)) >>> 0 : candidate;
}

/** The options that an echoed timestamp carries. */
export function optionsOfStamp(stamp: number): CookieOptions {
  const scale = stamp & SCALE_MASK;
  return {
    windowScale: scale === NO_SCALE ? -1 : scale,
    sack: (stamp & SACK_BIT) !== 0,
    ecn: (stamp & ECN_BIT) !== 0,
  };
}
