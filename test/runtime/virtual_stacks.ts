/**
 * Two stacks on a link in memory, with promises, on a virtual clock.
 *
 * Owns: the two stacks, numbers 1 and 2 on their link, and their links. Time is that of VirtualTime.
 */
import { type MemoryLink, memoryPair, type MemoryPairOptions } from "../../src/link/memory_link.ts";
import { createStack, type HostSettings } from "../../src/runtime/create_stack.ts";
import type { Stack } from "../../src/runtime/stack.ts";
import { HoldingLink } from "./holding_link.ts";
import { VirtualTime } from "./virtual_time.ts";
import { addressOnLink } from "../tcp/family.ts";

export class VirtualStacks extends VirtualTime implements AsyncDisposable {
  readonly server: Stack;
  readonly client: Stack;
  readonly serverLink: MemoryLink;
  readonly clientLink: MemoryLink;

  /** `holds`: the links keep back what is sent until they are flushed, and no spin hides that somebody forgot to. */
  constructor(options: MemoryPairOptions & HostSettings & { readonly holds?: boolean } = {}) {
    const [a, b] = memoryPair(options);
    super([a, b]);
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
    this.server = createStack({ ...settings, link: near, addresses: addressOnLink(1), secret: secret(1) });
    this.client = createStack({ ...settings, link: far, addresses: addressOnLink(2), secret: secret(2) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    this.client.close();
    await Promise.allSettled([this.server.done, this.client.done]);
  }
}
