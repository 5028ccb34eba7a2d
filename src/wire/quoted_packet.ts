/**
 * The packet that an ICMP error quotes, or is going to quote.
 *
 * Owns: finding out, from the beginning of a packet, what it carries and between whom; of one that we sent, which connection an
 * error is about. Must not know: connections, what the error does (RFC 9293 §3.9.2.2 is the machine's).
 *
 * RFC 792 quotes the IP header and 8 bytes; RFC 1812 §4.3.2.3 and RFC 4443 §3 as much as fits. The quoted packet may be cut off and its
 * checksums may be stale, so that only what identifies the connection is read: addresses, ports, sequence number.
 * The extension headers of IPv6 are walked over without a look at what they say (RFC 8200 §4).
 */
import { readU16, readU32 } from "./bytes.ts";
import type { DropReason } from "./drop_reason.ts";
import { IPV4 } from "./ipv4.ts";
import { IPV6 } from "./ipv6.ts";
import { IPV6_EXTENSION, isIpv6Extension } from "./ipv6_extensions.ts";
import { TCP } from "./tcp.ts";

const FRAGMENT_OFFSET_MASK = 0x1fff;
/** What RFC 792 promises of the layer above IP. */
const QUOTED_BYTES = 8;
/** Offsets in an extension header; the length counts units beyond the first, and a fragment header is one unit. */
const EXTENSION = {
  NEXT_HEADER: 0,
  LENGTH: 1,
  FRAGMENT_OFFSET: 2,
  FRAGMENT_MASK: 0xfff8,
  UNIT_BYTES: 8,
} as const;
/** Local choice: as many as are walked over in a packet that arrives; RFC 8200 §4.1 knows seven places for one. */
const MOST_EXTENSIONS = 8;

/** What {@link parseQuotedPacket} found. Where we sent the packet, its source is the local end and its destination the peer. */
export class QuotedPacket {
  /** 4 or 16. */
  addressBytes = 0;
  localAddressOffset = 0;
  peerAddressOffset = 0;
  /** Length of the whole packet, as its header tells it; the quotation may hold less. */
  packetBytes = 0;
  /** What follows the last header of IP; of a later fragment, of the whole packet. */
  protocol = 0;
  /** Where the number stands that names it. */
  protocolOffset = 0;
  /** Where it begins; -1 where the quotation does not reach so far, and in a later fragment. */
  upperOffset = -1;
  /** The ports of TCP and UDP; whatever stands there for other protocols. */
  localPort = 0;
  peerPort = 0;
  /** SEG.SEQ of a quoted TCP segment, unsigned. */
  seq = 0;
}

/**
 * Reads the quoted packet in the `length` bytes from `offset` (the payload of an ICMP error) into `out`. One that is cut
 * off before 8 bytes of the upper layer, or is a fragment other than the first, is malformed, since it identifies
 * nothing.
 */
export function parseQuotedPacket(
  bytes: Uint8Array,
  offset: number,
  length: number,
  out: QuotedPacket,
): DropReason | null {
  const reason = parseQuotedHeaders(bytes, offset, length, out);
  if (reason !== null) return reason;
  const upper = out.upperOffset;
  if (upper < 0 || upper + QUOTED_BYTES > offset + length) return "malformed-icmp";
  out.localPort = readU16(bytes, upper + TCP.SOURCE_PORT);
  out.peerPort = readU16(bytes, upper + TCP.DESTINATION_PORT);
  out.seq = readU32(bytes, upper + TCP.SEQUENCE);
  return null;
}

/**
 * Reads the headers of IP alone, of a packet whose beginning is there; one whose addresses are not, or that is of no
 * known version, is malformed.
 */
export function parseQuotedHeaders(
  bytes: Uint8Array,
  offset: number,
  length: number,
  out: QuotedPacket,
): DropReason | null {
  if (length < IPV4.HEADER_BYTES) return "malformed-icmp";
  const version = bytes[offset] >>> 4;
  if (version === 4) return readIpv4(bytes, offset, length, out);
  if (version === 6 && length >= IPV6.HEADER_BYTES) return readIpv6(bytes, offset, length, out);
  return "malformed-icmp";
}

function readIpv4(bytes: Uint8Array, offset: number, length: number, out: QuotedPacket): DropReason | null {
  const headerLength = (bytes[offset + IPV4.VERSION_IHL] & 0x0f) << 2;
  if (headerLength < IPV4.HEADER_BYTES) return "malformed-icmp";
  const isLater = (readU16(bytes, offset + IPV4.FLAGS_FRAGMENT) & FRAGMENT_OFFSET_MASK) !== 0;
  out.addressBytes = IPV4.ADDRESS_BYTES;
  out.localAddressOffset = offset + IPV4.SOURCE;
  out.peerAddressOffset = offset + IPV4.DESTINATION;
  out.packetBytes = readU16(bytes, offset + IPV4.TOTAL_LENGTH);
  out.protocolOffset = offset + IPV4.PROTOCOL;
  out.protocol = bytes[out.protocolOffset];
  out.upperOffset = isLater || headerLength > length ? -1 : offset + headerLength;
  return null;
}

function readIpv6(bytes: Uint8Array, offset: number, length: number, out: QuotedPacket): null {
  const end = offset + length;
  let protocolOffset = offset + IPV6.NEXT_HEADER;
  let at = offset + IPV6.HEADER_BYTES;
  let isLater = false;
  for (let count = 0; count < MOST_EXTENSIONS && !isLater; count++) {
    const header = bytes[protocolOffset];
    if (!isIpv6Extension(header)) break;
    if (at + EXTENSION.UNIT_BYTES > end) {
      at = end + 1;
      break;
    }
    protocolOffset = at + EXTENSION.NEXT_HEADER;
    if (header === IPV6_EXTENSION.FRAGMENT) {
      // RFC 6946: one with an offset of zero begins the packet, or is all of it.
      isLater = (readU16(bytes, at + EXTENSION.FRAGMENT_OFFSET) & EXTENSION.FRAGMENT_MASK) !== 0;
      at += EXTENSION.UNIT_BYTES;
    } else {
      at += (bytes[at + EXTENSION.LENGTH] + 1) * EXTENSION.UNIT_BYTES;
    }
  }
  out.addressBytes = IPV6.ADDRESS_BYTES;
  out.localAddressOffset = offset + IPV6.SOURCE;
  out.peerAddressOffset = offset + IPV6.DESTINATION;
  out.packetBytes = IPV6.HEADER_BYTES + readU16(bytes, offset + IPV6.PAYLOAD_LENGTH);
  out.protocolOffset = protocolOffset;
  out.protocol = bytes[protocolOffset];
  out.upperOffset = isLater || at > end || isIpv6Extension(out.protocol) ? -1 : at;
  return null;
}
