/**
 * `--profile` at the head of a script: which profile it asks for, and what is no profile.
 */
import { assertEquals } from "@std/assert";
import { parseScript } from "../../src/script/parse_script.ts";
import { profileAskedFor } from "../../src/script/run_config.ts";
import { played } from "./played.ts";

const STEP = "0 `true`\n";

Deno.test("a script asks for a profile at its head, the last time counts", () => {
  const asked = (head: string) => profileAskedFor(parseScript(head + STEP, "test.pkt"))?.name ?? null;
  assertEquals(asked("--profile=rfc\n"), "rfc");
  assertEquals(asked("--profile=rfc\n--profile=freebsd\n"), "freebsd");
  assertEquals(asked('--profile="linux"\n'), "linux");
  assertEquals(asked("--mtu=1500\n"), null);
  assertEquals(asked("--profile=solaris\n"), null);
});

Deno.test("a profile that is not there is an error in its line", () => {
  const { verdict } = played(`--mtu=1500\n--profile=solaris\n${STEP}`);
  assertEquals(verdict, {
    kind: "error",
    place: { line: 2, column: 1 },
    message: "expected rfc, linux, freebsd behind --profile=, found solaris",
  });
  assertEquals(played(`--profile=linux\n${STEP}`).verdict, { kind: "pass" });
});
