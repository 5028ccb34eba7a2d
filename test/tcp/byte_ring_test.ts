/**
 * The ring of bytes against an array that does the same in the plainest way, in thousands of random courses; and the
 * memory that rings share.
 *
 * Owns: the model. Must not know: how the ring keeps its bytes.
 */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import fc from "fast-check";
import { BlockMemory } from "../../src/tcp/fast/block_memory.ts";
import { ByteRing } from "../../src/tcp/fast/byte_ring.ts";
import { MemoryAccount } from "../../src/tcp/memory_account.ts";

const LIMIT = 20_000;
/** Where frames lie: one piece of memory whose contents change from call to call, as a capture buffer does. */
const FRAME_BYTES = 4_000;

/** The bytes that are held, and those that were put beyond them (`undefined` where none were). */
class PlainRing {
  held: number[] = [];
  beyond: (number | undefined)[] = [];

  /** How many bytes beyond the held ones lie there without a hole. */
  get ready(): number {
    const hole = this.beyond.findIndex((byte) => byte === undefined);
    return hole < 0 ? this.beyond.length : hole;
  }

  get hasBeyond(): boolean {
    return this.beyond.some((byte) => byte !== undefined);
  }

  put(at: number, bytes: Uint8Array): void {
    bytes.forEach((byte, i) => {
      const place = at + i;
      if (place < this.held.length) this.held[place] = byte;
      else {
        const index = place - this.held.length;
        while (this.beyond.length <= index) this.beyond.push(undefined);
        this.beyond[index] = byte;
      }
    });
  }

  extend(count: number): void {
    for (const byte of this.beyond.splice(0, count)) {
      assert(byte !== undefined, "the test counts only what was put");
      this.held.push(byte);
    }
  }

  consume(count: number): void {
    this.held.splice(0, count);
  }

  clear(): void {
    this.held = [];
    this.beyond = [];
  }
}

interface Step {
  readonly act:
    | "append"
    | "borrow"
    | "keep"
    | "put"
    | "extend"
    | "consume"
    | "read"
    | "appendFrom"
    | "release"
    | "scribble";
  readonly size: number;
  readonly place: number;
  readonly seed: number;
}

const size = fc.oneof(
  fc.integer({ min: 0, max: 30 }),
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 0, max: FRAME_BYTES }),
  fc.constantFrom(0, 1, 24, 25, 128, 129, 1448, FRAME_BYTES),
);

const step: fc.Arbitrary<Step> = fc.record({
  act: fc.oneof(
    { arbitrary: fc.constant("append" as const), weight: 6 },
    { arbitrary: fc.constant("borrow" as const), weight: 4 },
    { arbitrary: fc.constant("keep" as const), weight: 2 },
    { arbitrary: fc.constant("put" as const), weight: 5 },
    { arbitrary: fc.constant("extend" as const), weight: 4 },
    { arbitrary: fc.constant("consume" as const), weight: 5 },
    { arbitrary: fc.constant("read" as const), weight: 5 },
    { arbitrary: fc.constant("appendFrom" as const), weight: 3 },
    { arbitrary: fc.constant("release" as const), weight: 1 },
    { arbitrary: fc.constant("scribble" as const), weight: 2 },
  ),
  size,
  place: fc.oneof(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 3 * FRAME_BYTES })),
  seed: fc.nat(255),
});

/** A ring and its model, with a second ring of the same memory into which bytes are handed on. */
class Pair {
  readonly memory = new BlockMemory(new MemoryAccount(Infinity));
  readonly ring = new ByteRing(this.memory, LIMIT);
  readonly plain = new PlainRing();
  readonly other = new ByteRing(this.memory, LIMIT / 2);
  readonly otherPlain: number[] = [];
  readonly #frame = new Uint8Array(FRAME_BYTES);
  #isBorrowed = false;

  /** Lets the first byte lie anywhere in the smallest block, so that what follows wraps around its end soon. */
  turn(count: number): void {
    this.ring.append(new Uint8Array(count), 0, count);
    this.ring.consume(count);
  }

  take({ act, size, place, seed }: Step): void {
    const { ring, plain } = this;
    switch (act) {
      case "append":
        return this.#append(size, place, seed);
      case "borrow":
        return this.#borrow(size, place, seed);
      case "keep":
        ring.keep();
        this.#isBorrowed = false;
        return;
      case "put":
        return this.#put(size, place, seed);
      case "extend": {
        const count = Math.min(size, plain.ready, LIMIT - plain.held.length);
        if (this.#isBorrowed && count > 0) return;
        ring.extend(count);
        plain.extend(count);
        return;
      }
      case "consume":
        this.#consume(Math.min(size, plain.held.length));
        return;
      case "read": {
        const into = new Uint8Array(size);
        const count = ring.read(into);
        assertEquals(count, Math.min(size, plain.held.length));
        assertEquals(Array.from(into.subarray(0, count)), plain.held.slice(0, count));
        assert(into.subarray(count).every((byte) => byte === 0), "nothing beyond what was read");
        return;
      }
      case "appendFrom":
        return this.#handOn(size);
      case "release":
        ring.release();
        plain.clear();
        this.#isBorrowed = false;
        return;
      case "scribble":
        // The next frame comes into the same memory, once nothing of the last one is needed.
        if (!this.#isBorrowed) this.#frame.fill(seed);
    }
  }

  /** Both hold the same, wherever one looks. */
  check(): void {
    const { ring, plain } = this;
    assertEquals([ring.length, ring.room], [plain.held.length, LIMIT - plain.held.length]);
    const all = new Uint8Array(plain.held.length + 2);
    ring.copyOut(0, all, 1, plain.held.length);
    assertEquals(Array.from(all.subarray(1, all.length - 1)), plain.held);
    assertEquals([all[0], all[all.length - 1]], [0, 0]);
    const from = plain.held.length >> 1;
    const part = new Uint8Array(plain.held.length - from);
    ring.copyOut(from, part, 0, part.length);
    assertEquals(Array.from(part), plain.held.slice(from));
    const others = new Uint8Array(this.otherPlain.length);
    this.other.copyOut(0, others, 0, others.length);
    assertEquals(Array.from(others), this.otherPlain);
  }

  /** Everything that was put out of order is there still when its turn comes. */
  checkBeyond(): void {
    if (this.#isBorrowed || this.plain.held.length + this.plain.beyond.length > LIMIT) return;
    const { ring, plain } = this;
    const filled = plain.beyond.map((byte) => byte ?? 0);
    plain.beyond.forEach((byte, index) => {
      if (byte === undefined) ring.put(plain.held.length + index, Uint8Array.of(0), 0, 1);
    });
    plain.beyond = filled;
    ring.extend(filled.length);
    plain.extend(filled.length);
    this.check();
  }

  #frameWith(size: number, place: number, seed: number): { offset: number; bytes: Uint8Array } {
    const offset = place % (FRAME_BYTES - size + 1);
    const bytes = this.#frame.subarray(offset, offset + size);
    for (let i = 0; i < size; i++) bytes[i] = (seed + 7 * i + (i >>> 8)) & 0xff;
    return { offset, bytes };
  }

  #append(size: number, place: number, seed: number): void {
    // What is borrowed must not be written over by the next frame.
    if (this.#isBorrowed) {
      this.ring.keep();
      this.#isBorrowed = false;
    }
    const { offset, bytes } = this.#frameWith(size, place, seed);
    const taken = this.ring.append(this.#frame, offset, size);
    assertEquals(taken, Math.min(size, LIMIT - this.plain.held.length));
    this.plain.put(this.plain.held.length, bytes.subarray(0, taken));
    this.plain.extend(taken);
  }

  #borrow(size: number, place: number, seed: number): void {
    if (this.plain.held.length > 0 || this.plain.hasBeyond || size === 0) return;
    const { offset, bytes } = this.#frameWith(size, place, seed);
    this.ring.borrow(this.#frame, offset, size);
    this.plain.put(0, bytes);
    this.plain.extend(size);
    this.#isBorrowed = true;
  }

  #put(size: number, place: number, seed: number): void {
    const at = Math.min(place, LIMIT - size);
    if (this.#isBorrowed) {
      // A frame of its own: what is borrowed is copied in before.
      const bytes = new Uint8Array(size).fill(seed);
      this.ring.put(at, bytes, 0, size);
      this.plain.put(at, bytes);
      this.#isBorrowed = false;
      return;
    }
    const { offset, bytes } = this.#frameWith(size, place, seed);
    this.ring.put(at, this.#frame, offset, size);
    this.plain.put(at, bytes);
  }

  #consume(count: number): void {
    this.ring.consume(count);
    this.plain.consume(count);
    if (this.plain.held.length === 0) this.#isBorrowed = false;
  }

  #handOn(size: number): void {
    const { other, otherPlain, ring, plain } = this;
    if (otherPlain.length > LIMIT / 4) {
      other.consume(otherPlain.length - 3);
      otherPlain.splice(0, otherPlain.length - 3);
    }
    const taken = other.appendFrom(ring, size);
    assertEquals(taken, Math.min(size, plain.held.length, LIMIT / 2 - otherPlain.length));
    otherPlain.push(...plain.held.slice(0, taken));
    assertEquals(ring.length, plain.held.length, "the bytes stay in the ring that they came from");
  }
}

Deno.test("a ring holds what an array would, whatever is appended, borrowed, put beyond the end, handed on and taken", () => {
  fc.assert(
    fc.property(fc.nat(0xfff), fc.array(step, { minLength: 1, maxLength: 60 }), (turn, steps) => {
      const pair = new Pair();
      pair.turn(turn);
      for (const one of steps) {
        pair.take(one);
        pair.check();
      }
      pair.checkBeyond();
      pair.ring.release();
      pair.other.release();
      assertEquals(pair.memory.lentBytes, 0, "all memory is given back");
    }),
    { numRuns: 200 },
  );
});

Deno.test("bytes that wrap around the end of a block are handed on and grown whole", () => {
  const memory = new BlockMemory(new MemoryAccount(Infinity));
  for (const start of [1, 100, 4000, 4095]) {
    for (const held of [97, 500, 4096]) {
      const ring = new ByteRing(memory, LIMIT);
      ring.append(new Uint8Array(start), 0, start);
      ring.consume(start);
      const bytes = Uint8Array.from({ length: held }, (_, i) => (i * 7 + (i >>> 8)) & 0xff);
      ring.append(bytes, 0, held);
      const other = new ByteRing(memory, LIMIT);
      assertEquals(other.appendFrom(ring, held), held);
      const got = new Uint8Array(held);
      other.read(got);
      assertEquals(got, bytes, `${held} bytes from ${start} on, handed on`);
      // More than the block: it grows.
      ring.append(new Uint8Array(5000).fill(9), 0, 5000);
      const grown = new Uint8Array(held + 5000);
      ring.read(grown);
      assertEquals(grown.subarray(0, held), bytes, `${held} bytes from ${start} on, grown`);
      assert(grown.subarray(held).every((byte) => byte === 9));
      ring.release();
      other.release();
    }
  }
});

Deno.test("a ring that is full takes nothing, and what fits of more than fits", () => {
  const ring = new ByteRing(new BlockMemory(new MemoryAccount(Infinity)), 100);
  assertEquals(ring.append(new Uint8Array(120).fill(1), 0, 120), 100);
  assertEquals([ring.length, ring.room], [100, 0]);
  assertEquals(ring.append(Uint8Array.of(2), 0, 1), 0);
  const other = new ByteRing(new BlockMemory(new MemoryAccount(Infinity)), 10);
  assertEquals(other.appendFrom(ring, 100), 10);
  assertEquals(other.appendFrom(ring, 100), 0);
  assertEquals(other.length, 10);
});

Deno.test("a ring that holds nothing has no memory; borrowing takes none", () => {
  const memory = new BlockMemory(new MemoryAccount(Infinity));
  const ring = new ByteRing(memory, LIMIT);
  assertEquals(memory.lentBytes, 0);
  ring.borrow(new Uint8Array(2000).fill(5), 0, 2000);
  assertEquals(memory.lentBytes, 0, "the bytes lie where they lay");
  ring.consume(2000);
  assertEquals(memory.lentBytes, 0);
  ring.append(new Uint8Array(10), 0, 10);
  assertGreaterOrEqual(memory.lentBytes, 10);
  ring.release();
  assertEquals([memory.lentBytes, ring.length], [0, 0]);
});

Deno.test("borrowed bytes are the ring's own once it keeps them", () => {
  const frame = new Uint8Array(500).fill(7);
  const ring = new ByteRing(new BlockMemory(new MemoryAccount(Infinity)), LIMIT);
  ring.borrow(frame, 100, 300);
  ring.consume(50);
  ring.keep();
  frame.fill(9);
  const got = new Uint8Array(300);
  assertEquals(ring.read(got), 250);
  assert(got.subarray(0, 250).every((byte) => byte === 7));
  // To keep again changes nothing.
  ring.keep();
  assertEquals(ring.length, 250);
});

Deno.test("a ring grows with what it holds, and gives the smaller memory back", () => {
  const memory = new BlockMemory(new MemoryAccount(Infinity));
  const ring = new ByteRing(memory, 1 << 20);
  let held = 0;
  for (let i = 0; i < 300; i++) {
    held += ring.append(new Uint8Array(1448).fill(i & 0xff), 0, 1448);
    assertGreaterOrEqual(memory.lentBytes, held);
    assert(memory.lentBytes <= Math.max(0x1000, 2 * held), `${memory.lentBytes} lent for ${held}`);
  }
});

Deno.test("memory that was given back is lent again, by size; a block is never lent twice", () => {
  const memory = new BlockMemory(new MemoryAccount(Infinity));
  const small = memory.acquire(1);
  const large = memory.acquire(small.length + 1);
  assertEquals(large.length, 2 * small.length, "sizes are powers of two");
  assertEquals(memory.lentBytes, small.length + large.length);
  memory.release(small);
  assertEquals(memory.lentBytes, large.length);
  const again = memory.acquire(small.length);
  assert(again === small, "the block that was given back");
  assert(memory.acquire(small.length) !== small);
  memory.release(large);
  assert(memory.acquire(large.length) === large);
  memory.release(new Uint8Array(0));
  assertGreaterOrEqual(memory.acquire(10).length, 10, "no block of nothing is lent");
});

Deno.test("of what is given back only so much is kept: a burst does not hold its memory for ever", () => {
  for (const [bytes, most] of [[0x1000, 64], [0x10000, 64], [0x20000, 4]] as const) {
    const memory = new BlockMemory(new MemoryAccount(Infinity));
    const lent = Array.from({ length: 100 }, () => memory.acquire(bytes));
    for (const block of lent) memory.release(block);
    const known = new Set(lent);
    let reused = 0;
    for (let i = 0; i < 100; i++) if (known.has(memory.acquire(bytes))) reused++;
    assertEquals(reused, most, `blocks of ${bytes} bytes`);
  }
});
