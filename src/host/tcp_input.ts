/**
 * TcpInput: a TCP segment in a packet for us, up to the connections.
 *
 * Owns: that it is whole and its sum right (RFC 9293 §3.1, MUST-3), whichever version of IP brought it. Must not know: how
 * the packet came, what TCP does with the segment (connections.ts).
 */
import type { DropReason } from "../wire/drop_reason.ts";
import { IP_PROTOCOL, type IpPacket, pseudoSum } from "../wire/ip.ts";
import { CHECKSUM_VERDICT, checksumVerdict, parseTcp, TcpSegment } from "../wire/tcp.ts";
import { type Arrival, newArrival } from "./arrival.ts";
import type { HostCounters } from "./host_counters.ts";

/** What is done about sums. */
export type ChecksumPolicy = "partial" | "strict" | "ignore";

/** What segments are judged with, and handed to. */
interface TcpInputOptions {
  readonly checksumPolicy: ChecksumPolicy;
  readonly counters: HostCounters;
  /** Takes a segment; both are valid during the call. */
  arrives(segment: TcpSegment, from: Arrival): void;
  /** Tells of a segment that was not taken, and counts it. */
  drop(reason: DropReason): void;
}

/** The TCP input of one host. */
export class TcpInput {
  readonly #options: TcpInputOptions;
  readonly #counters: HostCounters;
  readonly #checksumPolicy: ChecksumPolicy;
  // Records reused for every segment.
  readonly #segment = new TcpSegment();
  readonly #arrival = newArrival();
  readonly #place = { payloadOffset: 0, payloadLength: 0, isSummed: false };

  constructor(options: TcpInputOptions) {
    this.#options = options;
    this.#counters = options.counters;
    this.#checksumPolicy = options.checksumPolicy;
  }

  /** Takes the payload of `packet`, which lies in `frame`. */
  arrives(frame: Uint8Array, packet: IpPacket): void {
    const arrival = this.#arrival;
    arrival.peerUdpPort = 0;
    arrival.localUdpPort = 0;
    const place = this.#place;
    place.payloadOffset = packet.payloadOffset;
    place.payloadLength = packet.payloadLength;
    place.isSummed = false;
    this.#take(frame, packet);
  }

  /** The same of a segment in UDP, whose sum, where it has one, stands for TCP's. */
  arrivesInUdp(
    frame: Uint8Array,
    packet: IpPacket,
    udp: {
      readonly offset: number;
      readonly length: number;
      readonly ports: { readonly sourcePort: number; readonly destinationPort: number };
      readonly isSummed: boolean;
    },
  ): void {
    const arrival = this.#arrival;
    arrival.peerUdpPort = udp.ports.sourcePort;
    arrival.localUdpPort = udp.ports.destinationPort;
    const place = this.#place;
    place.payloadOffset = udp.offset;
    place.payloadLength = udp.length;
    place.isSummed = udp.isSummed;
    this.#take(frame, packet);
  }

  /** Takes what stands in `frame` at the place that is noted. */
  #take(frame: Uint8Array, packet: IpPacket): void {
    const { payloadOffset, payloadLength, isSummed } = this.#place;
    const segment = this.#segment;
    const malformed = parseTcp(frame, payloadOffset, payloadLength, segment);
    if (malformed !== null) {
      this.#refuse(malformed);
      return;
    }
    if (this.#checksumPolicy !== "ignore" && !isSummed) {
      const pseudo = pseudoSum(packet.addressSum, IP_PROTOCOL.TCP, payloadLength);
      const isStrict = this.#checksumPolicy === "strict";
      const verdict = checksumVerdict(frame, payloadOffset, payloadLength, pseudo, isStrict);
      if (verdict === CHECKSUM_VERDICT.PARTIAL) this.#counters.checksumPartial++;
      if (verdict === CHECKSUM_VERDICT.WRONG || (isStrict && verdict === CHECKSUM_VERDICT.PARTIAL)) {
        this.#refuse("checksum");
        return;
      }
    }
    this.#counters.segmentsIn++;
    const arrival = this.#arrival;
    arrival.bytes = frame;
    arrival.peerOffset = packet.sourceOffset;
    arrival.localOffset = packet.destinationOffset;
    arrival.addressBytes = packet.addressBytes;
    arrival.ecn = packet.ecn;
    arrival.dscp = packet.dscp;
    this.#options.arrives(segment, arrival);
  }

  #refuse(reason: DropReason): void {
    this.#counters.segmentsBad++;
    this.#options.drop(reason);
  }
}
