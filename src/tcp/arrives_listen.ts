/**
 * SEGMENT ARRIVES in LISTEN (RFC 9293 §3.10.7.2), in the RFC's order: RST, ACK, SYN, the rest.
 *
 * Owns: the verdict, and the first steps of a connection that a SYN begins. Must not know: listeners'
 * queues and their bounds; the host asks for the verdict and then makes the TCB.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { changeState } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { agreeOptions, agreeScale, asksForEcn, takeFirstWindow, updateSendMss } from "./establish.ts";
import { replyWithReset } from "./reset.ts";
import { armRto } from "./retransmit_timer.ts";
import { pushSegment } from "./send_segment.ts";
import { seqAdd } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, RST, ACK, ECE } = FLAG;

/** Whether the segment may begin a connection; otherwise it has been dealt with (RST sent where due). */
export function listenArrives(context: MachineContext, segment: TcpSegment): boolean {
  context.segment = segment;
  const { flags } = segment;
  let mayBegin = false;
  if ((flags & RST) !== 0) {
    context.apply("arrives.listen.rst");
    context.drop(null, "rst-in-listen");
  } else if ((flags & ACK) !== 0) {
    context.apply("arrives.listen.ack");
    context.drop(null, "ack-in-listen");
    replyWithReset(context, segment, "arrives.listen.ack");
  } else if ((flags & SYN) !== 0) {
    mayBegin = true;
  } else {
    // RFC 9293 §3.10.7.2 fourth: anything else is dropped.
    context.apply("arrives.listen.other");
    context.drop(null, "not-syn");
  }
  context.segment = null;
  return mayBegin;
}

/**
 * Begins a connection in SYN_RCVD and answers with SYN-ACK; `tcb` is fresh (addresses, ISS and MSS set by
 * the host, state LISTEN).
 *
 * Deviation: text and FIN that come with the SYN are not kept (RFC 9293 §3.10.7.2 queues them); they are not
 * acknowledged either, so the peer sends them again, and a flood of SYNs cannot fill memory.
 */
export function beginFromSyn(
  context: MachineContext,
  tcb: Tcb,
  segment: TcpSegment,
  rule: "arrives.listen.syn" | "arrives.listen.cookie-sent" = "arrives.listen.syn",
): void {
  context.segment = segment;
  context.apply(rule);
  tcb.passive = true;
  tcb.openedUs = context.nowUs;
  tcb.lastReceivedUs = context.nowUs;
  tcb.segmentsIn++;
  tcb.irs = segment.seq;
  tcb.rcvNxt = seqAdd(segment.seq, 1);
  agreeOptions(context, tcb, segment);
  tcb.ecn = tcb.config.ecn !== "off" && asksForEcn(segment);
  takeFirstWindow(tcb, segment);
  tcb.sndUna = tcb.iss;
  tcb.sndNxt = seqAdd(tcb.iss, 1);
  tcb.sndRingSeq = tcb.sndNxt;
  // RFC 3168 §6.1.1: ECE alone grants.
  const flags = SYN | ACK | (tcb.ecn ? ECE : 0);
  if (rule === "arrives.listen.cookie-sent") {
    // Nothing is kept: the answer is all there is.
    pushSegment(context, tcb, flags, tcb.iss, 0, rule);
    context.segment = null;
    return;
  }
  changeState(context, tcb, "listen.syn", flags);
  pushSegment(context, tcb, flags, tcb.iss, 0, rule);
  tcb.addInFlight(tcb.iss, tcb.sndNxt, context);
  tcb.lastSendUs = context.nowUs;
  armRto(context, tcb);
  context.segment = null;
}

/**
 * Begins a connection in SYN_RCVD from an ACK that brings our SYN cookie back (RFC 4987 §3.6); `tcb` as for
 * {@link beginFromSyn}, its ISS the cookie. The ACK is then to be processed as usual.
 */
export function beginFromCookie(
  context: MachineContext,
  tcb: Tcb,
  segment: TcpSegment,
  kept: { mss: number; carried: { windowScale: number; sack: boolean; ecn: boolean } | null },
): void {
  const { mss, carried } = kept;
  context.segment = segment;
  context.apply("arrives.listen.cookie");
  tcb.passive = true;
  tcb.openedUs = context.nowUs;
  tcb.irs = seqAdd(segment.seq, -1);
  tcb.rcvNxt = segment.seq;
  tcb.rcvAdv = seqAdd(tcb.rcvNxt, Math.min(tcb.receiveRing.limitBytes, 0xffff));
  tcb.lastAckSent = tcb.rcvNxt;
  tcb.peerMss = mss;
  if (carried !== null) {
    tcb.timestamps = tcb.config.timestamps;
    // The SYN's own value is forgotten; the ACK's is the first one known (RFC 7323 §5.2).
    tcb.tsRecent = segment.tsValue;
    tcb.tsRecentUs = context.nowUs;
    tcb.sack = carried.sack;
    tcb.ecn = carried.ecn;
    tcb.windowScaling = carried.windowScale >= 0;
    if (tcb.windowScaling) agreeScale(tcb, carried.windowScale);
  }
  updateSendMss(tcb);
  tcb.sndUna = tcb.iss;
  tcb.sndNxt = seqAdd(tcb.iss, 1);
  tcb.sndRingSeq = tcb.sndNxt;
  tcb.addInFlight(tcb.iss, tcb.sndNxt, context);
  // When the SYN-ACK left is not known: no round-trip sample.
  tcb.scoreboard.at(0).retransmits = 1;
  changeState(context, tcb, "listen.cookie");
  context.segment = null;
}
