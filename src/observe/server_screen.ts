/**
 * A server at a glance, as a terminal's screen: its connections, the ladder of one of them, what there is to say of it.
 *
 * Owns: what stands where, and what gives way when there is little room. Must not know: terminals, keys, where the figures
 * come from.
 */
import type { Finding } from "../story/finding.ts";
import type { Ladder } from "../story/ladder.ts";
import { connectionList, type ListedConnection, type ListOrder } from "./connection_list.ts";
import { ladderText } from "./ladder_text.ts";
import { cutPainted, layCells, type Palette, paletteFor, printable } from "./text_layout.ts";
import { statePaint } from "./text_page.ts";

/** What is shown. */
export interface ServerScreen {
  /** `tcplab 4711 on veth-server  10.33.0.3`. */
  readonly title: string;
  /** The address of its live page, whole, for a browser; null without one. */
  readonly page: string | null;
  /** How many connections there are, shown or not. */
  readonly total: number;
  /** In their order. */
  readonly connections: readonly ListedConnection[];
  readonly order: ListOrder;
  readonly selected: SelectedConnection | null;
  /** Frames wait, as somebody has stopped the time; null where they do not. */
  readonly paused: { readonly waiting: number } | null;
  /** The last thing to know; instead of the keys. */
  readonly notice: string | null;
  /** `q quit`, the most important first. */
  readonly keys: readonly string[];
}

/** The connection that is looked at. */
export interface SelectedConnection {
  readonly row: ListedConnection;
  /** Its last lines; null as long as nothing was seen of it. */
  readonly ladder: Ladder | null;
  /** Lines of text that the ladder is scrolled back from its end. */
  readonly scrolledBack: number;
  /** Its figures, each a short text. */
  readonly details: readonly string[];
  readonly findings: readonly Finding[];
}

/** The window. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
  readonly isUtf8: boolean;
}

/** Less shows nothing that could be read. */
const LEAST = { columns: 40, rows: 10 } as const;
/** Local choice: from this height on there is room for a second line of figures, and for more findings. */
const TALL_ROWS = 34;

/** How many lines of a ladder can be seen at the most: as many rows as the window has. */
export function ladderLinesOf({ rows }: Pick<ScreenSize, "rows">): number {
  return Math.max(1, rows);
}

/** The screen, exactly as many lines as the window has rows, none wider than it. */
export function serverScreen(screen: ServerScreen, size: ScreenSize): string[] {
  const { columns, rows, color } = size;
  const palette = paletteFor(color);
  if (columns < LEAST.columns || rows < LEAST.rows) return tooSmall(size);
  const { selected } = screen;
  const top = [
    titleLine(screen, palette),
    ...pageLines(screen, { size, palette }),
    ...connectionLines(screen, { size, palette }),
  ];
  const bottom = lastLine(screen, { columns, palette });
  const about = selected === null ? [] : detailLines(selected, { size, palette });
  const findings = selected === null ? [] : findingLines(selected.findings, { size, palette });
  const room = rows - top.length - about.length - findings.length - 1;
  const middle = selected === null
    ? [
      palette.quiet(
        screen.total === 0 ? "Nobody has connected yet." : "Choose a connection with the arrows.",
      ),
    ]
    : ladderWindow(selected, { size, room });
  const filled = [...top, ...about, ...middle];
  while (filled.length < rows - 1 - findings.length) filled.push("");
  return [...filled.slice(0, rows - 1 - findings.length), ...findings, bottom].map((line) =>
    cutPainted(line, columns)
  );
}

function tooSmall({ columns, rows }: ScreenSize): string[] {
  const text = `Window too small: ${LEAST.columns} x ${LEAST.rows} at least`.slice(0, Math.max(0, columns));
  return [text, ...new Array<string>(Math.max(0, rows - 1)).fill("")].slice(0, Math.max(1, rows));
}

function titleLine({ title, total, paused }: ServerScreen, palette: Palette): string {
  const count = total === 1 ? "1 connection" : `${total} connections`;
  const pause = paused === null ? "" : "  " +
    palette.notice(`PAUSED, ${paused.waiting === 1 ? "1 frame waits" : `${paused.waiting} frames wait`}`);
  return `${palette.strong(printable(title))}  ${count}${pause}`;
}

/** A line of its own, so that the token is whole in a window of 80 columns, whatever else is to be said. */
function pageLines({ page }: ServerScreen, { size, palette }: Setting): string[] {
  if (page === null) return [];
  const label = "Live page: ";
  const text = label.length + page.length <= size.columns ? `${label}${page}` : page;
  return [palette.quiet(printable(text))];
}

interface Setting {
  readonly size: ScreenSize;
  readonly palette: Palette;
}

/** The titles and the rows around the selected one. */
function connectionLines(
  { connections, order, selected }: ServerScreen,
  { size, palette }: Setting,
): string[] {
  const most = Math.max(2, Math.floor((size.rows - 6) / 3));
  const index = Math.max(0, connections.findIndex(({ id }) => id === selected?.row.id));
  const first = Math.max(0, Math.min(index - Math.floor(most / 2), connections.length - most));
  const shown = connections.slice(first, first + most);
  return connectionList(shown, {
    width: size.columns,
    palette,
    order,
    selected: selected?.row.id ?? null,
    isUtf8: size.isUtf8,
  });
}

/** A rule with the connection's name and state, and its figures. */
function detailLines({ row, details }: SelectedConnection, { size, palette }: Setting): string[] {
  const stroke = size.isUtf8 ? "─" : "-";
  const name = ` #${row.id} ${printable(row.local)} ${printable(row.peer)} `;
  const rest = Math.max(0, size.columns - 2 - name.length - row.state.length - 1);
  const rule = palette.quiet(stroke.repeat(2)) + palette.strong(name) +
    statePaint(row.state, palette)(row.state) +
    " " + palette.quiet(stroke.repeat(rest));
  const most = size.rows >= TALL_ROWS ? 2 : 1;
  const figures = layCells(details.map((text) => ({ text: printable(text), paint: palette.quiet })), {
    width: size.columns,
    indent: 0,
  });
  return [rule, ...(figures === "" ? [] : figures.split("\n").slice(0, most))];
}

/** The last lines that have room, or those before them; above them the states from which they go on. */
function ladderWindow(
  { ladder, scrolledBack }: SelectedConnection,
  { size, room }: { size: ScreenSize; room: number },
): string[] {
  if (ladder === null) return ["No segment of it was seen yet."];
  const page = { width: size.columns, color: size.color, isUtf8: size.isUtf8 };
  const { heights, head } = ladderText(ladder, page);
  let end = heights.length;
  for (let back = scrolledBack; end > 1 && back >= heights[end - 1]; end--) back -= heights[end - 1];
  // A line more, as it is said how many are left out.
  const rows = Math.max(1, room - head.length - (ladder.leftOut > 0 ? 0 : 1));
  let first = end;
  for (let left = rows; first > 0 && left >= heights[first - 1]; first--) left -= heights[first - 1];
  // Who scrolls to the beginning fills the window from there.
  if (first === 0) {
    for (let left = rows; end < heights.length && left > 0; end++) left -= heights[end];
  }
  const shown = ladderText({
    ...ladder,
    before: first === 0 ? ladder.before : ladder.lines[first - 1].states,
    lines: ladder.lines.slice(first, Math.max(end, first + 1)),
    leftOut: ladder.leftOut + first,
  }, page);
  return [...shown.head, ...shown.body].slice(0, Math.max(1, room));
}

/** The last findings, as many as have room, whole; what was found last is about the end of a connection's life. */
function findingLines(findings: readonly Finding[], { size, palette }: Setting): string[] {
  const most = size.rows >= TALL_ROWS ? 6 : 3;
  const lines: string[] = [];
  for (const { text, confidence } of findings.toReversed()) {
    const words = printable(text).split(" ").map((word, index) => ({ text: word, gap: index === 0 ? 0 : 1 }));
    const sign = palette.notice(confidence === "certain" ? "!" : "?");
    const wrapped = layCells(words, { width: size.columns - SIGN_CHARS, indent: 0 }).split("\n")
      .map((line, index) => (index === 0 ? `${sign} ` : " ".repeat(SIGN_CHARS)) + line);
    if (lines.length > 0 && lines.length + wrapped.length > most) break;
    lines.unshift(...wrapped.slice(0, most));
  }
  return lines;
}

/** `! `. */
const SIGN_CHARS = 2;

function lastLine(
  { notice, keys }: ServerScreen,
  { columns, palette }: { columns: number; palette: Palette },
): string {
  if (notice !== null) return palette.notice(printable(notice));
  let text = "";
  for (const key of keys) {
    if (text.length + key.length + 2 > columns) break;
    text += text === "" ? key : `  ${key}`;
  }
  return palette.quiet(text);
}
