/**
 * RouterDiscovery: what routers on the link say, asked for at the beginning, and what of it is taken.
 *
 * Owns: solicitations, who is listened to and how often, the parameters of the link. Must not know: the bytes of a message
 * (src/wire/router_messages.ts), routes and neighbors: whoever is to know hears {@link DiscoveryNews}. The lists are in
 * default_routers.ts, advertised_prefixes.ts and autoconfiguration.ts.
 *
 * Implements RFC 4861 §6.1.2, §6.3.4 and §6.3.7, RFC 4862 §5.5 (where asked for).
 *
 * By default an advertisement gives default routers, prefixes on the link, and the link's parameters; addresses are made of it
 * only with `autoconfigure`, because tcplab answers for the addresses that its user has named, and for no others.
 *
 * Advertisements can come from anybody on the link, and say anything: each list has a bound that no number of strangers
 * moves, what is read in a second has one, and a parameter that would stop the host is not taken.
 */
import { isStationMac } from "../wire/address.ts";
import { ALL_ROUTERS } from "../wire/derived_address.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import type { IcmpMessage } from "../wire/icmp.ts";
import { IP_PROTOCOL, type IpPacket } from "../wire/ip_packet.ts";
import { IPV6 } from "../wire/ipv6.ts";
import { NEIGHBOR_HOP_LIMIT, neighborMessageFault } from "../wire/neighbor_discovery.ts";
import {
  type AdvertisedPrefix,
  emitRouterSolicitation,
  parseRouterAdvertisement,
  RouterAdvertisement,
  routerSolicitationLength,
} from "../wire/router_messages.ts";
import { AdvertisedPrefixes, isPossiblePrefix, type PrefixNews } from "./advertised_prefixes.ts";
import { type AddressNews, Autoconfiguration } from "./autoconfiguration.ts";
import { DefaultRouters, type Reachability, type RouterNews } from "./default_routers.ts";
import type { PacketSender } from "./ip_output.ts";

/** Who hears of what routers say. */
export interface DiscoveryNews extends RouterNews, PrefixNews, AddressNews {
  /** IPv6 packets on this link are no larger; called when that changes. */
  mtu(bytes: number): void;
  hopLimit(hops: number): void;
  /** For how long a neighbor counts as reachable, already drawn at random about the advertised time (RFC 4861 §6.3.4). */
  reachableTime(us: number): void;
  /** Between two solicitations of one neighbor. */
  retransTime(us: number): void;
}

/** What it needs of its host. */
interface RouterDiscoveryOptions {
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  readonly sender: PacketSender;
  /** Our hardware address. */
  readonly mac: Uint8Array;
  readonly news: DiscoveryNews;
  /** Off (`--no-ra`): nobody is asked, and nothing is taken. */
  readonly acceptRa: boolean;
  /** Addresses are made of prefixes (SLAAC). */
  readonly autoconfigure: boolean;
  /** Whether the hop limit is the routers' to say: not where the user has set one. */
  readonly takesHopLimit: boolean;
  /** Our link-local address, null while it is not ours yet. */
  linkLocal(): Uint8Array | null;
  /** The device's MTU. */
  linkMtu(): number;
  reachability(address: Uint8Array): Reachability;
  isOurs(address: Uint8Array): boolean;
  /** A whole number from 0 to `bound` - 1. */
  random(bound: number): number;
  count(name: string): void;
}

/** RFC 4861 §10: MAX_RTR_SOLICITATIONS, RTR_SOLICITATION_INTERVAL, MAX_RTR_SOLICITATION_DELAY. */
const SOLICITATIONS = 3;
const SOLICITATION_INTERVAL_US = 4_000_000;
const SOLICITATION_DELAY_US = 1_000_000;
const UNSPECIFIED: Uint8Array = new Uint8Array(IPV6.ADDRESS_BYTES);
const MAC_BYTES = 6;
/** RFC 8200 §5: what every link carries. */
const LEAST_MTU = 1280;
/** Local choice: so few hops keep a host from the world, and anybody can say so; RFC 4861 §6.3.4 has no such bound. */
const LEAST_HOP_LIMIT = 32;
const MOST_HOP_LIMIT = 255;
/** RFC 4861 §6.2.1: AdvReachableTime is at most an hour. Local choice: a second at least, so that no neighbor is asked all the time. */
const LEAST_REACHABLE_MS = 1_000;
const MOST_REACHABLE_MS = 3_600_000;
/** Local choice: a question is not repeated sooner than that, and somebody waits for the answer. */
const LEAST_RETRANS_MS = 100;
const MOST_RETRANS_MS = 60_000;
/** RFC 4861 §10: MIN_RANDOM_FACTOR is a half, and MAX_RANDOM_FACTOR one more than that; drawn in steps. */
const RANDOM_STEPS = 0x10000;
/** Local choice: of all who are not on the list of default routers together; those have a bound of their own each. */
const STRANGER_INTERVAL_US = 100_000;
const STRANGER_BURST_US = 20 * STRANGER_INTERVAL_US;

/** The router discovery of one host. */
export class RouterDiscovery {
  readonly #options: RouterDiscoveryOptions;
  readonly #routers: DefaultRouters;
  readonly #prefixes: AdvertisedPrefixes;
  readonly #addresses: Autoconfiguration;
  #solicitationsLeft = 0;
  #solicitUs = Infinity;
  #hasAsked = false;
  #strangersUs = -Infinity;
  readonly #advertisement = new RouterAdvertisement();
  // What was taken last; 0 before.
  #mtu = 0;
  #hopLimit = 0;
  #reachableMs = 0;
  #retransMs = 0;

  constructor(options: RouterDiscoveryOptions) {
    this.#options = options;
    const { clock, news, mac } = options;
    const count = (name: string) => options.count(name);
    const reachability = (address: Uint8Array) => options.reachability(address);
    const isOurs = (address: Uint8Array) => options.isOurs(address);
    this.#routers = new DefaultRouters({ clock, news, reachability, count });
    this.#prefixes = new AdvertisedPrefixes({ clock, news, count });
    this.#addresses = new Autoconfiguration({ clock, mac, news, isOurs, count });
  }

  /** Begins to ask for routers: the host is new on the link, or the link has come back (RFC 4861 §6.3.7). */
  start(): void {
    if (!this.#options.acceptRa) return;
    this.#hasAsked = false;
    this.#solicitationsLeft = SOLICITATIONS;
    this.#solicitUs = this.#options.clock.nowUs + this.#options.random(SOLICITATION_DELAY_US);
  }

  /** An address that was made of a prefix is somebody else's; as {@link Autoconfiguration.lost}. */
  addressLost(address: Uint8Array): void {
    this.#addresses.lost(address);
  }

  // -- What is heard

  /**
   * Takes an advertisement whose checksum is right. Returns why it was dropped (RFC 4861 §6.1.2), null when it was not, or was counted
   * here.
   */
  arrives(frame: Uint8Array, packet: Readonly<IpPacket>, message: Readonly<IcmpMessage>): DropReason | null {
    const { acceptRa, count } = this.#options;
    // First of all: what comes from off the link, or is none, takes nothing of what honest routers may say in a second.
    const neighborFault = neighborMessageFault(frame, packet, message);
    if (neighborFault !== null) return neighborFault;
    if (!acceptRa) {
      count("ra-ignored");
      return null;
    }
    const source = frame.subarray(packet.sourceOffset, packet.sourceOffset + IPV6.ADDRESS_BYTES);
    if (!(this.#routers.admits(source) ?? this.#admitsStranger())) {
      count("ra-limited");
      return null;
    }
    const advertisement = this.#advertisement;
    const fault = parseRouterAdvertisement(frame, message, advertisement);
    if (fault !== null) return fault;
    count("ra-in");
    const { lifetimeSeconds, preference, macOffset, prefixCount, prefixes } = advertisement;
    const mac = macOffset < 0 ? null : frame.subarray(macOffset, macOffset + MAC_BYTES);
    const word = {
      address: source,
      lifetimeSeconds,
      preference,
      mac: mac !== null && isStationMac(mac) ? mac : null,
    };
    // One for whom there is no room is not believed in other things either.
    if (!this.#routers.take(word)) return null;
    if (lifetimeSeconds > 0) this.#desist();
    this.#takeParameters(advertisement);
    for (let i = 0; i < prefixCount; i++) this.#takePrefix(frame, prefixes[i], source);
    return null;
  }

  /** A neighbor says that it is no router (RFC 4861 §7.2.5); as {@link DefaultRouters.isHostNow}. */
  isHostNow(address: Uint8Array): void {
    this.#routers.isHostNow(address);
  }

  /** A neighbor was asked for and did not answer; as {@link DefaultRouters.doesNotAnswer}. */
  doesNotAnswer(address: Uint8Array): void {
    this.#routers.doesNotAnswer(address);
  }

  #admitsStranger(): boolean {
    const { nowUs } = this.#options.clock;
    const spentUs = Math.max(this.#strangersUs, nowUs);
    if (spentUs - nowUs >= STRANGER_BURST_US) return false;
    this.#strangersUs = spentUs + STRANGER_INTERVAL_US;
    return true;
  }

  /** RFC 4861 §6.3.7: who has been answered asks no more, but once at least: the answer may say more. */
  #desist(): void {
    this.#solicitationsLeft = this.#hasAsked ? 0 : Math.min(this.#solicitationsLeft, 1);
    if (this.#solicitationsLeft === 0) this.#solicitUs = Infinity;
  }

  /**
   * RFC 4861 §6.3.4. Deviation: a hop limit below 32 is not taken, nor a reachable time below one second or a retransmission
   * time that is below 100 ms or above a minute, because one packet of anybody on the link would stop the host.
   */
  #takeParameters(advertisement: Readonly<RouterAdvertisement>): void {
    const { news, takesHopLimit, random } = this.#options;
    const { hopLimit, reachableMs, retransMs, mtu } = advertisement;
    const isNewHopLimit = takesHopLimit && hopLimit !== this.#hopLimit;
    if (isNewHopLimit && this.#isWithin(hopLimit, LEAST_HOP_LIMIT, MOST_HOP_LIMIT)) {
      this.#hopLimit = hopLimit;
      news.hopLimit(hopLimit);
    }
    if (
      reachableMs !== this.#reachableMs && this.#isWithin(reachableMs, LEAST_REACHABLE_MS, MOST_REACHABLE_MS)
    ) {
      this.#reachableMs = reachableMs;
      news.reachableTime(Math.floor(reachableMs * 1000 * (0.5 + random(RANDOM_STEPS) / RANDOM_STEPS)));
    }
    if (retransMs !== this.#retransMs && this.#isWithin(retransMs, LEAST_RETRANS_MS, MOST_RETRANS_MS)) {
      this.#retransMs = retransMs;
      news.retransTime(retransMs * 1000);
    }
    if (mtu === 0 || mtu === this.#mtu) return;
    if (mtu < LEAST_MTU || mtu > this.#options.linkMtu()) {
      this.#options.count("ra-bad-mtu");
      return;
    }
    this.#mtu = mtu;
    news.mtu(mtu);
  }

  /** Whether a parameter is to be taken; 0 says nothing. */
  #isWithin(value: number, least: number, most: number): boolean {
    if (value === 0) return false;
    if (value >= least && value <= most) return true;
    this.#options.count("ra-bad-parameter");
    return false;
  }

  #takePrefix(frame: Uint8Array, option: Readonly<AdvertisedPrefix>, source: Uint8Array): void {
    const prefix = frame.subarray(option.prefixOffset, option.prefixOffset + IPV6.ADDRESS_BYTES);
    if (!isPossiblePrefix(prefix)) {
      this.#options.count("ra-bad-prefix");
      return;
    }
    const { prefixLength, isOnLink, isAutonomous, validSeconds, preferredSeconds } = option;
    const word = { prefix, prefixLength, isOnLink, isAutonomous, validSeconds, preferredSeconds };
    this.#prefixes.take(word, source);
    if (this.#options.autoconfigure) this.#addresses.take(word, source);
  }

  // -- Deadlines

  /** Whether nothing is due ever. */
  get isAtRest(): boolean {
    return this.nextDeadlineUs === Infinity;
  }

  /** The earliest deadline, Infinity when there is none. */
  get nextDeadlineUs(): number {
    return Math.min(
      this.#solicitUs,
      this.#routers.nextDeadlineUs,
      this.#prefixes.nextDeadlineUs,
      this.#addresses.nextDeadlineUs,
    );
  }

  /** Asks for routers where that is due, and ends what has lived its time. */
  tick(): void {
    if (this.#solicitUs <= this.#options.clock.nowUs) this.#solicit();
    this.#routers.tick();
    this.#prefixes.tick();
    this.#addresses.tick();
  }

  #solicit(): void {
    const { clock, sender, mac, count } = this.#options;
    this.#hasAsked = true;
    this.#solicitationsLeft--;
    this.#solicitUs = this.#solicitationsLeft > 0 ? clock.nowUs + SOLICITATION_INTERVAL_US : Infinity;
    const source = this.#options.linkLocal();
    // RFC 4861 §4.1: from nobody, there is no hardware address either.
    const fields = { mac: source === null ? null : mac };
    count("router-solicitations-out");
    sender.send({
      source: source ?? UNSPECIFIED,
      destination: ALL_ROUTERS,
      protocol: IP_PROTOCOL.ICMPV6,
      payloadLength: routerSolicitationLength(fields),
      hopLimit: NEIGHBOR_HOP_LIMIT,
      write: (frame, offset, pseudo) => emitRouterSolicitation(frame, offset, fields, pseudo),
    });
  }
}
