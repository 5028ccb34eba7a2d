/**
 * Checks that imports obey the arrows of docs/architecture.md: what a layer may import, that mod.ts reaches
 * native code only through an `import()` that runs on request, and that no files need each other in a circle.
 *
 * Owns: the table of arrows. `deno task check` runs it; it prints each import that points the wrong way.
 */
import { type Finding, lineAt, projectFiles, readProjectFile, reportFindings } from "./project_files.ts";

/** What the files of a folder may import; a folder may always import itself. */
interface Layer {
  readonly folder: string;
  readonly mayImport: readonly string[];
  /** Folders of which only types may be imported. */
  readonly mayImportTypesOf?: readonly string[];
  /** True where packages of the import map may be used; the pure layers stand on nothing. */
  readonly mayUsePackages: boolean;
}

const BELOW_HOST = ["src/tcp/", "src/link/", "src/wire/"];
const BELOW_CLI = [
  "src/runtime/",
  "src/http/",
  "src/observe/",
  "src/story/",
  "src/script/",
  "src/app/",
  "src/play/",
  "src/host/",
  ...BELOW_HOST,
];

/** The arrows. A longer folder comes before a shorter one that contains it. */
export const LAYERS: readonly Layer[] = [
  { folder: "src/wire/", mayImport: [], mayUsePackages: false },
  { folder: "src/tcp/", mayImport: ["src/wire/"], mayUsePackages: false },
  { folder: "src/link/", mayImport: ["src/wire/"], mayUsePackages: false },
  { folder: "src/host/", mayImport: BELOW_HOST, mayUsePackages: false },
  { folder: "src/story/", mayImport: ["src/tcp/", "src/wire/"], mayUsePackages: false },
  {
    folder: "src/app/",
    mayImport: ["src/wire/"],
    mayImportTypesOf: ["src/host/", "src/tcp/"],
    mayUsePackages: false,
  },
  { folder: "src/runtime/", mayImport: ["src/host/", ...BELOW_HOST], mayUsePackages: true },
  {
    folder: "src/observe/",
    mayImport: ["src/story/", ...BELOW_HOST],
    mayImportTypesOf: ["src/host/"],
    mayUsePackages: true,
  },
  {
    folder: "src/script/",
    mayImport: ["src/observe/", "src/story/", "src/host/", ...BELOW_HOST],
    mayUsePackages: false,
  },
  {
    folder: "src/http/",
    mayImport: ["src/runtime/clock.ts"],
    mayImportTypesOf: ["src/tcp/"],
    mayUsePackages: true,
  },
  // It runs in a browser: what the playground needs of the runtime is named file by file.
  {
    folder: "src/play/",
    mayImport: ["src/runtime/virtual_lab.ts", "src/host/", ...BELOW_HOST],
    mayUsePackages: false,
  },
  {
    folder: "src/page/",
    mayImport: [
      "src/story/",
      "src/script/",
      "src/play/",
      "src/observe/explanation.ts",
      "src/host/",
      ...BELOW_HOST,
    ],
    mayImportTypesOf: ["src/web/"],
    mayUsePackages: true,
  },
  { folder: "src/web/", mayImport: BELOW_CLI, mayUsePackages: true },
  { folder: "src/cli/", mayImport: [...BELOW_CLI, "src/web/", "ffi/", "deno.json"], mayUsePackages: true },
  // The seam's error class and zero counters are values, and so is where a large segment's headers are; frames are put
  // where their sums are computed.
  {
    folder: "ffi/",
    mayImport: ["src/link/link.ts", "src/link/cut_plan.ts", "src/wire/sum_kernel.ts"],
    mayImportTypesOf: ["src/link/"],
    mayUsePackages: false,
  },
  { folder: "scripts/", mayImport: ["src/", "ffi/", "mod.ts"], mayUsePackages: true },
  {
    folder: "test/live/",
    mayImport: ["src/", "ffi/", "scripts/", "test/", "mod.ts", "http.ts", "node.ts"],
    mayUsePackages: true,
  },
  { folder: "test/ffi/", mayImport: ["src/", "ffi/", "scripts/", "test/"], mayUsePackages: true },
  {
    folder: "test/",
    mayImport: ["src/", "scripts/", "mod.ts", "http.ts", "node.ts"],
    mayImportTypesOf: ["ffi/"],
    mayUsePackages: true,
  },
  // What a program outside has: nothing but what is exported.
  { folder: "examples/", mayImport: ["mod.ts", "node.ts"], mayUsePackages: true },
  { folder: "mod.ts", mayImport: BELOW_CLI, mayUsePackages: false },
  { folder: "http.ts", mayImport: ["src/http/"], mayImportTypesOf: ["src/runtime/"], mayUsePackages: false },
  // Node's streams are what it is for.
  { folder: "node.ts", mayImport: ["src/runtime/"], mayUsePackages: true },
];

/** One import or re-export in a file. */
interface ImportUse {
  /** Project path of the imported file, or the package name as written. */
  readonly target: string;
  readonly isPackage: boolean;
  readonly isTypeOnly: boolean;
  /** True for `import("...")`. */
  readonly isOnRequest: boolean;
  readonly line: number;
}

/** The code with comments blanked out, and strings that quote something; lines are kept. */
function withoutComments(source: string): string {
  return source.replace(
    /("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (found, quoted: string | undefined) =>
      quoted !== undefined && !/["'`]/.test(quoted.slice(1, -1)) ? quoted : found.replace(/[^\n]/g, " "),
  );
}

/** Every import of a file's source text; `path` is the file's own project path. */
export function importsOf(path: string, source: string): ImportUse[] {
  const code = withoutComments(source);
  const uses: ImportUse[] = [];
  const statement =
    /(?:^|[;}\n])\s*(?:import|export)\b(?<clause>[^;"'()=]*?)\bfrom\s*["'](?<from>[^"']+)["']|(?:^|[;}\n])\s*import\s*["'](?<bare>[^"']+)["']|\bimport\(\s*["'](?<lazy>[^"']+)["']/g;
  for (const match of code.matchAll(statement)) {
    const { clause = "", from, bare, lazy } = match.groups ?? {};
    const target = from ?? bare ?? lazy ?? "";
    const names = clause.slice(clause.indexOf("{") + 1).replace("}", "").split(",").filter((name) =>
      name.trim() !== ""
    );
    const isTypeOnly = /^\s*type\b/.test(clause) ||
      (/^\s*\{/.test(clause) && names.every((name) => /^\s*type\b/.test(name)));
    const isRelative = target.startsWith(".");
    uses.push({
      target: isRelative ? new URL(target, `file:///${path}`).pathname.slice(1) : target,
      isPackage: !isRelative,
      isTypeOnly,
      isOnRequest: lazy !== undefined,
      line: lineAt(code, match.index + match[0].lastIndexOf(target)),
    });
  }
  return uses;
}

/** What is wrong with one import of `path`, or null. */
function verdict(path: string, use: ImportUse): string | null {
  const layer = LAYERS.find(({ folder }) => path.startsWith(folder));
  if (layer === undefined) return "stands in no layer; give its folder a line in scripts/check_layers.ts";
  if (use.isPackage) {
    return layer.mayUsePackages ? null : `${layer.folder} uses no packages, but imports ${use.target}`;
  }
  const isInside = (folder: string) => use.target.startsWith(folder);
  if (isInside(layer.folder) || layer.mayImport.some(isInside)) return null;
  if (use.isTypeOnly && layer.mayImportTypesOf?.some(isInside)) return null;
  if (path === "mod.ts" && use.isOnRequest && isInside("ffi/")) return null;
  return `${layer.folder} may not import ${use.target}`;
}

/** Every import that points the wrong way. */
export function checkLayers(files: readonly { readonly path: string; readonly source: string }[]): Finding[] {
  return files.flatMap(({ path, source }) =>
    importsOf(path, source).flatMap((use) => {
      const message = verdict(path, use);
      return message === null ? [] : [{ path, line: use.line, message }];
    })
  );
}

/** Circles of files that need each other, be it for types alone: none of them can be read first. `import()` makes none. */
export function findCircles(files: readonly { readonly path: string; readonly source: string }[]): Finding[] {
  const targets = new Map(files.map(({ path, source }) => [
    path,
    importsOf(path, source).filter((use) => !use.isPackage && !use.isOnRequest),
  ]));
  const finished = new Set<string>();
  const findings: Finding[] = [];
  function visit(path: string, trail: readonly string[]): void {
    for (const { target, line } of targets.get(path) ?? []) {
      const start = trail.indexOf(target);
      if (start >= 0) {
        const circle = [...trail.slice(start), target].join(" -> ");
        findings.push({ path, line, message: `closes a circle of imports: ${circle}` });
      } else if (!finished.has(target)) {
        visit(target, [...trail, target]);
      }
    }
    finished.add(path);
  }
  for (const path of targets.keys()) if (!finished.has(path)) visit(path, [path]);
  return findings;
}

if (import.meta.main) {
  const sources = projectFiles()
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
    .map((path) => ({ path, source: readProjectFile(path) }));
  Deno.exit(reportFindings("Layers", [...checkLayers(sources), ...findCircles(sources)]));
}
