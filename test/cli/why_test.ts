/** `tcplab why` as a process: what goes where, and the exit status. */
import { assert, assertEquals } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";
import { EXPLANATIONS } from "../../src/observe/explanation.ts";

async function why(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const [program, ...words] = selfCommand();
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...words, "why", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  return { code, out: new TextDecoder().decode(stdout), error: new TextDecoder().decode(stderr) };
}

Deno.test("why without a name lists everything, with many names tells each in full, once", async () => {
  const all = await why();
  assertEquals([all.code, all.error], [0, ""]);
  for (const { name } of EXPLANATIONS) assert(all.out.includes(`  ${name} `), name);
  const two = await why("listen.syn", "TIME_WAIT", "listen.syn");
  assertEquals([two.code, two.error], [0, ""]);
  assertEquals(two.out.split("\n").filter((line) => /^\S/.test(line)), [
    "listen.syn  row",
    "TIME_WAIT  state",
  ]);
});

Deno.test("why --json: the same as values", async () => {
  const { code, out, error } = await why("open.passive", "--json");
  assertEquals([code, error], [0, ""]);
  const values: { kind: string; name: string; test: { place: string } }[] = JSON.parse(out);
  assertEquals(values.map(({ kind, name }) => `${kind} ${name}`), ["row open.passive", "rule open.passive"]);
  assert(values.every(({ test }) => /^test\/tcp\/\w+\.ts:\d+$/.test(test.place)), out);
  const all = await why("--json");
  assertEquals([all.code, all.error], [0, ""]);
  assertEquals(JSON.parse(all.out), JSON.parse(JSON.stringify(EXPLANATIONS)));
});

Deno.test("why of a name that nobody knows: one line with what may be meant, and status 2", async () => {
  const suggestions = [
    ["listen.sin", "did you mean listen.syn?"],
    ["ESTABLISHD", "did you mean ESTABLISHED or established?"],
    ["chek5", "did you mean arrives.check5?"],
    ["ack-nothing", "did you mean arrives.check5.ack-nothing-new?"],
    ["xyzzy", "tcplab why lists them"],
  ];
  for (const [name, advice] of suggestions) {
    const { code, out, error } = await why(name);
    assertEquals([code, out], [2, ""], name);
    assertEquals(error.trimEnd().split("\n"), [
      `tcplab why: No rule, row or state is called "${name}": ${advice}`,
      "Usage: tcplab why [RULE|ROW|STATE...] [--json]",
    ]);
  }
});
