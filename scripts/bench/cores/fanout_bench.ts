/**
 * Several workers in a fanout group beside today's single thread: rounds in turn, and the table of them.
 *
 *     deno run -A scripts/bench/cores/fanout_bench.ts [--rounds 3] [--seconds 2] [--offloads off,def]
 *         [--servers NAME,...] [--loads PART,...] [--append FILE] [--show FILE]
 *
 * All of it takes about 20 minutes. `--loads upload,connections` takes every load whose name begins so. `--append` keeps each run as a line of JSON, so that
 * rounds can be made in pieces; `--show` prints the table of such a file and measures nothing.
 *
 * Owns: the order of the runs, and the table. Must not know: how a load is run (cores_load.ts).
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { BenchLab } from "../bench_lab.ts";
import { type Contestant, contestants } from "../contestants.ts";
import type { Offloads } from "../model.ts";
import { buildNativePrograms, type NativePrograms } from "../native_programs.ts";
import { spreadOf } from "../statistics.ts";
import { formatNumber, renderText } from "../text_table.ts";
import {
  CORES_LOADS,
  type CoresLoad,
  type CoresResult,
  type CoresSample,
  type CoresTiming,
  runCoresLoad,
} from "./cores_load.ts";

/** A JIT compiler wants to be warm. */
const WARM_S = 0.8;

/** The servers, in the order of each round. */
function servers(programs: NativePrograms): Contestant[] {
  const serve = contestants(programs, { binary: null, variants: [] }).find(({ name }) => name === "tcplab");
  if (serve === undefined) throw new Error("there is no server tcplab");
  const workers = (name: string, args: readonly string[]): Contestant => ({
    ...serve,
    name,
    words: (plan) =>
      [Deno.execPath(), "run", "--quiet", "--cached-only", "--allow-all"]
        .concat(
          fromFileUrl(new URL("fanout_server.ts", import.meta.url)),
          plan.devices.server,
          plan.tcplabAddress,
          args,
        ),
  });
  return [
    { ...serve, name: "serve" },
    workers("1 worker", ["1", "hash"]),
    workers("2 workers", ["2", "hash"]),
    workers("3 workers", ["3", "hash"]),
    workers("1 worker blocking", ["1", "hash", "0", "0", "block"]),
    workers("2 workers blocking", ["2", "hash", "0", "0", "block"]),
    workers("2 workers own hash", ["2", "own"]),
  ];
}

interface Plan {
  readonly rounds: number;
  readonly timing: CoresTiming;
  readonly offloads: readonly Offloads[];
  readonly loads: readonly CoresLoad[];
  readonly servers: readonly string[];
  readonly keep: (sample: CoresSample) => Promise<void>;
}

async function measure(plan: Plan): Promise<void> {
  await using programs = await buildNativePrograms();
  const chosen = servers(programs).filter(({ name }) => plan.servers.includes(name));
  for (const offloads of plan.offloads) {
    await using labs = new AsyncDisposableStack();
    const opened: { server: string; lab: BenchLab }[] = [];
    // A server at rest takes no time of the cores: all can be up together.
    for (const contestant of chosen) {
      const lab = labs.use(await BenchLab.open(contestant, { programs, offloads }));
      await lab.serve();
      opened.push({ server: contestant.name, lab });
    }
    for (let round = 1; round <= plan.rounds; round++) {
      for (const load of plan.loads) {
        for (const { server, lab } of opened) {
          try {
            const result = await runCoresLoad(lab, load, { program: programs.load, timing: plan.timing });
            await plan.keep({ server, load: load.name, offloads, ...result });
          } catch (error) {
            console.error(
              `${server}, ${load.name}, ${offloads}: ${error instanceof Error ? error.message : error}`,
            );
          }
        }
      }
    }
  }
}

/** Medians, and least to most of the figure itself. */
function table(samples: readonly CoresSample[]): string {
  const head = ["load", "off-loads", "server", "median", "least", "most", "unit", "runs", "server user"]
    .concat("server kernel", "client", "other", "idle", "frames in/s", "frames out/s");
  const rows: string[][] = [];
  for (const load of CORES_LOADS) {
    for (const offloads of ["off", "def"] as const) {
      const here = samples.filter((sample) => sample.load === load.name && sample.offloads === offloads);
      for (const server of new Set(here.map((sample) => sample.server))) {
        const own = here.filter((sample) => sample.server === server);
        const of = (field: keyof CoresResult, digits: number) => {
          const spread = spreadOf(own.map((sample) => sample[field]));
          return spread === null ? "" : formatNumber(spread.median, digits);
        };
        const spread = spreadOf(own.map(({ value }) => value));
        if (spread === null) continue;
        const numbers = [spread.median, spread.least, spread.most].map((value) =>
          formatNumber(value, load.mode === "echo" ? 1 : 0)
        );
        rows.push([load.name, offloads, server, ...numbers, load.unit, String(own.length)].concat(
          (["serverUserCores", "serverKernelCores", "clientCores", "otherCores", "idleCores"] as const)
            .map((field) => of(field, 2)),
          of("framesIn", 0),
          of("framesOut", 0),
        ));
      }
    }
  }
  return renderText({ head, rows, leftColumns: [1, 2, 6] });
}

const DEFAULT_SERVERS = "serve,1 worker,2 workers,3 workers,1 worker blocking,2 workers blocking";

async function main(args: string[]): Promise<void> {
  const parsed = parseArgs(args, {
    string: ["rounds", "seconds", "offloads", "servers", "loads", "append", "show"],
    default: { rounds: "3", seconds: "2", offloads: "off,def", servers: DEFAULT_SERVERS, loads: "" },
  });
  const given = (name: string) => String(parsed[name] ?? "");
  const list = (name: string) => given(name).split(",");
  const samples: CoresSample[] = [];
  if (given("show") !== "") {
    const text = await Deno.readTextFile(given("show"));
    samples.push(...text.trim().split("\n").map((line) => JSON.parse(line)));
  } else {
    await measure({
      rounds: Number(given("rounds")),
      timing: { warm: WARM_S, seconds: Number(given("seconds")) },
      offloads: (["off", "def"] as const).filter((name) => list("offloads").includes(name)),
      loads: CORES_LOADS.filter(({ name }) => list("loads").some((beginning) => name.startsWith(beginning))),
      servers: list("servers"),
      keep: async (sample) => {
        samples.push(sample);
        if (given("append") === "") return;
        await Deno.writeTextFile(given("append"), JSON.stringify(sample) + "\n", { append: true });
      },
    });
  }
  console.log(table(samples));
}

await main(Deno.args);
