/** The code of a script: what holds, what does not, and what is not understood and never passes. */
import { assert, assertEquals } from "@std/assert";
import { type CodeNames, type CodeResult, evaluateCode } from "../../src/script/code.ts";

const KNOWN: ReadonlyMap<string, number | string> = new Map<string, number | string>([
  ["tcpi_snd_cwnd", 10],
  ["tcpi_rtt", 12_500],
  ["tcpi_options", 7],
  ["TCPI_OPT_SACK", 2],
  ["name", "reno"],
]);

function run(text: string, names?: CodeNames): CodeResult {
  return evaluateCode(text, KNOWN, names === undefined ? {} : { names });
}

function printed(expression: string): string {
  const result = run(`print(${expression})`);
  assert(result.kind === "ok", `${expression}: ${JSON.stringify(result)}`);
  return result.printed[0];
}

function unsupported(text: string): string {
  const result = run(text);
  assert(result.kind === "unsupported", `${text}: ${JSON.stringify(result)}`);
  return result.construct;
}

Deno.test("code: assertions that hold", () => {
  const held = [
    " assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd ",
    "assert 5000 <= tcpi_rtt <= 20000, 'srtt=%d us' % tcpi_rtt",
    "assert tcpi_rtt >= 9*1000 and tcpi_rtt <= 105*1000",
    "assert (tcpi_options & TCPI_OPT_SACK) != 0",
    "assert tcpi_options == (1 | TCPI_OPT_SACK | 0x4)",
    "assert tcpi_snd_cwnd in (9, 10) and not tcpi_snd_cwnd in [11]",
    "assert tcpi_snd_cwnd not in (1,)",
    "assert min(tcpi_snd_cwnd, 3) == 3; assert max([1, 2]) == 2",
    "assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd; \\\n   assert name == 'reno'",
    "\n# words\nassert tcpi_snd_cwnd == 10  # more words\n\nassert tcpi_rtt > 0\n",
    "\n  assert tcpi_snd_cwnd == 10\n  assert tcpi_rtt > 0\n",
    "assert tcpi_snd_cwnd == 10;\\\n",
    "assert (1 <\n  2)",
    "for x in (1, 2, 3): assert x < tcpi_snd_cwnd",
    "for x in range(3):\n  y = x\n  assert y <= 2\nassert y == 2",
    "if tcpi_snd_cwnd > 5:\n  x = 1\nelif nothing:\n  x = 2\nelse:\n  x = 3\nassert x == 1",
    "x = 3 if tcpi_snd_cwnd < 5 else 4\nassert x == 4",
    "assert True or nothing",
    "pass",
    "",
  ];
  for (const text of held) assertEquals(run(text), { kind: "ok", printed: [] }, text);
});

Deno.test("code: assertions that do not hold say what was expected and what the names are", () => {
  const failed = (text: string) => {
    const result = run(text);
    return result.kind === "failed" ? [result.expected, result.actual] : [result.kind];
  };
  assertEquals(failed("assert tcpi_snd_cwnd == 11, tcpi_snd_cwnd"), [
    "tcpi_snd_cwnd == 11",
    "tcpi_snd_cwnd is 10",
  ]);
  assertEquals(failed("assert 1 <= tcpi_rtt\n <= 2"), ["unsupported"]);
  assertEquals(failed("assert 1 <= tcpi_rtt <= 2, 'rtt=%d us' % tcpi_rtt"), [
    "1 <= tcpi_rtt <= 2",
    "tcpi_rtt is 12500 (rtt=12500 us)",
  ]);
  assertEquals(failed("cwnd = 9\nassert tcpi_snd_cwnd  ==  cwnd"), [
    "tcpi_snd_cwnd == cwnd",
    "tcpi_snd_cwnd is 10, cwnd is 9",
  ]);
  assertEquals(failed("assert name == 'cubic'"), ["name == 'cubic'", "name is 'reno'"]);
  assertEquals(failed("assert 1 == 2"), ["1 == 2", "it does not hold"]);
  assertEquals(failed("assert 0"), ["0", "it does not hold"]);
  assertEquals(failed("assert not tcpi_snd_cwnd"), ["not tcpi_snd_cwnd", "tcpi_snd_cwnd is 10"]);
  // The first that fails ends the code; what was printed before is kept.
  assertEquals(run("print('a'); assert 0; print('b')"), {
    kind: "failed",
    expected: "0",
    actual: "it does not hold",
    printed: ["a"],
  });
});

Deno.test("code: what cannot be carried out fails, as it would in Python", () => {
  const reasons: [string, string][] = [
    ["x = 1 / 0", "division by zero"],
    ["x = 1 % 0", "division by zero"],
    ["assert name < 1", "< between str and int is not for a value of type str"],
    ["x = 'a' + 1", "+ is not for a value of type str"],
    ["x = (1, 2)[2]", "there is no item 2"],
    ["x = '%d %d' % 1", "not enough arguments for the format string"],
    ["x = '%d' % (1, 2)", "not all arguments converted by the format string"],
    ["x = 1 in 2", '"in" is not for a value of type int'],
    ["x = min()", "the least or greatest of nothing"],
    ["x = 1 << -1", "a shift by less than nothing"],
  ];
  for (const [text, reason] of reasons) {
    const result = run(text);
    assertEquals([result.kind, result.kind === "failed" && result.actual], ["failed", reason], text);
  }
});

Deno.test("code: values as Python has them", () => {
  const values: [string, string][] = [
    ["1 + 2 * 3 - 4", "3"],
    ["2 ** 3 ** 2", "512"],
    ["-2 ** 2", "-4"],
    ["-7 // 2, -7 % 3, 7 % -3", "-4 2 -2"],
    ["7 / 2", "3.5"],
    ["1 | 6 ^ 3 & 2", "5"],
    ["0x7fffffff | 0x80000000, 0xffffffff & 0xf0000000", "4294967295 4026531840"],
    ["1 << 40, 1 << 40 >> 38, ~5", "1099511627776 4 -6"],
    ["1 < 2 < 3, 1 < 3 < 2, 3 > 2 == 2", "True False True"],
    ["not 1 == 2", "True"],
    ["0 or 5, 3 and 4, 0 and nothing", "5 4 0"],
    ["(1, 'a'), [True, None], (1,), ()", "(1, 'a') [True, None] (1,) ()"],
    ["'a' 'b' + \"c\"", "abc"],
    ["'%d %5d|%-3d|%03d|%+d' % (1, 2, 3, 4, 5)", "1     2|3  |004|+5"],
    ["'%s %r %x %X %.2f %%' % ('a', 'b', 255, 255, 1.5)", "a 'b' ff FF 1.50 %"],
    ["'\\n\\t\\\\'", "\n\t\\"],
    ["len('abc') + len([1, 2]), abs(-3), sum((1, 2)), int(2.9), str(5)", "5 3 3 2 5"],
    ["all((1, 2)), any([0, 0])", "True False"],
    ["'b' in 'abc', (1, 2) == (1, 2), (1, 2) == [1, 2], True == 1, '1' == 1", "True True False True False"],
    ["[1, 2, 3][-1], 'abc'[0]", "3 a"],
    ["1 if 0 else 2", "2"],
    ["None is None", "True"],
    ["[] + [1]", "[1]"],
    ["range(3), range(4, 0, -2)", "[0, 1, 2] [4, 2]"],
  ];
  for (const [text, value] of values) assertEquals(printed(text), value, text);
});

Deno.test("code: names that it gives values to live on; what is known from outside wins", () => {
  const names: CodeNames = new Map();
  assertEquals(run("cwnd = 8; tcpi_snd_cwnd = 1", names).kind, "ok");
  assertEquals(run("cwnd += 2; assert tcpi_snd_cwnd == cwnd, tcpi_snd_cwnd", names), {
    kind: "ok",
    printed: [],
  });
  assertEquals(run("print(cwnd, tcpi_snd_cwnd)", names).printed, ["10 10"]);
  assertEquals(unsupported("print(cwnd)"), "the name cwnd");
  assertEquals(unsupported("cwnd += 1"), "the name cwnd");
});

Deno.test("code: what is not understood is named, and nothing of the code is carried out", () => {
  const constructs: [string, string][] = [
    ["assert unknown == 1", "the name unknown"],
    ["assert open('x')", "the function open()"],
    ["x = toString", "the name toString"],
    ["x = constructor()", "the function constructor()"],
    ["import os", '"import"'],
    ["while 1: pass", '"while"'],
    ["def f(): pass", '"def"'],
    ["print tcpi_rtt", "print without parentheses"],
    ["print('a', end='')", "an argument by name"],
    ["x = name.upper()", "the attribute .upper"],
    ["x = f'a'", "a string with a prefix (f)"],
    ["x = [y for y in (1, 2)]", "a comprehension"],
    ["x = (1, 2)[0:1]", "a slice"],
    ["x = y = 1", "several assignments in one"],
    ["assert (tcpi_rtt == 1, 'always true')", "an assertion of a tuple"],
    ["assert [0]", "an assertion of a list"],
    ["x = lambda: 1", '"lambda"'],
    ["x = {1: 2}", 'a value missing before "{"'],
    ["assert", "a value missing before the end of the line"],
    ["assert 1 ==", "a value missing before the end of the line"],
    ["assert (1", '"," missing before the end of the line'],
    ["assert 1 1", '"1"'],
    ["x = 010", "the number 010"],
    ["x = 9007199254740993", "a number beyond 2^53"],
    ["x = 2 ** 64", "a number beyond 2^53"],
    ["x = 1 << 60", "a number beyond 2^53"],
    ["x = 'a' * 3", "repetition with *"],
    ["x = '%q' % 1", "the conversion %q"],
    ["x = '%(a)s' % 1", "the format '%(a)s'"],
    ["x = '\\q'", "the escape \\q in a string"],
    ["x = 1 is 1", '"is" with anything but None'],
    ["if 1:\nx = 1", 'an indented line missing before "x"'],
    ["x = 1\n  y = 2", "lines of different indentation"],
    ["for x in (1,):\n  pass\nelse: pass", "else of a for"],
    ["x = $", '"$"'],
    ["x = 'abc", '"\'abc"'],
  ];
  for (const [text, construct] of constructs) {
    assertEquals(unsupported(text), construct, text);
    // The same behind something that fails, in the same piece: a name is seen too late, a construct is not.
    if (
      !/^the (name|function|escape|format|conversion)|^a number|^repetition|^"is"/.test(construct) &&
      !text.includes("\n")
    ) {
      assertEquals(run(`assert 0\n${text}`).kind, "unsupported", text);
    }
  }
});

Deno.test("code: work, depth and sizes have bounds", () => {
  const nested = (piece: string, count: number) => piece.repeat(count);
  assertEquals(
    unsupported("for a in range(1000):\n for b in range(1000): x = a"),
    "code that takes more than 100000 steps",
  );
  assertEquals(unsupported("for a in range(1001): print(a)"), "more than 1000 printed lines");
  assertEquals(unsupported("x = range(5000)"), "a range of more than 4096 numbers");
  assertEquals(unsupported("x = [1]\nfor a in range(100): x = [x, x]"), "a list of more than 4096 values");
  assertEquals(
    unsupported("x = 'ab'\nfor a in range(100): x = x + x"),
    "a string of more than 4096 characters",
  );
  assertEquals(
    unsupported("x = '%999d%999d%999d%999d%999d' % (1, 2, 3, 4, 5)"),
    "a string of more than 4096 characters",
  );
  for (const piece of ["(", "[", "-", "not ", "1 ** ", "1 if 1 else ", "min("]) {
    assert(unsupported(`x = ${nested(piece, 5_000)}`).includes("levels in each other"), piece);
  }
  assertEquals(unsupported(`x = ${nested("1 + ", 5_000)}1`), "more than 100 operators behind each other");
  assertEquals(unsupported(`x = (1,)${nested("[0]", 5_000)}`), "more than 4 brackets behind each other");
  assertEquals(run(`x = ${nested("1 or ", 10_000)}1`).kind, "ok");
  assertEquals(run(`x = ${nested("1 < ", 10_000)}1`).kind, "ok");
  assertEquals(unsupported(nested("if 1:", 1)), "an indented line missing before the end of the line");
  assertEquals(unsupported(" ".repeat(0x10001)), "code of more than 65536 characters");
  // The deepest that is taken: the longest chains in the most brackets.
  const chain = (inner: string) => `(${inner}${" + 1".repeat(90)}${" * 1".repeat(90)}${" | 1".repeat(90)})`;
  let deep = "1";
  for (let i = 0; i < 14; i += 1) deep = chain(deep);
  assertEquals(run(`x = ${deep}`).kind, "ok");
});
