/**
 * ProcessLife: how long a process lives on for what is open on a stack, as Deno has it for its sockets: while a call is
 * pending on something that was not `unref`ed.
 *
 * Owns: the one timer that holds the process. Must not know: connections, listeners, what the calls are. What a link waits for
 * is its own: a device that is listened to holds the process, whatever is said here.
 */
import type { Clock } from "./clock.ts";
import { visitEventLoop } from "./pump.ts";

/** What holds the process for one stack. On a clock that is not the system's nothing does: its time is the caller's. */
export class ProcessLife implements Disposable {
  readonly #clock: Clock;
  #calls = 0;
  #release: (() => void) | undefined;
  #isOver = false;
  /** A look is due once everybody who can go on now has done so. */
  #willLook = false;

  /** Holds nothing yet. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One more call, or one less, is pending on what holds the process. */
  pending(difference: 1 | -1): void {
    this.#calls += difference;
    if (this.#calls > 0) this.#look();
    else this.#lookLater();
  }

  /** Holds nothing any more, whatever comes. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#look();
  }

  /** Mostly the next call follows at once: to let go and take hold for each costs more than the call. */
  #lookLater(): void {
    if (this.#willLook || this.#release === undefined) return;
    this.#willLook = true;
    void visitEventLoop().then(() => {
      this.#willLook = false;
      this.#look();
    });
  }

  #look(): void {
    const holds = this.#calls > 0 && !this.#isOver;
    if (holds === (this.#release !== undefined)) return;
    if (holds) {
      this.#release = this.#clock.holdProcess?.();
    } else {
      this.#release?.();
      this.#release = undefined;
    }
  }
}
