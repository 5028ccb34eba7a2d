/**
 * Held frames: copies of frames that wait for their time, in the order in which they leave.
 *
 * Owns: a bounded first-in, first-out queue and the buffers in it, used again and again. Must not know: why a frame
 * waits, clocks.
 */

/** A copy of a frame on its way. */
export interface HeldFrame {
  /** At least `length` bytes; what stands behind is left over from another frame. */
  bytes: Uint8Array;
  length: number;
  /** When it leaves, microseconds. */
  dueUs: number;
  /** When it was taken in. */
  takenUs: number;
  /** Of no meaning to the queue: the time of capture, or the cut size. */
  note: number;
  /** The same: the number of its segment, 0 where it has none. */
  segment: number;
  /** The same: by what number it is known again, negative for a copy, 0 where it is as it was. */
  touch: number;
}

/** Bounds of a queue; see {@link HeldFrames}. */
interface HeldFramesBounds {
  readonly frames: number;
  readonly bytes: number;
}

/** Local choice: covers a full Ethernet frame with its tags, the most common size by far. */
const SMALL_BYTES = 2048;
/** Local choice: large buffers kept for reuse, 4 MiB; more are left to the garbage collector. */
const SPARE_LARGE = 64;
/** Local choice: small buffers kept for reuse, 8 MiB. */
const SPARE_SMALL = 4096;

/** A queue of held frames within bounds. Those that step out of line (see `take`) count too until they are given back. */
export class HeldFrames {
  readonly #bounds: HeldFramesBounds;
  /** Ring: `#count` frames from `#head` on; its size is a power of two. */
  #ring: (HeldFrame | null)[] = new Array(64).fill(null);
  #head = 0;
  #count = 0;
  #heldFrames = 0;
  #heldBytes = 0;
  readonly #spareSmall: HeldFrame[] = [];
  readonly #spareLarge: HeldFrame[] = [];

  constructor(bounds: HeldFramesBounds) {
    this.#bounds = bounds;
  }

  /** Frames in line. */
  get count(): number {
    return this.#count;
  }

  /** When the first in line leaves; Infinity when none waits. */
  get nextDueUs(): number {
    return this.#ring[this.#head]?.dueUs ?? Infinity;
  }

  /** A copy of a frame, not in line yet; null when a bound is reached. To be given to `push` or `giveBack`. */
  take(frame: Uint8Array, length: number): HeldFrame | null {
    if (this.#heldFrames >= this.#bounds.frames || this.#heldBytes + length > this.#bounds.bytes) return null;
    const spare = length <= SMALL_BYTES ? this.#spareSmall : this.#spareLarge;
    const held = spare.pop() ?? newFrame();
    if (held.bytes.length < length) held.bytes = new Uint8Array(Math.max(length, SMALL_BYTES));
    held.bytes.set(length === frame.length ? frame : frame.subarray(0, length));
    held.length = length;
    this.#heldFrames++;
    this.#heldBytes += length;
    return held;
  }

  /** Puts a taken frame at the end of the line. */
  push(held: HeldFrame): void {
    if (this.#count === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#count) & (this.#ring.length - 1)] = held;
    this.#count++;
  }

  /** Takes the first out of the line when it is due; null when it is not. To be given back after use. */
  shiftDue(nowUs: number): HeldFrame | null {
    const held = this.#ring[this.#head];
    if (held === null || held.dueUs > nowUs) return null;
    this.#ring[this.#head] = null;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#count--;
    return held;
  }

  /** Ends the use of a frame that is not in line; its buffer serves again. */
  giveBack(held: HeldFrame): void {
    this.#heldFrames--;
    this.#heldBytes -= held.length;
    const isSmall = held.bytes.length <= SMALL_BYTES;
    const spare = isSmall ? this.#spareSmall : this.#spareLarge;
    if (spare.length < (isSmall ? SPARE_SMALL : SPARE_LARGE)) spare.push(held);
  }

  /** Forgets all that waits. */
  clear(): void {
    for (let held = this.shiftDue(Infinity); held !== null; held = this.shiftDue(Infinity)) {
      this.giveBack(held);
    }
  }

  #grow(): void {
    const { length } = this.#ring;
    const larger: (HeldFrame | null)[] = new Array(length * 2).fill(null);
    for (let i = 0; i < this.#count; i++) larger[i] = this.#ring[(this.#head + i) & (length - 1)];
    this.#ring = larger;
    this.#head = 0;
  }
}

const NO_BYTES = new Uint8Array(0);

function newFrame(): HeldFrame {
  return { bytes: NO_BYTES, length: 0, dueUs: 0, takenUs: 0, note: 0, segment: 0, touch: 0 };
}
