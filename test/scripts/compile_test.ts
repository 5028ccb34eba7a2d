/**
 * The binary may do what the program does: a variable that the code reads and the binary may not would fail there
 * alone.
 */
import { assert, assertArrayIncludes, assertEquals } from "@std/assert";
import { compileArguments, ENVIRONMENT, PERMISSIONS } from "../../scripts/compile.ts";
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
