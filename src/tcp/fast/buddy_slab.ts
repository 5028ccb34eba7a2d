/**
 * BuddySlab: one region of memory, cut into blocks of powers of two (K. C. Knowlton's buddy system, 1965).
 *
 * Owns: which parts are lent. Must not know: why. The lowest block that fits is lent, so that the upper part empties.
 */

/** A region whose size is a power of two. */
export class BuddySlab {
  readonly bytes: number;
  #buffer: ArrayBuffer;
  readonly #leafBytes: number;
  readonly #depth: number;
  /**
   * A binary tree: node `i` has the children `2i` and `2i + 1`. The value is the logarithm of the largest free block
   * below the node, counted in leaves, plus one; 0 when nothing is free.
   */
  readonly #largest: Uint8Array;

  constructor(bytes: number, leafBytes: number) {
    this.bytes = bytes;
    this.#leafBytes = leafBytes;
    this.#buffer = new ArrayBuffer(bytes);
    const leaves = bytes / leafBytes;
    this.#depth = 31 - Math.clz32(leaves);
    this.#largest = new Uint8Array(2 * leaves);
    for (let level = 0; level <= this.#depth; level++) {
      this.#largest.fill(this.#depth - level + 1, 1 << level, 2 << level);
    }
  }

  get buffer(): ArrayBuffer {
    return this.#buffer;
  }

  /** Whether nothing is lent. */
  get isFree(): boolean {
    return this.#largest[1] === this.#depth + 1;
  }

  /** The offset of a block of `size` bytes, a power of two of at least a leaf; -1 when there is none. */
  take(size: number): number {
    const wanted = 32 - Math.clz32(size / this.#leafBytes);
    const largest = this.#largest;
    if (largest[1] < wanted) return -1;
    let node = 1;
    let height = this.#depth + 1;
    while (height > wanted) {
      node *= 2;
      height--;
      if (largest[node] < wanted) node++;
    }
    const level = this.#depth + 1 - height;
    largest[node] = 0;
    this.#update(node, height);
    return (node - (1 << level)) * size;
  }

  /** Takes a block back that {@link BuddySlab.take} has lent. */
  giveBack(offset: number, size: number): void {
    const height = 32 - Math.clz32(size / this.#leafBytes);
    const node = (1 << (this.#depth + 1 - height)) + offset / size;
    this.#largest[node] = height;
    this.#update(node, height);
  }

  /** Gives the memory back to the system at once, without waiting for the collector; nothing may be lent. */
  vanish(): void {
    this.#buffer = this.#buffer.transfer(0);
  }

  /** What a node's parents have free below them: two free halves are one block again. */
  #update(from: number, fromHeight: number): void {
    const largest = this.#largest;
    let height = fromHeight;
    for (let node = from >> 1; node >= 1; node >>= 1) {
      const left = largest[2 * node];
      const right = largest[2 * node + 1];
      largest[node] = left === height && right === height ? height + 1 : left > right ? left : right;
      height++;
    }
  }
}
