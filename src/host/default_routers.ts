/**
 * DefaultRouters: the IPv6 routers that say that they take what goes elsewhere, and for how long.
 *
 * Owns: who is taken, with the bound and the lifetimes, and what a person is told of it. Must not know: which of them is used
 * (routes.ts), how an advertisement looks, hardware addresses of others.
 *
 * Implements RFC 4861 §6.3.4 (default routers) and §6.3.5 (their end), RFC 4191 §2.2 (preferences).
 *
 * Who fills the list first cannot be pushed out by whoever comes later, however often: a newcomer takes the place of one
 * alone that was asked for and did not answer.
 */
import { formatIpAddress, formatMac, sameAddress } from "../wire/address.ts";
import type { RouterPreference } from "../wire/router_messages.ts";

/** What the neighbor cache knows of a router: it answers, it was asked and does not, or nobody has asked. */
export type Reachability = "reachable" | "unreachable" | "unknown";

/** What a router says of itself. */
export interface RouterWord {
  readonly address: Uint8Array;
  /** Seconds; 0 takes it off the list. */
  readonly lifetimeSeconds: number;
  readonly preference: RouterPreference;
  /** Its hardware address, null where it does not say. */
  readonly mac: Uint8Array | null;
}

/** Who hears of the list. */
export interface RouterNews {
  /** It is a default router until then: new, or again. */
  router(
    address: Uint8Array,
    about: { untilUs: number; preference: RouterPreference; mac: Uint8Array | null },
  ): void;
  /** It is none any more. */
  routerGone(address: Uint8Array): void;
  /** For a person: `router-found`, `router-gone`, `routers-changed`. */
  notice(kind: string, message: string): void;
}

/** What the list needs of its host. */
interface DefaultRoutersOptions {
  /** Time, microseconds. */
  readonly clock: { readonly nowUs: number };
  readonly news: RouterNews;
  reachability(address: Uint8Array): Reachability;
  count(name: string): void;
}

/** One of the list. */
interface DefaultRouter {
  readonly address: Uint8Array;
  untilUs: number;
  preference: RouterPreference;
  /** It was asked for and did not answer, and has not been seen to do so since. */
  isSilent: boolean;
  /** Up to when its advertisements have been paid for. */
  spentUs: number;
}

/** Local choice: RFC 4861 §6.3.4 wants room for two at least; a link has one or two, a laboratory's a few more. */
const MOST_ROUTERS = 8;
/** Local choice: a router may send one in three seconds (RFC 4861 §10), and one more for each host that asks. */
const ADVERTISEMENT_INTERVAL_US = 100_000;
const ADVERTISEMENT_BURST_US = 10 * ADVERTISEMENT_INTERVAL_US;
/** Local choice: what a person reads. What happens within it is told as one. */
const NOTICE_INTERVAL_US = 10_000_000;
const SECOND_US = 1_000_000;

const PREFERENCES = { "1": "high", "0": "medium", "-1": "low" } as const;

/** The default routers of one host. */
export class DefaultRouters {
  readonly #options: DefaultRoutersOptions;
  /** In the order in which they were found. */
  readonly #routers: DefaultRouter[] = [];
  #nextUs = Infinity;
  #toldUs = -Infinity;
  #untold = 0;

  constructor(options: DefaultRoutersOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#routers.length;
  }

  /** Whether one more advertisement of a router on the list is to be read now; null when it is not on it. */
  admits(address: Uint8Array): boolean | null {
    const router = this.#find(address);
    if (router === null) return null;
    const { nowUs } = this.#options.clock;
    const spentUs = Math.max(router.spentUs, nowUs);
    if (spentUs - nowUs >= ADVERTISEMENT_BURST_US) return false;
    router.spentUs = spentUs + ADVERTISEMENT_INTERVAL_US;
    return true;
  }

  /** Takes what a router says of itself; false when it was refused, because the list is full. */
  take(word: RouterWord): boolean {
    const { clock, news } = this.#options;
    const known = this.#find(word.address);
    if (word.lifetimeSeconds === 0) {
      if (known !== null) this.#remove(known, "it says so");
      return true;
    }
    if (known === null && this.#routers.length >= MOST_ROUTERS && !this.#makeRoom()) {
      this.#options.count("ra-routers-refused");
      return false;
    }
    const { preference } = word;
    const router = known ??
      { address: word.address.slice(), untilUs: 0, preference, isSilent: false, spentUs: clock.nowUs };
    router.untilUs = clock.nowUs + word.lifetimeSeconds * SECOND_US;
    router.preference = preference;
    if (known === null) this.#routers.push(router);
    this.#schedule();
    const mac = word.mac?.slice() ?? null;
    news.router(router.address, { untilUs: router.untilUs, preference, mac });
    if (known === null) this.#tellFound(word);
    return true;
  }

  /** A neighbor says that it is no router (RFC 4861 §7.2.5); of one that is not on the list, nothing. */
  isHostNow(address: Uint8Array): void {
    const router = this.#find(address);
    if (router !== null) this.#remove(router, "it says that it is a host");
  }

  /** It was asked for its hardware address and did not answer: another may have its place. It stays until one wants that. */
  doesNotAnswer(address: Uint8Array): void {
    const router = this.#find(address);
    if (router !== null) router.isSilent = true;
  }

  /** The earliest deadline, Infinity when there is none. */
  get nextDeadlineUs(): number {
    return this.#nextUs;
  }

  /** Takes off those whose lifetime is over, and tells what was folded. */
  tick(): void {
    const { nowUs } = this.#options.clock;
    if (nowUs < this.#nextUs) return;
    for (const router of this.#routers.filter(({ untilUs }) => untilUs <= nowUs)) {
      this.#remove(router, "its lifetime is over");
    }
    if (this.#untold > 0 && nowUs - this.#toldUs >= NOTICE_INTERVAL_US) this.#tellFolded();
    this.#schedule();
  }

  #find(address: Uint8Array): DefaultRouter | null {
    return this.#routers.find((router) => sameAddress(router.address, address)) ?? null;
  }

  /** Takes off one that does not answer, the least preferred; false when there is none. */
  #makeRoom(): boolean {
    let silent: DefaultRouter | null = null;
    for (const router of this.#routers) {
      const known = this.#options.reachability(router.address);
      if (known === "reachable") router.isSilent = false;
      if (!router.isSilent && known !== "unreachable") continue;
      if (silent === null || router.preference < silent.preference) silent = router;
    }
    if (silent === null) return false;
    this.#remove(silent, "it does not answer, and another takes its place");
    return true;
  }

  #remove(router: DefaultRouter, why: string): void {
    this.#routers.splice(this.#routers.indexOf(router), 1);
    this.#schedule();
    this.#options.news.routerGone(router.address);
    this.#tell("router-gone", `${formatIpAddress(router.address)} is no default router any more: ${why}`);
  }

  // -- What a person is told

  #tellFound({ address, lifetimeSeconds, preference, mac }: RouterWord): void {
    const station = mac === null ? "" : ` (${formatMac(mac)})`;
    this.#tell(
      "router-found",
      `${formatIpAddress(address)}${station} is a default router by its own advertisement: ` +
        `for ${lifetimeSeconds} s, preference ${PREFERENCES[preference]}`,
    );
  }

  #tell(kind: string, message: string): void {
    const { clock, news } = this.#options;
    if (clock.nowUs - this.#toldUs < NOTICE_INTERVAL_US) {
      this.#untold++;
      this.#schedule();
      return;
    }
    // What is folded is told by the tick that may be late.
    if (this.#untold > 0) this.#tellFolded();
    this.#toldUs = clock.nowUs;
    news.notice(kind, message);
  }

  #tellFolded(): void {
    const times = this.#untold === 1 ? "once more" : `${this.#untold} times more`;
    const now = this.#routers.map(({ address }) => formatIpAddress(address)).join(", ");
    this.#untold = 0;
    this.#toldUs = this.#options.clock.nowUs;
    this.#options.news.notice(
      "routers-changed",
      `The default routers have changed ${times}; now ${now === "" ? "there is none" : `there are: ${now}`}`,
    );
  }

  #schedule(): void {
    let nextUs = this.#untold > 0 ? this.#toldUs + NOTICE_INTERVAL_US : Infinity;
    for (const { untilUs } of this.#routers) if (untilUs < nextUs) nextUs = untilUs;
    this.#nextUs = nextUs;
  }
}
