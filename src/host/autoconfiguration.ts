/**
 * Autoconfiguration: addresses of ours that are made of an advertised prefix and our interface identifier (SLAAC).
 *
 * Owns: which are made, which lifetimes are believed, and the bound on them. Must not know: whether somebody else has one of
 * them (address_claims.ts; that is told by {@link Autoconfiguration.lost}), which one is used, and what becomes of it when
 * its time is over (own_addresses.ts).
 *
 * Implements RFC 4862 §5.5.3. Temporary addresses (RFC 8981) are not made: a server wants to be found.
 */
import { sameAddress } from "../wire/address.ts";
import { addressFromMac } from "../wire/derived_address.ts";
import { lifetimeUs, type PrefixWord } from "./advertised_prefixes.ts";

/** Who hears of addresses. */
export interface AddressNews {
  /** An address to be had, or its times have changed: until then, Infinity for ever. A new one is to be probed for first. */
  address(
    address: Uint8Array,
    about: { prefixLength: number; preferredUntilUs: number; validUntilUs: number; isNew: boolean },
  ): void;
}

/** What is needed of the host. */
interface AutoconfigurationOptions {
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  /** Our hardware address, of which the identifier is made. */
  readonly mac: Uint8Array;
  readonly news: AddressNews;
  /** Whether a person has given the host this address: that one is no business of routers. */
  isOurs(address: Uint8Array): boolean;
  count(name: string): void;
}

interface MadeAddress {
  readonly address: Uint8Array;
  /** Who has caused it. */
  readonly source: Uint8Array;
  validUntilUs: number;
  /** Another station has it: it is not used, and not made again. */
  isLost: boolean;
}

/** Local choice: of one router, and of all together (Linux's `max_addresses` is 16). */
const MOST_OF_A_ROUTER = 8;
const MOST_ADDRESSES = 16;
/** RFC 4862 §5.5.3 (d): prefix and identifier are 128 bits together; the identifier has 64 (RFC 4291 §2.5.1). */
const PREFIX_BITS = 64;
/** RFC 4862 §5.5.3 (e). */
const TWO_HOURS_US = 7_200_000_000;

/** The addresses of one host that were made by advertisements. */
export class Autoconfiguration {
  readonly #options: AutoconfigurationOptions;
  #made: MadeAddress[] = [];
  #nextUs = Infinity;

  constructor(options: AutoconfigurationOptions) {
    this.#options = options;
  }

  /** How many there are, those that others have among them. */
  get size(): number {
    return this.#made.length;
  }

  /** Takes a prefix out of an advertisement of `source`. */
  take(word: PrefixWord, source: Uint8Array): void {
    if (!word.isAutonomous) return;
    const { clock, mac, news, count } = this.#options;
    if (word.prefixLength !== PREFIX_BITS || word.preferredSeconds > word.validSeconds) {
      count("ra-bad-prefix");
      return;
    }
    const address = addressFromMac(word.prefix, mac);
    const known = this.#made.find((made) => sameAddress(made.address, address));
    if (known === undefined) {
      if (word.validSeconds === 0 || this.#options.isOurs(address)) return;
      if (!this.#hasRoomFor(source)) {
        count("ra-addresses-refused");
        return;
      }
    }
    const made = known ?? { address, source: source.slice(), validUntilUs: -Infinity, isLost: false };
    if (known === undefined) this.#made.push(made);
    const leftUs = made.validUntilUs - clock.nowUs;
    made.validUntilUs = clock.nowUs +
      (known === undefined ? lifetimeUs(word.validSeconds) : believedUs(word, leftUs));
    this.#schedule();
    if (made.isLost) return;
    news.address(address, {
      prefixLength: PREFIX_BITS,
      // The rule keeps an address valid, not preferred; beyond its end it is neither.
      preferredUntilUs: Math.min(clock.nowUs + lifetimeUs(word.preferredSeconds), made.validUntilUs),
      validUntilUs: made.validUntilUs,
      isNew: known === undefined,
    });
  }

  /** Somebody else has this one: it is not made again before its lifetime is over (RFC 4862 §5.4.5). */
  lost(address: Uint8Array): void {
    const made = this.#made.find((one) => sameAddress(one.address, address));
    if (made !== undefined) made.isLost = true;
  }

  /** The earliest deadline, Infinity when there is none. */
  get nextDeadlineUs(): number {
    return this.#nextUs;
  }

  /** Forgets those that are valid no longer. */
  tick(): void {
    const { nowUs } = this.#options.clock;
    if (nowUs < this.#nextUs) return;
    this.#made = this.#made.filter(({ validUntilUs }) => validUntilUs > nowUs);
    this.#schedule();
  }

  #hasRoomFor(source: Uint8Array): boolean {
    if (this.#made.length >= MOST_ADDRESSES) return false;
    return this.#made.filter((made) => sameAddress(made.source, source)).length < MOST_OF_A_ROUTER;
  }

  #schedule(): void {
    let nextUs = Infinity;
    for (const { validUntilUs } of this.#made) if (validUntilUs < nextUs) nextUs = validUntilUs;
    this.#nextUs = nextUs;
  }
}

/** RFC 4862 §5.5.3 (e): nobody ends an address sooner than in two hours by an advertisement, which anybody can send. */
function believedUs({ validSeconds }: PrefixWord, leftUs: number): number {
  const saidUs = lifetimeUs(validSeconds);
  if (saidUs > TWO_HOURS_US || saidUs > leftUs) return saidUs;
  return leftUs <= TWO_HOURS_US ? leftUs : TWO_HOURS_US;
}
