/**
 * SEGMENT ARRIVES for a connection (RFC 9293 §3.10.7.3 and §3.10.7.4): the checks in the RFC's order.
 *
 * Owns: the order of the checks, and the first four of them (sequence, RST, security, SYN).
 * Must not know: how a segment found its connection. LISTEN is in arrives_listen.ts, SYN_SENT in
 * arrives_syn_sent.ts, the ACK field in arrives_ack.ts, text and FIN in arrives_text.ts.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { acknowledgmentArrives } from "./arrives_ack.ts";
import { synSentArrives } from "./arrives_syn_sent.ts";
import { oweAck, reportDuplicate, textArrives, urgentArrives } from "./arrives_text.ts";
import { challengeAck } from "./challenge_ack.ts";
import { endConnection, rowPrefix } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { establish } from "./establish.ts";
import { output } from "./output.ts";
import { predictedArrives } from "./predict.ts";
import { tellRetransmit } from "./resend.ts";
import { replyWithReset } from "./reset.ts";
import type { RuleId } from "./rules.ts";
import { CONGESTION_EXPERIENCED, isProbing, pushAck, pushSegment } from "./send_segment.ts";
import { seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt, seqMin } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";
import { restartTimeWait } from "./time_wait.ts";

const { FIN, SYN, RST, ACK, ECE, CWR } = FLAG;

/** RFC 7323 §5.5: TS.Recent counts for 24 days. */
const TS_RECENT_LIFE_US = 24 * 24 * 3600 * 1_000_000;

/** Takes one segment for a connection that is not in LISTEN or CLOSED. */
export function segmentArrives(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  context.segment = segment;
  tcb.segmentsIn++;
  tcb.lastReceivedUs = context.nowUs;
  tcb.receivedDscp = context.segmentDscp;
  if (tcb.keepAlive) {
    tcb.keepAliveSent = 0;
    tcb.keepAliveUs = context.nowUs + tcb.keepAliveIdleUs;
  }
  if (context.predicts && predictedArrives(context, tcb, segment)) {
    context.segment = null;
    return;
  }
  if (tcb.state === "SYN_SENT") synSentArrives(context, tcb, segment);
  else synchronizedArrives(context, tcb, segment);
  context.segment = null;
}

/** RFC 9293 §3.10.7.4, "otherwise": SYN_RCVD and all synchronized states. */
function synchronizedArrives(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  if (tcb.state === "SYN_RCVD" && isSynAgain(tcb, segment)) {
    repeatSynAck(context, tcb);
    return;
  }
  if (tcb.state === "SYN_RCVD" && isCrossedSynAck(tcb, segment)) {
    // Simultaneous open (MUST-10): the peer's SYN-ACK repeats the SYN that we have; its ACK counts (RFC 9293 §3.5, Figure 8).
    context.apply("arrives.check5.crossed-syn-ack");
    establish(context, tcb, { row: "syn-rcvd.ack", segment });
    oweAck(tcb, "ack.handshake");
    output(context, tcb);
    return;
  }
  if (!sequenceCheck(context, tcb, segment)) return;
  if ((segment.flags & RST) !== 0) {
    resetArrives(context, tcb, segment);
    return;
  }
  if ((segment.flags & SYN) !== 0 && !synArrives(context, tcb)) return;
  if ((segment.flags & ACK) === 0) {
    context.apply("arrives.check5.no-ack");
    context.drop(tcb, "no-ack");
    return;
  }
  if (tcb.state === "SYN_RCVD" && !acknowledgmentOfSyn(context, tcb, segment)) return;
  if (tcb.state === "FIN_WAIT_1" && tcb.sndUna === tcb.iss && isWrongAckOfSyn(context, tcb, segment)) return;
  if (!acknowledgmentArrives(context, tcb, segment)) return;
  noteTimestamp(context, tcb, segment);
  if (tcb.ecn) takeEcnMarks(context, tcb, segment);
  urgentArrives(context, tcb, segment);
  textArrives(context, tcb, segment);
}

// -- First check: sequence number

/** Whether the segment is acceptable (RFC 9293 §3.10.7.4 first, with PAWS of RFC 7323 §5.3 before it). */
function sequenceCheck(context: MachineContext, tcb: Tcb, segment: TcpSegment): boolean {
  const { flags } = segment;
  if (tcb.timestamps && (flags & RST) === 0) {
    if (!segment.hasTimestamps) {
      if (tcb.config.missingTimestamp === "drop" && (flags & SYN) === 0) {
        context.apply("arrives.check1.timestamp-missing");
        context.drop(tcb, "timestamp-missing");
        return false;
      }
    } else if (isOldDuplicate(context, tcb, segment)) {
      context.apply("arrives.check1.paws");
      context.counters.pawsDrops++;
      context.drop(tcb, "paws");
      answerUnacceptable(context, tcb, segment, "arrives.check1.paws");
      return false;
    }
  }
  if ((flags & RST) !== 0) {
    // A reset is judged by its sequence number alone (RFC 5961 §3.2, errata 4772), so also at zero window (MUST-66) and
    // with data (SHLD-2).
    const offset = seqDiff(segment.seq, tcb.rcvNxt);
    if (offset === 0 || (offset > 0 && offset < tcb.rcvWnd)) return true;
  } else if (isAcceptable(tcb, segment)) {
    return true;
  }
  return refuseUnacceptable(context, tcb, segment);
}

/** RFC 7323 §5.3 R1. */
function isOldDuplicate(context: MachineContext, tcb: Tcb, segment: TcpSegment): boolean {
  return seqLt(segment.tsValue, tcb.tsRecent) && context.nowUs - tcb.tsRecentUs < TS_RECENT_LIFE_US;
}

/** The four cases of RFC 9293 §3.10.7.4 (Table 6). */
export function isAcceptable(tcb: Tcb, segment: TcpSegment): boolean {
  const { seq, flags } = segment;
  const length = segment.payloadLength + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
  const offset = seqDiff(seq, tcb.rcvNxt);
  const window = tcb.rcvWnd;
  if (length === 0) return window === 0 ? offset === 0 : offset >= 0 && offset < window;
  if (window === 0) return false;
  const last = offset + length - 1;
  return (offset >= 0 && offset < window) || (last >= 0 && last < window) || (offset < 0 && last >= window);
}

function refuseUnacceptable(context: MachineContext, tcb: Tcb, segment: TcpSegment): boolean {
  const { flags } = segment;
  context.counters.outsideWindow++;
  if ((flags & RST) !== 0) {
    context.apply("arrives.check1.outside-window-rst");
    context.drop(tcb, "outside-window");
    return false;
  }
  if (tcb.state !== "SYN_RCVD" && (flags & SYN) !== 0) {
    // RFC 5961 §4.2: a SYN anywhere gets a challenge ACK, whatever its sequence number.
    context.apply("arrives.check4.syn-challenge");
    context.drop(tcb, "syn-in-connection");
    challengeAck(context, tcb, "arrives.check4.syn-challenge");
    return false;
  }
  // A peer that has probed may count its probe: its bare ACKs then come one beyond.
  const isNext = segment.seq === tcb.rcvNxt ||
    (segment.payloadLength === 0 && segment.seq === seqAdd(tcb.rcvNxt, 1));
  if (tcb.rcvWnd === 0 && isNext) {
    // RFC 9293 §3.10.7.4: with a zero window the ACK field, URG and RST of what comes next are still valid (MUST-66).
    if ((flags & ACK) !== 0 && tcb.state !== "SYN_RCVD") {
      if (!acknowledgmentArrives(context, tcb, segment)) return false;
      urgentArrives(context, tcb, segment);
    }
    context.apply("arrives.check1.zero-window");
    context.drop(tcb, "zero-window");
    if (tcb.ended === null) oweAck(tcb, "arrives.check1.zero-window");
    return false;
  }
  if ((flags & (FIN | ACK)) === FIN && tcb.config.finWithoutAck === "drop") {
    context.apply("arrives.check1.outside-window-fin");
    context.drop(tcb, "outside-window");
    return false;
  }
  if (tcb.state === "TIME_WAIT" && (flags & FIN) !== 0) {
    // The peer's FIN again: our ACK was lost.
    context.apply("arrives.time-wait.fin-again");
    restartTimeWait(context, tcb);
    pushAck(context, tcb, "arrives.time-wait.fin-again");
    return false;
  }
  if (
    isProbing(tcb) && (flags & ACK) !== 0 && segment.payloadLength === 0 &&
    seqAdd(segment.seq, 1) === tcb.rcvNxt
  ) {
    // Deviation: RFC 9293 §3.10.7.4 drops it unread. When both ends probe and both probes are taken, each lowers its bare
    // ACKs to its probe's number, and neither would ever hear the other; BSD reads the ACK of old duplicates too.
    if (!acknowledgmentArrives(context, tcb, segment)) return false;
  }
  context.apply("arrives.check1.outside-window");
  context.drop(tcb, "outside-window");
  noteOldData(context, tcb, segment);
  answerUnacceptable(context, tcb, segment, "arrives.check1.outside-window");
  return false;
}

/**
 * The ACK that an unacceptable segment gets. Bare ACKs share the budget of challenge ACKs: two ends that disagree
 * would otherwise answer each other without end (RFC 5961 §7's reason).
 */
function answerUnacceptable(context: MachineContext, tcb: Tcb, segment: TcpSegment, rule: RuleId): void {
  const isBare = segment.payloadLength === 0 && (segment.flags & (SYN | FIN)) === 0;
  if (isBare) challengeAck(context, tcb, rule);
  else pushAck(context, tcb, rule);
}

/** Data that is here already is reported by D-SACK (RFC 2883 §4.1). */
function noteOldData(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  if (segment.payloadLength === 0) return;
  const end = seqAdd(segment.seq, segment.payloadLength);
  if (seqGt(end, tcb.rcvNxt) || seqLe(end, tcb.irs)) return;
  context.counters.duplicates++;
  // Deviation: RFC 7323 §5.3 R2 comes before R3, but what is sent again because our ACK was lost must have its new
  // timestamp echoed, or the sender measures a round trip as long as all its attempts (BSD does the same).
  noteTimestamp(context, tcb, segment);
  if (tcb.sack) reportDuplicate(tcb, segment.seq, seqMin(end, tcb.rcvNxt));
  // RFC 9293 §3.10.7.4's ACK leaves at once; whoever sends again needs acknowledgments quickly.
  tcb.quickAcksLeft = tcb.config.quickAcks;
}

/** RFC 7323 §5.3 R3: TS.Recent follows segments that cover the last ACK sent. */
function noteTimestamp(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  if (!tcb.timestamps || !segment.hasTimestamps) return;
  if (seqGe(segment.tsValue, tcb.tsRecent) && seqLe(segment.seq, tcb.lastAckSent)) {
    tcb.tsRecent = segment.tsValue;
    tcb.tsRecentUs = context.nowUs;
  }
}

// -- Second check: RST

function resetArrives(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  if (tcb.state === "TIME_WAIT" && tcb.config.timeWaitRst === "ignore") {
    // RFC 1337 §3 fix F1.
    context.apply("arrives.time-wait.rst-ignored");
    context.drop(tcb, "rst-in-time-wait");
    return;
  }
  // RFC 5961 §3.2 (in RFC 9293 §3.10.7.4): only the exact sequence number resets; the rest of the window is asked back.
  if (segment.seq !== tcb.rcvNxt) {
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
      context.apply("arrives.check2.rst");
      endConnection(context, tcb, {
        row: `${rowPrefix(tcb)}.rst`,
        // Both directions are closed already: nothing is lost.
        reason: tcb.state === "LAST_ACK" || tcb.state === "CLOSING" ? "normal" : "reset-by-peer",
      });
  }
}

// -- Fourth check: SYN

/** A SYN inside the window. Returns whether the segment is to be processed further. */
function synArrives(context: MachineContext, tcb: Tcb): boolean {
  if (tcb.state === "SYN_RCVD") {
    if (tcb.passive) {
      // RFC 9293 §3.10.7.4: a passive open returns to LISTEN.
      context.apply("arrives.check4.syn-in-syn-rcvd");
      endConnection(context, tcb, { row: "syn-rcvd.syn", reason: "reset-by-peer" });
      return false;
    }
    // Simultaneous open: the peer's SYN-ACK repeats its SYN at IRS, outside the window; one inside is an attack.
    context.apply("arrives.check4.syn-challenge");
    challengeAck(context, tcb, "arrives.check4.syn-challenge");
    return false;
  }
  context.apply("arrives.check4.syn-challenge");
  context.drop(tcb, "syn-in-connection");
  challengeAck(context, tcb, "arrives.check4.syn-challenge");
  return false;
}

/** The very SYN that began this connection, once more. */
function isSynAgain(tcb: Tcb, segment: TcpSegment): boolean {
  return tcb.config.duplicateSyn === "repeat-syn-ack" && segment.seq === tcb.irs &&
    (segment.flags & (SYN | RST | ACK)) === SYN;
}

/** Deviation: RFC 9293 §3.10.7.4 answers with an ACK; the SYN-ACK again helps a client that lost it (as Linux). */
function repeatSynAck(context: MachineContext, tcb: Tcb): void {
  context.apply("arrives.check4.syn-again");
  if (tcb.scoreboard.count > 0) tcb.scoreboard.markResent(tcb.scoreboard.at(0), context.nowUs);
  tellRetransmit(context, tcb, { kind: "syn-ack", seq: tcb.iss, length: 0, count: 1 });
  pushSegment(context, tcb, SYN | ACK | (tcb.ecn ? ECE : 0), tcb.iss, 0, "arrives.check4.syn-again");
}

// -- Fifth check in SYN_RCVD

/** RFC 9293 §3.10.7.4: `SND.UNA < SEG.ACK <= SND.NXT` establishes; any other ACK gets a reset. */
function acknowledgmentOfSyn(context: MachineContext, tcb: Tcb, segment: TcpSegment): boolean {
  if (isWrongAckOfSyn(context, tcb, segment)) return false;
  context.apply("arrives.check5.syn-rcvd");
  establish(context, tcb, { row: "syn-rcvd.ack", segment });
  return true;
}

/** Whether the ACK is not for our SYN; then it gets its reset. Also after CLOSE in SYN_RCVD, until the SYN is acknowledged. */
function isWrongAckOfSyn(context: MachineContext, tcb: Tcb, segment: TcpSegment): boolean {
  const { ack } = segment;
  if (seqGt(ack, tcb.sndUna) && seqLe(ack, tcb.sndNxt)) return false;
  context.apply("arrives.check5.syn-rcvd-wrong-ack");
  context.drop(tcb, "wrong-ack");
  replyWithReset(context, segment, "arrives.check5.syn-rcvd-wrong-ack");
  return true;
}

/** In a simultaneous open, the SYN-ACK of the other side. */
function isCrossedSynAck(tcb: Tcb, segment: TcpSegment): boolean {
  return !tcb.passive && (segment.flags & (SYN | ACK | RST)) === (SYN | ACK) && segment.seq === tcb.irs &&
    segment.ack === tcb.sndNxt;
}

// -- ECN

/** SHLD-8, RFC 3168 §6.1.3: echo congestion until the peer says that it has reduced. */
function takeEcnMarks(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  if ((segment.flags & CWR) !== 0) tcb.ecnEcho = false;
  if (context.segmentEcn === CONGESTION_EXPERIENCED && segment.payloadLength > 0) {
    context.apply("arrives.ecn-marked");
    tcb.ecnEcho = true;
    oweAck(tcb, "ack.ecn");
  }
}

/** Moves an ended TIME_WAIT out of the way of a new connection (MAY-2). */
export function closeForReopen(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  context.segment = segment;
  context.apply("arrives.time-wait.new-syn");
  endConnection(context, tcb, { row: "time-wait.syn", reason: "normal" });
  context.segment = null;
}
