/**
 * Messages of routers and queriers written by hand, and what is sent in answer, byte by byte.
 *
 * Owns: building ICMPv6 in IPv6 from the numbers of the RFCs, handing it to a part of a host as its input does, and showing
 * packets as text. Must not know: what an answer should be. RFC 8200 §3, RFC 2711, RFC 4861 §4.2 and §4.6, RFC 3810 §5.1.
 */
import { assertEquals } from "@std/assert";
import type { OutgoingPacket, PacketSender } from "../../src/host/ip_output.ts";
import { formatIpAddress, parseIpAddress } from "../../src/wire/address.ts";
import type { DropReason } from "../../src/wire/drop_reason.ts";
import { IcmpMessage } from "../../src/wire/icmp.ts";
import { parseIcmpv6 } from "../../src/wire/icmpv6.ts";
import { IpPacket, parseIp, pseudoSum } from "../../src/wire/ip.ts";
import { four, hex, internetSum, two } from "./hand_frames.ts";

export const SECOND_US = 1_000_000;
export const OUR_MAC: Uint8Array = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
/** RFC 2464 §5, from {@link OUR_MAC}. */
export const OUR_LINK_LOCAL = "fe80::ff:fe00:1";

/** The 16 bytes of an IPv6 address. */
export function ip6(text: string): Uint8Array {
  const address = parseIpAddress(text);
  if (address === null || address.length !== 16) throw new Error(`${text} is no IPv6 address`);
  return address;
}

/** What is said of an advertisement; numbers that are absent are 0. */
export interface HandAdvertisement {
  readonly hopLimit?: number;
  /** M 0x80, O 0x40, the preference 0x18. */
  readonly flags?: number;
  readonly lifetime?: number;
  readonly reachable?: number;
  readonly retrans?: number;
  readonly mac?: readonly number[];
  readonly mtu?: number;
  readonly prefixes?: readonly HandPrefix[];
}

export interface HandPrefix {
  readonly prefix: string;
  readonly length?: number;
  /** L 0x80, A 0x40. */
  readonly flags?: number;
  readonly valid: number;
  readonly preferred?: number;
}

/** A router advertisement (RFC 4861 §4.2). */
export function advertisement(fields: HandAdvertisement): Uint8Array {
  const { mac, mtu, prefixes = [] } = fields;
  return Uint8Array.from([
    ...[134, 0, 0, 0, fields.hopLimit ?? 0, fields.flags ?? 0, ...two(fields.lifetime ?? 0)],
    ...four(fields.reachable ?? 0),
    ...four(fields.retrans ?? 0),
    ...(mac === undefined ? [] : [1, 1, ...mac]),
    ...(mtu === undefined ? [] : [5, 1, 0, 0, ...four(mtu)]),
    ...prefixes.flatMap(({ prefix, length = 64, flags = 0xc0, valid, preferred = valid }) => [
      ...[3, 4, length, flags, ...four(valid), ...four(preferred), 0, 0, 0, 0],
      ...ip6(prefix),
    ]),
  ]);
}

/** A query of version 2 (RFC 3810 §5.1), or of version 1, which ends behind the group (RFC 2710 §3). */
export function query(
  fields: { version?: 1 | 2; code: number; group?: string; sources?: readonly string[] },
): Uint8Array {
  const { version = 2, code, group = "::", sources = [] } = fields;
  const first = [130, 0, 0, 0, ...two(code), 0, 0, ...ip6(group)];
  if (version === 1) return Uint8Array.from(first);
  return Uint8Array.from([
    ...first,
    ...[0x02, 125, ...two(sources.length)],
    ...sources.flatMap((source) => [...ip6(source)]),
  ]);
}

/** How a message comes. */
export interface HandPacket {
  readonly from: string;
  readonly to?: string;
  readonly hopLimit?: number;
  readonly routerAlert?: boolean;
}

/** What takes a message. */
type Takes = (frame: Uint8Array, packet: IpPacket, message: IcmpMessage) => DropReason | null;

/** Gives a part of a host an ICMPv6 message, whose checksum is filled in here; returns why it was dropped. */
export function give(takes: Takes, message: Uint8Array, about: HandPacket): DropReason | null {
  const { from, to = "ff02::1", hopLimit = 255, routerAlert = false } = about;
  const bytes = message.slice();
  const pseudo = [...ip6(from), ...ip6(to), ...four(bytes.length), 0, 0, 0, 58];
  bytes.set(two(internetSum(Uint8Array.from([...pseudo, ...bytes]))), 2);
  // RFC 2711 §2.1: option 5 of length 2, value 0; padded with PadN.
  const alert = routerAlert ? [58, 0, 5, 2, 0, 0, 1, 0] : [];
  const frame = Uint8Array.from([
    ...[0x60, 0, 0, 0, ...two(alert.length + bytes.length), routerAlert ? 0 : 58, hopLimit],
    ...ip6(from),
    ...ip6(to),
    ...alert,
    ...bytes,
  ]);
  const packet = new IpPacket();
  assertEquals(parseIp(0x86dd, frame, 0, frame.length, packet), null);
  const { payloadOffset, payloadLength } = packet;
  const parsed = new IcmpMessage();
  const sum = pseudoSum(packet.addressSum, packet.protocol, payloadLength);
  assertEquals(parseIcmpv6(frame, payloadOffset, payloadLength, sum, parsed), null);
  const reason = takes(frame, packet, parsed);
  // Frames are valid only while they are taken: whoever kept a view of this one shows it.
  frame.fill(0xee);
  return reason;
}

/** Keeps what is sent, each packet as text: source, destination, hop limit, alert, and the message without its checksum. */
export class SentPackets implements PacketSender {
  readonly #sent: string[] = [];

  send(packet: OutgoingPacket): void {
    const { source, destination, payloadLength, protocol, hopLimit, routerAlert = false } = packet;
    assertEquals(protocol, 58);
    const frame = new Uint8Array(payloadLength + 20).fill(0xaa);
    const pseudo = Uint8Array.from([...source, ...destination, ...four(payloadLength), 0, 0, 0, 58]);
    packet.write(frame, 10, ~internetSum(pseudo) & 0xffff);
    const message = frame.slice(10, 10 + payloadLength);
    assertEquals(internetSum(Uint8Array.from([...pseudo, ...message])), 0, "checksum");
    const outside = [...frame.subarray(0, 10), ...frame.subarray(10 + payloadLength)];
    assertEquals(outside, Array(20).fill(0xaa));
    message.fill(0, 2, 4);
    const alert = routerAlert ? " alert" : "";
    this.#sent.push(
      `${formatIpAddress(source)} > ${formatIpAddress(destination)} hops ${hopLimit}${alert}: ${
        hex(message)
      }`,
    );
  }

  /** What was sent since this was called last. */
  take(): string[] {
    return this.#sent.splice(0);
  }
}

/** Counts by name. */
export class Counts {
  #counts: Record<string, number> = {};

  readonly count = (name: string): void => {
    this.#counts[name] = (this.#counts[name] ?? 0) + 1;
  };

  /** What was counted since this was called last. */
  take(): Record<string, number> {
    const counts = this.#counts;
    this.#counts = {};
    return counts;
  }
}
