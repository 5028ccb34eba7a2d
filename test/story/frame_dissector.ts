/**
 * The segments of frames that a tap hears of, as a capture at that place would have them.
 *
 * Owns: the least dissection that our own frames need: Ethernet, IP, TCP. Must not know: stories.
 */
import type { FrameTap } from "../../src/link/tap.ts";
import type { CapturedSegment } from "../../src/story/from_packets.ts";
import type { SegmentOptions } from "../../src/tcp/events.ts";
import { formatEndpoint } from "../../src/wire/address.ts";
import { pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { EthernetHeader, ETHERTYPE, parseEthernet } from "../../src/wire/ethernet.ts";
import { IP_PROTOCOL, IpPacket, parseIp } from "../../src/wire/ip.ts";
import { CHECKSUM_VERDICT, checksumVerdict, parseTcp, TcpSegment } from "../../src/wire/tcp.ts";

/** Dissects what a tap hears. */
export class FrameDissector {
  #count = 0;
  readonly #take: (segment: CapturedSegment) => void;
  readonly #now: () => number;
  readonly #segment = new TcpSegment();

  constructor(take: (segment: CapturedSegment) => void, now: () => number) {
    this.#take = take;
    this.#now = now;
  }

  /** What is received and sent, in order. */
  tap(): FrameTap {
    return {
      received: (frame, length) => this.#frame(frame, length),
      sent: (frame, length) => this.#frame(frame, length),
    };
  }

  #frame(frame: Uint8Array, length: number): void {
    const number = ++this.#count;
    const ethernet = new EthernetHeader();
    if (parseEthernet(frame, length, ethernet) !== null || ethernet.type === ETHERTYPE.ARP) return;
    const at = ethernet.payloadOffset;
    const ip = new IpPacket();
    if (parseIp(ethernet.type, frame, at, length - at, ip) !== null) return;
    if (ip.protocol !== IP_PROTOCOL.TCP) return;
    const { payloadOffset, payloadLength, addressBytes } = ip;
    const segment = this.#segment;
    if (parseTcp(frame, payloadOffset, payloadLength, segment) !== null) return;
    const sum = pseudoHeaderSum(frame, ip.sourceOffset, addressBytes, IP_PROTOCOL.TCP, payloadLength);
    const verdict = checksumVerdict(frame, payloadOffset, payloadLength, sum, true);
    const end = (from: number, port: number) => formatEndpoint(frame.slice(from, from + addressBytes), port);
    this.#take({
      number,
      time: this.#now(),
      source: end(ip.sourceOffset, segment.sourcePort),
      destination: end(ip.destinationOffset, segment.destinationPort),
      flags: segment.flags,
      seq: segment.seq,
      ack: segment.ack,
      window: segment.window,
      length: segment.payloadLength,
      options: optionsOf(segment),
      checksum: verdict === CHECKSUM_VERDICT.CORRECT ? "correct" : "wrong",
    });
  }
}

/** Options as events have them. */
export function optionsOf(segment: TcpSegment): SegmentOptions {
  const sack = Array.from(
    { length: segment.sackBlockCount },
    (_, index) => [segment.sackBlocks[2 * index], segment.sackBlocks[2 * index + 1]] as const,
  );
  return {
    ...(segment.mss >= 0 ? { mss: segment.mss } : {}),
    ...(segment.windowScale >= 0 ? { windowScale: segment.windowScale } : {}),
    ...(segment.sackPermitted ? { sackPermitted: true as const } : {}),
    ...(sack.length > 0 ? { sack } : {}),
    ...(segment.hasTimestamps ? { timestamps: { value: segment.tsValue, echo: segment.tsEcho } } : {}),
  };
}
