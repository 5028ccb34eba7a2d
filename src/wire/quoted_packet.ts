/**
 * The packet that an ICMP error quotes.
 *
 * Owns: finding out, from the beginning of a packet that we sent, which connection an error is about.
 * Must not know: connections, what the error does (RFC 9293 §3.9.2.2 is the machine's).
 *
 * RFC 792 quotes the IP header and 8 bytes; RFC 1812 §4.3.2.3 and RFC 4443 §3 as much as fits. The quoted packet may be cut off and its
 * checksums may be stale, so that only what identifies the connection is read: addresses, ports, sequence number.
 */
import { readU16, readU32 } from "./bytes.ts";
import type { DropReason } from "./drop_reason.ts";
import { IPV4 } from "./ipv4.ts";
import { IPV6 } from "./ipv6.ts";
import { TCP } from "./tcp.ts";

const FRAGMENT_OFFSET_MASK = 0x1fff;
/** What RFC 792 promises of the layer above IP. */
const QUOTED_BYTES = 8;

/** What {@link parseQuotedPacket} found. We sent the packet: its source is the local end, its destination the peer. */
export class QuotedPacket {
  /** 4 or 16. */
  addressBytes = 0;
  localAddressOffset = 0;
  peerAddressOffset = 0;
  protocol = 0;
  /** The ports of TCP and UDP; whatever stands there for other protocols. */
  localPort = 0;
  peerPort = 0;
  /** SEG.SEQ of a quoted TCP segment, unsigned. */
  seq = 0;
}

/**
 * Reads the quoted packet in the `length` bytes from `offset` (the payload of an ICMP error) into `out`. One that is cut
 * off before 8 bytes of the upper layer, or is a fragment other than the first, is malformed, since it identifies
 * nothing; so is an IPv6 one with extension headers, which tcplab never sends.
 */
export function parseQuotedPacket(
  bytes: Uint8Array,
  offset: number,
  length: number,
  out: QuotedPacket,
): DropReason | null {
  if (length < IPV4.HEADER_BYTES + QUOTED_BYTES) return "malformed-icmp";
  const version = bytes[offset] >>> 4;
  let headerLength: number;
  if (version === 4) {
    headerLength = (bytes[offset + IPV4.VERSION_IHL] & 0x0f) << 2;
    const fragment = readU16(bytes, offset + IPV4.FLAGS_FRAGMENT) & FRAGMENT_OFFSET_MASK;
    if (headerLength < IPV4.HEADER_BYTES || fragment !== 0) return "malformed-icmp";
    out.addressBytes = IPV4.ADDRESS_BYTES;
    out.localAddressOffset = offset + IPV4.SOURCE;
    out.peerAddressOffset = offset + IPV4.DESTINATION;
    out.protocol = bytes[offset + IPV4.PROTOCOL];
  } else if (version === 6) {
    headerLength = IPV6.HEADER_BYTES;
    out.addressBytes = IPV6.ADDRESS_BYTES;
    out.localAddressOffset = offset + IPV6.SOURCE;
    out.peerAddressOffset = offset + IPV6.DESTINATION;
    out.protocol = bytes[offset + IPV6.NEXT_HEADER];
  } else {
    return "malformed-icmp";
  }
  if (length < headerLength + QUOTED_BYTES) return "malformed-icmp";
  const upper = offset + headerLength;
  out.localPort = readU16(bytes, upper + TCP.SOURCE_PORT);
  out.peerPort = readU16(bytes, upper + TCP.DESTINATION_PORT);
  out.seq = readU32(bytes, upper + TCP.SEQUENCE);
  return null;
}
