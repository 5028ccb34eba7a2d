/**
 * A ring of frames in shared memory, for one thread that puts in and one that takes out.
 *
 * Owns: where frames lie, who may write what, and waking a reader that sleeps. Must not know: devices.
 *
 * A record is a word with the length and then the frame, padded to words; a length of {@link WRAP} means: go on at the
 * start. Positions count bytes and only grow (modulo 2^32), so that full and empty differ. The writer makes a whole batch
 * visible with one store, the reader gives a whole batch back with one: the cache line with the positions then
 * moves between the cores once a batch, not once a frame.
 */

/** Words of the control block, 64 bytes apart: two threads that write different words must not share a cache line. */
const WORD = { written: 0, taken: 16, asleep: 32, count: 48 } as const;
const CONTROL_BYTES = WORD.count * 4;
const LENGTH_BYTES = 4;
const WRAP = 0xffffffff;

/** Takes a frame: its memory, where it begins there, its length. Valid only during the call. */
export type RelayHandler = (memory: Uint8Array, offset: number, length: number) => void;

/** Memory for a ring of `ringBytes`, a power of two. */
export function relayMemory(ringBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + ringBytes);
}

/** One side of a ring; each thread makes its own on the same memory. */
export class RelayRing {
  readonly #control: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #lengths: Uint32Array;
  readonly #ringBytes: number;
  #written = 0;
  #taken = 0;
  /** Frames that found no room. */
  refused = 0;

  constructor(memory: SharedArrayBuffer) {
    this.#control = new Int32Array(memory, 0, WORD.count);
    this.#bytes = new Uint8Array(memory, CONTROL_BYTES);
    this.#lengths = new Uint32Array(memory, CONTROL_BYTES);
    this.#ringBytes = memory.byteLength - CONTROL_BYTES;
  }

  /** Writer: puts a frame in; it is seen after {@link RelayRing.publish}. */
  put(frame: Uint8Array, length: number): void {
    const size = LENGTH_BYTES + ((length + 3) & ~3);
    let at = this.#written & (this.#ringBytes - 1);
    const rest = this.#ringBytes - at;
    const needed = size <= rest ? size : rest + size;
    if (needed > this.#room()) {
      this.refused++;
      return;
    }
    if (size > rest) {
      this.#lengths[at >>> 2] = WRAP;
      this.#written = (this.#written + rest) | 0;
      at = 0;
    }
    this.#lengths[at >>> 2] = length;
    this.#bytes.set(frame.subarray(0, length), at + LENGTH_BYTES);
    this.#written = (this.#written + size) | 0;
  }

  /** Bytes that are free; asks the reader's position only when the last known one leaves too little. */
  #room(): number {
    const known = this.#ringBytes - ((this.#written - this.#taken) >>> 0);
    if (known > this.#ringBytes >>> 1) return known;
    this.#taken = Atomics.load(this.#control, WORD.taken);
    return this.#ringBytes - ((this.#written - this.#taken) >>> 0);
  }

  /** Writer: shows what was put in, and wakes the reader where it sleeps. */
  publish(): void {
    Atomics.store(this.#control, WORD.written, this.#written);
    if (Atomics.load(this.#control, WORD.asleep) === 0) return;
    Atomics.store(this.#control, WORD.asleep, 0);
    Atomics.notify(this.#control, WORD.asleep, 1);
  }

  /** Reader: hands over up to `budget` frames; returns how many there were. */
  take(handler: RelayHandler, budget: number): number {
    this.#written = Atomics.load(this.#control, WORD.written);
    let frames = 0;
    while (frames < budget && this.#taken !== this.#written) {
      const at = this.#taken & (this.#ringBytes - 1);
      const length = this.#lengths[at >>> 2];
      if (length === WRAP) {
        this.#taken = (this.#taken + this.#ringBytes - at) | 0;
        continue;
      }
      handler(this.#bytes, at + LENGTH_BYTES, length);
      this.#taken = (this.#taken + LENGTH_BYTES + ((length + 3) & ~3)) | 0;
      frames++;
    }
    if (frames > 0) Atomics.store(this.#control, WORD.taken, this.#taken);
    return frames;
  }

  /** Reader: blocks its thread until there is something to take. */
  sleep(): void {
    Atomics.store(this.#control, WORD.asleep, 1);
    // Looked at once more after the word was set: what came in between has found nobody asleep.
    if (Atomics.load(this.#control, WORD.written) !== this.#taken) {
      Atomics.store(this.#control, WORD.asleep, 0);
      return;
    }
    Atomics.wait(this.#control, WORD.asleep, 1);
  }
}
