/**
 * The bar at the top: what is shown, whether it is live, the pace, language and theme.
 *
 * Owns: its buttons, and what a person's choices of language and theme are the next time. Must not know: what they change.
 */
/// <reference lib="dom" />
import type { ControlState, PageHeading } from "../story/page_messages.ts";
import { element, setAttributes, setText } from "./dom.ts";
import type { SourceStatus } from "./page_source.ts";
import {
  currentLanguage,
  type Language,
  setLanguage,
  showWord,
  text,
  titleWord,
  type Word,
} from "./words.ts";

/** What the bar asks for. */
export interface BarWishes {
  pace(how: "pause" | "step" | "resume"): void;
  /** All that is not brought into the other language by itself. */
  languageChanged(): void;
  /** All that is drawn in colours and not by the style sheet. */
  themeChanged(): void;
}

const PACES: readonly (readonly [how: "pause" | "step" | "resume", title: Word])[] = [
  ["pause", "pauseTitle"],
  ["step", "stepTitle"],
  ["resume", "resumeTitle"],
];

/** See the head of this file. */
export class TopBar {
  readonly #wishes: BarWishes;
  readonly #server = element("span", { class: "server" });
  readonly #status = element("span", { class: "status", role: "status" });
  readonly #paceGroup = element("span", { class: "group" });
  readonly #paces = new Map<string, HTMLButtonElement>();
  readonly #languages: readonly HTMLButtonElement[];
  #controls: ControlState | null = null;
  #source: SourceStatus = "trying";

  constructor(place: HTMLElement, wishes: BarWishes) {
    this.#wishes = wishes;
    const paces = this.#paceGroup;
    for (const [how, title] of PACES) {
      const button = element("button", { type: "button", "data-pace": how });
      showWord(button, how);
      titleWord(button, title);
      button.addEventListener("click", () => wishes.pace(how));
      this.#paces.set(how, button);
      paces.append(button);
    }
    this.#languages = ([["en", "EN"], ["zh", "中文"]] as const).map(([language, name]) => {
      const button = element("button", { type: "button", "data-lang": language, lang: language }, name);
      button.addEventListener("click", () => this.setLanguage(language));
      return button;
    });
    const theme = element("button", { type: "button", "data-theme-toggle": true }, "◐");
    titleWord(theme, "theme");
    theme.addEventListener("click", () => this.toggleTheme());
    place.append(
      element("h1", {}, "tcplab"),
      this.#server,
      this.#status,
      paces,
      element("span", { class: "group" }, ...this.#languages),
      theme,
    );
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = remembered("theme") ?? (isDark ? "dark" : "light");
    const chosen = remembered("lang") ?? navigator.language;
    this.setLanguage(chosen.startsWith("zh") ? "zh" : "en");
    this.showControls(null);
  }

  /** Brings the page into a language. */
  setLanguage(language: Language): void {
    remember("lang", language);
    setLanguage(language);
    for (const button of this.#languages) {
      setAttributes(button, { "aria-pressed": String(button.dataset.lang === language) });
    }
    this.showControls(this.#controls);
    this.#wishes.languageChanged();
  }

  /** The other language. */
  toggleLanguage(): void {
    this.setLanguage(currentLanguage() === "en" ? "zh" : "en");
  }

  /** The other theme. */
  toggleTheme(): void {
    const { dataset } = document.documentElement;
    dataset.theme = dataset.theme === "dark" ? "light" : "dark";
    remember("theme", dataset.theme);
    this.#wishes.themeChanged();
  }

  /** What serves. */
  showServer({ device, ip, listeners }: PageHeading): void {
    if (listeners.length === 0) {
      setText(this.#server, device);
      return;
    }
    const ports = listeners.map(({ port, app }) => `${port} ${app}`).join(", ");
    setText(this.#server, `${ip.join(", ")} · ${ports} · ${device}`);
  }

  showSource(status: SourceStatus): void {
    this.#source = status;
    // What is over cannot be held.
    this.#paceGroup.hidden = status === "recorded";
    this.#showStatus();
  }

  showControls(controls: ControlState | null): void {
    this.#controls = controls;
    const isPaused = controls?.isPaused ?? false;
    for (const [how, button] of this.#paces) {
      button.disabled = controls === null || (how === "pause") === isPaused;
    }
    this.#showStatus();
  }

  #showStatus(): void {
    const { isPaused = false, waiting = 0 } = this.#controls ?? {};
    const shown = this.#source !== "live" ? this.#source : isPaused ? "paused" : "live";
    setAttributes(this.#status, { "data-status": shown });
    const words = {
      trying: text("lostLink"),
      refused: text("refusedLink"),
      full: text("fullLink"),
      recorded: text("recorded"),
      paused: text("paused", String(waiting)),
      live: text("live"),
    };
    setText(this.#status, words[shown]);
  }
}

/** A browser may keep nothing: then nothing is remembered. */
function remember(name: string, value: string): void {
  try {
    localStorage.setItem(`tcplab-${name}`, value);
  } catch {
    // Of a page without storage.
  }
}

function remembered(name: string): string | null {
  try {
    return localStorage.getItem(`tcplab-${name}`);
  } catch {
    return null;
  }
}
