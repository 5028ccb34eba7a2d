/**
 * ByteRing: the bytes of one direction of a connection.
 *
 * Owns: ring memory that exists only while it holds something, taken from and given back to a shared
 * {@link BlockSource}. Must not know: sequence numbers, segments; offsets count from the first byte held.
 */
import type { BlockSource } from "./block_memory.ts";
import { ViewMemo } from "./copy_bytes.ts";

const EMPTY = new Uint8Array(0);

/**
 * Local choice: a block of this size of which less than an eighth is used is changed for a smaller one. Whoever leaves one
 * octet of a full buffer unread must not hold all of it.
 */
const LARGE_BLOCK_BYTES = 0x10000;

/** Bytes in order, bounded, in memory that wraps around. */
export class ByteRing {
  readonly #memory: BlockSource;
  #block: Uint8Array = EMPTY;
  #start = 0;
  /** Where the bytes held are while they are only {@link ByteRing.borrow}ed; empty when they are our own. */
  #borrowed: Uint8Array = EMPTY;
  #borrowedFrom = 0;
  /** Bytes that may be held. */
  limitBytes: number;
  /** Bytes held in order from the front. */
  length = 0;

  constructor(memory: BlockSource, limitBytes: number) {
    this.#memory = memory;
    this.limitBytes = limitBytes;
  }

  /** Bytes that can still be appended. */
  get room(): number {
    return this.limitBytes - this.length;
  }

  /** Bytes of memory that it has, however few of them are used. */
  get heldBytes(): number {
    return this.#block.length;
  }

  /**
   * Appends as much of `source[offset .. offset + count)` as fits, up to `mostBytes` held in all; returns how much. It may be
   * nothing when memory is scarce.
   */
  append(source: Uint8Array, offset: number, count: number, mostBytes = this.limitBytes): number {
    const taken = this.#takes(count, mostBytes);
    if (taken <= 0) return 0;
    this.put(this.length, source, offset, taken);
    this.length += taken;
    return taken;
  }

  /** How many of `count` bytes can be appended. */
  #takes(count: number, mostBytes: number): number {
    const most = mostBytes < this.limitBytes ? mostBytes : this.limitBytes;
    const room = most - this.length;
    const taken = count < room ? count : room;
    const block = this.#block.length;
    if (this.length + taken <= block || this.#memory.mayGrow(block, this.length + taken)) return taken;
    // The block that is there can be filled; a first one has no bytes yet.
    return block > this.length ? block - this.length : 0;
  }

  /** Whether there is memory for `bytes` bytes in all, or may be lent. */
  mayHold(bytes: number): boolean {
    const block = this.#block.length;
    return bytes <= block || this.#memory.mayGrow(block, bytes);
  }

  /** Takes memory for `bytes` bytes in all at once, where otherwise each further piece would want twice as much. */
  reserve(bytes: number): void {
    this.keep();
    if (bytes > this.#block.length) this.#grow(bytes);
  }

  /** Appends text that has just arrived. The room has been offered: a scaled window may exceed the limit by a little. */
  receive(source: Uint8Array, offset: number, count: number): void {
    if (this.length === 0) {
      this.borrow(source, offset, count);
    } else {
      this.put(this.length, source, offset, count);
      this.length += count;
    }
  }

  /**
   * Holds `count` bytes where they lie, without a copy, until {@link ByteRing.keep}; they must not change before. The ring
   * is empty, and nothing has been put beyond its end. What is read at once, as it mostly is, is never copied in.
   */
  borrow(source: Uint8Array, offset: number, count: number): void {
    this.#borrowed = source;
    this.#borrowedFrom = offset;
    this.length = count;
  }

  /** Copies what is only borrowed. */
  keep(): void {
    if (this.#borrowed === EMPTY) return;
    const source = this.#borrowed;
    this.#borrowed = EMPTY;
    this.put(0, source, this.#borrowedFrom, this.length);
  }

  /**
   * Stores bytes at `at` (counted from the front) without counting them as held; {@link ByteRing.extend} does. The caller
   * keeps `at + count` within its limit.
   */
  put(at: number, source: Uint8Array, offset: number, count: number): void {
    this.keep();
    const end = at + count;
    if (end > this.#block.length) this.#grow(end);
    const block = this.#block;
    const mask = block.length - 1;
    const from = (this.#start + at) & mask;
    const first = block.length - from;
    if (count <= first) {
      intoRing.copy(source, offset, block, from, count);
    } else {
      intoRing.copy(source, offset, block, from, first);
      intoRing.copy(source, offset + first, block, 0, count - first);
    }
  }

  /** Counts `count` further bytes, put before, as held. */
  extend(count: number): void {
    this.length += count;
  }

  /** Copies bytes `at .. at + count` into `target` at `targetOffset`; they must have been put. */
  copyOut(at: number, target: Uint8Array, targetOffset: number, count: number): void {
    if (this.#borrowed !== EMPTY) {
      outOfRing.copy(this.#borrowed, this.#borrowedFrom + at, target, targetOffset, count);
      return;
    }
    const block = this.#block;
    const from = (this.#start + at) & (block.length - 1);
    const first = block.length - from;
    if (count <= first) {
      outOfRing.copy(block, from, target, targetOffset, count);
    } else {
      outOfRing.copy(block, from, target, targetOffset, first);
      outOfRing.copy(block, 0, target, targetOffset + first, count - first);
    }
  }

  /** Moves up to `into.length` bytes out of the front; returns how many. */
  read(into: Uint8Array): number {
    const count = into.length < this.length ? into.length : this.length;
    if (count > 0) this.copyOut(0, into, 0, count);
    return count;
  }

  /**
   * Appends up to `count` bytes from the front of `source`, up to `mostBytes` held in all; returns how many fit. `source` keeps
   * them.
   */
  appendFrom(source: ByteRing, count: number, mostBytes = this.limitBytes): number {
    const taken = this.#takes(count < source.length ? count : source.length, mostBytes);
    if (taken <= 0) return 0;
    if (source.#borrowed !== EMPTY) {
      this.put(this.length, source.#borrowed, source.#borrowedFrom, taken);
      this.length += taken;
      return taken;
    }
    const block = source.#block;
    const from = source.#start & (block.length - 1);
    const first = block.length - from;
    if (taken <= first) {
      this.put(this.length, block, from, taken);
    } else {
      this.put(this.length, block, from, first);
      this.put(this.length + first, block, 0, taken - first);
    }
    this.length += taken;
    return taken;
  }

  /** Forgets `count` bytes at the front. */
  consume(count: number): void {
    if (this.#borrowed !== EMPTY) {
      this.#borrowedFrom += count;
      this.length -= count;
      if (this.length === 0) this.#borrowed = EMPTY;
      return;
    }
    this.#start = (this.#start + count) & (this.#block.length - 1);
    this.length -= count;
    if (this.#block.length >= LARGE_BLOCK_BYTES && this.length * 8 < this.#block.length) this.#shrink();
  }

  /** Gives the memory back, and keeps what is held in memory of its own, which ends with the last who could read it. */
  leaveMemory(): void {
    const { length } = this;
    const bytes = new Uint8Array(length);
    this.copyOut(0, bytes, 0, length);
    this.release();
    this.borrow(bytes, 0, length);
  }

  /** Gives the memory back; what was held or put is lost. */
  release(): void {
    this.#borrowed = EMPTY;
    this.length = 0;
    if (this.#block.length === 0) return;
    this.#memory.release(this.#block);
    this.#block = EMPTY;
    this.#start = 0;
  }

  /** Moves what is held into the smallest block for it. An empty ring has nothing to move, and is given back soon. */
  #shrink(): void {
    if (this.length === 0) return;
    const old = this.#block;
    const next = this.#memory.acquire(2 * this.length);
    this.copyOut(0, next, 0, this.length);
    this.#memory.release(old);
    this.#block = next;
    this.#start = 0;
  }

  #grow(bytes: number): void {
    const old = this.#block;
    const next = this.#memory.acquire(bytes);
    if (old.length > 0) {
      // All of the old block, because what is put and not counted yet lies behind `length`.
      const first = old.length - this.#start;
      next.set(old.subarray(this.#start), 0);
      if (this.#start > 0) next.set(old.subarray(0, this.#start), first);
      this.#memory.release(old);
    }
    this.#block = next;
    this.#start = 0;
  }
}

// What goes out lies at ever other places of a ring, and must not displace where frames carry their text.
const intoRing = new ViewMemo();
const outOfRing = new ViewMemo();
