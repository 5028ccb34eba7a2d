/**
 * A copy of the project in which a source file can be changed and tests can be run, so that the checkout stays as it is.
 *
 * Owns: the copy and its end, the time limit, which changed texts compile. Must not know: where changes come from, which
 * tests are run.
 */
import { projectFiles } from "./project_files.ts";
import { applyChange, type Change, CHANGE_RULE, changesIn } from "./mutants_changes.ts";

/** What a run of the tests came to. `late`: it had not ended when its time was over. */
type Outcome = "passed" | "failed" | "late";

/** How one run of tests ended. */
interface TestRun {
  readonly outcome: Outcome;
  readonly output: string;
  readonly seconds: number;
  /** The test file in which the first test failed, as a project path; empty where none says so. */
  readonly failedFile: string;
}

/** Folders that tests outside of the labs can do with. */
const COPIED = /^(?:deno\.json|deno\.lock|mod\.ts|README\.md|(?:src|test|scripts|ffi|docs)\/.*)$/;
/** What the type checker says of code that is sound but partly unused, as a changed one may be. */
const HARMLESS = new Set(["TS6133", "TS6192", "TS6196", "TS6198", "TS6199", "TS7027"]);
/** Local choice: a change may ask for memory without end. */
const HEAP_MEGABYTES = 1500;

/** A copy; disposing of it ends what runs in it and removes it. */
export class WorkingCopy {
  readonly #root: string;
  #child: Deno.ChildProcess | null = null;
  #isOver = false;

  /** Copies the project whose folder is `root` (a file URL that ends in `/`). */
  constructor(root: URL) {
    this.#root = Deno.makeTempDirSync({ prefix: "tcplab-mutants-" });
    for (const path of projectFiles("", root)) {
      if (!COPIED.test(path)) continue;
      const target = this.#path(path);
      Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")), { recursive: true });
      Deno.copyFileSync(new URL(path, root), target);
    }
  }

  /** Every file below a folder of the copy, as project paths. */
  files(folder: string): string[] {
    return projectFiles(folder, new URL(`file://${this.#root}/`));
  }

  write(path: string, text: string): void {
    Deno.writeTextFileSync(this.#path(path), text);
  }

  read(path: string): string {
    return Deno.readTextFileSync(this.#path(path));
  }

  /** Runs test files in this order up to the first failure, for `limitSeconds` at most. */
  async test(files: readonly string[], limitSeconds: number): Promise<TestRun> {
    const began = performance.now();
    const flags = [
      "-A",
      "--no-check",
      "--fail-fast",
      "--no-lock",
      `--v8-flags=--max-old-space-size=${HEAP_MEGABYTES}`,
    ];
    const { code, output, isLate } = await this.#deno(["test", ...flags, ...files], limitSeconds);
    return {
      outcome: isLate ? "late" : code === 0 ? "passed" : "failed",
      output,
      seconds: (performance.now() - began) / 1000,
      failedFile: output.match(/=> \.\/(\S+?\.ts):\d+/)?.[1] ?? "",
    };
  }

  /** Every change that can be made in a file of the copy. */
  async changes(path: string): Promise<Change[]> {
    const plugin = new URL("mutants_changes.ts", import.meta.url).href;
    this.write(
      "mutants_lint.json",
      JSON.stringify({ lint: { plugins: [plugin], rules: { tags: [], include: [CHANGE_RULE] } } }),
    );
    const { stdout } = await this.#deno([
      "lint",
      "--json",
      "--config",
      "mutants_lint.json",
      path,
    ], Infinity);
    const found: { diagnostics: { message: string; code: string }[]; errors: unknown[] } = JSON.parse(stdout);
    if (found.errors.length > 0) throw new Error(`${path} cannot be read: ${JSON.stringify(found.errors)}`);
    const messages = found.diagnostics.filter(({ code }) => code === CHANGE_RULE).map(({ message }) =>
      message
    );
    return changesIn(this.read(path), messages);
  }

  /** Those of the changes to a file with which it still compiles: all are written beside it and checked at once. */
  async compiling(path: string, changes: readonly Change[]): Promise<Change[]> {
    const text = this.read(path);
    const nameOf = (index: number) => path.replace(/\.ts$/, `_mutant${index}.ts`);
    // The first is the text as it is: what the checker says of it is not the change's fault.
    const texts = [text, ...changes.map((change) => applyChange(text, change))];
    for (const [index, changed] of texts.entries()) this.write(nameOf(index), changed);
    const names = texts.map((_, index) => nameOf(index));
    const { code, output } = await this.#deno(["check", "--no-lock", ...names], Infinity);
    for (const name of names) Deno.removeSync(this.#path(name));
    const complaints = complaintsByFile(output);
    if (code !== 0 && complaints.size === 0) throw new Error(`deno check ${path}: ${output}`);
    const own = complaints.get(nameOf(0)) ?? new Set();
    return changes.filter((_, index) => (complaints.get(nameOf(index + 1)) ?? new Set()).isSubsetOf(own));
  }

  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#kill();
    Deno.removeSync(this.#root, { recursive: true });
  }

  #path(path: string): string {
    return `${this.#root}/${path}`;
  }

  #kill(): void {
    try {
      this.#child?.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  async #deno(args: readonly string[], limitSeconds: number) {
    const command = new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: this.#root,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
    const child = command.spawn();
    this.#child = child;
    let isLate = false;
    const timer = limitSeconds === Infinity ? 0 : setTimeout(() => {
      isLate = true;
      this.#kill();
    }, limitSeconds * 1000);
    const { code, stdout, stderr } = await child.output();
    clearTimeout(timer);
    this.#child = null;
    const decoder = new TextDecoder();
    const said = decoder.decode(stdout);
    return { code, isLate, stdout: said, output: said + decoder.decode(stderr) };
  }
}

/** What the type checker says, by file as a project path; the place in the file is left out, because changes move it. */
function complaintsByFile(output: string): Map<string, Set<string>> {
  const byFile = new Map<string, Set<string>>();
  for (const block of output.split(/\n(?=TS\d+ \[ERROR\])/)) {
    const code = block.match(/TS\d+/)?.[0] ?? "";
    const path = block.match(/^ {4}at file:\/\/\S*?\/((?:src|ffi|scripts|test)\/\S+_mutant\d+\.ts):\d+/m)
      ?.[1];
    if (path === undefined || HARMLESS.has(code)) continue;
    const said = byFile.get(path) ?? new Set<string>();
    said.add(block.split("\n    at ")[0].split("\n")[0].replace(/_mutant\d+/g, ""));
    byFile.set(path, said);
  }
  return byFile;
}
