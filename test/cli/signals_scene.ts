/**
 * A program that sends signals to itself and says what they mean to a command: `deno test` would take some of them for its own.
 *
 * Its argument: JSON of several scenes, each a row of signals with the times at which they come, by a clock of the scene's own.
 */
import { listenForStop } from "../../src/cli/signals.ts";
import { visitEventLoop } from "../../src/runtime/pump.ts";

/** One scene: what is sent, one after another, and when, milliseconds. */
export type Sent = readonly (readonly [signal: Deno.Signal, atMs: number])[];

/** What came of it: the signal that asked for an end in order, and whether one at once was asked for. */
export type Meant = readonly [graceful: string | null, atOnce: boolean];

async function play(sent: Sent): Promise<Meant> {
  let nowMs = 0;
  let graceful: string | null = null;
  let isAtOnce = false;
  using signals = listenForStop(() => nowMs);
  signals.graceful.then((signal) => graceful = signal);
  signals.atOnce.then(() => isAtOnce = true);
  for (const [signal, atMs] of sent) {
    nowMs = atMs;
    let isHeard = false;
    const hear = () => void (isHeard = true);
    // Told behind the listeners above.
    Deno.addSignalListener(signal, hear);
    Deno.kill(Deno.pid, signal);
    while (!isHeard) await visitEventLoop();
    Deno.removeSignalListener(signal, hear);
    await visitEventLoop();
  }
  return [graceful, isAtOnce];
}

if (import.meta.main) {
  const meant: Meant[] = [];
  for (const sent of JSON.parse(Deno.args[0])) meant.push(await play(sent));
  console.log(JSON.stringify(meant));
}
