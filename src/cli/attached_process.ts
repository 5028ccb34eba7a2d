/**
 * Runs a program on our own terminal: its input and outputs are ours, and so is its exit status.
 *
 * Owns: the signals meanwhile. Must not know: what runs.
 */

/** Signals that a terminal sends to all of us at once: the program decides what they mean, not we. */
const TERMINAL_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGQUIT"];

/** Runs the words to their end; gives the exit status. Throws `Deno.errors.NotFound` for an unknown program. */
export async function runAttached(words: readonly string[], env: Record<string, string>): Promise<number> {
  const [program, ...args] = words;
  const child = new Deno.Command(program, {
    args,
    env,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  })
    .spawn();
  const ignore = () => {};
  const hand = () => child.kill("SIGTERM");
  for (const name of TERMINAL_SIGNALS) Deno.addSignalListener(name, ignore);
  Deno.addSignalListener("SIGTERM", hand);
  try {
    return (await child.status).code;
  } finally {
    for (const name of TERMINAL_SIGNALS) Deno.removeSignalListener(name, ignore);
    Deno.removeSignalListener("SIGTERM", hand);
  }
}
