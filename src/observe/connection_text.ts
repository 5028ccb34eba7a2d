/**
 * What happens to a connection besides its segments, in the text log.
 *
 * Owns: the lines of transitions, data, retransmissions, timers, samples and ends. Must not know: where the columns stand
 * (text_page.ts). A transition is set like a row of the transition table.
 */
import type {
  ApplicationErrorEvent,
  ClosedEvent,
  DataEvent,
  RetransmitEvent,
  SampleEvent,
  TimerEvent,
  TransitionEvent,
} from "../tcp/events.ts";
import {
  bytesText,
  type Cell,
  durationText,
  flagsInBrackets,
  type Paint,
  printable,
  timesText,
} from "./text_layout.ts";
import { statePaint, type TextPage } from "./text_page.ts";

/** Columns of a transition, from where it begins: `ESTABLISHED -> CLOSE_WAIT`, `recv [FIN, PSH, ACK]`. */
const RECV_OFFSET = 27;
const SEND_OFFSET = RECV_OFFSET + 22;
const CAUSE_OFFSET = SEND_OFFSET + 22;

/** A change of state. */
export function transitionCells(event: TransitionEvent, page: TextPage): Cell[] {
  const { palette, wordColumn } = page;
  const isWide = wordColumn + CAUSE_OFFSET <= page.width;
  const at = (offset: number): { column?: number } => isWide ? { column: wordColumn + offset } : {};
  const { from, to } = event;
  const rfc = printable(event.rfc);
  const rule = printable(event.cause === "segment" ? event.rule : `${event.cause}: ${event.rule}`);
  const isOneLine = isWide && wordColumn + CAUSE_OFFSET + rfc.length + 2 + rule.length <= page.width;
  return [
    page.peerCell(page.endsOf(event.connection).peer || printable(event.connection), event.id),
    {
      text: from,
      column: wordColumn,
      gap: 1,
      newLine: wordColumn + from.length + to.length + 4 > page.width,
      paint: statePaint(from, palette),
    },
    { text: from === to ? "stays" : "->", gap: 1 },
    { text: to, gap: 1, paint: (text) => palette.strong(statePaint(to, palette)(text)) },
    {
      text: `recv ${flagsInBrackets(event.recv)}`,
      paint: event.recv === null ? palette.quiet : palette.received,
      newLine: !isWide,
      ...at(RECV_OFFSET),
    },
    {
      text: `send ${flagsInBrackets(event.send)}`,
      paint: event.send === null ? palette.quiet : palette.sent,
      ...at(SEND_OFFSET),
    },
    { text: rfc, newLine: isWide && !isOneLine, ...(isOneLine ? at(CAUSE_OFFSET) : {}) },
    { text: rule, paint: palette.quiet },
  ];
}

/** Bytes of the application. */
export function dataCells(event: DataEvent, page: TextPage): Cell[] {
  const { palette } = page;
  const isReceived = event.direction === "recv";
  const cells: Cell[] = [
    ...subject(event, page, {
      text: `data ${isReceived ? "in" : "out"}`,
      paint: isReceived ? palette.received : palette.sent,
    }),
    // Under the sizes of the other direction.
    { text: bytesText(event.length), column: page.wordColumn + "data out  ".length },
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

/** Something goes out again. */
export function retransmitCells(event: RetransmitEvent, page: TextPage): Cell[] {
  const cells: Cell[] = [
    ...subject(event, page, { text: `retransmit ${event.kind}`, paint: page.palette.notice }),
    { text: RETRANSMIT_WORDS[event.kind] },
    { text: `seq ${event.relSeq}` },
    { text: `len ${event.length}` },
    { text: timesText(event.count) },
  ];
  if (event.repeats !== undefined) cells.push({ text: `repeats segment ${event.repeats}` });
  return cells;
}

/** The end of a connection, and its path. */
export function closedCells(event: ClosedEvent, page: TextPage): Cell[] {
  const { palette } = page;
  const path = event.states.map((state, i): Cell => ({
    text: i === 0 ? state : `-> ${state}`,
    gap: i === 0 ? 2 : 1,
    newLine: i === 0 && page.width !== Infinity,
    paint: palette.quiet,
  }));
  return [
    ...subject(event, page, {
      text: `closed ${event.reason}`,
      paint: event.reason === "normal" ? palette.strong : palette.bad,
    }),
    { text: `after ${durationText(event.durationMs)}` },
    { text: `in ${bytesText(event.bytesIn)}` },
    { text: `out ${bytesText(event.bytesOut)}` },
    ...path,
  ];
}

/** What an application threw. */
export function applicationErrorCells(event: ApplicationErrorEvent, page: TextPage): Cell[] {
  return [
    ...subject(event, page, { text: "application error", paint: page.palette.bad }),
    { text: printable(event.message) },
  ];
}

/** A deadline that was set, has come, or is no longer awaited. */
export function timerCells(event: TimerEvent, page: TextPage): Cell[] {
  const cells = [
    ...subject(event, page, { text: `timer ${event.timer}`, paint: page.palette.quiet }),
    { text: event.action },
  ];
  if (event.inUs !== undefined) cells.push({ text: `in ${durationText(event.inUs / 1000)}` });
  return cells;
}

/** Figures that have changed. */
export function sampleCells(event: SampleEvent, page: TextPage): Cell[] {
  const { cwnd, ssthresh, inFlight, srttUs, rtoUs, sndWnd, rcvWnd } = event;
  return [
    ...subject(event, page, { text: "sample", paint: page.palette.quiet }),
    { text: `cwnd ${cwnd}` },
    { text: `ssthresh ${ssthresh === 0 ? "-" : ssthresh}` },
    { text: `in flight ${inFlight}` },
    { text: `srtt ${srttUs === 0 ? "-" : durationText(srttUs / 1000)}` },
    { text: `rto ${durationText(rtoUs / 1000)}` },
    sndWnd === 0
      ? { text: "the peer's window is shut", paint: page.palette.notice }
      : { text: `peer's window ${sndWnd}` },
    rcvWnd === 0 ? { text: "ours is shut", paint: page.palette.notice } : { text: `ours ${rcvWnd}` },
  ];
}

/** The peer, and in the column behind it what happened. */
function subject(
  { connection, id }: { readonly connection: string; readonly id?: number },
  page: TextPage,
  word: { text: string; paint: Paint },
): Cell[] {
  return [
    page.peerCell(page.endsOf(connection).peer || printable(connection), id),
    { ...word, column: page.wordColumn, gap: 1 },
  ];
}
