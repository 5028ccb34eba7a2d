/**
 * Text as bytes, put together without a string in between: pieces that are known already, and decimal numbers.
 *
 * Owns: how pieces are kept and copied, and the place where a line grows. Must not know: what a line says, where the
 * room comes from (log_writer.ts).
 */

/**
 * Pieces are copied eight bytes at a time, so up to seven bytes behind a piece are overwritten, and must be there.
 * Measured, 215 bytes in six pieces: 53 ns, with words of four bytes 76, with `Uint8Array.set` 151, a byte at a time 211.
 *
 * The words travel as doubles, which keep all bits but those of a NaN. A NaN has a byte of 0x7f or 0xff at its end;
 * UTF-8 has no 0xff, and JSON here writes 0x7f as an escape.
 */
const WORD_BYTES = 8;

/** Bytes that a place must have behind the room that is written to. */
export const SLACK_BYTES = WORD_BYTES;

/** Encoded text, ready to be copied. */
export class Piece {
  constructor(
    readonly view: DataView,
    readonly offset: number,
    /** Bytes; changes where a piece is written anew ({@link LineBytes.keep}). */
    public length: number,
  ) {}
}

const encoder = new TextEncoder();

/** The two digits of each number below 100, as they stand in memory: half as many divisions as digit by digit. */
const DIGIT_PAIRS = Uint16Array.from({ length: 100 }, (_, value) => {
  return 0x30 + Math.floor(value / 10) | (0x30 + value % 10) << 8;
});

/** Digits of a large number that are written by themselves: so many that both parts of 2^53 - 1 fit into 32 bits. */
const LOW_DIGITS = 9;
const LOW_DIGITS_RANGE = 10 ** LOW_DIGITS;

/** A piece of its own, for text that is used again and again. */
export function pieceOf(text: string): Piece {
  const encoded = encoder.encode(text);
  const padded = new Uint8Array(encoded.length + SLACK_BYTES);
  padded.set(encoded);
  return new Piece(new DataView(padded.buffer), 0, encoded.length);
}

/** Room for a piece that is written later, of `bytes` at most. */
export function emptyPiece(bytes: number): Piece {
  return new Piece(new DataView(new ArrayBuffer(bytes + SLACK_BYTES)), 0, 0);
}

/** Where a line is written. Room is the caller's business: nothing here looks whether there is any. */
export class LineBytes {
  /** Where the next byte goes. */
  at = 0;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  /** `bytes`: with {@link SLACK_BYTES} behind the room that lines may take. */
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Appends a piece. */
  piece(piece: Piece): void {
    const { view, offset, length } = piece;
    const { at } = this;
    const to = this.#view;
    for (let i = 0; i < length; i += WORD_BYTES) {
      to.setFloat64(at + i, view.getFloat64(offset + i, true), true);
    }
    this.at = at + length;
  }

  /** Appends one byte, an ASCII character. */
  byte(code: number): void {
    this.bytes[this.at++] = code;
  }

  /** Appends a whole number from 0 to 2^32 - 1, in decimal. */
  uint32(value: number): void {
    // Shown to be an integer, or all of this would be done with doubles.
    let rest = value >>> 0;
    const view = this.#view;
    const end = this.at + decimalDigits(rest);
    let i = end;
    while (rest >= 100) {
      const hundredth = (rest / 100) >>> 0;
      i -= 2;
      view.setUint16(i, DIGIT_PAIRS[rest - hundredth * 100], true);
      rest = hundredth;
    }
    if (rest >= 10) view.setUint16(i - 2, DIGIT_PAIRS[rest], true);
    else this.bytes[i - 1] = 0x30 + rest;
    this.at = end;
  }

  /** Appends a whole number from 0 to 2^53 - 1, in decimal. */
  uint(value: number): void {
    if (value >>> 0 === value) {
      this.uint32(value);
      return;
    }
    const high = Math.floor(value / LOW_DIGITS_RANGE);
    this.uint32(high);
    let rest = (value - high * LOW_DIGITS_RANGE) >>> 0;
    const { bytes } = this;
    const end = this.at + LOW_DIGITS;
    for (let i = end - 1; i >= this.at; i--) {
      const tenth = (rest / 10) >>> 0;
      bytes[i] = 0x30 + rest - tenth * 10;
      rest = tenth;
    }
    this.at = end;
  }

  /** Appends what `value` / 10^`digits` has behind its decimal point (the point too), without zeros at the end. */
  fraction(value: number, digits: number): void {
    if (value === 0) return;
    let rest = value >>> 0;
    let width = digits;
    for (let tenth = (rest / 10) >>> 0; tenth * 10 === rest; tenth = (rest / 10) >>> 0) {
      rest = tenth;
      width--;
    }
    const { bytes } = this;
    bytes[this.at] = 0x2e;
    const end = this.at + 1 + width;
    for (let i = end - 1; i > this.at; i--) {
      const tenth = (rest / 10) >>> 0;
      bytes[i] = 0x30 + rest - tenth * 10;
      rest = tenth;
    }
    this.at = end;
  }

  /** Writes what has been appended since `from` into `piece`, which must have room for it. */
  keep(piece: Piece, from: number): void {
    const { view, offset } = piece;
    const length = this.at - from;
    const line = this.#view;
    for (let i = 0; i < length; i += WORD_BYTES) {
      view.setFloat64(offset + i, line.getFloat64(from + i, true), true);
    }
    piece.length = length;
  }

  /** Appends text that JSON tells as it stands; false (and a part of it is appended) for any other. */
  plain(text: string): boolean {
    const { bytes, at } = this;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return false;
      bytes[at + i] = code;
    }
    this.at = at + text.length;
    return true;
  }

  /** Appends text of ASCII characters only. */
  ascii(text: string): void {
    const { bytes, at } = this;
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
    this.at = at + text.length;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function decimalDigits(value: number): number {
  if (value < 10) return 1;
  if (value < 100) return 2;
  if (value < 1000) return 3;
  if (value < 10_000) return 4;
  if (value < 100_000) return 5;
  if (value < 1_000_000) return 6;
  if (value < 10_000_000) return 7;
  if (value < 100_000_000) return 8;
  return value < 1_000_000_000 ? 9 : 10;
}

/** How a {@link PieceCache} is made. */
interface PieceCacheOptions {
  /** Makes the piece's text out of what it is asked for. */
  readonly make: (text: string) => string;
  /** Memory for pieces, bytes; when it is full, all are forgotten. */
  readonly bytes: number;
}

/** Pieces of text that comes again and again but is not known beforehand, in bounded memory. */
export class PieceCache {
  readonly #make: (text: string) => string;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #pieces = new Map<string, Piece>();
  #used = 0;
  /** What was asked for last: the same text often comes twice, and a look into the map costs as much as to copy it. */
  #text: string | null = null;
  #piece: Piece | null = null;

  constructor(options: PieceCacheOptions) {
    this.#make = options.make;
    this.#bytes = new Uint8Array(options.bytes + SLACK_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The piece for `text`, valid until the next call. */
  of(text: string): Piece {
    if (text === this.#text && this.#piece !== null) return this.#piece;
    const piece = this.#pieces.get(text) ?? this.#add(text);
    this.#text = text;
    this.#piece = piece;
    return piece;
  }

  #add(text: string): Piece {
    const made = this.#make(text);
    // UTF-8 takes three bytes at most for one unit of a string.
    if (this.#used + made.length * 3 > this.#bytes.length - SLACK_BYTES) {
      this.#pieces.clear();
      this.#used = 0;
      if (made.length * 3 > this.#bytes.length - SLACK_BYTES) return pieceOf(made);
    }
    const written = this.#encode(made);
    const piece = new Piece(this.#view, this.#used, written);
    this.#pieces.set(text, piece);
    this.#used += written;
    return piece;
  }

  /** Bytes written. Measured: for a short text without foreign letters, this is a third of what `encodeInto` takes. */
  #encode(text: string): number {
    const bytes = this.#bytes;
    const from = this.#used;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) return encoder.encodeInto(text, bytes.subarray(from)).written;
      bytes[from + i] = code;
    }
    return text.length;
  }
}
