/**
 * The one place where a connection's state changes: through a row of the transition table.
 *
 * Owns: the check that the row fits, and what follows from any end (deadlines stop, buffers go).
 * Must not know: why the caller chose the row.
 */
import { FLAG } from "../wire/tcp.ts";
import { type MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import type { CloseReason } from "./events.ts";
import type { RuleId } from "./rules.ts";
import { pushReset } from "./send_segment.ts";
import { extendPath } from "./state.ts";
import type { Tcb } from "./tcb.ts";
import { transitionById, type TransitionId } from "./transitions.ts";

/**
 * Moves `tcb` along the row `id`. `sendFlags`: flag bits of the segment that goes out with it, -1 for none.
 * Throws when the row does not begin in the connection's state: an error of ours, never of the network.
 */
export function changeState(context: MachineContext, tcb: Tcb, id: TransitionId, sendFlags = -1): void {
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
  effect.recvFlags = row.cause === "segment" ? context.arrivingFlags : -1;
  effect.sendFlags = sendFlags;
}

/** Moves `tcb` along the row `id`, which ends the connection, and lets go of all that it holds. */
export function endConnection(
  context: MachineContext,
  tcb: Tcb,
  end: { readonly row: TransitionId; readonly reason: CloseReason },
): void {
  changeState(context, tcb, end.row);
  letGo(tcb, end.reason);
  context.effects.push(EFFECT.CLOSED, tcb).reason = end.reason;
}

/** The same with our RST, which is the last of its segments: that the connection is gone is told behind it. */
export function endWithReset(
  context: MachineContext,
  tcb: Tcb,
  end: { readonly row: TransitionId; readonly rule: RuleId; readonly reason?: CloseReason },
): void {
  changeState(context, tcb, end.row, FLAG.RST | FLAG.ACK);
  const { reason = "reset-by-us" } = end;
  letGo(tcb, reason);
  pushReset(context, tcb, end.rule);
  context.effects.push(EFFECT.CLOSED, tcb).reason = reason;
}

function letGo(tcb: Tcb, reason: CloseReason): void {
  tcb.stopDeadlines();
  tcb.scoreboard.clear();
  tcb.reassembly.clear();
  tcb.ackNow = false;
  tcb.finAckOwed = false;
  tcb.synOwed = false;
  tcb.tailProbeOwed = false;
  tcb.windowProbeOwed = false;
  tcb.keepAliveOwed = false;
  tcb.ended = reason;
}
