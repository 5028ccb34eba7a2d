/**
 * VirtualNetwork: hosts on links in memory, driven by hand on a virtual clock. No promise, no waiting: what happens in an
 * hour of it happens in one call, and the same way each time.
 *
 * Owns: the order in which frames are handed over and deadlines run. Must not know: TCP, applications.
 */
import type { HostApi } from "../host/api.ts";
import type { FrameLink } from "../link/link.ts";
import { VirtualClock } from "./clock.ts";

/** One host and its end of a link. */
export interface NetworkEnd {
  /** Takes what comes. */
  readonly host: HostApi;
  /** Its end. */
  readonly link: FrameLink;
  /** When a link that delays frames has one due next, microseconds; Infinity when none is under way. */
  readonly nextDueUs?: () => number;
}

/** Frames taken from one end before the next has its turn; local choice: small, so that both sides move on together. */
const FRAMES_AT_ONCE = 16;

/** Frames at one instant after which time must have come to a stand; local choice: a gigabyte of data. */
const MOST_FRAMES_AT_ONCE = 1_000_000;

/**
 * Runs hosts in virtual time; frames need none of it.
 *
 * ```ts
 * import { createHost, memoryPair, VirtualNetwork } from "@tcplab/tcplab";
 *
 * const network = new VirtualNetwork();
 * const ends = memoryPair();
 * const hosts = ends.map((link, at) => {
 *   const host = createHost({ link, addresses: `10.0.0.${at + 1}/24`, clock: network.clock, seed: at });
 *   network.join({ host, link });
 *   return host;
 * });
 * const refused = hosts[0].connect({ address: Uint8Array.of(10, 0, 0, 2), port: 9, handler: {} });
 * network.settle();
 * if (refused.ended !== "refused") throw new Error(String(refused.ended));
 * ```
 */
export class VirtualNetwork {
  /** Moves in `advance` and `advanceUntil`. */
  readonly clock: VirtualClock;
  readonly #ends: NetworkEnd[] = [];

  /** Nobody is on it yet. */
  constructor(clock: VirtualClock = new VirtualClock()) {
    this.clock = clock;
  }

  /** Adds a host. Its time is that of `clock` from now on. */
  join(end: NetworkEnd): void {
    end.host.setNow(this.clock.nowUs());
    this.#ends.push(end);
  }

  /** Hands over all frames that wait, and those that answer them, until the wire is silent. Returns how many. */
  settle(): number {
    const nowUs = this.clock.nowUs();
    // What was sent since the last call: the first round must see it, whichever end it is from.
    for (const { link } of this.#ends) link.flush();
    let total = 0;
    for (let taken = -1; taken !== 0;) {
      taken = 0;
      for (const { host, link } of this.#ends) {
        taken += link.receive((frame, length) => host.ingest(frame, length, nowUs), FRAMES_AT_ONCE);
        link.flush();
      }
      total += taken;
      if (total > MOST_FRAMES_AT_ONCE) {
        throw new Error(
          `The hosts keep sending at ${nowUs} us and leave no time to pass: ${total} frames so far`,
        );
      }
    }
    return total;
  }

  /** When something is due next, a whole microsecond, as a clock's times are; Infinity when nothing is. */
  get nextDeadlineUs(): number {
    let earliestUs = this.clock.nextTimerUs;
    for (const { host, nextDueUs } of this.#ends) {
      earliestUs = Math.min(earliestUs, host.nextDeadlineUs());
      if (nextDueUs !== undefined) earliestUs = Math.min(earliestUs, nextDueUs());
    }
    // A deadline may lie between two ticks of the clock (twice a smoothed round trip): none comes early.
    return Math.ceil(earliestUs);
  }

  /** Lets `us` microseconds pass: each deadline runs at its own time, and the wire falls silent after each. */
  advance(us: number): void {
    const targetUs = this.clock.nowUs() + us;
    this.settle();
    for (let dueUs = this.nextDeadlineUs; dueUs <= targetUs; dueUs = this.nextDeadlineUs) {
      this.clock.advanceTo(Math.max(dueUs, this.clock.nowUs()));
      this.#tick();
      this.settle();
    }
    this.clock.advanceTo(targetUs);
    this.#tick();
  }

  /** Advances from deadline to deadline until `isDone`, for `limitUs` at most. Returns whether it was done in time. */
  advanceUntil(isDone: () => boolean, limitUs: number): boolean {
    const targetUs = this.clock.nowUs() + limitUs;
    this.settle();
    while (!isDone()) {
      const dueUs = this.nextDeadlineUs;
      if (dueUs > targetUs) {
        this.clock.advanceTo(targetUs);
        this.#tick();
        return isDone();
      }
      this.advance(Math.max(0, dueUs - this.clock.nowUs()));
    }
    return true;
  }

  #tick(): void {
    const nowUs = this.clock.nowUs();
    for (const { host, link } of this.#ends) {
      host.tick(nowUs);
      link.flush();
    }
  }
}
