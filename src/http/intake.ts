/**
 * What has come on a connection and was not taken yet: one bounded buffer, and at most one read under way.
 *
 * Owns: reading, and reading ahead while nobody asks, so that a client that goes is noticed. Must not know: HTTP.
 */

/** What octets come from. */
interface OctetSource {
  read(into: Uint8Array): Promise<number | null>;
}

/** Local choice: most requests fit; ten thousand idle connections hold 40 MB. */
const FIRST_BYTES = 4096;

/** See the head of this file. */
export class Intake {
  readonly #source: OctetSource;
  readonly #mostBytes: number;
  #bytes = new Uint8Array(FIRST_BYTES);
  #from = 0;
  #to = 0;
  #isReading = false;
  #isAtEnd = false;
  #failure: unknown = undefined;
  #wake: (() => void) | null = null;
  #onEnd: (() => void) | null = null;

  constructor(source: OctetSource, mostBytes: number) {
    this.#source = source;
    this.#mostBytes = Math.max(FIRST_BYTES, mostBytes);
  }

  /** What can be taken now; a view that is good until something is taken or waited for. */
  get available(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  /** Octets that can be taken now. */
  get count(): number {
    return this.#to - this.#from;
  }

  /** Nothing will come any more: FIN, or {@link Intake.failure}. */
  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  /** What reading has failed with; undefined while it has not. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Lets the first so many octets go. */
  take(count: number): void {
    this.#from += count;
    if (this.#onEnd !== null && this.#hasRoom()) this.#begin();
  }

  /** Resolves when there is more than now, or the end, or after {@link Intake.interrupt}. For one at a time. */
  more(): Promise<void> {
    if (this.#isAtEnd) return Promise.resolve();
    this.#begin();
    return new Promise((resolve) => this.#wake = resolve);
  }

  /** Lets go who waits in {@link Intake.more}. */
  interrupt(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  /** Reads on, as far as there is room, while nobody waits; `onEnd` is told of the end. Null: not any more. */
  watch(onEnd: (() => void) | null): void {
    this.#onEnd = onEnd;
    if (onEnd === null) return;
    if (this.#isAtEnd) onEnd();
    else if (this.#hasRoom()) this.#begin();
  }

  /** Between two requests: gives back what a large body needed. */
  settle(): void {
    if (this.#isReading || this.count > 0 || this.#bytes.length === FIRST_BYTES) return;
    this.#bytes = new Uint8Array(FIRST_BYTES);
    this.#from = this.#to = 0;
  }

  #hasRoom(): boolean {
    return this.count < this.#mostBytes;
  }

  /** Nothing moves while a read is under way: it writes into the buffer. */
  #begin(): void {
    if (this.#isReading || this.#isAtEnd) return;
    if (this.#from === this.#to) {
      // Whoever fills the buffer at once sends much: larger reads are fewer.
      if (this.#to === this.#bytes.length) this.#bytes = new Uint8Array(this.#twiceTheSize());
      this.#from = this.#to = 0;
    } else if (this.#to === this.#bytes.length) {
      this.#makeRoom();
    }
    this.#isReading = true;
    this.#source.read(this.#bytes.subarray(this.#to)).then((count) => {
      if (count === null) this.#isAtEnd = true;
      else this.#to += count;
      this.#came();
    }, (error) => {
      this.#failure = error ?? new Error("The connection has failed");
      this.#isAtEnd = true;
      this.#came();
    });
  }

  #came(): void {
    this.#isReading = false;
    this.interrupt();
    const onEnd = this.#onEnd;
    if (onEnd === null) return;
    if (this.#isAtEnd) onEnd();
    else if (this.#hasRoom()) this.#begin();
  }

  #twiceTheSize(): number {
    return Math.min(this.#bytes.length * 2, this.#mostBytes);
  }

  /** Moves what is there to the front, or into a buffer of twice the size. */
  #makeRoom(): void {
    const { available } = this;
    if (available.length > this.#bytes.length / 2) {
      const grown = new Uint8Array(this.#twiceTheSize());
      grown.set(available);
      this.#bytes = grown;
    } else {
      this.#bytes.copyWithin(0, this.#from, this.#to);
    }
    this.#to = available.length;
    this.#from = 0;
  }
}
