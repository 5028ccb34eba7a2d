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
import { FloodLab } from "./flood_lab.ts";
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
  for (const flood of planFloods(options.scale)) {
    judged.push(judge(await tryFlood(programs, { flood, settings }), options));
    const isFirst = flood.mode.kind !== "clients" || flood.sources === options.scale.sources[0];
    const kernel = options.kernel && isFirst ? kernelFlood(flood) : null;
    if (kernel !== null) {
      const measured = await tryFlood(programs, {
        flood: kernel,
        settings: { ...settings, defender: "kernel", args: [] },
      });
      judged.push(judge(measured, options));
    }
  }
  const run: FloodRun = {
    began,
    machine: await describeMachine(programs.compiler),
    loadAverage: load,
    memoryMib: options.memoryMib,
    args: options.args,
    floods: judged,
  };
  console.log(textReport(run));
  if (options.json !== null) await Deno.writeTextFile(options.json, JSON.stringify(run, null, 1) + "\n");
  const earlier = await readEarlier(options.before);
  if (options.write) await writeReliability(markdownReport(run, earlier));
  else if (options.before !== null) console.log(markdownReport(run, earlier));
  return judged.every(({ broken }) => broken.length === 0);
}

/** A lab for each flood: nothing of one is left for the next. */
async function tryFlood(
  programs: FloodPrograms,
  { flood, settings }: { flood: Flood; settings: FloodSettings },
): Promise<FloodMeasurement> {
  console.error(`floods: ${settings.defender} ${floodName(flood)}: ${flood.mode.what}`);
  await using lab = await FloodLab.open(programs, settings.program);
  return await runFlood(lab, flood, settings);
}

function judge(measured: FloodMeasurement, { memoryMib }: FloodOptions): JudgedFlood {
  const broken = brokenBounds(measured, { memoryMib });
  for (const what of broken) console.error(`floods:   ✗ ${what}`);
  return { measured, broken, weakness: weakness(measured) };
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
  if (!knows) console.error("floods: this program has no --memory: its memory has no bound that it knows of");
  return [
    ...(knows ? ["--memory", `${options.memoryMib}M`] : []),
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
