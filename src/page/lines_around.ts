/**
 * Of a long ladder the lines around one segment: a browser lays out a few hundred at once, a capture has hundreds of thousands.
 *
 * Owns: which these are, and how many stand before and after them. Must not know: how a line is drawn.
 */
import type { Ladder, LadderLine } from "../story/ladder.ts";

/** Where somebody looks. */
interface Around {
  /** Number of a segment. */
  readonly number: number;
  /** So many lines before it, and after it, at the most. */
  readonly before: number;
  readonly after: number;
}

/** These lines, and how many there are beyond. Where there is no such segment, those around the next one that there is. */
export function linesAround(ladder: Ladder, { number, before, after }: Around): Ladder & { later: number } {
  const { lines } = ladder;
  const found = lines.findIndex((line) => {
    const last = line.kind === "segment" ? line.number : line.kind === "run" ? line.last : -1;
    return last >= number;
  });
  const at = found < 0 ? lines.length - 1 : found;
  const from = Math.max(0, at - before);
  const to = Math.min(lines.length, at + 1 + after);
  return {
    ...ladder,
    before: from === 0 ? ladder.before : lines[from - 1].states,
    lines: lines.slice(from, to),
    leftOut: ladder.leftOut + told(lines.slice(0, from)),
    later: told(lines.slice(to)),
  };
}

/** Gaps are not counted. */
function told(lines: readonly LadderLine[]): number {
  return lines.filter(({ kind }) => kind !== "gap").length;
}
