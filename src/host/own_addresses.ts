/**
 * OwnAddresses: the addresses of a host, of both families, and what they say about others.
 *
 * Owns: which addresses are ours and in which state each of them is, which can be one other host's. Must not know: frames,
 * hardware addresses, connections, where packets go (routes.ts), how an address is found to be free (address_claims.ts).
 *
 * Implements RFC 4862 §5.5.4 (deprecated and invalid addresses), RFC 1122 §3.2.1.3 and RFC 4291 §2.5 (whose address it can be).
 */
import {
  bytesEqual,
  formatIpAddress,
  isDirectedBroadcast,
  isIpv4Mapped,
  isLimitedBroadcast,
  isLoopback,
  isMulticastAddress,
  isUnspecified,
  sameAddress,
} from "../wire/address.ts";
import { isLinkLocal } from "../wire/address_scope.ts";
import { linkLocalFromMac } from "../wire/derived_address.ts";
import { whyNoHostAddress } from "../wire/host_address.ts";
import { IPV4 } from "../wire/ipv4.ts";
import { IPV6 } from "../wire/ipv6.ts";
import { HostError } from "./host_error.ts";

/** An address of a host with the length of its network's prefix. */
export interface HostAddress {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Bits of its network. */
  readonly prefixLength: number;
}

/**
 * What may be done with an address (RFC 4862 §2): nothing yet, because others are still asked whether it is theirs;
 * everything; no new connections of ours; nothing any more, because somebody else has it.
 */
export type AddressState = "tentative" | "preferred" | "deprecated" | "lost";

/** What is known of an address of ours. */
export interface OwnAddress extends HostAddress {
  readonly state: AddressState;
  /** Whether a router's advertisement made it; then its prefix alone says nothing about who is on the link (RFC 5942 §4). */
  readonly isAutomatic: boolean;
  /** When it is deprecated, and when it goes; Infinity for one that was given to us. */
  readonly preferredUntilUs: number;
  readonly validUntilUs: number;
}

/** How an address begins; what is absent is as for one that was given to us and needs no questions. */
export type AddressBeginning = Partial<Omit<OwnAddress, "address" | "prefixLength">>;

/** Local choice: addresses that router advertisements make; Linux's `max_addresses` is as large. */
const MOST_AUTOMATIC = 16;

/** The same, and it changes. */
class Entry implements OwnAddress {
  state: AddressState;
  readonly isAutomatic: boolean;
  preferredUntilUs: number;
  validUntilUs: number;

  constructor(readonly address: Uint8Array, readonly prefixLength: number, about: AddressBeginning) {
    this.state = about.state ?? "preferred";
    this.isAutomatic = about.isAutomatic ?? false;
    this.preferredUntilUs = about.preferredUntilUs ?? Infinity;
    this.validUntilUs = about.validUntilUs ?? Infinity;
  }

  get isLive(): boolean {
    return this.state === "preferred" || this.state === "deprecated";
  }
}

/** The addresses of one host. */
export class OwnAddresses {
  #all: Entry[] = [];
  /** Those that are in use, by family: looked at for every packet. The one that was found last comes first. */
  #live4: Uint8Array[] = [];
  #live6: Uint8Array[] = [];

  /** Throws for what cannot be the address of a host, and for one that is named twice. */
  constructor(addresses: readonly HostAddress[]) {
    for (const { address, prefixLength } of addresses) {
      const text = formatIpAddress(address);
      if (!isUsable(address, prefixLength)) {
        throw new Error(`${text}/${prefixLength} cannot be the address of a host. Give another one.`);
      }
      if (this.find(address) !== null) throw new Error(`${text} is given twice. Give it once.`);
      this.add(address, prefixLength);
    }
  }

  /** All of them, in the order in which they came; those that are not in use among them. */
  get all(): readonly OwnAddress[] {
    return this.#all;
  }

  /** What is known of one of them, null when it is none. */
  find(address: Uint8Array): OwnAddress | null {
    return this.#entry(address);
  }

  /** Whether the `addressBytes` bytes at `offset` are one of them that is in use. */
  isOurs(bytes: Uint8Array, offset = 0, addressBytes: number = IPV4.ADDRESS_BYTES): boolean {
    const live = addressBytes === IPV4.ADDRESS_BYTES ? this.#live4 : this.#live6;
    for (let i = 0; i < live.length; i++) {
      const address = live[i];
      if (!bytesEqual(bytes, offset, address)) continue;
      if (i > 0) {
        live[i] = live[0];
        live[0] = address;
      }
      return true;
    }
    return false;
  }

  /**
   * Whether it can be the address of one host that is not we (MUST-63). Not ::ffff:0:0/96 either: a program that takes such
   * packets for IPv4 ones is fooled about who sent them (RFC 4942 §2.2).
   */
  isHostAddress(address: Uint8Array): boolean {
    if (isMulticastAddress(address) || isUnspecified(address) || isLoopback(address)) return false;
    if (isIpv4Mapped(address) || isLimitedBroadcast(address)) return false;
    return !this.#isBroadcast(address) && !this.isOurs(address, 0, address.length);
  }

  /** What it is instead, where {@link OwnAddresses.isHostAddress} says no. */
  whatInstead(address: Uint8Array): string {
    if (this.isOurs(address, 0, address.length)) return "this host's own, and nothing loops back";
    if (this.#isBroadcast(address)) return "the broadcast address of a network of this host";
    return whyNoHostAddress(address) ?? "one that this host cannot use";
  }

  /** Throws when `address` is not one of them that is in use. */
  demandOurs(address: Uint8Array): void {
    if (this.isOurs(address, 0, address.length)) return;
    throw new HostError(
      "EADDRNOTAVAIL",
      `${formatIpAddress(address)} is not an address of this host. Give one of its own, or none.`,
    );
  }

  /** The link-local IPv6 address that is in use, null when there is none. */
  linkLocal(): Uint8Array | null {
    for (const { address, isLive } of this.#all) {
      if (isLive && address.length === IPV6.ADDRESS_BYTES && isLinkLocal(address)) return address;
    }
    return null;
  }

  // -- Changes

  /**
   * Adds one behind the others, or takes over the lifetimes where it is there and a router's advertisement has made it.
   * Returns whether it is there now: not what cannot be a host's address, nor more automatic ones than there may be.
   */
  add(address: Uint8Array, prefixLength: number, about: AddressBeginning = {}): boolean {
    if (!isUsable(address, prefixLength)) return false;
    const known = this.#entry(address);
    if (known !== null) {
      if (known.isAutomatic) this.#prolong(known, about);
      return true;
    }
    if (about.isAutomatic && this.#automaticCount() >= MOST_AUTOMATIC) return false;
    this.#all.push(new Entry(address.slice(), prefixLength, about));
    this.#relist();
    return true;
  }

  /**
   * Adds the link-local IPv6 address that belongs to the hardware address (RFC 4862 §5.3), unless there is a link-local one.
   * Returns the one that is there now, in use or not.
   */
  addLinkLocal(mac: Uint8Array, about: AddressBeginning = {}): Uint8Array {
    for (const { address } of this.#all) {
      if (address.length === IPV6.ADDRESS_BYTES && isLinkLocal(address)) return address;
    }
    const address = linkLocalFromMac(mac);
    this.add(address, 64, about);
    return address;
  }

  /** Takes one out; returns whether it was there. */
  remove(address: Uint8Array): boolean {
    const entry = this.#entry(address);
    if (entry === null) return false;
    this.#all = this.#all.filter((other) => other !== entry);
    this.#relist();
    return true;
  }

  /** It is found to be free, or to be somebody else's. Returns whether it is one of them. */
  change(address: Uint8Array, state: AddressState): boolean {
    const entry = this.#entry(address);
    if (entry === null) return false;
    entry.state = state;
    this.#relist();
    return true;
  }

  // -- Deadlines

  /** Whether no lifetime runs. */
  get isAtRest(): boolean {
    return this.nextDeadlineUs === Infinity;
  }

  /** When the next one is deprecated or goes, Infinity when none does. */
  get nextDeadlineUs(): number {
    return this.#dueUs;
  }

  /** Deprecates those whose preferred lifetime is over, and takes out those whose valid one is; gives the latter. */
  expire(nowUs: number): readonly Uint8Array[] {
    if (nowUs < this.#dueUs) return [];
    const gone: Uint8Array[] = [];
    for (const entry of this.#all) {
      if (entry.validUntilUs <= nowUs) gone.push(entry.address);
      else if (entry.state === "preferred" && entry.preferredUntilUs <= nowUs) entry.state = "deprecated";
    }
    this.#all = this.#all.filter(({ validUntilUs }) => validUntilUs > nowUs);
    this.#relist();
    return gone;
  }

  #dueUs = Infinity;

  #prolong(entry: Entry, { preferredUntilUs, validUntilUs }: AddressBeginning): void {
    entry.preferredUntilUs = preferredUntilUs ?? entry.preferredUntilUs;
    entry.validUntilUs = validUntilUs ?? entry.validUntilUs;
    // The next look at the lifetimes deprecates it again where that holds still.
    if (entry.state === "deprecated") entry.state = "preferred";
    this.#relist();
  }

  #relist(): void {
    const live = this.#all.filter(({ isLive }) => isLive).map(({ address }) => address);
    this.#live4 = live.filter(({ length }) => length === IPV4.ADDRESS_BYTES);
    this.#live6 = live.filter(({ length }) => length === IPV6.ADDRESS_BYTES);
    this.#dueUs = Infinity;
    for (const { state, preferredUntilUs, validUntilUs } of this.#all) {
      const dueUs = state === "preferred" ? Math.min(preferredUntilUs, validUntilUs) : validUntilUs;
      if (dueUs < this.#dueUs) this.#dueUs = dueUs;
    }
  }

  #entry(address: Uint8Array): Entry | null {
    return this.#all.find((entry) => sameAddress(entry.address, address)) ?? null;
  }

  #automaticCount(): number {
    return this.#all.reduce((count, { isAutomatic }) => isAutomatic ? count + 1 : count, 0);
  }

  #isBroadcast(address: Uint8Array): boolean {
    return this.#all.some((ours) => isDirectedBroadcast(address, ours.address, ours.prefixLength));
  }
}

/** Whether a host can have the address in a network with a prefix of so many bits. */
function isUsable(address: Uint8Array, prefixLength: number): boolean {
  const { length } = address;
  if (length !== IPV4.ADDRESS_BYTES && length !== IPV6.ADDRESS_BYTES) return false;
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > length * 8) return false;
  return !isMulticastAddress(address) && !isUnspecified(address) && !isLoopback(address) &&
    !isIpv4Mapped(address) && !isLimitedBroadcast(address);
}
