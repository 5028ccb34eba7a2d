/**
 * ConnectionStory: one connection, told segment by segment: rows of its ladder, states of both ends, marks, counts.
 *
 * Owns: the order in which a segment is judged. Must not know: other connections (story.ts), where segments come from.
 */
import type { RetransmitKind } from "../tcp/events.ts";
import type { TcpState } from "../tcp/state.ts";
import type { TransitionId } from "../tcp/transitions.ts";
import { portOf } from "../wire/address.ts";
import { FLAG } from "../wire/tcp.ts";
import { type EndFacts, forgetPassage, newEndFacts, noteFacts } from "./end_facts.ts";
import { type EndWatch, newEndWatch } from "./end_watch.ts";
import { FindingNotes } from "./finding_notes.ts";
import { LateMarks } from "./late_marks.ts";
import { findMarks } from "./mark_finder.ts";
import { mark } from "./marks.ts";
import { RowLog } from "./row_log.ts";
import { type Placement, ShadowEnd } from "./shadow_end.ts";
import { pathOf, type StateStep } from "./state_path.ts";
import {
  type BothStates,
  END_NAMES,
  type EndName,
  otherEnd,
  type Row,
  type SegmentRow,
  type StorySegment,
} from "./story_segment.ts";
import { ZeekHistory } from "./zeek_history.ts";

const { SYN, FIN, RST, ACK } = FLAG;

/** Local choice: the ring of the last segments of a connection. */
export const RING_ROWS = 4096;

/** Measured, of V8: a record with its sending, and a range of a stream. */
const SENDING_BYTES = 220;
const RANGE_BYTES = 32;

/** What is known before the first segment. */
export interface ConnectionStoryOptions {
  readonly id: number;
  /** `IP:PORT`, IPv6 addresses in brackets. */
  readonly endpoints: Readonly<Record<EndName, string>>;
  /** What else keeps it apart from others between the same two: VLAN ids with dots between; empty for nothing. */
  readonly realm?: string;
  /** Rows to keep besides the first ones; 0 for none. */
  readonly rows?: number;
  /** Which end is ours, where a host of ours tells. */
  readonly ours?: EndName;
  /** Its first SYN came to ports of a connection before it: number of that connection's last segment. */
  readonly reuses?: number;
}

/** What a segment's own host says about it. */
export interface Told {
  readonly kind: RetransmitKind;
  readonly repeats?: number;
}

interface End {
  readonly shadow: ShadowEnd;
  readonly watch: EndWatch;
  readonly facts: EndFacts;
  readonly late: LateMarks;
  /** From transitions of a host of ours: the truth; null where the path is inferred. */
  truth: StateStep[] | null;
  path: readonly StateStep[];
}

function newEnd(): End {
  return {
    shadow: new ShadowEnd(),
    watch: newEndWatch(),
    facts: newEndFacts(),
    late: new LateMarks(),
    truth: null,
    path: [],
  };
}

/** Local choice: no connection goes through more states; a host that tells more has lost its way. */
const MOST_TRUE_STATES = 32;

/** A connection as it is known so far. */
export class ConnectionStory {
  readonly id: number;
  readonly endpoints: Readonly<Record<EndName, string>>;
  readonly realm: string;
  readonly zeek: ZeekHistory = new ZeekHistory();
  readonly notes: FindingNotes = new FindingNotes();
  /** False once what it had sent and nobody had acknowledged was forgotten while it went on. */
  isJudged = true;
  /** How its own host says that it ended. */
  closed: { readonly reason: string; readonly time: number } | null = null;
  readonly #ends: Readonly<Record<EndName, End>> = { client: newEnd(), server: newEnd() };
  readonly #log: RowLog;
  readonly #ports: { readonly client: number; readonly server: number };
  readonly #ours: EndName | null;
  #reuses: number | null;
  #first: StorySegment | null = null;
  #last: StorySegment | null = null;
  #earliest = Infinity;
  #latest = -Infinity;
  #states: BothStates = { client: null, server: null };
  #countedBytes = 0;

  constructor({ id, endpoints, realm = "", rows = RING_ROWS, reuses, ours }: ConnectionStoryOptions) {
    this.id = id;
    this.endpoints = endpoints;
    this.realm = realm;
    this.#log = new RowLog(rows);
    this.#ports = { client: portOf(endpoints.client), server: portOf(endpoints.server) };
    this.#reuses = reuses ?? null;
    this.#ours = ours ?? null;
  }

  /** The next segment that was seen; `told`: why it is sent again, where its host says so. Returns its row. */
  add(segment: StorySegment, told?: Told): SegmentRow {
    this.#first ??= segment;
    this.#last = segment;
    this.#earliest = Math.min(this.#earliest, segment.time);
    this.#latest = Math.max(this.#latest, segment.time);
    const from = this.#ends[segment.from];
    const to = this.#ends[otherEnd(segment.from)];
    const begins = (segment.flags & (SYN | RST)) === SYN && segment.checksum !== "wrong";
    if (begins && isNewStream(segment, from)) from.shadow.restart(segment.seq);
    const place = from.shadow.place(segment, to.shadow);
    const isLost = segment.fate !== undefined;
    const judged = {
      segment,
      place,
      sender: from,
      receiver: to,
      ...(told === undefined ? {} : { told }),
    };
    const { marks, isSent } = findMarks(judged);
    if (this.#reuses !== null) {
      marks.push(
        mark("port-reused", { text: "a new connection on the ports of one before", of: this.#reuses }),
      );
      this.#reuses = null;
    }
    if (isLost) marks.push(mark("lost-on-purpose", { text: "lost by our own faults" }));
    // Its sender has told all that it has to tell by the frame itself.
    const isCopy = marks.some(({ kind }) => kind === "duplicate");
    const isDamaged = segment.checksum === "wrong";
    const canArrive = !isLost && !isDamaged;
    const knew = !isDamaged && noteFacts({ segment, place, from, to, canArrive, isCopy });
    // Nothing in a damaged header is sure; data just where the next was to come is data.
    const isBelievable = !isDamaged ||
      (segment.flags & (SYN | FIN | RST)) === 0 && place.start === from.shadow.sentEnd;
    if (isDamaged) from.shadow.counts.wrongChecksums++;
    if (segment.checksum !== undefined) from.shadow.counts.judgedChecksums++;
    if (segment.checksum === "partial") from.shadow.counts.partialChecksums++;
    from.shadow.ttl ??= segment.ttl ?? null;
    const isSpurious = marks.some(({ kind }) => kind === "spurious");
    if (!place.isStray && isBelievable && !isCopy) {
      this.#take({ segment, place, from, to, isSent, canArrive, isSpurious });
    }
    if (knew) this.#renewPaths();
    if (segment.truth !== undefined) this.#noteTruth(segment);
    // Zeek looks at what passes: what was lost before it was told, it would not have seen.
    if (segment.fate !== "lost-in") this.zeek.add(segment, this.#ports);
    this.notes.take({ segment, marks, place });
    return this.#log.add({
      segment,
      relSeq: place.start,
      relAck: place.ack,
      windowBytes: from.shadow.windowBytes(segment, to.shadow),
      marks,
      states: this.#statesWith(segment),
    });
  }

  /** After a segment; its host tells of the segment before it tells of its transition, and with the state after both. */
  #statesWith({ truth }: StorySegment): BothStates {
    const ours = this.#ours;
    const states = this.#states;
    if (truth === undefined || ours === null || states[ours] === truth.state) return states;
    return { ...states, [ours]: truth.state };
  }

  /** What a segment changes of both shadows. */
  #take(
    { segment, place, from, to, isSent, canArrive, isSpurious }: {
      segment: StorySegment;
      place: Placement;
      from: End;
      to: End;
      isSent: boolean;
      canArrive: boolean;
      isSpurious: boolean;
    },
  ): void {
    const { flags } = segment;
    const { shadow } = from;
    shadow.counts.segments++;
    shadow.lastTime = segment.time;
    if ((flags & RST) !== 0) return;
    if ((flags & SYN) !== 0) shadow.noteSyn(segment, place.start);
    if ((flags & ACK) !== 0 && segment.checksum !== "wrong") {
      const answered = { segment, place, sender: to.shadow, receiver: shadow };
      for (const { number, mark } of to.late.acknowledged(answered)) {
        if (mark !== null) this.#markLater(to, { number, mark });
        else if (this.#log.arrivedAfterAll(number)) this.notes.forget("never-arrived", number);
      }
      if (place.ack <= to.shadow.sentEnd) to.shadow.acked = Math.max(to.shadow.acked, place.ack);
      if (place.ack > shadow.lastAck) {
        shadow.lastAck = place.ack;
        shadow.lastAckNumber = segment.number;
      }
      shadow.noteWindow(segment, { ack: place.ack, other: to.shadow });
    }
    if (place.end > place.start && isSent) {
      const { number, time, length } = segment;
      const isNew = shadow.seen.add(place.start, place.end);
      shadow.counts.bytes += Math.min(length, isNew);
      const tsValue = segment.options.timestamps?.value ?? -1;
      // What a shut window does not let in has arrived all the same: of a probe nothing is said.
      const isLost = !canArrive || from.watch.lastWasProbe;
      // A keep-alive brings nothing, so that nothing hangs on its arrival.
      if (!from.watch.lastWasKeepAlive) {
        const octets = place.end - place.start;
        shadow.records.add([place.start, place.end], {
          number,
          time,
          tsValue,
          octets,
          isLost,
          isJudged: isSpurious,
          isThoughtLost: false,
        });
      }
      if (isSpurious && canArrive) from.late.sentInVain({ start: place.start, end: place.end });
      if ((flags & FIN) !== 0) shadow.finAt ??= place.end - 1;
    }
    shadow.sentEnd = Math.max(shadow.sentEnd, place.end);
  }

  #markLater(end: End, { number, mark }: { number: number; mark: SegmentRow["marks"][number] }): void {
    // Our own host told of it because it came: whoever repeats it has not heard of that.
    const isPeers = this.#ours !== null && end !== this.#ends[this.#ours];
    if (mark.kind === "never-arrived" && isPeers) return;
    if (mark.kind === "spurious") {
      end.shadow.counts.spurious++;
    }
    this.notes.note(mark.kind, number);
    this.#log.addMark(number, mark);
  }

  #renewPaths(): void {
    for (const name of END_NAMES) {
      const end = this.#ends[name];
      end.path = end.truth ?? pathOf(end.facts);
    }
    this.#renewStates();
  }

  #renewStates(): void {
    const client = this.stateOf("client");
    const server = this.stateOf("server");
    if (client !== this.#states.client || server !== this.#states.server) this.#states = { client, server };
  }

  /** The state that a host of ours tells with a segment: the beginning of its path, where no transition was heard. */
  #noteTruth({ truth, number, time }: StorySegment): void {
    const ours = this.#ours;
    if (truth === undefined || ours === null || this.#ends[ours].truth !== null) return;
    const step = { number, time, grade: "proven" as const, provenBy: number, row: null };
    this.#ends[ours].truth = [{ ...step, state: truth.state }];
    this.#ends[ours].path = this.#ends[ours].truth;
    this.#renewStates();
  }

  /** A transition of an end that is ours: from now on its path is what it says. */
  addTransition(
    name: EndName,
    { state, number, time, row, from }: {
      state: TcpState;
      from: TcpState;
      number: number;
      time: number;
      row: TransitionId | null;
    },
  ): void {
    const end = this.#ends[name];
    const step = { number, time, grade: "proven" as const, provenBy: number };
    // A segment is told before its transition, with the state after both: that alone is no beginning.
    if (end.truth?.length === 1 && end.truth[0].row === null && end.truth[0].state === state) {
      end.truth = null;
    }
    end.truth ??= [{ ...step, state: from, row: null }];
    if (end.truth.length < MOST_TRUE_STATES) end.truth.push({ ...step, state, row });
    end.path = end.truth;
    this.#renewStates();
  }

  /**
   * Segments were not told of: the next one of `from` lies at `seq` and acknowledges up to `ack`, as its host says, and what
   * is missing before it is no gap on the wire.
   */
  skip({ from, seq, ack }: { readonly from: EndName; readonly seq: number; readonly ack: number }): void {
    this.#ends[from].shadow.jump(seq);
    this.#ends[otherEnd(from)].shadow.jump(ack);
    for (const { shadow, watch } of Object.values(this.#ends)) watch.untoldUntil = shadow.sentEnd;
  }

  /** A segment that was told already was lost on its way by our own faults. */
  loseOnPurpose(number: number): void {
    this.#log.setFate(number, "lost-out");
    this.#log.addMark(number, mark("lost-on-purpose", { text: "lost by our own faults" }));
    this.notes.note("lost-on-purpose", number);
    const row = this.#log.rowOf(number);
    if (row === null) return;
    this.#ends[row.segment.from].shadow.records.lose(number);
    forgetPassage(this.#ends[otherEnd(row.segment.from)].facts, number);
    this.#renewPaths();
  }

  /** What is known of an end; for reading. */
  shadowOf(name: EndName): ShadowEnd {
    return this.#ends[name].shadow;
  }

  /** What the segments show about an end; for reading. */
  factsOf(name: EndName): EndFacts {
    return this.#ends[name].facts;
  }

  /** Which end is ours; null where none is. */
  get ours(): EndName | null {
    return this.#ours;
  }

  /** The states of an end, in order; empty while nothing shows one. */
  pathOf(name: EndName): readonly StateStep[] {
    return this.#ends[name].path;
  }

  /** The state of an end, null while nothing shows one. */
  stateOf(name: EndName): TcpState | null {
    return this.#ends[name].path.at(-1)?.state ?? null;
  }

  /** The first and the last segment. */
  get span(): { readonly first: StorySegment; readonly last: StorySegment } | null {
    return this.#first === null || this.#last === null ? null : { first: this.#first, last: this.#last };
  }

  /** From when to when it was seen: in a capture times may go backwards. */
  get times(): { readonly earliest: number; readonly latest: number } {
    return this.#first === null
      ? { earliest: 0, latest: 0 }
      : { earliest: this.#earliest, latest: this.#latest };
  }

  /** Whether no SYN was seen. */
  get isMidstream(): boolean {
    return !this.#ends.client.shadow.hasSyn && !this.#ends.server.shadow.hasSyn;
  }

  /** Whether both ends are where nothing follows: CLOSED, TIME_WAIT, or LISTEN again. */
  get isOver(): boolean {
    return END_NAMES.some((name) => this.#ends[name].facts.reset !== null) ||
      END_NAMES.every((name) => {
        const state = this.stateOf(name);
        return state === "CLOSED" || state === "TIME_WAIT" || state === "LISTEN";
      });
  }

  /** Rows for a view, folded. */
  rows(): Row[] {
    return this.#log.rows();
  }

  /** Kept rows, one for each segment. */
  segmentRows(): SegmentRow[] {
    return this.#log.segmentRows();
  }

  /** Kept rows that came or changed after `revision`. */
  changedSince(revision: number): SegmentRow[] {
    return this.#log.changedSince(revision);
  }

  /** Count of changes. */
  get revision(): number {
    return this.#log.revision;
  }

  /** Rows that are kept. */
  get keptRows(): number {
    return this.#log.kept;
  }

  /** Forgets its rows, and keeps none from now on; the summary stays. Returns how many. */
  forgetRows(): number {
    return this.#log.forget();
  }

  /** Bytes, about, of what is remembered of segments to judge those to come: grows while nothing is acknowledged. */
  get heldBytes(): number {
    const { client, server } = this.#ends;
    const ranges = client.shadow.seen.count + client.shadow.sacked.count + server.shadow.seen.count +
      server.shadow.sacked.count + this.zeek.ranges;
    const sendings = client.shadow.records.sendings + server.shadow.records.sendings +
      client.late.sendings + server.late.sendings;
    return sendings * SENDING_BYTES + ranges * RANGE_BYTES;
  }

  /** How much {@link heldBytes} has grown since this was asked last. */
  growth(): number {
    const before = this.#countedBytes;
    this.#countedBytes = this.heldBytes;
    return this.#countedBytes - before;
  }

  /** Forgets what is in {@link heldBytes}; of what has passed it is no longer known what became of it. Returns how much. */
  forgetSent(): number {
    for (const name of END_NAMES) {
      const { shadow, late } = this.#ends[name];
      shadow.records.clear();
      shadow.seen.fill();
      shadow.sacked.clear();
      late.clear();
    }
    this.zeek.forgetRanges();
    return -this.growth();
  }

  /** Gives back all rows but the first ones; the summary stays. Returns how many. */
  release(): number {
    return this.#log.release();
  }

  /** Gives back all rows, the first ones too; those that come are kept again. Returns how many. */
  releaseAll(): number {
    return this.#log.releaseAll();
  }
}

/** A SYN with another number than the stream has: the one believed so far never came to anything. */
function isNewStream({ seq }: StorySegment, { shadow, facts }: End): boolean {
  if (shadow.initial === null || !shadow.hasSyn) return true;
  return shadow.initial !== seq && facts.opened === null;
}
