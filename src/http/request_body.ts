/**
 * The body of a request as a stream that reads no faster than it is read.
 *
 * Owns: where the body ends (RFC 9112 §6.3), its bound, the patience with it, and 100 (Continue) before the first octet is
 * waited for (RFC 9110 §10.1.1). Must not know: what the octets are for, heads.
 */
import { ChunkedBody } from "./chunked_body.ts";
import { type HttpLimits, type HttpPatience, LEAST_BYTES_A_SECOND } from "./http_options.ts";
import type { Intake } from "./intake.ts";
import { type RefusalReason, RequestRefused } from "./refusals.ts";
import type { BodyFraming } from "./request_head.ts";

/** What a body needs of its connection. */
interface BodyParts {
  readonly intake: Intake;
  readonly framing: Exclude<BodyFraming, { kind: "none" }>;
  readonly limits: HttpLimits;
  readonly patience: HttpPatience;
  /** Milliseconds by some clock. */
  readonly nowMs: () => number;
  /** Calls {@link Intake.interrupt} after so long; Infinity takes that back. */
  readonly wakeAfter: (ms: number) => void;
  /** Called once, before octets are waited for; null where the client waits for nothing. */
  readonly onWanted: (() => Promise<void>) | null;
  readonly onBytes: (count: number) => void;
}

/** Local choice: what is handed to a handler at a time. */
const PIECE_BYTES = 64 * 1024;

/** See the head of this file. */
export class RequestBody {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #parts: BodyParts;
  readonly #chunked: ChunkedBody | null;
  #left: number;
  /** What came since the last wait, and what is left of the patience. */
  #received = 0;
  #leftMs: number;
  #refused: RequestRefused | null = null;
  #wasWanted = false;
  #wasDropped = false;
  #reading: Promise<void> | null = null;

  constructor(parts: BodyParts) {
    this.#parts = parts;
    const { framing, limits } = parts;
    this.#leftMs = parts.patience.bodyMs;
    this.#left = framing.kind === "sized" ? framing.length : 0;
    this.#chunked = framing.kind === "chunked"
      ? new ChunkedBody({
        bodyBytes: limits.bodyBytes,
        overheadBytes: limits.chunkOverheadBytes,
        fields: limits.fields,
      })
      : null;
    this.stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        const piece = await this.#inTurn();
        if (piece === null) controller.close();
        else controller.enqueue(piece);
      },
    }, { highWaterMark: 0 });
  }

  /** All of it has come. */
  get isDone(): boolean {
    return this.#chunked === null ? this.#left === 0 : this.#chunked.isDone;
  }

  /** Somebody has asked for some of it. */
  get wasWanted(): boolean {
    return this.#wasWanted;
  }

  /** Why the rest will not come; null while it may. */
  get refused(): RequestRefused | null {
    return this.#refused;
  }

  /** Nobody wants the rest: reads and drops it. True when all has come, and the next request can follow. */
  async drop(): Promise<boolean> {
    this.#wasDropped = true;
    await this.#reading;
    const { dropBytes } = this.#parts.limits;
    if (this.#left > dropBytes) return false;
    let dropped = 0;
    try {
      while (!this.isDone && dropped <= dropBytes) dropped += (await this.#next())?.length ?? 0;
    } catch {
      return false;
    }
    return this.isDone;
  }

  /** Whether {@link RequestBody.drop} is known to be in vain. */
  get isTooLongToDrop(): boolean {
    return this.#left > this.#parts.limits.dropBytes;
  }

  async #inTurn(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#wasDropped) throw new TypeError("The request has been answered: its body is gone");
    const { onWanted } = this.#parts;
    if (!this.#wasWanted) {
      this.#wasWanted = true;
      if (!this.isDone && this.#parts.intake.count === 0) await onWanted?.();
    }
    const next = this.#next();
    this.#reading = next.then(() => {}, () => {});
    return await next;
  }

  /** The next octets as they come, null at the end. Throws {@link RequestRefused}. */
  async #next(): Promise<Uint8Array<ArrayBuffer> | null> {
    const { intake } = this.#parts;
    for (;;) {
      if (this.#refused !== null) throw this.#refused;
      const piece = this.#chunked === null ? this.#takeSized() : this.#takeChunked(this.#chunked);
      if (piece !== null) {
        this.#received += piece.length;
        this.#parts.onBytes(piece.length);
        return piece;
      }
      if (this.#refused !== null) throw this.#refused;
      if (this.isDone) return null;
      if (intake.isAtEnd) throw this.#refuse("body-cut");
      await this.#wait();
    }
  }

  /** Waits for octets; the time that a handler takes is not the client's. */
  async #wait(): Promise<void> {
    const { intake, patience, nowMs, wakeAfter } = this.#parts;
    // What comes gives time back, but never more than there was: who has sent much could be silent for days otherwise.
    const earnedMs = this.#received / LEAST_BYTES_A_SECOND * 1000;
    this.#leftMs = Math.min(patience.bodyMs, this.#leftMs + earnedMs);
    this.#received = 0;
    const beganMs = nowMs();
    const before = intake.count;
    wakeAfter(this.#leftMs);
    await intake.more();
    wakeAfter(Infinity);
    this.#leftMs = Math.max(0, this.#leftMs - (nowMs() - beganMs));
    if (intake.count === before && !intake.isAtEnd) throw this.#refuse("body-timeout");
  }

  #takeSized(): Uint8Array<ArrayBuffer> | null {
    const { intake } = this.#parts;
    const count = Math.min(this.#left, intake.count, PIECE_BYTES);
    if (count === 0) return null;
    const piece = intake.available.slice(0, count);
    intake.take(count);
    this.#left -= count;
    return piece;
  }

  #takeChunked(chunked: ChunkedBody): Uint8Array<ArrayBuffer> | null {
    const { intake } = this.#parts;
    // What is taken together is handed on together: chunks may be as small as one octet.
    const octets = intake.available;
    const data = new Uint8Array(Math.min(octets.length, PIECE_BYTES));
    let at = 0;
    let filled = 0;
    while (at < octets.length && !chunked.isDone && filled < data.length) {
      const { dataFrom, to } = chunked.take(octets.subarray(0, at + data.length - filled), at);
      data.set(octets.subarray(dataFrom, to), filled);
      filled += to - dataFrom;
      at = to;
      if (chunked.refusal !== null) {
        this.#refuse(chunked.refusal);
        break;
      }
    }
    intake.take(at);
    return filled === 0 ? null : data.subarray(0, filled);
  }

  #refuse(reason: RefusalReason): RequestRefused {
    this.#refused = new RequestRefused(reason);
    return this.#refused;
  }
}
