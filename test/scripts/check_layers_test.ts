/**
 * The layer check sees every kind of import, and lets through only those along the arrows.
 */
import { assertEquals } from "@std/assert";
import { checkLayers, findCircles, importsOf, LAYERS } from "../../scripts/check_layers.ts";

/** Messages for one file that holds `source`. */
function found(path: string, source: string): string[] {
  return checkLayers([{ path, source }]).map((finding) => finding.message);
}

Deno.test("every kind of import is seen", () => {
  const source = `/** import { no } from "./comment.ts"; */
import { a, type B } from "./a.ts";
import type { C } from "../tcp/c.ts";
import { type D, type E } from "./d.ts";
import * as all from "./all.ts";
import standard from "./standard.ts";
import "./effect.ts";
export { f } from "./f.ts";
export * from "./star.ts";
export type { G } from "./g.ts";
import {
  h,
} from "@std/assert";
const text = "a // b"; // import x from "./line_comment.ts"
const lazy = await import("./lazy.ts");
export const y = 1;
`;
  const uses = importsOf("src/wire/x.ts", source);
  assertEquals(uses.map(({ target, isTypeOnly, line }) => [target, isTypeOnly, line]), [
    ["src/wire/a.ts", false, 2],
    ["src/tcp/c.ts", true, 3],
    ["src/wire/d.ts", true, 4],
    ["src/wire/all.ts", false, 5],
    ["src/wire/standard.ts", false, 6],
    ["src/wire/effect.ts", false, 7],
    ["src/wire/f.ts", false, 8],
    ["src/wire/star.ts", false, 9],
    ["src/wire/g.ts", true, 10],
    ["@std/assert", false, 13],
    ["src/wire/lazy.ts", false, 15],
  ]);
  assertEquals(uses.filter((use) => use.isPackage).map((use) => use.target), ["@std/assert"]);
  assertEquals(uses.filter((use) => use.isOnRequest).map((use) => use.target), ["src/wire/lazy.ts"]);
});

Deno.test("every line of the table is reached: none stands behind one that takes its files", () => {
  const folders = LAYERS.map(({ folder }) => folder);
  const hidden = folders.filter((folder, i) => folders.slice(0, i).some((other) => folder.startsWith(other)));
  assertEquals(hidden, []);
});

Deno.test("imports along the arrows pass", () => {
  assertEquals(found("src/tcp/a.ts", 'import { b } from "../wire/b.ts";'), []);
  assertEquals(found("src/host/a.ts", 'import { b } from "../tcp/b.ts";'), []);
  assertEquals(found("src/cli/a.ts", 'import { b } from "../../ffi/b.ts";'), []);
  assertEquals(found("ffi/a.ts", 'import type { B } from "../src/link/b.ts";'), []);
  assertEquals(found("src/app/a.ts", 'import type { B } from "../host/api.ts";'), []);
  assertEquals(found("test/live/a_test.ts", 'import { b } from "../../ffi/b.ts";'), []);
  assertEquals(found("mod.ts", 'export async function f() { return await import("./ffi/b.ts"); }'), []);
});

Deno.test("imports against the arrows are found", () => {
  assertEquals(found("src/wire/a.ts", '\nimport { b } from "../tcp/b.ts";'), [
    "src/wire/ may not import src/tcp/b.ts",
  ]);
  const against: readonly (readonly [string, string])[] = [
    ["src/tcp/a.ts", 'import { b } from "../host/b.ts";'],
    ["src/tcp/a.ts", 'import type { B } from "../host/b.ts";'],
    ["src/link/a.ts", 'export { b } from "../tcp/b.ts";'],
    ["src/host/a.ts", 'import { b } from "../runtime/b.ts";'],
    ["src/host/a.ts", 'import { b } from "@std/path";'],
    ["src/app/a.ts", 'import { b } from "../host/b.ts";'],
    ["src/runtime/a.ts", 'import { b } from "../../ffi/b.ts";'],
    ["src/runtime/a.ts", 'const b = await import("../../ffi/b.ts");'],
    ["src/observe/a.ts", 'import { b } from "../cli/b.ts";'],
    ["ffi/a.ts", 'import { b } from "../src/link/memory_link.ts";'],
    ["ffi/a.ts", 'import type { B } from "../src/host/b.ts";'],
    ["test/tcp/a_test.ts", 'import { b } from "../../ffi/b.ts";'],
    ["mod.ts", 'export { b } from "./ffi/b.ts";'],
    ["mod.ts", 'export { b } from "./src/cli/b.ts";'],
    ["elsewhere/a.ts", 'import { b } from "../src/wire/b.ts";'],
  ];
  for (const [path, source] of against) assertEquals(found(path, source).length, 1, `${path}: ${source}`);
});

Deno.test("a circle of imports is found, once, be it of types alone", () => {
  const files = [
    { path: "src/tcp/a.ts", source: 'import { b } from "./b.ts";' },
    { path: "src/tcp/b.ts", source: '\nimport { type C } from "./c.ts";' },
    { path: "src/tcp/c.ts", source: 'import type { B } from "./b.ts";\nimport { d } from "./d.ts";' },
    { path: "src/tcp/d.ts", source: 'const a = import("./a.ts");' },
  ];
  assertEquals(findCircles(files), [{
    path: "src/tcp/c.ts",
    line: 1,
    message: "closes a circle of imports: src/tcp/b.ts -> src/tcp/c.ts -> src/tcp/b.ts",
  }]);
});
