/**
 * ICMPv6, with neighbour discovery.
 *
 * Owns: the types of version 6, neighbour solicitations and advertisements, and the addresses made for them. Must
 * not know: the neighbour cache, when a message may be sent.
 * Implements RFC 4443 §2 to §4, RFC 4861 §4.3, §4.4, §4.6.1 and §7.1 (validation), RFC 4291 §2.7.1, RFC 2464 §7.
 */
import type { IpAddress, MacAddress } from "./address.ts";
import { writeBytes } from "./bytes.ts";
import type { DropReason } from "./drop_reason.ts";
import { emitIcmpMessage, ICMP, type IcmpFields, type IcmpMessage, parseIcmpMessage } from "./icmp.ts";
import { IPV6 } from "./ipv6.ts";

/** Types of ICMPv6; those below 0x80 are errors. */
export const ICMPV6_TYPE = {
  UNREACHABLE: 0x01,
  /** The rest of the header is the MTU. */
  PACKET_TOO_BIG: 0x02,
  TIME_EXCEEDED: 0x03,
  /** The rest of the header points to the byte at fault. */
  PARAMETER_PROBLEM: 0x04,
  ECHO_REQUEST: 0x80,
  ECHO_REPLY: 0x81,
  NEIGHBOR_SOLICITATION: 0x87,
  NEIGHBOR_ADVERTISEMENT: 0x88,
} as const;

/** Flags of an advertisement, in the rest of the header. */
export const NEIGHBOR_FLAG = { ROUTER: 0x80000000, SOLICITED: 0x40000000, OVERRIDE: 0x20000000 } as const;

/** Offsets in the payload of a neighbour message; the options follow the target. */
const NEIGHBOR = { TARGET: 0, OPTIONS: 16 } as const;
/** Offsets in a neighbour option; its length counts units of 8 bytes. */
const OPTION = { KIND: 0, LENGTH: 1, VALUE: 2, UNIT_BYTES: 8, SOURCE_MAC: 0x01, TARGET_MAC: 0x02 } as const;
const MAC_BYTES = 6;

/** Reads the message in the `length` bytes from `offset` into `out`; its checksum covers the pseudo-header too. */
export function parseIcmpv6(
  bytes: Uint8Array,
  offset: number,
  length: number,
  pseudoSum: number,
  out: IcmpMessage,
): DropReason | null {
  return parseIcmpMessage(bytes, offset, length, pseudoSum, out);
}

/** Writes a header over a payload that is already in place, as `emitIcmp` does; returns 8. */
export function emitIcmpv6(bytes: Uint8Array, offset: number, fields: IcmpFields, pseudoSum: number): number {
  return emitIcmpMessage(bytes, offset, fields, pseudoSum);
}

/** What {@link parseNeighbor} found, as offsets in the buffer. */
export class NeighborMessage {
  /** Where the target address stands, 16 bytes. */
  targetOffset = 0;
  /** Where the link-layer address stands, 6 bytes: the source's of a solicitation, the target's of an advertisement; -1 without. */
  macOffset = -1;
  /** Bits of {@link NEIGHBOR_FLAG}, unsigned; of meaning for advertisements. */
  flags = 0;
}

/**
 * Reads a solicitation or advertisement out of an ICMPv6 message that {@link parseIcmpv6} took. The caller has checked
 * that the hop limit was 255; code, length, target and option lengths are checked here (RFC 4861 §7.1).
 */
export function parseNeighbor(
  bytes: Uint8Array,
  message: Readonly<IcmpMessage>,
  out: NeighborMessage,
): DropReason | null {
  if (message.code !== 0 || message.payloadLength < NEIGHBOR.OPTIONS) return "malformed-icmp";
  const target = message.payloadOffset + NEIGHBOR.TARGET;
  if (bytes[target] === 0xff) return "malformed-icmp"; // The target must not be a multicast address.
  const wanted = message.type === ICMPV6_TYPE.NEIGHBOR_SOLICITATION ? OPTION.SOURCE_MAC : OPTION.TARGET_MAC;
  const end = message.payloadOffset + message.payloadLength;
  out.targetOffset = target;
  out.flags = message.restOfHeader;
  out.macOffset = -1;
  let at = message.payloadOffset + NEIGHBOR.OPTIONS;
  while (at < end) {
    const length = bytes[at + OPTION.LENGTH] * OPTION.UNIT_BYTES;
    if (at + OPTION.UNIT_BYTES > end || length === 0 || at + length > end) return "malformed-icmp";
    if (bytes[at + OPTION.KIND] === wanted && length === OPTION.UNIT_BYTES) out.macOffset = at + OPTION.VALUE;
    at += length;
  }
  return null;
}

/** What {@link emitNeighbor} writes: `type` one of the two, `flags` for advertisements, no option without `mac`. */
interface NeighborFields {
  readonly type: number;
  readonly flags?: number;
  readonly target: IpAddress;
  readonly mac: MacAddress | null;
}

/** Length in bytes of the message that {@link emitNeighbor} makes: what the pseudo-header needs beforehand. */
export function neighborLength(fields: Pick<NeighborFields, "mac">): number {
  return ICMP.HEADER_BYTES + NEIGHBOR.OPTIONS + (fields.mac === null ? 0 : OPTION.UNIT_BYTES);
}

/** Writes a whole neighbour message at `offset`, checksum included; returns its length, 24 or 32 bytes. */
export function emitNeighbor(
  bytes: Uint8Array,
  offset: number,
  fields: NeighborFields,
  pseudoSum: number,
): number {
  const payload = offset + ICMP.HEADER_BYTES;
  writeBytes(bytes, payload + NEIGHBOR.TARGET, fields.target, IPV6.ADDRESS_BYTES);
  if (fields.mac !== null) {
    const option = payload + NEIGHBOR.OPTIONS;
    const isSolicitation = fields.type === ICMPV6_TYPE.NEIGHBOR_SOLICITATION;
    bytes[option + OPTION.KIND] = isSolicitation ? OPTION.SOURCE_MAC : OPTION.TARGET_MAC;
    bytes[option + OPTION.LENGTH] = 1;
    writeBytes(bytes, option + OPTION.VALUE, fields.mac, MAC_BYTES);
  }
  const length = neighborLength(fields);
  const payloadLength = length - ICMP.HEADER_BYTES;
  const header = { type: fields.type, code: 0, restOfHeader: fields.flags ?? 0, payloadLength };
  emitIcmpMessage(bytes, offset, header, pseudoSum);
  return length;
}

/** The multicast address on which the owner of `address` hears solicitations, ff02::1:ffXX:XXXX (RFC 4291 §2.7.1). */
export function solicitedNodeAddress(address: IpAddress): IpAddress {
  const result = new Uint8Array(IPV6.ADDRESS_BYTES);
  result.set([0xff, 0x02]);
  result.set([0x01, 0xff], 11);
  result.set(address.subarray(13), 13);
  return result;
}

/** The hardware address that carries an IPv6 multicast address: 33:33 and its last four bytes (RFC 2464 §7). */
export function multicastMac(address: IpAddress): MacAddress {
  const result = new Uint8Array(MAC_BYTES).fill(0x33);
  result.set(address.subarray(12), 2);
  return result;
}
