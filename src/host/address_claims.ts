/**
 * AddressClaims: that an address is ours, and nobody else's (RFC 5227).
 *
 * Owns: probes, announcements, what counts as a conflict, and the defence. Must not know: the cache of neighbors, what
 * becomes of a host that has lost its address.
 */
import { isUnspecified, sameAddress } from "../wire/address.ts";
import { ARP_OPERATION, type ArpPacket } from "../wire/arp.ts";
import type { ArpOutput } from "./arp_output.ts";

/** RFC 5227 §1.1: DEFEND_INTERVAL, ANNOUNCE_WAIT, ANNOUNCE_INTERVAL. */
const DEFEND_INTERVAL_US = 10_000_000;
const ANNOUNCE_WAIT_US = 2_000_000;
const ANNOUNCE_INTERVAL_US = 2_000_000;
/**
 * RFC 5227 §1.1: PROBE_MIN and PROBE_NUM. Local choice: always the least interval, because somebody waits; whoever claims has
 * sent the first probes before (address_choice.ts), so that two are left.
 */
const PROBE_INTERVAL_US = 1_000_000;
const PROBES_LEFT = 2;
/** RFC 5227 §1.1: ANNOUNCE_NUM. */
const ANNOUNCEMENTS = 2;

/** Somebody else says that an address of ours is its own. */
export interface AddressConflict {
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
  /** How many such packets have come since the last one that was told. */
  readonly times: number;
}

/** What claims are made with. */
interface AddressClaimsOptions {
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  readonly output: ArpOutput;
  /** Called for a conflict that we defend our address against, once in {@link DEFEND_INTERVAL_US} for each address. */
  conflict(conflict: AddressConflict): void;
  count(name: string): void;
}

/** How a packet came. */
export interface ArpArrival {
  /** To everybody, as probes are. */
  readonly isBroadcast: boolean;
}

interface Probe {
  readonly address: Uint8Array;
  readonly found: (mac: Uint8Array) => void;
}

interface Claim {
  readonly address: Uint8Array;
  readonly lost: (mac: Uint8Array) => void;
  readonly alsoOurs: Uint8Array | null;
  isLost: boolean;
  probesLeft: number;
  announcementsLeft: number;
  dueUs: number;
}

interface Defence {
  readonly address: Uint8Array;
  atUs: number;
  untold: number;
}

/** The claims of one host. */
export class AddressClaims {
  readonly #options: AddressClaimsOptions;
  readonly #probes = new Set<Probe>();
  readonly #claims = new Set<Claim>();
  /** One for each address that was ever defended. */
  readonly #defences: Defence[] = [];

  constructor(options: AddressClaimsOptions) {
    this.#options = options;
  }

  /**
   * Sends one probe (RFC 5227 §2.1.1) and tells `found` of every stranger that shows itself with the address, or probes
   * for it as we do, until the returned function is called.
   */
  probe(address: Uint8Array, found: (mac: Uint8Array) => void): () => void {
    const entry: Probe = { address: address.slice(), found };
    this.#probes.add(entry);
    this.#options.output.probe(address);
    return () => {
      this.#probes.delete(entry);
    };
  }

  /**
   * Takes an address that is in use by us from now on, though the probing goes on: four seconds, in which `lost` is called
   * when somebody else has it or wants it too (RFC 5227 §2.1.1), once. Only then is it announced (§2.3), because an
   * announcement turns everybody away from whoever has it. Afterwards it is defended. `alsoOurs`: the hardware address from
   * which the first probes were sent, which may come back by a loop of the network.
   */
  claim(address: Uint8Array, about: { lost: (mac: Uint8Array) => void; alsoOurs: Uint8Array | null }): void {
    this.#claims.add({
      address: address.slice(),
      ...about,
      isLost: false,
      probesLeft: PROBES_LEFT,
      announcementsLeft: ANNOUNCEMENTS,
      dueUs: this.#options.clock.nowUs + PROBE_INTERVAL_US,
    });
  }

  /** Whom a packet from somebody else, about one of our own addresses or one that is probed for, concerns. */
  arrives(packet: ArpPacket, how: ArpArrival): void {
    for (const probe of this.#probes) {
      if (isClaimOf(probe.address, packet, how)) probe.found(packet.senderMac.slice());
    }
    for (const claim of this.#claims) {
      // Announced: that was not questioned in time, so it is defended.
      if (claim.isLost || claim.announcementsLeft < ANNOUNCEMENTS) continue;
      if (!isClaimOf(claim.address, packet, how) || isOwnProbe(packet, claim.alsoOurs)) continue;
      claim.isLost = true;
      claim.dueUs = Infinity;
      this.#options.count("address-conflicts");
      claim.lost(packet.senderMac.slice());
    }
  }

  /** Whether somebody else has shown itself with it in time: then it is not ours any more, and we say nothing about it. */
  isLost(address: Uint8Array): boolean {
    for (const claim of this.#claims) if (claim.isLost && sameAddress(claim.address, address)) return true;
    return false;
  }

  /** Somebody else uses our address: say once in a while that it is ours, and keep it (RFC 5227 §2.4 c). */
  defend(packet: ArpPacket): void {
    if (this.isLost(packet.senderIp)) return;
    const { nowUs } = this.#options.clock;
    this.#options.count("address-conflicts");
    const defence = this.#defenceOf(packet.senderIp);
    defence.untold++;
    if (nowUs - defence.atUs < DEFEND_INTERVAL_US) return;
    defence.atUs = nowUs;
    const { address, untold: times } = defence;
    defence.untold = 0;
    this.#options.output.announce(address);
    this.#options.conflict({ address, mac: packet.senderMac.slice(), times });
  }

  /** Whether nothing is due. */
  get isAtRest(): boolean {
    return this.#claims.size === 0;
  }

  /** The earliest deadline, Infinity when there is none. */
  get nextDeadlineUs(): number {
    let dueUs = Infinity;
    for (const claim of this.#claims) if (claim.dueUs < dueUs) dueUs = claim.dueUs;
    return dueUs;
  }

  /** Sends the probes and announcements that are due. */
  tick(): void {
    const { clock, output } = this.#options;
    for (const claim of this.#claims) {
      if (claim.dueUs > clock.nowUs) continue;
      if (claim.probesLeft > 0) {
        claim.probesLeft--;
        output.probe(claim.address);
        claim.dueUs = clock.nowUs + (claim.probesLeft > 0 ? PROBE_INTERVAL_US : ANNOUNCE_WAIT_US);
      } else {
        claim.announcementsLeft--;
        output.announce(claim.address);
        claim.dueUs = clock.nowUs + ANNOUNCE_INTERVAL_US;
        if (claim.announcementsLeft === 0) this.#claims.delete(claim);
      }
    }
  }

  #defenceOf(address: Uint8Array): Defence {
    let defence = this.#defences.find((known) => sameAddress(known.address, address));
    if (defence === undefined) {
      defence = { address: address.slice(), atUs: -Infinity, untold: 0 };
      this.#defences.push(defence);
    }
    return defence;
  }
}

/**
 * Whether somebody has the address, or is about to take it (RFC 5227 §2.1.1). A probe goes to everybody; a request from
 * nobody to one station alone is a switch that looks whether its hosts are there (RFC 5227 §1.1 calls only the first so).
 */
function isClaimOf(address: Uint8Array, packet: ArpPacket, { isBroadcast }: ArpArrival): boolean {
  if (sameAddress(packet.senderIp, address)) return true;
  return isBroadcast && packet.operation === ARP_OPERATION.REQUEST && isUnspecified(packet.senderIp) &&
    sameAddress(packet.targetIp, address);
}

/** A probe of our own that the network brings back. */
function isOwnProbe(packet: ArpPacket, ours: Uint8Array | null): boolean {
  return ours !== null && isUnspecified(packet.senderIp) && sameAddress(packet.senderMac, ours);
}
