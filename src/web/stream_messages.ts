/**
 * What goes over the live page's stream, as values that survive JSON.
 *
 * Owns: the shapes, and making them of connections and of the injector. Must not know: when they are sent, and to whom.
 */
import type { HostConnection } from "../host/api.ts";
import type { FaultLink } from "../link/fault_link.ts";
import { describeFaults, isFaultless } from "../link/fault_spec.ts";
import { connectionEnds } from "../observe/connection_ends.ts";
import type { LocatedHeading } from "../observe/server_answers.ts";
import type { ConnectionSnapshot } from "../observe/server_snapshot.ts";
import type { ClosedEvent, TcpEvent } from "../tcp/events.ts";
import type { ConnectionInfo } from "../tcp/info.ts";
import type { TcpState } from "../tcp/state.ts";

/** A connection as the table shows it. */
export interface ConnectionRow {
  readonly id: number;
  readonly name: string;
  readonly local: string;
  readonly peer: string;
  readonly app: string;
  readonly role: "server" | "client";
  readonly state: TcpState;
  readonly states: readonly TcpState[];
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly segmentsIn: number;
  readonly segmentsOut: number;
  readonly retransmits: number;
  readonly srttUs: number;
  readonly rtoUs: number;
  readonly cwnd: number;
}

/** What is done to frames now. */
export interface ControlState {
  /** For a person; null where nothing is. */
  readonly faults: string | null;
  /** One-shot faults that wait, as they were written. */
  readonly pending: readonly string[];
  readonly isPaused: boolean;
  /** Frames that came in and wait. */
  readonly waiting: number;
}

/** The first message. */
export interface HelloMessage {
  readonly type: "hello";
  readonly version: string;
  readonly server: LocatedHeading;
  /** The newest connections, the newest last. */
  readonly rows: readonly ConnectionRow[];
  /** How many connections there are in all. */
  readonly connections: number;
  /** Null where nothing can be done to frames. */
  readonly controls: ControlState | null;
}

/** What has happened since the message before. */
export interface BatchMessage {
  readonly type: "batch";
  /** Seconds since 1970. */
  readonly time: number;
  /** Connections that are new, or differ from what was said of them. */
  readonly rows: readonly ConnectionRow[];
  /** Connections that have ended, also those that began since the message before. */
  readonly ended: readonly ClosedEvent[];
  /** Connections of which nothing more is told, because there are many that are newer. */
  readonly gone: readonly number[];
  readonly connections: number;
  /** Of the connection that is subscribed to, in order. */
  readonly events: readonly TcpEvent[];
  /** Events before these that were thrown away, because they came faster than they were taken. */
  readonly lost: number;
  /** Every figure of the connection that is subscribed to; null where there is none, or nothing new. */
  readonly figures: ConnectionSnapshot | null;
  readonly controls: ControlState | null;
}

/** A connection's row, of its figures. */
export function rowOf(info: ConnectionInfo, app: string): ConnectionRow {
  return {
    id: info.id,
    name: info.name,
    ...connectionEnds(info.name),
    app,
    role: info.role,
    state: info.state,
    states: info.states,
    bytesIn: info.bytesIn,
    bytesOut: info.bytesOut,
    segmentsIn: info.segmentsIn,
    segmentsOut: info.segmentsOut,
    retransmits: info.retransmits,
    srttUs: info.srttUs,
    rtoUs: info.rtoUs,
    cwnd: info.cwnd,
  };
}

/** A connection that is worth a row; its figures are as of the last event. */
export function rowOfConnection(connection: HostConnection, appOf: (port: number) => string): ConnectionRow {
  return rowOf(connection.info(), appOf(connection.localPort));
}

/** What an injector does now. */
export function controlState(injector: FaultLink | null): ControlState | null {
  if (injector === null) return null;
  const { faults, pending, isPaused, waiting } = injector;
  const isQuiet = isFaultless(faults.in) && isFaultless(faults.out);
  return { faults: isQuiet ? null : describeFaults(faults), pending, isPaused, waiting };
}
