/**
 * The soak test: `deno task soak [--hours H]`, mixed clients on a server for as long as one likes, with a report at the end.
 *
 * Owns: the order of a run (a calm phase, a phase with faults; each with its drain), and where the report goes. Exit status 1
 * when something failed, 2 when called wrongly. Must not know: how a lab is made (soak_lab.ts), what is too much
 * (soak_figures.ts).
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { listenForStop } from "../../src/cli/signals.ts";
import { failuresOf, type Phase, type Sample } from "./soak_figures.ts";
import { SoakLab } from "./soak_lab.ts";
import { reportBlock, SAMPLE_HEADING, sampleLine, withBlock } from "./soak_report.ts";
import { describePlace } from "./run_place.ts";

const USAGE = `Usage: deno task soak [OPTIONS]

A private lab, tcplab serve with every application, the kernel's clients of many kinds that check what they get. First a
phase without faults (a tenth of the time, ten minutes at the most), then one with. Once a minute a line.

  --hours H       how long, fractions are fine (default 1); or --minutes M
  --rate N        connections a second (default 60)
  --fault SPEC    the faults of the second phase (default: see below); "none" leaves that phase out
  --no-calm       leaves the first phase out
  --kinds LIST    only these kinds of clients, with commas
  --binary FILE   the compiled program instead of the checkout
  --serve-args="A B"  more arguments for serve
  --samples FILE  the samples as JSON lines (default: a new temporary file)
  --write-docs    puts the report into docs/reliability.md`;

const DEFAULT_FAULTS = "drop=1%,dup=0.5%,reorder=1%,delay=3ms,jitter=2ms,seed=9";
const DEFAULT_RATE = 60;
const CALM_SHARE = 0.1;
const MOST_CALM_SECONDS = 600;
const LEAST_PHASE_SECONDS = 20;
const SAMPLE_SECONDS = 60;
/** A short run has as many samples as a line needs. */
const LEAST_SAMPLES = 15;
/** What is left of clients that vanished goes by keep-alive, of those that do not acknowledge by the user timeout (R2). */
const SERVE_ARGS = ["--keepalive", "15/5/4", "--user-timeout", "100"];
/** R2, TIME_WAIT and some for what begins last. */
const DRAIN_SECONDS = 240;
const DRAIN_LOOK_SECONDS = 10;
const DOCUMENT = fromFileUrl(new URL("../../docs/reliability.md", import.meta.url));

interface SoakOptions {
  readonly seconds: number;
  readonly rate: number;
  readonly faults: string | null;
  readonly isCalmFirst: boolean;
  readonly kinds: string | null;
  readonly binary: string | null;
  readonly serveArgs: readonly string[];
  readonly samplesPath: string;
  readonly writesDocs: boolean;
}

function readOptions(args: readonly string[]): SoakOptions {
  const names = ["hours", "minutes", "rate", "fault", "kinds", "binary", "serve-args", "samples"];
  const given = parseArgs([...args], {
    string: names,
    boolean: ["help", "write-docs", "calm"],
    default: { calm: true },
    negatable: ["calm"],
  });
  if (given.help === true) {
    console.log(USAGE);
    Deno.exit(0);
  }
  const text = (name: string) => {
    const value: unknown = given[name];
    return typeof value === "string" ? value : null;
  };
  const minutes = text("minutes");
  const seconds = minutes === null ? Number(text("hours") ?? 1) * 3600 : Number(minutes) * 60;
  const rate = Number(text("rate") ?? DEFAULT_RATE);
  if (!(seconds >= LEAST_PHASE_SECONDS) || !(rate > 0)) {
    console.error(
      `Expected --hours and --rate as numbers, and at least ${LEAST_PHASE_SECONDS} seconds\n\n${USAGE}`,
    );
    Deno.exit(2);
  }
  const faults = text("fault") ?? DEFAULT_FAULTS;
  return {
    seconds,
    rate,
    faults: faults === "none" ? null : faults,
    isCalmFirst: given.calm === true,
    kinds: text("kinds"),
    binary: text("binary"),
    serveArgs: (text("serve-args") ?? "").split(" ").filter((word) => word !== ""),
    samplesPath: text("samples") ?? Deno.makeTempFileSync({ prefix: "tcplab-soak-", suffix: ".jsonl" }),
    writesDocs: given["write-docs"] === true,
  };
}

/** The phases with their lengths in seconds. */
function planOf(options: SoakOptions): { name: string; faults: string | null; seconds: number }[] {
  const { seconds, faults, isCalmFirst } = options;
  if (faults === null) return [{ name: "calm", faults, seconds }];
  const share = Math.max(LEAST_PHASE_SECONDS, Math.min(MOST_CALM_SECONDS, seconds * CALM_SHARE));
  const calmSeconds = isCalmFirst ? share : 0;
  const disturbed = { name: "faults", faults, seconds: Math.max(LEAST_PHASE_SECONDS, seconds - calmSeconds) };
  return isCalmFirst ? [{ name: "calm", faults: null, seconds: calmSeconds }, disturbed] : [disturbed];
}

async function runPhase(
  plan: { readonly name: string; readonly faults: string | null; readonly seconds: number },
  run: { readonly options: SoakOptions; readonly stopped: Promise<unknown> },
): Promise<Phase> {
  const { options, stopped } = run;
  const faultArgs = plan.faults === null ? [] : ["--fault", plan.faults];
  const args = [...SERVE_ARGS, ...faultArgs, ...options.serveArgs];
  await using lab = await SoakLab.open({ binary: options.binary, args });
  lab.startClients(options);
  const beganMs = performance.now();
  const at = () => (performance.now() - beganMs) / 1000;
  const samples: Sample[] = [];
  const every = Math.min(SAMPLE_SECONDS, plan.seconds / LEAST_SAMPLES);
  let isStopped = false;
  stopped.then(() => isStopped = true);
  while (at() < plan.seconds && !isStopped) {
    await Promise.race([sleep(Math.min(every, plan.seconds - at())), stopped]);
    lab.demandAlive();
    keep(await lab.sample(plan.name, at()), samples, options);
  }
  const seconds = at();
  await lab.endClients();
  let drained = await lab.sample(`${plan.name}, end`, at());
  for (const until = at() + DRAIN_SECONDS; drained.connections > 0 && at() < until;) {
    await sleep(DRAIN_LOOK_SECONDS);
    drained = await lab.sample(`${plan.name}, end`, at());
  }
  console.log(sampleLine(drained, samples.at(-1) ?? null));
  Deno.writeTextFileSync(options.samplesPath, `${JSON.stringify(drained)}\n`, { append: true });
  const { code, stderr } = await lab.stopServer();
  return { ...plan, seconds, samples, drained, exit: { code, stderr } };
}

function keep(sample: Sample, samples: Sample[], options: SoakOptions): void {
  console.log(sampleLine(sample, samples.at(-1) ?? null));
  samples.push(sample);
  Deno.writeTextFileSync(options.samplesPath, `${JSON.stringify(sample)}\n`, { append: true });
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, seconds) * 1000));
}

async function main(): Promise<number> {
  const options = readOptions(Deno.args);
  using signals = listenForStop();
  const place = await describePlace(options.binary);
  console.log(`${place.machine}, commit ${place.commit}, ${place.program}`);
  console.log(`Samples: ${options.samplesPath}\n${SAMPLE_HEADING}`);
  const phases: Phase[] = [];
  for (const plan of planOf(options)) {
    phases.push(await runPhase(plan, { options, stopped: signals.graceful }));
  }
  const block = reportBlock(phases, place);
  console.log(`\n${block}\n`);
  if (options.writesDocs) {
    Deno.writeTextFileSync(DOCUMENT, withBlock(Deno.readTextFileSync(DOCUMENT), "soak", block));
  }
  const failures = phases.flatMap((phase) => failuresOf(phase).map((words) => `${phase.name}: ${words}`));
  for (const words of failures) console.error(`FAILED  ${words}`);
  console.log(failures.length === 0 ? "passed" : `failed: ${failures.length}`);
  return failures.length === 0 ? 0 : 1;
}

Deno.exit(await main());
