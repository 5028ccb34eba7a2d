/** What a person is told of a script that cannot be read. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MOST_SCRIPT_CHARS, parseScript } from "../../src/script/parse_script.ts";
import { ScriptError } from "../../src/script/script_error.ts";

function wrong(text: string): ScriptError {
  return assertThrows(() => parseScript(text, "dir/a.pkt"), ScriptError);
}

Deno.test("error: file, line, column, token, what was expected, and a caret under the place", () => {
  const error = wrong("0 socket() = 3\n\t+0 < S 0:0(0) win 70000 <mss 1>\n");
  assertEquals([error.file, error.line, error.column, error.token], ["dir/a.pkt", 2, 20, "70000"]);
  assertEquals(error.expected, "a window: a number from 0 to 65535");
  assertEquals(
    error.message,
    'dir/a.pkt:2:20: expected a window: a number from 0 to 65535, found "70000"\n' +
      "     +0 < S 0:0(0) win 70000 <mss 1>\n" +
      "                       ^",
  );
});

Deno.test("error: at the end of the script, and in the middle of a long line", () => {
  const atEnd = wrong("0 close(3");
  assertEquals([atEnd.line, atEnd.column, atEnd.token], [1, 10, ""]);
  assertEquals(
    atEnd.message,
    'dir/a.pkt:1:10: expected "," or ")", found the end of the script\n    0 close(3\n             ^',
  );
  const long = wrong(`0 f(${"1, ".repeat(1_000)}?, ${"2, ".repeat(1_000)}1) = 0`);
  assertEquals(long.column, 3_005);
  const [, shown, caret] = long.message.split("\n");
  assert(shown.length < 200);
  assertEquals(shown[caret.length - 1], "?");
});

Deno.test("error: what would move a terminal's cursor is not shown", () => {
  const error = wrong("0 \x1b[2J \u202e f() = 0");
  assert(!error.message.includes("\x1b") && !error.message.includes("\u202e"));
  assertEquals(error.token, "\x1b");
  assertEquals(wrong("0 f() = 0 \u{1f600}").token, "\u{1f600}");
});

Deno.test("error: what is opened and not ended is shown where it begins", () => {
  const begins: [string, number, string][] = [
    ['0 f("abc) = 0\n\n', 5, '" at the end of what begins here'],
    ["0 `abc\n\n", 3, "` at the end of what begins here"],
    ["0 %{ assert 1\n\n", 3, '"}%" at the end of the code that begins here'],
    ["0 f() /* abc\n\n", 7, '"*/" at the end of the comment that begins here'],
  ];
  for (const [text, column, expected] of begins) {
    const error = wrong(text);
    assertEquals([error.line, error.column, error.token, error.expected], [1, column, "", expected], text);
  }
});

Deno.test("error: hostile scripts end in an error, soon", () => {
  const size = 250_000;
  const hostile = [
    ...[
      "(",
      "[",
      "{",
      "<",
      ">",
      "|",
      "`",
      '"',
      "%{",
      "#",
      "-",
      ".",
      ":",
      "::",
      "0",
      "1:",
      "a",
      "\\",
      "/*",
      "+0 ",
      "1.1.1.1.",
      "ff:",
    ],
    ...["#ifdef A\n", "--a=", "...", "{a=", "[a=", "x(", "f([", "-1", "0x"],
  ].flatMap((piece) => {
    const many = piece.repeat(Math.ceil(size / piece.length));
    return [
      many,
      `0 ${many}`,
      `0 f(${many}`,
      `0 f(a = ${many}`,
      `0 > ${many}`,
      `0 > gre ${many}`,
      `0 f() = 0 (${many}`,
    ];
  });
  for (const text of hostile) wrong(text);
  assertEquals(wrong(`0 f(${"a=".repeat(100)}1) = 0`).expected, "no more than 64 values in values");
  assertEquals(wrong(`0 f(${"[".repeat(100)}`).expected, "no more than 64 brackets in brackets");
  assertEquals(
    wrong(" ".repeat(MOST_SCRIPT_CHARS + 1)).expected.startsWith("a script of no more than"),
    true,
  );
});

Deno.test("error: a long script is read in linear time, and long chains need no depth", () => {
  const line = "+0 > P. 1:1001(1000) ack 1 <nop,nop,TS val 1 ecr 2> // word\n";
  assertEquals(parseScript(line.repeat(20_000), "long").steps.length, 20_000);
  const chain = parseScript(`0 f(${"A|".repeat(100_000)}B) = 0`, "chain");
  assertEquals(chain.steps.length, 1);
});
