/**
 * A connection's story as a value that survives JSON: what a page without a server shows.
 *
 * Owns: which rows are stored, in bounded size, and making a ladder's source of them again. Must not know: files, pages.
 */
import type { ConnectionStory } from "./connection_story.ts";
import { explainConnection, type ExplainedConnection } from "./explain_json.ts";
import type { LadderSource } from "./ladder.ts";
import { packedHeader, unpackedHeader, type Way } from "./header_bytes.ts";
import { foldRows } from "./runs.ts";
import type { StateStep } from "./state_path.ts";
import {
  END_NAMES,
  type EndName,
  otherEnd,
  type Row,
  type RunRow,
  type SegmentRow,
} from "./story_segment.ts";

/** One connection, as it is stored. */
export interface StoredStory {
  readonly explained: ExplainedConnection;
  /** The rows before what is left out, and those after it. */
  readonly first: readonly SegmentRow[];
  readonly last: readonly SegmentRow[];
  /** What is left out; null where nothing is. */
  readonly between: RunRow | null;
  readonly paths: Readonly<Record<EndName, readonly StateStep[]>>;
  readonly smoothedSeconds: Readonly<Record<EndName, number>>;
}

/** Stores a connection with at most so many of its rows. */
export function storeStory(story: ConnectionStory, mostRows: number): StoredStory {
  const rows = story.segmentRows();
  const gone = story.rows().find((row) => row.kind === "run" && !row.isOpenable);
  const before = gone?.kind === "run" ? gone : null;
  // What the story itself has left out lies where the numbers jump.
  const seam = before === null ? rows.length : rows.findIndex(({ index }) => index > before.firstIndex);
  const head = rows.slice(0, seam < 0 ? rows.length : seam);
  const tail = rows.slice(head.length);
  const most = Math.max(0, mostRows);
  const heads = tail.length === 0 && head.length > most ? Math.ceil(most / 2) : Math.min(head.length, most);
  const tails = Math.min(tail.length === 0 ? head.length - heads : tail.length, most - heads);
  const first = rows.slice(0, heads);
  const last = rows.slice(rows.length - tails);
  const dropped = rows.slice(heads, rows.length - tails);
  const packed = (row: SegmentRow) => withHeader(row, packedHeader(row.segment, wayOf(row, story.endpoints)));
  return {
    explained: explainConnection(story),
    first: first.map(packed),
    last: last.map(packed),
    between: leftOut(dropped, before),
    paths: { client: story.pathOf("client"), server: story.pathOf("server") },
    smoothedSeconds: {
      client: story.shadowOf("client").roundTrips.smoothedSeconds,
      server: story.shadowOf("server").roundTrips.smoothedSeconds,
    },
  };
}

function wayOf({ segment: { from } }: SegmentRow, ends: Readonly<Record<EndName, string>>): Way {
  return { source: ends[from], destination: ends[otherEnd(from)] };
}

/** Of what is stored the header is packed. */
function withHeader(row: SegmentRow, header: string | undefined): SegmentRow {
  return header === undefined ? row : { ...row, segment: { ...row.segment, header } };
}

/** One run for rows that are not stored, and for those that the story did not keep. */
function leftOut(dropped: readonly SegmentRow[], before: RunRow | null): RunRow | null {
  const first = dropped.at(0);
  const last = dropped.at(-1);
  if (first === undefined || last === undefined) return before;
  const bytes = dropped.reduce((sum, { segment }) => sum + segment.length, 0);
  const bare = dropped.filter(({ segment }) => segment.length === 0).length;
  return {
    kind: "run",
    from: null,
    firstIndex: Math.min(first.index, before?.firstIndex ?? Infinity),
    lastIndex: Math.max(last.index, before?.lastIndex ?? -1),
    first: Math.min(first.segment.number, before?.first ?? Infinity),
    last: Math.max(last.segment.number, before?.last ?? 0),
    count: dropped.length + (before?.count ?? 0),
    acknowledgments: bare + (before?.acknowledgments ?? 0),
    bytes: bytes + (before?.bytes ?? 0),
    fromTime: Math.min(first.segment.time, before?.fromTime ?? Infinity),
    toTime: Math.max(last.segment.time, before?.toTime ?? 0),
    relSeq: 0,
    relEnd: 0,
    windowsFilled: dropped.filter(({ marks }) => marks.some(({ kind }) => kind === "window-full")).length +
      (before?.windowsFilled ?? 0),
    isOpenable: false,
    states: last.states,
  };
}

/** What a ladder is made of. */
export function storedSource(stored: StoredStory): LadderSource {
  const { explained: { client, server }, between, paths, smoothedSeconds } = stored;
  const [first, last] = [stored.first, stored.last].map((part) =>
    part.map((row) => {
      const { segment } = row;
      const { header } = segment;
      if (header === undefined) return row;
      return withHeader(row, unpackedHeader(header, { segment, way: wayOf(row, { client, server }) }));
    })
  );
  const middle: Row[] = between === null ? [] : [between];
  const rows = [...first, ...last];
  const begins = rows.at(0)?.segment.time ?? between?.fromTime;
  const beginning = begins === undefined ? null : { first: { time: begins } };
  return {
    endpoints: { client, server },
    span: beginning,
    // Rows that are next to each other fold across the seam, too.
    rows: () => between === null ? foldRows(rows) : [...foldRows(first), ...middle, ...foldRows(last)],
    segmentRows: () => rows,
    pathOf: (name) => paths[name],
    shadowOf: (name) => ({ roundTrips: { smoothedSeconds: smoothedSeconds[name] } }),
  };
}

/** States that either end was in. */
export function statesOfBoth({ paths }: StoredStory): StateStep[] {
  return END_NAMES.flatMap((name) => paths[name]);
}
