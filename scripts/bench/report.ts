/**
 * A run as text: tables for the terminal, a section for docs/benchmarks.md.
 *
 * Owns: what is shown, and in which order. Must not know: how it was measured.
 */
import type { Contestant } from "./contestants.ts";
import {
  type Figure,
  type FigureId,
  GROWTH_STEPS,
  JUDGED,
  nameOverIpv4,
  type Offloads,
  type Run,
  TRAFFIC_FIGURES,
} from "./model.ts";
import { QUIET_CORES } from "./quiet.ts";
import { ratioOf, relativeSpread, type Spread, summarize } from "./statistics.ts";
import { judge, type Verdict } from "./targets.ts";
import { formatNumber, formatShare, renderMarkdown, renderText, type TextTable } from "./text_table.ts";

interface Titled {
  readonly title: string;
  readonly table: TextTable;
}

/** What a report needs to know of a server. */
type Entrant = Pick<Contestant, "name" | "explanation">;

/** The whole run for a terminal. */
export function textReport(run: Run, entrants: readonly Entrant[]): string {
  const parts = tables(run, entrants).flatMap(({ title, table }) => ["", title, "", renderText(table)]);
  return [...facts(run), ...parts, ...endNotes(run).flatMap((note) => ["", note])].join("\n");
}

/** The whole run as a section of docs/benchmarks.md. */
export function markdownReport(run: Run, entrants: readonly Entrant[]): string {
  const parts = tables(run, entrants).flatMap((
    { title, table },
  ) => ["", `### ${title}`, "", renderMarkdown(table)]);
  const names = entrants.map(({ name, explanation }) => `- \`${name}\`: ${explanation}`);
  const notes = endNotes(run).flatMap((note) => ["", note]);
  return [
    `## ${run.began.slice(0, 16).replace("T", " ")} UTC`,
    "",
    ...facts(run).map((fact) => `- ${fact}`),
    ...names,
    ...parts,
    ...notes,
  ].join("\n");
}

/** Every table that has something in it. */
function tables(run: Run, entrants: readonly Entrant[]): Titled[] {
  const measured = entrants.filter(({ name }) => run.samples.some((sample) => sample.contestant === name));
  return [
    ...(["off", "def"] as const).flatMap((offloads) => trafficTables(run, measured, offloads)),
    ...reflectTable(run, measured),
    ...growthTable(run, measured),
    ...restTable(run, measured),
    ...logTable(run),
    ...targetTable(judge(run.samples, JUDGED)),
  ];
}

function facts({ machine, rounds, secondsEach, loadAverages, samples }: Run): string[] {
  const disturbed = samples.filter(({ detail }) => (detail?.foreignCores ?? 0) > QUIET_CORES).length;
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.kernel}`,
    versions.join("; "),
    `${rounds} ${
      rounds === 1 ? "round" : "rounds"
    } of ${secondsEach} s a figure; load average at the begin of each: ${
      loadAverages.map((load) => load.toFixed(2)).join(", ")
    }`,
    `${disturbed} of ${samples.length} values were disturbed: other programs took more than ${QUIET_CORES} of a core`,
  ];
}

function trafficTables(run: Run, entrants: readonly Entrant[], offloads: Offloads): Titled[] {
  const figures = TRAFFIC_FIGURES.filter(({ id }) =>
    run.samples.some((sample) => sample.figure === id && sample.offloads === offloads)
  );
  const present = entrants.filter(({ name }) =>
    run.samples.some((sample) =>
      sample.contestant === name && sample.offloads === offloads &&
      figures.some(({ id }) => id === sample.figure)
    )
  );
  if (figures.length === 0) return [];
  const rows = present.map(({ name }) => [
    name,
    ...figures.map((figure) =>
      cell(summarize(run.samples, { figure: figure.id, contestant: name, offloads }), figure.digits)
    ),
  ]);
  const ratios = present.filter(({ name }) => name !== JUDGED).map(({ name }) => {
    // Over IPv6 a server is compared with itself over IPv4, all others are with the one that is judged.
    const twin = nameOverIpv4(name);
    const [contestant, other] = twin === null ? [JUDGED, name] : [name, twin];
    return [
      `${contestant} / ${other}`,
      ...figures.map(({ id }) => {
        const choice = { figure: id, offloads };
        return cell(
          ratioOf(run.samples, { ...choice, contestant }, { ...choice, contestant: other }),
          2,
          false,
        );
      }),
    ];
  });
  const title = offloads === "off" ? "Without off-loads (off)" : "With veth's defaults (def)";
  const head = ["", ...figures.map(heading)];
  return [{
    title,
    table: { head, rows: present.some(({ name }) => name === JUDGED) ? [...rows, ...ratios] : rows },
  }];
}

function heading(figure: Figure): string {
  return figure.unit === "/s" ? figure.label : `${figure.label}, ${figure.unit}`;
}

function reflectTable(run: Run, entrants: readonly Entrant[]): Titled[] {
  const ids: FigureId[] = ["reflect-60", "reflect-1514"];
  return onlyFilled("Frames thrown back, per second", {
    head: ["", "60 bytes", "1514 bytes"],
    rows: entrants.map(({ name }) => [
      name,
      ...ids.map((figure) => cell(summarize(run.samples, { figure, contestant: name, offloads: "off" }), 0)),
    ]),
  });
}

function growthTable(run: Run, entrants: readonly Entrant[]): Titled[] {
  const offloads = run.samples.find((sample) => sample.figure.startsWith("growth-"))?.offloads ?? "off";
  return onlyFilled("CPU of the server per segment, us, by number of connections", {
    head: ["", ...GROWTH_STEPS.map((step) => formatNumber(step, 0))],
    rows: entrants.map(({ name }) => [
      name,
      ...GROWTH_STEPS.map((step) =>
        cell(summarize(run.samples, { figure: `growth-${step}`, contestant: name, offloads }), 2)
      ),
    ]),
  });
}

function restTable(run: Run, entrants: readonly Entrant[]): Titled[] {
  const columns: readonly { id: FigureId; title: string; digits: number }[] = [
    { id: "memory", title: "KiB of RSS per idle connection", digits: 2 },
    { id: "idle", title: "% of a core at rest", digits: 3 },
    { id: "start", title: "ms until listening", digits: 0 },
  ];
  return onlyFilled("At rest", {
    head: ["", ...columns.map(({ title }) => title)],
    rows: entrants.map(({ name }) => [
      name,
      ...columns.map(({ id, digits }) => {
        const offloads = run.samples.find((sample) => sample.figure === id)?.offloads ?? "off";
        return cell(summarize(run.samples, { figure: id, contestant: name, offloads }), digits);
      }),
    ]),
  });
}

function logTable(run: Run): Titled[] {
  const figures = TRAFFIC_FIGURES.flatMap((figure) => {
    const { id } = figure;
    return id === "connections" || id === "messages" || id === "upload" || id === "download"
      ? [{ ...figure, id }]
      : [];
  });
  return onlyFilled(`What the log costs ${JUDGED}`, {
    head: ["", ...figures.map(heading)],
    rows: (["none", "json"] as const).map((log) => [
      `--log ${log}`,
      ...figures.map(({ id, digits }) =>
        cell(
          summarize(run.samples, { figure: `log-${log}-${id}`, contestant: JUDGED, offloads: "off" }),
          digits,
        )
      ),
    ]),
  });
}

function targetTable(verdicts: readonly Verdict[]): Titled[] {
  const known = verdicts.filter(({ measured }) => measured !== "-");
  if (known.length === 0) return [];
  return [{
    title: "Targets",
    table: {
      head: ["what", "target", "measured", ""],
      rows: known.map(({ what, target, measured, met }) => [
        what,
        target,
        measured,
        met === null ? "" : met ? "met" : "MISSED",
      ]),
      leftColumns: [1, 2, 3],
    },
  }];
}

/** Rows without any figure are left out, and so is a table without rows. */
function onlyFilled(title: string, table: TextTable): Titled[] {
  const rows = table.rows.filter((row) => row.slice(1).some((text) => text !== NOTHING));
  return rows.length === 0 ? [] : [{ title, table: { ...table, rows } }];
}

const NOTHING = "-";

/** The median, and how far the rounds lie from it. */
function cell(spread: Spread | null, digits: number, showsSpread = true): string {
  if (spread === null) return NOTHING;
  const middle = formatNumber(spread.median, digits);
  return spread.count === 1 || !showsSpread ? middle : `${middle} ±${formatShare(relativeSpread(spread))}`;
}

function endNotes(run: Run): string[] {
  return [
    ...run.skipped.map((reason) => `Left out: ${reason}`),
    ...run.failures.map(({ round, offloads, contestant, what, reason }) =>
      `Failed in round ${round}: ${contestant}, ${offloads}, ${what}: ${reason}`
    ),
  ];
}
