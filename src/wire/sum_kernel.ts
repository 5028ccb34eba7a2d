/**
 * SumKernel: the sum of many 16-bit words, sixteen bytes with one instruction.
 *
 * Owns: a function of WebAssembly, the memory that it sees, and the frame memory in it that is lent.
 * Must not know: checksums, byte order on a wire, who uses the memory.
 *
 * JavaScript has no vector instructions, WebAssembly has, but sees its own memory only: 1,480 bytes cost 160 ns by
 * 32-bit words, 85 ns copied to where this function sees them and summed there, 40 ns where they lie there already. The
 * text below is the whole program; `wat2wasm` makes the bytes of it.
 *
 * ```wat
 * (module
 *   (memory (export "memory") 36)
 *   (func (export "sum") (param $at i32) (param $end i32) (result i32)
 *     (local $a v128) (local $b v128) (local $rest i64)
 *     (block $rounds
 *       (loop $round
 *         (br_if $rounds (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 64)))
 *         (local.set $a (i32x4.add (local.get $a) (i32x4.extadd_pairwise_i16x8_u (v128.load (local.get $at)))))
 *         (local.set $b (i32x4.add (local.get $b) (i32x4.extadd_pairwise_i16x8_u (v128.load offset=16 (local.get $at)))))
 *         (local.set $a (i32x4.add (local.get $a) (i32x4.extadd_pairwise_i16x8_u (v128.load offset=32 (local.get $at)))))
 *         (local.set $b (i32x4.add (local.get $b) (i32x4.extadd_pairwise_i16x8_u (v128.load offset=48 (local.get $at)))))
 *         (local.set $at (i32.add (local.get $at) (i32.const 64)))
 *         (br $round)))
 *     (block $words
 *       (loop $word
 *         (br_if $words (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 4)))
 *         (local.set $rest (i64.add (local.get $rest) (i64.load32_u (local.get $at))))
 *         (local.set $at (i32.add (local.get $at) (i32.const 4)))
 *         (br $word)))
 *     (if (i32.and (i32.sub (local.get $end) (local.get $at)) (i32.const 2))
 *       (then
 *         (local.set $rest (i64.add (local.get $rest) (i64.load16_u (local.get $at))))
 *         (local.set $at (i32.add (local.get $at) (i32.const 2)))))
 *     (if (i32.lt_u (local.get $at) (local.get $end))
 *       (then (local.set $rest (i64.add (local.get $rest) (i64.load8_u (local.get $at))))))
 *     (local.set $a (i32x4.add
 *       (i32x4.add (v128.and (local.get $a) (v128.const i32x4 0xffff 0xffff 0xffff 0xffff)) (i32x4.shr_u (local.get $a) (i32.const 16)))
 *       (i32x4.add (v128.and (local.get $b) (v128.const i32x4 0xffff 0xffff 0xffff 0xffff)) (i32x4.shr_u (local.get $b) (i32.const 16)))))
 *     (i32.add
 *       (i32.add
 *         (i32.add (i32x4.extract_lane 0 (local.get $a)) (i32x4.extract_lane 1 (local.get $a)))
 *         (i32.add (i32x4.extract_lane 2 (local.get $a)) (i32x4.extract_lane 3 (local.get $a))))
 *       (i32.wrap_i64 (i64.add
 *         (i64.add (i64.and (local.get $rest) (i64.const 0xffff)) (i64.and (i64.shr_u (local.get $rest) (i64.const 16)) (i64.const 0xffff)))
 *         (i64.shr_u (local.get $rest) (i64.const 32)))))))
 * ```
 */
const PROGRAM = [
  "AGFzbQEAAAABBwFgAn9/AX8DAgEABQMBACQHEAIGbWVtb3J5AgADc3VtAAAKpwIBpAICAnsBfgJAA0AgASAAa0HAAEkNASACIAD9AAQA/X/9",
  "rgEhAiADIAD9AAQQ/X/9rgEhAyACIAD9AAQg/X/9rgEhAiADIAD9AAQw/X/9rgEhAyAAQcAAaiEADAALCwJAA0AgASAAa0EESQ0BIAQgADUC",
  "AHwhBCAAQQRqIQAMAAsLIAEgAGtBAnEEQCAEIAAzAQB8IQQgAEECaiEACyAAIAFJBEAgBCAAMQAAfCEECyAC/Qz//wAA//8AAP//AAD//wAA",
  "/U4gAkEQ/a0B/a4BIAP9DP//AAD//wAA//8AAP//AAD9TiADQRD9rQH9rgH9rgEhAiAC/RsAIAL9GwFqIAL9GwIgAv0bA2pqIARC//8DgyAE",
  "QhCIQv//A4N8IARCIIh8p2oL",
].join("");

/** Bytes that may be summed at once; the function's sums of 32 bits hold twice as much. */
export const KERNEL_BYTES = 0x40000;

/**
 * A lent piece begins here in its page. The kernel copies frames with `rep movsb`, which on AMD's Zen slows down fivefold where
 * the target's place in its page is a little before the source's, as the page's beginning is for most frames: 16,000
 * bytes took 12 us at 0, 3 at 64 and 2.1 from 256 on. Local choice: as far from both ends as can be.
 */
const PLACE_IN_PAGE = 2048;

/** Bytes of one {@link SumKernel.lend}: any frame that a device hands up. */
export const LENT_BYTES = KERNEL_BYTES - PLACE_IN_PAGE;

/** How many pieces can be lent at a time; behind the place for copies, to the end of the memory. */
const LENT_PIECES = 8;

/** A place to put bytes, and their sum. */
class SumKernel {
  readonly #memory: Uint8Array<ArrayBuffer>;
  readonly #sum: (at: number, end: number) => number;
  readonly #pieces: readonly Uint8Array[];
  readonly #free: Uint8Array<ArrayBuffer>[];
  /** The lent piece that was summed last: most sums are of one. */
  #piece: Uint8Array;
  #pieceAt = 0;
  #view: Uint8Array = new Uint8Array(0);
  #source: Uint8Array = this.#view;
  #offset = 0;

  constructor() {
    const bytes = Uint8Array.from(atob(PROGRAM), (character) => character.charCodeAt(0));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
    const { memory, sum } = exports;
    const buffer = memory instanceof WebAssembly.Memory ? memory.buffer : null;
    if (!(buffer instanceof ArrayBuffer) || typeof sum !== "function") {
      throw new Error(
        "The program of the sum kernel exports no memory or no function: its bytes are not those of its text",
      );
    }
    this.#memory = new Uint8Array(buffer);
    this.#sum = (at, end) => Number(sum(at, end));
    const pieces = Array.from({ length: LENT_PIECES }, (_, piece) => {
      const at = (piece + 1) * KERNEL_BYTES + PLACE_IN_PAGE;
      return this.#memory.subarray(at, at + LENT_BYTES);
    });
    this.#pieces = pieces;
    this.#free = pieces.toReversed();
    this.#piece = this.#pieces[0];
    this.#pieceAt = this.#piece.byteOffset;
  }

  /**
   * The sum of `length` bytes from `offset`, at most {@link KERNEL_BYTES}, as 16-bit words that begin with their lower byte,
   * an odd last byte padded with zero; below 2^20.
   */
  sum(bytes: Uint8Array, offset: number, length: number): number {
    if (bytes === this.#piece) return this.#sumWithin(offset, length);
    // Frames lie in few buffers and begin at one place: the view is often that of last time.
    if (bytes !== this.#source || offset !== this.#offset || length !== this.#view.length) {
      const piece = this.#pieces.indexOf(bytes);
      if (piece >= 0) {
        this.#piece = bytes;
        this.#pieceAt = bytes.byteOffset;
        return this.#sumWithin(offset, length);
      }
      this.#source = bytes;
      this.#offset = offset;
      this.#view = bytes.subarray(offset, offset + length);
    }
    this.#memory.set(this.#view, 0);
    return this.#sum(0, this.#view.length);
  }

  /** Frame memory of {@link LENT_BYTES} whose sums need no copy; null when all is lent. What it holds is undefined. */
  lend(): Uint8Array<ArrayBuffer> | null {
    return this.#free.pop() ?? null;
  }

  /** Takes back what {@link SumKernel.lend} gave; whoever gives it back uses it no longer. */
  takeBack(piece: Uint8Array<ArrayBuffer>): void {
    if (!this.#pieces.includes(piece) || this.#free.includes(piece)) {
      throw new Error("Memory that was given back to the sum kernel is not lent by it");
    }
    this.#free.push(piece);
  }

  /** What lies beyond the piece's end counts as nothing, as with any other memory. */
  #sumWithin(offset: number, length: number): number {
    const end = offset + length < LENT_BYTES ? offset + length : LENT_BYTES;
    return this.#sum(this.#pieceAt + offset, this.#pieceAt + end);
  }
}

let shared: SumKernel | null = null;

/** The kernel that all share; made when it is first needed. */
export function sumKernel(): SumKernel {
  return shared ??= new SumKernel();
}
