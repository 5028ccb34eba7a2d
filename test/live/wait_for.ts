/**
 * Waiting for what will be true: looked at again and again, with a bound that only a defect reaches.
 *
 * Owns: the looking. Must not know: what is waited for. A fixed wait is either too short on a busy machine or too long
 * on any other, so there is none in the live tests.
 */

/** What is waited for, as a failure says it, and how long at most. */
interface Patience {
  readonly what: string;
  readonly withinMs?: number;
}

/** Generous, because two cores may be very busy. */
export const WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 5;

/** Resolves when the condition holds. Throws when it does not within the time, and what the condition throws. */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  { what, withinMs = WITHIN_MS }: Patience,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`Not within ${withinMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
