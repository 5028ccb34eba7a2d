/**
 * IpOutput: packets that belong to no connection, on their way out: echo, ICMP, neighbor and router discovery, group reports.
 *
 * Owns: the headers around a payload, the station that it is given to, and that it is cut where the link carries less. Must
 * not know: what is sent, or why. Segments of connections go another way (segment_writer.ts), which nothing here may slow.
 */
import { isMulticastAddress } from "../wire/address.ts";
import { multicastMac } from "../wire/derived_address.ts";
import { emitEthernet } from "../wire/ethernet.ts";
import { addressSum, emitIp, etherTypeOf, pseudoSum, ROUTER_ALERT_BYTES } from "../wire/ip.ts";
import { type FragmentIds, fragments } from "./fragmenter.ts";
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

/** What packets are sent with. */
interface IpOutputOptions {
  /** Our hardware address. */
  readonly mac: Uint8Array;
  /** The VLAN of all that is sent, or `LAN.UNTAGGED`. */
  readonly lan: number;
  /** Of packets that do not say their own. */
  hopLimit(addressBytes: number): number;
  readonly cache: NeighborCache;
  readonly ids: FragmentIds;
  /** The largest packet that goes there. */
  mtuTo(destination: Uint8Array): number;
  /** By way of whom a packet goes; null where there is no way. */
  nextHop(destination: Uint8Array): Uint8Array | null;
  transmit(frame: Uint8Array, length: number): void;
  count(name: string): void;
}

const UNKNOWN_MAC: Uint8Array = new Uint8Array(6);
/** Ethernet's header with a tag, IPv6's, and hop-by-hop options. */
const HEADERS_BYTES = 18 + 40 + ROUTER_ALERT_BYTES;
const LONGEST_PACKET = 0xffff;
/** Local choice: most packets are small; the buffer grows to what is asked for. */
const USUAL_BYTES = 2048;

/** The way out of one host for what belongs to no connection. */
export class IpOutput implements PacketSender {
  readonly #options: IpOutputOptions;
  #frame = new Uint8Array(USUAL_BYTES);

  constructor(options: IpOutputOptions) {
    this.#options = options;
  }

  send(packet: OutgoingPacket): void {
    const { mtuTo, count, ids } = this.#options;
    const { source, destination, protocol, payloadLength, routerAlert = false } = packet;
    const needed = HEADERS_BYTES + payloadLength;
    if (needed > this.#frame.length) this.#frame = new Uint8Array(needed + USUAL_BYTES);
    const frame = this.#frame;
    const ipOffset = this.#writeEthernet(packet);
    const payloadOffset = this.#writeIp(ipOffset, packet);
    packet.write(frame, payloadOffset, pseudoSum(addressSum(source, destination), protocol, payloadLength));
    const length = payloadOffset + payloadLength;
    const mtu = mtuTo(destination);
    if (length - ipOffset <= mtu) {
      this.#leave(packet, frame, length);
      return;
    }
    const headerBytes = payloadOffset - ipOffset;
    // What may not be cut is not sent, nor what is too long for any packet.
    const canCut = !routerAlert && packet.dontFragment !== true && length - ipOffset <= LONGEST_PACKET;
    const id = canCut ? ids.next(source, destination) : 0;
    const parts = canCut
      ? fragments(frame, { ipOffset, headerBytes, payloadLength, mtu, id }, (part, partLength) => {
        this.#leave(packet, part, partLength);
      })
      : 0;
    if (parts > 0) count("packets-fragmented");
    else count("packets-too-long");
  }

  #writeEthernet({ destination, mac }: OutgoingPacket): number {
    const to = mac ?? (isMulticastAddress(destination) ? multicastMac(destination) : UNKNOWN_MAC);
    const { lan: vlan, mac: source } = this.#options;
    return emitEthernet(this.#frame, {
      destination: to,
      source,
      type: etherTypeOf(destination.length),
      vlan,
    });
  }

  /** Writes the headers; returns where the payload goes. */
  #writeIp(ipOffset: number, packet: OutgoingPacket): number {
    const { source, destination, protocol, payloadLength, routerAlert = false } = packet;
    const { id = 0, dontFragment = false, dscp = 0 } = packet;
    const hopLimit = packet.hopLimit ?? this.#options.hopLimit(source.length);
    const fields = {
      source,
      destination,
      protocol,
      payloadLength,
      hopLimit,
      id,
      dontFragment,
      dscp,
      routerAlert,
    };
    return ipOffset + emitIp(this.#frame, ipOffset, fields);
  }

  /** To the station that is known, to a group, or to whom the cache knows or asks for. */
  #leave({ destination, source, mac }: OutgoingPacket, frame: Uint8Array, length: number): void {
    const { transmit, nextHop, cache, count } = this.#options;
    if (mac !== undefined || isMulticastAddress(destination)) {
      transmit(frame, length);
      return;
    }
    const hop = nextHop(destination);
    if (hop === null) {
      count("packets-without-route");
      return;
    }
    const neighbor = cache.entry(hop, source);
    if (neighbor.mac === null) {
      // One packet waits for each neighbor that no connection waits for (RFC 1122 §2.3.2.2).
      cache.hold(neighbor, { holder: neighbor, frame, length });
      return;
    }
    frame.set(neighbor.mac, 0);
    transmit(frame, length);
    cache.sendingAgain(neighbor);
  }
}
