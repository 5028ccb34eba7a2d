/**
 * The end of a stream: what our FIN, its ACK, and the peer's FIN do to the state (RFC 9293 §3.6, §3.10.4, §3.10.7.4).
 *
 * Owns: these changes of state, all of them. Must not know: what else the segment carries.
 */
import { FLAG } from "../wire/tcp.ts";
import { changeState, endConnection } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import type { TcpState } from "./state.ts";
import type { Tcb } from "./tcb.ts";
import { enterTimeWait } from "./time_wait.ts";
import type { TransitionId } from "./transitions.ts";

const { ACK } = FLAG;

/** Rows by which our FIN leaves. */
const CLOSE_ROW: Readonly<Partial<Record<TcpState, TransitionId>>> = {
  SYN_RCVD: "syn-rcvd.close",
  ESTABLISHED: "established.close",
  CLOSE_WAIT: "close-wait.close",
};

/** Our FIN is about to leave behind `length` bytes of text, in a segment with `flags`. */
export function ourFinLeaves(context: MachineContext, tcb: Tcb, length: number, flags: number): void {
  const row = CLOSE_ROW[tcb.state];
  if (row === undefined) throw new Error(`FIN cannot leave in ${tcb.state}: a defect`);
  context.apply("close.fin");
  changeState(context, tcb, row, flags);
  tcb.finSent = true;
  tcb.finSeq = tcb.sndNxt + length;
}

/** SND.UNA may have passed our FIN. Returns false when nothing of the segment is left to process. */
export function ourFinMayBeAcknowledged(context: MachineContext, tcb: Tcb): boolean {
  // RFC 9293 §3.10.7.4: in CLOSING a segment that does not acknowledge our FIN is ignored.
  if (!tcb.finSent || tcb.sndUna <= tcb.finSeq) return tcb.state !== "CLOSING";
  switch (tcb.state) {
    case "FIN_WAIT_1":
      context.apply("arrives.check5.fin-acknowledged");
      changeState(context, tcb, "fin-wait-1.ack");
      if (tcb.discarding) tcb.lifetimeUs = context.nowUs + tcb.config.finWait2Us;
      return true;
    case "CLOSING":
      context.apply("arrives.check5.fin-acknowledged");
      enterTimeWait(context, tcb, { row: "closing.ack" });
      return false;
    case "LAST_ACK":
      context.apply("arrives.check5.fin-acknowledged");
      endConnection(context, tcb, { row: "last-ack.ack", reason: "normal" });
      return false;
    default:
      return true;
  }
}

/** Eighth check: the peer's FIN, and everything before it is here. Its ACK leaves first of all. */
export function peerFinArrives(context: MachineContext, tcb: Tcb): void {
  tcb.rcvNxt += 1;
  tcb.finReceived = true;
  tcb.finPending = -1;
  context.apply("arrives.check8.fin");
  switch (tcb.state) {
    case "ESTABLISHED":
      changeState(context, tcb, "established.fin", ACK);
      break;
    case "FIN_WAIT_1":
      // Had our FIN been acknowledged by this segment, the state would be FIN_WAIT_2 by now.
      changeState(context, tcb, "fin-wait-1.fin", ACK);
      break;
    case "FIN_WAIT_2":
      enterTimeWait(context, tcb, { row: "fin-wait-2.fin", sendFlags: ACK });
      break;
    default:
      throw new Error(`The peer's FIN cannot be taken in ${tcb.state}: a defect`);
  }
  tcb.finAckOwed = true;
  context.effects.push(EFFECT.PEER_CLOSED, tcb);
}
