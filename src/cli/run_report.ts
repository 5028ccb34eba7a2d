/**
 * ScriptReport: how one script went, as `tcplab run` tells it.
 *
 * Owns: the fields of `run --json`, and the counts. Must not know: how they are printed, how a script is run.
 */
import type { Verdict } from "../script/verdict.ts";

/** The four outcomes. */
export const VERDICTS = [
  "pass",
  "fail",
  "unsupported",
  "error",
] as const satisfies readonly Verdict["kind"][];

/** One script. A field that has no meaning for its verdict is null. */
export interface ScriptReport {
  /** Its path as it was given, or found. */
  readonly script: string;
  readonly verdict: Verdict["kind"];
  /** Both from 1. */
  readonly line: number | null;
  readonly column: number | null;
  /** The line itself. */
  readonly text: string | null;
  readonly expected: string | null;
  readonly actual: string | null;
  /** What was wrong; the construct that is not there; what cannot be read. */
  readonly reason: string | null;
  /** The rule of ours that led to what was not expected: `tcplab why RULE`. */
  readonly rule: string | null;
  /** Its source. */
  readonly rfc: string | null;
  /** Time that passed in the script's world, and on the clock of the wall. */
  readonly virtualMs: number;
  readonly realMs: number;
}

/** How many of each outcome. */
export type VerdictCounts = Readonly<Record<Verdict["kind"], number>>;

/** Counts the outcomes. */
export function countVerdicts(reports: readonly ScriptReport[]): VerdictCounts {
  const counts = { pass: 0, fail: 0, unsupported: 0, error: 0 };
  for (const { verdict } of reports) counts[verdict]++;
  return counts;
}

/** What is measured beside a verdict. */
export interface ScriptTimes {
  readonly virtualMs: number;
  readonly realMs: number;
}

/** A verdict as a report; `lines` are those of the script. */
export function reportOf(
  script: string,
  about: { readonly verdict: Verdict; readonly lines: readonly string[]; readonly times: ScriptTimes },
): ScriptReport {
  const { verdict, lines, times } = about;
  const nothing = {
    line: null,
    column: null,
    text: null,
    expected: null,
    actual: null,
    reason: null,
    rule: null,
    rfc: null,
  };
  if (verdict.kind === "pass") return { script, verdict: "pass", ...nothing, ...times };
  const { line, column } = verdict.place;
  // What is not the script's own has no place in it.
  const place = line === 0 ? {} : { line, column, text: lines[line - 1] ?? null };
  if (verdict.kind === "unsupported") {
    return { script, verdict: "unsupported", ...nothing, ...place, reason: verdict.construct, ...times };
  }
  if (verdict.kind === "error") {
    return { script, verdict: "error", ...nothing, ...place, reason: verdict.message, ...times };
  }
  const { what, expected, actual, rule } = verdict;
  return {
    script,
    verdict: "fail",
    ...nothing,
    ...place,
    expected: expected === "" ? null : expected,
    actual: actual === "" ? null : actual,
    reason: what,
    rule: rule?.id ?? null,
    rfc: rule === null || rule.rfc === "" ? null : rule.rfc,
    ...times,
  };
}
