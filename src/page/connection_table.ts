/**
 * The table of connections: sortable, one selected, with buttons that end them.
 *
 * Owns: its lines, their order, and moving in it by keys. Must not know: where connections come from, which of them are kept
 * (kept_rows.ts), what a selection shows.
 */
/// <reference lib="dom" />
import type { BatchMessage, ConnectionRow } from "../story/page_messages.ts";
import type { ClosedEvent } from "../tcp/events.ts";
import { element, setAttributes, setText } from "./dom.ts";
import { KeptRows } from "./kept_rows.ts";
import { chosenText, showWord, text, titleWord, type Word } from "./words.ts";

/** What a table asks for. */
export interface TableWishes {
  select(id: number): void;
  end(id: number, how: "close" | "abort"): void;
}

interface Column {
  readonly name: string;
  readonly word: Word;
  /** What it counts, where its name does not say all. */
  readonly title?: Word;
  readonly text: (row: ConnectionRow) => string;
  /** By what rows are put in order. */
  readonly key: (row: ConnectionRow) => number | string;
}

const COLUMNS: readonly Column[] = [
  { name: "id", word: "id", text: ({ id }) => String(id), key: ({ id }) => id },
  { name: "peer", word: "peer", text: ({ peer }) => peer, key: ({ peer }) => peer },
  {
    name: "port",
    word: "port",
    text: ({ local, app }) => `${portOf(local)}${app === "" ? "" : ` ${appText(app)}`}`,
    key: ({ local }) => Number(portOf(local)),
  },
  { name: "state", word: "state", text: ({ state }) => state, key: ({ state }) => state },
  { name: "in", word: "bytesIn", text: ({ bytesIn }) => sizeText(bytesIn), key: ({ bytesIn }) => bytesIn },
  {
    name: "out",
    word: "bytesOut",
    text: ({ bytesOut }) => sizeText(bytesOut),
    key: ({ bytesOut }) => bytesOut,
  },
  {
    name: "retransmits",
    word: "retransmits",
    title: "retransmitsTitle",
    text: ({ retransmits }) => String(retransmits),
    key: ({ retransmits }) => retransmits,
  },
  {
    name: "rtt",
    word: "rtt",
    text: ({ srttUs }) => srttUs === 0 ? "–" : timeText(srttUs),
    key: ({ srttUs }) => srttUs,
  },
];

/** See the head of this file. */
export class ConnectionTable {
  readonly element: HTMLElement;
  readonly #body = element("tbody");
  readonly #empty = element("p", { class: "empty" });
  readonly #beyond = element("p", { class: "beyond", role: "status", hidden: true });
  readonly #rows = new KeptRows();
  readonly #lines = new Map<number, HTMLTableRowElement>();
  readonly #wishes: TableWishes;
  readonly #heads = new Map<string, HTMLTableCellElement>();
  #sort = { column: COLUMNS[0], isDown: true };
  #selected: number | null = null;

  constructor(wishes: TableWishes) {
    this.#wishes = wishes;
    const heads = COLUMNS.map((column) => this.#head(column));
    const last = element("th", { scope: "col", "data-column": "actions" });
    showWord(last, "actions");
    const table = element(
      "table",
      { role: "grid", "aria-label": "Connections" },
      element("thead", {}, element("tr", {}, ...heads, last)),
      this.#body,
    );
    this.element = element("div", { class: "scroll connections" }, table, this.#beyond, this.#empty);
    this.#body.addEventListener("click", (event) => this.#clicked(event));
    this.#body.addEventListener("keydown", (event) => this.#key(event));
    this.#showSort();
  }

  /** What stands there while there is no connection. */
  set emptyText(words: string) {
    setText(this.#empty, words);
  }

  /** A connection that is shown, alive or not; null for one that is not. */
  rowOf(id: number): ConnectionRow | null {
    return this.#rows.get(id)?.row ?? null;
  }

  /** Shows these, those that have ended last, and nothing else. */
  begin(rows: readonly ConnectionRow[], ended: readonly ClosedEvent[] = []): void {
    this.#lines.clear();
    this.#body.replaceChildren();
    this.#rows.begin(rows, ended);
    this.#draw(this.#rows.all().map(({ row }) => row.id));
  }

  /** What a batch tells of connections. */
  take(batch: BatchMessage): void {
    this.#draw(this.#rows.take(batch));
  }

  /** The same in another language. */
  refresh(): void {
    this.#draw(this.#rows.all().map(({ row }) => row.id));
  }

  /** Shows which one is selected. */
  select(id: number | null): void {
    this.#selected = id;
    this.#draw(this.#rows.select(id));
    for (const [number, line] of this.#lines) {
      setAttributes(line, { "aria-selected": String(number === id) });
      reachByTab(line, number === id);
    }
    const first = this.#body.rows[0];
    if (first !== undefined && (id === null || !this.#lines.has(id))) reachByTab(first, true);
  }

  /** Says how many connections there are besides the living ones that are shown; `total`: all that live. */
  showBeyond(total: number, words: Word): void {
    const living = this.#rows.all().filter(({ isOver }) => !isOver).length;
    const beyond = Math.max(0, total - living);
    this.#beyond.hidden = beyond === 0;
    setAttributes(this.#beyond, { "data-beyond": beyond === 0 ? null : beyond });
    setText(this.#beyond, beyond === 0 ? "" : text(words, String(beyond)));
  }

  /** Goes one row on or back. */
  move(step: 1 | -1): void {
    const ids = [...this.#body.children].map((line) => numberOf(line));
    const at = ids.indexOf(this.#selected ?? NaN);
    const id = ids[Math.max(0, Math.min(ids.length - 1, at + step))];
    if (id !== undefined) this.#wishes.select(id);
  }

  /** Brings the lines of these up to date; those that are not kept go. */
  #draw(ids: readonly number[]): void {
    for (const id of ids) {
      const kept = this.#rows.get(id);
      if (kept !== null) this.#put(kept.row, kept.isOver);
      else {
        this.#lines.get(id)?.remove();
        this.#lines.delete(id);
      }
    }
    this.#empty.hidden = this.#lines.size > 0;
    this.#order();
  }

  #put(row: ConnectionRow, isOver: boolean): void {
    const line = this.#lines.get(row.id) ?? this.#line(row.id);
    this.#lines.set(row.id, line);
    setAttributes(line, { "data-over": isOver });
    COLUMNS.forEach((column, at) => {
      const cell = line.cells[at];
      setText(cell, column.text(row));
    });
    for (const button of line.querySelectorAll("button")) button.disabled = isOver;
  }

  #line(id: number): HTMLTableRowElement {
    const button = (how: "close" | "abort") => {
      const made = element("button", { type: "button", "data-end": how });
      showWord(made, how);
      titleWord(made, how === "close" ? "closeTitle" : "abortTitle");
      return made;
    };
    const cells = COLUMNS.map(({ name }) => element("td", { role: "gridcell", "data-column": name }));
    const last = element(
      "td",
      { role: "gridcell", "data-column": "actions" },
      button("close"),
      " ",
      button("abort"),
    );
    const isSelected = id === this.#selected;
    const line = element(
      "tr",
      { role: "row", "data-connection": id, "aria-selected": String(isSelected) },
      ...cells,
      last,
    );
    reachByTab(line, isSelected);
    return line;
  }

  #head(column: Column): HTMLTableCellElement {
    const button = element("button", { type: "button", class: "sort" });
    showWord(button, column.word);
    if (column.title !== undefined) titleWord(button, column.title);
    button.addEventListener("click", () => {
      this.#sort = { column, isDown: this.#sort.column === column ? !this.#sort.isDown : false };
      this.#showSort();
      this.#order();
    });
    const head = element("th", { scope: "col", "data-column": column.name }, button);
    this.#heads.set(column.name, head);
    return head;
  }

  #showSort(): void {
    const { column, isDown } = this.#sort;
    for (const [name, head] of this.#heads) {
      setAttributes(head, { "aria-sort": name !== column.name ? null : isDown ? "descending" : "ascending" });
    }
  }

  /** Puts lines where they belong, and moves none that is there already. */
  #order(): void {
    const { column, isDown } = this.#sort;
    const way = isDown ? -1 : 1;
    const sorted = this.#rows.all().sort((one, other) => {
      const [a, b] = [column.key(one.row), column.key(other.row)];
      return way * (a < b ? -1 : a > b ? 1 : one.row.id - other.row.id);
    });
    const focused = document.activeElement;
    sorted.forEach(({ row }, at) => {
      const line = this.#lines.get(row.id);
      const there = this.#body.children[at];
      if (line !== undefined && there !== line) this.#body.insertBefore(line, there ?? null);
    });
    // A line that is moved loses it.
    const isLost = focused !== document.activeElement && this.#body.contains(focused);
    if (isLost && focused instanceof HTMLElement) focused.focus();
  }

  #clicked(event: MouseEvent): void {
    const { target } = event;
    if (!(target instanceof Element)) return;
    const id = numberOf(target.closest("tr"));
    if (Number.isNaN(id)) return;
    const button = target.closest("button");
    const how = button?.dataset.end;
    if (how === "close" || how === "abort") this.#wishes.end(id, how);
    else this.#wishes.select(id);
  }

  #key(event: KeyboardEvent): void {
    const { key, target } = event;
    const id = target instanceof HTMLTableRowElement ? numberOf(target) : NaN;
    if (key === "Enter" && !Number.isNaN(id)) return this.#wishes.select(id);
    const step = key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : null;
    if (step === null) return;
    event.preventDefault();
    this.move(step);
    if (this.#selected !== null) this.#lines.get(this.#selected)?.focus();
  }
}

/** One row is reached by Tab, and the buttons in it: behind thousands of others nobody would come to the next pane. */
function reachByTab(line: HTMLTableRowElement, isReached: boolean): void {
  const tabindex = isReached ? 0 : -1;
  for (const target of [line, ...line.querySelectorAll("button")]) setAttributes(target, { tabindex });
}

/** What runs on a port keeps its name; what has become of a connection, and which end it is, is said. */
function appText(app: string): string {
  return Object.hasOwn(APP_WORDS, app) ? chosenText(APP_WORDS[app]) : app;
}

const APP_WORDS: Readonly<Record<string, readonly [string, string]>> = {
  "closed": ["closed", "已关闭"],
  "reset": ["reset", "被重置"],
  "refused": ["refused", "被拒绝"],
  "unanswered": ["unanswered", "无应答"],
  "half-open": ["half-open", "半打开"],
  "open": ["open", "未结束"],
  "midstream": ["midstream", "中途开始"],
  "client": ["client", "客户端"],
  "server": ["server", "服务器"],
};

function numberOf(line: Element | null): number {
  return line instanceof HTMLElement ? Number(line.dataset.connection ?? NaN) : NaN;
}

function portOf(end: string): string {
  return end.slice(end.lastIndexOf(":") + 1);
}

/** A number of bytes, short: `1.2 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 10_000) return String(bytes);
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit++;
  } while (value >= 1000 && unit < units.length - 1);
  return `${value.toPrecision(3)} ${units[unit]}`;
}

/** A time, short: `1.20 ms`. */
export function timeText(us: number): string {
  if (us < 1000) return `${Math.round(us)} µs`;
  return us < 1_000_000 ? `${(us / 1000).toPrecision(3)} ms` : `${(us / 1_000_000).toPrecision(3)} s`;
}
