/**
 * Ipv6Interface: what IPv6 asks of a host on its link beside packets: neighbor discovery, groups, router discovery, put together.
 *
 * Owns: the parts, their deadlines, and what of a router's word reaches which part. Must not know: TCP; how packets leave.
 */
import type { InternetLayer } from "../tcp/internet_layer.ts";
import { solicitedNodeAddress } from "../wire/derived_address.ts";
import { formatIpAddress } from "../wire/address.ts";
import type { AddressClaims } from "./address_claims.ts";
import type { Reachability } from "./default_routers.ts";
import { MulticastGroups } from "./multicast_groups.ts";
import { NdpOutput, type NeighborTalk } from "./ndp_output.ts";
import type { NeighborCache } from "./neighbor_cache.ts";
import type { OwnAddresses } from "./own_addresses.ts";
import type { PacketSender } from "./ip_output.ts";
import { type DiscoveryNews, RouterDiscovery } from "./router_discovery.ts";
import type { Routes } from "./routes.ts";

const IPV6_BYTES = 16;

/** What the interface is made of. */
interface Ipv6InterfaceOptions {
  /** Our hardware address. */
  readonly mac: Uint8Array;
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  readonly sender: PacketSender;
  readonly addresses: OwnAddresses;
  readonly routes: Routes;
  readonly cache: NeighborCache;
  readonly claims: AddressClaims;
  readonly layer: InternetLayer;
  /** As `HostOptions` have them. */
  readonly acceptRa: boolean;
  readonly autoconfigure: boolean;
  /** Whether the hop limit is the routers' to say: not where the user has set one. */
  readonly takesHopLimit: boolean;
  /** The device's MTU, bytes. */
  linkMtu(): number;
  /** Packets on this link are no larger from now on. */
  mtuTold(): void;
  /** A whole number from 0 to `bound` - 1. */
  random(bound: number): number;
  tell(talk: NeighborTalk): void;
  notice(kind: string, message: string): void;
  count(name: string): void;
}

/** The IPv6 interface of one host. */
export class Ipv6Interface {
  readonly ndp: NdpOutput;
  readonly groups: MulticastGroups;
  readonly discovery: RouterDiscovery;
  readonly #options: Ipv6InterfaceOptions;
  /** What routers say of the largest packet; Infinity where none has said anything. */
  mtuBytes = Infinity;
  #hasStarted = false;

  constructor(options: Ipv6InterfaceOptions) {
    this.#options = options;
    const { mac, clock, sender, addresses } = options;
    const count = (name: string) => options.count(name);
    const random = (bound: number) => options.random(bound);
    const linkLocal = () => addresses.linkLocal();
    this.ndp = new NdpOutput({ mac, sender, tell: (talk) => options.tell(talk) });
    this.groups = new MulticastGroups({ clock, sender, linkLocal, random, count });
    for (const { address } of addresses.all) this.#hear(address);
    this.discovery = new RouterDiscovery({
      clock,
      sender,
      mac,
      acceptRa: options.acceptRa,
      autoconfigure: options.autoconfigure,
      takesHopLimit: options.takesHopLimit,
      linkLocal,
      linkMtu: () => options.linkMtu(),
      reachability: (router) => this.reachabilityOf(router),
      isOurs: (address) => addresses.find(address) !== null,
      random,
      count,
      news: this.#news(),
    });
  }

  /** The host is on its link from now on: groups are told of, its own link-local address is claimed, routers are asked for. Once. */
  start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    this.groups.tick();
    for (const { address, state } of this.#options.addresses.all) {
      if (state === "tentative") this.#claim(address);
    }
    this.discovery.start();
  }

  /** Whether nothing is due. */
  get isAtRest(): boolean {
    return this.groups.isAtRest && this.discovery.isAtRest && this.#options.addresses.isAtRest;
  }

  /** The earliest deadline, Infinity when there is none. */
  get nextDeadlineUs(): number {
    const { addresses } = this.#options;
    return Math.min(this.groups.nextDeadlineUs, this.discovery.nextDeadlineUs, addresses.nextDeadlineUs);
  }

  /** Does what is due. */
  tick(): void {
    const { clock, addresses, claims } = this.#options;
    this.groups.tick();
    this.discovery.tick();
    if (addresses.nextDeadlineUs > clock.nowUs) return;
    for (const gone of addresses.expire(clock.nowUs)) {
      claims.forget(gone);
      if (gone.length === IPV6_BYTES) this.groups.leave(solicitedNodeAddress(gone));
    }
  }

  #hear(address: Uint8Array): void {
    if (address.length === IPV6_BYTES) this.groups.join(solicitedNodeAddress(address));
  }

  /** RFC 4862 §5.4: an address that nobody has given to us is used only when nobody else turns out to have it. */
  #claim(address: Uint8Array): void {
    const { addresses, claims, notice } = this.#options;
    this.groups.tick();
    const kept = () => {
      addresses.change(address, "preferred");
      if (addresses.linkLocal() !== null) this.groups.linkLocalReady();
    };
    const lost = () => {
      addresses.change(address, "lost");
      this.discovery.addressLost(address);
      notice(
        "address-lost",
        `Somebody else has ${
          formatIpAddress(address)
        }, which was made of our hardware address: it is not used`,
      );
    };
    claims.claim(address, { kept, lost, alsoOurs: null });
  }

  /** Whether a router answers, as far as is known (RFC 4861 §6.3.6). */
  reachabilityOf(router: Uint8Array): Reachability {
    const neighbor = this.#options.cache.find(router);
    if (neighbor === null) return "unknown";
    return neighbor.state === "INCOMPLETE" ? "unreachable" : "reachable";
  }

  #news(): DiscoveryNews {
    const { routes, layer, addresses } = this.#options;
    return {
      router: (address, about) => {
        routes.addRouter(address, about);
      },
      routerGone: (address) => {
        routes.removeRouter(address);
      },
      prefix: (prefix, { length }) => {
        routes.addPrefix(prefix, length);
      },
      prefixGone: (prefix, length) => {
        routes.removePrefix(prefix, length);
      },
      mtu: (bytes) => {
        this.mtuBytes = bytes;
        this.#options.mtuTold();
      },
      hopLimit: (hops) => {
        layer.hopLimit = hops;
      },
      reachableTime: (us) => {
        this.#options.cache.ipv6ReachableUs = us;
      },
      // Deviation: RFC 4861 §6.3.4 has RetransTimer taken too; here it is one second always, as its default is: all who are asked wait
      // for the same time, whatever the family.
      retransTime: () => {},
      address: (address, { prefixLength, preferredUntilUs, validUntilUs, isNew }) => {
        const about = { isAutomatic: true, preferredUntilUs, validUntilUs };
        if (!isNew) {
          addresses.add(address, prefixLength, about);
        } else if (addresses.add(address, prefixLength, { ...about, state: "tentative" })) {
          this.#hear(address);
          this.#claim(address);
        }
      },
      notice: (kind, message) => this.#options.notice(kind, message),
    };
  }
}
