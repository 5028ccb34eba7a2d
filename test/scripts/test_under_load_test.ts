/** `deno task test:load`: what it reads out of a run's output, and when a run counts as failed. */
import { assertEquals } from "@std/assert";
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
