/**
 * `tcplab netstat`: the connections of the running servers, and the kernel's own beside them.
 *
 * Owns: the options, and what is looked for. Must not know: how a server is asked, how a table is set.
 */
import { getColorEnabled } from "@std/fmt/colors";
import { basename } from "@std/path";
import { filteredServer, netstatToText, socketTable } from "../observe/netstat.ts";
import type { ServerSnapshot } from "../observe/server_snapshot.ts";
import { parseSocketFilter, type SocketFilter, SocketFilterError } from "../observe/socket_filter.ts";
import { counted, paletteFor } from "../observe/text_layout.ts";
import { formatIpAddress } from "../wire/address.ts";
import { CliError, type Command, EXIT_DONE, UsageError } from "./command.ts";
import { type KernelSocket, kernelSocketRow, readKernelSockets } from "./kernel_sockets.ts";
import { type OptionSpec, type ParsedOptions, parseOptions, type Syntax, usageText } from "./options.ts";
import { askOtherUsersServers } from "./other_users_servers.ts";
import { runningServers } from "./server_control.ts";
import { pageWidth, printError, printLine } from "./terminal.ts";
import { countListeningServers, unseenLines, type UnseenServers } from "./unseen_servers.ts";
import { watchPage } from "./watch_page.ts";

const OPTIONS = [
  {
    name: "details",
    alias: "d",
    kind: "flag",
    help: "each connection's figures: round trip, windows, congestion, timers",
  },
  {
    name: "kernel",
    alias: "k",
    kind: "flag",
    help: "the kernel's own TCP sockets of this network namespace beside them",
  },
  { name: "json", kind: "flag", help: "as JSON: the servers; with --kernel an object of servers and kernel" },
  { name: "watch", alias: "w", kind: "flag", help: "again every second, until Ctrl-C" },
  {
    name: "tcp",
    alias: "t",
    kind: "flag",
    help: "as netstat and ss have it: changes nothing, all that is shown is TCP",
  },
  { name: "all", alias: "a", kind: "flag", help: "the same: listeners are always shown" },
  { name: "numeric", alias: "n", kind: "flag", help: "the same: addresses and ports are always numbers" },
] as const satisfies readonly OptionSpec[];

const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "netstat",
  synopsis: "[-tan] [--kernel] [--details] [--json] [--watch] [FILTER]",
  description:
    `Shows the connections of the tcplab servers that this user runs on this host, for root those of all users, in every
network namespace. The kernel takes no part in them: its own netstat shows nothing.

FILTER is that of ss(8): state STATE (exclude STATE), then sport, dport OP :PORT; src, dst ADDR[/LEN][:PORT]; and, or, not, ( ).`,
  options: OPTIONS,
  // Nobody types a longer one; an endless one would be an attack on the parser's stack.
  positionals: { least: 0, most: 256, expected: "a filter of at most 256 words" },
  examples: [
    ["tcplab netstat state established", "connections that are open"],
    ["tcplab netstat sport = :3333 and not dst 10.0.0.0/8", "on one port, from elsewhere"],
    ["tcplab netstat -tan '( sport = :80 or sport = :443 )'", "parentheses are quoted for the shell"],
  ],
};

type NetstatOptions = ParsedOptions<typeof OPTIONS[number]["name"]>;

async function run(args: string[]): Promise<number> {
  const options = parseOptions(args, SYNTAX);
  const filter = options.positionals.length === 0 ? null : filterOf(options.positionals);
  const look = () => lookAround(options, filter);
  if (!options.flag("watch")) {
    printLine(await look());
    return EXIT_DONE;
  }
  await watchPage(look, { isPage: !options.flag("json") });
  return EXIT_DONE;
}

function filterOf(words: readonly string[]): SocketFilter {
  try {
    return parseSocketFilter(words);
  } catch (error) {
    throw error instanceof SocketFilterError ? new UsageError(error.message) : error;
  }
}

/** What there is to see now, as text. */
async function lookAround(options: NetstatOptions, filter: SocketFilter | null): Promise<string> {
  const before = await countListeningServers();
  const [own, others] = await Promise.all([runningServers(), askOtherUsersServers()]);
  const servers = [...own.servers, ...others.servers];
  // Who begins or ends in between is not counted among those that are not shown.
  const after = before !== null && before > servers.length ? await countListeningServers() : before;
  const listening = before === null || after === null ? null : Math.min(before, after);
  const unseen: UnseenServers = {
    closed: own.closed,
    elsewhere: listening === null ? null : Math.max(0, listening - servers.length),
    silent: own.silent.map((path) => basename(path, ".sock")),
    silentUsers: others.silent,
    isRoot: Deno.uid() === 0,
  };
  const kernel = options.flag("kernel") ? kernelSockets(filter) : null;
  if (options.flag("json")) {
    // Told beside the value, which is the servers' and nothing else; once, and not again every second.
    if (!options.flag("watch")) { for (const line of unseenLines(unseen)) printError(line); }
    const shown = filter === null
      ? servers
      : servers.map((server) => filteredServer(server, filter)).filter((server) => server !== null);
    const value = kernel === null ? shown : { servers: shown, kernel: kernel.map(kernelSocketJson) };
    // One line for each look, so that a reader can take them apart.
    return jsonText(value, options.flag("watch") ? 0 : 2);
  }
  const [details, color, now] = [options.flag("details"), getColorEnabled(), Date.now() / 1000];
  return netstatText(servers, { kernel, filter, details, color, now, unseen });
}

/** How {@link netstatText} is set. */
interface NetstatView {
  readonly kernel: readonly KernelSocket[] | null;
  readonly filter?: SocketFilter | null;
  readonly details: boolean;
  readonly color: boolean;
  readonly now: number;
  readonly unseen?: UnseenServers;
}

/** JSON leaves the second set of control characters as they are, and terminals take some of them for commands. */
export function jsonText(value: unknown, indent: number): string {
  return JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}

/** The servers, who else there is, and below them what the kernel knows, where that was asked for. */
export function netstatText(servers: readonly ServerSnapshot[], view: NetstatView): string {
  const { details, color, now, filter = null, unseen } = view;
  const unseenText = unseen === undefined ? [] : unseenLines(unseen);
  const page = { width: pageWidth(), rowWidth: rowWidth(), color };
  const shown = netstatToText(servers, { ...page, details, now, filter });
  const ours = shown === "" ? nothingLine(servers.length, unseenText.length > 0) : shown;
  const parts = [ours, unseenText.join("\n")];
  if (view.kernel !== null) parts.push(kernelText(view.kernel, color));
  return parts.filter((part) => part !== "").join("\n\n");
}

/** Never says that there is no server where there is one that is not shown. */
function nothingLine(servers: number, areOthers: boolean): string {
  if (servers > 0) return `No socket of ${counted(servers, "tcplab server")} passes the filter.`;
  return areOthers
    ? "No tcplab server that can be asked from here."
    : "No tcplab server is running on this host.";
}

function kernelText(sockets: readonly KernelSocket[], color: boolean): string {
  const heading = paletteFor(color).strong("the kernel's own");
  if (sockets.length === 0) return `${heading}  no TCP sockets in this network namespace`;
  const isListener = (socket: KernelSocket) => socket.state === "LISTEN";
  const sorted = [...sockets.filter(isListener), ...sockets.filter((socket) => !isListener(socket))];
  return `${heading}  of this network namespace\n${
    socketTable(sorted.map(kernelSocketRow), { color, rowWidth: rowWidth() })
  }`;
}

/** On a terminal a row has no more columns than that; a program that reads gets a line for each socket. */
function rowWidth(): number {
  return Deno.stdout.isTerminal() ? pageWidth() : Infinity;
}

function kernelSockets(filter: SocketFilter | null): KernelSocket[] {
  const sockets = readKernelSockets();
  if (sockets === null) {
    throw new CliError(
      "The kernel's sockets cannot be read here (no /proc/net/tcp): leave --kernel out, and use netstat",
    );
  }
  return filter === null ? sockets : sockets.filter((socket) => filter(kernelSocketRow(socket)));
}

function kernelSocketJson(socket: KernelSocket): Record<string, unknown> {
  return {
    ...socket,
    localAddress: formatIpAddress(socket.localAddress),
    peerAddress: formatIpAddress(socket.peerAddress),
  };
}

/** The command. */
export const command: Command = {
  name: "netstat",
  summary: "the connections of the running servers, which the kernel's netstat cannot show",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
