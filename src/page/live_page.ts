/**
 * The page: its panes, and what each is told of what the source has.
 *
 * Owns: which connection is looked at, and the keys. Must not know: where anything comes from (page_source.ts), how a pane
 * shows it.
 */
/// <reference lib="dom" />
import type { BatchMessage, ConnectionRow, ControlState, HelloMessage } from "../story/page_messages.ts";
import { END_NAMES } from "../story/story_segment.ts";
import type { ClosedEvent, TcpEvent } from "../tcp/events.ts";
import { TCP_STATES, type TcpState } from "../tcp/state.ts";
import { TRANSITIONS } from "../tcp/transitions.ts";
import { ChartPane } from "./chart_pane.ts";
import { ConnectionFeed, type ShownStory } from "./connection_feed.ts";
import { ConnectionTable } from "./connection_table.ts";
import { byId, element, shortcutOf, svgElement } from "./dom.ts";
import { FaultPanel } from "./fault_panel.ts";
import { FindingPane } from "./finding_pane.ts";
import { LadderView } from "./ladder_view.ts";
import type { PageSource, PageViewer, SourceStatus } from "./page_source.ts";
import { SegmentPane } from "./segment_pane.ts";
import { StateDiagram } from "./state_diagram.ts";
import { TopBar } from "./top_bar.ts";
import { showWord, text, titleWord, type Word } from "./words.ts";

/** How long a note is there. Local choice: long enough to be read. */
const NOTE_MS = 6000;

/** See the head of this file. */
export class LivePage implements PageViewer {
  readonly #source: PageSource;
  readonly #bar: TopBar;
  readonly #diagram: StateDiagram;
  readonly #table: ConnectionTable;
  readonly #ladder: LadderView;
  readonly #charts = new ChartPane();
  readonly #findings = new FindingPane((segment) => this.#ladder.reveal(segment));
  readonly #segment: SegmentPane;
  readonly #faults: FaultPanel;
  readonly #why = element("div", { class: "why scroll", role: "region", "aria-live": "polite" });
  readonly #follow = element("button", { type: "button", class: "follow" });
  readonly #lost = element("span", { class: "gap", role: "status" });
  /** The diagram, and below it the header of the segment that was chosen. */
  readonly #sequence = element("div", { class: "sequence-parts" });
  #feed = new ConnectionFeed(null);
  #selected: number | null = null;
  #isFollowing = true;
  /** Rows that the selected connection took, as its events say. */
  #taken = new Set<string>();
  /** The one that is looked at, where all of it is known: then both ends are lit. */
  #stored: ShownStory | null = null;
  #listening: readonly TcpState[] = [];
  #address = "";
  /** How often a meaning has been asked for. */
  #asked = 0;
  /** Connections that live, shown or not. */
  #living = 0;

  constructor(source: PageSource) {
    this.#source = source;
    const ask = (name: string) => void this.#explain(name);
    this.#diagram = new StateDiagram(ask);
    this.#table = new ConnectionTable({
      select: (id) => this.#choose(id),
      end: (id, how) => void this.#did(source.end(id, how)),
    });
    this.#segment = new SegmentPane({ why: (name) => source.why(name), ask });
    this.#ladder = new LadderView({ select: (row, story) => this.#segment.show(row, story) });
    this.#faults = new FaultPanel({
      set: (spec) => void this.#did(source.faults({ spec })),
      once: (once) => void this.#did(source.faults({ once })),
      clear: () => void this.#did(source.faults({ clear: true })),
      application: (port, app) => void this.#did(source.application?.(port, app) ?? Promise.resolve(null)),
    });
    this.#sequence.append(this.#ladder.element, this.#segment.element);
    showWord(this.#follow, "following");
    titleWord(this.#follow, "followTitle");
    this.#follow.addEventListener("click", () => this.#followNewest());
    const hint = element("p", { class: "empty" });
    showWord(hint, "chooseWhy");
    this.#why.append(hint);
    if (source.storyOf !== undefined) byId("page").dataset.recorded = "true";
    byId("page").append(
      element("section", { class: "pane state" }, this.#diagram.element, enlargeButton("state"), this.#why),
      pane("connections", this.#table.element, this.#follow),
      pane("sequence", this.#sequence, this.#lost),
      // Of what is over there is something to tell, and nothing to do.
      source.storyOf === undefined
        ? pane("faults", this.#faults.element)
        : pane("findings", this.#findings.element),
      pane("charts", this.#charts.element, this.#charts.direction),
    );
    this.#bar = new TopBar(byId("bar"), {
      pace: (how) => void this.#did(source.pace(how)),
      languageChanged: () => this.#refresh(),
      themeChanged: () => this.#charts.refresh(),
    });
    byId("page").addEventListener("click", ({ target }) => {
      const name = target instanceof Element
        ? target.closest<HTMLElement>("[data-enlarge]")?.dataset.enlarge
        : null;
      if (name !== null && name !== undefined) this.#enlarge(name);
    });
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Begins to show. */
  start(): void {
    this.#light();
    this.#source.start(this);
  }

  hello(message: HelloMessage): void {
    const { server, rows, ended = [], controls } = message;
    this.#bar.showServer(server);
    this.#showControls(controls);
    this.#listening = server.listeners.map(({ state }) => state);
    this.#address = server.listeners.map(({ port }) => `${server.ip[0] ?? ""}:${port}`).join(", ");
    this.#table.begin(rows, ended);
    this.#living = message.connections;
    this.#refresh();
    const isThere = this.#selected !== null && this.#table.rowOf(this.#selected) !== null;
    // Of what is over one begins at the beginning.
    const first = (this.#source.storyOf === undefined ? rows.at(-1) ?? ended.at(-1) : rows[0])?.id ?? null;
    if (!isThere) return this.#select(first);
    // One that has begun while nobody told of it is told of here alone.
    if (this.#isFollowing && this.#goToNewest(rows, ended)) return;
    this.#table.select(this.#selected);
    this.#source.subscribe(this.#selected);
  }

  batch(message: BatchMessage): void {
    const { rows, ended, controls } = message;
    if (controls !== undefined) this.#showControls(controls);
    this.#table.take(message);
    this.#living = message.connections;
    this.#showBeyond();
    this.#take(message);
    if (this.#isFollowing) this.#goToNewest(rows, ended);
    this.#light();
  }

  #showControls(controls: ControlState | null): void {
    this.#bar.showControls(controls);
    this.#faults.show(controls);
  }

  status(status: SourceStatus): void {
    this.#bar.showSource(status);
  }

  /** What a batch tells of the connection that is looked at. */
  #take(message: BatchMessage): void {
    const told = this.#feed.take(message);
    if (told === null) return;
    const { events, lost, figures, time } = message;
    if (told.begins) this.#clearStory();
    for (const event of events) this.#note(event);
    this.#charts.take(told.fresh, this.#feed.story?.local ?? null);
    for (const event of events) if (event.event === "sample") this.#charts.takeFigures(event.time, event);
    // They are of now; what is told may still be of before, and then they would stand too early.
    if (figures !== null && events.length === 0) this.#charts.takeFigures(time, figures);
    const { story } = this.#feed;
    if (story !== null && (events.length > 0 || lost > 0)) this.#ladder.show(story);
    this.#showLost();
  }

  #showLost(): void {
    const { lost } = this.#feed;
    this.#lost.hidden = lost === 0;
    this.#lost.textContent = lost === 0 ? "" : text("eventsLost", String(lost));
  }

  #showBeyond(): void {
    this.#table.showBeyond(this.#living, this.#source.storyOf === undefined ? "moreLive" : "moreInFile");
  }

  #note(event: TcpEvent): void {
    if (event.event === "transition") this.#taken.add(event.row);
  }

  /** The newest connection that there is, also one that came and went between two batches. False where it is looked at already. */
  #goToNewest(rows: readonly ConnectionRow[], ended: readonly ClosedEvent[]): boolean {
    const ids = [...rows.map(({ id }) => id), ...ended.flatMap(({ id }) => id ?? [])];
    const newest = Math.max(this.#selected ?? 0, ...ids);
    if (newest === (this.#selected ?? 0)) return false;
    this.#select(newest);
    return true;
  }

  #choose(id: number): void {
    this.#isFollowing = false;
    this.#select(id);
  }

  #followNewest(): void {
    this.#isFollowing = true;
    this.#follow.setAttribute("aria-pressed", "true");
  }

  #select(id: number | null): void {
    this.#follow.setAttribute("aria-pressed", String(this.#isFollowing));
    if (id === this.#selected && id !== null) return;
    this.#selected = id;
    this.#table.select(id);
    this.#feed = new ConnectionFeed(id);
    this.#clearStory();
    this.#showLost();
    this.#stored = null;
    const stored = id === null ? null : this.#source.storyOf?.(id) ?? null;
    if (stored !== null) this.#showStored(stored);
    this.#source.subscribe(id);
    this.#light();
  }

  /** Nothing is shown of a connection, until it is told. */
  #clearStory(): void {
    this.#taken = new Set();
    this.#ladder.clear();
    this.#segment.clear();
    this.#charts.clear();
  }

  /** A connection of which all is known. */
  #showStored(story: ShownStory): void {
    this.#charts.take(story.segmentRows(), null);
    this.#ladder.show(story);
    this.#findings.show(story.findings ?? []);
    this.#stored = story;
    for (const row of story.taken ?? []) this.#taken.add(row);
  }

  #light(): void {
    const row = this.#selected === null ? null : this.#table.rowOf(this.#selected);
    const stored = this.#stored;
    const lasts = stored === null ? [] : END_NAMES.flatMap((name) => stored.pathOf(name).at(-1)?.state ?? []);
    const now = stored === null ? row === null ? this.#listening : [row.state] : lasts;
    const current = new Set<TcpState>(now);
    const visited = new Set<TcpState>(row === null ? this.#listening : row.states);
    const taken = new Set(this.#taken);
    if (stored !== null) return this.#diagram.show({ current, visited, taken });
    // The listener's own way is not the connection's to tell; who has called has gone another.
    const hasListened = row?.role !== "client" && this.#listening.length > 0;
    if (hasListened || visited.has("LISTEN")) taken.add("open.passive");
    for (const id of impliedRows(row?.states ?? [])) taken.add(id);
    this.#diagram.show({ current, visited, taken });
  }

  async #explain(name: string): Promise<void> {
    const asked = ++this.#asked;
    const answers = await this.#source.why(name);
    // Meanwhile another may have been asked for, and told.
    if (asked !== this.#asked) return;
    const parts = answers.slice(0, 3).flatMap(({ name, text: words, rfc, source }) => [
      element("p", {}, element("b", {}, name), ` ${words}${rfc === "" ? "" : ` (${rfc})`}`),
      ...(source.length === 0
        ? []
        : [element("p", { class: "source" }, `${text("source")}: ${source.slice(0, 2).join(", ")}`)]),
    ]);
    if (parts.length > 0) this.#why.replaceChildren(...parts);
  }

  /** Says why something could not be done. */
  async #did(doing: Promise<string | null>): Promise<void> {
    const problem = await doing;
    if (problem === null) return;
    const note = element("p", {}, problem);
    byId("notes").append(note);
    setTimeout(() => note.remove(), NOTE_MS);
  }

  /** One pane alone, for who sits far away; the same once more for all of them. */
  #enlarge(name: string): void {
    const page = byId("page");
    if (page.dataset.enlarged === name) delete page.dataset.enlarged;
    else page.dataset.enlarged = name;
  }

  /** Out of what was entered last. */
  #leave(): void {
    const page = byId("page");
    if (page.dataset.enlarged !== undefined) delete page.dataset.enlarged;
    else if (!this.#segment.element.hidden) this.#segment.clear();
    else this.#followNewest();
  }

  #refresh(): void {
    this.#table.emptyText = text("noConnections", this.#address);
    this.#table.refresh();
    this.#showBeyond();
    this.#faults.refresh();
    this.#findings.refresh();
    this.#ladder.refresh();
    this.#segment.refresh();
    this.#charts.refresh();
    this.#showLost();
    this.#light();
  }

  #key(event: KeyboardEvent): void {
    const { target } = event;
    const isTyping = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.#keys.get(shortcutOf(event));
    if (act === undefined) return;
    event.preventDefault();
    act();
  }

  readonly #keys: ReadonlyMap<string, () => void> = new Map([
    ["p", () => void this.#did(this.#source.pace("pause"))],
    ["s", () => void this.#did(this.#source.pace("step"))],
    ["r", () => void this.#did(this.#source.pace("resume"))],
    ["t", () => this.#bar.toggleTheme()],
    ["f", () => this.#charts.direction.click()],
    ["c", () => this.#enlarge("charts")],
    ["d", () => this.#enlarge("state")],
    ["q", () => this.#enlarge("sequence")],
    ["l", () => this.#bar.toggleLanguage()],
    ["j", () => this.#table.move(1)],
    ["k", () => this.#table.move(-1)],
    ["Escape", () => this.#leave()],
  ]);
}

/** A pane with its heading. */
function pane(word: Word, content: HTMLElement, ...beside: readonly HTMLElement[]): HTMLElement {
  const heading = element("h2");
  showWord(heading, word);
  return element(
    "section",
    { class: `pane ${word}` },
    element("div", { class: "head" }, heading, ...beside, enlargeButton(word)),
    content,
  );
}

/** Drawn, because many a font has no such letter. */
export function enlargeButton(name: string): HTMLButtonElement {
  const path = svgElement("path", { d: "M2 6V2H6M10 2H14V6M14 10V14H10M6 14H2V10" });
  const icon = svgElement("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, path);
  const button = element("button", { type: "button", class: "enlarge", "data-enlarge": name }, icon);
  titleWord(button, "enlarge");
  return button;
}

/** Rows that a path must have taken: where one row alone leads from a state to the next. */
function impliedRows(states: readonly TcpState[]): string[] {
  return states.flatMap((to, at) => {
    if (at === 0 || !TCP_STATES.includes(to)) return [];
    const rows = TRANSITIONS.filter((row) => row.from === states[at - 1] && row.to === to);
    return rows.length === 1 ? [rows[0].id] : [];
  });
}
