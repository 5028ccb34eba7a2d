/**
 * A host that only asks who has an address (RFC 5227 §2.1.1, RFC 4862 §5.4.2): it has none itself, and answers nothing.
 *
 * Owns: frames to ARP and NDP, and back. Must not know: routes, TCP; so that it is loaded and at work long before the whole
 * host is.
 */
import type { FrameLink } from "../link/link.ts";
import { isMulticastMac, isStationMac, sameAddress } from "../wire/address.ts";
import { ArpPacket, parseArp } from "../wire/arp.ts";
import { emitEthernet, ETHERNET, EthernetHeader, ETHERTYPE, LAN, parseEthernet } from "../wire/ethernet.ts";
import { IcmpMessage } from "../wire/icmp.ts";
import { multicastMac } from "../wire/derived_address.ts";
import { ICMPV6_TYPE, parseIcmpv6 } from "../wire/icmpv6.ts";
import { addressSum, emitIp, IP_PROTOCOL, IpPacket, parseIp, pseudoSum } from "../wire/ip.ts";
import { NEIGHBOR_HOP_LIMIT } from "../wire/neighbor_discovery.ts";
import type { HostApi } from "./api.ts";
import { AddressClaims, type AddressWord } from "./address_claims.ts";
import { arpClaim } from "./arp_input.ts";
import { ArpOutput } from "./arp_output.ts";
import type { OutgoingPacket } from "./ip_output.ts";
import { neighborClaim, readNeighbor } from "./ndp_input.ts";
import { NdpOutput } from "./ndp_output.ts";

const IPV4_BYTES = 4;
/** Headers of Ethernet with a tag and of IPv6, and a solicitation. */
const LONGEST_FRAME_BYTES = 18 + 40 + 32;

/** Asks over one link. */
export class AddressProber implements Pick<HostApi, "ingest" | "setNow" | "probe"> {
  readonly #link: Pick<FrameLink, "mac" | "send">;
  readonly #claims: AddressClaims;
  readonly #ethernet = new EthernetHeader();
  readonly #arp = new ArpPacket();
  readonly #ip = new IpPacket();
  readonly #message = new IcmpMessage();
  readonly #frame = new Uint8Array(LONGEST_FRAME_BYTES);
  readonly #lan: number;
  nowUs = 0;

  /** `vlan`: the one in which is asked; absent: none. */
  constructor(link: Pick<FrameLink, "mac" | "send">, vlan?: number) {
    this.#link = link;
    this.#lan = vlan ?? LAN.UNTAGGED;
    const tell = () => {};
    const { mac } = link;
    const transmit = (frame: Uint8Array, length: number) => link.send(frame, length);
    const arp = new ArpOutput({ mac, lan: this.#lan, transmit, tell });
    const ndp = new NdpOutput({ mac, tell, sender: { send: (packet) => this.#send(packet) } });
    this.#claims = new AddressClaims({
      clock: this,
      protocolOf: (addressBytes) => addressBytes === IPV4_BYTES ? arp : ndp,
      conflict: () => {},
      count: () => {},
    });
  }

  ingest(frame: Uint8Array, length: number, nowUs: number): void {
    this.nowUs = nowUs;
    const ethernet = this.#ethernet;
    if (parseEthernet(frame, length, ethernet) !== null || ethernet.lan !== this.#lan) return;
    const word = this.#read(frame, length);
    if (word === null || !isStationMac(word.mac) || sameAddress(word.mac, this.#link.mac)) return;
    this.#claims.arrives(word);
  }

  setNow(nowUs: number): void {
    this.nowUs = nowUs;
  }

  probe(address: Uint8Array, found: (mac: Uint8Array) => void): () => void {
    return this.#claims.probe(address, found);
  }

  /** What the frame says about an address, if anything. */
  #read(frame: Uint8Array, length: number): AddressWord | null {
    const { type, payloadOffset } = this.#ethernet;
    if (type === ETHERTYPE.ARP) {
      if (parseArp(frame, payloadOffset, length - payloadOffset, this.#arp) !== null) return null;
      return arpClaim(this.#arp, { isBroadcast: isMulticastMac(frame, ETHERNET.DESTINATION) });
    }
    const ip = this.#ip;
    if (type !== ETHERTYPE.IPV6) return null;
    if (parseIp(type, frame, payloadOffset, length - payloadOffset, ip) !== null) return null;
    if (ip.protocol !== IP_PROTOCOL.ICMPV6 || ip.isFragment) return null;
    const pseudo = pseudoSum(ip.addressSum, IP_PROTOCOL.ICMPV6, ip.payloadLength);
    const message = this.#message;
    if (parseIcmpv6(frame, ip.payloadOffset, ip.payloadLength, pseudo, message) !== null) return null;
    const { type: kind } = message;
    if (kind !== ICMPV6_TYPE.NEIGHBOR_SOLICITATION && kind !== ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT) {
      return null;
    }
    const heard = readNeighbor(frame, ip, message);
    return typeof heard === "string" ? null : neighborClaim(heard);
  }

  /** A probe goes to a group, whose hardware address tells itself. */
  #send(packet: OutgoingPacket): void {
    const { source, destination, protocol, payloadLength, hopLimit = NEIGHBOR_HOP_LIMIT } = packet;
    const frame = this.#frame;
    const at = emitEthernet(frame, {
      destination: multicastMac(destination),
      source: this.#link.mac,
      type: ETHERTYPE.IPV6,
      vlan: this.#lan,
    });
    const addresses = addressSum(source, destination);
    const payload = at +
      emitIp(frame, at, {
        source,
        destination,
        protocol,
        payloadLength,
        hopLimit,
        id: 0,
        addressSum: addresses,
      });
    packet.write(frame, payload, pseudoSum(addresses, protocol, payloadLength));
    this.#link.send(frame, payload + payloadLength);
  }
}
