/**
 * The tests again and again, several runs at once: `deno task test:load`, so that what holds on a quiet machine alone is found.
 *
 * Owns: starting the runs, and judging each by what it said. Exit status 1 when one failed, 2 when called wrongly. Must not
 * know: what the tests need or do.
 *
 * Runs share nothing but the machine and Deno's cache: each has a folder for temporary files of its own, which must be empty
 * at its end, and live tests make namespaces without names.
 */
import { parseArgs } from "@std/cli/parse-args";
import { stripAnsiCode } from "@std/fmt/colors";

const USAGE = `Usage: deno task test:load [OPTIONS] [PATH...]

All tests (deno task test), or those of the paths, many times, several runs at once. A line for each run, and at the end
how many passed. The logs of runs that failed stay.

  --runs N     how many in all (default 20)
  --at-once N  how many at the same time (default 4)
  --minutes M  a run that takes longer has failed (default 90)`;

const DEFAULTS = { runs: "20", "at-once": "4", minutes: "90" } as const;
/** What `timeout` gives when the time is over (coreutils). */
const EXIT_LATE = 124;
const ENDING_SECONDS = 20;
/** Programs of this one that run; they are heads of process groups of their own, and hear nothing of a terminal. */
const running = new Set<Deno.ChildProcess>();
const END_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What a run of tests has said of itself. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
  /** Names of the tests that failed. */
  readonly failures: readonly string[];
}

interface Run {
  readonly number: number;
  readonly log: string;
  readonly counts: TestCounts;
  readonly seconds: number;
  /** Why it has failed; null where it has not. */
  wrong: string | null;
}

/** Reads the output of one or more `deno test`, one after another. */
export function countTests(output: string): TestCounts {
  const text = stripAnsiCode(output);
  const counts = { passed: 0, failed: 0, ignored: 0 };
  for (const [line] of text.matchAll(/^(?:ok|FAILED) \| .*$/gm)) {
    for (const [, number, what] of line.matchAll(/(\d+) (passed|failed|ignored)\b/g)) {
      if (what === "passed" || what === "failed" || what === "ignored") counts[what] += Number(number);
    }
  }
  const lists = [...text.matchAll(/^ FAILURES \n\n(.*?)\n\n/gms)].map(([, list]) => list.split("\n"));
  return { ...counts, failures: lists.flat().map((line) => line.replace(/ => \S+$/, "")) };
}

/** Why a run has failed, or null. `left`: names of the temporary files that it has left. */
export function verdictOf(run: { code: number; counts: TestCounts; left: readonly string[] }): string | null {
  const { code, counts, left } = run;
  if (code === EXIT_LATE) return "takes too long";
  if (code !== 0 || counts.failed > 0) return counts.failures.join("; ") || `status ${code}`;
  if (counts.passed === 0) return "no test has run";
  return left.length === 0 ? null : `left temporary files: ${left.join(", ")}`;
}

/**
 * What only some runs could not do: a test is ignored where there can be no lab, and of those that passed elsewhere none may
 * be. Gives the least number of ignored tests.
 */
export function leastIgnored(runs: readonly { readonly counts: TestCounts }[]): number {
  return Math.min(...runs.map(({ counts }) => counts.ignored));
}

interface LoadOptions {
  readonly runs: number;
  readonly atOnce: number;
  readonly minutes: number;
  readonly paths: readonly string[];
}

function readOptions(args: readonly string[]): LoadOptions {
  const given = parseArgs([...args], {
    string: Object.keys(DEFAULTS),
    boolean: ["help"],
    default: DEFAULTS,
    unknown: (name, key) => {
      if (key === undefined) return true;
      console.error(`There is no option ${name}\n\n${USAGE}`);
      Deno.exit(2);
    },
  });
  if (given.help === true) {
    console.log(USAGE);
    Deno.exit(0);
  }
  const [runs, atOnce, minutes] = [given.runs, given["at-once"], given.minutes].map(Number);
  if (![runs, atOnce, minutes].every((number) => Number.isInteger(number) && number > 0)) {
    console.error(`Expected whole numbers, 1 or more\n\n${USAGE}`);
    Deno.exit(2);
  }
  return { runs, atOnce, minutes, paths: given._.map(String) };
}

/** Starts a program and gives its status; it is among those that end with this one. */
async function runToEnd(command: Deno.Command): Promise<Deno.CommandStatus> {
  const child = command.spawn();
  running.add(child);
  const status = await child.status;
  running.delete(child);
  return status;
}

function endRunning(): void {
  for (const child of running) {
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
  }
}

/** One run, to its end. */
async function play(number: number, folder: string, { minutes, paths }: LoadOptions): Promise<Run> {
  const log = `${folder}/${number}.log`;
  const temporary = `${folder}/${number}`;
  // Tests run programs as other users.
  Deno.mkdirSync(temporary);
  Deno.chmodSync(temporary, 0o1777);
  const words = paths.length === 0 ? ["task", "test"] : ["test", "-A", ...paths];
  const limit = [`--kill-after=${ENDING_SECONDS}`, `${minutes}m`];
  const began = performance.now();
  // `timeout` is the head of a process group of its own, and ends all of it.
  const { code } = await runToEnd(
    new Deno.Command("timeout", {
      args: [...limit, "sh", "-c", 'exec "$@" >"$0" 2>&1', log, Deno.execPath(), ...words],
      env: { TMPDIR: temporary },
      stdin: "null",
    }),
  );
  const counts = countTests(Deno.readTextFileSync(log));
  const left = [...Deno.readDirSync(temporary)].map(({ name }) => name);
  Deno.removeSync(temporary, { recursive: true });
  const wrong = verdictOf({ code, counts, left });
  return { number, log, counts, seconds: Math.round((performance.now() - began) / 1000), wrong };
}

function lineOf({ number, counts, seconds, wrong, log }: Run, runs: number): string {
  const { passed, failed, ignored } = counts;
  const head = `run ${number} of ${runs}: ${wrong === null ? "passed" : "FAILED"}`;
  const figures = `${passed} passed, ${failed} failed, ${ignored} ignored, ${seconds} s`;
  return wrong === null ? `${head}  ${figures}` : `${head}  ${figures}\n  ${wrong}\n  ${log}`;
}

async function main(): Promise<number> {
  const options = readOptions(Deno.args);
  const stop = new AbortController();
  stop.signal.addEventListener("abort", endRunning);
  for (const signal of END_SIGNALS) Deno.addSignalListener(signal, () => stop.abort());
  // What is missing is installed once, and not by all of them at the same time.
  const setup = new Deno.Command(Deno.execPath(), { args: ["run", "-A", "scripts/setup.ts", "test"] });
  if (!(await runToEnd(setup)).success) {
    console.error("test:load: what the tests need cannot be had, see above: no run has begun");
    return 1;
  }
  const folder = Deno.makeTempDirSync({ prefix: "tcplab-load-" });
  Deno.chmodSync(folder, 0o755);
  const runs = await playAll(folder, { options, stop });
  const isOver = stop.signal.aborted;
  const least = leastIgnored(runs);
  for (const run of runs) {
    if (run.wrong === null && run.counts.ignored > least) {
      run.wrong = `ignored ${run.counts.ignored - least} tests that another run did not`;
      console.log(lineOf(run, options.runs));
    }
    if (run.wrong === null) Deno.removeSync(run.log);
  }
  const failed = runs.filter(({ wrong }) => wrong !== null).length;
  console.log(`${runs.length - failed} passed, ${failed} failed${isOver ? ", interrupted" : ""}`);
  if (failed === 0) Deno.removeSync(folder, { recursive: true });
  return failed === 0 && !isOver ? 0 : 1;
}

/** All runs, or those that came to their end before they were stopped. Where one cannot be judged none goes on. */
async function playAll(
  folder: string,
  { options, stop }: { options: LoadOptions; stop: AbortController },
): Promise<Run[]> {
  const runs: Run[] = [];
  let begun = 0;
  const worker = async () => {
    while (begun < options.runs && !stop.signal.aborted) {
      const run = await play(++begun, folder, options);
      if (stop.signal.aborted) return;
      runs.push(run);
      console.log(lineOf(run, options.runs));
    }
  };
  const workers = Array.from({ length: Math.min(options.atOnce, options.runs) }, worker);
  try {
    await Promise.all(workers);
  } catch (error) {
    stop.abort();
    throw error;
  } finally {
    await Promise.allSettled(workers);
  }
  return runs;
}

if (import.meta.main) Deno.exit(await main());
