/**
 * AddressClaims: that an address is ours, and nobody else's, in either family (RFC 5227, RFC 4862 §5.4).
 *
 * Owns: probes, announcements, what counts as a conflict, and the defence. Must not know: the packets of ARP and NDP, the
 * cache of neighbors, what becomes of a host that has lost its address.
 *
 * Deviation: an address is answered for, and used, while the probing still goes on (RFC 5227 §2.1.1 and RFC 4862 §5.4 wait
 * for its end), because somebody waits; the first probes went out before (address_choice.ts), and until the end whoever has
 * it is told so by everything that we send.
 */
import { sameAddress } from "../wire/address.ts";

/** RFC 5227 §1.1: DEFEND_INTERVAL; RFC 4862 has no defence, so that it is the same there. */
const DEFEND_INTERVAL_US = 10_000_000;

/** How an address is claimed: what is sent after the first probes, and when. */
interface ClaimPace {
  readonly probes: number;
  /** Before each probe. */
  readonly probeIntervalUs: number;
  /** Between the last probe and the first announcement. */
  readonly waitUs: number;
  readonly announcements: number;
  readonly announceIntervalUs: number;
}

/**
 * RFC 5227 §1.1: PROBE_MIN, ANNOUNCE_WAIT, ANNOUNCE_NUM, ANNOUNCE_INTERVAL. Local choice: always the least interval; of
 * PROBE_NUM, which is three, whoever claims has sent the first before, so that two are left.
 */
const ARP_PACE: ClaimPace = {
  probes: 2,
  probeIntervalUs: 1_000_000,
  waitUs: 2_000_000,
  announcements: 2,
  announceIntervalUs: 2_000_000,
};

/**
 * RFC 4862 §5.1: DupAddrDetectTransmits is 1, and RetransTimer (RFC 4861 §10: 1 s) later the address is ours; what is sent
 * before it comes up to MAX_RTR_SOLICITATION_DELAY late (§5.4.2). RFC 4861 §7.2.6: MAX_NEIGHBOR_ADVERTISEMENT.
 */
const NDP_PACE: ClaimPace = {
  probes: 1,
  probeIntervalUs: 1_000_000,
  waitUs: 1_000_000,
  announcements: 3,
  announceIntervalUs: 1_000_000,
};

const IPV4_BYTES = 4;

/** How addresses of one family are asked for and announced. */
export interface ClaimProtocol {
  /** Asks everybody who has the address, as nobody: so that no cache learns from it. */
  probe(address: Uint8Array): void;
  /** Tells everybody that it is ours. */
  announce(address: Uint8Array): void;
}

/** What somebody else says about an address in a packet. */
export interface AddressWord {
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
  /** It is about to take the address, and asks as we do; otherwise it has it. */
  readonly isProbe: boolean;
}

/** Somebody else says that an address of ours is its own. */
export interface AddressConflict {
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
  /** How many such packets have come since the last one that was told. */
  readonly times: number;
}

/** What is told of a claim. */
export interface ClaimOutcome {
  /** Somebody else has the address, or wants it too. */
  lost(mac: Uint8Array): void;
  /** Nobody has: it is defended from now on. */
  kept?(): void;
  /** The hardware address from which the first probes were sent, which may come back by a loop of the network. */
  readonly alsoOurs: Uint8Array | null;
}

/** What claims are made with. */
interface AddressClaimsOptions {
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  /** Who asks for addresses of so many bytes. */
  protocolOf(addressBytes: number): ClaimProtocol;
  /** Called for a conflict that we defend our address against, once in {@link DEFEND_INTERVAL_US} for each address. */
  conflict(conflict: AddressConflict): void;
  count(name: string): void;
}

interface Probe {
  readonly address: Uint8Array;
  readonly found: (mac: Uint8Array) => void;
}

interface Claim {
  readonly address: Uint8Array;
  readonly outcome: ClaimOutcome;
  readonly pace: ClaimPace;
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
  /** Those that are not decided, or not all announced, and those that are lost: one an address. */
  readonly #claims = new Set<Claim>();
  /** One for each address of ours that had to be defended. */
  readonly #defences: Defence[] = [];

  constructor(options: AddressClaimsOptions) {
    this.#options = options;
  }

  /**
   * Sends one probe (RFC 5227 §2.1.1, RFC 4862 §5.4.2) and tells `found` of every stranger that shows itself with the
   * address, or probes for it as we do, until the returned function is called.
   */
  probe(address: Uint8Array, found: (mac: Uint8Array) => void): () => void {
    const entry: Probe = { address: address.slice(), found };
    this.#probes.add(entry);
    this.#protocolOf(address).probe(address);
    return () => {
      this.#probes.delete(entry);
    };
  }

  /**
   * Takes an address that is in use by us from now on, though the probing goes on: four seconds for IPv4, two for IPv6, in
   * which `lost` is called when somebody else has it or wants it too (RFC 5227 §2.1.1, RFC 4862 §5.4.3, §5.4.4), once.
   * Otherwise `kept` is called then, and only then it is announced (RFC 5227 §2.3, RFC 4861 §7.2.6), because an announcement
   * turns everybody away from whoever has it. Afterwards it is defended.
   */
  claim(address: Uint8Array, outcome: ClaimOutcome): void {
    this.forget(address);
    const pace = address.length === IPV4_BYTES ? ARP_PACE : NDP_PACE;
    this.#claims.add({
      address: address.slice(),
      outcome,
      pace,
      isLost: false,
      probesLeft: pace.probes,
      announcementsLeft: pace.announcements,
      dueUs: this.#options.clock.nowUs + pace.probeIntervalUs,
    });
  }

  /** The address is none of ours any more: nothing is sent for it, and nothing kept. */
  forget(address: Uint8Array): void {
    for (const claim of this.#claims) if (sameAddress(claim.address, address)) this.#claims.delete(claim);
    const at = this.#defences.findIndex((known) => sameAddress(known.address, address));
    if (at >= 0) this.#defences.splice(at, 1);
  }

  /** Tells everybody, once, that the address is ours. */
  announce(address: Uint8Array): void {
    this.#protocolOf(address).announce(address);
  }

  /** Takes what somebody else says about an address: of our own, or one that is probed for, or any other. */
  arrives(word: AddressWord): void {
    for (const probe of this.#probes) {
      if (sameAddress(probe.address, word.address)) probe.found(word.mac.slice());
    }
    for (const claim of this.#claims) {
      if (claim.isLost || isDecided(claim) || !sameAddress(claim.address, word.address)) continue;
      if (isOwnProbe(word, claim.outcome.alsoOurs)) continue;
      claim.isLost = true;
      claim.dueUs = Infinity;
      this.#options.count("address-conflicts");
      claim.outcome.lost(word.mac.slice());
    }
  }

  /** Whether somebody else has shown itself with it in time: then it is not ours any more, and we say nothing about it. */
  isLost(address: Uint8Array): boolean {
    for (const claim of this.#claims) if (claim.isLost && sameAddress(claim.address, address)) return true;
    return false;
  }

  /** Whether it may still turn out to be somebody else's (RFC 4862 §2: tentative). */
  isTentative(address: Uint8Array): boolean {
    for (const claim of this.#claims) {
      if (!claim.isLost && !isDecided(claim) && sameAddress(claim.address, address)) return true;
    }
    return false;
  }

  /** Somebody else uses our address: say once in a while that it is ours, and keep it (RFC 5227 §2.4 c). */
  defend(word: AddressWord): void {
    if (this.isLost(word.address)) return;
    const { nowUs } = this.#options.clock;
    this.#options.count("address-conflicts");
    const defence = this.#defenceOf(word.address);
    defence.untold++;
    if (nowUs - defence.atUs < DEFEND_INTERVAL_US) return;
    defence.atUs = nowUs;
    const { address, untold: times } = defence;
    defence.untold = 0;
    this.announce(address);
    this.#options.conflict({ address, mac: word.mac.slice(), times });
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
    const { nowUs } = this.#options.clock;
    for (const claim of this.#claims) if (claim.dueUs <= nowUs) this.#goOn(claim, nowUs);
  }

  #goOn(claim: Claim, nowUs: number): void {
    const { address, outcome, pace } = claim;
    if (claim.probesLeft > 0) {
      claim.probesLeft--;
      claim.dueUs = nowUs + (claim.probesLeft > 0 ? pace.probeIntervalUs : pace.waitUs);
      this.#protocolOf(address).probe(address);
      return;
    }
    const isFirst = !isDecided(claim);
    claim.announcementsLeft--;
    claim.dueUs = nowUs + pace.announceIntervalUs;
    if (claim.announcementsLeft === 0) this.#claims.delete(claim);
    this.announce(address);
    if (isFirst) outcome.kept?.();
  }

  #protocolOf(address: Uint8Array): ClaimProtocol {
    return this.#options.protocolOf(address.length);
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

/** Announced: that was not questioned in time, so it is defended. */
function isDecided(claim: Claim): boolean {
  return claim.announcementsLeft < claim.pace.announcements;
}

/** A probe of our own that the network brings back (RFC 4862 §5.4.3, RFC 7527 §2.1). */
function isOwnProbe(word: AddressWord, ours: Uint8Array | null): boolean {
  return word.isProbe && ours !== null && sameAddress(word.mac, ours);
}
