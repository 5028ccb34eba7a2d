/**
 * An ordinary process has the rights of its user and no others. (The other case needs a file with capabilities:
 * docs/binary.md tells how to see it.)
 */
import { assertEquals } from "@std/assert";
import { hasRightsOfItsFile } from "../../ffi/secure_execution.ts";

Deno.test("rights of the file: none in an ordinary process", () => {
  assertEquals(hasRightsOfItsFile(), false);
});
