/**
 * Standard output and standard error of a command.
 *
 * Owns: whether colours are shown, writing all of a text, and knowing when the reader of stdout has gone.
 * Must not know: what is written.
 */
import { setColorEnabled } from "@std/fmt/colors";
import { comesWithin } from "../runtime/patience.ts";
import { CliError, systemWords } from "./command.ts";

/** The reader of stdout has gone (`tcplab table | head -1`). */
export class OutputClosedError extends Error {
  override name = "OutputClosedError";
}

const encoder = new TextEncoder();

/** True when colours belong on stdout: a terminal that is not dumb, and no `NO_COLOR` with anything in it (no-color.org). */
export function wantsColor(isTerminal: boolean, { noColor, term }: ColorWishes): boolean {
  return isTerminal && (noColor === undefined || noColor === "") && term !== "dumb";
}

/** What the environment says about colours. */
interface ColorWishes {
  readonly noColor: string | undefined;
  readonly term: string | undefined;
}

/** Whether the terminal shows UTF-8, as its locale says (POSIX: the first of these that is set decides). */
export function isUtf8Locale(
  settings: readonly (string | undefined)[] = [
    environmentVariable("LC_ALL"),
    environmentVariable("LC_CTYPE"),
    environmentVariable("LANG"),
  ],
): boolean {
  const locale = settings.find((value) => value !== undefined && value !== "");
  return Deno.build.os === "windows" || /utf-?8/i.test(locale ?? "");
}

/** Sets the colour functions of the whole program after stdout and the environment; called once by main. */
export function setUpColors(): void {
  const wishes = { noColor: environmentVariable("NO_COLOR"), term: environmentVariable("TERM") };
  setColorEnabled(wantsColor(Deno.stdout.isTerminal(), wishes));
}

/** An environment variable, undefined also where the permission to read it is missing (the compiled binary). */
export function environmentVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}

/** Whether stdout's reader takes characters beyond ASCII: what the locale says on a terminal (locale(7)), and a file or a pipe does. */
export function isUtf8(): boolean {
  if (!Deno.stdout.isTerminal()) return true;
  const locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(environmentVariable).find((text) => (text ?? "") !== "");
  return /utf-?8/i.test(locale ?? "");
}

/** Local choice: where there is no terminal to ask. */
const USUAL_WIDTH = 120;
/** Local choice: below this nothing can be read; such a page runs over the edge. */
const LEAST_WIDTH = 40;

/** Columns of the terminal on stdout, where there is one. */
export function pageWidth(): number {
  try {
    return Math.max(LEAST_WIDTH, Deno.consoleSize().columns);
  } catch {
    return USUAL_WIDTH;
  }
}

/** The page's width, which follows the window. */
export class WindowWidth {
  columns = pageWidth();
  readonly #follow = () => void (this.columns = pageWidth());

  constructor() {
    // Windows has no such signal (ENOSYS): the width stays what it was.
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGWINCH", this.#follow);
  }

  [Symbol.dispose](): void {
    if (Deno.build.os !== "windows") Deno.removeSignalListener("SIGWINCH", this.#follow);
  }
}

/**
 * Writes all of the text to stdout. Throws {@link OutputClosedError} when nobody can read it any more, and
 * {@link CliError} when it cannot be written (a full disk).
 */
export function printOut(text: string): void {
  writeAll(text);
}

/** Writes a line to stdout; the line break is added. */
export function printLine(line: string): void {
  writeAll(line + "\n");
}

/** Writes one line to stderr. A stderr that is closed is nobody's business: there is nowhere left to say so. */
export function printError(line: string): void {
  try {
    const bytes = encoder.encode(line + "\n");
    for (let offset = 0; offset < bytes.length;) offset += Deno.stderr.writeSync(bytes.subarray(offset));
  } catch {
    // Nothing can be said, and the exit status still says it.
  }
}

/** What is said aside and not yet written. */
let aside: Promise<void> = Promise.resolve();
/** Local choice: a reader that has not taken it by then stands still. */
const ASIDE_PATIENCE_MS = 500;

/** Writes a text of some length to stderr in the background, one after the other: a reader that stands still holds nobody up. */
export function printAside(text: string): void {
  const bytes = encoder.encode(text + "\n");
  aside = aside.then(async () => {
    try {
      for (let offset = 0; offset < bytes.length;) offset += await Deno.stderr.write(bytes.subarray(offset));
    } catch {
      // As above.
    }
  });
}

/** Waits a little for what is said aside: the end of the program would cut it off. */
export async function endAsides(): Promise<void> {
  await comesWithin(aside, ASIDE_PATIENCE_MS);
}

function writeAll(text: string): void {
  const bytes = encoder.encode(text);
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += Deno.stdout.writeSync(bytes.subarray(offset));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.BadResource) {
        throw new OutputClosedError("The reader of stdout has gone");
      }
      throw new CliError(
        `Standard output cannot be written (${systemWords(error)}): make room there, or send it elsewhere`,
      );
    }
  }
}
