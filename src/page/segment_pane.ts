/**
 * One segment: what it is, what is remarkable about it, and its header, field by field with its bytes.
 *
 * Owns: what is shown of a segment, in what order and in which words. Must not know: where segments come from, which fields a
 * header has (story/header_fields.ts).
 */
/// <reference lib="dom" />
import { type FieldName, type HeaderField, headerFields, headerFlags } from "../story/header_fields.ts";
import { flagsWord, loudnessOf } from "../story/ladder_words.ts";
import type { Mark } from "../story/marks.ts";
import { otherEnd, type SegmentRow } from "../story/story_segment.ts";
import type { ShownStory } from "./connection_feed.ts";
import { element } from "./dom.ts";
import { explanationOf, markKindText, sentenceText } from "./ladder_text.ts";
import type { WhyAnswer } from "./page_source.ts";
import { showWord, text, titleWord, type Word } from "./words.ts";

/** What the pane asks for. */
interface SegmentWishes {
  /** What a rule means. */
  why(name: string): Promise<readonly WhyAnswer[]>;
  /** That somebody wants to see a rule, a row or a state where such things are shown. */
  ask(name: string): void;
}

const FIELD_WORDS: Readonly<Record<FieldName, Word>> = {
  "source-port": "fieldSourcePort",
  "destination-port": "fieldDestinationPort",
  "sequence": "fieldSequence",
  "acknowledgment": "fieldAcknowledgment",
  "data-offset": "fieldDataOffset",
  "reserved": "fieldReserved",
  "flags": "fieldFlags",
  "window": "fieldWindow",
  "checksum": "fieldChecksum",
  "urgent-pointer": "fieldUrgentPointer",
  "mss": "fieldMss",
  "window-scale": "fieldWindowScale",
  "sack-permitted": "fieldSackPermitted",
  "sack": "fieldSack",
  "timestamps": "fieldTimestamps",
  "fast-open": "fieldFastOpen",
  "option": "fieldOption",
  "padding": "fieldPadding",
};

/** See the head of this file. */
export class SegmentPane {
  readonly element: HTMLElement = element("div", {
    class: "segment-pane",
    role: "region",
    "aria-label": "Segment",
  });
  readonly #wishes: SegmentWishes;
  #shown: { readonly row: SegmentRow; readonly story: ShownStory } | null = null;

  constructor(wishes: SegmentWishes) {
    this.#wishes = wishes;
    this.clear();
  }

  /** Shows nothing. */
  clear(): void {
    this.#shown = null;
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  /** The same in another language. */
  refresh(): void {
    if (this.#shown !== null) this.show(this.#shown.row, this.#shown.story);
  }

  /** Shows a segment. */
  show(row: SegmentRow, story: ShownStory): void {
    this.#shown = { row, story };
    const { segment, marks } = row;
    const { from, number, flags, length, truth } = segment;
    const source = story.endpoints[from];
    const destination = story.endpoints[otherEnd(from)];
    const close = element("button", { type: "button", class: "close" }, "✕");
    titleWord(close, "closeSegment");
    close.addEventListener("click", () => this.clear());
    const heading = element("h3", {}, `#${number} ${flagsWord(flags)}`);
    const way = element(
      "span",
      { class: "way" },
      `${source} → ${destination} · ${text("payload", String(length))}`,
    );
    const about = element("div", { class: "about" });
    about.append(...marks.map((mark) => markLine(mark)));
    if (truth !== undefined) about.append(this.#rule(truth, number));
    this.element.replaceChildren(
      element("div", { class: "segment-head" }, heading, way, close),
      about,
      headerFigure(headerFields(row, { source, destination }), flags),
    );
    const note = element("p", { class: "source" });
    showWord(note, segment.header === undefined ? "rebuilt" : "asCaptured");
    this.element.append(note);
    this.element.hidden = false;
    this.element.scrollTop = 0;
  }

  /** The rule that decided, what it says, and the state after it. */
  #rule({ state, rule }: { readonly state: string; readonly rule: string }, number: number): HTMLElement {
    const asked = element("button", { type: "button", class: "link" }, rule);
    asked.addEventListener("click", () => this.#wishes.ask(rule));
    const words = element("span", { class: "rule-text" });
    void this.#wishes.why(rule).then((answers) => {
      // Meanwhile another segment may have been chosen.
      if (this.#shown?.row.segment.number !== number) return;
      const answer = answers[0];
      if (answer !== undefined) words.textContent = explanationOf(answer);
    });
    return element("p", {}, element("b", {}, `→ ${state} `), asked, " ", words);
  }
}

function markLine(mark: Mark): HTMLElement {
  const confidence = mark.confidence === undefined ? "" : ` (${text(mark.confidence)})`;
  const of = mark.of === undefined ? "" : ` #${mark.of}`;
  return element(
    "p",
    { class: `mark ${loudnessOf(mark)}` },
    element("b", {}, `${markKindText(mark.kind)}${of}`),
    ` ${sentenceText(mark.text)}${confidence}`,
    ...(mark.tshark === undefined ? [] : [" ", element("code", {}, mark.tshark)]),
  );
}

/** Bits of a row of the figure, as in RFC 9293 §3.1. */
const ROW_BITS = 32;

/** The header as the RFC draws it: 32 bits a row, each field where it lies. */
function headerFigure(fields: readonly HeaderField[], flags: number): HTMLElement {
  const ruler = [0, 8, 16, 24].map((bit) =>
    placed(element("span", { class: "ruler" }, String(bit)), [bit, bit + 7])
  );
  const cells = fields.map((field) => field.name === "flags" ? flagCell(field, flags) : fieldCell(field));
  return element("div", { class: "header-figure" }, ...ruler, ...cells);
}

function fieldCell(field: HeaderField): HTMLElement {
  const { name, bits: [first, last], bytes, value, meaning, rfc } = field;
  const called = element("span", { class: "field-name" });
  showWord(called, FIELD_WORDS[name]);
  const shown = name === "sack-permitted" ? "✓" : wordOfSum(value);
  const cell = element(
    "div",
    { class: "field", "data-field": name, title: `${text("fieldBits")} ${first}–${last} · ${rfc}` },
    element("span", { class: "field-head" }, called, element("span", { class: "rfc" }, rfc)),
    element(
      "span",
      { class: "field-value" },
      element("b", {}, shown),
      ...(meaning === "" ? [] : [` ${wordOfSum(meaning)}`]),
    ),
    element("code", { class: "hex" }, bytes === null ? "·· ··" : hexText(bytes)),
  );
  return placed(cell, field.bits);
}

const SUMS: ReadonlyMap<string, Word> = new Map([
  ["correct", "sumCorrect"],
  ["partial", "sumPartial"],
  ["wrong", "sumWrong"],
]);

/** What a checksum is worth, as a word; all else as it is. */
function wordOfSum(value: string): string {
  const word = SUMS.get(value);
  return word === undefined ? value : text(word);
}

function flagCell({ bits, bytes, rfc }: HeaderField, flags: number): HTMLElement {
  const letters = headerFlags(flags).map(({ name, isSet, bit, rfc }) =>
    element(
      "span",
      {
        class: "flag",
        "data-flag": name,
        "data-set": isSet,
        title: `${name}: ${text("fieldBits")} ${bit} · ${rfc}`,
      },
      name,
    )
  );
  const cell = element(
    "div",
    {
      class: "field flags",
      "data-field": "flags",
      title: `${text("fieldBits")} ${bits[0]}–${bits[1]} · ${rfc}`,
    },
    element("span", { class: "flag-row" }, ...letters),
    element("code", { class: "hex" }, bytes === null ? "" : hexText(bytes)),
  );
  return placed(cell, bits);
}

/** Where the bits lie; what does not fit into one row has rows of its own. */
function placed(cell: HTMLElement, [first, last]: readonly [number, number]): HTMLElement {
  const column = first % ROW_BITS;
  const span = last - first + 1;
  cell.style.gridColumn = column + span > ROW_BITS ? "1 / -1" : `${column + 1} / span ${span}`;
  return cell;
}

function hexText(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
