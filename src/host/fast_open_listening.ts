/**
 * FastOpenListening: what one listener wants of Fast Open (RFC 7413), and how many of its requests are pending.
 *
 * Owns: the bound of §5.1, and that who resets its connection before the handshake is over still counts for a while: else a
 * flood with forged addresses, whose owners reset what they have not asked for, would never reach the bound. Must not know:
 * cookies' making, segments.
 */
import type { FastOpenSettings } from "../tcp/fast_open_settings.ts";
import type { FastOpenListenOptions } from "./fast_open_api.ts";
import { FastOpenCookies } from "./fast_open_cookies.ts";

/** Most that the bound may be: of the order of the largest backlogs. */
const MOST_PENDING = 0x10000;

/** The Fast Open of one listener. */
export class FastOpenListening {
  /** Bound on pending requests; 0: no Fast Open. */
  limit = 0;
  withoutCookie = false;
  /** Of keys of its own; null: the host's. */
  cookies: FastOpenCookies | null = null;
  /** Connections in SYN_RCVD that came with a good cookie. */
  #pending = 0;
  /** Until when those count that were reset, in order. */
  readonly #resets: number[] = [];

  /** Whether it does any Fast Open. */
  get isOn(): boolean {
    return this.limit > 0;
  }

  /** Changes what is given. Throws RangeError for a bound or keys that cannot be, and changes nothing then. */
  change(changes: FastOpenListenOptions, settings: FastOpenSettings): void {
    const { fastOpen = this.limit, fastOpenWithoutCookie = this.withoutCookie, fastOpenKeys } = changes;
    if (!Number.isInteger(fastOpen) || fastOpen < 0 || fastOpen > MOST_PENDING) {
      throw new RangeError(
        `Expected a bound on pending Fast Opens from 0 to ${MOST_PENDING}, got ${fastOpen}`,
      );
    }
    if (fastOpenKeys !== undefined) this.cookies = new FastOpenCookies(fastOpenKeys, settings);
    this.limit = fastOpen;
    this.withoutCookie = fastOpenWithoutCookie;
  }

  /** Requests that count: those that are pending, and those that were reset lately. */
  pendingAt(nowUs: number): number {
    while (this.#resets.length > 0 && this.#resets[0] <= nowUs) this.#resets.shift();
    return this.#pending + this.#resets.length;
  }

  /** A request has been accepted. */
  begins(): void {
    this.#pending++;
  }

  /** Its handshake is over, or it has gone; `holdUntilUs`: it was reset, and counts until then. */
  ends(holdUntilUs: number | null): void {
    this.#pending--;
    if (holdUntilUs !== null) this.#resets.push(holdUntilUs);
  }
}
