/**
 * The queue of held frames: order, bounds to the byte, and buffers that serve again.
 */
import { assert, assertEquals } from "@std/assert";
import { type HeldFrame, HeldFrames } from "../../src/link/held_frames.ts";

const WIDE = { frames: 1_000_000, bytes: 1_000_000_000 };

function take(queue: HeldFrames, bytes: readonly number[], dueUs = 0): HeldFrame {
  const held = queue.take(Uint8Array.from(bytes), bytes.length);
  assert(held !== null);
  held.dueUs = dueUs;
  return held;
}

/** The first byte of each frame that leaves by `nowUs`; they are given back. */
function leaving(queue: HeldFrames, nowUs: number): number[] {
  const firsts: number[] = [];
  for (let held = queue.shiftDue(nowUs); held !== null; held = queue.shiftDue(nowUs)) {
    firsts.push(held.bytes[0]);
    queue.giveBack(held);
  }
  return firsts;
}

Deno.test("held frames: they leave in order, each when the one before has left and its own time has come", () => {
  const queue = new HeldFrames(WIDE);
  assertEquals([queue.count, queue.nextDueUs, queue.shiftDue(Infinity)], [0, Infinity, null]);
  queue.push(take(queue, [1], 10));
  queue.push(take(queue, [2], 5));
  queue.push(take(queue, [3], 20));
  assertEquals([queue.count, queue.nextDueUs], [3, 10]);
  assertEquals(leaving(queue, 9.9), []);
  assertEquals(leaving(queue, 10), [1, 2]);
  assertEquals([queue.count, queue.nextDueUs], [1, 20]);
  assertEquals(leaving(queue, 20), [3]);
  assertEquals([queue.count, queue.nextDueUs], [0, Infinity]);
});

Deno.test("held frames: the line grows and goes round without a change of order", () => {
  const queue = new HeldFrames(WIDE);
  let next = 0;
  let due = 0;
  // The head moves on by 40 of the first 64 places before the line grows over the end, twice.
  for (const count of [60, 100, 200]) {
    for (let i = 0; i < count; i++) queue.push(take(queue, [next++ & 0xff], next));
    const left = leaving(queue, due += 40);
    assertEquals(left, Array.from({ length: 40 }, (_, i) => (due - 40 + i) & 0xff));
    assertEquals([queue.count, queue.nextDueUs], [next - due, due + 1]);
  }
  assertEquals(leaving(queue, Infinity), Array.from({ length: next - due }, (_, i) => (due + i) & 0xff));
  assertEquals(queue.count, 0);
});

Deno.test("held frames: a bound of frames holds for all that were taken and not given back", () => {
  const queue = new HeldFrames({ frames: 2, bytes: 100 });
  const first = take(queue, [1]);
  queue.push(take(queue, [2]));
  assertEquals(queue.take(Uint8Array.of(3), 1), null);
  queue.giveBack(first);
  queue.push(take(queue, [4]));
  assertEquals(queue.take(Uint8Array.of(3), 1), null);
  queue.clear();
  assertEquals([queue.count, queue.nextDueUs], [0, Infinity]);
  queue.push(take(queue, [5]));
  queue.push(take(queue, [6]));
  assertEquals(leaving(queue, Infinity), [5, 6]);
});

Deno.test("held frames: a bound of bytes is reached with its last byte, and freed as frames go", () => {
  const queue = new HeldFrames({ frames: 100, bytes: 10 });
  queue.push(take(queue, [1, 1, 1, 1]));
  const second = take(queue, [2, 2, 2, 2, 2]);
  assertEquals(queue.take(Uint8Array.of(3, 3), 2), null);
  queue.push(take(queue, [4]));
  assertEquals(queue.take(new Uint8Array(8), 1), null);
  queue.giveBack(second);
  assertEquals(queue.take(new Uint8Array(8), 6), null);
  queue.push(take(queue, [5, 5, 5, 5, 5]));
  assertEquals(queue.take(new Uint8Array(8), 1), null);
  assertEquals(leaving(queue, Infinity), [1, 4, 5]);
  queue.push(take(queue, new Array(10).fill(6)));
});

Deno.test("held frames: a copy is of the frame's own bytes, in a buffer that serves again, small and large apart", () => {
  const queue = new HeldFrames(WIDE);
  const source = Uint8Array.of(1, 2, 3, 4);
  const held = queue.take(source, 3);
  assert(held !== null);
  source.fill(9);
  assertEquals([[...held.bytes.subarray(0, 4)], held.length], [[1, 2, 3, 0], 3]);
  assertEquals(held.bytes.length, 2048);
  queue.giveBack(held);
  const again = queue.take(new Uint8Array(2048).fill(7), 2048);
  assert(again === held);
  assertEquals([again.length, again.bytes.length, again.bytes[2047]], [2048, 2048, 7]);
  const large = queue.take(new Uint8Array(5000).fill(8), 5000);
  assert(large !== null && large !== held);
  assertEquals([large.length, large.bytes.length], [5000, 5000]);
  queue.giveBack(large);
  queue.giveBack(again);
  // Small frames do not use up large buffers; a larger one makes the spare buffer larger.
  assert(take(queue, [1]) === held);
  const larger = queue.take(new Uint8Array(6000), 6000);
  assert(larger === large);
  assertEquals(larger.bytes.length, 6000);
  queue.giveBack(larger);
  const smaller = queue.take(new Uint8Array(2049), 2049);
  assert(smaller === large);
  assertEquals(smaller.bytes.length, 6000);
});

for (const [kind, bytes, kept] of [["large", 3000, 64], ["small", 60, 4096]] as const) {
  Deno.test(`held frames: of ${kind} buffers ${kept} are kept for reuse`, () => {
    const queue = new HeldFrames(WIDE);
    const frame = new Uint8Array(bytes);
    const taken = new Set(Array.from({ length: kept + 1 }, () => queue.take(frame, bytes)));
    for (const held of taken) if (held !== null) queue.giveBack(held);
    const again = Array.from({ length: kept + 1 }, () => queue.take(frame, bytes));
    assertEquals(again.filter((held) => taken.has(held)).length, kept);
  });
}
