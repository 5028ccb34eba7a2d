/**
 * Near names: which of the names that there are somebody may have meant who wrote one that there is not.
 *
 * Owns: how far two words are from each other, and how near is near enough. Must not know: where the names are from, how an error reads.
 */

/** The candidate that is fewest edits away from what was typed; null when none is near enough to be meant. */
export function nearestName(typed: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  // Local choice: a third of the letters may be wrong, at least one; more is a guess, not a suggestion.
  let bestDistance = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const candidate of candidates) {
    const begins = typed.length >= 3 && candidate.startsWith(typed);
    const distance = begins ? 1 : editDistance(typed, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Local choices: of so many letters one may be wrong, and two of so many; names longer than any that there is are not compared. */
const LEAST_LETTERS = 3;
const MANY_LETTERS = 8;
const LONGEST_NAME = 64;

/**
 * The candidate that was misspelt: one letter is wrong, of many two, or letters stand in the other case; a family's name before the first
 * `_` or the last `.` (`TCP_`, `net.ipv4.`) does not count among the letters. Null where there is none, or nothing is misspelt; also where
 * the digits differ alone, since another number is another thing (`accept4`, `IPTOS_DSCP_CS1`).
 */
export function misspeltName(typed: string, candidates: Iterable<string>): string | null {
  if (typed.length > LONGEST_NAME) return null;
  const small = typed.toLowerCase();
  const letters = small.slice(small.lastIndexOf(".") + 1).replace(/^[^_]*_/, "").length;
  const most = letters < LEAST_LETTERS ? 0 : letters < MANY_LETTERS ? 1 : 2;
  let best: string | null = null;
  let bestDistance = most + 1;
  for (const candidate of candidates) {
    if (candidate === typed) return null;
    const other = candidate.toLowerCase();
    if (Math.abs(other.length - small.length) >= bestDistance) continue;
    const distance = editDistance(small, other);
    if (distance >= bestDistance || (distance > 0 && withoutDigits(small) === withoutDigits(other))) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

function withoutDigits(text: string): string {
  return text.replace(/\d+/g, "");
}

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        previous[column] + 1,
        current[column - 1] + 1,
        previous[column - 1] + (same ? 0 : 1),
      );
      const swapped = row > 1 && column > 1 && left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, beforePrevious[column - 2] + 1);
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[right.length];
}
