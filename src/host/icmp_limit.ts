/**
 * IcmpLimit: how many ICMP messages of a kind leave, echo replies or errors (RFC 4443 §2.4 (f), RFC 1812 §4.3.2.8).
 *
 * Owns: the bounds, for one asker and for all together. Must not know: what a message is.
 *
 * Each bound is a time that moves on by one interval with every message, and may be ahead of now by a burst: a token bucket
 * in which nothing has to be filled up again. Askers share a fixed number of such times by a keyed hash of their address, so
 * that a flood from addresses without end costs no memory, and nobody can aim at another's.
 */

/** Local choice: 8 KiB. */
const SLOTS = 1024;

/** So much for one asker, and for all of them. */
export interface IcmpRates {
  readonly hostIntervalUs: number;
  /** As many at once. */
  readonly hostBurst: number;
  readonly allIntervalUs: number;
  readonly allBurst: number;
}

/**
 * Local choice for errors: nobody needs more than a few a second; ten ports at once are what traceroute tries. As many as
 * Linux sends in all at once; RFC 4443 §2.4 (f) has 10 and 10 a second as an example for a small device.
 */
export const ERROR_RATES: IcmpRates = {
  hostIntervalUs: 100_000,
  hostBurst: 10,
  allIntervalUs: 10_000,
  allBurst: 50,
};

/** The limit of one host for one kind of message. */
export class IcmpLimit {
  readonly #hostUs = new Float64Array(SLOTS);
  readonly #rates: IcmpRates;
  readonly #seed: number;
  #allUs = -Infinity;

  /** `seed`: 32 bits that nobody outside knows. */
  constructor(seed: number, rates: IcmpRates) {
    this.#seed = seed | 0;
    this.#rates = rates;
    this.#hostUs.fill(-Infinity);
  }

  /**
   * Whether a message to the address may leave at `nowUs`; then it counts as sent. One that is dear counts as `cost`
   * messages: it may leave as long as there is room for one, and what comes after it waits.
   */
  take(address: Uint8Array, nowUs: number, cost = 1): boolean {
    const { hostIntervalUs, hostBurst, allIntervalUs, allBurst } = this.#rates;
    const slot = this.#slotOf(address);
    const hostUs = Math.max(this.#hostUs[slot], nowUs);
    const allUs = Math.max(this.#allUs, nowUs);
    if (hostUs - nowUs >= hostBurst * hostIntervalUs || allUs - nowUs >= allBurst * allIntervalUs) {
      return false;
    }
    this.#hostUs[slot] = hostUs + cost * hostIntervalUs;
    this.#allUs = allUs + cost * allIntervalUs;
    return true;
  }

  #slotOf(address: Uint8Array): number {
    let hash = this.#seed;
    for (const byte of address) hash = Math.imul(hash ^ byte, 0x9e3779b1) ^ (hash >>> 15);
    return (hash ^ (hash >>> 16)) & (SLOTS - 1);
  }
}
