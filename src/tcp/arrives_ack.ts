/**
 * SEGMENT ARRIVES, fifth check: the ACK field in synchronized states (RFC 9293 §3.10.7.4).
 *
 * Owns: the acceptable range (RFC 5961 §5), SND.UNA, the send window (SND.WL1, SND.WL2), SACK and D-SACK
 * reports, round-trip samples, and what became of a tail loss probe. Must not know: data that comes with the segment;
 * what leaves in answer (output.ts).
 */
import { challengeAck } from "./answer_limit.ts";
import type { ArrivingSegment } from "./arriving_segment.ts";
import { hasRoomToTell, noteProgress } from "./buffer_shares.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import { ourFinMayBeAcknowledged } from "./fin.ts";
import { detectLoss, widenReorderWindow } from "./loss_detection.ts";
import { type RateSample, takeSample } from "./rate_sample.ts";
import { afterAcknowledgment, maybeUndo, reduceWindow, takeCongestionEcho } from "./recovery.ts";
import { sampleEcho, takeRoundTrip } from "./round_trip.ts";
import { NO_SENDER } from "./sender_record.ts";
import type { Tcb } from "./tcb.ts";

/**
 * Takes the ACK field. Returns false when nothing of the segment is left to process: its ACK is out of range, or the
 * connection has come to its end. It is in a synchronized state; SYN_RCVD has been dealt with before.
 */
export function acknowledgmentArrives(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): boolean {
  const { ack } = segment;
  if (ack > tcb.sndNxt) {
    // RFC 9293 §3.10.7.4: acknowledges what was never sent: an ACK (rate-limited, RFC 5961 §5), and drop.
    context.apply("arrives.check5.ack-of-unsent");
    context.drop(tcb, "ack-of-unsent");
    challengeAck(context, tcb, "arrives.check5.ack-of-unsent");
    return false;
  }
  // MAY-12, RFC 5961 §5.2: older than any window that was ever open.
  if (ack < tcb.sndUna - tcb.maxSndWnd) {
    context.apply("arrives.check5.ack-too-old");
    context.drop(tcb, "ack-too-old");
    challengeAck(context, tcb, "arrives.check5.ack-too-old");
    return false;
  }
  if (tcb.state === "TIME_WAIT") return true;
  takeAcknowledgment(context, tcb, segment);
  return ourFinMayBeAcknowledged(context, tcb);
}

function takeAcknowledgment(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  const { sample } = context;
  const board = tcb.scoreboard;
  const lostBefore = board.lostBytes;
  if (tcb.outstanding > 0) {
    if (tcb.sack && segment.header.sackBlockCount > 0) takeSacks(context, tcb, segment);
    board.acknowledge(segment);
  }
  takeSample(context, tcb);
  if (sample.isDsack) takeDsack(context, tcb);
  if (sample.deliveredEnd > tcb.fack) tcb.fack = sample.deliveredEnd;
  if (sample.advance > 0) advance(context, tcb, segment);
  if (sample.setsWindow) setSendWindow(tcb, segment);
  tellKind(context, tcb, sample);
  if (sample.hadOutstanding) {
    takeDelivery(context, tcb, sample);
    if (lostBefore === 0 && board.lostBytes > 0) tcb.timerIsRto = true;
    board.endAcknowledgment();
  } else {
    // Nothing in flight: only the window can be news, what a probe of the tail has brought about, and that of what was sent again
    // nothing had been lost (RFC 3708 §3), which is told behind all else.
    if (tcb.sender.tlpEnd >= 0) endTailProbe(context, tcb, !sample.changesWindow);
    if (sample.isDsack) maybeUndo(context, tcb, sample);
  }
  tcb.cwndLimited = false;
  if (sample.advance > 0) tcb.timerRestarts = true;
  // MUST-37: an answer to a probe keeps the connection open, however long the window stays shut.
  if (tcb.sndWnd === 0 && tcb.timerKind === "persist") tcb.firstTimeoutUs = 0;
}

/** What of that in flight has arrived, and what that says about losses and the congestion window. */
function takeDelivery(context: MachineContext, tcb: Tcb, sample: RateSample): void {
  countDelivered(tcb, sample);
  // An ACK with D-SACK answers a copy that came too late: its echo is that of another one.
  if (!sample.isDsack) sampleRoundTrip(context, tcb, sample);
  if (tcb.sender.tlpEnd >= 0) endTailProbe(context, tcb, sample.isDuplicate);
  // As of when it arrived: what waits behind it in the device's queue is not lost.
  detectLoss(tcb, sample, context.arrivedUs);
  maybeUndo(context, tcb, sample);
  if (sample.hasEcho) takeCongestionEcho(context, tcb);
  afterAcknowledgment(context, tcb, sample);
}

/** Most segments by which one can be told to be late; as Linux (`tcp_max_reordering`). */
const MOST_REORDERING = 300;

/** How many segments have arrived, and how far out of their order. */
function countDelivered(tcb: Tcb, sample: RateSample): void {
  const { sender, sendMss } = tcb;
  const { deliveredSegments, emulatedBytes } = sample;
  if (!tcb.sack && sample.isDuplicate) sender.deliveredSegments++;
  else {
    // What duplicates stood for has been counted.
    const told = Math.round(emulatedBytes / sendMss);
    sender.deliveredSegments += Math.max(deliveredSegments - told, Math.min(deliveredSegments, 1));
  }
  const late = Math.min(Math.ceil(sample.reorderedBytes / sendMss), MOST_REORDERING);
  if (late > sender.reordering) sender.reordering = late;
}

/** SND.UNA moves: gives the ring's acknowledged bytes back, and the application room. */
export function advance(context: MachineContext, tcb: Tcb, { ack }: ArrivingSegment): void {
  tcb.sndUna = ack;
  tcb.synAcknowledged = true;
  if (tcb.sndUp >= 0 && ack >= tcb.sndUp) tcb.sndUp = -1;
  tcb.adviceGiven = false;
  tcb.firstTimeoutUs = 0;
  const { sendRing } = tcb;
  let bytes = ack - tcb.sndRingStart;
  if (bytes > sendRing.length) bytes = sendRing.length;
  if (bytes <= 0) return;
  sendRing.consume(bytes);
  tcb.sndRingStart += bytes;
  tcb.bytesOut += bytes;
  noteProgress(tcb, bytes, context.nowUs);
  const isEmpty = sendRing.length === 0;
  if (isEmpty) tcb.releaseSendRing();
  if (isEmpty || (tcb.writeBlocked && hasRoomToTell(tcb))) {
    tcb.writeBlocked = false;
    context.effects.push(EFFECT.WRITABLE, tcb);
  }
}

/** SND.WND, SND.WL1 and SND.WL2 (RFC 9293 §3.10.7.4). */
function setSendWindow(tcb: Tcb, segment: ArrivingSegment): void {
  const wasShut = tcb.sndWnd === 0;
  tcb.sndWnd = segment.header.window << tcb.sendShift;
  tcb.sndWl1 = segment.seq;
  tcb.sndWl2 = segment.ack;
  if (tcb.sndWnd > tcb.maxSndWnd) tcb.maxSndWnd = tcb.sndWnd;
  if (wasShut && tcb.sndWnd > 0 && tcb.timerKind === "persist") windowOpens(tcb);
}

/** No more probes; a one-octet probe that the peer did not take goes with the rest. */
function windowOpens(tcb: Tcb): void {
  const hasProbed = tcb.timerBackoff > 0;
  tcb.timerBackoff = 0;
  tcb.timerDueUs = Infinity;
  if (!hasProbed || tcb.outstanding !== 1 || tcb.finSent || tcb.scoreboard.count !== 1) return;
  tcb.sndNxt = tcb.scoreboard.dropNewest();
}

/** The rule of an acknowledgment: what it brought. */
function tellKind(context: MachineContext, tcb: Tcb, sample: RateSample): void {
  if (sample.isDuplicate) {
    tcb.dupAcks++;
    context.apply("arrives.check5.duplicate-ack");
  } else if (sample.advance > 0) {
    if (tcb.recovery === "open" || tcb.recovery === "disorder") tcb.dupAcks = 0;
    context.apply("arrives.check5.ack-advances");
  } else {
    context.apply(sample.changesWindow ? "arrives.check5.window-update" : "arrives.check5.ack-nothing-new");
  }
}

/** Marks what the SACK blocks report (RFC 2018 §5). */
function takeSacks(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  const { sackBlockCount } = segment.header;
  for (let edge = 0; edge < 2 * sackBlockCount; edge += 2) {
    const left = segment.sackEdge(tcb, edge);
    const right = segment.sackEdge(tcb, edge + 1);
    // Outside of what is in flight: nonsense, old, or a D-SACK (RFC 6675 §3's rule about SND.UNA).
    if (left >= right || left < tcb.sndUna || left < segment.ack || right > tcb.sndNxt) continue;
    if (tcb.scoreboard.sack(left, right) > 0) context.apply("arrives.check5.sack");
  }
}

/** RFC 2883 §4: the peer got something twice that we sent. */
function takeDsack(context: MachineContext, tcb: Tcb): void {
  context.apply("arrives.check5.d-sack");
  tcb.dsacks++;
  // To a connection that has sent nothing it is nonsense.
  if (tcb.sender !== NO_SENDER) widenReorderWindow(tcb);
}

function sampleRoundTrip(context: MachineContext, tcb: Tcb, sample: RateSample): void {
  if (sample.rttUs >= 0 && !sample.retransmitted) {
    takeRoundTrip(tcb, sample.rttUs);
  } else if (sample.advance > 0) {
    // RFC 7323 §4.1: the echo tells which copy was acknowledged, so Karn's rule does not apply.
    sampleEcho(tcb, sample.tsEcho, context.arrivedUs);
  }
}

/** RFC 8985 §7.4: what became of the tail loss probe; `isDuplicate`: the ACK, if it is bare, tells nothing new. */
function endTailProbe(context: MachineContext, tcb: Tcb, isDuplicate: boolean): void {
  const { sender } = tcb;
  const { ack, textLength, header } = context.arriving;
  if (ack < sender.tlpEnd) return;
  const isBareDuplicate = isDuplicate && textLength === 0 && header.sackBlockCount === 0;
  if (!sender.tlpIsRetransmit || context.sample.isDsack || isBareDuplicate) {
    // New data, or a copy of what had arrived: nothing was lost.
    sender.tlpEnd = -1;
    return;
  }
  // At the probe's end one cannot tell yet whether the original or the copy arrived; what is acknowledged next tells.
  if (ack === sender.tlpEnd) return;
  sender.tlpEnd = -1;
  if (tcb.recovery !== "open" && tcb.recovery !== "disorder") return;
  // The probe repaired a loss: congestion all the same.
  context.apply("recovery.tail-probe-repaired");
  reduceWindow(tcb, context.nowUs);
}
