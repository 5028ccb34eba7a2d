/**
 * The figures of floods as tables: for a terminal, and for docs/reliability.md.
 *
 * Owns: columns and the page's part that is written anew. Must not know: how floods are run or judged.
 */
import { formatNumber, renderMarkdown, renderText, type TextTable } from "../bench/text_table.ts";
import type { Machine } from "../bench/model.ts";
import { type Flood, floodName } from "./flood_modes.ts";
import type { FloodMeasurement, Visits } from "./flood_run.ts";

/** A flood with its verdict. */
export interface JudgedFlood {
  readonly measured: FloodMeasurement;
  readonly broken: readonly string[];
  /** Why the verdict is worth little; null when it is worth what it says. */
  readonly weakness: string | null;
}

/** Everything that a run has to say. */
export interface FloodRun {
  /** ISO 8601. */
  readonly began: string;
  readonly machine: Machine;
  readonly loadAverage: number;
  readonly memoryMib: number;
  readonly args: readonly string[];
  readonly floods: readonly JudgedFlood[];
  /** Floods that came to nothing, with the reason, a line each. */
  readonly failures: readonly string[];
}

/** Figures of a run before, by the flood's name and defender, to be shown beside. */
export type EarlierFigures = ReadonlyMap<string, Pick<FloodMeasurement, "rssMaxMib" | "during" | "survived">>;

const PAGE = new URL("../../docs/reliability.md", import.meta.url);
const BEGIN = "<!-- floods: written by deno task floods -->";
const END = "<!-- floods end -->";

/** The name under which an earlier figure is found again. */
export function earlierKey(flood: Flood, defender: string): string {
  return `${defender} ${floodName(flood)}`;
}

const HEAD = ["flood", "on", "frames/s", "memory MiB", "core", "held", "reset", "p50 ms", "p99 ms", "max ms"]
  .concat(["served", "lost", "kept", "netstat ms", "leaves ms"]);

/** A log that was not asked for has nothing in it. */
function hasLog(floods: readonly JudgedFlood[]): boolean {
  return floods.some(({ measured }) => measured.defender === "tcplab" && measured.logBytes > 0);
}

/** All rows, with a column for the log's growth where there was one. */
function tableOf(floods: readonly JudgedFlood[]): TextTable {
  const rows = floods.map(floodRow);
  if (!hasLog(floods)) return { head: HEAD, rows, leftColumns: [1] };
  return {
    head: [...HEAD, "log MiB"],
    rows: rows.map((row, at) => [...row, decimal(floods[at].measured.logBytes / 2 ** 20, 1)]),
    leftColumns: [1],
  };
}

/** The row of one flood. */
export function floodRow({ measured, broken, weakness }: JudgedFlood): string[] {
  const { flood, defender, during, netstat } = measured;
  const hasConnections = flood.connections > 0;
  const memory = defender === "kernel"
    ? `tcp ${count(measured.kernelTcpMib)}`
    : `${count(measured.rssBeforeMib)} to ${count(measured.rssMaxMib)}`;
  return [
    (broken.length > 0 ? "✗ " : weakness !== null ? "? " : "") + floodName(flood),
    defender,
    count(measured.rate),
    measured.survived ? memory : `${memory}, gone`,
    decimal(measured.serverCpu, 2),
    hasConnections ? count(netstat?.connections ?? measured.open) : "-",
    hasConnections ? count(measured.resets) : "-",
    decimal(during.p50, 1),
    decimal(during.p99, 1),
    decimal(Math.max(during.max, netstat?.visits.max ?? 0), 0),
    served(during, netstat?.visits),
    `${count(measured.lostInKernel)} / ${count(measured.lostInRing)}`,
    (netstat?.visits ?? during).kept === "kept" ? "yes" : "no",
    netstat === null ? "-" : netstat.ms === null ? "none" : count(netstat.ms),
    defender === "kernel" ? "-" : measured.exitMs === null ? "never" : count(measured.exitMs),
  ];
}

/** All rows as a table for a terminal, and below it what was broken. */
export function textReport(run: FloodRun): string {
  const table = renderText(tableOf(run.floods));
  return [table, "", ...conclusions(run).map(({ mark, text }) => `${mark} ${text}`)].join("\n");
}

/** The part of docs/reliability.md. */
export function markdownReport(run: FloodRun, earlier: EarlierFigures): string {
  const { machine, floods } = run;
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`).join("; ");
  return [
    BEGIN,
    "",
    "## Floods",
    "",
    "A server, an honest client and an attacker in namespaces of their own, joined by a bridge. The honest client comes " +
    "twenty times a second on a socket of the kernel, connects, has 64 bytes echoed and leaves, and keeps one more " +
    "connection all the time. `memory` is the process's RSS before and at its most (for the kernel: the pages that its " +
    "TCP holds); `held` what `netstat` counts (for the kernel: what the attacker believes to hold), `reset` how many of " +
    "its connections the attacker saw reset, `lost` the frames that the kernels' own queues dropped, and those that the capture ring had no room for; `max`, `served` " +
    "include the time in which netstat looks. A name `syn 200k/s` is frames a second, `silent 60000/250` so many " +
    "connections from so many hosts.",
    "",
    `- ${run.began.slice(0, 16).replace("T", " ")} UTC, ${machine.cpu}, ${machine.cores} cores, ` +
    `${machine.memoryGib} GiB, ${machine.kernel}; load average at the begin ${run.loadAverage.toFixed(2)}`,
    `- ${versions}`,
    `- \`--memory ${run.memoryMib}M\`${run.args.length > 0 ? `, \`${run.args.join(" ")}\`` : ""}`,
    "",
    renderMarkdown(
      withEarlier(tableOf(floods), { floods, earlier }),
    ),
    "",
    ...conclusions(run).map(({ mark, text }) => `- ${mark} ${text}`),
    "",
    END,
  ].join("\n");
}

/** What there is to say below the table: what was broken, and what could not be judged. */
function conclusions({ floods, failures }: FloodRun): { mark: string; text: string }[] {
  const found = floods.flatMap(({ measured, broken, weakness }) => {
    const name = measured.defender === "kernel" ? "kernel " : "";
    const all = broken.map((what) => ({ mark: "✗", text: `${name}${floodName(measured.flood)}: ${what}` }));
    if (weakness === null) return all;
    return [...all, { mark: "?", text: `${name}${floodName(measured.flood)}: ${weakness}` }];
  });
  found.push(...failures.map((text) => ({ mark: "✗", text })));
  if (found.some(({ mark }) => mark === "✗")) return found;
  return [...found, { mark: "✓", text: "all bounds held" }];
}

function withEarlier(
  table: TextTable,
  { floods, earlier }: { floods: readonly JudgedFlood[]; earlier: EarlierFigures },
): TextTable {
  if (earlier.size === 0) return table;
  return {
    ...table,
    head: [...table.head, "before: MiB", "before: p99 ms"],
    rows: table.rows.map((row, at) => {
      const { flood, defender } = floods[at].measured;
      const then = earlier.get(earlierKey(flood, defender));
      if (then === undefined) return [...row, "", ""];
      return [...row, count(then.rssMaxMib) + (then.survived ? "" : ", gone"), decimal(then.during.p99, 1)];
    }),
  };
}

/** Puts the part into the page: in place of the one before, or at its end; makes the page when there is none. */
export async function writeReliability(part: string, path: URL | string = PAGE): Promise<void> {
  let page: string;
  try {
    page = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    page = "# Reliability\n";
  }
  await Deno.writeTextFile(path, withPart(page, part));
}

/** The page with the part in it. */
export function withPart(page: string, part: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) return `${page.trimEnd()}\n\n${part}\n`;
  return page.slice(0, from) + part + page.slice(to + END.length);
}

function served(during: Visits, netstat: Visits | undefined): string {
  const all = netstat === undefined ? [during] : [during, netstat];
  const sum = (name: "served" | "refused" | "givenUp") =>
    all.reduce((total, visits) => total + visits[name], 0);
  const turnedAway = sum("refused") + sum("givenUp");
  return turnedAway === 0 ? count(sum("served")) : `${count(sum("served"))}, ${turnedAway} not`;
}

function count(value: number): string {
  return decimal(value, 0);
}

/** A share of no visits at all is told as -1. */
function decimal(value: number, digits: number): string {
  return Number.isFinite(value) && value >= 0 ? formatNumber(value, digits) : "-";
}
