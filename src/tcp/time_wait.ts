/**
 * TIME_WAIT (RFC 9293 §3.6.1, MUST-13): entering it, staying in it, leaving it.
 *
 * Owns: its deadline and what a SYN may do there (MAY-2, RFC 6191). Must not know: the table that bounds how
 * many such connections a host keeps.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { changeState } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { seqGe, seqGt } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

/** How long TIME_WAIT lasts, microseconds: twice the maximum segment lifetime unless told otherwise. */
export function timeWaitUs(tcb: Tcb): number {
  return tcb.config.timeWaitUs > 0 ? tcb.config.timeWaitUs : 2 * tcb.config.mslUs;
}

/** Moves along `row` into TIME_WAIT; buffers go, the other deadlines stop. */
export function enterTimeWait(
  context: MachineContext,
  tcb: Tcb,
  how: { row: string; sendFlags?: number },
): void {
  changeState(context, tcb, how.row, how.sendFlags ?? -1);
  tcb.stopDeadlines();
  tcb.scoreboard.clear();
  tcb.reassembly.clear();
  tcb.releaseSendRing();
  restartTimeWait(context, tcb);
}

/** Starts the 2 MSL anew (RFC 9293 §3.10.7.4, a FIN sent again). */
export function restartTimeWait(context: MachineContext, tcb: Tcb): void {
  tcb.lifetimeUs = context.nowUs + timeWaitUs(tcb);
}

/**
 * Whether a SYN that arrives in TIME_WAIT may open a new connection: its sequence number lies beyond all that
 * was used (MAY-2), or its timestamp is newer (SHLD-4, RFC 6191 §2).
 */
export function canReopen(tcb: Tcb, segment: TcpSegment): boolean {
  const { SYN, ACK, RST, FIN } = FLAG;
  if ((segment.flags & (SYN | ACK | RST | FIN)) !== SYN) return false;
  if (tcb.timestamps && segment.hasTimestamps) {
    if (seqGt(segment.tsValue, tcb.tsRecent)) return true;
    return segment.tsValue === tcb.tsRecent && seqGe(segment.seq, tcb.rcvNxt);
  }
  // Old segments have no timestamps, the new connection's have: PAWS tells them apart (RFC 6191 §2).
  if (!tcb.timestamps && segment.hasTimestamps && tcb.config.timestamps) return true;
  // RCV.NXT is the first number that was never used.
  return seqGe(segment.seq, tcb.rcvNxt);
}
