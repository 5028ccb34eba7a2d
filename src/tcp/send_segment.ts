/**
 * Putting one segment into the effects queue, with all that a departing segment changes.
 *
 * Owns: the header's fields (acknowledgment, window, urgent, ECN), and the bookkeeping of an ACK that leaves. Must not
 * know: why the segment is sent.
 */
import { FLAG } from "../wire/tcp.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT, type Effect } from "./effects.ts";
import { offerFirstWindow, offerWindow, offerWithSyn } from "./receive_window.ts";
import type { RuleId } from "./rules.ts";
import { chooseOptions } from "./segment_options.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, FIN, RST, PSH, ACK, URG, ECE, CWR } = FLAG;

/** Largest urgent pointer (MUST-31: urgent data of any length; what lies beyond it is announced again later). */
const URGENT_POINTER_MAX = 0xffff;

/** Congestion experienced, RFC 3168 §5. */
export const CONGESTION_EXPERIENCED = 0b11;

/** What a segment is made of; the text is that of the send ring at `seq`. */
interface SegmentParts {
  flags: number;
  seq: number;
  length: number;
  /** Payload bytes at which a large segment is cut; 0 when it fits the MTU. */
  cutBytes: number;
  rule: RuleId;
}

/** Filled anew for each segment: nothing is made for one. */
const parts: SegmentParts = { flags: 0, seq: 0, length: 0, cutBytes: 0, rule: "none" };

/** The parts of the next segment, for {@link pushSegment} to take at once. */
export function segmentOf(rule: RuleId, flags: number, seq: number, length: number): SegmentParts {
  parts.flags = flags;
  parts.seq = seq;
  parts.length = length;
  parts.cutBytes = 0;
  parts.rule = rule;
  return parts;
}

/** Queues one segment. With ACK set it acknowledges all that has been received, and no ACK is owed any more. */
export function pushSegment(context: MachineContext, tcb: Tcb, segment: SegmentParts): void {
  const { flags, seq, length, rule } = segment;
  const effect = context.effects.push(EFFECT.SEND, tcb);
  effect.state = tcb.state;
  effect.seq = seq;
  effect.length = length;
  effect.rule = rule;
  effect.urgentPointer = 0;
  effect.cutBytes = segment.cutBytes;
  effect.ecn = 0;
  effect.ack = 0;
  effect.flags = flags;
  if (context.onRule !== null) context.onRule(rule);
  if ((flags & SYN) !== 0) {
    effect.window = (flags & ACK) !== 0 ? offerWithSyn(tcb) : offerFirstWindow(tcb);
  } else if ((flags & RST) !== 0) {
    effect.window = 0;
  } else {
    effect.window = offerWindow(tcb);
    if (tcb.ecn) markEcn(tcb, effect);
    if (tcb.sndUp > seq) {
      const pointer = tcb.sndUp - seq;
      effect.flags |= URG;
      effect.urgentPointer = pointer > URGENT_POINTER_MAX ? URGENT_POINTER_MAX : pointer;
    }
  }
  if ((flags & ACK) !== 0) {
    effect.ack = tcb.rcvNxt;
    tcb.lastAckSent = tcb.rcvNxt;
    tcb.finAckOwed = false;
    tcb.ackBytes = 0;
    tcb.delayedAckUs = Infinity;
  }
  const tellsAll = chooseOptions(tcb, effect, context.nowUs);
  // Text that leaves no room for what SACK has to tell does not stand for the ACK that is owed for it.
  if ((flags & ACK) !== 0 && tellsAll) tcb.ackNow = false;
  tcb.segmentsOut++;
}

/**
 * RFC 3168 §6.1.3: a mark is echoed until the peer has reduced. §6.1.4 to §6.1.6: new data is ECN-capable, and tells of our
 * reduction; data sent again, bare ACKs and window probes are not, nor (§6.1.1) anything to a peer that has also asked without.
 */
function markEcn(tcb: Tcb, effect: Effect): void {
  if (tcb.ecnEcho) effect.flags |= ECE;
  if (effect.length === 0 || effect.seq !== tcb.sndNxt || effect.rule === "send.window-probe") return;
  effect.ecn = tcb.textEcn;
  if (!tcb.cwrPending) return;
  effect.flags |= CWR;
  tcb.cwrPending = false;
}

/** Whether an octet beyond the peer's shut window is out, as a probe. */
export function isProbing(tcb: Tcb): boolean {
  return tcb.timerKind === "persist" && tcb.timerBackoff > 0 && tcb.outstanding > 0 && tcb.sndWnd === 0;
}

/** Queues a segment without text, in the place that a bare one takes. */
function pushBare(context: MachineContext, tcb: Tcb, flags: number, rule: RuleId): void {
  // SND.NXT; but while a window probe is out, that of the probe, since behind it the segment would lie outside the peer's
  // window and its ACK be refused.
  pushSegment(context, tcb, segmentOf(rule, flags, isProbing(tcb) ? tcb.sndUna : tcb.sndNxt, 0));
}

/** Challenge ACKs (RFC 5961), which answer what a stranger may have sent: bare, whatever else ACKs carry. */
const CHALLENGES: ReadonlySet<RuleId> = new Set<RuleId>([
  "arrives.check2.rst-challenge",
  "arrives.check4.syn-challenge",
  "arrives.check5.ack-too-old",
]);

/** Queues an ACK that carries nothing else, but perhaps our FIN again. */
export function pushAck(context: MachineContext, tcb: Tcb, rule: RuleId): void {
  if (tcb.quickAcksLeft > 0) tcb.quickAcksLeft--;
  if (tcb.finSent && tcb.config.finInAcks && tcb.sndUna <= tcb.finSeq && !CHALLENGES.has(rule)) {
    pushSegment(context, tcb, segmentOf(rule, ACK | FIN, tcb.finSeq, 0));
    return;
  }
  pushBare(context, tcb, ACK, rule);
}

/** Queues our RST on an existing connection: `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>`. */
export function pushReset(context: MachineContext, tcb: Tcb, rule: RuleId): void {
  context.counters.resetsOut++;
  pushBare(context, tcb, RST | ACK, rule);
}

/** Flags of a data segment: PSH on the last byte queued (MUST-61), FIN where it ends the stream. */
export function dataFlags(isLast: boolean, withFin: boolean): number {
  return ACK | (isLast ? PSH : 0) | (withFin ? FIN : 0);
}
