/**
 * ConnectionTable: from addresses and ports to the connection, without strings or objects on the way.
 *
 * Owns: open addressing with linear probing on a keyed hash (address_hash.ts). Must not know: what a connection does.
 */
import { finish, mix, wordAt } from "./address_hash.ts";

/** What an entry is found by. */
export interface TableEntry {
  readonly localAddress: Uint8Array;
  readonly localPort: number;
  readonly peerAddress: Uint8Array;
  readonly peerPort: number;
}

const SMALLEST_SLOTS = 64;

/**
 * A set of connections keyed by their 4-tuple; both addresses have the same length.
 *
 * Hashes lie side by side in an array of their own, so that looking for a place touches no entry but the one that is
 * found: with 100,000 entries each one touched costs a walk to main memory.
 */
export class ConnectionTable<T extends TableEntry> {
  /** 0 stands for a free slot. */
  #hashes = new Int32Array(SMALLEST_SLOTS);
  #entries: (T | null)[] = new Array<T | null>(SMALLEST_SLOTS).fill(null);
  #mask = SMALLEST_SLOTS - 1;
  readonly #seed: number;
  size = 0;

  /** `seed`: 32 random bits, so that strangers cannot aim at one slot. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** The connection of a packet: addresses of `addressBytes` bytes at the two offsets of `bytes`. Null when there is none. */
  find(
    bytes: Uint8Array,
    peerOffset: number,
    localOffset: number,
    addressBytes: number,
    peerPort: number,
    localPort: number,
  ): T | null {
    let hash = this.#begin((peerPort << 16) | localPort);
    for (let i = 0; i < addressBytes; i += 4) {
      hash = mix(hash, wordAt(bytes, peerOffset + i), wordAt(bytes, localOffset + i));
    }
    hash = finish(hash);
    const hashes = this.#hashes;
    const mask = this.#mask;
    for (let at = hash & mask; hashes[at] !== 0; at = (at + 1) & mask) {
      if (hashes[at] !== hash) continue;
      const entry = this.#entries[at];
      if (
        entry !== null && entry.peerPort === peerPort && entry.localPort === localPort &&
        isAt(bytes, peerOffset, entry.peerAddress, addressBytes) &&
        isAt(bytes, localOffset, entry.localAddress, addressBytes)
      ) return entry;
    }
    return null;
  }

  /** Adds an entry that is not there yet. */
  add(entry: T): void {
    if (this.size * 2 >= this.#hashes.length) this.#grow();
    this.#place(this.#hashOf(entry), entry);
    this.size++;
  }

  /** Takes an entry out; returns whether it was there. */
  remove(entry: T): boolean {
    const hashes = this.#hashes;
    const entries = this.#entries;
    const mask = this.#mask;
    let at = this.#hashOf(entry) & mask;
    while (entries[at] !== entry) {
      if (hashes[at] === 0) return false;
      at = (at + 1) & mask;
    }
    hashes[at] = 0;
    entries[at] = null;
    this.size--;
    // Close the gap: entries behind it that would no longer be found move up.
    for (let next = (at + 1) & mask; hashes[next] !== 0; next = (next + 1) & mask) {
      const home = hashes[next] & mask;
      if (((next - home) & mask) >= ((next - at) & mask)) {
        hashes[at] = hashes[next];
        entries[at] = entries[next];
        hashes[next] = 0;
        entries[next] = null;
        at = next;
      }
    }
    return true;
  }

  /** The longest row of places in use, which is what a look for nobody costs at most: how well the hash spreads. */
  get longestRow(): number {
    let longest = 0;
    let row = 0;
    for (const hash of this.#hashes) {
      row = hash === 0 ? 0 : row + 1;
      if (row > longest) longest = row;
    }
    return longest;
  }

  /** All entries, in no particular order. */
  *[Symbol.iterator](): Generator<T> {
    for (const entry of this.#entries) if (entry !== null) yield entry;
  }

  /** Ports by themselves, with the seed twice: joined to an address at once, the two would cancel each other. */
  #begin(ports: number): number {
    return mix(this.#seed, ports, this.#seed);
  }

  #hashOf({ peerAddress, localAddress, peerPort, localPort }: T): number {
    let hash = this.#begin((peerPort << 16) | localPort);
    for (let i = 0; i < peerAddress.length; i += 4) {
      hash = mix(hash, wordAt(peerAddress, i), wordAt(localAddress, i));
    }
    return finish(hash);
  }

  #place(hash: number, entry: T): void {
    const hashes = this.#hashes;
    let at = hash & this.#mask;
    while (hashes[at] !== 0) at = (at + 1) & this.#mask;
    hashes[at] = hash;
    this.#entries[at] = entry;
  }

  #grow(): void {
    const oldHashes = this.#hashes;
    const oldEntries = this.#entries;
    const slots = oldHashes.length * 2;
    this.#hashes = new Int32Array(slots);
    this.#entries = new Array<T | null>(slots).fill(null);
    this.#mask = slots - 1;
    oldEntries.forEach((entry, at) => {
      if (entry !== null) this.#place(oldHashes[at], entry);
    });
  }
}

function isAt(bytes: Uint8Array, offset: number, address: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i += 4) if (wordAt(bytes, offset + i) !== wordAt(address, i)) return false;
  return true;
}
