/**
 * Slow start (RFC 5681 §3.1, MUST-19) with HyStart++ (RFC 9406).
 *
 * Owns: growth below ssthresh, and leaving it before the queue overflows. Must not know: what comes after.
 */
import type { CongestionVariables } from "./congestion_control.ts";

/** RFC 9406 §4.3. */
const MIN_RTT_THRESHOLD_US = 4_000;
const MAX_RTT_THRESHOLD_US = 16_000;
const MIN_RTT_DIVISOR = 8;
const ROUND_SAMPLES = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;

/** The least ssthresh, RFC 5681 §3.1 equation 4: two segments. */
export function leastThreshold(tcb: CongestionVariables): number {
  return 2 * tcb.sendMss;
}

/**
 * Grows the window by what was acknowledged, at most eight segments an acknowledgment unless set otherwise.
 * Deviation: RFC 5681 §3.1 takes one segment an ACK; receivers that acknowledge many segments at once would
 * starve the sender (RFC 9406 §4.2 takes the same limit).
 */
export function slowStart(tcb: CongestionVariables, ackedBytes: number): void {
  // After a time-out an ACK can cover what had arrived before it: one segment (RFC 3465 §2.3, RFC 5681 §3.1).
  const limit = (tcb.recovery === "loss" ? 1 : tcb.config.slowStartSegments) * tcb.sendMss;
  let growth = ackedBytes < limit ? ackedBytes : limit;
  if (tcb.sender.hystartCssRounds > 0) growth = growth / CSS_GROWTH_DIVISOR;
  tcb.cwnd = Math.floor(tcb.cwnd + growth);
  if (tcb.cwnd > tcb.ssthresh) tcb.cwnd = tcb.ssthresh;
}

/** A round-trip sample while in slow start (RFC 9406 §4.2); may end it by lowering ssthresh. */
export function hystartSample(tcb: CongestionVariables, rttUs: number): void {
  if (tcb.cwnd >= tcb.ssthresh) return;
  tcb.sender.hystartSamples++;
  if (rttUs < tcb.sender.hystartMinRttUs) tcb.sender.hystartMinRttUs = rttUs;
  judgeRound(tcb);
  // The ACK that ends a round still belongs to it.
  if (tcb.sndUna >= tcb.sender.hystartRoundEnd) beginRound(tcb);
}

function judgeRound(tcb: CongestionVariables): void {
  if (tcb.sender.hystartSamples < ROUND_SAMPLES) return;
  const current = tcb.sender.hystartMinRttUs;
  if (tcb.sender.hystartCssRounds > 0) {
    if (current < tcb.sender.hystartBaselineUs) {
      // The rise was spurious: back to full slow start.
      tcb.sender.hystartBaselineUs = Infinity;
      tcb.sender.hystartCssRounds = 0;
    }
    return;
  }
  const last = tcb.sender.hystartLastMinRttUs;
  if (last === Infinity) return;
  const threshold = Math.max(MIN_RTT_THRESHOLD_US, Math.min(last / MIN_RTT_DIVISOR, MAX_RTT_THRESHOLD_US));
  if (current >= last + threshold) {
    tcb.sender.hystartBaselineUs = current;
    tcb.sender.hystartCssRounds = 1;
  }
}

function beginRound(tcb: CongestionVariables): void {
  tcb.sender.hystartRoundEnd = tcb.sndNxt;
  tcb.sender.hystartLastMinRttUs = tcb.sender.hystartMinRttUs;
  tcb.sender.hystartMinRttUs = Infinity;
  tcb.sender.hystartSamples = 0;
  if (tcb.sender.hystartCssRounds > 0 && ++tcb.sender.hystartCssRounds > CSS_ROUNDS) {
    tcb.sender.hystartCssRounds = 0;
    tcb.ssthresh = tcb.cwnd;
  }
}
