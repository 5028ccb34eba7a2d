/**
 * Each house rule fires where it should, and only there.
 */
import { assertEquals } from "@std/assert";
import plugin, { projectPath } from "../../scripts/lint_house_rules.ts";

const DOC = "/** What it owns. */\n";

/** Names of the rules that fire on `source` when it stands in the file `path` of the project. */
function fired(path: string, source: string): string[] {
  const full = new URL(`../../${path}`, import.meta.url).pathname;
  return Deno.lint.runPlugin(plugin, full, source).map((found) => found.id.replace(/^house\//, ""));
}

interface Case {
  readonly rule: string;
  readonly path: string;
  readonly source: string;
  readonly fires: boolean;
}

function fires(rule: string, path: string, source: string): Case {
  return { rule, path, source: DOC + source, fires: true };
}

function silent(rule: string, path: string, source: string): Case {
  return { rule, path, source: DOC + source, fires: false };
}

const CASES: readonly Case[] = [
  fires("file-name", "src/wire/TcpHeader.ts", ""),
  fires("file-name", "src/wire/tcp-header.ts", ""),
  fires("file-name", "src/wire/utils.ts", ""),
  fires("file-name", "src/cli/index.ts", ""),
  fires("file-name", "test/wire/helpers_test.ts", ""),
  silent("file-name", "src/wire/tcp_header.ts", ""),
  silent("file-name", "scripts/types/std.d.ts", ""),

  fires("file-length", "src/wire/long.ts", "\n".repeat(500) + "const x = 1;"),
  silent("file-length", "src/wire/long.ts", "\n".repeat(498) + "const x = 1;\n"),

  { rule: "file-doc", path: "src/wire/a.ts", source: "// What it owns.\n", fires: true },
  {
    rule: "file-doc",
    path: "scripts/a.ts",
    source: "#!/usr/bin/env deno\n/** What it owns. */\n",
    fires: false,
  },

  fires("export-doc", "src/wire/a.ts", "const z = 1;\nexport const a = 1;"),
  fires("export-doc", "src/wire/a.ts", "/* plain */ export interface A { b: 1 }"),
  fires("export-doc", "scripts/a.ts", "const z = 1;\nexport default function f() {}"),
  silent("export-doc", "src/wire/a.ts", "/** A. */\nexport const a = 1;"),
  silent("export-doc", "src/wire/a.ts", 'export { a } from "./b.ts";'),
  silent("export-doc", "test/wire/a_test.ts", "const z = 1;\nexport const a = 1;"),
  silent(
    "export-doc",
    "src/wire/a.ts",
    "/** F. */\nexport function f(a: 1): void;\nexport function f(a: 2): void;\nexport function f(): void {}",
  ),

  ...[
    "Deno.args",
    "Date.now()",
    "performance.now()",
    "setTimeout(f, 1)",
    "setInterval(f, 1)",
    "console.log(1)",
  ].map(
    (use) => fires("no-ambient", "src/tcp/a.ts", `const x = ${use};`),
  ),
  fires("no-ambient", "src/wire/a.ts", "const x = crypto.subtle;"),
  fires("no-ambient", "src/host/a.ts", "const x = Math.random();"),
  fires("no-ambient", "src/link/a.ts", "const x = globalThis;"),
  fires("no-ambient", "src/tcp/a.ts", "const x = { Date };"),
  fires("no-ambient", "src/tcp/a.ts", "function f(x: Deno.Addr) {}"),
  silent("no-ambient", "src/runtime/a.ts", "const x = Date.now();"),
  silent("no-ambient", "src/tcp/a.ts", "const x = { console: 1 }; const y = x.console + Math.abs(1);"),
  silent("no-ambient", "src/tcp/a.ts", "interface A { crypto: string; Date(): void }"),

  fires("no-unchecked-cast", "src/tcp/a.ts", "let x: any;"),
  fires("no-unchecked-cast", "src/tcp/a.ts", "const x = y!;"),
  fires("no-unchecked-cast", "src/tcp/a.ts", "const x = y as string;"),
  fires("no-unchecked-cast", "test/tcp/a_test.ts", "const x = <string> y;"),
  fires("no-unchecked-cast", "ffi/a.ts", "\n\n\nconst x = y as string;"),
  fires("no-unchecked-cast", "ffi/a.ts", "// The types differ.\nconst x = y as unknown as string;"),
  silent("no-unchecked-cast", "ffi/a.ts", "\n\n// Deno types every pointer alike.\nconst x = y as string;"),
  silent("no-unchecked-cast", "src/tcp/a.ts", "const x = [1] as const;"),
  silent("no-unchecked-cast", "src/tcp/a.ts", "const x = { a: 1 } as const satisfies A;"),

  fires("no-waiting-tests", "test/tcp/a_test.ts", "setTimeout(f, 1);"),
  fires("no-waiting-tests", "test/tcp/a_test.ts", "await delay(1);"),
  silent("no-waiting-tests", "test/live/a_test.ts", "await delay(1);"),
  silent("no-waiting-tests", "src/runtime/a.ts", "setTimeout(f, 1);"),

  fires("no-library-at-load", "ffi/a.ts", 'const library = Deno.dlopen("x", {});'),
  silent("no-library-at-load", "ffi/a.ts", 'function open() { return Deno.dlopen("x", {}); }'),

  fires("no-deno-by-name", "scripts/a.ts", 'new Deno.Command("deno", {});'),
  silent("no-deno-by-name", "scripts/a.ts", "new Deno.Command(Deno.execPath(), {});"),
];

for (const rule of Object.keys(plugin.rules)) {
  Deno.test(`house/${rule} fires where it should, and only there`, () => {
    const cases = CASES.filter((one) => one.rule === rule);
    assertEquals(cases.some((one) => one.fires), true, "no case shows it fire");
    assertEquals(cases.some((one) => !one.fires), true, "no case shows it silent");
    for (const one of cases) {
      assertEquals(
        fired(one.path, one.source).includes(rule),
        one.fires,
        `${one.path}: ${one.source.trim()}`,
      );
    }
  });
}

Deno.test("projectPath is the same for a path, a file URL and a path below the project", () => {
  const root = new URL("../..", import.meta.url);
  assertEquals(projectPath(`${root.pathname}src/wire/a.ts`), "src/wire/a.ts");
  assertEquals(projectPath(`${root.href}src/wire/a.ts`), "src/wire/a.ts");
  assertEquals(projectPath("./src/wire/a.ts"), "src/wire/a.ts");
});
