/**
 * TCP Fast Open (RFC 7413) in the machine: text in a SYN, and what its answer says of it.
 *
 * Owns: what a connection that does Fast Open has beside its TCB; when a SYN's text is taken, how much of our own goes with a
 * SYN, and what becomes of it when the handshake is over. Must not know: how cookies are made and kept, which of them are
 * good, how many connections may be pending: the host has judged by then (host/fast_open_requests.ts, fast_open_client.ts).
 *
 * Deviation: RFC 9293 §3.10.7.2 has text and FIN of every SYN queued; RFC 7413 takes text where a cookie vouches for it. A FIN
 * in a SYN is not taken, and not acknowledged: it comes again behind the handshake, when it ends a connection that is one.
 */
import { FLAG } from "../wire/tcp.ts";
import { advance } from "./arrives_ack.ts";
import { takeSynText } from "./arrives_text.ts";
import type { ArrivingSegment } from "./arriving_segment.ts";
import { initialWindow } from "./congestion.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import type { FastOpen } from "./fast_open_record.ts";
import { isCookieLength } from "./fast_open_record.ts";
import { enterLoss, repairRefused } from "./recovery.ts";
import { tellRetransmit } from "./resend.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, ACK } = FLAG;

// -- Server

/**
 * The segment in hand, a SYN that has just begun `tcb`, has a good cookie: its text is the application's at once, and what that
 * answers may leave before the handshake is over, within the initial window (RFC 7413 §4.2.2, steps 4 and 6 of the server).
 */
export function acceptFastOpen(context: MachineContext, tcb: Tcb, fastOpen: FastOpen): void {
  // The octet of our SYN is in flight beside it, and takes no room: the peer's window begins behind it.
  tcb.cwnd = initialWindow(tcb) + 1;
  tcb.sndWnd += 1;
  takeSynText(context, tcb, context.arriving);
  fastOpen.textBytes = context.arriving.textLength;
  fastOpen.takenBytes = tcb.rcvNxt - 1;
  context.apply("arrives.listen.fast-open");
}

/** Whether data may leave in SYN_RCVD. */
export function mayAnswerEarly({ fastOpen }: Tcb): boolean {
  return fastOpen !== null && fastOpen.isAccepted;
}

// -- Client

/** Octets of what is queued that go with our first SYN. */
export function synTextBytes({ fastOpen, state, sendRing }: Tcb): number {
  if (fastOpen === null || state !== "SYN_SENT") return 0;
  return Math.min(sendRing.length, fastOpen.mostTextBytes);
}

/** `length` octets leave behind our SYN, in the same segment. */
export function synTextLeaves(context: MachineContext, tcb: Tcb, length: number): void {
  tcb.beginSending();
  tcb.sendNext(length).sentUs = context.nowUs;
  if (tcb.fastOpen !== null) tcb.fastOpen.textBytes = length;
}

// -- Both

/** Our SYN is acknowledged by `segment`, and SND.UNA stands behind it. */
export function handshakeIsOver(
  context: MachineContext,
  tcb: Tcb,
  fastOpen: FastOpen,
  segment: ArrivingSegment,
): void {
  if (!tcb.passive) synAnswered(context, tcb, fastOpen, segment);
  else if (tcb.synRetransmits > 0 && segment.ack < tcb.sndNxt) answersAreLost(tcb, context.nowUs);
}

/** The client knew nothing of us while our SYN,ACK was lost: nor did it take what we have sent behind it. */
function answersAreLost(tcb: Tcb, nowUs: number): void {
  enterLoss(tcb, nowUs);
}

/** What the server's answer says of our SYN's text and cookie (RFC 7413 §4.2.2, the client receives SYN-ACK). */
function synAnswered(context: MachineContext, tcb: Tcb, fastOpen: FastOpen, segment: ArrivingSegment): void {
  const { header, flags, ack } = segment;
  if (ack > tcb.sndUna) {
    tcb.scoreboard.acknowledge(segment);
    tcb.scoreboard.endAcknowledgment();
    fastOpen.takenBytes = ack - tcb.sndUna;
    advance(context, tcb, segment);
    context.apply("arrives.syn-sent.fast-open-taken");
  }
  if (tcb.scoreboard.count > 0) sendTextAgain(context, tcb);
  const hasCookie = (flags & (SYN | ACK)) === (SYN | ACK) && isCookieLength(header.fastOpen);
  fastOpen.answer = {
    // The segment's is gone with its frame.
    cookie: hasCookie ? header.fastOpenCookie.slice() : null,
    isExperimental: header.isFastOpenExperimental,
    mss: tcb.peerMss,
  };
  context.effects.push(EFFECT.FAST_OPEN, tcb);
}

/**
 * What the server did not take of our SYN's text leaves again with the first ACK, in segments of the size agreed (RFC 7413
 * §4.2.2), before what is new. Where its window has no room for that it is as if it had never been sent, and waits for room.
 */
function sendTextAgain(context: MachineContext, tcb: Tcb): void {
  context.apply("arrives.syn-sent.fast-open-again");
  if (tcb.windowRoom >= 0) {
    repairRefused(tcb);
    return;
  }
  const length = tcb.sndNxt - tcb.sndUna;
  while (tcb.scoreboard.count > 0) tcb.sndNxt = tcb.scoreboard.dropNewest();
  tellRetransmit(context, tcb, { kind: "fast", seq: tcb.sndUna, length, count: 1 });
}
