/**
 * The panes beside the courses: the state diagram always, of the others the one that was asked for.
 *
 * Owns: the row of buttons that choose. Must not know: what any pane shows.
 */
/// <reference lib="dom" />
import { element, setAttributes } from "./dom.ts";

/** See the head of this file. */
export class SidePanes {
  readonly #panes: readonly HTMLElement[];
  readonly #tabs: readonly HTMLButtonElement[];

  /** Takes the panes that are in `page` already, but for the diagram and the courses. */
  constructor(page: HTMLElement, courses: HTMLElement) {
    this.#panes = [...page.querySelectorAll<HTMLElement>(":scope > .pane")].filter((pane) =>
      pane !== courses && !pane.classList.contains("state")
    );
    this.#tabs = this.#panes.map((pane, index) => {
      const tab = element("button", { type: "button", role: "tab", "data-tab": nameOf(pane) });
      tab.addEventListener("click", () => this.#choose(index));
      return tab;
    });
    page.append(element("div", { class: "tabs", role: "tablist" }, ...this.#tabs));
    this.#choose(0);
    // What is to be shown alone is to be shown at all.
    new MutationObserver(() => {
      const index = this.#panes.findIndex((pane) => nameOf(pane) === page.dataset.enlarged);
      if (index >= 0) this.#choose(index);
    }).observe(page, { attributeFilter: ["data-enlarged"] });
  }

  /** The names in another language. */
  refresh(): void {
    for (const [index, tab] of this.#tabs.entries()) {
      tab.textContent = this.#panes[index].querySelector("h2")?.textContent ?? "";
    }
  }

  #choose(chosen: number): void {
    for (const [index, pane] of this.#panes.entries()) {
      pane.classList.toggle("aside", index === chosen);
      pane.hidden = index !== chosen;
      setAttributes(this.#tabs[index], {
        "aria-selected": String(index === chosen),
        "aria-pressed": String(index === chosen),
      });
    }
  }
}

function nameOf(pane: HTMLElement): string {
  return [...pane.classList].find((name) => name !== "pane") ?? "";
}
