/**
 * faultLink: a link decorator that makes a good link bad on purpose: loss, copies, disorder, damage, delay, a narrow
 * pipe; each direction by itself, and the same way every time for the same seed.
 *
 * Owns: which frames take the bad path, and that those under way arrive when they are due, whoever drives the link.
 * Must not know: clocks (the time is asked of the caller's function), TCP.
 */
import type { OnceFault } from "./fault_once.ts";
import { type FaultCounts, FaultPath, type TouchedFrame } from "./fault_path.ts";
import { type FaultSpec, isFaultless } from "./fault_spec.ts";
import type { FrameHandler, FrameLink } from "./link.ts";
import { ignoreFrame, LinkOver } from "./link_over.ts";
import { FrameCutter } from "./merged_frames.ts";
import { PendingFaults } from "./pending_faults.ts";

/** Hears of every frame that the link has touched; must not throw. */
export interface FaultObserver {
  /** Whether anybody is to hear of what happens now; else nothing is put together, and nothing told. */
  isWatched(): boolean;
  /**
   * A frame has been touched: one that came in before anybody else has seen it, one that goes out after it was given to
   * the link and before a tap above hears of it. Returns a number by which {@link FaultObserver.handsUp} knows the frame
   * again, 0 for none.
   */
  touched(touched: TouchedFrame): number;
  /** A frame that came in and was given a number is the next to be handed up; a copy of it has none. */
  handsUp(number: number): void;
}

/** What a bad link is made of. */
interface FaultLinkOptions {
  readonly faults: FaultSpec;
  /** Microseconds on the clock by which frames are delayed; never goes back. */
  readonly nowUs: () => number;
  readonly observer?: FaultObserver;
  /**
   * Calls back after so many microseconds unless what it returns is called before. With it a wait ends in time also on a
   * link that ends one for a frame or a wake alone, as one in memory does.
   */
  readonly after?: (us: number, call: () => void) => () => void;
}

/** Streams of the seed, one a direction. */
const STREAM = { IN: 0, OUT: 1 } as const;

/**
 * Puts faults on a link; see {@link FaultLink}. The link's `maxPacketBytes` becomes its `mtu` where the way out is bad:
 * each packet of the wire is to have a fate of its own.
 */
export function faultLink(link: FrameLink, options: FaultLinkOptions): FaultLink {
  return new FaultLink(link, options);
}

/**
 * A link with faults. `receive`, `send`, `flush` and `wait` let frames go on that are due, and `wait` returns in time for
 * the next; a caller with a clock of its own drives it by `nextDueUs` and `release`. Owns the link below.
 */
export class FaultLink extends LinkOver {
  readonly #nowUs: () => number;
  /** Null as long as nothing was to happen in that direction: then no frame passes through anything. */
  #in: FaultPath | null = null;
  #out: FaultPath | null = null;
  #faults: FaultSpec;
  readonly #pending = new PendingFaults();
  #isPaused = false;
  /** The end of the wait under way, or -Infinity: frames that are due before it have to end it. */
  #waitsUntilUs = -Infinity;
  #spared = 0;
  #onDeparture: (() => void) | null = null;
  /** Whether departures are told here. */
  #isTelling = false;
  readonly #cutter: FrameCutter;
  readonly #observer: FaultObserver | null;
  readonly #after: FaultLinkOptions["after"];
  /** When the frame that is being cut was captured. */
  #capturedUs = 0;
  /** Of the frame that is being sent. */
  #label = 0;

  /** Made by {@link faultLink}. */
  constructor(link: FrameLink, options: FaultLinkOptions) {
    const { faults, nowUs } = options;
    super(link);
    this.#nowUs = nowUs;
    this.#cutter = new FrameCutter(link.mtu);
    this.#observer = options.observer ?? null;
    this.#after = options.after;
    this.#faults = faults;
    if (!isFaultless(faults.in)) this.#in = this.#path("in");
    if (!isFaultless(faults.out)) this.#out = this.#path("out");
  }

  #path(direction: "in" | "out"): FaultPath {
    const observer = this.#observer;
    return new FaultPath(this.#faults[direction], {
      seed: this.#faults.seed,
      stream: direction === "in" ? STREAM.IN : STREAM.OUT,
      watch: observer === null ? null : {
        isWatched: () => observer.isWatched(),
        touched: (touched, note) =>
          observer.touched(
            direction === "in"
              ? { ...touched, direction, capturedUs: note, label: 0 }
              : { ...touched, direction, capturedUs: 0, label: this.#label },
          ),
      },
    });
  }

  /** What is done to frames now. */
  get faults(): FaultSpec {
    return this.#faults;
  }

  /** Does this to frames from now on, as from its seed's beginning; those under way arrive when they were to. */
  setFaults(faults: FaultSpec): void {
    this.#faults = faults;
    const { seed } = faults;
    if (this.#in !== null) this.#in.change(faults.in, { seed, stream: STREAM.IN });
    else if (!isFaultless(faults.in)) this.#in = this.#path("in");
    if (this.#out !== null) this.#out.change(faults.out, { seed, stream: STREAM.OUT });
    else if (!isFaultless(faults.out)) this.#out = this.#path("out");
    this.#followDepartures();
    this.link.wake();
  }

  /** Does something to one frame that is still to come. Throws an Error, one line, where too many such wait. */
  addOnce(fault: OnceFault): void {
    this.#pending.add(fault);
    if (fault.direction !== "out") this.#in ??= this.#path("in");
    if (fault.direction !== "in") this.#out ??= this.#path("out");
    this.#followDepartures();
  }

  /** One-shot faults that wait, as they were written, the oldest first. */
  get pending(): readonly string[] {
    return this.#pending.texts;
  }

  /** Forgets the one-shot faults that wait. */
  clearOnce(): void {
    this.#pending.clear();
    this.#followDepartures();
  }

  /** Whether frames that come in wait for {@link FaultLink.step}. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Frames that came in and wait, for their time or for a step. */
  get waiting(): number {
    return this.#in?.held ?? 0;
  }

  /** Hands up nothing any more that comes in, ARP and neighbor discovery excepted; what goes out goes, and time goes on. */
  pause(): void {
    this.#isPaused = true;
    this.#in ??= this.#path("in");
    this.#in.pause();
  }

  /** Hands up one of the frames that wait, or the next that comes. */
  step(): void {
    if (!this.#isPaused) return;
    this.#in?.step();
    this.link.wake();
  }

  /** Hands up all that waits, and what comes. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#in?.resume();
    this.link.wake();
  }

  /** Whether frames of a direction have to pass through its path now. */
  #isDisturbed(path: FaultPath | null, direction: "in" | "out"): path is FaultPath {
    return path !== null && (!path.isIdle || this.#pending.waitsFor(direction));
  }

  override get maxPacketBytes(): number {
    return this.#isDisturbed(this.#out, "out") ? this.link.mtu : this.link.maxPacketBytes;
  }

  /** What was done to frames so far, by direction; null for one that is left alone. A snapshot. */
  faultCounts(): { in: FaultCounts | null; out: FaultCounts | null } {
    return {
      in: this.#in === null ? null : { ...this.#in.counts },
      out: this.#out === null ? null : { ...this.#out.counts },
    };
  }

  /** When the next frame under way is due, in either direction, microseconds; Infinity when none is. */
  nextDueUs(): number {
    return Math.min(this.#in?.nextDueUs ?? Infinity, this.#out?.nextDueUs ?? Infinity);
  }

  /** Sends on what is due on the way out; what is due on the way in waits for `receive`. */
  release(nowUs: number): void {
    this.#out?.release(nowUs, this.#send);
  }

  override receive(handler: FrameHandler, budget: number): number {
    const nowUs = this.#nowUs();
    this.release(nowUs);
    const path = this.#in;
    if (!this.#isDisturbed(path, "in")) return this.link.receive(handler, budget);
    this.handler = handler;
    this.#spared = 0;
    try {
      // First what is due already: new frames are taken only as fast as they can be handed up.
      const count = path.release(nowUs, this.#handUp, budget);
      if (count === budget) return count;
      const taken = this.link.receive(this.#take, budget - count);
      const rest = budget - count - this.#spared;
      const handedUp = this.#spared + path.release(this.#nowUs(), this.#handUp, rest);
      // Those that were lost here were waiting as well.
      return count + Math.max(taken, handedUp);
    } finally {
      this.handler = ignoreFrame;
    }
  }

  override send(frame: Uint8Array, length: number, cutBytes = 0, label = 0): void {
    const path = this.#out;
    const isDisturbed = this.#isDisturbed(path, "out");
    if (!isDisturbed || path.isSpared(frame, length)) {
      if (isDisturbed) this.#onDeparture?.();
      else if (this.#isTelling) this.#followDepartures();
      this.link.send(frame, length, cutBytes, label);
      return;
    }
    const nowUs = this.#nowUs();
    this.#label = label;
    this.#followDepartures();
    // Its maker may not have heard yet that each packet of the wire is to have a fate of its own.
    this.#cutter.mtu = this.link.mtu;
    this.#cutter.mostPayload = cutBytes > 0 ? cutBytes : Infinity;
    if (cutBytes === 0 || !this.#cutter.cut(frame, length, this.#sendPacket)) {
      path.accept(frame, length, nowUs, cutBytes, this.#pending.take("out", frame, length));
    }
    // What has been done to it is told before: who listens in hears of both in one order, whoever else does.
    this.#onDeparture?.();
    path.release(nowUs, this.#send);
    // Somebody sends while the pump sleeps: it has to get up when this frame is due.
    if (path.nextDueUs < this.#waitsUntilUs) this.link.wake();
  }

  override flush(): void {
    this.release(this.#nowUs());
    this.link.flush();
  }

  override async wait(timeoutMs: number): Promise<void> {
    const nowUs = this.#nowUs();
    this.release(nowUs);
    this.link.flush();
    const dueMs = (this.nextDueUs() - nowUs) / 1000;
    if (dueMs <= 0) return;
    const boundMs = Math.min(timeoutMs, dueMs);
    this.#waitsUntilUs = nowUs + boundMs * 1000;
    const cancel = boundMs === Infinity ? undefined : this.#after?.(boundMs * 1000, () => this.link.wake());
    try {
      await this.link.wait(boundMs);
    } finally {
      cancel?.();
      this.#waitsUntilUs = -Infinity;
    }
  }

  /** A frame that takes the bad path leaves when it is sent: what the path does to it comes later. */
  override get onDeparture(): (() => void) | null {
    return this.#onDeparture;
  }

  override set onDeparture(called: (() => void) | null) {
    this.#onDeparture = called;
    this.#followDepartures();
  }

  /** Whoever is told of departures is told here while the way out is bad, else by the link below. */
  #followDepartures(): void {
    this.#isTelling = this.#isDisturbed(this.#out, "out");
    // Without a bad way out ever, and nobody to tell, the link is left as it was.
    this.link.onDeparture = this.#isTelling ? null : this.#onDeparture;
  }

  /** Frames under way are lost. */
  override close(): void {
    this.#in?.clear();
    this.#out?.clear();
    this.link.close();
  }

  readonly #take: FrameHandler = (frame, length, capturedUs) => {
    const path = this.#in;
    if (path === null || path.isSpared(frame, length)) {
      this.#spared++;
      this.handler(frame, length, capturedUs);
      return;
    }
    this.#capturedUs = capturedUs;
    // What a device has merged is many packets, each with a fate of its own.
    this.#cutter.mtu = this.link.mtu;
    this.#cutter.mostPayload = Infinity;
    if (!this.#cutter.cut(frame, length, this.#takePacket)) this.#takePacket(frame, length);
  };

  readonly #takePacket = (frame: Uint8Array, length: number) => {
    const once = this.#pending.take("in", frame, length);
    this.#in?.accept(frame, length, this.#nowUs(), this.#capturedUs, once);
  };

  readonly #sendPacket = (frame: Uint8Array, length: number) => {
    this.#out?.accept(frame, length, this.#nowUs(), 0, this.#pending.take("out", frame, length));
  };

  /** The time of capture becomes that of the arrival behind the bad path. */
  readonly #handUp = (
    frame: Uint8Array,
    length: number,
    capturedUs: number,
    heldUs: number,
    segment: number,
    touch: number,
  ) => {
    if (segment !== 0) this.#observer?.handsUp(segment);
    this.handler(frame, length, capturedUs + heldUs, touch);
  };

  readonly #send = (frame: Uint8Array, length: number, cutBytes: number) => {
    this.link.send(frame, length, cutBytes);
  };
}
