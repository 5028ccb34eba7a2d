/**
 * Recovery from loss: fast recovery with PRR (RFC 5681, RFC 6675, RFC 6582, RFC 6937), recovery after a time-out,
 * and the undoing of reductions that turn out to have been for nothing (RFC 3522, RFC 3708).
 *
 * Owns: the recovery state and what it does to cwnd. Must not know: which record is resent next (output.ts).
 */
import type { MachineContext } from "./context.ts";
import { emulateSacks, markFirstLost, markTimedOut } from "./loss_detection.ts";
import { type RateSample, stampAt } from "./rate_sample.ts";
import { seqLt } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

/** Loss was found outside of recovery: one reduction for this window (RFC 6675 §5, RFC 6937 §3). */
function enterRecovery(context: MachineContext, tcb: Tcb): void {
  context.apply("recovery.enter");
  context.counters.fastRecoveries++;
  rememberForUndo(tcb);
  // RFC 3168 §6.1.2: a loss in a window for which an echo has reduced already reduces no more.
  const isReduced = tcb.ecn && tcb.sndUna <= tcb.ecnRecover;
  if (!isReduced) tcb.ssthresh = tcb.congestion.onCongestion(tcb, context.nowUs, false);
  tellReduction(tcb);
  const { sender } = tcb;
  if (sender.rackReorderPersist > 0 && --sender.rackReorderPersist === 0) sender.rackReorderSteps = 1;
  tcb.recover = tcb.sndNxt;
  tcb.recovery = "recovery";
  sender.prrDelivered = 0;
  sender.prrOut = 0;
  const flight = tcb.config.recoveryBound === "safe-ack" ? tcb.cwnd : tcb.outstanding;
  sender.prrRecoverFs = Math.max(flight, tcb.sendMss);
  sender.tlpEnd = -1;
}

/** Loss that a deadline found (RFC 8985 §6.3): recovery begins with room for one segment. */
export function enterRecoveryLate(context: MachineContext, tcb: Tcb): void {
  if (tcb.scoreboard.lostBytes === 0 || tcb.recovery === "recovery" || tcb.recovery === "loss") return;
  enterRecovery(context, tcb);
  tcb.cwnd = Math.max(tcb.scoreboard.pipe(tcb.outstanding) + tcb.sendMss, tcb.sendMss);
}

/** RFC 3168 §6.1.2: after a reduction of any cause the first new data carries CWR. */
function tellReduction(tcb: Tcb): void {
  if (tcb.ecn) tcb.cwrPending = true;
}

/** A retransmission time-out (RFC 5681 §3.1 equation 4, RFC 6298 §5): one segment, all in doubt. */
export function enterLoss(tcb: Tcb, nowUs: number): void {
  // A repair has reduced nothing: what is lost in it is lost to congestion.
  if (tcb.recovery !== "loss" || tcb.sndUna >= tcb.recover || tcb.sender.isPathRepair) {
    rememberForUndo(tcb);
    tcb.ssthresh = tcb.congestion.onCongestion(tcb, nowUs, true);
  }
  tcb.recover = tcb.sndNxt;
  tcb.recovery = "loss";
  tcb.sender.isPathRepair = false;
  tellReduction(tcb);
  tcb.cwnd = tcb.sendMss;
  // RFC 6298 §5.4: the earliest segment leaves again, whatever younger ones are still thought to be on their way.
  tcb.sender.earliestIsDue = true;
  tcb.dupAcks = 0;
  tcb.sender.tlpEnd = -1;
  if (!tcb.sack) tcb.scoreboard.sackedBytes = 0;
  markTimedOut(tcb, nowUs);
}

/**
 * What is larger than the path carries is lost for sure, and no sign of congestion (RFC 1191 §6.5): it is sent again without
 * a reduction, which the acknowledgments of this window must not bring about either.
 */
export function repairTooBig(tcb: Tcb): void {
  const board = tcb.scoreboard;
  for (let index = 0; index < board.count; index++) {
    const record = board.at(index);
    if (record.end - record.seq > tcb.sendMss && !record.isSyn) board.markLost(record);
  }
  if (board.lostBytes === 0 || tcb.recovery === "recovery" || tcb.recovery === "loss") return;
  beginRepair(tcb);
}

/** The server did not take our SYN's text, which is no sign of congestion either (RFC 7413 §4.2.2): all of it is sent again. */
export function repairRefused(tcb: Tcb): void {
  const board = tcb.scoreboard;
  for (let index = 0; index < board.count; index++) board.markLost(board.at(index));
  beginRepair(tcb);
}

function beginRepair(tcb: Tcb): void {
  tcb.recovery = "loss";
  tcb.recover = tcb.sndNxt;
  tcb.sender.isPathRepair = true;
  tcb.sender.undoRetransmits = -1;
}

/** An acknowledgment of something in flight has been taken: moves recovery on, and lets the window grow or shrink. */
export function afterAcknowledgment(context: MachineContext, tcb: Tcb, sample: RateSample): void {
  const before = tcb.recovery;
  if (tcb.recovery === "recovery" || tcb.recovery === "loss") {
    if (tcb.sndUna >= tcb.recover) {
      leaveRecovery(context, tcb);
    } else if (sample.advance > 0 && !tcb.sack && tcb.recovery === "recovery") {
      // RFC 6582 §3.2 step 5: a partial ACK means that the next segment is lost too.
      context.apply("recovery.partial-ack");
      tcb.dupAcks = Math.max(0, tcb.dupAcks - Math.ceil(sample.advance / tcb.sendMss));
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
        proportionalRate(tcb, sample.deliveredBytes, false);
        return;
      }
      tcb.recovery = board.sackedBytes > 0 || tcb.dupAcks > 0 ? "disorder" : "open";
      // RFC 5681 §3.2 step 6, RFC 6937: the ACK that ends recovery leaves the window at ssthresh.
      // Nor does one that echoes congestion grow it (RFC 3168 §6.1.2).
      if (before === "recovery" || sample.hasEcho) return;
      if (sample.rttUs >= 0) tcb.congestion.onRoundTrip(tcb, sample.rttUs, context.nowUs);
      // The one that ends recovery from a time-out may cover what had arrived before it: one segment at most.
      grow(
        context,
        tcb,
        before === "loss" && !tcb.congestion.growsFull
          ? Math.min(sample.advance, tcb.sendMss)
          : growthOf(tcb, sample),
      );
      return;
    case "recovery":
      proportionalRate(
        tcb,
        sample.isDuplicate && !tcb.sack ? tcb.sendMss : sample.deliveredBytes,
        sample.advance > 0 && board.newlyLostBytes === 0,
      );
      return;
    case "loss":
      // RFC 5681 §3.1: slow start up to ssthresh.
      if (sample.advance > 0) tcb.congestion.onAck(tcb, growthOf(tcb, sample), context.nowUs);
  }
}

/** Octets that an acknowledgment lets the window grow for. */
function growthOf(tcb: Tcb, sample: RateSample): number {
  if (tcb.config.growthCounts === "acknowledged" || sample.advance === 0) return sample.advance;
  // What duplicates stood for has been delivered before; one segment filled the hole.
  return Math.max(sample.deliveredBytes - sample.emulatedBytes, Math.min(sample.deliveredBytes, tcb.sendMss));
}

/** RFC 7661 §4.2: a window of which a round trip has not used half tells nothing; it does not grow. */
function grow(context: MachineContext, tcb: Tcb, ackedBytes: number): void {
  if (ackedBytes > 0 && isWindowUsed(tcb)) tcb.congestion.onAck(tcb, ackedBytes, context.nowUs);
}

function isWindowUsed(tcb: Tcb): boolean {
  const isHalfUsed = tcb.cwnd < 2 * tcb.sender.mostFlight;
  if (tcb.config.windowUsage === "half") return tcb.cwndLimited || isHalfUsed;
  return tcb.sender.usageIsFull || (tcb.cwnd < tcb.ssthresh && isHalfUsed);
}

/** Something has been sent, or the congestion window kept it back: whether it was full in the window that is acknowledged now. */
export function noteWindowUsage(tcb: Tcb): void {
  const { sender } = tcb;
  const isFull = tcb.scoreboard.pipe(tcb.outstanding) + tcb.sendMss > tcb.cwnd;
  if (tcb.sndUna < sender.usageEnd && !isFull) return;
  sender.usageIsFull = isFull;
  sender.usageEnd = tcb.sndNxt;
}

/** PRR with its slow-start reduction bound (RFC 6937 §3.1), or that of safe ACKs (RFC 9937). */
function proportionalRate(tcb: Tcb, deliveredBytes: number, isSafe: boolean): void {
  const { sender, sendMss, ssthresh } = tcb;
  const countsSegments = tcb.config.recoveryBound === "safe-ack";
  sender.prrDelivered += deliveredBytes;
  const pipe = tcb.scoreboard.pipe(tcb.outstanding);
  let allowance: number;
  if (pipe > ssthresh) {
    allowance = Math.ceil((sender.prrDelivered * ssthresh) / sender.prrRecoverFs) - sender.prrOut;
    if (countsSegments) allowance = Math.ceil(allowance / sendMss) * sendMss;
  } else {
    const more = countsSegments && !isSafe ? 0 : sendMss;
    allowance = Math.min(
      ssthresh - pipe,
      Math.max(sender.prrDelivered - sender.prrOut, deliveredBytes) + more,
    );
  }
  // The first retransmission always goes.
  if (sender.prrOut === 0 && allowance < sendMss) allowance = sendMss;
  tcb.cwnd = Math.max(pipe + Math.max(allowance, 0), sendMss);
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

/** Congestion without anything to send again (an echo, RFC 3168 §6.1.2; a repaired tail, RFC 8985 §7.4): straight to the new threshold. */
export function reduceWindow(tcb: Tcb, nowUs: number): void {
  tcb.ssthresh = tcb.congestion.onCongestion(tcb, nowUs, false);
  if (tcb.cwnd > tcb.ssthresh) tcb.cwnd = tcb.ssthresh;
}

/** RFC 3168 §6.1.2: the peer saw congestion: one reduction a window, as for a loss. */
export function takeCongestionEcho(context: MachineContext, tcb: Tcb): void {
  if (tcb.recovery === "recovery" || tcb.recovery === "loss") return;
  if (tcb.sndUna <= tcb.ecnRecover) return;
  context.apply("arrives.check5.ecn-echo");
  context.counters.ecnReductions++;
  reduceWindow(tcb, context.nowUs);
  tcb.ecnRecover = tcb.sndNxt;
  tellReduction(tcb);
}

function rememberForUndo(tcb: Tcb): void {
  const { sender } = tcb;
  sender.undoCwnd = tcb.cwnd;
  sender.undoSsthresh = tcb.ssthresh;
  sender.undoSeq = tcb.sndUna;
  sender.undoRetransmits = 0;
  sender.undoStamp = earliestCopyStamp(tcb);
}

/**
 * The timestamp of the earliest copy that is on its way still when recovery begins, -1 if there is none: one recovery follows another
 * while it is. Its ACK proves nothing of what is sent again from now on, and echoes what is older (RFC 3522 §3.2 step 2:
 * RetransmitTS is not overwritten). What was SACKed is never echoed (RFC 7323 §4.3).
 */
function earliestCopyStamp(tcb: Tcb): number {
  const board = tcb.scoreboard;
  let earliestUs = Infinity;
  for (let index = 0; index < board.count; index++) {
    const { retransmits, sacked, sentUs } = board.at(index);
    if (retransmits > 0 && !sacked && sentUs < earliestUs) earliestUs = sentUs;
  }
  return earliestUs === Infinity ? -1 : stampAt(tcb, earliestUs);
}

/** Something of the window in doubt is sent again, with timestamp `stamp`: what proves that to have been needless. */
export function noteForUndo(tcb: Tcb, piece: { seq: number; end: number; stamp: number }): void {
  const { sender } = tcb;
  if (sender.undoRetransmits < 0) return;
  if (sender.undoRetransmits === 0) {
    if (sender.undoStamp < 0) sender.undoStamp = piece.stamp;
    sender.undoLeft = piece.seq;
    sender.undoRight = piece.end;
  } else {
    if (piece.seq < sender.undoLeft) sender.undoLeft = piece.seq;
    if (piece.end > sender.undoRight) sender.undoRight = piece.end;
  }
  sender.undoRetransmits++;
}

/**
 * Undoes a reduction when it is proved needless: the ACK echoes a timestamp older than our first
 * retransmission (RFC 3522 §3.2), or D-SACK has reported every one of them as a duplicate (RFC 3708 §3).
 */
export function maybeUndo(context: MachineContext, tcb: Tcb, sample: RateSample): void {
  const { sender } = tcb;
  if (sender.undoRetransmits <= 0) return;
  const isOriginalAcked = sample.advance > 0 && sample.tsEcho >= 0 && sender.undoStamp >= 0 &&
    seqLt(sample.tsEcho, sender.undoStamp) && tcb.sndUna > sender.undoSeq;
  // RFC 3708 §3: only duplicates of what was sent again since the reduction count; others are the network's.
  if (sample.isDsack && sample.dsackRight > sender.undoLeft && sample.dsackRight <= sender.undoRight) {
    sender.undoRetransmits--;
  }
  if (!isOriginalAcked && sender.undoRetransmits > 0) return;
  context.apply("recovery.undo");
  context.counters.undone++;
  sender.undoRetransmits = -1;
  tcb.cwnd = Math.max(tcb.cwnd, sender.undoCwnd);
  tcb.ssthresh = Math.max(tcb.ssthresh, sender.undoSsthresh);
  tcb.congestion.onRestart(tcb);
  if (tcb.timerKind !== "persist") tcb.timerBackoff = 0;
  if (tcb.recovery === "recovery" || tcb.recovery === "loss") {
    tcb.recovery = "open";
    const board = tcb.scoreboard;
    for (let index = 0; index < board.count; index++) {
      const record = board.at(index);
      if (record.lost) board.unmarkLost(record);
    }
  }
}
