/** What `tcplab run` prints for people: long lines are cut around the place, and what differs is marked, nothing else. */
import { assert, assertEquals } from "@std/assert";
import type { ScriptReport } from "../../src/cli/run_report.ts";
import { reportLines, summaryLines } from "../../src/cli/run_report_text.ts";
import { paletteFor } from "../../src/observe/text_layout.ts";

const FAILED: ScriptReport = {
  script: "s.pkt",
  verdict: "fail",
  line: 7,
  column: 4,
  text: "+0 > S. 0:0(0) ack 1",
  expected: null,
  actual: null,
  reason: "options",
  rule: null,
  rfc: null,
  virtualMs: 0,
  realMs: 0,
};

function linesOf(parts: Partial<ScriptReport>, width = Infinity): string[] {
  return reportLines({ ...FAILED, ...parts }, { palette: paletteFor(false), width });
}

/** What stands above the marks of the line behind it. */
function marked([above, marks]: readonly string[]): string {
  return [...above].filter((_, at) => marks[at] === "^").join("");
}

Deno.test("of options those are marked that differ", () => {
  const lines = linesOf({
    expected: "0.000000 > S. 0:0(0) ack 1 <mss 1460,sackOK,wscale 8>",
    actual: "0.004000 > S. 0:0(0) ack 2 <mss 1440,sackOK,wscale 8>",
  });
  assertEquals(marked(lines.slice(-2)), "21440");
  const other = linesOf({
    expected: "0.000000 > S. 0:0(0) ack 1 <mss 1460,sackOK>",
    actual: "0.000000 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>",
  });
  assertEquals(marked(other.slice(-2)), "nopnop");
});

Deno.test("a long line is shown around the place, with the caret under it, and long words are cut", () => {
  for (const at of [0, 1, 99, 100, 101, 5_000, 999_999]) {
    const text = `${"-".repeat(at)}X${"-".repeat(1_000_000 - at - 1)}`;
    const lines = linesOf({
      text,
      column: at + 1,
      expected: text,
      actual: text,
      reason: text,
      rule: "send.data",
    });
    assertEquals(marked(lines.slice(1, 3)), "X", `${at}`);
    for (const line of lines) assert(line.length < 650, `${at}: ${line.length}`);
  }
  // The end of the script, behind the last character.
  const [, text, caret] = linesOf({ text: "-".repeat(1_000), column: 1_001 });
  assertEquals(caret.length, text.length + 1);
  assertEquals(linesOf({}).slice(1), ["     7 | +0 > S. 0:0(0) ack 1", "       |    ^"]);
});

const WIDE = {
  text: "*    > . 1:1(0) ack 1 win 63 <nop,nop,TS val 1200 ecr 200,nop,nop,sack 1001:2001>",
  column: 6,
  expected: "* > . 1:1(0) ack 1 win 63 <nop,nop,TS val 1200 ecr 200,nop,nop,sack 1001:2001>",
  actual: "0.200000 > . 1:1(0) ack 1 win 64 <nop,nop,TS val 1200 ecr 200,nop,nop,sack 1001:2002>",
};

Deno.test("on a narrow screen a line goes on below, each row with its own marks", () => {
  const lines = linesOf(WIDE, 80);
  assertEquals(lines.slice(1), [
    "     7 | *    > . 1:1(0) ack 1 win 63 <nop,nop,TS val 1200 ecr 200,nop,nop,",
    "       |      ^",
    "       | sack 1001:2001>",
    "       expected  * > . 1:1(0) ack 1 win 63 <nop,nop,TS val 1200 ecr 200,nop,",
    "                 nop,sack 1001:2001>",
    "       actual    0.200000 > . 1:1(0) ack 1 win 64 <nop,nop,TS val 1200 ecr 200,",
    "                                               ^^",
    "                 nop,nop,sack 1001:2002>",
    "                              ^^^^^^^^^^",
  ]);
  assertEquals(linesOf(WIDE).length, 6);
});

Deno.test("no row is wider than the screen, nothing of the text is lost, and the end of the script has its caret", () => {
  const text = `${"a".repeat(30)} ${"b".repeat(95)}`;
  for (let width = 45; width < 200; width++) {
    const lines = linesOf({ text, column: text.length + 1, expected: text, actual: text }, width).slice(1);
    for (const line of lines) assert(line.length <= width, `${width}: ${line}`);
    const rows = lines.filter((line) => line.includes(" | ") && !line.endsWith("^"));
    const shown = rows.map((line) => line.slice("     7 | ".length)).join("");
    assertEquals(shown.replace(/^\.\.\./, ""), text.slice(-shown.replace(/^\.\.\./, "").length));
    assert(
      lines.findIndex((line) => line.endsWith("^")) === rows.length,
      `${width}: the caret is under the last row`,
    );
    const actual = lines.slice(lines.findIndex((line) => line.includes("actual")));
    assertEquals(actual.map((line) => line.slice("       actual    ".length)).join(""), text);
  }
});

Deno.test("the list of constructs at the end is short however long a name is", () => {
  const report = { ...FAILED, verdict: "unsupported" as const, reason: `${"f".repeat(5_000)}()` };
  const lines = summaryLines([report, report], { palette: paletteFor(false), realMs: 1 });
  assertEquals(lines.length, 3);
  for (const line of lines) assert(line.length < 150, line);
});
