/**
 * The conformance table: which requirement of RFC 9293 and which of its companions is met where, and which tests show it.
 *
 * Owns: gathering requirement labels (`MUST-10`) and `Deviation:` comments from the code, labels from the tests,
 * and docs/conformance.md, which is made of them. `--check` says so when it had to be written anew.
 *
 * A label in src/ or ffi/ says: this line meets it. `MUST-10 (partly)` says: in part. A label inside a `Deviation:`
 * comment says: here it is not met, on purpose. A label in the title of a test, or in the comment right above it, says:
 * this test fails where it is not met. Anywhere else in a file below test/ it says nothing.
 */
import { type Requirement, REQUIREMENTS } from "./rfc9293_requirements.ts";
import { type Finding, lineAt, projectFiles, readProjectFile, reportFindings } from "./project_files.ts";
import { type TestCase, testsIn } from "./claimed_tests.ts";
import {
  gatherRuleEvidence,
  type RuleEvidence,
  rulePages,
  type SourceFile,
  type TestName,
} from "./rule_evidence.ts";

export type { SourceFile };

const TABLE_PATH = "docs/conformance.md";

/** What the table says about a requirement. */
type Verdict = "met" | "untested" | "partly" | "not";

/** A deliberate difference from an RFC, as the code confesses it. */
interface Deviation {
  readonly path: string;
  readonly text: string;
  readonly ids: readonly string[];
}

/** All labels and deviations of the project. */
interface Evidence {
  /** Requirement id to the code files that name it. */
  readonly code: ReadonlyMap<string, ReadonlySet<string>>;
  /** Ids that the code names with `(partly)`. */
  readonly partly: ReadonlySet<string>;
  /** Requirement id to the tests that claim to show it. */
  readonly tests: ReadonlyMap<string, readonly TestName[]>;
  readonly deviations: readonly Deviation[];
  /** Labels that are no requirement's. */
  readonly findings: readonly Finding[];
}

const LABEL = /\b((?:MUST|SHLD|MAY|REC)-\d+)\b( \(partly\))?/g;
const KNOWN_IDS: ReadonlySet<string> = new Set(REQUIREMENTS.map((requirement) => requirement.id));

function add(map: Map<string, Set<string>>, id: string, path: string): void {
  const paths = map.get(id);
  if (paths === undefined) map.set(id, new Set([path]));
  else paths.add(path);
}

/** Comments that begin with `Deviation:`, up to the end of their paragraph; `end` is an offset in the text. */
function deviationsOf(
  { path, text }: SourceFile,
): (Deviation & { readonly start: number; readonly end: number })[] {
  const found = [];
  // The rest of the line, and the comment lines after it that hold words and begin no other deviation.
  const comment = /\bDeviation:[^\n]*(?:\n[ \t]*(?:\/\/+|\*(?!\/))[ \t]*(?!Deviation:)[^\s/@*][^\n]*)*/g;
  for (const match of text.matchAll(comment)) {
    const words = match[0].replace(/^Deviation:/, "").replace(/\n[ \t]*(?:\/\/+|\*)[ \t]*/g, " ").replace(
      /\*\/.*$/s,
      "",
    );
    found.push({
      path,
      text: words.replace(/\s+/g, " ").trim(),
      ids: [...words.matchAll(LABEL)].map((label) => label[1]),
      start: match.index,
      end: match.index + match[0].length,
    });
  }
  return found;
}

/** Gathers labels and deviations from the files of src/, ffi/ and test/. */
export function gatherEvidence(files: readonly SourceFile[]): Evidence {
  const code = new Map<string, Set<string>>();
  const tests = new Map<string, TestCase[]>();
  const partly = new Set<string>();
  const deviations: Deviation[] = [];
  const findings: Finding[] = [];
  for (const file of files) {
    const isTest = file.path.startsWith("test/");
    if (isTest) gatherClaims(file, tests);
    const here = isTest ? [] : deviationsOf(file);
    deviations.push(...here.map(({ path, text, ids }) => ({ path, text, ids })));
    for (const match of file.text.matchAll(LABEL)) {
      const id = match[1];
      if (!KNOWN_IDS.has(id)) {
        const message = `RFC 9293 has no requirement ${id}`;
        findings.push({ path: file.path, line: lineAt(file.text, match.index), message });
      } else if (!isTest && !here.some(({ start, end }) => match.index >= start && match.index < end)) {
        add(code, id, file.path);
        if (match[2] !== undefined) partly.add(id);
      }
    }
  }
  return { code, tests, partly, deviations, findings };
}

/** Adds the tests of a file to the requirements that they claim to show. */
function gatherClaims({ path, text }: SourceFile, tests: Map<string, TestCase[]>): void {
  for (const test of testsIn(path, text)) {
    const ids = new Set([...test.claim.matchAll(LABEL)].map((match) => match[1]));
    for (const id of ids) tests.set(id, [...tests.get(id) ?? [], test]);
  }
}

/** What the evidence says about one requirement. */
export function verdictOn(requirement: Requirement, evidence: Evidence): Verdict {
  const { id, alsoIn } = requirement;
  const deviates = evidence.deviations.some((deviation) => deviation.ids.includes(id));
  if (!evidence.code.has(id)) return "not";
  if (deviates || evidence.partly.has(id)) return "partly";
  if (alsoIn !== undefined && ![...evidence.code.get(id) ?? []].some((path) => path.startsWith(alsoIn))) {
    return "partly";
  }
  return evidence.tests.has(id) ? "met" : "untested";
}

const VERDICTS: readonly Verdict[] = ["met", "untested", "partly", "not"];
const LEVELS = ["MUST", "SHLD", "MAY", "REC"];

function links(paths: Iterable<string>): string {
  return [...paths].sort().map((path) => `[${path.replace(/^(src|test)\//, "")}](../${path})`).join(", ");
}

/** Tests by name, those of one file behind one link; of a script its path is the name. */
function testLinks(tests: readonly TestName[]): string {
  const byPath = Map.groupBy(tests, ({ path }) => path);
  return [...byPath.keys()].sort().map((path) => {
    if (path.endsWith(".pkt")) return links([path]);
    const titles = (byPath.get(path) ?? []).map(({ title }) => `"${title.replace(/([*_<`])/g, "\\$1")}"`);
    return `${links([path])}: ${titles.join(", ")}`;
  }).join("; ");
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function summaryTable(verdicts: ReadonlyMap<string, Verdict>): string[] {
  const count = (level: string, verdict: Verdict) =>
    [...verdicts].filter(([id, one]) => id.startsWith(level) && one === verdict).length;
  return [
    tableRow(["", ...VERDICTS]),
    tableRow(["---", ...VERDICTS.map(() => "--:")]),
    ...LEVELS.map((level) => tableRow([level, ...VERDICTS.map((verdict) => String(count(level, verdict)))])),
  ];
}

function groupTable(group: string, evidence: Evidence, verdicts: ReadonlyMap<string, Verdict>): string[] {
  const rows = REQUIREMENTS.filter((requirement) => requirement.group === group).map((requirement) => {
    const { id, concerns, onWire, text } = requirement;
    return tableRow([
      id,
      text,
      concerns.join(" ") + (onWire ? " w" : ""),
      verdicts.get(id) ?? "not",
      links(evidence.code.get(id) ?? []),
      testLinks(evidence.tests.get(id) ?? []),
    ]);
  });
  const head = ["requirement", "what it asks", "concerns", "verdict", "code", "tests"];
  return [`### ${group}`, "", tableRow(head), tableRow(head.map(() => "---")), ...rows, ""];
}

/** The whole of docs/conformance.md. */
export function conformancePage(evidence: Evidence, rules: RuleEvidence): string {
  const verdicts = new Map(REQUIREMENTS.map((one) => [one.id, verdictOn(one, evidence)]));
  const groups = [...new Set(REQUIREMENTS.map((requirement) => requirement.group))];
  const deviations = evidence.deviations.map(({ path, text }) => `- ${text} (${links([path])})`);
  return [
    "<!-- Made by `deno task rfc` from labels in the code and the tests; edit those instead. -->",
    "",
    "# Conformance to RFC 9293 and its companions",
    "",
    "The 119 numbered requirements of RFC 9293 (its Appendix B), in short words of our own; the RFC's text is what",
    "counts. **Concerns**: S the passive end, A the active end, E any end, U the interface to applications, I services",
    "of the IP layer; w can be checked from the wire. **Verdicts**: *met*: the code says where, and a test shows it;",
    "*untested*: the code says where, and no test is named after it yet; *partly*: met in part, with a deviation, or in",
    "one of the layers that have a part in it; *not*: not done. MAY requirements are a choice. **Tests** have the",
    "requirement in their title, or in the comment right above them; where it is broken they fail.",
    "",
    ...summaryTable(verdicts),
    "",
    "## Requirements",
    "",
    ...groups.flatMap((group) => groupTable(group, evidence, verdicts)),
    ...rulePages(rules, {
      writer: { links, testLinks, row: tableRow },
      deviations: evidence.deviations.map((deviation) => deviation.text),
    }),
    "## Deliberate deviations",
    "",
    ...(deviations.length === 0 ? ["None."] : deviations),
    "",
  ].join("\n");
}

/** The files that may hold evidence. This script's own tests hold only samples. */
function evidenceFiles(): SourceFile[] {
  return ["src", "ffi", "test"]
    .flatMap((folder) => projectFiles(folder))
    .filter((path) => /\.(?:ts|pkt)$/.test(path) && path !== "test/scripts/check_rfc_test.ts")
    .map((path) => ({ path, text: readProjectFile(path) }));
}

function committedPage(): string {
  try {
    return readProjectFile(TABLE_PATH);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function main(isCheck: boolean): number {
  const files = evidenceFiles();
  const evidence = gatherEvidence(files);
  const rules = gatherRuleEvidence(files);
  const findings = [...evidence.findings, ...rules.findings];
  const page = conformancePage(evidence, rules);
  const isStale = committedPage() !== page;
  if (isStale) Deno.writeTextFileSync(new URL(`../${TABLE_PATH}`, import.meta.url), page);
  if (isCheck && isStale) {
    console.error(`${TABLE_PATH} was not what the labels say; it is written anew, commit it`);
  }
  return reportFindings("Conformance", findings);
}

if (import.meta.main) Deno.exit(main(Deno.args.includes("--check")));
