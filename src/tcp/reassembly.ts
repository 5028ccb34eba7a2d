/**
 * Which octets beyond RCV.NXT have arrived: the out-of-order queue's bookkeeping (SHLD-31) and the source
 * of SACK blocks (RFC 2018 §4).
 *
 * Owns: blocks of positions, and what they cost. Must not know: the octets themselves (out_of_order_text.ts).
 */
import { BlockMemory } from "./fast/block_memory.ts";
import { MemoryAccount } from "./memory_account.ts";
import { OutOfOrderText } from "./out_of_order_text.ts";

/** Of one block, with its place in the list and the boxes of its positions: measured. */
const BLOCK_BYTES = 96;
/** Of the queue by itself, while there is anything in it: measured. */
const QUEUE_BYTES = 640;

/** A run of octets `[left, right)` that arrived out of order. */
interface OutOfOrderBlock {
  left: number;
  right: number;
  /** Grows with each arrival that touched the block: the order in which SACK reports them. */
  touched: number;
}

/** Blocks in order of their positions, none touching another. */
export class Reassembly {
  /** The octets of the blocks; none of an application that drops them. */
  readonly text: OutOfOrderText;
  readonly #account: MemoryAccount;
  readonly #blocks: OutOfOrderBlock[] = [];
  #clock = 0;
  #chargedBytes = 0;

  constructor(memory: BlockMemory) {
    this.text = new OutOfOrderText(memory);
    this.#account = memory.account;
  }

  /** Memory that it and its octets have. */
  get heldBytes(): number {
    return this.#chargedBytes + this.text.heldBytes;
  }

  get count(): number {
    return this.#blocks.length;
  }

  /** Octets held out of order. */
  get bytes(): number {
    let sum = 0;
    for (const block of this.#blocks) sum += block.right - block.left;
    return sum;
  }

  /** Whether `[left, right)` would begin a block of its own. */
  wouldAdd(left: number, right: number): boolean {
    for (const block of this.#blocks) if (left <= block.right && right >= block.left) return false;
    return true;
  }

  /** The first part of `[left, right)` that is here already, or null: what D-SACK reports (RFC 2883 §4). */
  overlap(left: number, right: number): { left: number; right: number } | null {
    for (const block of this.#blocks) {
      const from = left > block.left ? left : block.left;
      const to = right < block.right ? right : block.right;
      if (from < to) return { left: from, right: to };
    }
    return null;
  }

  /** The first part of `[left, right)` that is not here yet, or null: of what arrives twice the first copy counts. */
  missing(left: number, right: number): { left: number; right: number } | null {
    let from = left;
    for (const block of this.#blocks) {
      if (block.right <= from) continue;
      if (block.left > from) return { left: from, right: block.left < right ? block.left : right };
      from = block.right;
      if (from >= right) return null;
    }
    return { left: from, right };
  }

  /** Notes that `[left, right)` is here. */
  add(left: number, right: number): void {
    const blocks = this.#blocks;
    this.#clock++;
    let first = 0;
    while (first < blocks.length && blocks[first].right < left) first++;
    let last = first;
    while (last < blocks.length && blocks[last].left <= right) last++;
    if (first === last) {
      blocks.splice(first, 0, { left, right, touched: this.#clock });
      this.#charge();
      return;
    }
    const block = blocks[first];
    const lastRight = blocks[last - 1].right;
    if (left < block.left) block.left = left;
    block.right = right > lastRight ? right : lastRight;
    block.touched = this.#clock;
    if (last - first === 1) return;
    blocks.splice(first + 1, last - first - 1);
    this.#charge();
  }

  /** How far the data will run without a hole when all up to `next` is here. */
  reachFrom(next: number): number {
    let reached = next;
    for (const { left, right } of this.#blocks) {
      if (left > reached) break;
      if (right > reached) reached = right;
    }
    return reached;
  }

  /**
   * RCV.NXT has reached `next`: forgets what lies below it; returns how far the data now runs without a
   * hole (`next` itself, or the right edge of a block that `next` has reached).
   */
  advance(next: number): number {
    const blocks = this.#blocks;
    let reached = next;
    let gone = 0;
    while (gone < blocks.length && blocks[gone].left <= reached) {
      if (blocks[gone].right > reached) reached = blocks[gone].right;
      gone++;
    }
    if (gone > 0) {
      blocks.splice(0, gone);
      this.#charge();
    }
    return reached;
  }

  /**
   * Writes up to `limit` blocks as left, right pairs into `out` from pair `at` on, the most recently touched
   * first (RFC 2018 §4); returns the number of pairs then in `out`.
   */
  writeBlocks(out: Float64Array, at: number, limit: number): number {
    let written = at;
    let before = Infinity;
    while (written < limit) {
      let best: OutOfOrderBlock | null = null;
      for (const block of this.#blocks) {
        if (block.touched < before && (best === null || block.touched > best.touched)) best = block;
      }
      if (best === null) break;
      out[written * 2] = best.left;
      out[written * 2 + 1] = best.right;
      before = best.touched;
      written++;
    }
    return written;
  }

  /** Forgets all blocks, and gives the memory of their octets back. */
  clear(): void {
    this.text.clear();
    if (this.#blocks.length === 0) return;
    this.#blocks.length = 0;
    this.#charge();
  }

  #charge(): void {
    const { length } = this.#blocks;
    const bytes = length === 0 ? 0 : QUEUE_BYTES + length * BLOCK_BYTES;
    this.#account.usedBytes += bytes - this.#chargedBytes;
    this.#chargedBytes = bytes;
  }
}

/** Stands for the queue of a connection to which nothing has come out of order; only read. */
export const NOTHING_OUT_OF_ORDER: Reassembly = new Reassembly(
  new BlockMemory(new MemoryAccount(Infinity)),
);
