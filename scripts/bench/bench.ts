/**
 * `deno task bench`: tcplab measured beside the kernel, a C program and lwIP.
 *
 * Owns: the order of things: build, measure, show, write down. Must not know: how each of them is done.
 */
import { CliError, UsageError } from "../../src/cli/command.ts";
import { wantsHelp } from "../../src/cli/options.ts";
import { privateLabRefusal } from "../../src/cli/private_lab.ts";
import { appendSection } from "./benchmarks_page.ts";
import { BENCH_USAGE, type BenchOptions, parseBenchOptions } from "./bench_options.ts";
import { compete } from "./competition.ts";
import { compiledProgram, contestants } from "./contestants.ts";
import { describeMachine, loadAverage } from "./machine.ts";
import { BEFORE, nameOverIpv4, type Run } from "./model.ts";
import { buildNativePrograms } from "./native_programs.ts";
import { comeFirst } from "./quiet.ts";
import { markdownReport, textReport } from "./report.ts";

/** More than this, and other programs disturb the figures of two cores noticeably; local choice. */
const QUIET_LOAD = 0.5;

function tell(line: string): void {
  console.error(line);
}

async function bench(options: BenchOptions): Promise<void> {
  const refusal = await privateLabRefusal();
  if (refusal !== null) throw new CliError(`No private lab can be made here: ${refusal}`);
  await using programs = await buildNativePrograms();
  await using _priority = options.first ? await comeFirst() : null;
  const began = new Date().toISOString();
  const load = loadAverage();
  if (load > QUIET_LOAD) {
    tell(
      `The load average is ${
        load.toFixed(2)
      }: other programs disturb the figures. Better wait until it is below ${QUIET_LOAD}`,
    );
  }
  const binary = compiledProgram();
  const all = contestants(programs, { ...options, binary });
  const unknown = options.contestants.filter((asked) => !all.some(({ name }) => plainName(name) === asked));
  if (unknown.length > 0) throw new UsageError(`--server ${unknown[0]}: there is none of that name here`);
  const also = options.against === null ? [] : [BEFORE];
  const asked = [...options.contestants, ...also, ...options.variants.map(({ name }) => `tcplab ${name}`)];
  const chosen = all.filter(({ name }) =>
    options.contestants.length === 0 || asked.includes(plainName(name))
  );
  const outcome = await compete({ options, programs, contestants: chosen, tell });
  const run: Run = {
    began,
    machine: await describeMachine(programs.compiler),
    rounds: options.rounds,
    secondsEach: options.timing.seconds,
    skipped: [...programs.skipped, ...(binary === null ? [NO_BINARY] : [])],
    ...outcome,
  };
  console.log(textReport(run, chosen));
  if (options.json !== null) await Deno.writeTextFile(options.json, JSON.stringify(run, null, 1) + "\n");
  if (options.append) await appendSection(markdownReport(run, chosen));
}

/** What a server is called without the version of IP. */
function plainName(name: string): string {
  return nameOverIpv4(name) ?? name;
}

const NO_BINARY = "binary: there is no dist/tcplab (deno task compile)";

if (import.meta.main) {
  try {
    if (wantsHelp(Deno.args)) console.log(BENCH_USAGE);
    else await bench(parseBenchOptions(Deno.args));
  } catch (error) {
    console.error(error instanceof Error ? `bench: ${error.message}` : String(error));
    Deno.exit(error instanceof UsageError ? 2 : 1);
  }
}
