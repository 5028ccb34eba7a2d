/**
 * Memory in blocks: no two that are lent overlap, all come back, and what is free is given back to the system.
 *
 * Owns: the properties. Must not know: which part of a slab is lent.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { BlockMemory, SMALLEST_BLOCK_BYTES } from "../../src/tcp/fast/block_memory.ts";
import { BuddySlab } from "../../src/tcp/fast/buddy_slab.ts";
import { MemoryAccount } from "../../src/tcp/memory_account.ts";

const MEBIBYTE = 0x100000;

interface Range {
  readonly from: number;
  readonly to: number;
}

function overlaps(a: Range, b: Range): boolean {
  return a.from < b.to && b.from < a.to;
}

Deno.test("a slab lends no octet twice, lends while there is room, and is whole again in the end", () => {
  const leaf = 64;
  const sizes = fc.integer({ min: 0, max: 6 }).map((power) => leaf << power);
  const steps = fc.array(fc.record({ gives: fc.boolean(), size: sizes, pick: fc.nat() }), { maxLength: 200 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 3, max: 8 }), (course, depth) => {
      const slab = new BuddySlab(leaf << depth, leaf);
      const lent: Range[] = [];
      for (const { gives, size, pick } of course) {
        if (gives && lent.length > 0) {
          const [{ from, to }] = lent.splice(pick % lent.length, 1);
          slab.giveBack(from, to - from);
        } else {
          const from = slab.take(size);
          // By the model: is there a place of this size at a multiple of it?
          let hasPlace = false;
          for (let at = 0; at + size <= slab.bytes && !hasPlace; at += size) {
            hasPlace = !lent.some((other) => overlaps(other, { from: at, to: at + size }));
          }
          assertEquals(from >= 0, hasPlace, `a block of ${size} of ${slab.bytes}`);
          if (from < 0) continue;
          assertEquals(from % size, 0);
          assertLessOrEqual(from + size, slab.bytes);
          assert(!lent.some((other) => overlaps(other, { from, to: from + size })), "lent twice");
          lent.push({ from, to: from + size });
        }
        assertEquals(slab.isFree, lent.length === 0);
      }
      for (const { from, to } of lent) slab.giveBack(from, to - from);
      assert(slab.isFree);
      assertEquals(slab.take(slab.bytes), 0, "the whole of it can be lent again");
    }),
    { numRuns: 300 },
  );
});

Deno.test("a slab that vanishes holds nothing", () => {
  const slab = new BuddySlab(MEBIBYTE, 1024);
  const { buffer } = slab;
  slab.vanish();
  assertEquals(buffer.byteLength, 0);
});

/** A block is of the smallest power of two that holds so much. */
function blockFor(bytes: number): number {
  let size = SMALLEST_BLOCK_BYTES;
  while (size < bytes) size *= 2;
  return size;
}

Deno.test("blocks are powers of two, none overlaps another, and all is accounted for", () => {
  const bytes = fc.oneof(
    fc.integer({ min: 1, max: 5000 }),
    fc.integer({ min: 1, max: 300_000 }),
    fc.integer({ min: 1, max: 3 * MEBIBYTE }),
    fc.constantFrom(1, 1023, 1024, 1025, 0x10000, 0x10001, MEBIBYTE, 4 * MEBIBYTE, 32 * MEBIBYTE),
  );
  const steps = fc.array(
    fc.record({ does: fc.constantFrom("takes", "takes", "gives", "gives", "trims"), bytes, pick: fc.nat() }),
    { maxLength: 150 },
  );
  fc.assert(
    fc.property(steps, (course) => {
      const account = new MemoryAccount(Infinity);
      const memory = new BlockMemory(account);
      const lent: { block: Uint8Array; mark: number }[] = [];
      let sum = 0;
      let most = 0;
      for (const [at, step] of course.entries()) {
        if (step.does === "trims") {
          memory.trim();
          assert(!memory.wantsTrim);
        } else if (step.does === "gives") {
          if (lent.length === 0) continue;
          const [{ block, mark }] = lent.splice(step.pick % lent.length, 1);
          // The ends show whether somebody else has written into it.
          assertEquals(
            [block[0], block[block.length - 1]],
            [mark, mark],
            "another's block lies over this one",
          );
          sum -= block.length;
          memory.release(block);
        } else {
          const block = memory.acquire(step.bytes);
          assertEquals(block.length, blockFor(step.bytes));
          for (const other of lent) {
            assert(
              other.block.buffer !== block.buffer || !overlaps(rangeOf(other.block), rangeOf(block)),
              "two blocks overlap",
            );
          }
          block[0] = at & 0xff;
          block[block.length - 1] = at & 0xff;
          lent.push({ block, mark: at & 0xff });
          sum += block.length;
        }
        most = Math.max(most, sum);
        assertEquals(memory.lentBytes, sum);
        assertEquals(account.usedBytes, sum);
        assertGreaterOrEqual(memory.slabBytes, sum);
      }
      for (const { block } of lent) memory.release(block);
      memory.trim();
      assertEquals(memory.lentBytes, 0);
      assertEquals(account.usedBytes, 0);
      // Only the small first slabs stay.
      assertLessOrEqual(memory.slabBytes, 6 * MEBIBYTE);
    }),
    { numRuns: 150 },
  );
});

function rangeOf(block: Uint8Array): Range {
  return { from: block.byteOffset, to: block.byteOffset + block.length };
}

Deno.test("blocks of every size up to 256 MiB are lent and go back", () => {
  const memory = new BlockMemory(new MemoryAccount(Infinity));
  for (let size = SMALLEST_BLOCK_BYTES; size <= 256 * MEBIBYTE; size *= 2) {
    for (const bytes of [size - 1, size]) {
      const block = memory.acquire(bytes);
      assertEquals(block.length, size);
      memory.release(block);
      if (size >= 0x10000) assert(memory.wantsTrim, `a block of ${size} that came back is worth a trim`);
      memory.trim();
      assertLessOrEqual(memory.slabBytes, 6 * MEBIBYTE, `after blocks of ${size}`);
    }
  }
});

for (const size of [1024, 2048, 0x4000, 0x8000, 0x10000, MEBIBYTE]) {
  for (const order of ["first to last", "last to first", "every other first"] as const) {
    Deno.test(`96 MiB in blocks of ${size}, given back ${order}: they ask for a trim, and go`, () => {
      const memory = new BlockMemory(new MemoryAccount(Infinity));
      const blocks = Array.from({ length: 96 * MEBIBYTE / size }, () => memory.acquire(size));
      assertGreaterOrEqual(memory.slabBytes, 96 * MEBIBYTE);
      memory.trim();
      const going = order === "first to last"
        ? blocks
        : order === "last to first"
        ? blocks.toReversed()
        : [...blocks.filter((_, i) => i % 2 === 0), ...blocks.filter((_, i) => i % 2 === 1)];
      for (const block of going) memory.release(block);
      // What the clock does where there is something to do.
      if (memory.wantsTrim) memory.trim();
      assertLessOrEqual(memory.slabBytes, 6 * MEBIBYTE);
    });
  }
}
