/** Whether a terminal shows more than ASCII: the first of three variables that is set decides. */
import { assertEquals } from "@std/assert";
import { isUtf8Locale } from "../../src/cli/terminal.ts";

Deno.test("locale: LC_ALL before LC_CTYPE before LANG, an empty one is none", () => {
  const cases: readonly (readonly [readonly (string | undefined)[], boolean])[] = [
    [[undefined, undefined, undefined], false],
    [["", "", "C.UTF-8"], true],
    [[undefined, undefined, "de_DE.utf8"], true],
    [[undefined, undefined, "en_US.ISO-8859-1"], false],
    [["C", undefined, "en_US.UTF-8"], false],
    [[undefined, "en_US.UTF-8", "C"], true],
    [["POSIX", "en_US.UTF-8", "en_US.UTF-8"], false],
  ];
  for (const [settings, wanted] of cases) {
    assertEquals(isUtf8Locale(settings), Deno.build.os === "windows" || wanted, JSON.stringify(settings));
  }
});
