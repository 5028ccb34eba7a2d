/**
 * When the retransmission deadline is due, and as what: RTO (RFC 6298 §5), tail loss probe (RFC 8985 §7),
 * zero-window probe (RFC 9293 §3.8.6.1). One deadline serves all, because they exclude each other.
 *
 * Owns: arming. Must not know: what happens when it is due (deadlines.ts).
 */
import type { MachineContext } from "./context.ts";
import { backedOffRtoUs } from "./round_trip.ts";
import { seqAdd, seqDiff } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

/** RFC 8985 §7.2: PTO when nothing has been measured. */
const PTO_UNMEASURED_US = 1_000_000;
/** RFC 8985 §7.2: WCDelAckT, the longest that the peer may delay the ACK of a single segment. */
const WORST_DELAYED_ACK_US = 200_000;

/** Whether data or FIN waits that the peer's window does not let out, with nothing in flight to bring news of it. */
export function isWindowBlocked(tcb: Tcb): boolean {
  return tcb.outstanding === 0 && !tcb.finSent && (tcb.unsentBytes > 0 || tcb.finQueued) &&
    (tcb.state === "ESTABLISHED" || tcb.state === "CLOSE_WAIT");
}

/**
 * Arms the deadline for what is in flight now; `sent` tells whether something has just left. A running RTO
 * keeps its time (RFC 6298 §5.1), a tail loss probe counts from the last send (RFC 8985 §7.2). Call
 * {@link restartRetransmit} when new data has been acknowledged.
 */
export function scheduleRetransmit(context: MachineContext, tcb: Tcb, sent: boolean): void {
  if (tcb.outstanding === 0) {
    if (isWindowBlocked(tcb)) armPersist(context, tcb);
    else tcb.retransmitUs = Infinity;
    return;
  }
  const isStale = tcb.retransmitUs === Infinity || (tcb.retransmitKind === "tlp" && sent) ||
    (tcb.retransmitKind === "persist" && tcb.sndWnd > 0);
  if (isStale) restartRetransmit(context, tcb);
}

/** Arms the deadline anew, from now (RFC 6298 §5.3), as a tail loss probe where that is in order. */
export function restartRetransmit(context: MachineContext, tcb: Tcb): void {
  if (tcb.outstanding === 0) {
    scheduleRetransmit(context, tcb, false);
    return;
  }
  if (tcb.sndWnd === 0 && tcb.persistBackoff > 0) {
    armPersist(context, tcb);
    return;
  }
  const rtoUs = backedOffRtoUs(tcb);
  const probeUs = canProbeTail(tcb) ? tailProbeUs(tcb) : Infinity;
  if (probeUs < rtoUs) {
    tcb.retransmitKind = "tlp";
    tcb.retransmitUs = context.nowUs + probeUs;
  } else {
    tcb.retransmitKind = "rto";
    tcb.retransmitUs = context.nowUs + rtoUs;
  }
}

/** RFC 8985 §7.1: no probe in recovery, without SACK, or while one is out. */
function canProbeTail(tcb: Tcb): boolean {
  return tcb.sack && tcb.recovery === "open" && tcb.sender.tlpEnd < 0 && tcb.scoreboard.sackedBytes === 0 &&
    tcb.backoff === 0 && tcb.state !== "SYN_SENT" && tcb.state !== "SYN_RCVD";
}

/** PTO of RFC 8985 §7.2. */
function tailProbeUs(tcb: Tcb): number {
  if (tcb.srttUs === 0) return PTO_UNMEASURED_US;
  let pto = 2 * tcb.srttUs;
  if (tcb.outstanding <= tcb.sendMss) pto += WORST_DELAYED_ACK_US;
  // Local choice: not below our timestamps' grain by much, where a probe only disturbs.
  return pto < 10_000 ? 10_000 : pto;
}

/** Persist: first after an RTO (SHLD-29), then doubling (SHLD-30). */
export function armPersist(context: MachineContext, tcb: Tcb): void {
  if (tcb.retransmitKind === "persist" && tcb.retransmitUs !== Infinity) return;
  tcb.retransmitKind = "persist";
  const room = seqDiff(seqAdd(tcb.sndUna, tcb.sndWnd), tcb.sndNxt);
  // Some room, but not worth a segment: the override time-out of §3.8.6.2.1, 0.1 to 1 s.
  const base = room > 0 ? Math.min(Math.max(tcb.rtoUs, 100_000), 1_000_000) : tcb.rtoUs;
  const waitUs = Math.min(base * 2 ** tcb.persistBackoff, tcb.config.rtoMaxUs);
  tcb.retransmitUs = context.nowUs + waitUs;
}

/** Arms the RTO from now without regard to what ran before (after a time-out). */
export function armRto(context: MachineContext, tcb: Tcb): void {
  tcb.retransmitKind = "rto";
  tcb.retransmitUs = context.nowUs + backedOffRtoUs(tcb);
  // R2 ends the connection when it is reached, not at the next time-out after it.
  const endUs = tcb.state === "SYN_SENT" ? tcb.openedUs + tcb.config.synR2Us : tcb.firstTimeoutUs + tcb.r2Us;
  const isRunning = tcb.state === "SYN_SENT" || tcb.firstTimeoutUs > 0;
  if (isRunning && endUs > context.nowUs && endUs < tcb.retransmitUs) tcb.retransmitUs = endUs;
}
