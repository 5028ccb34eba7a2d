/**
 * ARP for IPv4 over Ethernet.
 *
 * Owns: the packet. Must not know: caches, when to answer, conflict rules (host/ does).
 * Implements the packet format of RFC 826; RFC 5227 gives the probe (sender address zero) and the announcement.
 */
import { readU16, writeBytes, writeU16 } from "./bytes.ts";
import type { DropReason } from "./drop_reason.ts";
import { ETHERTYPE } from "./ethernet.ts";

/** Offsets in an ARP packet for Ethernet and IPv4, bytes. */
export const ARP = {
  HARDWARE_TYPE: 0,
  PROTOCOL_TYPE: 2,
  HARDWARE_LENGTH: 4,
  PROTOCOL_LENGTH: 5,
  OPERATION: 6,
  SENDER_MAC: 8,
  SENDER_IP: 14,
  TARGET_MAC: 18,
  TARGET_IP: 24,
  BYTES: 28,
} as const;

/** Values of the operation field. */
export const ARP_OPERATION = { REQUEST: 0x0001, REPLY: 0x0002 } as const;

const HARDWARE_ETHERNET = 0x0001;
const MAC_BYTES = 6;
const IP_BYTES = 4;

/** An ARP packet; its four addresses are copies, so the record outlives the frame. */
export class ArpPacket {
  /** {@link ARP_OPERATION}; other values are possible in what was parsed. */
  operation = 0;
  readonly senderMac: Uint8Array = new Uint8Array(MAC_BYTES);
  readonly senderIp: Uint8Array = new Uint8Array(IP_BYTES);
  readonly targetMac: Uint8Array = new Uint8Array(MAC_BYTES);
  readonly targetIp: Uint8Array = new Uint8Array(IP_BYTES);
}

/**
 * Reads the packet in the `length` bytes from `offset` into `out`. Other hardware or protocol types, other address
 * lengths and short packets are malformed; bytes behind the packet (Ethernet padding) do not matter.
 */
export function parseArp(
  bytes: Uint8Array,
  offset: number,
  length: number,
  out: ArpPacket,
): DropReason | null {
  if (
    length < ARP.BYTES ||
    readU16(bytes, offset + ARP.HARDWARE_TYPE) !== HARDWARE_ETHERNET ||
    readU16(bytes, offset + ARP.PROTOCOL_TYPE) !== ETHERTYPE.IPV4 ||
    bytes[offset + ARP.HARDWARE_LENGTH] !== MAC_BYTES ||
    bytes[offset + ARP.PROTOCOL_LENGTH] !== IP_BYTES
  ) {
    return "malformed-arp";
  }
  out.operation = readU16(bytes, offset + ARP.OPERATION);
  copyOut(bytes, offset + ARP.SENDER_MAC, out.senderMac);
  copyOut(bytes, offset + ARP.SENDER_IP, out.senderIp);
  copyOut(bytes, offset + ARP.TARGET_MAC, out.targetMac);
  copyOut(bytes, offset + ARP.TARGET_IP, out.targetIp);
  return null;
}

/** Writes `packet` at `offset`; returns its length, 28 bytes. */
export function emitArp(bytes: Uint8Array, offset: number, packet: Readonly<ArpPacket>): number {
  writeU16(bytes, offset + ARP.HARDWARE_TYPE, HARDWARE_ETHERNET);
  writeU16(bytes, offset + ARP.PROTOCOL_TYPE, ETHERTYPE.IPV4);
  bytes[offset + ARP.HARDWARE_LENGTH] = MAC_BYTES;
  bytes[offset + ARP.PROTOCOL_LENGTH] = IP_BYTES;
  writeU16(bytes, offset + ARP.OPERATION, packet.operation);
  writeBytes(bytes, offset + ARP.SENDER_MAC, packet.senderMac, MAC_BYTES);
  writeBytes(bytes, offset + ARP.SENDER_IP, packet.senderIp, IP_BYTES);
  writeBytes(bytes, offset + ARP.TARGET_MAC, packet.targetMac, MAC_BYTES);
  writeBytes(bytes, offset + ARP.TARGET_IP, packet.targetIp, IP_BYTES);
  return ARP.BYTES;
}

function copyOut(bytes: Uint8Array, offset: number, target: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = bytes[offset + i];
}
