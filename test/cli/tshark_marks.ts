/**
 * What tshark's expert and we say about the segments of a capture, frame by frame, in tshark's names.
 *
 * Owns: both tellings, and their differences. Must not know: which differences are right.
 */
import { SegmentReader } from "../../src/cli/capture_segments.ts";
import { PacketStory } from "../../src/story/from_packets.ts";
import { Story } from "../../src/story/story.ts";
import type { SegmentRow } from "../../src/story/story_segment.ts";
import { CaptureFile } from "../../src/wire/capture_file.ts";

/** The names that are compared, without `tcp.analysis.`. */
export const COMPARED = [
  "retransmission",
  "fast_retransmission",
  "spurious_retransmission",
  "out_of_order",
  "lost_segment",
  "duplicate_ack",
  "zero_window",
  "window_update",
  "window_full",
  "zero_window_probe",
  "zero_window_probe_ack",
  "keep_alive",
  "keep_alive_ack",
  "reused_ports",
] as const;
/** One of them. */
export type AnalysisName = typeof COMPARED[number];

/** A frame about which the two differ. */
export interface MarkDifference {
  readonly frame: number;
  readonly tshark: readonly AnalysisName[];
  readonly ours: readonly AnalysisName[];
  readonly row: SegmentRow;
}

/** What was compared. */
export interface MarkComparison {
  readonly segments: number;
  /** Frames about which both say the same, and more than nothing. */
  readonly agreed: number;
  readonly differences: readonly MarkDifference[];
}

/** Compares the two. */
export async function compareMarks(path: string): Promise<MarkComparison> {
  const theirs = await tsharkNames(path);
  const rows = await ourRows(path);
  let agreed = 0;
  const differences: MarkDifference[] = [];
  for (const row of rows) {
    const frame = row.segment.number;
    const tshark = theirs.get(frame) ?? [];
    const ours = namesOf(row);
    if (tshark.join() === ours.join()) agreed += tshark.length > 0 ? 1 : 0;
    else differences.push({ frame, tshark, ours, row });
  }
  return { segments: rows.length, agreed, differences };
}

async function ourRows(path: string): Promise<readonly SegmentRow[]> {
  const capture = new CaptureFile();
  const reader = new SegmentReader();
  const story = new Story({ rows: 100_000, allRows: 1_000_000 });
  const packets = new PacketStory(story);
  capture.push(await Deno.readFile(path));
  capture.end();
  for (let packet = capture.next(); packet !== null; packet = capture.next()) {
    const segment = reader.take(packet);
    if (segment !== null) packets.add(segment);
  }
  return [...story.connections()].flatMap((connection) => connection.segmentRows())
    .toSorted((a, b) => a.segment.number - b.segment.number);
}

/** tshark says of a fast retransmission, and of a spurious one, that it is a retransmission too. */
function namesOf({ marks }: SegmentRow): AnalysisName[] {
  const names = new Set(marks.flatMap(({ tshark }) => tshark === undefined ? [] : [tshark.slice(13)]));
  if (names.has("fast_retransmission") || names.has("spurious_retransmission")) names.add("retransmission");
  return COMPARED.filter((name) => names.has(name));
}

async function tsharkNames(path: string): Promise<ReadonlyMap<number, AnalysisName[]>> {
  const fields = ["frame.number", ...COMPARED.map((name) => `tcp.analysis.${name}`)];
  const { stdout, stderr, success } = await new Deno.Command("tshark", {
    args: [
      "-n",
      "-r",
      path,
      "-Y",
      "tcp.analysis.flags",
      "-T",
      "fields",
      ...fields.flatMap((name) => ["-e", name]),
    ],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => {
    const [number, ...cells] = line.split("\t");
    return [Number(number), COMPARED.filter((_, i) => (cells[i] ?? "") !== "")];
  }));
}
