/**
 * Numbers in network byte order.
 *
 * Owns: reading and writing 16-bit and 32-bit big-endian words at an offset.
 * Must not know: any protocol. Byte order: RFC 791 appendix B.
 *
 * Plain indexing instead of a DataView: V8 inlines it and nothing is allocated. Offsets beyond the buffer read
 * as zero bits and writes there are dropped, so nothing here throws; callers check lengths.
 */

/** The unsigned 16-bit word at `offset`. */
export function readU16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}

/** The unsigned 32-bit word at `offset`, 0 to 2^32 - 1. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) |
    bytes[offset + 3]) >>> 0;
}

/** Writes the low 16 bits of `value` at `offset`. */
export function writeU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

/** Writes `value` modulo 2^32 at `offset`. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** Copies `length` bytes of `source`, from its start, to `offset`; a loop, because `set` costs more for addresses. */
export function writeBytes(bytes: Uint8Array, offset: number, source: Uint8Array, length: number): void {
  for (let i = 0; i < length; i++) bytes[offset + i] = source[i];
}
