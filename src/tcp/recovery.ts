/**
 * Recovery from loss: fast recovery with PRR (RFC 5681, RFC 6675, RFC 6582, RFC 6937), recovery after a time-out,
 * and the undoing of reductions that turn out to have been for nothing (RFC 3522, RFC 3708).
 *
 * Owns: the recovery state and what it does to cwnd. Must not know: which record is resent next (output.ts).
 */
import type { MachineContext } from "./context.ts";
import { emulateSacks, markFirstLost, markTimedOut } from "./loss_detection.ts";
import { seqGe, seqGt, seqLe, seqLt } from "./sequence.ts";
import { hystartSample } from "./slow_start.ts";
import type { Tcb } from "./tcb.ts";

/** Loss was found outside of recovery: one reduction for this window (RFC 6675 §5, RFC 6937 §3). */
export function enterRecovery(context: MachineContext, tcb: Tcb): void {
  context.apply("recovery.enter");
  context.counters.fastRecoveries++;
  rememberForUndo(tcb, false);
  // RFC 3168 §6.1.2: a loss in a window for which an echo has reduced already reduces no more.
  const isReduced = tcb.ecn && seqLe(tcb.sndUna, tcb.ecnRecover);
  if (!isReduced) tcb.ssthresh = tcb.congestion.onCongestion(tcb, context.nowUs, false);
  tellReduction(tcb);
  const { sender } = tcb;
  if (sender.rackReorderPersist > 0 && --sender.rackReorderPersist === 0) sender.rackReorderSteps = 1;
  tcb.recover = tcb.sndNxt;
  tcb.recovery = "recovery";
  tcb.sender.prrDelivered = 0;
  tcb.sender.prrOut = 0;
  tcb.sender.prrRecoverFs = Math.max(tcb.outstanding, tcb.sendMss);
  tcb.sender.tlpEnd = -1;
}

/** RFC 3168 §6.1.2: after a reduction of any cause the first new data carries CWR. */
function tellReduction(tcb: Tcb): void {
  if (tcb.ecn) tcb.cwrPending = true;
}

/** A retransmission time-out (RFC 5681 §3.1 equation 4, RFC 6298 §5): one segment, all in doubt. */
export function enterLoss(context: MachineContext, tcb: Tcb): void {
  if (tcb.recovery !== "loss" || seqGe(tcb.sndUna, tcb.recover)) {
    rememberForUndo(tcb, true);
    tcb.ssthresh = tcb.congestion.onCongestion(tcb, context.nowUs, true);
  }
  tcb.recover = tcb.sndNxt;
  tcb.recovery = "loss";
  tellReduction(tcb);
  tcb.cwnd = tcb.sendMss;
  tcb.dupAcks = 0;
  tcb.sender.tlpEnd = -1;
  if (!tcb.sack) tcb.scoreboard.sackedBytes = 0;
  markTimedOut(context, tcb);
}

/** An acknowledgment has been taken: moves recovery on, and lets the window grow or shrink. */
export function afterAcknowledgment(
  context: MachineContext,
  tcb: Tcb,
  news: { bytes: number; isDuplicate: boolean; hasEcho: boolean },
): void {
  const { tally } = context;
  const before = tcb.recovery;
  if (tcb.recovery === "recovery" || tcb.recovery === "loss") {
    if (seqGe(tcb.sndUna, tcb.recover)) {
      leaveRecovery(context, tcb);
    } else if (news.bytes > 0 && !tcb.sack && tcb.recovery === "recovery") {
      // RFC 6582 §3.2 step 5: a partial ACK means that the next segment is lost too.
      context.apply("recovery.partial-ack");
      tcb.dupAcks = Math.max(0, tcb.dupAcks - Math.ceil(news.bytes / tcb.sendMss));
      markFirstLost(tcb);
      emulateSacks(tcb);
    }
  }
  const board = tcb.scoreboard;
  switch (tcb.recovery) {
    case "open":
    case "disorder":
      if (board.lostBytes > 0) {
        enterRecovery(context, tcb);
        proportionalRate(tcb, tally.deliveredBytes);
        return;
      }
      tcb.recovery = board.sackedBytes > 0 || tcb.dupAcks > 0 ? "disorder" : "open";
      // RFC 5681 §3.2 step 6, RFC 6937: the ACK that ends recovery leaves the window at ssthresh.
      // Nor does one that echoes congestion grow it (RFC 3168 §6.1.2).
      if (before === "recovery" || news.hasEcho) return;
      // The one that ends recovery from a time-out may cover what had arrived before it: one segment at most.
      grow(context, tcb, before === "loss" ? Math.min(news.bytes, tcb.sendMss) : news.bytes);
      return;
    case "recovery":
      proportionalRate(tcb, news.isDuplicate && !tcb.sack ? tcb.sendMss : tally.deliveredBytes);
      return;
    case "loss":
      // RFC 5681 §3.1: slow start up to ssthresh.
      if (news.bytes > 0) tcb.congestion.onAck(tcb, news.bytes, context.nowUs);
  }
}

function grow(context: MachineContext, tcb: Tcb, ackedBytes: number): void {
  const { rttUs } = context.tally;
  if (rttUs >= 0 && tcb.cwnd < tcb.ssthresh) hystartSample(tcb, rttUs);
  // RFC 9293's companion RFC 7661 §3: a window that was not used tells nothing; it does not grow.
  if (ackedBytes > 0 && (tcb.cwndLimited || tcb.cwnd < 2 * (tcb.outstanding + ackedBytes))) {
    tcb.congestion.onAck(tcb, ackedBytes, context.nowUs);
  }
}

/** PRR with its slow-start reduction bound (RFC 6937 §3.1). */
function proportionalRate(tcb: Tcb, deliveredBytes: number): void {
  tcb.sender.prrDelivered += deliveredBytes;
  const pipe = tcb.scoreboard.pipe(tcb.outstanding);
  let allowance: number;
  if (pipe > tcb.ssthresh) {
    allowance = Math.ceil((tcb.sender.prrDelivered * tcb.ssthresh) / tcb.sender.prrRecoverFs) -
      tcb.sender.prrOut;
  } else {
    const limit = Math.max(tcb.sender.prrDelivered - tcb.sender.prrOut, deliveredBytes) + tcb.sendMss;
    allowance = Math.min(tcb.ssthresh - pipe, limit);
  }
  // The first retransmission always goes.
  if (tcb.sender.prrOut === 0 && allowance < tcb.sendMss) allowance = tcb.sendMss;
  tcb.cwnd = Math.max(pipe + Math.max(allowance, 0), tcb.sendMss);
}

function leaveRecovery(context: MachineContext, tcb: Tcb): void {
  context.apply("recovery.leave");
  if (tcb.recovery === "recovery") tcb.cwnd = Math.max(tcb.ssthresh, tcb.sendMss);
  tcb.recovery = "open";
  tcb.dupAcks = 0;
  if (!tcb.sack) tcb.scoreboard.sackedBytes = 0;
  // An undo stays possible while nothing of it is past, but not beyond this window.
  if (tcb.sender.undoRetransmits === 0) tcb.sender.undoRetransmits = -1;
}

function rememberForUndo(tcb: Tcb, isTimeout: boolean): void {
  tcb.sender.undoCwnd = tcb.cwnd;
  tcb.sender.undoSsthresh = tcb.ssthresh;
  tcb.sender.undoSeq = tcb.sndUna;
  tcb.sender.undoRetransmits = 0;
  tcb.sender.undoStampUs = 0;
  tcb.sender.undoIsTimeout = isTimeout;
}

/**
 * Undoes a reduction when it is proved needless: the ACK echoes a timestamp older than our first
 * retransmission (RFC 3522 §3.2), or D-SACK has reported every one of them as a duplicate (RFC 3708 §3).
 */
export function maybeUndo(
  context: MachineContext,
  tcb: Tcb,
  proof: { tsEcho: number; isDsack: boolean; dsackRight: number; advanced: boolean },
): void {
  if (tcb.sender.undoRetransmits <= 0) return;
  const isOriginalAcked = proof.advanced && proof.tsEcho >= 0 && tcb.sender.undoStampUs !== 0 &&
    seqLt(proof.tsEcho, tcb.sender.undoStampUs) && seqGt(tcb.sndUna, tcb.sender.undoSeq);
  // RFC 3708 §3: only duplicates of what was sent again since the reduction count; others are the network's.
  const { sender } = tcb;
  if (
    proof.isDsack && seqGt(proof.dsackRight, sender.undoLeft) && seqLe(proof.dsackRight, sender.undoRight)
  ) {
    sender.undoRetransmits--;
  }
  if (!isOriginalAcked && tcb.sender.undoRetransmits > 0) return;
  context.apply("recovery.undo");
  context.counters.undone++;
  tcb.sender.undoRetransmits = -1;
  tcb.cwnd = Math.max(tcb.cwnd, tcb.sender.undoCwnd);
  tcb.ssthresh = Math.max(tcb.ssthresh, tcb.sender.undoSsthresh);
  tcb.congestion.onRestart(tcb);
  tcb.backoff = 0;
  if (tcb.recovery === "recovery" || tcb.recovery === "loss") {
    tcb.recovery = "open";
    const board = tcb.scoreboard;
    for (let index = 0; index < board.count; index++) {
      const record = board.at(index);
      if (record.lost) board.unmarkLost(record);
    }
  }
}
