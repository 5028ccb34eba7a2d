/**
 * The summary at the end as text.
 *
 * Owns: which counters are shown, and how they are set. Must not know: how they came about, how they become one list
 * (runtime/summary.ts).
 */
import type { SummaryEvent } from "../tcp/events.ts";
import { durationText, type Palette, paletteFor, printable } from "./text_layout.ts";

/** How a summary is set: 120 columns without colour when absent; on one line where the width is infinite. */
interface SummaryTextOptions {
  readonly width?: number;
  readonly color?: boolean;
}

/** Counters whose rise means that something went wrong. */
const TROUBLE = /drop|lost|error|refused|overflow|malformed|timeout|full/;

/** Whoever has read so far has met names of rules and states. */
const ADVICE = "tcplab why NAME explains a rule, a row or a state";

/** The summary for people: a line, the counters that are not 0 in as many columns as fit, and who explains; several lines. */
export function summaryToText(event: SummaryEvent, options: SummaryTextOptions = {}): string {
  const palette = paletteFor(options.color ?? false);
  const heading = palette.strong("summary") + ` after ${durationText(event.durationMs)}`;
  const counted = Object.entries(event.counters).filter(([, value]) => value !== 0);
  if (counted.length > 0 && options.width === Infinity) {
    return `${heading}: ${counted.map(([name, value]) => `${printable(name)} ${value}`).join(", ")}`;
  }
  if (counted.length === 0) return `${heading}: nothing was counted`;
  const counters = counterColumns(counted, { width: options.width ?? 120, palette });
  return `${heading}\n${counters}\n  ${palette.quiet(ADVICE)}`;
}

function counterColumns(
  counted: readonly (readonly [string, number])[],
  page: { width: number; palette: Palette },
): string {
  const cells = counted.map(([name, value]) => ({ name: printable(name), value: groupDigits(value) }));
  const cellWidth = Math.max(...cells.map(({ name }) => name.length)) + 2 +
    Math.max(...cells.map(({ value }) => value.length));
  const columnCount = Math.max(1, Math.min(3, Math.floor((page.width - 2 + 4) / (cellWidth + 4))));
  const rowCount = Math.ceil(cells.length / columnCount);
  const lines: string[] = [];
  for (let row = 0; row < rowCount; row++) {
    // Down the columns first: neighbours in the list stay neighbours.
    const parts: string[] = [];
    for (let at = row; at < cells.length; at += rowCount) {
      const { name, value } = cells[at];
      const gap = " ".repeat(cellWidth - name.length - value.length);
      parts.push(
        (TROUBLE.test(name) ? page.palette.notice(name) : name) + gap + page.palette.strong(value),
      );
    }
    lines.push("  " + parts.join("    "));
  }
  return lines.join("\n");
}

/** `1234567` as `1,234,567`. */
function groupDigits(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}
