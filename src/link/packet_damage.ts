/**
 * What a bad path does to the bytes of a packet: a flipped bit, a congestion mark.
 *
 * Owns: where in a frame such a change may fall, and what has to be put right with it. Must not know: when and how often.
 * RFC 3168 §5 (the mark), RFC 1624 (the IPv4 header's sum after it).
 */
import { readU16, writeU16 } from "../wire/bytes.ts";
import { foldSum, pseudoHeaderSum, updateChecksum } from "../wire/checksum.ts";
import { EthernetHeader, ETHERTYPE, parseEthernet } from "../wire/ethernet.ts";
import { IP_PROTOCOL, IPV4 } from "../wire/ipv4.ts";
import { ICMPV6_TYPE } from "../wire/icmpv6.ts";
import { IPV6 } from "../wire/ipv6.ts";
import { TCP, tcpChecksum } from "../wire/tcp.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** ECN codepoints (RFC 3168 §5): both "capable" ones are between these. */
const NOT_ECN_CAPABLE = 0x0;
const CONGESTION_EXPERIENCED = 0x3;
/** The two ECN bits stand lowest in IPv4's traffic class, and from bit 4 in IPv6's second byte. */
const IPV4_ECN_SHIFT = 0;
const IPV6_ECN_SHIFT = 4;

const ethernet = new EthernetHeader();

/** Whether a frame of `length` bytes, behind its tags, is one by which neighbors find each other: ARP, or neighbor discovery. */
export function isNeighborTalk(frame: Uint8Array, length: number): boolean {
  if (parseEthernet(frame, length, ethernet) !== null) return false;
  const { type, payloadOffset } = ethernet;
  if (type !== ETHERTYPE.IPV6) return type === ETHERTYPE.ARP;
  const messageOffset = payloadOffset + IPV6.HEADER_BYTES;
  if (length <= messageOffset || frame[payloadOffset + IPV6.NEXT_HEADER] !== IP_PROTOCOL.ICMPV6) return false;
  // From a router's solicitation to a redirect (RFC 4861 §4).
  const message = frame[messageOffset];
  return message >= ICMPV6_TYPE.ROUTER_SOLICITATION && message <= ICMPV6_TYPE.REDIRECT;
}

/**
 * Flips one bit of the packet in a frame of `length` bytes; padding behind it and the frame's own header stay.
 *
 * A TCP checksum that the sender left to its device is completed first, or the damage could never be found: on a real
 * wire the device would have done so.
 */
export function flipBit(frame: Uint8Array, length: number, random: SeededRandom): void {
  const choice = random.fraction();
  if (parseEthernet(frame, length, ethernet) !== null) return;
  const { payloadOffset } = ethernet;
  const end = packetEnd(frame, length);
  if (end <= payloadOffset) return;
  completeTcpChecksum(frame, end);
  const bit = Math.floor(choice * (end - payloadOffset) * 8);
  frame[payloadOffset + (bit >>> 3)] ^= 1 << (bit & 7);
}

/** Marks the packet in a frame "congestion experienced"; false when its sender does not understand that. */
export function markCongestion(frame: Uint8Array, length: number): boolean {
  if (parseEthernet(frame, length, ethernet) !== null) return false;
  const { type, payloadOffset } = ethernet;
  if (type === ETHERTYPE.IPV4 && length >= payloadOffset + IPV4.HEADER_BYTES) {
    const word = readU16(frame, payloadOffset + IPV4.VERSION_IHL);
    if (!setMark(frame, payloadOffset + IPV4.TRAFFIC_CLASS, IPV4_ECN_SHIFT)) return false;
    const sum = updateChecksum(
      readU16(frame, payloadOffset + IPV4.CHECKSUM),
      word,
      readU16(frame, payloadOffset + IPV4.VERSION_IHL),
    );
    writeU16(frame, payloadOffset + IPV4.CHECKSUM, sum);
    return true;
  }
  if (type === ETHERTYPE.IPV6 && length >= payloadOffset + IPV6.HEADER_BYTES) {
    // Version, traffic class and flow label share the first word; the class ends in the upper half of the second byte.
    return setMark(frame, payloadOffset + IPV6.VERSION_CLASS_FLOW + 1, IPV6_ECN_SHIFT);
  }
  return false;
}

function setMark(frame: Uint8Array, at: number, shift: number): boolean {
  const codepoint = (frame[at] >>> shift) & CONGESTION_EXPERIENCED;
  if (codepoint === NOT_ECN_CAPABLE) return false;
  frame[at] |= CONGESTION_EXPERIENCED << shift;
  return codepoint !== CONGESTION_EXPERIENCED;
}

/** Where the packet of the frame that was parsed last ends; its padding begins there. */
function packetEnd(frame: Uint8Array, length: number): number {
  const { type, payloadOffset } = ethernet;
  let packetBytes = 0;
  if (type === ETHERTYPE.IPV4 && length >= payloadOffset + IPV4.HEADER_BYTES) {
    packetBytes = readU16(frame, payloadOffset + IPV4.TOTAL_LENGTH);
  } else if (type === ETHERTYPE.IPV6 && length >= payloadOffset + IPV6.HEADER_BYTES) {
    packetBytes = IPV6.HEADER_BYTES + readU16(frame, payloadOffset + IPV6.PAYLOAD_LENGTH);
  }
  const end = payloadOffset + packetBytes;
  // A merged packet above 65,535 bytes says 0; a broken one says anything.
  return packetBytes > 0 && end <= length ? end : length;
}

function completeTcpChecksum(frame: Uint8Array, end: number): void {
  const { type, payloadOffset } = ethernet;
  let segment = -1;
  let addresses = 0;
  let addressBytes = 0;
  if (type === ETHERTYPE.IPV4 && frame[payloadOffset + IPV4.PROTOCOL] === IP_PROTOCOL.TCP) {
    segment = payloadOffset + ((frame[payloadOffset + IPV4.VERSION_IHL] & 0x0f) << 2);
    addresses = payloadOffset + IPV4.SOURCE;
    addressBytes = IPV4.ADDRESS_BYTES;
  } else if (type === ETHERTYPE.IPV6 && frame[payloadOffset + IPV6.NEXT_HEADER] === IP_PROTOCOL.TCP) {
    segment = payloadOffset + IPV6.HEADER_BYTES;
    addresses = payloadOffset + IPV6.SOURCE;
    addressBytes = IPV6.ADDRESS_BYTES;
  }
  const length = end - segment;
  if (segment < 0 || length < TCP.HEADER_BYTES) return;
  const pseudo = pseudoHeaderSum(frame, addresses, addressBytes, IP_PROTOCOL.TCP, length);
  if (readU16(frame, segment + TCP.CHECKSUM) !== foldSum(pseudo)) return;
  writeU16(frame, segment + TCP.CHECKSUM, tcpChecksum(frame, segment, length, pseudo));
}
