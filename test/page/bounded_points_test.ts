/** What charts keep: bounded, whatever comes, and no peak is lost. */
import { assert, assertEquals } from "@std/assert";
import { type Bar, type BarKind, BoundedBars, BoundedPoints } from "../../src/page/bounded_points.ts";

Deno.test("a million points: few are kept, in order of time, with the highest and the lowest and the newest", () => {
  const points = new BoundedPoints();
  for (let i = 0; i < 1_000_000; i++) {
    points.push(i, i === 123_456 ? 5000 : i === 654_321 ? -5000 : Math.sin(i / 1000) * 100);
  }
  const { times, values } = points;
  assert(times.length <= 2048 && times.length > 500, `${times.length}`);
  assertEquals(times.every((time, at) => at === 0 || time > times[at - 1]), true);
  assertEquals([Math.max(...values), Math.min(...values)], [5000, -5000]);
  assertEquals(times.at(-1), 999_999);
  assertEquals(points.extent(0, 1_000_000), [-5000, 5000]);
});

Deno.test("a value holds until the next one; before the first there is none", () => {
  const points = new BoundedPoints();
  points.push(1, 10);
  points.push(3, 30);
  assertEquals([0.5, 1, 2.9, 3, 100].map((time) => points.at(time)), [null, 10, 10, 30, 30]);
  assertEquals([points.extent(0, 0.5), points.extent(2, 2.5), points.extent(0, 9)], [null, [10, 10], [
    10,
    30,
  ]]);
  // A clock that runs backwards makes no point of the past.
  points.push(2, 20);
  assertEquals(points.times, [1, 3, 3]);
});

function bar(time: number, kind: BarKind): Bar {
  return { time, until: time, from: time * 10, to: time * 10 + 10, kind: () => kind };
}

Deno.test("a hundred thousand bars: few are kept, cover the whole stream, and what is remarkable stays by itself", () => {
  const bars = new BoundedBars();
  for (let i = 0; i < 100_000; i++) bars.push(bar(i, i % 10_000 === 5000 ? "resent" : "data"));
  const kept = bars.bars;
  assert(kept.length <= 4096, `${kept.length}`);
  assertEquals(kept.filter(({ kind }) => kind() === "resent").map(({ time }) => time), [
    5000,
    15_000,
    25_000,
    35_000,
    45_000,
    55_000,
    65_000,
    75_000,
    85_000,
    95_000,
  ]);
  let end = 0;
  for (const { from, to } of kept) {
    assertEquals(from, end);
    end = to;
  }
  assertEquals(end, 1_000_000);
});

Deno.test("where every bar is remarkable the oldest go", () => {
  const bars = new BoundedBars();
  for (let i = 0; i < 50_000; i++) bars.push(bar(i, "resent"));
  assert(bars.bars.length <= 4096, `${bars.bars.length}`);
  assertEquals(bars.bars.at(-1)?.time, 49_999);
});
