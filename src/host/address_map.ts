/**
 * AddressMap: values by address or by the prefix of one, of either family, without a string or an object for a look-up.
 *
 * Owns: the keyed hash's places, and the comparison of what meets in one. Must not know: how many there may be; whoever adds
 * has a bound.
 */
import { addressHash } from "./address_hash.ts";

/** What meets in one place, the newest first. */
interface Entry<Value> {
  /** The key is the first `length` bytes of it. */
  readonly address: Uint8Array;
  readonly length: number;
  value: Value;
  next: Entry<Value> | null;
}

/** Values by the first bytes of addresses; a key is told from a longer one that begins with it. */
export class AddressMap<Value> {
  readonly #places = new Map<number, Entry<Value>>();
  readonly #seed: number;
  size = 0;

  /** `seed`: 32 random bits. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** What belongs to the `length` bytes at `offset`, a multiple of four; null when there is nothing. */
  get(bytes: Uint8Array, offset: number, length: number): Value | null {
    let entry = this.#places.get(addressHash(bytes, offset, length, this.#seed)) ?? null;
    while (entry !== null && !isAt(bytes, offset, entry, length)) entry = entry.next;
    return entry === null ? null : entry.value;
  }

  /** Sets what belongs to the first `length` bytes of `address`, which is kept and must not change. */
  set(address: Uint8Array, length: number, value: Value): void {
    const hash = addressHash(address, 0, length, this.#seed);
    const first = this.#places.get(hash) ?? null;
    for (let entry = first; entry !== null; entry = entry.next) {
      if (!isAt(address, 0, entry, length)) continue;
      entry.value = value;
      return;
    }
    this.#places.set(hash, { address, length, value, next: first });
    this.size++;
  }

  /** Takes out what belongs to the first `length` bytes of `address`; returns whether there was something. */
  delete(address: Uint8Array, length: number): boolean {
    const hash = addressHash(address, 0, length, this.#seed);
    let before: Entry<Value> | null = null;
    let entry = this.#places.get(hash) ?? null;
    while (entry !== null && !isAt(address, 0, entry, length)) {
      before = entry;
      entry = entry.next;
    }
    if (entry === null) return false;
    if (before !== null) before.next = entry.next;
    else if (entry.next !== null) this.#places.set(hash, entry.next);
    else this.#places.delete(hash);
    this.size--;
    return true;
  }

  /** Takes everything out. */
  clear(): void {
    this.#places.clear();
    this.size = 0;
  }
}

function isAt<Value>(bytes: Uint8Array, offset: number, entry: Entry<Value>, length: number): boolean {
  const { address } = entry;
  if (entry.length !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[offset + i] !== address[i]) return false;
  return true;
}
