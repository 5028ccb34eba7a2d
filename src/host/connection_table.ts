/**
 * ConnectionTable: from addresses and ports to the connection, without strings or objects on the way.
 *
 * Owns: open addressing with linear probing and a keyed hash. Must not know: what a connection does.
 */

/** What an entry is found by. */
export interface TableEntry {
  readonly localAddress: Uint8Array;
  readonly localPort: number;
  readonly peerAddress: Uint8Array;
  readonly peerPort: number;
  /** Set by the table. */
  tableHash: number;
}

const SMALLEST_SLOTS = 64;

/** A set of connections keyed by their 4-tuple; both addresses have the same length. */
export class ConnectionTable<T extends TableEntry> {
  #slots: (T | null)[] = new Array<T | null>(SMALLEST_SLOTS).fill(null);
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
    const hash = this.#hash(bytes, peerOffset, localOffset, addressBytes, peerPort, localPort);
    const slots = this.#slots;
    const mask = this.#mask;
    for (let at = hash & mask;; at = (at + 1) & mask) {
      const entry = slots[at];
      if (entry === null) return null;
      if (
        entry.tableHash === hash && entry.peerPort === peerPort && entry.localPort === localPort &&
        isAt(bytes, peerOffset, entry.peerAddress, addressBytes) &&
        isAt(bytes, localOffset, entry.localAddress, addressBytes)
      ) return entry;
    }
  }

  /** Adds an entry that is not there yet. */
  add(entry: T): void {
    if (this.size * 2 >= this.#slots.length) this.#grow();
    entry.tableHash = this.#hashOf(entry);
    this.#place(entry);
    this.size++;
  }

  /** Takes an entry out; returns whether it was there. */
  remove(entry: T): boolean {
    const slots = this.#slots;
    const mask = this.#mask;
    let at = entry.tableHash & mask;
    while (slots[at] !== entry) {
      if (slots[at] === null) return false;
      at = (at + 1) & mask;
    }
    slots[at] = null;
    this.size--;
    // Close the gap: entries behind it that would no longer be found move up.
    for (let next = (at + 1) & mask;; next = (next + 1) & mask) {
      const moved = slots[next];
      if (moved === null) return true;
      const home = moved.tableHash & mask;
      if (((next - home) & mask) >= ((next - at) & mask)) {
        slots[at] = moved;
        slots[next] = null;
        at = next;
      }
    }
  }

  /** All entries, in no particular order. */
  *[Symbol.iterator](): Generator<T> {
    for (const entry of this.#slots) if (entry !== null) yield entry;
  }

  #hashOf(entry: T): number {
    const length = entry.peerAddress.length;
    const bytes = new Uint8Array(length * 2);
    bytes.set(entry.peerAddress, 0);
    bytes.set(entry.localAddress, length);
    return this.#hash(bytes, 0, length, length, entry.peerPort, entry.localPort);
  }

  #hash(
    bytes: Uint8Array,
    peerOffset: number,
    localOffset: number,
    addressBytes: number,
    peerPort: number,
    localPort: number,
  ): number {
    let hash = this.#seed ^ ((peerPort << 16) | localPort);
    for (let i = 0; i < addressBytes; i += 4) {
      const peer = peerOffset + i;
      const word = (bytes[peer] << 24) | (bytes[peer + 1] << 16) | (bytes[peer + 2] << 8) | bytes[peer + 3];
      hash = Math.imul(hash ^ word, 0x85ebca6b);
      hash ^= hash >>> 15;
      const local = localOffset + i;
      const other = (bytes[local] << 24) | (bytes[local + 1] << 16) | (bytes[local + 2] << 8) |
        bytes[local + 3];
      hash = Math.imul(hash ^ other, 0xc2b2ae35);
      hash ^= hash >>> 13;
    }
    hash = Math.imul(hash, 0x27d4eb2f);
    return hash ^ (hash >>> 16);
  }

  #place(entry: T): void {
    const slots = this.#slots;
    let at = entry.tableHash & this.#mask;
    while (slots[at] !== null) at = (at + 1) & this.#mask;
    slots[at] = entry;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Array<T | null>(old.length * 2).fill(null);
    this.#mask = this.#slots.length - 1;
    for (const entry of old) if (entry !== null) this.#place(entry);
  }
}

function isAt(bytes: Uint8Array, offset: number, address: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[offset + i] !== address[i]) return false;
  return true;
}
