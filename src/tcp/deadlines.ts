/**
 * Timeouts (RFC 9293 §3.10.8): what happens when a deadline of a connection is due.
 *
 * Owns: user timeout with R1 and R2 (§3.8.3), retransmission (RFC 6298 §5), tail loss probe (RFC 8985 §7),
 * zero-window probe (§3.8.6.1), delayed ACK, keep-alive (§3.8.4), TIME_WAIT and FIN_WAIT_2. Must not know:
 * wheels and clocks.
 */
import { FLAG } from "../wire/tcp.ts";
import { endConnection, rowPrefix } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import { detectRackLoss } from "./loss_detection.ts";
import { output, sendFin } from "./output.ts";
import { enterLoss, enterRecovery } from "./recovery.ts";
import { resendRecord, tellRetransmit } from "./resend.ts";
import { armPersist, armRto, isWindowBlocked } from "./retransmit_timer.ts";
import { backOff } from "./round_trip.ts";
import { pushAck, pushSegment } from "./send_segment.ts";
import { seqAdd, seqDiff } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

const { ACK } = FLAG;

/** Runs every deadline of `tcb` that is due at `context.nowUs`. */
export function deadlineArrives(context: MachineContext, tcb: Tcb): void {
  const { nowUs } = context;
  if (tcb.lifetimeUs <= nowUs) {
    lifetimeDue(context, tcb);
    if (tcb.state === "CLOSED") return;
  }
  if (tcb.delayedAckUs <= nowUs) {
    context.apply("ack.delayed");
    pushAck(context, tcb, "ack.delayed");
  }
  if (tcb.retransmitUs <= nowUs) {
    retransmitDue(context, tcb);
    if (tcb.ended !== null) return;
  }
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

function retransmitDue(context: MachineContext, tcb: Tcb): void {
  tcb.retransmitUs = Infinity;
  switch (tcb.retransmitKind) {
    case "rack":
      rackDue(context, tcb);
      return;
    case "tlp":
      tailProbeDue(context, tcb);
      return;
    case "persist":
      persistDue(context, tcb);
      return;
    case "rto":
      timeoutDue(context, tcb);
  }
}

/** The reordering window has passed (RFC 8985 §6.3): what is still missing is lost. */
function rackDue(context: MachineContext, tcb: Tcb): void {
  context.apply("recovery.reorder-timeout");
  const waitUs = detectRackLoss(context, tcb);
  if (tcb.scoreboard.lostBytes > 0 && tcb.recovery !== "recovery" && tcb.recovery !== "loss") {
    enterRecovery(context, tcb);
    tcb.cwnd = Math.max(tcb.scoreboard.pipe(tcb.outstanding) + tcb.sendMss, tcb.sendMss);
  }
  if (waitUs > 0) {
    tcb.retransmitKind = "rack";
    tcb.retransmitUs = context.nowUs + waitUs;
  } else if (tcb.outstanding > 0) {
    armRto(context, tcb);
  }
  output(context, tcb);
}

/** RFC 8985 §7.3: new data if there is any, else the last segment again. */
function tailProbeDue(context: MachineContext, tcb: Tcb): void {
  const board = tcb.scoreboard;
  if (board.count === 0) return;
  context.apply("recovery.tail-probe");
  context.counters.tailProbes++;
  if (!probeWithNewData(context, tcb)) {
    tcb.sender.tlpIsRetransmit = true;
    let index = board.count - 1;
    const last = board.at(index);
    if (seqDiff(last.end, last.seq) > tcb.sendMss) {
      board.split(index, seqAdd(last.end, -tcb.sendMss));
      index = board.count - 1;
    }
    tcb.sender.tlpEnd = tcb.sndNxt;
    resendRecord(context, tcb, { index, kind: "tlp" });
  }
  armRto(context, tcb);
}

/** One segment of new data beyond the congestion window; false when the peer's window, or the queue, has none. */
function probeWithNewData(context: MachineContext, tcb: Tcb): boolean {
  if (tcb.unsentBytes === 0) return false;
  const { cwnd, sndNxt, noDelay } = tcb;
  tcb.cwnd = tcb.scoreboard.pipe(tcb.outstanding) + tcb.sendMss;
  // What Nagle holds back is as good a probe as any.
  tcb.noDelay = true;
  output(context, tcb);
  tcb.noDelay = noDelay;
  tcb.cwnd = cwnd;
  if (tcb.sndNxt === sndNxt) return false;
  tcb.sender.tlpIsRetransmit = false;
  tcb.sender.tlpEnd = tcb.sndNxt;
  return true;
}

function persistDue(context: MachineContext, tcb: Tcb): void {
  if (tcb.outstanding === 0 && !isWindowBlocked(tcb)) return;
  if (hasTimedOut(context, tcb)) return;
  const room = seqDiff(seqAdd(tcb.sndUna, tcb.sndWnd), tcb.sndNxt);
  tcb.beginSending();
  context.counters.probes++;
  tcb.persistBackoff++;
  tcb.retransmitUs = Infinity;
  if (tcb.outstanding > 0) {
    // The octet sent before, again.
    context.apply("send.window-probe");
    resendRecord(context, tcb, { index: 0, kind: "probe", limitBytes: 1 });
  } else if (tcb.unsentBytes === 0) {
    context.apply("send.window-probe");
    sendFin(context, tcb);
  } else {
    // MUST-36, §3.8.6.1: one octet of new data; or, the window being small but open, what fits (the override time-out).
    const length = room > 0 ? Math.min(room, tcb.unsentBytes, tcb.sendMss) : 1;
    context.apply(room > 0 ? "send.override" : "send.window-probe");
    const seq = tcb.sndNxt;
    if (room <= 0) tellRetransmit(context, tcb, { kind: "probe", seq, length, count: tcb.persistBackoff });
    pushSegment(context, tcb, ACK, seq, length, room > 0 ? "send.override" : "send.window-probe");
    tcb.sndNxt = seqAdd(seq, length);
    tcb.addInFlight(seq, tcb.sndNxt, context);
    if (room > 0) {
      tcb.persistBackoff = 0;
      armRto(context, tcb);
      return;
    }
  }
  armPersist(context, tcb);
}

function timeoutDue(context: MachineContext, tcb: Tcb): void {
  if (tcb.outstanding === 0) return;
  if (tcb.state === "SYN_SENT" || tcb.state === "SYN_RCVD") {
    handshakeTimeout(context, tcb);
    return;
  }
  if (tcb.sndWnd === 0) {
    // The window shrank to zero with data out: probing, not congestion (SHLD-17, MUST-35).
    if (tcb.persistBackoff === 0) context.apply("send.window-shut");
    persistDue(context, tcb);
    return;
  }
  if (hasTimedOut(context, tcb)) return;
  context.apply("retransmit.rto");
  context.counters.timeouts++;
  enterLoss(context, tcb);
  backOff(tcb);
  adviseOfR1(context, tcb);
  armRto(context, tcb);
  output(context, tcb);
}

/** MUST-20, SHLD-9, SHLD-10: at R1 the application is told, once until something is acknowledged. */
function adviseOfR1(context: MachineContext, tcb: Tcb): void {
  if (tcb.adviceGiven || tcb.scoreboard.at(0).retransmits < tcb.config.r1Retransmissions) return;
  tcb.adviceGiven = true;
  context.apply("retransmit.r1");
  context.effects.push(EFFECT.ADVICE, tcb).drop = "the peer does not answer";
}

/** MUST-22, MUST-23: SYN and SYN-ACK have bounds of their own. */
function handshakeTimeout(context: MachineContext, tcb: Tcb): void {
  const isActive = tcb.state === "SYN_SENT";
  const isOver = isActive
    ? context.nowUs - tcb.openedUs >= tcb.config.synR2Us
    : tcb.synRetransmits >= tcb.config.synAckRetransmissions;
  if (isOver) {
    context.apply("retransmit.r2");
    endConnection(context, tcb, { row: `${rowPrefix(tcb)}.timeout`, reason: "timeout" });
    return;
  }
  context.counters.timeouts++;
  if (isActive) adviseOfR1(context, tcb);
  backOff(tcb);
  context.apply(isActive ? "retransmit.syn" : "retransmit.syn-ack");
  resendRecord(context, tcb, { index: 0, kind: isActive ? "syn" : "syn-ack" });
  armRto(context, tcb);
}

/** R2 (MUST-20): nothing has been acknowledged for so long that the connection is given up. */
function hasTimedOut(context: MachineContext, tcb: Tcb): boolean {
  if (tcb.firstTimeoutUs === 0) {
    const board = tcb.scoreboard;
    tcb.firstTimeoutUs = board.count > 0 ? board.at(0).sentUs : context.nowUs;
    return false;
  }
  if (context.nowUs - tcb.firstTimeoutUs < tcb.r2Us) return false;
  context.apply("retransmit.r2");
  endConnection(context, tcb, { row: `${rowPrefix(tcb)}.timeout`, reason: "timeout" });
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
    endConnection(context, tcb, { row: `${rowPrefix(tcb)}.timeout`, reason: "timeout" });
    return;
  }
  tcb.keepAliveSent++;
  context.counters.keepAlives++;
  context.apply("keepalive.probe");
  tellRetransmit(context, tcb, {
    kind: "keepalive",
    seq: seqAdd(tcb.sndNxt, -1),
    length: 0,
    count: tcb.keepAliveSent,
  });
  // RFC 9293 §3.8.4: SEG.SEQ = SND.NXT - 1, no data (SHLD-12).
  pushSegment(context, tcb, ACK, seqAdd(tcb.sndNxt, -1), 0, "keepalive.probe");
  tcb.keepAliveUs = context.nowUs + tcb.keepAliveIntervalUs;
}
