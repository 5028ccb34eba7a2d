/**
 * The event log of a command, on stdout or in a file.
 *
 * Owns: which form events take there and which of them are told, gathering them, and knowing when the reader has gone.
 * Must not know: where events come from.
 */
import { getColorEnabled } from "@std/fmt/colors";
import { eventToJson } from "../observe/event_json.ts";
import { type EventFilter, eventFilter, isNeverLost } from "../observe/event_filter.ts";
import { textLog } from "../observe/event_text.ts";
import { LogLimit } from "../observe/log_limit.ts";
import { JsonLines } from "../observe/json_lines.ts";
import { LineWriter } from "../observe/log_writer.ts";
import { payloadIn } from "../observe/payload_text.ts";
import { comesWithin } from "../runtime/patience.ts";
import type { Observer, TcpEvent } from "../tcp/events.ts";
import { CliError, systemWords } from "./command.ts";
import type { LogSettings, LogStyle } from "./log_options.ts";
import { openOutputFile } from "./output_file.ts";
import {
  type AsyncOutput,
  FileSink,
  OutputSink,
  type Sink,
  standardOutput,
  type SyncOutput,
} from "./output_sink.ts";
import { WindowWidth } from "./terminal.ts";

/** What the log is to be like. */
interface ServeLogOptions {
  /** A screen (`tui`, connection_screen.ts) is no stream of lines: nothing is written. */
  readonly form: LogSettings["log"];
  /** What writes at once is written to at once: it must never stand still. */
  readonly output: AsyncOutput | SyncOutput;
  /** What is told, and how. The usual when absent. */
  readonly style?: Partial<LogStyle>;
  /** Columns of the page for text; a function is asked for every event; infinite (one event is one line) when absent. */
  readonly width?: number | (() => number);
  /** Whether text is coloured. */
  readonly color?: boolean;
  /** Of the wall clock, east of UTC; where this machine is when absent. */
  readonly utcOffsetMinutes?: number;
  /** How the output is called in messages, `stdout` when absent. */
  readonly outputName?: string;
  /** What was opened for the log. */
  readonly owned?: readonly Disposable[];
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
  readonly #owned: readonly Disposable[];
  #failure: CliError | null = null;

  constructor(options: ServeLogOptions) {
    const gone = Promise.withResolvers<never>();
    this.readerGone = gone.promise;
    this.#endPatienceMs = options.endPatienceMs ?? END_PATIENCE_MS;
    gone.promise.catch(() => {});
    this.#owned = options.owned ?? [];
    const { output, limitBytes = null, onEnd, outputName = "stdout" } = options;
    const cannotWrite = (error: unknown) =>
      `The log cannot be written to ${outputName} (${systemWords(error)})`;
    const onError = (error: unknown) => {
      const isGone = error instanceof Deno.errors.BrokenPipe ||
        error instanceof Deno.errors.ConnectionReset;
      this.#failure = isGone
        ? readerGone(outputName)
        : new CliError(`${cannotWrite(error)}: the log is not whole`);
      if (isGone) gone.reject(this.#failure);
      else onEnd?.(`${cannotWrite(error)}: the log ends here, and everything else goes on`);
    };
    const isStream = "write" in output;
    this.#sink = isStream
      ? new OutputSink(output, { onDrain: () => this.#writer.flush(), onError })
      : new FileSink(output, { onError });
    const bufferBytes = isStream ? STREAM_BUFFER_BYTES : FILE_BUFFER_BYTES;
    // Lines are missing at the time of the event that comes, or of the last one.
    let lastTime = 0;
    const lostLine = (count: number) => format({ event: "lost", time: lastTime, count });
    this.#writer = new LineWriter({ write: this.#sink.write, bufferBytes, lostLine });
    const format = options.form === "text" ? textFormat(options) : eventToJson;
    const told = observerFor(options, { writer: this.#writer, format });
    const passes = filterFor(options);
    // One step for all that is asked of every event. What cannot be written any more need not be put into words.
    const log: Observer | null = told === null ? null : (event) => {
      if (this.#failure !== null) return;
      lastTime = event.time;
      if (passes(event)) told(event);
    };
    this.#limit = log === null || limitBytes === null ? null : new LogLimit({
      log,
      limitBytes,
      bytes: () => this.#writer.lineBytes,
      ...(onEnd === undefined ? {} : { onEnd }),
    });
    this.observer = this.#limit === null ? log : this.#limited(this.#limit);
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
    const isWritten = await comesWithin(this.#sink.settled(), this.#endPatienceMs);
    return isWritten && this.#failure === null && this.lostLines === lostBefore;
  }

  /** Nor need that be counted. */
  #limited(limit: LogLimit): Observer {
    return (event) => {
      if (this.#failure === null) limit.observe(event);
    };
  }

  /** Closes what was opened for the log. */
  [Symbol.dispose](): void {
    for (const part of this.#owned) part[Symbol.dispose]();
  }
}

/** The log that the options ask for: in its file, or on stdout. Throws {@link CliError} where the file cannot be. */
export function openLog(
  { log, logLimitBytes, logStyle }: LogSettings,
  about: { readonly onEnd: (line: string) => void; readonly output?: AsyncOutput | SyncOutput },
): ServeLog {
  const { file, color, wrap } = logStyle;
  const isOnPage = file === null && about.output === undefined && Deno.stdout.isTerminal() && wrap === "auto";
  const opened = file === null ? null : openOutputFile(file, { option: "--log-file" });
  const page = isOnPage && log === "text" ? new WindowWidth() : null;
  const isColored = color === "auto" ? opened === null && getColorEnabled() : color === "always";
  return new ServeLog({
    form: log,
    output: opened === null ? about.output ?? standardOutput() : fileOutput(opened),
    outputName: file ?? (about.output === undefined ? "stdout" : "stderr"),
    style: logStyle,
    color: isColored,
    limitBytes: logLimitBytes,
    onEnd: about.onEnd,
    owned: [opened, page].filter((part) => part !== null),
    ...(page === null ? {} : { width: () => page.columns }),
  });
}

function fileOutput(file: Deno.FsFile): SyncOutput {
  return { writeSync: (bytes) => file.writeSync(bytes) };
}

type Format = (event: TcpEvent) => string;

function textFormat(options: ServeLogOptions): Format {
  const { style = {}, color = false, width = Infinity } = options;
  const { utcOffsetMinutes = -new Date().getTimezoneOffset() } = options;
  return textLog({ width, color, utcOffsetMinutes, time: style.time ?? "clock" });
}

function observerFor(
  { form, style = {} }: ServeLogOptions,
  { writer, format }: { writer: LineWriter; format: Format },
): Observer | null {
  if (form === "none" || form === "tui") return null;
  const written = form === "json" ? new JsonLines(writer).observe : textObserver(writer, format);
  return inPayloadForm(style.payload ?? "none", written);
}

function filterFor({ style = {} }: ServeLogOptions): EventFilter {
  return eventFilter({
    ...(style.kinds === undefined ? {} : { kinds: style.kinds }),
    only: style.only ?? null,
  });
}

function textObserver(writer: LineWriter, format: Format): Observer {
  return (event) => {
    if (isNeverLost(event)) writer.keep(format(event));
    else writer.line(format(event));
  };
}

/** Data events carry base64, which is already one of the forms. */
function inPayloadForm(form: LogStyle["payload"], observer: Observer): Observer {
  if (form === "none" || form === "base64") return observer;
  return (event) => {
    const isData = event.event === "data" && event.payload !== undefined;
    observer(isData ? { ...event, payload: payloadIn(form, event.payload) } : event);
  };
}

function readerGone(outputName: string): CliError {
  return new CliError(
    `The log cannot be written to ${outputName} (its reader has gone): tcplab has stopped; --log none does without a log`,
  );
}
