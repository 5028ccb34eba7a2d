/**
 * What a server says of itself to `netstat`, and what it asks the other servers of this host before it begins.
 *
 * Owns: the snapshot's making, and the refusal of an address that another server answers for. Must not know: how
 * snapshots travel (runtime/control_socket.ts) or are shown (observe/netstat.ts).
 */
import type { FrameLink } from "../link/link.ts";
import { netstatToText } from "../observe/netstat.ts";
import {
  type ConnectionSnapshot,
  connectionSnapshot,
  isServerSnapshot,
  readServerSnapshot,
  type ServerHeading,
  type ServerSnapshot,
} from "../observe/server_snapshot.ts";
import { findServers, type ServerSurvey, surveyServers } from "../runtime/control_client.ts";
import { type ControlSocket, openControlSocket } from "../runtime/control_socket.ts";
import { formatMac } from "../wire/address.ts";
import { CliError, errorLine } from "./command.ts";
import { readProcLink } from "./proc_files.ts";
import type { ServeConfig } from "./serve_options.ts";
import type { ServerGround } from "./server_ground.ts";
import type { Server } from "./server.ts";

/** Local choice: some screens full. */
const MOST_SHOWN = 200;

/** A snapshot with what tells servers of different network namespaces apart: they never meet. */
export interface LocatedSnapshot extends ServerSnapshot {
  /** Empty where the system has none. */
  readonly networkNamespace: string;
}

/** What the control socket speaks for. */
export interface ServerControlParts {
  readonly config: Pick<ServeConfig, "services">;
  readonly ground: Pick<ServerGround, "addresses"> & { readonly link: Pick<FrameLink, "name" | "mac"> };
  /** Null until it is there: the socket is opened before, with rights that the server does not have. */
  server: Pick<Server, "host" | "stack"> | null;
  /** Takes notices for a person, a line each. */
  readonly notice: (line: string) => void;
}

/** Asks the servers of this user that run on this host, in all network namespaces. */
export function runningServers(): Promise<ServerSurvey<LocatedSnapshot>> {
  return surveyServers(readLocatedSnapshot);
}

function readLocatedSnapshot(lines: readonly unknown[]): LocatedSnapshot | null {
  const snapshot = readServerSnapshot(lines);
  return isLocatedSnapshot(snapshot) ? snapshot : null;
}

/** Whether a value, parsed from another process's JSON, is such a snapshot. */
export function isLocatedSnapshot(value: unknown): value is LocatedSnapshot {
  return isServerSnapshot(value) && "networkNamespace" in value && typeof value.networkNamespace === "string";
}

/** The network namespace of this process, as Linux names it (`net:[4026531840]`); empty elsewhere. */
function networkNamespace(): string {
  return readProcLink("/proc/self/ns/net") ?? "";
}

/**
 * Throws {@link CliError} when another server of this network namespace answers for one of the addresses: each would
 * reset the other's connections. Where the kernel owns the address (`--rst-guard nft`) a server looks at its own
 * ports only, and only a common port is in the way.
 */
export async function refuseTakenAddresses(
  config: Pick<ServeConfig, "addresses" | "services" | "rstGuard">,
): Promise<void> {
  if (config.addresses.length === 0) return;
  const here = networkNamespace();
  // Without their connections, of which there may be many.
  const running = await findServers(readLocatedSnapshot, { request: "server" });
  const others = running.filter((other) => other.networkNamespace === here);
  const line = conflictLine(config, others);
  if (line !== null) throw new CliError(line);
}

/** The line that says which server is in the way; null when none is. */
export function conflictLine(
  config: Pick<ServeConfig, "addresses" | "services" | "rstGuard">,
  others: readonly Pick<ServerSnapshot, "pid" | "ip" | "listeners">[],
): string | null {
  for (const { pid, ip, listeners } of others) {
    const address = config.addresses.find(({ text }) => ip.includes(text));
    if (address === undefined) continue;
    const stop = `stop that one (kill ${pid})`;
    const port = config.services.find((service) => listeners.some((taken) => taken.port === service.port))
      ?.port;
    if (port !== undefined) {
      return `${address.text}:${port} is served already by process ${pid} (tcplab netstat): choose another --ip, or ${stop}`;
    }
    if (config.rstGuard === "nft") continue;
    return `${address.text} is served already by process ${pid}, which would reset what comes for another port: ` +
      `choose another --ip, or ${stop} and serve all ports in one (--serve P=APP,P=APP)`;
  }
  return null;
}

/** Opens the control socket, where it is usual unless told. A server that finds no place for it runs all the same, and says so. */
export async function openServerControl(
  parts: ServerControlParts,
  place: { readonly directory?: string } = {},
): Promise<ControlSocket | null> {
  const startedAt = Date.now() / 1000;
  try {
    return await openControlSocket({
      ...place,
      answer: (request) => {
        if (request !== "server" && request !== "snapshot") return null;
        const speaker = { ...parts, server: demandServer(parts), startedAt };
        return request === "server" ? [headingOf(speaker)] : snapshotOf(speaker);
      },
    });
  } catch (error) {
    parts.notice(`tcplab netstat will not show this server. ${errorLine(error)}`);
    return null;
  }
}

/**
 * What `netstat` would show of this server, as text, for SIGQUIT: the first connections, because whoever asks that way
 * looks at a terminal, and the server waits meanwhile.
 */
export function connectionsText(
  parts: Omit<ServerControlParts, "notice">,
  page: { width: number; most?: number },
): string {
  const { most = MOST_SHOWN, width } = page;
  const speaker = { ...parts, server: demandServer(parts), startedAt: 0 };
  const connections = [...connectionSnapshots(speaker, most)];
  const shown = netstatToText([{ ...headingOf(speaker), connections }], { width, details: true });
  const left = speaker.server.host.connectionCount - connections.length;
  return left > 0 ? `${shown}\n... and ${left} more: tcplab netstat shows them` : shown;
}

/** Who asks before there is a server hears nothing, as from one that has not started yet. */
function demandServer({ server }: Pick<ServerControlParts, "server">): NonNullable<typeof server> {
  if (server === null) throw new Error("Not listening yet");
  return server;
}

/** What speaks, once it is there. */
interface Speaker extends Omit<ServerControlParts, "notice" | "server"> {
  readonly server: NonNullable<ServerControlParts["server"]>;
  readonly startedAt: number;
}

function headingOf(
  { config, ground, server: { host }, startedAt }: Speaker,
): ServerHeading & Pick<LocatedSnapshot, "networkNamespace"> {
  const apps = appsOf(config);
  const memory = host.memory();
  return {
    pid: Deno.pid,
    device: ground.link.name,
    ip: ground.addresses.map((address) => address.text),
    mac: formatMac(ground.link.mac),
    startedAt,
    listeners: host.listeners().map(({ port, state }) => ({ port, state, app: apps.get(port) ?? "" })),
    counters: host.counters(),
    figures: {
      connections: host.connectionCount,
      memoryUsed: memory.usedBytes,
      memoryLimit: memory.limitBytes,
      memoryBuffers: memory.bufferBytes,
      memoryReserved: memory.reservedBytes,
    },
    networkNamespace: networkNamespace(),
  };
}

/** The heading, and then a connection a line, each as it is when its line is asked for. */
function* snapshotOf(speaker: Speaker): Generator<unknown, void, void> {
  yield headingOf(speaker);
  // So that it comes to an end also where connections begin faster than they are told of.
  yield* connectionSnapshots(speaker, speaker.server.host.connectionCount);
}

/** So many connections, the first in order. */
function* connectionSnapshots(
  { config, server: { host, stack } }: Speaker,
  most: number,
): Generator<ConnectionSnapshot, void, void> {
  const apps = appsOf(config);
  let left = most;
  for (const connection of host.connectionsInOrder()) {
    if (--left < 0) return;
    // The timers that it tells are counted from now, not from the last frame.
    stack.pump.enter();
    yield connectionSnapshot(connection.info(), apps.get(connection.localPort) ?? "");
  }
}

function appsOf(config: ServerControlParts["config"]): ReadonlyMap<number, string> {
  return new Map(config.services.map(({ port, app }) => [port, app]));
}
