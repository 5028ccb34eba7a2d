/**
 * FaultBarrier: what code that is not ours throws goes no further than here.
 *
 * Owns: counting it, and telling whoever wants to hear of it. Must not know: what becomes of the connection it was
 * thrown on (effect_performer.ts).
 */
import type { HostCounters } from "./host_counters.ts";

/** Takes what an application or an observer threw; `where` names the connection, or the observer. */
export type FaultHook = (error: unknown, where: string) => void;

/** Local choice: a line or two for a person; the hook gets the whole error. */
const MESSAGE_CHARS = 300;

/** Takes note of faults for one host. Its methods do not throw. */
export class FaultBarrier {
  readonly #counters: HostCounters;
  readonly #hook: FaultHook | null;

  constructor(counters: HostCounters, hook: FaultHook | null) {
    this.#counters = counters;
    this.#hook = hook;
  }

  /** A handler of the connection named `connection` threw. */
  applicationThrew(error: unknown, connection: string): void {
    this.#note("application-errors", error, connection);
  }

  observerThrew(error: unknown): void {
    this.#note("observer-errors", error, "observer");
  }

  #note(counter: string, error: unknown, where: string): void {
    this.#counters.count(counter);
    try {
      this.#hook?.(error, where);
    } catch {
      // There is nobody left to tell.
      this.#counters.count("fault-hook-errors");
    }
  }
}

/** What was thrown, as text; anything can be thrown, also what cannot be made a text of. */
export function messageOfError(error: unknown): string {
  try {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return message.slice(0, MESSAGE_CHARS);
  } catch {
    return "something that has no text";
  }
}
