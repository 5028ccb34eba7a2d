/**
 * `deno task floods`: what strangers can do to a server, tried.
 *
 * Owns: the order of things: build, flood, judge, show, write down. Must not know: how each of them is done.
 */
import { CliError, UsageError } from "../../src/cli/command.ts";
import { wantsHelp } from "../../src/cli/options.ts";
import { privateLabRefusal } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { describeMachine, loadAverage } from "../bench/machine.ts";
import { type Defender, FloodLab } from "./flood_lab.ts";
import { type Flood, floodName, planFloods } from "./flood_modes.ts";
import { type FloodOptions, FLOODS_USAGE, parseFloodOptions } from "./flood_options.ts";
import {
  type EarlierFigures,
  earlierKey,
  type FloodRun,
  type JudgedFlood,
  markdownReport,
  textReport,
  writeReliability,
} from "./flood_report.ts";
import { type FloodMeasurement, type FloodSettings, runFlood } from "./flood_run.ts";
import { brokenBounds, weakness } from "./flood_verdict.ts";
import { FloodFailure } from "./line_tool.ts";
import { buildFloodPrograms, type FloodPrograms } from "./native_floods.ts";

/** The floods that the kernel's server meets too: it serves what these are aimed at. */
const KERNEL_MODES: readonly string[] = ["syn", "data", "silent", "zero-window", "unacked", "far-octet"]
  .concat(["sack-crumbs", "unread-echo"]);
/** A process of the kernel's server has a descriptor for each connection, and the usual limit is 20,000. */
const KERNEL_CONNECTIONS = 16_000;

/** Enough for twenty visits. */
const BASELINE_MS = 1_000;

async function floods(options: FloodOptions): Promise<boolean> {
  const refusal = await privateLabRefusal();
  if (refusal !== null) throw new CliError(`No private lab can be made here: ${refusal}`);
  if (options.binary !== null && !await isFile(options.binary)) {
    throw new CliError(`--binary ${options.binary}: there is no such file`);
  }
  await using programs = await buildFloodPrograms();
  const began = new Date().toISOString();
  const load = loadAverage();
  const program = options.binary === null ? selfCommand() : [options.binary];
  const settings: FloodSettings = {
    defender: "tcplab",
    program,
    args: await serveArguments(program, options),
    limitMib: options.limitMib,
    baselineMs: BASELINE_MS,
  };
  const judged: JudgedFlood[] = [];
  const failures: string[] = [];
  for (const { flood, defender } of planBoth(options)) {
    const name = `${defender} ${floodName(flood)}`;
    tell(`${name}: ${flood.mode.what}`);
    try {
      const args = defender === "kernel" ? [] : [...settings.args, ...flood.args];
      const measured = await runInLab(programs, { flood, settings: { ...settings, defender, args } });
      const broken = brokenBounds(measured, options);
      for (const what of broken) tell(`  ✗ ${what}`);
      judged.push({ measured, broken, weakness: weakness(measured) });
    } catch (error) {
      if (!(error instanceof FloodFailure)) throw error;
      tell(`  ✗ ${error.message}`);
      failures.push(`${name}: ${error.message}`);
    }
  }
  const run: FloodRun = {
    began,
    machine: await describeMachine(programs.compiler),
    loadAverage: load,
    memoryMib: options.memoryMib,
    args: options.args,
    floods: judged,
    failures,
  };
  console.log(textReport(run));
  if (options.json !== null) await Deno.writeTextFile(options.json, JSON.stringify(run, null, 1) + "\n");
  const earlier = await readEarlier(options.before);
  if (options.write) await writeReliability(markdownReport(run, earlier));
  else if (options.before !== null) console.log(markdownReport(run, earlier));
  return failures.length === 0 && judged.every(({ broken }) => broken.length === 0);
}

/** Every flood, and behind it the same for the kernel's server, where that is asked for and has something of the kind. */
function planBoth(options: FloodOptions): { flood: Flood; defender: Defender }[] {
  return planFloods(options.scale).flatMap((flood) => {
    const isFirst = flood.args.length === 0 &&
      (flood.mode.kind !== "clients" || flood.sources === options.scale.sources[0]);
    const kernel = options.kernel && isFirst ? kernelFlood(flood) : null;
    const ours = { flood, defender: "tcplab" as const };
    return kernel === null ? [ours] : [ours, { flood: kernel, defender: "kernel" as const }];
  });
}

function tell(line: string): void {
  console.error(`floods: ${line}`);
}

/** A lab for each flood: nothing of one is left for the next. */
async function runInLab(
  programs: FloodPrograms,
  { flood, settings }: { flood: Flood; settings: FloodSettings },
): Promise<FloodMeasurement> {
  await using lab = await FloodLab.open(programs, settings.program);
  return await runFlood(lab, flood, settings);
}

/** The same for the kernel's server, or null where it has nothing of the kind. */
function kernelFlood(flood: Flood): Flood | null {
  const isServed = flood.mode.target !== "close" && flood.mode.target !== "hold";
  if (!isServed || !KERNEL_MODES.includes(flood.mode.name)) return null;
  return { ...flood, connections: Math.min(flood.connections, KERNEL_CONNECTIONS) };
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** `--memory` where this program has it, and a log of nothing unless one was asked for. */
async function serveArguments(program: readonly string[], options: FloodOptions): Promise<string[]> {
  const [name, ...words] = program;
  const { stdout } = await new Deno.Command(name, { args: [...words, "serve", "--help"], stdin: "null" })
    .output();
  const knows = new TextDecoder().decode(stdout).includes("--memory");
  if (!knows) tell("this program has no --memory: its memory has no bound that it knows of");
  return [
    ...(knows && !options.args.includes("--memory") ? ["--memory", `${options.memoryMib}M`] : []),
    ...(options.args.includes("--log") ? [] : ["--log", "none"]),
    ...options.args,
  ];
}

async function readEarlier(path: string | null): Promise<EarlierFigures> {
  if (path === null) return new Map();
  const run: FloodRun = JSON.parse(await Deno.readTextFile(path));
  return new Map(run.floods.map(({ measured }) => [earlierKey(measured.flood, measured.defender), measured]));
}

if (import.meta.main) {
  try {
    if (wantsHelp(Deno.args)) console.log(FLOODS_USAGE);
    else if (!await floods(parseFloodOptions(Deno.args))) Deno.exit(1);
  } catch (error) {
    const isKnown = error instanceof CliError || error instanceof UsageError || error instanceof FloodFailure;
    console.error(isKnown ? `floods: ${error.message}` : error);
    Deno.exit(error instanceof UsageError ? 2 : 1);
  }
}
