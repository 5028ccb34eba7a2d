/**
 * Initial sequence numbers (RFC 6528, RFC 9293 §3.4.1), timestamp offsets (RFC 7323 §7.1) and IP identifications.
 *
 * Owns: ISN = M + F(4-tuple, secret), M ticking every 4 µs (MUST-8, SHLD-1, MUST-9). Must not know: the clock,
 * or where the secret comes from.
 */
import { SipHash } from "./siphash.ts";

/** What a connection is named by. */
export interface FourTuple {
  readonly localAddress: Uint8Array;
  readonly localPort: number;
  readonly peerAddress: Uint8Array;
  readonly peerPort: number;
}

/** Numbers that are what a test says, instead of what the secret and the clock say. Whoever knows them can write into connections. */
export interface PinnedNumbers {
  /** Of every SYN and SYN-ACK of ours but a SYN cookie, 32 bits. */
  readonly initialSequence?: number;
  /** TSval at the clock's origin, 32 bits; it counts milliseconds from there. */
  readonly timestampOffset?: number;
}

/** Makes initial sequence numbers for one host. */
export class InitialSequence {
  readonly #hash: SipHash;
  readonly #pinned: PinnedNumbers;
  readonly #bytes = new Uint8Array(40);
  /** Offset of TSval for the tuple that {@link InitialSequence.next} was asked for last. */
  timestampOffset = 0;

  /** `secret`: 16 bytes that nobody outside can know. Throws RangeError for a pinned number that is none of 32 bits. */
  constructor(secret: Uint8Array, pinned: PinnedNumbers = {}) {
    for (const [name, value] of Object.entries(pinned)) {
      if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
        throw new RangeError(`Expected 0 to 4294967295 as pinned ${name}, got ${value}`);
      }
    }
    this.#pinned = pinned;
    this.#hash = new SipHash(secret);
  }

  /**
   * The ISN for a connection that begins at `nowUs`. Sets `timestampOffset`, that of TSval, the same for all connections
   * between the same addresses and ports: the halves of one keyed hash tell nothing of each other.
   */
  next(tuple: FourTuple, nowUs: number): number {
    const clock = Math.floor(nowUs / 4) % 0x1_0000_0000;
    const { low, high } = this.#hash.hash(this.#bytes, this.#write(tuple, 0));
    const { initialSequence, timestampOffset } = this.#pinned;
    this.timestampOffset = timestampOffset ?? high;
    return initialSequence ?? (clock + low) >>> 0;
  }

  /**
   * What the internet layer numbers a connection's packets from, or labels them with, 20 bits: a hash of its own, as a part of the
   * sequence number or the timestamp offset would give that part away, and with it our uptime (RFC 7323 §7.1).
   */
  packetNumber(tuple: FourTuple): number {
    return this.#hash.hash(this.#bytes, this.#write(tuple, 1)).low & 0xfffff;
  }

  /** Where random numbers of the host begin: only the secret tells. Never 0. */
  seed(): number {
    // Shorter than any tuple, so that it is the hash of nothing else.
    this.#bytes[0] = 0;
    return this.#hash.hash(this.#bytes, 1).low | 1;
  }

  /** A port to begin the search at (RFC 6056 §3.3.3), 0 .. 65535. */
  portOffset(tuple: FourTuple): number {
    return this.#hash.hash(this.#bytes, this.#write(tuple, 2)).low & 0xffff;
  }

  #write(tuple: FourTuple, purpose: number): number {
    const bytes = this.#bytes;
    let at = 0;
    at = append(bytes, at, tuple.localAddress);
    at = append(bytes, at, tuple.peerAddress);
    bytes[at++] = tuple.localPort >>> 8;
    bytes[at++] = tuple.localPort & 0xff;
    bytes[at++] = tuple.peerPort >>> 8;
    bytes[at++] = tuple.peerPort & 0xff;
    bytes[at++] = purpose;
    return at;
  }
}

/** A loop, because `set` costs more for addresses. */
function append(bytes: Uint8Array, at: number, address: Uint8Array): number {
  for (let i = 0; i < address.length; i++) bytes[at + i] = address[i];
  return at + address.length;
}
