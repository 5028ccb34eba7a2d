/**
 * The rows of one connection: the first ones and the last ones are kept, what lies between is counted.
 *
 * Owns: which rows are kept. Must not know: what they say.
 */
import type { Mark } from "./marks.ts";
import { foldRows } from "./runs.ts";
import type { Fate, Row, RunRow, SegmentRow } from "./story_segment.ts";

/** Local choice: a handshake and what follows it, so that every story has its beginning. */
const FIRST_ROWS = 64;

/** A row that can still change. */
interface OpenRow extends SegmentRow {
  marks: Mark[];
  fate: Fate | null;
  revision: number;
}

/** What a new row says. */
export type NewRow = Pick<SegmentRow, "segment" | "relSeq" | "relAck" | "windowBytes" | "states"> & {
  readonly marks: Mark[];
};

/** Rows by their place and by the number of their segment. */
export class RowLog {
  #mostRows: number;
  #first: OpenRow[] = [];
  #last: OpenRow[] = [];
  /** Where in `#last` the oldest kept one is. */
  #head = 0;
  readonly #byNumber = new Map<number, OpenRow>();
  #count = 0;
  #revision = 0;
  #givenUp: OpenRun | null = null;

  /** Keeps `mostRows` besides the first ones; none at all for 0. */
  constructor(mostRows: number) {
    this.#mostRows = mostRows;
  }

  /** How many rows there were, kept or not. */
  get count(): number {
    return this.#count;
  }

  /** How many are kept. */
  get kept(): number {
    return this.#first.length + this.#last.length - this.#head;
  }

  /** Count of changes: of rows that came, and of rows that changed. */
  get revision(): number {
    return this.#revision;
  }

  add(row: NewRow): SegmentRow {
    const fate = row.segment.fate ?? null;
    const { segment, relSeq, relAck, windowBytes, marks, states } = row;
    const open: OpenRow = {
      kind: "segment",
      index: this.#count++,
      segment,
      relSeq,
      relAck,
      windowBytes,
      marks,
      fate,
      states,
      revision: ++this.#revision,
    };
    if (this.#mostRows === 0) return open;
    this.#byNumber.set(open.segment.number, open);
    // Behind what was given up nothing is the beginning.
    if (this.#first.length < FIRST_ROWS && this.#givenUp === null) this.#first.push(open);
    else {
      this.#last.push(open);
      if (this.#last.length - this.#head > this.#mostRows) this.#giveUp(this.#last[this.#head++]);
      if (this.#head > 1024 && this.#head * 2 > this.#last.length) {
        this.#last = this.#last.slice(this.#head);
        this.#head = 0;
      }
    }
    return open;
  }

  /** Adds a mark to the row of a segment, once; `false` where that row is not kept, or has the mark. */
  addMark(number: number, mark: Mark): boolean {
    const row = this.#byNumber.get(number);
    if (row === undefined) return false;
    const at = row.marks.findIndex(({ kind }) => kind === mark.kind);
    if (at >= 0 && (row.marks[at].confidence !== "likely" || mark.confidence === "likely")) return false;
    if (at >= 0) row.marks[at] = mark;
    else row.marks.push(mark);
    if (mark.kind === "never-arrived" && mark.confidence === "certain") row.fate = "never-arrived";
    row.revision = ++this.#revision;
    return true;
  }

  /** Takes a mark of never having arrived back: it did. `false` where the row is kept and has no such mark. */
  arrivedAfterAll(number: number): boolean {
    const row = this.#byNumber.get(number);
    const at = row?.marks.findIndex(({ kind }) => kind === "never-arrived") ?? -1;
    if (row === undefined) return true;
    if (at < 0) return false;
    row.marks.splice(at, 1);
    if (row.fate === "never-arrived") row.fate = null;
    row.revision = ++this.#revision;
    return true;
  }

  /** Says what became of a segment. */
  setFate(number: number, fate: Fate): void {
    const row = this.#byNumber.get(number);
    if (row === undefined) return;
    row.fate = fate;
    row.revision = ++this.#revision;
  }

  /** The row of a segment, where it is kept. */
  rowOf(number: number): SegmentRow | null {
    return this.#byNumber.get(number) ?? null;
  }

  /** The kept rows in order, one for each segment. */
  segmentRows(): SegmentRow[] {
    return [...this.#first, ...this.#last.slice(this.#head)];
  }

  /** The kept rows that came or changed after `revision`. */
  changedSince(revision: number): SegmentRow[] {
    return this.segmentRows().filter((row) => row.revision > revision);
  }

  /** The rows for a view: bulk data folded, what was given up as one run. */
  rows(): Row[] {
    if (this.#givenUp === null) return foldRows(this.segmentRows());
    const middle: Row[] = [{ ...this.#givenUp }];
    return [...foldRows(this.#first), ...middle, ...foldRows(this.#last.slice(this.#head))];
  }

  /** Forgets all rows, and keeps none from now on. Returns how many. */
  forget(): number {
    const { kept } = this;
    this.#mostRows = 0;
    this.#first = [];
    this.#last = [];
    this.#head = 0;
    this.#byNumber.clear();
    this.#givenUp = null;
    return kept;
  }

  /** Gives all rows up but the first ones. Returns how many. */
  release(): number {
    let count = 0;
    while (this.#head < this.#last.length) {
      this.#giveUp(this.#last[this.#head++]);
      count++;
    }
    this.#last = [];
    this.#head = 0;
    return count;
  }

  /** Gives all rows up, the first ones too. Returns how many. */
  releaseAll(): number {
    const middle = this.#givenUp;
    this.#givenUp = null;
    const count = this.#first.length;
    for (const row of this.#first) this.#giveUp(row);
    this.#first = [];
    this.#givenUp = joined(this.#givenUp, middle);
    return count + this.release();
  }

  /** In place: of very many rows each is given up once. */
  #giveUp({ index, segment, relSeq, states, marks }: OpenRow): void {
    const { number, time, length } = segment;
    this.#byNumber.delete(number);
    const run = this.#givenUp ??= {
      kind: "run",
      from: null,
      firstIndex: index,
      lastIndex: index,
      first: number,
      last: number,
      count: 0,
      acknowledgments: 0,
      bytes: 0,
      windowsFilled: 0,
      fromTime: time,
      toTime: time,
      relSeq,
      relEnd: 0,
      isOpenable: false,
      states,
    };
    run.lastIndex = index;
    run.last = number;
    run.count++;
    if (length === 0) run.acknowledgments++;
    run.bytes += length;
    if (marks.some(({ kind }) => kind === "window-full")) run.windowsFilled++;
    run.toTime = time;
    run.relEnd = Math.max(run.relEnd, relSeq + length);
    run.states = states;
  }
}

/** A run that grows. */
type OpenRun = { -readonly [Name in keyof RunRow]: RunRow[Name] };

/** Two runs, the second of which follows the first, as one. */
function joined(one: OpenRun | null, next: OpenRun | null): OpenRun | null {
  if (one === null || next === null) return one ?? next;
  const { lastIndex, last, toTime, states } = next;
  return {
    ...one,
    lastIndex,
    last,
    toTime,
    states,
    count: one.count + next.count,
    acknowledgments: one.acknowledgments + next.acknowledgments,
    bytes: one.bytes + next.bytes,
    windowsFilled: one.windowsFilled + next.windowsFilled,
    relEnd: Math.max(one.relEnd, next.relEnd),
  };
}
