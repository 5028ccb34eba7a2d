/**
 * Values of options: text to numbers, durations, sizes, words, addresses.
 *
 * Owns: what each kind of value may look like, and the line that says so when it does not.
 * Must not know: which command asks.
 */
import { nearestName } from "../observe/nearest_name.ts";
import { UsageError } from "./command.ts";

/** Where a value came from: the option's name without dashes, and the text. */
export interface GivenValue {
  readonly option: string;
  readonly text: string;
}

/** The error for a value that is not as it should be: names the option, the value and what was expected. */
export function badValue(given: GivenValue, expected: string): UsageError {
  return new UsageError(`--${given.option} ${given.text}: expected ${expected}`);
}

/** The name of a file, where standard output is none. */
export function parseFileName(given: GivenValue): string {
  if (given.text !== "-") return given.text;
  throw badValue(
    given,
    "a FILE: - is standard output for --write of serve and connect alone; a file of that name is ./-",
  );
}

/** A whole number in decimal between `least` and `most`. */
export function parseCount(
  given: GivenValue,
  bounds: { least: number; most: number; what?: string },
): number {
  const value = /^\d{1,15}$/.test(given.text) ? Number(given.text) : NaN;
  if (value >= bounds.least && value <= bounds.most) return value;
  throw badValue(given, `${bounds.what ?? "a whole number"} from ${bounds.least} to ${bounds.most}`);
}

/** A TCP port that can be listened on. */
export function parsePort(given: GivenValue): number {
  return parseCount(given, { least: 1, most: 0xffff, what: "a port" });
}

/** One of a few words. */
export function parseChoice<Choice extends string>(given: GivenValue, choices: readonly Choice[]): Choice {
  for (const choice of choices) if (choice === given.text) return choice;
  const nearest = nearestName(given.text, choices);
  const hint = nearest === null ? "" : ` (did you mean ${nearest}?)`;
  throw badValue(given, `one of ${choices.join(", ")}${hint}`);
}

const UNITS_US: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
};

/** Bounds of a duration in microseconds, and the unit of a number without one. */
export interface DurationBounds {
  readonly leastUs: number;
  readonly mostUs: number;
  readonly bareUnit: "s" | "ms";
}

/** A duration in microseconds from `2`, `0.5`, `200ms`, `2s`, `1m`; rounded to a microsecond. */
export function parseDurationUs(given: GivenValue, bounds: DurationBounds): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)(us|ms|s|m|h)?$/.exec(given.text);
  const value = match === null ? NaN : Math.round(Number(match[1]) * UNITS_US[match[2] ?? bounds.bareUnit]);
  if (value >= bounds.leastUs && value <= bounds.mostUs) return value;
  const unit = bounds.bareUnit === "s" ? "seconds" : "milliseconds";
  const range = `from ${durationText(bounds.leastUs)} to ${durationText(bounds.mostUs)}`;
  throw badValue(given, `${unit} (or a number with us, ms, s, m or h) ${range}`);
}

function durationText(us: number): string {
  for (const unit of ["h", "m", "s", "ms"]) {
    if (us > 0 && us % UNITS_US[unit] === 0) return `${us / UNITS_US[unit]}${unit}`;
  }
  return us === 0 ? "0" : `${us}us`;
}

const SIZES: Readonly<Record<string, number>> = { "": 1, k: 0x400, m: 0x100000, g: 0x40000000 };

/** A number of bytes from `65536`, `64K`, `4M`; the units are powers of 1024. */
export function parseSizeBytes(given: GivenValue, bounds: { least: number; most: number }): number {
  const match = /^(\d+)([kmg]?)(?:i?b)?$/i.exec(given.text);
  const value = match === null ? NaN : Number(match[1]) * SIZES[match[2].toLowerCase()];
  if (value >= bounds.least && value <= bounds.most) return value;
  throw badValue(given, `bytes (or a number with K, M or G) from ${bounds.least} to ${bounds.most}`);
}
