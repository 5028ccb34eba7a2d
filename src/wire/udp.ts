/**
 * UDP (RFC 768), as far as TCP goes in it.
 *
 * Owns: the header and its checksum. Must not know: what a datagram holds.
 */
import { readU16, writeU16 } from "./bytes.ts";
import { foldSum, sumBytes } from "./checksum.ts";

/** Offsets in the header, and its length. */
export const UDP = { SOURCE_PORT: 0, DESTINATION_PORT: 2, LENGTH: 4, CHECKSUM: 6, HEADER_BYTES: 8 } as const;

/** What is read of a header. */
export interface UdpFields {
  sourcePort: number;
  destinationPort: number;
  /** Of header and payload. */
  length: number;
  /** The field is zero: there is no sum. IPv6 forbids that (RFC 8200 §8.1). */
  hasChecksum: boolean;
}

/** Reads the header of the datagram in the `length` bytes from `offset` into `out`; false where it is none. */
export function parseUdp(
  bytes: Uint8Array,
  { offset, length }: { readonly offset: number; readonly length: number },
  out: UdpFields,
): boolean {
  if (length < UDP.HEADER_BYTES) return false;
  out.length = readU16(bytes, offset + UDP.LENGTH);
  out.sourcePort = readU16(bytes, offset + UDP.SOURCE_PORT);
  out.destinationPort = readU16(bytes, offset + UDP.DESTINATION_PORT);
  out.hasChecksum = readU16(bytes, offset + UDP.CHECKSUM) !== 0;
  return out.length >= UDP.HEADER_BYTES && out.length <= length;
}

/** Whether the sum of the `length` bytes from `offset` is right; `pseudo` is the pseudo-header's. */
export function isUdpSumRight(
  bytes: Uint8Array,
  { offset, length }: { readonly offset: number; readonly length: number },
  pseudo: number,
): boolean {
  return foldSum(sumBytes(bytes, offset, length, pseudo)) === 0xffff;
}

/** Writes the header before a payload that is there already, `length` bytes with it, and its sum. */
export function emitUdp(
  bytes: Uint8Array,
  offset: number,
  about: {
    readonly sourcePort: number;
    readonly destinationPort: number;
    readonly length: number;
    readonly pseudo: number;
  },
): void {
  writeU16(bytes, offset + UDP.SOURCE_PORT, about.sourcePort);
  writeU16(bytes, offset + UDP.DESTINATION_PORT, about.destinationPort);
  writeU16(bytes, offset + UDP.LENGTH, about.length);
  writeU16(bytes, offset + UDP.CHECKSUM, 0);
  const sum = ~foldSum(sumBytes(bytes, offset, about.length, about.pseudo)) & 0xffff;
  // RFC 768: zero would say that there is none.
  writeU16(bytes, offset + UDP.CHECKSUM, sum === 0 ? 0xffff : sum);
}
