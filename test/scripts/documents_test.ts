/**
 * The documents: short enough, whole, and with links that lead somewhere.
 *
 * Owns: what can be held against the files beside them. Must not know: what is good prose.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { projectFiles } from "../../scripts/project_files.ts";

const ROOT = new URL("../../", import.meta.url);
const DOCUMENTS = [
  "README.md",
  "CHANGELOG.md",
  "examples/README.md",
  ...[...Deno.readDirSync(new URL("docs/", ROOT))].map(({ name }) => `docs/${name}`).filter((name) =>
    name.endsWith(".md")
  ),
];

const read = (name: string) => Deno.readTextFileSync(new URL(name, ROOT));

/** As they are made of headings: small, without punctuation, hyphens for spaces. */
function anchors(text: string): Set<string> {
  const headings = text.matchAll(/^#{1,6} (.+)$/gm);
  return new Set(
    [...headings].map(([, title]) =>
      title.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    ),
  );
}

for (const name of DOCUMENTS) {
  Deno.test(`${name}: every link within the project leads to a file, and to a heading of it`, () => {
    for (const [, target] of read(name).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path, anchor] = target.split("#");
      const file = path === "" ? new URL(name, ROOT) : new URL(path, new URL(name, ROOT));
      assert(Deno.statSync(file).isFile, `${target} is no file`);
      if (anchor !== undefined) {
        assert(anchors(Deno.readTextFileSync(file)).has(anchor), `${target}: no such heading`);
      }
    }
  });
}

Deno.test("documents: what they say to run with deno is there", () => {
  // The prototypes of cores.md are in the commit that it names.
  const told = DOCUMENTS.filter((name) => name !== "CHANGELOG.md" && name !== "docs/cores.md").flatMap((
    name,
  ) =>
    [...read(name).matchAll(/deno (?:run|test|bench)\b[^`\n]*/g)].flatMap(([command]) =>
      [...command.matchAll(/(?:^|\s)((?:test|scripts|src|examples)\/[\w./-]+\.ts)\b/g)].map(([, path]) =>
        path
      )
    )
  );
  assertGreaterOrEqual(told.length, 10);
  for (const path of new Set(told)) assert(Deno.statSync(new URL(path, ROOT)).isFile, path);
});

Deno.test("README.md: 200 to 250 lines, every document is linked", () => {
  const text = read("README.md");
  const lines = text.split("\n").length - 1;
  assertGreaterOrEqual(lines, 200);
  assertLessOrEqual(lines, 250);
  const linked = new Set([...text.matchAll(/\]\((docs\/[^)#]+\.md)/g)].map(([, path]) => path));
  assertEquals(DOCUMENTS.filter((name) => name.startsWith("docs/") && !linked.has(name)), []);
});

/** What the program prints. */
async function tcplab(...args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "src/cli/main.ts", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test("README.md: the commands are those of the program", async () => {
  const help = await tcplab("--help");
  const listed = [...help.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, command]) => command);
  assert(listed.length >= 8, help);
  const documented = [...read("README.md").matchAll(/^\| `([a-z]+)[` ]/gm)].map(([, command]) => command);
  assertEquals(listed.filter((command) => !documented.includes(command)), []);
});

Deno.test("README.md: what it shows of why is what why says, but for the lines' numbers", async () => {
  const blocks = [...read("README.md").matchAll(/^\$ tcplab why (\S+)\n([\s\S]*?)\n```$/gm)];
  assertEquals(blocks.length, 1);
  const withoutLines = (text: string) => text.replaceAll(/\.ts:\d+/g, ".ts:N").trimEnd();
  for (const [, name, shown] of blocks) {
    assertEquals(withoutLines(shown), withoutLines(await tcplab("why", name)));
  }
});

Deno.test("docs/states.svg is what the table says", async () => {
  assertEquals(await tcplab("table", "--format", "svg"), read("docs/states.svg"));
});

/** Source as one text in which what is put together out of strings stands side by side, words alone. */
function wordsOfSource(): string {
  const text = ["src", "ffi"].flatMap((folder) => projectFiles(folder)).filter((path) => path.endsWith(".ts"))
    .map(read);
  return text.join("\n").replaceAll(/["`]\s*\+\s*["`]|\$\{[^}]*\}/g, "").replaceAll(/[^\p{L}]+/gu, " ");
}

/** What libpcap and the kernel say, in lines of tcplab's. */
const SAID_ELSEWHERE: readonly string[] = ["The interface disappeared", "no space left on device"];

Deno.test("documents: the lines of tcplab that they quote are lines of the source", () => {
  const source = wordsOfSource();
  const quoted = DOCUMENTS.flatMap((name) => [...read(name).matchAll(/^tcplab (?:serve|connect): (.*)$/gm)]);
  assert(quoted.length >= 3);
  for (const [line, said] of quoted) {
    // Between numbers, names of devices and of streams, and punctuation stands what the source has in one piece.
    for (const part of said.split(/\S*[\d-]\S*|\bstd(?:out|err)\b|[^\p{L} ]+/u).map((text) => text.trim())) {
      if (part.split(/ +/).length < 3 || SAID_ELSEWHERE.includes(part)) continue;
      assert(source.includes(` ${part} `), `${line}: nowhere is said "${part}"`);
    }
    // Where a name or a number stands, the source has something else: three words in a row never hold one, mostly.
    const words = said.split(/[^\p{L}]+/u).filter((word) => word !== "");
    const threes = words.slice(2).map((_, at) => ` ${words.slice(at, at + 3).join(" ")} `);
    const known = threes.filter((three) => source.includes(three));
    assertGreaterOrEqual(known.length / threes.length, 0.5, `${line}: ${known.length} of ${threes.length}`);
  }
});

Deno.test("README.md: every target of the last whole run of the benchmark is in it, missed ones included", () => {
  const runs = read("docs/benchmarks.md").split(/^## /m);
  const whole = runs.findLast((run) => run.includes("### At rest"));
  const rows = whole?.match(/^\|.*\| (met|MISSED)? *\|$/gm) ?? [];
  assert(rows.length >= 15, "a table of targets");
  const cells = (row: string) => row.split("|").map((cell) => cell.trim()).slice(1, 4).join("|");
  const shown = new Set(read("README.md").split("\n").filter((line) => line.startsWith("| ")).map(cells));
  assertEquals(rows.map(cells).filter((row) => !shown.has(row)), []);
});

/** Names in code as the words that they are made of. */
function asWords(text: string): string {
  return text.replaceAll(/(?<=[a-z])(?=[A-Z])|_/g, " ");
}

Deno.test("a seed is what random choices are made from: the lab, its path and its table are not called so", () => {
  const code = ["src", "ffi", "scripts", "test"].flatMap((folder) => projectFiles(folder));
  const named =
    /^.*\bseed(?:'s|ed)? (?:labs?|paths?|tables?|rows?|ports?|clients?|connections?|frames?)\b.*$/gim;
  assertEquals([...asWords("judgeSeedFrames SEED_PATH").matchAll(named)].length, 1);
  for (const name of [...DOCUMENTS, "deno.json", ...code.filter((path) => /\.(?:ts|py|json)$/.test(path))]) {
    if (name === "test/scripts/documents_test.ts") continue;
    assertEquals([...asWords(read(name)).matchAll(named)].map(([line]) => line), [], name);
  }
});
