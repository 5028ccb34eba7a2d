/** A clock that moves by itself when nothing else can happen, while somebody waits, or when it is told to. */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { LabTime } from "../../src/runtime/lab_time.ts";
import { visitEventLoop } from "../../src/runtime/pump.ts";
import { inTime } from "./in_time.ts";

const SECOND_US = 1_000_000;

function labTime({ isAutomatic = true, isBusy = (): boolean => false } = {}): LabTime {
  return new LabTime({ isAutomatic, isBusy });
}

/** Longer than a clock takes to come to rest, and to go on. */
async function aWhile(): Promise<void> {
  for (let i = 0; i < 40; i++) await visitEventLoop();
}

inTime(
  "it moves while somebody waits, whether he or the timer came first, and not when nobody does",
  async () => {
    const time = labTime();
    const rung: number[] = [];
    const ring = () => void rung.push(time.nowUs());
    time.after(SECOND_US, ring);
    await aWhile();
    assertEquals([rung, time.nowUs()], [[], 0]);
    const release = time.holdProcess();
    await aWhile();
    assertEquals(rung, [SECOND_US]);
    time.after(SECOND_US, ring);
    await aWhile();
    assertEquals(rung, [SECOND_US, 2 * SECOND_US]);
    release();
    time.after(SECOND_US, ring);
    await aWhile();
    assertEquals([rung.length, time.nowUs()], [2, 2 * SECOND_US]);
  },
);

inTime("who lets go in the middle of it stops it; letting go twice counts once", async () => {
  const time = labTime();
  const releases = [time.holdProcess(), time.holdProcess()];
  time.after(1, () => releases[0]());
  time.after(2, () => releases[0]());
  time.after(3, () => releases[1]());
  time.after(4, () => {});
  await aWhile();
  assertEquals(time.nowUs(), 3);
});

inTime("after its end it moves no more by itself, but as it is told", async () => {
  const time = labTime();
  time.holdProcess();
  time.after(1, () => time.end());
  time.after(2, () => {});
  await aWhile();
  assertEquals(time.nowUs(), 1);
  await time.pass(5);
  assertEquals(time.nowUs(), 6);
});

inTime("told to pass it goes just so far, though it was on its way, and then goes on by itself", async () => {
  const time = labTime();
  time.holdProcess();
  time.after(5000, () => {});
  const passed = time.pass(1000).then(() => time.nowUs());
  time.holdProcess();
  assertEquals(await passed, 1000);
  await aWhile();
  assertEquals(time.nowUs(), 5000);
});

inTime("what is due at the very end of a time that passes happens, also what comes of that", async () => {
  const time = labTime({ isAutomatic: false });
  let isDone = false;
  time.after(1000, () => void visitEventLoop().then(() => time.after(0, () => isDone = true)));
  await time.pass(1000);
  assert(isDone);
});

inTime("a limit counts from the call; nothing left is told at once", async () => {
  const time = labTime({ isAutomatic: false });
  await time.pass(10_000);
  const later = () => new Promise<string>((resolve) => time.after(500, () => resolve("late")));
  assertEquals(await time.until(later(), 500), "late");
  await assertRejects(() => time.until(later(), 499), Error, "that was the limit");
  await time.pass(500);
  await assertRejects(() => time.until(new Promise(() => {}), 1), Error, "nothing is left that could happen");
});

inTime(
  "it rests only when frames are handed over and promises have gone on, for all who ask at once",
  async () => {
    let isBusy = true;
    const time = labTime({ isAutomatic: false, isBusy: () => isBusy });
    let isResting = false;
    const rest = time.settle().then(() => isResting = true);
    assertStrictEquals(time.settle(), time.settle());
    await aWhile();
    assertEquals(isResting, false);
    isBusy = false;
    await rest;
    let steps = 0;
    void (async () => {
      while (steps < 3) {
        await visitEventLoop();
        steps++;
      }
    })();
    await time.settle();
    assertEquals(steps, 3);
  },
);
