/**
 * Standard output as a sink that never blocks.
 *
 * Owns: one write under way at a time, and the bytes of it; a reader that is slow or stands still (`| less`) must not
 * stop the server. Must not know: what is written.
 */
import type { WriteBytes } from "../observe/log_writer.ts";

/** Something that takes bytes in its own time: `Deno.stdout`. */
export interface AsyncOutput {
  write(bytes: Uint8Array): Promise<number>;
}

/** Told when a sink can take more, and when it never will again. */
export interface OutputSinkEvents {
  readonly onDrain: () => void;
  readonly onError: (error: unknown) => void;
}

/** A synchronous face for an asynchronous output. */
export class OutputSink {
  /** For a LineWriter: takes all of the bytes, or none while a write is under way. */
  readonly write: WriteBytes;
  readonly #output: AsyncOutput;
  readonly #events: OutputSinkEvents;
  #underWay: Promise<void> | null = null;
  #failed = false;

  constructor(output: AsyncOutput, events: OutputSinkEvents) {
    this.#output = output;
    this.#events = events;
    this.write = (chunk) => {
      if (this.#failed) return chunk.length;
      if (this.#underWay !== null || chunk.length === 0) return 0;
      // The chunk is the writer's own memory, and the writer goes on using it.
      this.#underWay = this.#send(chunk.slice());
      return chunk.length;
    };
  }

  /** True while bytes are on their way. */
  get busy(): boolean {
    return this.#underWay !== null;
  }

  /** Resolves when no write is under way and none has been begun by `onDrain`. */
  async settled(): Promise<void> {
    while (this.#underWay !== null) await this.#underWay;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    try {
      for (let sent = 0; sent < bytes.length;) sent += await this.#output.write(bytes.subarray(sent));
      this.#underWay = null;
      this.#events.onDrain();
    } catch (error) {
      this.#underWay = null;
      this.#failed = true;
      this.#events.onError(error);
    }
  }
}
