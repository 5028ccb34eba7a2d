/**
 * The event log of a command on stdout.
 *
 * Owns: which form events take there, gathering them, and knowing when the reader has gone. Must not know: where
 * events come from.
 */
import { getColorEnabled } from "@std/fmt/colors";
import { textLog } from "../observe/event_text.ts";
import { LogLimit } from "../observe/log_limit.ts";
import { JsonLines } from "../observe/json_lines.ts";
import { LineWriter } from "../observe/log_writer.ts";
import type { Observer, TcpEvent } from "../tcp/events.ts";
import { CliError, systemWords } from "./command.ts";
import { type AsyncOutput, FileSink, OutputSink, type Sink, type SyncOutput } from "./output_sink.ts";

/** What the log is to be like. */
interface ServeLogOptions {
  readonly form: "text" | "json" | "none";
  /** What writes at once is written to at once: it must never stand still. */
  readonly output: AsyncOutput | SyncOutput;
  /** Columns of the page, for text. */
  readonly width: number;
  /** Where the log ends, bytes (log_limit.ts); null or absent: nowhere. */
  readonly limitBytes?: number | null;
  /** How long {@link ServeLog.end} waits for a reader (500). */
  readonly endPatienceMs?: number;
  /** Told, with a line for a person, when the log ends before its time. */
  readonly onEnd?: (line: string) => void;
}

/** Local choice: what events of some ten milliseconds at full speed take, so that only a reader that stands still loses lines. */
const STREAM_BUFFER_BYTES = 0x400000;
/** Local choice: a write every few hundred lines, out of memory that the processor still has at hand. */
const FILE_BUFFER_BYTES = 0x10000;
/** Local choice: a reader that has not taken the end of the log by then is not reading, and the end is to take a second. */
const END_PATIENCE_MS = 500;
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
  /** Rejects with a {@link CliError} when the reader has gone, who was all that the log was for; else stays pending. */
  readonly readerGone: Promise<never>;
  readonly #writer: LineWriter;
  readonly #sink: Sink;
  readonly #limit: LogLimit | null;
  readonly #endPatienceMs: number;
  #failure: CliError | null = null;

  constructor(options: ServeLogOptions) {
    const gone = Promise.withResolvers<never>();
    this.readerGone = gone.promise;
    this.#endPatienceMs = options.endPatienceMs ?? END_PATIENCE_MS;
    gone.promise.catch(() => {});
    const { output, limitBytes = null, onEnd } = options;
    const onError = (error: unknown) => {
      const isGone = error instanceof Deno.errors.BrokenPipe ||
        error instanceof Deno.errors.ConnectionReset;
      this.#failure = isGone ? readerGone() : new CliError(`${cannotWrite(error)}: the log is not whole`);
      if (isGone) gone.reject(this.#failure);
      else onEnd?.(`${cannotWrite(error)}: the log ends here, and everything else goes on`);
    };
    const isStream = "write" in output;
    this.#sink = isStream
      ? new OutputSink(output, { onDrain: () => this.#writer.flush(), onError })
      : new FileSink(output, { onError });
    const bufferBytes = isStream ? STREAM_BUFFER_BYTES : FILE_BUFFER_BYTES;
    this.#writer = new LineWriter({ write: this.#sink.write, bufferBytes });
    const log = observerFor(options, this.#writer);
    this.#limit = log === null || limitBytes === null ? null : new LogLimit({
      log,
      limitBytes,
      bytes: () => this.#writer.lineBytes,
      ...(onEnd === undefined ? {} : { onEnd }),
    });
    const bounded = this.#limit?.observe ?? log;
    // What cannot be written any more need not be put into words.
    this.observer = bounded === null ? null : (event) => this.#failure === null && bounded(event);
  }

  /** Why not all is written that was asked for; null as long as all is. */
  get failure(): CliError | null {
    return this.#failure;
  }

  /** Lines lost because the reader stood still. */
  get lostLines(): number {
    return this.#writer.lostLines;
  }

  /** Lines that the log's limit kept out. */
  get leftOutLines(): number {
    return this.#limit?.leftOut ?? 0;
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

  /**
   * Writes a last event, and waits until everything is written, but not for a reader that stands still. Gives whether the
   * end has been written.
   */
  async end(last?: TcpEvent): Promise<boolean> {
    const lostBefore = this.lostLines;
    if (last !== undefined) this.observer?.(last);
    this.flush();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<false>((resolve) =>
      timer = setTimeout(() => resolve(false), this.#endPatienceMs)
    );
    const isWritten = await Promise.race([this.#sink.settled().then(() => true), late]);
    clearTimeout(timer);
    return isWritten && this.#failure === null && this.lostLines === lostBefore;
  }
}

function observerFor({ form, width }: ServeLogOptions, writer: LineWriter): Observer | null {
  if (form === "none") return null;
  if (form === "json") return new JsonLines(writer).observe;
  const color = getColorEnabled();
  const format = textLog({ width, color, utcOffsetMinutes: -new Date().getTimezoneOffset() });
  return (event) => writer.line(format(event));
}

function readerGone(): CliError {
  return new CliError(
    "The log cannot be written to stdout (its reader has gone): tcplab has stopped; --log none does without a log",
  );
}

function cannotWrite(error: unknown): string {
  return `The log cannot be written to stdout (${systemWords(error)})`;
}

/** Columns of the terminal on stdout, where there is one. */
export function pageWidth(): number {
  try {
    return Math.max(LEAST_WIDTH, Deno.consoleSize().columns);
  } catch {
    return USUAL_WIDTH;
  }
}
