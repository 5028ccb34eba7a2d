/**
 * PathMtuCache: what ICMP has said of the paths to other hosts, kept for the next connection (RFC 1191 §3, §6.3; RFC 8201 §5.2).
 *
 * Owns: the limits by destination, their bound, and when one is forgotten. Must not know: ICMP, and whether a message
 * is to be believed: only what a connection has taken (RFC 5927) comes here, so that a stranger has to know what is in
 * flight, and who is at the other end can harm its own address only.
 */
import type { PathLimit } from "../tcp/path_limit.ts";
import { AddressMap } from "./address_map.ts";
import { OldestFirst } from "./oldest_first.ts";

/**
 * Local choice: paths narrower than their ends are few; a peer with many addresses can push others' limits out, which costs
 * each of them one lost segment.
 */
const MOST_PATHS = 1024;

/** What is kept of one path. */
interface KnownPath<Limit> {
  readonly address: Uint8Array;
  readonly limit: Limit;
}

/**
 * Limits of paths, by destination; of both families, each address by itself (RFC 8201 §5.2). One cache for connections, and one for what has
 * none (`IpOutput`), which believes more easily and must not speak for the other.
 */
export class PathMtuCache<Limit extends { readonly untilUs: number } = PathLimit> {
  readonly #paths: AddressMap<KnownPath<Limit>>;
  /** The same, in the order in which they were learnt. */
  readonly #inOrder = new OldestFirst<KnownPath<Limit>>();
  readonly #most: number;
  readonly #count: (name: string) => void;

  /** `seed`: 32 random bits. `count`: called with `path-mtu-learnt`, `path-mtu-used`, `path-mtu-evicted`. */
  constructor(
    options: { readonly seed: number; readonly count: (name: string) => void; readonly most?: number },
  ) {
    this.#paths = new AddressMap(options.seed);
    this.#count = options.count;
    this.#most = options.most ?? MOST_PATHS;
  }

  /** How many paths are known. */
  get size(): number {
    return this.#paths.size;
  }

  /** A connection to `address`, which stays as it is, has found this limit; the newest counts, and the oldest gives way. */
  learn(address: Uint8Array, limit: Limit): void {
    this.#count("path-mtu-learnt");
    const known = this.#paths.get(address, 0, address.length);
    if (known !== null) {
      this.#forget(known);
    } else if (this.#paths.size >= this.#most) {
      const { oldest } = this.#inOrder;
      if (oldest !== null) this.#forget(oldest);
      this.#count("path-mtu-evicted");
    }
    const path = { address, limit };
    this.#paths.set(address, address.length, path);
    this.#inOrder.add(path);
  }

  /** What a connection to `address` begins with, or null; what is out of date is forgotten. */
  find(address: Uint8Array, nowUs: number): Limit | null {
    // Nearly always, and then a SYN costs no look-up.
    if (this.#paths.size === 0) return null;
    const path = this.#paths.get(address, 0, address.length);
    if (path === null) return null;
    if (path.limit.untilUs <= nowUs) {
      this.#forget(path);
      return null;
    }
    this.#count("path-mtu-used");
    return path.limit;
  }

  #forget(path: KnownPath<Limit>): void {
    this.#paths.delete(path.address, path.address.length);
    this.#inOrder.delete(path);
  }
}
