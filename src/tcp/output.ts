/**
 * Sending: what may leave now, and in which segments (RFC 9293 §3.8.6, §3.10.2, §3.10.4).
 *
 * Owns: retransmission of what is marked lost, new data within both windows, Nagle (RFC 9293 §3.7.4), sender
 * silly-window avoidance (§3.8.6.2.1), PSH and FIN. Must not know: who marked what lost, or when deadlines
 * fire. Everything that may allow sending ends with a call of {@link output}.
 */
import { changeState, rowPrefix } from "./change_state.ts";
import { restartAfterIdle } from "./congestion.ts";
import type { MachineContext } from "./context.ts";
import { scheduleRetransmit } from "./retransmit_timer.ts";
import { resendRecord } from "./resend.ts";
import { dataFlags, effectiveMss, pushAck, pushSegment } from "./send_segment.ts";
import { seqAdd, seqDiff, seqGe } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

/** States in which data or FIN may be in flight. */
function canSend(tcb: Tcb): boolean {
  switch (tcb.state) {
    case "ESTABLISHED":
    case "CLOSE_WAIT":
    case "FIN_WAIT_1":
    case "CLOSING":
    case "LAST_ACK":
      return true;
    default:
      return false;
  }
}

/** Sends what the windows allow, lost data first; arms the retransmission deadline. */
export function output(context: MachineContext, tcb: Tcb): void {
  if (!canSend(tcb)) return;
  const before = tcb.segmentsOut;
  resendLost(context, tcb);
  if (!tcb.finSent) sendNew(context, tcb);
  const sent = tcb.segmentsOut !== before;
  if (sent) tcb.lastSendUs = context.nowUs;
  scheduleRetransmit(context, tcb, sent);
}

/** The end of every event: an ACK that is still owed leaves now. */
export function settle(context: MachineContext, tcb: Tcb): void {
  if (!tcb.ackNow) return;
  if (tcb.state === "CLOSED" || tcb.state === "LISTEN" || tcb.state === "SYN_SENT") return;
  pushAck(context, tcb, tcb.ackRule);
}

function resendLost(context: MachineContext, tcb: Tcb): void {
  const board = tcb.scoreboard;
  if (board.lostBytes === board.resentBytes) return;
  for (let index = 0; index < board.count; index++) {
    const record = board.at(index);
    if (!record.lost || record.resent) continue;
    const pipe = board.pipe(tcb.outstanding);
    // Inside a window that has shrunk or beyond it (SHLD-16, MAY-7); RFC 6675 §5 step C, RFC 5681 §3.2: the first one always goes.
    if (pipe > 0 && pipe + Math.min(seqDiff(record.end, record.seq), tcb.sendMss) > tcb.cwnd) return;
    resendRecord(context, tcb, { index, kind: tcb.recovery === "loss" ? "rto" : "fast" });
    if (board.lostBytes === board.resentBytes) return;
  }
}

/** Bytes of congestion window not in use. */
function congestionRoom(tcb: Tcb): number {
  return tcb.cwnd - tcb.scoreboard.pipe(tcb.outstanding);
}

function sendNew(context: MachineContext, tcb: Tcb): void {
  // SEND always pushes (MUST-60), and what waits together leaves together, in full segments where there is enough
  // (MAY-16, SHLD-27, SHLD-28).
  let unsent = tcb.unsentBytes;
  if (unsent > 0 && tcb.outstanding === 0) restartAfterIdle(context, tcb);
  tcb.cwndLimited = false;
  const mss = effectiveMss(tcb);
  while (unsent > 0) {
    // Negative when the peer has taken window back: then nothing new leaves (SHLD-15, MUST-34).
    const windowRoom = seqDiff(seqAdd(tcb.sndUna, tcb.sndWnd), tcb.sndNxt);
    const room = congestionRoom(tcb);
    if (room < mss && room < unsent && tcb.outstanding > 0) {
      tcb.cwndLimited = true;
      return;
    }
    let length = unsent < mss ? unsent : mss;
    if (length > windowRoom) length = windowRoom;
    if (length <= 0) return;
    if (!mayLeave(tcb, length, { unsent, mss })) return;
    let cutBytes = 0;
    // Not with urgent data: each part would carry the same pointer.
    if (context.largeSendBytes > mss && length === mss && unsent > mss && tcb.sndUp < 0) {
      const large = largeLength(context, { unsent, mss, windowRoom, room });
      if (large > mss) {
        length = large;
        cutBytes = mss;
      }
    }
    unsent -= length;
    // RFC 9293 §3.10.4: FIN rides on the last byte when both are ready.
    // FIN needs room in the window as an octet does.
    const withFin = unsent === 0 && tcb.finQueued && cutBytes === 0 && windowRoom > length;
    sendPiece(context, tcb, { length, cutBytes, withFin, isLast: unsent === 0 });
    if (withFin) return;
  }
  if (tcb.finQueued && seqDiff(seqAdd(tcb.sndUna, tcb.sndWnd), tcb.sndNxt) > 0) sendFin(context, tcb);
}

/** Sends our FIN alone, the last of the stream; also as the octet with which a shut window is probed. */
export function sendFin(context: MachineContext, tcb: Tcb): void {
  sendPiece(context, tcb, { length: 0, cutBytes: 0, withFin: true, isLast: false });
}

/** How much one large send may carry: whole segments within every limit. */
function largeLength(
  context: MachineContext,
  limits: { unsent: number; mss: number; windowRoom: number; room: number },
): number {
  const { unsent, mss, windowRoom, room } = limits;
  let length = context.largeSendBytes;
  if (unsent < length) length = unsent;
  if (windowRoom < length) length = windowRoom;
  if (room < length) length = room;
  return length - (length % mss);
}

/** RFC 9293 §3.8.6.2.1 (MUST-38) with Nagle (§3.7.4, SHLD-7): may `length` bytes leave now? */
function mayLeave(tcb: Tcb, length: number, queue: { unsent: number; mss: number }): boolean {
  if (length >= queue.mss) return true;
  if (length === queue.unsent) {
    // All that is queued (SEND always pushes): at once when nothing is in flight, or Nagle is off, or FIN follows.
    if (tcb.noDelay || tcb.outstanding === 0 || tcb.finQueued) return true;
    return tcb.sndUp >= 0;
  }
  // Not all and not a full segment: the peer's window is the limit. Half of the largest ever is worth it.
  return length >= tcb.maxSndWnd / 2;
}

function sendPiece(
  context: MachineContext,
  tcb: Tcb,
  piece: { length: number; cutBytes: number; withFin: boolean; isLast: boolean },
): void {
  tcb.beginSending();
  const seq = tcb.sndNxt;
  const end = seqAdd(seq, piece.length + (piece.withFin ? 1 : 0));
  const flags = dataFlags(piece.isLast && piece.length > 0, piece.withFin);
  if (piece.withFin) {
    context.apply("close.fin");
    changeState(context, tcb, `${rowPrefix(tcb)}.close`, flags);
    tcb.finSent = true;
    tcb.finSeq = seqAdd(seq, piece.length);
  }
  pushSegment(context, tcb, flags, seq | 0, piece.length, piece.withFin ? "close.fin" : "send.data");
  if (piece.cutBytes > 0) {
    const effect = context.effects.at(context.effects.length - 1);
    effect.cutBytes = piece.cutBytes;
  }
  tcb.addInFlight(seq | 0, end | 0, context);
  tcb.sndNxt = end;
  if (tcb.recovery === "recovery") tcb.sender.prrOut += piece.length;
  if (tcb.sndUp >= 0 && seqGe(end, tcb.sndUp)) tcb.sndUp = -1;
}

/** Whether our FIN has been sent and acknowledged. */
export function isFinAcknowledged(tcb: Tcb): boolean {
  return tcb.finSent && seqGe(tcb.sndUna, seqAdd(tcb.finSeq, 1));
}
