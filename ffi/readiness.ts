/**
 * Waiting for a descriptor or a wake-up without holding up the event loop.
 *
 * Owns: one `poll` at a time on a helper thread, and the descriptor that ends it early.
 * Must not know: what the descriptor carries.
 *
 * The hop to a helper thread and back costs about 40 us, so the caller spins a little before it waits. At rest there
 * is one thread blocked in the kernel and nothing else.
 */

import { errno, libc, LibcError, type LibcSymbols } from "./libc.ts";
import { POLL_IN, POLLFD } from "./struct_layouts.ts";

/** `EFD_CLOEXEC` of <sys/eventfd.h>: child processes do not inherit the descriptor. */
const EFD_CLOEXEC = 0x80000;

/** A wake-up is 8 bytes, because an eventfd takes no less. */
const TOKEN_BYTES = 8;

/** poll(2) takes an `int` of milliseconds; anything longer waits without end and counts on {@link Readiness.wake}. */
const LONGEST_POLL_MS = 0x7fffffff;

/** One descriptor that can be waited for. */
export class Readiness {
  readonly #symbols: LibcSymbols;
  readonly #wakeRead: number;
  readonly #wakeWrite: number;
  // Both belong to the object for as long as it lives: the helper thread reads and writes them while a poll is under way.
  readonly #pollfds = new Uint8Array(2 * POLLFD.sizeBytes);
  readonly #token = new Uint8Array(TOKEN_BYTES);
  #pending: Promise<void> | null = null;
  #wakeSent = false;
  #closed = false;

  /** Watches `descriptor`, which stays the caller's. */
  constructor(descriptor: number) {
    this.#symbols = libc();
    [this.#wakeRead, this.#wakeWrite] = openWake(this.#symbols);
    new DataView(this.#token.buffer).setBigUint64(0, 1n, true);
    const view = new DataView(this.#pollfds.buffer);
    view.setInt32(POLLFD.fd, descriptor, true);
    view.setInt16(POLLFD.events, POLL_IN, true);
    view.setInt32(POLLFD.sizeBytes + POLLFD.fd, this.#wakeRead, true);
    view.setInt16(POLLFD.sizeBytes + POLLFD.events, POLL_IN, true);
  }

  /** Resolves when the descriptor is readable or in error, after `timeoutMs` (rounded up), or on {@link Readiness.wake}. */
  wait(timeoutMs: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return this.#pending ??= this.#poll(timeoutMs);
  }

  /** Ends a pending wait; does nothing when there is none. */
  wake(): void {
    if (this.#pending === null || this.#wakeSent) return;
    this.#wakeSent = true;
    this.#symbols.write(this.#wakeWrite, this.#token, BigInt(TOKEN_BYTES));
  }

  /** Ends a pending wait, then frees the wake-up descriptor and calls `released`; at once when nothing is pending. */
  close(released: () => void): void {
    if (this.#closed) return;
    this.#closed = true;
    const release = () => {
      this.#symbols.close(this.#wakeRead);
      if (this.#wakeWrite !== this.#wakeRead) this.#symbols.close(this.#wakeWrite);
      released();
    };
    if (this.#pending === null) return release();
    this.wake();
    // The helper thread still uses the descriptors: nothing may be closed before it has come back.
    this.#pending = this.#pending.then(release);
  }

  async #poll(timeoutMs: number): Promise<void> {
    const timeout = timeoutMs > LONGEST_POLL_MS ? -1 : Math.max(0, Math.ceil(timeoutMs));
    // An error (EINTR) is a spurious return, which waiting allows; a lost device shows at the next read.
    await this.#symbols.poll(this.#pollfds, 2n, timeout);
    if (this.#wakeSent) {
      this.#symbols.read(this.#wakeRead, this.#token, BigInt(TOKEN_BYTES));
      this.#wakeSent = false;
    }
    this.#pending = null;
  }
}

/** The two ends of the wake-up: one eventfd on Linux, else a pipe. */
function openWake(symbols: LibcSymbols): [read: number, write: number] {
  const ends = new Int32Array(2);
  if (symbols.eventfd !== null) {
    const both = symbols.eventfd(0, EFD_CLOEXEC);
    ends.fill(both);
  } else if (symbols.pipe(ends) !== 0) {
    ends.fill(-1);
  }
  if (ends[0] < 0) {
    throw new LibcError({
      operation: "eventfd",
      errno: errno(),
      what: "No descriptor to wake the program with",
      remedy: "Too many files are open: close some, or raise `ulimit -n`",
    });
  }
  return [ends[0], ends[1]];
}
