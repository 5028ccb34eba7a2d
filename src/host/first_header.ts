/**
 * FirstHeader: the headers of the first fragment of a datagram, which become those of the whole (RFC 791 §3.2, RFC 8200 §4.5).
 *
 * Owns: what of a header is of the fragment and what of the datagram, in either IP version. Must not know: which parts there
 * are, how long is waited for them.
 */
import { readU16, writeU16 } from "../wire/bytes.ts";
import { checksum } from "../wire/checksum.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import { ETHERNET } from "../wire/ethernet.ts";
import { etherTypeOf, IpPacket, parseIp } from "../wire/ip.ts";
import { IPV4 } from "../wire/ipv4.ts";
import { IPV6 } from "../wire/ipv6.ts";
import { EXTENSION_BYTES } from "../wire/ipv6_extensions.ts";
import type { DatagramParts } from "./datagram_parts.ts";

/** As much of a packet as the larger of the families may quote: 1280 bytes less an IPv6 and an ICMPv6 header (RFC 4443 §2.4 c). */
export const QUOTED_BYTES = 1232;

/** RFC 791 §3.1, RFC 8200 §3: the largest total length, or payload length. */
export const MAX_LENGTH = 0xffff;
/** What stays of flags and offset in the IPv4 header of the whole: "do not fragment". */
const WITHOUT_FRAGMENT = 0x4000;

/** A packet in a frame. */
export interface FrameAndPacket {
  readonly bytes: Uint8Array;
  readonly packet: IpPacket;
}

/** Reads the packet in a frame that has no tag and no padding. */
export function parseFrame(bytes: Uint8Array, out: IpPacket): DropReason | null {
  const { HEADER_BYTES, TYPE } = ETHERNET;
  return parseIp(readU16(bytes, TYPE), bytes, HEADER_BYTES, bytes.length - HEADER_BYTES, out);
}

/** A copy of all that stands before the data of a first fragment. */
export class FirstHeader {
  /** An Ethernet header without a tag, the IP header, and in IPv6 the others up to the fragment header's end. */
  readonly #bytes: Uint8Array;
  readonly #isIpv6: boolean;
  /** IPv6: where in it the number stands that announces the fragment header. */
  readonly #nextOffset: number;
  /** ECN codepoint. */
  readonly ecn: number;

  constructor(frame: Uint8Array, packet: IpPacket) {
    const { headerOffset } = packet;
    const end = headerOffset + packet.headerLength;
    const bytes = new Uint8Array(ETHERNET.HEADER_BYTES + end - headerOffset);
    bytes.set(frame.subarray(0, ETHERNET.TYPE));
    writeU16(bytes, ETHERNET.TYPE, etherTypeOf(packet.addressBytes));
    bytes.set(frame.subarray(headerOffset, end), ETHERNET.HEADER_BYTES);
    this.#bytes = bytes;
    this.#isIpv6 = packet.isIpv6;
    this.#nextOffset = ETHERNET.HEADER_BYTES + packet.fragmentNextOffset - headerOffset;
    this.ecn = packet.ecn;
  }

  /** The frame of the whole datagram, with `ecn` of `DatagramParts.mergedEcn`; or null where that is longer than any may be: first headers can be longer than the others'. */
  withParts(parts: DatagramParts, ecn: number): Uint8Array | null {
    const header = this.#bytes;
    const ip = ETHERNET.HEADER_BYTES;
    const end = this.#isIpv6 ? header.length - EXTENSION_BYTES.FRAGMENT : header.length;
    const length = end + parts.lengthBytes - ip - (this.#isIpv6 ? IPV6.HEADER_BYTES : 0);
    if (length > MAX_LENGTH) return null;
    const bytes = new Uint8Array(end + parts.lengthBytes);
    bytes.set(header.subarray(0, end));
    parts.copyTo(bytes, end);
    if (this.#isIpv6) {
      // The two lowest bits of the traffic class stand in the upper half of the second byte. They stay, or all are set.
      bytes[ip + 1] |= ecn << 4;
      writeU16(bytes, ip + IPV6.PAYLOAD_LENGTH, length);
      // The number with which the fragment header begins takes the place of the one that announced it.
      bytes[this.#nextOffset] = header[end];
      return bytes;
    }
    bytes[ip + IPV4.TRAFFIC_CLASS] |= ecn;
    writeU16(bytes, ip + IPV4.TOTAL_LENGTH, length);
    const flags = readU16(bytes, ip + IPV4.FLAGS_FRAGMENT) & WITHOUT_FRAGMENT;
    writeU16(bytes, ip + IPV4.FLAGS_FRAGMENT, flags);
    writeU16(bytes, ip + IPV4.CHECKSUM, 0);
    writeU16(bytes, ip + IPV4.CHECKSUM, checksum(bytes, ip, end - ip));
    return bytes;
  }

  /** The first fragment as it came, given its data, cut behind {@link QUOTED_BYTES}; the record's lengths say what is there. */
  firstFragment(data: Uint8Array): FrameAndPacket | null {
    const header = this.#bytes;
    const whole = new Uint8Array(header.length + data.length);
    whole.set(header);
    whole.set(data, header.length);
    const packet = new IpPacket();
    if (parseFrame(whole, packet) !== null) return null;
    const bytes = whole.slice(0, ETHERNET.HEADER_BYTES + QUOTED_BYTES);
    const cut = whole.length - bytes.length;
    packet.totalLength -= cut;
    packet.payloadLength = Math.max(0, packet.payloadLength - cut);
    return { bytes, packet };
  }
}
