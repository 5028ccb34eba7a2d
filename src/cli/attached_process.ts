/**
 * Runs a program on our own terminal: its input and outputs are ours, and so is its exit status.
 *
 * Owns: the signals meanwhile, and what is said when there is no such program. Must not know: what runs.
 */

/** Signals that a terminal sends to all of us at once: the program decides what they mean, not we. */
const TERMINAL_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGQUIT"];

/** How a program is run. */
interface AttachedOptions {
  readonly env: Readonly<Record<string, string>>;
  /** What SIGTERM does; it is handed to the program when absent. */
  readonly onTerm?: () => void;
}

/**
 * Runs the words to their end; gives the exit status, 128 and the number for a signal. Throws `Deno.errors.NotFound` for an
 * unknown program.
 */
export async function runAttached(words: readonly string[], options: AttachedOptions): Promise<number> {
  const [program, ...args] = words;
  let child: Deno.ChildProcess | null = null;
  const ignore = () => {};
  const hand = options.onTerm ?? (() => child === null ? undefined : handOn(child));
  // Before it begins: what came in between would end us alone.
  for (const name of TERMINAL_SIGNALS) Deno.addSignalListener(name, ignore);
  Deno.addSignalListener("SIGTERM", hand);
  try {
    child = new Deno.Command(program, {
      args,
      env: { ...options.env },
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    return (await child.status).code;
  } finally {
    for (const name of TERMINAL_SIGNALS) Deno.removeSignalListener(name, ignore);
    Deno.removeSignalListener("SIGTERM", hand);
  }
}

function handOn(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGTERM");
  } catch {
    // It has ended by itself, and we are about to hear of it.
  }
}

/**
 * Words that run a program in a directory, where it is there, with a shell's exit status (127) and a plain line where there is
 * no such program; `ip netns exec` has other numbers.
 */
export function orNotFound(words: readonly string[], { who, cwd }: { who: string; cwd: string }): string[] {
  const script = `cd "$1" 2>/dev/null; shift
command -v -- "$1" >/dev/null || { echo "$0: there is no program \\"$1\\" here: check the name, or install it" >&2; exit 127; }
exec "$@"`;
  return ["sh", "-c", script, who, cwd, ...words];
}

/** The signals that a waiting process between us and the program must outlive. */
const PASSED_BY = "INT,QUIT,TERM";

/**
 * Words to be run, through a program that waits for them, as nsenter does: Ctrl-C would end the waiting at once, and we would take
 * that for the end of the program, which may just have begun to close its connections. So whoever waits ignores these
 * signals, and the program gets them back as they were. Where `env` cannot do that (coreutils before 8.31), the words as they are.
 */
export async function throughWaiter(
  words: readonly string[],
  through: (words: readonly string[]) => readonly string[],
): Promise<readonly string[]> {
  const restore = ["env", `--default-signal=${PASSED_BY}`];
  const { success } = await new Deno.Command(restore[0], {
    args: [...restore.slice(1), "true"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) return through(words);
  const shielded = `trap '' ${PASSED_BY.replaceAll(",", " ")}; exec "$@"`;
  return ["sh", "-c", shielded, "sh", ...through([...restore, ...words])];
}
