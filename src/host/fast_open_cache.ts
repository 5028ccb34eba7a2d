/**
 * FastOpenCache: what a client knows of servers that do Fast Open, and of paths that do not carry it (RFC 7413 §4.1.3).
 *
 * Owns: cookies with their MSS by the two addresses, negative responses by addresses and port (§4.1.3.1), and the bounds of both. Must not
 * know: connections, what is a negative response.
 */
import type { FastOpenCookie, FastOpenPath } from "./fast_open_api.ts";
import { AddressMap } from "./address_map.ts";
import { OldestFirst } from "./oldest_first.ts";

/** Local choice: more servers than a lab has; who is pushed out is asked for a cookie again. */
const MOST_SERVERS = 1024;
/** Local choice: as many; a path that is pushed out is tried once more. */
const MOST_PAUSES = 1024;

/** Addresses and port of a path, whose local address is known. */
export type KnownPath = Required<Omit<FastOpenPath, "withoutCookie" | "tcp">>;

/** What is known of one server. */
export interface KnownServer extends FastOpenCookie {
  /** A request in the standard form got no cookie (`once`), nor did one in the experimental form after it (`twice`). */
  readonly unanswered: "never" | "once" | "twice";
}

/** A value with its key, for a bound on how many there are. */
interface Kept<Value> {
  readonly key: Uint8Array;
  readonly value: Value;
}

/** Values by bytes; the oldest gives way. */
class BoundedMap<Value> {
  readonly #values: AddressMap<Kept<Value>>;
  readonly #inOrder = new OldestFirst<Kept<Value>>();
  readonly #most: number;

  constructor(seed: number, most: number) {
    this.#values = new AddressMap(seed);
    this.#most = most;
  }

  get(key: Uint8Array): Value | null {
    return this.#values.get(key, 0, key.length)?.value ?? null;
  }

  /** Returns whether another one had to go. */
  set(key: Uint8Array, value: Value): boolean {
    this.delete(key);
    const { oldest } = this.#inOrder;
    const isFull = this.#values.size >= this.#most && oldest !== null;
    if (isFull) this.delete(oldest.key);
    const kept = { key, value };
    this.#values.set(key, key.length, kept);
    this.#inOrder.add(kept);
    return isFull;
  }

  delete(key: Uint8Array): void {
    const kept = this.#values.get(key, 0, key.length);
    if (kept === null) return;
    this.#values.delete(key, key.length);
    this.#inOrder.delete(kept);
  }

  values(): Value[] {
    return this.#inOrder.all().map(({ value }) => value);
  }
}

/** The cache of one host. */
export class FastOpenCache {
  readonly #seed: number;
  readonly #most: { readonly servers: number; readonly pauses: number };
  readonly #evicted: () => void;
  #servers: BoundedMap<KnownServer>;
  #pauses: BoundedMap<number>;

  /** `seed`: 32 random bits; `evicted`: called when a server had to go for another. */
  constructor(
    options: { readonly seed: number; evicted(): void; readonly servers?: number; readonly pauses?: number },
  ) {
    const { seed, servers = MOST_SERVERS, pauses = MOST_PAUSES } = options;
    this.#seed = seed;
    this.#most = { servers, pauses };
    this.#evicted = options.evicted;
    this.#servers = new BoundedMap(seed, servers);
    this.#pauses = new BoundedMap(seed, pauses);
  }

  /** What is known of the server at the far end of a path, null when nothing is. */
  find(path: KnownPath): KnownServer | null {
    return this.#servers.get(serverKey(path));
  }

  /** Keeps what a server has said, in place of what was known. */
  keep(server: KnownServer): void {
    if (this.#servers.set(serverKey(server), server)) this.#evicted();
  }

  /** All servers of whom there is a cookie, oldest first. */
  all(): KnownServer[] {
    return this.#servers.values().filter(({ cookie }) => cookie.length > 0);
  }

  /** No Fast Open on this path until then. */
  pause(path: KnownPath, untilUs: number): void {
    this.#pauses.set(pathKey(path), untilUs);
  }

  /** Whether a path is to be spared now. */
  isPaused(path: KnownPath, nowUs: number): boolean {
    const key = pathKey(path);
    const untilUs = this.#pauses.get(key);
    if (untilUs === null) return false;
    if (untilUs > nowUs) return true;
    this.#pauses.delete(key);
    return false;
  }

  /** Forgets everything. */
  clear(): void {
    this.#servers = new BoundedMap(this.#seed, this.#most.servers);
    this.#pauses = new BoundedMap(this.#seed, this.#most.pauses);
  }
}

/** Both addresses: a server may give each of a client's addresses another cookie (RFC 7413 §4.1.3). */
function serverKey({ localAddress, address }: Pick<KnownPath, "localAddress" | "address">): Uint8Array {
  const key = new Uint8Array(localAddress.length + address.length);
  key.set(address, 0);
  key.set(localAddress, address.length);
  return key;
}

function pathKey(path: KnownPath): Uint8Array {
  const ends = serverKey(path);
  // Keys are whole words.
  const key = new Uint8Array(ends.length + 4);
  key.set(ends, 0);
  key[ends.length] = path.port >>> 8;
  key[ends.length + 1] = path.port & 0xff;
  return key;
}
