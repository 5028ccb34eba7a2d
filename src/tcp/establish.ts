/**
 * The handshake's agreements: options, MSS, and the step into ESTABLISHED.
 *
 * Owns: what a SYN's options lead to (RFC 9293 §3.7.1, RFC 7323, RFC 2018, RFC 3168) and the variables of a
 * connection that has just been established. Must not know: the checks that led here.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { changeState } from "./change_state.ts";
import { initialWindow } from "./congestion.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import { boundRto, takeRoundTrip } from "./round_trip.ts";
import { timestampNow } from "./send_segment.ts";
import { seqAdd } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, ECE, CWR } = FLAG;

/** Option bytes of a segment with timestamps (RFC 7323 §3.2), padded. */
const TIMESTAMP_OPTION_BYTES = 12;
/** RFC 7323 §2.3. */
const MAX_WINDOW_SHIFT = 14;
/** RFC 6298 §5.7. */
const RTO_AFTER_LOST_SYN_US = 3_000_000;
/** Local choice: below this an MSS option is nonsense that would make us send headers only (Linux: 48). */
const LEAST_SEND_MSS = 48;

/** The smallest shift with which the whole receive buffer can be offered (RFC 7323 §2.2). */
export function windowShiftFor(bufferBytes: number): number {
  let shift = 0;
  for (let reach = 0xffff; shift < MAX_WINDOW_SHIFT && reach < bufferBytes; shift++) reach *= 2;
  return shift;
}

/** Takes the options of the peer's SYN, and of ours what both have. */
export function agreeOptions(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  const { config } = tcb;
  // MUST-15: 536 without an option (1220 for IPv6; the host has set it).
  if (segment.mss > 0) tcb.peerMss = Math.max(segment.mss, LEAST_SEND_MSS);
  tcb.windowScaling = config.windowScaling && segment.windowScale >= 0;
  if (tcb.windowScaling) {
    agreeScale(tcb, segment.windowScale);
  } else {
    tcb.sendShift = 0;
    tcb.receiveShift = 0;
  }
  tcb.sack = config.sack && segment.sackPermitted;
  tcb.timestamps = config.timestamps && segment.hasTimestamps;
  if (tcb.timestamps) {
    tcb.tsRecent = segment.tsValue;
    tcb.tsRecentUs = context.nowUs;
  }
  updateSendMss(tcb);
}

/** Both sides scale windows (RFC 7323 §2.3). */
export function agreeScale(tcb: Tcb, peerShift: number): void {
  tcb.sendShift = Math.min(peerShift, MAX_WINDOW_SHIFT);
  tcb.receiveShift = windowShiftFor(tcb.receiveRing.limitBytes);
}

/** MUST-16, RFC 6691 §2: the smaller of what the peer takes and what the path carries, less our options. */
export function updateSendMss(tcb: Tcb): void {
  const options = tcb.timestamps ? TIMESTAMP_OPTION_BYTES : 0;
  tcb.sendMss = Math.min(tcb.peerMss, tcb.ourMss, tcb.pathMss) - options;
}

/** Whether a SYN asks for ECN (SHLD-8, RFC 3168 §6.1.1: ECE and CWR). */
export function asksForEcn(segment: TcpSegment): boolean {
  return (segment.flags & (ECE | CWR)) === (ECE | CWR);
}

/** Takes the window of a segment as the first one; a SYN's window is never scaled (RFC 7323 §2.2). */
export function takeFirstWindow(tcb: Tcb, segment: TcpSegment): void {
  const shift = (segment.flags & SYN) !== 0 ? 0 : tcb.sendShift;
  tcb.sndWnd = segment.window << shift;
  tcb.sndWl1 = segment.seq;
  tcb.sndWl2 = segment.ack;
  if (tcb.sndWnd > tcb.maxSndWnd) tcb.maxSndWnd = tcb.sndWnd;
}

/** What must be set before the first byte or FIN may leave. */
export function prepareTransfer(tcb: Tcb): void {
  tcb.cwnd = initialWindow(tcb);
  tcb.fack = tcb.sndUna;
  tcb.recover = tcb.iss;
  tcb.ecnRecover = tcb.iss;
}

/** Our SYN is acknowledged by `segment`: moves along `row` into ESTABLISHED. */
export function establish(
  context: MachineContext,
  tcb: Tcb,
  how: { row: string; segment: TcpSegment; sendFlags?: number },
): void {
  const { segment } = how;
  const { tally } = context;
  tally.begin({ nowUs: context.nowUs, minRttUs: Infinity, fack: tcb.iss, tsEcho: -1, tsOffset: 0 });
  tcb.scoreboard.acknowledge(seqAdd(tcb.iss, 1), tally);
  tcb.sndUna = seqAdd(tcb.iss, 1);
  tcb.retransmitUs = Infinity;
  tcb.backoff = 0;
  tcb.firstTimeoutUs = 0;
  if (tally.rttUs >= 0 && !tally.retransmitted) {
    takeRoundTrip(tcb, tally.rttUs);
  } else if (tcb.timestamps && segment.hasTimestamps && segment.tsEcho !== 0) {
    const elapsedMs = (timestampNow(context, tcb) - segment.tsEcho) | 0;
    if (elapsedMs >= 0) takeRoundTrip(tcb, elapsedMs * 1000 || 1);
  } else if (tcb.synRetransmits > 0) {
    boundRto(tcb, RTO_AFTER_LOST_SYN_US);
  }
  takeFirstWindow(tcb, segment);
  prepareTransfer(tcb);
  changeState(context, tcb, how.row, how.sendFlags ?? -1);
  if (tcb.keepAlive) tcb.keepAliveUs = context.nowUs + tcb.keepAliveIdleUs;
  context.effects.push(EFFECT.OPEN, tcb);
}
