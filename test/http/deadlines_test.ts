/** Deadlines of many behind one timer. */
import { assert, assertEquals } from "@std/assert";
import { Deadlines, type Timed } from "../../src/http/deadlines.ts";
import { VirtualClock } from "../../src/runtime/clock.ts";

/** Notes when it was told. */
class Noting implements Timed {
  deadlineUs = Infinity;
  readonly told: number[] = [];
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  expire(): void {
    this.told.push(this.#clock.nowUs());
  }
}

Deno.test("each is told once, when its time has come; moving it away, or taking it away, is enough", () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock);
  const [first, moved, gone, deleted] = Array.from({ length: 4 }, () => new Noting(clock));
  for (const timed of [first, moved, gone, deleted]) {
    deadlines.add(timed);
    deadlines.set(timed, 100);
  }
  deadlines.set(moved, 300);
  deadlines.set(gone, Infinity);
  deadlines.delete(deleted);
  clock.advance(99_999);
  assertEquals(first.told, []);
  clock.advance(1_000_000);
  assertEquals([first.told, moved.told, gone.told, deleted.told], [[100_000], [300_000], [], []]);
});

Deno.test("one that comes nearer is met in time", () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock);
  const timed = new Noting(clock);
  deadlines.add(timed);
  deadlines.set(timed, 1000);
  deadlines.set(timed, 10);
  clock.advance(2_000_000);
  assertEquals(timed.told, [10_000]);
});

Deno.test("ten thousand, each a moment after the other, are looked at together, and none much too late", () => {
  const clock = new VirtualClock();
  const deadlines = new Deadlines(clock);
  const all = Array.from({ length: 10_000 }, () => new Noting(clock));
  for (const [at, timed] of all.entries()) {
    deadlines.add(timed);
    deadlines.set(timed, (1_000_000 + at * 100) / 1000);
  }
  let looks = 0;
  let last = -1;
  clock.advance(3_000_000);
  for (const [at, { told }] of all.entries()) {
    assertEquals(told.length, 1);
    const late = told[0] - (1_000_000 + at * 100);
    assert(late > -1 && late <= 10_000, `${late} us`);
    if (told[0] !== last) looks++;
    last = told[0];
  }
  assert(looks <= 110, `${looks} looks`);
});
