/**
 * Internet: what the connections of one host stand on, put together: addresses, neighbors, the way of packets to the link.
 *
 * Owns: the parts below TCP on the way out, their deadlines, and what a person is told of them. Must not know: TCP; what
 * arrives (frame_input.ts).
 */
import type { FrameLink } from "../link/link.ts";
import { InternetLayer, IPV4_FIGURES, IPV6_FIGURES } from "../tcp/internet_layer.ts";
import { formatIpAddress } from "../wire/address.ts";
import type { ArpPacket } from "../wire/arp.ts";
import { IPV4 } from "../wire/ipv4.ts";
import { AddressClaims } from "./address_claims.ts";
import { ArpOutput } from "./arp_output.ts";
import type { HostCounters } from "./host_counters.ts";
import { arpFields, arpKind } from "./link_events.ts";
import type { EventTeller } from "./event_teller.ts";
import type { FrameHolder } from "./neighbor.ts";
import { NeighborCache } from "./neighbor_cache.ts";
import { NeighborNotices } from "./neighbor_notices.ts";
import { NextHops } from "./next_hops.ts";
import { type HostAddress, OwnAddresses } from "./own_addresses.ts";
import { Routes } from "./routes.ts";

/** Of a TCP header with all its options. */
const MOST_TCP_HEADER_BYTES = 60;

/** What a host is on its link. */
export interface InternetOptions {
  readonly link: FrameLink;
  readonly addresses: readonly HostAddress[];
  /** One of a family at most. */
  readonly gateways: readonly Uint8Array[];
  /** The VLAN of all that is sent, or `LAN.UNTAGGED`. */
  readonly lan: number;
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  readonly counters: HostCounters;
  /** Whom events and notices are told to; asked when there is something to tell. */
  teller(): EventTeller;
  /** Nobody answers for the next hop: whoever had something wait for it may want to know. */
  unreachable(holder: FrameHolder, hop: string): void;
}

/** The lower half of one host. */
export class Internet {
  readonly addresses: OwnAddresses;
  readonly routes: Routes;
  readonly cache: NeighborCache;
  readonly claims: AddressClaims;
  readonly arp: ArpOutput;
  readonly nextHops: NextHops;
  readonly #link: FrameLink;
  readonly #counters: HostCounters;
  readonly #ipv4 = new InternetLayer(IPV4_FIGURES);
  readonly #ipv6 = new InternetLayer(IPV6_FIGURES);
  /** The link's MTU as connections know it. */
  #mtuBytes: number;

  constructor(options: InternetOptions) {
    const { link, clock, counters, gateways } = options;
    this.#link = link;
    this.#counters = counters;
    this.#mtuBytes = link.mtu;
    this.#measureLink();
    const notices = new NeighborNotices({
      clock,
      notice: (kind, text) => options.teller().notice(kind, text),
    });
    const count = (name: string) => counters.count(name);
    const addresses = new OwnAddresses(options.addresses);
    const routes = new Routes({ addresses, gateways });
    const arp = new ArpOutput({
      mac: link.mac,
      lan: options.lan,
      transmit: (frame, length) => this.transmit(frame, length, 0, 0),
      tell: (packet) => tellArp(options.teller(), packet, "send"),
    });
    const cache = new NeighborCache({
      clock,
      protocolOf: () => arp,
      transmit: ({ bytes, cutBytes, label }) => this.transmit(bytes, bytes.length, cutBytes, label),
      unreachable: (holder, hop) => options.unreachable(holder, formatIpAddress(hop)),
      moved: (neighbor, from) => notices.moved(neighbor, from),
      routerGone: () => {},
      count,
    });
    this.addresses = addresses;
    this.routes = routes;
    this.arp = arp;
    this.cache = cache;
    this.claims = new AddressClaims({
      clock,
      protocolOf: () => arp,
      conflict: (conflict) => notices.conflict(conflict),
      count,
    });
    this.nextHops = new NextHops({ routes, cache });
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

  /** Tells the link of each of our addresses. */
  announce(): void {
    for (const { address } of this.addresses.all) this.arp.announce(address);
  }

  /** Does what is due. */
  tick(): void {
    if (!this.cache.isAtRest) this.cache.tick();
    if (!this.claims.isAtRest) this.claims.tick();
  }

  /** Whether nothing will be due. */
  get isAtRest(): boolean {
    return this.cache.isAtRest && this.claims.isAtRest;
  }

  /** The earliest deadline, Infinity when there is none. */
  get nextDeadlineUs(): number {
    return Math.min(this.cache.nextDeadlineUs, this.claims.nextDeadlineUs);
  }

  #measureLink(): void {
    const { mtu, maxPacketBytes } = this.#link;
    for (const layer of [this.#ipv4, this.#ipv6]) {
      layer.followLink(mtu);
      layer.largeSendBytes = maxPacketBytes > mtu
        ? maxPacketBytes - layer.headerBytes - MOST_TCP_HEADER_BYTES
        : 0;
    }
  }
}

/** Tells of an ARP packet, where somebody hears. */
export function tellArp(teller: EventTeller, packet: ArpPacket, direction: "recv" | "send"): void {
  if (teller.isObserved) teller.arp({ direction, kind: arpKind(packet) }, () => arpFields(packet));
}
