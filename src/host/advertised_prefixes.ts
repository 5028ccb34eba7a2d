/**
 * AdvertisedPrefixes: the networks that routers say are on our link, and for how long.
 *
 * Owns: the list with its bounds and lifetimes. Must not know: routes, addresses of ours (autoconfiguration.ts).
 *
 * Implements RFC 4861 §6.3.4 (on-link prefixes) and §6.3.5 (their end).
 */
import { isMulticastAddress, sameAddress } from "../wire/address.ts";
import { isLinkLocal } from "../wire/address_scope.ts";
import { INFINITE_LIFETIME_SECONDS } from "../wire/router_messages.ts";

/** A prefix as a router advertises it (RFC 4861 §4.6.2). */
export interface PrefixWord {
  /** 16 bytes; those behind `prefixLength` bits say nothing. */
  readonly prefix: Uint8Array;
  readonly prefixLength: number;
  readonly isOnLink: boolean;
  readonly isAutonomous: boolean;
  /** {@link INFINITE_LIFETIME_SECONDS} for ever. */
  readonly validSeconds: number;
  readonly preferredSeconds: number;
}

/** Who hears of the list. */
export interface PrefixNews {
  /** It is on our link until then, Infinity for ever: new, or again. */
  prefix(prefix: Uint8Array, about: { length: number; untilUs: number }): void;
  prefixGone(prefix: Uint8Array, length: number): void;
}

/** What the list needs of its host. */
interface AdvertisedPrefixesOptions {
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  readonly news: PrefixNews;
  count(name: string): void;
}

interface AdvertisedPrefix {
  readonly prefix: Uint8Array;
  readonly length: number;
  /** Who has said so first. */
  readonly source: Uint8Array;
  untilUs: number;
}

/** Local choice: of one router, and of all together. A frame of 1,500 bytes tells of 45. */
const MOST_OF_A_ROUTER = 16;
const MOST_PREFIXES = 32;
const SECOND_US = 1_000_000;

/** A lifetime in microseconds. */
export function lifetimeUs(seconds: number): number {
  return seconds === INFINITE_LIFETIME_SECONDS ? Infinity : seconds * SECOND_US;
}

/**
 * Whether a prefix can be taken at all: the link-local one is on every link anyhow (RFC 4861 §6.3.4), and groups are no
 * network (RFC 4291 §2.7).
 */
export function isPossiblePrefix(prefix: Uint8Array): boolean {
  return !isLinkLocal(prefix) && !isMulticastAddress(prefix);
}

/** The first `length` bits of an address, the others zero. */
export function cutToPrefix(address: Uint8Array, length: number): Uint8Array {
  const cut = new Uint8Array(address.length);
  const whole = length >>> 3;
  cut.set(address.subarray(0, whole));
  if ((length & 7) !== 0) cut[whole] = address[whole] & (0xff << (8 - (length & 7)));
  return cut;
}

/** The on-link prefixes of one host. */
export class AdvertisedPrefixes {
  readonly #options: AdvertisedPrefixesOptions;
  readonly #prefixes: AdvertisedPrefix[] = [];
  #nextUs = Infinity;

  constructor(options: AdvertisedPrefixesOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#prefixes.length;
  }

  /** Takes a prefix out of an advertisement of `source`. Without the flag that it is on link, it says nothing of that. */
  take(word: PrefixWord, source: Uint8Array): void {
    if (!word.isOnLink) return;
    const { clock, news } = this.#options;
    const { prefixLength: length } = word;
    const prefix = cutToPrefix(word.prefix, length);
    let entry = this.#prefixes.find((known) => known.length === length && sameAddress(known.prefix, prefix));
    if (word.validSeconds === 0) {
      if (entry !== undefined) this.#remove(entry);
      return;
    }
    if (entry === undefined) {
      if (!this.#hasRoomFor(source)) {
        this.#options.count("ra-prefixes-refused");
        return;
      }
      entry = { prefix, length, source: source.slice(), untilUs: 0 };
      this.#prefixes.push(entry);
    }
    entry.untilUs = clock.nowUs + lifetimeUs(word.validSeconds);
    this.#schedule();
    news.prefix(entry.prefix, { length, untilUs: entry.untilUs });
  }

  /** The earliest deadline, Infinity when there is none. */
  get nextDeadlineUs(): number {
    return this.#nextUs;
  }

  /** Takes off those whose lifetime is over. */
  tick(): void {
    const { nowUs } = this.#options.clock;
    if (nowUs < this.#nextUs) return;
    for (const entry of this.#prefixes.filter(({ untilUs }) => untilUs <= nowUs)) this.#remove(entry);
  }

  #hasRoomFor(source: Uint8Array): boolean {
    if (this.#prefixes.length >= MOST_PREFIXES) return false;
    return this.#prefixes.filter((entry) => sameAddress(entry.source, source)).length < MOST_OF_A_ROUTER;
  }

  #remove(entry: AdvertisedPrefix): void {
    this.#prefixes.splice(this.#prefixes.indexOf(entry), 1);
    this.#schedule();
    this.#options.news.prefixGone(entry.prefix, entry.length);
  }

  #schedule(): void {
    let nextUs = Infinity;
    for (const { untilUs } of this.#prefixes) if (untilUs < nextUs) nextUs = untilUs;
    this.#nextUs = nextUs;
  }
}
