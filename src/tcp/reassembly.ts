/**
 * Which bytes beyond RCV.NXT have arrived: the out-of-order queue's bookkeeping (SHLD-31) and the source
 * of SACK blocks (RFC 2018 §4).
 *
 * Owns: islands of sequence space. Must not know: the bytes themselves (they lie in the receive ring).
 */
import { seqDiff, seqGe, seqGt, seqLe, seqLt, seqMax, seqMin } from "./sequence.ts";

/** A run of bytes `[left, right)` that arrived out of order. */
export interface Island {
  left: number;
  right: number;
  /** Grows with each arrival that touched the island: the order in which SACK reports them. */
  touched: number;
}

/** Islands in sequence order, none touching another. */
export class Reassembly {
  readonly #islands: Island[] = [];
  #clock = 0;

  get count(): number {
    return this.#islands.length;
  }

  /** Bytes held out of order. */
  get bytes(): number {
    let sum = 0;
    for (const island of this.#islands) sum += seqDiff(island.right, island.left);
    return sum;
  }

  get islands(): readonly Readonly<Island>[] {
    return this.#islands;
  }

  /** Whether `[left, right)` would begin an island of its own. */
  wouldAdd(left: number, right: number): boolean {
    for (const island of this.#islands) {
      if (seqLe(left, island.right) && seqGe(right, island.left)) return false;
    }
    return true;
  }

  /** The first part of `[left, right)` that is here already, or null: what D-SACK reports (RFC 2883 §4). */
  overlap(left: number, right: number): { left: number; right: number } | null {
    for (const island of this.#islands) {
      const from = seqMax(left, island.left);
      const to = seqMin(right, island.right);
      if (seqLt(from, to)) return { left: from, right: to };
    }
    return null;
  }

  /** Notes that `[left, right)` is here. */
  add(left: number, right: number): void {
    const islands = this.#islands;
    this.#clock++;
    let first = 0;
    while (first < islands.length && seqLt(islands[first].right, left)) first++;
    let last = first;
    while (last < islands.length && seqLe(islands[last].left, right)) last++;
    if (first === last) {
      islands.splice(first, 0, { left, right, touched: this.#clock });
      return;
    }
    const island = islands[first];
    island.left = seqMin(left, island.left);
    island.right = seqMax(right, islands[last - 1].right);
    island.touched = this.#clock;
    if (last - first > 1) islands.splice(first + 1, last - first - 1);
  }

  /**
   * RCV.NXT has reached `next`: forgets what lies below it; returns how far the data now runs without a
   * hole (`next` itself, or the right edge of an island that `next` has reached).
   */
  advance(next: number): number {
    const islands = this.#islands;
    let reached = next;
    let gone = 0;
    while (gone < islands.length && seqLe(islands[gone].left, reached)) {
      if (seqGt(islands[gone].right, reached)) reached = islands[gone].right;
      gone++;
    }
    if (gone > 0) islands.splice(0, gone);
    return reached;
  }

  /**
   * Writes up to `limit` blocks as left, right pairs into `out` from pair `at` on, the most recently touched
   * first (RFC 2018 §4); returns the number of pairs then in `out`.
   */
  writeBlocks(out: Uint32Array, at: number, limit: number): number {
    let written = at;
    let before = Infinity;
    while (written < limit) {
      let best: Island | null = null;
      for (const island of this.#islands) {
        if (island.touched < before && (best === null || island.touched > best.touched)) best = island;
      }
      if (best === null) break;
      out[written * 2] = best.left;
      out[written * 2 + 1] = best.right;
      before = best.touched;
      written++;
    }
    return written;
  }

  clear(): void {
    if (this.#islands.length > 0) this.#islands.length = 0;
  }
}

/** Stands for the queue of a connection to which nothing has come out of order; only read. */
export const NO_ISLANDS: Reassembly = new Reassembly();
