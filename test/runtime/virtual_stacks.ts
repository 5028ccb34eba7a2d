/**
 * Two stacks on a link in memory, with promises, on a virtual clock.
 *
 * Owns: passing time when, and only when, nothing else can happen.
 */
import { setImmediate } from "node:timers";
import { type MemoryLink, memoryPair, type MemoryPairOptions } from "../../src/link/memory_link.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";
import { createStack, type HostSettings } from "../../src/runtime/create_stack.ts";
import type { Stack } from "../../src/runtime/stack.ts";
import { HoldingLink } from "./holding_link.ts";

/** Rounds of the event loop in which promises, streams and pumps come to rest. */
const ROUNDS = 4;

export class VirtualStacks implements AsyncDisposable {
  readonly clock = new VirtualClock({ nowUs: 1_000_000, epochUs: 1_700_000_000_000_000 });
  readonly server: Stack;
  readonly client: Stack;
  readonly serverLink: MemoryLink;
  readonly clientLink: MemoryLink;

  /** `holds`: the links keep back what is sent until they are flushed, and no spin hides that somebody forgot to. */
  constructor(options: MemoryPairOptions & HostSettings & { readonly holds?: boolean } = {}) {
    const [a, b] = memoryPair(options);
    this.serverLink = a;
    this.clientLink = b;
    const { tcp } = options;
    const settings = {
      clock: this.clock,
      ...(tcp === undefined ? {} : { tcp }),
      ...(options.holds === true ? { spinUs: 0 } : {}),
    };
    const secret = (fill: number) => new Uint8Array(16).fill(fill);
    const [near, far] = options.holds === true ? [new HoldingLink(a), new HoldingLink(b)] : [a, b];
    this.server = createStack({ ...settings, link: near, addresses: "10.0.0.1/24", secret: secret(1) });
    this.client = createStack({ ...settings, link: far, addresses: "10.0.0.2/24", secret: secret(2) });
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < ROUNDS; quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.serverLink.waitingFrames > 0 || this.clientLink.waitingFrames > 0) quiet = -1;
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    this.client.close();
    await Promise.allSettled([this.server.done, this.client.done]);
  }
}
