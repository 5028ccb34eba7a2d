/** The distance of two clocks, measured on clocks of the test's own: found, kept, and found again after a step. */
import { assert, assertEquals } from "@std/assert";
import { type OffsetBounds, readSystemClocks, WallOffset } from "../../src/runtime/wall_offset.ts";

const LEAD_US = 1_700_000_000_123_456;

/** Two clocks that move only when they are read; the wall clock knows `grainUs` and no less. */
class TwoClocks {
  nowUs = 1_000_000;
  leadUs = LEAD_US;
  readings = 0;
  /** So many readings from now on are held up in the middle, for so long. */
  heldUp = { readings: 0, us: 8_000 };
  readonly #grainUs: number;

  constructor(grainUs: number) {
    this.#grainUs = grainUs;
  }

  readonly monotonicUs = () => this.nowUs;

  readonly read = (): OffsetBounds => {
    this.readings++;
    const before = this.nowUs;
    this.nowUs += 1;
    const wall = Math.floor((this.nowUs + this.leadUs) / this.#grainUs) * this.#grainUs;
    this.nowUs += 1;
    if (this.heldUp.readings-- > 0) this.nowUs += this.heldUp.us;
    return { lowUs: wall - this.nowUs, highUs: wall + this.#grainUs - 1 - before };
  };
}

Deno.test("wall offset: found at once with a fine clock, within milliseconds with a coarse one", () => {
  const fine = new TwoClocks(1);
  assertEquals([new WallOffset(fine).us - LEAD_US, fine.readings], [-1, 1]);
  const coarse = new TwoClocks(1000);
  const foundUs = new WallOffset(coarse).us;
  assert(Math.abs(foundUs - LEAD_US) <= 2, `off by ${foundUs - LEAD_US} us`);
  assert(coarse.nowUs <= 1_006_000, "measured for longer than five milliseconds");
});

Deno.test("wall offset: found although the process has to wait for a core in the middle of the first readings", () => {
  for (const readings of [1, 3]) {
    const clocks = new TwoClocks(1);
    clocks.heldUp.readings = readings;
    assertEquals([new WallOffset(clocks).us - LEAD_US, clocks.readings], [-1, readings + 1]);
  }
  // Where it has to every time there is an end all the same.
  const clocks = new TwoClocks(1);
  clocks.heldUp.readings = Infinity;
  assertEquals([new WallOffset(clocks).us - LEAD_US, clocks.readings], [-8_001, 20]);
});

Deno.test("wall offset: what has just happened costs no look at the clocks, a second without one does", () => {
  const clocks = new TwoClocks(1);
  const offset = new WallOffset(clocks);
  const began = clocks.nowUs;
  assertEquals(offset.monotonicOf(began + 900_000 + LEAD_US, began + 900_100), began + 900_001);
  assertEquals(clocks.readings, 1);
  clocks.nowUs = began + 1_100_000;
  offset.monotonicOf(clocks.nowUs + LEAD_US, clocks.nowUs);
  assertEquals(clocks.readings, 2);
});

Deno.test("wall offset: a clock that is set is seen by the first time that cannot be, either way", () => {
  for (const stepUs of [3_600_000_000, 250_000, 2_000, -2_000, -250_000, -86_400_000_000]) {
    const clocks = new TwoClocks(1);
    const offset = new WallOffset(clocks);
    clocks.nowUs += 50_000;
    clocks.leadUs += stepUs;
    const happenedUs = clocks.nowUs - 10;
    const told = offset.monotonicOf(happenedUs + clocks.leadUs, clocks.nowUs);
    assertEquals(told, happenedUs + 1, `step of ${stepUs} us`);
  }
});

Deno.test("wall offset: a step too small to be seen in a time is found at the look of each second", () => {
  const clocks = new TwoClocks(1);
  const offset = new WallOffset(clocks);
  clocks.leadUs -= 400;
  clocks.nowUs += 1_000_001;
  const happenedUs = clocks.nowUs - 10;
  assertEquals(offset.monotonicOf(happenedUs + clocks.leadUs, clocks.nowUs), happenedUs + 1);
});

Deno.test("wall offset: old frames ask the clocks once a millisecond, not each", () => {
  const clocks = new TwoClocks(1);
  const offset = new WallOffset(clocks);
  clocks.nowUs += 50_000;
  const nowUs = clocks.nowUs;
  for (let i = 0; i < 100; i++) offset.monotonicOf(nowUs - 30_000 + LEAD_US, nowUs);
  assertEquals(clocks.readings, 2);
});

/** Local choice: a reading takes microseconds, a coarse date has a grain of a thousand; later looks are for a busy core. */
const SOON_US = 5_000;

Deno.test("wall offset: the machine's own clocks give bounds that hold the date, and no more than that", () => {
  let tightUs = Infinity;
  for (let look = 0; look < 20 && tightUs > SOON_US; look++) {
    const before = { date: Date.now(), now: performance.now() };
    const { lowUs, highUs } = readSystemClocks();
    const after = { date: Date.now(), now: performance.now() };
    assert(lowUs <= highUs);
    tightUs = highUs - lowUs;
    // The date leaves out what is less than a millisecond; what is added up is rounded.
    const leastUs = (before.date - after.now) * 1000;
    const mostUs = (after.date + 1 - before.now) * 1000;
    assert(lowUs >= leastUs - 1 && highUs <= mostUs + 1, `${leastUs} to ${mostUs}: ${lowUs} to ${highUs}`);
  }
  assert(tightUs <= SOON_US, `bounds ${tightUs} us apart`);
});
