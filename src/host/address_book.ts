/**
 * AddressBook: one copy of each address for all connections that use it.
 *
 * Owns: copies by value, so that a hundred thousand connections from few peers hold few arrays. Must not know: what
 * an address means. An array of four bytes costs 200 bytes of memory.
 */

/** Local choice: beyond it the book begins anew; connections keep the copies that they have. */
const BOOK_ENTRIES = 4096;

/** Copies of addresses by value. */
export class AddressBook {
  readonly #copies = new Map<number, Uint8Array>();

  /** The copy of the `length` bytes at `offset`; 4-byte addresses are shared, longer ones are not. */
  at(bytes: Uint8Array, offset: number, length: number): Uint8Array {
    if (length !== 4) return bytes.slice(offset, offset + length);
    const key = (bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) |
      bytes[offset + 3];
    let copy = this.#copies.get(key);
    if (copy === undefined) {
      if (this.#copies.size >= BOOK_ENTRIES) this.#copies.clear();
      copy = bytes.slice(offset, offset + length);
      this.#copies.set(key, copy);
    }
    return copy;
  }
}
