/**
 * Cable: two links joined by a wire that takes time, on which every segment has a number, and a fate that can be chosen.
 *
 * Owns: the numbers, the two directions with their faults, and that no two frames of a direction arrive at one instant. Must
 * not know: clocks (the time is asked of the caller's function), hosts, TCP beyond telling a segment from other frames.
 *
 * Whoever makes the same frames leave at the same times gets the same arrivals, whatever it is that runs it: all chance comes
 * of the seed. ARP takes no time and is spared, unless the faults say otherwise: a lesson on TCP is not to begin with it.
 */
import type { OnceFault } from "./fault_once.ts";
import type { FaultObserver } from "./fault_link.ts";
import { FaultPath, type FrameFault, type TouchedFrame } from "./fault_path.ts";
import { type FaultDirection, type FaultSpec, NO_FAULTS } from "./fault_spec.ts";
import { segmentIn } from "./frame_segment.ts";
import { emptyLinkStats, type FrameHandler, type FrameLink, type LinkStats } from "./link.ts";
import { PendingFaults } from "./pending_faults.ts";

/** Which end of the cable. */
export type CableSide = 0 | 1;

/** What a segment is, as it leaves. */
export interface SentFrame {
  readonly from: CableSide;
  /** Its sender's number for it, 0 for none. */
  readonly label: number;
  /** Bits of the header (wire/tcp.ts). */
  readonly flags: number;
  /** Payload octets. */
  readonly length: number;
}

/** Hears what becomes of each segment; `number` counts both directions, from 1, in the order in which they left. */
export interface CableWatch {
  /** A segment has been given to the cable. */
  sent(number: number, about: SentFrame): void;
  /** Something has been done to it on its way. */
  touched(
    number: number,
    about: { readonly faults: readonly FrameFault[]; readonly reason: TouchedFrame["reason"] },
  ): void;
  /** It is about to be handed up; a copy of it once more. */
  arriving(number: number): void;
}

/** What a cable is made of. */
export interface CableOptions {
  readonly nowUs: () => number;
  /** Largest IP packet in bytes (1500). */
  readonly mtu?: number;
  /** How long the wire is, microseconds; what the faults say of delays comes on top. */
  readonly delayUs?: number;
  /** Seen from end 1: `in` is what it receives. */
  readonly faults?: FaultSpec;
  readonly watch?: CableWatch | null;
  /** What is to happen to a segment, whatever the dice say; asked once for each. */
  readonly fateOf?: (number: number) => OnceFault | null;
}

/** A frame that takes no time. */
type SparedFrame = Uint8Array;

/** Local choice: an order on the wire that can be seen; far below any delay that matters. */
const APART_US = 1;
const DEFAULT_MTU = 1500;
const MACS = [Uint8Array.of(2, 0, 0, 0, 0, 0x0a), Uint8Array.of(2, 0, 0, 0, 0, 0x0b)] as const;
const NOTHING: FaultSpec = { seed: 1, in: NO_FAULTS, out: NO_FAULTS };

/** See the head of this file. */
export class Cable {
  /** The links of the two ends. */
  readonly ends: readonly [CableEnd, CableEnd];
  /** Told of frames that were touched, each by its index; a host's own observer, mostly. */
  readonly observers: [FaultObserver | null, FaultObserver | null] = [null, null];
  readonly #paths: readonly [FaultPath, FaultPath];
  readonly #nowUs: () => number;
  readonly #watch: CableWatch | null;
  readonly #fateOf: (number: number) => OnceFault | null;
  readonly #delayUs: number;
  readonly #pending = new PendingFaults();
  #faults: FaultSpec;
  #numbers = 0;
  /** Of the frame that is being sent. */
  #label = 0;
  #once: OnceFault | null = null;

  constructor(options: CableOptions) {
    this.#nowUs = options.nowUs;
    this.#watch = options.watch ?? null;
    this.#fateOf = options.fateOf ?? (() => null);
    this.#delayUs = options.delayUs ?? 0;
    this.#faults = options.faults ?? NOTHING;
    this.#paths = [this.#path(0), this.#path(1)];
    const mtu = options.mtu ?? DEFAULT_MTU;
    this.ends = [new CableEnd(this, { side: 0, mtu }), new CableEnd(this, { side: 1, mtu })];
  }

  /** What is done to frames now, without the wire's own length. */
  get faults(): FaultSpec {
    return this.#faults;
  }

  /** Does this from now on, as from its seed's beginning; what is under way arrives as it was to. */
  setFaults(faults: FaultSpec): void {
    this.#faults = faults;
    for (const from of [0, 1] as const) {
      this.#paths[from].change(this.#directionFrom(from), { seed: faults.seed, stream: from });
    }
  }

  /** Does something to one segment that is still to come. Throws an Error, one line, where too many such wait. */
  addOnce(fault: OnceFault): void {
    this.#pending.add(fault);
  }

  /** One-shot faults that wait, as they were written. */
  get pending(): readonly string[] {
    return this.#pending.texts;
  }

  /** Forgets the one-shot faults that wait. */
  clearOnce(): void {
    this.#pending.clear();
  }

  /** The time on the clock that the cable was given. */
  nowUs(): number {
    return this.#nowUs();
  }

  /** Frames under way. */
  get underWay(): number {
    return this.#paths[0].held + this.#paths[1].held;
  }

  /** Takes a frame of one end. */
  accept(
    from: CableSide,
    frame: { readonly bytes: Uint8Array; readonly length: number; readonly label: number },
  ): void {
    const { bytes, length, label } = frame;
    const to = other(from);
    const path = this.#paths[from];
    if (path.isSpared(bytes, length)) {
      this.ends[to].take(bytes.slice(0, length));
      return;
    }
    const found = segmentIn(bytes, length);
    const number = found === null ? 0 : ++this.#numbers;
    this.#label = label;
    if (found !== null) {
      const { flags, payloadLength } = found.segment;
      this.#watch?.sent(number, { from, label, flags, length: payloadLength });
    }
    this.#once = number === 0
      ? null
      : this.#fateOf(number) ?? this.#pending.take(from === 0 ? "in" : "out", bytes, length);
    path.accept(bytes, length, this.#nowUs(), number, this.#once);
    this.#label = 0;
    this.#once = null;
  }

  /** Hands what is due to an end up to it, `most` at most; returns how many. */
  deliver(to: CableSide, about: { readonly handler: FrameHandler; readonly most: number }): number {
    const nowUs = this.#nowUs();
    return this.#paths[other(to)].release(nowUs, (bytes, length, number, _heldUs, segment, touch) => {
      if (segment !== 0) this.observers[to]?.handsUp(segment);
      if (number !== 0) this.#watch?.arriving(number);
      about.handler(bytes, length, nowUs, touch);
    }, about.most);
  }

  /** When the next frame is due at an end, microseconds; Infinity when none is under way to it. */
  nextDueUs(to: CableSide): number {
    return this.#paths[other(to)].nextDueUs;
  }

  #directionFrom(from: CableSide): FaultDirection {
    const direction = from === 0 ? this.#faults.in : this.#faults.out;
    return { ...direction, delayUs: direction.delayUs + this.#delayUs };
  }

  #path(from: CableSide): FaultPath {
    const watch = {
      isWatched: () => true,
      touched: (touched: Omit<TouchedFrame, "direction" | "capturedUs" | "label">, number: number) =>
        this.#touched(from, { touched, number }),
    };
    return new FaultPath(this.#directionFrom(from), { seed: this.#faults.seed, stream: from, watch });
  }

  /** Both ends are told, each in its own terms. That the wire is long is no fault. */
  #touched(
    from: CableSide,
    about: { touched: Omit<TouchedFrame, "direction" | "capturedUs" | "label">; number: number },
  ): number {
    const { touched, number } = about;
    const isHeld = this.#once?.action === "hold";
    const faults = touched.faults.filter((fault) => fault !== "delay" || isHeld);
    if (faults.length === 0) return 0;
    if (number !== 0) this.#watch?.touched(number, { faults, reason: touched.reason });
    const told = { ...touched, faults };
    this.observers[from]?.touched({ ...told, direction: "out", capturedUs: 0, label: this.#label });
    const receiver = this.observers[other(from)];
    return receiver?.touched({ ...told, direction: "in", capturedUs: touched.nowUs, label: 0 }) ?? 0;
  }
}

/** One end of a {@link Cable}: what a host sends on and receives from. */
export class CableEnd implements FrameLink {
  readonly name: string;
  readonly mtu: number;
  readonly mac: Uint8Array;
  readonly maxPacketBytes: number;
  readonly isCrowded = false;
  readonly #cable: Cable;
  readonly #side: CableSide;
  readonly #spared: SparedFrame[] = [];
  readonly #stats = emptyLinkStats();
  /** Before this no other frame arrives. */
  #freeUs = -Infinity;

  /** Made by {@link Cable}. */
  constructor(cable: Cable, about: { readonly side: CableSide; readonly mtu: number }) {
    this.#cable = cable;
    this.#side = about.side;
    this.name = `cable:${about.side}`;
    this.mac = MACS[about.side];
    this.mtu = about.mtu;
    this.maxPacketBytes = about.mtu;
  }

  /** Takes a frame that needs no time. */
  take(frame: Uint8Array): void {
    this.#spared.push(frame);
  }

  /** When the next frame is due here, microseconds: now, where one waits that takes no time. */
  nextDueUs(): number {
    if (this.#spared.length > 0) return this.#cable.nowUs();
    return Math.max(this.#cable.nextDueUs(this.#side), this.#freeUs);
  }

  receive(handler: FrameHandler, budget: number): number {
    if (budget <= 0) return 0;
    const nowUs = this.#cable.nowUs();
    const count = (frame: Uint8Array, length: number, capturedUs: number, touch?: number) => {
      this.#stats.framesIn++;
      this.#stats.bytesIn += length;
      handler(frame, length, capturedUs, touch);
    };
    const frame = this.#spared.shift();
    if (frame !== undefined) {
      count(frame, frame.length, nowUs);
      return 1;
    }
    if (nowUs < this.#freeUs) return 0;
    const taken = this.#cable.deliver(this.#side, { handler: count, most: 1 });
    if (taken > 0) this.#freeUs = nowUs + APART_US;
    return taken;
  }

  send(frame: Uint8Array, length: number, _cutBytes = 0, label = 0): void {
    if (length > frame.length) {
      this.#stats.sendErrors++;
      return;
    }
    this.#stats.framesOut++;
    this.#stats.bytesOut += length;
    this.#cable.accept(this.#side, { bytes: frame, length, label });
  }

  flush(): void {}

  wait(): Promise<void> {
    return Promise.resolve();
  }

  wake(): void {}

  stats(): LinkStats {
    return { ...this.#stats };
  }

  close(): void {
    this.#spared.length = 0;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function other(side: CableSide): CableSide {
  return side === 0 ? 1 : 0;
}
