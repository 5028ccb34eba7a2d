/**
 * The whole of a terminal, taken and given back: the alternate screen, keys one by one, the window's size.
 *
 * Owns: the codes by which a terminal is taken (xterm's, which all that are in use know), and that it is given back however
 * the program ends. Must not know: what is shown.
 *
 * A terminal that stands still (Ctrl-S, a connection that hangs) holds nobody up: as long as one picture is on its way no
 * other is begun, and the next one is the newest.
 */
import { comesWithin } from "../runtime/patience.ts";
import { type Key, KeyReader } from "./screen_keys.ts";

/** Where pictures go, and keys come from; the program's own, or a test's. */
export interface TerminalDevice {
  write(bytes: Uint8Array): Promise<number>;
  /** For the last word, when there is no time to wait. */
  writeSync(bytes: Uint8Array): number;
  read(into: Uint8Array): Promise<number | null>;
  setRaw(on: boolean): void;
  size(): { readonly columns: number; readonly rows: number };
  /** Calls `act` whenever the window has another size, until the returned function is called. */
  onResize(act: () => void): () => void;
  /** Calls `act` when the program ends without having said so (an error that nobody caught). */
  onSuddenEnd(act: () => void): () => void;
}

/** xterm: alternate screen, cursor hidden, lines not broken; and all of it back. */
const TAKE = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const GIVE_BACK = "\x1b[?7h\x1b[?25h\x1b[0m\x1b[?1049l";
/** A terminal that knows it shows a picture at once (synchronized output), others pass over it. */
const [BEGIN_PICTURE, END_PICTURE] = ["\x1b[?2026h", "\x1b[?2026l"];
/** ECMA-48: erase to the end of the line; erase all. */
const [ERASE_LINE, ERASE_ALL] = ["\x1b[K", "\x1b[2J"];
/** Local choice: a terminal that has not taken its last picture by then is slow, or stands still; asked again it has more time. */
const PATIENCE_MS = 300;
const LAST_PATIENCE_MS = 1_000;

const encoder = new TextEncoder();

/** A terminal that is taken from its construction on. */
export class TerminalScreen {
  readonly #device: TerminalDevice;
  readonly #leave: (() => void)[] = [];
  #shown: readonly string[] = [];
  #size: { readonly columns: number; readonly rows: number };
  #underWay: Promise<void> | null = null;
  #isOpen = true;
  /** Over when the terminal has been given back. */
  #goodbye: Promise<void> = Promise.resolve();

  /** Takes the terminal; `onKey` is told of keys, `onResize` that the window is another one. */
  constructor(
    device: TerminalDevice,
    about: { readonly onKey: (key: Key) => void; readonly onResize: () => void },
  ) {
    this.#device = device;
    this.#size = device.size();
    device.setRaw(true);
    this.#leave.push(
      device.onSuddenEnd(() => this.#giveBackAtOnce()),
      device.onResize(() => {
        try {
          this.#size = device.size();
        } catch {
          // The terminal has gone: SIGHUP says so to who ends the program.
          return;
        }
        this.#shown = [];
        about.onResize();
      }),
    );
    this.#send(TAKE);
    void this.#readKeys(about.onKey);
  }

  get size(): { readonly columns: number; readonly rows: number } {
    return this.#size;
  }

  /** Whether a picture is still on its way to the terminal: another one would have to wait. */
  get isBusy(): boolean {
    return this.#underWay !== null;
  }

  /** Shows these lines from the top; only what differs from before is sent. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen || this.isBusy) return;
    const isNew = this.#shown.length === 0;
    let text = "";
    for (const [index, line] of lines.entries()) {
      if (!isNew && this.#shown[index] === line) continue;
      // Erased first: with lines that do not break, the cursor stands on the last column after one that is full.
      text += `\x1b[${index + 1};1H${ERASE_LINE}${line}\x1b[0m`;
    }
    this.#shown = lines;
    if (text !== "") this.#send(BEGIN_PICTURE + (isNew ? ERASE_ALL : "") + text + END_PICTURE);
  }

  /** Draws the next picture whole: somebody else has written on the screen. */
  forget(): void {
    this.#shown = [];
  }

  /**
   * Gives the terminal back, waiting a little for a picture that is on its way; tells whether it is back. Who stands still now might
   * stand still for ever, and the server has an end to come to: with the next call a slow one is waited for once more.
   */
  async close(): Promise<boolean> {
    const patienceMs = this.#isOpen ? PATIENCE_MS : LAST_PATIENCE_MS;
    if (this.#isOpen) {
      this.#close();
      if (this.#underWay === null) this.#sayGoodbye();
      else this.#goodbye = this.#underWay.then(() => this.#sayGoodbye());
    }
    return await comesWithin(this.#goodbye, patienceMs);
  }

  #giveBackAtOnce(): void {
    if (!this.#isOpen) return;
    this.#close();
    this.#sayGoodbye();
  }

  #close(): void {
    this.#isOpen = false;
    for (const leave of this.#leave) leave();
    try {
      this.#device.setRaw(false);
    } catch {
      // The terminal has gone.
    }
  }

  #sayGoodbye(): void {
    try {
      this.#device.writeSync(encoder.encode(GIVE_BACK));
    } catch {
      // As above.
    }
  }

  #send(text: string): void {
    this.#underWay = this.#write(encoder.encode(text)).finally(() => this.#underWay = null);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      for (let sent = 0; sent < bytes.length;) sent += await this.#device.write(bytes.subarray(sent));
    } catch {
      // The terminal has gone: SIGHUP says so to who ends the program.
    }
  }

  async #readKeys(onKey: (key: Key) => void): Promise<void> {
    const reader = new KeyReader();
    const bytes = new Uint8Array(256);
    while (this.#isOpen) {
      const count = await this.#device.read(bytes).catch(() => null);
      if (count === null || !this.#isOpen) return;
      for (const key of reader.read(bytes.subarray(0, count))) onKey(key);
    }
  }
}

/** The terminal that the program runs on; null where stdin or stdout is none, or a dumb one. */
export function ownTerminal(term: string | undefined): TerminalDevice | null {
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal() || term === "dumb") return null;
  return {
    write: (bytes) => Deno.stdout.write(bytes),
    writeSync: (bytes) => Deno.stdout.writeSync(bytes),
    read: (into) => Deno.stdin.read(into),
    // Ctrl-C stays a signal, which ends everything in order.
    setRaw: (on) => Deno.stdin.setRaw(on, { cbreak: on && Deno.build.os !== "windows" }),
    size: () => Deno.consoleSize(),
    onResize: (act) => listenFor("SIGWINCH", act),
    onSuddenEnd: (act) => {
      const names = ["error", "unhandledrejection", "unload"];
      for (const name of names) globalThis.addEventListener(name, act);
      // Who stops the program (Ctrl-Z) stops a server that others talk to, and leaves the terminal as it is.
      const unstop = listenFor("SIGTSTP", () => {});
      return () => {
        unstop();
        for (const name of names) globalThis.removeEventListener(name, act);
      };
    },
  };
}

/** Windows has no such signals. */
function listenFor(signal: Deno.Signal, act: () => void): () => void {
  if (Deno.build.os === "windows") return () => {};
  Deno.addSignalListener(signal, act);
  return () => Deno.removeSignalListener(signal, act);
}
