/**
 * A connection of the peer to port 80 of a host, opened by hand, and routers that complain about its segments.
 *
 * Owns: the handshake and the numbers that it settles, the packets that ICMP errors quote. Must not know: what the
 * host makes of an error.
 */
import { assertEquals } from "@std/assert";
import type { HostConnection } from "../../src/host/api.ts";
import { ethernet, type HandIcmp, type HandIp, icmp, tcp, two } from "./hand_frames.ts";
import { icmpv6 } from "./hand_ipv6.ts";
import { familyOfText, segmentOf, tcpOffset, WIRE_FAMILIES, type WireFamily } from "./wire_families.ts";
import { OUR_MAC, ROUTER_MAC, type WireHost } from "./wire_host.ts";

const SYN = 2;
const ACK = 16;
const PEER_ISS = 1000;

/** A 32-bit number in network order. */
export function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** The sequence number of a TCP frame. */
export function seqOf(frame: Uint8Array): number {
  return u32(frame, tcpOffset(frame) + 4);
}

/** Sequence number of a TCP frame without VLAN tag, and the bytes of its packet, the IP header's among them. */
export function seqAndLength(frame: Uint8Array): { seq: number; packetBytes: number } {
  const lengthAt = frame[14] >>> 4 === 4 ? 16 : 18;
  const [, { ipBytes }] = WIRE_FAMILIES;
  const length = (frame[lengthAt] << 8) | frame[lengthAt + 1];
  return { seq: seqOf(frame), packetBytes: lengthAt === 16 ? length : length + ipBytes };
}

export interface Opening {
  /** IPv4 when absent. */
  readonly family?: WireFamily;
  /** What a link of 1,500 bytes carries, when absent. */
  readonly mss?: number;
  /** Timestamps, for instance: behind the MSS of the SYN, and in the ACK. */
  readonly options?: readonly number[];
  readonly advice?: string[];
}

/** An established connection: the host's next number is `iss + 1`, the peer's 1001. */
export function opened(wire: WireHost, opening: Opening = {}): { connection: HostConnection; iss: number } {
  wire.user((host) =>
    host.listen({
      port: 80,
      accept: () => ({ onAdvice: (_connection, advice) => opening.advice?.push(advice) }),
    })
  );
  const { family = WIRE_FAMILIES[0], mss = 1480 - family.ipBytes } = opening;
  const options = [2, 4, ...two(mss), ...(opening.options ?? [])];
  const [synAck] = wire.gives(segmentOf(family, { seq: PEER_ISS, flags: SYN, options }));
  const iss = seqOf(synAck);
  wire.answers(
    segmentOf(family, { seq: PEER_ISS + 1, ack: iss + 1, flags: ACK, options: opening.options ?? [] }),
  );
  const [connection] = wire.host.connections();
  assertEquals(connection.state, "ESTABLISHED");
  return { connection, iss };
}

export interface Complaint extends HandIcmp {
  /** What the quoted packet says of itself. */
  readonly quoted: Partial<HandIp> & {
    readonly sourcePort: number;
    readonly targetPort: number;
    readonly seq: number;
    /** Bytes of the packet that is quoted, the IP header's among them. */
    readonly packetBytes?: number;
  };
  /** How much of it is quoted: the header and eight bytes, when absent. */
  readonly quotedBytes?: number;
  /** Who complains, from which hardware address. */
  readonly from?: string;
  readonly to?: string;
}

/** The packet of the host that an error quotes, whole; IPv4's where no address says otherwise. */
export function quotedPacket(about: Complaint["quoted"]): Uint8Array {
  const { packetBytes = 1500, ...quoted } = about;
  const { us, peer, ipBytes, packet } = familyOfText(quoted.source ?? quoted.target ?? "");
  const addresses = { source: quoted.source ?? us, target: quoted.target ?? peer };
  const segment = tcp({ ...quoted, ...addresses, flags: ACK }, new Uint8Array(packetBytes - ipBytes - 20));
  return packet({ protocol: 6, id: 99, dontFragment: true, ...quoted, ...addresses }, segment);
}

/** The frame of a router, which says something about the beginning of a packet; over the version of its own addresses. */
export function routerSays(header: HandIcmp, quoted: Uint8Array, way: { from?: string; to?: string } = {}) {
  const family = familyOfText(way.from ?? way.to ?? "");
  const addresses = { source: way.from ?? family.router, target: way.to ?? family.us };
  const [protocol, message] = family.name === "IPv4"
    ? [1, icmp(header, quoted)]
    : [58, icmpv6(header, quoted, addresses)];
  const packet = family.packet({ ...addresses, protocol }, message);
  return ethernet({ to: OUR_MAC, from: ROUTER_MAC, type: family.type }, packet);
}

/** The frame of a router, which complains about a segment of the host: over the version of that segment. */
export function complaint(about: Complaint): Uint8Array {
  const { quoted, from, to } = about;
  const family = familyOfText(from ?? to ?? quoted.source ?? quoted.target ?? "");
  const packet = quotedPacket(quoted);
  const { ipBytes } = familyOfText(quoted.source ?? quoted.target ?? "");
  const way = { from: from ?? family.router, to: to ?? family.us };
  return routerSays(about, packet.subarray(0, about.quotedBytes ?? ipBytes + 8), way);
}
