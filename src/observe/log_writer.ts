/**
 * LineWriter: many small lines, few large writes.
 *
 * Owns: a bounded buffer between those who log and a synchronous sink, and what happens when the sink fails or stalls.
 * Must not know: what a line says, or what the sink is (standard output, a file, an array in a test).
 */

import { LineBytes, SLACK_BYTES } from "./line_bytes.ts";

const LINE_FEED = 0x0a;

/** Takes bytes and says how many it took; 0 means "none now, try later". Throws when it will never take any. */
export type WriteBytes = (chunk: Uint8Array) => number;

/**
 * What is kept beside the buffer, in characters. Local choice: the ends of a quarter of a million connections; a reader
 * that has not moved for so long is not reading, and the server is not to die of it.
 */
const MOST_KEPT_CHARS = 0x4000000;

/** How a {@link LineWriter} is made. */
interface LineWriterOptions {
  readonly write: WriteBytes;
  /** Told once, of the first error; after it the writer swallows everything. `EPIPE` of a closed pipe comes this way. */
  readonly onError?: (error: unknown) => void;
  /** Makes the line that stands where lines are missing, of how many; without it nothing does. */
  readonly lostLine?: (count: number) => string;
  /** Size of one write in bytes; local choice of 64 KiB: one pipe full on Linux, some 200 segments as JSON. */
  readonly bufferBytes?: number;
}

/**
 * Gathers lines and writes them out when `bufferBytes` of them are there, or on {@link LineWriter.flush}, which the
 * owner calls whenever it goes idle. Neither ever throws. When the sink stalls, lines that find no room are lost whole
 * and counted, so that a slow reader cannot stop the server or use up its memory; where they are missing, one line says
 * how many. Lines that nobody may miss are kept beside the buffer ({@link LineWriter.keep}), as far as there is reason.
 *
 * A line comes as text ({@link LineWriter.line}), or is written as bytes where it leaves from, between
 * {@link LineWriter.begin} and {@link LineWriter.end}.
 */
export class LineWriter {
  readonly #write: WriteBytes;
  readonly #onError: ((error: unknown) => void) | undefined;
  readonly #encoder = new TextEncoder();
  readonly #capacity: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  /** Encoded and not yet taken by the sink: bytes `#start` to `#place.at - 1`. */
  readonly #place: LineBytes;
  #start = 0;
  /** Lines not yet encoded, which come after the bytes: encoding many at once costs a tenth of encoding each. */
  #pending = "";
  #failed = false;
  #lostLines = 0;
  /** Of those, the ones that no line has told yet: they are missing where the next line comes. */
  #untold = 0;
  readonly #lostLine: ((count: number) => string) | undefined;
  #lineBytes = 0;
  #lineStart = 0;

  constructor(options: LineWriterOptions) {
    this.#write = options.write;
    this.#onError = options.onError;
    this.#lostLine = options.lostLine;
    this.#capacity = Math.max(4, options.bufferBytes ?? 65536);
    this.#bytes = new Uint8Array(this.#capacity + SLACK_BYTES);
    this.#place = new LineBytes(this.#bytes);
  }

  /** True once the sink has thrown; everything since is lost. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Lines that were lost because the sink stalled; not those after a failure. */
  get lostLines(): number {
    return this.#lostLines;
  }

  /** Bytes of all lines that were not lost; one that is still text counts as ASCII, and exactly once it is encoded. */
  get lineBytes(): number {
    return this.#lineBytes;
  }

  /** Appends `text` and a line feed. `text` may itself hold line feeds, and is lost or kept as a whole. */
  line(text: string): void {
    if (this.#failed) return;
    if (!this.#goesOn() || !this.#hasRoomFor(text)) {
      this.lose();
      return;
    }
    this.#append(text);
  }

  /** As {@link LineWriter.line}, of a line that must not be lost: it waits for the reader, wherever there is room. */
  keep(text: string): void {
    if (this.#failed) return;
    if (this.#pending.length + text.length > MOST_KEPT_CHARS && !this.#drain()) {
      this.lose();
      return;
    }
    this.#tellLost();
    this.#append(text);
  }

  /** Counts a line that has found no room. */
  lose(): void {
    // The sink may have failed just now; only a stalled one loses lines that we count.
    if (this.#failed) return;
    this.#lostLines++;
    this.#untold++;
  }

  /**
   * The place for a line of at most `mostBytes` (no more than the buffer has), line feed not included; null when there is
   * none: the line is to be kept or lost. Until {@link LineWriter.end} is called the line is not there, and any other call
   * may take the place.
   */
  begin(mostBytes: number): LineBytes | null {
    const most = mostBytes + 1;
    const hasRoom = this.#untold === 0 && this.#pending === "" && this.#place.at + most <= this.#capacity;
    if (this.#failed || (!hasRoom && !(this.#goesOn() && this.#makeRoom(most)))) return null;
    this.#lineStart = this.#place.at;
    return this.#place;
  }

  /** Ends the line that has been written since {@link LineWriter.begin}. */
  end(): void {
    this.#place.byte(LINE_FEED);
    this.#lineBytes += this.#place.at - this.#lineStart;
  }

  /** Gives everything to the sink, as far as it takes it. */
  flush(): void {
    if (this.#failed || !this.#drain() || this.#untold === 0) return;
    this.#tellLost();
    this.#drain();
  }

  [Symbol.dispose](): void {
    this.flush();
  }

  #append(text: string): void {
    this.#pending += text + "\n";
    this.#lineBytes += text.length + 1;
  }

  #hasRoomFor(text: string): boolean {
    return this.#pending === "" || this.#pending.length + text.length < this.#capacity || this.#drain();
  }

  /**
   * After a loss lines are taken again only once the sink has taken all: a reader that is a little too slow would else get
   * every other line, and one about each that is missing.
   */
  #goesOn(): boolean {
    if (this.#untold === 0) return true;
    if (!this.#drain()) return false;
    this.#tellLost();
    return true;
  }

  #tellLost(): void {
    if (this.#untold === 0) return;
    const count = this.#untold;
    this.#untold = 0;
    if (this.#lostLine !== undefined) this.#append(this.#lostLine(count));
  }

  #makeRoom(most: number): boolean {
    const place = this.#place;
    if (this.#encodePending() && place.at + most <= this.#capacity) return true;
    if (this.#drain()) return most <= this.#capacity;
    if (this.#start > 0) {
      this.#bytes.copyWithin(0, this.#start, place.at);
      place.at -= this.#start;
      this.#start = 0;
    }
    return this.#encodePending() && place.at + most <= this.#capacity;
  }

  /** Encodes what there is room for; true when no text is left. */
  #encodePending(): boolean {
    if (this.#pending === "") return true;
    const place = this.#place;
    // No character takes more bytes. To look at much text that waits costs time, again for every line that is lost.
    if (this.#capacity - place.at < 4) return false;
    const { read, written } = this.#encoder.encodeInto(
      this.#pending,
      this.#bytes.subarray(place.at, this.#capacity),
    );
    this.#pending = this.#pending.slice(read);
    this.#lineBytes += written - read;
    place.at += written;
    return this.#pending === "";
  }

  /** True when nothing is left. */
  #drain(): boolean {
    const place = this.#place;
    for (;;) {
      if (this.#start < place.at) {
        let taken = 0;
        try {
          taken = this.#write(this.#bytes.subarray(this.#start, place.at));
        } catch (error) {
          this.#failed = true;
          this.#pending = "";
          this.#start = place.at = 0;
          this.#onError?.(error);
          return false;
        }
        if (taken <= 0) return false;
        this.#start += taken;
      } else {
        this.#start = place.at = 0;
        if (this.#pending === "") return true;
        this.#encodePending();
      }
    }
  }
}
