/**
 * The one place where a connection's state changes: through a row of the transition table.
 *
 * Owns: the check that the row fits, and what follows from any end (deadlines stop, buffers go).
 * Must not know: why the caller chose the row.
 */
import { type MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import type { CloseReason } from "./events.ts";
import { extendPath } from "./state.ts";
import type { Tcb } from "./tcb.ts";
import { transitionById } from "./transitions.ts";

/**
 * Moves `tcb` along the row `id`. `sendFlags`: flag bits of the segment that goes out with it, -1 for none.
 * Throws when the row does not begin in the connection's state: an error of ours, never of the network.
 */
export function changeState(context: MachineContext, tcb: Tcb, id: string, sendFlags = -1): void {
  const row = transitionById(id);
  if (row.from !== tcb.state) {
    throw new Error(`Transition ${id} begins in ${row.from}, but the connection is in ${tcb.state}`);
  }
  if (tcb.path === 0) tcb.path = extendPath(0, tcb.state);
  tcb.state = row.to;
  tcb.path = extendPath(tcb.path, row.to);
  const effect = context.effects.push(EFFECT.STATE, tcb);
  effect.transition = row;
  effect.rule = context.rule;
  effect.recvFlags = context.segment === null || row.cause !== "segment" ? -1 : context.segment.flags;
  effect.sendFlags = sendFlags;
}

/** Moves `tcb` along the row `id`, which ends the connection, and lets go of all that it holds. */
export function endConnection(
  context: MachineContext,
  tcb: Tcb,
  end: { row: string; reason: CloseReason; sendFlags?: number },
): void {
  changeState(context, tcb, end.row, end.sendFlags ?? -1);
  tcb.stopDeadlines();
  tcb.scoreboard.clear();
  tcb.reassembly.clear();
  tcb.ackNow = false;
  tcb.ended = end.reason;
  context.effects.push(EFFECT.CLOSED, tcb).reason = end.reason;
}

/** The prefix of row ids that belong to the state: `fin-wait-1` for FIN_WAIT_1. */
export function rowPrefix(tcb: Tcb): string {
  return ROW_PREFIX[tcb.state];
}

const ROW_PREFIX: Readonly<Record<Tcb["state"], string>> = {
  CLOSED: "closed",
  LISTEN: "listen",
  SYN_SENT: "syn-sent",
  SYN_RCVD: "syn-rcvd",
  ESTABLISHED: "established",
  FIN_WAIT_1: "fin-wait-1",
  FIN_WAIT_2: "fin-wait-2",
  CLOSE_WAIT: "close-wait",
  CLOSING: "closing",
  LAST_ACK: "last-ack",
  TIME_WAIT: "time-wait",
};
