/**
 * Answers on their way out of one connection: in order, whole, and no faster than the client takes them.
 *
 * Owns: the order of writes, patience with each, chunk framing, and that a body has the length that was said (RFC 9112 §6.2).
 * Must not know: which fields an answer has.
 */
import { type HttpStream, LEAST_BYTES_A_SECOND } from "./http_options.ts";
import type { AnswerFraming } from "./response_head.ts";

/** What a writer needs. */
interface WriterParts {
  readonly stream: HttpStream;
  /** Begins the patience with one write; Infinity ends it. */
  readonly patience: (ms: number) => void;
  readonly writeMs: number;
  /** Milliseconds by some clock. */
  readonly nowMs: () => number;
  readonly onBytes: (count: number) => void;
}

/** Local choice: what is put together with a head or a chunk's frame, so that it leaves in one write. */
const TOGETHER_BYTES = 64 * 1024;
const CRLF = Uint8Array.of(0x0d, 0x0a);
/** RFC 9112 §7.1: the last chunk, and no trailers. */
const LAST_CHUNK = new TextEncoder().encode("0\r\n\r\n");
const NOTHING = new Uint8Array(0);

/** Local choice: what has its bytes at hand gives them within so many turns of the microtask queue. */
const SOON_TURNS = 12;

/** A body's first pieces, as far as they were at hand, and whether they are all. */
export interface BodyBeginning {
  readonly first: Uint8Array;
  /** Null: more may come, or may not. */
  readonly length: number | null;
  /** What was asked for and has not come yet. */
  readonly next: Promise<ReadableStreamReadResult<Uint8Array>> | null;
}

/** Looks whether a body is all there: then it has a length, and needs no chunks. Rejects as reading does. */
export async function beginningOf(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<BodyBeginning> {
  const pending = reader.read();
  const first = await soon(pending);
  if (first === null) return { first: NOTHING, length: null, next: pending };
  if (first.done) return { first: NOTHING, length: 0, next: null };
  demandBytes(first.value);
  const rest = reader.read();
  const second = await soon(rest);
  if (second?.done === true) return { first: first.value, length: first.value.length, next: null };
  return { first: first.value, length: null, next: rest };
}

/** What a promise has, if it has it at hand; else null. Rejects with it. */
async function soon<Value>(promise: Promise<Value>): Promise<Value | null> {
  let value: Value | null = null;
  let failure: { readonly error: unknown } | null = null;
  promise.then((settled) => value = settled, (error) => failure = { error });
  for (let turn = 0; turn < SOON_TURNS && value === null && failure === null; turn++) await null;
  const failed: { readonly error: unknown } | null = failure;
  if (failed !== null) throw failed["error"];
  return value;
}

function demandBytes(piece: unknown): asserts piece is Uint8Array {
  if (!(piece instanceof Uint8Array)) {
    throw new TypeError("The body of a response gave something else than bytes");
  }
}

/** See the head of this file. */
export class AnswerWriter {
  readonly #parts: WriterParts;
  #last: Promise<void> = Promise.resolve();
  #hasFailed = false;
  /** What is left of the patience: who takes an octet now and then would have a place for ever otherwise. */
  #leftMs: number;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#leftMs = parts.writeMs;
  }

  /** A write was refused by the stream: nobody is there any more, whoever else has noticed that. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** All of it, after what was given before. Rejects as the stream's writes do. */
  write(bytes: Uint8Array): Promise<void> {
    const written = this.#last.then(() => this.#writeAll(bytes));
    // Who comes next hears of the failure by his own write.
    this.#last = written.catch(() => {});
    return written;
  }

  /** A head and the body after it. Rejects when the body or the connection fails: the answer is not whole then. */
  async send(head: Uint8Array, body: {
    readonly framing: AnswerFraming;
    readonly beginning: BodyBeginning;
    readonly reader: ReadableStreamDefaultReader<Uint8Array> | null;
    /** Called where the body ends; throws where it was made to end before. */
    readonly atEnd: () => void;
  }): Promise<void> {
    const { framing, beginning, reader, atEnd } = body;
    let left = framing.kind === "sized" && framing.length !== null ? framing.length : Infinity;
    const count = (piece: Uint8Array) => {
      left -= piece.length;
      if (left < 0) throw new TypeError("The body of a response is longer than its Content-Length");
      this.#parts.onBytes(piece.length);
      return piece;
    };
    const framed = (piece: Uint8Array, before: Uint8Array) => this.#piece(count(piece), { before, framing });
    if (framing.kind === "none" || reader === null) return await this.write(head);
    await framed(beginning.first, head);
    for (let next = beginning.next; next !== null; next = reader.read()) {
      const { done, value } = await next;
      if (done) {
        atEnd();
        break;
      }
      demandBytes(value);
      await framed(value, NOTHING);
    }
    if (framing.kind === "chunked") await this.write(LAST_CHUNK);
    if (left > 0 && left !== Infinity) {
      throw new TypeError("The body of a response is shorter than its Content-Length");
    }
  }

  /** A piece in its frame, behind `before`; an empty chunk would end the body. */
  async #piece(piece: Uint8Array, about: { before: Uint8Array; framing: AnswerFraming }): Promise<void> {
    const { before, framing } = about;
    const isChunk = framing.kind === "chunked" && piece.length > 0;
    const size = isChunk ? new TextEncoder().encode(`${piece.length.toString(16)}\r\n`) : NOTHING;
    const parts = [before, size, piece, ...(isChunk ? [CRLF] : [])].filter(({ length }) => length > 0);
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length > TOGETHER_BYTES) {
      for (const part of parts) await this.write(part);
    } else if (parts.length > 0) {
      await this.write(parts.length === 1 ? parts[0] : together(parts, length));
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    const { stream, patience, nowMs } = this.#parts;
    try {
      for (let at = 0; at < bytes.length;) {
        const beganMs = nowMs();
        patience(this.#leftMs);
        const count = await stream.write(at === 0 ? bytes : bytes.subarray(at));
        this.#wasTaken(count, nowMs() - beganMs);
        at += count;
      }
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    } finally {
      patience(Infinity);
    }
  }

  #wasTaken(count: number, waitedMs: number): void {
    const leftMs = this.#leftMs - waitedMs + count / LEAST_BYTES_A_SECOND * 1000;
    this.#leftMs = Math.max(0, Math.min(this.#parts.writeMs, leftMs));
  }
}

function together(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
