/**
 * A host that only asks who has an address (RFC 5227 §2.1.1): it has none itself, and answers nothing.
 *
 * Owns: frames to ARP and back. Must not know: IP, TCP; so that it is loaded and at work long before the whole host is.
 */
import type { FrameLink } from "../link/link.ts";
import { isMulticastMac, isStationMac, sameAddress } from "../wire/address.ts";
import { ArpPacket, parseArp } from "../wire/arp.ts";
import { ETHERNET, EthernetHeader, ETHERTYPE, LAN, parseEthernet } from "../wire/ethernet.ts";
import type { HostApi } from "./api.ts";
import { AddressClaims } from "./address_claims.ts";
import { ArpOutput } from "./arp_output.ts";

/** Asks over one link. */
export class AddressProber implements Pick<HostApi, "ingest" | "setNow" | "probe"> {
  readonly #mac: Uint8Array;
  readonly #claims: AddressClaims;
  readonly #ethernet = new EthernetHeader();
  readonly #arp = new ArpPacket();
  nowUs = 0;

  readonly #lan: number;

  /** `vlan`: the one in which is asked; absent: none. */
  constructor(link: Pick<FrameLink, "mac" | "send">, vlan?: number) {
    this.#lan = vlan ?? LAN.UNTAGGED;
    this.#mac = link.mac;
    this.#claims = new AddressClaims({
      clock: this,
      output: new ArpOutput({
        tell: () => {},
        mac: link.mac,
        lan: this.#lan,
        transmit: (frame, length) => link.send(frame, length),
      }),
      conflict: () => {},
      count: () => {},
    });
  }

  ingest(frame: Uint8Array, length: number, nowUs: number): void {
    this.nowUs = nowUs;
    const ethernet = this.#ethernet;
    if (parseEthernet(frame, length, ethernet) !== null || ethernet.lan !== this.#lan) return;
    if (ethernet.type !== ETHERTYPE.ARP) return;
    const { payloadOffset } = ethernet;
    if (parseArp(frame, payloadOffset, length - payloadOffset, this.#arp) !== null) return;
    const { senderMac } = this.#arp;
    if (sameAddress(senderMac, this.#mac) || !isStationMac(senderMac)) return;
    this.#claims.arrives(this.#arp, { isBroadcast: isMulticastMac(frame, ETHERNET.DESTINATION) });
  }

  setNow(nowUs: number): void {
    this.nowUs = nowUs;
  }

  probe(address: Uint8Array, found: (mac: Uint8Array) => void): () => void {
    return this.#claims.probe(address, found);
  }
}
