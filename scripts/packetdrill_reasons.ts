/**
 * Classes of failures of the public suites, in words for readers.
 *
 * Owns: which class a failure belongs to, by what the verdict says, and why it is so. Must not know: any script by its name.
 */
import type { ScriptReport } from "../src/cli/run_report.ts";

/** The class of a failure. */
export function reasonClass({ reason, rule }: Pick<ScriptReport, "reason" | "rule">): string {
  const what = (reason ?? "").split("\n", 1)[0]
    .replace(/packet too (early|late):.*$/, "the packet comes too $1")
    .replace(/step too late:.*$/, "the step is too late")
    .replace(/return too (early|late):.*$/, "the call returns too $1")
    .replace(/\d+/g, "N")
    .replace(/\|/g, "\\|");
  return rule === null ? what : `${what} (\`${rule}\`)`;
}
