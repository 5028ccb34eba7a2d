/**
 * RouterEnd: the router behind which a script's peer is, as the host's neighbours see it.
 *
 * Owns: its hardware address, and what it says: a question that makes it known (RFC 826; RFC 4861 §7.2.3), and answers for itself and
 * whoever else is asked for. Must not know: when it is asked, time.
 */
import { isUnspecified, sameAddress } from "../wire/address.ts";
import { ARP, ARP_OPERATION, ArpPacket, emitArp, parseArp } from "../wire/arp.ts";
import { emitEthernet, ETHERNET, EthernetHeader, ETHERTYPE, parseEthernet } from "../wire/ethernet.ts";
import { IcmpMessage } from "../wire/icmp.ts";
import { ICMPV6_TYPE, parseIcmpv6 } from "../wire/icmpv6.ts";
import { addressSum, IP_PROTOCOL, IpPacket, parseIp, pseudoSum } from "../wire/ip.ts";
import { IPV6 } from "../wire/ipv6.ts";
import {
  emitNeighbor,
  NEIGHBOR_FLAG,
  NEIGHBOR_HOP_LIMIT,
  neighborLength,
  NeighborMessage,
  parseNeighbor,
} from "../wire/neighbor_discovery.ts";
import { ipFrame } from "./ip_frame.ts";

/** The host's hardware address, one of the locally administered ones (IEEE 802 §8.2). */
export const HOST_MAC: Uint8Array = Uint8Array.of(0x02, 0, 0, 0, 0, 0x01);
/** The router's. */
export const ROUTER_MAC: Uint8Array = Uint8Array.of(0x02, 0, 0, 0, 0, 0x02);

/** See the file's comment. */
export class RouterEnd {
  readonly #hostAddress: Uint8Array;
  readonly #address: Uint8Array;
  readonly #isAlone: boolean;

  /** `isAlone`: there is nobody else, so that it answers for every address but the host's. */
  constructor(
    about: { readonly hostAddress: Uint8Array; readonly address: Uint8Array; readonly isAlone: boolean },
  ) {
    this.#hostAddress = about.hostAddress;
    this.#address = about.address;
    this.#isAlone = about.isAlone;
  }

  /** The question by which the host comes to know it. */
  question(): Uint8Array {
    if (this.#hostAddress.length === 4) {
      return arpFrame(ARP_OPERATION.REQUEST, {
        senderIp: this.#address,
        targetIp: this.#hostAddress,
        targetMac: new Uint8Array(ETHERNET.ADDRESS_BYTES),
      });
    }
    return neighborFrame(ICMPV6_TYPE.NEIGHBOR_SOLICITATION, {
      source: this.#address,
      destination: this.#hostAddress,
      target: this.#hostAddress,
    });
  }

  /** Null for what is no question, or one that looks for a duplicate of an address (RFC 5227 §2.1, RFC 4862 §5.4). */
  answerTo(frame: Uint8Array): Uint8Array | null {
    const header = new EthernetHeader();
    if (parseEthernet(frame, frame.length, header) !== null) return null;
    const at = header.payloadOffset;
    if (header.type === ETHERTYPE.ARP) {
      const asked = new ArpPacket();
      if (parseArp(frame, at, frame.length - at, asked) !== null) return null;
      if (asked.operation !== ARP_OPERATION.REQUEST || isUnspecified(asked.senderIp)) return null;
      if (!this.#answersFor(asked.targetIp)) return null;
      return arpFrame(ARP_OPERATION.REPLY, {
        senderIp: asked.targetIp,
        targetIp: asked.senderIp,
        targetMac: asked.senderMac,
      });
    }
    const packet = new IpPacket();
    if (parseIp(header.type, frame, at, frame.length - at, packet) !== null) return null;
    if (packet.protocol !== IP_PROTOCOL.ICMPV6) return null;
    const message = new IcmpMessage();
    const sum = pseudoSum(packet.addressSum, packet.protocol, packet.payloadLength);
    if (parseIcmpv6(frame, packet.payloadOffset, packet.payloadLength, sum, message) !== null) return null;
    if (message.type !== ICMPV6_TYPE.NEIGHBOR_SOLICITATION) return null;
    const asked = new NeighborMessage();
    if (parseNeighbor(frame, message, asked) !== null) return null;
    const source = frame.slice(packet.sourceOffset, packet.sourceOffset + IPV6.ADDRESS_BYTES);
    const target = frame.slice(asked.targetOffset, asked.targetOffset + IPV6.ADDRESS_BYTES);
    if (isUnspecified(source) || !this.#answersFor(target)) return null;
    return neighborFrame(ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT, { source: target, destination: source, target });
  }

  #answersFor(address: Uint8Array): boolean {
    return this.#isAlone ? !sameAddress(address, this.#hostAddress) : sameAddress(address, this.#address);
  }
}

/** A message of neighbour discovery of the router, to the host. */
function neighborFrame(
  type: number,
  about: { readonly source: Uint8Array; readonly destination: Uint8Array; readonly target: Uint8Array },
): Uint8Array {
  const { source, destination, target } = about;
  const length = neighborLength({ mac: ROUTER_MAC });
  const payload = new Uint8Array(length);
  const isAnswer = type === ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT;
  const flags = isAnswer
    ? (NEIGHBOR_FLAG.ROUTER | NEIGHBOR_FLAG.SOLICITED | NEIGHBOR_FLAG.OVERRIDE) >>> 0
    : 0;
  const sum = pseudoSum(addressSum(source, destination), IP_PROTOCOL.ICMPV6, length);
  emitNeighbor(payload, 0, { type, flags, target, mac: ROUTER_MAC }, sum);
  return ipFrame(payload, {
    sourceMac: ROUTER_MAC,
    destinationMac: HOST_MAC,
    source,
    destination,
    protocol: IP_PROTOCOL.ICMPV6,
    hopLimit: NEIGHBOR_HOP_LIMIT,
  });
}

/** An ARP frame of the router, to the host. */
function arpFrame(
  operation: number,
  about: { readonly senderIp: Uint8Array; readonly targetIp: Uint8Array; readonly targetMac: Uint8Array },
): Uint8Array {
  const frame = new Uint8Array(ETHERNET.HEADER_BYTES + ARP.BYTES);
  const packet = new ArpPacket();
  packet.operation = operation;
  packet.senderMac.set(ROUTER_MAC);
  packet.senderIp.set(about.senderIp);
  packet.targetMac.set(about.targetMac);
  packet.targetIp.set(about.targetIp);
  const at = emitEthernet(frame, { destination: HOST_MAC, source: ROUTER_MAC, type: ETHERTYPE.ARP });
  emitArp(frame, at, packet);
  return frame;
}
