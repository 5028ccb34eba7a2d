/**
 * Timeouts (RFC 9293 §3.10.8): what happens when a deadline of a connection is due.
 *
 * Owns: user timeout with R1 and R2 (§3.8.3), retransmission (RFC 6298 §5), when a tail (RFC 8985 §7), a shut window
 * (§3.8.6.1) or an idle peer (§3.8.4) is to be probed, delayed ACK, TIME_WAIT and FIN_WAIT_2. Must not know: wheels and
 * clocks; what leaves (output.ts).
 */
import { oweAck } from "./answer_limit.ts";
import { endConnection } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import { detectRackLoss } from "./loss_detection.ts";
import { enterLoss, enterRecoveryLate } from "./recovery.ts";
import { isWindowBlocked, userTimeoutUs } from "./retransmit_timer.ts";
import { backOff } from "./round_trip.ts";
import type { Tcb } from "./tcb.ts";
import { endingRow } from "./transitions.ts";

/** Runs every deadline of `tcb` that is due at `context.nowUs`. */
export function deadlineArrives(context: MachineContext, tcb: Tcb): void {
  const { nowUs } = context;
  if (tcb.lifetimeUs <= nowUs) lifetimeDue(context, tcb);
  if (tcb.ended !== null) return;
  if (tcb.delayedAckUs <= nowUs) {
    context.apply("ack.delayed");
    oweAck(tcb, "ack.delayed");
  }
  if (tcb.timerDueUs <= nowUs) timerDue(context, tcb);
  if (tcb.ended !== null) return;
  if (tcb.keepAliveUs <= nowUs) keepAliveDue(context, tcb);
}

function lifetimeDue(context: MachineContext, tcb: Tcb): void {
  tcb.lifetimeUs = Infinity;
  if (tcb.state === "TIME_WAIT") {
    context.apply("time-wait.end");
    endConnection(context, tcb, { row: "time-wait.timeout", reason: "normal" });
  } else if (tcb.state === "FIN_WAIT_2") {
    context.apply("fin-wait-2.end");
    endConnection(context, tcb, { row: "fin-wait-2.abandoned", reason: "timeout" });
  }
}

function timerDue(context: MachineContext, tcb: Tcb): void {
  tcb.timerDueUs = Infinity;
  switch (tcb.timerKind) {
    case "rack":
      reorderingDue(context, tcb);
      return;
    case "tlp":
      if (tcb.outstanding === 0) return;
      // The probe may be that segment again: R2 counts from when it first left.
      if (tcb.firstTimeoutUs === 0) tcb.firstTimeoutUs = tcb.scoreboard.at(0).sentUs;
      tcb.tailProbeOwed = true;
      tcb.timerIsRto = true;
      return;
    case "persist":
      windowProbeDue(context, tcb);
      return;
    case "rto":
      timeoutDue(context, tcb);
  }
}

/** The reordering window has passed (RFC 8985 §6.3): what is still missing is lost. */
function reorderingDue(context: MachineContext, tcb: Tcb): void {
  context.apply("recovery.reorder-timeout");
  detectRackLoss(tcb, context.nowUs);
  enterRecoveryLate(context, tcb);
  tcb.timerIsRto = true;
}

function windowProbeDue(context: MachineContext, tcb: Tcb): void {
  if (tcb.outstanding === 0 && !isWindowBlocked(tcb)) return;
  if (hasTimedOut(context, tcb)) return;
  if (tcb.timerKind !== "persist") {
    tcb.timerKind = "persist";
    tcb.timerBackoff = 0;
  }
  tcb.timerBackoff++;
  tcb.windowProbeOwed = true;
}

function timeoutDue(context: MachineContext, tcb: Tcb): void {
  if (tcb.outstanding === 0) return;
  if (tcb.state === "SYN_SENT" || tcb.state === "SYN_RCVD") {
    handshakeTimeout(context, tcb);
    return;
  }
  if (tcb.sndWnd === 0) {
    // The window shrank to zero with data out: probing, not congestion (SHLD-17, MUST-35).
    context.apply("send.window-shut");
    windowProbeDue(context, tcb);
    return;
  }
  if (hasTimedOut(context, tcb)) return;
  context.apply("retransmit.rto");
  context.counters.timeouts++;
  enterLoss(tcb, context.nowUs);
  backOff(tcb);
  adviseOfR1(context, tcb);
  tcb.timerIsRto = true;
}

/** MUST-20, SHLD-9, SHLD-10: at R1 the application is told, and the way to the peer is in doubt, once until something is acknowledged. */
function adviseOfR1(context: MachineContext, tcb: Tcb): void {
  if (tcb.adviceGiven || tcb.scoreboard.at(0).retransmits < tcb.config.r1Retransmissions) return;
  tcb.adviceGiven = true;
  context.apply("retransmit.r1");
  context.effects.push(EFFECT.ADVICE, tcb).drop = "the peer does not answer";
  context.effects.push(EFFECT.NO_PROGRESS, tcb);
}

/** MUST-22, MUST-23: SYN and SYN-ACK have bounds of their own. */
function handshakeTimeout(context: MachineContext, tcb: Tcb): void {
  const isActive = tcb.state === "SYN_SENT";
  const isOver = isActive
    ? context.nowUs - tcb.openedUs >= tcb.config.synR2Us ||
      tcb.synRetransmits >= tcb.config.synRetransmissions
    : tcb.synRetransmits >= tcb.config.synAckRetransmissions;
  if (isOver) {
    context.apply("retransmit.r2");
    endConnection(context, tcb, { row: endingRow(tcb.state, "timeout"), reason: "timeout" });
    return;
  }
  context.counters.timeouts++;
  if (isActive) adviseOfR1(context, tcb);
  backOff(tcb);
  context.apply(isActive ? "retransmit.syn" : "retransmit.syn-ack");
  tcb.scoreboard.markLost(tcb.scoreboard.at(0));
  tcb.timerIsRto = true;
}

/** R2 (MUST-20): nothing has been acknowledged for so long that the connection is given up. */
function hasTimedOut(context: MachineContext, tcb: Tcb): boolean {
  if (tcb.firstTimeoutUs === 0) {
    const board = tcb.scoreboard;
    tcb.firstTimeoutUs = board.count > 0 ? board.at(0).sentUs : context.nowUs;
    return false;
  }
  if (context.nowUs - tcb.firstTimeoutUs < userTimeoutUs(tcb)) return false;
  context.apply("retransmit.r2");
  endConnection(context, tcb, { row: endingRow(tcb.state, "timeout"), reason: "timeout" });
  return true;
}

function keepAliveDue(context: MachineContext, tcb: Tcb): void {
  if (tcb.state === "SYN_SENT" || tcb.state === "SYN_RCVD" || tcb.state === "TIME_WAIT") {
    tcb.keepAliveUs = Infinity;
    return;
  }
  if (tcb.outstanding > 0) {
    // MUST-26: only when nothing is in flight.
    tcb.keepAliveUs = context.nowUs + tcb.keepAliveIdleUs;
    return;
  }
  if (tcb.keepAliveSent >= tcb.config.keepAliveProbes) {
    context.apply("keepalive.dead");
    endConnection(context, tcb, { row: endingRow(tcb.state, "timeout"), reason: "timeout" });
    return;
  }
  tcb.keepAliveSent++;
  context.counters.keepAlives++;
  tcb.keepAliveOwed = true;
  tcb.keepAliveUs = context.nowUs + tcb.keepAliveIntervalUs;
}
