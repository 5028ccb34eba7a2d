/**
 * OwnAddresses: the IPv4 addresses of a host, and what they say about others.
 *
 * Owns: which addresses are ours, which can be one other host's, by which neighbor a packet leaves and from which of our
 * addresses. Must not know: frames, hardware addresses, connections.
 */
import {
  bytesEqual,
  formatIpAddress,
  inPrefix,
  isDirectedBroadcast,
  isLimitedBroadcast,
  isLoopback,
  isMulticastAddress,
  isUnspecified,
  sameAddress,
} from "../wire/address.ts";
import { IPV4 } from "../wire/ipv4.ts";

/** An address of a host with the length of its network's prefix. */
export interface HostAddress {
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

/** The addresses of one host. */
export class OwnAddresses {
  readonly all: readonly HostAddress[];
  readonly #gateway: Uint8Array | null;

  /** `gateway`: the router for what is outside the prefixes. Throws for an address that is not IPv4. */
  constructor(addresses: readonly HostAddress[], gateway: Uint8Array | null) {
    for (const { address } of addresses) {
      if (address.length !== IPV4.ADDRESS_BYTES) {
        throw new Error(
          `IPv6 addresses are not supported yet: ${formatIpAddress(address)}. Give an IPv4 address.`,
        );
      }
    }
    this.all = addresses;
    this.#gateway = gateway;
  }

  /** Whether the bytes at `offset` are one of them. */
  isOurs(bytes: Uint8Array, offset = 0): boolean {
    for (const { address } of this.all) if (bytesEqual(bytes, offset, address)) return true;
    return false;
  }

  /** Whether it can be the address of one host that is not we (MUST-63). */
  isHostAddress(address: Uint8Array): boolean {
    if (isMulticastAddress(address) || isUnspecified(address) || isLoopback(address)) return false;
    return !isLimitedBroadcast(address) && !this.#isBroadcast(address) && !this.isOurs(address);
  }

  /** Throws when `address` is not one of them. */
  demandOurs(address: Uint8Array): void {
    if (this.all.some((ours) => sameAddress(ours.address, address))) return;
    throw new Error(
      `${formatIpAddress(address)} is not an address of this host. Give one of its own, or none.`,
    );
  }

  /** MUST-44: the address of ours on the network of the next hop; of several, the one that names it most closely. */
  sourceFor(hop: Uint8Array): Uint8Array {
    let best = { address: this.all[0].address, prefixLength: -1 };
    for (const ours of this.all) {
      if (ours.prefixLength > best.prefixLength && inPrefix(hop, ours.address, ours.prefixLength)) {
        best = ours;
      }
    }
    return best.address;
  }

  /** Whether it is on one of our networks, so that ARP can find it. */
  isOnLink(address: Uint8Array): boolean {
    for (const ours of this.all) if (inPrefix(address, ours.address, ours.prefixLength)) return true;
    return false;
  }

  /** Whom a packet for `peer` is given to: itself, or the gateway where there is one. */
  nextHop(peer: Uint8Array): Uint8Array {
    return this.isOnLink(peer) ? peer : this.#gateway ?? peer;
  }

  #isBroadcast(address: Uint8Array): boolean {
    return this.all.some((ours) => isDirectedBroadcast(address, ours.address, ours.prefixLength));
  }
}
