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

/** Scripts that a process gets at once; local choice: its start is paid for, and the last ones of all do not wait long. */
const SCRIPTS_PER_PROCESS = 100;
/** What a process has beside the time limits of its scripts, milliseconds. Local choice: a slow start of a busy machine. */
const START_MS = 30_000;

/** Runs the scripts; tells each report in the order of the scripts. */
export async function runInProcesses(
  scripts: readonly string[],
  about: { readonly settings: RunSettings; readonly onReport: (report: ScriptReport) => void },
): Promise<void> {
  const { settings, onReport } = about;
  const size = Math.max(1, Math.min(SCRIPTS_PER_PROCESS, Math.ceil(scripts.length / settings.jobs)));
  const shares: string[][] = [];
  for (let at = 0; at < scripts.length; at += size) shares.push(scripts.slice(at, at + size));
  const done: (readonly ScriptReport[] | undefined)[] = shares.map(() => undefined);
  let told = 0;
  let next = 0;
  const work = async () => {
    for (let share = next++; share < shares.length; share = next++) {
      done[share] = await runShare(shares[share], settings);
      for (let ready = done[told]; ready !== undefined; ready = done[++told]) {
        for (const report of ready) onReport(report);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(settings.jobs, shares.length) }, work));
}

async function runShare(scripts: readonly string[], settings: RunSettings): Promise<ScriptReport[]> {
  const [program, ...words] = selfCommand();
  try {
    const { stdout, stderr, code } = await new Deno.Command(program, {
      args: [...words, "run", ...settingWords(settings), "--", ...scripts],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(START_MS + scripts.length * settings.timeoutMs),
    }).output();
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
