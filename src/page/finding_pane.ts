/**
 * What is remarkable about a whole connection: its findings, each with the segments that show it.
 *
 * Owns: the list. Must not know: how a finding is made, or what shows a segment.
 */
/// <reference lib="dom" />
import type { Finding } from "../story/finding.ts";
import { element } from "./dom.ts";
import { findingKindText, sentenceText } from "./ladder_text.ts";
import { showWord, text } from "./words.ts";

/** Local choice: numbers of segments that are buttons; of more a person takes the first. */
const MOST_FRAMES = 8;

/** See the head of this file. */
export class FindingPane {
  readonly element: HTMLElement = element("div", {
    class: "scroll findings",
    role: "region",
    "aria-label": "Findings",
  });
  readonly #reveal: (segment: number) => void;
  #findings: readonly Finding[] = [];

  /** `reveal` is told the number of a segment that somebody wants to see. */
  constructor(reveal: (segment: number) => void) {
    this.#reveal = reveal;
  }

  /** Shows these. */
  show(findings: readonly Finding[]): void {
    this.#findings = findings;
    const none = element("p", { class: "empty" });
    showWord(none, "noFindings");
    this.element.replaceChildren(
      ...(findings.length === 0 ? [none] : findings.map((one) => this.#line(one))),
    );
  }

  /** The same in another language. */
  refresh(): void {
    this.show(this.#findings);
  }

  #line({ kind, frames, confidence, text: words, rfc }: Finding): HTMLElement {
    const buttons = frames.slice(0, MOST_FRAMES).map((frame) => {
      const button = element("button", { type: "button", class: "link", "data-frame": frame }, `#${frame}`);
      button.addEventListener("click", () => this.#reveal(frame));
      return button;
    });
    return element(
      "p",
      { "data-finding": kind, class: confidence },
      element("b", { title: kind }, findingKindText(kind)),
      ` ${sentenceText(words)} (${[rfc, text(confidence)].filter((part) => part !== "").join(", ")}) `,
      ...buttons.flatMap((button) => [button, " "]),
    );
  }
}
