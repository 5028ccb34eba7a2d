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

/** What the buffers of all connections of a server may hold beyond what a head needs: a buffer that has grown stays, as a read waits in it. */
export class BufferBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Whether there is so much; then it is taken. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/** How large a buffer may become. */
interface IntakeBounds {
  readonly mostBytes: number;
  /** So much each may have in any case. */
  readonly ownBytes: number;
  readonly budget: BufferBudget;
}

/** See the head of this file. */
export class Intake {
  readonly #source: OctetSource;
  readonly #mostBytes: number;
  readonly #ownBytes: number;
  readonly #budget: BufferBudget;
  /** Of the budget. */
  #lentBytes = 0;
  #bytes = new Uint8Array(FIRST_BYTES);
  #from = 0;
  #to = 0;
  #isReading = false;
  #isAtEnd = false;
  #failure: unknown = undefined;
  #wake: (() => void) | null = null;
  #onEnd: (() => void) | null = null;

  constructor(source: OctetSource, { mostBytes, ownBytes, budget }: IntakeBounds) {
    this.#source = source;
    this.#mostBytes = Math.max(FIRST_BYTES, mostBytes);
    this.#ownBytes = Math.max(FIRST_BYTES, ownBytes);
    this.#budget = budget;
  }

  /** Octets that the buffer takes up. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** The connection is over: others may have what it had of the budget. */
  release(): void {
    this.#budget.give(this.#lentBytes);
    this.#lentBytes = 0;
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

  /** Between two requests: gives back what a large body needed, if no read waits in it. */
  settle(): void {
    if (this.#isReading || this.count > 0 || this.#bytes.length === FIRST_BYTES) return;
    this.#bytes = new Uint8Array(FIRST_BYTES);
    this.release();
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
      if (this.#to === this.#bytes.length) this.#bytes = this.#larger() ?? this.#bytes;
      this.#from = this.#to = 0;
    } else if (this.#to === this.#bytes.length && !this.#makeRoom()) {
      return;
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

  /** An empty buffer of twice the size, if there may be one. */
  #larger(): Uint8Array<ArrayBuffer> | null {
    const { length } = this.#bytes;
    const size = Math.min(length * 2, this.#mostBytes);
    const lent = Math.max(0, size - this.#ownBytes) - this.#lentBytes;
    if (size === length || (lent > 0 && !this.#budget.take(lent))) return null;
    this.#lentBytes += Math.max(0, lent);
    return new Uint8Array(size);
  }

  /** Moves what is there to the front, or into a larger buffer. False: there is no room until something is taken. */
  #makeRoom(): boolean {
    const { available } = this;
    const larger = available.length > this.#bytes.length / 2 ? this.#larger() : null;
    if (larger !== null) {
      larger.set(available);
      this.#bytes = larger;
    } else if (this.#from > 0) {
      this.#bytes.copyWithin(0, this.#from, this.#to);
    } else {
      return false;
    }
    this.#to = available.length;
    this.#from = 0;
    return true;
  }
}
