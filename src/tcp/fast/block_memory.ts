/**
 * BlockMemory: memory for the bytes of all connections of a host, lent in blocks whose sizes are powers of two.
 *
 * Owns: slabs, which block of them is lent, and the account of what is. Must not know: what is kept in a block.
 *
 * Why not an ArrayBuffer for each: what the collector finds late, and the C library keeps for itself, stays with the process
 * for seconds or for good (measured: 400 MB in blocks of 1 MiB, all let go, and none of it was given back). A slab is large
 * enough for the library to map it by itself, and goes back to the system the moment its last block has come back.
 */
import type { MemoryAccount } from "../memory_account.ts";
import { BuddySlab } from "./buddy_slab.ts";

/** Local choice: a keystroke, a request line; two full segments take four of them. */
export const SMALLEST_BLOCK_BYTES = 0x400;

/** Local choice: blocks kept at hand for each size, so that bursts of short connections look for nothing. */
const AT_HAND_PER_SIZE = 64;
/** Larger ones are fewer. */
const LARGE_BLOCK_BYTES = 0x10000;
const LARGE_AT_HAND = 4;

/**
 * Local choice: the first slabs are small, because most hosts (those of tests, of `connect`) never need more. From 32 MiB on
 * the C library always maps a region by itself (its largest M_MMAP_THRESHOLD), and unused pages of it cost nothing.
 */
const SLAB_BYTES = [0x10000, 0x40000, 0x100000, 0x400000] as const;
const LARGE_SLAB_BYTES = 0x2000000;

/** Where a ring gets its memory. */
export interface BlockSource {
  /** A block of at least `bytes` bytes, its length a power of two; the contents are stale. */
  acquire(bytes: number): Uint8Array;
  /** Takes a block back. */
  release(block: Uint8Array): void;
  /** Whether a ring that has a block of `has` bytes may have one for `bytes` instead. */
  mayGrow(has: number, bytes: number): boolean;
}

/** Blocks out of slabs. */
export class BlockMemory implements BlockSource {
  readonly account: MemoryAccount;
  /** Blocks that came back, by size class: the ones to be lent first. */
  readonly #atHand: Uint8Array[][] = [];
  readonly #slabs: BuddySlab[] = [];
  readonly #slabOf = new Map<ArrayBufferLike, BuddySlab>();
  /** Bytes lent out now. */
  lentBytes = 0;
  /** Bytes of all slabs: what the process can hold for them, less pages that were never touched. */
  slabBytes = 0;
  /** Something has come back since {@link BlockMemory.trim} that could be given back to the system. */
  wantsTrim = false;

  constructor(account: MemoryAccount) {
    this.account = account;
  }

  mayGrow(has: number, bytes: number): boolean {
    return this.account.mayLend(blockBytesFor(bytes) - has);
  }

  acquire(bytes: number): Uint8Array {
    const size = blockBytesFor(bytes);
    this.lentBytes += size;
    this.account.usedBytes += size;
    return this.#atHand[sizeClass(size)]?.pop() ?? this.#cut(size);
  }

  release(block: Uint8Array): void {
    const size = block.length;
    if (size === 0) return;
    this.lentBytes -= size;
    this.account.usedBytes -= size;
    const list = (this.#atHand[sizeClass(size)] ??= []);
    const isKept = list.length < (size > LARGE_BLOCK_BYTES ? LARGE_AT_HAND : AT_HAND_PER_SIZE);
    if (isKept) list.push(block);
    else this.#giveBack(block);
    // Small ones that are kept at hand may be all for which slabs stay.
    if (!isKept || size >= LARGE_BLOCK_BYTES || this.slabBytes - this.lentBytes >= LARGE_SLAB_BYTES) {
      this.wantsTrim = true;
    }
  }

  /** Gives slabs of which nothing is lent back to the system, the first ones apart. */
  trim(): void {
    this.wantsTrim = false;
    this.#atHand.forEach((list) => {
      for (let block = list.pop(); block !== undefined; block = list.pop()) this.#giveBack(block);
    });
  }

  #cut(size: number): Uint8Array {
    for (const slab of this.#slabs) {
      const offset = slab.take(size);
      if (offset >= 0) return new Uint8Array(slab.buffer, offset, size);
    }
    const slab = this.#newSlab(size);
    return new Uint8Array(slab.buffer, slab.take(size), size);
  }

  #newSlab(size: number): BuddySlab {
    const isOf = (bytes: number) => this.#slabs.some((slab) => slab.bytes === bytes);
    const small = SLAB_BYTES.find((bytes) => bytes >= size && !isOf(bytes));
    const slab = new BuddySlab(small ?? Math.max(size, LARGE_SLAB_BYTES), SMALLEST_BLOCK_BYTES);
    this.#slabs.push(slab);
    this.#slabOf.set(slab.buffer, slab);
    this.slabBytes += slab.bytes;
    return slab;
  }

  #giveBack(block: Uint8Array): void {
    const slab = this.#slabOf.get(block.buffer);
    if (slab === undefined) return;
    slab.giveBack(block.byteOffset, block.length);
    if (!slab.isFree || slab.bytes < LARGE_SLAB_BYTES) return;
    this.#slabs.splice(this.#slabs.indexOf(slab), 1);
    this.#slabOf.delete(slab.buffer);
    this.slabBytes -= slab.bytes;
    slab.vanish();
  }
}

/** The size of the block that is lent for `bytes`. */
function blockBytesFor(bytes: number): number {
  if (bytes <= SMALLEST_BLOCK_BYTES) return SMALLEST_BLOCK_BYTES;
  return (1 << (32 - Math.clz32(bytes - 1))) >>> 0;
}

/** The logarithm of a power of two; `Math.log2` would leave the compiled code. */
function sizeClass(bytes: number): number {
  return 31 - Math.clz32(bytes);
}
