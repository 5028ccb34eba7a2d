/**
 * Events as text for people: the default of `--log`.
 *
 * Owns: which line an event becomes, and the lines of what concerns the host. Must not know: whether there is a terminal
 * (colour and width are arguments), where lines go.
 *
 * Every line begins with the time, the connection's number and the peer (text_page.ts); segments stand in columns
 * (segment_text.ts), and what else happens to a connection is told below them (connection_text.ts).
 */
import type {
  ArpEvent,
  DropEvent,
  IcmpEvent,
  ListeningEvent,
  LostEvent,
  NdpEvent,
  NoticeEvent,
  TcpEvent,
} from "../tcp/events.ts";
import {
  applicationErrorCells,
  closedCells,
  dataCells,
  retransmitCells,
  sampleCells,
  timerCells,
  transitionCells,
} from "./connection_text.ts";
import { connectionId, neighborOf } from "./event_filter.ts";
import { endpointText } from "../wire/address.ts";
import { timeColumn, type TimeForm } from "./log_time.ts";
import { faultCells, segmentCells } from "./segment_text.ts";
import { summaryToText } from "./summary.ts";
import { type Cell, layCells, printable } from "./text_layout.ts";
import { countCells, TextPage } from "./text_page.ts";

/** What a log is set to; all of it may be left out. */
export interface TextLogOptions {
  /**
   * Columns of the page: 60 is legible, 120 is meant (the default). A function is asked for every event, so that the page
   * can follow its window. Infinity: one event is one line.
   */
  readonly width?: number | (() => number);
  readonly color?: boolean;
  /** Of the wall clock, east of UTC. */
  readonly utcOffsetMinutes?: number;
  /** `clock` when absent. */
  readonly time?: TimeForm;
}

/**
 * A function that turns events into text, one or more lines each, without the last line's end: lines are parted by a line
 * feed, and hold no other control character unless coloured. It remembers how wide columns are, so that they stay where
 * they are.
 */
export function textLog(options: TextLogOptions = {}): (event: TcpEvent) => string {
  const { width = 120, color = false, utcOffsetMinutes = 0, time: form = "clock" } = options;
  const time = timeColumn(form, utcOffsetMinutes);
  const page = new TextPage({ color, timeWidth: time.width });
  const { quiet } = page.palette;
  return (event) => {
    page.width = typeof width === "number" ? width : width();
    if (event.event === "summary") return summaryToText(event, { width: page.width, color });
    page.fit(event);
    const cells = [
      { text: time.text(event.time), paint: quiet },
      page.idCell(connectionId(event)),
      ...eventCells(event, page),
    ];
    return layCells(cells, { width: page.width, indent: page.indent });
  };
}

function eventCells(event: Exclude<TcpEvent, { event: "summary" }>, page: TextPage): Cell[] {
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
    case "fault":
      return faultCells(event, page);
    case "arp":
    case "ndp":
      return neighborCells(event, page);
    case "icmp":
      return icmpCells(event, page);
    case "timer":
      return timerCells(event, page);
    case "sample":
      return sampleCells(event, page);
    case "application-error":
      return applicationErrorCells(event, page);
    case "notice":
      return noticeCells(event, page);
    case "lost":
      return lostCells(event, page);
    case "listening":
      return listeningCells(event, page);
  }
}

function dropCells(event: DropEvent, page: TextPage): Cell[] {
  const { connection = "" } = event;
  const cells: Cell[] = [
    page.peerCell(page.endsOf(connection).peer || printable(connection), event.id),
    { text: "drop", column: page.wordColumn, gap: 1, paint: page.palette.notice },
    { text: printable(event.reason) },
    ...countCells(event.count),
  ];
  if (event.segment !== undefined) {
    cells.push({ text: `segment ${event.segment}`, paint: page.palette.quiet });
  }
  return cells;
}

function neighborCells(event: ArpEvent | NdpEvent, page: TextPage): Cell[] {
  const sender = printable(event.sender);
  const target = printable(event.target);
  const asks = `who has ${target}? asks ${sender}`;
  // Whom an advertisement is about is its target, who has sent it.
  const isAt = `${event.event === "ndp" ? target : sender} is at ${printable(event.senderMac)}`;
  const words: Readonly<Record<(ArpEvent | NdpEvent)["kind"], string>> = {
    request: asks,
    solicitation: asks,
    reply: isAt,
    advertisement: isAt,
    probe: `who has ${target}? (probe)`,
    announcement: `${isAt} (announcement)`,
  };
  return [
    page.peerCell(printable(neighborOf(event))),
    wayCell(event.direction, page),
    { text: event.event, gap: 1 },
    { text: event.kind, gap: 1 },
    { text: words[event.kind] },
    ...countCells(event.count),
  ];
}

function icmpCells(event: IcmpEvent, page: TextPage): Cell[] {
  const { connection } = event;
  const isOther = event.kind === "other";
  const cells: Cell[] = [
    page.peerCell(printable(event.direction === "recv" ? event.from : event.to)),
    wayCell(event.direction, page),
    { text: "icmp", gap: 1 },
    { text: isOther ? `type ${event.type}` : event.kind, gap: 1 },
  ];
  if (event.code !== 0 || isOther) cells.push({ text: `code ${event.code}` });
  if (connection !== undefined) cells.push({ text: `about ${printable(connection)}` });
  if (event.rule !== undefined) cells.push({ text: printable(event.rule), paint: page.palette.quiet });
  cells.push(...countCells(event.count));
  return cells;
}

function wayCell(direction: "recv" | "send", page: TextPage): Cell {
  const { received, sent } = page.palette;
  return direction === "recv"
    ? { text: "-->", column: page.wordColumn, gap: 1, paint: received }
    : { text: "<--", column: page.wordColumn, gap: 1, paint: sent };
}

function noticeCells(event: NoticeEvent, page: TextPage): Cell[] {
  const { palette } = page;
  return [
    page.peerCell(event.connection === undefined ? "" : page.endsOf(event.connection).peer, event.id),
    { text: "notice", column: page.wordColumn, gap: 1, paint: palette.notice },
    { text: printable(event.message) },
    ...countCells(event.count),
    { text: printable(event.kind), paint: palette.quiet },
  ];
}

function lostCells(event: LostEvent, page: TextPage): Cell[] {
  const what = event.count === 1 ? "1 event is missing" : `${event.count} events are missing`;
  return [
    page.peerCell(""),
    { text: "lost", column: page.wordColumn, gap: 1, paint: page.palette.bad },
    { text: `${what} here: the log's reader was too slow` },
  ];
}

function listeningCells(event: ListeningEvent, { palette }: TextPage): Cell[] {
  return [
    { text: "listening on", gap: 1, paint: palette.good },
    { text: printable(endpointText(event.ip, event.port)), gap: 1, paint: palette.strong },
    { text: printable(event.app) },
    { text: `device ${printable(event.device)}` },
    { text: `mac ${printable(event.mac)}` },
    { text: `capture ${printable(event.capture)}` },
    { text: `filter ${printable(event.filter)}`, paint: palette.quiet },
  ];
}
