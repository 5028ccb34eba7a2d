/**
 * The ladder: the lines of a connection's sequence diagram, from which text, picture and page draw alike. Time runs down, a
 * segment is an arrow from one end to the other, and in the gutters stand the states of both ends, where they change.
 *
 * Owns: which lines there are, and what stands in the gutters. Must not know: how a line is drawn, or how wide.
 */
import {
  detailWords,
  flagsWord,
  loudnessOf,
  markWord,
  numberWords,
  runWords,
  waitWord,
} from "./ladder_words.ts";
import type { Loudness } from "./ladder_words.ts";
import { isRetransmission, type MarkKind } from "./marks.ts";
import type { RoundTrips } from "./round_trips.ts";
import type { StateStep } from "./state_path.ts";
import { END_NAMES, type EndName, type Row, type RunRow, type SegmentRow } from "./story_segment.ts";

/** What a ladder is made of; a `ConnectionStory` is one. */
export interface LadderSource {
  readonly endpoints: Readonly<Record<EndName, string>>;
  readonly span: { readonly first: { readonly time: number } } | null;
  rows(): Row[];
  segmentRows(): SegmentRow[];
  pathOf(name: EndName): readonly StateStep[];
  shadowOf(name: EndName): { readonly roundTrips: Pick<RoundTrips, "smoothedSeconds"> };
}

/** The states that both ends enter with a line, in order; mostly none, two where a segment is the first sign of both. */
export type Entered = Readonly<Record<EndName, readonly StateStep[]>>;

/** The state of each end, with its grade; null where nothing shows one. */
export type Gutters = Readonly<Record<EndName, StateStep | null>>;

/** What became of a segment, as an arrow: it ends at the other end, half-way, or half-way with a question mark. */
export type Course = "arrives" | "probably-lost" | "lost";

/** A mark, in words. */
export interface LadderMark {
  readonly kind: MarkKind;
  /** Two or three words, with the number of the segment that it is about. */
  readonly word: string;
  /** A sentence. */
  readonly text: string;
  readonly loudness: Loudness;
}

interface Line {
  /** Seconds since the connection's first segment. */
  readonly at: number;
  readonly entered: Entered;
  /** After the line. */
  readonly states: Gutters;
}

/** One segment. */
export interface SegmentLine extends Line {
  readonly kind: "segment";
  /** Number of the segment (or frame). */
  readonly number: number;
  readonly from: EndName;
  /** `SYN,ACK`. */
  readonly flags: string;
  /** `seq 1`, `ack 1`, `len 100`: the most important first. */
  readonly words: readonly string[];
  /** `win 64240`, options: the most important first. */
  readonly details: readonly string[];
  readonly marks: readonly LadderMark[];
  readonly course: Course;
  /** Carries again what its end had sent before. */
  readonly isRepeat: boolean;
  /** Seconds on its way, where both ends' clocks are known: then its arrow slants, else it is level. */
  readonly flightSeconds: number | null;
  /** All that is known of it: the segment as it was on the wire, absolute numbers, flags as bits, the rule of our own end. */
  readonly row: SegmentRow;
}

/** Bulk data and its acknowledgments, folded; or rows that are no longer kept, and then `from` may be null. */
export interface RunLine extends Line {
  readonly kind: "run";
  readonly from: EndName | null;
  /** Numbers of its first and its last segment. */
  readonly first: number;
  readonly last: number;
  /** What opens it: a member of `opened` of {@link LadderOptions}; null where its rows are no longer kept. */
  readonly opens: number | null;
  /** Seconds from its first segment to its last. */
  readonly lasts: number;
  /** `37 segments`, `1..54021`, `54020 bytes`: the most important first. */
  readonly words: readonly string[];
  readonly row: RunRow;
}

/** Nothing passed for a while. */
export interface GapLine extends Line {
  readonly kind: "gap";
  readonly seconds: number;
  /** `2.0 s`. */
  readonly word: string;
}

/** A state changed without a segment: a deadline (the end of TIME_WAIT), or a call of the user. */
export interface StateLine extends Line {
  readonly kind: "state";
}

/** Any line. */
export type LadderLine = SegmentLine | RunLine | GapLine | StateLine;

/** A connection's ladder. */
export interface Ladder {
  /** `IP:PORT`. */
  readonly ends: Readonly<Record<EndName, string>>;
  /** Time of the first segment of the connection, seconds since 1970. */
  readonly begins: number;
  /** Before the first line. */
  readonly before: Gutters;
  readonly lines: readonly LadderLine[];
  /** Lines before these that were asked not to be told, gaps not counted. */
  readonly leftOut: number;
}

/** What is asked of a ladder. */
export interface LadderOptions {
  /** The last lines only, gaps not counted. */
  readonly last?: number;
  /** Runs that are shown segment by segment: their `opens`. */
  readonly opened?: ReadonlySet<number>;
  /** Waits from this length on are told; the default is a fifth of a second, or two round trips where those are longer. */
  readonly gapSeconds?: number;
}

/** Local choice: the shortest timer of common systems (Linux's least RTO) is shown, a common answer is not. */
const LEAST_GAP_SECONDS = 0.2;

/** The lines of a connection. */
export function ladderOf(source: LadderSource, options: LadderOptions = {}): Ladder {
  const { last = Infinity, opened = new Set(), gapSeconds = gapOf(source) } = options;
  const rows = opened.size === 0 ? source.rows() : openedRows(source, opened);
  const begins = source.span?.first.time ?? 0;
  const { items, before } = placeStates(rows, source);
  const skipped = Math.max(0, items.length - last);
  const states: Record<EndName, StateStep | null> = { ...before };
  const lines: LadderLine[] = [];
  // What went before the first line is a gap too, where something did.
  let until = Infinity;
  let shownBefore: Gutters = before;
  for (const [index, item] of items.entries()) {
    const { time, row, entered } = item;
    if (index === skipped) shownBefore = { ...states };
    if (index >= skipped && time - until >= gapSeconds) {
      const seconds = time - until;
      lines.push({
        kind: "gap",
        at: until - begins,
        entered: NONE,
        states: { ...states },
        seconds,
        word: waitWord(seconds),
      });
    }
    for (const end of END_NAMES) states[end] = entered[end].at(-1) ?? states[end];
    until = row?.kind === "run" ? row.toTime : time;
    if (index >= skipped) lines.push(lineOf(item, { at: time - begins, entered, states: { ...states } }));
  }
  if (skipped >= items.length) shownBefore = { ...states };
  return { ends: source.endpoints, begins, before: shownBefore, lines, leftOut: skipped };
}

const NONE: Entered = { client: [], server: [] };

function gapOf(source: LadderSource): number {
  const trips = END_NAMES.map((end) => source.shadowOf(end).roundTrips.smoothedSeconds);
  return Math.max(LEAST_GAP_SECONDS, 2 * Math.max(...trips));
}

function openedRows(source: LadderSource, opened: ReadonlySet<number>): Row[] {
  const kept = source.segmentRows();
  return source.rows().flatMap((row) =>
    row.kind === "run" && row.isOpenable && opened.has(row.firstIndex)
      ? kept.filter(({ index }) => index >= row.firstIndex && index <= row.lastIndex)
      : [row]
  );
}

/** A row, or a change of state without one. */
interface Item {
  readonly time: number;
  readonly row: Row | null;
  readonly entered: Record<EndName, StateStep[]>;
}

/**
 * Puts each state beside the row of the segment with which it was entered: what is known now, not what was known when the
 * segment passed. States of no row stand by themselves at their time.
 */
function placeStates(rows: readonly Row[], source: LadderSource): { items: Item[]; before: Gutters } {
  const items: Item[] = rows.map((row) => ({
    time: row.kind === "run" ? row.fromTime : row.segment.time,
    row,
    entered: { client: [], server: [] },
  }));
  const before: Record<EndName, StateStep | null> = { client: null, server: null };
  const loose: { end: EndName; step: StateStep }[] = [];
  const findItem = itemFinder(items);
  for (const end of END_NAMES) {
    const path = source.pathOf(end);
    let place = 0;
    for (const [index, step] of path.entries()) {
      // Where an end was before it did anything has no segment of its own.
      const isBeginning = index === 0 && (step.state === "LISTEN" || step.state === "CLOSED");
      if (isBeginning) before[end] = step;
      else {
        // What passed the capture before another segment may have arrived after that one was sent: states keep their order.
        const found = findItem(step.number);
        if (found === null) loose.push({ end, step });
        else {
          place = Math.max(place, found);
          items[place].entered[end].push(step);
        }
      }
    }
  }
  if (loose.length > 0) insertLoose(items, loose);
  return { items, before };
}

/** Finds the place of a segment's number; 0 is nobody's. */
function itemFinder(items: readonly Item[]): (number: number) => number | null {
  const byNumber = new Map<number, number>();
  const runs: { place: number; row: RunRow }[] = [];
  for (const [place, { row }] of items.entries()) {
    if (row?.kind === "segment") byNumber.set(row.segment.number, place);
    else if (row?.kind === "run") runs.push({ place, row });
  }
  return (number) => {
    if (number === 0) return null;
    const isWithin = ({ row }: { row: RunRow }) => row.first <= number && number <= row.last;
    return byNumber.get(number) ?? runs.find(isWithin)?.place ?? null;
  };
}

function insertLoose(items: Item[], loose: readonly { end: EndName; step: StateStep }[]): void {
  for (const { end, step } of loose) {
    const entered: Record<EndName, StateStep[]> = { client: [], server: [] };
    entered[end].push(step);
    const next = items.findIndex(({ time }) => time > step.time);
    items.splice(next < 0 ? items.length : next, 0, { time: step.time, row: null, entered });
  }
}

function lineOf({ row }: Item, line: Line): LadderLine {
  if (row === null) return { kind: "state", ...line };
  if (row.kind === "run") {
    return {
      kind: "run",
      ...line,
      from: row.from,
      first: row.first,
      last: row.last,
      opens: row.isOpenable ? row.firstIndex : null,
      lasts: row.toTime - row.fromTime,
      words: runWords(row),
      row,
    };
  }
  const { segment, marks } = row;
  return {
    kind: "segment",
    ...line,
    number: segment.number,
    from: segment.from,
    flags: flagsWord(segment.flags),
    words: numberWords(row),
    details: detailWords(row),
    // A sum that is left to a device is on every segment of one end: a finding tells it once.
    marks: marks.filter(({ kind }) => kind !== "partial-checksum").map((mark) => ({
      kind: mark.kind,
      word: markWord(mark),
      text: mark.text,
      loudness: loudnessOf(mark),
    })),
    course: courseOf(row),
    isRepeat: marks.some(({ kind }) => isRetransmission(kind)),
    flightSeconds: segment.arrival === undefined ? null : segment.arrival - segment.time,
    row,
  };
}

function courseOf({ fate, marks }: SegmentRow): Course {
  if (fate !== null) return "lost";
  return marks.some(({ kind }) => kind === "never-arrived") ? "probably-lost" : "arrives";
}
