/**
 * The table of connections: sortable, one selected, with buttons that end them.
 *
 * Owns: its rows, their order, and moving in it by keys. Must not know: where connections come from, what a selection shows.
 */
/// <reference lib="dom" />
import type { ConnectionRow } from "../story/page_messages.ts";
import { element, setAttributes, setText } from "./dom.ts";
import { showWord, text, titleWord, type Word } from "./words.ts";

/** What a table asks for. */
export interface TableWishes {
  select(id: number): void;
  end(id: number, how: "close" | "abort"): void;
}

/** A row, and whether its connection still lives. */
interface Shown {
  row: ConnectionRow;
  isOver: boolean;
  readonly line: HTMLTableRowElement;
}

interface Column {
  readonly name: string;
  readonly word: Word;
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
    text: ({ local, app }) => `${portOf(local)}${app === "" ? "" : ` ${app}`}`,
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

/** Local choice: those that are over are kept for a look back; a person remembers fewer. */
const MOST_OVER = 50;

/** See the head of this file. */
export class ConnectionTable {
  readonly element: HTMLElement;
  readonly #body = element("tbody");
  readonly #empty = element("p", { class: "empty" });
  readonly #beyond = element("p", { class: "beyond", role: "status", hidden: true });
  readonly #shown = new Map<number, Shown>();
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
    return this.#shown.get(id)?.row ?? null;
  }

  /** Whether a connection has ended. */
  isOver(id: number): boolean {
    return this.#shown.get(id)?.isOver ?? true;
  }

  /** Forgets all. */
  clear(): void {
    this.#shown.clear();
    this.#body.replaceChildren();
    this.#empty.hidden = false;
  }

  /** Adds connections, and brings those that are there up to date. */
  update(rows: readonly ConnectionRow[]): void {
    for (const row of rows) this.#put(row, false);
    this.#order();
  }

  /** A connection is over; its row stays for a while. */
  end(row: ConnectionRow): void {
    this.#put(row, true);
    let over = 0;
    for (const { isOver } of this.#shown.values()) if (isOver) over++;
    for (const [id, { isOver }] of this.#shown) {
      if (over <= MOST_OVER) break;
      if (!isOver || id === this.#selected) continue;
      this.remove(id);
      over--;
    }
    this.#order();
  }

  /** Says how many connections there are besides the living ones that are shown; `total`: all that live. */
  showBeyond(total: number, words: Word): void {
    let living = 0;
    for (const { isOver } of this.#shown.values()) if (!isOver) living++;
    const beyond = Math.max(0, total - living);
    this.#beyond.hidden = beyond === 0;
    setAttributes(this.#beyond, { "data-beyond": beyond === 0 ? null : beyond });
    setText(this.#beyond, beyond === 0 ? "" : text(words, String(beyond)));
  }

  /** Takes a row out. */
  remove(id: number): void {
    this.#shown.get(id)?.line.remove();
    this.#shown.delete(id);
    this.#empty.hidden = this.#shown.size > 0;
  }

  /** Shows which one is selected. */
  select(id: number | null): void {
    this.#selected = id;
    for (const [number, { line }] of this.#shown) {
      setAttributes(line, { "aria-selected": String(number === id) });
      reachByTab(line, number === id);
    }
    const first = this.#body.rows[0];
    if (first !== undefined && (id === null || !this.#shown.has(id))) reachByTab(first, true);
  }

  /** Goes one row on or back. */
  move(step: 1 | -1): void {
    const ids = [...this.#body.children].map((line) => numberOf(line));
    const at = ids.indexOf(this.#selected ?? NaN);
    const id = ids[Math.max(0, Math.min(ids.length - 1, at + step))];
    if (id !== undefined) this.#wishes.select(id);
  }

  #put(row: ConnectionRow, isOver: boolean): void {
    let shown = this.#shown.get(row.id);
    if (shown === undefined) {
      shown = { row, isOver, line: this.#line(row.id) };
      this.#shown.set(row.id, shown);
    }
    shown.row = row;
    shown.isOver = isOver;
    setAttributes(shown.line, { "data-over": isOver });
    COLUMNS.forEach((column, at) => {
      const cell = shown.line.cells[at];
      setText(cell, column.text(row));
    });
    for (const button of shown.line.querySelectorAll("button")) button.disabled = isOver;
    this.#empty.hidden = true;
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
    const sorted = [...this.#shown.values()].sort((one, other) => {
      const [a, b] = [column.key(one.row), column.key(other.row)];
      return way * (a < b ? -1 : a > b ? 1 : one.row.id - other.row.id);
    });
    const focused = document.activeElement;
    sorted.forEach(({ line }, at) => {
      const there = this.#body.children[at];
      if (there !== line) this.#body.insertBefore(line, there ?? null);
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
    if (this.#selected !== null) this.#shown.get(this.#selected)?.line.focus();
  }
}

/** One row is reached by Tab, and the buttons in it: behind thousands of others nobody would come to the next pane. */
function reachByTab(line: HTMLTableRowElement, isReached: boolean): void {
  const tabindex = isReached ? 0 : -1;
  for (const target of [line, ...line.querySelectorAll("button")]) setAttributes(target, { tabindex });
}

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
