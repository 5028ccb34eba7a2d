/**
 * What a server says of itself to `netstat`, and what it asks the other servers of this host before it begins.
 *
 * Owns: what it says of itself, and the refusal of an address that another server answers for. Must not know: how
 * snapshots are made (observe/server_answers.ts), travel (runtime/control_socket.ts) or are shown (observe/netstat.ts).
 */
import type { HostAtWork } from "../host/api.ts";
import type { FrameLink } from "../link/link.ts";
import { netstatToText } from "../observe/netstat.ts";
import { endpointText } from "../wire/address.ts";
import { answerOf, connectionSnapshots, headingOf, type ServerSpeaker } from "../observe/server_answers.ts";
import { isServerSnapshot, readServerSnapshot, type ServerSnapshot } from "../observe/server_snapshot.ts";
import { findServers, type ServerSurvey, surveyServers } from "../runtime/control_client.ts";
import { type ControlSocket, openControlSocket } from "../runtime/control_socket.ts";
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
  readonly ground: Pick<ServerGround, "hosts" | "addresses"> & {
    readonly link: Pick<FrameLink, "name" | "mac">;
  };
  /** Null until it is there: the socket is opened before, with rights that the server does not have. */
  server:
    | (Pick<Server, "host" | "stack"> & Partial<Pick<Server, "applicationOf" | "applicationCounters">>)
    | null;
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
      return `${
        endpointText(address.text, port)
      } is served already by process ${pid} (tcplab netstat): choose another --ip, or ${stop}`;
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
      answer: (request) => answerOf(speakerOf(parts, startedAt), request),
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
  const speaker = speakerOf(parts, 0);
  const connections = [...connectionSnapshots(speaker, most)];
  const shown = netstatToText([{ ...headingOf(speaker), connections }], { width, details: true });
  const left = speaker.host.connectionCount - connections.length;
  return left > 0 ? `${shown}\n... and ${left} more: tcplab netstat shows them` : shown;
}

/** What speaks for a server. Who asks before there is a server hears nothing, as from one that has not started yet. */
export function speakerOf(
  { ground, server }: Pick<ServerControlParts, "ground" | "server">,
  startedAt: number,
): ServerSpeaker & { readonly host: HostAtWork } {
  if (server === null) throw new Error("Not listening yet");
  const { host, stack } = server;
  return {
    pid: Deno.pid,
    link: ground.link,
    ip: ground.addresses.map((address) => address.text),
    hosts: ground.hosts.map(({ mac, addresses }) => ({ mac, ip: addresses.map(({ text }) => text) })),
    startedAt,
    networkNamespace: networkNamespace(),
    host,
    appOf: (port, connection) => server.applicationOf?.(port, connection) ?? "",
    applicationCounters: () => server.applicationCounters?.() ?? {},
    enter: () => stack.pump.enter(),
  };
}
