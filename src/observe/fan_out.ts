/**
 * fanOut: one observer out of many.
 *
 * Owns: the order in which observers hear of an event. Must not know: what they do with it.
 */
import type { Observer } from "../tcp/events.ts";

/**
 * Combines observers into one that tells each of them, in the order given. Absent ones are left out; with none left
 * the result is null, so that observation costs nothing, and with one it is that one itself. One that throws keeps
 * the event from none of the others; what the first one threw is thrown in the end.
 */
export function fanOut(observers: readonly (Observer | null | undefined)[]): Observer | null {
  const present = observers.filter((observer) => observer !== null && observer !== undefined);
  if (present.length === 0) return null;
  if (present.length === 1) return present[0];
  return (event) => {
    let thrown: { error: unknown } | null = null;
    for (const observer of present) {
      try {
        observer(event);
      } catch (error) {
        thrown ??= { error };
      }
    }
    if (thrown !== null) throw thrown.error;
  };
}
