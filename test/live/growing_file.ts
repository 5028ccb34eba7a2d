/**
 * The lines of a file that another process writes.
 *
 * Owns: reading on from where it was left. Must not know: what the lines say, when to look.
 */

const READING_BYTES = 1 << 18;
const NEWLINE = 0x0a;

/** A file that is read as it grows. */
export class GrowingFile implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  /** The beginning of a line whose end is not there yet stands at the front. */
  #bytes = new Uint8Array(READING_BYTES);
  #kept = 0;

  constructor(path: string, onLine: (line: string) => void) {
    this.#file = Deno.openSync(path);
    this.#onLine = onLine;
  }

  /** Hands over all whole lines that are new. */
  async readOn(): Promise<void> {
    for (;;) {
      const count = await this.#file.read(this.#bytes.subarray(this.#kept));
      if (count === null) return;
      const end = this.#kept + count;
      const whole = this.#bytes.lastIndexOf(NEWLINE, end - 1) + 1;
      if (whole > 0) {
        const text = this.#decoder.decode(this.#bytes.subarray(0, whole - 1));
        for (const line of text.split("\n")) this.#onLine(line);
      }
      this.#bytes.copyWithin(0, whole, end);
      this.#kept = end - whole;
      if (this.#kept === this.#bytes.length) this.#grow();
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#bytes.length);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
