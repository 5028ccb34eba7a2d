/**
 * The changes that `deno task test:mutants` makes, each as source before and after, and one small survey from end to end.
 */
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { describeChange, shuffled, survey, testsFor } from "../../scripts/mutants.ts";
import plugin, { applyChange, changesIn } from "../../scripts/mutants_changes.ts";
import { WorkingCopy } from "../../scripts/mutants_runs.ts";

/** All texts that one change can make of `source`. */
function mutantsOf(source: string): string[] {
  const messages = Deno.lint.runPlugin(plugin, "a.ts", source).map(({ message }) => message);
  return changesIn(source, messages).map((change) => applyChange(source, change));
}

/** What an expression may become. */
function become(expression: string): string[] {
  const [before, after] = ["const x = ", ";\n"];
  return mutantsOf(before + expression + after).map((text) => text.slice(before.length, -after.length))
    .sort();
}

Deno.test("comparisons lose or gain their edge, and turn round", () => {
  assertEquals(become("a < b"), ["a <= b", "a >= b"]);
  assertEquals(become("a >= b"), ["a < b", "a > b"]);
  assertEquals(become("a !== b"), ["a === b"]);
});

Deno.test("operators become others, with their rank kept", () => {
  assertEquals(become("a + b"), ["a - b"]);
  assertEquals(become("a & b"), ["a | b"]);
  assertEquals(become("a >>> b"), ["a << b", "a >> b"]);
  assertEquals(become("a /* + */ + b"), ["a /* + */ - b"]);
  assertEquals(become("(a & b) === c"), ["((a | b)) === c", "(a & b) !== c"]);
  assertEquals(mutantsOf("a += b;\n"), ["a -= b;\n", ";\n"]);
  assertEquals(mutantsOf("a++;\n"), ["a--;\n", ";\n"]);
});

Deno.test("of two conditions the other word joins them, or one is enough", () => {
  assertEquals(become("a && b"), ["a", "a || b", "b"]);
  assertEquals(become("a ?? b"), ["a", "b"]);
  assertEquals(become("!a"), ["a"]);
});

Deno.test("a condition is always met, never met, and negated; a loop is not made endless on purpose", () => {
  assertEquals(mutantsOf("if (a) ;\n"), ["if (true) ;\n", "if (false) ;\n", "if (!(a)) ;\n"]);
  assertEquals(become("a ? b : c"), ["!(a) ? b : c", "false ? b : c", "true ? b : c"]);
  assertEquals(mutantsOf("while (a) ;\n"), ["while (false) ;\n", "while (!(a)) ;\n"]);
  assertEquals(mutantsOf("for (;;) ;\n"), []);
  assertEquals(mutantsOf("while (true) ;\n"), ["while (false) ;\n"]);
});

Deno.test("constants are off by one, and written as they were", () => {
  assertEquals(become("7"), ["6", "8"]);
  assertEquals(become("0xff"), ["0x100", "0xfe"]);
  assertEquals(become("0"), ["1"]);
  assertEquals(become("-5"), ["-6", "5"]);
  assertEquals(become("true"), ["false"]);
  assertEquals(become("{ 5: a }"), []);
  assertEquals(become('"text"'), []);
});

Deno.test("statements go, other values are returned, arguments change places, the least is the most", () => {
  assertEquals(mutantsOf("f();\n"), [";\n"]);
  assertEquals(mutantsOf("for (;;) break;\n"), ["for (;;) ;\n"]);
  assertEquals(become("f(a, b, c)"), ["f(b, a, c)"]);
  assertEquals(become("new F(a, b)"), ["new F(b, a)"]);
  assertEquals(become("f(a, ...b)"), []);
  assertEquals(become("Math.min(a, b)"), ["Math.max(a, b)"]);
  const returned = mutantsOf("function f() { return a; }\n");
  assertEquals(returned.map((text) => text.match(/return (.*);/)?.[1]), [
    ..."true false 0 null undefined []".split(" "),
  ]);
});

Deno.test("types, imports, comments and what an error says are left alone", () => {
  const still = [
    'import { a } from "b" with { type: "json" };',
    "type A = 1 | 2;",
    "interface A { readonly b: 1; c(d: 2): -3 }",
    "let x: 0 | 1;",
    "// a < b && 5",
    "/** a + 1 */",
  ];
  for (const source of still) assertEquals(mutantsOf(source + "\n"), [], source);
  assertEquals(mutantsOf("throw new RangeError(`${a + 1} ${b}`);\n"), [";\n"]);
  assertEquals(become("new LinkError(a + 1, b)"), []);
  assertEquals(become("(a as 1) + b"), ["(a as 1) - b"]);
});

Deno.test("a change is told with its line, before and after, also where it spans lines", () => {
  const text = "const a = 1;\n  f(\n    a,\n  );\nconst b = 2;\n";
  const start = text.indexOf("f(");
  const change = { start, end: text.indexOf(";\nconst b") + 1, text: ";", what: "statement deleted" };
  assertEquals(describeChange("src/a.ts", text, change), [
    "src/a.ts:2  statement deleted",
    "  - f( a, );",
    "  + ;",
  ]);
});

Deno.test("a file is asked by the tests of its layer, or by those that are named", () => {
  const paths = ["test/wire/a_test.ts", "test/wire/peer.ts", "test/tcp/b_test.ts", "test/sim/c_test.ts"];
  assertEquals(testsFor("src/wire/a.ts", { paths, asked: [] }), ["test/wire/a_test.ts"]);
  assertEquals(testsFor("src/tcp/x.ts", { paths, asked: [] }), ["test/tcp/b_test.ts", "test/sim/c_test.ts"]);
  assertEquals(testsFor("src/tcp/x.ts", { paths, asked: ["test/wire"] }), ["test/wire/a_test.ts"]);
  assertEquals(testsFor("src/tcp/x.ts", { paths, asked: ["test/sim/c_test.ts"] }), ["test/sim/c_test.ts"]);
  assertEquals(testsFor("src/web/x.ts", { paths, asked: [] }), []);
});

Deno.test("a seed is an order, each item once", () => {
  const items = Array.from({ length: 20 }, (_, i) => i);
  assertEquals(shuffled(items, 7), shuffled(items, 7));
  assertNotEquals(shuffled(items, 7), shuffled(items, 8));
  assertEquals(shuffled(items, 7).sort((a, b) => a - b), items);
});

/** A project of one source file and one test of it. */
const TOY = {
  "deno.json": "{}",
  "src/toy/limit.ts": `export function limit(value: number, most: number): number {
  return value > most ? most : value;
}

export function isEmpty(text: string | null): boolean {
  return text === null || text === "";
}
`,
  "test/toy/limit_test.ts": `import { isEmpty, limit } from "../../src/toy/limit.ts";
Deno.test("limit", () => {
  if (limit(7, 5) !== 5 || limit(3, 5) !== 3) throw new Error("limit");
  if (!isEmpty("") || isEmpty("a")) throw new Error("isEmpty");
});
`,
  "test/toy/endless.ts": 'Deno.test("endless", () => { for (;;); });',
} as const;
const SOURCE = "src/toy/limit.ts";

/** Calls `act` with the toy's folder and a copy of it. */
async function withToy(act: (root: URL, copy: WorkingCopy) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [path, text] of Object.entries(TOY)) {
      Deno.mkdirSync(`${folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      Deno.writeTextFileSync(`${folder}/${path}`, text);
    }
    const root = new URL(`file://${folder}/`);
    using copy = new WorkingCopy(root);
    await act(root, copy);
    assertEquals(Deno.readTextFileSync(`${folder}/${SOURCE}`), TOY[SOURCE], "the source stays as it is");
    assertEquals(copy.read(SOURCE), TOY[SOURCE], "and in the copy is so again");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Seconds that none of these changes takes, on any machine: one whose tests are late counts as noticed. */
const NO_LIMIT = 600;
const ABOUT = { path: SOURCE, tests: [], seed: 1, jobs: 1, timeLimit: NO_LIMIT };

Deno.test("a survey finds what no test asks for, and does not count what cannot compile", () =>
  withToy(async (_root, copy) => {
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    const tally = await survey({ ...ABOUT, sample: Infinity, print }, [copy]);
    // Nobody asks isEmpty about null; and whether a value at the limit counts as above it makes no difference.
    assertEquals(lines, [
      `${SOURCE}:2  > to >=`,
      "  - return value > most ? most : value;",
      "  + return value >= most ? most : value;",
      `${SOURCE}:6  one side of ||`,
      '  - return text === null || text === "";',
      '  + return text === "";',
    ]);
    // Of six things to return only those of the right type are tried.
    assertEquals(tally, { mutants: 12, noticed: 10, survived: 2 });
    // With a limit that follows from the tests without a change.
    assertEquals((await survey({ ...ABOUT, timeLimit: 0, sample: 1, print }, [copy])).mutants, 1);
  }));

Deno.test("tests that do not end in time are ended, and with a copy what runs in it", () =>
  withToy(async (root, copy) => {
    assertEquals((await copy.test(["test/toy/endless.ts"], 1)).outcome, "late");
    const other = new WorkingCopy(root);
    const run = other.test(["test/toy/endless.ts"], Infinity);
    other[Symbol.dispose]();
    assertEquals((await run).outcome, "failed");
    assertThrows(() => other.read(SOURCE), Deno.errors.NotFound);
  }));
