/**
 * AddressBook: one copy of each address for all connections that use it.
 *
 * Owns: copies by value, so that a hundred thousand connections from few peers hold few arrays. Must not know: what
 * an address means. An array of a few bytes costs 200 bytes of memory.
 */
import { AddressMap } from "./address_map.ts";

/** Local choice: beyond it the book begins anew; connections keep the copies that they have. */
const BOOK_ENTRIES = 4096;

/** Copies of addresses of both families by value. */
export class AddressBook {
  readonly #copies: AddressMap<Uint8Array>;

  /** `seed`: 32 random bits. */
  constructor(seed: number) {
    this.#copies = new AddressMap(seed);
  }

  /** The copy of the `length` bytes at `offset`. */
  at(bytes: Uint8Array, offset: number, length: number): Uint8Array {
    const known = this.#copies.get(bytes, offset, length);
    if (known !== null) return known;
    if (this.#copies.size >= BOOK_ENTRIES) this.#copies.clear();
    const copy = bytes.slice(offset, offset + length);
    this.#copies.set(copy, length, copy);
    return copy;
  }
}
