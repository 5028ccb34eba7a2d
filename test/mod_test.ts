/**
 * Importing the library does nothing: no library is opened, no permission asked.
 */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

Deno.test("mod.ts loads without a single permission", async () => {
  const path = fromFileUrl(new URL("../mod.ts", import.meta.url));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--no-prompt", "--cached-only", path],
    stdin: "null",
  }).output();
  assertEquals({ code, stderr: new TextDecoder().decode(stderr) }, { code: 0, stderr: "" });
});
