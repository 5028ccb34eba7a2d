/**
 * Putting one segment into the effects queue, with all that a departing segment changes.
 *
 * Owns: the header's fields (acknowledgment, window, urgent, ECN), the advertised window (RFC 9293 §3.8.6),
 * what SACK says (RFC 2018, RFC 2883), and the bookkeeping of an ACK that leaves. Must not know: why the
 * segment is sent.
 */
import { FLAG } from "../wire/tcp.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import type { RuleId } from "./rules.ts";
import { seqAdd, seqDiff, seqGt, seqLt } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, FIN, RST, PSH, ACK, URG, ECE, CWR } = FLAG;

/** Largest value of the window field. */
const WINDOW_FIELD_MAX = 0xffff;

/** ECN-capable transport, ECT(0), RFC 3168 §5. */
export const ECT_0 = 0b10;
/** Congestion experienced, RFC 3168 §5. */
export const CONGESTION_EXPERIENCED = 0b11;

/** TSval now: milliseconds of our clock plus the connection's offset (RFC 7323 §5.4). */
export function timestampNow(context: MachineContext, tcb: Tcb): number {
  return (Math.floor(context.nowUs / 1000) + tcb.tsOffset) >>> 0;
}

/** SACK blocks that the next segment would carry (RFC 2018 §3: four, three beside timestamps). */
export function sackBlockCount(tcb: Tcb): number {
  if (!tcb.sack) return 0;
  const blocks = tcb.reassembly.count + (tcb.dsackLeft >= 0 ? 1 : 0);
  if (blocks === 0) return 0;
  const limit = tcb.timestamps ? 3 : 4;
  return blocks < limit ? blocks : limit;
}

/**
 * Writes the SACK blocks as left, right pairs into `out` (8 values): the D-SACK block first (RFC 2883 §4),
 * then the islands, newest first (RFC 2018 §4); beside `payloadBytes` of data only as many as still fit the MSS.
 * Takes the D-SACK block: it is reported once. Returns the count.
 */
export function takeSackBlocks(tcb: Tcb, out: Uint32Array, payloadBytes: number): number {
  let limit = sackBlockCount(tcb);
  if (limit === 0) return 0;
  if (payloadBytes > 0) {
    // The length may have been chosen before an island came; the ACK that is owed for it then tells.
    const fitting = Math.floor((tcb.sendMss - payloadBytes - 4) / 8);
    if (fitting < limit) limit = fitting;
    if (limit <= 0) return 0;
  }
  let count = 0;
  if (tcb.dsackLeft >= 0) {
    out[0] = tcb.dsackLeft;
    out[1] = tcb.dsackRight;
    tcb.dsackLeft = -1;
    count = 1;
  }
  return tcb.reassembly.writeBlocks(out, count, limit);
}

/** Largest payload now: the agreed MSS less what SACK blocks take from the header's room (MUST-16). */
export function effectiveMss(tcb: Tcb): number {
  const blocks = sackBlockCount(tcb);
  return blocks === 0 ? tcb.sendMss : tcb.sendMss - 4 - 8 * blocks;
}

/** The largest window that the buffer and the field allow. */
function mostOfferable(tcb: Tcb): number {
  const limit = tcb.receiveRing.limitBytes;
  const sayable = WINDOW_FIELD_MAX << tcb.receiveShift;
  return limit < sayable ? limit : sayable;
}

/** Room for what has not arrived yet, as far as the window field can say it. */
function offerableBytes(tcb: Tcb): number {
  const limit = tcb.receiveRing.limitBytes;
  const room = tcb.discarding ? limit : limit - tcb.receiveRing.length;
  const most = mostOfferable(tcb);
  return room < most ? room : most;
}

/**
 * Chooses the window to offer and notes its right edge, which never moves left (SHLD-14); returns the
 * header's field. Receiver silly-window avoidance (MUST-39): the edge moves only by a full segment or half
 * the buffer at a time (RFC 9293 §3.8.6.2.2). While the application does not read it stays shut (MAY-8).
 */
export function offerWindow(tcb: Tcb): number {
  const limit = tcb.receiveRing.limitBytes;
  const room = offerableBytes(tcb);
  const offered = tcb.rcvWnd;
  let window = offered;
  const step = tcb.ourMss < limit / 2 ? tcb.ourMss : limit / 2;
  if (room - offered >= step) window = room;
  const shift = tcb.receiveShift;
  let field = window >>> shift;
  // A scaled field must not take back what was offered: round up where rounding down would.
  if (field << shift < offered) field++;
  if (field > WINDOW_FIELD_MAX) field = WINDOW_FIELD_MAX;
  const edge = seqAdd(tcb.rcvNxt, field << shift);
  if (seqGt(edge, tcb.rcvAdv)) tcb.rcvAdv = edge;
  return field;
}

/** Whether the window could be opened by a step worth telling (RFC 9293 §3.8.6.2.2). */
export function canOpenWindow(tcb: Tcb): boolean {
  const limit = mostOfferable(tcb);
  const room = offerableBytes(tcb);
  const offered = tcb.rcvWnd;
  const step = Math.min(2 * tcb.ourMss, limit / 2);
  // Tell it when the peer could otherwise stand still: half of the room is not offered.
  return room - offered >= step && (offered < tcb.ourMss || room - offered >= limit / 4);
}

/**
 * Queues one segment: `length` payload bytes from the send ring at this sequence number, which as a signed word is no
 * object to V8 where an unsigned one may be. With ACK set it acknowledges
 * all that has been received, and no ACK is owed any more.
 */
export function pushSegment(
  context: MachineContext,
  tcb: Tcb,
  flags: number,
  signedSeq: number,
  length: number,
  rule: RuleId,
): void {
  const seq = signedSeq >>> 0;
  const effect = context.effects.push(EFFECT.SEND, tcb);
  effect.state = tcb.state;
  effect.seq = seq;
  effect.length = length;
  effect.rule = rule;
  effect.urgentPointer = 0;
  effect.cutBytes = 0;
  effect.ecn = 0;
  effect.ack = 0;
  if (context.onRule !== null) context.onRule(rule);
  let bits = flags;
  if ((flags & SYN) !== 0) {
    // RFC 7323 §2.2: the window of a SYN is never scaled.
    const room = tcb.receiveRing.limitBytes;
    effect.window = room < WINDOW_FIELD_MAX ? room : WINDOW_FIELD_MAX;
    const edge = seqAdd(tcb.rcvNxt, effect.window);
    if ((flags & ACK) !== 0) tcb.rcvAdv = edge;
  } else if ((flags & RST) !== 0) {
    effect.window = 0;
  } else {
    effect.window = offerWindow(tcb);
    if (tcb.ecnEcho) bits |= ECE;
    if (length > 0 && tcb.ecn && rule !== "send.window-probe") markEcn(tcb, effect, seq);
    if (effect.ecn !== 0 && tcb.cwrPending) {
      bits |= CWR;
      tcb.cwrPending = false;
    }
    if (tcb.sndUp >= 0 && seqLt(seq, tcb.sndUp)) {
      const pointer = seqDiff(tcb.sndUp, seq);
      bits |= URG;
      effect.urgentPointer = pointer > WINDOW_FIELD_MAX ? WINDOW_FIELD_MAX : pointer;
    }
  }
  if ((flags & ACK) !== 0) {
    effect.ack = tcb.rcvNxt;
    tcb.lastAckSent = tcb.rcvNxt;
    tcb.ackNow = false;
    tcb.ackBytes = 0;
    tcb.delayedAckUs = Infinity;
  }
  effect.flags = bits;
  tcb.segmentsOut++;
}

/** RFC 3168 §6.1.4 to §6.1.6: new data is ECN-capable; data sent again, bare ACKs and window probes are not. */
function markEcn(tcb: Tcb, effect: { ecn: number }, seq: number): void {
  const isNew = seq === tcb.sndNxt;
  if (isNew) effect.ecn = ECT_0;
}

/** Whether an octet beyond the peer's shut window is out, as a probe. */
export function isProbing(tcb: Tcb): boolean {
  return tcb.retransmitKind === "persist" && tcb.persistBackoff > 0 && tcb.outstanding > 0 &&
    tcb.sndWnd === 0;
}

/**
 * The sequence number of a segment without text: SND.NXT; but while a window probe is out, that of the probe, since
 * behind it the segment would lie outside the peer's window and its ACK be refused.
 */
export function bareSequence(tcb: Tcb): number {
  return isProbing(tcb) ? tcb.sndUna : tcb.sndNxt;
}

/** Queues an ACK that carries nothing else. */
export function pushAck(context: MachineContext, tcb: Tcb, rule: RuleId): void {
  if (tcb.quickAcksLeft > 0) tcb.quickAcksLeft--;
  pushSegment(context, tcb, ACK, bareSequence(tcb) | 0, 0, rule);
}

/** Queues our RST on an existing connection: `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>`. */
export function pushReset(context: MachineContext, tcb: Tcb, rule: RuleId): void {
  context.counters.resetsOut++;
  pushSegment(context, tcb, RST | ACK, bareSequence(tcb), 0, rule);
}

/** Flags of a data segment: PSH on the last byte queued (MUST-61), FIN where it ends the stream. */
export function dataFlags(isLast: boolean, withFin: boolean): number {
  return ACK | (isLast ? PSH : 0) | (withFin ? FIN : 0);
}
