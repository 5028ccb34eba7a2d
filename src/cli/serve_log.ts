/**
 * The event log of a command on stdout.
 *
 * Owns: which form events take there, gathering them, and knowing when the reader has gone. Must not know: where
 * events come from.
 */
import { getColorEnabled } from "@std/fmt/colors";
import { textLog } from "../observe/event_text.ts";
import { JsonLines } from "../observe/json_lines.ts";
import { LineWriter } from "../observe/log_writer.ts";
import type { Observer, TcpEvent } from "../tcp/events.ts";
import { CliError, errorLine } from "./command.ts";
import { type AsyncOutput, FileSink, OutputSink, type Sink, type SyncOutput } from "./output_sink.ts";

/** What the log is to be like. */
interface ServeLogOptions {
  readonly form: "text" | "json" | "none";
  /** What writes at once is written to at once: it must never stand still. */
  readonly output: AsyncOutput | SyncOutput;
  /** Columns of the page, for text. */
  readonly width: number;
}

/** Local choice: what events of some ten milliseconds at full speed take, so that only a reader that stands still loses lines. */
const STREAM_BUFFER_BYTES = 0x400000;
/** Local choice: a write every few hundred lines, out of memory that the processor still has at hand. */
const FILE_BUFFER_BYTES = 0x10000;
/** Local choice: a reader that has not taken the end of the log by then is not reading. */
const END_TIMEOUT_MS = 1000;
/**
 * How many drops of a kind, and segments that belong to no connection, are told by themselves in a second. Local choice:
 * as many as a person reads of a page, and a scan of some ports is still seen port by port.
 */
export const FOLD_AFTER = 100;
/** Local choice: where there is no terminal to ask. */
const USUAL_WIDTH = 120;
/** Below this, lines of the log cannot be read at all. */
const LEAST_WIDTH = 80;

/** A log that is open. */
export class ServeLog {
  /** Null when nothing is to be logged, so that observation costs nothing. */
  readonly observer: Observer | null;
  /** Rejects with a {@link CliError} when the reader has gone; else stays pending. */
  readonly failed: Promise<never>;
  readonly #writer: LineWriter;
  readonly #sink: Sink;

  constructor(options: ServeLogOptions) {
    const failed = Promise.withResolvers<never>();
    this.failed = failed.promise;
    failed.promise.catch(() => {});
    const { output } = options;
    const onError = (error: unknown) => failed.reject(logFailure(error));
    const isStream = "write" in output;
    this.#sink = isStream
      ? new OutputSink(output, { onDrain: () => this.#writer.flush(), onError })
      : new FileSink(output, { onError });
    const bufferBytes = isStream ? STREAM_BUFFER_BYTES : FILE_BUFFER_BYTES;
    this.#writer = new LineWriter({ write: this.#sink.write, bufferBytes });
    this.observer = observerFor(options, this.#writer);
  }

  /** Lines lost because the reader stood still. */
  get lostLines(): number {
    return this.#writer.lostLines;
  }

  /** Writes an event that does not come from the host (`listening`, `summary`). */
  tell(event: TcpEvent): void {
    this.observer?.(event);
    this.flush();
  }

  /** Hands over what was gathered; called whenever the program is about to sleep. */
  flush(): void {
    this.#writer.flush();
  }

  /** Waits until everything is written, but not for a reader that stands still. */
  async end(): Promise<void> {
    this.flush();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, END_TIMEOUT_MS));
    await Promise.race([this.#sink.settled(), late]);
    clearTimeout(timer);
  }
}

function observerFor({ form, width }: ServeLogOptions, writer: LineWriter): Observer | null {
  if (form === "none") return null;
  if (form === "json") return new JsonLines(writer).observe;
  const color = getColorEnabled();
  const format = textLog({ width, color, utcOffsetMinutes: -new Date().getTimezoneOffset() });
  return (event) => writer.line(format(event));
}

function logFailure(error: unknown): CliError {
  const gone = error instanceof Deno.errors.BrokenPipe;
  const why = gone ? "its reader has gone" : errorLine(error);
  return new CliError(
    `The log cannot be written to stdout (${why}): tcplab has stopped; --log none does without a log`,
  );
}

/** Columns of the terminal on stdout, where there is one. */
export function pageWidth(): number {
  try {
    return Math.max(LEAST_WIDTH, Deno.consoleSize().columns);
  } catch {
    return USUAL_WIDTH;
  }
}
