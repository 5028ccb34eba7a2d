/**
 * What findings are made of: which segments had which marks, SYNs, zero windows, stalls; the first few numbers of each and
 * a count.
 *
 * Owns: the gathering, bounded. Must not know: what is found (findings.ts).
 */
import { FLAG } from "../wire/tcp.ts";
import type { Mark, MarkKind } from "./marks.ts";
import type { Placement } from "./shadow_end.ts";
import type { EndName, StorySegment } from "./story_segment.ts";

const { SYN, FIN, RST, ACK, ECE, CWR } = FLAG;

/** Local choice: whoever wants more looks at the rows. */
const MOST_COMMENTS = 200;
const MOST_NUMBERS = 20;
/** Local choice: what Linux and FreeBSD wait before a delayed ACK, and the half second that RFC 9293 §3.8.6.3 allows. */
const STALL_SECONDS = [0.035, 0.51] as const;
/** Local choice: less is between two processors, or two devices, of one machine. */
const BACKWARDS_SECONDS = 0.001;
/** Local choice: the smallest segment that a small path still carries beside the headers; below it nothing is a black hole. */
const LARGE_BYTES = 1000;

/** Segments with something in common. */
export interface Note {
  readonly numbers: number[];
  count: number;
}

/** One time during which an end took no data. */
export interface ZeroWindow {
  readonly end: EndName;
  readonly from: StorySegment;
  until: StorySegment | null;
}

/** The notes of one connection. */
export class FindingNotes {
  readonly #notes = new Map<string, Note>();
  readonly zeroWindows: ZeroWindow[] = [];
  /** SYNs without ACK of each end, the first ones. */
  readonly syns: Record<EndName, { readonly number: number; readonly time: number }[]> = {
    client: [],
    server: [],
  };
  /** ACKs that came after the time of a delayed ACK, to data that Nagle's algorithm held back behind. */
  readonly stalls: {
    readonly data: number;
    readonly ack: number;
    readonly next: number;
    readonly seconds: number;
  }[] = [];
  /** When the last segment before the first RST was seen; null without one. */
  lastBeforeReset: number | null = null;
  #lastTime = -Infinity;
  #pending: { readonly data: StorySegment; ack: StorySegment | null } | null = null;
  readonly #largestAcked: Record<EndName, number> = { client: 0, server: 0 };
  /** Large segments sent again and again without an answer: times. */
  readonly blackHole: Record<EndName, { length: number; times: number; numbers: number[] }> = {
    client: { length: 0, times: 0, numbers: [] },
    server: { length: 0, times: 0, numbers: [] },
  };

  /** What was noted under a name. */
  get(name: MarkKind | NoteName): Note | null {
    return this.#notes.get(name) ?? null;
  }

  /** What the capture itself says about segments, the first of it. */
  readonly comments: { readonly number: number; readonly text: string }[] = [];
  /** How much of that there was. */
  commentCount = 0;

  /** Takes what the capture says about a segment; counts it where there is no `hasRoom`. Returns whether it is kept. */
  comment(number: number, text: string, { hasRoom = true }: { readonly hasRoom?: boolean } = {}): boolean {
    this.commentCount++;
    if (!hasRoom || this.comments.length >= MOST_COMMENTS) return false;
    this.comments.push({ number, text });
    return true;
  }

  /** Notes a segment under a name. */
  note(name: MarkKind | NoteName, number: number): void {
    const note = this.#notes.get(name);
    if (note === undefined) {
      this.#notes.set(name, { numbers: [number], count: 1 });
      return;
    }
    note.count++;
    if (note.numbers.length < MOST_NUMBERS) note.numbers.push(number);
  }

  /** Takes a note back: what it says has turned out not to be so. Beyond the first numbers it is believed who says so. */
  forget(name: MarkKind | NoteName, number: number): void {
    const note = this.#notes.get(name);
    if (note === undefined) return;
    const at = note.numbers.indexOf(number);
    if (at < 0 && note.count <= note.numbers.length) return;
    if (at >= 0) note.numbers.splice(at, 1);
    note.count--;
    if (note.count === 0) this.#notes.delete(name);
  }

  /** Takes a segment with its marks. */
  take({ segment, marks, place }: { segment: StorySegment; marks: readonly Mark[]; place: Placement }): void {
    const { number, flags, length, from, time } = segment;
    for (const { kind } of marks) this.note(kind, number);
    // Of a copy that is all.
    if (marks.some(({ kind }) => kind === "duplicate")) return;
    if ((flags & SYN) !== 0) {
      const isFirstAsk = (flags & (ACK | ECE | CWR)) === (ECE | CWR);
      if (isFirstAsk) this.note("ecn-asked", number);
      if ((flags & (ACK | ECE | CWR)) === (ACK | ECE)) this.note("ecn-agreed", number);
      if (length > 0) this.note("syn-data", number);
      const syns = this.syns[from];
      if ((flags & ACK) === 0 && syns.length < MOST_NUMBERS) syns.push({ number, time });
      if ((flags & ACK) === 0) this.note("syn", number);
    } else if ((flags & ECE) !== 0) this.note("ecn-echo", number);
    if ((flags & RST) !== 0) {
      this.note("reset", number);
      this.lastBeforeReset ??= this.#lastTime === -Infinity ? time : this.#lastTime;
    }
    if (this.#lastTime - time >= BACKWARDS_SECONDS) this.note("time-backwards", number);
    this.#lastTime = time;
    if ((flags & FIN) !== 0) this.note("fin", number);
    this.#takeWindow(segment, marks);
    this.#takeStall(segment, marks);
    this.#takeBlackHole(segment, { marks, place });
  }

  #takeWindow(segment: StorySegment, marks: readonly Mark[]): void {
    const open = this.zeroWindows.findLast(({ end, until }) => end === segment.from && until === null);
    if (marks.some(({ kind }) => kind === "zero-window")) {
      if (open === undefined && this.zeroWindows.length < MOST_NUMBERS) {
        this.zeroWindows.push({ end: segment.from, from: segment, until: null });
      }
    } else if (open !== undefined && (segment.flags & ACK) !== 0 && segment.window > 0) open.until = segment;
  }

  /**
   * Nagle's algorithm against delayed ACKs (RFC 9293 §3.7.4, RFC 1122 §4.2.3.2): a small segment, nothing from either end
   * until the ACK comes late, and then at once the rest.
   */
  #takeStall(segment: StorySegment, marks: readonly Mark[]): void {
    const pending = this.#pending;
    this.#pending = null;
    const isSpecial = (segment.flags & (SYN | FIN | RST)) !== 0 ||
      marks.some(({ kind }) => kind !== "partial-checksum");
    if (isSpecial) return;
    if (segment.length > 0) {
      const ack = pending?.ack ?? null;
      if (pending !== null && ack !== null && segment.from === pending.data.from) {
        const seconds = ack.time - pending.data.time;
        const isAtOnce = segment.time - ack.time < 0.005;
        const isLate = seconds >= STALL_SECONDS[0] && seconds <= STALL_SECONDS[1];
        if (isAtOnce && isLate) {
          this.note("stall", segment.number);
          const stall = { data: pending.data.number, ack: ack.number, next: segment.number, seconds };
          if (this.stalls.length < MOST_NUMBERS) this.stalls.push(stall);
        }
      }
      this.#pending = { data: segment, ack: null };
    } else if (pending !== null && pending.ack === null && segment.from !== pending.data.from) {
      this.#pending = { data: pending.data, ack: segment };
    }
  }

  #takeBlackHole(
    { from, length, number, flags }: StorySegment,
    { marks, place }: { marks: readonly Mark[]; place: Placement },
  ): void {
    const other: EndName = from === "client" ? "server" : "client";
    if ((flags & ACK) !== 0 && place.ack > this.#largestAcked[other]) {
      this.#largestAcked[other] = place.ack;
      this.blackHole[other] = { length: 0, times: 0, numbers: [] };
    }
    const hole = this.blackHole[from];
    // What was acknowledged had come through: it was the answer that was lost.
    if (marks.some(({ kind }) => kind === "spurious")) return;
    const isAgain = marks.some(({ kind }) => kind === "retransmission-timeout");
    if (!isAgain || length < LARGE_BYTES) return;
    hole.length = length;
    hole.times++;
    if (hole.numbers.length < MOST_NUMBERS) hole.numbers.push(number);
  }
}

/** Names of notes that are no marks. */
export type NoteName =
  | "syn"
  | "fin"
  | "reset"
  | "stall"
  | "syn-data"
  | "ecn-asked"
  | "ecn-agreed"
  | "ecn-echo"
  | "time-backwards";
