/**
 * Runs: rows of bulk data that say nothing by themselves, folded into one that can be opened.
 *
 * Owns: which rows fold. Must not know: how they are drawn.
 */
import type { TcpState } from "../tcp/state.ts";
import { FLAG } from "../wire/tcp.ts";
import type { Mark } from "./marks.ts";
import type { EndName, Row, RunRow, SegmentRow } from "./story_segment.ts";

/** Local choice: fewer are read sooner than a row that stands for them. */
const LEAST_ROWS = 4;

/** Local choice: the shortest timer of common systems. A wait is something to see, so no run hides one. */
const LONGEST_WAIT_SECONDS = 0.2;

/** Marks that are part of the ordinary course of a bulk transfer. */
const ORDINARY: ReadonlySet<Mark["kind"]> = new Set(["partial-checksum", "window-update", "window-full"]);

function isPlain({ marks, fate }: SegmentRow): boolean {
  return fate === null && marks.every(({ kind }) => ORDINARY.has(kind));
}

function isBareAck({ segment: { flags, length } }: SegmentRow): boolean {
  return length === 0 && (flags & (FLAG.SYN | FLAG.FIN | FLAG.RST)) === 0 && (flags & FLAG.ACK) !== 0;
}

function isData({ segment: { flags, length } }: SegmentRow): boolean {
  return length > 0 && (flags & (FLAG.SYN | FLAG.FIN | FLAG.RST | FLAG.URG)) === 0;
}

function hasSameStates(one: SegmentRow, other: SegmentRow): boolean {
  const same = (end: EndName): boolean => sameState(one.states[end], other.states[end]);
  return same("client") && same("server");
}

function sameState(one: TcpState | null, other: TcpState | null): boolean {
  return one === other;
}

/** Folds what can be folded; rows keep their order. */
export function foldRows(rows: readonly SegmentRow[]): Row[] {
  const folded: Row[] = [];
  for (let at = 0; at < rows.length;) {
    const end = runEnd(rows, at);
    if (end - at >= LEAST_ROWS) folded.push(runOf(rows.slice(at, end)));
    else folded.push(...rows.slice(at, Math.max(end, at + 1)));
    at = Math.max(end, at + 1);
  }
  return folded;
}

/** One past the last row of the run that begins at `at`; `at` where none does. */
function runEnd(rows: readonly SegmentRow[], at: number): number {
  const first = rows[at];
  if (!isData(first) || !isPlain(first)) return at;
  const { from } = first.segment;
  let next = first.relSeq + first.segment.length;
  let end = at + 1;
  for (; end < rows.length; end++) {
    const row = rows[end];
    if (!isPlain(row) || !hasSameStates(row, first)) break;
    if (row.segment.time - rows[end - 1].segment.time >= LONGEST_WAIT_SECONDS) break;
    if (row.segment.from === from) {
      if (!isData(row) || row.relSeq !== next) break;
      next += row.segment.length;
    } else if (!isBareAck(row)) break;
  }
  return end;
}

function runOf(rows: readonly SegmentRow[]): RunRow {
  const [first] = rows;
  const last = rows[rows.length - 1];
  const data = rows.filter((row) => row.segment.from === first.segment.from);
  const bytes = data.reduce((sum, { segment }) => sum + segment.length, 0);
  return {
    kind: "run",
    from: first.segment.from,
    firstIndex: first.index,
    lastIndex: last.index,
    first: first.segment.number,
    last: last.segment.number,
    count: rows.length,
    acknowledgments: rows.length - data.length,
    bytes,
    windowsFilled: rows.filter(({ marks }) => marks.some(({ kind }) => kind === "window-full")).length,
    fromTime: first.segment.time,
    toTime: last.segment.time,
    relSeq: first.relSeq,
    relEnd: first.relSeq + bytes,
    isOpenable: true,
    states: last.states,
  };
}
