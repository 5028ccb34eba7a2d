/**
 * The judge of a simulated wire: reads every segment as it leaves a host, before any fault, and knows nothing of the
 * machine that made it.
 *
 * Owns: what no TCP may send, whatever happens on the way: wrong sums, bytes that differ from those sent before, data
 * beyond the window, acknowledgments of what was never sent or that go back, SACK of nothing. RFC 9293 §3.1, §3.4,
 * §3.8.6, RFC 2018 §4, RFC 2883 §4, RFC 7323 §3.2. Must not know: hosts.
 */
import type { FrameTap } from "../../src/link/tap.ts";
import { pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { EthernetHeader, ETHERTYPE, parseEthernet } from "../../src/wire/ethernet.ts";
import { IcmpMessage } from "../../src/wire/icmp.ts";
import { isIcmpv6Error, parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import { IP_PROTOCOL, IpPacket, parseIp } from "../../src/wire/ip.ts";
import { neighborMessageFault } from "../../src/wire/neighbor_discovery.ts";
import {
  CHECKSUM_VERDICT,
  checksumVerdict,
  FLAG,
  flagNames,
  parseTcp,
  TcpSegment,
} from "../../src/wire/tcp.ts";
import { findDifference } from "./byte_stream.ts";
import { SimulationFailure } from "./talker.ts";

/** Distance from `b` to `a` on the circle of sequence numbers. */
const distance = (a: number, b: number) => (a - b) | 0;
const isAfter = (a: number, b: number) => distance(a, b) > 0;

/** What one end of a connection has said so far. */
interface Speaker {
  readonly name: string;
  iss: number;
  hasSyn: boolean;
  /** One beyond the last sequence number sent. */
  end: number;
  finSeq: number | null;
  ack: number | null;
  /** The furthest right edge that was ever offered to the other. */
  rightEdge: number;
  /** Shift of the window in segments without SYN. */
  shift: number;
  offersScaling: boolean;
  timestamp: number | null;
}

interface Conversation {
  speakers: readonly [Speaker, Speaker];
  /** An old SYN was answered with another number: both ends mean different connections, of which nothing is said. */
  isMixed: boolean;
}

/** Totals of what left both hosts. */
interface WireTotals {
  segments: number;
  payloadBytes: number;
  resets: number;
}

/** What the judge is told. */
interface WireJudgeOptions {
  readonly mtu: number;
  /** Bits change on the way. */
  readonly isDamaging: boolean;
  /** The stream that goes from one port to another; null where contents are of no interest. */
  readonly saltOf: (sourcePort: number, destinationPort: number) => number | null;
}

/** Judges what two hosts send; one {@link FrameTap} a host. */
export class WireJudge {
  readonly totals: WireTotals = { segments: 0, payloadBytes: 0, resets: 0 };
  readonly #options: WireJudgeOptions;
  readonly #conversations = new Map<number, Conversation>();
  readonly #ethernet = new EthernetHeader();
  readonly #ip = new IpPacket();
  readonly #message = new IcmpMessage();
  readonly #segment = new TcpSegment();

  constructor(options: WireJudgeOptions) {
    this.#options = options;
  }

  /** The tap of one host's link. */
  tap(): FrameTap {
    return {
      received: () => {},
      sent: (frame, length, cutBytes) => this.#sent(frame, length, cutBytes),
    };
  }

  #sent(frame: Uint8Array, length: number, cutBytes: number): void {
    const ethernet = this.#ethernet;
    if (parseEthernet(frame, length, ethernet) !== null) {
      throw new SimulationFailure("sent a malformed frame");
    }
    if (ethernet.type === ETHERTYPE.ARP) return;
    const at = ethernet.payloadOffset;
    const ip = this.#ip;
    const malformed = parseIp(ethernet.type, frame, at, length - at, ip);
    if (malformed !== null) throw new SimulationFailure(`sent a bad IP packet: ${malformed}`);
    const { payloadOffset, payloadLength, protocol } = ip;
    const pseudo = pseudoHeaderSum(frame, ip.sourceOffset, ip.addressBytes, protocol, payloadLength);
    if (protocol === IP_PROTOCOL.ICMPV6) {
      // Neighbours ask for each other. No end is to complain about anything but a header that was damaged on its way,
      // as no sum of IPv6 covers all of it.
      const message = this.#message;
      const bad = parseIcmpv6(frame, payloadOffset, payloadLength, pseudo, message) ??
        neighborMessageFault(frame, ip, message);
      const isUnasked = isIcmpv6Error(message.type) && !this.#options.isDamaging;
      if (bad !== null || isUnasked) {
        throw new SimulationFailure(`sent ICMPv6 of type ${message.type}: ${bad ?? "an error"}`);
      }
      return;
    }
    const verdict = checksumVerdict(frame, payloadOffset, payloadLength, pseudo, cutBytes === 0);
    // What is cut on its way gets its sums there.
    const wanted = cutBytes > 0 ? CHECKSUM_VERDICT.PARTIAL : CHECKSUM_VERDICT.CORRECT;
    if (verdict !== wanted) throw new SimulationFailure("sent a segment with a wrong checksum");
    if (parseTcp(frame, payloadOffset, payloadLength, this.#segment) !== null) {
      throw new SimulationFailure("sent a malformed segment");
    }
    const headerBytes = ip.headerLength + this.#segment.headerLength;
    const packetBytes = cutBytes > 0 ? headerBytes + cutBytes : ip.totalLength;
    if (packetBytes > this.#options.mtu) {
      throw new SimulationFailure(`sent a packet of ${packetBytes} bytes, above the MTU`);
    }
    this.#judge(this.#segment);
  }

  #judge(segment: TcpSegment): void {
    const { totals } = this;
    totals.segments++;
    totals.payloadBytes += segment.payloadLength;
    if ((segment.flags & FLAG.RST) !== 0) {
      totals.resets++;
      return;
    }
    const { sourcePort, destinationPort } = segment;
    const isLower = sourcePort < destinationPort;
    const key = isLower ? sourcePort * 0x10000 + destinationPort : destinationPort * 0x10000 + sourcePort;
    let conversation = this.#conversations.get(key);
    if (conversation === undefined) {
      conversation = { speakers: newSpeakers(segment, isLower), isMixed: false };
      this.#conversations.set(key, conversation);
    }
    if (isAnotherSyn(segment, conversation.speakers[isLower ? 0 : 1])) {
      conversation.isMixed = (segment.flags & FLAG.ACK) !== 0;
      conversation.speakers = newSpeakers(segment, isLower);
    }
    const [speaker, other] = isLower ? conversation.speakers : [...conversation.speakers].reverse();
    if ((segment.flags & FLAG.SYN) !== 0) noteSyn(speaker, segment);
    if (conversation.isMixed || !speaker.hasSyn) return;
    const complain = (what: string) => {
      throw new SimulationFailure(`${speaker.name} ${what}: ${describe(segment, speaker, other)}`);
    };
    if (segment.optionsMalformed) complain("sent malformed options");
    this.#judgeSequence(segment, { speaker, other, complain });
    if ((segment.flags & FLAG.ACK) !== 0) judgeAcknowledgment(segment, { speaker, other, complain });
    if (segment.hasTimestamps) judgeTimestamps(segment, { speaker, other, complain });
  }

  #judgeSequence(segment: TcpSegment, parties: Parties): void {
    const { speaker, other, complain } = parties;
    const { seq, flags, payloadLength } = segment;
    const dataSeq = (flags & FLAG.SYN) !== 0 ? (seq + 1) >>> 0 : seq;
    const dataEnd = (dataSeq + payloadLength) >>> 0;
    if (isAfter(seq, speaker.end)) complain("left a hole in what it sends");
    if (payloadLength > 0) {
      const salt = this.#options.saltOf(segment.sourcePort, segment.destinationPort);
      const position = distance(dataSeq, speaker.iss) - 1;
      const from = segment.payloadOffset;
      if (salt !== null && findDifference(salt, position, segment.buffer, from, from + payloadLength) >= 0) {
        complain("sent a byte that is not its stream's");
      }
      // Only a probe of a shut window, one byte, may lie beyond it (RFC 9293 §3.8.6.1).
      const beyond = other.hasSyn ? distance(dataEnd, other.rightEdge) : 0;
      if (beyond > 1 || (beyond === 1 && payloadLength > 1)) complain("sent beyond the window");
      if (speaker.finSeq !== null && isAfter(dataEnd, speaker.finSeq)) complain("sent data after its FIN");
    }
    let end = dataEnd;
    if ((flags & FLAG.FIN) !== 0) {
      if (speaker.finSeq !== null && speaker.finSeq !== dataEnd) complain("sent another FIN than before");
      if (isAfter(speaker.end, (dataEnd + 1) >>> 0)) complain("sent a FIN before the end of its data");
      speaker.finSeq = dataEnd;
      end = (dataEnd + 1) >>> 0;
    }
    if (isAfter(end, speaker.end)) speaker.end = end;
  }
}

interface Parties {
  readonly speaker: Speaker;
  readonly other: Speaker;
  readonly complain: (what: string) => void;
}

function newSpeakers(
  { sourcePort, destinationPort }: TcpSegment,
  isLower: boolean,
): readonly [Speaker, Speaker] {
  const [low, high] = isLower ? [sourcePort, destinationPort] : [destinationPort, sourcePort];
  return [newSpeaker(`${low}>${high}`), newSpeaker(`${high}>${low}`)];
}

/** The first SYN of a new connection between the same ports. */
function isAnotherSyn(segment: TcpSegment, speaker: Speaker): boolean {
  return (segment.flags & FLAG.SYN) !== 0 && speaker.hasSyn && speaker.iss !== segment.seq;
}

function newSpeaker(name: string): Speaker {
  return {
    name,
    iss: 0,
    hasSyn: false,
    end: 0,
    finSeq: null,
    ack: null,
    rightEdge: 0,
    shift: 0,
    offersScaling: false,
    timestamp: null,
  };
}

function noteSyn(speaker: Speaker, segment: TcpSegment): void {
  if (speaker.hasSyn) return;
  speaker.hasSyn = true;
  speaker.iss = segment.seq;
  speaker.end = (segment.seq + 1) >>> 0;
  speaker.offersScaling = segment.windowScale >= 0;
  speaker.shift = Math.max(0, Math.min(14, segment.windowScale));
}

function judgeAcknowledgment(segment: TcpSegment, { speaker, other, complain }: Parties): void {
  const { ack, flags } = segment;
  if (!other.hasSyn) return complain("acknowledged somebody who never spoke");
  if (isAfter(ack, other.end)) complain("acknowledged what was never sent");
  if (speaker.ack !== null && isAfter(speaker.ack, ack)) complain("took an acknowledgment back");
  speaker.ack = ack;
  // RFC 7323 §2.2: the window of a SYN is never scaled.
  const isScaled = (flags & FLAG.SYN) === 0 && speaker.offersScaling && other.offersScaling;
  const edge = (ack + segment.window * (isScaled ? 2 ** speaker.shift : 1)) >>> 0;
  if (isAfter(edge, speaker.rightEdge) || speaker.rightEdge === 0) speaker.rightEdge = edge;
  for (let i = 0; i < segment.sackBlockCount; i++) {
    const left = segment.sackBlocks[2 * i];
    const right = segment.sackBlocks[2 * i + 1];
    if (!isAfter(right, left) || isAfter(right, other.end)) {
      complain("selectively acknowledged what was never sent");
    }
    // Only the first block may lie below the ACK, as D-SACK (RFC 2883 §4).
    if (!isAfter(right, ack) && i > 0) complain("reports in a later SACK block what its ACK covers");
  }
}

function judgeTimestamps(segment: TcpSegment, { speaker, other, complain }: Parties): void {
  const { tsValue, tsEcho, flags } = segment;
  if (speaker.timestamp !== null && isAfter(speaker.timestamp, tsValue)) {
    complain("turned its timestamps back");
  }
  speaker.timestamp = tsValue;
  if ((flags & FLAG.ACK) !== 0 && other.timestamp !== null && isAfter(tsEcho, other.timestamp)) {
    complain("echoes a timestamp that was never sent");
  }
}

function describe(segment: TcpSegment, speaker: Speaker, other: Speaker): string {
  const flags = flagNames(segment.flags).join(",");
  const relative = (seq: number, base: Speaker) => distance(seq, base.iss);
  return `${flags} seq ${relative(segment.seq, speaker)} length ${segment.payloadLength} ack ` +
    `${relative(segment.ack, other)} window ${segment.window}; sent up to ${
      relative(speaker.end, speaker)
    }, ` +
    `the other up to ${relative(other.end, other)} with right edge ${relative(other.rightEdge, speaker)}`;
}
