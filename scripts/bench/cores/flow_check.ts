/**
 * Whether all segments of a connection reach one member of the fanout group, also when the client sends them again.
 *
 *     deno run -A scripts/bench/cores/flow_check.ts
 *
 * Two members, each way of spreading, with and without loss: connections opened and closed, then uploads. A segment that
 * reaches the wrong member meets no connection there and is answered with RST. One member by itself is the control.
 *
 * Owns: the runs and their table. Must not know: how a member is chosen (fanout.ts).
 */
import { fromFileUrl } from "@std/path";
import { BenchLab, CLIENT_SOURCES, numbersOf } from "../bench_lab.ts";
import { type Contestant, contestants, PORTS } from "../contestants.ts";
import { buildNativePrograms, type NativePrograms } from "../native_programs.ts";
import { formatNumber, renderText } from "../text_table.ts";
import { type Spread, SPREADS } from "./fanout.ts";

/** Frames lost each way: enough that some thousand segments are sent again in a run. */
const LOSS = 0.2;
const SECONDS = 3;
const UPLOADS = 8;
/** Where the server's counters go, in the lab's own file system. */
const COUNTS_FILE = "/run/fanout-counts";
const STOP_MS = 5000;

interface FlowRun {
  readonly workers: number;
  readonly spread: Spread;
  readonly loss: number;
}

async function runOne(programs: NativePrograms, run: FlowRun): Promise<string[]> {
  await using lab = await BenchLab.open(fanoutServer(programs, run), { programs, offloads: "off" });
  await lab.serve([], COUNTS_FILE);
  const ends = await Promise.all([
    loadOnce(lab, programs, ["connect", PORTS.echo, "connections=64"]),
    ...Array.from({ length: UPLOADS }, () => loadOnce(lab, programs, ["upload", PORTS.discard])),
  ]);
  await lab.stopServer(STOP_MS);
  const { stdout } = await lab.lab.run({ words: ["cat", COUNTS_FILE] });
  const members = stdout.split("\n").filter((line) => line.startsWith("{")).map(numbersOf);
  const [connects, ...uploads] = ends;
  const sum = (name: string) => members.reduce((total, counts) => total + (counts[name] ?? 0), 0);
  const each = (name: string) => members.map((counts) => formatNumber(counts[name] ?? 0, 0)).join(" + ");
  return [
    run.workers === 1 ? "1 worker" : `2 workers, ${run.spread}`,
    `${run.loss * 100} %`,
    connects === null ? "stalled" : formatNumber(connects.count, 0),
    connects === null ? "" : formatNumber(connects.failures, 0),
    String(uploads.filter((upload) => upload === null).length),
    each("connections-opened"),
    each("arp-in"),
    formatNumber(sum("retransmits") + sum("duplicates"), 0),
    formatNumber(sum("resets-out"), 0),
  ];
}

/** The load's figures; null when it broke off, which a RST does to an upload. */
async function loadOnce(
  lab: BenchLab,
  programs: NativePrograms,
  [mode, port, ...more]: readonly (string | number)[],
): Promise<Record<string, number> | null> {
  const words = [programs.load, String(mode), lab.lab.plan.tcplabAddress, String(port)]
    .concat(more.map(String), "warm=0", `seconds=${SECONDS}`, `sources=${CLIENT_SOURCES}`);
  const { code, stdout } = await lab.lab.run({ side: "client", words });
  return code === 0 ? numbersOf(stdout) : null;
}

function fanoutServer(programs: NativePrograms, run: FlowRun): Contestant {
  const serve = contestants(programs, { binary: null, variants: [] }).find(({ name }) => name === "tcplab");
  if (serve === undefined) throw new Error("there is no server tcplab");
  const script = fromFileUrl(new URL("fanout_server.ts", import.meta.url));
  const args = [String(run.workers), run.spread, "80", String(run.loss)];
  return {
    ...serve,
    words: (plan) =>
      [Deno.execPath(), "run", "--quiet", "--cached-only", "--allow-all", script]
        .concat(plan.devices.server, plan.tcplabAddress, args),
  };
}

await using programs = await buildNativePrograms();
const rows: string[][] = [];
for (const loss of [0, LOSS]) {
  rows.push(await runOne(programs, { workers: 1, spread: "hash", loss }));
  for (const spread of SPREADS) rows.push(await runOne(programs, { workers: 2, spread, loss }));
}
const head = [
  "server",
  "loss",
  "connections",
  "failed",
  "uploads failed",
  "opened by member",
  "ARP by member",
]
  .concat("sent again", "RST sent");
console.log(renderText({ head, rows }));
