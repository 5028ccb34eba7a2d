/**
 * FaultPath: one direction of a bad path. Frames go in as they come, and come out late, twice, damaged, out of order,
 * or not at all.
 *
 * Owns: what happens to each frame, decided by a seeded generator, and when it leaves. Must not know: clocks (the time
 * is an argument), links, who is at either end.
 *
 * A frame first queues for the rate, then suffers on the wire, then takes the delay, as on a real path. Each fault draws
 * from a stream of its own, once a frame, so that asking for one more fault does not move the others.
 */
import type { OnceFault } from "./fault_once.ts";
import { type FaultDirection, isFaultless } from "./fault_spec.ts";
import { type HeldFrame, HeldFrames } from "./held_frames.ts";
import { flipBit, isNeighborTalk, markCongestion } from "./packet_damage.ts";
import { SeededRandom } from "./seeded_random.ts";

/** What a path did so far, in frames. */
export interface FaultCounts {
  /** Frames that were offered. */
  frames: number;
  dropped: number;
  duplicated: number;
  reordered: number;
  corrupted: number;
  marked: number;
  /** Lost because the queue before the rate, or the room for delayed frames, was full. */
  overflowed: number;
}

/** What a path does to a frame. */
export type FrameFault = "drop" | "duplicate" | "reorder" | "corrupt" | "delay" | "mark";

/** A frame that a path has touched, as it came; the bytes are valid during the call that tells of it only. */
export interface TouchedFrame {
  /** Which way it goes. */
  readonly direction: "in" | "out";
  /** It, as it came. */
  readonly frame: Uint8Array;
  /** So many of the bytes count. */
  readonly length: number;
  /** When it was touched, on the link's clock, microseconds. */
  readonly nowUs: number;
  /** Time of capture of one that came in; 0 of one that goes out. */
  readonly capturedUs: number;
  /** In the order in which they happened; a frame that is dropped suffers nothing else. */
  readonly faults: readonly FrameFault[];
  /** Of a drop: by chance, because a queue was full, or because just this one was to be lost. */
  readonly reason: "chance" | "queue-full" | "once";
  /**
   * From 1 in each direction, one for each touched frame that is told of: by it the frame is known again where it comes out,
   * and by its negative the copy of it. See {@link FrameHandler}.
   */
  readonly touch: number;
  /** The `label` with which one that goes out was sent, 0 for none. */
  readonly label: number;
  /** How long it is held, microseconds; more where those before it hold it up. */
  readonly delayUs: number;
}

/** Who hears of what a path does. */
interface PathWatch {
  /** False while nobody is to hear: then nothing is put together. */
  isWatched(): boolean;
  /** Told of a frame that is touched; returns what is to come out with the frame, the copies of it excepted. */
  touched(touched: Omit<TouchedFrame, "direction" | "capturedUs" | "label">, note: number): number;
}

/**
 * Takes what leaves a path; `note` is what came in with the frame, `heldUs` how long it was held, `segment` what was
 * answered when it was touched, 0 where it was not, as `touch`.
 */
type PathEnd = (
  frame: Uint8Array,
  length: number,
  note: number,
  heldUs: number,
  segment: number,
  touch: number,
) => void;

/** Local choice: 100 ms of a gigabit, with room to spare; what is above is lost, as in any queue. */
const MOST_HELD = { frames: 0x10000, bytes: 0x4000000 } as const;
/** Local choice: a frame falls behind one to five others, enough to pass the three duplicates of RFC 5681 §3.2. */
const MOST_OVERTAKERS = 5;
/** Local choice: a frame that nothing overtakes goes on after 10 ms, sooner than any retransmission timeout. */
const STEP_BACK_US = 10_000;
/** Local choice: more frames out of line at once would be another kind of network. */
const MOST_STEPPED_BACK = 16;
/** Local choice: a queue of 100 ms at the rate, as a home router has. */
const RATE_QUEUE_US = 100_000;
/** ... but twenty full frames at least, or a slow path could not carry an initial window (RFC 6928). */
const RATE_QUEUE_LEAST_BYTES = 30_000;
/** Local choice: what may pass at once after a pause, two full frames. */
const RATE_BURST_BYTES = 3_000;

const LOST: readonly FrameFault[] = ["drop"];

/** A frame that lets others pass. */
interface SteppedBack {
  readonly held: HeldFrame;
  /** How many must still pass. */
  overtakers: number;
  /** When it goes on nevertheless. */
  untilUs: number;
}

/** One direction; see the head of this file. */
export class FaultPath {
  readonly counts: FaultCounts = {
    frames: 0,
    dropped: 0,
    duplicated: 0,
    reordered: 0,
    corrupted: 0,
    marked: 0,
    overflowed: 0,
  };
  #faults: FaultDirection;
  readonly #watch: PathWatch | null;
  #touches = 0;
  readonly #held = new HeldFrames(MOST_HELD);
  readonly #steppedBack: SteppedBack[] = [];
  #usPerByte = 0;
  #rateQueueUs = RATE_QUEUE_US;
  /** How many more may leave while the path is paused; Infinity while it is not. */
  #steps = Infinity;
  /** When the bucket's debt is paid: a frame of n bytes adds n bytes' worth of time. */
  #rateUs = -Infinity;
  /** When the last in line leaves. */
  #lastDueUs = -Infinity;
  #drop: SeededRandom;
  #duplicate: SeededRandom;
  #reorder: SeededRandom;
  #corrupt: SeededRandom;
  #mark: SeededRandom;
  #jitter: SeededRandom;

  /** `stream` tells the two directions of one seed apart. */
  constructor(
    faults: FaultDirection,
    about: { readonly seed: number; readonly stream: number; readonly watch?: PathWatch | null },
  ) {
    this.#faults = faults;
    this.#watch = about.watch ?? null;
    this.#setRate();
    const random = (fault: number) => new SeededRandom(about.seed, about.stream * 16 + fault);
    this.#drop = random(0);
    this.#duplicate = random(1);
    this.#reorder = random(2);
    this.#corrupt = random(3);
    this.#mark = random(4);
    this.#jitter = random(5);
  }

  /** Other faults from now on, from a seed's beginning; what is under way goes on as it was to. */
  change(faults: FaultDirection, about: { readonly seed: number; readonly stream: number }): void {
    this.#faults = faults;
    this.#setRate();
    const fresh = new FaultPath(faults, about);
    this.#drop = fresh.#drop;
    this.#duplicate = fresh.#duplicate;
    this.#reorder = fresh.#reorder;
    this.#corrupt = fresh.#corrupt;
    this.#mark = fresh.#mark;
    this.#jitter = fresh.#jitter;
  }

  #setRate(): void {
    this.#usPerByte = 8e6 / this.#faults.rateBitsPerSecond;
    this.#rateQueueUs = Math.max(RATE_QUEUE_US, RATE_QUEUE_LEAST_BYTES * this.#usPerByte);
    // A debt is the old rate's.
    this.#rateUs = -Infinity;
  }

  /** Whether frames may as well go by: nothing would happen to them, and none is under way that they could overtake. */
  get isIdle(): boolean {
    return this.#held.count === 0 && this.#steps === Infinity && this.#steppedBack.length === 0 &&
      isFaultless(this.#faults);
  }

  /** Frames under way. */
  get held(): number {
    return this.#held.count + this.#steppedBack.length;
  }

  /** Lets no frame leave until {@link FaultPath.resume}, but those that {@link FaultPath.step} lets go. */
  pause(): void {
    if (this.#steps === Infinity) this.#steps = 0;
  }

  /** Lets one more frame leave, the first in line, as soon as there is one. */
  step(): void {
    this.#steps++;
  }

  /** Lets all leave again. */
  resume(): void {
    this.#steps = Infinity;
  }

  /** When the next frame leaves; Infinity when none is under way, or may. */
  get nextDueUs(): number {
    if (this.#steps === 0) return Infinity;
    let earliestUs = this.#held.nextDueUs;
    for (const { untilUs } of this.#steppedBack) if (untilUs < earliestUs) earliestUs = untilUs;
    return earliestUs;
  }

  /**
   * Whether the path leaves this frame alone: ARP and neighbor discovery, unless asked otherwise. A lost answer stops everything
   * for a second or more, which tells nothing about TCP and looks like its fault.
   */
  isSpared(frame: Uint8Array, length: number): boolean {
    return !this.#faults.disturbsArp && isNeighborTalk(frame, length);
  }

  /**
   * Takes a frame in; `note` comes out with it. The bytes may be used again after the call. `once`: what is to happen to this
   * frame whatever the dice say.
   */
  accept(
    frame: Uint8Array,
    length: number,
    nowUs: number,
    note: number,
    once: OnceFault | null = null,
  ): void {
    const { counts } = this;
    const faults = this.#faults;
    counts.frames++;
    // All are drawn for each frame, or one fault's outcome would move the others' streams.
    const isDropped = this.#drop.chance(faults.drop);
    const isDuplicated = this.#duplicate.chance(faults.duplicate) || once?.action === "dup";
    const isReordered = this.#reorder.chance(faults.reorder);
    const overtakers = this.#reorder.between(1, MOST_OVERTAKERS);
    const isCorrupted = this.#corrupt.chance(faults.corrupt) || once?.action === "corrupt";
    const isMarked = this.#mark.chance(faults.mark);
    const jitterUs = Math.round((this.#jitter.fraction() * 2 - 1) * faults.jitterUs);
    const departsUs = this.#departure(length, nowUs);
    if (departsUs === Infinity) {
      counts.overflowed++;
      this.#tellLost(frame, { length, nowUs, note, reason: "queue-full" });
      return;
    }
    if (isDropped || once?.action === "drop") {
      counts.dropped++;
      this.#tellLost(frame, { length, nowUs, note, reason: once?.action === "drop" ? "once" : "chance" });
      return;
    }
    const holdUs = once?.action === "hold" ? once.holdUs : 0;
    const dueUs = departsUs + Math.max(0, faults.delayUs + jitterUs) + holdUs;
    const held = this.#hold(frame, { length, dueUs, nowUs, note });
    if (held === null) {
      this.#tellLost(frame, { length, nowUs, note, reason: "queue-full" });
      return;
    }
    // The copy is made before the damage: it has another way behind it.
    const copy = isDuplicated ? this.#hold(frame, { length, dueUs, nowUs, note }) : null;
    const hasMark = isMarked && markCongestion(held.bytes, length);
    if (hasMark) counts.marked++;
    if (isCorrupted) {
      flipBit(held.bytes, length, this.#corrupt);
      counts.corrupted++;
    }
    const isSteppedBack = isReordered && this.#steppedBack.length < MOST_STEPPED_BACK;
    if (this.#watch?.isWatched() === true) {
      const happened: FrameFault[] = [];
      if (dueUs > nowUs) happened.push("delay");
      if (copy !== null) happened.push("duplicate");
      if (hasMark) happened.push("mark");
      if (isCorrupted) happened.push("corrupt");
      if (isSteppedBack) happened.push("reorder");
      if (happened.length > 0) {
        const touch = held.touch = ++this.#touches;
        if (copy !== null) copy.touch = -touch;
        const delayUs = dueUs - nowUs;
        const touched = { frame, length, nowUs, faults: happened, reason: "chance", delayUs, touch } as const;
        held.segment = this.#watch.touched(touched, note);
      }
    }
    if (holdUs > 0) {
      // It alone waits: all others pass.
      this.#steppedBack.push({ held, overtakers: Infinity, untilUs: dueUs });
    } else if (isSteppedBack) {
      counts.reordered++;
      this.#steppedBack.push({ held, overtakers, untilUs: held.dueUs + STEP_BACK_US });
    } else {
      this.#line(held);
    }
    if (copy !== null) {
      counts.duplicated++;
      this.#line(copy);
    }
  }

  /** Tells that a frame goes no further. */
  #tellLost(
    frame: Uint8Array,
    about: { length: number; nowUs: number; note: number; reason: TouchedFrame["reason"] },
  ): void {
    if (this.#watch?.isWatched() !== true) return;
    const { length, nowUs, note, reason } = about;
    const touch = ++this.#touches;
    this.#watch.touched({ frame, length, nowUs, faults: LOST, reason, delayUs: 0, touch }, note);
  }

  /** Lets up to `most` frames that are due leave, in order; returns how many did. `end` may call `accept`. */
  release(nowUs: number, end: PathEnd, most = Infinity): number {
    this.#letGoOn(nowUs);
    let count = 0;
    while (count < most && this.#steps > 0) {
      const held = this.#held.shiftDue(nowUs);
      if (held === null) break;
      count++;
      this.#steps--;
      try {
        end(held.bytes, held.length, held.note, nowUs - held.takenUs, held.segment, held.touch);
      } finally {
        this.#held.giveBack(held);
      }
    }
    return count;
  }

  /** Forgets all frames under way. */
  clear(): void {
    this.#held.clear();
    for (const { held } of this.#steppedBack) this.#held.giveBack(held);
    this.#steppedBack.length = 0;
  }

  #hold(
    frame: Uint8Array,
    about: { length: number; dueUs: number; nowUs: number; note: number },
  ): HeldFrame | null {
    const held = this.#held.take(frame, about.length);
    if (held === null) {
      this.counts.overflowed++;
      return null;
    }
    held.dueUs = about.dueUs;
    held.takenUs = about.nowUs;
    held.note = about.note;
    held.segment = 0;
    held.touch = 0;
    return held;
  }

  /** Puts a frame in line behind all others, and those behind it that have let enough pass. */
  #line(held: HeldFrame): void {
    this.#append(held);
    if (this.#steppedBack.length === 0) return;
    for (const stepped of this.#steppedBack) stepped.overtakers--;
    this.#goOn((stepped) => stepped.overtakers <= 0);
  }

  /** No frame overtakes another but by stepping back: neither by jitter, nor by a copy. */
  #append(held: HeldFrame): void {
    if (held.dueUs < this.#lastDueUs) held.dueUs = this.#lastDueUs;
    this.#lastDueUs = held.dueUs;
    this.#held.push(held);
  }

  #letGoOn(nowUs: number): void {
    if (this.#steppedBack.length > 0) this.#goOn((stepped) => stepped.untilUs <= nowUs);
  }

  #goOn(isReady: (stepped: SteppedBack) => boolean): void {
    for (let i = 0; i < this.#steppedBack.length;) {
      const stepped = this.#steppedBack[i];
      if (isReady(stepped)) {
        this.#steppedBack.splice(i, 1);
        this.#append(stepped.held);
      } else {
        i++;
      }
    }
  }

  /**
   * When a frame that comes now has passed the rate: a token bucket that may be in debt (its queue); Infinity when the
   * queue is full.
   */
  #departure(length: number, nowUs: number): number {
    if (this.#usPerByte === 0) return nowUs;
    const fullUs = nowUs - RATE_BURST_BYTES * this.#usPerByte;
    const paidUs = Math.max(this.#rateUs, fullUs) + length * this.#usPerByte;
    if (paidUs - nowUs > this.#rateQueueUs) return Infinity;
    this.#rateUs = paidUs;
    return Math.max(nowUs, Math.ceil(paidUs));
  }
}
