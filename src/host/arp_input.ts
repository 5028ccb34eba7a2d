/**
 * ArpInput: ARP packets on their way in (RFC 826).
 *
 * Owns: who is believed at all, and whom a packet concerns: a claim of ours, the cache, or whoever asks for us. Must not
 * know: what the cache makes of it.
 */
import { isStationMac, isUnspecified, sameAddress } from "../wire/address.ts";
import { ARP_OPERATION, type ArpPacket } from "../wire/arp.ts";
import type { AddressClaims, AddressWord } from "./address_claims.ts";
import type { ArpOutput } from "./arp_output.ts";
import type { NeighborCache } from "./neighbor_cache.ts";
import type { Overload } from "./overload.ts";
import type { OwnAddresses } from "./own_addresses.ts";

/** Whom packets are handed to. */
interface ArpInputOptions {
  /** Our hardware address. */
  readonly mac: Uint8Array;
  readonly addresses: Pick<OwnAddresses, "isOurs" | "isHostAddress">;
  readonly claims: AddressClaims;
  readonly cache: NeighborCache;
  readonly output: ArpOutput;
  /** When too much arrives, only those in the cache are heard. */
  readonly overload: Pick<Overload, "isCrowded" | "ignoresArp">;
  count(name: string): void;
  /** Hears of each packet that is for us or about one of our addresses, before it is answered. */
  tell(packet: ArpPacket): void;
}

/** How a packet came. */
export interface ArpArrival {
  /** To everybody, as probes are. */
  readonly isBroadcast: boolean;
}

/** The ARP input of one host. */
export class ArpInput {
  readonly #options: ArpInputOptions;

  constructor(options: ArpInputOptions) {
    this.#options = options;
  }

  /** Takes a parsed packet. */
  arrives(packet: ArpPacket, how: ArpArrival): void {
    const { addresses, claims, cache, output, overload, count } = this.#options;
    count("arp-in");
    if (overload.isCrowded && cache.find(packet.senderIp) === null && overload.ignoresArp()) return;
    if (sameAddress(packet.senderMac, this.#options.mac)) return;
    const isOurs = addresses.isOurs(packet.senderIp);
    if (!isStationMac(packet.senderMac) || !(isOurs || this.#canBeSender(packet.senderIp))) {
      count("arp-bad-sender");
      return;
    }
    const isForUs = addresses.isOurs(packet.targetIp);
    if (isOurs || isForUs) this.#options.tell(packet);
    const claim = arpClaim(packet, how);
    if (claim !== null) claims.arrives(claim);
    if (isOurs && claim !== null) {
      claims.defend(claim);
      return;
    }
    const isRequest = packet.operation === ARP_OPERATION.REQUEST;
    if (!isUnspecified(packet.senderIp)) {
      cache.learn({
        address: packet.senderIp,
        mac: packet.senderMac,
        isAnswer: isForUs && packet.operation === ARP_OPERATION.REPLY,
        target: isForUs ? packet.targetIp.slice() : null,
      });
    }
    if (!isForUs || !isRequest || claims.isLost(packet.targetIp)) return;
    output.answer(packet);
    count("arp-replies-out");
  }

  /** Nobody, as in a probe, or one host; what many have, or the loopback, is no one's word (RFC 1122 §3.2.1.3). */
  #canBeSender(address: Uint8Array): boolean {
    return isUnspecified(address) || this.#options.addresses.isHostAddress(address);
  }
}

/**
 * Which address the sender has, or is about to take (RFC 5227 §2.1.1); null when neither. A probe goes to everybody; a
 * request from nobody to one station alone is a switch that looks whether its hosts are there (RFC 5227 §1.1 calls only the
 * first so).
 */
export function arpClaim(packet: ArpPacket, { isBroadcast }: ArpArrival): AddressWord | null {
  const { senderIp, senderMac: mac, targetIp } = packet;
  if (!isUnspecified(senderIp)) return { address: senderIp, mac, isProbe: false };
  if (!isBroadcast || packet.operation !== ARP_OPERATION.REQUEST) return null;
  return { address: targetIp, mac, isProbe: true };
}
