/**
 * Numbers in the byte order of the machines that write capture files.
 *
 * Owns: reading 16-bit and 32-bit little-endian words at an offset. Must not know: any format. Nothing of the network is in this
 * order; see bytes.ts for what is, and for what an offset beyond the buffer gives.
 */

/** The unsigned 16-bit word at `offset`. */
export function readU16Little(bytes: Uint8Array, offset: number): number {
  return bytes[offset] | (bytes[offset + 1] << 8);
}

/** The unsigned 32-bit word at `offset`, 0 to 2^32 - 1. */
export function readU32Little(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] | (bytes[offset + 1] << 8) | (bytes[offset + 2] << 16) |
    (bytes[offset + 3] << 24)) >>> 0;
}
