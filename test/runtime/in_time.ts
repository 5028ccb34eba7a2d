/**
 * Tests that fail where they would hang: who waits on a lab that is wrong may do so for ever, with the event loop awake.
 *
 * Owns: how long is too long. Must not know: what is tested.
 */

/** Local choice: the longest of these tests takes a second on a machine with nothing else to do, and half a minute beside twenty others. */
const MOST_MS = 600_000;

/** As `Deno.test`, with an end. */
export function inTime(name: string, body: () => void | Promise<void>): void {
  Deno.test({ name, fn: body, timeout: MOST_MS });
}
