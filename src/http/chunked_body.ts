/**
 * A chunked body, taken apart octet by octet (RFC 9112 §7.1).
 *
 * Owns: sizes, extensions (which are dropped), the ends of chunks, the trailer section (judged and dropped), and their bounds.
 * Must not know: where octets come from, who wants the data.
 */
import { HeadScanner } from "./head_scanner.ts";
import type { RefusalReason } from "./refusals.ts";

/** Bounds on a chunked body. */
export interface ChunkLimits {
  /** Octets of data in all. */
  readonly bodyBytes: number;
  /** Octets of extensions in all, and of the trailer section. */
  readonly overheadBytes: number;
  /** Fields of the trailer section. */
  readonly fields: number;
}

const LF = 0x0a;
const CR = 0x0d;
const SP = 0x20;
const TAB = 0x09;
const SEMICOLON = 0x3b;
/** Ten hexadecimal digits are a terabyte. */
const SIZE_DIGITS = 10;

const enum State {
  Size,
  BeforeExtension,
  Extension,
  SizeLf,
  Data,
  DataCr,
  DataLf,
  Trailers,
  Done,
}

/** One body; give it octets until it is done or refused. */
export class ChunkedBody {
  readonly #limits: ChunkLimits;
  readonly #trailers: HeadScanner;
  #state: State = State.Size;
  #size = 0;
  #digits = 0;
  /** Data of this chunk still to come. */
  #left = 0;
  #total = 0;
  #overhead = 0;
  #refusal: RefusalReason | null = null;

  constructor(limits: ChunkLimits) {
    this.#limits = limits;
    const { overheadBytes, fields } = limits;
    this.#trailers = new HeadScanner({ headBytes: overheadBytes, urlBytes: 0, fields }, "trailers");
  }

  get refusal(): RefusalReason | null {
    return this.#refusal;
  }

  get isDone(): boolean {
    return this.#state === State.Done;
  }

  /**
   * Takes octets from `from` on, up to the end of the next stretch of data. `to` is where it stopped; octets `dataFrom` to
   * `to - 1` are data (none when the two are equal). Call again while `to` is not the end.
   */
  take(bytes: Uint8Array, from = 0): { readonly dataFrom: number; readonly to: number } {
    let at = from;
    while (at < bytes.length && this.#state !== State.Done && this.#refusal === null) {
      if (this.#state === State.Data) {
        const to = Math.min(bytes.length, at + this.#left);
        this.#left -= to - at;
        if (this.#left === 0) this.#state = State.DataCr;
        return { dataFrom: at, to };
      }
      if (this.#state === State.Trailers) {
        at = this.#trailerEnd(bytes, at);
      } else {
        this.#refusal = this.#step(bytes[at]);
        at++;
      }
    }
    return { dataFrom: at, to: at };
  }

  #trailerEnd(bytes: Uint8Array, from: number): number {
    const end = this.#trailers.scan(bytes, from, bytes.length);
    const { refusal } = this.#trailers;
    if (refusal !== null) {
      this.#refusal = refusal === "head-too-long" || refusal === "too-many-fields" ? "trailers" : refusal;
    }
    if (end >= 0) this.#state = State.Done;
    return end >= 0 ? end : bytes.length;
  }

  #step(octet: number): RefusalReason | null {
    switch (this.#state) {
      case State.Size:
        return this.#sizeOctet(octet);
      case State.BeforeExtension:
        if (octet === SEMICOLON) this.#state = State.Extension;
        else if (octet !== SP && octet !== TAB) return "chunk-size";
        return this.#countOverhead();
      case State.Extension:
        if (octet === CR) this.#state = State.SizeLf;
        else if (octet === LF) return "bare-lf";
        else if ((octet < SP && octet !== TAB) || octet === 0x7f) return octet === 0 ? "nul" : "control";
        return this.#countOverhead();
      case State.SizeLf:
        return octet === LF ? this.#beginChunk() : "bare-cr";
      case State.DataCr:
        this.#state = State.DataLf;
        return octet === CR ? null : "chunk-end";
      default:
        this.#state = State.Size;
        this.#digits = 0;
        this.#size = 0;
        return octet === LF ? null : "chunk-end";
    }
  }

  #sizeOctet(octet: number): RefusalReason | null {
    const digit = hexDigit(octet);
    if (digit >= 0) {
      this.#size = this.#size * 16 + digit;
      return ++this.#digits > SIZE_DIGITS ? "chunk-size" : null;
    }
    if (this.#digits === 0) return "chunk-size";
    if (octet === CR) this.#state = State.SizeLf;
    else if (octet === LF) return "bare-lf";
    else if (octet === SEMICOLON) this.#state = State.Extension;
    else if (octet === SP || octet === TAB) this.#state = State.BeforeExtension;
    else return "chunk-size";
    return null;
  }

  #beginChunk(): RefusalReason | null {
    if (this.#size === 0) {
      this.#state = State.Trailers;
      return null;
    }
    this.#total += this.#size;
    if (this.#total > this.#limits.bodyBytes) return "body-too-long";
    this.#left = this.#size;
    this.#state = State.Data;
    return null;
  }

  /** All extensions of a body count together: a body of one octet a chunk could have thousands. */
  #countOverhead(): RefusalReason | null {
    return ++this.#overhead > this.#limits.overheadBytes ? "chunk-extension" : null;
  }
}

function hexDigit(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
