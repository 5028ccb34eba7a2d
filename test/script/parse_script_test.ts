/** The frame of a script: options, commands, times, conditions, names that stand for something. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { decimalMicroseconds, definesOf, parseScript } from "../../src/script/parse_script.ts";
import { ScriptError } from "../../src/script/script_error.ts";
import type { Script, ScriptPart, Step, StepTime } from "../../src/script/values.ts";

function steps(script: Script): Step[] {
  return script.steps.map((part) => {
    if (part.kind !== "step") throw new Error("a condition");
    return part;
  });
}

function timeOf(text: string): StepTime {
  return steps(parseScript(text, "t"))[0].time;
}

function wrong(text: string): ScriptError {
  return assertThrows(() => parseScript(text, "t.pkt"), ScriptError);
}

Deno.test("parse: options, the first and the last command, steps between them", () => {
  const script = parseScript(
    '--a=1 --b --c=word --d=192.0.2.1 --e=fd00::1 --f="a b" --g=ipv4\n`up`\n0 `middle`\n`down`\n',
    "x.pkt",
  );
  assertEquals(script.file, "x.pkt");
  assertEquals(script.options.map(({ name, value }) => [name, value]), [
    ["a", "1"],
    ["b", null],
    ["c", "word"],
    ["d", "192.0.2.1"],
    ["e", "fd00::1"],
    ["f", "a b"],
    ["g", "ipv4"],
  ]);
  assertEquals([script.setUp?.text, script.cleanUp?.text], ["up", "down"]);
  assertEquals(steps(script).map(({ event }) => event.kind === "shell" ? event.text : event.kind), [
    "middle",
  ]);
  assertEquals(steps(script)[0].place, { line: 3, column: 1 });
});

Deno.test("parse: every form of a time", () => {
  const none = { untilUs: null, endUs: null };
  assertEquals(timeOf("0.5 `x`"), { base: "absolute", fromUs: 500_000, untilUs: 500_000, endUs: null });
  assertEquals(timeOf("+2 `x`"), { base: "relative", fromUs: 2_000_000, untilUs: 2_000_000, endUs: null });
  assertEquals(timeOf("* > . 1:1(0)"), { base: "any", fromUs: null, ...none });
  assertEquals(timeOf("+.1~+.2 > . 1:1(0)"), {
    base: "relative",
    fromUs: 100_000,
    untilUs: 200_000,
    endUs: null,
  });
  assertEquals(timeOf("1~2 > . 1:1(0)"), { base: "absolute", fromUs: 1e6, untilUs: 2e6, endUs: null });
  assertEquals(timeOf("+0...0.000001 f() = 0"), { base: "relative", fromUs: 0, untilUs: 0, endUs: 1 });
});

Deno.test("parse: seconds become microseconds without a floating-point error", () => {
  // 0.29 * 1e6, 1.1 * 1e6 and 4.35 * 1e6 are not whole in floating point.
  const exact: [string, number][] = [
    ["0.29", 290_000],
    ["1.1", 1_100_000],
    ["4.35", 4_350_000],
    ["1000000000.000001", 1_000_000_000_000_001],
    ["0.1234569", 123_456],
    [".5", 500_000],
    ["007", 7_000_000],
  ];
  for (const [text, us] of exact) assertEquals(decimalMicroseconds(text), us, text);
  for (let us = 0; us < 1_000_000; us += 997) {
    assertEquals(decimalMicroseconds(`3.${String(us).padStart(6, "0")}`), 3_000_000 + us);
  }
  for (const text of ["", "-1", "-0.5", "1000000001", "1e3", "9".repeat(400)]) {
    assertEquals(decimalMicroseconds(text), null, text);
  }
});

Deno.test("parse: what a time must not be", () => {
  assertEquals(wrong("-1 `x`").token, "-1");
  assertEquals(wrong("* `x`").token, "*");
  assertEquals(wrong("* < S 0:0(0)").token, "*");
  assertEquals(wrong("0~1 `x`").token, "0");
  assertEquals(wrong("+0~+1 < S 0:0(0)").token, "+");
  assertEquals(wrong("1~0 > . 1:1(0)").token, "0");
  assertEquals(wrong("+0~1 > . 1:1(0)").expected, '"+"');
  assertEquals(wrong("2...1 f() = 0").token, "1");
  assertEquals(wrong("0...1 > . 1:1(0)").token, ">");
  assertEquals(wrong("0...1 `x`").token, "`x`");
});

Deno.test("parse: conditions in conditions, with else", () => {
  const script = parseScript(
    "#ifdef A\n0 `a`\n#ifndef B\n0 `b`\n#else\n0 `c`\n0 `d`\n#endif\n#endif\n0 `e`",
    "t",
  );
  const shape = (parts: readonly ScriptPart[]): unknown[] =>
    parts.map((part) =>
      part.kind === "condition"
        ? [part.negated ? "unless" : "if", part.name, shape(part.then), shape(part.otherwise)]
        : part.event.kind === "shell" && part.event.text
    );
  assertEquals(shape(script.steps), [["if", "A", ["a", ["unless", "B", ["b"], ["c", "d"]]], []], "e"]);
  assertEquals(wrong("#ifdef A\n0 `a`").expected, '"#endif" for the #ifdef in line 1');
  assertEquals(wrong("0 `a`\n#endif").token, "#endif");
  assertEquals(wrong("#else\n#endif\n0 `a`").token, "#else");
  assertEquals(wrong("#ifdef 7\n0 `a`\n#endif").token, "7");
  assertEquals(wrong("#ifdef A\n`a`\n#endif").token, "`a`");
});

Deno.test("parse: a name stands for what the script or the caller says", () => {
  const script = parseScript(
    '--define=PORT=8080 --define=X=0x1f --define=WHAT="abc" --define=DO=`run` --define=FAMILY=AF_INET\n' +
      "0 f(PORT, X, WHAT, FAMILY, MINE, OTHER) = 0\n0 DO\n#ifdef PORT\n#endif",
    "t",
    { defines: new Map([["MINE", "-7"], ["X", "0x20"]]) },
  );
  const event = script.steps[0].kind === "step" ? script.steps[0].event : null;
  const args = event?.kind === "call" ? event.args : [];
  assertEquals(
    args.map((arg) => arg.kind === "number" ? arg.value : arg.kind === "word" ? arg.name : arg.kind),
    [8080, 32, "string", "AF_INET", -7, "OTHER"],
  );
  assertEquals(script.steps[1].kind === "step" && script.steps[1].event.kind, "shell");
  assertEquals(script.steps[2].kind === "condition" && script.steps[2].name, "PORT");
  assertEquals(definesOf(script.options).get("WHAT"), '"abc"');
  assertEquals(wrong("0 > . 1:1(0) win SIZE").expected.includes("nothing is defined for the name"), true);
});

Deno.test("parse: what stands at the wrong place is named", () => {
  assertEquals(wrong("").expected, "a step: a time, then a packet, a call, a command or code");
  assertEquals(wrong("// only words").token, "");
  assertEquals(wrong("0 `a`\n`b`\n0 `c`").token, "`b`");
  assertEquals(wrong("0 `a`\n--late").token, "--late");
  assertEquals(wrong("0 `a`\nfoo() = 0").token, "foo");
  assertEquals(wrong("0").token, "");
  assertEquals(wrong("0 ?").token, "?");
  assertEquals(wrong("--a=\n* > . 1:1(0)").token, "*");
  assertEquals(wrong("--a=`x`\n0 `a`").token, "`x`");
  for (
    const text of ["#define A 1\n0 `a`", "0 `a`\n#if 0", "0 `a` # words", "#ifdef A\n#elif B\n0 `a`\n#endif"]
  ) {
    assertStringIncludes(
      wrong(text).expected,
      "#ifdef, #ifndef, #else or #endif, or a comment behind //",
      text,
    );
  }
});

Deno.test("script: an option's value stands behind a sign; without it, it is no time of a step", () => {
  const error = assertThrows(() => parseScript("--mtu 9000\n0 close(3) = 0\n", "t"), ScriptError);
  assertEquals([error.line, error.token], [1, "9000"]);
  assertEquals(error.expected, 'the end of the line, or "=" and a value, as in --mtu=9000');
  for (
    const text of [
      "--strict_segments\n0 close(3) = 0",
      "--mtu = 9000 --v\n0 close(3) = 0",
      "--v `true`\n0 f() = 0",
    ]
  ) {
    assertEquals(parseScript(text, "t").options.length > 0, true, text);
  }
});
