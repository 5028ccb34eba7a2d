/**
 * Frames written into one buffer that is used again and again, for those who need millions.
 *
 * Owns: the buffer, and the bytes of segments, ARP, ICMP and noise; mending sums after damage. Must not know: which frame is
 * sent when (host_inputs.ts). For frames one by one there is frame_craft.ts.
 */
import type { SeededRandom } from "../../src/link/seeded_random.ts";
import { parseIpAddress } from "../../src/wire/address.ts";
import { ARP_OPERATION, ArpPacket, emitArp } from "../../src/wire/arp.ts";
import { pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { emitEthernet, ETHERTYPE } from "../../src/wire/ethernet.ts";
import { emitIcmpMessage, ICMP } from "../../src/wire/icmp.ts";
import { emitIp, etherTypeOf, IP_PROTOCOL, IpPacket, parseIp } from "../../src/wire/ip.ts";
import { IPV4 } from "../../src/wire/ipv4.ts";
import { IPV6 } from "../../src/wire/ipv6.ts";
import { emitTcp, TCP, tcpChecksum, TcpSegment } from "../../src/wire/tcp.ts";
import { fillWithNoise } from "./input_mutations.ts";
import { type Family, IPV4_FAMILY } from "../tcp/family.ts";
import { HOST_MAC, HOST_V4, PEER_MAC } from "../tcp/wire_ends.ts";

const ETHERNET_BYTES = 14;
const IP_AT = ETHERNET_BYTES;
const BUFFER_BYTES = 0x8000;
/** RFC 4861 §4, RFC 3810 §5. */
const TYPE = { QUERY: 130, ROUTER: 134, SOLICITS: 135, ADVERTISES: 136, REDIRECT: 137 } as const;
const NEIGHBOR_TYPES = [130, 131, 132, 133, 134, 134, 135, 135, 135, 136, 136, 136, 137, 143] as const;
/** The router of the link. */
const ROUTER = v6("fe80::fe");
const SPECIAL_V6 = [
  "::",
  "ff02::1",
  "ff02::16",
  "ff02::1:ff00:1",
  "::1",
  "fe80::1",
  "fd00::9",
  "::ffff:10.0.0.9",
].map(v6);

/** What a quoted packet of ours was. */
interface QuotedSegment {
  readonly peer: Uint8Array;
  readonly localPort: number;
  readonly peerPort: number;
  readonly seq: number;
}

export class FrameWriter {
  /** The frame; bytes 0 to what was returned last count. */
  readonly bytes = new Uint8Array(BUFFER_BYTES);
  /** ECN field of the next segment's IP header. */
  ecn = 0;
  /** Fill this in, then call {@link FrameWriter.segment}. */
  readonly fields = new TcpSegment();
  readonly #family: Family;
  /** Where the payload of a packet without options or extension headers begins. */
  readonly #payloadAt: number;
  readonly #etherType: number;
  readonly #ip = new IpPacket();
  readonly #arp = new ArpPacket();
  readonly #route: { destination: Uint8Array; source: Uint8Array; type: number } = {
    destination: HOST_MAC,
    source: PEER_MAC,
    type: ETHERTYPE.IPV4,
  };

  constructor(family: Family) {
    this.#family = family;
    this.#payloadAt = IP_AT + family.headerBytes;
    this.#etherType = etherTypeOf(family.host.length);
  }

  /** A TCP segment of `fields` with so many bytes of data; `options` are raw bytes instead of the fields' own. */
  segment(source: Uint8Array, dataBytes: number, options: readonly number[] | null = null): number {
    const { bytes, fields } = this;
    const at = this.#payloadAt;
    this.#begin(this.#etherType);
    let headerBytes = emitTcp(bytes, at, fields);
    if (options !== null) {
      bytes.set(options, at + TCP.HEADER_BYTES);
      headerBytes = TCP.HEADER_BYTES + options.length;
      bytes[at + TCP.DATA_OFFSET] = headerBytes << 2;
    }
    // The pattern tells by the number of an octet what it is; nobody compares it here.
    bytes.fill(fields.seq & 0x7f, at + headerBytes, at + headerBytes + dataBytes);
    const payloadLength = headerBytes + dataBytes;
    emitIp(bytes, IP_AT, {
      source,
      destination: this.#family.host,
      protocol: IP_PROTOCOL.TCP,
      payloadLength,
      hopLimit: 64,
      id: 1,
      ecn: this.ecn,
    });
    this.#sum(at, IP_PROTOCOL.TCP, payloadLength);
    return at + payloadLength;
  }

  arp(source: Uint8Array, random: SeededRandom): number {
    const packet = this.#arp;
    packet.operation = random.pick([ARP_OPERATION.REQUEST, ARP_OPERATION.REPLY, random.below(0x10000)]);
    packet.senderMac.set(PEER_MAC);
    packet.senderIp.set(random.chance(0.1) ? HOST_V4 : source);
    packet.targetMac.fill(0);
    packet.targetIp.set(random.chance(0.8) ? HOST_V4 : source);
    this.#begin(ETHERTYPE.ARP);
    if (random.chance(0.5)) this.bytes.fill(0xff, 0, 6);
    return IP_AT + emitArp(this.bytes, IP_AT, packet);
  }

  echo(source: Uint8Array, payloadLength: number): number {
    const type = this.#family === IPV4_FAMILY ? 8 : 128;
    return this.#icmp(source, { type, code: 0, restOfHeader: 0x10001, payloadLength });
  }

  /** An ICMP error about a segment of ours. */
  icmpError(
    source: Uint8Array,
    about: QuotedSegment,
    error: { type: number; code: number; rest: number },
  ): number {
    const quoteAt = this.#payloadAt + ICMP.HEADER_BYTES;
    const { bytes } = this;
    const headerBytes = emitIp(bytes, quoteAt, {
      source: this.#family.host,
      destination: about.peer,
      protocol: IP_PROTOCOL.TCP,
      payloadLength: 1000,
      hopLimit: 1,
      id: 1,
    });
    const at = quoteAt + headerBytes;
    writeU16(bytes, at, about.localPort);
    writeU16(bytes, at + 2, about.peerPort);
    writeU16(bytes, at + 4, about.seq >>> 16);
    writeU16(bytes, at + 6, about.seq);
    const { type, code, rest } = error;
    return this.#icmp(source, { type, code, restOfHeader: rest, payloadLength: headerBytes + 8 });
  }

  /** A message of neighbour discovery, of a router, or about groups (RFC 4861 §4, RFC 3810 §5): nearly right. */
  neighborMessage(source: Uint8Array, random: SeededRandom): number {
    const { bytes } = this;
    const at = this.#payloadAt + ICMP.HEADER_BYTES;
    const { host } = this.#family;
    const type = random.pick([...NEIGHBOR_TYPES, random.below(0x100)]);
    // What each has before its options: a target, a redirect's two addresses, or figures.
    bytes.fill(0, at, at + 0x400);
    let length = 0;
    if (type === TYPE.REDIRECT || type === TYPE.SOLICITS || type === TYPE.ADVERTISES) {
      bytes.set(random.pick([host, source, random.pick(SPECIAL_V6)]), at);
      length = 16;
      if (type === TYPE.REDIRECT) bytes.set(random.pick([host, source]), at + (length += 16) - 16);
    } else if (type === TYPE.ROUTER) {
      fillWithNoise(bytes.subarray(at, at + 8), 0, random);
      length = 8;
    } else if (type === TYPE.QUERY) {
      bytes.set(random.pick(SPECIAL_V6), at);
      length = 20;
    }
    const options = random.below(5);
    for (let option = 0; option < options; option++) length += this.#option(at + length, random);
    const fields = {
      type,
      code: random.chance(0.9) ? 0 : random.below(0x100),
      restOfHeader: random.uint32(),
      payloadLength: length,
    };
    const from = type === TYPE.ROUTER && random.chance(0.9)
      ? ROUTER
      : random.chance(0.9)
      ? source
      : random.pick(SPECIAL_V6);
    return this.#icmp(from, fields, {
      destination: random.chance(0.5) ? host : random.pick(SPECIAL_V6),
      hopLimit: type === TYPE.QUERY ? 1 : random.chance(0.9) ? 255 : 64,
    });
  }

  /** One option of neighbour discovery (RFC 4861 §4.6): of a kind that is read, and mostly as long as it says. */
  #option(at: number, random: SeededRandom): number {
    const { bytes } = this;
    const kind = random.pick([1, 1, 2, 2, 3, 3, 5, 14, 24, random.below(0x100)]);
    const units = kind === 3 ? 4 : random.chance(0.9) ? 1 : random.below(4);
    fillWithNoise(bytes.subarray(at, at + 32), 0, random);
    bytes[at] = kind;
    bytes[at + 1] = units;
    if ((kind === 1 || kind === 2) && random.chance(0.9)) bytes.set(PEER_MAC, at + 2);
    if (kind === 3) {
      bytes[at + 2] = random.pick([64, 64, 64, 0, 128, 200]);
      bytes.set(random.pick([this.#family.host, ROUTER]).subarray(0, 8), at + 16);
    }
    return Math.max(units, random.chance(0.95) ? 1 : 0) * 8;
  }

  /** The packet in the buffer with headers of IPv6 before its payload, of whatever kinds (RFC 8200 §4). */
  extend(length: number, random: SeededRandom): number {
    const { bytes } = this;
    const payload = bytes.slice(this.#payloadAt, length);
    let at = this.#payloadAt;
    let nextAt = IP_AT + IPV6.NEXT_HEADER;
    const protocol = bytes[nextAt];
    const count = random.chance(0.05) ? 100 : 1 + random.below(4);
    for (let header = 0; header < count; header++) {
      const kind = random.pick([0, 43, 44, 44, 60, 60, 51, 59, random.below(0x100)]);
      const units = kind === 44 ? 0 : random.below(3);
      bytes[nextAt] = kind;
      nextAt = at;
      bytes.fill(0, at, at + 8 + 8 * units);
      bytes[at + 1] = units;
      // A routing type, a fragment's place, or an option, which may be one that asks for an answer.
      bytes[at + 2] = random.pick([0, 1, 5, 0x04, 0x43, 0x83, 0xc3, random.below(0x100)]);
      bytes[at + 3] = random.pick([0, 1, 4, random.below(0x100)]);
      bytes[at + 7] = random.below(3);
      at += 8 + 8 * units;
    }
    bytes[nextAt] = protocol;
    bytes.set(payload, at);
    const end = at + payload.length;
    if (random.chance(0.9)) writeU16(bytes, IP_AT + IPV6.PAYLOAD_LENGTH, end - this.#payloadAt);
    return end;
  }

  /** A piece of the packet in the buffer, as one who cuts it would send it, or nearly. */
  fragment(length: number, random: SeededRandom): number {
    const { bytes } = this;
    const payload = bytes.slice(this.#payloadAt, length);
    const from = random.chance(0.4) ? 0 : random.below(payload.length >>> 3) << 3;
    const size = random.chance(0.3)
      ? payload.length - from
      : random.between(1, Math.max(1, (payload.length - from) >>> 3)) << 3;
    const piece = payload.subarray(from, from + size);
    const isV4 = this.#family === IPV4_FAMILY;
    const sourceAt = IP_AT + (isV4 ? IPV4.SOURCE : IPV6.SOURCE);
    const headerBytes = emitIp(bytes, IP_AT, {
      source: bytes.slice(sourceAt, sourceAt + this.#family.host.length),
      destination: this.#family.host,
      protocol: bytes[IP_AT + (isV4 ? IPV4.PROTOCOL : IPV6.NEXT_HEADER)],
      payloadLength: piece.length,
      hopLimit: 64,
      id: random.below(3),
      moreFragments: random.chance(0.1) ? random.chance(0.5) : from + size < payload.length,
      fragmentOffset: random.chance(0.9) ? from : random.below(0x2000) << 3,
    });
    bytes.set(piece, IP_AT + headerBytes);
    return IP_AT + headerBytes + piece.length;
  }

  /** Another's frame, to be damaged or sent again. */
  copy(frame: Uint8Array): number {
    this.bytes.set(frame);
    return frame.length;
  }

  /** Makes the sums of a packet right again, as far as its damaged headers still say where they are. */
  mend(length: number): void {
    const { bytes } = this;
    if (this.#etherType === ETHERTYPE.IPV4) this.#mendHeader(length);
    const ip = this.#ip;
    if (parseIp(this.#etherType, bytes, IP_AT, length - IP_AT, ip) !== null) return;
    if (ip.fragmentOffset === 0) this.#sum(ip.payloadOffset, ip.protocol, ip.payloadLength);
  }

  #mendHeader(length: number): void {
    const { bytes } = this;
    const headerBytes = (bytes[IP_AT] & 0x0f) << 2;
    if (headerBytes < IPV4.HEADER_BYTES || IP_AT + headerBytes > length) return;
    writeU16(bytes, IP_AT + IPV4.CHECKSUM, 0);
    let sum = 0;
    for (let at = IP_AT; at < IP_AT + headerBytes; at += 2) sum += (bytes[at] << 8) | bytes[at + 1];
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    writeU16(bytes, IP_AT + IPV4.CHECKSUM, ~sum);
  }

  #begin(type: number): void {
    this.#route.type = type;
    emitEthernet(this.bytes, this.#route);
  }

  /** The sum of a payload of TCP or ICMP. */
  #sum(at: number, protocol: number, length: number): void {
    const { bytes } = this;
    const { host } = this.#family;
    const sourceAt = IP_AT + (host.length === IPV4.ADDRESS_BYTES ? IPV4.SOURCE : IPV6.SOURCE);
    const pseudo = pseudoHeaderSum(bytes, sourceAt, host.length, protocol, length);
    if (protocol === IP_PROTOCOL.TCP) {
      if (length >= TCP.HEADER_BYTES) {
        writeU16(bytes, at + TCP.CHECKSUM, tcpChecksum(bytes, at, length, pseudo));
      }
      return;
    }
    if ((protocol !== IP_PROTOCOL.ICMP && protocol !== IP_PROTOCOL.ICMPV6) || length < ICMP.HEADER_BYTES) {
      return;
    }
    emitIcmpMessage(bytes, at, {
      type: bytes[at],
      code: bytes[at + 1],
      restOfHeader: ((bytes[at + 4] << 24) | (bytes[at + 5] << 16) | (bytes[at + 6] << 8) | bytes[at + 7]) >>>
        0,
      payloadLength: length - ICMP.HEADER_BYTES,
    }, protocol === IP_PROTOCOL.ICMPV6 ? pseudo : 0);
  }

  #icmp(
    source: Uint8Array,
    fields: { type: number; code: number; restOfHeader: number; payloadLength: number },
    about: { readonly destination?: Uint8Array; readonly hopLimit?: number } = {},
  ): number {
    const { destination = this.#family.host, hopLimit = 64 } = about;
    const protocol = this.#family === IPV4_FAMILY ? IP_PROTOCOL.ICMP : IP_PROTOCOL.ICMPV6;
    const at = this.#payloadAt;
    this.#begin(this.#etherType);
    const payloadLength = ICMP.HEADER_BYTES + fields.payloadLength;
    emitIp(this.bytes, IP_AT, { source, destination, protocol, payloadLength, hopLimit, id: 1 });
    emitIcmpMessage(this.bytes, at, fields, 0);
    this.#sum(at, protocol, payloadLength);
    return at + payloadLength;
  }
}

function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

function v6(text: string): Uint8Array {
  const address = parseIpAddress(text);
  if (address === null) throw new Error(`${text} is no address`);
  return address;
}
