/**
 * What tshark's expert and we say about every segment of every capture in a folder, by kinds of difference; docs/explain.md has the last table:
 *
 *     deno run -A test/cli/compare_marks.ts FOLDER [--samples N]
 *
 * Exit status 1 where a difference is of a kind that nobody has judged yet (tshark_marks.ts).
 *
 * Owns: the walk through the folder, and the table. Must not know: how the two are compared, and why they differ.
 */
import { parseArgs } from "@std/cli/parse-args";
import { relative } from "@std/path";
import { type AnalysisName, compareMarks, judged, type MarkDifference } from "./tshark_marks.ts";

const ENDINGS = /\.(pcap|pcapng|cap|trace)(\.gz)?$/;

/** Differences of one kind. */
interface Kind {
  readonly tshark: string;
  readonly ours: string;
  readonly why: string | null;
  count: number;
  /** Captures with their frames, the first ones. */
  readonly samples: string[];
}

const { _: [folder], samples = 3 } = parseArgs(Deno.args);
const mostSamples = Number(samples);
if (typeof folder !== "string") {
  console.error(
    "Expected a folder with captures, as in: deno run -A test/cli/compare_marks.ts zeek/testing/btest/Traces",
  );
  Deno.exit(2);
}

function* capturesIn(path: string): Generator<string> {
  for (const entry of [...Deno.readDirSync(path)].toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    if (entry.isDirectory) yield* capturesIn(`${path}/${entry.name}`);
    else if (ENDINGS.test(entry.name)) yield `${path}/${entry.name}`;
  }
}

function words(names: readonly AnalysisName[]): string {
  return names.map((name) => name.replaceAll("_", " ")).join(", ") || "nothing";
}

const kinds = new Map<string, Kind>();
const totals = { captures: 0, segments: 0, agreed: 0, differences: 0 };
const unread: string[] = [];

function note(difference: MarkDifference, capture: string): void {
  const [tshark, ours, why] = [words(difference.tshark), words(difference.ours), judged(difference)];
  const key = `${tshark} | ${ours} | ${why}`;
  const kind = kinds.get(key) ?? { tshark, ours, why, count: 0, samples: [] };
  kinds.set(key, kind);
  kind.count++;
  totals.differences++;
  if (kind.samples.length < mostSamples) kind.samples.push(`${capture}:${difference.frame}`);
}

for (const path of capturesIn(folder)) {
  const capture = relative(folder, path);
  try {
    const { segments, agreed, differences } = await compareMarks(path);
    totals.captures++;
    totals.segments += segments;
    totals.agreed += agreed;
    for (const difference of differences) note(difference, capture);
  } catch (error) {
    unread.push(`${capture}: ${error instanceof Error ? error.message.split("\n")[0] : error}`);
  }
}

const { captures, segments, agreed, differences } = totals;
console.log(
  `${captures} captures, ${segments} segments: the same, and something, of ${agreed}; differences about ${differences}\n`,
);
console.log("| tshark says | we say | segments | why | for example |\n| --- | --- | --- | --- | --- |");
for (
  const { tshark, ours, why, count, samples } of [...kinds.values()].toSorted((a, b) => b.count - a.count)
) {
  console.log(`| ${tshark} | ${ours} | ${count} | ${why ?? "NOT JUDGED"} | ${samples.join(", ")} |`);
}
if (unread.length > 0) console.log(`\nNot compared, ${unread.length}:\n${unread.join("\n")}`);
const unjudged = [...kinds.values()].filter(({ why }) => why === null).reduce(
  (sum, { count }) => sum + count,
  0,
);
if (unjudged > 0) console.error(`\n${unjudged} differences of kinds that are not judged`);
Deno.exit(unjudged > 0 ? 1 : 0);
