/**
 * How a command on a device ends what it has at work, whatever has ended the command.
 *
 * Owns: who is given how much patience, and that nothing stays open. Must not know: what is at work.
 */
import type { Stack } from "../runtime/stack.ts";
import type { StopSignals } from "./signals.ts";

/** A server or a client, at work. */
interface AtWork {
  readonly stack: Stack;
  /** Ends in order, at once when the signal comes. */
  end(signal: AbortSignal): Promise<void>;
}

/**
 * Ends with patience, none after the second signal, or `atOnce` when the address is another's. Gives what went wrong, null
 * for nothing; its device may be gone already.
 */
export async function endInOrder(
  work: AtWork,
  about: { readonly signals: StopSignals; readonly atOnce: boolean },
): Promise<unknown> {
  const hurry = new AbortController();
  if (about.atOnce) hurry.abort();
  about.signals.atOnce.then(() => hurry.abort());
  try {
    await work.end(hurry.signal);
    return null;
  } catch (error) {
    work.stack.close();
    return error;
  }
}
