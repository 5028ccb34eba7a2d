/**
 * How fast N workers are on M cores: a model of the time that each unit of work costs, with its check on two cores.
 *
 *     deno run -A scripts/bench/cores/scaling_model.ts RESULTS      (the file of fanout_bench.ts --append)
 *
 * A unit is a connection, a message or a megabyte. It costs S of the server's time, of which U in user space, C of the
 * client's and O of whatever else. A resource that is busy all the time bounds the rate:
 *
 *     same machine:      X = min(w(W) / S, K / C, M / (S + C + O))
 *     client elsewhere:  X = w(N) / (S' + R),   S' = U + out * SEND,   R = in * RECEIVE
 *
 * W is the number of workers that have a connection, N (1 - (1 - 1/N)^f) of f, by a hash that knows nothing of load. K is
 * the number of client processes. w(n) is what n workers are worth, 1 + 0.8 (n - 1) by scale_check.ts; in and out are
 * frames a unit. S' has no work of the peer's kernel in it, which on a veth is done by whoever sends.
 *
 * Owns: the formula and its tables. Must not know: how the costs were measured.
 */
import type { Offloads } from "../model.ts";
import { median } from "../statistics.ts";
import { formatNumber, formatShare, renderText } from "../text_table.ts";
import { CORES_LOADS, type CoresLoad, type CoresSample } from "./cores_load.ts";

/** Measured by scale_check.ts: two workers do 1.8 (full frames sent) to 2.1 times (the machine) the work of one. */
const FURTHER_WORKER = 0.8;
/** Measured by scale_check.ts: a frame through `sendmmsg` to a veth whose other end drops it, seconds. */
const SEND_S = 1.3e-6;
/** Assumed: driver, interrupt and the copy into the ring, seconds a frame. */
const RECEIVE_S = 1e-6;

/** Seconds, and frames, of one unit. */
interface Cost {
  readonly server: number;
  readonly user: number;
  readonly client: number;
  readonly other: number;
  readonly framesIn: number;
  readonly framesOut: number;
}

interface Choice {
  readonly load: CoresLoad;
  readonly offloads: Offloads;
  readonly server: string;
}

function costOf(samples: readonly CoresSample[], choice: Choice): Cost | null {
  const own = samples.filter((sample) => isOf(sample, choice));
  if (own.length === 0) return null;
  const each = (cost: (sample: CoresSample) => number) =>
    median(own.map((sample) => cost(sample) / sample.value));
  return {
    server: each((sample) => sample.serverUserCores + sample.serverKernelCores),
    user: each((sample) => sample.serverUserCores),
    client: each((sample) => sample.clientCores),
    other: Math.max(0, each((sample) => sample.otherCores)),
    framesIn: each((sample) => sample.framesIn),
    framesOut: each((sample) => sample.framesOut),
  };
}

function isOf(sample: CoresSample, { load, offloads, server }: Choice): boolean {
  return sample.load === load.name && sample.offloads === offloads && sample.server === server;
}

/** Connections that are there all the time. */
function flowsOf({ mode, processes, more }: CoresLoad): number {
  const each = more.map((option) => /^connections=(\d+)$/.exec(option)?.[1]).find((found) =>
    found !== undefined
  );
  return mode === "upload" || mode === "download" ? processes : processes * Number(each ?? 1);
}

/** Workers that have anything to do, on average. */
function busyWorkers(workers: number, flows: number): number {
  return flows === Infinity ? workers : workers * (1 - (1 - 1 / workers) ** flows);
}

function worthOf(workers: number): number {
  return workers <= 1 ? workers : 1 + FURTHER_WORKER * (workers - 1);
}

/** Units per second, with the clients on the same machine. */
function onOneMachine(
  cost: Cost,
  scene: { workers: number; cores: number; clients: number; flows: number },
): number {
  const { workers, cores, clients, flows } = scene;
  return Math.min(
    worthOf(busyWorkers(workers, flows)) / cost.server,
    clients / cost.client,
    // One worker beside its client has filled two cores already when S was measured: nothing is to be taken off.
    cores / (cost.server + cost.client + cost.other),
  );
}

/** Units per second, with the clients elsewhere, one worker a core. */
function clientElsewhere(cost: Cost, workers: number): number {
  const own = cost.user + cost.framesOut * SEND_S;
  return worthOf(workers) / (own + cost.framesIn * RECEIVE_S);
}

function check(samples: readonly CoresSample[]): string {
  const rows: string[][] = [];
  for (const offloads of ["off", "def"] as const) {
    for (const load of CORES_LOADS.filter(({ mode }) => mode !== "echo")) {
      const cost = costOf(samples, { load, offloads, server: "serve" });
      if (cost === null) continue;
      const measured = (server: string) =>
        median(
          samples.filter((sample) => isOf(sample, { load, offloads, server })).map(({ value }) => value),
        );
      const flows = flowsOf(load);
      const predicted = onOneMachine(cost, { workers: 2, cores: 2, clients: load.processes, flows });
      const error = (server: string) => `${formatShare(measured(server) / predicted - 1)}`;
      rows.push([
        load.name,
        offloads,
        ...[cost.server, cost.user, cost.client].map((seconds) => formatNumber(seconds * 1e6, 1)),
        ...[cost.framesIn, cost.framesOut].map((frames) => formatNumber(frames, 2)),
        formatNumber(measured("serve"), 0),
        formatNumber(predicted, 0),
        ...["2 workers", "2 workers blocking"].map((server) =>
          `${formatNumber(measured(server), 0)} (${error(server)})`
        ),
      ]);
    }
  }
  const head = ["load", "off-loads", "S us", "U us", "C us", "in", "out", "serve", "2 workers predicted"]
    .concat("2 workers", "2 workers blocking");
  return renderText({ head, rows, leftColumns: [1] });
}

function outlook(samples: readonly CoresSample[]): string {
  const rows: string[][] = [];
  const offloads = "off";
  for (const load of CORES_LOADS.filter(({ mode, name }) => mode !== "echo" && !name.endsWith(" 1"))) {
    const cost = costOf(samples, { load, offloads, server: "serve" });
    if (cost === null) continue;
    const many = { clients: Infinity, flows: Infinity };
    const veth = ([workers, cores]: readonly [number, number]) =>
      formatNumber(onOneMachine(cost, { workers, cores, ...many }), 0);
    const apart = (workers: number) => formatNumber(clientElsewhere(cost, workers), 0);
    rows.push([
      load.name,
      load.unit,
      ...([[1, 2], [2, 4], [4, 8], [8, 16]] as const).map(veth),
      ...[1, 2, 4, 8].map(apart),
    ]);
  }
  const head = ["load", "unit", "1 on 2", "2 on 4", "4 on 8", "8 on 16", "elsewhere: 1", "2", "4", "8"];
  return renderText({ head, rows, leftColumns: [1] });
}

const text = await Deno.readTextFile(Deno.args[0]);
const samples: CoresSample[] = text.trim().split("\n").map((line) => JSON.parse(line));
console.log(`Check: N = 2, M = 2, from the costs of serve\n\n${check(samples)}\n`);
console.log(
  `Outlook: workers on cores of one machine; one core a worker, clients elsewhere\n\n${outlook(samples)}`,
);
