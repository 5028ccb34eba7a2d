/** Keys as shortcuts know them. */
import { assertEquals } from "@std/assert";
import { shortcutOf } from "../../src/page/dom.ts";

Deno.test("a letter is the same shortcut with Shift and Caps Lock; other keys keep their names", () => {
  const keys = ["p", "P", "Q", "0", "Escape", "ArrowDown", "É"];
  assertEquals(keys.map((key) => shortcutOf({ key })), ["p", "p", "q", "0", "Escape", "ArrowDown", "é"]);
});
