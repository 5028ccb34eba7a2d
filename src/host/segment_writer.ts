/**
 * SegmentWriter: from a SEND effect to a frame.
 *
 * Owns: the frame's memory, headers from Ethernet to TCP, options, checksums. Must not know: why a segment is
 * sent, which version of IP carries it.
 */
import type { Effect } from "../tcp/effects.ts";
import type { InternetLayer } from "../tcp/internet_layer.ts";
import type { IpHabits } from "../tcp/profile.ts";
import { wordOf } from "../tcp/sequence.ts";
import { writeU16 } from "../wire/bytes.ts";
import { foldSum } from "../wire/checksum.ts";
import { emitEthernet } from "../wire/ethernet.ts";
import { emitIp, etherTypeOf, IP_PROTOCOL, ipHeaderBytes, pseudoSum } from "../wire/ip.ts";
import { IPV4 } from "../wire/ipv4.ts";
import { emitTcp, FLAG, TCP, tcpChecksum, TcpSegment } from "../wire/tcp.ts";
import { clearTcpOptions } from "../wire/tcp_options.ts";
import { emitUdp, UDP } from "../wire/udp.ts";

/** Headers and the largest IP packet, with room to spare. */
const FRAME_BYTES = 0x10000 + 0x100;

const UNKNOWN_MAC: Uint8Array = new Uint8Array(6);
const NO_ADDRESS: Uint8Array = new Uint8Array(0);

/** Segments with all of these flags have no number of their own; no segment has a flag beyond the eight. */
const NUMBERLESS: Readonly<Record<IpHabits["identification"], number>> = {
  "counted": 0x100,
  "counted-but-syn-ack": FLAG.SYN | FLAG.ACK,
  "zero": 0,
};

/** Where a segment goes. */
export interface SegmentRoute {
  readonly localAddress: Uint8Array;
  readonly localPort: number;
  readonly peerAddress: Uint8Array;
  readonly peerPort: number;
  /** The sum of both addresses: their part of each segment's checksum. */
  readonly addressSum: number;
  /** By way of whom; null while its hardware address is not known yet: the frame then waits for it elsewhere. */
  readonly hop: { readonly mac: Uint8Array | null };
  /** What the next packet is numbered (IPv4), or every packet labelled with (IPv6). */
  packetNumber: number;
  /** Where it goes in UDP, its ports; 0 where it does not. */
  readonly peerUdpPort: number;
  readonly localUdpPort: number;
  /** Time to live, or hop limit, of who has it set (MUST-49); 0: the host's. */
  readonly hopLimit: number;
  /** MUST-48. */
  readonly dscp: number;
}

/** Writes segments of one host, one at a time, into {@link SegmentWriter.frame}. */
export class SegmentWriter {
  readonly frame = new Uint8Array(FRAME_BYTES);
  /** The segment written last, its fields as on the wire; `buffer` is {@link SegmentWriter.frame}. */
  readonly segment = new TcpSegment();
  // The fields of the headers around the segment, filled anew for each: nothing is made for a frame.
  readonly #ethernet;
  readonly #ip;

  readonly #layerOf: (addressBytes: number) => InternetLayer;
  /** Flags of segments whose identification is 0. */
  readonly #numberless: number;

  /**
   * `mac`: ours; `lan`: the VLAN of all that we send, or {@link LAN.UNTAGGED}; `layerOf`: what carries segments between addresses
   * of so many bytes.
   */
  constructor(
    { mac, lan, layerOf, identification = "counted" }: {
      mac: Uint8Array;
      lan: number;
      layerOf(addressBytes: number): InternetLayer;
      identification?: IpHabits["identification"];
    },
  ) {
    this.#layerOf = layerOf;
    this.#numberless = NUMBERLESS[identification];
    this.#ethernet = {
      destination: UNKNOWN_MAC,
      source: mac,
      type: etherTypeOf(IPV4.ADDRESS_BYTES),
      vlan: lan,
    };
    const protocol: number = IP_PROTOCOL.TCP;
    this.#ip = {
      source: NO_ADDRESS,
      destination: NO_ADDRESS,
      addressSum: 0,
      protocol,
      payloadLength: 0,
      hopLimit: 0,
      id: 0,
      flowLabel: 0,
      dscp: 0,
      ecn: 0,
      dontFragment: true,
    };
    this.segment.buffer = this.frame;
  }

  /** Writes the segment that `effect` asks for; returns the frame's length in bytes. */
  write(route: SegmentRoute, effect: Effect): number {
    const { frame, segment } = this;
    const { tcb } = effect;
    segment.sourcePort = route.localPort;
    segment.destinationPort = route.peerPort;
    segment.flags = effect.flags;
    segment.window = effect.window;
    segment.urgentPointer = effect.urgentPointer;
    if (tcb === null) {
      segment.seq = effect.seq;
      segment.ack = effect.ack;
      clearTcpOptions(segment);
      segment.isPacked = false;
    } else {
      // The one place where positions become 32 bits.
      segment.seq = wordOf(effect.seq, tcb.iss);
      segment.ack = (effect.flags & FLAG.ACK) === 0 ? 0 : wordOf(effect.ack, tcb.irs);
      writeOptions(segment, effect, tcb.irs);
      segment.isPacked = tcb.config.optionLayout === "packed";
    }

    const ethernet = this.#ethernet;
    ethernet.destination = route.hop.mac ?? UNKNOWN_MAC;
    const addressBytes = route.localAddress.length;
    ethernet.type = etherTypeOf(addressBytes);
    const ipOffset = emitEthernet(frame, ethernet);
    const { peerUdpPort } = route;
    const upperOffset = ipOffset + ipHeaderBytes(addressBytes);
    const tcpOffset = peerUdpPort === 0 ? upperOffset : upperOffset + UDP.HEADER_BYTES;
    const headerLength = emitTcp(frame, tcpOffset, segment);
    const payloadOffset = tcpOffset + headerLength;
    const { length } = effect;
    if (length > 0 && tcb !== null) {
      // The text of a SYN begins behind it.
      const textSeq = (effect.flags & FLAG.SYN) === 0 ? effect.seq : effect.seq + 1;
      tcb.sendRing.copyOut(textSeq - tcb.sndRingStart, frame, payloadOffset, length);
    }
    segment.payloadOffset = payloadOffset;
    segment.payloadLength = length;
    const tcpLength = headerLength + length;
    const { addressSum } = route;
    const ip = this.#ip;
    ip.source = route.localAddress;
    ip.destination = route.peerAddress;
    ip.addressSum = addressSum;
    const { hopLimit } = route;
    ip.hopLimit = hopLimit > 0
      ? hopLimit
      : (tcb === null ? this.#layerOf(addressBytes) : tcb.internet).hopLimit;
    const upperLength = tcpLength + tcpOffset - upperOffset;
    ip.protocol = peerUdpPort === 0 ? IP_PROTOCOL.TCP : IP_PROTOCOL.UDP;
    ip.payloadLength = upperLength;
    ip.id = tcb === null || (effect.flags & this.#numberless) === this.#numberless
      ? 0
      : takeIds(route, effect);
    ip.flowLabel = route.packetNumber;
    // SHLD-22: as the application set it.
    ip.dscp = route.dscp;
    ip.ecn = effect.ecn;
    ip.dontFragment = tcb === null || (tcb.dontFragment && tcb.config.pathMtuDiscovery);
    emitIp(frame, ipOffset, ip);
    const pseudo = pseudoSum(addressSum, IP_PROTOCOL.TCP, tcpLength);
    // Of a segment that is cut on its way, whoever cuts completes the sum of each part.
    const sum = effect.cutBytes > 0 ? foldSum(pseudo) : tcpChecksum(frame, tcpOffset, tcpLength, pseudo);
    writeU16(frame, tcpOffset + TCP.CHECKSUM, sum);
    if (peerUdpPort !== 0) {
      emitUdp(frame, upperOffset, {
        sourcePort: route.localUdpPort,
        destinationPort: peerUdpPort,
        length: upperLength,
        pseudo: pseudoSum(addressSum, IP_PROTOCOL.UDP, upperLength),
      });
    }
    return payloadOffset + length;
  }
}

/**
 * The identification of a connection's next packet. It counts per connection, from a place that only our secret tells:
 * one counter for all peers would tell each how much the others get (RFC 6274 §3.5.2.1).
 */
function takeIds(route: SegmentRoute, effect: Effect): number {
  const id = route.packetNumber & 0xffff;
  // RFC 6437 §3: a label is the same for the whole of a flow.
  if (route.localAddress.length !== IPV4.ADDRESS_BYTES) return 0;
  // Whoever cuts a large segment numbers the parts on from there.
  const parts = effect.cutBytes > 0 ? Math.ceil(effect.length / effect.cutBytes) : 1;
  route.packetNumber = (id + parts) & 0xffff;
  return id;
}

/** The effect's options as they stand on the wire. */
function writeOptions(segment: TcpSegment, effect: Effect, irs: number): void {
  clearTcpOptions(segment);
  segment.mss = effect.mss;
  segment.windowScale = effect.windowScale;
  segment.sackPermitted = effect.sackPermitted;
  segment.hasTimestamps = effect.hasTimestamps;
  segment.tsValue = effect.tsValue;
  segment.tsEcho = effect.tsEcho;
  const { fastOpen } = effect;
  if (fastOpen !== null && fastOpen.cookie !== null) {
    segment.fastOpen = fastOpen.cookie.length;
    segment.fastOpenCookie = fastOpen.cookie;
    segment.isFastOpenExperimental = fastOpen.isExperimental;
  }
  segment.sackBlockCount = effect.sackBlockCount;
  for (let edge = 0; edge < 2 * effect.sackBlockCount; edge++) {
    segment.sackBlocks[edge] = wordOf(effect.sackBlocks[edge], irs);
  }
}
