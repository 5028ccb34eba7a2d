/**
 * What `tcplab run` tells programs: JSON, TAP and JUnit's XML.
 *
 * Owns: these three formats. Must not know: how a script is run, where the text goes.
 * TAP is version 13 (testanything.org), of which 14 is an extension: readers that know no later one, perl's prove among them, take the
 * number for an error. JUnit's XML as CI systems read it (testsuites, testsuite, testcase, failure, error, skipped).
 */
import { dirname } from "@std/path";
import { countVerdicts, type ScriptReport } from "./run_report.ts";

/** What a report is made with. */
export interface ReportWishes {
  /** Constructs that are not there count as skipped, else as failed. */
  readonly skipsUnsupported: boolean;
}

/** `run --json`: one document. */
export function jsonText(reports: readonly ScriptReport[]): string {
  return `${JSON.stringify({ scripts: reports, counts: countVerdicts(reports) }, null, 2)}\n`;
}

/** `run --tap`. */
export function tapText(reports: readonly ScriptReport[], { skipsUnsupported }: ReportWishes): string {
  const lines = ["TAP version 13", `1..${reports.length}`];
  for (const [at, report] of reports.entries()) {
    const isSkipped = report.verdict === "unsupported" && skipsUnsupported;
    const isOk = report.verdict === "pass" || isSkipped;
    const name = tapWords(report.script);
    const skip = isSkipped ? ` # SKIP unsupported: ${tapWords(report.reason ?? "")}` : "";
    lines.push(`${isOk ? "ok" : "not ok"} ${at + 1} - ${name}${skip}`);
    if (isOk) continue;
    lines.push("  ---");
    for (const [field, value] of Object.entries(diagnosticOf(report))) {
      // JSON is YAML.
      if (value !== null) lines.push(`  ${field}: ${JSON.stringify(value)}`);
    }
    lines.push("  ...");
  }
  return `${lines.join("\n")}\n`;
}

function diagnosticOf({ verdict, line, reason, expected, actual, rule, rfc }: ScriptReport) {
  return { verdict, line, reason, expected, actual, rule, rfc };
}

/** `#` begins a directive, a line break a line: neither may come from a name. */
function tapWords(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").replaceAll("\\", "\\\\").replaceAll("#", "\\#");
}

/** `run --junit FILE`: a suite a directory. */
export function junitText(reports: readonly ScriptReport[], wishes: ReportWishes): string {
  const suites = new Map<string, ScriptReport[]>();
  for (const report of reports) {
    const name = dirname(report.script);
    const suite = suites.get(name) ?? [];
    suite.push(report);
    suites.set(name, suite);
  }
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tcplab run"${totals(reports, wishes)}>`,
  ];
  for (const [name, suite] of suites) {
    lines.push(`  <testsuite name="${xml(name)}"${totals(suite, wishes)}>`);
    for (const report of suite) lines.push(...testCase(report, wishes));
    lines.push("  </testsuite>");
  }
  lines.push("</testsuites>");
  return `${lines.join("\n")}\n`;
}

function totals(reports: readonly ScriptReport[], { skipsUnsupported }: ReportWishes): string {
  const { fail, unsupported, error } = countVerdicts(reports);
  const failures = fail + (skipsUnsupported ? 0 : unsupported);
  const seconds = reports.reduce((sum, { realMs }) => sum + realMs, 0) / 1000;
  const skipped = skipsUnsupported ? unsupported : 0;
  return ` tests="${reports.length}" failures="${failures}" errors="${error}" skipped="${skipped}" time="${
    seconds.toFixed(3)
  }"`;
}

function testCase(report: ScriptReport, { skipsUnsupported }: ReportWishes): string[] {
  const { script, verdict, line, reason } = report;
  const time = (report.realMs / 1000).toFixed(3);
  const head = `    <testcase classname="${xml(dirname(script))}" name="${xml(script)}" time="${time}"`;
  if (verdict === "pass") return [`${head}/>`];
  const place = line === null ? "" : `line ${line}: `;
  const message = xml(`${place}${reason ?? ""}`);
  if (verdict === "unsupported" && skipsUnsupported) {
    return [`${head}>`, `      <skipped message="${message}"/>`, "    </testcase>"];
  }
  const element = verdict === "error" ? "error" : "failure";
  const details = Object.entries(diagnosticOf(report))
    .filter(([, value]) => value !== null)
    .map(([field, value]) => `${field}: ${value}`)
    .join("\n");
  return [
    `${head}>`,
    `      <${element} type="${verdict}" message="${message}">${xml(details)}</${element}>`,
    "    </testcase>",
  ];
}

const XML_WORDS: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
};

/** XML 1.0 §2.2: most control characters may not stand in it, not even escaped. */
function xml(text: string): string {
  // deno-lint-ignore no-control-regex -- these are the characters that XML forbids.
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000d-\u001f\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd")
    .replace(/[&<>"\n]/g, (char) => XML_WORDS[char]);
}
