/**
 * A terminal for tests: what was written to it becomes a screen, as xterm would make it.
 *
 * Owns: the few codes that a full screen program uses. Must not know: what is shown.
 */
import type { TerminalDevice } from "../../src/cli/terminal_screen.ts";

/** A terminal with a window of a given size. */
export class FakeTerminal implements TerminalDevice {
  columns: number;
  rows: number;
  isRaw = false;
  isAlternate = false;
  isCursorHidden = false;
  /** Pieces that were written. */
  writes = 0;
  /** While true, nothing is taken. */
  standsStill = false;
  readonly #waiting: (() => void)[] = [];
  readonly #keys: Uint8Array[] = [];
  #reader: ((count: number) => void) | null = null;
  #into: Uint8Array | null = null;
  #resized: (() => void) | null = null;
  #suddenEnd: (() => void) | null = null;
  #lines: string[] = [];

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** Whether somebody still listens for the window's size and for a sudden end. */
  get isWatched(): boolean {
    return this.#resized !== null || this.#suddenEnd !== null;
  }

  /** What is on the screen. */
  get lines(): readonly string[] {
    return this.#lines.map((line) => line.trimEnd());
  }

  async write(bytes: Uint8Array): Promise<number> {
    while (this.standsStill) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.writeSync(bytes);
  }

  writeSync(bytes: Uint8Array): number {
    this.writes++;
    this.#show(new TextDecoder().decode(bytes));
    return bytes.length;
  }

  /** Goes on after it has stood still. */
  goOn(): void {
    this.standsStill = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  read(into: Uint8Array): Promise<number | null> {
    const bytes = this.#keys.shift();
    if (bytes !== undefined) {
      into.set(bytes);
      return Promise.resolve(bytes.length);
    }
    this.#into = into;
    return new Promise((resolve) => this.#reader = resolve);
  }

  /** Types something; its reader has it when this resolves. */
  async type(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    const reader = this.#reader;
    this.#reader = null;
    if (reader === null) this.#keys.push(bytes);
    else {
      this.#into?.set(bytes);
      reader(bytes.length);
    }
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  setRaw(on: boolean): void {
    this.isRaw = on;
  }

  size(): { columns: number; rows: number } {
    return { columns: this.columns, rows: this.rows };
  }

  onResize(act: () => void): () => void {
    this.#resized = act;
    return () => this.#resized = null;
  }

  onSuddenEnd(act: () => void): () => void {
    this.#suddenEnd = act;
    return () => this.#suddenEnd = null;
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.#resized?.();
  }

  /** An error that nobody caught. */
  endSuddenly(): void {
    this.#suddenEnd?.();
  }

  #show(text: string): void {
    let [row, column] = [0, 0];
    for (const piece of text.split(/(?=\p{Cc})/u)) {
      const code = /^\p{Cc}\[(\??)([\d;]*)([A-Za-z])/u.exec(piece);
      const shown = code === null ? piece : piece.slice(code[0].length);
      if (code !== null) {
        const [, isPrivate, numbers, letter] = code;
        if (letter === "H") [row, column] = numbers.split(";").map((number) => Number(number) - 1);
        else if (letter === "J") this.#lines = [];
        else if (letter === "K") this.#lines[row] = (this.#lines[row] ?? "").slice(0, column);
        else if (isPrivate === "?" && numbers === "1049") this.isAlternate = letter === "h";
        else if (isPrivate === "?" && numbers === "25") this.isCursorHidden = letter === "l";
      }
      if (shown === "") continue;
      if (/\p{Cc}/u.test(shown)) {
        throw new Error(`A control character on the screen: ${JSON.stringify(shown)}`);
      }
      const line = (this.#lines[row] ?? "").padEnd(column);
      this.#lines[row] = line.slice(0, column) + shown + line.slice(column + shown.length);
      column += shown.length;
      if (column > this.columns) throw new Error(`Over the edge: ${this.#lines[row]}`);
    }
    for (let i = 0; i < this.#lines.length; i++) this.#lines[i] ??= "";
  }
}
