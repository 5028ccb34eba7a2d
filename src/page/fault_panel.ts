/**
 * The faults: rates in a form, and buttons for what is to happen once.
 *
 * Owns: making a specification of the fields, and showing what is in force. Must not know: what a fault does.
 */
/// <reference lib="dom" />
import type { ControlState } from "../story/page_messages.ts";
import { element, setText } from "./dom.ts";
import { faultsText } from "./ladder_text.ts";
import { showWord, text, titleWord, type Word } from "./words.ts";

/** What the panel asks for. */
export interface FaultWishes {
  set(spec: string): void;
  once(fault: string): void;
  clear(): void;
  application(port: number, app: string): void;
}

/** A field of the form: the word of a specification, what stands behind its number, and the most that it takes (link/fault_spec.ts). */
const FIELDS: readonly { readonly name: Word & string; readonly unit: string; readonly most: number }[] = [
  { name: "drop", unit: "%", most: 100 },
  { name: "dup", unit: "%", most: 100 },
  { name: "reorder", unit: "%", most: 100 },
  { name: "corrupt", unit: "%", most: 100 },
  { name: "delay", unit: "ms", most: 60_000 },
  { name: "jitter", unit: "ms", most: 60_000 },
  { name: "rate", unit: "mbit", most: 1_000_000 },
];

/** Local choice: more ports than a lab serves would fill the pane. */
const MOST_PORTS = 8;

const ONCE: readonly (readonly [fault: string, word: Word])[] = [
  ["in:drop:syn", "drop_syn"],
  ["drop:syn-ack", "drop_syn_ack"],
  ["in:drop:ack", "drop_ack"],
  ["drop:data", "drop_data"],
  ["drop:fin", "drop_fin"],
  ["hold:ack:2s", "hold_ack"],
  ["dup:data", "dup_data"],
  ["corrupt:data", "corrupt_data"],
];

/** See the head of this file. */
export class FaultPanel {
  readonly element: HTMLElement;
  readonly #wishes: FaultWishes;
  readonly #inputs = new Map<string, HTMLInputElement>();
  readonly #direction = element("select", { name: "direction" });
  readonly #now = element("p", { class: "now", role: "status" });
  readonly #clear = element("button", { type: "button" });
  /** What serves which port. */
  readonly #ports = element("div", { class: "ports", role: "group" });
  #shownPorts = "";
  #controls: ControlState | null = null;

  constructor(wishes: FaultWishes) {
    this.#wishes = wishes;
    const form = element("form", { class: "faults" });
    for (const { name, most } of FIELDS) {
      const input = element("input", {
        name,
        type: "number",
        min: 0,
        max: most,
        step: "any",
        inputmode: "decimal",
      });
      this.#inputs.set(name, input);
      const label = element("span");
      showWord(label, name);
      form.append(element("label", {}, label, input));
    }
    for (const [value, word] of [["", "both"], ["in:", "in"], ["out:", "out"]] as const) {
      const option = element("option", { value });
      showWord(option, word);
      this.#direction.append(option);
    }
    const label = element("span");
    showWord(label, "direction");
    const apply = element("button", { type: "submit", class: "main" });
    showWord(apply, "apply");
    const none = element("button", { type: "button" });
    showWord(none, "none");
    none.addEventListener("click", () => {
      for (const input of this.#inputs.values()) input.value = "";
      wishes.set("");
    });
    form.append(
      element("label", {}, label, this.#direction),
      element("span", { class: "buttons" }, apply, none),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      wishes.set(this.#spec());
    });
    titleWord(this.#ports, "portsTitle");
    showWord(this.#clear, "clearOnce");
    this.#clear.addEventListener("click", () => wishes.clear());
    this.element = element(
      "div",
      { class: "scroll" },
      form,
      this.#once(),
      this.#ports,
      element("div", { class: "nowline" }, this.#now, this.#clear),
    );
    this.show(null);
  }

  /** Shows what is in force; null where nothing can be. */
  show(controls: ControlState | null): void {
    this.#controls = controls;
    const faults = controls?.faults ?? null;
    const pending = controls?.pending ?? [];
    const words = [
      faults === null ? text("nothingDone") : text("faultsNow", faultsText(faults)),
      ...(pending.length === 0 ? [] : [text("onceWaits", pending.join(", "))]),
    ];
    setText(this.#now, words.join("; "));
    this.#clear.hidden = pending.length === 0;
    this.#showPorts(controls ?? {});
  }

  /** A choice for each port; made anew only when there is something else to choose, or an open list would close. */
  #showPorts({ ports = [], applications = [] }: Partial<ControlState>): void {
    const key = JSON.stringify([ports, applications]);
    if (key === this.#shownPorts) return;
    this.#shownPorts = key;
    this.#ports.hidden = ports.length === 0;
    this.#ports.replaceChildren(
      ...ports.slice(0, MOST_PORTS).map(({ port, app }) => {
        const choice = element("select", { name: "app", "data-port": port });
        choice.append(...applications.map((name) => element("option", { value: name }, name)));
        choice.value = app;
        choice.addEventListener("change", () => this.#wishes.application(port, choice.value));
        const label = element("span");
        showWord(label, "portServes");
        return element("label", {}, label, ` ${port} `, choice);
      }),
    );
  }

  /** The same in another language. */
  refresh(): void {
    this.show(this.#controls);
  }

  #once(): HTMLElement {
    const group = element("div", { class: "once", role: "group" });
    titleWord(group, "onceTitle");
    for (const [fault, word] of ONCE) {
      const button = element("button", { type: "button", "data-once": fault });
      showWord(button, word);
      button.addEventListener("click", () => this.#wishes.once(fault));
      group.append(button);
    }
    return group;
  }

  #spec(): string {
    const prefix = this.#direction.value;
    return FIELDS.flatMap(({ name, unit }) => {
      const value = Number(this.#inputs.get(name)?.value ?? 0);
      return value > 0 ? [`${prefix}${name}=${value}${unit}`] : [];
    }).join(",");
  }
}
