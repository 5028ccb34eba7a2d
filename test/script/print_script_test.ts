/** A script that is written and read again is the same; one that was read and not changed has the same text. */
import { assertEquals } from "@std/assert";
import { parseScript } from "../../src/script/parse_script.ts";
import { printScript, printStep, printTime } from "../../src/script/print_script.ts";
import type { Script, Step } from "../../src/script/values.ts";
import { SCRIPT_SAMPLES, STEP_SAMPLES } from "./script_samples.ts";
import { withoutPlaces } from "./without_places.ts";

function stepOf(script: Script, index = 0): Step {
  const part = script.steps[index];
  if (part.kind !== "step") throw new Error("a condition instead of a step");
  return part;
}

Deno.test("print: every form of a step has one canonical text, which reads as the same values", () => {
  for (const { written, printed } of STEP_SAMPLES) {
    const step = stepOf(parseScript(written, "sample"));
    assertEquals(printStep(step), printed);
    const again = stepOf(parseScript(printed, "sample"));
    assertEquals(withoutPlaces(again), withoutPlaces(step), written);
  }
});

Deno.test("print: a script that was not changed keeps its text, comments and layout with it", () => {
  for (const text of [...SCRIPT_SAMPLES, ...STEP_SAMPLES.map(({ written }) => `${written}\n`)]) {
    assertEquals(printScript(parseScript(text, "sample")), text);
  }
});

Deno.test("print: canonical text reads as the same script and is its own canonical text", () => {
  for (const text of SCRIPT_SAMPLES) {
    const script = parseScript(text, "sample");
    const canonical = printScript(script, { layout: "canonical" });
    const again = parseScript(canonical, "sample");
    assertEquals(withoutPlaces(again), withoutPlaces(script));
    assertEquals(printScript(again, { layout: "canonical" }), canonical);
    // A copy has no text that it came from.
    assertEquals(printScript(structuredClone(script)), canonical);
  }
});

const THREE = "// head\n+0 a() = 0 // one\n\n// two\n  +0   b()  = 0\n+0 c() = 0 // three\n";

Deno.test("print: a changed step loses its text and keeps the comments around it", () => {
  const script = parseScript(THREE, "sample");
  const [a, b, c] = script.steps;
  const changed = {
    ...stepOf(script, 1),
    time: { ...stepOf(script, 1).time, fromUs: 250_000, untilUs: 250_000 },
  };
  assertEquals(
    printScript({ ...script, steps: [a, changed, c] }),
    "// head\n+0 a() = 0 // one\n\n// two\n  +0.25 b() = 0\n+0 c() = 0 // three\n",
  );
  assertEquals(
    printScript({ ...script, steps: [a, c] }),
    "// head\n+0 a() = 0 // one\n+0 c() = 0 // three\n",
  );
  assertEquals(printScript({ ...script, steps: [b] }), "\n\n// two\n  +0   b()  = 0");
});

Deno.test("print: a changed condition loses the text of its first line alone", () => {
  const script = parseScript("// head\n#ifdef  A // yes\n0   f() = 0\n#else // no\n#endif\n", "sample");
  const steps = script.steps.map((part) => part.kind === "condition" ? { ...part, name: "B" } : part);
  assertEquals(
    printScript({ ...script, steps }),
    "// head\n#ifdef B // yes\n0   f() = 0\n#else // no\n#endif\n",
  );
});

Deno.test("print: a new step stands in a line of its own", () => {
  const script = parseScript(THREE, "sample");
  const added = structuredClone(stepOf(parseScript("1 new() = 0", "other")));
  const [a, b, c] = script.steps;
  assertEquals(
    printScript({ ...script, steps: [added, a, added, b, c, added] }),
    "1 new() = 0\n// head\n+0 a() = 0 // one\n1 new() = 0\n\n// two\n  +0   b()  = 0\n+0 c() = 0 // three\n\n1 new() = 0\n",
  );
  // A part of another script comes with its own surroundings, and never behind a comment.
  const commented = parseScript("+0 x() = 0 // no newline", "other");
  assertEquals(
    printScript({ ...script, steps: [...commented.steps, ...commented.steps, a] }),
    "+0 x() = 0 // no newline\n+0 x() = 0 // no newline\n// head\n+0 a() = 0 // one",
  );
});

Deno.test("print: times are exact", () => {
  const at = (fromUs: number) => printTime({ base: "absolute", fromUs, untilUs: fromUs, endUs: null });
  assertEquals(at(0), "0");
  assertEquals(at(1), "0.000001");
  assertEquals(at(290_000), "0.29");
  assertEquals(at(1_000_000_000_000_001), "1000000000.000001");
});
