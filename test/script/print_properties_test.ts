/** Any script that is printed reads as the same script, and prints as the same text; any text is read or refused. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseScript } from "../../src/script/parse_script.ts";
import { printExpression } from "../../src/script/print_expression.ts";
import { printPacket } from "../../src/script/print_packet.ts";
import { printScript } from "../../src/script/print_script.ts";
import { ScriptError } from "../../src/script/script_error.ts";
import { expression, packet, script } from "./random_script.ts";
import { SCRIPT_SAMPLES, STEP_SAMPLES } from "./script_samples.ts";
import { withoutPlaces } from "./without_places.ts";

Deno.test("property: parse(print(script)) is the script, and print of that the same text", () => {
  fc.assert(
    fc.property(script, (value) => {
      const text = printScript(value);
      const again = parseScript(text, "random");
      assertEquals(withoutPlaces(again), withoutPlaces(value));
      assertEquals(printScript(again), text);
      assertEquals(printScript(again, { layout: "canonical" }), text);
    }),
    { numRuns: 300 },
  );
});

Deno.test("property: a packet alone, an expression alone", () => {
  fc.assert(fc.property(packet, (value) => {
    const [part] = parseScript(`0 ${printPacket(value)}`, "random").steps;
    assertEquals(withoutPlaces(part.kind === "step" && part.event), withoutPlaces(value));
  }));
  fc.assert(fc.property(expression, (value) => {
    const [part] = parseScript(`0 f(${printExpression(value)}) = 0`, "random").steps;
    const event = part.kind === "step" ? part.event : null;
    assertEquals(withoutPlaces(event?.kind === "call" && event.args), withoutPlaces([value]));
  }));
});

/** What stands there is read, or refused at a place that is there. */
function readOrRefused(text: string): boolean {
  try {
    assertEquals(printScript(parseScript(text, "any")), text);
    return true;
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    const lines = text.split("\n");
    assert(error.line >= 1 && error.line <= lines.length, error.message);
    assert(error.column >= 1 && error.column <= lines[error.line - 1].length + 1, error.message);
    assert(error.token === "" || text.includes(error.token));
    return false;
  }
}

Deno.test("property: any text is read, or refused at its place; what is read keeps its text", () => {
  const seeds = [...SCRIPT_SAMPLES, ...STEP_SAMPLES.map(({ written }) => written)];
  const pieces = seeds.flatMap((seed) => seed.split(/\b/));
  let read = 0;
  const change = fc.tuple(
    fc.constantFrom(...seeds),
    fc.nat(),
    fc.nat(6),
    fc.constantFrom(...pieces, "\0", "\r", "\u{1f600}"),
  );
  fc.assert(
    fc.property(change, ([seed, position, length, piece]) => {
      const at = position % (seed.length + 1);
      if (readOrRefused(seed.slice(0, at) + piece + seed.slice(at + length))) read += 1;
    }),
    { numRuns: 3_000 },
  );
  assert(read > 100, `${read} were read`);
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void readOrRefused(text)));
  for (const seed of seeds) {
    for (let length = 0; length < seed.length; length += 1) readOrRefused(seed.slice(0, length));
  }
});
