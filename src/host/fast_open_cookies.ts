/**
 * FastOpenCookies: the cookies that a server gives (RFC 7413 §4.1.2), without memory of whom it has given one.
 *
 * Owns: keys, what is hashed, and how a cookie is judged. Must not know: listeners, and what follows from the verdict.
 *
 * A cookie is SipHash-2-4 of the client's address, or of that and ours behind it as in Linux, low octets first; beyond eight
 * octets a second hash, of the same with an octet more, follows.
 */
import type { FastOpenSettings } from "../tcp/fast_open_settings.ts";
import { COOKIE_BYTES, isCookieLength } from "../tcp/fast_open_record.ts";
import { SipHash } from "../tcp/siphash.ts";

/** A key of SipHash. */
export const FAST_OPEN_KEY_BYTES = 16;
/** Local choice: each is a hash more for a cookie that is none; a rotation needs two. */
export const MOST_FAST_OPEN_KEYS = 8;

const HASH_BYTES = 8;
/** Two IPv6 addresses and the octet of the second hash. */
const MOST_INPUT_BYTES = 33;
/** Keeps this use of the secret apart from the others. */
const PURPOSE = 0x3c;

/** The addresses of a connection. */
interface Ends {
  readonly localAddress: Uint8Array;
  readonly peerAddress: Uint8Array;
}

/** What a cookie is worth: made with the first key, with one of the others, or not ours. */
export type CookieVerdict = "current" | "old" | "bad";

/** The key that hangs on a host's secret of 16 bytes. */
export function fastOpenKeyOf(secret: Uint8Array): Uint8Array {
  const hash = new SipHash(secret.map((byte) => byte ^ PURPOSE));
  const key = new Uint8Array(FAST_OPEN_KEY_BYTES);
  for (let half = 0; half < 2; half++) {
    const { low, high } = hash.hash(Uint8Array.of(half), 1);
    putHash(key, half * HASH_BYTES, low, high);
  }
  return key;
}

/** The cookies of one host, or of one listener with keys of its own. */
export class FastOpenCookies {
  readonly #hashes: readonly SipHash[];
  readonly #settings: Pick<FastOpenSettings, "fastOpenCookieInput" | "fastOpenCookieBytes">;
  readonly #input = new Uint8Array(MOST_INPUT_BYTES);
  readonly #cookie = new Uint8Array(COOKIE_BYTES.MOST);

  /** Throws RangeError for keys, or a length, that cannot be. */
  constructor(
    keys: readonly Uint8Array[],
    settings: Pick<FastOpenSettings, "fastOpenCookieInput" | "fastOpenCookieBytes">,
  ) {
    if (keys.length === 0 || keys.length > MOST_FAST_OPEN_KEYS) {
      throw new RangeError(`Expected 1 to ${MOST_FAST_OPEN_KEYS} keys for Fast Open, got ${keys.length}`);
    }
    for (const { length } of keys) {
      if (length !== FAST_OPEN_KEY_BYTES) {
        throw new RangeError(
          `Expected keys of ${FAST_OPEN_KEY_BYTES} octets for Fast Open, got one of ${length}`,
        );
      }
    }
    const { fastOpenCookieBytes } = settings;
    if (!isCookieLength(fastOpenCookieBytes)) {
      throw new RangeError(`Expected cookies of 4 to 16 octets, an even number, got ${fastOpenCookieBytes}`);
    }
    this.#hashes = keys.map((key) => new SipHash(key));
    this.#settings = settings;
  }

  /** The cookie for a client; a new array. */
  make(ends: Ends): Uint8Array {
    const { fastOpenCookieBytes } = this.#settings;
    this.#hashWith(this.#hashes[0], this.#writeInput(ends));
    return this.#cookie.slice(0, fastOpenCookieBytes);
  }

  /** What a client's cookie is worth. */
  check(ends: Ends, cookie: Uint8Array): CookieVerdict {
    if (cookie.length !== this.#settings.fastOpenCookieBytes) return "bad";
    const length = this.#writeInput(ends);
    for (const [place, hash] of this.#hashes.entries()) {
      this.#hashWith(hash, length);
      if (this.#isSame(cookie)) return place === 0 ? "current" : "old";
    }
    return "bad";
  }

  /** Takes as long wherever they differ: how long it took would tell a guess what is right of it. */
  #isSame(cookie: Uint8Array): boolean {
    let difference = 0;
    for (let i = 0; i < cookie.length; i++) difference |= cookie[i] ^ this.#cookie[i];
    return difference === 0;
  }

  #writeInput({ peerAddress, localAddress }: Ends): number {
    this.#input.set(peerAddress, 0);
    if (this.#settings.fastOpenCookieInput === "peer") return peerAddress.length;
    this.#input.set(localAddress, peerAddress.length);
    return peerAddress.length + localAddress.length;
  }

  #hashWith(hash: SipHash, length: number): void {
    const first = hash.hash(this.#input, length);
    putHash(this.#cookie, 0, first.low, first.high);
    if (this.#settings.fastOpenCookieBytes <= HASH_BYTES) return;
    this.#input[length] = 1;
    const second = hash.hash(this.#input, length + 1);
    putHash(this.#cookie, HASH_BYTES, second.low, second.high);
  }
}

/** Writes a hash, low octets first. */
function putHash(bytes: Uint8Array, at: number, low: number, high: number): void {
  for (let i = 0; i < 4; i++) {
    bytes[at + i] = low >>> (8 * i);
    bytes[at + 4 + i] = high >>> (8 * i);
  }
}
