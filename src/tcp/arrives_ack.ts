/**
 * SEGMENT ARRIVES, fifth check: the ACK field in synchronized states (RFC 9293 §3.10.7.4).
 *
 * Owns: the acceptable range (RFC 5961 §5), SND.UNA, the send window (SND.WL1, SND.WL2), SACK and D-SACK
 * reports, round-trip samples, duplicate ACKs, ECN echo, and the state changes that an ACK of our FIN brings.
 * Must not know: data that comes with the segment.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { changeState, endConnection } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import { detectDuplicateLoss, detectRackLoss, emulateSacks, updateRack } from "./loss_detection.ts";
import { isFinAcknowledged, output } from "./output.ts";
import { afterAcknowledgment, maybeUndo } from "./recovery.ts";
import { armRto, restartRetransmit } from "./retransmit_timer.ts";
import { takeRoundTrip } from "./round_trip.ts";
import { timestampNow } from "./send_segment.ts";
import { seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt, seqMax, seqMin } from "./sequence.ts";
import { NO_SENDER } from "./sender_record.ts";
import type { Tcb } from "./tcb.ts";
import { enterTimeWait } from "./time_wait.ts";
import { challengeAck } from "./challenge_ack.ts";

/**
 * Takes the ACK field. Returns false when the segment is dropped (its ACK is out of range).
 * The connection is in a synchronized state; SYN_RCVD has been dealt with before.
 */
export function acknowledgmentArrives(context: MachineContext, tcb: Tcb, segment: TcpSegment): boolean {
  const { ack } = segment;
  if (seqGt(ack, tcb.sndNxt)) {
    // RFC 9293 §3.10.7.4: acknowledges what was never sent: an ACK (rate-limited, RFC 5961 §5), and drop.
    context.apply("arrives.check5.ack-of-unsent");
    context.drop(tcb, "ack-of-unsent");
    challengeAck(context, tcb, "arrives.check5.ack-of-unsent");
    return false;
  }
  // MAY-12, RFC 5961 §5.2: older than any window that was ever open.
  if (seqLt(ack, seqAdd(tcb.sndUna, -tcb.maxSndWnd))) {
    context.apply("arrives.check5.ack-too-old");
    context.drop(tcb, "ack-too-old");
    challengeAck(context, tcb, "arrives.check5.ack-too-old");
    return false;
  }
  if (tcb.state === "TIME_WAIT") return true;
  takeAcknowledgment(context, tcb, segment);
  return changeByAcknowledgment(context, tcb);
}

/** RFC 8985 §6.2 step 4: recoveries without D-SACK after which the reordering window is narrow again. */
const REORDER_PERSIST_RECOVERIES = 16;

// Filled anew for each acknowledgment.
const acknowledged = { bytes: 0, isDuplicate: false, hasEcho: false };
const tallyAbout = { nowUs: 0, minRttUs: 0, fack: 0, tsEcho: -1, tsOffset: 0 };

function takeAcknowledgment(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  const { ack } = segment;
  const { tally } = context;
  const board = tcb.scoreboard;
  const advance = seqDiff(ack, tcb.sndUna);
  const hadOutstanding = tcb.outstanding > 0;
  const oldWindow = tcb.sndWnd;
  const lostBefore = board.lostBytes;

  tallyAbout.nowUs = context.nowUs;
  tallyAbout.minRttUs = tcb.minRttUs;
  tallyAbout.fack = tcb.fack;
  tallyAbout.tsEcho = tcb.timestamps && segment.hasTimestamps ? segment.tsEcho : -1;
  tallyAbout.tsOffset = tcb.tsOffset;
  tally.begin(tallyAbout);
  const isDsack = tcb.sack && segment.sackBlockCount > 0 && tcb.sender !== NO_SENDER &&
    takeSacks(context, tcb, segment);
  if (advance > 0) {
    board.acknowledge(ack | 0, tally);
    tcb.sndUna = ack;
    tcb.fack = seqMax(tcb.fack, ack);
    releaseAcknowledged(context, tcb);
    tcb.adviceGiven = false;
    tcb.firstTimeoutUs = 0;
  }
  const windowChanged = updateSendWindow(tcb, segment, advance > 0) && tcb.sndWnd !== oldWindow;
  if (!hadOutstanding) {
    // Nothing in flight: only the window can be news, and what a probe of the tail has brought about.
    const isBare = segment.payloadLength === 0 && segment.sackBlockCount === 0;
    if (tcb.sender.tlpEnd >= 0) {
      endTailProbe(context, tcb, { ack, isDsack, isBareDuplicate: isBare && !windowChanged });
    }
    if (windowChanged) tcb.persistBackoff = 0;
    context.apply(windowChanged ? "arrives.check5.window-update" : "arrives.check5.ack-nothing-new");
    output(context, tcb);
    return;
  }

  // RFC 5681 §2: a duplicate ACK.
  const isDuplicate = advance === 0 && segment.payloadLength === 0 &&
    (segment.flags & (FLAG.SYN | FLAG.FIN)) === 0 &&
    (tcb.sack ? tally.deliveredBytes > 0 : tcb.sndWnd === oldWindow);
  if (isDuplicate) {
    tcb.dupAcks++;
    context.apply("arrives.check5.duplicate-ack");
  } else if (advance > 0) {
    if (tcb.recovery === "open" || tcb.recovery === "disorder") tcb.dupAcks = 0;
    context.apply("arrives.check5.ack-advances");
  } else {
    context.apply(windowChanged ? "arrives.check5.window-update" : "arrives.check5.ack-nothing-new");
  }
  if (!tcb.sack) emulateSacks(tcb);

  // An ACK with D-SACK answers a copy that came too late: its echo is that of another one.
  if (!isDsack) sampleRoundTrip(context, tcb, segment, advance);
  updateRack(context, tcb);
  if (tcb.sender.tlpEnd >= 0) {
    const isBareDuplicate = isDuplicate && segment.sackBlockCount === 0;
    endTailProbe(context, tcb, { ack, isDsack, isBareDuplicate });
  }
  let rackWaitUs = 0;
  if (tcb.sack) rackWaitUs = detectRackLoss(context, tcb);
  else detectDuplicateLoss(tcb);
  if (tcb.sender.undoRetransmits > 0) {
    maybeUndo(context, tcb, {
      tsEcho: tcb.timestamps && segment.hasTimestamps ? segment.tsEcho : -1,
      isDsack,
      dsackRight: segment.sackBlocks[1],
      advanced: advance > 0,
    });
  }
  const hasEcho = tcb.ecn && (segment.flags & FLAG.ECE) !== 0;
  if (hasEcho) takeCongestionEcho(context, tcb);
  acknowledged.bytes = advance;
  acknowledged.isDuplicate = isDuplicate;
  acknowledged.hasEcho = hasEcho;
  afterAcknowledgment(context, tcb, acknowledged);

  if (tcb.sndWnd > 0) settleProbe(tcb, oldWindow);
  if (tcb.sndWnd === 0 && advance === 0 && tcb.retransmitKind === "persist") {
    // MUST-37: an answer to a probe keeps the connection open, however long the window stays shut.
    tcb.firstTimeoutUs = 0;
  }
  if (advance > 0) restartRetransmit(context, tcb);
  const rackUs = context.nowUs + rackWaitUs;
  if (rackWaitUs > 0) {
    if (tcb.retransmitKind === "rack" || rackUs < tcb.retransmitUs) {
      tcb.retransmitKind = "rack";
      tcb.retransmitUs = rackUs;
    }
  } else if (tcb.retransmitKind === "rack" || (lostBefore === 0 && board.lostBytes > 0)) {
    if (tcb.outstanding > 0) armRto(context, tcb);
  }
  output(context, tcb);
}

/** Gives the ring's acknowledged bytes back, and the application room. */
function releaseAcknowledged(context: MachineContext, tcb: Tcb): void {
  const ringEnd = seqAdd(tcb.sndRingSeq, tcb.sendRing.length);
  const until = seqMin(tcb.sndUna, ringEnd);
  const bytes = seqDiff(until, tcb.sndRingSeq);
  if (bytes <= 0) return;
  tcb.sendRing.consume(bytes);
  tcb.sndRingSeq = until;
  tcb.bytesOut += bytes;
  const isEmpty = tcb.sendRing.length === 0;
  if (isEmpty) tcb.releaseSendRing();
  // A third of the ring at a time: an application that is woken by each ACK would send just what was acknowledged.
  if (isEmpty || (tcb.writeBlocked && tcb.sendRing.room * 3 >= tcb.sendRing.limitBytes)) {
    tcb.writeBlocked = false;
    context.effects.push(EFFECT.WRITABLE, tcb);
  }
}

/**
 * RFC 9293 §3.10.7.4: SND.WND, if this segment is not older than the one that set it. Returns whether it did.
 *
 * Deviation: a segment that acknowledges something new sets the window also when its text is sent again (SEG.SEQ below
 * SND.WL1), as in Linux: else SND.UNA would move and the old window with it, beyond what the peer ever offered.
 */
function updateSendWindow(tcb: Tcb, segment: TcpSegment, advanced: boolean): boolean {
  const { seq, ack } = segment;
  if (seqLt(ack, tcb.sndUna)) return false;
  if (!(advanced || seqLt(tcb.sndWl1, seq) || (tcb.sndWl1 === seq && seqLe(tcb.sndWl2, ack)))) return false;
  tcb.sndWnd = segment.window << tcb.sendShift;
  tcb.sndWl1 = seq;
  tcb.sndWl2 = ack;
  if (tcb.sndWnd > tcb.maxSndWnd) tcb.maxSndWnd = tcb.sndWnd;
  return true;
}

/** Marks what the SACK blocks report (RFC 2018 §5). Returns whether the first one was a D-SACK (RFC 2883 §4). */
function takeSacks(context: MachineContext, tcb: Tcb, segment: TcpSegment): boolean {
  const { sackBlocks, sackBlockCount, ack } = segment;
  let isDsack = false;
  for (let i = 0; i < sackBlockCount; i++) {
    const left = sackBlocks[2 * i];
    const right = sackBlocks[2 * i + 1];
    if (!seqLt(left, right)) continue;
    if (i === 0) {
      const isBelow = seqLe(right, ack);
      const isInside = sackBlockCount > 1 && seqGe(left, sackBlocks[2]) && seqLe(right, sackBlocks[3]);
      if (isBelow || isInside) {
        context.apply("arrives.check5.d-sack");
        isDsack = true;
        tcb.dsacks++;
        // RFC 8985 §6.2 step 4: a needless retransmission widens the window, once a round trip.
        if (seqGe(tcb.sndUna, tcb.sender.rackDsackRound < 0 ? tcb.sndUna : tcb.sender.rackDsackRound)) {
          tcb.sender.rackReorderPersist = REORDER_PERSIST_RECOVERIES;
          tcb.sender.rackReorderSteps = Math.min(tcb.sender.rackReorderSteps + 1, 20);
          tcb.sender.rackDsackRound = tcb.sndNxt;
        }
        continue;
      }
    }
    // Outside of what is in flight: nonsense or old (RFC 6675 §3's rule about SND.UNA).
    if (seqLe(right, tcb.sndUna) || seqGt(right, tcb.sndNxt) || seqLt(left, tcb.sndUna)) continue;
    if (tcb.scoreboard.sack(left, right, context.tally) > 0) {
      context.apply("arrives.check5.sack");
      tcb.fack = seqMax(tcb.fack, right);
    }
  }
  return isDsack;
}

function sampleRoundTrip(
  context: MachineContext,
  tcb: Tcb,
  segment: TcpSegment,
  advance: number,
): void {
  const { tally } = context;
  if (tally.rttUs >= 0 && !tally.retransmitted) {
    takeRoundTrip(tcb, tally.rttUs);
    return;
  }
  // RFC 7323 §4.1: the echo tells which copy was acknowledged, so Karn's rule does not apply.
  if (advance > 0 && tcb.timestamps && segment.hasTimestamps && segment.tsEcho !== 0) {
    const elapsedMs = (timestampNow(context, tcb) - segment.tsEcho) | 0;
    if (elapsedMs >= 0) takeRoundTrip(tcb, elapsedMs * 1000 || 1);
  }
}

/** RFC 8985 §7.4: what became of the tail loss probe. */
function endTailProbe(
  context: MachineContext,
  tcb: Tcb,
  news: { ack: number; isDsack: boolean; isBareDuplicate: boolean },
): void {
  const { sender } = tcb;
  if (sender.tlpEnd < 0 || seqLt(news.ack, sender.tlpEnd)) return;
  if (!sender.tlpIsRetransmit || news.isDsack || news.isBareDuplicate) {
    // New data, or a copy of what had arrived: nothing was lost.
    sender.tlpEnd = -1;
    return;
  }
  // At the probe's end one cannot tell yet whether the original or the copy arrived; what is acknowledged next tells.
  if (news.ack === sender.tlpEnd) return;
  sender.tlpEnd = -1;
  if (tcb.recovery !== "open" && tcb.recovery !== "disorder") return;
  // The probe repaired a loss: congestion all the same.
  context.apply("recovery.tail-probe-repaired");
  reduceWindow(context, tcb);
}

/** Congestion without anything to send again: straight to the new threshold. */
function reduceWindow(context: MachineContext, tcb: Tcb): void {
  tcb.ssthresh = tcb.congestion.onCongestion(tcb, context.nowUs, false);
  if (tcb.cwnd > tcb.ssthresh) tcb.cwnd = tcb.ssthresh;
}

/** RFC 3168 §6.1.2: the peer saw congestion: one reduction a window, as for a loss. */
function takeCongestionEcho(context: MachineContext, tcb: Tcb): void {
  if (tcb.recovery === "recovery" || tcb.recovery === "loss") return;
  if (seqLe(tcb.sndUna, tcb.ecnRecover)) return;
  context.apply("arrives.check5.ecn-echo");
  context.counters.ecnReductions++;
  reduceWindow(context, tcb);
  tcb.ecnRecover = tcb.sndNxt;
  tcb.cwrPending = true;
}

/** The window has opened while a one-octet probe was out that the peer did not take: it goes with the rest. */
function settleProbe(tcb: Tcb, oldWindow: number): void {
  if (tcb.persistBackoff === 0 || oldWindow !== 0) return;
  tcb.persistBackoff = 0;
  const board = tcb.scoreboard;
  if (board.count === 1 && tcb.outstanding === 1 && !tcb.finSent) {
    tcb.sndNxt = board.dropNewest();
    tcb.retransmitUs = Infinity;
  }
}

/** What the ACK of our FIN leads to. Returns false when nothing of the segment is left to process. */
function changeByAcknowledgment(context: MachineContext, tcb: Tcb): boolean {
  if (!isFinAcknowledged(tcb)) return true;
  switch (tcb.state) {
    case "FIN_WAIT_1":
      context.apply("arrives.check5.fin-acknowledged");
      changeState(context, tcb, "fin-wait-1.ack");
      if (tcb.discarding) tcb.lifetimeUs = context.nowUs + tcb.config.finWait2Us;
      return true;
    case "CLOSING":
      context.apply("arrives.check5.fin-acknowledged");
      enterTimeWait(context, tcb, { row: "closing.ack" });
      return false;
    case "LAST_ACK":
      context.apply("arrives.check5.fin-acknowledged");
      endConnection(context, tcb, { row: "last-ack.ack", reason: "normal" });
      return false;
    default:
      return true;
  }
}
