/**
 * The table of connections that `tcplab netstat` shows, in the manner of netstat and ss.
 *
 * Owns: columns, their order, and the words for a connection's figures. Must not know: how snapshots were got.
 */
import { endpointText } from "../wire/address.ts";
import type { ConnectionSnapshot, ServerSnapshot } from "./server_snapshot.ts";
import type { SocketFilter } from "./socket_filter.ts";
import {
  bytesText,
  type Cell,
  counted,
  durationText,
  layCells,
  layTable,
  type Palette,
  paletteFor,
  printable,
} from "./text_layout.ts";
import { statePaint } from "./text_page.ts";

/** How the table is set. */
interface NetstatOptions {
  /** Columns of the page, for the details (120). */
  readonly width?: number;
  /** Columns that a row may have; with more its second half stands below its first. Infinite when absent: a line is a socket. */
  readonly rowWidth?: number;
  readonly color?: boolean;
  /** Below each connection its figures: round trip, windows, congestion, timers. */
  readonly details?: boolean;
  /** Seconds since 1970, to tell how long a server has been up. */
  readonly now?: number;
  /** Which rows are shown; all when absent. A server of which none is left is left out. */
  readonly filter?: SocketFilter | null;
}

/** One line of the table; also for sockets that are not tcplab's, to be shown alike. */
export interface SocketRow {
  /** `tcp` or `tcp6`. */
  readonly proto: string;
  readonly receiveQueue: number;
  readonly sendQueue: number;
  readonly local: string;
  readonly peer: string;
  readonly state: string;
  /** Empty where it is not known; without any, the column is left out. */
  readonly app: string;
}

const COLUMNS = [
  { title: "Proto" },
  { title: "Recv-Q", alignRight: true },
  { title: "Send-Q", alignRight: true },
  { title: "Local Address" },
  { title: "Foreign Address" },
  { title: "State" },
  { title: "App" },
] as const;
const PEER_COLUMN = 4;
const STATE_COLUMN = 5;

/** Details stand below the queues' columns. */
const DETAILS_INDENT = 7;

const KIBIBYTE = 0x400;
const MEBIBYTE = 0x10_0000;

/** The servers, one after another: a heading and a table each. Of no servers, and of none with a row to show, nothing. */
export function netstatToText(servers: readonly ServerSnapshot[], options: NetstatOptions = {}): string {
  const { filter = null } = options;
  return servers.filter((server) => filter === null || filteredServer(server, filter) !== null)
    .map((server) => serverToText(server, options)).join("\n\n");
}

/** What the filter leaves of a server; null when that is nothing. */
export function filteredServer<Server extends ServerSnapshot>(
  server: Server,
  filter: SocketFilter,
): Server | null {
  const listeners = server.listeners.filter((listener) => listenerRows(server, listener).some(filter));
  const connections = server.connections.filter(filter);
  return listeners.length + connections.length === 0 ? null : { ...server, listeners, connections };
}

/** Rows under the usual titles; details as {@link connectionDetails} gives them go below their row. */
export function socketTable(
  rows: readonly SocketRow[],
  options: NetstatOptions & { details?: boolean; detailsOf?: (row: number) => readonly string[] } = {},
): string {
  const palette = paletteFor(options.color ?? false);
  const hasApps = rows.some((row) => row.app !== "");
  const lines = rowLines(
    hasApps ? COLUMNS : COLUMNS.slice(0, -1),
    { rows: rows.map((row) => cellsOf(row).slice(0, hasApps ? COLUMNS.length : -1)), palette, ...options },
  );
  return lines.flatMap((line, i) => {
    const details = i === 0 ? [] : options.detailsOf?.(i - 1) ?? [];
    if (details.length === 0) return [line];
    const cells = details.map((text): Cell => ({ text, paint: palette.quiet }));
    const page = { width: options.width ?? 120, indent: DETAILS_INDENT };
    return [
      line,
      " ".repeat(DETAILS_INDENT) + layCells(cells, { ...page, width: page.width - DETAILS_INDENT }),
    ];
  }).join("\n");
}

function cellsOf(row: SocketRow): string[] {
  const { proto, receiveQueue, sendQueue, local, peer, state, app } = row;
  return [proto, String(receiveQueue), String(sendQueue), local, peer, state, app].map(printable);
}

/** The titles and the rows, each a text of one line; of two where one is too narrow for two addresses of IPv6. */
function rowLines(
  columns: readonly { readonly title: string; readonly alignRight?: boolean }[],
  about: { rows: readonly string[][]; palette: Palette; rowWidth?: number },
): string[] {
  const { rows, palette, rowWidth = Infinity } = about;
  const lay = (from: number, to?: number) =>
    layTable(columns.slice(from, to), rows.map((row) => row.slice(from, to)), {
      palette,
      paintCell: (text, _, column) =>
        column + from === STATE_COLUMN ? statePaint(text.trimEnd(), palette)(text) : text,
    }).split("\n");
  const widest = (column: number) =>
    Math.max(columns[column].title.length, ...rows.map((row) => row[column].length));
  const width = columns.reduce((sum, _, column) => sum + widest(column) + 2, -2);
  if (width <= rowWidth) return lay(0);
  const [first, second] = [lay(0, PEER_COLUMN), lay(PEER_COLUMN)];
  return first.map((line, row) => `${line}\n${" ".repeat(DETAILS_INDENT)}${second[row]}`);
}

function serverToText(server: ServerSnapshot, options: NetstatOptions): string {
  const palette = paletteFor(options.color ?? false);
  const { filter = null, now } = options;
  const uptime = now === undefined ? "" : `  up ${durationText(Math.max(0, now - server.startedAt) * 1000)}`;
  const shown = filter === null ? server.connections : server.connections.filter(filter);
  const count = Math.max(server.connections.length, server.figures.connections ?? 0);
  const part = filter === null ? "" : `${shown.length} of `;
  const heading = palette.strong(`tcplab ${server.pid}`) +
    printable(` on ${server.device}  ${hostsText(server)}${uptime}`) +
    `  ${part}${counted(count, "connection")}${memoryText(server.figures)}`;
  const listeners = server.listeners.flatMap((listener) => listenerRows(server, listener)).filter((row) =>
    filter === null || filter(row)
  );
  const connections = shown.map((connection): SocketRow => ({
    proto: protoOf(connection.local),
    receiveQueue: connection.receiveQueue,
    sendQueue: connection.sendQueue,
    local: connection.local,
    peer: connection.peer,
    state: connection.state,
    app: connection.app,
  }));
  const detailsOf = (row: number) =>
    row < listeners.length ? [] : connectionDetails(shown[row - listeners.length]);
  return heading + "\n" +
    socketTable(
      [...listeners, ...connections],
      options.details === true ? { ...options, detailsOf } : options,
    );
}

/** Addresses of both kinds, of each host. */
function hostsText(server: ServerSnapshot): string {
  return (server.hosts ?? [server]).map(({ ip, mac }) => `${ip.join(", ")}  mac ${mac}`).join("; ");
}

/** A listener has a row for each address. */
function listenerRows(
  server: Pick<ServerSnapshot, "ip">,
  listener: ServerSnapshot["listeners"][number],
): SocketRow[] {
  return server.ip.map((ip) => ({
    proto: protoOf(ip),
    receiveQueue: 0,
    sendQueue: 0,
    local: endpointText(ip, listener.port),
    peer: "*:*",
    state: listener.state,
    app: listener.app,
  }));
}

/** How much of what all connections may hold they do hold; in the units that `--memory` takes. */
function memoryText({ memoryUsed, memoryLimit }: ServerSnapshot["figures"]): string {
  if (memoryUsed === undefined || memoryLimit === undefined) return "";
  return `  memory ${binaryText(memoryUsed)} of ${binaryText(memoryLimit)}`;
}

function binaryText(bytes: number): string {
  return bytes < MEBIBYTE ? `${Math.ceil(bytes / KIBIBYTE)} KiB` : `${Math.round(bytes / MEBIBYTE)} MiB`;
}

function protoOf(address: string): string {
  // An IPv6 address has two colons at least, an IPv4 endpoint one at most.
  return address.split(":").length > 2 ? "tcp6" : "tcp";
}

/** A connection's figures in the words of ss, each a short text. */
export function connectionDetails(info: ConnectionSnapshot): string[] {
  const details = [
    info.role,
    printable(info.congestionControl),
    `wscale ${info.sendWindowShift},${info.receiveWindowShift}`,
    `mss ${info.sendMss}/${info.receiveMss}`,
    info.pathMss > 0 ? `path mss ${info.pathMss}` : "",
    [info.sackPermitted ? "sack" : "", info.timestamps ? "ts" : "", info.ecn ? "ecn" : ""]
      .filter((name) => name !== "").join(" "),
    `rto ${usText(info.rtoUs)}${info.backoff > 0 ? ` (backed off ${info.backoff}x)` : ""}`,
    info.srttUs > 0 ? `srtt ${usText(info.srttUs)} var ${usText(info.rttvarUs)}` : "srtt -",
    info.minRttUs !== null ? `min ${usText(info.minRttUs)}` : "",
    `cwnd ${bytesText(info.cwnd)}`,
    `ssthresh ${info.ssthresh === null ? "-" : bytesText(info.ssthresh)}`,
    `flight ${bytesText(info.inFlight)}`,
    info.recovery === "open" ? "" : info.recovery,
    `retrans ${info.retransmits}`,
    info.sackedBytes > 0 ? `sacked ${bytesText(info.sackedBytes)}` : "",
    info.lostBytes > 0 ? `lost ${bytesText(info.lostBytes)}, resent ${bytesText(info.resentBytes)}` : "",
    info.duplicatesReported > 0 ? `dsack ${info.duplicatesReported}` : "",
    `snd.wnd ${bytesText(info.sndWnd)}`,
    `rcv.wnd ${bytesText(info.rcvWnd)}`,
    info.unsent > 0 ? `unsent ${bytesText(info.unsent)}` : "",
    info.outOfOrderBytes > 0 ? `out of order ${bytesText(info.outOfOrderBytes)}` : "",
    `in ${bytesText(info.bytesIn)} in ${counted(info.segmentsIn, "segment")}`,
    `out ${bytesText(info.bytesOut)} in ${counted(info.segmentsOut, "segment")}`,
    ...Object.entries(info.timers).map(([name, us]) => `timer ${printable(name)} ${usText(Math.max(0, us))}`),
  ];
  return details.filter((text) => text !== "");
}

function usText(us: number): string {
  return us < 1000 ? `${Math.round(us)} us` : durationText(us / 1000);
}
