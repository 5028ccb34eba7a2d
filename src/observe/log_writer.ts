/**
 * LineWriter: many small lines, few large writes.
 *
 * Owns: a bounded buffer between those who log and a synchronous sink, and what happens when the sink fails or stalls.
 * Must not know: what a line says, or what the sink is (standard output, a file, an array in a test).
 */

/** Takes bytes and says how many it took; 0 means "none now, try later". Throws when it will never take any. */
export type WriteBytes = (chunk: Uint8Array) => number;

/** How a {@link LineWriter} is made. */
export interface LineWriterOptions {
  readonly write: WriteBytes;
  /** Told once, of the first error; after it the writer swallows everything. `EPIPE` of a closed pipe comes this way. */
  readonly onError?: (error: unknown) => void;
  /** Size of one write in bytes; local choice of 64 KiB: one pipe full on Linux, some 200 segments as JSON. */
  readonly bufferBytes?: number;
}

/**
 * Gathers lines and writes them out when `bufferBytes` of them are there, or on {@link LineWriter.flush}, which the
 * owner calls whenever it goes idle. Neither ever throws. When the sink stalls, lines that find no room are lost whole
 * and counted, so that a slow reader cannot stop the server or use up its memory.
 */
export class LineWriter {
  readonly #write: WriteBytes;
  readonly #onError: ((error: unknown) => void) | undefined;
  readonly #encoder = new TextEncoder();
  readonly #bytes: Uint8Array;
  readonly #maxPendingChars: number;
  /** Encoded and not yet taken by the sink: bytes `#start` to `#end - 1`. */
  #start = 0;
  #end = 0;
  /** Lines not yet encoded: encoding many at once costs a tenth of encoding each. */
  #pending = "";
  #failed = false;
  #lostLines = 0;

  constructor(options: LineWriterOptions) {
    this.#write = options.write;
    this.#onError = options.onError;
    this.#bytes = new Uint8Array(Math.max(4, options.bufferBytes ?? 65536));
    this.#maxPendingChars = this.#bytes.length;
  }

  /** True once the sink has thrown; everything since is lost. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Lines that were lost because the sink stalled; not those after a failure. */
  get lostLines(): number {
    return this.#lostLines;
  }

  /** Appends `text` and a line feed. `text` may itself hold line feeds, and is lost or kept as a whole. */
  line(text: string): void {
    if (this.#failed) return;
    if (
      this.#pending !== "" && this.#pending.length + text.length >= this.#maxPendingChars && !this.#drain()
    ) {
      // The sink may have failed just now; only a stalled one loses lines that we count.
      if (!this.#failed) this.#lostLines++;
      return;
    }
    this.#pending += text + "\n";
  }

  /** Gives everything to the sink, as far as it takes it. */
  flush(): void {
    if (!this.#failed) this.#drain();
  }

  [Symbol.dispose](): void {
    this.flush();
  }

  /** True when nothing is left. */
  #drain(): boolean {
    for (;;) {
      if (this.#start < this.#end) {
        let taken = 0;
        try {
          taken = this.#write(this.#bytes.subarray(this.#start, this.#end));
        } catch (error) {
          this.#failed = true;
          this.#pending = "";
          this.#start = this.#end = 0;
          this.#onError?.(error);
          return false;
        }
        if (taken <= 0) return false;
        this.#start += taken;
      } else if (this.#pending === "") {
        return true;
      } else {
        const { read, written } = this.#encoder.encodeInto(this.#pending, this.#bytes);
        this.#pending = this.#pending.slice(read);
        this.#start = 0;
        this.#end = written;
      }
    }
  }
}
