/**
 * Standard output as a sink for a LineWriter: one that never blocks, and a faster one for files.
 *
 * Owns: one write under way at a time, and the bytes of it; a reader that is slow or stands still (`| less`) must not
 * stop the server. A file has no such reader, but a slow disk holds up the server while it takes what is written; who
 * cannot have that pipes the log through a program. Must not know: what is written.
 */
import { isSeekable } from "../../ffi/file_descriptor.ts";
import type { WriteBytes } from "../observe/log_writer.ts";

/** Something that takes bytes in its own time: `Deno.stdout`. */
export interface AsyncOutput {
  write(bytes: Uint8Array): Promise<number>;
}

/** Something that takes bytes at once: a file. */
export interface SyncOutput {
  writeSync(bytes: Uint8Array): number;
}

const STDOUT = 1;
const STDERR = 2;

/** Standard output the fast way where it is a file, else the way that cannot block. */
export function standardOutput(): AsyncOutput | SyncOutput {
  return isSeekable(STDOUT) ? { writeSync: (bytes) => Deno.stdout.writeSync(bytes) } : Deno.stdout;
}

/** Standard error in the same way: for what else has standard output. */
export function standardError(): AsyncOutput | SyncOutput {
  return isSeekable(STDERR) ? { writeSync: (bytes) => Deno.stderr.writeSync(bytes) } : Deno.stderr;
}

/** Told when a sink can take more, and when it never will again. */
interface OutputSinkEvents {
  readonly onDrain: () => void;
  readonly onError: (error: unknown) => void;
}

/** Takes what a LineWriter gives it. */
export interface Sink {
  readonly write: WriteBytes;
  /** Resolves when no write is under way and none has been begun by `onDrain`. */
  settled(): Promise<void>;
}

/**
 * A file: written at once, out of the writer's own memory. Measured, that is cheaper than copying the bytes for another
 * thread, which would take its part of two cores as well.
 */
export class FileSink implements Sink {
  readonly write: WriteBytes;
  #failed = false;

  constructor(output: SyncOutput, events: Pick<OutputSinkEvents, "onError">) {
    this.write = (chunk) => {
      if (this.#failed) return chunk.length;
      try {
        return output.writeSync(chunk);
      } catch (error) {
        this.#failed = true;
        events.onError(error);
        return chunk.length;
      }
    };
  }

  settled(): Promise<void> {
    return Promise.resolve();
  }
}

/** A synchronous face for an asynchronous output. */
export class OutputSink implements Sink {
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
