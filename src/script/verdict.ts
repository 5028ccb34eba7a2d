/**
 * Verdict: how a script ended, as a value.
 *
 * Owns: the four outcomes and what each of them says. Must not know: how they are printed.
 */
import type { Place } from "./values.ts";

/** The rule of the machine by which the packet came about that was not expected, and its source (rules.ts). */
export interface VerdictRule {
  readonly id: string;
  readonly rfc: string;
  readonly text: string;
}

/** A step that did not come out as the script says. */
export interface FailVerdict {
  readonly kind: "fail";
  readonly place: Place;
  /** What was wrong, in words: `flags`, `window 65535 expected`, ... */
  readonly what: string;
  /** Both in the notation of scripts, where they can be; empty where the words say it. */
  readonly expected: string;
  readonly actual: string;
  readonly rule: VerdictRule | null;
}

/** Something is not there: never a pass. */
export interface UnsupportedVerdict {
  readonly kind: "unsupported";
  readonly construct: string;
  readonly place: Place;
}

/** The script cannot be read or makes no sense. */
export interface ErrorVerdict {
  readonly kind: "error";
  readonly place: Place;
  readonly message: string;
}

/** How a script ended. */
export type Verdict = { readonly kind: "pass" } | FailVerdict | UnsupportedVerdict | ErrorVerdict;

/** Why a script is not played, or not to its end. */
export type RunProblem = UnsupportedVerdict | ErrorVerdict;

/** A script's mistake. */
export function scriptProblem(
  place: Place,
  about: { readonly expected: string; readonly found: string },
): ErrorVerdict {
  return { kind: "error", place, message: `expected ${about.expected}, found ${about.found || "nothing"}` };
}

/** A construct that is not there. */
export function unsupportedProblem(construct: string, place: Place): UnsupportedVerdict {
  return { kind: "unsupported", construct, place };
}

/** A step that failed, thrown through what plays it. */
export class StepFailed extends Error {
  override readonly name = "StepFailed";

  constructor(readonly verdict: Exclude<Verdict, { readonly kind: "pass" }>) {
    super(verdict.kind);
  }
}
