/**
 * AnswerLimit: how many questions for our addresses are answered.
 *
 * Owns: the bounds, for one asker and for all together. Must not know: what a question or an answer is.
 *
 * Each bound is a time that moves on by one interval with every answer, and may be ahead of now by a burst: nothing has to be
 * filled up again. Strangers share a fixed number of such times by a keyed hash, so that a flood from addresses without end
 * costs no memory; a neighbor that connections go by way of has one of its own, and no flood of strangers takes it away.
 */
import type { Neighbor } from "./neighbor.ts";

/** Local choice: a host asks once a second (RFC 4861 §10: RETRANS_TIMER), and may have many addresses. */
const HOST_INTERVAL_US = 20_000;
const HOST_BURST = 50;
/** Local choice: a segment of thousands that has lost its power asks at once; the answers are a few percent of a core. */
const ALL_INTERVAL_US = 200;
const ALL_BURST = 5000;
/** Local choice: each of these disturbs everybody, and tells everybody who probes for the address at that time. */
const TO_ALL_INTERVAL_US = 100_000;
const TO_ALL_BURST = 10;
/** Local choice: 8 KiB. */
const SLOTS = 1024;

/** The limit of one host. */
export class AnswerLimit {
  readonly #hostUs = new Float64Array(SLOTS).fill(-Infinity);
  readonly #targetUs = new Float64Array(SLOTS).fill(-Infinity);
  readonly #seed: number;
  #allUs = -Infinity;

  /** `seed`: 32 bits that nobody outside knows. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** Whether the asker may be answered now; then it counts as answered. `neighbor`: its entry, null for a stranger. */
  take(asker: Uint8Array, about: { neighbor: Neighbor | null; nowUs: number }): boolean {
    const { neighbor, nowUs } = about;
    if (neighbor !== null && neighbor.users > 0) {
      const us = Math.max(neighbor.answeredUs, nowUs);
      if (us - nowUs > (HOST_BURST - 1) * HOST_INTERVAL_US) return false;
      neighbor.answeredUs = us + HOST_INTERVAL_US;
      return true;
    }
    const slot = this.#slotOf(asker);
    const hostUs = Math.max(this.#hostUs[slot], nowUs);
    const allUs = Math.max(this.#allUs, nowUs);
    if (hostUs - nowUs > (HOST_BURST - 1) * HOST_INTERVAL_US) return false;
    if (allUs - nowUs > (ALL_BURST - 1) * ALL_INTERVAL_US) return false;
    this.#hostUs[slot] = hostUs + HOST_INTERVAL_US;
    this.#allUs = allUs + ALL_INTERVAL_US;
    return true;
  }

  /** The same of an answer about `target` that goes to everybody. */
  takeForAll(target: Uint8Array, nowUs: number): boolean {
    const slot = this.#slotOf(target);
    const us = Math.max(this.#targetUs[slot], nowUs);
    if (us - nowUs > (TO_ALL_BURST - 1) * TO_ALL_INTERVAL_US) return false;
    this.#targetUs[slot] = us + TO_ALL_INTERVAL_US;
    return true;
  }

  #slotOf(address: Uint8Array): number {
    let hash = this.#seed;
    for (const byte of address) hash = Math.imul(hash ^ byte, 0x9e3779b1) ^ (hash >>> 15);
    return (hash ^ (hash >>> 16)) & (SLOTS - 1);
  }
}
