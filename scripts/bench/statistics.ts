/**
 * The little statistics that a benchmark of a few rounds can bear: medians, spreads, ratios within a round.
 *
 * Owns: how samples become one number. Must not know: what they are samples of.
 */
import type { FigureId, Offloads, Sample } from "./model.ts";

/** What some rounds say about one figure of one server. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly count: number;
}

/** The middle of the values; of an even number, the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return NaN;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median and extremes; null of no values. */
export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  return {
    median: median(values),
    least: Math.min(...values),
    most: Math.max(...values),
    count: values.length,
  };
}

/** How far the extremes lie from the median, as a share of it (0.1 is 10 %). */
export function relativeSpread(spread: Spread): number {
  if (spread.median === 0) return 0;
  return Math.max(spread.most - spread.median, spread.median - spread.least) / Math.abs(spread.median);
}

/** Picks samples: those of one figure of one server in one setting. */
interface Choice {
  readonly figure: FigureId;
  readonly contestant: string;
  readonly offloads: Offloads;
}

/** Values by round. */
function valuesByRound(samples: readonly Sample[], choice: Choice): Map<number, number> {
  return new Map(
    samples.filter((sample) =>
      sample.figure === choice.figure && sample.contestant === choice.contestant &&
      sample.offloads === choice.offloads
    ).map((sample) => [sample.round, sample.value]),
  );
}

/** Median and extremes of one figure; null where it was not measured. */
export function summarize(samples: readonly Sample[], choice: Choice): Spread | null {
  return spreadOf([...valuesByRound(samples, choice).values()]);
}

/**
 * One figure over another, from rounds that have both: each ratio is of two values measured minutes apart on the same
 * machine, so that a drift of the machine falls out. Null where no round has both.
 */
export function ratioOf(samples: readonly Sample[], choice: Choice, over: Choice): Spread | null {
  const below = valuesByRound(samples, over);
  const ratios: number[] = [];
  for (const [round, value] of valuesByRound(samples, choice)) {
    const other = below.get(round);
    if (other !== undefined && other !== 0) ratios.push(value / other);
  }
  return spreadOf(ratios);
}
