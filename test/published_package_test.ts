/**
 * What a user of the library gets: documentation in which nothing is missing, examples that are checked and run, and a package
 * with what `mod.ts` needs and nothing else.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const ROOT = fromFileUrl(new URL("..", import.meta.url));
/** What is published besides code. */
const PAPERS = ["CHANGELOG.md", "LICENSE", "README.md", "deno.json", "docs/library.md"];

async function deno(...args: string[]): Promise<{ code: number; text: string; stdout: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, text: out + err, stdout: out };
}

interface Settings {
  exports: string | Record<string, string>;
  imports: Record<string, string>;
  compilerOptions: Record<string, unknown>;
}

const settings: Settings = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
const entries = typeof settings.exports === "string" ? [settings.exports] : Object.values(settings.exports);

/** Project paths of all modules that the exports reach by themselves or on request. */
async function reachable(): Promise<Set<string>> {
  const base = new URL(`file://${ROOT}`).href;
  const found = new Set<string>();
  for (const entry of entries) {
    const { stdout } = await deno("info", "--json", entry);
    const { modules }: { modules: { specifier: string }[] } = JSON.parse(stdout);
    for (const { specifier } of modules) {
      if (specifier.startsWith(base)) found.add(specifier.slice(base.length));
    }
  }
  return found;
}

Deno.test("the package has what the exports reach, the papers, and nothing else; no type in it is slow", async () => {
  const { code, text } = await deno("publish", "--dry-run", "--allow-dirty");
  assertEquals(code, 0, text);
  const files = [...text.matchAll(/^ {3}file:\/\/(\S+)/gm)].map(([, path]) => path.slice(ROOT.length)).sort();
  // Types of packages that only the program uses are for whoever works on it.
  const needed = [...await reachable()].filter((path) => path !== "scripts/types/std.d.ts");
  assert(needed.length > 200);
  assertEquals(files, [...needed, ...PAPERS].sort());
  assert(!/slow type|unanalyzable/.test(text.replace("Checking for slow types", "")), text);
});

Deno.test("each public symbol is documented, and names no type that is not public", async () => {
  for (const entry of entries) {
    const { code, text } = await deno("doc", "--lint", entry);
    assertEquals(code, 0, text);
  }
});

Deno.test("each public function has an example", async () => {
  const { stdout } = await deno("doc", "--json", ...entries);
  const { nodes }: { nodes: Record<string, { symbols: DocSymbol[] }> } = JSON.parse(stdout);
  const functions = Object.values(nodes).flatMap(({ symbols }) => symbols).flatMap(({ name, declarations }) =>
    declarations.filter(({ kind }) => kind === "function").map(({ jsDoc }) => ({
      name,
      doc: jsDoc?.doc ?? "",
    }))
  );
  assert(functions.length >= 8, String(functions.length));
  assertEquals(functions.filter(({ doc }) => !doc.includes("```ts")).map(({ name }) => name), []);
});

interface DocSymbol {
  readonly name: string;
  readonly declarations: readonly { readonly kind: string; readonly jsDoc?: { readonly doc?: string } }[];
}

Deno.test("the examples pass the compiler, and run: those of the code and those of docs/library.md", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // `deno test --doc` imports all that a module exports into each example: that it is not used is no mistake of theirs.
    const { compilerOptions, imports } = settings;
    const types = [`${new URL("../scripts/types/std.d.ts", import.meta.url)}`];
    const config = {
      imports: {
        ...imports,
        "@tcplab/tcplab": new URL("../mod.ts", import.meta.url).href,
        "@tcplab/tcplab/http": new URL("../http.ts", import.meta.url).href,
        "@tcplab/tcplab/node": new URL("../node.ts", import.meta.url).href,
      },
      compilerOptions: { ...compilerOptions, noUnusedLocals: false, types },
    };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify(config));
    const sources = [...await reachable()].filter((path) => /^(mod|http|node|src\/.*)\.ts$/.test(path));
    const withExamples = [];
    for (const path of sources) {
      if ((await Deno.readTextFile(`${ROOT}${path}`)).includes(" * ```ts")) withExamples.push(path);
    }
    const files = [...withExamples, "docs/library.md"].map((path) => `${ROOT}${path}`);
    const args = ["test", "--doc", "--no-lock", "-A", "--config", `${folder}/deno.json`, ...files];
    const { code, text } = await deno(...args);
    assertEquals(code, 0, text);
    const passed = Number(/(\d+) passed/.exec(text)?.[1]);
    assert(passed >= 15, text);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
