/**
 * The binary may do what the program does: a variable that the code reads and the binary may not would fail there
 * alone.
 */
import { assert, assertArrayIncludes, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import {
  compileArguments,
  ENVIRONMENT,
  PERMISSIONS,
  removeLeftFolders,
  separateOutput,
} from "../../scripts/compile.ts";
import { ENGINE_FLAGS } from "../../src/cli/self_command.ts";
import { projectFiles, readProjectFile } from "../../scripts/project_files.ts";

function isAllowed(name: string): boolean {
  return ENVIRONMENT.some((one) => one.endsWith("*") ? name.startsWith(one.slice(0, -1)) : one === name);
}

Deno.test("every environment variable that the code names may be read by the binary", () => {
  const files = ["src", "ffi"].flatMap((folder) => projectFiles(folder));
  const names = files.flatMap((path) =>
    [...readProjectFile(path).matchAll(/\b(?:env|environmentVariable|env\.get)\("(\w+)"\)/g)].map((match) =>
      match[1]
    )
  );
  assert(names.length > 0, "the search finds nothing any more");
  assertEquals(names.filter((name) => !isAllowed(name)), []);
});

Deno.test("every property of the system that the code asks for may be read by the binary, and no other", () => {
  const files = ["src", "ffi"].flatMap((folder) => projectFiles(folder));
  const asked = files.flatMap((path) =>
    [
      ...readProjectFile(path).matchAll(
        /\bDeno\.(uid|gid|hostname|networkInterfaces|osRelease|osUptime|loadavg|systemMemoryInfo)\(/g,
      ),
    ].map((match) => match[1])
  );
  const allowed = PERMISSIONS.find((flag) => flag.startsWith("--allow-sys="))?.split("=")[1].split(",");
  assertEquals(allowed?.toSorted(), [...new Set(asked)].toSorted());
});

Deno.test("the binary runs no code that it finds in a folder open to all", () => {
  assertArrayIncludes(compileArguments([]), ["--no-code-cache"]);
});

Deno.test("the binary carries the pages, put together, and neither its parts nor the packages that only scripts and tests use", () => {
  const included = compileArguments([]).filter((word) => word.startsWith("--include="));
  assertArrayIncludes(included, ["--include=dist/page.html", "--include=dist/play.html"]);
  assertEquals(included.filter((word) => word.startsWith("--include=src/page/")), []);
  assertArrayIncludes(compileArguments([]), ["--exclude-unused-npm"]);
});

Deno.test("the binary, and the program run from the checkout, tell V8 how much to inline", async () => {
  assertArrayIncludes(compileArguments([]), [ENGINE_FLAGS]);
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assertEquals(tasks.tcplab.command, `deno run -A ${ENGINE_FLAGS} src/cli/main.ts`);
});

Deno.test("arguments pass through, and the output has its usual name unless one is given", () => {
  const plain = compileArguments([]);
  assertArrayIncludes(plain, ["compile", "--output=dist/tcplab", "--no-prompt", "--allow-ffi"]);
  assertEquals(plain.at(-1), "src/cli/main.ts");
  const other = compileArguments(["--target", "aarch64-apple-darwin", "--output", "x"]);
  assertEquals(other.slice(-5), ["--target", "aarch64-apple-darwin", "--output", "x", "src/cli/main.ts"]);
  assertEquals(other.includes("--output=dist/tcplab"), false);
});

Deno.test("where the binary goes is known, however it is written", () => {
  for (const written of [["-o", "x"], ["-ox"], ["-o=x"], ["--output", "x"], ["--output=x"]]) {
    assertEquals(separateOutput(["--quiet", ...written, "--icon", "i"]), {
      output: "x",
      rest: ["--quiet", "--icon", "i"],
    });
  }
  assertEquals(separateOutput([]), { output: "dist/tcplab", rest: [] });
});

Deno.test("what a killed run has left goes with the next, what another run is at work in does not", () => {
  const folder = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
  try {
    const now = 1_700_000_000_000;
    for (const [name, hours] of [[".compile-old", 2], [".compile-new", 0.5], ["compile-other", 2]] as const) {
      const path = `${folder}/${name}`;
      Deno.mkdirSync(path);
      Deno.writeTextFileSync(`${path}/tcplab`, "");
      Deno.utimeSync(path, 0, now / 1000 - hours * 3600);
    }
    Deno.writeTextFileSync(`${folder}/.compile-file`, "");
    removeLeftFolders(folder, now);
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();
    assertEquals(left, [".compile-file", ".compile-new", "compile-other"]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("an earlier binary stays where the new one cannot be made, or does not start", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
  try {
    const path = `${folder}/tcplab`;
    Deno.writeTextFileSync(path, "the earlier one");
    // A base that is not there; one that is a program, and does not start ours.
    for (const base of [`${folder}/nowhere`, "/bin/false"]) {
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          fromFileUrl(new URL("../../scripts/compile.ts", import.meta.url)),
          "--output",
          path,
        ],
        env: { DENORT_BIN: base },
        stdin: "null",
      }).output();
      assert(code !== 0 && new TextDecoder().decode(stderr).includes("compile: "), base);
      assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["tcplab"]);
      assertEquals(Deno.readTextFileSync(path), "the earlier one");
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
