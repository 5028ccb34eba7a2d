/**
 * The page docs/packetdrill.md: what became of the public suites.
 *
 * Owns: its tables and words. Must not know: how scripts are run, any script by its name.
 */
import { dirname } from "@std/path";
import type { ScriptReport } from "../src/cli/run_report.ts";
import { failureClass } from "./packetdrill_reasons.ts";

/** What the originals made of a script. */
export interface Reference {
  /** `pass`, `fail`, or empty where it was not run. */
  readonly linux: string;
  /** Read by google's parser or by nplab's. */
  readonly isReadByOriginal: boolean;
}

/** A script's verdict, its path within the suite. */
export interface SuiteScript extends ScriptReport {
  readonly reference: Reference | null;
}

/** A suite that was run. */
export interface SuiteResult {
  readonly name: string;
  readonly about: string;
  /** Null where it is not known. */
  readonly commit: string | null;
  readonly profiles: readonly string[];
  readonly scripts: readonly SuiteScript[];
}

/** Rows of a table of reasons at most; the others are one row. Local choice. */
const MOST_REASONS = 40;

const HEAD = `# The public packetdrill suites

Made by \`deno task packetdrill --suites DIR\` (\`scripts/packetdrill_suites.ts\`); do not edit it by hand. It plays every script of the public
suites with \`tcplab run\` and tells what became of them. The suites are no part of this repository, and nothing in the program
knows a script by its name.

A script is **read** when \`tcplab run\` understands its text, **executed** when it passed or failed, and **unsupported** when it needs
something that is not there, which is named below and never counts as passed. A script that fails says something about a stack of
its own: each class of failures is explained below.
`;

/** The whole page. */
export function suitesPage(
  results: readonly SuiteResult[],
  about: { readonly hasReference: boolean },
): string {
  const parts = [HEAD, overview(results, about)];
  for (const result of results) parts.push(suitePart(result, about));
  return `${parts.join("\n").trimEnd()}\n`;
}

function count(scripts: readonly SuiteScript[], verdict: ScriptReport["verdict"]): number {
  return scripts.filter((script) => script.verdict === verdict).length;
}

/** Numbers of some scripts, as cells: all, read, executed, passed, failed, unsupported, and what Linux made of them. */
function cells(scripts: readonly SuiteScript[], hasReference: boolean): (string | number)[] {
  const passed = count(scripts, "pass");
  const failed = count(scripts, "fail");
  const numbers = [
    scripts.length,
    scripts.length - count(scripts, "error"),
    passed + failed,
    passed,
    failed,
    count(scripts, "unsupported"),
  ];
  return hasReference ? [...numbers, linuxCell(scripts)] : numbers;
}

function linuxCell(scripts: readonly SuiteScript[]): string {
  const tried = scripts.filter(({ reference }) => reference?.linux === "pass" || reference?.linux === "fail");
  if (tried.length === 0) return "";
  return `${tried.filter(({ reference }) => reference?.linux === "pass").length} of ${tried.length}`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (row: readonly (string | number)[]) => `| ${row.join(" | ")} |`;
  return [
    line(head),
    `|${head.map((name, at) => at === 0 || name === "why" ? "---" : "---:").join("|")}|`,
    ...rows.map(line),
  ]
    .join("\n");
}

function numberHeads(hasReference: boolean): string[] {
  const heads = ["scripts", "read", "executed", "passed", "failed", "unsupported"];
  return hasReference ? [...heads, "Linux 6.18 passed"] : heads;
}

function overview(
  results: readonly SuiteResult[],
  { hasReference }: { readonly hasReference: boolean },
): string {
  const rows = results.map((result) => [result.name, ...cells(result.scripts, hasReference)]);
  const lines = ["## All of them", "", table(["suite", ...numberHeads(hasReference)], rows), ""];
  for (const { name, about, commit, profiles } of results) {
    const source = commit === null ? "" : `, commit ${commit}`;
    const profile = profiles.length === 1
      ? `profile \`${profiles[0]}\``
      : `profiles ${profiles.map((each) => `\`${each}\``).join(" and ")}, by folder`;
    lines.push(`- **${name}**: ${about}${source}; ${profile}.`);
  }
  if (hasReference) {
    lines.push(
      "",
      "What Linux passed is what the original packetdrill gave on Linux 6.18 with the same version of IP, of those that were tried; the suites of FreeBSD were not.",
    );
    const missed = results.flatMap(({ scripts }) =>
      scripts.filter(({ reference, verdict }) => reference?.isReadByOriginal === true && verdict === "error")
    );
    lines.push(
      "",
      missed.length === 0
        ? "Every script that one of the two original parsers reads is read."
        : `Of the scripts that one of the two original parsers reads, ${missed.length} are not.`,
    );
  }
  lines.push("");
  return lines.join("\n");
}

function suitePart(result: SuiteResult, { hasReference }: { readonly hasReference: boolean }): string {
  const byDirectory = new Map<string, SuiteScript[]>();
  for (const script of result.scripts) {
    const directory = dirname(script.script);
    const others = byDirectory.get(directory) ?? [];
    others.push(script);
    byDirectory.set(directory, others);
  }
  const rows = [...byDirectory].sort(([a], [b]) => a < b ? -1 : 1)
    .map(([directory, scripts]) => [`\`${directory}\``, ...cells(scripts, hasReference)]);
  const lines = [`## ${result.name}`, "", table(["directory", ...numberHeads(hasReference)], rows), ""];
  const failures = result.scripts.filter(({ verdict }) => verdict === "fail");
  if (failures.length > 0) lines.push("Failures, by class:", "", reasonTable(failures), "");
  const unsupported = result.scripts.filter(({ verdict }) => verdict === "unsupported");
  if (unsupported.length > 0) lines.push("Unsupported, by construct:", "", constructTable(unsupported), "");
  const unread = result.scripts.filter(({ verdict }) => verdict === "error");
  if (unread.length > 0) lines.push("Not read:", "", constructTable(unread), "");
  return lines.join("\n");
}

function reasonTable(failures: readonly SuiteScript[]): string {
  const classes = new Map<string, { readonly why: string; count: number }>();
  for (const failure of failures) {
    const { name, why } = failureClass(failure);
    const known = classes.get(name) ?? { why, count: 0 };
    known.count++;
    classes.set(name, known);
  }
  const sorted = [...classes].sort(([nameA, a], [nameB, b]) => b.count - a.count || (nameA < nameB ? -1 : 1));
  const rows = sorted.map(([name, { why, count: scripts }]) => [name, scripts, why]);
  return table(["class", "scripts", "why"], rows);
}

function constructTable(scripts: readonly SuiteScript[]): string {
  const constructs = new Map<string, number>();
  for (const { reason } of scripts) {
    const name = `\`${(reason ?? "").split("\n", 1)[0].replace(/`/g, "'").replace(/\|/g, "\\|")}\``;
    constructs.set(name, (constructs.get(name) ?? 0) + 1);
  }
  return countTable("construct", constructs);
}

function countTable(head: string, counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1));
  const rows = sorted.slice(0, MOST_REASONS).map(([name, number]): [string, number] => [name, number]);
  const rest = sorted.slice(MOST_REASONS).reduce((sum, [, number]) => sum + number, 0);
  if (rest > 0) rows.push(["others", rest]);
  return table([head, "scripts"], rows);
}
