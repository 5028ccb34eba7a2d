/**
 * A captured packet as a TCP segment.
 *
 * Owns: the way from link header to payload in a packet that somebody else sent or received, and the reasons why there is no segment. Must not
 * know: connections, files.
 *
 * A host drops what is not right; here it is looked at: packets that the capture cut short, wrong or missing checksums, and lengths that a
 * device was to fill in. What a field says is told, and what it is worth beside it. RFC 791, RFC 8200, RFC 9293 §3.1.
 */
import { readU16, writeU16 } from "./bytes.ts";
import type { CapturedPacket } from "./capture_packet.ts";
import { checksum, pseudoHeaderSum } from "./checksum.ts";
import type { DropReason } from "./drop_reason.ts";
import { ETHERTYPE } from "./ethernet.ts";
import { IpPacket } from "./ip_packet.ts";
import { IP_PROTOCOL, IPV4 } from "./ipv4.ts";
import { IPV6, parseIpv6 } from "./ipv6.ts";
import { IPV6_EXTENSION, jumboLength } from "./ipv6_extensions.ts";
import { LinkHeader, type LinkSkip, parseLinkHeader } from "./link_header.ts";
import { CHECKSUM_VERDICT, checksumVerdict, parseTcp, TCP, TcpSegment } from "./tcp.ts";
import { parseTcpOptions } from "./tcp_options.ts";

/** Why a packet gave no segment. */
export type SkipReason =
  | LinkSkip
  /** ARP, and whatever else is no IP packet. */
  | "not-ip"
  | "not-tcp"
  /** A piece of a larger packet; pieces are not put together. */
  | "fragment"
  /** The capture kept too little: the packet ends before its TCP header does. */
  | "headers-cut"
  | "malformed-ip"
  /** An IPv6 header that a host may not pass over (RFC 8200 §4.2 and §4.4). */
  | "ipv6-header"
  | "malformed-tcp";

/** What a checksum is worth. */
export type SegmentChecksum =
  | "correct"
  /** The pseudo-header's part alone: the sender left the rest to a device that the capture did not wait for. */
  | "partial"
  | "wrong"
  /** The capture did not keep all that it covers. */
  | "unknown";

const VERDICTS: Readonly<Record<number, SegmentChecksum>> = {
  [CHECKSUM_VERDICT.CORRECT]: "correct",
  [CHECKSUM_VERDICT.PARTIAL]: "partial",
  [CHECKSUM_VERDICT.WRONG]: "wrong",
};

/** Protocols that carry packets. */
const TUNNEL = { IPV4: 4, IPV6: 41, GRE: 47 } as const;
const TUNNELS: readonly number[] = Object.values(TUNNEL);
/** Local choice: who tunnels in tunnels does it once or twice. */
const MAX_TUNNELS = 4;
/** The fields that are there, and what is not read: routing, and any version but 0. */
const GRE = { CHECKSUM: 0x8000, KEY: 0x2000, SEQUENCE: 0x1000, UNKNOWN: 0x4007, BYTES: 4 } as const;

const FRAGMENT_MASK = 0x3fff; // The offset, and that more follow.
/** Local choice: extension headers that reach further are taken for cut; all that Linux sends take 264 bytes at most. */
const IPV6_HEADERS_BYTES = 2048;
/** An option that says nothing (RFC 8200 §4.2). */
const IPV6_OPTION_PADN = 0x01;

/** A segment, and what its packet's headers say besides. Made once, filled again and again by {@link dissect}. */
export class DissectedSegment {
  /** Header and options. The payload is what the capture kept of it: see {@link length} for what there was. */
  readonly segment: TcpSegment = new TcpSegment();
  /** Octets of text that the segment carried, by the headers; the capture may have kept fewer. */
  length = 0;
  checksum: SegmentChecksum = "unknown";
  /** The packet is shorter than its IP header says, and the capture does not say that it has cut it: no host takes it so. */
  isShort = false;
  /** The options go on beyond what the capture kept; those before count. */
  areOptionsCut = false;
  /** What all of this was read from; the addresses lie in its bytes. */
  bytes: Uint8Array = new Uint8Array(0);
  /** 4 or 16. */
  addressBytes = 0;
  sourceOffset = 0;
  destinationOffset = 0;
  /** Where the TCP header lies in the packet's bytes, and how much of it was kept. */
  headerOffset = 0;
  headerBytes = 0;
  /** TTL, or hop limit. */
  ttl = 0;
  dscp = 0;
  /** The two bits beside it: 0 not capable, 1 and 2 capable, 3 congestion was met. */
  ecn = 0;
  /** IPv4's identification; -1 for IPv6, which has none. */
  ipId = -1;
  /** Of IPv4's own header; always "correct" for IPv6. A sender that leaves it to a device writes 0: that is "partial" here. */
  ipChecksum: SegmentChecksum = "correct";
  /** From the outermost tag to the innermost. */
  vlans: readonly number[] = [];
  /** Where the packet was seen, as the link header numbers it; 0 where it does not. */
  interfaceIndex = 0;

  /** A view of the packet: the TCP header, as far as the capture kept it. */
  get header(): Uint8Array {
    return this.bytes.subarray(this.headerOffset, this.headerOffset + this.headerBytes);
  }

  /** A view of the packet. */
  get source(): Uint8Array {
    return this.bytes.subarray(this.sourceOffset, this.sourceOffset + this.addressBytes);
  }

  /** A view of the packet. */
  get destination(): Uint8Array {
    return this.bytes.subarray(this.destinationOffset, this.destinationOffset + this.addressBytes);
  }
}

/** Reads captured packets; keeps the records that it reads into. */
export class Dissector {
  readonly #link = new LinkHeader();
  #depth = 0;
  readonly #ipv6 = new IpPacket();
  readonly #ipv6Bytes = new Uint8Array(IPV6_HEADERS_BYTES);
  readonly #tcpBytes = new Uint8Array(TCP.MAX_HEADER_BYTES);

  /** Fills `out` from the packet; a reason instead where it holds no TCP segment, or none that can be read, and then `out` is not to be used. */
  dissect(packet: CapturedPacket, out: DissectedSegment): SkipReason | null {
    const { bytes } = packet;
    const link = this.#link;
    const reason = parseLinkHeader(packet.interface.linkType, bytes, link);
    if (reason !== null) return reason === "malformed-link" ? missing(packet, reason) : reason;
    out.bytes = bytes;
    out.vlans = link.vlans;
    out.interfaceIndex = link.interfaceIndex;
    this.#depth = 0;
    return this.#dissectIp(packet, { type: link.protocol, at: link.payloadOffset }, out);
  }

  #dissectIp(
    packet: CapturedPacket,
    { type, at }: { readonly type: number; readonly at: number },
    out: DissectedSegment,
  ): SkipReason | null {
    if (type === ETHERTYPE.IPV4) return this.#dissectIpv4(packet, at, out);
    if (type === ETHERTYPE.IPV6) return this.#dissectIpv6(packet, at, out);
    return "not-ip";
  }

  /** A packet in a packet: RFC 2003 (IPv4), RFC 4213 §3 (IPv6), and GRE (RFC 2784 §2, RFC 2890 §2). */
  #dissectInner(
    packet: CapturedPacket,
    { protocol, at }: { readonly protocol: number; readonly at: number },
    out: DissectedSegment,
  ): SkipReason | null {
    if (++this.#depth > MAX_TUNNELS) return "not-tcp";
    if (protocol === TUNNEL.IPV4) return this.#dissectIpv4(packet, at, out);
    if (protocol === TUNNEL.IPV6) return this.#dissectIpv6(packet, at, out);
    if (protocol !== TUNNEL.GRE) return "not-tcp";
    const { bytes } = packet;
    if (bytes.length < at + GRE.BYTES) return missing(packet, "malformed-ip");
    const flags = readU16(bytes, at);
    // Routing, and version 1 (PPTP), are others' business.
    if ((flags & GRE.UNKNOWN) !== 0) return "not-tcp";
    const options = [GRE.CHECKSUM, GRE.KEY, GRE.SEQUENCE].filter((flag) => (flags & flag) !== 0).length;
    return this.#dissectIp(packet, { type: readU16(bytes, at + 2), at: at + GRE.BYTES * (1 + options) }, out);
  }

  #dissectIpv4(packet: CapturedPacket, offset: number, out: DissectedSegment): SkipReason | null {
    const { bytes, originalLength } = packet;
    const kept = bytes.length - offset;
    if (kept < IPV4.HEADER_BYTES) return missing(packet, "malformed-ip");
    const headerLength = (bytes[offset + IPV4.VERSION_IHL] & 0x0f) << 2;
    if (bytes[offset + IPV4.VERSION_IHL] >>> 4 !== 4 || headerLength < IPV4.HEADER_BYTES) {
      return "malformed-ip";
    }
    const protocol = bytes[offset + IPV4.PROTOCOL];
    const isTcp = protocol === IP_PROTOCOL.TCP;
    if (!isTcp && !TUNNELS.includes(protocol)) return "not-tcp";
    if ((readU16(bytes, offset + IPV4.FLAGS_FRAGMENT) & FRAGMENT_MASK) !== 0) return "fragment";
    if (!isTcp) return this.#dissectInner(packet, { protocol, at: offset + headerLength }, out);
    if (kept < headerLength) return missing(packet, "malformed-ip");
    // 0 where a device was to cut the packet into several (TSO), or it is larger than the field can tell: all of it counts.
    const totalLength = readU16(bytes, offset + IPV4.TOTAL_LENGTH) || originalLength - offset;
    if (totalLength < headerLength) return "malformed-ip";
    const trafficClass = bytes[offset + IPV4.TRAFFIC_CLASS];
    out.addressBytes = IPV4.ADDRESS_BYTES;
    out.sourceOffset = offset + IPV4.SOURCE;
    out.destinationOffset = offset + IPV4.DESTINATION;
    out.ttl = bytes[offset + IPV4.TTL];
    out.dscp = trafficClass >>> 2;
    out.ecn = trafficClass & 0x03;
    out.ipId = readU16(bytes, offset + IPV4.ID);
    out.ipChecksum = checksum(bytes, offset, headerLength) === 0
      ? "correct"
      : readU16(bytes, offset + IPV4.CHECKSUM) === 0
      ? "partial"
      : "wrong";
    return this.#dissectTcp(packet, { at: offset + headerLength, length: totalLength - headerLength }, out);
  }

  #dissectIpv6(packet: CapturedPacket, offset: number, out: DissectedSegment): SkipReason | null {
    const { bytes, originalLength } = packet;
    if (bytes.length - offset < IPV6.HEADER_BYTES) return missing(packet, "malformed-ip");
    const reason = this.#parseIpv6(packet, offset);
    const header = this.#ipv6;
    if (reason === "unsupported-ipv6-header") return header.moreFragments ? "fragment" : "ipv6-header";
    if (reason !== null) return missing(packet, "malformed-ip");
    const isTcp = header.protocol === IP_PROTOCOL.TCP;
    if (!isTcp && !TUNNELS.includes(header.protocol)) return "not-tcp";
    if (header.moreFragments || header.fragmentOffset > 0) return "fragment";
    if (!isTcp) {
      return this.#dissectInner(packet, { protocol: header.protocol, at: offset + header.headerLength }, out);
    }
    out.addressBytes = IPV6.ADDRESS_BYTES;
    out.sourceOffset = offset + IPV6.SOURCE;
    out.destinationOffset = offset + IPV6.DESTINATION;
    out.ttl = header.hopLimit;
    out.dscp = header.dscp;
    out.ecn = header.ecn;
    out.ipId = -1;
    out.ipChecksum = "correct";
    const payloadLength = readU16(bytes, offset + IPV6.PAYLOAD_LENGTH);
    // 0 where the packet is larger than the field can tell, with a jumbo payload option (RFC 2675) or, by newer kernels, without.
    const end = payloadLength === 0 ? originalLength : offset + IPV6.HEADER_BYTES + payloadLength;
    const at = offset + header.headerLength;
    return this.#dissectTcp(packet, { at, length: end - at }, out);
  }

  /** Where the length is not that of what is here, the headers are read from a copy that says how much there is. */
  #parseIpv6({ bytes }: CapturedPacket, offset: number): DropReason | null {
    const kept = bytes.length - offset;
    const payloadLength = readU16(bytes, offset + IPV6.PAYLOAD_LENGTH);
    if (payloadLength > 0 && IPV6.HEADER_BYTES + payloadLength <= kept) {
      return parseIpv6(bytes, offset, kept, this.#ipv6);
    }
    const copy = this.#ipv6Bytes;
    const length = Math.min(kept, copy.length);
    copy.set(bytes.subarray(offset, offset + length));
    writeU16(copy, IPV6.PAYLOAD_LENGTH, length - IPV6.HEADER_BYTES);
    // What the copy says is not so long that it may have a jumbo payload option.
    const isHopByHop = copy[IPV6.NEXT_HEADER] === IPV6_EXTENSION.HOP_BY_HOP;
    if (isHopByHop && jumboLength(copy, IPV6.HEADER_BYTES) > 0) {
      copy[IPV6.HEADER_BYTES + 2] = IPV6_OPTION_PADN;
    }
    return parseIpv6(copy, 0, length, this.#ipv6);
  }

  /** `length` is what the IP header says of segment and text. */
  #dissectTcp(
    packet: CapturedPacket,
    { at, length }: { readonly at: number; readonly length: number },
    out: DissectedSegment,
  ): SkipReason | null {
    const { bytes } = packet;
    if (length < TCP.HEADER_BYTES) return "malformed-tcp";
    // What lies behind the IP packet is padding.
    const kept = Math.min(bytes.length - at, length);
    if (kept < TCP.HEADER_BYTES) return missing(packet, "malformed-tcp");
    const { segment } = out;
    const headerLength = (bytes[at + TCP.DATA_OFFSET] & 0xf0) >>> 2;
    out.areOptionsCut = headerLength > kept && headerLength <= length && isCut(packet);
    if (out.areOptionsCut) this.#parseCutHeader(packet, { at, kept }, segment);
    else if (parseTcp(bytes, at, kept, segment) !== null) return "malformed-tcp";
    out.isShort = kept < length && !isCut(packet);
    out.headerOffset = at;
    out.headerBytes = Math.min(headerLength, kept);
    out.length = length - headerLength;
    if (kept < length) {
      out.checksum = "unknown";
    } else {
      const sum = pseudoHeaderSum(bytes, out.sourceOffset, out.addressBytes, IP_PROTOCOL.TCP, length);
      out.checksum = VERDICTS[checksumVerdict(bytes, at, length, sum, true)];
    }
    return null;
  }

  /** The fixed header from a copy that is long enough, the options from what is here: one that is cut does not count. */
  #parseCutHeader(
    { bytes }: CapturedPacket,
    { at, kept }: { readonly at: number; readonly kept: number },
    segment: TcpSegment,
  ): void {
    const copy = this.#tcpBytes;
    copy.fill(0);
    copy.set(bytes.subarray(at, at + kept));
    parseTcp(copy, 0, copy.length, segment);
    parseTcpOptions(bytes, at + TCP.HEADER_BYTES, at + kept, segment);
    segment.optionsMalformed = false;
    segment.buffer = bytes;
    segment.payloadOffset = at + kept;
    segment.payloadLength = 0;
  }
}

function isCut({ bytes, originalLength }: CapturedPacket): boolean {
  return bytes.length < originalLength;
}

/** Why something is not there: the capture did not keep it, or it never was. */
function missing(packet: CapturedPacket, malformed: SkipReason): SkipReason {
  return isCut(packet) ? "headers-cut" : malformed;
}
