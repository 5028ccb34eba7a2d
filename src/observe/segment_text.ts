/**
 * Segments in the text log, and what our own faults do to them.
 *
 * Owns: the columns' contents, the details behind them, and what goes where when there is no room. Must not know: where
 * the columns stand (text_page.ts).
 *
 * A segment's first line stands in columns (peer, direction, local end, flags, sequence numbers, state); what is left
 * (rule, window, options) follows on the same line where the page is wide enough, else below.
 */
import type { FaultEvent, FlagName, SegmentEvent } from "../tcp/events.ts";
import { faultWords } from "./fault_comments.ts";
import { type Cell, durationText, type Paint, type Palette, printable } from "./text_layout.ts";
import { countText, statePaint, type TextPage } from "./text_page.ts";

/** A segment, received or sent. */
export function segmentCells(event: SegmentEvent, page: TextPage): Cell[] {
  const { palette } = page;
  const isReceived = event.direction === "recv";
  const { local, peer, localPort } = page.endsOf(event.connection);
  const columns = page.segmentColumns;
  const way = isReceived ? palette.received : palette.sent;
  const flags = event.flags.join(",") || "none";
  const seq = `seq ${event.relSeq}`;
  const ack = event.flags.includes("ACK") ? `ack ${event.relAck}` : "";
  const length = `len ${event.length}`;
  const state = event.state;
  const cells: Cell[] = [
    page.peerCell(peer, event.id),
    { text: isReceived ? "-->" : "<--", column: page.wordColumn, gap: 1, paint: way },
    { text: columns.isLocalWhole ? local : localPort, gap: 1 },
    { text: flags, column: columns.flags, paint: flagsPaint(event.flags, event.length, palette) },
  ];
  const details = segmentDetails(event);
  let isOnNewLine = false;
  if (columns.isWide) {
    cells.push(
      { text: seq, column: columns.seq, gap: 1 },
      { text: ack, column: columns.ack, gap: 1 },
      { text: length, column: columns.length, gap: 1 },
      { text: state, column: columns.state, gap: 1, paint: statePaint(state, palette) },
    );
    let end = columns.details - 2;
    for (const text of details) end += text.length + 2;
    isOnNewLine = end > page.width;
  } else {
    cells.push(
      { text: state, column: columns.seq, gap: 1, paint: statePaint(state, palette) },
      // Where the state has gone to a line of its own, there is room beside it.
      { text: seq, newLine: columns.seq + state.length <= page.width },
      { text: ack },
      { text: length },
    );
  }
  const column = columns.isWide && !isOnNewLine ? columns.details : 0;
  for (let i = 0; i < details.length; i++) {
    cells.push({
      text: details[i],
      paint: palette.quiet,
      column: i === 0 ? column : 0,
      newLine: i === 0 && isOnNewLine,
    });
  }
  return cells;
}

function segmentDetails(event: SegmentEvent): string[] {
  const details = [printable(event.rule), windowText(event), ...optionTexts(event)];
  if (event.cut !== undefined) details.push(`cut into ${event.cut}-byte segments on the wire`);
  if (event.segment !== undefined) details.push(`segment ${event.segment}`);
  if (event.count !== undefined) details.push(countText(event.count));
  return details;
}

/** Bytes, and behind them the header's number where that is another one. */
function windowText({ window, windowBytes }: SegmentEvent): string {
  return windowBytes === undefined || windowBytes === window
    ? `win ${window}`
    : `win ${windowBytes} (${window})`;
}

function optionTexts({ options, ack, relAck }: SegmentEvent): string[] {
  const texts: string[] = [];
  // What is acknowledged selectively counts from where the acknowledgment does, also beyond 4 GiB, where the numbers in
  // the header have begun again (sequence numbers are compared modulo 2^32, RFC 9293 §3.4). A stranger's stay as they are.
  const position = (edge: number) => relAck === ack ? edge : relAck + ((edge - ack) | 0);
  if (options.mss !== undefined) texts.push(`mss ${options.mss}`);
  if (options.sackPermitted === true) texts.push("sackOK");
  if (options.windowScale !== undefined) texts.push(`wscale ${options.windowScale}`);
  if (options.timestamps !== undefined) {
    texts.push(`ts ${options.timestamps.value}/${options.timestamps.echo}`);
  }
  const { fastOpen } = options;
  if (fastOpen !== undefined) {
    const name = fastOpen.experimental ? "fo-exp" : "fo";
    texts.push(fastOpen.cookie === "" ? `${name} request` : `${name} ${fastOpen.cookie}`);
  }
  for (const [left, right] of options.sack ?? []) {
    texts.push(`sack ${position(left)}..${position(right)}`);
  }
  return texts;
}

/** What our own injector did to a frame; its header stands below those of segments. */
export function faultCells(event: FaultEvent, page: TextPage): Cell[] {
  const { palette } = page;
  const columns = page.segmentColumns;
  const way = event.direction === "recv" ? "in" : "out";
  const at = (column: number): { column?: number; gap?: number } => columns.isWide ? { column, gap: 1 } : {};
  const cells: Cell[] = [
    page.peerCell(event.connection === undefined ? "" : page.endsOf(event.connection).peer, event.id),
    { text: `fault ${event.kind} ${way}`, column: page.wordColumn, gap: 1, paint: palette.notice },
  ];
  const { flags, seq, relSeq = seq, ack, relAck = ack, length = 0 } = event;
  if (flags === undefined) {
    cells.push({ text: `a frame of ${event.frameBytes} bytes` });
  } else {
    cells.push({
      text: flags.join(",") || "none",
      ...at(columns.flags),
      paint: flagsPaint(flags, length, palette),
    });
    if (relSeq !== undefined) cells.push({ text: `seq ${relSeq}`, ...at(columns.seq) });
    if (relAck !== undefined && flags.includes("ACK")) {
      cells.push({ text: `ack ${relAck}`, ...at(columns.ack) });
    }
    cells.push({ text: `len ${length}`, ...at(columns.length) });
  }
  cells.push({ text: faultWords(event.kind, event.reason), ...at(columns.state) });
  if (event.delayUs !== undefined) cells.push({ text: `by ${durationText(event.delayUs / 1000)}` });
  if (event.segment !== undefined) cells.push({ text: `segment ${event.segment}`, paint: palette.quiet });
  return cells;
}

/** The colour of flags: what they do to a connection. */
export function flagsPaint(flags: readonly FlagName[], length: number, palette: Palette): Paint | undefined {
  if (flags.includes("RST")) return palette.bad;
  if (flags.includes("SYN")) return palette.opening;
  if (flags.includes("FIN")) return palette.closing;
  return length > 0 ? palette.strong : undefined;
}
