/**
 * What an acknowledgment tells about segments that passed before it: which of several sendings arrived.
 *
 * Owns: this inference. By timestamps it is certain (RFC 7323 §4.3: the echo of an ACK that moves the left edge is of the
 * segment that lay there; RFC 3522 takes spurious retransmissions from it), by D-SACK too (RFC 2883, RFC 3708), and by the hole
 * that SACK told of before it was filled (RFC 2018), as both would have made a D-SACK; without any of these it is likely. What is certain is that the repeat came first: what was overtaken by it counts as never arrived, until a
 * D-SACK tells. Must not know: rows but as numbers of segments.
 */
import { blocksOf } from "./acknowledged_blocks.ts";
import { type Mark, mark } from "./marks.ts";
import type { Sending, SentRecord } from "./sent_records.ts";
import type { Placement, ShadowEnd } from "./shadow_end.ts";
import type { StorySegment } from "./story_segment.ts";

/** A mark for a segment of the past. */
export interface LateMark {
  /** Number of the segment that gets it. */
  readonly number: number;
  /** Null where it arrived after all, though it was thought lost: overtaken by what repeats it. */
  readonly mark: Mark | null;
}

/** Local choice: a D-SACK comes within a round trip or two of what it is about. */
const MOST_DOUBTFUL = 64;

/** Local choice: as many as a window of the usual size holds segments that are sent again at once. */
const MOST_KNOWN_DUPLICATES = 256;

/** Octets from `start` to before `end`. */
interface Octets {
  readonly start: number;
  readonly end: number;
}

/** Remembers, for one end, what it sent more than once and what became of it. */
export class LateMarks {
  /** Sent more than once and acknowledged; a D-SACK may still say that once was enough. */
  readonly #doubtful: SentRecord[] = [];

  /** Sent after they had been acknowledged: the D-SACK that answers says nothing of those before. Null where there was none. */
  #knownDuplicates: Octets[] | null = null;

  #sendings = 0;

  /** Sendings that it remembers. */
  get sendings(): number {
    return this.#sendings;
  }

  /** Forgets them. */
  clear(): void {
    this.#doubtful.length = 0;
    this.#knownDuplicates = null;
    this.#sendings = 0;
  }

  /** Octets are sent that have been acknowledged: one D-SACK is awaited for them, which tells nothing new. */
  sentInVain(octets: Octets): void {
    if (!this.#doubtful.some(({ start, end }) => start < octets.end && end > octets.start)) return;
    this.#knownDuplicates ??= [];
    this.#knownDuplicates.push(octets);
    if (this.#knownDuplicates.length > MOST_KNOWN_DUPLICATES) this.#knownDuplicates.shift();
  }

  /** Takes an acknowledgment of what `sender` has sent; changes its record of that. */
  acknowledged(
    { segment, place, sender, receiver }: {
      segment: StorySegment;
      place: Placement;
      sender: ShadowEnd;
      receiver: ShadowEnd;
    },
  ): LateMark[] {
    const marks: LateMark[] = [];
    const leftEdge = sender.acked;
    const { sack = [] } = segment.options;
    const { duplicate } = blocksOf(sack, { ack: place.ack, of: sender });
    if (place.ack > leftEdge && place.ack <= sender.sentEnd) {
      const gone = sender.records.acknowledge(place.ack);
      // The SYN has arrived, though not all that came with it was taken (RFC 7413 §4.2.2).
      const { first } = sender.records;
      if (leftEdge < 1 && first?.start === 0) {
        for (const sending of first.sendings) sending.isJudged = true;
      }
      const last = gone.at(-1);
      if (last !== undefined && last.sendings.length === 1 && last.sackedAfter === 0) {
        sender.roundTrips.add(segment.time - last.sendings[0].time);
      }
      for (const record of gone) {
        if (record.sendings.length < 2) continue;
        this.#judge(record, {
          segment,
          marks,
          isLeftEdge: record.start <= leftEdge,
          isHole: sender.sackPermitted && receiver.sackPermitted && duplicate === null &&
            sender.sacked.end > record.end,
          canSayTwice: sender.sackPermitted && receiver.sackPermitted,
          saysTwice: duplicate !== null && duplicate[0] < record.end && duplicate[1] > record.start,
        });
        this.#remember(record);
      }
    }
    if (sack.length > 0) this.#takeBlocks(sack, { segment, place, sender, marks });
    return marks;
  }

  #remember(record: SentRecord): void {
    this.#doubtful.push(record);
    this.#sendings += record.sendings.length;
    if (this.#doubtful.length > MOST_DOUBTFUL) this.#sendings -= this.#doubtful.shift()?.sendings.length ?? 0;
  }

  /** Which sending of a record has been acknowledged. */
  #judge(
    record: SentRecord,
    { segment, marks, isLeftEdge, isHole, canSayTwice, saysTwice }: {
      segment: StorySegment;
      marks: LateMark[];
      isLeftEdge: boolean;
      isHole: boolean;
      canSayTwice: boolean;
      saysTwice: boolean;
    },
  ): void {
    const { sendings } = record;
    const echo = segment.options.timestamps?.echo ?? -1;
    const stamps = new Set(sendings.map(({ tsValue }) => tsValue));
    const canTell = isLeftEdge && echo >= 0 && stamps.size === sendings.length && record.sackedAfter === 0;
    const arrived = canTell ? sendings.findIndex(({ tsValue }) => tsValue === echo) : -1;
    if (arrived < 0) {
      // Nothing tells: the last one is the likely one, or the last before a SACK spoke of it.
      const known = record.sackedAfter === 0 ? sendings : sendings.slice(0, record.sackedAfter);
      const last = known[known.length - 1];
      for (const sending of known.slice(0, -1)) {
        this.#never(sending, {
          marks,
          because: last,
          by: segment.number,
          confidence: isHole && record.sackedAfter === 0 ? "hole" : "likely",
        });
      }
      return;
    }
    // Some receivers take the timestamp of an old duplicate too. One that speaks of duplicates (D-SACK) would have said so.
    const confidence = canSayTwice ? "certain" : "likely";
    const because = sendings[arrived];
    for (const [index, sending] of sendings.entries()) {
      if (index < arrived && !saysTwice) {
        this.#never(sending, { marks, because, by: segment.number, confidence });
      }
      if (index > arrived) {
        this.#spurious(sending, {
          marks,
          text: `sent for nothing: #${segment.number} answers #${because.number}`,
        });
      }
    }
  }

  #never(
    sending: Sending,
    told: { marks: LateMark[]; because: Sending; by: number; confidence: "certain" | "hole" | "likely" },
  ): void {
    const { marks, because, by } = told;
    const confidence = told.confidence === "likely" ? "likely" : "certain";
    if (sending.isJudged || sending.isLost) return;
    if (confidence === "certain") sending.isJudged = true;
    sending.isThoughtLost = true;
    const text = told.confidence === "hole"
      ? `never arrived, or after #${because.number} which repeats it: what was sent after it had come before`
      : confidence === "certain"
      ? `never arrived, or after #${because.number} which repeats it: #${by} answers that one`
      : `probably never arrived: #${because.number} repeats it`;
    marks.push({
      number: sending.number,
      mark: { ...mark("never-arrived", { text, of: because.number }), confidence },
    });
  }

  #spurious(sending: Sending, { marks, text }: { marks: LateMark[]; text: string }): void {
    if (sending.isJudged) return;
    sending.isJudged = true;
    marks.push({ number: sending.number, mark: { ...mark("spurious", { text }), confidence: "certain" } });
  }

  #takeBlocks(
    sack: readonly (readonly [number, number])[],
    { segment, place, sender, marks }: {
      segment: StorySegment;
      place: Placement;
      sender: ShadowEnd;
      marks: LateMark[];
    },
  ): void {
    const { duplicate, blocks } = blocksOf(sack, { ack: place.ack, of: sender });
    for (const [left, right] of blocks) {
      if (sender.sacked.add(left, right) === 0) continue;
      for (const record of sender.records.overlapping(left, right)) {
        // A receiver may say of text beyond a hole that it is there, and nothing of the FIN behind it.
        const end = record.end - 1 === sender.finAt && right === sender.finAt ? right : record.end;
        if (record.start >= left && end <= right && record.sackedAfter === 0) {
          record.sackedAfter = record.sendings.length;
        }
      }
    }
    if (duplicate === null) return;
    const [left, right] = duplicate;
    // Of a simultaneous open the SYN, ACK carries the SYN again: that it came twice is as it should be.
    if (right <= 1 && sender.hasCalledAndAnswered) return;
    const isAbout = ({ start, end }: Octets) => start < right && end > left;
    const known = this.#knownDuplicates?.findIndex(isAbout) ?? -1;
    if (known >= 0) {
      this.#knownDuplicates?.splice(known, 1);
      return;
    }
    const about = this.#doubtful.find(isAbout) ??
      [...sender.records.overlapping(left, right)].find(({ sendings }) => sendings.length > 1);
    const sending = about?.sendings.at(-1);
    if (about === undefined || sending === undefined || about.sendings.length < 2) return;
    // What carried more than came twice was needed for the rest.
    if (right - left < sending.octets) return;
    // The receiver had both: what was thought lost came late, or a copy of the other was made on the way.
    const [first] = about.sendings;
    if (about.sendings.length === 2 && first.isThoughtLost) {
      first.isThoughtLost = false;
      marks.push({ number: first.number, mark: null });
    }
    this.#spurious(sending, { marks, text: `sent for nothing: #${segment.number} says that it came twice` });
  }
}
