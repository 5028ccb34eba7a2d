/**
 * New stream: what of the send ring, and whether our FIN, may leave now and in which segments (RFC 9293 §3.8.6, §3.10.2,
 * §3.10.4).
 *
 * Owns: both windows, Nagle (§3.7.4), sender silly-window avoidance (§3.8.6.2.1), PSH and FIN. Must not know: what is sent
 * again.
 */
import { burstBytes } from "./bursts.ts";
import { restartAfterIdle } from "./congestion.ts";
import type { MachineContext } from "./context.ts";
import { mayAnswerEarly } from "./fast_open.ts";
import { ourFinLeaves } from "./fin.ts";
import { recordEndAfter } from "./record_marks.ts";
import { MOST_RECORDS } from "./scoreboard.ts";
import { noteWindowUsage } from "./recovery.ts";
import { effectiveMss } from "./segment_options.ts";
import { dataFlags, pushSegment, segmentOf } from "./send_segment.ts";
import type { Tcb } from "./tcb.ts";
import { pieceEndAfter } from "./written_pieces.ts";

/** States in which data or our FIN may leave for the first time. */
function canSendNew(tcb: Tcb): boolean {
  switch (tcb.state) {
    case "ESTABLISHED":
    case "CLOSE_WAIT":
      return true;
    case "SYN_RCVD":
      // §3.10.4: with nothing queued before it FIN leaves at once.
      return (tcb.finQueued && tcb.sendRing.length === 0) || mayAnswerEarly(tcb);
    default:
      return false;
  }
}

/** Sends what both windows and Nagle let out, and our FIN behind it; notes how far the congestion window is used by it. */
export function sendNew(context: MachineContext, tcb: Tcb): void {
  const before = tcb.sndNxt;
  sendAllowed(context, tcb);
  if (tcb.config.windowUsage === "all-in-avoidance" && (tcb.sndNxt !== before || tcb.cwndLimited)) {
    noteWindowUsage(tcb);
  }
}

/** What leaves next, filled anew for each piece. */
const nextPiece = { length: 0, cutBytes: 0, withFin: false, isPushed: false, endsBurst: false };

function sendAllowed(context: MachineContext, tcb: Tcb): void {
  // SEND always pushes (MUST-60), and what waits together leaves together, in full segments where there is enough
  // (MAY-16, SHLD-27, SHLD-28).
  let unsent = tcb.unsentBytes;
  if ((unsent === 0 && !tcb.finQueued) || !canSendNew(tcb)) return;
  if (unsent > 0 && tcb.outstanding === 0 && tcb.windowRoom > 0) restartAfterIdle(tcb, context.nowUs);
  const mss = effectiveMss(tcb);
  const pushesBursts = tcb.config.pushFlag === "bursts-too";
  let burstLeft = 0;
  while (unsent > 0) {
    // Negative when the peer has taken window back: then nothing new leaves (SHLD-15, MUST-34).
    const { windowRoom } = tcb;
    const room = tcb.cwnd - tcb.scoreboard.pipe(tcb.outstanding);
    if (room < mss && room < unsent && tcb.outstanding > 0) {
      tcb.cwndLimited = true;
      return;
    }
    let length = unsent < mss ? unsent : mss;
    if (length > windowRoom) length = windowRoom;
    if (length <= 0) return;
    const toMark = tcb.recordMarks === null
      ? unsent
      : Math.min(unsent, recordEndAfter(tcb, tcb.sndNxt) - tcb.sndNxt);
    const endsRecord = toMark <= length && toMark < unsent;
    if (endsRecord) length = toMark;
    // More behind a record pushes it out.
    const isForced = endsRecord && tcb.scoreboard.count < MOST_RECORDS;
    if (!isForced && !mayLeave(tcb, length, unsent, mss)) return;
    let cutBytes = 0;
    // Not with urgent data: each part would carry the same pointer.
    if (
      tcb.internet.largeSendBytes > mss && tcb.config.peerUdpPort === 0 && length === mss && unsent > mss &&
      tcb.sndUp <= tcb.sndNxt
    ) {
      const large = largeLength(tcb, { unsent: toMark, mss, windowRoom, room });
      if (large > mss) {
        length = large;
        cutBytes = mss;
        context.counters.partsCut += large / mss - 1;
      }
    }
    const pieceEnd = tcb.sender.pieceEnds.length > 0 ? pieceEndAfter(tcb, tcb.sndNxt) : null;
    const endsPushed = pieceEnd !== null && pieceEnd.isPushed && tcb.sndNxt + length === pieceEnd.end;
    let isBurstEnd = cutBytes > 0;
    if (endsRecord) burstLeft = 0;
    else if (pushesBursts && cutBytes === 0) {
      const isBegin = burstLeft <= 0;
      if (isBegin) {
        const left = pieceEnd === null ? unsent : Math.min(unsent, pieceEnd.end - tcb.sndNxt);
        burstLeft = burstLength(tcb, { unsent: left, mss, room: Math.min(room, windowRoom) });
      }
      burstLeft -= length;
      isBurstEnd = burstLeft <= 0 && !isBegin;
    }
    unsent -= length;
    // RFC 9293 §3.10.4: FIN rides on the last byte when both are ready.
    // FIN needs room in the window as an octet does.
    const withFin = unsent === 0 && tcb.finQueued && cutBytes === 0 && windowRoom > length;
    nextPiece.length = length;
    nextPiece.cutBytes = cutBytes;
    nextPiece.withFin = withFin;
    nextPiece.isPushed = endsRecord || endsPushed;
    nextPiece.endsBurst = isBurstEnd && pushesBursts;
    sendPiece(context, tcb, nextPiece);
    if (withFin) return;
  }
  if (tcb.finQueued && tcb.windowRoom > 0) {
    sendPiece(context, tcb, { length: 0, withFin: true });
  }
}

/** Octets of the burst that begins with the next piece: without a small rest that has to wait. */
function burstLength(tcb: Tcb, limits: { unsent: number; mss: number; room: number }): number {
  const length = burstBytes(tcb, limits);
  const rest = length % limits.mss;
  return rest === 0 || mayLeave(tcb, rest, rest, limits.mss) ? length : length - rest;
}

/** How much one large send may carry: whole segments within every limit. */
function largeLength(
  tcb: Tcb,
  limits: { unsent: number; mss: number; windowRoom: number; room: number },
): number {
  const { unsent, mss, windowRoom, room } = limits;
  let length = tcb.internet.largeSendBytes;
  if (unsent < length) length = unsent;
  if (windowRoom < length) length = windowRoom;
  if (room < length) length = room;
  return length - (length % mss);
}

/**
 * RFC 9293 §3.8.6.2.1 (MUST-38) with Nagle (§3.7.4, SHLD-7): may `length` bytes leave now?
 *
 * Deviation: Nagle waits until all is acknowledged; Minshall's variant, as in Linux, until the last small segment is. Else
 * the rest of each write that is longer than a segment waits for the peer's delayed ACK.
 */
function mayLeave(tcb: Tcb, length: number, unsent: number, mss: number): boolean {
  if (length >= mss) return true;
  // A bound on small pieces in flight: what an acknowledgment has to go through.
  if (tcb.scoreboard.count >= MOST_RECORDS) return false;
  if (length === unsent) {
    // All that is queued (SEND always pushes): at once when no small segment is in flight, or Nagle is off, or FIN follows.
    if (tcb.config.cork && !tcb.finQueued) return false;
    if (tcb.noDelay || tcb.sender.smallEnd <= tcb.sndUna || tcb.finQueued) return true;
    return tcb.sndUp > tcb.sndNxt;
  }
  // Not all and not a full segment: the peer's window is the limit. Half of the largest ever is worth it.
  return length >= tcb.maxSndWnd / 2;
}

/** A piece of new stream. */
interface NewPiece {
  readonly length: number;
  /** As in an effect; absent: it is one segment. */
  readonly cutBytes?: number;
  readonly withFin?: boolean;
  /** It bears PSH, although more is queued behind it. */
  readonly isPushed?: boolean;
  /** It bears PSH as the end of a burst, and will when the burst is sent again. */
  readonly endsBurst?: boolean;
}

/** One piece of new stream leaves, whatever the windows say. */
export function sendPiece(context: MachineContext, tcb: Tcb, piece: NewPiece): void {
  const { length, cutBytes = 0, withFin = false, isPushed = false, endsBurst = false } = piece;
  tcb.beginSending();
  // CLOSE pushes, whatever SEND was told (RFC 9293 §3.9.1.4).
  const isLast = length > 0 &&
    (isPushed || endsBurst || withFin ||
      (length === tcb.unsentBytes && tcb.config.push && !tcb.sender.writeGoesOn));
  const flags = dataFlags(isLast, withFin);
  if (withFin) ourFinLeaves(context, tcb, length, flags);
  // Before what SACK has to tell has left with it.
  const isSmall = length > 0 && cutBytes === 0 && length < effectiveMss(tcb) && !wasInSyn(tcb, length);
  if (length > 0 && tcb.config.quickAcksEnd === "replying" && isReply(tcb, length, context.nowUs)) {
    tcb.quickAcksLeft = 0;
  }
  const segment = segmentOf(withFin ? "close.fin" : "send.data", flags, tcb.sndNxt, length);
  segment.cutBytes = cutBytes;
  pushSegment(context, tcb, segment);
  const record = tcb.sendNext(withFin ? length + 1 : length);
  if (isSmall) tcb.sender.smallEnd = record.end;
  record.sentUs = context.nowUs;
  record.cutBytes = cutBytes;
  record.endsBurst = endsBurst;
  record.hasFin = withFin;
  if (tcb.recovery === "recovery") tcb.sender.prrOut += length;
  noteFlight(tcb);
}

/** How much of the congestion window a round trip uses: the most that was in flight in it. */
function noteFlight(tcb: Tcb): void {
  const { sender, outstanding } = tcb;
  if (tcb.sndUna < sender.flightEnd && outstanding <= sender.mostFlight) return;
  sender.mostFlight = outstanding;
  sender.flightEnd = tcb.sndNxt;
}

/** Text that carries an ACK, or leaves soon after the peer was heard, answers it: what is to come is answered by text, too. */
function isReply(tcb: Tcb, length: number, nowUs: number): boolean {
  if (wasInSyn(tcb, length)) return false;
  if (tcb.rcvNxt > tcb.lastAckSent) return true;
  return tcb.bytesIn > 0 && nowUs - tcb.lastReceivedUs < tcb.config.delayedAckUs;
}

/** The next `length` octets were in our SYN already, and were not taken (RFC 7413 §4.2.2): they leave again. */
function wasInSyn({ passive, fastOpen, sndNxt }: Tcb, length: number): boolean {
  return !passive && fastOpen !== null && sndNxt + length <= 1 + fastOpen.textBytes;
}
