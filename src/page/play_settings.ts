/**
 * The playground's settings: both ends side by side, the cable, and the seed.
 *
 * Owns: the form. Must not know: what a setting does.
 */
/// <reference lib="dom" />
import {
  END_SETTINGS,
  type EndSettings,
  readSetting,
  SETTING_NAMES,
  type SettingName,
  settingOf,
} from "../play/end_settings.ts";
import { MOST_DELAY_US, type SetUp } from "../play/set_up.ts";
import { element } from "./dom.ts";
import { showWord, type Word } from "./words.ts";

/** What is changed. */
type Change = Partial<Pick<SetUp, "ends" | "seed" | "delayUs">>;

type Field = HTMLInputElement | HTMLSelectElement;

/** See the head of this file. */
export class PlaySettings {
  readonly element = element("form", { class: "settings", hidden: true, "aria-label": "Settings" });
  readonly #onChange: (change: Change) => void;
  readonly #fields = new Map<string, Field>();
  readonly #seed = element("input", { type: "number", name: "seed", min: 0, max: 0xffff_ffff, step: 1 });
  readonly #delay = element("input", {
    type: "number",
    name: "delay-ms",
    min: 0,
    max: MOST_DELAY_US / 1000,
    step: 1,
  });

  constructor(onChange: (change: Change) => void) {
    this.#onChange = onChange;
    const note = element("p", { class: "empty" });
    showWord(note, "settingsNote");
    this.element.append(
      note,
      element(
        "div",
        { class: "settings-grid" },
        ...HEADINGS.flatMap(() => [element("span"), heading("client"), heading("server")]),
        ...SETTING_NAMES.flatMap((name) => [
          word(`set_${name}`),
          this.#field(name, 0),
          this.#field(name, 1),
        ]),
        word("delayField"),
        this.#delay,
        element("span"),
        word("seedField"),
        this.#seed,
        element("span"),
      ),
    );
    this.element.addEventListener("change", () => this.#changed());
    this.element.addEventListener("submit", (event) => event.preventDefault());
  }

  /** Opens or closes it. */
  toggle(): void {
    this.element.hidden = !this.element.hidden;
  }

  /** Shows what is set. */
  show({ ends, seed, delayUs }: SetUp): void {
    for (const side of [0, 1] as const) {
      for (const name of SETTING_NAMES) {
        const field = this.#fields.get(`${side} ${name}`);
        if (field !== undefined) field.value = String(settingOf(ends[side], name));
      }
    }
    this.#seed.value = String(seed);
    this.#delay.value = String(delayUs / 1000);
  }

  #field(name: SettingName, side: 0 | 1): Field {
    const setting = END_SETTINGS[name];
    const attributes = { name: `${side === 0 ? "client" : "server"}-${name}` };
    const field = setting.kind === "choice"
      ? element("select", attributes, ...setting.choices.map((choice) => option(choice)))
      : element("input", {
        ...attributes,
        type: "number",
        min: setting.least,
        max: setting.most,
        step: 1,
      });
    this.#fields.set(`${side} ${name}`, field);
    return field;
  }

  #changed(): void {
    if (!this.element.reportValidity()) return;
    this.#onChange({
      ends: [this.#settings(0), this.#settings(1)],
      seed: Number(this.#seed.value),
      delayUs: Math.round(Number(this.#delay.value) * 1000),
    });
  }

  #settings(side: 0 | 1): EndSettings {
    return Object.fromEntries(SETTING_NAMES.flatMap((name) => {
      const value = readSetting(name, this.#fields.get(`${side} ${name}`)?.value ?? "");
      return value === null ? [] : [[name, value]];
    }));
  }
}

/** The settings stand in so many columns of three. */
const HEADINGS = [0, 1, 2] as const;

function heading(name: "client" | "server"): HTMLElement {
  const made = element("b", { class: `end-${name}` });
  showWord(made, name);
  return made;
}

function word(name: Word): HTMLElement {
  const made = element("span");
  showWord(made, name);
  return made;
}

function option(choice: string): HTMLOptionElement {
  const made = element("option", { value: choice });
  const name = `val_${choice}`;
  if (isChoiceWord(name)) showWord(made, name);
  else made.textContent = choice;
  return made;
}

const CHOICE_WORDS: readonly Word[] = [
  "val_read",
  "val_hold",
  "val_echo",
  "val_close",
  "val_wait",
  "val_on",
  "val_off",
  "val_accept",
  "val_request",
  "val_cubic",
  "val_reno",
];

function isChoiceWord(name: string): name is Word {
  return CHOICE_WORDS.some((known) => known === name);
}
