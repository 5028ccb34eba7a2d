/**
 * Routes: by which neighbor a packet leaves, and from which of our addresses.
 *
 * Owns: which networks are on the link, and the choice among routers. Must not know: hardware addresses, frames, whose
 * advertisements are taken, and for how long (default_routers.ts, advertised_prefixes.ts, which have the bounds too).
 *
 * Implements RFC 1122 §3.3.1.1, RFC 4861 §5.2 (next hop), §6.3.6 (choice of a router) with the preferences
 * of RFC 4191 §3.2, RFC 5942 §4 (what is on the link), RFC 3927 §2.6.2.
 *
 * A gateway that was named to us counts before all routers that advertise themselves.
 */
import {
  formatIpAddress,
  inPrefix,
  isLimitedBroadcast,
  isMulticastAddress,
  sameAddress,
} from "../wire/address.ts";
import { isLinkLocal } from "../wire/address_scope.ts";
import { IPV4 } from "../wire/ipv4.ts";
import { IPV6 } from "../wire/ipv6.ts";
import { HostError } from "./host_error.ts";
import type { OwnAddress, OwnAddresses } from "./own_addresses.ts";
import { chooseSource, sortDestinations } from "./source_choice.ts";

/** What routes are found with. */
interface RoutesOptions {
  readonly addresses: OwnAddresses;
  /** The routers that were named to us, one of each family at most. */
  readonly gateways?: readonly Uint8Array[];
  /** Whether a router that has advertised itself is reachable, as far as is known (RFC 4861 §6.3.6: its entry is not INCOMPLETE). */
  isReachable?(router: Uint8Array): boolean;
}

interface DefaultRouter {
  readonly address: Uint8Array;
  preference: number;
}

interface OnLinkPrefix {
  readonly prefix: Uint8Array;
  readonly length: number;
}

/** The routes of one host with one interface. */
export class Routes {
  /** The routers that were named to us. */
  readonly gateways: readonly Uint8Array[];
  readonly #addresses: OwnAddresses;
  readonly #isReachable: (router: Uint8Array) => boolean;
  #routers: DefaultRouter[] = [];
  #prefixes: OnLinkPrefix[] = [];
  /** Whose turn it is while none is reachable. */
  #turn = 0;

  /** Throws for a gateway that can be none, and for a second one of a family. */
  constructor(options: RoutesOptions) {
    const { addresses, gateways = [] } = options;
    this.#addresses = addresses;
    this.#isReachable = options.isReachable ?? (() => true);
    this.gateways = gateways;
    gateways.forEach((gateway, at) => {
      const text = formatIpAddress(gateway);
      if (!addresses.isHostAddress(gateway)) {
        throw new Error(
          `${text} cannot be a gateway: it is not the address of another host. Give a router's.`,
        );
      }
      const other = gateways.findIndex(({ length }) => length === gateway.length);
      if (other < at) {
        throw new Error(
          `There is a gateway already, ${formatIpAddress(gateways[other])}: give one, not ${text} too.`,
        );
      }
    });
  }

  /** The routers that have advertised themselves. */
  get routers(): readonly Uint8Array[] {
    return this.#routers.map(({ address }) => address);
  }

  /** The prefixes that routers have told of. */
  get prefixes(): readonly { readonly prefix: Uint8Array; readonly length: number }[] {
    return this.#prefixes;
  }

  // -- Questions

  /** Whether it is on the link, so that its owner itself can be asked for its hardware address. */
  isOnLink(address: Uint8Array): boolean {
    // RFC 4861 §6.3.4: that prefix is always there; RFC 3927 §2.6.2: so is that of IPv4. A group is reached without a router.
    if (isLinkLocal(address) || isMulticastAddress(address) || isLimitedBroadcast(address)) {
      return true;
    }
    for (const ours of this.#addresses.all) {
      if (ours.isAutomatic || ours.state === "lost") continue;
      if (inPrefix(address, ours.address, ours.prefixLength)) return true;
    }
    for (const { prefix, length } of this.#prefixes) if (inPrefix(address, prefix, length)) return true;
    return false;
  }

  /** Whether it is a router, by somebody's word. */
  isRouter(address: Uint8Array): boolean {
    return this.gateways.some((gateway) => sameAddress(gateway, address)) ||
      this.#routers.some((router) => sameAddress(router.address, address));
  }

  /** Whom a packet is given to: the destination itself, or a router; null when there is no way. */
  nextHop(destination: Uint8Array): Uint8Array | null {
    return this.isOnLink(destination) ? destination : this.#routerFor(destination);
  }

  /** From which of our addresses a packet goes there (RFC 6724 §5, MUST-44); null when there is none, or no way. */
  sourceFor(destination: Uint8Array): Uint8Array | null {
    return this.#sourceOf(destination)?.address ?? null;
  }

  /** The addresses of one peer in the order in which they are to be tried (RFC 6724 §6). */
  sortDestinations(addresses: readonly Uint8Array[]): Uint8Array[] {
    return sortDestinations(addresses, { sourceFor: (destination) => this.#sourceOf(destination) });
  }

  /**
   * From which of our addresses a connection goes there: `wanted`, or as {@link Routes.sourceFor} says when that is absent.
   * Throws when there is no way, with what can be done about it, and when `wanted` is not ours or of the other family.
   */
  demandSource(destination: Uint8Array, wanted?: Uint8Array): Uint8Array {
    const text = formatIpAddress(destination);
    if (wanted !== undefined) {
      this.#addresses.demandOurs(wanted);
      if (wanted.length !== destination.length) {
        throw new HostError(
          "EAFNOSUPPORT",
          `No connection goes from ${
            formatIpAddress(wanted)
          } to ${text}: one is IPv4, the other IPv6. Give two of one kind.`,
        );
      }
    }
    const source = this.sourceFor(destination);
    if (source !== null) return wanted ?? source;
    const family = destination.length === IPV4.ADDRESS_BYTES ? "IPv4" : "IPv6";
    const usable = this.#addresses.all.filter((ours) =>
      isLive(ours) && ours.address.length === destination.length
    );
    if (usable.length === 0) {
      throw new HostError(
        "ENETUNREACH",
        `No route to ${text}: this host has no ${family} address in use. Give one with --ip.`,
      );
    }
    if (this.isOnLink(destination) || this.#hasRouter(destination.length)) {
      throw new HostError(
        "ENETUNREACH",
        `No route to ${text}: the only ${family} address of this host is link-local, and packets from it do not leave the link. ` +
          `Give another one with --ip.`,
      );
    }
    throw new HostError(
      "ENETUNREACH",
      `No route to ${text}: it is on no network of this host, and no ${family} router is known. Give one with --gateway.`,
    );
  }

  #sourceOf(destination: Uint8Array): OwnAddress | null {
    const isOnLink = this.isOnLink(destination);
    if (!isOnLink && !this.#hasRouter(destination.length)) return null;
    // RFC 3927 §2.6.2, RFC 4007 §9: what comes from a link-local address is given to no router.
    const candidates = this.#addresses.all.filter((ours) =>
      isLive(ours) && (isOnLink || !isLinkLocal(ours.address))
    );
    const hop = isOnLink ? destination : this.#gatewayOf(destination.length) ?? destination;
    return chooseSource(destination, { candidates, hop });
  }

  #gatewayOf(addressBytes: number): Uint8Array | null {
    return this.gateways.find(({ length }) => length === addressBytes) ?? null;
  }

  #hasRouter(addressBytes: number): boolean {
    return this.#gatewayOf(addressBytes) !== null ||
      (addressBytes === IPV6.ADDRESS_BYTES && this.#routers.length > 0);
  }

  #routerFor({ length }: Uint8Array): Uint8Array | null {
    const gateway = this.#gatewayOf(length);
    if (gateway !== null || length !== IPV6.ADDRESS_BYTES || this.#routers.length === 0) return gateway;
    // RFC 4191 §3.2: of those reachable the one that is preferred.
    let best: DefaultRouter | null = null;
    for (const router of this.#routers) {
      if (best !== null && router.preference <= best.preference) continue;
      if (this.#isReachable(router.address)) best = router;
    }
    if (best !== null) return best.address;
    // RFC 4861 §6.3.6: in turn, so that each of them is looked for.
    this.#turn = (this.#turn + 1) % this.#routers.length;
    return this.#routers[this.#turn].address;
  }

  // -- What routers advertise

  /** The first `length` bits of `prefix` are on the link from now on (RFC 4861 §6.3.4). */
  addPrefix(prefix: Uint8Array, length: number): void {
    if (this.#isListed(prefix, length)) return;
    this.#prefixes.push({ prefix: prefix.slice(), length });
  }

  /** They are not any more, as far as routers say. */
  removePrefix(prefix: Uint8Array, length: number): void {
    this.#prefixes = this.#prefixes.filter((other) => !isSamePrefix(other, prefix, length));
  }

  /** It is a default router from now on; `preference` as RFC 4191 §2.1 has it: 1 high, 0 medium, -1 low. */
  addRouter(address: Uint8Array, { preference }: { readonly preference: number }): void {
    const known = this.#routers.find((other) => sameAddress(other.address, address));
    if (known === undefined) this.#routers.push({ address: address.slice(), preference });
    else known.preference = preference;
  }

  /** It is none any more (RFC 4861 §6.3.5). */
  removeRouter(address: Uint8Array): void {
    this.#routers = this.#routers.filter((router) => !sameAddress(router.address, address));
  }

  #isListed(prefix: Uint8Array, length: number): boolean {
    return this.#prefixes.some((other) => isSamePrefix(other, prefix, length));
  }
}

function isSamePrefix(one: OnLinkPrefix, prefix: Uint8Array, length: number): boolean {
  return one.length === length && inPrefix(prefix, one.prefix, length);
}

function isLive({ state }: OwnAddress): boolean {
  return state === "preferred" || state === "deprecated";
}
