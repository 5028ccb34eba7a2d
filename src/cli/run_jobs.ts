/**
 * Several processes for `tcplab run --jobs N`: each runs some of the scripts and tells of them as JSON.
 *
 * Owns: sharing the scripts out, and what becomes of them when such a process ends otherwise than it should. Must not know: how a
 * script is run, how reports look.
 */
import { errorLine } from "./command.ts";
import type { ScriptReport } from "./run_report.ts";
import { type RunSettings, settingWords } from "./run_options.ts";
import { selfCommand } from "./self_command.ts";

/**
 * Scripts that a process gets at once. Local choice: its start costs as much as a hundred scripts of the usual kind, and of more than a
 * thousand the names could be more than a command line takes (execve(2): 128 KiB a word, a quarter of the stack in all).
 */
const LEAST_SHARE = 100;
const MOST_SHARE = 1000;
/** Shares for each process, so that the last one is not waited for long. Local choice. */
const SHARES_PER_PROCESS = 2;
/** What a process has beside the time limits of its scripts, milliseconds. Local choice: a slow start of a busy machine. */
const START_MS = 30_000;

/** Runs the scripts; tells each report in the order of the scripts. Whatever ends this, no such process outlives it. */
export async function runInProcesses(
  scripts: readonly string[],
  about: { readonly settings: RunSettings; readonly onReport: (report: ScriptReport) => void },
): Promise<void> {
  const { settings, onReport } = about;
  const size = shareSize(scripts.length, settings.jobs);
  const shares: string[][] = [];
  for (let at = 0; at < scripts.length; at += size) shares.push(scripts.slice(at, at + size));
  const done: (readonly ScriptReport[] | undefined)[] = shares.map(() => undefined);
  let told = 0;
  let next = 0;
  using children = new Children();
  const work = async () => {
    for (let share = next++; share < shares.length && !children.end.aborted; share = next++) {
      done[share] = await runShare(shares[share], { settings, children });
      for (let ready = done[told]; ready !== undefined; ready = done[++told]) {
        for (const report of ready) onReport(report);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(settings.jobs, shares.length) }, work));
}

/** How many scripts a process gets at once. */
export function shareSize(scripts: number, jobs: number): number {
  const even = Math.ceil(scripts / jobs);
  const small = Math.ceil(even / SHARES_PER_PROCESS);
  return Math.max(1, Math.min(even, MOST_SHARE, Math.max(LEAST_SHARE, small)));
}

/** The processes that run: who ends this one, by a signal or since nobody reads it any more, ends them. */
class Children implements Disposable {
  readonly #ends = new AbortController();
  readonly #signals = ENDING_SIGNALS.map((signal) => [signal, () => this.#endBy(signal)] as const);

  constructor() {
    for (const [signal, listener] of this.#signals) Deno.addSignalListener(signal, listener);
  }

  /** Aborted when the processes are to end. */
  get end(): AbortSignal {
    return this.#ends.signal;
  }

  /**
   * The signal's own effect comes after: the exit status says by what the program ended. A thread of Deno's brings it, when
   * that one's turn comes; until then nothing goes on here, or the scripts that were cut short would be told as failed and the
   * program end with a status of its own. Ten seconds (local choice) are for a thread that never comes.
   */
  #endBy(signal: Deno.Signal): void {
    this[Symbol.dispose]();
    Deno.kill(Deno.pid, signal);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
  }

  [Symbol.dispose](): void {
    this.#ends.abort();
    for (const [signal, listener] of this.#signals) Deno.removeSignalListener(signal, listener);
  }
}

/** Windows ends the processes of a console with it. */
const ENDING_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? []
  : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

async function runShare(
  scripts: readonly string[],
  about: { readonly settings: RunSettings; readonly children: Children },
): Promise<ScriptReport[]> {
  const { settings, children } = about;
  const [program, ...words] = selfCommand();
  try {
    const { stdout, stderr, code } = await outputUntil(
      AbortSignal.any([children.end, AbortSignal.timeout(START_MS + scripts.length * settings.timeoutMs)]),
      new Deno.Command(program, {
        args: [...words, "run", ...settingWords(settings), "--", ...scripts],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
        // In a session of its own: a terminal's Ctrl-C is for us, who then end it. Were it heard there as well, the process's end could
        // be known here before the signal, and be told as that of the scripts.
        detached: true,
      }),
    );
    const text = new TextDecoder().decode(stdout);
    const reports = readReports(text, scripts);
    if (reports !== null) return reports;
    const said = new TextDecoder().decode(stderr).trim().split("\n", 1)[0];
    return scripts.map((script) =>
      lostReport(script, `the process that ran it ended with status ${code}: ${said}`)
    );
  } catch (error) {
    return scripts.map((script) => lostReport(script, errorLine(error)));
  }
}

/** What a command says to its end, or until the signal is aborted: then it ends, and with it what it has started. */
async function outputUntil(end: AbortSignal, command: Deno.Command): Promise<Deno.CommandOutput> {
  if (end.aborted) throw end.reason;
  const child = command.spawn();
  const endAll = () => {
    try {
      Deno.kill(Deno.build.os === "windows" ? child.pid : -child.pid, "SIGTERM");
    } catch {
      // It has ended by itself.
    }
  };
  end.addEventListener("abort", endAll);
  try {
    return await child.output();
  } finally {
    end.removeEventListener("abort", endAll);
  }
}

/** Null when it is not the reports of these scripts. */
function readReports(text: string, scripts: readonly string[]): ScriptReport[] | null {
  try {
    const { scripts: reports } = JSON.parse(text);
    const isWhole = Array.isArray(reports) && reports.length === scripts.length &&
      scripts.every((script, at) => reports[at].script === script);
    return isWhole ? reports : null;
  } catch {
    return null;
  }
}

function lostReport(script: string, reason: string): ScriptReport {
  return {
    script,
    verdict: "error",
    line: null,
    column: null,
    text: null,
    expected: null,
    actual: null,
    reason,
    rule: null,
    rfc: null,
    virtualMs: 0,
    realMs: 0,
  };
}
