/**
 * EchoLimit: how many echo requests are answered.
 *
 * Owns: the bounds, for one asker and for all together. Must not know: what an answer is.
 *
 * Each bound is a time that moves on by one interval with every answer, and may be ahead of now by a burst: nothing has to be
 * filled up again. Askers share a fixed number of such times by a keyed hash of their address, so that a flood from
 * addresses without end costs no memory, and nobody can aim at another's.
 */

/** Local choice: what `ping -f` reaches on a veth pair is below it, and the answers are a few percent of a core. */
const HOST_INTERVAL_US = 100;
const HOST_BURST_US = 1000 * HOST_INTERVAL_US;
/** Local choice: twice that for all askers, so that one alone leaves as much for the others. */
const ALL_INTERVAL_US = 50;
const ALL_BURST_US = 2000 * ALL_INTERVAL_US;
/** Local choice: 8 KiB. */
const SLOTS = 1024;

/** The limit of one host. */
export class EchoLimit {
  readonly #hostUs = new Float64Array(SLOTS);
  readonly #seed: number;
  #allUs = -Infinity;

  /** `seed`: 32 bits that nobody outside knows. */
  constructor(seed: number) {
    this.#seed = seed | 0;
    this.#hostUs.fill(-Infinity);
  }

  /** Whether a request from the address at `offset` may be answered now; then it counts as answered. */
  take(bytes: Uint8Array, offset: number, nowUs: number): boolean {
    const slot = this.#slotOf(bytes, offset);
    const hostUs = Math.max(this.#hostUs[slot], nowUs);
    const allUs = Math.max(this.#allUs, nowUs);
    if (hostUs - nowUs >= HOST_BURST_US || allUs - nowUs >= ALL_BURST_US) return false;
    this.#hostUs[slot] = hostUs + HOST_INTERVAL_US;
    this.#allUs = allUs + ALL_INTERVAL_US;
    return true;
  }

  #slotOf(bytes: Uint8Array, offset: number): number {
    let hash = this.#seed;
    for (let i = 0; i < 4; i++) hash = Math.imul(hash ^ bytes[offset + i], 0x9e3779b1) ^ (hash >>> 15);
    return (hash ^ (hash >>> 16)) & (SLOTS - 1);
  }
}
