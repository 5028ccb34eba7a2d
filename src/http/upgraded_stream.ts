/**
 * A connection after 101 (Switching Protocols): octets again, from the first one after the request on.
 *
 * Owns: that nothing is read or written before 101 is sent. Must not know: which protocol it is.
 */
import { addressOf, type HttpAddress, type HttpStream, type UpgradedStream } from "./http_options.ts";
import type { Intake } from "./intake.ts";

/** What becomes of an offer to upgrade. */
interface UpgradeParts {
  readonly stream: HttpStream;
  readonly intake: Intake;
  /** Resolves when 101 is sent, rejects when it will not be. */
  readonly ready: Promise<void>;
  readonly onClosed: () => void;
}

/** Local choice. */
const PIECE_BYTES = 64 * 1024;

/** See the head of this file. */
export class UpgradedConnection implements UpgradedStream {
  readonly localAddr: HttpAddress;
  readonly remoteAddr: HttpAddress;
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array>;
  readonly #parts: UpgradeParts;
  #isClosed = false;
  #isWriteClosed = false;

  constructor(parts: UpgradeParts) {
    this.#parts = parts;
    parts.ready.catch(() => {});
    this.localAddr = addressOf(parts.stream.localAddr);
    this.remoteAddr = addressOf(parts.stream.remoteAddr);
    this.readable = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        const piece = new Uint8Array(PIECE_BYTES);
        const count = await this.read(piece);
        if (count === null) controller.close();
        else controller.enqueue(piece.subarray(0, count));
      },
      cancel: () => this.close(),
    }, { highWaterMark: 0 });
    this.writable = new WritableStream<Uint8Array>({
      write: async (chunk) => {
        for (let at = 0; at < chunk.length;) at += await this.write(chunk.subarray(at));
      },
      close: () => this.closeWrite(),
      abort: () => this.close(),
    });
  }

  /** As a connection's: resolves to how many, or to null at the end. */
  async read(into: Uint8Array): Promise<number | null> {
    const { intake, ready } = this.#parts;
    await ready;
    if (into.length === 0) return 0;
    while (intake.count === 0) {
      if (this.#isClosed) return null;
      if (intake.failure !== undefined) {
        // Nobody is there any more: also who forgets to close it gives its place back.
        this.close();
        throw intake.failure;
      }
      if (intake.isAtEnd) {
        if (this.#isWriteClosed) this.close();
        return null;
      }
      await intake.more();
    }
    const octets = intake.available.subarray(0, into.length);
    into.set(octets);
    intake.take(octets.length);
    return octets.length;
  }

  /** As a connection's: resolves to how many were taken. */
  async write(bytes: Uint8Array): Promise<number> {
    await this.#parts.ready;
    return await this.#parts.stream.write(bytes);
  }

  /** FIN; reading goes on, and when that is at its end too, the connection is over. */
  async closeWrite(): Promise<void> {
    await this.#parts.ready;
    this.#isWriteClosed = true;
    await this.#parts.stream.closeWrite();
    if (this.#parts.intake.isAtEnd && this.#parts.intake.count === 0) this.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.stream.close();
    this.#parts.intake.interrupt();
    this.#parts.onClosed();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
