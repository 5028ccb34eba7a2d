/**
 * Frames of ICMPv6 for tests: a packet around a message that is already written, with a right checksum.
 *
 * Owns: writing it. Must not know: what a message holds.
 */
import { assert, assertEquals } from "@std/assert";
import { parseIpAddress } from "../../src/wire/address.ts";
import { pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { emitIcmpv6, parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import { IcmpMessage } from "../../src/wire/icmp.ts";
import { emitIpv6, IPV6, parseIpv6 } from "../../src/wire/ipv6.ts";
import { IP_PROTOCOL, IpPacket } from "../../src/wire/ip_packet.ts";

/** The address that a test wrote down, which must be one. */
export function ip(text: string): Uint8Array {
  const value = parseIpAddress(text);
  assert(value !== null, text);
  return value;
}

/** A packet and its message, read. */
export interface ReadMessage {
  readonly frame: Uint8Array;
  readonly packet: IpPacket;
  readonly message: IcmpMessage;
}

/** Who sends what to whom. */
interface MessageFields {
  readonly source: string;
  readonly destination: string;
  readonly hopLimit?: number;
  readonly routerAlert?: boolean;
  readonly type: number;
  readonly code?: number;
  readonly restOfHeader?: number;
  readonly payload: readonly number[];
}

/** The packet with this message, and what the parsers of IP and ICMPv6 make of it. */
export function messageOf(fields: MessageFields): ReadMessage {
  const { type, code = 0, restOfHeader = 0, payload, hopLimit = 255, routerAlert = false } = fields;
  const payloadLength = payload.length;
  const frame = new Uint8Array(IPV6.HEADER_BYTES + 8 + 8 + payloadLength);
  const addresses = { source: ip(fields.source), destination: ip(fields.destination) };
  const at = emitIpv6(frame, 0, {
    ...addresses,
    protocol: IP_PROTOCOL.ICMPV6,
    payloadLength: 8 + payloadLength,
    hopLimit,
    routerAlert,
  });
  frame.set(payload, at + 8);
  const sum = pseudoHeaderSum(frame, IPV6.SOURCE, 16, IP_PROTOCOL.ICMPV6, 8 + payloadLength);
  emitIcmpv6(frame, at, { type, code, restOfHeader, payloadLength }, sum);
  return readMessage(frame.subarray(0, at + 8 + payloadLength));
}

/** What the parsers make of a packet that must be right. */
export function readMessage(frame: Uint8Array): ReadMessage {
  const packet = new IpPacket();
  const message = new IcmpMessage();
  assertEquals(parseIpv6(frame, 0, frame.length, packet), null);
  const { payloadOffset, payloadLength } = packet;
  const sum = pseudoHeaderSum(frame, packet.sourceOffset, 16, IP_PROTOCOL.ICMPV6, payloadLength);
  assertEquals(parseIcmpv6(frame, payloadOffset, payloadLength, sum, message), null);
  return { frame, packet, message };
}
