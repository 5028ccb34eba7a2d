/**
 * A virtual clock for code with promises on links in memory.
 *
 * Owns: passing time when, and only when, nothing else can happen.
 */
import { setImmediate } from "node:timers";
import type { MemoryLink } from "../../src/link/memory_link.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";

/** Rounds of the event loop in which promises, streams and pumps come to rest. */
const ROUNDS = 4;

export class VirtualTime {
  readonly clock = new VirtualClock({ nowUs: 1_000_000, epochUs: 1_700_000_000_000_000 });
  readonly #links: readonly MemoryLink[];

  /** `links`: what must have handed over all that waits before time may pass. */
  constructor(links: readonly MemoryLink[]) {
    this.#links = links;
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < ROUNDS; quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#links.some((link) => link.waitingFrames > 0)) quiet = -1;
    }
  }

  /** Lets `us` microseconds pass, timer by timer. */
  async pass(us: number): Promise<void> {
    const targetUs = this.clock.nowUs() + us;
    await this.settle();
    while (this.clock.nextTimerUs <= targetUs) {
      this.clock.advanceTo(this.clock.nextTimerUs);
      await this.settle();
    }
    this.clock.advanceTo(targetUs);
    await this.settle();
  }

  /** The value of `promise`; time passes while it waits, `limitUs` at most (a minute). */
  async get<Value>(promise: Promise<Value>, limitUs = 60_000_000): Promise<Value> {
    const targetUs = this.clock.nowUs() + limitUs;
    let pending = true;
    promise.then(() => pending = false, () => pending = false);
    for (;;) {
      await this.settle();
      if (!pending) return await promise;
      if (this.clock.nextTimerUs > targetUs) {
        throw new Error(`Still waiting after ${limitUs} us of virtual time`);
      }
      this.clock.advanceTo(this.clock.nextTimerUs);
    }
  }
}
