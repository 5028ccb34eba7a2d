/**
 * The timer of what is in flight: one value of kind, time and back-off that serves RTO (RFC 6298 §5), tail loss probe
 * (RFC 8985 §7), reordering (RFC 8985 §6.3) and zero-window probe (RFC 9293 §3.8.6.1), because they exclude each other.
 *
 * Owns: what the timer is set to when an event is over. Must not know: what happens when it is due (deadlines.ts); who
 * changes the record says only what the timer has to do with it (`timerRestarts`, `timerIsRto`, `reorderDueUs`).
 */
import { backedOffRtoUs } from "./round_trip.ts";
import type { Tcb, TimerKind } from "./tcb.ts";
import { isOrphan } from "./user_calls.ts";

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
 * Sets the timer for what is in flight now, the event being over; `sent` tells whether something has just left. A running
 * RTO keeps its time (RFC 6298 §5.1) unless something new has been acknowledged (§5.3), a tail loss probe counts from the
 * last send (RFC 8985 §7.2).
 */
export function armTimer(tcb: Tcb, nowUs: number, sent: boolean): void {
  const { timerRestarts, timerIsRto } = tcb;
  tcb.timerRestarts = false;
  tcb.timerIsRto = false;
  if (tcb.outstanding === 0) {
    if (tcb.sender.reorderDueUs !== Infinity) tcb.sender.reorderDueUs = Infinity;
    if (isWindowBlocked(tcb)) setPersist(tcb, nowUs);
    else tcb.timerDueUs = Infinity;
    return;
  }
  const isStale = tcb.timerDueUs === Infinity || (tcb.timerKind === "tlp" && sent) ||
    (tcb.timerKind === "persist" && tcb.sndWnd > 0);
  if (timerIsRto) setRto(tcb, nowUs);
  else if (timerRestarts || isStale) restart(tcb, nowUs);
  else if (sent && tcb.timerKind === "rto" && canProbeTail(tcb, tcb.timerBackoff)) {
    // RFC 8985 §7.2: each send may bring the probe of a tail forward, before the RTO that runs, or have it in its place.
    setTimer(tcb, "tlp", Math.min(nowUs + tailProbeUs(tcb), tcb.timerDueUs), tcb.timerBackoff);
  }
  const { reorderDueUs } = tcb.sender;
  if (reorderDueUs !== Infinity) {
    if (tcb.timerKind === "rack" || reorderDueUs < tcb.timerDueUs) {
      setTimer(tcb, "rack", reorderDueUs, rtoBackoff(tcb));
    }
  } else if (tcb.timerKind === "rack") {
    setRto(tcb, nowUs);
  }
}

function setTimer(tcb: Tcb, kind: TimerKind, dueUs: number, backoff: number): void {
  tcb.timerKind = kind;
  tcb.timerDueUs = dueUs;
  tcb.timerBackoff = backoff;
}

/** Time-outs in a row: a window probe's count is of another kind, and ends with it (SHLD-29). */
function rtoBackoff(tcb: Tcb): number {
  return tcb.timerKind === "persist" ? 0 : tcb.timerBackoff;
}

/** Anew, from now (RFC 6298 §5.3), as a tail loss probe where that is in order. */
function restart(tcb: Tcb, nowUs: number): void {
  if (tcb.sndWnd === 0 && tcb.timerKind === "persist" && tcb.timerBackoff > 0) {
    setPersist(tcb, nowUs);
    return;
  }
  const backoff = rtoBackoff(tcb);
  const rtoUs = backedOffRtoUs(tcb, backoff);
  // RFC 8985 §7.2: no later than the RTO would be due; that begins anew behind the probe.
  if (canProbeTail(tcb, backoff)) setTimer(tcb, "tlp", nowUs + Math.min(tailProbeUs(tcb), rtoUs), backoff);
  else setTimer(tcb, "rto", nowUs + rtoUs, backoff);
}

/** RFC 8985 §7.1: no probe in recovery, without SACK, or while one is out. */
function canProbeTail(tcb: Tcb, backoff: number): boolean {
  return tcb.sack && tcb.config.tailLossProbe && tcb.recovery === "open" && tcb.sender.tlpEnd < 0 &&
    tcb.scoreboard.sackedBytes === 0 &&
    backoff === 0 && tcb.state !== "SYN_SENT" && tcb.state !== "SYN_RCVD";
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
function setPersist(tcb: Tcb, nowUs: number): void {
  if (tcb.timerKind === "persist" && tcb.timerDueUs !== Infinity) return;
  const backoff = tcb.timerKind === "persist" ? tcb.timerBackoff : 0;
  // Some room, but not worth a segment: the override time-out of §3.8.6.2.1, 0.1 to 1 s.
  const base = tcb.windowRoom > 0 ? Math.min(Math.max(tcb.rtoUs, 100_000), 1_000_000) : tcb.rtoUs;
  const waitUs = Math.min(base * 2 ** backoff, tcb.config.rtoMaxUs);
  setTimer(tcb, "persist", beforeR2Us(tcb, nowUs, nowUs + waitUs), backoff);
}

/** The RTO from now, without regard to what ran before (after a time-out). */
function setRto(tcb: Tcb, nowUs: number): void {
  const backoff = rtoBackoff(tcb);
  setTimer(tcb, "rto", beforeR2Us(tcb, nowUs, nowUs + backedOffRtoUs(tcb, backoff)), backoff);
}

/** R2 ends the connection when it is reached, not at the next time-out after it: `dueUs`, or when that is. */
function beforeR2Us(tcb: Tcb, nowUs: number, dueUs: number): number {
  const isSynSent = tcb.state === "SYN_SENT";
  if (!isSynSent && tcb.firstTimeoutUs === 0) return dueUs;
  const endUs = isSynSent ? tcb.openedUs + tcb.config.synR2Us : tcb.firstTimeoutUs + userTimeoutUs(tcb);
  return endUs > nowUs && endUs < dueUs ? endUs : dueUs;
}

/** R2 as it is in force (RFC 9293 §3.8.3): how long nothing may be acknowledged. */
export function userTimeoutUs(tcb: Tcb): number {
  const { orphanR2Us } = tcb.config;
  // With text still to be delivered the peer may be waiting for it, on a path that loses much.
  const awaitsOnlyFin = isOrphan(tcb) && tcb.sendRing.length === 0;
  return awaitsOnlyFin && orphanR2Us < tcb.r2Us ? orphanR2Us : tcb.r2Us;
}
