/**
 * Address hash: a keyed hash of addresses of either family, for tables that strangers fill.
 *
 * Owns: the mixing. Must not know: tables, or what an address means. With a seed that nobody outside knows, nobody can choose
 * addresses that all fall into one place.
 */

/** The 32 bits at `at`, with their sign: so V8 keeps them off the heap. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

/** Two words, four bytes of both addresses of a packet for instance, into the hash. */
export function mix(hash: number, one: number, other: number): number {
  let mixed = Math.imul(hash ^ one, 0x85ebca6b);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed ^ other, 0xc2b2ae35);
  return mixed ^ (mixed >>> 13);
}

/** The last step; never 0, so that this can stand for a free place. */
export function finish(hash: number): number {
  const last = Math.imul(hash, 0x27d4eb2f);
  return (last ^ (last >>> 16)) || 1;
}

/** The hash of `length` bytes at `offset`, a multiple of four. */
export function addressHash(bytes: Uint8Array, offset: number, length: number, seed: number): number {
  let hash = seed;
  for (let at = 0; at < length; at += 8) {
    hash = mix(hash, wordAt(bytes, offset + at), at + 4 < length ? wordAt(bytes, offset + at + 4) : length);
  }
  return finish(hash);
}
