/**
 * Evidence beside the numbered requirements: where the machine's rules and the companions of RFC 9293 stand in code and
 * tests, and the parts of docs/conformance.md that say so.
 *
 * Owns: gathering rule names and citations, the verdicts on companions, and their tables. Must not know: the numbered
 * requirements (check_rfc.ts), how the page is written.
 */
import { RULES } from "../src/tcp/rules.ts";
import { type Companion, COMPANIONS } from "./companion_rfcs.ts";
import { type TestCase, testsIn } from "./claimed_tests.ts";
import { readLesson } from "./lessons.ts";
import type { Finding } from "./project_files.ts";

/** A file of the project. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A test: its file, and its title. */
export interface TestName {
  readonly path: string;
  readonly title: string;
}

/** Which code applies a rule, and which tests ask for it by its name. */
interface RuleWitnesses {
  readonly code: ReadonlySet<string>;
  readonly tests: readonly TestName[];
}

/** Which files of code and of tests cite an RFC. */
interface Witnesses {
  readonly code: ReadonlySet<string>;
  readonly tests: ReadonlySet<string>;
}

/** What the table says about a companion. */
type CompanionVerdict = Companion["verdict"] | "untested";

/** Where the rules and the companions are spoken of. */
export interface RuleEvidence {
  readonly rules: ReadonlyMap<string, RuleWitnesses>;
  readonly companions: ReadonlyMap<number, Witnesses>;
  /** Rules that no code applies. */
  readonly findings: readonly Finding[];
}

const RULES_PATH = "src/tcp/rules.ts";
/** Where protocol is done; help texts and the like only speak of it. */
const PROTOCOL_CODE = /^src\/(?:tcp|host|wire)\//;
/** Tests that drive the machine; samples of events only name what it says. */
const PROTOCOL_TESTS = /^test\/(?:tcp|host|wire|sim|fuzz|scripts|live)\//;
/** Tests that can see which rule the machine applied. */
const MACHINE_TESTS = /^test\/(?:tcp|host|sim|fuzz|scripts)\//;
/** Walks that make the machine name each rule; rules_coverage_test.ts makes a test of each. */
const WALKS_PATH = "test/tcp/rule_walks.ts";
/** Local choice: more tests than these a rule would only make the page long. */
const MOST_TESTS = 3;
const NOBODY: Witnesses = { code: new Set(), tests: new Set() };
/** The rule that stands for no rule. */
const NO_RULE = "none";

/** Gathers who names each rule and cites each companion. */
export function gatherRuleEvidence(files: readonly SourceFile[]): RuleEvidence {
  const sources = files.filter(({ path }) => path !== RULES_PATH);
  const hasRules = sources.length < files.length;
  const rules = new Map<string, RuleWitnesses>();
  const tests = files.filter(({ path }) => MACHINE_TESTS.test(path)).flatMap(({ path, text }) =>
    testsIn(path, text)
  );
  const walks = files.find(({ path }) => path === WALKS_PATH)?.text ?? "";
  const findings: Finding[] = [];
  for (const id of Object.keys(RULES)) {
    if (id === NO_RULE) continue;
    const { code } = witnesses(sources, (text) => text.includes(`"${id}"`));
    const isWalked = walks.includes(`\n  "${id}":`) || walks.includes(`\n  ${id}:`);
    const walk = isWalked ? [{ path: WALKS_PATH, title: `rule ${id} is hit` }] : [];
    rules.set(id, { code, tests: [...walk, ...tests.filter((test) => asksForRule(test, id))] });
    if (hasRules && code.size === 0) {
      findings.push({ path: RULES_PATH, line: 0, message: `no code applies the rule "${id}": take it out` });
    }
  }
  const companions = new Map(COMPANIONS.map(({ rfc }) => {
    const citation = new RegExp(`\\bRFC ${rfc}\\b`);
    return [rfc, witnesses(files, (text) => citation.test(text))];
  }));
  return { rules, companions, findings };
}

/** Whether a test asks for a rule by its name: in quotes, or a script in its head. */
function asksForRule({ path, body }: TestCase, id: string): boolean {
  return path.endsWith(".pkt") ? readLesson(path, body).rules.includes(id) : body.includes(`"${id}"`);
}

function witnesses(files: readonly SourceFile[], speaks: (text: string) => boolean): Witnesses {
  const code = new Set<string>();
  const tests = new Set<string>();
  for (const { path, text } of files) {
    if (!speaks(text)) continue;
    if (PROTOCOL_CODE.test(path)) code.add(path);
    else if (PROTOCOL_TESTS.test(path)) tests.add(path);
  }
  return { code, tests };
}

/** What is to be said of a companion: never `met` without a test that cites it, nor where a deviation does. */
export function verdictOnCompanion(
  { rfc, verdict }: Pick<Companion, "rfc" | "verdict">,
  evidence: { readonly tests: ReadonlySet<string>; readonly deviations: readonly string[] },
): CompanionVerdict {
  if (verdict !== "met") return verdict;
  if (evidence.deviations.some((text) => new RegExp(`\\bRFC ${rfc}\\b`).test(text))) return "partly";
  const isShown = [...evidence.tests].some((path) => /_test\.ts$|\.pkt$/.test(path));
  return isShown ? "met" : "untested";
}

/** How a page writes a list of files and a row. */
interface PageWriter {
  links(paths: Iterable<string>): string;
  testLinks(tests: readonly TestName[]): string;
  row(cells: readonly string[]): string;
}

/** The tables of companions and of rules, as lines of the page. */
export function rulePages(
  evidence: RuleEvidence,
  options: { readonly writer: PageWriter; readonly deviations: readonly string[] },
): string[] {
  const { writer, deviations } = options;
  return [
    "## Companions",
    "",
    "What a TCP of today needs beside RFC 9293. The verdict comes from reading the code beside the RFC; it is *untested*",
    "where no test cites the RFC, whatever the code does.",
    "",
    ...companionCounts(evidence, writer, deviations),
    "",
    ...companionTable(evidence, writer, deviations),
    "",
    "## Rules",
    "",
    "Every check and action of the machine has a name, which the event log shows with each segment. **Tests**: the walk",
    "that makes the machine name the rule, and tests that ask for the rule by its name.",
    "",
    ...ruleTable(evidence, writer),
    "",
  ];
}

const COMPANION_VERDICTS: readonly CompanionVerdict[] = ["met", "untested", "partly", "not"];

function companionCounts(
  { companions }: RuleEvidence,
  writer: PageWriter,
  deviations: readonly string[],
): string[] {
  const verdicts = COMPANIONS.map((companion) => {
    const { tests } = companions.get(companion.rfc) ?? NOBODY;
    return verdictOnCompanion(companion, { tests, deviations });
  });
  const counts = COMPANION_VERDICTS.map((one) =>
    String(verdicts.filter((verdict) => verdict === one).length)
  );
  return [writer.row(COMPANION_VERDICTS), writer.row(counts.map(() => "--:")), writer.row(counts)];
}

function companionTable(
  { companions }: RuleEvidence,
  writer: PageWriter,
  deviations: readonly string[],
): string[] {
  const head = ["RFC", "subject", "verdict", "why", "code", "tests"];
  const rows = COMPANIONS.map((companion) => {
    const { rfc, subject, why } = companion;
    const { code, tests } = companions.get(rfc) ?? NOBODY;
    const verdict = verdictOnCompanion(companion, { tests, deviations });
    const name = `[${rfc}](https://www.rfc-editor.org/rfc/rfc${rfc})`;
    return writer.row([name, subject, verdict, why, writer.links(code), writer.links(tests)]);
  });
  return [writer.row(head), writer.row(head.map(() => "---")), ...rows];
}

function ruleTable({ rules }: RuleEvidence, writer: PageWriter): string[] {
  const head = ["rule", "section", "what it says", "code", "tests"];
  const rows = Object.entries(RULES).filter(([id]) => id !== NO_RULE).map(([id, { rfc, text }]) => {
    const { code, tests } = rules.get(id) ?? { code: [], tests: [] };
    const more = tests.length > MOST_TESTS ? `, and ${tests.length - MOST_TESTS} more` : "";
    const shown = tests.length === 0 ? "untested" : writer.testLinks(tests.slice(0, MOST_TESTS)) + more;
    return writer.row([`\`${id}\``, rfc === "-" ? "local choice" : rfc, text, writer.links(code), shown]);
  });
  return [writer.row(head), writer.row(head.map(() => "---")), ...rows];
}
