/**
 * Events as text for people: the default of `--log`.
 *
 * Owns: what a person sees of each event, column by column. Must not know: whether there is a terminal (colour and
 * width are arguments), where lines go.
 *
 * A segment's first line stands in columns (time, peer, direction, local end, flags, sequence numbers, state); what is
 * left (rule, window, options) follows on the same line where the page is wide enough, else below. A transition is set
 * like a row of the transition table.
 */
import type {
  ApplicationErrorEvent,
  ClosedEvent,
  DataEvent,
  DropEvent,
  ListeningEvent,
  NoticeEvent,
  RetransmitEvent,
  SegmentEvent,
  TcpEvent,
  TransitionEvent,
} from "../tcp/events.ts";
import { fieldNames } from "../tcp/event_fields.ts";
import type { TcpState } from "../tcp/state.ts";
import { summaryToText } from "./summary.ts";
import {
  bytesText,
  type Cell,
  connectionEnds,
  durationText,
  flagsInBrackets,
  layCells,
  type Paint,
  type Palette,
  paletteFor,
  printable,
  wallClock,
} from "./text_layout.ts";

/** What the text depends on besides the event. */
export interface TextLayout {
  /** Columns of the page; 80 is legible, 120 is meant. */
  readonly width: number;
  readonly color: boolean;
  /** Of the wall clock, east of UTC. */
  readonly utcOffsetMinutes: number;
  /** Columns kept for the peer's end of a connection, and for ours. */
  readonly peerWidth: number;
  readonly localWidth: number;
}

/** What a log is set to; all of it may be left out. */
interface TextLogOptions {
  readonly width?: number;
  readonly color?: boolean;
  readonly utcOffsetMinutes?: number;
}

/** Room for `10.77.0.101:51234` and the like before any address has been seen. */
const USUAL_END_CHARS = 17;
/** Where continuation lines begin: under the peer. */
const INDENT = 16;
/** Columns of a segment's first line besides the two ends; see `segmentCells`. */
const SEGMENT_COLUMNS = 76;
/** `FIN,ACK`, and a space; longer ones push the next column. */
const FLAGS_CHARS = 7;
/** The longest is `ESTABLISHED`. */
const STATE_CHARS = 11;

/**
 * A function that turns events into text, one or more lines each, without the last line's end. It remembers how wide
 * addresses are, so that columns stay where they are; for a text that depends on nothing else, see {@link eventToText}.
 */
export function textLog(options: TextLogOptions = {}): (event: TcpEvent) => string {
  const layout = {
    width: options.width ?? 120,
    color: options.color ?? false,
    utcOffsetMinutes: options.utcOffsetMinutes ?? 0,
    peerWidth: USUAL_END_CHARS,
    localWidth: 0,
  };
  return (event) => {
    if (event.event === "segment" || event.event === "transition") {
      const { local, peer } = connectionEnds(event.connection);
      layout.peerWidth = Math.max(layout.peerWidth, Math.min(peer.length, 47));
      layout.localWidth = Math.max(layout.localWidth, Math.min(local.length, 47));
    }
    return eventToText(event, layout);
  };
}

/** The text of an event; lines are parted by a line feed, and hold no other control character unless coloured. */
export function eventToText(event: TcpEvent, layout: TextLayout): string {
  const palette = paletteFor(layout.color);
  if (event.event === "summary") return summaryToText(event, layout);
  const time: Cell = { text: wallClock(event.time, layout.utcOffsetMinutes), paint: palette.quiet };
  return layCells([time, ...eventCells(event, { layout, palette })], { width: layout.width, indent: INDENT });
}

interface Page {
  readonly layout: TextLayout;
  readonly palette: Palette;
}

function eventCells(event: Exclude<TcpEvent, { event: "summary" }>, page: Page): Cell[] {
  switch (event.event) {
    case "segment":
      return segmentCells(event, page);
    case "transition":
      return transitionCells(event, page);
    case "data":
      return dataCells(event, page);
    case "retransmit":
      return retransmitCells(event, page);
    case "closed":
      return closedCells(event, page);
    case "drop":
      return dropCells(event, page);
    case "application-error":
      return applicationErrorCells(event, page);
    case "notice":
      return noticeCells(event, page);
    case "listening":
      return listeningCells(event, page);
    case "fault":
    case "arp":
    case "icmp":
    case "timer":
    case "sample":
    case "lost":
      return plainCells(event, page);
  }
}

/** Kinds that have no columns of their own: their fields by name, in the order of the schema. */
function plainCells(event: TcpEvent, { layout, palette }: Page): Cell[] {
  const values: ReadonlyMap<string, unknown> = new Map(Object.entries(event));
  const { connection } = "connection" in event ? event : { connection: undefined };
  const cells: Cell[] = [
    peerCell(connection === undefined ? "-" : connectionEnds(connection).peer),
    { text: event.event, column: INDENT + layout.peerWidth + 1, gap: 1, paint: palette.notice },
  ];
  for (const name of fieldNames(event.event)) {
    const value = values.get(name);
    if (value !== undefined && name !== "connection") {
      cells.push({ text: printable(`${name} ${value}`), gap: 2 });
    }
  }
  return cells;
}

function segmentCells(event: SegmentEvent, { layout, palette }: Page): Cell[] {
  const isReceived = event.direction === "recv";
  const { local, peer } = connectionEnds(event.connection);
  const isRoomy = SEGMENT_COLUMNS + layout.peerWidth + layout.localWidth <= layout.width;
  const localWidth = isRoomy ? layout.localWidth : ":65535".length;
  const shownLocal = isRoomy ? local : local.slice(Math.max(0, local.lastIndexOf(":")));
  const way = isReceived ? palette.received : palette.sent;

  const flagsColumn = INDENT + layout.peerWidth + " --> ".length + localWidth + 2;
  const afterFlags = flagsColumn + FLAGS_CHARS + 1;
  const cells: Cell[] = [
    peerCell(peer),
    { text: isReceived ? "-->" : "<--", column: INDENT + layout.peerWidth + 1, gap: 1, paint: way },
    { text: printable(shownLocal), gap: 1 },
    { text: event.flags.join(",") || "none", column: flagsColumn, paint: flagsPaint(event, palette) },
  ];
  const numbers = [
    `seq ${event.relSeq}`,
    event.flags.includes("ACK") ? `ack ${event.relAck}` : "",
    `len ${event.length}`,
  ];
  const state: Cell = { text: event.state, paint: statePaint(event.state, palette), gap: 1 };
  const isWide = afterFlags + 32 + STATE_CHARS <= layout.width;
  if (isWide) {
    cells.push(
      { text: numbers[0], column: afterFlags, gap: 1 },
      { text: numbers[1], column: afterFlags + 12, gap: 1 },
      { text: numbers[2], column: afterFlags + 24, gap: 1 },
      { ...state, column: afterFlags + 33 },
    );
  } else {
    cells.push({ ...state, column: afterFlags }, ...numbers.map((text, i) => ({ text, newLine: i === 0 })));
  }
  const details = segmentDetails(event).map((text) => ({ text, paint: palette.quiet }));
  const detailsLength = details.reduce((sum, { text }) => sum + text.length + 2, 0);
  const detailsColumn = afterFlags + 33 + STATE_CHARS;
  const isOneLine = isWide && detailsColumn + detailsLength <= layout.width;
  const [rule, ...others] = details;
  return [
    ...cells,
    isOneLine ? { ...rule, column: detailsColumn + 2 } : { ...rule, newLine: isWide },
    ...others,
  ];
}

function segmentDetails(event: SegmentEvent): string[] {
  const details = [printable(event.rule), `win ${event.window}`, ...optionTexts(event)];
  if (event.cut !== undefined) details.push(`cut into ${event.cut}-byte segments on the wire`);
  if (event.count !== undefined) details.push(countText(event.count));
  return details;
}

function optionTexts({ options, ack, relAck }: SegmentEvent): string[] {
  const texts: string[] = [];
  // What is acknowledged selectively counts from where the acknowledgment does.
  const origin = ack - relAck;
  if (options.mss !== undefined) texts.push(`mss ${options.mss}`);
  if (options.sackPermitted === true) texts.push("sackOK");
  if (options.windowScale !== undefined) texts.push(`wscale ${options.windowScale}`);
  if (options.timestamps !== undefined) {
    texts.push(`ts ${options.timestamps.value}/${options.timestamps.echo}`);
  }
  for (const [left, right] of options.sack ?? []) {
    texts.push(`sack ${(left - origin) >>> 0}..${(right - origin) >>> 0}`);
  }
  return texts;
}

function transitionCells(event: TransitionEvent, { layout, palette }: Page): Cell[] {
  const column = INDENT + layout.peerWidth + 1;
  const isWide = column + 27 + 33 + 20 <= layout.width;
  const at = (offset: number): { column?: number } => isWide ? { column: column + offset } : {};
  const from = event.from;
  const arrow = event.from === event.to ? "stays" : "->";
  return [
    peerCell(connectionEnds(event.connection).peer || event.connection),
    { text: from, column, gap: 1, paint: statePaint(from, palette) },
    { text: arrow, gap: 1 },
    { text: event.to, gap: 1, paint: (text) => palette.strong(statePaint(event.to, palette)(text)) },
    {
      text: `recv ${flagsInBrackets(event.recv)}`,
      paint: event.recv === null ? palette.quiet : palette.received,
      newLine: !isWide,
      ...at(27),
    },
    {
      text: `send ${flagsInBrackets(event.send)}`,
      paint: event.send === null ? palette.quiet : palette.sent,
      ...at(44),
    },
    { text: printable(event.rfc), ...at(62) },
    ...causeCells(event, palette),
  ];
}

/** A segment's rule stands with the segment already; what a user or a deadline did is told here. */
function causeCells(event: TransitionEvent, palette: Palette): Cell[] {
  if (event.cause === "segment") return [];
  return [{ text: `${event.cause}: ${printable(event.rule)}`, paint: palette.quiet }];
}

function dataCells(event: DataEvent, { layout, palette }: Page): Cell[] {
  const isReceived = event.direction === "recv";
  const cells: Cell[] = [
    peerCell(connectionEnds(event.connection).peer),
    {
      text: `data ${isReceived ? "in" : "out"}`,
      column: INDENT + layout.peerWidth + 1,
      gap: 1,
      paint: isReceived ? palette.received : palette.sent,
    },
    // Under the sizes of the other direction.
    { text: bytesText(event.length), column: INDENT + layout.peerWidth + 1 + "data out  ".length },
  ];
  if (event.payload !== undefined) cells.push({ text: printable(event.payload), paint: palette.quiet });
  return cells;
}

/** What was sent again, in words. */
const RETRANSMIT_WORDS: Readonly<Record<RetransmitEvent["kind"], string>> = {
  "rto": "after the retransmission time-out",
  "fast": "fast, the peer misses it",
  "tlp": "as a tail loss probe",
  "syn": "SYN, no answer yet",
  "syn-ack": "SYN,ACK, not acknowledged yet",
  "fin": "FIN, not acknowledged yet",
  "probe": "as a probe of a closed window",
  "keepalive": "as a keep-alive",
};

function retransmitCells(event: RetransmitEvent, { layout, palette }: Page): Cell[] {
  return [
    peerCell(connectionEnds(event.connection).peer),
    {
      text: `retransmit ${event.kind}`,
      column: INDENT + layout.peerWidth + 1,
      gap: 1,
      paint: palette.notice,
    },
    { text: RETRANSMIT_WORDS[event.kind] },
    { text: `seq ${event.seq} (absolute)` },
    { text: `len ${event.length}` },
    { text: event.count === 1 ? "once" : `${event.count} times so far` },
  ];
}

function closedCells(event: ClosedEvent, { layout, palette }: Page): Cell[] {
  const path = event.states.map((state, i): Cell => ({
    text: i === 0 ? state : `-> ${state}`,
    gap: 1,
    newLine: i === 0,
    paint: palette.quiet,
  }));
  return [
    peerCell(connectionEnds(event.connection).peer),
    {
      text: `closed ${event.reason}`,
      column: INDENT + layout.peerWidth + 1,
      gap: 1,
      paint: event.reason === "normal" ? palette.strong : palette.bad,
    },
    { text: `after ${durationText(event.durationMs)}` },
    { text: `in ${bytesText(event.bytesIn)}` },
    { text: `out ${bytesText(event.bytesOut)}` },
    ...path,
  ];
}

function dropCells(event: DropEvent, { layout, palette }: Page): Cell[] {
  return [
    peerCell(
      event.connection === undefined ? "-" : connectionEnds(event.connection).peer || event.connection,
    ),
    { text: "drop", column: INDENT + layout.peerWidth + 1, gap: 1, paint: palette.notice },
    { text: printable(event.reason) },
    ...countCells(event.count),
  ];
}

/** How many one line stands for. */
function countCells(count: number | undefined): Cell[] {
  return count === undefined ? [] : [{ text: countText(count) }];
}

function countText(count: number): string {
  return `${count} of these in a second`;
}

function applicationErrorCells(event: ApplicationErrorEvent, { layout, palette }: Page): Cell[] {
  return [
    peerCell(connectionEnds(event.connection).peer),
    { text: "application error", column: INDENT + layout.peerWidth + 1, gap: 1, paint: palette.bad },
    { text: printable(event.message) },
  ];
}

function noticeCells(event: NoticeEvent, { layout, palette }: Page): Cell[] {
  return [
    peerCell(event.connection === undefined ? "-" : connectionEnds(event.connection).peer),
    { text: "notice", column: INDENT + layout.peerWidth + 1, gap: 1, paint: palette.notice },
    { text: printable(event.message) },
    ...countCells(event.count),
    { text: printable(event.kind), paint: palette.quiet },
  ];
}

function listeningCells(event: ListeningEvent, { palette }: Page): Cell[] {
  const ip = event.ip.includes(":") ? `[${event.ip}]` : event.ip;
  return [
    { text: "listening on", gap: 1, paint: palette.good },
    { text: printable(`${ip}:${event.port}`), gap: 1, paint: palette.strong },
    { text: printable(event.app) },
    { text: `device ${printable(event.device)}` },
    { text: `mac ${printable(event.mac)}` },
    { text: `capture ${printable(event.capture)}` },
    { text: `filter ${printable(event.filter)}`, paint: palette.quiet },
  ];
}

function peerCell(peer: string): Cell {
  return { text: printable(peer) || "-", column: INDENT, gap: 1 };
}

function flagsPaint(event: SegmentEvent, palette: Palette): Paint | undefined {
  if (event.flags.includes("RST")) return palette.bad;
  if (event.flags.includes("SYN")) return palette.opening;
  if (event.flags.includes("FIN")) return palette.closing;
  return event.length > 0 ? palette.strong : undefined;
}

function statePaint(state: TcpState, palette: Palette): Paint {
  switch (state) {
    case "LISTEN":
    case "SYN_SENT":
    case "SYN_RCVD":
      return palette.opening;
    case "ESTABLISHED":
      return palette.good;
    case "CLOSED":
      return palette.quiet;
    default:
      return palette.closing;
  }
}
