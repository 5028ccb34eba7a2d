/**
 * The one source of time: a monotonic microsecond clock, its offset to the wall clock, and one-shot timers.
 *
 * Owns: reading `performance`, what the times of captures are on it, and the virtual clock that tests and hand-driven hosts use in its place.
 * Must not know: who keeps which deadline. Everything below `runtime/` gets time as an argument.
 */
import { readSystemClocks, WallOffset } from "./wall_offset.ts";

/** Where time comes from. All figures are microseconds. */
export interface Clock {
  /** Microseconds since the clock's origin; never goes back; an integer. */
  nowUs(): number;
  /** Wall-clock microseconds since 1970 at `nowUs() === 0`. */
  readonly epochUs: number;
  /**
   * When a frame was captured, on this clock, which said `nowUs` a moment ago; an integer. `wallUs` is what the link says:
   * microseconds since 1970 by the wall clock of now, also if that was set meanwhile.
   */
  capturedUs(wallUs: number, nowUs: number): number;
  /**
   * Calls `callback` once, `delayUs` or more from now (Infinity: never). Returns what cancels it; cancelling
   * twice, or after the call, does nothing.
   */
  after(delayUs: number, callback: () => void): () => void;
  /** As `after`, but the process need not live on for it; absent where time does not hang on a process. */
  afterIfAlive?(delayUs: number, callback: () => void): () => void;
  /** Holds the process until what is returned is called; absent where time does not hang on a process. */
  holdProcess?(): () => void;
}

/** The longest delay that a timer of the platform takes, in ms (a signed 32-bit field). */
const MAX_TIMER_MS = 0x7fff_ffff;

/** Local choice: the year 2000; what says less is no wall clock. */
const EARLIEST_WALL_US = 946_684_800_000_000;

const nothing = (): void => {};

function platformDelayMs(delayUs: number): number {
  return Math.min(Math.max(0, Math.ceil(delayUs / 1000)), MAX_TIMER_MS);
}

/**
 * The machine's own clock. The offset to the wall clock is taken once: a later step of the wall clock does not
 * move the time of events, so that their order and their distances stay true (local choice). Times of captures, which
 * are the wall clock's, step with it; they are converted by the offset of the moment.
 *
 * ```ts
 * import { systemClock } from "@tcplab/tcplab";
 *
 * const clock = systemClock();
 * await new Promise<void>((resolve) => clock.after(1000, resolve));
 * console.log(`${clock.nowUs()} us since the origin, ${new Date((clock.epochUs + clock.nowUs()) / 1000)}`);
 * ```
 */
export function systemClock(): Clock {
  const nowUs = () => Math.trunc(performance.now() * 1000);
  const offset = new WallOffset({ read: readSystemClocks, monotonicUs: nowUs });
  return {
    epochUs: offset.us,
    nowUs,
    // Links without a wall clock of their own tell other times: nothing is known of those.
    capturedUs: (wallUs, seenUs) => wallUs < EARLIEST_WALL_US ? seenUs : offset.monotonicOf(wallUs, seenUs),
    after(delayUs, callback) {
      if (delayUs === Infinity) return nothing;
      const timer = setTimeout(callback, platformDelayMs(delayUs));
      return () => clearTimeout(timer);
    },
    afterIfAlive(delayUs, callback) {
      if (delayUs === Infinity) return nothing;
      const timer = setTimeout(callback, platformDelayMs(delayUs));
      // Elsewhere the process is a page, which lives as long as its reader wants.
      if (typeof Deno !== "undefined") Deno.unrefTimer(timer);
      return () => clearTimeout(timer);
    },
    holdProcess() {
      const timer = setInterval(nothing, MAX_TIMER_MS);
      return () => clearInterval(timer);
    },
  };
}

/**
 * A clock that moves only when it is told to.
 *
 * ```ts
 * import { VirtualClock } from "@tcplab/tcplab";
 *
 * const clock = new VirtualClock();
 * let rang = false;
 * clock.after(1_000_000, () => rang = true);
 * clock.advance(999_999);
 * if (rang) throw new Error("too early");
 * clock.advance(1);
 * if (!rang) throw new Error("too late");
 * ```
 */
export class VirtualClock implements Clock {
  readonly epochUs: number;
  #nowUs: number;
  #timers: { readonly atUs: number; readonly callback: () => void }[] = [];

  /** `nowUs`: its first time (0); `epochUs`: wall clock at time 0 (0). */
  constructor(options: { readonly nowUs?: number; readonly epochUs?: number } = {}) {
    this.#nowUs = options.nowUs ?? 0;
    this.epochUs = options.epochUs ?? 0;
  }

  nowUs(): number {
    return this.#nowUs;
  }

  /** No wall clock belongs to this one: a frame is captured when it is taken. */
  capturedUs(_wallUs: number, nowUs: number): number {
    return nowUs;
  }

  after(delayUs: number, callback: () => void): () => void {
    if (delayUs === Infinity) return nothing;
    const timer = { atUs: this.#nowUs + Math.max(0, delayUs), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** When the next timer is due; Infinity when there is none. */
  get nextTimerUs(): number {
    return this.#timers.reduce((earliest, timer) => Math.min(earliest, timer.atUs), Infinity);
  }

  /** Moves time on by `us`, and calls the timers that fall due on the way, each at its own time, in order. */
  advance(us: number): void {
    this.advanceTo(this.#nowUs + us);
  }

  /** Moves time on to `targetUs`; does nothing when that is past. */
  advanceTo(targetUs: number): void {
    for (;;) {
      const dueUs = this.nextTimerUs;
      if (dueUs > targetUs) break;
      const timer = this.#timers.find((candidate) => candidate.atUs === dueUs);
      if (timer === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== timer);
      this.#nowUs = Math.max(this.#nowUs, dueUs);
      timer.callback();
    }
    this.#nowUs = Math.max(this.#nowUs, targetUs);
  }
}
