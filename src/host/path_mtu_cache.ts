/**
 * PathMtuCache: what ICMP has said of the paths to other hosts, kept for the next connection (RFC 1191 §3, §6.3).
 *
 * Owns: the limits by destination, their bound, and when one is forgotten. Must not know: ICMP, and whether a message
 * is to be believed: only what a connection has taken (RFC 5927) comes here, so that a stranger has to know what is in
 * flight, and who is at the other end can harm its own address only.
 */
import type { PathLimit } from "../tcp/path_limit.ts";
import { readU32 } from "../wire/bytes.ts";
import { IPV4 } from "../wire/ipv4.ts";

/**
 * Local choice: paths narrower than their ends are few; a peer with many addresses can push others' limits out, which costs
 * each of them one lost segment.
 */
const MOST_PATHS = 1024;

/** An address as a key: a number for IPv4, a string for IPv6. */
type AddressKey = number | string;

/** Limits of paths, by destination. */
export class PathMtuCache {
  readonly #limits = new Map<AddressKey, PathLimit>();
  readonly #most: number;
  readonly #count: (name: string) => void;

  /** `count`: called with `path-mtu-learnt`, `path-mtu-used`, `path-mtu-evicted`. */
  constructor(options: { readonly count: (name: string) => void; readonly most?: number }) {
    this.#count = options.count;
    this.#most = options.most ?? MOST_PATHS;
  }

  /** How many paths are known. */
  get size(): number {
    return this.#limits.size;
  }

  /** A connection to `address` has found this limit; the newest counts, and the oldest gives way. */
  learn(address: Uint8Array, limit: PathLimit): void {
    const key = keyOf(address);
    this.#count("path-mtu-learnt");
    // Deleted first, so that it becomes the youngest.
    if (!this.#limits.delete(key) && this.#limits.size >= this.#most) {
      const [oldest] = this.#limits.keys();
      this.#limits.delete(oldest);
      this.#count("path-mtu-evicted");
    }
    this.#limits.set(key, limit);
  }

  /** What a connection to `address` begins with, or null; what is out of date is forgotten. */
  find(address: Uint8Array, nowUs: number): PathLimit | null {
    // Nearly always, and then a SYN costs no look-up.
    if (this.#limits.size === 0) return null;
    const key = keyOf(address);
    const limit = this.#limits.get(key);
    if (limit === undefined) return null;
    if (limit.untilUs <= nowUs) {
      this.#limits.delete(key);
      return null;
    }
    this.#count("path-mtu-used");
    return limit;
  }
}

function keyOf(address: Uint8Array): AddressKey {
  return address.length === IPV4.ADDRESS_BYTES ? readU32(address, 0) : String.fromCharCode(...address);
}
