/**
 * EthernetInput: a frame on its way in, up to ARP or IP.
 *
 * Owns: whose frame it is, and whether its source can be one station. Must not know: what ARP or IP make of it.
 */
import { bytesEqual, isMulticastMac } from "../wire/address.ts";
import { ArpPacket, parseArp } from "../wire/arp.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import { ETHERNET, EthernetHeader, ETHERTYPE, parseEthernet } from "../wire/ethernet.ts";
import type { ArpInput } from "./arp_input.ts";
import type { HostCounters } from "./host_counters.ts";
import type { IpInput } from "./ip_input.ts";
import type { MulticastGroups } from "./multicast_groups.ts";

/** Whom frames are handed to. */
interface EthernetInputOptions {
  /** Our hardware address. */
  readonly mac: Uint8Array;
  /** Our VLAN, or `LAN.UNTAGGED`. */
  readonly lan: number;
  readonly ip: IpInput;
  readonly arp: ArpInput;
  /** Which groups of IPv6 are ours; null for none. */
  readonly groups: MulticastGroups | null;
  readonly counters: HostCounters;
  /** Tells of a frame that was not taken, and counts it. */
  drop(reason: DropReason): void;
}

/** The Ethernet input of one host. */
export class EthernetInput {
  readonly #options: EthernetInputOptions;
  // Records reused for every frame.
  readonly #ethernet = new EthernetHeader();
  readonly #arp = new ArpPacket();
  readonly #packet = { ethernet: this.#ethernet, isUnicast: false };

  constructor(options: EthernetInputOptions) {
    this.#options = options;
  }

  /** Takes a frame of `length` bytes. */
  arrives(frame: Uint8Array, length: number): void {
    const { mac, lan, ip, arp, groups, counters } = this.#options;
    const ethernet = this.#ethernet;
    const malformed = parseEthernet(frame, length, ethernet);
    if (malformed !== null) {
      this.#options.drop(malformed);
      return;
    }
    if (ethernet.lan !== lan) {
      // Another network that shares the wire: nothing to tell.
      counters.drop("other-vlan");
      return;
    }
    const isUnicast = bytesEqual(frame, ETHERNET.DESTINATION, mac);
    if (!isUnicast && !isMulticastMac(frame, ETHERNET.DESTINATION)) {
      // Promiscuous mode shows what is for others: nothing to tell.
      counters.drop("not-for-us");
      return;
    }
    if (isMulticastMac(frame, ETHERNET.SOURCE)) {
      // Whatever answered it would go to everybody.
      this.#options.drop("bad-source");
      return;
    }
    switch (ethernet.type) {
      case ETHERTYPE.IPV6:
        // A network carries many groups that are nothing to us: nothing to tell.
        if (!isUnicast && (groups === null || !groups.isJoinedMac(frame, ETHERNET.DESTINATION))) {
          counters.drop("not-for-us");
          return;
        }
        this.#packet.isUnicast = isUnicast;
        ip.arrives(frame, length, this.#packet);
        return;
      case ETHERTYPE.IPV4:
        this.#packet.isUnicast = isUnicast;
        ip.arrives(frame, length, this.#packet);
        return;
      case ETHERTYPE.ARP: {
        const { payloadOffset } = ethernet;
        const reason = parseArp(frame, payloadOffset, length - payloadOffset, this.#arp);
        if (reason !== null) this.#options.drop(reason);
        else arp.arrives(this.#arp, { isBroadcast: !isUnicast });
        return;
      }
      default:
        counters.drop("unknown-ethertype");
    }
  }
}
