/**
 * IPv6 headers.
 *
 * Owns: the fixed header and the walk over extension headers. Must not know: routing, reassembly, who is addressed.
 * Implements RFC 8200 §3 and §4, and the jumbo payload option of RFC 2675 §2, in which Linux writes the length of packets above 65,535 bytes.
 */
import { readU16, readU32, writeBytes, writeU16, writeU32 } from "./bytes.ts";
import { sumBytes } from "./checksum.ts";
import type { DropReason } from "./drop_reason.ts";
import type { IpPacket } from "./ip_packet.ts";

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

/** Next-header values of the extension headers that a host walks over. */
const IPV6_EXTENSION = {
  HOP_BY_HOP: 0x00,
  ROUTING: 0x2b,
  FRAGMENT: 0x2c,
  DESTINATION_OPTIONS: 0x3c,
} as const;

/** Offsets in an extension header; its length field counts 8-byte units beyond the first. */
const EXTENSION = { NEXT_HEADER: 0, LENGTH: 1, OPTIONS: 2, SEGMENTS_LEFT: 3, UNIT_BYTES: 8 } as const;
/** Offsets in a fragment header. */
const FRAGMENT = { OFFSET_FLAGS: 2, ID: 4, BYTES: 8, MORE: 0x0001, OFFSET_MASK: 0xfff8 } as const;
/** Offsets in an option, and the two kinds that matter here. */
const OPTION = { KIND: 0, LENGTH: 1, VALUE: 2, PAD1: 0x00, JUMBO: 0xc2, JUMBO_BYTES: 4 } as const;

const VERSION_6 = 0x6;
const MAX_PAYLOAD_LENGTH = 0xffff;
/** Extension headers that are walked over at most; a local choice: RFC 8200 §4.1 knows seven places for one. */
const MAX_EXTENSIONS = 8;

/**
 * Reads the header and its extensions in the `length` bytes from `offset` into `out`; bytes behind the packet's own
 * length are padding. Behind a fragment header with an offset above 0 nothing more is read.
 */
export function parseIpv6(
  bytes: Uint8Array,
  offset: number,
  length: number,
  out: IpPacket,
): DropReason | null {
  if (length < IPV6.HEADER_BYTES) return "malformed-ipv6";
  const first = readU32(bytes, offset + IPV6.VERSION_CLASS_FLOW);
  if (first >>> 28 !== VERSION_6) return "malformed-ipv6";
  const trafficClass = (first >>> 20) & 0xff;
  out.dscp = trafficClass >>> 2;
  out.ecn = trafficClass & 0x03;
  out.flowLabel = first & 0xfffff;
  out.hopLimit = bytes[offset + IPV6.HOP_LIMIT];
  out.sourceOffset = offset + IPV6.SOURCE;
  out.addressSum = sumBytes(bytes, offset + IPV6.SOURCE, 2 * IPV6.ADDRESS_BYTES, 0);
  out.destinationOffset = offset + IPV6.DESTINATION;
  out.addressBytes = IPV6.ADDRESS_BYTES;
  out.headerOffset = offset;
  out.dontFragment = true;
  out.fragmentHeaderOffset = -1;
  out.fragmentNextOffset = -1;
  out.moreFragments = false;
  out.fragmentOffset = 0;
  out.id = 0;
  out.problemCode = -1;
  out.problemPointer = 0;
  const nextHeader = bytes[offset + IPV6.NEXT_HEADER];
  let payloadLength = readU16(bytes, offset + IPV6.PAYLOAD_LENGTH);
  if (payloadLength === 0 && nextHeader === IPV6_EXTENSION.HOP_BY_HOP && length > MAX_PAYLOAD_LENGTH) {
    payloadLength = jumboLength(bytes, offset + IPV6.HEADER_BYTES);
  }
  if (IPV6.HEADER_BYTES + payloadLength > length) return "malformed-ipv6";
  const end = offset + IPV6.HEADER_BYTES + payloadLength;
  return walkExtensions(bytes, offset, end, nextHeader, out);
}

/** The length in a jumbo payload option that opens the hop-by-hop header at `at`, where Linux puts it; else 0. */
function jumboLength(bytes: Uint8Array, at: number): number {
  const option = at + EXTENSION.OPTIONS;
  const isJumbo = bytes[option + OPTION.KIND] === OPTION.JUMBO &&
    bytes[option + OPTION.LENGTH] === OPTION.JUMBO_BYTES;
  return isJumbo ? readU32(bytes, option + OPTION.VALUE) : 0;
}

/** Goes from header to header until one that is no extension, and fills the rest of `out`. */
function walkExtensions(
  bytes: Uint8Array,
  start: number,
  end: number,
  firstHeader: number,
  out: IpPacket,
): DropReason | null {
  let protocol = firstHeader;
  let at = start + IPV6.HEADER_BYTES;
  let nextOffset = start + IPV6.NEXT_HEADER;
  for (let count = 0; isExtension(protocol); count++) {
    if (count === MAX_EXTENSIONS || at + EXTENSION.UNIT_BYTES > end) return "malformed-ipv6";
    const next = bytes[at + EXTENSION.NEXT_HEADER];
    if (protocol === IPV6_EXTENSION.FRAGMENT) {
      const word = readU16(bytes, at + FRAGMENT.OFFSET_FLAGS);
      out.fragmentHeaderOffset = at;
      out.fragmentNextOffset = nextOffset;
      out.moreFragments = (word & FRAGMENT.MORE) !== 0;
      out.fragmentOffset = word & FRAGMENT.OFFSET_MASK;
      out.id = readU32(bytes, at + FRAGMENT.ID);
      nextOffset = at + EXTENSION.NEXT_HEADER;
      at += FRAGMENT.BYTES;
      protocol = next;
      if (out.fragmentOffset > 0) break;
      continue;
    }
    // RFC 8200 §4.1: the hop-by-hop header stands directly behind the fixed one, or not at all.
    if (protocol === IPV6_EXTENSION.HOP_BY_HOP && count > 0) return "malformed-ipv6";
    const headerEnd = at + (bytes[at + EXTENSION.LENGTH] + 1) * EXTENSION.UNIT_BYTES;
    if (headerEnd > end) return "malformed-ipv6";
    if (protocol === IPV6_EXTENSION.ROUTING) {
      if (bytes[at + EXTENSION.SEGMENTS_LEFT] !== 0) {
        out.problemCode = 0x00; // RFC 8200 §4.4: erroneous header field, pointing to the routing type.
        out.problemPointer = at + EXTENSION.OPTIONS - start;
        return "unsupported-ipv6-header";
      }
    } else {
      const reason = checkOptions(bytes, start, at + EXTENSION.OPTIONS, headerEnd, out);
      if (reason !== null) return reason;
    }
    nextOffset = at + EXTENSION.NEXT_HEADER;
    at = headerEnd;
    protocol = next;
  }
  out.totalLength = end - start;
  out.protocol = protocol;
  out.headerLength = at - start;
  out.payloadOffset = at;
  out.payloadLength = end - at;
  return null;
}

function isExtension(header: number): boolean {
  return header === IPV6_EXTENSION.HOP_BY_HOP || header === IPV6_EXTENSION.ROUTING ||
    header === IPV6_EXTENSION.FRAGMENT || header === IPV6_EXTENSION.DESTINATION_OPTIONS;
}

/** Applies to each option what its two highest bits say of hosts that do not know it (RFC 8200 §4.2). */
function checkOptions(
  bytes: Uint8Array,
  start: number,
  from: number,
  end: number,
  out: IpPacket,
): DropReason | null {
  let at = from;
  while (at < end) {
    const kind = bytes[at + OPTION.KIND];
    if (kind === OPTION.PAD1) {
      at += 1;
      continue;
    }
    if (at + OPTION.VALUE > end) return "malformed-ipv6";
    const next = at + OPTION.VALUE + bytes[at + OPTION.LENGTH];
    if (next > end) return "malformed-ipv6";
    const action = kind >>> 6;
    if (action !== 0 && kind !== OPTION.JUMBO) {
      // 01: silently; 10: with a message; 11: with a message unless the destination is multicast.
      const isMulticast = bytes[start + IPV6.DESTINATION] === 0xff;
      const quiet = action === 1 || (action === 3 && isMulticast);
      out.problemCode = quiet ? -1 : 0x02;
      out.problemPointer = at - start;
      return "unsupported-ipv6-header";
    }
    at = next;
  }
  return null;
}

/**
 * What {@link emitIpv6} writes; `dscp`, `ecn` and `flowLabel` are 0 when absent. With `moreFragments` or a `fragmentOffset` (bytes, a multiple
 * of 8) a fragment header with `id` follows the fixed one.
 */
interface Ipv6Fields {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly protocol: number;
  readonly payloadLength: number;
  readonly hopLimit: number;
  readonly dscp?: number;
  readonly ecn?: number;
  readonly flowLabel?: number;
  readonly id?: number;
  readonly moreFragments?: boolean;
  readonly fragmentOffset?: number;
}

/** Writes a header at `offset`; returns its length, 40 bytes, 48 of a fragment. At most 65,535 bytes of payload. */
export function emitIpv6(bytes: Uint8Array, offset: number, fields: Ipv6Fields): number {
  const trafficClass = (((fields.dscp ?? 0) & 0x3f) << 2) | ((fields.ecn ?? 0) & 0x03);
  const flowLabel = (fields.flowLabel ?? 0) & 0xfffff;
  writeU32(bytes, offset + IPV6.VERSION_CLASS_FLOW, (VERSION_6 << 28) | (trafficClass << 20) | flowLabel);
  const { protocol, payloadLength, moreFragments = false, fragmentOffset = 0 } = fields;
  const isFragment = moreFragments || fragmentOffset > 0;
  writeU16(bytes, offset + IPV6.PAYLOAD_LENGTH, payloadLength + (isFragment ? FRAGMENT.BYTES : 0));
  bytes[offset + IPV6.NEXT_HEADER] = isFragment ? IPV6_EXTENSION.FRAGMENT : protocol;
  bytes[offset + IPV6.HOP_LIMIT] = fields.hopLimit;
  writeBytes(bytes, offset + IPV6.SOURCE, fields.source, IPV6.ADDRESS_BYTES);
  writeBytes(bytes, offset + IPV6.DESTINATION, fields.destination, IPV6.ADDRESS_BYTES);
  if (!isFragment) return IPV6.HEADER_BYTES;
  const at = offset + IPV6.HEADER_BYTES;
  bytes[at + EXTENSION.NEXT_HEADER] = protocol;
  bytes[at + EXTENSION.LENGTH] = 0;
  writeU16(bytes, at + FRAGMENT.OFFSET_FLAGS, fragmentOffset | (moreFragments ? FRAGMENT.MORE : 0));
  writeU32(bytes, at + FRAGMENT.ID, fields.id ?? 0);
  return IPV6.HEADER_BYTES + FRAGMENT.BYTES;
}
