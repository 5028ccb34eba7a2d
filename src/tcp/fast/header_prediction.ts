/**
 * Header prediction: the next segment of bulk data, recognised by its header (V. Jacobson, 4BSD header prediction, 1990).
 *
 * Owns: the conditions under which the checks of RFC 9293 §3.10.7.4 can only pass, so that none has to be made, and
 * what is left to do then. Must not know: any other segment; those go through arrives.ts. The rules that it
 * applies are those that the checks would have applied: a test holds both ways against each other.
 */
import { FLAG } from "../../wire/tcp.ts";
import { takeInOrder } from "../arrives_text.ts";
import type { ArrivingSegment } from "../arriving_segment.ts";
import type { MachineContext } from "../context.ts";
import type { Tcb } from "../tcb.ts";

const { ACK, PSH } = FLAG;

/**
 * Takes the segment if it is the one expected: text in order that acknowledges nothing new and changes no window, on a
 * connection that has nothing in flight and nothing to send. Returns whether it was.
 */
export function predictedArrives(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): boolean {
  const { seq, ack, textLength, header } = segment;
  if (seq !== tcb.rcvNxt || textLength === 0 || (segment.flags & ~PSH) !== ACK) return false;
  if (tcb.state !== "ESTABLISHED" || ack !== tcb.sndUna || tcb.sndNxt !== ack) return false;
  if (header.window << tcb.sendShift !== tcb.sndWnd || textLength > tcb.rcvWnd) return false;
  // What waits to be sent, or for a deadline; what came out of order; what the ECN field says.
  if (tcb.sendRing.length > 0 || tcb.finQueued || tcb.ecn || tcb.timerDueUs !== Infinity) return false;
  if (
    tcb.reassembly.count > 0 || tcb.finPending >= 0 || header.sackBlockCount > 0 || tcb.sender.tlpEnd >= 0
  ) return false;
  if (tcb.timestamps) {
    // PAWS and TS.Recent (RFC 7323 §5.3): R1 passes, R3 remains.
    if (!header.hasTimestamps || ((header.tsValue - tcb.tsRecent) | 0) < 0) return false;
    if (seq <= tcb.lastAckSent) {
      tcb.tsRecent = header.tsValue;
      tcb.tsRecentUs = context.nowUs;
    }
  }
  context.apply("arrives.check5.ack-nothing-new");
  // Not when a segment beyond a hole, since filled, has set the window (RFC 9293 §3.10.7.4: SND.WL1 < SEG.SEQ, or as old).
  if (tcb.sndWl1 < seq || (tcb.sndWl1 === seq && tcb.sndWl2 <= ack)) {
    tcb.sndWl1 = seq;
    tcb.sndWl2 = ack;
  }
  tcb.cwndLimited = false;
  takeInOrder(context, tcb, header, header.payloadOffset, textLength);
  return true;
}
