/**
 * Bytes that arrive in pieces and are wanted in records.
 *
 * Owns: the pieces that are not read yet, and putting together what lies across two of them. Must not know: what the bytes mean.
 */

const NO_BYTES: Uint8Array = new Uint8Array(0);

/**
 * A first-in, first-out queue of bytes. Pieces are kept as they are and never written to, so that views of them stay good:
 * whoever pushed a piece must not write to it either. Only what lies across pieces is copied, and once for each record.
 */
export class ByteQueue {
  /** After {@link ensure}: what the next bytes lie in, from {@link offset} on. */
  buffer: Uint8Array = NO_BYTES;
  /** Where in {@link buffer} the next byte stands. */
  offset = 0;
  /** Bytes taken or passed over since the beginning. */
  position = 0;
  /** Bytes that are here. */
  available = 0;
  /** Pieces after `buffer`; those before `#next` are done with. */
  readonly #pieces: Uint8Array[] = [];
  #next = 0;
  /** Still to be passed over when more comes. */
  #toSkip = 0;

  /** Adds a piece, which belongs to the queue from now on. */
  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.available += piece.length;
    if (this.#toSkip > 0) {
      const owed = this.#toSkip;
      this.#toSkip = 0;
      this.position -= owed;
      this.skip(owed);
    }
  }

  /** Whether the next `count` bytes are here; then they lie in {@link buffer} from {@link offset} on. */
  ensure(count: number): boolean {
    if (this.buffer.length - this.offset >= count) return true;
    if (this.available < count) return false;
    if (this.offset === this.buffer.length) this.#nextPiece();
    if (this.buffer.length - this.offset < count) this.#join(count);
    return true;
  }

  /** Goes on behind the next `count` bytes, which {@link ensure} has found. */
  take(count: number): void {
    this.offset += count;
    this.position += count;
    this.available -= count;
  }

  /** Goes on behind the next `count` bytes, whether they are here or not; nothing of them is kept. */
  skip(count: number): void {
    this.position += count;
    let left = count;
    while (left > 0 && this.available > 0) {
      if (this.offset === this.buffer.length) this.#nextPiece();
      const part = Math.min(left, this.buffer.length - this.offset);
      this.offset += part;
      this.available -= part;
      left -= part;
    }
    this.#toSkip += left;
  }

  /** Bytes that were passed over and have not come. */
  get owed(): number {
    return this.#toSkip;
  }

  /** Lets go of everything: no more will be read. */
  clear(): void {
    this.buffer = NO_BYTES;
    this.offset = 0;
    this.available = 0;
    this.#pieces.length = 0;
    this.#next = 0;
  }

  #nextPiece(): void {
    this.buffer = this.#pieces[this.#next++];
    this.offset = 0;
    // Now and then, so that no piece costs the moving of all others.
    if (this.#next === this.#pieces.length || this.#next >= 1024) {
      this.#pieces.splice(0, this.#next);
      this.#next = 0;
    }
  }

  /** Puts the next `count` bytes together; what is left of the last piece that they reach into is looked at next. */
  #join(count: number): void {
    const joined = new Uint8Array(count);
    joined.set(this.buffer.subarray(this.offset));
    let length = this.buffer.length - this.offset;
    for (;;) {
      const piece = this.#pieces[this.#next];
      const part = Math.min(count - length, piece.length);
      joined.set(piece.subarray(0, part), length);
      length += part;
      if (part < piece.length) {
        this.#pieces[this.#next] = piece.subarray(part);
        break;
      }
      this.#nextPiece();
      if (length === count) break;
    }
    this.buffer = joined;
    this.offset = 0;
  }
}
