/**
 * TIME_WAIT (RFC 9293 §3.6.1, MUST-13): entering it, staying in it, leaving it.
 *
 * Owns: its deadline, its answers, and what a SYN may do there (MAY-2, RFC 6191). Must not know: the table that bounds how
 * many such connections a host keeps.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { answerUnacceptable } from "./answer_limit.ts";
import { changeState } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { positionOf, seqLt } from "./sequence.ts";
import { isScan } from "./syn_fin.ts";
import type { Tcb } from "./tcb.ts";
import type { TransitionId } from "./transitions.ts";

/** How long TIME_WAIT lasts, microseconds: twice the maximum segment lifetime unless told otherwise. */
function timeWaitUs(tcb: Tcb): number {
  return tcb.config.timeWaitUs > 0 ? tcb.config.timeWaitUs : 2 * tcb.config.mslUs;
}

/** Moves along `row` into TIME_WAIT; buffers go, the other deadlines stop. */
export function enterTimeWait(
  context: MachineContext,
  tcb: Tcb,
  how: { row: TransitionId; sendFlags?: number },
): void {
  changeState(context, tcb, how.row, how.sendFlags ?? -1);
  tcb.stopDeadlines();
  tcb.scoreboard.clear();
  tcb.reassembly.clear();
  tcb.releaseSendRing();
  restart(context, tcb);
}

/** Starts the 2 MSL anew. */
function restart(context: MachineContext, tcb: Tcb): void {
  tcb.lifetimeUs = context.nowUs + timeWaitUs(tcb);
}

/** The segment in hand is the peer's FIN again: our ACK of it was lost (RFC 9293 §3.10.7.4, eighth check). */
export function finAgainInTimeWait(context: MachineContext, tcb: Tcb): void {
  context.apply("arrives.time-wait.fin-again");
  restart(context, tcb);
  answerUnacceptable(context, tcb, "arrives.time-wait.fin-again");
}

/**
 * An acceptable segment in TIME_WAIT. Nothing can come any more but a retransmission of the peer's FIN (RFC 9293 §3.10.7.4):
 * whatever is not a bare ACK at RCV.NXT is told where we are.
 */
export function arrivesInTimeWait(context: MachineContext, tcb: Tcb): void {
  const { seq, length } = context.arriving;
  const rule = length > 0 ? "arrives.check7.after-fin" : "arrives.time-wait.ack";
  context.apply(rule);
  if (length > 0 || seq !== tcb.rcvNxt) answerUnacceptable(context, tcb, rule);
}

/**
 * Whether a SYN that arrives in TIME_WAIT may open a new connection: its sequence number lies beyond all that
 * was used (MAY-2), or its timestamp is newer (SHLD-4, RFC 6191 §2).
 */
export function canReopen(tcb: Tcb, segment: TcpSegment): boolean {
  const { SYN, ACK, RST, FIN } = FLAG;
  if ((segment.flags & (SYN | ACK | RST)) !== SYN) return false;
  // RCV.NXT is the first position that was never used.
  const position = positionOf(segment.seq, tcb.irs, tcb.rcvNxt);
  if (tcb.config.timeWaitReopen === "beyond") {
    return position > tcb.rcvNxt && !isScan(tcb.config, segment);
  }
  if ((segment.flags & FIN) !== 0) return false;
  const isBeyond = position >= tcb.rcvNxt;
  if (tcb.timestamps && segment.hasTimestamps) {
    if (seqLt(tcb.tsRecent, segment.tsValue)) return true;
    return segment.tsValue === tcb.tsRecent && isBeyond;
  }
  // Old segments have no timestamps, the new connection's have: PAWS tells them apart (RFC 6191 §2).
  if (!tcb.timestamps && segment.hasTimestamps && tcb.config.timestamps) return true;
  return isBeyond;
}
