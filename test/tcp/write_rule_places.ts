/**
 * Writes src/observe/rule_places.json, from which `tcplab why` knows lines and tests; `--check` says when it is stale.
 *
 * Owns: what stands in that file. The lines of rules are found in the text; which rows a rule decides, and which line takes
 * a row, is seen by walking. The program cannot look for itself: the binary has no checkout.
 */
import { type Finding, projectFiles, readProjectFile, reportFindings } from "../../scripts/project_files.ts";
import { rulePlaces, walkPlace } from "../../scripts/rule_places.ts";
import { lessonAbout } from "../../scripts/lessons.ts";
import { lessonsInOrder } from "../../scripts/write_lessons_page.ts";
import { RULES } from "../../src/tcp/rules.ts";
import { TCP_STATES } from "../../src/tcp/state.ts";
import { TRANSITIONS } from "../../src/tcp/transitions.ts";
import { stepsOf } from "./row_steps.ts";
import { RULE_WALKS } from "./rule_walks.ts";
import { TRANSITION_WALKS } from "./transition_walks.ts";

const PLACES_PATH = "src/observe/rule_places.json";
const RULE_WALKS_PATH = "test/tcp/rule_walks.ts";
const ROW_WALKS_PATH = "test/tcp/transition_walks.ts";
/** The rule that stands for no rule. */
const NO_RULE = "none";

/** The text of the file as the sources have it now, and what no source has. */
export function placesText(): { readonly text: string; readonly findings: readonly Finding[] } {
  const findings: Finding[] = [];
  const found = <Place>(path: string, what: string, place: Place | null | undefined): Place | "" => {
    if (place !== null && place !== undefined) return place;
    findings.push({ path, line: 0, message: `has nothing of ${what}` });
    return "";
  };
  const files = projectFiles("src").filter((path) => path.endsWith(".ts")).map(readFile);
  const ids = Object.keys(RULES).filter((id) => id !== NO_RULE);
  const applied = rulePlaces(files, ids);
  const { rowsOfRule, placesOfRow } = watchWalks(applied);
  const ruleWalks = readFile(RULE_WALKS_PATH);
  const rowWalks = readFile(ROW_WALKS_PATH);
  const all = new Set(projectFiles("test/tcp"));
  const lessons = lessonsInOrder();
  const rules = ids.map((id) => {
    const source = applied.get(id) ?? [];
    found("src/tcp/rules.ts", `a line that applies ${id}`, source[0]);
    const test = found(RULE_WALKS_PATH, id, walkPlace(ruleWalks, id));
    const lesson = lessonAbout({ kind: "rules", name: id }, lessons);
    return [id, { source, test, lesson, rows: inOrderOfTable(rowsOfRule.get(id)) }] as const;
  });
  const rows = TRANSITIONS.map(({ id }) => {
    const source = [...placesOfRow.get(id) ?? []].sort();
    found("src/tcp/transitions.ts", `a line that takes the row ${id}`, source[0]);
    const test = found(ROW_WALKS_PATH, id, walkPlace(rowWalks, id));
    return [id, { source, test, lesson: lessonAbout({ kind: "rows", name: id }, lessons) }] as const;
  });
  const states = TCP_STATES.map((state) => {
    const path = `test/tcp/${state.toLowerCase()}_test.ts`;
    return [state, { test: found(path, state, all.has(path) ? path : null) }] as const;
  });
  const text = `{\n"rules": ${linesOf(rules)},\n"rows": ${linesOf(rows)},\n"states": ${linesOf(states)}\n}\n`;
  return { text, findings };
}

/** One line for each name: what has changed is seen in a diff. */
function linesOf(entries: readonly (readonly [string, unknown])[]): string {
  return `{\n${
    entries.map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`).join(",\n")
  }\n}`;
}

/** What all walks show of rules and rows. */
function watchWalks(applied: ReadonlyMap<string, readonly string[]>) {
  const rowsOfRule = new Map<string, Set<string>>();
  const placesOfRow = new Map<string, Set<string>>();
  for (const walk of [...Object.values(TRANSITION_WALKS), ...Object.values(RULE_WALKS)]) {
    for (const { row, rule, place } of stepsOf(walk)) {
      if (rule !== NO_RULE) add(rowsOfRule, rule, row);
      // The host tells of a listener where it names the rule.
      for (const one of place === null ? applied.get(rule) ?? [] : [place]) add(placesOfRow, row, one);
    }
  }
  return { rowsOfRule, placesOfRow };
}

function add(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, new Set([value]));
  else values.add(value);
}

function inOrderOfTable(rows: ReadonlySet<string> = new Set()): string[] {
  return TRANSITIONS.map(({ id }) => id).filter((id) => rows.has(id));
}

function readFile(path: string): { readonly path: string; readonly text: string } {
  return { path, text: readProjectFile(path) };
}

function main(args: readonly string[]): number {
  const { text, findings } = placesText();
  if (findings.length > 0) return reportFindings("Places of rules", findings);
  if (!args.includes("--check")) {
    Deno.writeTextFileSync(new URL(`../../${PLACES_PATH}`, import.meta.url), text);
    return 0;
  }
  if (text === readProjectFile(PLACES_PATH)) return 0;
  return reportFindings("Places of rules", [{
    path: PLACES_PATH,
    line: 0,
    message: "is older than the code and the tests: deno task rfc",
  }]);
}

if (import.meta.main) Deno.exit(main(Deno.args));
