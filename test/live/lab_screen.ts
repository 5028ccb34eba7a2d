/**
 * A terminal for tests: tmux outside of the lab, in which a program believes that a person sits before it.
 *
 * Owns: that tmux, its size, keys and what can be seen. Must not know: what runs in it.
 */
import { waitFor } from "./wait_for.ts";

/** A terminal of a given size with one program in it. */
export class LabScreen implements AsyncDisposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Starts the words in a terminal; the screen stays when they end, and says with which status. */
  static async start(
    words: readonly string[],
    size: { columns: number; rows: number; env?: Readonly<Record<string, string>> },
  ): Promise<LabScreen> {
    const screen = new LabScreen(await Deno.makeTempDir({ prefix: "tcplab-live-" }));
    const set = Object.entries({ ...size.env, TMUX: "", TMUX_PANE: "" }).map(([name, value]) =>
      `${name}=${value}`
    );
    // Ctrl-C is for the program, and not for who tells its status.
    const run = `trap : INT; "$@"; echo "ended with $?"; exec sleep 600`;
    await screen.#tmux(
      ...["new-session", "-d", "-x", String(size.columns), "-y", String(size.rows)],
      ...["env", ...set, "sh", "-c", run, "sh", ...words],
    );
    return screen;
  }

  /** What is on the screen now. */
  async text(): Promise<string> {
    return await this.#tmux("capture-pane", "-p");
  }

  /** The same with the codes of its colours. */
  async coloured(): Promise<string> {
    return await this.#tmux("capture-pane", "-p", "-e");
  }

  /** What was written so far, what has left the screen included. */
  async history(): Promise<string> {
    return await this.#tmux("capture-pane", "-p", "-J", "-S", "-");
  }

  /** What was written, line by line: what the window broke is one line, as it was. */
  async lines(): Promise<string[]> {
    return (await this.#tmux("capture-pane", "-p", "-J")).split("\n").map((line) => line.trimEnd());
  }

  /** From now on all that is written is kept, also what stands on the screen for a moment only; what is returned gives it. */
  async keep(): Promise<() => Promise<string>> {
    const path = `${this.#directory}/written`;
    await Deno.writeTextFile(path, "");
    await this.#tmux("pipe-pane", `exec cat >'${path}'`);
    return () => Deno.readTextFile(path);
  }

  /** Makes the window so wide (and so high), which its program is told by a signal. */
  async resize(columns: number, rows?: number): Promise<void> {
    await this.#tmux(
      "resize-window",
      "-x",
      String(columns),
      ...(rows === undefined ? [] : ["-y", String(rows)]),
    );
  }

  /** Whether a program has the screen to itself, or keeps the terminal from reading lines and from echoing. */
  async isTaken(): Promise<boolean> {
    const [alternate, tty] = (await this.#tmux("display-message", "-p", "#{alternate_on} #{pane_tty}")).trim()
      .split(" ");
    const { stdout } = await new Deno.Command("stty", { args: ["-F", tty, "-a"], stdin: "null" }).output();
    return alternate !== "0" || /\s-(?:icanon|echo)\b/.test(new TextDecoder().decode(stdout));
  }

  /** Types keys, by tmux's names or as text. */
  async type(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#tmux("send-keys", key);
  }

  /** Types keys so fast that the program reads all of them at once, as it does on a busy machine. */
  async typeAtOnce(...keys: readonly string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  /** Waits for a screen that fits, and gives it. */
  async see(wanted: RegExp | ((text: string) => boolean), what: string): Promise<string> {
    const fits = wanted instanceof RegExp ? (text: string) => wanted.test(text) : wanted;
    let text = "";
    try {
      await waitFor(async () => fits(text = await this.text()), { what });
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}; there is:\n${text}`);
    }
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux("kill-server").catch(() => {});
    await Deno.remove(this.#directory, { recursive: true });
  }

  async #tmux(...words: readonly string[]): Promise<string> {
    const args = ["-u", "-S", `${this.#directory}/tmux`, "-f", "/dev/null", ...words];
    const { success, stdout, stderr } = await new Deno.Command("tmux", {
      args,
      stdin: "null",
      env: { TMUX: "" },
    }).output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(`tmux ${words.join(" ")}: ${decoder.decode(stderr)}`);
    return decoder.decode(stdout);
  }
}
