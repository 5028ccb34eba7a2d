/** `deno task test:load`: what it reads out of a run's output, and when a run counts as failed. */
import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { countTests, leastIgnored, verdictOf } from "../../scripts/test_under_load.ts";

const ESC = "\x1b";
const PASSED =
  `${ESC}[0m${ESC}[32mok${ESC}[0m | 1500 passed | 0 failed | 2 ignored ${ESC}[0m(3m2s)${ESC}[0m\n`;
const FAILED = `running 2 tests from ./test/live/a_test.ts
live: one ... FAILED (3s)

${ESC}[0m${ESC}[1m${ESC}[37m${ESC}[41m ERRORS ${ESC}[0m

live: one => ./test/live/private_lab.ts:37:8
error: AssertionError: ok | 7 passed is what it said

${ESC}[0m${ESC}[1m${ESC}[37m${ESC}[41m FAILURES ${ESC}[0m

live: one ${ESC}[0m=> ./test/live/private_lab.ts:37:8${ESC}[0m
two, => and an arrow ${ESC}[0m=> ./test/live/b_test.ts:1:6${ESC}[0m

${ESC}[31mFAILED${ESC}[0m | 210 passed | 2 failed | 11 ignored (8m19s)
`;
const counts = countTests(PASSED);

Deno.test("test:load: the counts of all test programs of a run are added up", () => {
  assertEquals(counts, { passed: 1500, failed: 0, ignored: 2, failures: [] });
  const both = countTests(PASSED + FAILED);
  const failures = ["live: one", "two, => and an arrow"];
  assertEquals(both, { passed: 1710, failed: 2, ignored: 13, failures });
  assertEquals(countTests("error: Module not found\n"), { passed: 0, failed: 0, ignored: 0, failures: [] });
});

Deno.test("test:load: a run passes when its tests did, some ran, and nothing is left of it", () => {
  assertEquals(verdictOf({ code: 0, counts, left: [] }), null);
  const both = countTests(PASSED + FAILED);
  assertEquals(verdictOf({ code: 1, counts: both, left: [] }), "live: one; two, => and an arrow");
  assertEquals(verdictOf({ code: 1, counts, left: [] }), "status 1");
  assertEquals(verdictOf({ code: 124, counts, left: [] }), "takes too long");
  assertEquals(verdictOf({ code: 0, counts: countTests(""), left: [] }), "no test has run");
  assertEquals(verdictOf({ code: 0, counts, left: ["a", "b"] }), "left temporary files: a, b");
});

Deno.test("test:load: the least number of ignored tests is what any run may ignore", () => {
  assertEquals(leastIgnored([{ counts: { ...counts, ignored: 4 } }, { counts }]), 2);
});

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** A test that opens the pipe, says its process number there, and then stands. */
const STANDS = (pipe: string) => `
Deno.test("stands", async () => {
  const end = Deno.openSync(${JSON.stringify(pipe)}, { write: true });
  end.writeSync(new TextEncoder().encode(Deno.pid + "\\n"));
  await new Promise((resolve) => setTimeout(resolve, 1e6));
});
`;

/** Two runs, to be ended by `end` once both stand; gives the status and what was said, when nothing of them is left. */
async function endedLoad(
  end: (load: Deno.ChildProcess, about: { place: string; standing: readonly number[] }) => void,
): Promise<{ code: number; said: string }> {
  const place = Deno.makeTempDirSync({ prefix: "tcplab-test-" });
  try {
    const pipe = join(place, "pipe");
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    const file = join(place, "stands_test.ts");
    Deno.writeTextFileSync(file, STANDS(pipe));
    // Ends when none of the runs has the pipe open any more.
    const reader = new Deno.Command("cat", { args: [pipe], stdin: "null", stdout: "piped" }).spawn();
    const load = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "scripts/test_under_load.ts", "--runs", "2", "--at-once", "2", file],
      cwd: ROOT,
      env: { TMPDIR: place },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = load.output();
    let text = "";
    for await (const part of reader.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      const standing = text.split("\n").slice(0, -1).map(Number);
      if (standing.length === 2) end(load, { place, standing });
    }
    const { code, stdout, stderr } = await output;
    return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  } finally {
    Deno.removeSync(place, { recursive: true });
  }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test({
    name: `test:load: ${signal} ends the runs too`,
    ignore: Deno.build.os === "windows",
    async fn() {
      const { code, said } = await endedLoad((load) => load.kill(signal));
      assertEquals({ code, said }, { code: 1, said: "0 passed, 0 failed, interrupted\n" });
    },
  });
}

Deno.test({
  name: "test:load: where one run cannot be judged, the other ends too",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { code, said } = await endedLoad((_, { place, standing }) => {
      const [folder] = [...Deno.readDirSync(place)].filter(({ name }) => name.startsWith("tcplab-load-"));
      for (const number of [1, 2]) Deno.removeSync(join(place, folder.name, `${number}.log`));
      Deno.kill(standing[0], "SIGKILL");
    });
    assertEquals(code, 1);
    assertMatch(said, /NotFound: .* readfile '.*\/tcplab-load-\w+\/[12]\.log'/);
  },
});
