/**
 * A connection of the peer to port 80 of a host, opened by hand, and routers that complain about its segments.
 *
 * Owns: the handshake and the numbers that it settles, the packets that ICMP errors quote. Must not know: what the
 * host makes of an error.
 */
import { assertEquals } from "@std/assert";
import type { HostConnection } from "../../src/host/api.ts";
import { ethernet, type HandIcmp, type HandIp, icmp, ipv4, tcp, two } from "./hand_frames.ts";
import { OUR_IP, OUR_MAC, PEER_IP, ROUTER_MAC, segmentFrame, type WireHost } from "./wire_host.ts";

const SYN = 2;
const ACK = 16;
const PEER_ISS = 1000;

/** A 32-bit number in network order. */
export function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** Sequence number and IP total length of a TCP frame without VLAN tag. */
export function seqAndLength(frame: Uint8Array): { seq: number; packetBytes: number } {
  return { seq: u32(frame, 38), packetBytes: (frame[16] << 8) | frame[17] };
}

export interface Opening {
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
  const options = [2, 4, ...two(opening.mss ?? 1460), ...(opening.options ?? [])];
  const [synAck] = wire.gives(segmentFrame({ seq: PEER_ISS, flags: SYN, options }));
  const iss = u32(synAck, 38);
  wire.answers(
    segmentFrame({ seq: PEER_ISS + 1, ack: iss + 1, flags: ACK, options: opening.options ?? [] }),
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
    /** IP total length of the packet that is quoted. */
    readonly packetBytes?: number;
  };
  /** How much of it is quoted: the header and eight bytes, when absent. */
  readonly quotedBytes?: number;
  /** Who complains, from which hardware address. */
  readonly from?: string;
  readonly to?: string;
}

/** The packet of the host that an error quotes, whole. */
export function quotedPacket(about: Complaint["quoted"]): Uint8Array {
  const { packetBytes = 1500, ...quoted } = about;
  const addresses = { source: quoted.source ?? OUR_IP, target: quoted.target ?? PEER_IP };
  const segment = tcp({ ...quoted, ...addresses, flags: ACK }, new Uint8Array(packetBytes - 40));
  return ipv4({ protocol: 6, id: 99, dontFragment: true, ...quoted, ...addresses }, segment);
}

/** The frame of a router, which says something about the beginning of a packet. */
export function routerSays(header: HandIcmp, quoted: Uint8Array, way: { from?: string; to?: string } = {}) {
  const { from: source = "10.0.0.254", to: target = OUR_IP } = way;
  const packet = ipv4({ source, target, protocol: 1 }, icmp(header, quoted));
  return ethernet({ to: OUR_MAC, from: ROUTER_MAC }, packet);
}

/** The frame of a router, which complains about a segment of the host. */
export function complaint(about: Complaint): Uint8Array {
  const { from, to } = about;
  const way = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  return routerSays(about, quotedPacket(about.quoted).subarray(0, about.quotedBytes ?? 28), way);
}
