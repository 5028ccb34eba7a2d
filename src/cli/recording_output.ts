/**
 * Where a recording goes: a file of the person's own, or standard output, for a program that reads along.
 *
 * Owns: opening and ending both; that a reader that is slow never stops the server. Must not know: what is written.
 */
import { comesWithin } from "../runtime/patience.ts";
import { CliError, errorLine } from "./command.ts";
import type { AsyncOutput } from "./output_sink.ts";

/** `--write -`. */
export const STANDARD_OUTPUT = "-";

/** Takes a recording's bytes. */
export interface RecordingOutput {
  /** Takes bytes, as many as it says; throws when it takes no more. */
  write(bytes: Uint8Array): number;
  /** Takes back the last bytes, where that can be. */
  cutOff(bytes: number): void;
  /** Ends it: no more bytes. Resolves when a reader has been given all; rejects with a line for a person when not. */
  close(): Promise<void>;
}

/** Local choice: a few seconds at full speed; whoever reads more slowly than that for longer misses the rest. */
const MOST_WAITING_BYTES = 0x8000000;
/** Local choice: who has not taken the end by then is not reading. */
const END_PATIENCE_MS = 2_000;

/** A file. */
export function fileOutput(file: Deno.FsFile): RecordingOutput {
  return {
    write: (bytes) => file.writeSync(bytes),
    cutOff: (bytes) => {
      if (bytes === 0) return;
      try {
        file.truncateSync(file.statSync().size - bytes);
      } catch {
        // A device, or a disk that cannot even be given room back: what is there is there.
      }
    },
    close: () => {
      file.close();
      return Promise.resolve();
    },
  };
}

/** Something that takes bytes in its own time; they wait meanwhile, up to a bound. */
export class StreamOutput implements RecordingOutput {
  readonly #output: AsyncOutput;
  readonly #onError: (error: unknown) => void;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #underWay: Promise<void> | null = null;
  #failure: unknown = null;

  /** `onError`: told once, as soon as it is known that the reader takes no more. */
  constructor(output: AsyncOutput, events: { readonly onError: (error: unknown) => void }) {
    this.#output = output;
    this.#onError = events.onError;
  }

  write(bytes: Uint8Array): number {
    if (this.#failure !== null) throw this.#failure;
    if (this.#waitingBytes + bytes.length > MOST_WAITING_BYTES) {
      throw new Error(`its reader is ${MOST_WAITING_BYTES >> 20} MiB behind`);
    }
    this.#waiting.push(bytes.slice());
    this.#waitingBytes += bytes.length;
    this.#underWay ??= this.#send();
    return bytes.length;
  }

  cutOff(): void {}

  async close(): Promise<void> {
    if (this.#underWay !== null) await comesWithin(this.#underWay, END_PATIENCE_MS);
    if (this.#failure === null && this.#underWay === null) return;
    const why = this.#failure === null ? "its reader has not taken the end" : errorLine(this.#failure);
    throw new CliError(`The recording on stdout is not whole (${why})`);
  }

  async #send(): Promise<void> {
    try {
      for (let chunk = this.#waiting.shift(); chunk !== undefined; chunk = this.#waiting.shift()) {
        for (let sent = 0; sent < chunk.length;) sent += await this.#output.write(chunk.subarray(sent));
        this.#waitingBytes -= chunk.length;
      }
    } catch (error) {
      this.#failure = error;
      this.#waiting = [];
      this.#onError(error);
    }
    this.#underWay = null;
  }
}

/** Standard output for a recording. Throws {@link CliError} where a person would get it on the screen. */
export function standardRecordingOutput(events: {
  readonly onError: (error: unknown) => void;
}): RecordingOutput {
  if (Deno.stdout.isTerminal()) {
    throw new CliError(
      "--write - writes the recording to stdout, which is a terminal: give it a reader (tcplab serve ... --write - | " +
        "wireshark -k -i -), or name a file",
    );
  }
  return new StreamOutput(Deno.stdout, events);
}
