/**
 * ICMP for IPv4.
 *
 * Owns: the message header that ICMP and ICMPv6 share, those types and codes of version 4 that mean something here, and its
 * checksum. Must not know: when a message may be sent, what it does to a connection.
 * Implements RFC 792, with the next-hop MTU of RFC 1191 §4.
 */
import { readU32, writeU16, writeU32 } from "./bytes.ts";
import { checksum } from "./checksum.ts";
import type { DropReason } from "./drop_reason.ts";

export { parseQuotedPacket, QuotedPacket } from "./quoted_packet.ts";

/** Offsets in a message of either ICMP version, bytes. */
export const ICMP = { TYPE: 0, CODE: 1, CHECKSUM: 2, REST: 4, HEADER_BYTES: 8 } as const;

/** Types of ICMP for IPv4 that are told apart. */
export const ICMP_TYPE = {
  ECHO_REPLY: 0x00,
  UNREACHABLE: 0x03,
  SOURCE_QUENCH: 0x04,
  ECHO_REQUEST: 0x08,
  TIME_EXCEEDED: 0x0b,
  PARAMETER_PROBLEM: 0x0c,
} as const;

/** Codes of "destination unreachable" that are told apart. */
export const ICMP_UNREACHABLE = {
  HOST: 0x01,
  PROTOCOL: 0x02,
  PORT: 0x03,
  /** The low 16 bits of the rest of the header are the next hop's MTU (RFC 1191 §4). */
  FRAGMENTATION_NEEDED: 0x04,
} as const;

/** Codes of "time exceeded" (RFC 792): on its way, or while fragments were waited for. */
export const ICMP_TIME_EXCEEDED = { TTL: 0x00, REASSEMBLY: 0x01 } as const;

/** A message of either ICMP version; the payload stays in the frame. */
export class IcmpMessage {
  type = 0;
  code = 0;
  /** The second word, unsigned: identifier and sequence number of an echo, MTU, pointer, or flags. */
  restOfHeader = 0;
  /** Offset in the buffer and length in bytes of what follows the 8 bytes of header. */
  payloadOffset = 0;
  payloadLength = 0;
}

/** Reads the message in the `length` bytes from `offset` into `out`, and verifies its checksum. */
export function parseIcmp(
  bytes: Uint8Array,
  offset: number,
  length: number,
  out: IcmpMessage,
): DropReason | null {
  return parseIcmpMessage(bytes, offset, length, 0, out);
}

/** {@link parseIcmp} with a sum to begin from: 0, or for ICMPv6 that of the pseudo-header. */
export function parseIcmpMessage(
  bytes: Uint8Array,
  offset: number,
  length: number,
  initialSum: number,
  out: IcmpMessage,
): DropReason | null {
  if (length < ICMP.HEADER_BYTES) return "malformed-icmp";
  if (checksum(bytes, offset, length, initialSum) !== 0) return "checksum";
  out.type = bytes[offset + ICMP.TYPE];
  out.code = bytes[offset + ICMP.CODE];
  out.restOfHeader = readU32(bytes, offset + ICMP.REST);
  out.payloadOffset = offset + ICMP.HEADER_BYTES;
  out.payloadLength = length - ICMP.HEADER_BYTES;
  return null;
}

/** What {@link emitIcmp} writes. */
export interface IcmpFields {
  readonly type: number;
  readonly code: number;
  readonly restOfHeader: number;
  readonly payloadLength: number;
}

/**
 * Writes the header at `offset`, with the checksum over it and the `payloadLength` bytes that already stand behind
 * it; returns the header's length, 8 bytes.
 */
export function emitIcmp(bytes: Uint8Array, offset: number, fields: IcmpFields): number {
  return emitIcmpMessage(bytes, offset, fields, 0);
}

/** {@link emitIcmp} with a sum to begin from: 0, or for ICMPv6 that of the pseudo-header. */
export function emitIcmpMessage(
  bytes: Uint8Array,
  offset: number,
  fields: IcmpFields,
  initialSum: number,
): number {
  bytes[offset + ICMP.TYPE] = fields.type;
  bytes[offset + ICMP.CODE] = fields.code;
  writeU16(bytes, offset + ICMP.CHECKSUM, 0);
  writeU32(bytes, offset + ICMP.REST, fields.restOfHeader);
  const length = ICMP.HEADER_BYTES + fields.payloadLength;
  writeU16(bytes, offset + ICMP.CHECKSUM, checksum(bytes, offset, length, initialSum));
  return ICMP.HEADER_BYTES;
}
