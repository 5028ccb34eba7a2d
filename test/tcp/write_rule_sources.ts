/**
 * Writes src/observe/rule_sources.ts: where each rule is applied, which test walks it, and which rows of the transition
 * table it has decided.
 *
 * Owns: the gathering. The rows are not read out of the source but seen: the walks of the tests are walked. `--check` says so
 * when the file had to be written anew.
 */
import { RULES } from "../../src/tcp/rules.ts";
import { TRANSITIONS } from "../../src/tcp/transitions.ts";
import type { Lab } from "./harness.ts";
import { RULE_WALKS } from "./rule_walks.ts";
import { TRANSITION_WALKS } from "./transition_walks.ts";
import { lineAt, PROJECT_URL, projectFiles, readProjectFile } from "../../scripts/project_files.ts";

const TARGET = "src/observe/rule_sources.ts";
const WALKS_PATH = "test/tcp/rule_walks.ts";
const APPLIED = /^src\/(?:tcp|host)\/(?!(?:transitions|ending_rows|rules)\.ts)/;

/** `path:line` of every place where code names the rule. */
function placesOf(rule: string, files: ReadonlyMap<string, string>): string[] {
  const places: string[] = [];
  for (const [path, text] of files) {
    for (let at = text.indexOf(`"${rule}"`); at >= 0; at = text.indexOf(`"${rule}"`, at + 1)) {
      places.push(`${path}:${lineAt(text, at)}`);
    }
  }
  return [...new Set(places)];
}

function walkOf(rule: string, walks: string): string {
  const at = [`\n  "${rule}":`, `\n  ${rule}:`].map((text) => walks.indexOf(text)).find((found) =>
    found >= 0
  );
  if (at === undefined) throw new Error(`${WALKS_PATH} has no walk for ${rule}`);
  return `${WALKS_PATH}:${lineAt(walks, at + 1)}`;
}

/** Which rules have decided which rows, as the walks show it. */
function rowsByRule(): Map<string, Set<string>> {
  const seen = new Map<string, Set<string>>();
  const see = (rule: string, row: string) => {
    const rows = seen.get(rule) ?? new Set();
    seen.set(rule, rows.add(row));
  };
  const transitions = ({ events }: Lab) => events.filter((event) => event.event === "transition");
  for (const [row, walk] of Object.entries(TRANSITION_WALKS)) {
    const last = transitions(walk()).at(-1);
    if (last !== undefined) see(last.rule, row);
  }
  for (const walk of Object.values(RULE_WALKS)) {
    for (const event of transitions(walk())) {
      const rows = TRANSITIONS.filter(({ from, to, cause, rfc }) =>
        from === event.from && to === event.to && cause === event.cause && rfc === event.rfc
      );
      if (rows.length === 1) see(event.rule, rows[0].id);
    }
  }
  return seen;
}

function sourceText(): string {
  const paths = projectFiles("src").filter((path) => APPLIED.test(path));
  const files = new Map(paths.map((path) => [path, readProjectFile(path)]));
  const walks = readProjectFile(WALKS_PATH);
  const rows = rowsByRule();
  const order = TRANSITIONS.map(({ id }) => String(id));
  const entries = Object.keys(RULES).filter((rule) => rule !== "none").map((rule) => {
    const decided = [...rows.get(rule) ?? []].sort((a, b) => order.indexOf(a) - order.indexOf(b));
    const source = { code: placesOf(rule, files), walk: walkOf(rule, walks), rows: decided };
    return `  ${JSON.stringify(rule)}: ${JSON.stringify(source)},`;
  });
  return `/**
 * Where each rule is applied, which test walks it, and which rows of the transition table it has decided.
 *
 * Written by test/tcp/write_rule_sources.ts (in \`deno task check\`) from source and tests, not by hand. Owns: these places.
 * Must not know: what the rules say (tcp/rules.ts).
 */
// deno-fmt-ignore-file
import type { RuleId } from "../tcp/rules.ts";

/** Where a rule is applied (\`path:line\`), the walk that shows it, and the rows of the table that it has decided. */
export interface RuleSource {
  readonly code: readonly string[];
  readonly walk: string;
  readonly rows: readonly string[];
}

/** Of every rule. */
export const RULE_SOURCES: Readonly<Record<Exclude<RuleId, "none">, RuleSource>> = {
${entries.join("\n")}
};
`;
}

if (import.meta.main) {
  const text = sourceText();
  const before = projectFiles("src").includes(TARGET) ? readProjectFile(TARGET) : "";
  if (text !== before) {
    Deno.writeTextFileSync(new URL(TARGET, PROJECT_URL), text);
    if (Deno.args.includes("--check")) {
      console.error(`${TARGET} was not what code and tests say; it is written anew, commit it`);
      Deno.exit(1);
    }
  }
}
