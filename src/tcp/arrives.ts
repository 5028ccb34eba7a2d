/**
 * SEGMENT ARRIVES for a connection (RFC 9293 §3.10.7.3 and §3.10.7.4): the checks in the RFC's order.
 *
 * Owns: the order of the checks, and the first four of them (sequence, RST, security, SYN).
 * Must not know: how a segment found its connection; what leaves in answer (output.ts). LISTEN is in arrives_listen.ts,
 * SYN_SENT in arrives_syn_sent.ts, the ACK field in arrives_ack.ts, text and FIN in arrives_text.ts.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { answerUnacceptable, challengeAck, oweAck, oweHandshakeAck } from "./answer_limit.ts";
import { acknowledgmentArrives } from "./arrives_ack.ts";
import { synSentArrives } from "./arrives_syn_sent.ts";
import { reportDuplicate, takeKeptSyn, textArrives, urgentArrives } from "./arrives_text.ts";
import type { ArrivingSegment } from "./arriving_segment.ts";
import { endConnection, endWithReset } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { asksForEcn, establish } from "./establish.ts";
import { predictedArrives } from "./fast/header_prediction.ts";
import { tellRetransmit } from "./resend.ts";
import { acceptedBytes } from "./receive_window.ts";
import { replyWithReset } from "./reset.ts";
import { CONGESTION_EXPERIENCED, isProbing } from "./send_segment.ts";
import { seqLe, seqLt } from "./sequence.ts";
import { dropScan, isScan } from "./syn_fin.ts";
import type { Tcb } from "./tcb.ts";
import { finAgainInTimeWait } from "./time_wait.ts";
import { endingRow } from "./transitions.ts";

const { FIN, SYN, RST, ACK, CWR } = FLAG;

/** RFC 7323 §5.5: TS.Recent counts for 24 days. */
const TS_RECENT_LIFE_US = 24 * 24 * 3600 * 1_000_000;

/** Takes one segment for a connection that is not in LISTEN or CLOSED. */
export function segmentArrives(context: MachineContext, tcb: Tcb, header: TcpSegment): void {
  const { arriving } = context;
  arriving.read(tcb, header);
  // What the segment before has left must not be taken for the rule of this one.
  context.rule = "none";
  context.arrivingFlags = header.flags;
  tcb.segmentsIn++;
  tcb.lastReceivedUs = context.nowUs;
  tcb.receivedDscp = context.segmentDscp;
  if (tcb.keepAlive) {
    tcb.keepAliveSent = 0;
    tcb.keepAliveUs = context.nowUs + tcb.keepAliveIdleUs;
  }
  if (!context.predicts || !predictedArrives(context, tcb, arriving)) {
    if (isScan(tcb.config, header)) dropScan(context, tcb);
    else if (tcb.state === "SYN_SENT") synSentArrives(context, tcb, arriving);
    else synchronizedArrives(context, tcb, arriving);
  }
  context.arrivingFlags = -1;
}

/** RFC 9293 §3.10.7.4, "otherwise": SYN_RCVD and all synchronized states. */
function synchronizedArrives(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  if (tcb.state === "SYN_RCVD" && isSynAgain(tcb, segment)) {
    repeatSynAck(context, tcb, segment);
    return;
  }
  if (tcb.state === "SYN_RCVD" && isCrossedSynAck(tcb, segment)) {
    // Simultaneous open (MUST-10): the peer's SYN-ACK repeats the SYN that we have; its ACK counts (RFC 9293 §3.5, Figure 8).
    context.apply("arrives.check5.crossed-syn-ack");
    establish(context, tcb, { row: "syn-rcvd.ack", segment });
    takeKeptSyn(context, tcb);
    oweHandshakeAck(context, tcb);
    if (tcb.config.crossingSyn === "number-only" && tcb.sack) reportDuplicate(tcb, OCTET_OF_SYN);
    return;
  }
  if (!sequenceCheck(context, tcb, segment)) return;
  if ((segment.flags & RST) !== 0) {
    resetArrives(context, tcb, segment);
    return;
  }
  if ((segment.flags & SYN) !== 0) {
    synArrives(context, tcb);
    return;
  }
  if ((segment.flags & ACK) === 0) {
    context.apply("arrives.check5.no-ack");
    context.drop(tcb, "no-ack");
    return;
  }
  if (tcb.state === "SYN_RCVD") {
    if (isWrongAckOfSyn(context, tcb, segment)) return;
    context.apply("arrives.check5.syn-rcvd");
    establish(context, tcb, { row: "syn-rcvd.ack", segment });
    takeKeptSyn(context, tcb);
  } else if (!tcb.synAcknowledged && isWrongAckOfSyn(context, tcb, segment)) {
    // After CLOSE in SYN_RCVD: FIN_WAIT_1, and the SYN is not acknowledged yet.
    return;
  }
  if (!acknowledgmentArrives(context, tcb, segment)) return;
  noteTimestamp(context, tcb, segment);
  if (tcb.ecn) takeEcnMarks(context, tcb, segment);
  urgentArrives(context, tcb, segment);
  textArrives(context, tcb, segment);
}

// -- First check: sequence number

/** Whether the segment is acceptable (RFC 9293 §3.10.7.4 first, with PAWS of RFC 7323 §5.3 before it). */
function sequenceCheck(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): boolean {
  const { flags, header } = segment;
  if (tcb.timestamps && (flags & RST) === 0) {
    if (!header.hasTimestamps) {
      if (tcb.config.missingTimestamp === "drop" && (flags & SYN) === 0) {
        context.apply("arrives.check1.timestamp-missing");
        context.drop(tcb, "timestamp-missing");
        return false;
      }
    } else if (seqLt(header.tsValue, tcb.tsRecent) && isTsRecentValid(context, tcb)) {
      // RFC 7323 §5.3 R1.
      context.apply("arrives.check1.paws");
      context.counters.pawsDrops++;
      context.drop(tcb, "paws");
      answerUnacceptable(context, tcb, "arrives.check1.paws");
      return false;
    }
  }
  if ((flags & RST) !== 0) {
    // A reset is judged by its sequence number alone (RFC 5961 §3.2, errata 4772), so also at zero window (MUST-66) and
    // with data (SHLD-2).
    const offset = segment.seq - tcb.rcvNxt;
    if (offset === 0 || (offset > 0 && offset < acceptedBytes(tcb))) return true;
    context.counters.outsideWindow++;
    context.apply("arrives.check1.outside-window-rst");
    context.drop(tcb, "outside-window");
    return false;
  }
  if (isAcceptable(tcb, segment)) return true;
  context.counters.outsideWindow++;
  refuseUnacceptable(context, tcb, segment);
  return false;
}

/** RFC 7323 §5.5: after 24 days without a segment TS.Recent tells nothing: its clock may have gone half round. */
function isTsRecentValid(context: MachineContext, tcb: Tcb): boolean {
  return context.nowUs - tcb.tsRecentUs < TS_RECENT_LIFE_US;
}

/** The four cases of RFC 9293 §3.10.7.4 (Table 6). */
function isAcceptable(tcb: Tcb, segment: { readonly seq: number; readonly length: number }): boolean {
  const { length } = segment;
  const offset = segment.seq - tcb.rcvNxt;
  const window = acceptedBytes(tcb);
  if (length === 0) return window === 0 ? offset === 0 : offset >= 0 && offset < window;
  if (window === 0) return false;
  const last = offset + length - 1;
  return (offset >= 0 && offset < window) || (last >= 0 && last < window) || (offset < 0 && last >= window);
}

/** What an unacceptable segment that is no reset is good for all the same, and its answer. */
function refuseUnacceptable(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  const { flags, seq, length } = segment;
  if (tcb.state !== "SYN_RCVD" && (flags & SYN) !== 0) {
    challengeSyn(context, tcb);
    return;
  }
  if ((flags & (FIN | ACK)) === FIN && tcb.config.finWithoutAck === "drop") {
    context.apply("arrives.check1.outside-window-fin");
    context.drop(tcb, "outside-window");
    return;
  }
  if (tcb.state === "TIME_WAIT" && (flags & FIN) !== 0 && seq + length === tcb.rcvNxt) {
    finAgainInTimeWait(context, tcb);
    return;
  }
  const isAtShutWindow = isNextAtShutWindow(tcb, segment);
  if ((flags & ACK) !== 0 && tcb.state !== "SYN_RCVD" && (isAtShutWindow || mayTellOfUs(tcb, segment))) {
    const isOver = !acknowledgmentArrives(context, tcb, segment);
    // A FIN that is here already and brings the ACK of ours: the connection is done, but the FIN is answered.
    if (isOver && tcb.state !== "TIME_WAIT" && tcb.state !== "CLOSING") return;
    if (isAtShutWindow) urgentArrives(context, tcb, segment);
  }
  const rule = isAtShutWindow ? "arrives.check1.zero-window" : "arrives.check1.outside-window";
  context.apply(rule);
  context.drop(tcb, isAtShutWindow ? "zero-window" : "outside-window");
  if (!isAtShutWindow) noteOldData(context, tcb, segment);
  answerUnacceptable(context, tcb, rule);
}

/**
 * RFC 9293 §3.10.7.4: with a zero window the ACK field, URG and RST of what comes next are still valid (MUST-66). A peer
 * that has probed may count its probe: its bare ACKs then come one beyond.
 */
function isNextAtShutWindow(tcb: Tcb, segment: ArrivingSegment): boolean {
  if (tcb.rcvWnd > 0) return false;
  return segment.seq === tcb.rcvNxt || (segment.textLength === 0 && segment.seq === tcb.rcvNxt + 1);
}

/**
 * Whether the ACK field of a segment that is here already counts.
 *
 * Deviation: RFC 9293 §3.10.7.4 drops it unread. Of a segment that ends where we are Linux and lwIP read it: there are peers
 * that acknowledge in no other way (text or FIN again on every ACK). And when both ends probe a shut window and both probes
 * are taken, each lowers its bare ACKs to its probe's number, and neither would ever hear the other.
 */
function mayTellOfUs(tcb: Tcb, segment: ArrivingSegment): boolean {
  if (segment.length > 0) return segment.seq + segment.length === tcb.rcvNxt;
  return isProbing(tcb) && segment.seq + 1 === tcb.rcvNxt;
}

/** Data that is here already is reported by D-SACK (RFC 2883 §4.1). */
function noteOldData(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  if (segment.textLength === 0) return;
  const end = segment.seq + segment.textLength;
  if (end > tcb.rcvNxt || end <= 0) return;
  context.counters.duplicates++;
  // Deviation: RFC 7323 §5.3 R2 comes before R3, but what is sent again because our ACK was lost must have its new
  // timestamp echoed, or the sender measures a round trip as long as all its attempts (BSD does the same).
  noteTimestamp(context, tcb, segment);
  if (tcb.sack) reportDuplicate(tcb, { left: segment.seq, right: end });
  // RFC 9293 §3.10.7.4's ACK leaves at once; whoever sends again needs acknowledgments quickly.
  tcb.quickAcksLeft = tcb.config.quickAcks;
}

/** RFC 7323 §5.3 R3: TS.Recent follows segments that cover the last ACK sent. */
function noteTimestamp(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  const { header, seq } = segment;
  if (!tcb.timestamps || !header.hasTimestamps || seq > tcb.lastAckSent) return;
  if (seqLe(tcb.tsRecent, header.tsValue) || !isTsRecentValid(context, tcb)) {
    tcb.tsRecent = header.tsValue;
    tcb.tsRecentUs = context.nowUs;
  }
}

// -- Second check: RST

function resetArrives(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  if (tcb.state === "TIME_WAIT" && tcb.config.timeWaitRst === "ignore") {
    // RFC 1337 §3 fix F1.
    context.apply("arrives.time-wait.rst-ignored");
    context.drop(tcb, "rst-in-time-wait");
    return;
  }
  // RFC 5961 §3.2 (in RFC 9293 §3.10.7.4): only the exact sequence number resets; the rest of the window is asked back.
  if (segment.seq !== tcb.rcvNxt && tcb.config.resetCheck === "rfc5961") {
    context.apply("arrives.check2.rst-challenge");
    context.drop(tcb, "rst-not-exact");
    challengeAck(context, tcb, "arrives.check2.rst-challenge");
    return;
  }
  context.counters.resetsIn++;
  switch (tcb.state) {
    case "SYN_RCVD":
      context.apply("arrives.check2.rst-syn-rcvd");
      if (tcb.passive) endConnection(context, tcb, { row: "syn-rcvd.rst.passive", reason: "reset-by-peer" });
      else endConnection(context, tcb, { row: "syn-rcvd.rst.active", reason: "refused" });
      return;
    case "TIME_WAIT":
      context.apply("arrives.time-wait.rst");
      endConnection(context, tcb, { row: "time-wait.rst", reason: "normal" });
      return;
    default:
      context.apply(segment.seq === tcb.rcvNxt ? "arrives.check2.rst" : "arrives.check2.rst-in-window");
      endConnection(context, tcb, {
        row: endingRow(tcb.state, "rst"),
        // Both directions are closed already: nothing is lost.
        reason: hasClosedBothWays(tcb) && tcb.config.resetAfterClose === "quiet" ? "normal" : "reset-by-peer",
      });
  }
}

function hasClosedBothWays({ state }: Tcb): boolean {
  return state === "LAST_ACK" || state === "CLOSING";
}

// -- Fourth check: SYN

/** A SYN inside the window: the segment goes no further. */
function synArrives(context: MachineContext, tcb: Tcb): void {
  if (tcb.state === "SYN_RCVD" && tcb.passive) {
    // RFC 9293 §3.10.7.4: a passive open returns to LISTEN.
    context.apply("arrives.check4.syn-in-syn-rcvd");
    endConnection(context, tcb, { row: "syn-rcvd.syn", reason: "reset-by-peer" });
    return;
  }
  if (tcb.config.synCheck === "rfc793" && tcb.state !== "TIME_WAIT") {
    context.apply("arrives.check4.syn-reset");
    const rule = "arrives.check4.syn-reset";
    endWithReset(context, tcb, { row: endingRow(tcb.state, "abort"), rule, reason: "reset-by-peer" });
    return;
  }
  // In a simultaneous open too: the peer's SYN-ACK repeats its SYN at IRS, outside the window; one inside is an attack.
  challengeSyn(context, tcb);
}

/** RFC 5961 §4.2: a SYN anywhere gets a challenge ACK, whatever its sequence number. */
function challengeSyn(context: MachineContext, tcb: Tcb): void {
  // One with ACK asks for nothing new: it is of the old connection.
  const isAnswered = tcb.state !== "TIME_WAIT" || tcb.config.timeWaitSyn === "challenge" ||
    (context.arrivingFlags & ACK) !== 0;
  context.apply(isAnswered ? "arrives.check4.syn-challenge" : "arrives.time-wait.syn-dropped");
  context.drop(tcb, "syn-in-connection");
  if (isAnswered) challengeAck(context, tcb, "arrives.check4.syn-challenge");
}

/** The very SYN that began this connection, once more. */
function isSynAgain(tcb: Tcb, segment: ArrivingSegment): boolean {
  return tcb.config.duplicateSyn === "repeat-syn-ack" && segment.seq === 0 &&
    (segment.flags & (SYN | RST | ACK)) === SYN;
}

/** Deviation: RFC 9293 §3.10.7.4 answers with an ACK; the SYN-ACK again helps a client that lost it (as Linux). */
function repeatSynAck(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  context.apply("arrives.check4.syn-again");
  // RFC 3168 §6.1.1: whoever has got a SYN that does not ask should not send ECN-capable packets. The answer still grants:
  // the client may have the first one, and then its marks have to be echoed.
  if (!asksForEcn(segment.header)) tcb.textEcn = 0;
  if (tcb.scoreboard.count > 0) tcb.scoreboard.markResent(tcb.scoreboard.at(0), context.nowUs);
  tellRetransmit(context, tcb, { kind: "syn-ack", seq: 0, length: 0, count: 1 });
  tcb.synOwed = true;
  tcb.ackRule = "arrives.check4.syn-again";
}

// -- Fifth check in SYN_RCVD

/** Whether the ACK is not for our SYN (RFC 9293 §3.10.7.4: `SND.UNA < SEG.ACK <= SND.NXT`); then it gets its reset. */
function isWrongAckOfSyn(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): boolean {
  if (segment.ack > tcb.sndUna && segment.ack <= tcb.sndNxt) return false;
  context.apply("arrives.check5.syn-rcvd-wrong-ack");
  context.drop(tcb, "wrong-ack");
  replyWithReset(context, segment.header, "arrives.check5.syn-rcvd-wrong-ack");
  return true;
}

/** A SYN takes one number (RFC 9293 §3.4). */
const OCTET_OF_SYN = { left: 0, right: 1 } as const;

/** In a simultaneous open, the SYN-ACK of the other side. */
function isCrossedSynAck(tcb: Tcb, segment: ArrivingSegment): boolean {
  return !tcb.passive && (segment.flags & (SYN | ACK | RST)) === (SYN | ACK) && segment.seq === 0 &&
    segment.ack > tcb.sndUna && segment.ack <= tcb.sndNxt;
}

// -- ECN

/** SHLD-8, RFC 3168 §6.1.3: echo congestion until the peer says that it has reduced. */
function takeEcnMarks(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  if ((segment.flags & CWR) !== 0) tcb.ecnEcho = false;
  if (context.segmentEcn === CONGESTION_EXPERIENCED && segment.textLength > 0) {
    context.apply("arrives.ecn-marked");
    tcb.ecnEcho = true;
    oweAck(tcb, "ack.ecn");
  }
}

/** Moves an ended TIME_WAIT out of the way of a new connection (MAY-2). */
export function closeForReopen(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  context.arrivingFlags = segment.flags;
  context.apply("arrives.time-wait.new-syn");
  endConnection(context, tcb, { row: "time-wait.syn", reason: "normal" });
  context.arrivingFlags = -1;
}
