/**
 * SEGMENT ARRIVES, sixth to eighth checks: urgent, text, FIN (RFC 9293 §3.10.7.4).
 *
 * Owns: delivery in order, the out-of-order queue, and when an ACK is owed (RFC 5681 §4.2). Must not know: the ACK field;
 * the segment has been found acceptable.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { answerUnacceptable, oweAck } from "./answer_limit.ts";
import type { ArrivingSegment } from "./arriving_segment.ts";
import { endConnection, endWithReset } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import { peerFinArrives } from "./fin.ts";
import { NOTHING_OUT_OF_ORDER, Reassembly } from "./reassembly.ts";
import { growBuffer, roomBytes } from "./receive_window.ts";
import { replyWithReset } from "./reset.ts";
import type { Tcb } from "./tcb.ts";
import { arrivesInTimeWait } from "./time_wait.ts";
import { endingRow } from "./transitions.ts";

/** Whether text and FIN are still awaited in this state. */
function isReceiving(tcb: Tcb): boolean {
  return tcb.state === "ESTABLISHED" || tcb.state === "FIN_WAIT_1" || tcb.state === "FIN_WAIT_2";
}

/** Sixth check: URG (MUST-30, MUST-31, MUST-32); processed at zero window too (MUST-66). */
export function urgentArrives(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  if ((segment.flags & FLAG.URG) === 0 || !isReceiving(tcb)) return;
  // MUST-62: the pointer names the octet after the urgent data.
  const up = segment.seq + segment.header.urgentPointer;
  if (up <= tcb.rcvUp || up <= tcb.rcvNxt) return;
  context.apply("arrives.check6.urgent");
  tcb.rcvUp = up;
  context.effects.push(EFFECT.URGENT, tcb);
}

/** Seventh and eighth checks: text and FIN. */
export function textArrives(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  if (tcb.state === "TIME_WAIT") {
    arrivesInTimeWait(context, tcb);
    return;
  }
  const hasFin = (segment.flags & FLAG.FIN) !== 0;
  if (segment.textLength === 0 && !hasFin) return;
  if (!isReceiving(tcb)) {
    // A FIN has been received, so there can be no more (RFC 9293 §3.10.7.4: "should not occur"); a FIN is acknowledged.
    context.apply("arrives.check7.after-fin");
    if (hasFin) answerUnacceptable(context, tcb, "arrives.check7.after-fin");
    return;
  }
  const text = trim(context, tcb, segment);
  if (text.length > 0 && tcb.refusesText) {
    refuseText(context, tcb, segment);
    return;
  }
  if (text.length > 0) takeText(context, tcb, segment.header, text);
  if (text.fin >= 0) tcb.finPending = text.fin;
  if (tcb.finPending < 0) return;
  if (tcb.finPending === tcb.rcvNxt) {
    peerFinArrives(context, tcb);
  } else if (text.fin > tcb.rcvNxt) {
    context.apply("arrives.check8.fin-out-of-order");
    oweAck(tcb, "ack.out-of-order");
  }
}

/** Nobody reads any more (SHLD-3): a reset of the connection, or the one that finds it gone already. */
function refuseText(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  context.apply("close.late-text");
  const row = endingRow(tcb.state, "abort");
  if (tcb.config.lateTextReset === "of-connection") {
    endWithReset(context, tcb, { row, rule: "close.late-text" });
    return;
  }
  endConnection(context, tcb, { row, reason: "reset-by-us" });
  replyWithReset(context, segment.header, "close.late-text");
}

/** Takes the text of a SYN (RFC 7413 §4.2.2), as much as fits; its FIN is left. */
export function takeSynText(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  const text = trim(context, tcb, segment);
  if (text.length > 0) takeInOrder(context, tcb, segment.header, text.offset, text.length);
}

/**
 * A SYN that crosses ours has brought text, or FIN: they are for after the handshake (RFC 9293 §3.10.7.3), and not acknowledged
 * until then. Only who opens a connection keeps such, and one segment of it: nobody can fill memory so.
 */
export function keepSynText(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  if (tcb.config.crossingSyn === "number-only") return;
  const { length, offset, fin } = trim(context, tcb, segment);
  tcb.ackNow = false;
  if (length === 0 && fin < 0) return;
  const { buffer } = segment.header;
  tcb.keptSyn = { text: buffer.slice(offset, offset + length), hasFin: fin >= 0 };
}

/** The handshake is over: what the peer's SYN has brought is taken. */
export function takeKeptSyn(context: MachineContext, tcb: Tcb): void {
  const kept = tcb.keptSyn;
  if (kept === null) return;
  tcb.keptSyn = null;
  const { length } = kept.text;
  if (length > 0) takeInOrder(context, tcb, { buffer: kept.text, payloadLength: length }, 0, length);
  // Where the text was refused for want of memory it is sent again, and FIN with it.
  if (kept.hasFin && tcb.rcvNxt === 1 + length) peerFinArrives(context, tcb);
}

/** The part of a segment that lies in the window. */
const trimmed = { seq: 0, offset: 0, length: 0, fin: -1 };

/** Cuts off what is here already and what lies past the window or the buffer (RFC 9293 §3.10.7.4). */
function trim(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): typeof trimmed {
  const isSyn = (segment.flags & FLAG.SYN) !== 0;
  let seq = isSyn ? segment.seq + 1 : segment.seq;
  let offset = segment.header.payloadOffset;
  let length = segment.textLength;
  trimmed.fin = (segment.flags & FLAG.FIN) !== 0 ? seq + length : -1;
  const before = tcb.rcvNxt - seq;
  if (before > 0) {
    const cut = before < length ? before : length;
    if (cut > 0) noteDuplicate(context, tcb, { left: seq, right: seq + cut });
    seq += cut;
    offset += cut;
    length -= cut;
  }
  // What has been offered is kept room for; a little more is taken when there is room beyond the offer.
  const room = tcb.rcvNxt + roomBytes(tcb) - seq;
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

function takeText(context: MachineContext, tcb: Tcb, header: TcpSegment, text: typeof trimmed): void {
  if (text.seq === tcb.rcvNxt) {
    takeInOrder(context, tcb, header, text.offset, text.length);
    return;
  }
  notePeerSegment(tcb, header);
  takeOutOfOrder(context, tcb, header, text);
}

function notePeerSegment(tcb: Tcb, { payloadLength }: TextSource): void {
  if (payloadLength > tcb.peerSegmentBytes) {
    tcb.peerSegmentBytes = payloadLength < tcb.ourMss ? payloadLength : tcb.ourMss;
  }
}

/** Where text lies, and how much its segment had. */
type TextSource = Pick<TcpSegment, "buffer" | "payloadLength">;

/** Takes `length` bytes of text, at `offset` of the segment's buffer, that continue what has been received. */
export function takeInOrder(
  context: MachineContext,
  tcb: Tcb,
  header: TextSource,
  offset: number,
  length: number,
): void {
  notePeerSegment(tcb, header);
  // What has been acknowledged has to be kept: it is refused before.
  if (!tcb.pool.isEasy && !tcb.discarding && !isRoomInMemory(context, tcb, length)) {
    refuseForMemory(context, tcb);
    return;
  }
  context.apply("arrives.check7.in-order");
  let taken = length;
  if (tcb.reassembly.count > 0) {
    taken = fillHole(tcb, header, { offset, length });
  } else if (!tcb.discarding) {
    tcb.ringToReceive().receive(header.buffer, offset, length);
  }
  tcb.rcvNxt += taken;
  if (tcb.rcvUp >= 0 && tcb.rcvNxt >= tcb.rcvUp && tcb.discarding) tcb.rcvUp = -1;
  tcb.bytesIn += taken;
  if (tcb.config.receiveBufferMostBytes > 0) growBuffer(tcb, taken);
  context.effects.push(EFFECT.DATA, tcb).length = taken;
  // Who still sends to an application that drops it has not gone away.
  if (tcb.lifetimeUs !== Infinity) tcb.lifetimeUs = context.nowUs + tcb.config.finWait2Us;
  decideAck(context, tcb, taken);
}

/** Whether `length` bytes of text in order, and what follows upon them, can be kept. */
function isRoomInMemory(context: MachineContext, tcb: Tcb, length: number): boolean {
  const { receiveRing, reassembly, pool } = tcb;
  const { account } = pool;
  const { count } = reassembly;
  const follows = count === 0 ? length : reassembly.reachFrom(tcb.rcvNxt + length) - tcb.rcvNxt;
  const ring = receiveRing === pool.receiveRings.resting ? tcb.ringToReceive() : receiveRing;
  if (!account.isScarce && ring.mayHold(ring.length + follows)) return true;
  if (count === 0) return false;
  // What lies beyond the hole must not stand in the way of what fills it: it is let go, and is sent again (RFC 2018 §8).
  context.apply("arrives.check7.reneged");
  reassembly.clear();
  return !account.isScarce && ring.mayHold(ring.length + length);
}

/** Text in order while more waits beyond it; returns how far RCV.NXT moves. */
function fillHole(tcb: Tcb, header: TextSource, text: { offset: number; length: number }): number {
  const { reassembly, rcvNxt } = tcb;
  const end = rcvNxt + text.length;
  const seen = tcb.sack ? reassembly.overlap(rcvNxt, end) : null;
  if (seen !== null) reportDuplicate(tcb, seen);
  const ring = tcb.discarding ? null : tcb.ringToReceive();
  const origin = ring === null ? 0 : rcvNxt - ring.length;
  if (ring !== null) {
    ring.reserve(reassembly.reachFrom(end) - origin);
    eachMissing(reassembly, { left: rcvNxt, right: end }, (left, right) => {
      ring.put(left - origin, header.buffer, text.offset + left - rcvNxt, right - left);
    });
  }
  const reached = reassembly.advance(end);
  // RFC 5681 §4.2: a segment that fills a hole, or part of one, is acknowledged at once.
  oweAck(tcb, "ack.hole-filled");
  if (ring !== null) {
    reassembly.text.moveInto(ring, origin, reached);
    ring.extend(reached - rcvNxt);
  }
  return reached - rcvNxt;
}

function takeOutOfOrder(context: MachineContext, tcb: Tcb, header: TcpSegment, text: typeof trimmed): void {
  const { seq, length } = text;
  const end = seq + length;
  if (tcb.reassembly === NOTHING_OUT_OF_ORDER) tcb.reassembly = new Reassembly(tcb.pool.memory);
  const { reassembly } = tcb;
  context.counters.outOfOrder++;
  // RFC 5681 §4.2: at once, so that the sender learns of the hole (MAY-13).
  oweAck(tcb, "ack.out-of-order");
  if (tcb.pool.account.isTight) {
    context.counters.outOfOrderRefused++;
    refuseForMemory(context, tcb);
    return;
  }
  if (reassembly.count >= tcb.config.maxOutOfOrderBlocks && reassembly.wouldAdd(seq, end)) {
    context.apply("arrives.check7.too-many-holes");
    context.counters.outOfOrderRefused++;
    context.drop(tcb, "too-many-holes");
    return;
  }
  context.apply("arrives.check7.out-of-order");
  const seen = tcb.sack ? reassembly.overlap(seq, end) : null;
  if (seen !== null) reportDuplicate(tcb, seen);
  keepText(tcb, header, text);
  reassembly.add(seq, end);
  tcb.quickAcksLeft = tcb.config.quickAcks;
}

/** Keeps what is not here yet of a text: where copies differ, the first one counts, octet by octet. */
function keepText(
  tcb: Tcb,
  { buffer }: TcpSegment,
  text: { readonly seq: number; readonly offset: number; readonly length: number },
): void {
  if (tcb.discarding) return;
  const { reassembly } = tcb;
  const { seq, offset, length } = text;
  eachMissing(reassembly, { left: seq, right: seq + length }, (left, right) => {
    const part = { source: buffer, offset: offset + left - seq, count: right - left };
    reassembly.text.put(left, part, reassembly.count);
  });
}

/** The parts of `range` that are not here yet, in order; they may be stored, but not noted, meanwhile. */
function eachMissing(
  reassembly: Reassembly,
  range: Range,
  take: (left: number, right: number) => void,
): void {
  let part = reassembly.missing(range.left, range.right);
  while (part !== null) {
    take(part.left, part.right);
    part = part.right < range.right ? reassembly.missing(part.right, range.right) : null;
  }
}

/** Memory is short: the text is not taken, and whoever sent it sends it again. */
function refuseForMemory(context: MachineContext, tcb: Tcb): void {
  context.apply("arrives.check7.no-memory");
  context.counters.memoryRefused++;
  context.drop(tcb, "no-memory");
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
  // SHLD-19: two full-sized segments (a GRO frame can hold many); or any two.
  if (
    tcb.ackBytes >= 2 * tcb.peerSegmentBytes ||
    (tcb.delayedAckUs !== Infinity && tcb.config.ackEverySecond === "any")
  ) {
    oweAck(tcb, "ack.every-second");
    return;
  }
  if (tcb.delayedAckUs === Infinity) tcb.delayedAckUs = context.nowUs + tcb.config.delayedAckUs;
}

/** A range of positions. */
interface Range {
  readonly left: number;
  readonly right: number;
}

/** Part of an acceptable segment is here already; whoever sends again needs to hear of it at once (RFC 2883 §4). */
function noteDuplicate(context: MachineContext, tcb: Tcb, range: Range): void {
  context.counters.duplicates++;
  if (!tcb.sack) return;
  reportDuplicate(tcb, range);
  oweAck(tcb, "ack.d-sack");
}

/** The next ACK reports a range as received twice; of several the first (RFC 2883 §4.2.2, §4.2.3). */
export function reportDuplicate(tcb: Tcb, { left, right }: Range): void {
  if (left >= right || tcb.dsackLeft >= 0) return;
  tcb.dsackLeft = left;
  tcb.dsackRight = right;
}
