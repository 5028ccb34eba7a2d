/**
 * IPv6 headers.
 *
 * Owns: the fixed header. Must not know: what extension headers mean (ipv6_extensions.ts), routing, reassembly, who is addressed.
 * Implements RFC 8200 §3, and RFC 2675 §2, by which Linux writes the length of packets above 65,535 bytes.
 */
import { readU16, readU32, writeBytes, writeU16, writeU32 } from "./bytes.ts";
import type { DropReason } from "./drop_reason.ts";
import type { IpFields, IpPacket } from "./ip_packet.ts";
import {
  emitFragmentHeader,
  emitRouterAlert,
  EXTENSION_BYTES,
  IPV6_EXTENSION,
  isIpv6Extension,
  jumboLength,
  walkExtensions,
} from "./ipv6_extensions.ts";

/** Offsets in an IPv6 header, bytes. Source and destination are contiguous, as `pseudoHeaderSum` wants them. */
export const IPV6 = {
  VERSION_CLASS_FLOW: 0,
  PAYLOAD_LENGTH: 4,
  NEXT_HEADER: 6,
  HOP_LIMIT: 7,
  SOURCE: 8,
  DESTINATION: 24,
  HEADER_BYTES: 40,
  ADDRESS_BYTES: 16,
} as const;

const VERSION_6 = 0x6;
const MAX_PAYLOAD_LENGTH = 0xffff;

/**
 * Reads the header and its extensions in the `length` bytes from `offset` into `out`; bytes behind the packet's own
 * length are padding. A packet that is not taken has its reason, and in `out` the complaint that is owed to its sender, if any.
 *
 * Payload length 0 of more than 65,535 bytes: what is there to the end, or what a jumbo payload option says; no other packet can need it.
 */
export function parseIpv6(
  bytes: Uint8Array,
  offset: number,
  length: number,
  out: IpPacket,
): DropReason | null {
  out.problemCode = -1;
  out.problemPointer = 0;
  if (length < IPV6.HEADER_BYTES) return "malformed-ipv6";
  const first = readU32(bytes, offset + IPV6.VERSION_CLASS_FLOW);
  if (first >>> 28 !== VERSION_6) return "malformed-ipv6";
  const trafficClass = (first >>> 20) & 0xff;
  out.dscp = trafficClass >>> 2;
  out.ecn = trafficClass & 0x03;
  out.flowLabel = first & 0xfffff;
  out.hopLimit = bytes[offset + IPV6.HOP_LIMIT];
  out.sourceOffset = offset + IPV6.SOURCE;
  out.addressSum = sumOfAddress(bytes, offset + IPV6.SOURCE) + sumOfAddress(bytes, offset + IPV6.DESTINATION);
  out.destinationOffset = offset + IPV6.DESTINATION;
  out.addressBytes = IPV6.ADDRESS_BYTES;
  out.headerOffset = offset;
  out.dontFragment = true;
  out.fragmentHeaderOffset = -1;
  out.fragmentNextOffset = -1;
  out.moreFragments = false;
  out.fragmentOffset = 0;
  out.routerAlertValue = -1;
  out.id = 0;
  const nextHeader = bytes[offset + IPV6.NEXT_HEADER];
  let payloadLength = readU16(bytes, offset + IPV6.PAYLOAD_LENGTH);
  if (payloadLength === 0 && length > IPV6.HEADER_BYTES + MAX_PAYLOAD_LENGTH) {
    payloadLength = nextHeader === IPV6_EXTENSION.HOP_BY_HOP
      ? jumboLength(bytes, offset + IPV6.HEADER_BYTES)
      : length - IPV6.HEADER_BYTES;
  }
  out.totalLength = IPV6.HEADER_BYTES + payloadLength;
  if (out.totalLength > length) return "malformed-ipv6";
  const end = offset + out.totalLength;
  const protocolOffset = offset + IPV6.NEXT_HEADER;
  const at = offset + IPV6.HEADER_BYTES;
  if (isIpv6Extension(nextHeader)) {
    return walkExtensions(bytes, { protocol: nextHeader, protocolOffset, at, end }, out);
  }
  // Nearly every packet; nothing is made for it.
  out.protocol = nextHeader;
  out.protocolOffset = protocolOffset;
  out.headerLength = IPV6.HEADER_BYTES;
  out.payloadOffset = at;
  out.payloadLength = payloadLength;
  return null;
}

/** The partial sum of two addresses: their part of the pseudo-header's. */
export function addressSum(source: Uint8Array, destination: Uint8Array): number {
  return sumOfAddress(source, 0) + sumOfAddress(destination, 0);
}

/** Word by word, which for every packet costs less than a loop. */
function sumOfAddress(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at) + readU16(bytes, at + 2) + readU16(bytes, at + 4) + readU16(bytes, at + 6) +
    readU16(bytes, at + 8) + readU16(bytes, at + 10) + readU16(bytes, at + 12) + readU16(bytes, at + 14);
}

/**
 * What {@link emitIpv6} writes; `dscp`, `ecn` and `flowLabel` are 0 when absent. With `routerAlert` a hop-by-hop header with that option
 * (RFC 2711) follows the fixed one; with `moreFragments` or a `fragmentOffset` (bytes, a multiple of 8) a fragment header with `id`.
 */
type Ipv6Fields = Omit<IpFields, "id" | "dontFragment" | "addressSum"> & Partial<Pick<IpFields, "id">>;

/** Writes a header at `offset`; returns its length, 40 bytes, and 8 more for each extension header. At most 65,535 bytes of payload. */
export function emitIpv6(bytes: Uint8Array, offset: number, fields: Ipv6Fields): number {
  const trafficClass = (((fields.dscp ?? 0) & 0x3f) << 2) | ((fields.ecn ?? 0) & 0x03);
  const flowLabel = (fields.flowLabel ?? 0) & 0xfffff;
  writeU32(bytes, offset + IPV6.VERSION_CLASS_FLOW, (VERSION_6 << 28) | (trafficClass << 20) | flowLabel);
  const { protocol, moreFragments = false, fragmentOffset = 0, routerAlert = false } = fields;
  const isFragment = moreFragments || fragmentOffset > 0;
  const extensionBytes = (isFragment ? EXTENSION_BYTES.FRAGMENT : 0) +
    (routerAlert ? EXTENSION_BYTES.ROUTER_ALERT : 0);
  writeU16(bytes, offset + IPV6.PAYLOAD_LENGTH, extensionBytes + fields.payloadLength);
  const behindAlert = isFragment ? IPV6_EXTENSION.FRAGMENT : protocol;
  bytes[offset + IPV6.NEXT_HEADER] = routerAlert ? IPV6_EXTENSION.HOP_BY_HOP : behindAlert;
  bytes[offset + IPV6.HOP_LIMIT] = fields.hopLimit;
  writeBytes(bytes, offset + IPV6.SOURCE, fields.source, IPV6.ADDRESS_BYTES);
  writeBytes(bytes, offset + IPV6.DESTINATION, fields.destination, IPV6.ADDRESS_BYTES);
  let at = offset + IPV6.HEADER_BYTES;
  if (routerAlert) at += emitRouterAlert(bytes, at, behindAlert);
  if (isFragment) {
    at += emitFragmentHeader(bytes, at, { protocol, id: fields.id ?? 0, moreFragments, fragmentOffset });
  }
  return at - offset;
}
