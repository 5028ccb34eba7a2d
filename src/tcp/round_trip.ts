/**
 * Round-trip time and retransmission timeout (RFC 6298; MUST-18, and the back-off of MUST-19).
 *
 * Owns: SRTT, RTTVAR, RTO and back-off. Must not know: what is retransmitted.
 */
import { stampAt } from "./rate_sample.ts";
import type { Tcb } from "./tcb.ts";

/**
 * Takes one measurement, microseconds: of a segment that was sent once, from then until its acknowledgment arrived. A
 * negative one is none: the two times may be of two clocks, one of which was set meanwhile (runtime/wall_offset.ts).
 */
export function takeRoundTrip(tcb: Tcb, rttUs: number): void {
  if (rttUs < 0) return;
  if (rttUs < tcb.minRttUs) tcb.minRttUs = rttUs;
  smooth(tcb, rttUs);
}

/** RFC 6298 §2.2, §2.3; ends any back-off (§5.7's note). */
function smooth(tcb: Tcb, rttUs: number): void {
  if (tcb.srttUs === 0) {
    tcb.srttUs = rttUs < 1 ? 1 : rttUs;
    tcb.rttvarUs = rttUs / 2;
  } else {
    // The order matters: RTTVAR uses the old SRTT.
    tcb.rttvarUs += (Math.abs(tcb.srttUs - rttUs) - tcb.rttvarUs) / 4;
    tcb.srttUs += (rttUs - tcb.srttUs) / 8;
  }
  // A window probe's count is of another kind.
  if (tcb.timerKind !== "persist") tcb.timerBackoff = 0;
  const spread = 4 * tcb.rttvarUs;
  const { rtoVarianceMinUs, rtoSlopUs } = tcb.config;
  boundRto(tcb, tcb.srttUs + (spread > rtoVarianceMinUs ? spread : rtoVarianceMinUs) + rtoSlopUs);
}

/**
 * A round trip by an echoed timestamp, as fine as its grain; returns whether it tells one (RFC 7323 §3.2: 0 stands for
 * none). It is no least round trip: rounded, it can be shorter than the path.
 */
export function sampleEcho(tcb: Tcb, tsEcho: number, nowUs: number): boolean {
  if (tsEcho <= 0) return false;
  const elapsedMs = (stampAt(tcb, nowUs) - tsEcho) | 0;
  if (elapsedMs < 0) return false;
  smooth(tcb, elapsedMs * 1000 || 1);
  return true;
}

/** Sets RTO within its bounds (RFC 6298 §2.4, §2.5). */
export function boundRto(tcb: Tcb, rtoUs: number): void {
  const { rtoMinUs, rtoMaxUs } = tcb.config;
  tcb.rtoUs = rtoUs < rtoMinUs ? rtoMinUs : rtoUs > rtoMaxUs ? rtoMaxUs : rtoUs;
}

/** RTO after `backoff` time-outs in a row, microseconds (RFC 6298 §5.5). What is added to every one is not doubled. */
export function backedOffRtoUs(tcb: Tcb, backoff: number): number {
  if (backoff === 0) return tcb.rtoUs;
  const { rtoSlopUs, rtoMaxUs } = tcb.config;
  // Before anything is measured it is not in the value yet.
  const base = tcb.srttUs === 0 ? tcb.rtoUs : tcb.rtoUs - rtoSlopUs;
  const value = base * 2 ** backoff + rtoSlopUs;
  return value > rtoMaxUs ? rtoMaxUs : value;
}

/** Doubles the timeout (RFC 6298 §5.5), up to its maximum. */
export function backOff(tcb: Tcb): void {
  if (backedOffRtoUs(tcb, tcb.timerBackoff) < tcb.config.rtoMaxUs) tcb.timerBackoff++;
}
