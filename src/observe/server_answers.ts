/**
 * What a server says on its control socket, line by line: the heading, then a connection each.
 *
 * Owns: making these of a host, for `serve` and for servers of the library alike. Must not know: sockets, and who asks.
 */
import type { HostAtWork, HostConnection } from "../host/api.ts";
import { formatMac } from "../wire/address.ts";
import { type ConnectionSnapshot, connectionSnapshot, type ServerHeading } from "./server_snapshot.ts";

/** A host, and what is known around it. */
export interface ServerSpeaker {
  readonly pid: number;
  readonly link: { readonly name: string; readonly mac: Uint8Array };
  /** Of all hosts. */
  readonly ip: readonly string[];
  /** Each with its hardware address; told where there are several. */
  readonly hosts?: readonly { readonly mac: Uint8Array; readonly ip: readonly string[] }[];
  /** Seconds since 1970. */
  readonly startedAt: number;
  /** As Linux names it (`net:[4026531840]`); empty where it is not known. */
  readonly networkNamespace: string;
  readonly host: Pick<
    HostAtWork,
    "memory" | "listeners" | "counters" | "connectionCount" | "connectionsInOrder"
  >;
  /** What runs on a port now; of a connection, which may be older than that, what it has had from its beginning. */
  readonly appOf: (port: number, connection?: HostConnection) => string;
  /** What applications have counted, from the start, beside the host's counters. */
  readonly applicationCounters?: () => Readonly<Record<string, number>>;
  /** Called before a connection is asked for its figures, so that timers are counted from now. */
  readonly enter: () => void;
}

/** A heading with what tells servers of different network namespaces apart. */
export type LocatedHeading = ServerHeading & Pick<ServerSpeaker, "networkNamespace">;

/** What to answer, null for what is no request. */
export function answerOf(speaker: ServerSpeaker, request: string): Iterable<unknown> | null {
  if (request === "server") return [headingOf(speaker)];
  return request === "snapshot" ? snapshotOf(speaker) : null;
}

/** All but the connections. */
export function headingOf(speaker: ServerSpeaker): LocatedHeading {
  const { host, link, hosts = [] } = speaker;
  const memory = host.memory();
  return {
    pid: speaker.pid,
    device: link.name,
    ip: speaker.ip,
    mac: formatMac(link.mac),
    ...(hosts.length > 1 ? { hosts: hosts.map(({ mac, ip }) => ({ mac: formatMac(mac), ip })) } : {}),
    startedAt: speaker.startedAt,
    listeners: host.listeners().map(({ port, state }) => ({ port, state, app: speaker.appOf(port) })),
    counters: { ...host.counters(), ...speaker.applicationCounters?.() },
    figures: {
      connections: host.connectionCount,
      memoryUsed: memory.usedBytes,
      memoryLimit: memory.limitBytes,
      memoryBuffers: memory.bufferBytes,
      memoryReserved: memory.reservedBytes,
    },
    networkNamespace: speaker.networkNamespace,
  };
}

/** The heading, and then a connection a line, each as it is when its line is asked for. */
function* snapshotOf(speaker: ServerSpeaker): Generator<unknown, void, void> {
  yield headingOf(speaker);
  // So that it comes to an end also where connections begin faster than they are told of.
  yield* connectionSnapshots(speaker, speaker.host.connectionCount);
}

/** So many connections, the first in order. */
export function* connectionSnapshots(
  { host, enter, appOf }: ServerSpeaker,
  most: number,
): Generator<ConnectionSnapshot, void, void> {
  let left = most;
  for (const connection of host.connectionsInOrder()) {
    if (--left < 0) return;
    // The timers that it tells are counted from now, not from the last frame.
    enter();
    yield connectionSnapshot(connection.info(), appOf(connection.localPort, connection));
  }
}
