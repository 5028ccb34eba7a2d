/**
 * Frames written into one buffer that is used again and again, for those who need millions.
 *
 * Owns: the buffer, and the bytes of segments, ARP, ICMP and noise; mending sums after damage. Must not know: which frame is
 * sent when (host_inputs.ts). For frames one by one there is frame_craft.ts.
 */
import type { SeededRandom } from "../../src/link/seeded_random.ts";
import { ARP_OPERATION, ArpPacket, emitArp } from "../../src/wire/arp.ts";
import { pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { emitEthernet, ETHERTYPE } from "../../src/wire/ethernet.ts";
import { emitIcmp, ICMP } from "../../src/wire/icmp.ts";
import { emitIpv4, IP_PROTOCOL, IPV4 } from "../../src/wire/ipv4.ts";
import { emitTcp, TCP, tcpChecksum, TcpSegment } from "../../src/wire/tcp.ts";
import { HOST_MAC, HOST_V4, PEER_MAC } from "../tcp/wire_ends.ts";

const ETHERNET_BYTES = 14;
const IP_AT = ETHERNET_BYTES;
const TCP_AT = IP_AT + IPV4.HEADER_BYTES;
const BUFFER_BYTES = 0x8000;

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
  readonly #arp = new ArpPacket();
  readonly #route: { destination: Uint8Array; source: Uint8Array; type: number } = {
    destination: HOST_MAC,
    source: PEER_MAC,
    type: ETHERTYPE.IPV4,
  };

  /** A TCP segment of `fields` with so many bytes of data; `options` are raw bytes instead of the fields' own. */
  segment(source: Uint8Array, dataBytes: number, options: readonly number[] | null = null): number {
    const { bytes, fields } = this;
    this.#begin(ETHERTYPE.IPV4);
    let headerBytes = emitTcp(bytes, TCP_AT, fields);
    if (options !== null) {
      bytes.set(options, TCP_AT + TCP.HEADER_BYTES);
      headerBytes = TCP.HEADER_BYTES + options.length;
      bytes[TCP_AT + TCP.DATA_OFFSET] = headerBytes << 2;
    }
    // The pattern tells by the number of an octet what it is; nobody compares it here.
    bytes.fill(fields.seq & 0x7f, TCP_AT + headerBytes, TCP_AT + headerBytes + dataBytes);
    const payloadLength = headerBytes + dataBytes;
    emitIpv4(bytes, IP_AT, {
      source,
      destination: HOST_V4,
      protocol: IP_PROTOCOL.TCP,
      payloadLength,
      hopLimit: 64,
      id: 1,
      ecn: this.ecn,
    });
    this.#sumSegment(payloadLength);
    return TCP_AT + payloadLength;
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
    return this.#icmp(source, { type: 8, code: 0, restOfHeader: 0x10001, payloadLength });
  }

  /** An ICMP error about a segment of ours. */
  icmpError(
    source: Uint8Array,
    about: QuotedSegment,
    error: { type: number; code: number; rest: number },
  ): number {
    const quoteAt = TCP_AT + ICMP.HEADER_BYTES;
    const { bytes } = this;
    emitIpv4(bytes, quoteAt, {
      source: HOST_V4,
      destination: about.peer,
      protocol: IP_PROTOCOL.TCP,
      payloadLength: 1000,
      hopLimit: 1,
      id: 1,
    });
    const at = quoteAt + IPV4.HEADER_BYTES;
    writeU16(bytes, at, about.localPort);
    writeU16(bytes, at + 2, about.peerPort);
    writeU16(bytes, at + 4, about.seq >>> 16);
    writeU16(bytes, at + 6, about.seq);
    const { type, code, rest } = error;
    return this.#icmp(source, { type, code, restOfHeader: rest, payloadLength: IPV4.HEADER_BYTES + 8 });
  }

  /** Another's frame, to be damaged or sent again. */
  copy(frame: Uint8Array): number {
    this.bytes.set(frame);
    return frame.length;
  }

  /** Makes the sums of an IPv4 packet right again, as far as its damaged headers still say where they are. */
  mend(length: number): void {
    const { bytes } = this;
    const headerBytes = (bytes[IP_AT] & 0x0f) << 2;
    if (headerBytes < IPV4.HEADER_BYTES || IP_AT + headerBytes > length) return;
    writeU16(bytes, IP_AT + IPV4.CHECKSUM, 0);
    let sum = 0;
    for (let at = IP_AT; at < IP_AT + headerBytes; at += 2) sum += (bytes[at] << 8) | bytes[at + 1];
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    writeU16(bytes, IP_AT + IPV4.CHECKSUM, ~sum);
    const payloadLength = ((bytes[IP_AT + 2] << 8) | bytes[IP_AT + 3]) - headerBytes;
    const at = IP_AT + headerBytes;
    if (bytes[IP_AT + IPV4.PROTOCOL] !== IP_PROTOCOL.TCP) return;
    if (payloadLength < TCP.HEADER_BYTES || at + payloadLength > length) return;
    const pseudo = pseudoHeaderSum(
      bytes,
      IP_AT + IPV4.SOURCE,
      IPV4.ADDRESS_BYTES,
      IP_PROTOCOL.TCP,
      payloadLength,
    );
    writeU16(bytes, at + TCP.CHECKSUM, tcpChecksum(bytes, at, payloadLength, pseudo));
  }

  #begin(type: number): void {
    this.#route.type = type;
    emitEthernet(this.bytes, this.#route);
  }

  #sumSegment(payloadLength: number): void {
    const { bytes } = this;
    const pseudo = pseudoHeaderSum(
      bytes,
      IP_AT + IPV4.SOURCE,
      IPV4.ADDRESS_BYTES,
      IP_PROTOCOL.TCP,
      payloadLength,
    );
    writeU16(bytes, TCP_AT + TCP.CHECKSUM, tcpChecksum(bytes, TCP_AT, payloadLength, pseudo));
  }

  #icmp(
    source: Uint8Array,
    fields: { type: number; code: number; restOfHeader: number; payloadLength: number },
  ): number {
    this.#begin(ETHERTYPE.IPV4);
    const payloadLength = ICMP.HEADER_BYTES + fields.payloadLength;
    emitIpv4(this.bytes, IP_AT, {
      source,
      destination: HOST_V4,
      protocol: IP_PROTOCOL.ICMP,
      payloadLength,
      hopLimit: 64,
      id: 1,
    });
    emitIcmp(this.bytes, TCP_AT, fields);
    return TCP_AT + payloadLength;
  }
}

function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}
