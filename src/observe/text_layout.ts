/**
 * Lines of text for people: cells at fixed columns, wrapped to a width, coloured or not.
 *
 * Owns: how cells become lines, and how numbers and texts from outside become safe to show. Must not know: events.
 */
/** Wraps a text in the codes of a colour. */
export type Paint = (text: string) => string;

/** The colours that everything for people is painted in; one meaning, one colour. */
export interface Palette {
  /** Times, rules, details: there for those who look. */
  readonly quiet: Paint;
  readonly strong: Paint;
  readonly received: Paint;
  readonly sent: Paint;
  readonly good: Paint;
  readonly opening: Paint;
  readonly closing: Paint;
  readonly notice: Paint;
  readonly bad: Paint;
  /** Tell things of one kind apart that come in any number: the n-th takes the n-th, counted around; never empty. */
  readonly series: readonly Paint[];
}

/** SGR codes of ECMA-48. Our own, because a library's would look at NO_COLOR again, after `--color always` has decided. */
function sgr(on: number, off = 39): Paint {
  return (text) => `\x1b[${on}m${text}\x1b[${off}m`;
}

const boldPaint = sgr(1, 22);
const redPaint = sgr(31);

const COLOURED: Palette = {
  quiet: sgr(90),
  strong: boldPaint,
  received: sgr(36),
  sent: sgr(34),
  good: sgr(32),
  opening: sgr(33),
  closing: sgr(35),
  notice: sgr(93),
  bad: (text) => boldPaint(redPaint(text)),
  /** All but black, white, and red, which means trouble; the bright ones follow the others, so that neighbours differ. */
  series: [36, 33, 35, 32, 34, 96, 93, 95, 92, 94].map((code) => sgr(code)),
};

const asIs: Paint = (text) => text;
const PLAIN: Palette = {
  quiet: asIs,
  strong: asIs,
  received: asIs,
  sent: asIs,
  good: asIs,
  opening: asIs,
  closing: asIs,
  notice: asIs,
  bad: asIs,
  series: [asIs],
};

/** The palette for a terminal, or the one that paints nothing. */
export function paletteFor(color: boolean): Palette {
  return color ? COLOURED : PLAIN;
}

/** A piece of a line. */
export interface Cell {
  /** What is shown, without colour codes: its length is its width. */
  readonly text: string;
  readonly paint?: Paint | undefined;
  /** Column at which the cell begins, unless what comes before it is longer: then it follows at `gap`. */
  readonly column?: number;
  /** Spaces in front of it, at least (2). */
  readonly gap?: number;
  /** Begins a line of its own. */
  readonly newLine?: boolean;
}

/** Sets cells one after another; what would pass `width` begins a new line at `indent`. Lines have no trailing space. */
export function layCells(cells: readonly Cell[], page: { width: number; indent: number }): string {
  let out = "";
  let column = 0;
  let isLineStart = true;
  for (const { text, paint, column: wanted, gap = 2, newLine = false } of cells) {
    if (text === "") continue;
    const start = isLineStart ? wanted ?? 0 : Math.max(wanted ?? 0, column + gap);
    if ((newLine && !isLineStart) || (start + text.length > page.width && column > page.indent)) {
      out += "\n" + " ".repeat(page.indent);
      column = page.indent;
    } else {
      out += " ".repeat(start - column);
      column = start;
    }
    out += paint === undefined ? text : paint(text);
    column += text.length;
    isLineStart = false;
  }
  return out;
}

/** A line that may be painted, cut to so many columns; its colours end there. */
export function cutPainted(line: string, columns: number): string {
  if (line.length <= columns) return line;
  let shown = 0;
  let isPainted = false;
  // SGR codes of ECMA-48 take no room.
  for (const { 0: piece, index } of line.matchAll(/\p{Cc}\[[\d;]*m|\P{Cc}+/gu)) {
    const isCode = piece.startsWith("\x1b");
    isPainted ||= isCode;
    if (isCode) continue;
    if (shown + piece.length > columns) {
      return line.slice(0, index + columns - shown) + (isPainted ? END_OF_PAINT : "");
    }
    shown += piece.length;
  }
  return line;
}

const END_OF_PAINT = "\x1b[0m";

/** How a column of a table is set. */
interface TableColumn {
  readonly title: string;
  readonly alignRight?: boolean;
}

/** How a table is set. */
interface TableStyle {
  readonly palette?: Palette;
  /** Paints one cell, row and column counted from 0; the text comes padded. */
  readonly paintCell?: (padded: string, row: number, column: number) => string;
}

/** A table with a title line, columns as wide as their widest cell and two spaces between; no line for no columns. */
export function layTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  style: TableStyle = {},
): string {
  const widths = columns.map((column, i) =>
    rows.reduce((width, row) => Math.max(width, row[i].length), column.title.length)
  );
  const palette = style.palette ?? PLAIN;
  const line = (row: readonly string[], paint: (padded: string, column: number) => string) =>
    row.map((text, i) => {
      // The last column's padding would be trailing space.
      const padded = columns[i].alignRight === true
        ? text.padStart(widths[i])
        : i === row.length - 1
        ? text
        : text.padEnd(widths[i]);
      return paint(padded, i);
    }).join("  ");
  const titles = line(columns.map((column) => column.title), (text) => palette.strong(text));
  const body = rows.map((row, r) => line(row, (text, c) => style.paintCell?.(text, r, c) ?? text));
  return [titles, ...body].join("\n");
}

/** Text from outside without what a terminal would obey: control, format and separator characters become `?`. */
export function printable(text: string): string {
  return /^[ -~]*$/.test(text) ? text : text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "?");
}

/** Time of day `HH:MM:SS.micro` of a moment in seconds since 1970, `offsetMinutes` east of UTC. */
export function wallClock(seconds: number, offsetMinutes: number): string {
  const us = Math.round(seconds * 1e6) + offsetMinutes * 60e6;
  const ofDay = ((us % 86400e6) + 86400e6) % 86400e6;
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
  const fraction = String(Math.floor(ofDay % 1e6)).padStart(6, "0");
  return `${two(ofDay / 3600e6)}:${two((ofDay / 60e6) % 60)}:${two((ofDay / 1e6) % 60)}.${fraction}`;
}

/** How often something has been done again: `once`, `21 times so far`. */
export function timesText(count: number): string {
  return count === 1 ? "once" : `${count} times so far`;
}

/** A span in the unit that suits it: `0.412 ms`, `38.2 ms`, `5.003 s`, `2 min 3 s`. */
export function durationText(ms: number): string {
  if (ms < 10) return `${ms.toFixed(3)} ms`;
  if (ms < 1000) return `${ms.toFixed(1)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(3)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
}

/** A count of bytes: exact below 100,000, then with three digits or more and a decimal prefix. */
export function bytesText(bytes: number): string {
  if (bytes < 100_000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(0)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 1)} MB`;
  return `${(bytes / 1e9).toFixed(2)} GB`;
}

/** `1 segment`, `2 segments`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** Flags as in the lab's table: `[SYN, ACK]`, or `-` for no segment at all. */
export function flagsInBrackets(flags: readonly string[] | null): string {
  return flags === null ? "-" : `[${flags.join(", ")}]`;
}

/** Local choice: more of a kind than any capture has that was not made to have more: of link types there can be 65,536. */
const MOST_LISTED = 10;

/** The words with commas; of many the first ones, and how many more. */
export function listed(words: readonly string[]): string {
  const more = words.length - MOST_LISTED;
  return more <= 0 ? words.join(", ") : `${words.slice(0, MOST_LISTED).join(", ")} and ${more} more`;
}
