/**
 * SYN cookies (RFC 4987 §3.6): the state of a half-open connection, kept in our SYN-ACK's numbers instead of memory.
 *
 * Owns: what is put into the sequence number and the timestamp, and how it is read back. Must not know: when
 * cookies are used, or how segments are sent.
 *
 * The sequence number is, modulo 2^32, a sum as in Linux: a keyed hash of the addresses and ports; the peer's sequence
 * number; a clock that ticks every 64 s, times 2^24; and 24 bits of a second keyed hash, of addresses, ports and that
 * clock, to whose two highest bits a number from 0 to 3 is added that stands for an MSS. The first hash hides the clock,
 * so no bit is known to who cannot see our SYN-ACK. Of the 2^32 numbers eight are good at any time (two ticks of four):
 * a guess opens a connection with a chance of 2^-29, which is Linux's; unlike there, none lies beside another. The second hash takes the whole clock, not only the eight bits
 * that the sum holds: a cookie does not come back to life when these have gone round.
 *
 * Where the peer sent timestamps, the low six bits of our TSval hold its window scale, SACK and ECN, and come back as
 * TSecr.
 */
import type { FourTuple } from "../tcp/initial_sequence.ts";
import { SipHash } from "../tcp/siphash.ts";

/** RFC 4987 §3.6's scheme: a cookie is good in its own tick and the next. */
const TICK_US = 64_000_000;
const GOOD_TICKS = 2;
/** After the last cookie an ACK may bring it back for so long. */
export const COOKIE_LIFE_US = GOOD_TICKS * TICK_US;

const CLOCK_SHIFT = 24;
/** The bits of the clock that the sum holds. */
const CLOCK_MASK = 0xff;
const HASH_MASK = 0x00ffffff;
const MSS_SHIFT = 22;
const BELOW_MSS_MASK = (1 << MSS_SHIFT) - 1;

/**
 * Local choice: four, as in Linux, for each one more is another number to hit. The least that a path of 296 octets
 * carries; the default (RFC 9293 §3.7.1); the least of IPv6; and Ethernet's under IPv6, which costs IPv4 20 octets a segment.
 */
const MSS_TABLE = [256, 536, 1220, 1440] as const;

/** No window scaling offered, in the four bits of the scale (RFC 7323 §2.3 allows up to 14). */
const NO_SCALE = 0x0f;
const SCALE_MASK = 0x0f;
const SACK_BIT = 0x10;
const ECN_BIT = 0x20;
/** Bits of the timestamp that carry options. */
const STAMP_MASK = 0x3f;

/** Options of the peer's SYN that a timestamp can carry. */
interface CookieOptions {
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

  /** The sequence number for a SYN-ACK; -1 when the peer takes less than any MSS that a cookie can keep (MUST-16). */
  make(tuple: FourTuple, syn: { seq: number; mss: number }, nowUs: number): number {
    let index = MSS_TABLE.length - 1;
    while (index >= 0 && MSS_TABLE[index] > syn.mss) index--;
    if (index < 0) return -1;
    const clock = Math.floor(nowUs / TICK_US);
    const kept = (this.#ofClock(tuple, clock) + (index << MSS_SHIFT)) & HASH_MASK;
    return (this.#ofTuple(tuple) + syn.seq + (clock << CLOCK_SHIFT) + kept) >>> 0;
  }

  /** The MSS in a cookie that comes back with sequence number `cookie`, or -1 when it is not ours or too old. */
  check(tuple: FourTuple, syn: { seq: number; cookie: number }, nowUs: number): number {
    const sum = (syn.cookie - syn.seq - this.#ofTuple(tuple)) >>> 0;
    const clock = Math.floor(nowUs / TICK_US);
    const age = (clock - (sum >>> CLOCK_SHIFT)) & CLOCK_MASK;
    if (age >= GOOD_TICKS) return -1;
    const kept = (sum - this.#ofClock(tuple, clock - age)) & HASH_MASK;
    return (kept & BELOW_MSS_MASK) === 0 ? MSS_TABLE[kept >>> MSS_SHIFT] : -1;
  }

  #ofTuple(tuple: FourTuple): number {
    return this.#hash.hash(this.#bytes, this.#write(tuple)).low;
  }

  #ofClock(tuple: FourTuple, clock: number): number {
    const bytes = this.#bytes;
    let at = this.#write(tuple);
    for (let shift = 24; shift >= 0; shift -= 8) bytes[at++] = (clock >>> shift) & 0xff;
    return this.#hash.hash(bytes, at).low & HASH_MASK;
  }

  #write({ localAddress, peerAddress, localPort, peerPort }: FourTuple): number {
    const bytes = this.#bytes;
    bytes.set(localAddress, 0);
    bytes.set(peerAddress, localAddress.length);
    let at = localAddress.length + peerAddress.length;
    for (const port of [localPort, peerPort]) {
      bytes[at++] = port >>> 8;
      bytes[at++] = port & 0xff;
    }
    return at;
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
