/**
 * Sending: the one way out of the machine, at the end of each event (RFC 9293 §3.8.6, §3.10.2, §3.10.4).
 *
 * Owns: the order (the ACK of a FIN, our SYN, what is lost, a probe, what is new, our FIN, the ACK that is still owed, the
 * timer). Must not know: why the record is as it is: arriving segments, deadlines and user calls change it, and nothing
 * leaves before they are done. So whatever leaves acknowledges all that has arrived.
 */
import { FLAG } from "../wire/tcp.ts";
import type { MachineContext } from "./context.ts";
import { synTextBytes, synTextLeaves } from "./fast_open.ts";
import { forgetPathLimit } from "./path_limit.ts";
import { sendProbes } from "./probes.ts";
import { resendRecord } from "./resend.ts";
import { armTimer } from "./retransmit_timer.ts";
import { sendNew } from "./send_new.ts";
import { pushAck, pushSegment, segmentOf } from "./send_segment.ts";
import { asksForEcnNow } from "./syn_offers.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, ACK, ECE, CWR } = FLAG;

/** Sends what the event allows or asks for. Nothing changes when there is nothing to send. */
export function flush(context: MachineContext, tcb: Tcb): void {
  if (tcb.state === "CLOSED" || tcb.state === "LISTEN") return;
  // Alone and first: our own FIN leaves in another segment, whatever the application does in answer.
  if (tcb.finAckOwed) pushAck(context, tcb, "ack.fin");
  if (isAtRest(tcb)) {
    if (tcb.ackNow) pushAck(context, tcb, tcb.ackRule);
    tcb.timerDueUs = Infinity;
    tcb.timerRestarts = false;
    tcb.timerIsRto = false;
    return;
  }
  const before = tcb.segmentsOut;
  if (tcb.sender.pathMtuUntilUs <= context.nowUs) forgetPathLimit(tcb);
  if (tcb.synOwed) sendSyn(context, tcb);
  if (tcb.outstanding > 0) resendLost(context, tcb);
  sendProbes(context, tcb);
  if (!tcb.finSent) sendNew(context, tcb);
  const sent = tcb.segmentsOut !== before;
  if (tcb.ackNow && tcb.state !== "SYN_SENT") pushAck(context, tcb, tcb.ackRule);
  if (sent && tcb.outstanding > 0) tcb.lastSendUs = context.nowUs;
  armTimer(tcb, context.nowUs, sent);
}

/** Nothing is in flight, and nothing waits to leave but an ACK: what most segments of a receiver find. */
function isAtRest(tcb: Tcb): boolean {
  return tcb.sndNxt === tcb.sndUna && tcb.sendRing.length === 0 && !tcb.finQueued && !tcb.synOwed &&
    !tcb.tailProbeOwed && !tcb.windowProbeOwed && !tcb.keepAliveOwed;
}

/** Our SYN, or SYN,ACK; again only where the peer has shown that it lost it, and then without text (RFC 7413 §4.2.2). */
function sendSyn(context: MachineContext, tcb: Tcb): void {
  tcb.synOwed = false;
  // RFC 3168 §6.1.1: ECE and CWR ask, ECE alone grants.
  const flags = tcb.state === "SYN_SENT"
    ? SYN | (asksForEcnNow(tcb) ? ECE | CWR : 0)
    : SYN | ACK | (tcb.ecn ? ECE : 0);
  const isFirst = tcb.sndNxt === 0;
  const textBytes = isFirst ? synTextBytes(tcb) : 0;
  pushSegment(context, tcb, segmentOf(tcb.ackRule, flags, 0, textBytes));
  if (!isFirst) return;
  const record = tcb.sendNext(1);
  record.isSyn = true;
  record.sentUs = context.nowUs;
  if (textBytes > 0) synTextLeaves(context, tcb, textBytes);
}

function resendLost(context: MachineContext, tcb: Tcb): void {
  const board = tcb.scoreboard;
  if (board.lostBytes === board.resentBytes) return;
  if (!tcb.synAcknowledged) {
    resendSyn(context, tcb);
    return;
  }
  let last = -1;
  const kind = tcb.recovery === "loss" && !tcb.sender.isPathRepair ? "rto" : "fast";
  for (let index = 0; index < board.count; index++) {
    const record = board.at(index);
    if (!record.lost || record.resent) continue;
    const pipe = board.pipe(tcb.outstanding);
    // Inside a window that has shrunk or beyond it (SHLD-16, MAY-7); RFC 6675 §5 step C, RFC 5681 §3.2: the first one always goes.
    const isDue = index === 0 && tcb.sender.earliestIsDue;
    if (!isDue && pipe > 0 && pipe + Math.min(record.end - record.seq, tcb.sendMss) > tcb.cwnd) return;
    if (isDue) tcb.sender.earliestIsDue = false;
    resendRecord(context, tcb, { index, kind, goesOn: index > 0 && last === index - 1 });
    last = index;
    if (board.lostBytes === board.resentBytes) return;
  }
}

/** As long as our SYN is not acknowledged nothing else is sent again: the peer would not take it. */
function resendSyn(context: MachineContext, tcb: Tcb): void {
  const { lost, resent } = tcb.scoreboard.at(0);
  if (lost && !resent) resendRecord(context, tcb, { index: 0, kind: "rto" });
}
