/**
 * Times of steps: when one is due, and whether something happened in time.
 *
 * Owns: how the forms of time become microseconds since the beginning, and the tolerance, as packetdrill has it. Must not know: what
 * happens at a time.
 */
import type { StepTime } from "./values.ts";

/** When a step is due, microseconds since the beginning. `fromUs` is null for `*`: whenever it happens. */
export interface DueTime {
  readonly fromUs: number | null;
  readonly untilUs: number | null;
  /** When a call that blocks has to return; null where the step does not say that it blocks. */
  readonly endUs: number | null;
  /** What relative times of the step count from; 0 for absolute ones. */
  readonly baseUs: number;
}

/** Microseconds; of the two the larger counts. */
export interface Tolerance {
  readonly us: number;
  /** Of the time since the step before. */
  readonly percent: number;
}

/** Counts a time from `baseUs`, where it is relative. */
export function dueTime(time: StepTime, baseUs: number): DueTime {
  const base = time.base === "relative" ? baseUs : 0;
  if (time.base === "any" || time.fromUs === null) {
    return { fromUs: null, untilUs: null, endUs: null, baseUs: base };
  }
  return {
    fromUs: base + time.fromUs,
    untilUs: base + (time.untilUs ?? time.fromUs),
    endUs: time.endUs === null ? null : base + time.endUs,
    baseUs: base,
  };
}

/** How far off its time a step may be, when the one before it was due at `beforeUs` (null for the first). */
export function toleranceUs(tolerance: Tolerance, dueUs: number, beforeUs: number | null): number {
  if (beforeUs === null) return tolerance.us;
  return Math.max(tolerance.us, Math.trunc((tolerance.percent / 100) * (dueUs - beforeUs)));
}

/** A time as scripts write it: `0.123456`. */
export function secondsText(us: number): string {
  return (us / 1e6).toFixed(6);
}

/** What is wrong with the time at which `what` happened, in words; null when it was in time. */
export function timeFault(
  due: { readonly fromUs: number; readonly untilUs: number; readonly slackUs: number },
  happenedUs: number,
  what: string,
): string | null {
  const { fromUs, untilUs, slackUs } = due;
  if (happenedUs >= fromUs - slackUs && happenedUs <= untilUs + slackUs) return null;
  const expected = fromUs === untilUs
    ? `at ${secondsText(fromUs)}`
    : `between ${secondsText(fromUs)} and ${secondsText(untilUs)}`;
  const isEarly = happenedUs < fromUs;
  const offMs = (isEarly ? fromUs - happenedUs : happenedUs - untilUs) / 1000;
  return `${what} ${isEarly ? "too early" : "too late"}: expected ${expected} s, came at ${
    secondsText(happenedUs)
  } s, ${offMs} ms off (tolerance ${slackUs / 1000} ms)`;
}
