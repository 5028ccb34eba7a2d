/**
 * IPv4 headers.
 *
 * Owns: the header, its checksum and its lengths. Must not know: routing, reassembly, who is addressed.
 * Implements RFC 791 §3.1, with the DSCP and ECN fields of RFC 2474 and RFC 3168.
 */
import { readU16, writeBytes, writeU16 } from "./bytes.ts";
import { checksum, foldSum } from "./checksum.ts";
import type { DropReason } from "./drop_reason.ts";
import type { IpFields, IpPacket } from "./ip_packet.ts";

export { IP_PROTOCOL } from "./ip_packet.ts";

/** Offsets in an IPv4 header, bytes. Source and destination are contiguous, as `pseudoHeaderSum` wants them. */
export const IPV4 = {
  VERSION_IHL: 0,
  TRAFFIC_CLASS: 1,
  TOTAL_LENGTH: 2,
  ID: 4,
  FLAGS_FRAGMENT: 6,
  TTL: 8,
  PROTOCOL: 9,
  CHECKSUM: 10,
  SOURCE: 12,
  DESTINATION: 16,
  HEADER_BYTES: 20,
  ADDRESS_BYTES: 4,
} as const;

const VERSION_4 = 0x4;
/** The first two bytes of a header without options. */
const VERSION_IHL_WORD = (VERSION_4 << 12) | ((IPV4.HEADER_BYTES >>> 2) << 8);
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET_MASK = 0x1fff;
const MAX_TOTAL_LENGTH = 0xffff;

/**
 * Reads the header in the `length` bytes from `offset` into `out`, and verifies its checksum. Options are skipped, known or not (MUST-50).
 *
 * `length` counts from `offset` to the end of the frame; what lies behind the packet's own total length is padding.
 * Total length 0 is what Linux writes into packets that grew above 65,535 bytes by segmentation off-load: it means
 * "to the end of the frame", and is taken only where more than 65,535 bytes are there, since no other packet can
 * need it.
 *
 * A fragment that carries nothing, that no whole of at most 65,535 bytes can hold, or that leaves a gap of its own is malformed.
 */
export function parseIpv4(
  bytes: Uint8Array,
  offset: number,
  length: number,
  out: IpPacket,
): DropReason | null {
  if (length < IPV4.HEADER_BYTES) return "malformed-ipv4";
  const versionIhl = bytes[offset + IPV4.VERSION_IHL];
  const headerLength = (versionIhl & 0x0f) << 2;
  if (versionIhl >>> 4 !== VERSION_4 || headerLength < IPV4.HEADER_BYTES || headerLength > length) {
    return "malformed-ipv4";
  }
  let totalLength = readU16(bytes, offset + IPV4.TOTAL_LENGTH);
  if (totalLength === 0 && length > MAX_TOTAL_LENGTH) totalLength = length;
  if (totalLength < headerLength || totalLength > length) return "malformed-ipv4";
  const trafficClass = bytes[offset + IPV4.TRAFFIC_CLASS];
  const id = readU16(bytes, offset + IPV4.ID);
  const fragment = readU16(bytes, offset + IPV4.FLAGS_FRAGMENT);
  const ttl = bytes[offset + IPV4.TTL];
  const protocol = bytes[offset + IPV4.PROTOCOL];
  const addresses = sumOfAddresses(bytes, offset + IPV4.SOURCE, bytes, offset + IPV4.DESTINATION);
  // RFC 1122 §3.2.1.2. Nearly every header has no options, and its words are at hand.
  const isWhole = headerLength === IPV4.HEADER_BYTES
    ? foldSum(
      (versionIhl << 8) + trafficClass + readU16(bytes, offset + IPV4.TOTAL_LENGTH) + id + fragment +
        (ttl << 8) +
        protocol + readU16(bytes, offset + IPV4.CHECKSUM) + addresses,
    ) === 0xffff
    : checksum(bytes, offset, headerLength) === 0;
  if (!isWhole) return "checksum";
  out.problemCode = -1;
  const payloadLength = totalLength - headerLength;
  const fragmentOffset = (fragment & FRAGMENT_OFFSET_MASK) << 3;
  const isFragment = (fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET_MASK)) !== 0;
  if (isFragment && !canBePart(fragment, headerLength + fragmentOffset, payloadLength)) {
    return "malformed-ipv4";
  }
  out.addressBytes = IPV4.ADDRESS_BYTES;
  out.headerOffset = offset;
  out.headerLength = headerLength;
  out.totalLength = totalLength;
  out.dscp = trafficClass >>> 2;
  out.ecn = trafficClass & 0x03;
  out.id = id;
  out.dontFragment = (fragment & DONT_FRAGMENT) !== 0;
  out.moreFragments = (fragment & MORE_FRAGMENTS) !== 0;
  out.fragmentOffset = fragmentOffset;
  out.hopLimit = ttl;
  out.flowLabel = 0;
  out.fragmentHeaderOffset = -1;
  out.routerAlertValue = -1;
  out.protocol = protocol;
  out.protocolOffset = offset + IPV4.PROTOCOL;
  out.addressSum = addresses;
  out.sourceOffset = offset + IPV4.SOURCE;
  out.destinationOffset = offset + IPV4.DESTINATION;
  out.payloadOffset = offset + headerLength;
  out.payloadLength = payloadLength;
  return null;
}

/** Whether a packet with this fragment, whose payload belongs at `at` of the whole, can be (RFC 791 §3.2: all but the last are multiples of 8). */
function canBePart(fragment: number, at: number, payloadLength: number): boolean {
  if (payloadLength === 0 || at + payloadLength > MAX_TOTAL_LENGTH) return false;
  return (fragment & MORE_FRAGMENTS) === 0 || (payloadLength & 7) === 0;
}

/** The partial sum of two addresses: their part of the header's checksum, and of the pseudo-header's. */
export function addressSum(source: Uint8Array, destination: Uint8Array): number {
  return sumOfAddresses(source, 0, destination, 0);
}

function sumOfAddresses(source: Uint8Array, from: number, destination: Uint8Array, to: number): number {
  return readU16(source, from) + readU16(source, from + 2) + readU16(destination, to) +
    readU16(destination, to + 2);
}

/** What {@link emitIpv4} writes; `dscp` and `ecn` are 0 and `dontFragment` is false when absent. */
type Ipv4Fields = Omit<IpFields, "flowLabel" | "routerAlert">;

/**
 * Writes a header without options, its checksum included, at `offset`; returns its length, 20 bytes.
 *
 * A packet above 65,535 bytes gets total length 0, as {@link parseIpv4} reads it; it may go only to a link that cuts.
 */
export function emitIpv4(bytes: Uint8Array, offset: number, fields: Ipv4Fields): number {
  const { source, destination, hopLimit, protocol } = fields;
  const wholeLength = IPV4.HEADER_BYTES + fields.payloadLength;
  const totalLength = wholeLength > MAX_TOTAL_LENGTH ? 0 : wholeLength;
  const trafficClass = ((fields.dscp ?? 0) << 2) | ((fields.ecn ?? 0) & 0x03);
  const id = fields.id & 0xffff;
  const fragment = (fields.dontFragment === true ? DONT_FRAGMENT : 0) |
    (fields.moreFragments === true ? MORE_FRAGMENTS : 0) | ((fields.fragmentOffset ?? 0) >>> 3);
  // The words are at hand: cheaper than reading them back.
  const sum = VERSION_IHL_WORD + trafficClass + totalLength + id + fragment + (hopLimit << 8) + protocol +
    (fields.addressSum ?? addressSum(source, destination));
  writeU16(bytes, offset + IPV4.VERSION_IHL, VERSION_IHL_WORD | trafficClass);
  writeU16(bytes, offset + IPV4.TOTAL_LENGTH, totalLength);
  writeU16(bytes, offset + IPV4.ID, id);
  writeU16(bytes, offset + IPV4.FLAGS_FRAGMENT, fragment);
  bytes[offset + IPV4.TTL] = hopLimit;
  bytes[offset + IPV4.PROTOCOL] = protocol;
  writeU16(bytes, offset + IPV4.CHECKSUM, ~foldSum(sum) & 0xffff);
  writeBytes(bytes, offset + IPV4.SOURCE, source, IPV4.ADDRESS_BYTES);
  writeBytes(bytes, offset + IPV4.DESTINATION, destination, IPV4.ADDRESS_BYTES);
  return IPV4.HEADER_BYTES;
}
