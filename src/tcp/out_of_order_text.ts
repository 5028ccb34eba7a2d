/**
 * OutOfOrderText: the octets that have arrived beyond RCV.NXT, until what is missing before them has come.
 *
 * Owns: pieces of text in the order of their positions, and the memory in which they lie one behind the other. Must not
 * know: which of them are to be acknowledged or reported (reassembly.ts).
 *
 * They cost what they are, not the place in the window to which they belong: one octet at its far end takes one octet and a
 * record. Whoever sends crumbs cannot make the memory in which the crumbs lie stay for their sake: it is joined.
 */
import { ViewMemo } from "./fast/copy_bytes.ts";
import type { BlockMemory } from "./fast/block_memory.ts";
import type { ByteRing } from "./fast/byte_ring.ts";

/** A block of memory into which pieces are put one behind the other. */
interface Sheet {
  readonly bytes: Uint8Array;
  /** Octets that have been put. */
  used: number;
  /** Octets of pieces that are still here. */
  live: number;
}

/** Text at one place. */
interface Piece {
  left: number;
  length: number;
  sheet: Sheet;
  offset: number;
}

/** Of one piece, with its place in the list: measured. */
const PIECE_BYTES = 96;
/** Local choice: each further sheet is twice as large, so that there are few; up to a large frame. */
const LARGEST_SHEET_BYTES = 0x10000;
/** Local choice: what may lie idle, or in pieces that belong together, before all is joined. */
const SLACK_BYTES = 0x1000;
const SLACK_PIECES = 64;

const copier = new ViewMemo();

/** Of one connection. */
export class OutOfOrderText {
  readonly #memory: BlockMemory;
  #pieces: Piece[] = [];
  #sheet: Sheet | null = null;
  #heldBytes = 0;
  #liveBytes = 0;

  constructor(memory: BlockMemory) {
    this.#memory = memory;
  }

  /** Memory that it has. */
  get heldBytes(): number {
    return this.#heldBytes + this.#pieces.length * PIECE_BYTES;
  }

  /**
   * Stores `count` octets that belong to position `left`; none of them is here yet. `joints`: how many runs of text there
   * are, out of which all pieces could be made.
   */
  put(left: number, text: { source: Uint8Array; offset: number; count: number }, joints: number): void {
    const { source, offset, count } = text;
    const sheet = this.#sheetFor(count);
    const at = sheet.used;
    copier.copy(source, offset, sheet.bytes, at, count);
    sheet.used += count;
    sheet.live += count;
    this.#liveBytes += count;
    const pieces = this.#pieces;
    let place = pieces.length;
    while (place > 0 && pieces[place - 1].left > left) place--;
    const before = place > 0 ? pieces[place - 1] : null;
    // What comes one behind the other lies so too.
    if (
      before !== null && before.sheet === sheet && before.left + before.length === left &&
      before.offset + before.length === at
    ) {
      before.length += count;
      return;
    }
    pieces.splice(place, 0, { left, length: count, sheet, offset: at });
    this.#memory.account.usedBytes += PIECE_BYTES;
    if (pieces.length > 2 * joints + SLACK_PIECES) this.#join();
  }

  /**
   * Moves what lies below `end` into a ring, whose byte 0 stands for position `origin`; it is not counted as held there.
   */
  moveInto(ring: ByteRing, origin: number, end: number): void {
    const pieces = this.#pieces;
    let moved = 0;
    while (moved < pieces.length && pieces[moved].left < end) {
      const { left, length, sheet, offset } = pieces[moved++];
      ring.put(left - origin, sheet.bytes, offset, length);
      this.#free(sheet, length);
    }
    if (moved === 0) return;
    pieces.splice(0, moved);
    this.#memory.account.usedBytes -= moved * PIECE_BYTES;
    if (this.#heldBytes > 2 * this.#liveBytes + SLACK_BYTES) this.#join();
  }

  /** Gives all memory back. */
  clear(): void {
    if (this.#pieces.length === 0) return;
    for (const { sheet, length } of this.#pieces) this.#free(sheet, length);
    this.#memory.account.usedBytes -= this.#pieces.length * PIECE_BYTES;
    this.#pieces = [];
  }

  #free(sheet: Sheet, length: number): void {
    sheet.live -= length;
    this.#liveBytes -= length;
    if (sheet.live > 0) return;
    this.#heldBytes -= sheet.bytes.length;
    this.#memory.release(sheet.bytes);
    if (sheet === this.#sheet) this.#sheet = null;
  }

  #sheetFor(count: number): Sheet {
    const last = this.#sheet;
    if (last !== null && last.bytes.length - last.used >= count) return last;
    const next = Math.min(last === null ? 0 : 2 * last.bytes.length, LARGEST_SHEET_BYTES);
    const bytes = this.#memory.acquire(Math.max(count, next));
    this.#heldBytes += bytes.length;
    const sheet = { bytes, used: 0, live: 0 };
    this.#sheet = sheet;
    return sheet;
  }

  /** Puts everything into one new sheet, and pieces that touch together. */
  #join(): void {
    const old = this.#pieces;
    const total = this.#liveBytes;
    this.#pieces = [];
    this.#sheet = null;
    if (total === 0) return;
    const sheet = { bytes: this.#memory.acquire(total), used: 0, live: 0 };
    this.#heldBytes += sheet.bytes.length;
    let joined: Piece | null = null;
    for (const piece of old) {
      const { left, length } = piece;
      copier.copy(piece.sheet.bytes, piece.offset, sheet.bytes, sheet.used, length);
      if (joined !== null && joined.left + joined.length === left) {
        joined.length += length;
      } else {
        joined = { left, length, sheet, offset: sheet.used };
        this.#pieces.push(joined);
      }
      sheet.used += length;
      sheet.live += length;
      this.#liveBytes += length;
      this.#free(piece.sheet, length);
    }
    this.#sheet = sheet;
    this.#memory.account.usedBytes += (this.#pieces.length - old.length) * PIECE_BYTES;
  }
}
