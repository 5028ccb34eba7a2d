/**
 * ConnectionWatch: what is remembered about a connection for those who observe it, and only for them.
 *
 * Owns: the numbers of its segments that are still of interest, and the figures and deadlines that were told last. Must not
 * know: what events look like, or who observes.
 */
import type { TimerName } from "../tcp/events.ts";
import { type SampleFigures, sampleFigures } from "../tcp/info.ts";
import type { Tcb } from "../tcp/tcb.ts";
import { SentSegments } from "./sent_segments.ts";

/** Deadlines that a connection has, each at most once; `retransmit` stands for RTO, tail loss probe, reordering and persist. */
const SLOTS = ["retransmit", "delayed-ack", "keep-alive", "lifetime"] as const;

/** What has become of a deadline. */
export interface TimerNews {
  readonly timer: TimerName;
  readonly action: "armed" | "fired" | "stopped";
  /** When it is due, where it is armed. */
  readonly dueUs: number;
}

interface RunningTimer {
  readonly timer: TimerName;
  readonly dueUs: number;
}

/** See the head of this file. */
export class ConnectionWatch {
  /** In which observation it was made: what another one left behind does not count. */
  readonly era: number;
  /** Number that an event has given to the next segment to be sent; 0 where none has. */
  announced = 0;
  readonly sent: SentSegments = new SentSegments();
  #figures: SampleFigures | null = null;
  /** By slot; made when they are asked for. */
  #timers: (RunningTimer | null)[] | null = null;

  constructor(era: number) {
    this.era = era;
  }

  /** The figures now, where one of them is another than when they were asked for last; else null. */
  newFigures(tcb: Tcb): SampleFigures | null {
    const now = sampleFigures(tcb);
    const last = this.#figures;
    if (last !== null && isSame(last, now)) return null;
    this.#figures = now;
    return now;
  }

  /** The deadlines that are due at `nowUs`; they count as stopped from then on. */
  firedTimers(tcb: Tcb, nowUs: number): TimerNews[] {
    const news: TimerNews[] = [];
    const timers = this.#timers ??= SLOTS.map(() => null);
    SLOTS.forEach((slot, place) => {
      const running = runningTimer(tcb, slot);
      if (running === null || running.dueUs > nowUs) return;
      news.push({ ...running, action: "fired" });
      timers[place] = null;
    });
    return news;
  }

  /** What has become of deadlines since this was asked last. */
  changedTimers(tcb: Tcb): TimerNews[] {
    const news: TimerNews[] = [];
    const timers = this.#timers ??= SLOTS.map(() => null);
    SLOTS.forEach((slot, place) => {
      const last = timers[place];
      const now = tcb.ended === null ? runningTimer(tcb, slot) : null;
      if (last?.timer === now?.timer && last?.dueUs === now?.dueUs) return;
      timers[place] = now;
      if (last !== null && last.timer !== now?.timer) news.push({ ...last, action: "stopped" });
      if (now !== null) news.push({ ...now, action: "armed" });
    });
    return news;
  }
}

function runningTimer(tcb: Tcb, slot: typeof SLOTS[number]): RunningTimer | null {
  const [timer, dueUs] = slotOf(tcb, slot);
  return dueUs === Infinity ? null : { timer, dueUs };
}

function slotOf(tcb: Tcb, slot: typeof SLOTS[number]): [TimerName, number] {
  switch (slot) {
    case "retransmit":
      return [tcb.timerKind, tcb.timerDueUs];
    case "delayed-ack":
      return ["delayed-ack", tcb.delayedAckUs];
    case "keep-alive":
      return ["keep-alive", tcb.keepAliveUs];
    case "lifetime":
      return [tcb.state === "TIME_WAIT" ? "time-wait" : "fin-wait-2", tcb.lifetimeUs];
  }
}

function isSame(a: SampleFigures, b: SampleFigures): boolean {
  return a.cwnd === b.cwnd && a.ssthresh === b.ssthresh && a.inFlight === b.inFlight &&
    a.srttUs === b.srttUs &&
    a.rtoUs === b.rtoUs && a.sndWnd === b.sndWnd && a.rcvWnd === b.rcvWnd;
}
