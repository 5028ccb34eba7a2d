/**
 * The sequence diagram: our end on the left, the other one on the right, time running down, a segment an arrow between them.
 *
 * Owns: the elements, which of them are drawn anew, what is selected and what is open. Must not know: which lines there are
 * (story/ladder.ts), where segments come from.
 *
 * Only the last lines are elements, older ones when somebody asks for them: a browser lays out a few hundred at once.
 */
/// <reference lib="dom" />
import { type Gutters, type Ladder, type LadderLine, ladderOf } from "../story/ladder.ts";
import { linesAround } from "./lines_around.ts";
import type { StateStep } from "../story/state_path.ts";
import { type EndName, otherEnd, type SegmentRow } from "../story/story_segment.ts";
import type { Missing, ShownStory } from "./connection_feed.ts";
import { element, setAttributes, setText } from "./dom.ts";
import { lineContent, lineSignature, type Sides } from "./ladder_line.ts";
import { Paced } from "./paced.ts";
import { showWord, text } from "./words.ts";

/** Local choice: some screens full; what is above comes when it is asked for. */
const FIRST_LINES = 300;
/** Local choice: while they rush past: a large screen's. */
const RUSHING_LINES = 80;
/** Local choice: how near to the end somebody is who wants to see what comes, pixels. */
const NEAR_END = 40;

/** What the diagram is told to do with a segment that is selected. */
interface LadderWishes {
  /** The segment, and the addresses that it went between. */
  select(row: SegmentRow, story: ShownStory): void;
}

interface Drawn {
  readonly line: HTMLLIElement;
  signature: string;
  row: SegmentRow | null;
  /** The place of the run that it opens; null for what opens none. */
  opens: number | null;
}

/** See the head of this file. */
export class LadderView {
  readonly element: HTMLElement;
  readonly #wishes: LadderWishes;
  readonly #list = element("ol", { class: "ladder" });
  readonly #hint = element("p", { class: "empty" });
  readonly #earlier = element("button", { type: "button", class: "earlier" });
  readonly #later = element("button", { type: "button", class: "later", hidden: true });
  readonly #heads: Readonly<Record<"local" | "peer", HTMLElement>> = {
    local: element("span", { class: "end local" }),
    peer: element("span", { class: "end peer" }),
  };
  readonly #head: HTMLElement;
  #drawn = new Map<string, Drawn>();
  #opened = new Set<number>();
  #most = FIRST_LINES;
  /** Somebody wants to see this segment, and so many lines around it, not the last ones; null for these. */
  #around: { readonly number: number; before: number; after: number } | null = null;
  #story: ShownStory | null = null;
  readonly #paced = new Paced(() => this.#follow());
  #selected: number | null = null;
  /** Most of what a screen holds was new in the last picture: a burst, of which nobody reads what is above the screen. */
  #isRushing = false;

  constructor(wishes: LadderWishes) {
    this.#wishes = wishes;
    showWord(this.#hint, "sequenceHint");
    this.#head = element(
      "div",
      { class: "ladder-head", "aria-hidden": "true" },
      this.#heads.local,
      element("span"),
      this.#heads.peer,
    );
    this.element = element(
      "div",
      { class: "scroll ladder-scroll", "aria-label": "Sequence diagram", role: "region", tabindex: 0 },
      this.#head,
      this.#earlier,
      this.#list,
      this.#later,
      this.#hint,
    );
    this.#earlier.addEventListener("click", () => {
      if (this.#around === null) this.#most += FIRST_LINES * 2;
      else this.#around.before += FIRST_LINES * 2;
      this.#show();
    });
    this.#later.addEventListener("click", () => {
      if (this.#around !== null) this.#around.after += FIRST_LINES * 2;
      this.#show();
    });
    this.#list.addEventListener("click", (event) => this.#click(event.target));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    // Its header opens below, and takes room: what was chosen stays to be seen.
    new ResizeObserver(() => {
      if (this.#selected === null) return;
      this.#list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
    }).observe(this.element);
    this.clear();
  }

  /** Forgets all. */
  clear(): void {
    this.#story = null;
    this.#paced.cancel();
    this.#drawn = new Map();
    this.#opened = new Set();
    this.#most = FIRST_LINES;
    this.#around = null;
    this.#selected = null;
    this.#isRushing = false;
    this.#list.replaceChildren();
    this.#earlier.hidden = true;
    this.#later.hidden = true;
    this.#head.hidden = true;
    this.#hint.hidden = false;
  }

  /** Shows a story as it is, soon. */
  show(story: ShownStory): void {
    this.#story = story;
    this.#paced.ask();
  }

  #follow(): void {
    // Somebody who has scrolled back reads.
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
    // Whoever is back at the end has seen what was before: to draw all of it each time would be for nobody.
    if (isAtEnd) this.#most = this.#isRushing ? RUSHING_LINES : FIRST_LINES;
    const before = this.#drawn;
    this.#show();
    if (isAtEnd) this.element.scrollTop = this.element.scrollHeight;
    const wasRushing = this.#isRushing;
    const fresh = [...this.#drawn.keys()].filter((key) => !before.has(key)).length;
    this.#isRushing = isAtEnd && before.size > 0 && fresh * 2 > RUSHING_LINES;
    // The lines that were spared come once there is time.
    if (wasRushing && !this.#isRushing) this.#paced.ask();
  }

  /** The same in another language. */
  refresh(): void {
    for (const drawn of this.#drawn.values()) drawn.signature = "";
    this.#show();
  }

  /** Shows the segment with this number, and selects it; opens what it is folded into. */
  reveal(number: number): void {
    const story = this.#story;
    if (story === null) return;
    this.#around = { number, before: FIRST_LINES / 2, after: FIRST_LINES / 2 };
    for (const row of story.rows()) {
      if (row.kind === "run" && row.isOpenable && row.first <= number && number <= row.last) {
        this.#opened.add(row.firstIndex);
      }
    }
    this.#show();
    for (const drawn of this.#drawn.values()) {
      if (drawn.row?.segment.number !== number) continue;
      this.#select(drawn);
      drawn.line.scrollIntoView({ block: "center" });
    }
  }

  /** Goes to the segment, or the run that can be opened, before or after the one where somebody is. */
  move(step: 1 | -1): void {
    const stops = [...this.#drawn.values()].filter(({ row, opens }) => row !== null || opens !== null);
    const at = stops.findIndex(({ line }) => line.hasAttribute("aria-current"));
    const next = at < 0 ? (step > 0 ? 0 : stops.length - 1) : at + step;
    const found = stops[Math.max(0, Math.min(stops.length - 1, next))];
    if (found === undefined) return;
    found.line.scrollIntoView({ block: "nearest" });
    if (found.row !== null) this.#select(found);
    else this.#goTo(found.line);
  }

  /** Opens the run where somebody is, and goes on to the first of its segments. */
  #openHere(): void {
    for (const { line, opens } of this.#drawn.values()) {
      if (opens === null || !line.hasAttribute("aria-current")) continue;
      this.#opened.add(opens);
      this.#show();
      for (const drawn of this.#drawn.values()) if (drawn.row?.index === opens) this.#select(drawn);
      return;
    }
  }

  #goTo(line: HTMLLIElement): void {
    for (const other of this.#list.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
    setAttributes(line, { "aria-current": true });
  }

  #show(): void {
    const story = this.#story;
    if (story === null) return;
    const { local } = story;
    const ladder = this.#ladder(story);
    const sides: Sides = { local, begins: ladder.begins };
    this.#hint.hidden = ladder.lines.length > 0;
    this.#head.hidden = ladder.lines.length === 0;
    setText(this.#heads.local, ladder.ends[local]);
    setText(this.#heads.peer, ladder.ends[otherEnd(local)]);
    this.#earlier.hidden = ladder.leftOut === 0;
    setText(this.#earlier, text("earlier", String(ladder.leftOut)));
    this.#later.hidden = ladder.later === 0;
    setText(this.#later, text("later", String(ladder.later)));
    const kept = new Map<string, Drawn>();
    if (hasState(ladder.before)) this.#put("before", beforeLine(ladder.before), { kept, sides });
    const missing = [...story.missing];
    let isFirst = true;
    for (const line of ladder.lines) {
      const numbers = numbersOf(line);
      if (numbers !== null) {
        // What is missing before lines that are not shown is not shown either.
        const before = missingUntil(missing, numbers.first - 1);
        if (!isFirst || ladder.leftOut === 0) { for (const one of before) this.#putMissing(one, kept); }
        isFirst = false;
      }
      const key = keyOf(line);
      // Two changes of state can be at one moment.
      this.#put(kept.has(key) ? `${key}+` : key, line, { kept, sides });
      if (numbers === null) continue;
      for (const one of missingUntil(missing, numbers.last)) this.#putMissing(one, kept);
    }
    for (const [key, { line }] of this.#drawn) if (!kept.has(key)) line.remove();
    this.#drawn = kept;
    this.#order();
  }

  /** The lines that are shown: the last ones, or those around one of them. */
  #ladder(story: ShownStory): Ladder & { readonly later: number } {
    const around = this.#around;
    const ladder = ladderOf(story, { last: around === null ? this.#most : Infinity, opened: this.#opened });
    if (around === null) return { ...ladder, later: 0 };
    return linesAround(ladder, around);
  }

  #put(key: string, line: LadderLine, { kept, sides }: { kept: Map<string, Drawn>; sides: Sides }): void {
    const signature = lineSignature(line);
    const drawn = this.#drawn.get(key) ?? { line: element("li"), signature: "", row: null, opens: null };
    kept.set(key, drawn);
    if (drawn.signature === signature) return;
    drawn.signature = signature;
    drawn.row = line.kind === "segment" ? line.row : null;
    drawn.opens = line.kind === "run" ? line.opens : null;
    // A run that grows is the same one still.
    const isHere = line.kind === "run" && drawn.line.hasAttribute("aria-current");
    const { attributes, children } = lineContent(line, sides);
    setAttributes(drawn.line, { ...NO_ATTRIBUTES, ...attributes });
    drawn.line.replaceChildren(...children);
    if (isHere || (line.kind === "segment" && line.number === this.#selected)) {
      setAttributes(drawn.line, { "aria-current": true });
    }
  }

  #putMissing({ after, events }: Missing, kept: Map<string, Drawn>): void {
    const key = `m${after}`;
    const drawn = this.#drawn.get(key) ??
      { line: element("li", { class: "gap lost" }), signature: "", row: null, opens: null };
    kept.set(key, drawn);
    setText(drawn.line, text("eventsLost", String(events)));
  }

  /** Puts elements where they belong, and moves none that is there already. */
  #order(): void {
    let place = this.#list.firstElementChild;
    for (const { line } of this.#drawn.values()) {
      if (line === place) place = place.nextElementSibling;
      else this.#list.insertBefore(line, place);
    }
  }

  #click(target: EventTarget | null): void {
    const line = target instanceof Element ? target.closest("li") : null;
    if (line === null) return;
    const opens = line.dataset.opens;
    if (opens !== undefined) {
      this.#opened.add(Number(opens));
      this.#show();
      return;
    }
    for (const drawn of this.#drawn.values()) if (drawn.line === line) this.#select(drawn);
  }

  #select({ line, row }: Drawn): void {
    if (row === null || this.#story === null) return;
    this.#goTo(line);
    this.#selected = row.segment.number;
    this.#wishes.select(row, this.#story);
  }

  #key(event: KeyboardEvent): void {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A button in here is pressed by it.
    const opens = (key === "Enter" || key === " ") && target === this.element;
    const step = key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : null;
    if (step === null && !opens) return;
    event.preventDefault();
    if (step === null) this.#openHere();
    else this.move(step);
  }
}

/** What a line may have had before, when it was another kind of line. */
const NO_ATTRIBUTES = {
  "aria-current": null,
  "data-lost": null,
  "data-probably-lost": null,
  "data-retransmission": null,
} as const;

function keyOf(line: LadderLine): string {
  switch (line.kind) {
    case "segment":
      return `s${line.row.index}`;
    case "run":
      return `r${line.row.firstIndex}`;
    case "gap":
      return `g${line.at}`;
    case "state":
      return `t${line.at}`;
  }
}

/** Numbers of a line's first and last segment; null where it has none. */
function numbersOf(line: LadderLine): { readonly first: number; readonly last: number } | null {
  if (line.kind === "segment") return { first: line.number, last: line.number };
  return line.kind === "run" ? { first: line.first, last: line.last } : null;
}

/** Takes what is missing after a segment with this number or a smaller one. */
function missingUntil(missing: Missing[], number: number): Missing[] {
  const end = missing.findIndex(({ after }) => after > number);
  return missing.splice(0, end < 0 ? missing.length : end);
}

function hasState(states: Gutters): boolean {
  return states.client !== null || states.server !== null;
}

/** The states that both ends began with, as a line of their own. */
function beforeLine(before: Gutters): LadderLine {
  const steps = (end: EndName): readonly StateStep[] => before[end] === null ? [] : [before[end]];
  return {
    kind: "state",
    at: -1,
    entered: { client: steps("client"), server: steps("server") },
    states: before,
  };
}
