/**
 * The text that each part of a script came from, so that a script which is written again keeps its comments and its layout.
 *
 * Owns: the texts, by the part (for itself) and by its place (for what stands before and behind it): a part that was
 * changed is another object with the same place, and so keeps its comments and loses its text. Must not know: the grammar.
 */
import type { Place } from "./values.ts";

/** `else` and `end` are the lines of a condition that belong to its place as well. */
export type SourceRole = "whole" | "else" | "end";

/** Where a part stands in the text. In the order of the text. */
export interface SourceMark {
  /** The part. */
  readonly node: object;
  readonly place: Place;
  readonly role: SourceRole;
  readonly from: number;
  readonly to: number;
}

/** What stands around a part: blanks and comments before it, and those behind it in its line. */
export interface Surroundings {
  /** Those of the part before it in the text; null for the first. */
  readonly follows: Surroundings | null;
  readonly before: string;
  readonly after: string;
}

const texts = new WeakMap<object, string>();
const surroundings: Readonly<Record<SourceRole, WeakMap<Place, Surroundings>>> = {
  whole: new WeakMap(),
  else: new WeakMap(),
  end: new WeakMap(),
};

/** Blanks and comments up to the end of the line. */
const REST_OF_LINE = /^(?:[ \t\r]|\/\*(?:[^*\n]|\*(?!\/))*\*\/)*(?:\/\/[^\n]*)?(?=\n|$)/;

/** Keeps the texts of a script that was read. */
export function keepSource(text: string, marks: readonly SourceMark[]): void {
  let before = text.slice(0, marks[0]?.from ?? 0);
  let follows: Surroundings | null = null;
  for (const [i, { node, place, role, from, to }] of marks.entries()) {
    const isLast = i + 1 === marks.length;
    const gap = text.slice(to, isLast ? text.length : marks[i + 1].from);
    const after = isLast ? gap : REST_OF_LINE.exec(gap)?.[0] ?? "";
    texts.set(node, text.slice(from, to));
    follows = { follows, before, after };
    surroundings[role].set(place, follows);
    before = gap.slice(after.length);
  }
}

/** The text of a part that has not been changed; undefined for another. */
export function sourceText(node: object): string | undefined {
  return texts.get(node);
}

/** What stood around the part at that place; undefined for a place that no text has. */
export function sourceSurroundings(place: Place, role: SourceRole = "whole"): Surroundings | undefined {
  return surroundings[role].get(place);
}
