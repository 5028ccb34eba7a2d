/**
 * SeenFrames: which frames of a capture are copies of earlier ones, by IPv4's identification: a router's `-i any` has each packet twice, and
 * so has what was put together from captures at both ends, some hundred frames apart.
 *
 * Owns: the last frame of each identification. Must not know: connections.
 *
 * What an end sends again has another identification; what is a copy has the same (RFC 6864 §4 asks for that of packets that may be cut,
 * and Linux, Windows and the BSDs count for all that they send). 0 says nothing: Linux writes it in a SYN, ACK and in RSTs.
 */
import type { SegmentOptions } from "../tcp/events.ts";

const IDENTIFICATIONS = 0x10000;
/** Local choice: within it no host sends so many packets that a number of 16 bits comes back. */
const SAME_FRAME_SECONDS = 1;

/** Local choice: who counts needs 65,536 packets to come round, who does not repeats itself at once. */
const SOON_FRAMES = 1000;

/** What a frame is known by. */
export interface Frame {
  readonly number: number;
  readonly time: number;
  readonly source: string;
  readonly destination: string;
  readonly flags: number;
  readonly seq: number;
  readonly ack: number;
  readonly length: number;
  readonly window: number;
  readonly options: SegmentOptions;
  readonly ipId?: number | undefined;
  /** VLAN ids, outermost first: what comes on another VLAN is of another connection. */
  readonly vlans?: readonly number[];
}

/** What a look at a frame has shown. */
export type FrameLook =
  | { readonly copyOf: number }
  /** Its sender gives different segments the same identification, which so says nothing. */
  | "repeats-ids"
  | null;

/** The frames that were seen last, in two megabytes. */
export class SeenFrames {
  readonly #numbers = new Float64Array(IDENTIFICATIONS);
  readonly #times = new Float64Array(IDENTIFICATIONS);
  readonly #seqs = new Uint32Array(IDENTIFICATIONS);
  readonly #acks = new Uint32Array(IDENTIFICATIONS);
  readonly #lengths = new Uint32Array(IDENTIFICATIONS);
  /** Flags, and the window above them. */
  readonly #words = new Uint32Array(IDENTIFICATIONS);
  readonly #stamps = new Float64Array(IDENTIFICATIONS);
  readonly #sources: (string | undefined)[] = [];
  readonly #destinations: (string | undefined)[] = [];
  readonly #vlans: (readonly number[] | undefined)[] = [];

  /** Looks at a frame, and keeps it. */
  look(frame: Frame): FrameLook {
    const { ipId: id = 0 } = frame;
    if (id === 0) return null;
    const isRecent = this.#sources[id] === frame.source && this.#destinations[id] === frame.destination &&
      Math.abs(frame.time - this.#times[id]) < SAME_FRAME_SECONDS &&
      areSame(this.#vlans[id] ?? NONE, frame.vlans ?? NONE);
    if (isRecent && this.#isSame(id, frame)) return { copyOf: this.#numbers[id] };
    const isSoon = isRecent && frame.number - this.#numbers[id] < SOON_FRAMES;
    this.#keep(id, frame);
    return isSoon ? "repeats-ids" : null;
  }

  #isSame(id: number, frame: Frame): boolean {
    return this.#seqs[id] === frame.seq && this.#acks[id] === frame.ack &&
      this.#lengths[id] === frame.length &&
      this.#words[id] === wordOf(frame) && this.#stamps[id] === stampOf(frame);
  }

  #keep(id: number, frame: Frame): void {
    this.#numbers[id] = frame.number;
    this.#times[id] = frame.time;
    this.#seqs[id] = frame.seq;
    this.#acks[id] = frame.ack;
    this.#lengths[id] = frame.length;
    this.#words[id] = wordOf(frame);
    this.#stamps[id] = stampOf(frame);
    this.#sources[id] = frame.source;
    this.#destinations[id] = frame.destination;
    this.#vlans[id] = frame.vlans;
  }
}

const NONE: readonly number[] = [];

function areSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((id, i) => id === other[i]);
}

function wordOf({ flags, window }: Frame): number {
  return (flags + window * 0x100) >>> 0;
}

/** Both timestamps in one number; -1 without. */
function stampOf({ options: { timestamps } }: Frame): number {
  return timestamps === undefined ? -1 : timestamps.value * 0x10_0000 + timestamps.echo % 0x10_0000;
}
