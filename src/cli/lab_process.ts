/**
 * A process of a lab, and what it says, line by line.
 *
 * Owns: the child, its two outputs, and waiting for a line or for the end. Must not know: namespaces (the lab
 * hands in how a signal is delivered).
 */

import { comesWithin } from "../runtime/patience.ts";

/** What a process that has ended left behind. */
export interface ProcessResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Takes one line of output, without its newline. */
export type LineHandler = (line: string) => void;

/** Local choice: what ends by itself has this time, on a machine that stands still for seconds too. */
const GRACE_MS = 20_000;

/** How a lab starts a process. */
interface LabProcessOptions {
  /** Full command line, from outside of the lab. */
  readonly words: readonly string[];
  /** Keep stdin open for {@link LabProcess.write}; else the process reads nothing. */
  readonly stdin?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly onStdout?: LineHandler;
  readonly onStderr?: LineHandler;
  /** Delivers a signal to the process itself, which may be hidden in a PID namespace. */
  signal(name: Deno.Signal): Promise<void>;
  /** The number of the process inside its PID namespace; null when there is none (yet). */
  insidePid(): Promise<number | null>;
}

/** A running process. Both outputs are kept whole, and handed on by the line. */
export class LabProcess {
  /** Resolves when the process has ended and both outputs have been read. */
  readonly result: Promise<ProcessResult>;
  readonly #child: Deno.ChildProcess;
  readonly #options: LabProcessOptions;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>> | null;
  #ended = false;
  #stdout = "";
  #stderr = "";

  /** Starts the process; throws `Deno.errors.NotFound` when there is no such program. */
  constructor(options: LabProcessOptions) {
    const [program, ...args] = options.words;
    this.#options = options;
    this.#child = new Deno.Command(program, {
      args,
      stdin: options.stdin ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
      env: { ...options.env },
      // In a session of its own: Ctrl-C is for us, who then end the lab. Were it heard in there as well, the end of a process could be
      // known here before the signal, and be told as a failure.
      detached: true,
    }).spawn();
    this.#input = options.stdin ? this.#child.stdin.getWriter() : null;
    this.result = Promise.all([
      this.#child.status,
      eachLine(this.#child.stdout, options.onStdout, (text) => this.#stdout += text),
      eachLine(this.#child.stderr, options.onStderr, (text) => this.#stderr += text),
    ]).then(([status]) => {
      this.#ended = true;
      return { code: status.code, stdout: this.#stdout, stderr: this.#stderr };
    });
    // A line handler that throws ends the reading; whoever awaits the result hears of it.
    this.result.catch(() => {});
  }

  /** What the process has written to stdout so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** What the process has written to stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Whether the process is gone. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Writes to the process's stdin. */
  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#input?.write(bytes);
  }

  /** Ends the process's stdin. */
  async closeInput(): Promise<void> {
    await this.#input?.close().catch(() => {});
  }

  /** The number of the process inside its PID namespace; null when there is none (yet). */
  async insidePid(): Promise<number | null> {
    return await this.#options.insidePid();
  }

  /** Sends a signal, if the process still runs. */
  async signal(name: Deno.Signal): Promise<void> {
    if (!this.#ended) await this.#options.signal(name);
  }

  /** Asks the process to end (SIGTERM), insists after `graceMs` (SIGKILL), and gives its result. */
  async stop(graceMs = GRACE_MS): Promise<ProcessResult> {
    await this.signal("SIGTERM");
    if (!await this.endsWithin(graceMs)) await this.signal("SIGKILL");
    return await this.result;
  }

  /** For when the process is gone with its lab: waits for what waits for it outside, and ends that after so many milliseconds. */
  async leave(graceMs: number): Promise<void> {
    if (await this.endsWithin(graceMs)) return;
    // It stands still: nsenter stops itself when what it waits for is stopped.
    killQuietly(this.#child);
    await this.result;
  }

  /** Whether the process ends within that time, in milliseconds. */
  async endsWithin(ms: number): Promise<boolean> {
    return await comesWithin(this.result, ms);
  }
}

async function eachLine(
  stream: ReadableStream<Uint8Array>,
  onLine: LineHandler | undefined,
  keep: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const text = decoder.decode(chunk, { stream: true });
    keep(text);
    if (onLine === undefined) continue;
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
  if (onLine !== undefined && rest !== "") onLine(rest);
}

/** Ends a process at once, if it has not ended by itself. */
export function killQuietly(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
}
