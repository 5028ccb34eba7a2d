/**
 * IpOutput: packets that belong to no connection, on their way out: echo, ICMP, neighbor and router discovery, group reports.
 *
 * Owns: the headers around a payload, the station that it is given to, and that it is cut where the link carries less. Must
 * not know: what is sent, or why. Segments of connections go another way (segment_writer.ts), which nothing here may slow.
 */
import { isMulticastAddress } from "../wire/address.ts";
import { emitEthernet } from "../wire/ethernet.ts";
import { addressSum, emitIp, etherTypeOf, ipHeaderBytes, pseudoSum } from "../wire/ip.ts";
import { multicastMac } from "../wire/icmpv6.ts";
import type { NeighborCache } from "./neighbor_cache.ts";

/** A packet that is to leave; both addresses are of one family. */
export interface OutgoingPacket {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** One of {@link IP_PROTOCOL}. */
  readonly protocol: number;
  readonly payloadLength: number;
  /** Writes the payload at `offset` of `frame`, its checksum too; `pseudo` is the sum of the pseudo-header. */
  write(frame: Uint8Array, offset: number, pseudo: number): void;
  /** The host's when absent. */
  readonly hopLimit?: number;
  /** IPv4's identification (0), and whether DF is set (false). */
  readonly id?: number;
  readonly dontFragment?: boolean;
  readonly dscp?: number;
  /** It goes to this station; nobody is asked. */
  readonly mac?: Uint8Array;
  /** Routers are to look at it: a hop-by-hop header with the router alert option precedes (RFC 2711). */
  readonly routerAlert?: boolean;
}

/** Sends packets that belong to no connection. */
export interface PacketSender {
  send(packet: OutgoingPacket): void;
}
