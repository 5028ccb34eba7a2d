/**
 * What goes over the live page's stream, made of connections and of the injector.
 *
 * Owns: the making. Must not know: when it is sent, and to whom; the shapes are in story/page_messages.ts.
 */
import type { HostConnection } from "../host/api.ts";
import type { FaultLink } from "../link/fault_link.ts";
import { describeFaults, isFaultless } from "../link/fault_spec.ts";
import { connectionEnds } from "../observe/connection_ends.ts";
import type { ServerSpeaker } from "../observe/server_answers.ts";
import type { ConnectionRow, ControlState } from "../story/page_messages.ts";
import type { ConnectionInfo } from "../tcp/info.ts";

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
export function rowOfConnection(connection: HostConnection, appOf: ServerSpeaker["appOf"]): ConnectionRow {
  return rowOf(connection.info(), appOf(connection.localPort, connection));
}

/** What an injector does now. */
export function controlState(injector: FaultLink | null): ControlState | null {
  if (injector === null) return null;
  const { faults, pending, isPaused, waiting } = injector;
  const isQuiet = isFaultless(faults.in) && isFaultless(faults.out);
  return { faults: isQuiet ? null : describeFaults(faults), pending, isPaused, waiting };
}
