/**
 * SEGMENT ARRIVES in LISTEN (RFC 9293 §3.10.7.2), in the RFC's order: RST, ACK, SYN, the rest.
 *
 * Owns: the verdict, and the first steps of a connection that a SYN begins. Must not know: listeners'
 * queues and their bounds; the host asks for the verdict and then makes the TCB.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { changeState } from "./change_state.ts";
import type { TcpConfig } from "./config.ts";
import type { MachineContext } from "./context.ts";
import { acceptFastOpen } from "./fast_open.ts";
import { agreeOptions, agreeScale, asksForEcn, learnIrs, takeFirstWindow } from "./establish.ts";
import { replyWithReset } from "./reset.ts";
import { pushSegment, segmentOf } from "./send_segment.ts";
import { seqAdd } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";
import { updateSendMss } from "./send_mss.ts";

const { SYN, RST, ACK, ECE } = FLAG;

/** Whether the segment may begin a connection; otherwise it has been dealt with (RST sent where due). */
export function listenArrives(
  context: MachineContext,
  segment: TcpSegment,
  listenSynAck: TcpConfig["listenSynAck"] = "reset",
): boolean {
  const { flags } = segment;
  if ((flags & RST) !== 0) {
    context.apply("arrives.listen.rst");
    context.drop(null, "rst-in-listen");
  } else if ((flags & (SYN | ACK)) === (SYN | ACK) && listenSynAck === "drop") {
    context.apply("arrives.listen.syn-ack");
    context.drop(null, "syn-ack-in-listen");
  } else if ((flags & ACK) !== 0) {
    context.apply("arrives.listen.ack");
    context.drop(null, "ack-in-listen");
    replyWithReset(context, segment, "arrives.listen.ack");
  } else if ((flags & SYN) !== 0) {
    return true;
  } else {
    // RFC 9293 §3.10.7.2 fourth: anything else is dropped.
    context.apply("arrives.listen.other");
    context.drop(null, "not-syn");
  }
  return false;
}

/** What a SYN says about a connection; `tcb` is fresh: addresses, ISS and MSS set by the host, state LISTEN. */
function takeSyn(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  tcb.passive = true;
  tcb.openedUs = context.nowUs;
  tcb.lastReceivedUs = context.nowUs;
  tcb.segmentsIn++;
  learnIrs(tcb, segment);
  context.arriving.read(tcb, segment);
  agreeOptions(context, tcb, segment);
  tcb.ecn = tcb.config.ecn !== "off" && asksForEcn(segment);
  takeFirstWindow(tcb, context.arriving);
}

/**
 * Begins a connection in SYN_RCVD; the SYN-ACK leaves when the event is over. `tcb` is fresh (addresses, ISS and MSS set by
 * the host, state LISTEN, and what the host makes of a Fast Open option).
 *
 * Deviation: text and FIN that come with the SYN are not kept (RFC 9293 §3.10.7.2 queues them), but for Fast Open; they are not
 * acknowledged either, so the peer sends them again, and a flood of SYNs cannot fill memory.
 */
export function beginFromSyn(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  context.arrivingFlags = segment.flags;
  context.apply("arrives.listen.syn");
  takeSyn(context, tcb, segment);
  // RFC 3168 §6.1.1: ECE alone grants.
  changeState(context, tcb, "listen.syn", SYN | ACK | (tcb.ecn ? ECE : 0));
  tcb.synOwed = true;
  tcb.ackRule = "arrives.listen.syn";
  tcb.timerIsRto = true;
  const { fastOpen } = tcb;
  if (fastOpen !== null && fastOpen.isAccepted) acceptFastOpen(context, tcb, fastOpen);
  context.arrivingFlags = -1;
}

/**
 * Answers a SYN with a cookie (RFC 4987 §3.6) and keeps nothing: the answer is all there is. `tcb` as for
 * {@link beginFromSyn}, its ISS the cookie; it is forgotten afterwards.
 */
export function answerWithCookie(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  const rule = "arrives.listen.cookie-sent";
  context.apply(rule);
  takeSyn(context, tcb, segment);
  pushSegment(context, tcb, segmentOf(rule, SYN | ACK | (tcb.ecn ? ECE : 0), 0, 0));
}

/** What was agreed with a SYN that got a cookie. */
export interface CarriedOptions {
  /** -1: none. */
  readonly windowScale: number;
  readonly sack: boolean;
  readonly ecn: boolean;
}

/**
 * A connection in SYN_RCVD whose client has answered a cookie that its SYN had got before, when there was no place for it:
 * then that SYN-ACK is the one that counts, with its number and with what it granted. `carried`: null where nothing was.
 */
export function becomeCookie(
  tcb: Tcb,
  cookie: { iss: number; carried: CarriedOptions | null },
): void {
  const { iss, carried } = cookie;
  tcb.iss = iss;
  tcb.sack = carried !== null && carried.sack;
  tcb.ecn = carried !== null && carried.ecn;
  tcb.windowScaling = carried !== null && carried.windowScale >= 0;
  if (!tcb.windowScaling) {
    tcb.sendShift = 0;
    tcb.receiveShift = 0;
  }
  updateSendMss(tcb);
}

/**
 * Begins a connection in SYN_RCVD from an ACK that brings our SYN cookie back (RFC 4987 §3.6); `tcb` as for
 * {@link beginFromSyn}, its ISS the cookie. The ACK is then to be processed as usual.
 */
export function beginFromCookie(
  context: MachineContext,
  tcb: Tcb,
  segment: TcpSegment,
  kept: { mss: number; carried: CarriedOptions | null },
): void {
  const { mss, carried } = kept;
  context.arrivingFlags = segment.flags;
  context.apply("arrives.listen.cookie");
  tcb.passive = true;
  tcb.openedUs = context.nowUs;
  tcb.irs = seqAdd(segment.seq, -1);
  tcb.rcvNxt = 1;
  tcb.rcvAdv = tcb.rcvNxt + Math.min(tcb.config.receiveBufferBytes, 0xffff);
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
  const syn = tcb.sendNext(1);
  syn.isSyn = true;
  // When the SYN-ACK left is not known: no round-trip sample.
  syn.retransmits = 1;
  changeState(context, tcb, "listen.cookie");
  context.arrivingFlags = -1;
}
