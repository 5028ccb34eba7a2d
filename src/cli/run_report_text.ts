/**
 * What `tcplab run` prints for people: a line a script, a failure with the line of the script, both sides, and our rule.
 *
 * Owns: the layout. Must not know: how a script is run. Whatever comes from a script is made safe to show.
 */
import { counted, type Palette, printable } from "../observe/text_layout.ts";
import { countVerdicts, type ScriptReport, VERDICTS } from "./run_report.ts";

/** Columns of the word of a verdict. */
const WORD_COLUMNS = 12;
/** Constructs that are named at the end at most. Local choice: a screen. */
const MOST_CONSTRUCTS = 15;
const INDENT = "      ";
/** Of a line of the script, before and behind the place; of what is told of it. Local choices: a line of a script is shorter. */
const SHOWN_BEFORE = 100;
const SHOWN_AFTER = 100;
const SHOWN_WORDS = 600;
/** Of a construct in the list at the end. */
const SHOWN_CONSTRUCT = 100;
/** Columns that rows have at least, however narrow the screen is. */
const LEAST_ROOM = 24;

/** What lines are printed on. */
export interface ReportPage {
  readonly palette: Palette;
  /** Columns of the terminal: what is longer goes on in rows below, each with its own marks. Infinity where lines are not seen but read. */
  readonly width: number;
}

/** One script: its line, and what belongs to it. */
export function reportLines(report: ScriptReport, page: ReportPage): string[] {
  const { palette } = page;
  const { script, verdict } = report;
  const name = printable(script);
  const word = verdict.padEnd(WORD_COLUMNS);
  if (verdict === "pass") {
    const seconds = `${(report.virtualMs / 1000).toFixed(3)} s`;
    return [`${palette.good(word)}${name}  ${palette.quiet(seconds)}`];
  }
  const place = report.line === null ? "" : `:${report.line}`;
  const reason = shortened(printable(firstLine(report.reason ?? "")));
  if (verdict === "unsupported") return [`${palette.notice(word)}${name}${place}: ${reason}`];
  const lines = [`${palette.bad(word)}${name}${place}: ${reason}`];
  if (report.text !== null && report.line !== null) {
    const gutter = String(report.line).padStart(INDENT.length);
    const { text, before } = excerpt(report.text, (report.column ?? 1) - 1);
    lines.push(...rowLines({
      label: `${palette.quiet(`${gutter} |`)} `,
      further: `${palette.quiet(`${INDENT} |`)} `,
      columns: gutter.length + " | ".length,
      text: printable(text.replaceAll("\t", " ")),
      marks: `${" ".repeat(before)}^`,
    }, page));
  }
  const expected = report.expected === null ? null : shortened(printable(report.expected));
  const actual = report.actual === null ? null : shortened(printable(report.actual));
  const further = `${INDENT}           `;
  const columns = further.length;
  if (expected !== null) {
    const label = `${INDENT} expected  `;
    lines.push(...rowLines({ label, further, columns, text: expected, marks: "" }, page));
  }
  if (actual !== null) {
    const label = `${INDENT} actual    `;
    const marks = expected === null ? "" : differenceMarks(expected, actual);
    lines.push(...rowLines({ label, further, columns, text: actual, marks }, page));
  }
  if (report.rule !== null) {
    const source = report.rfc === null ? "" : ` (${report.rfc})`;
    lines.push(
      `${INDENT} rule      ${printable(report.rule)}${source}: tcplab why ${printable(report.rule)}`,
    );
  }
  return lines;
}

/** The last lines: how many of each, and what is not there. */
export function summaryLines(
  reports: readonly ScriptReport[],
  about: { readonly palette: Palette; readonly realMs: number },
): string[] {
  const counts = countVerdicts(reports);
  const parts = VERDICTS.filter((verdict) => counts[verdict] > 0 || verdict === "pass")
    .map((verdict) => `${counts[verdict]} ${WORDS[verdict]}`);
  const seconds = (about.realMs / 1000).toFixed(2);
  const lines = [
    about.palette.strong(`${parts.join(", ")} (${counted(reports.length, "script")}, ${seconds} s)`),
  ];
  if (counts.unsupported > 0 && reports.length > 1) lines.push(...constructLines(reports));
  return lines;
}

const WORDS = { pass: "passed", fail: "failed", unsupported: "unsupported", error: "not readable" } as const;

function constructLines(reports: readonly ScriptReport[]): string[] {
  const byName = new Map<string, number>();
  for (const { verdict, reason } of reports) {
    if (verdict !== "unsupported") continue;
    const name = shortened(printable(firstLine(reason ?? "")), SHOWN_CONSTRUCT);
    byName.set(name, (byName.get(name) ?? 0) + 1);
  }
  const sorted = [...byName].sort(([, a], [, b]) => b - a);
  const lines = sorted.slice(0, MOST_CONSTRUCTS).map(([name, count]) =>
    `${String(count).padStart(6)}  ${name}`
  );
  const left = sorted.length - lines.length;
  return ["unsupported:", ...lines, ...(left > 0 ? [`        and ${left} more`] : [])];
}

/** What of a line is shown, and how much of that is before the place; `at` from 0. */
function excerpt(line: string, at: number): { readonly text: string; readonly before: number } {
  const whole = line.trimEnd();
  const from = Math.max(0, at - SHOWN_BEFORE);
  const to = Math.min(whole.length, at + SHOWN_AFTER);
  const head = from > 0 ? "..." : "";
  const text = `${head}${whole.slice(from, to)}${to < whole.length ? "..." : ""}`;
  return { text, before: head.length + Math.max(0, at - from) };
}

function shortened(text: string, most = SHOWN_WORDS): string {
  return text.length > most ? `${text.slice(0, most)}...` : text;
}

/** Text that has marks under some of it. */
interface MarkedText {
  /** What stands before the first row, and before all others; both are so many columns wide. */
  readonly label: string;
  readonly further: string;
  readonly columns: number;
  readonly text: string;
  /** In the columns of the text; "" where there are none. */
  readonly marks: string;
}

/** The text in rows that the page has room for, ended behind a word where that can be, and the marks of each below it. */
function rowLines(marked: MarkedText, { palette, width }: ReportPage): string[] {
  const { label, further, text, marks } = marked;
  const room = Math.max(LEAST_ROOM, width - marked.columns - 1);
  const lines: string[] = [];
  let from = 0;
  do {
    const to = text.length - from > room ? endOfRow(text, { from, most: from + room }) : text.length;
    lines.push(`${from === 0 ? label : further}${text.slice(from, to)}`);
    // A mark may stand behind the last character.
    const own = (to === text.length ? marks.slice(from) : marks.slice(from, to)).trimEnd();
    if (own !== "") {
      const blanks = own.length - own.trimStart().length;
      lines.push(`${further}${own.slice(0, blanks)}${palette.bad(own.slice(blanks))}`);
    }
    from = to;
  } while (from < text.length);
  return lines;
}

/** Behind a word's end in the second half of the row; where there is none, as far as the row goes. */
function endOfRow(text: string, { from, most }: { readonly from: number; readonly most: number }): number {
  for (let at = most; at > (from + most) / 2; at--) if (WORD_ENDS.test(text[at - 1])) return at;
  return most;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0];
}

/**
 * `^` under the words of `actual` that differ, where both have the same words but for some; else under the rest that differs. Options
 * are words too (`<mss 1460,sackOK>`).
 */
function differenceMarks(expected: string, actual: string): string {
  const want = expected.split(WORD_ENDS);
  const got = actual.split(WORD_ENDS);
  // Words about something else ("nothing until ...") are no packet that could differ in places.
  if (!got.some((word) => word.length > 1 && want.includes(word))) return "";
  const isAligned = want.length === got.length;
  let marks = "";
  for (const [at, word] of got.entries()) {
    const isSame = isAligned ? word === want[at] : want.includes(word);
    // The times in front may differ within the tolerance, and mostly do.
    const isTime = at === 0 && /^[\d.~*]+$/.test(word);
    marks += `${(isSame || isTime ? " " : "^").repeat(word.length)} `;
  }
  return marks.trimEnd();
}

/** Each is one character, so that the marks stand right. */
const WORD_ENDS = /[ ,]/;
