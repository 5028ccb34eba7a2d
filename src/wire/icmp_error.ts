/**
 * ICMP errors of either version, as they are sent.
 *
 * Owns: how much of the packet at fault an error quotes. Must not know: which packet deserves an error, how many may be sent.
 * Implements RFC 1812 §4.3.2.3 (as much as fits into 576 bytes) and RFC 4443 §2.4 (c) (as much as fits into the least IPv6 MTU).
 */
import { emitIcmpMessage, ICMP } from "./icmp.ts";
import { IPV4 } from "./ipv4.ts";
import { IPV6 } from "./ipv6.ts";

/** The largest error with its IP header, bytes: RFC 1812 §4.3.2.3, and RFC 8200 §5 for the MTU that every link has. */
const MAX_ERROR_BYTES = { IPV4: 576, IPV6: 1280 } as const;

/** What {@link emitIcmpError} writes. */
export interface IcmpErrorFields {
  /** Of the addresses of the packet that carries the error: 4 or 16. */
  readonly addressBytes: number;
  readonly type: number;
  readonly code: number;
  /** An MTU or a pointer; 0 when absent. ICMP for IPv4 has its pointer in the highest byte (RFC 792). */
  readonly restOfHeader?: number;
  /** The packet at fault, from its IP header to its end, as far as it is there. It may lie in the buffer that is written to, behind. */
  readonly quote: Uint8Array;
}

/** How many bytes of a packet an error quotes. */
function quotedBytes({ addressBytes, quote }: Pick<IcmpErrorFields, "addressBytes" | "quote">): number {
  const room = addressBytes === IPV4.ADDRESS_BYTES
    ? MAX_ERROR_BYTES.IPV4 - IPV4.HEADER_BYTES
    : MAX_ERROR_BYTES.IPV6 - IPV6.HEADER_BYTES;
  return Math.min(quote.length, room - ICMP.HEADER_BYTES);
}

/** Length in bytes of the message that {@link emitIcmpError} makes: what its IP header needs beforehand. */
export function icmpErrorLength(fields: Pick<IcmpErrorFields, "addressBytes" | "quote">): number {
  return ICMP.HEADER_BYTES + quotedBytes(fields);
}

/** Writes a whole error at `offset`, checksum included; `pseudoSum` is for ICMPv6 alone. Returns its length. */
export function emitIcmpError(
  bytes: Uint8Array,
  offset: number,
  fields: IcmpErrorFields,
  pseudoSum: number,
): number {
  const payloadLength = quotedBytes(fields);
  const { addressBytes, type, code, restOfHeader = 0, quote } = fields;
  bytes.set(quote.subarray(0, payloadLength), offset + ICMP.HEADER_BYTES);
  const isIpv4 = addressBytes === IPV4.ADDRESS_BYTES;
  emitIcmpMessage(bytes, offset, { type, code, restOfHeader, payloadLength }, isIpv4 ? 0 : pseudoSum);
  return ICMP.HEADER_BYTES + payloadLength;
}
