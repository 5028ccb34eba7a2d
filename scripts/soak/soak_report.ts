/**
 * A soak run for people: a line a sample, and a block of Markdown for docs/reliability.md.
 *
 * Owns: the words, and where in the document the block stands. Must not know: how samples are taken or judged.
 */
import { clientTotals, failuresOf, isJudged, type Phase, phaseSlope, type Sample } from "./soak_figures.ts";

/** Where and on what a run took place. */
export interface RunPlace {
  /** ISO date. */
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  /** `checkout` or the file of the compiled program. */
  readonly program: string;
}

/** The marks between which a report of this name stands in a document. */
function marksOf(name: string): { begin: string; end: string } {
  return { begin: `<!-- ${name}: the last report -->`, end: `<!-- ${name}: end -->` };
}

/** Above the lines of {@link sampleLine}. */
export const SAMPLE_HEADING =
  "phase       at s    RSS  anon  heap   fds  thr  CPU %  conns  timers    begun     done  failed";

/** A sample in one line; CPU since the sample before. */
export function sampleLine(sample: Sample, before: Sample | null): string {
  const { begun, done, failed } = clientTotals(sample.clients);
  const seconds = sample.at - (before?.at ?? 0);
  const cpu = 100 * (sample.cpuSeconds - (before?.cpuSeconds ?? 0)) / Math.max(1, seconds);
  const cells: [string | number, number][] = [
    [sample.at.toFixed(0), 6],
    [sample.rssMib.toFixed(0), 6],
    [sample.anonymousMib.toFixed(0), 5],
    [sample.heapMib?.toFixed(1) ?? "-", 5],
    [sample.descriptors, 5],
    [sample.threads, 4],
    [cpu.toFixed(0), 6],
    [sample.connections, 6],
    [sample.timers, 7],
    [begun, 8],
    [done, 8],
    [failed, 7],
  ];
  return sample.phase.padEnd(10) + cells.map(([text, width]) => String(text).padStart(width)).join(" ");
}

/** The block for the document. */
export function reportBlock(phases: readonly Phase[], place: RunPlace): string {
  const { date, commit, machine, program } = place;
  const lines = [
    `Run on ${date.slice(0, 10)}, commit ${commit}, ${program}; ${machine}.`,
    "",
    "| phase | faults | minutes | connections | failed | MiB in, out | RSS, MiB | RSS slope, MiB/h | heap, MiB | heap slope, MiB/h | descriptors | threads | CPU | verdict |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ...phases.map(phaseRow),
    "",
    "Connections of each kind, all phases together:",
    "",
    "| kind | done | failed |",
    "| --- | ---: | ---: |",
    ...kindRows(phases),
    "",
    "What was counted by the server in the last phase:",
    "",
    "```",
    ...counterLines(phases.at(-1)?.drained),
    "```",
    ...saidLines(phases),
  ];
  return lines.join("\n");
}

function phaseRow(phase: Phase): string {
  const { samples, drained, seconds } = phase;
  const { begun, failed } = clientTotals(drained.clients);
  const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  const range = (values: readonly (number | null)[], digits = 0) => {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return "not known";
    return `${Math.min(...known).toFixed(digits)} to ${Math.max(...known).toFixed(digits)}`;
  };
  const slope = (what: "rssMib" | "heapMib") => {
    const line = phaseSlope(phase, what);
    return isJudged(line)
      ? `${line.perHour.toFixed(1)} ± ${line.errorPerHour.toFixed(1)}`
      : "too short to say";
  };
  const verdict = failuresOf(phase).length === 0 ? "passed" : `failed: ${failuresOf(phase).join("; ")}`;
  const cells = [
    phase.name,
    phase.faults === null ? "none" : `\`${phase.faults}\``,
    (seconds / 60).toFixed(1),
    String(begun),
    String(failed),
    `${mib(drained.clients.bytesIn)}, ${mib(drained.clients.bytesOut)}`,
    range(samples.map(({ rssMib }) => rssMib)),
    slope("rssMib"),
    range(samples.map(({ heapMib }) => heapMib), 1),
    slope("heapMib"),
    range(samples.map(({ descriptors }) => descriptors)),
    range(samples.map(({ threads }) => threads)),
    `${(100 * (samples.at(-1)?.cpuSeconds ?? 0) / Math.max(1, seconds)).toFixed(0)} %`,
    verdict,
  ];
  return `| ${cells.join(" | ")} |`;
}

function kindRows(phases: readonly Phase[]): string[] {
  const sums = new Map<string, { done: number; failed: number }>();
  for (const { drained } of phases) {
    for (const kind of Object.keys(drained.clients.begun)) {
      const sum = sums.get(kind) ?? { done: 0, failed: 0 };
      sum.done += drained.clients.done[kind] ?? 0;
      sum.failed += drained.clients.failed[kind] ?? 0;
      sums.set(kind, sum);
    }
  }
  return [...sums].map(([kind, { done, failed }]) => `| ${kind} | ${done} | ${failed} |`);
}

/** The servers' own words: whether the ring dropped frames, and what else a person should know. */
function saidLines(phases: readonly Phase[]): string[] {
  const said = phases.flatMap(({ name, exit }) =>
    exit.stderr.split("\n").filter((line) => line !== "" && !line.startsWith("Listening")).map((line) =>
      `${name}: ${line}`
    )
  );
  return said.length === 0 ? [] : ["", "What the servers said:", "", "```", ...said, "```"];
}

function counterLines(sample: Sample | undefined): string[] {
  const counters = Object.entries(sample?.counters ?? {}).filter(([, count]) => count > 0);
  return counters.map(([name, count]) => `${name.padEnd(28)}${String(count).padStart(12)}`);
}

/** The document with the block in the place of the one of this name; throws when it has no such place. */
export function withBlock(document: string, name: string, block: string): string {
  const { begin, end } = marksOf(name);
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`The document has no place for "${name}": ${begin} and ${end}`);
  return `${document.slice(0, from + begin.length)}\n\n${block}\n\n${document.slice(to)}`;
}
