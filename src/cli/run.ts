/**
 * `tcplab run`: packetdrill scripts against our own stack, on a virtual clock.
 *
 * Owns: the order of what comes out, and the exit status. Must not know: how a script is run (run_script.ts), how reports look.
 */
import { getColorEnabled } from "@std/fmt/colors";
import { paletteFor, printable } from "../observe/text_layout.ts";
import type { TraceEntry } from "../script/runner.ts";
import { CliError, type Command, EXIT_DONE, EXIT_FAILED, UsageError } from "./command.ts";
import { cannotWrite, openOutputFile } from "./output_file.ts";
import { parseOptions, type Syntax, usageText } from "./options.ts";
import { findScripts } from "./run_files.ts";
import { runInProcesses } from "./run_jobs.ts";
import { RUN_OPTIONS, type RunSettings, runSettings } from "./run_options.ts";
import { countVerdicts, type ScriptReport } from "./run_report.ts";
import { jsonText, junitText, tapText } from "./run_report_files.ts";
import { reportLines, summaryLines } from "./run_report_text.ts";
import { runScriptFile } from "./run_script.ts";
import { namedOutputs, refuseSameFiles } from "./same_files.ts";
import { OutputClosedError, pageWidth, printError, printLine, printOut } from "./terminal.ts";

/** Exit status when a script could not be read. */
const EXIT_UNREADABLE = 2;

const SYNTAX: Syntax<typeof RUN_OPTIONS> = {
  command: "run",
  synopsis: "SCRIPT|DIR... [--profile linux|freebsd|rfc] [--json|--tap] [--junit FILE] [--trace] [OPTIONS]",
  description:
    `Plays packetdrill scripts, of google/packetdrill and of nplab's dialect, against tcplab's own stack: a script makes system calls,
gives packets to the stack, and says which packets it has to send, and when. No device, no rights, no kernel: the clock is a number,
and an hour of a script takes milliseconds.

A script's verdict is pass; fail, with the line, what was expected, what came, and the rule of ours by which it came; unsupported, with
the construct that is not there (never a pass); or error, with line and column, when it cannot be read.

Shell lines of scripts (sysctl and others) are read as settings of the stack, and never carried out; see --allow-shell.
docs/run.md tells the language, what is supported, the profiles, and how to test your own changes with it.

Exit status: 0 all passed; 1 some failed, are unsupported without --skip-unsupported, or were not run, for nobody read the output any
more; 2 some could not be read.`,
  options: RUN_OPTIONS,
  positionals: {
    least: 1,
    most: Infinity,
    expected: "scripts, or directories of scripts (*.pkt)",
    words: ["files", "files"],
  },
  examples: [
    ["tcplab run handshake.pkt", "one script"],
    ["tcplab run --trace handshake.pkt", "with every step and what the stack did"],
    ["tcplab run tests/ --profile freebsd --jobs 4", "a tree of scripts"],
    ["tcplab run tests/ --skip-unsupported --junit report.xml", "for CI"],
    ["sudo tcplab run --live --iface veth-a --ip 10.9.0.2/24 handshake.pkt", "in real time, on a device"],
    ["tcplab run -w run.pcapng handshake.pkt", "and look at the packets in Wireshark"],
  ],
};

async function run(args: string[]): Promise<number> {
  const options = parseOptions(args, SYNTAX);
  const settings = runSettings(options);
  const scripts = await findScripts(options.positionals);
  if (settings.writeFile !== null && scripts.length !== 1) {
    throw new UsageError(`--write records the run of one script, and there are ${scripts.length}: name one`);
  }
  refuseSameFiles(
    { paths: scripts, what: "one of the scripts" },
    namedOutputs({ "--junit": settings.junitFile, "--write": settings.writeFile }),
  );
  // Before all else, so that nothing is run in vain.
  const { junitFile } = settings;
  using junit = junitFile === null ? null : openOutputFile(junitFile, { option: "--junit", isSecret: false });
  const beganMs = performance.now();
  const reports: ScriptReport[] = [];
  const isForPeople = !settings.isJson && !settings.isTap;
  const palette = paletteFor(getColorEnabled());
  const width = Deno.stdout.isTerminal() ? pageWidth() : Infinity;
  const onReport = (report: ScriptReport) => {
    reports.push(report);
    if (isForPeople) { for (const line of reportLines(report, { palette, width })) printLine(line); }
  };
  try {
    if (settings.jobs > 1 && scripts.length > 1) await runInProcesses(scripts, { settings, onReport });
    else await runHere(scripts, { settings, onReport });
    if (junit !== null && junitFile !== null) {
      writeReport(junitFile, { file: junit, text: junitText(reports, settings) });
    }
    if (settings.isJson) printOut(jsonText(reports));
    if (settings.isTap) printOut(tapText(reports, settings));
    if (isForPeople && scripts.length > 1) {
      for (const line of summaryLines(reports, { palette, realMs: performance.now() - beganMs })) {
        printLine(line);
      }
    }
  } catch (error) {
    if (!(error instanceof OutputClosedError)) throw error;
    // Nobody reads on. What was not run has not passed.
    if (reports.length < scripts.length) return EXIT_FAILED;
  }
  return exitStatus(reports, settings);
}

function writeReport(
  path: string,
  { file, text }: { readonly file: Deno.FsFile; readonly text: string },
): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  } catch (error) {
    throw new CliError(`${cannotWrite(path, error)}: make room there, or give --junit another file`);
  }
}

async function runHere(
  scripts: readonly string[],
  about: { readonly settings: RunSettings; readonly onReport: (report: ScriptReport) => void },
): Promise<void> {
  const { settings, onReport } = about;
  using ground = settings.live === null
    ? null
    : (await import("./run_live.ts")).openLiveGround(settings.live);
  const wire = ground?.wire ?? null;
  const print = settings.isJson || settings.isTap ? printError : printLine;
  const onTrace = (entry: TraceEntry) => print(traceLine(entry));
  for (const script of scripts) {
    if (settings.isTrace) print(`-- ${printable(script)}`);
    onReport(await runScriptFile(script, { settings, wire, ...(settings.isTrace ? { onTrace } : {}) }));
  }
}

/** `0.100000     12  +0.1 < . 1:1(0) ack 1 win 257`; what the host does is indented. */
function traceLine({ atUs, line, kind, text }: TraceEntry): string {
  const time = (atUs / 1e6).toFixed(6).padStart(11);
  const place = line === 0 ? "" : String(line);
  const indent = kind === "step" ? "" : kind === "host" ? "    " : "    (";
  return `${time} ${place.padStart(6)}  ${indent}${printable(text)}${kind === "note" ? ")" : ""}`;
}

function exitStatus(reports: readonly ScriptReport[], { skipsUnsupported }: RunSettings): number {
  const { fail, unsupported, error } = countVerdicts(reports);
  if (error > 0) return EXIT_UNREADABLE;
  return fail > 0 || (unsupported > 0 && !skipsUnsupported) ? EXIT_FAILED : EXIT_DONE;
}

/** The command. */
export const command: Command = {
  name: SYNTAX.command,
  summary: "plays packetdrill scripts against our own stack, on a virtual clock",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
