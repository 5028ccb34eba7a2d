/**
 * An assertion whose words are made only when they are needed: fuzzing asks millions of times.
 *
 * Owns: that.
 */
import { fail } from "@std/assert";

/** Fails with these words unless the condition holds. */
export function demand(condition: boolean, words: () => string): void {
  if (!condition) fail(words());
}
