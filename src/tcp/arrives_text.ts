/**
 * SEGMENT ARRIVES, sixth to eighth checks: urgent, text, FIN (RFC 9293 §3.10.7.4).
 *
 * Owns: delivery in order, the out-of-order queue, when an ACK is owed (RFC 5681 §4.2), and what a FIN leads
 * to. Must not know: the ACK field; the segment has been found acceptable.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { changeState } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import { NO_ISLANDS, Reassembly } from "./reassembly.ts";
import { bareSequence, pushSegment } from "./send_segment.ts";
import type { RuleId } from "./rules.ts";
import { seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";
import { enterTimeWait } from "./time_wait.ts";

/** Whether text and FIN are still awaited in this state. */
function isReceiving(tcb: Tcb): boolean {
  return tcb.state === "ESTABLISHED" || tcb.state === "FIN_WAIT_1" || tcb.state === "FIN_WAIT_2";
}

/** Sixth check: URG (MUST-30, MUST-31, MUST-32); processed at zero window too (MUST-66). */
export function urgentArrives(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  if ((segment.flags & FLAG.URG) === 0 || !isReceiving(tcb)) return;
  // MUST-62: the pointer names the octet after the urgent data.
  const up = seqAdd(segment.seq, segment.urgentPointer);
  if (tcb.rcvUp >= 0 && seqLe(up, tcb.rcvUp)) return;
  if (seqLe(up, tcb.rcvNxt)) return;
  context.apply("arrives.check6.urgent");
  tcb.rcvUp = up;
  context.effects.push(EFFECT.URGENT, tcb);
}

/** Seventh and eighth checks: text and FIN. */
export function textArrives(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  const hasFin = (segment.flags & FLAG.FIN) !== 0;
  if (segment.payloadLength === 0 && !hasFin) return;
  if (!isReceiving(tcb)) {
    // A FIN has been received, so there can be no more (RFC 9293 §3.10.7.4: "should not occur").
    context.apply("arrives.check7.after-fin");
    return;
  }
  const text = trim(context, tcb, segment);
  if (text.length > 0) takeText(context, tcb, segment, text);
  if (text.fin >= 0) {
    if (text.fin === tcb.rcvNxt) takeFin(context, tcb);
    else if (seqGt(text.fin, tcb.rcvNxt)) {
      context.apply("arrives.check8.fin-out-of-order");
      tcb.finPending = text.fin;
      oweAck(tcb, "ack.out-of-order");
    }
  } else if (tcb.finPending >= 0 && tcb.finPending === tcb.rcvNxt) {
    takeFin(context, tcb);
  }
}

/** The part of a segment that lies in the window. */
const trimmed = { seq: 0, offset: 0, length: 0, fin: -1 };

/** Cuts off what is here already and what lies past the window or the buffer (RFC 9293 §3.10.7.4). */
function trim(context: MachineContext, tcb: Tcb, segment: TcpSegment): typeof trimmed {
  const isSyn = (segment.flags & FLAG.SYN) !== 0;
  let seq = isSyn ? seqAdd(segment.seq, 1) : segment.seq;
  let offset = segment.payloadOffset;
  let length = segment.payloadLength;
  trimmed.fin = (segment.flags & FLAG.FIN) !== 0 ? seqAdd(seq, length) : -1;
  const before = seqDiff(tcb.rcvNxt, seq);
  if (before > 0) {
    const cut = before < length ? before : length;
    if (cut > 0) noteDuplicate(context, tcb, seq, seqAdd(seq, cut));
    seq = seqAdd(seq, cut);
    offset += cut;
    length -= cut;
  }
  // What has been offered is kept room for; a little more is taken when there is room beyond the offer.
  const room = seqDiff(seqAdd(tcb.rcvNxt, roomBytes(tcb)), seq);
  if (length > room) {
    context.apply("arrives.check7.part-that-fits");
    context.counters.partialTaken++;
    length = room > 0 ? room : 0;
    trimmed.fin = -1;
    oweAck(tcb, "ack.part-that-fits");
  }
  trimmed.seq = seq;
  trimmed.offset = offset;
  trimmed.length = length;
  return trimmed;
}

function roomBytes(tcb: Tcb): number {
  // The scaled window may have been rounded up by less than one unit of the scale.
  const free = tcb.discarding ? tcb.receiveRing.limitBytes : tcb.receiveRing.room;
  const offered = tcb.rcvWnd;
  return free > offered ? free : offered;
}

function takeText(
  context: MachineContext,
  tcb: Tcb,
  segment: TcpSegment,
  text: { seq: number; offset: number; length: number },
): void {
  if (text.seq === tcb.rcvNxt) {
    takeInOrder(context, tcb, segment, text.offset, text.length);
    return;
  }
  notePeerSegment(tcb, segment);
  takeOutOfOrder(context, tcb, segment, text);
}

function notePeerSegment(tcb: Tcb, { payloadLength }: TcpSegment): void {
  if (payloadLength > tcb.peerSegmentBytes) {
    tcb.peerSegmentBytes = payloadLength < tcb.ourMss ? payloadLength : tcb.ourMss;
  }
}

/** Takes `length` bytes of text, at `offset` of the segment's buffer, that continue what has been received. */
export function takeInOrder(
  context: MachineContext,
  tcb: Tcb,
  segment: TcpSegment,
  offset: number,
  length: number,
): void {
  notePeerSegment(tcb, segment);
  context.apply("arrives.check7.in-order");
  let taken = length;
  if (tcb.reassembly.count > 0) {
    taken = fillHole(tcb, segment, offset, length);
  } else if (!tcb.discarding) {
    const ring = tcb.ringToReceive();
    // Copied at the end of the event, if it has not been read by then.
    if (ring.length === 0) {
      ring.borrow(segment.buffer, offset, length);
    } else {
      // Not `append`: a scaled window may have been rounded up, so that what was offered exceeds the limit by a little.
      ring.put(ring.length, segment.buffer, offset, length);
      ring.extend(length);
    }
  }
  tcb.rcvNxt = seqAdd(tcb.rcvNxt, taken);
  if (tcb.rcvUp >= 0 && seqGe(tcb.rcvNxt, tcb.rcvUp) && tcb.discarding) tcb.rcvUp = -1;
  tcb.bytesIn += taken;
  context.effects.push(EFFECT.DATA, tcb).length = taken;
  decideAck(context, tcb, taken);
}

/** Text in order while islands wait beyond it; returns how far RCV.NXT moves. */
function fillHole(tcb: Tcb, segment: TcpSegment, offset: number, length: number): number {
  const { reassembly, rcvNxt } = tcb;
  const end = seqAdd(rcvNxt, length);
  if (!tcb.discarding) {
    const ring = tcb.ringToReceive();
    ring.put(ring.length, segment.buffer, offset, length);
  }
  const seen = tcb.sack ? reassembly.overlap(rcvNxt, end) : null;
  if (seen !== null) reportDuplicate(tcb, seen.left, seen.right);
  const taken = seqDiff(reassembly.advance(end), rcvNxt);
  // RFC 5681 §4.2: a segment that fills a hole, or part of one, is acknowledged at once.
  oweAck(tcb, "ack.hole-filled");
  if (!tcb.discarding) tcb.receiveRing.extend(taken);
  return taken;
}

function takeOutOfOrder(
  context: MachineContext,
  tcb: Tcb,
  segment: TcpSegment,
  text: { seq: number; offset: number; length: number },
): void {
  const { seq, offset, length } = text;
  const end = seqAdd(seq, length);
  if (tcb.reassembly === NO_ISLANDS) tcb.reassembly = new Reassembly();
  const { reassembly } = tcb;
  context.counters.outOfOrder++;
  // RFC 5681 §4.2: at once, so that the sender learns of the hole (MAY-13).
  oweAck(tcb, "ack.out-of-order");
  if (reassembly.count >= tcb.config.maxIslands && reassembly.wouldAdd(seq, end)) {
    context.apply("arrives.check7.too-many-holes");
    context.counters.islandsRefused++;
    context.drop(tcb, "too-many-holes");
    return;
  }
  context.apply("arrives.check7.out-of-order");
  const seen = tcb.sack ? reassembly.overlap(seq, end) : null;
  if (seen !== null) reportDuplicate(tcb, seen.left, seen.right);
  if (!tcb.discarding) {
    const ring = tcb.ringToReceive();
    ring.put(ring.length + seqDiff(seq, tcb.rcvNxt), segment.buffer, offset, length);
  }
  reassembly.add(seq, end);
  tcb.quickAcksLeft = tcb.config.quickAcks;
}

/**
 * RFC 5681 §4.2, RFC 9293 §3.8.6.3: every second full segment at once, else within the delay (SHLD-18), so that one ACK
 * serves several segments (MUST-58). It leaves when all that arrived together has been processed (MUST-59).
 */
function decideAck(context: MachineContext, tcb: Tcb, taken: number): void {
  if (tcb.ackNow) return;
  tcb.ackBytes += taken;
  if (tcb.quickAcksLeft > 0) {
    oweAck(tcb, "ack.quick");
    return;
  }
  // SHLD-19: two full-sized segments (a GRO frame can hold many).
  if (tcb.ackBytes >= 2 * tcb.peerSegmentBytes) {
    oweAck(tcb, "ack.every-second");
    return;
  }
  if (tcb.delayedAckUs === Infinity) tcb.delayedAckUs = context.nowUs + tcb.config.delayedAckUs;
}

/** An ACK has to leave when this event is over. */
export function oweAck(tcb: Tcb, rule: RuleId): void {
  tcb.ackNow = true;
  tcb.ackRule = rule;
}

function noteDuplicate(context: MachineContext, tcb: Tcb, left: number, right: number): void {
  context.counters.duplicates++;
  if (tcb.sack) reportDuplicate(tcb, left, right);
}

/** The next ACK reports `[left, right)` as received twice; of several the first (RFC 2883 §4.2.2, §4.2.3). */
export function reportDuplicate(tcb: Tcb, left: number, right: number): void {
  if (!seqLt(left, right) || tcb.dsackLeft >= 0) return;
  tcb.dsackLeft = left;
  tcb.dsackRight = right;
}

/** Eighth check: FIN in order. The ACK leaves before anything else that the application may cause. */
function takeFin(context: MachineContext, tcb: Tcb): void {
  const { ACK } = FLAG;
  tcb.rcvNxt = seqAdd(tcb.rcvNxt, 1);
  tcb.finReceived = true;
  tcb.finPending = -1;
  context.apply("arrives.check8.fin");
  switch (tcb.state) {
    case "ESTABLISHED":
      changeState(context, tcb, "established.fin", ACK);
      break;
    case "FIN_WAIT_1":
      // Had our FIN been acknowledged by this segment, the state would be FIN_WAIT_2 by now.
      changeState(context, tcb, "fin-wait-1.fin", ACK);
      break;
    case "FIN_WAIT_2":
      enterTimeWait(context, tcb, { row: "fin-wait-2.fin", sendFlags: ACK });
      break;
    default:
      return;
  }
  pushSegment(context, tcb, ACK, bareSequence(tcb), 0, "ack.fin");
  context.effects.push(EFFECT.PEER_CLOSED, tcb);
}
