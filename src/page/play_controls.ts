/**
 * The playground's bar: scenarios, the pace, and what each end can be told to do.
 *
 * Owns: its buttons and fields. Must not know: what any of them leads to.
 */
/// <reference lib="dom" />
import type { CommandKind, Side } from "../play/command.ts";
import type { Courses } from "../play/courses.ts";
import { findScenario, SCENARIOS } from "../play/scenarios.ts";
import { element, setText } from "./dom.ts";
import { chosenText, showWord, text, titleWord, type Word } from "./words.ts";

/** What the bar asks for. */
export interface PlayWishes {
  perform(wish: { readonly kind: CommandKind; readonly side: Side; readonly amount?: number }): void;
  scenario(name: string): void;
  step(): void;
  toggle(): void;
  run(): void;
  restart(): void;
  link(): void;
  settings(): void;
}

/** A button that makes an end do something. */
interface Deed {
  readonly kind: CommandKind;
  readonly word: Word;
  readonly title?: Word;
  readonly amount?: number;
  /** Only at this end. */
  readonly only?: Side;
}

const FLOOD_SYNS = 8;
const DEEDS: readonly Deed[] = [
  { kind: "listen", word: "doListen" },
  { kind: "connect", word: "doConnect" },
  { kind: "connect", word: "doConnectAgain", title: "doConnectAgainTitle", amount: 1, only: 0 },
  { kind: "send", word: "doSend" },
  { kind: "close", word: "doClose" },
  { kind: "abort", word: "doAbort" },
  { kind: "hold", word: "doHold" },
  { kind: "read", word: "doRead" },
  { kind: "restart", word: "doRestart", title: "doRestartTitle" },
  { kind: "flood", word: "doFlood", title: "doFloodTitle", amount: FLOOD_SYNS, only: 1 },
];
const SIDES: readonly Side[] = [0, 1];
const FIRST_BYTES = 1000;
/** Local choice: nobody reads an hour in milliseconds. */
const LONG_US = 60_000_000;

/** See the head of this file. */
export class PlayControls {
  readonly element: HTMLElement;
  readonly #wishes: PlayWishes;
  readonly #scenario = element("select", { name: "scenario" });
  readonly #look = element("p", { class: "look", role: "status" });
  readonly #clock = element("span", { class: "clock", role: "status" });
  readonly #go = element("button", { type: "button", "data-play": "go" });
  readonly #bytes: HTMLInputElement[] = [];

  constructor(wishes: PlayWishes) {
    this.#wishes = wishes;
    this.#scenario.addEventListener("change", () => wishes.scenario(this.#scenario.value));
    const label = element("span");
    showWord(label, "scenario");
    titleWord(this.#go, "playGoTitle");
    this.#go.addEventListener("click", () => wishes.toggle());
    this.element = element(
      "div",
      { class: "play" },
      element(
        "div",
        { class: "play-line" },
        element("label", { class: "scenario" }, label, this.#scenario),
        button("playRestart", { title: "playRestartTitle", name: "restart", act: () => wishes.restart() }),
        element(
          "span",
          { class: "group" },
          button("playStep", { title: "playStepTitle", name: "step", act: () => wishes.step() }),
          this.#go,
          button("playRun", { title: "playRunTitle", name: "run", act: () => wishes.run() }),
        ),
        this.#clock,
        button("playSettings", {
          title: "playSettingsTitle",
          name: "settings",
          act: () => wishes.settings(),
        }),
        button("playLink", { title: "playLinkTitle", name: "link", act: () => wishes.link() }),
      ),
      this.#look,
      element("div", { class: "play-line ends" }, ...SIDES.map((side) => this.#end(side))),
    );
    this.refresh();
  }

  /** The same in another language. */
  refresh(): void {
    const { value } = this.#scenario;
    this.#scenario.replaceChildren(
      ...SCENARIOS.map(({ name, title }) => element("option", { value: name }, chosenText(title))),
      element("option", { value: "", hidden: true }, text("ownSetUp")),
    );
    this.#scenario.value = value;
    this.#showLook();
  }

  /** Shows how far the course is that is played. */
  show(courses: Courses): void {
    const { active, isRunning } = courses;
    const { scenario } = active.setUp;
    if (this.#scenario.value !== scenario) {
      this.#scenario.value = findScenario(scenario) === null ? "" : scenario;
    }
    this.#showLook();
    const word = isRunning ? "playPause" : "playGo";
    if (this.#go.dataset.word !== word) showWord(this.#go, word);
    const words = [
      active.nowUs < LONG_US
        ? text("clock", (active.nowUs / 1000).toFixed(3))
        : text("longClock", (active.nowUs / 1_000_000).toFixed(3)),
      active.isFull
        ? text("isFull")
        : active.underWay > 0
        ? text("underWay", String(active.underWay))
        : active.isAtRest
        ? text("atRest")
        : active.isDayOver
        ? text("dayOver")
        : text("toCome"),
    ];
    setText(this.#clock, words.join(" · "));
  }

  #showLook(): void {
    const found = findScenario(this.#scenario.value);
    setText(this.#look, found === null ? "" : chosenText(found.look));
    this.#look.hidden = found === null;
  }

  #end(side: Side): HTMLElement {
    const name = side === 0 ? "client" : "server";
    const heading = element("b");
    showWord(heading, name);
    const deeds = DEEDS.filter(({ only }) => only === undefined || only === side).flatMap((deed) => {
      const { kind, word, title, amount } = deed;
      const made = button(word, {
        title: title ?? word,
        name: `${name}:${kind}${amount === 1 ? ":again" : ""}`,
        act: () => this.#wishes.perform({ kind, side, ...this.#amountOf(deed, side) }),
      });
      return kind === "send" ? [made, this.#bytesField(side)] : [made];
    });
    return element("div", { class: `end end-${name}`, role: "group", "aria-label": name }, heading, ...deeds);
  }

  #bytesField(side: Side): HTMLInputElement {
    const field = element("input", {
      type: "number",
      name: side === 0 ? "client-bytes" : "server-bytes",
      min: 1,
      max: 1_000_000,
      value: FIRST_BYTES,
    });
    titleWord(field, "doSendTitle");
    this.#bytes[side] = field;
    return field;
  }

  #amountOf({ kind, amount }: Deed, side: Side): { amount?: number } {
    if (kind === "send") return { amount: Number(this.#bytes[side].value) };
    return amount === undefined ? {} : { amount };
  }
}

/** A button; `name` is what a test finds it by. */
export function button(
  word: Word,
  about: { readonly title: Word; readonly name: string; readonly act: () => void },
): HTMLButtonElement {
  const made = element("button", { type: "button", "data-play": about.name });
  showWord(made, word);
  if (about.title !== word) titleWord(made, about.title);
  made.addEventListener("click", about.act);
  return made;
}
