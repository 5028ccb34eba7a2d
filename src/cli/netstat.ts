/**
 * `tcplab netstat`: the connections of the running servers, and the kernel's own beside them.
 *
 * Owns: the options, and looking again. Must not know: how a server is asked, how a table is set.
 */
import { getColorEnabled } from "@std/fmt/colors";
import { netstatToText, type SocketRow, socketTable } from "../observe/netstat.ts";
import type { ServerSnapshot } from "../observe/server_snapshot.ts";
import { paletteFor } from "../observe/text_layout.ts";
import { countClosedServers } from "../runtime/control_client.ts";
import { formatEndpoint, formatIpAddress, isUnspecified } from "../wire/address.ts";
import { CliError, type Command, EXIT_DONE } from "./command.ts";
import { type KernelSocket, readKernelSockets } from "./kernel_sockets.ts";
import { type OptionSpec, type ParsedOptions, parseOptions, type Syntax, usageText } from "./options.ts";
import { pageWidth } from "./serve_log.ts";
import { askOtherUsersServers, silentUsersLine } from "./other_users_servers.ts";
import { runningServers } from "./server_control.ts";
import { listenForStop } from "./signals.ts";
import { printLine, printOut } from "./terminal.ts";

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
] as const satisfies readonly OptionSpec[];

const SYNTAX: Syntax<typeof OPTIONS> = {
  command: "netstat",
  synopsis: "[--kernel] [--details] [--json] [--watch]",
  description:
    `Shows the connections of the tcplab servers that this user runs on this host, for root those of all users, in every
network namespace. The kernel takes no part in them: its own netstat shows nothing.`,
  options: OPTIONS,
};

type NetstatOptions = ParsedOptions<typeof OPTIONS[number]["name"]>;

const WATCH_INTERVAL_MS = 1000;
/** Cursor home and clear (ECMA-48 CUP and ED). */
const CLEAR_SCREEN = "\x1b[H\x1b[2J";

async function run(args: string[]): Promise<number> {
  const options = parseOptions(args, SYNTAX);
  if (!options.flag("watch")) {
    printLine(await look(options));
    return EXIT_DONE;
  }
  using signals = listenForStop();
  const stopped = signals.graceful.then(() => true);
  for (;;) {
    const text = await look(options);
    if (Deno.stdout.isTerminal() && !options.flag("json")) printOut(CLEAR_SCREEN);
    printLine(text);
    if (await Promise.race([stopped, pause(WATCH_INTERVAL_MS)])) return EXIT_DONE;
  }
}

/** What there is to see now, as text. */
async function look(options: NetstatOptions): Promise<string> {
  const others = await askOtherUsersServers();
  const servers = [...await runningServers(), ...others.servers];
  const kernel = options.flag("kernel") ? kernelSockets() : null;
  if (options.flag("json")) {
    const value = kernel === null ? servers : { servers, kernel: kernel.map(kernelSocketJson) };
    // One line for each look, so that a reader can take them apart.
    return jsonText(value, options.flag("watch") ? 0 : 2);
  }
  const text = netstatText(servers, {
    kernel,
    details: options.flag("details"),
    color: getColorEnabled(),
    now: Date.now() / 1000,
  });
  const closed = await countClosedServers();
  const unseen = closed === 0 ? silentUsersLine(others.silent) : closedServersLine(closed);
  return unseen === "" ? text : `${text}\n\n${unseen}`;
}

/** What a person should know who may not see everything. */
export function closedServersLine(count: number): string {
  return count === 1
    ? "1 server of another user: sudo tcplab netstat"
    : `${count} servers of other users: sudo tcplab netstat`;
}

/** JSON leaves the second set of control characters as they are, and terminals take some of them for commands. */
export function jsonText(value: unknown, indent: number): string {
  return JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}

/** The servers, and below them what the kernel knows, where that was asked for. */
export function netstatText(
  servers: readonly ServerSnapshot[],
  view: { kernel: readonly KernelSocket[] | null; details: boolean; color: boolean; now: number },
): string {
  const { details, color, now } = view;
  const ours = netstatToText(servers, { width: pageWidth(), color, details, now });
  if (view.kernel === null) return ours;
  const heading = paletteFor(color).strong("the kernel's own");
  if (view.kernel.length === 0) return `${ours}\n\n${heading}  no TCP sockets in this network namespace`;
  const isListener = (socket: KernelSocket) => socket.state === "LISTEN";
  const sorted = [...view.kernel.filter(isListener), ...view.kernel.filter((socket) => !isListener(socket))];
  return `${ours}\n\n${heading}  of this network namespace\n${
    socketTable(sorted.map(kernelSocketRow), { color })
  }`;
}

function kernelSockets(): KernelSocket[] {
  const sockets = readKernelSockets();
  if (sockets === null) {
    throw new CliError(
      "The kernel's sockets cannot be read here (no /proc/net/tcp): leave --kernel out, and use netstat",
    );
  }
  return sockets;
}

function kernelSocketRow(socket: KernelSocket): SocketRow {
  const open = socket.peerPort === 0 && isUnspecified(socket.peerAddress);
  return {
    proto: socket.localAddress.length === 4 ? "tcp" : "tcp6",
    receiveQueue: socket.receiveQueue,
    sendQueue: socket.sendQueue,
    local: formatEndpoint(socket.localAddress, socket.localPort),
    peer: open ? "*:*" : formatEndpoint(socket.peerAddress, socket.peerPort),
    state: socket.state,
    app: "",
  };
}

function kernelSocketJson(socket: KernelSocket): Record<string, unknown> {
  return {
    ...socket,
    localAddress: formatIpAddress(socket.localAddress),
    peerAddress: formatIpAddress(socket.peerAddress),
  };
}

function pause(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms));
}

/** The command. */
export const command: Command = {
  name: "netstat",
  summary: "the connections of the running servers, which the kernel's netstat cannot show",
  syntax: SYNTAX,
  usage: usageText(SYNTAX),
  run,
};
