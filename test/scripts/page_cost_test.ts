/** The bounds of what an open page costs: each is a failure when it is missed, and at its edge as it was set. */
import { assertEquals } from "@std/assert";
import { missesOf } from "../live/page_cost.ts";

const good = { ratio: 0.9, segments: 1_000_000, heapBytes: 199_999_999 };

Deno.test("an open page that costs no more than it may has missed nothing", () => {
  assertEquals(missesOf(good), []);
  assertEquals(missesOf({ ratio: 1.02, segments: 1_300_000, heapBytes: 12e6 }), []);
});

Deno.test("each bound that is missed is told, with what was measured", () => {
  assertEquals(missesOf({ ...good, ratio: 0.89 }), [
    "With the page open 0.89 of the throughput is left: at least 0.9 was to be",
  ]);
  assertEquals(missesOf({ ...good, segments: 999_999 }), [
    "999999 segments are too few to say what a tab holds: at least 1000000 were to pass",
  ]);
  assertEquals(missesOf({ ...good, heapBytes: 200e6 }), [
    "The tab holds 200.0 MB: less than 200 MB was to be",
  ]);
  assertEquals(missesOf({ ratio: 0.5, segments: 0, heapBytes: 3e8 }).length, 3);
});

Deno.test("what was not measured has missed", () => {
  assertEquals(missesOf({ ratio: NaN, segments: NaN, heapBytes: NaN }).length, 3);
});
