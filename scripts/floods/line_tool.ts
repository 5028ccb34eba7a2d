/**
 * A program of the lab that is asked by the line, and answers by the line.
 *
 * Owns: questions, answers and their patience. Must not know: what they mean.
 */
import type { LabProcess } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";

/** A flood that came to nothing, for a reason that is not the server's; the message says it in one line. */
export class FloodFailure extends Error {
  override name = "FloodFailure";
}

/** What a program answers: a JSON object of figures and words. */
export type Answer = Readonly<Record<string, number | string>>;

/** A running program. Dispose of it, or {@link LineTool.end} it. */
export class LineTool implements AsyncDisposable {
  readonly process: LabProcess;
  readonly #name: string;
  readonly #unread: string[] = [];
  #wake: (() => void) | null = null;

  /** Starts the program in one of the lab's namespaces (or, `words` beginning so, anywhere in it). */
  constructor(lab: PrivateLab, command: { side?: "server" | "client"; words: readonly string[] }) {
    this.#name = command.words.map((word) => word.split("/").pop()).slice(0, 6).join(" ");
    this.process = lab.spawn({
      ...command,
      stdin: true,
      onStdout: (line) => {
        this.#unread.push(line);
        this.#wake?.();
      },
    });
  }

  /** The next line that it says. Throws {@link FloodFailure} when none comes. */
  async line(withinMs: number): Promise<string> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const line = this.#unread.shift();
      if (line !== undefined) return line;
      const rest = deadline - performance.now();
      if (rest <= 0 || this.process.ended) {
        const why = this.process.stderr.trim() ||
          (this.process.ended ? "ended" : `silent for ${withinMs} ms`);
        throw new FloodFailure(`${this.#name}: ${why}`);
      }
      await this.#change(rest);
    }
  }

  /** Asks, and gives the answer. Throws {@link FloodFailure} when none comes. */
  async ask(question: string, withinMs = 20_000): Promise<Answer> {
    await this.tell(question);
    return parseAnswer(await this.line(withinMs));
  }

  /** Writes a line, without waiting for an answer. */
  async tell(line: string): Promise<void> {
    try {
      await this.process.write(new TextEncoder().encode(`${line}\n`));
    } catch (error) {
      const why = this.process.stderr.trim() || (error instanceof Error ? error.message : String(error));
      throw new FloodFailure(`${this.#name}: ${why}`);
    }
  }

  /** Closes its input, which ends it, and gives what it says last, if it says anything. */
  async end(): Promise<Answer | null> {
    await this.process.closeInput();
    if (!await this.process.endsWithin(5_000)) await this.process.stop();
    const last = this.#unread.pop();
    return last === undefined || !last.startsWith("{") ? null : parseAnswer(last);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.process.ended) await this.end().catch(() => {});
  }

  #change(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(done, withinMs);
      this.#wake = done;
      this.process.result.then(done, done);
    });
  }
}

function parseAnswer(text: string): Answer {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null) throw new FloodFailure(`no figures: ${text}`);
  const answer: Record<string, number | string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (typeof value === "number" || typeof value === "string") answer[name] = value;
  }
  return answer;
}

/** A figure of an answer; NaN where it is none. */
export function figure(answer: Answer | null, name: string): number {
  const value = answer?.[name];
  return typeof value === "number" ? value : NaN;
}
