/**
 * Internet: what the connections of one host stand on, put together: addresses, neighbors, the way of packets to the link.
 *
 * Owns: the parts below TCP on the way out, their deadlines, and what a person is told of them. Must not know: TCP; what
 * arrives (frame_input.ts).
 */
import type { HostLink } from "../link/link.ts";
import { InternetLayer, IPV4_FIGURES, IPV6_FIGURES } from "../tcp/internet_layer.ts";
import type { ArpPacket } from "../wire/arp.ts";
import { IPV4 } from "../wire/ipv4.ts";
import { IPV6 } from "../wire/ipv6.ts";
import { AddressClaims } from "./address_claims.ts";
import { ArpOutput } from "./arp_output.ts";
import type { HostCounters } from "./host_counters.ts";
import { FragmentIds } from "./fragmenter.ts";
import { IpOutput } from "./ip_output.ts";
import { Ipv6Interface } from "./ipv6_interface.ts";
import { arpFields, arpKind, ndpFields, ndpKind } from "./link_events.ts";
import type { NeighborTalk } from "./ndp_output.ts";
import type { EventTeller } from "./event_teller.ts";
import type { FrameHolder } from "./neighbor.ts";
import { NeighborCache } from "./neighbor_cache.ts";
import { NeighborNotices } from "./neighbor_notices.ts";
import { NextHops } from "./next_hops.ts";
import { type HostAddress, OwnAddresses } from "./own_addresses.ts";
import { PathMtuCache } from "./path_mtu_cache.ts";
import { Routes } from "./routes.ts";

/** Of a TCP header with all its options. */
const MOST_TCP_HEADER_BYTES = 60;

/** Local choice: who is pinged through a narrow path at the same time; the oldest gives way. */
const NARROW_PATHS = 256;
/** RFC 8201 §4: ten minutes, after which the path may be wider. */
const NARROW_PATH_LIFE_US = 600_000_000;
/** RFC 8200 §5; RFC 8201 §4: less than that is not believed. */
const LEAST_MTU = 1280;

/** What is known of a path to somebody without a connection. */
interface NarrowPath {
  readonly mtu: number;
  readonly untilUs: number;
}

/** What a host is on its link. */
export interface InternetOptions {
  readonly link: HostLink;
  readonly addresses: readonly HostAddress[];
  /** One of a family at most. */
  readonly gateways: readonly Uint8Array[];
  /** The VLAN of all that is sent, or `LAN.UNTAGGED`. */
  readonly lan: number;
  /** TTL and hop limit as the user has set them, null where it is left to us and to routers. */
  readonly hopLimit: number | null;
  readonly acceptRa: boolean;
  readonly autoconfigure: boolean;
  readonly secret: Uint8Array;
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  readonly counters: HostCounters;
  /** Whom events and notices are told to; asked when there is something to tell. */
  teller(): EventTeller;
  /** A whole number from 0 to `bound` - 1 that nobody outside can foresee. */
  random(bound: number): number;
  /** Packets of IPv6 are of another size from now on. */
  mtuTold(): void;
  /** Nobody answers for the next hop: whoever had something wait for it may want to know. */
  unreachable(holder: FrameHolder, hop: Uint8Array): void;
}

/** The lower half of one host. */
export class Internet {
  readonly addresses: OwnAddresses;
  readonly routes: Routes;
  readonly cache: NeighborCache;
  readonly claims: AddressClaims;
  readonly arp: ArpOutput;
  readonly nextHops: NextHops;
  readonly output: IpOutput;
  /** Null where the host has no address of IPv6: then nothing of IPv6 is sent. */
  readonly ipv6: Ipv6Interface | null;
  readonly #link: HostLink;
  readonly #clock: { readonly nowUs: number };
  /** Paths of IPv6 to whom we answer without a connection. */
  readonly #narrowPaths: PathMtuCache<NarrowPath>;
  readonly #counters: HostCounters;
  readonly #ipv4 = new InternetLayer(IPV4_FIGURES);
  readonly #ipv6 = new InternetLayer(IPV6_FIGURES);
  /** The link's MTU as connections know it. */
  #mtuBytes: number;

  constructor(options: InternetOptions) {
    const { link, clock, counters, gateways } = options;
    this.#link = link;
    this.#clock = clock;
    this.#counters = counters;
    this.#mtuBytes = link.mtu;
    this.#measureLink();
    const notices = new NeighborNotices({
      clock,
      notice: (kind, text) => options.teller().notice(kind, text),
    });
    const count = (name: string) => counters.count(name);
    const teller = () => options.teller();
    if (options.hopLimit !== null) {
      for (const layer of [this.#ipv4, this.#ipv6]) layer.hopLimit = options.hopLimit;
    }
    const addresses = new OwnAddresses(options.addresses);
    const usesIpv6 = addresses.all.some(({ address }) => address.length === IPV6.ADDRESS_BYTES);
    // RFC 4291 §2.1: every interface has one; it is ours once nobody has objected.
    if (usesIpv6 && addresses.linkLocal() === null) addresses.addLinkLocal(link.mac, { state: "tentative" });
    const routes = new Routes({
      addresses,
      gateways,
      isReachable: (router) => this.ipv6?.reachabilityOf(router) === "reachable",
    });
    const transmit = (frame: Uint8Array, length: number) => this.transmit(frame, length, 0, 0);
    const arp = new ArpOutput({
      mac: link.mac,
      lan: options.lan,
      transmit,
      tell: (packet) => tellArp(teller(), packet, "send"),
    });
    const protocolOf = (addressBytes: number) =>
      addressBytes === IPV4.ADDRESS_BYTES ? arp : this.ipv6?.ndp ?? arp;
    const cache = new NeighborCache({
      clock,
      protocolOf,
      transmit: ({ bytes, cutBytes, label }) => this.transmit(bytes, bytes.length, cutBytes, label),
      unreachable: (holder, hop) => {
        this.ipv6?.discovery.doesNotAnswer(hop);
        options.unreachable(holder, hop);
      },
      moved: (neighbor, from) => notices.moved(neighbor, from),
      routerGone: ({ address }) => {
        if (address !== null) this.ipv6?.discovery.isHostNow(address);
      },
      count,
    });
    const claims = new AddressClaims({
      clock,
      protocolOf,
      conflict: (conflict) => notices.conflict(conflict),
      count,
    });
    const output = new IpOutput({
      mac: link.mac,
      lan: options.lan,
      hopLimit: (addressBytes) => this.layerOf(addressBytes).hopLimit,
      cache,
      ids: new FragmentIds(options.secret),
      mtuTo: (destination) => this.#mtuTo(destination),
      nextHop: (destination) => routes.nextHop(destination),
      transmit,
      count,
    });
    this.addresses = addresses;
    this.routes = routes;
    this.arp = arp;
    this.cache = cache;
    this.claims = claims;
    this.output = output;
    this.#narrowPaths = new PathMtuCache({ seed: seedOf(options.secret), most: NARROW_PATHS, count });
    this.nextHops = new NextHops({ routes, cache });
    this.ipv6 = usesIpv6
      ? new Ipv6Interface({
        mac: link.mac,
        clock,
        sender: output,
        addresses,
        routes,
        cache,
        claims,
        layer: this.#ipv6,
        acceptRa: options.acceptRa,
        autoconfigure: options.autoconfigure,
        takesHopLimit: options.hopLimit === null,
        linkMtu: () => link.mtu,
        mtuTold: () => {
          this.#measureLink();
          options.mtuTold();
        },
        random: (bound) => options.random(bound),
        tell: (talk) => tellNdp(teller(), talk, "send"),
        notice: (kind, text) => teller().notice(kind, text),
        count,
      })
      : null;
  }

  /** Puts a frame on the link; `label`: its number in the events, 0 for none. */
  transmit(frame: Uint8Array, length: number, cutBytes: number, label: number): void {
    this.#counters.framesOut++;
    this.#link.send(frame, length, cutBytes, label);
  }

  /** What carries the segments between addresses of so many bytes. */
  layerOf(addressBytes: number): InternetLayer {
    return addressBytes === IPV4.ADDRESS_BYTES ? this.#ipv4 : this.#ipv6;
  }

  /** Follows the link's MTU; gives what it was before where it has changed, else null. */
  followLink(): number | null {
    const before = this.#mtuBytes;
    if (this.#link.mtu === before) return null;
    this.#mtuBytes = this.#link.mtu;
    this.#counters.count("mtu-changes");
    this.#measureLink();
    return before;
  }

  /**
   * A router says that the path to `destination`, an IPv6 address, carries packets of `mtu` bytes: about something that belongs to no
   * connection, so that nobody can prove it. Whoever forges it makes our answers come in smaller parts, of 1280 bytes at the least.
   */
  pathIsNarrow(destination: Uint8Array, mtu: number): void {
    if (mtu < LEAST_MTU) return;
    this.#narrowPaths.learn(destination, { mtu, untilUs: this.#clock.nowUs + NARROW_PATH_LIFE_US });
  }

  /** The host is on its link from now on: IPv6 tells of its groups, and asks for routers. Once. */
  start(): void {
    this.ipv6?.start();
  }

  /** Tells the link of each of our addresses that is in use. */
  announce(): void {
    for (const { address, state } of this.addresses.all) {
      if (state === "preferred" || state === "deprecated") this.claims.announce(address);
    }
  }

  /** Does what is due. */
  tick(): void {
    if (!this.cache.isAtRest) this.cache.tick();
    if (!this.claims.isAtRest) this.claims.tick();
    if (this.ipv6 !== null && !this.ipv6.isAtRest) this.ipv6.tick();
  }

  /** Whether nothing will be due. */
  get isAtRest(): boolean {
    return this.cache.isAtRest && this.claims.isAtRest && (this.ipv6 === null || this.ipv6.isAtRest);
  }

  /** The earliest deadline, Infinity when there is none. */
  get nextDeadlineUs(): number {
    const ipv6Us = this.ipv6 === null ? Infinity : this.ipv6.nextDeadlineUs;
    return Math.min(this.cache.nextDeadlineUs, this.claims.nextDeadlineUs, ipv6Us);
  }

  /** The largest packet that goes there, of those that belong to no connection. */
  #mtuTo(destination: Uint8Array): number {
    const path = this.#narrowPaths.find(destination, this.#clock.nowUs);
    const mtu = this.#mtuOf(destination.length);
    return path === null || path.mtu > mtu ? mtu : path.mtu;
  }

  /** The largest packet between addresses of so many bytes. */
  #mtuOf(addressBytes: number): number {
    const { mtu } = this.#link;
    return addressBytes === IPV4.ADDRESS_BYTES ? mtu : Math.min(mtu, this.ipv6?.mtuBytes ?? mtu);
  }

  #measureLink(): void {
    const { mtu, maxPacketBytes } = this.#link;
    for (
      const [layer, addressBytes] of [[this.#ipv4, IPV4.ADDRESS_BYTES], [
        this.#ipv6,
        IPV6.ADDRESS_BYTES,
      ]] as const
    ) {
      layer.followLink(this.#mtuOf(addressBytes));
      layer.largeSendBytes = maxPacketBytes > mtu
        ? maxPacketBytes - layer.headerBytes - MOST_TCP_HEADER_BYTES
        : 0;
    }
  }
}

/** 32 bits of the secret, for a table's hash. */
function seedOf(secret: Uint8Array): number {
  return (secret[0] << 24) | (secret[7] << 16) | (secret[10] << 8) | secret[13];
}

/** Tells of a message of neighbor discovery, where somebody hears. */
export function tellNdp(teller: EventTeller, talk: NeighborTalk, direction: "recv" | "send"): void {
  if (teller.isObserved) teller.ndp({ direction, kind: ndpKind(talk) }, () => ndpFields(talk));
}

/** Tells of an ARP packet, where somebody hears. */
export function tellArp(teller: EventTeller, packet: ArpPacket, direction: "recv" | "send"): void {
  if (teller.isObserved) teller.arp({ direction, kind: arpKind(packet) }, () => arpFields(packet));
}
