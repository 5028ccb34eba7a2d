/**
 * A link that waits by blocking its thread, for a worker that has nothing else to do.
 *
 * Owns: the synchronous poll, and that the worker's messages are still seen. Must not know: why one waits.
 *
 * The wait of PcapLink runs on a helper thread, so that the event loop goes on; the way there and back costs about 40 us
 * and two changes of threads. Whoever may block pays for the system call and the wake-up alone.
 */
import { POLL, POLLFD } from "../../../ffi/struct_layouts.ts";
import type { FrameHandler, FrameLink, LinkStats } from "../../../src/link/link.ts";

/** Local choice: so late is a message to the worker seen at the most. */
const LONGEST_MS = 10;

// In ffi/libc.ts `poll` is bound for the helper thread only; a product would bind this one there.
const POLL_SYMBOL = {
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout);
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** `link`, whose `wait` blocks until its `descriptor` is readable or `deadlineMs` (told at each wait) has come. */
export class BlockingWaitLink implements FrameLink {
  readonly #link: FrameLink;
  readonly #deadlineMs: () => number;
  readonly #poll: Deno.DynamicLibrary<typeof POLL_SYMBOL>["symbols"]["poll"];
  readonly #pollfd = new Uint8Array(POLLFD.sizeBytes);

  constructor(link: FrameLink, options: { descriptor: number; deadlineMs: () => number }) {
    this.#link = link;
    this.#deadlineMs = options.deadlineMs;
    this.#poll = Deno.dlopen("libc.so.6", POLL_SYMBOL).symbols.poll;
    const view = new DataView(this.#pollfd.buffer);
    view.setInt32(POLLFD.fd, options.descriptor, true);
    view.setInt16(POLLFD.events, POLL.in, true);
  }

  get name(): string {
    return this.#link.name;
  }

  get mtu(): number {
    return this.#link.mtu;
  }

  get mac(): Uint8Array {
    return this.#link.mac;
  }

  get maxPacketBytes(): number {
    return this.#link.maxPacketBytes;
  }

  receive(handler: FrameHandler, budget: number): number {
    return this.#link.receive(handler, budget);
  }

  send(frame: Uint8Array, length: number, cutBytes?: number): void {
    this.#link.send(frame, length, cutBytes);
  }

  flush(): void {
    this.#link.flush();
  }

  wait(timeoutMs: number): Promise<void> {
    const most = Math.min(timeoutMs, this.#deadlineMs(), LONGEST_MS);
    const ready = this.#poll(this.#pollfd, 1n, Math.max(0, Math.ceil(most)));
    // Frames are there: no detour. Else the event loop gets a turn.
    return ready > 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, 0));
  }

  wake(): void {}

  stats(): LinkStats {
    return this.#link.stats();
  }

  close(): void {
    this.#link.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
