/**
 * ArpOutput: ARP packets on their way out (RFC 826, RFC 5227).
 *
 * Owns: the frames of questions, answers, probes and announcements. Must not know: when one is due.
 */
import { BROADCAST_MAC } from "../wire/address.ts";
import { ARP_OPERATION, ArpPacket, emitArp } from "../wire/arp.ts";
import { emitEthernet, ETHERTYPE } from "../wire/ethernet.ts";
import type { ClaimProtocol } from "./address_claims.ts";
import type { Neighbor } from "./neighbor.ts";
import type { NeighborProtocol } from "./neighbor_cache.ts";

const UNSPECIFIED = new Uint8Array(4);
const NO_MAC = new Uint8Array(6);
/** Ethernet's shortest frame without its checksum. */
const SHORTEST_FRAME_BYTES = 60;

/** What ARP needs of the host to speak. */
interface ArpOutputOptions {
  readonly mac: Uint8Array;
  /** The VLAN of all that is sent, or `LAN.UNTAGGED`. */
  readonly lan: number;
  transmit(frame: Uint8Array, length: number): void;
  /** Hears of each packet before it leaves; it is used again afterwards. */
  tell(packet: ArpPacket): void;
}

/** Speaks ARP for one hardware address. */
export class ArpOutput implements NeighborProtocol, ClaimProtocol {
  readonly #options: ArpOutputOptions;
  readonly #packet = new ArpPacket();
  readonly #frame = new Uint8Array(SHORTEST_FRAME_BYTES + 4);

  constructor(options: ArpOutputOptions) {
    this.#options = options;
  }

  /** RFC 1122 §2.3.2.1: a poll of the one who has answered before, or a question to all. */
  ask(neighbor: Neighbor, mac: Uint8Array | null): void {
    if (neighbor.address === null) return;
    this.#send({
      operation: ARP_OPERATION.REQUEST,
      senderIp: neighbor.source,
      targetIp: neighbor.address,
      targetMac: NO_MAC,
      destination: mac ?? BROADCAST_MAC,
    });
  }

  /** Tells the sender of `request` that what it asks for is ours. */
  answer(request: ArpPacket): void {
    this.#send({
      operation: ARP_OPERATION.REPLY,
      senderIp: request.targetIp.slice(),
      targetIp: request.senderIp,
      targetMac: request.senderMac,
      destination: request.senderMac,
    });
  }

  /** RFC 5227 §2.3: a request for an address from itself. */
  announce(address: Uint8Array): void {
    this.#send({
      operation: ARP_OPERATION.REQUEST,
      senderIp: address,
      targetIp: address,
      targetMac: NO_MAC,
      destination: BROADCAST_MAC,
    });
  }

  /** RFC 5227 §2.1.1: a request from nobody, so that no cache learns from it. */
  probe(address: Uint8Array): void {
    this.#send({
      operation: ARP_OPERATION.REQUEST,
      senderIp: UNSPECIFIED,
      targetIp: address,
      targetMac: NO_MAC,
      destination: BROADCAST_MAC,
    });
  }

  #send(arp: {
    operation: number;
    senderIp: Uint8Array;
    targetIp: Uint8Array;
    targetMac: Uint8Array;
    destination: Uint8Array;
  }): void {
    const packet = this.#packet;
    const { mac, lan } = this.#options;
    packet.operation = arp.operation;
    packet.senderMac.set(mac);
    packet.senderIp.set(arp.senderIp);
    packet.targetMac.set(arp.targetMac);
    packet.targetIp.set(arp.targetIp);
    this.#options.tell(packet);
    const frame = this.#frame;
    frame.fill(0);
    const header = emitEthernet(frame, {
      destination: arp.destination,
      source: mac,
      type: ETHERTYPE.ARP,
      vlan: lan,
    });
    const length = header + emitArp(frame, header, packet);
    this.#options.transmit(frame, length < SHORTEST_FRAME_BYTES ? SHORTEST_FRAME_BYTES : length);
  }
}
