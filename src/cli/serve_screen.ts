/**
 * `serve --log tui`: whether there is a terminal for it, and what becomes of notices while it is taken.
 *
 * Owns: the choice of the plain log where there is none, the modules that only a screen needs. Must not know: what a screen
 * shows (connection_screen.ts).
 */
import { getColorEnabled } from "@std/fmt/colors";
import type { ServerControlParts } from "./server_control.ts";
import type { ServeConfig } from "./serve_options.ts";
import type { Server } from "./server.ts";
import { environmentVariable, isUtf8Locale, printError } from "./terminal.ts";

/** Local choice: notices that are said again once the terminal has its lines back. */
const MOST_NOTICES = 50;

/** A screen that may be there or not: without one notices go to stderr, and nobody quits. */
export class ServeScreen implements AsyncDisposable {
  #screen: Awaited<ReturnType<typeof openConnectionScreen>> = null;
  #isOn = false;
  /** Whether the terminal was asked for before, and was slow. */
  #isSlow = false;
  #notices: string[] = [];
  #leftOut = 0;

  /** Says a line to the person. */
  readonly notice = (line: string): void => {
    if (!this.#isOn || this.#screen === null) {
      printError(`tcplab serve: ${line}`);
      return;
    }
    this.#notices.push(line);
    if (this.#notices.length > MOST_NOTICES) {
      this.#notices.shift();
      this.#leftOut++;
    }
    this.#screen.screen.notice(line);
  };

  /** The settings that the log can have here: text, with a line that says so, where there is no terminal for `tui`. */
  settle(config: ServeConfig): ServeConfig {
    if (config.log !== "tui" || hasTerminal()) return config;
    this.notice("--log tui needs a terminal on stdin and stdout, and TERM not dumb: the log is plain text");
    return { ...config, log: "text" };
  }

  /** Whether there is a screen. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** What resolves when the person has had enough; null without a screen. */
  get quit(): Promise<void> | null {
    return this.#screen?.screen.quit ?? null;
  }

  /** Takes the terminal where that is asked for. */
  async open({ log, logStyle }: ServeConfig): Promise<void> {
    if (log !== "tui") return;
    this.#screen = await openConnectionScreen(logStyle);
    this.#isOn = this.#screen !== null;
  }

  /** Shows a server, and where its live page is, if it has one. */
  show(server: Server, about: { readonly parts: ServerControlParts; readonly page: string | null }): void {
    if (this.#isOn) this.#screen?.show(server, about);
  }

  /** Gives the terminal back, and says again what was said meanwhile; a slow one is waited for once more by the next call. */
  async close(): Promise<void> {
    if (!this.#isOn) return;
    const isBack = await this.#screen?.screen.close() ?? true;
    if (!isBack && !this.#isSlow) {
      this.#isSlow = true;
      return;
    }
    // Not before: what is said until the terminal has its lines back would go with the screen.
    this.#isOn = false;
    if (this.#leftOut > 0) this.notice(`(${this.#leftOut} notices before these)`);
    for (const line of this.#notices.splice(0)) this.notice(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.close();
  }
}

function hasTerminal(): boolean {
  return Deno.stdin.isTerminal() && Deno.stdout.isTerminal() && environmentVariable("TERM") !== "dumb";
}

/** The modules are loaded for those only who ask for a screen. */
async function openConnectionScreen({ color, only }: ServeConfig["logStyle"]) {
  const [{ ConnectionScreen }, { ownTerminal }, { pageSubject }] = await Promise.all([
    import("./connection_screen.ts"),
    import("./terminal_screen.ts"),
    import("./page_subject_of.ts"),
  ]);
  const device = ownTerminal(environmentVariable("TERM"));
  if (device === null) return null;
  const screen = new ConnectionScreen({
    device,
    only,
    color: color === "auto" ? getColorEnabled() : color === "always",
    isUtf8: isUtf8Locale(),
    nowMs: () => performance.now(),
    repeat: (act, ms) => {
      const timer = setInterval(act, ms);
      return () => clearInterval(timer);
    },
  });
  return {
    screen,
    show: (server: Server, about: { readonly parts: ServerControlParts; readonly page: string | null }) =>
      screen.show(pageSubject(server, about.parts), about.page),
  };
}
