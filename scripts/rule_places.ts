/**
 * Where rules are applied and walked, found in the text of the files.
 *
 * Owns: what counts as applying a rule, and which line of a file of walks belongs to a name. Must not know: who asks
 * (test/tcp/write_rule_places.ts makes the file that `tcplab why` reads).
 */
import { lineAt } from "./project_files.ts";
import type { SourceFile } from "./rule_evidence.ts";

/** Where protocol is done. */
const MACHINE = /^src\/(?:tcp|host)\//;
/** The tables that hold the names themselves. */
const TABLES = /^src\/tcp\/(?:rules|transitions|ending_rows)\.ts$/;
/**
 * What stands before a name that is not a rule there: a row (some are called as their rules), a way to end, or a question
 * about the rule in force.
 */
const OTHER_MEANING = /(?:\brow: |\bchangeState\([^()"]*|\bendingRow\([^()"]*|\blistener\(|[!=]== |\| )$/;
/** The call that notes the rule in force; what else names a rule hands it to a segment or an ACK that is owed. */
const APPLIES = /\.apply\([^;]*$/;
/** Local choice: a call's arguments do not begin further before the name. */
const BEFORE = 120;

/** The lines that apply each rule, `src/tcp/arrives.ts:73`; those that note it as the rule in force come first. */
export function rulePlaces(files: readonly SourceFile[], ids: readonly string[]): Map<string, string[]> {
  const machine = files.filter(({ path }) => MACHINE.test(path) && !TABLES.test(path));
  return new Map(ids.map((id) => {
    const noted: string[] = [];
    const handed: string[] = [];
    for (const { path, text } of machine) {
      for (const { index } of text.matchAll(new RegExp(`"${id.replaceAll(".", "\\.")}"`, "g"))) {
        const before = text.slice(Math.max(0, index - BEFORE), index);
        if (OTHER_MEANING.test(before)) continue;
        (APPLIES.test(before) ? noted : handed).push(`${path}:${lineAt(text, index)}`);
      }
    }
    return [id, [...new Set([...noted, ...handed])]];
  }));
}

/** The line of a file of walks on which the walk of this name begins; null where there is none. */
export function walkPlace({ path, text }: SourceFile, id: string): string | null {
  // Names without a dot need no quotes; the ends that all synchronized states have are made by one call for each state.
  const prefix = id.slice(0, id.lastIndexOf("."));
  for (const opening of [`\n  "${id}":`, `\n  ${id}:`, `\n  ...ends("${prefix}",`]) {
    const at = text.indexOf(opening);
    if (at >= 0) return `${path}:${lineAt(text, at + 1)}`;
  }
  return null;
}
