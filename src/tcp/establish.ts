/**
 * The handshake's agreements: options, MSS, and the step into ESTABLISHED.
 *
 * Owns: what a SYN's options lead to (RFC 9293 §3.7.1, RFC 7323, RFC 2018, RFC 3168) and the variables of a
 * connection that has just been established. Must not know: the checks that led here.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import type { ArrivingSegment } from "./arriving_segment.ts";
import { changeState } from "./change_state.ts";
import { initialWindow, lostSyns } from "./congestion.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import { MAX_WINDOW_SHIFT, offerFirstWindow, ourWindowShift, roundBuffers } from "./receive_window.ts";
import { handshakeIsOver } from "./fast_open.ts";
import { boundRto, sampleEcho, takeRoundTrip } from "./round_trip.ts";
import { offersOptions } from "./syn_offers.ts";
import type { Tcb } from "./tcb.ts";
import type { TransitionId } from "./transitions.ts";
import { updateSendMss } from "./send_mss.ts";

const { SYN, ECE, CWR } = FLAG;

/** RFC 6298 §5.7. */
const RTO_AFTER_LOST_SYN_US = 3_000_000;
/** Local choice: below this an MSS option is nonsense that would make us send headers only (Linux: 48). */
const LEAST_PEER_MSS = 48;
/** Of the handshake's ACK what acknowledges our SYN; text that we have sent already is looked at behind it. */
const ACK_OF_SYN = { ack: 1 } as const;
/** Takes the number of the peer's SYN: where the positions of its stream begin, which is awaited next. */
export function learnIrs(tcb: Tcb, syn: TcpSegment): void {
  tcb.irs = syn.seq;
  tcb.rcvNxt = 1;
  tcb.rcvAdv = tcb.rcvNxt + offerFirstWindow(tcb);
}

/** Takes the options of the peer's SYN, and of ours what both have. */
export function agreeOptions(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  const { config } = tcb;
  const offers = offersOptions(tcb);
  // MUST-15: without the option peerMss keeps its first value, 536 or 1220.
  if (segment.mss > 0) tcb.peerMss = Math.max(segment.mss, LEAST_PEER_MSS);
  tcb.windowScaling = offers && config.windowScaling && segment.windowScale >= 0;
  if (tcb.windowScaling) {
    agreeScale(tcb, segment.windowScale);
  } else {
    tcb.sendShift = 0;
    tcb.receiveShift = 0;
  }
  tcb.sack = offers && config.sack && segment.sackPermitted;
  tcb.timestamps = offers && config.timestamps && segment.hasTimestamps;
  if (tcb.timestamps) {
    tcb.tsRecent = segment.tsValue;
    tcb.tsRecentUs = context.nowUs;
  }
  updateSendMss(tcb);
}

/** Both sides scale windows (RFC 7323 §2.3). */
export function agreeScale(tcb: Tcb, peerShift: number): void {
  tcb.sendShift = Math.min(peerShift, MAX_WINDOW_SHIFT);
  tcb.receiveShift = ourWindowShift(tcb);
}

/** Whether a SYN asks for ECN (SHLD-8, RFC 3168 §6.1.1: ECE and CWR). */
export function asksForEcn(segment: TcpSegment): boolean {
  return (segment.flags & (ECE | CWR)) === (ECE | CWR);
}

/** Takes the window of a segment as the first one; a SYN's window is never scaled (RFC 7323 §2.2). */
export function takeFirstWindow(tcb: Tcb, segment: ArrivingSegment): void {
  const shift = (segment.flags & SYN) !== 0 ? 0 : tcb.sendShift;
  tcb.sndWnd = segment.header.window << shift;
  tcb.sndWl1 = segment.seq;
  tcb.sndWl2 = segment.ack;
  if (tcb.sndWnd > tcb.maxSndWnd) tcb.maxSndWnd = tcb.sndWnd;
}

/** Our SYN is acknowledged by `segment`: moves along `row` into ESTABLISHED. */
export function establish(
  context: MachineContext,
  tcb: Tcb,
  how: { row: TransitionId; segment: ArrivingSegment; sendFlags?: number },
): void {
  const { segment } = how;
  const board = tcb.scoreboard;
  const syn = board.at(0);
  if (syn.retransmits === 0) takeRoundTrip(tcb, context.arrivedUs - syn.sentUs);
  else if (!sampleEcho(tcb, segment.echo(tcb), context.arrivedUs) && lostSyns(tcb) > 0) {
    boundRto(tcb, RTO_AFTER_LOST_SYN_US);
  }
  board.acknowledge(ACK_OF_SYN);
  board.endAcknowledgment();
  tcb.sndUna = 1;
  tcb.fack = 1;
  tcb.synAcknowledged = true;
  tcb.timerDueUs = Infinity;
  tcb.timerBackoff = 0;
  tcb.firstTimeoutUs = 0;
  takeFirstWindow(tcb, segment);
  if (tcb.passive) roundBuffers(tcb);
  tcb.cwnd = initialWindow(tcb);
  changeState(context, tcb, how.row, how.sendFlags ?? -1);
  if (tcb.keepAlive) tcb.keepAliveUs = context.nowUs + tcb.keepAliveIdleUs;
  context.effects.push(EFFECT.OPEN, tcb);
  if (tcb.fastOpen !== null) handshakeIsOver(context, tcb, tcb.fastOpen, segment);
}
