/**
 * Text out of order against an array that does the same in the plainest way; and what it may cost, whatever an adversary makes
 * of it.
 *
 * Owns: the model, the adversaries, the bound on memory. Must not know: how pieces lie in it.
 */
import { assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { BlockMemory } from "../../src/tcp/fast/block_memory.ts";
import { ByteRing } from "../../src/tcp/fast/byte_ring.ts";
import { MemoryAccount } from "../../src/tcp/memory_account.ts";
import { Reassembly } from "../../src/tcp/reassembly.ts";

/** Memory for `live` octets in `runs` runs may come to no more than this: a block half used, pieces not joined yet. */
function mostHeld(live: number, runs: number): number {
  return 4 * live + runs * 3 * 128 + 0x1000 + 0x2800;
}

/** A queue with its ring and its account, as one connection has them. */
class Queue {
  readonly account = new MemoryAccount(Infinity);
  readonly memory = new BlockMemory(this.account);
  readonly reassembly = new Reassembly(this.memory);
  readonly ring = new ByteRing(this.memory, 1 << 24);
  /** Position of byte 0 of the ring, and of the next octet. */
  origin = 0;
  next = 0;
  /** What is here, octet by octet, -1 for what is not. */
  readonly model: number[] = [];
  #frame = new Uint8Array(0x10000);

  /** Text `[left, left + bytes)` arrives, in order or not; of what is here already the first copy counts. */
  arrives(left: number, bytes: Uint8Array): void {
    // Frames lie where the frame before lay.
    this.#frame.set(bytes);
    const { reassembly } = this;
    const end = left + bytes.length;
    for (let at = Math.max(left, this.next); at < end; at++) {
      if ((this.model[at] ?? -1) < 0) this.model[at] = bytes[at - left];
    }
    if (end <= this.next) return;
    const from = Math.max(left, this.next);
    if (from > this.next) {
      this.#eachMissing(from, end, (a, b) => {
        const text = { source: this.#frame, offset: a - left, count: b - a };
        reassembly.text.put(a, text, reassembly.count);
      });
      reassembly.add(from, end);
    } else {
      this.#eachMissing(from, end, (a, b) => {
        this.ring.put(a - this.origin, this.#frame, a - left, b - a);
      });
      const reached = reassembly.advance(end);
      reassembly.text.moveInto(this.ring, this.origin, reached);
      this.ring.extend(reached - this.next);
      this.next = reached;
    }
    this.#frame.fill(0xee);
    this.checkCost();
  }

  /** The application reads all that is in order, and it is what was sent. */
  reads(): void {
    const into = new Uint8Array(this.ring.length);
    this.ring.read(into);
    assertEquals(into, Uint8Array.from(this.model.slice(this.origin, this.next)));
    this.ring.consume(into.length);
    this.origin = this.next;
    this.ring.release();
  }

  /** All that is held costs what it is, and is charged for exactly. */
  checkCost(): void {
    const { reassembly, account } = this;
    const live = reassembly.bytes;
    assertEquals(account.usedBytes, reassembly.heldBytes + this.ring.heldBytes, "charged is what is held");
    assertLessOrEqual(reassembly.heldBytes, mostHeld(live, reassembly.count), `for ${live} octets`);
    if (live === 0) assertEquals(reassembly.heldBytes, 0);
  }

  #eachMissing(left: number, right: number, take: (left: number, right: number) => void): void {
    for (let part = this.reassembly.missing(left, right); part !== null;) {
      take(part.left, part.right);
      part = part.right < right ? this.reassembly.missing(part.right, right) : null;
    }
  }
}

interface Step {
  readonly at: number;
  readonly length: number;
  readonly seed: number;
  readonly does: "arrives" | "reads" | "clears";
}

const SPAN = 20_000;

const STEPS = fc.array(
  fc.record({
    at: fc.nat(SPAN),
    length: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3000 })),
    seed: fc.nat(255),
    does: fc.constantFrom<Step["does"]>(
      "arrives",
      "arrives",
      "arrives",
      "arrives",
      "arrives",
      "reads",
      "clears",
    ),
  }),
  { minLength: 1, maxLength: 120 },
);

function bytesOfSeed({ length, seed }: Step): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (seed + i * 13) & 0xff);
}

Deno.test("whatever arrives in whatever order is read as it first came, and costs what it is", () => {
  fc.assert(
    fc.property(STEPS, fc.boolean(), (steps, fills) => {
      const queue = new Queue();
      for (const step of steps) {
        if (step.does === "reads") queue.reads();
        else if (step.does === "arrives") queue.arrives(step.at, bytesOfSeed(step));
        else {
          queue.reassembly.clear();
          // Reneged: what lay there is forgotten, and may come again with other octets.
          for (let at = queue.next; at < queue.model.length; at++) queue.model[at] = -1;
          queue.checkCost();
        }
      }
      if (fills) {
        // All holes are filled from the left, in pieces.
        while (queue.next < SPAN + 3000) queue.arrives(queue.next, new Uint8Array(777).fill(7));
        assertEquals(queue.reassembly.count, 0);
      }
      queue.reads();
      queue.reassembly.clear();
      queue.ring.release();
      assertEquals(queue.account.usedBytes, 0, "nothing stays charged");
      assertEquals(queue.memory.lentBytes, 0, "nothing stays lent");
    }),
    { numRuns: 400 },
  );
});

Deno.test("one octet left alive in each large sheet does not make the sheets stay", () => {
  const queue = new Queue();
  const large = new Uint8Array(1400).fill(1);
  // The octets that stay lie far off, between those that will go.
  const far = 4_000_000;
  let at = 2;
  for (let round = 0; round < 60; round++) {
    for (let i = 0; i < 40; i++, at += large.length) queue.arrives(at, large);
    queue.arrives(far + round * 10, Uint8Array.of(round));
  }
  queue.arrives(0, new Uint8Array(2));
  assertEquals(queue.reassembly.bytes, 60);
  assertLessOrEqual(queue.reassembly.heldBytes, 60 * 256 + 0x1000 + 0x400);
});

Deno.test("the same when what goes, goes bit by bit", () => {
  const queue = new Queue();
  const large = new Uint8Array(1000).fill(1);
  const far = 4_000_000;
  for (let i = 0; i < 1500; i++) {
    // A hole of one octet before each.
    queue.arrives(1 + i * 1001, large);
    if (i % 16 === 0) queue.arrives(far + i * 2, Uint8Array.of(1));
  }
  for (let i = 0; i < 1500; i++) {
    queue.arrives(i * 1001, Uint8Array.of(9));
    queue.reads();
  }
  assertEquals(queue.next, 1500 * 1001);
});

for (const step of [1, 2, 3]) {
  Deno.test(`octets in reverse, ${step} apart, cost no more than their runs`, () => {
    const queue = new Queue();
    const count = step === 1 ? 20_000 : 256;
    for (let at = count; at > 0; at--) queue.arrives(at * step, Uint8Array.of(at & 0xff));
    assertEquals(queue.reassembly.count, step === 1 ? 1 : count);
  });
}

Deno.test("octets in bit-reversed order, which never touch until the end, cost no more than their runs", () => {
  const queue = new Queue();
  const bits = 10;
  for (let i = 0; i < 1 << bits; i++) {
    let at = 0;
    for (let bit = 0; bit < bits; bit++) if ((i >> bit) & 1) at |= 1 << (bits - 1 - bit);
    queue.arrives(1 + at, Uint8Array.of(i & 0xff));
  }
  assertEquals(queue.reassembly.bytes, 1 << bits);
  queue.arrives(0, Uint8Array.of(1));
  queue.reads();
  assertEquals(queue.next, 1 + (1 << bits));
});

for (
  const [small, large] of [[1, 60_000], [1, 33_000], [33_000, 1], [1, 1025], [900, 60_000], [32_769, 32_769]]
) {
  Deno.test(`pieces of ${small} and ${large} octets in turn fill their sheets as badly as they can`, () => {
    const queue = new Queue();
    let at = 1;
    for (let i = 0; i < 40; i++) {
      queue.arrives(at, new Uint8Array(small));
      at += small;
      queue.arrives(at, new Uint8Array(large));
      at += large;
    }
    queue.arrives(0, new Uint8Array(1));
    assertEquals(queue.next, at);
    assertEquals(queue.reassembly.heldBytes, 0);
  });
}
