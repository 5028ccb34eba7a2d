/**
 * The text rules fire on what they are for. The samples are put together from pieces: this file is checked too.
 */
import { assertEquals } from "@std/assert";
import { checkText } from "../../scripts/check_files.ts";

function lines(text: string, path = "docs/a.md"): number[] {
  return checkText(path, text).map((finding) => finding.line);
}

Deno.test("a path of one machine is found", () => {
  for (const folder of ["root", "home", "work", "opt", "Users"]) {
    assertEquals(lines(`first\nsee ${"/"}${folder}/someone/file`), [2]);
  }
});

Deno.test("paths that every Linux has are not", () => {
  assertEquals(
    lines("/usr/lib/x /proc/net/tcp /run/tcplab /tmp/x ./work/x src/root/x https://a.example/home/x"),
    [],
  );
});

Deno.test("a registry's host is found", () => {
  assertEquals(lines(`{\n"resolved": "https://${"registry"}.npmjs.org/x"\n}`), [2]);
});

Deno.test("a folder outside the project is found, except where continuous integration may use it", () => {
  assertEquals(lines(`see ..${"/shared"}/toolchain`), [1]);
  assertEquals(lines(`see ..${"/shared"}/toolchain`, ".ci/run"), []);
});

Deno.test("a conflict marker is found", () => {
  assertEquals(lines(`a\n${"<".repeat(7)} HEAD\nb\n${"=".repeat(7)}\nc\n${">".repeat(7)} other\n`), [
    2,
    4,
    6,
  ]);
});
