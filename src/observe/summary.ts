/**
 * The summary at the end: what was counted, as an event and as text.
 *
 * Owns: how the counters of host and link become one list. Must not know: how they came about.
 */
import type { LinkStats } from "../link/link.ts";
import type { SummaryEvent } from "../tcp/events.ts";
import { durationText, type Palette, paletteFor, printable } from "./text_layout.ts";

/** What a summary is made of. */
interface SummaryOptions {
  /** Seconds since 1970. */
  readonly time: number;
  readonly durationMs: number;
  /** The host's counters by name. */
  readonly counters: Readonly<Record<string, number>>;
  readonly link?: LinkStats;
  /** Lines of the log that were lost to a slow reader; told when above 0. */
  readonly lostLines?: number;
  /** Lines of the log that its limit kept out; told when above 0. */
  readonly leftOutLines?: number;
}

/** Makes the summary event; the link's counters are named `link-...`. */
export function summaryEvent(options: SummaryOptions): SummaryEvent {
  const counters: Record<string, number> = { ...options.counters };
  const link = options.link;
  if (link !== undefined) {
    counters["link-frames-in"] = link.framesIn;
    counters["link-bytes-in"] = link.bytesIn;
    counters["link-frames-out"] = link.framesOut;
    counters["link-bytes-out"] = link.bytesOut;
    counters["link-dropped-by-ring"] = link.droppedByRing;
    counters["link-dropped-by-device"] = link.droppedByDevice;
    counters["link-send-errors"] = link.sendErrors;
  }
  if (options.lostLines !== undefined && options.lostLines > 0) {
    counters["log-lines-lost"] = options.lostLines;
  }
  if (options.leftOutLines !== undefined && options.leftOutLines > 0) {
    counters["log-lines-left-out"] = options.leftOutLines;
  }
  return { event: "summary", time: options.time, durationMs: options.durationMs, counters };
}

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
