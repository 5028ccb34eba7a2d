/** What stands at a chart's axes: whatever the step, two values are two texts, and a text is its value. */
import { assert, assertEquals } from "@std/assert";
import { bytesText, millisecondsText, secondsText } from "../../src/page/chart_text.ts";

Deno.test("a value by itself has three digits", () => {
  assertEquals([0, 9999, 10_000, 123_456, 1_234_567, 4e9].map((bytes) => bytesText(bytes)), [
    "0",
    "9999",
    "10 k",
    "123 k",
    "1.23 M",
    "4 G",
  ]);
  assertEquals([0, 0.0000125, 0.1125, 1.23456].map((seconds) => secondsText(seconds)), [
    "0",
    "12.5 µs",
    "113 ms",
    "1.23 s",
  ]);
  assertEquals(millisecondsText(40.06), "40.1 ms");
});

Deno.test("a value of an axis is told from the next one, and is what it says", () => {
  assertEquals([0.11, 0.1125, 0.115].map((at) => secondsText(at, 0.0025)), ["110 ms", "112.5 ms", "115 ms"]);
  assertEquals([100_600, 100_800].map((at) => bytesText(at, 200)), ["100.6 k", "100.8 k"]);
  assertEquals([2_147_483_648, 2_147_483_649].map((at) => bytesText(at, 1)), [
    "2.147483648 G",
    "2.147483649 G",
  ]);
  for (const step of [1e-6, 2.5e-5, 5e-4, 0.001, 0.02, 0.25, 1, 10, 60]) {
    const texts = Array.from({ length: 50 }, (_, at) => secondsText(3 * step + at * step, step));
    assertEquals(new Set(texts).size, 50, `${step}: ${texts.join(", ")}`);
    for (const [at, text] of texts.entries()) {
      const [number, unit] = text.split(" ");
      const seconds = Number(number) * (unit === "s" ? 1 : unit === "ms" ? 1e-3 : 1e-6);
      assert(Math.abs(seconds - (3 + at) * step) < step / 10, `${text} for ${(3 + at) * step}`);
    }
  }
});
