/**
 * ByteRing: the bytes of one direction of a connection.
 *
 * Owns: ring memory that exists only while it holds something, taken from and given back to a shared
 * {@link RingMemory}. Must not know: sequence numbers, segments; offsets count from the first byte held.
 */

const EMPTY = new Uint8Array(0);

/** Local choice: two frames of 1500 bytes fit the smallest block, so that short exchanges never grow one. */
const SMALLEST_BLOCK_BYTES = 0x1000;

/** Local choice: blocks kept for reuse per size, so that bursts of short connections allocate nothing. */
const KEPT_BLOCKS_PER_SIZE = 64;

/** Where a ring gets its memory. */
interface BlockSource {
  /** A block of at least `bytes` bytes, its length a power of two; the contents are stale. */
  acquire(bytes: number): Uint8Array;
  /** Takes a block back. */
  release(block: Uint8Array): void;
}

/** Blocks of memory by power of two, shared by all rings of a host. */
export class RingMemory implements BlockSource {
  readonly #free: Uint8Array[][] = [];
  /** Bytes lent out now. */
  lentBytes = 0;

  acquire(bytes: number): Uint8Array {
    let size = SMALLEST_BLOCK_BYTES;
    while (size < bytes) size *= 2;
    this.lentBytes += size;
    return this.#free[sizeClass(size)]?.pop() ?? new Uint8Array(size);
  }

  release(block: Uint8Array): void {
    if (block.length === 0) return;
    this.lentBytes -= block.length;
    const list = (this.#free[sizeClass(block.length)] ??= []);
    const keep = block.length <= 0x10000 ? KEPT_BLOCKS_PER_SIZE : 4;
    if (list.length < keep) list.push(block);
  }
}

/** The logarithm of a power of two; `Math.log2` would leave the compiled code. */
function sizeClass(bytes: number): number {
  return 31 - Math.clz32(bytes);
}

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

  /** Appends as much of `source[offset .. offset + count)` as fits; returns how much. */
  append(source: Uint8Array, offset: number, count: number): number {
    const room = this.limitBytes - this.length;
    const taken = count < room ? count : room;
    if (taken <= 0) return 0;
    this.put(this.length, source, offset, taken);
    this.length += taken;
    return taken;
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
   * Stores bytes at `at` (counted from the front) without counting them as held: room for data that came
   * out of order. The caller keeps `at + count` within its limit.
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

  /** Appends up to `count` bytes from the front of `source`; returns how many fit. `source` keeps them. */
  appendFrom(source: ByteRing, count: number): number {
    const room = this.limitBytes - this.length;
    let taken = count < room ? count : room;
    if (taken > source.length) taken = source.length;
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

  #grow(bytes: number): void {
    const old = this.#block;
    const next = this.#memory.acquire(bytes);
    if (old.length > 0) {
      // All of the old block, because what was put out of order lies behind `length`.
      const first = old.length - this.#start;
      next.set(old.subarray(this.#start), 0);
      if (this.#start > 0) next.set(old.subarray(0, this.#start), first);
      this.#memory.release(old);
    }
    this.#block = next;
    this.#start = 0;
  }
}

/** Below this size a plain loop is faster than `set` (local choice, by measurement: 16 bytes cost 10 ns, 64 cost 32 ns; `set` 14). */
const LOOP_COPY_BYTES = 24;

/** And below this size faster than making a view for `set`, which costs 60 ns and 100 bytes of memory. */
const LOOP_WITHOUT_VIEW_BYTES = 128;

/**
 * The view that was copied from last. Frames lie in one buffer and carry their text at one place, so bulk data finds it
 * again, and making a view costs as much as copying a segment.
 */
class ViewMemo {
  #source: Uint8Array = EMPTY;
  #from = 0;
  #view: Uint8Array = EMPTY;

  copy(source: Uint8Array, from: number, target: Uint8Array, to: number, count: number): void {
    const isKnown = source === this.#source && from === this.#from && count === this.#view.length;
    if (count <= LOOP_COPY_BYTES || (!isKnown && count <= LOOP_WITHOUT_VIEW_BYTES)) {
      for (let i = 0; i < count; i++) target[to + i] = source[from + i];
      return;
    }
    if (!isKnown) {
      this.#source = source;
      this.#from = from;
      this.#view = source.subarray(from, from + count);
    }
    target.set(this.#view, to);
  }
}

// What goes out lies at ever other places of a ring, and must not displace where frames carry their text.
const intoRing = new ViewMemo();
const outOfRing = new ViewMemo();
