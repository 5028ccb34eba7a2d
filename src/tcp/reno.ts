/**
 * Reno congestion avoidance (RFC 5681 §3.1).
 *
 * Owns: linear growth and halving. Must not know: loss detection.
 */
import type { CongestionControl, CongestionVariables } from "./congestion_control.ts";
import { hystartSample, leastThreshold, slowStart } from "./slow_start.ts";

/** Reno, RFC 5681. */
export const reno: CongestionControl = {
  name: "reno",
  growsFull: false,
  onAck(tcb: CongestionVariables, ackedBytes: number): void {
    if (tcb.cwnd < tcb.ssthresh) {
      slowStart(tcb, ackedBytes);
      return;
    }
    // One segment for each window acknowledged (RFC 5681 §3.1, RFC 3465 §2.1).
    tcb.cwndCredit += ackedBytes;
    if (tcb.cwndCredit >= tcb.cwnd) {
      tcb.cwndCredit -= tcb.cwnd;
      tcb.cwnd += tcb.sendMss;
    }
  },
  onCongestion(tcb: CongestionVariables): number {
    tcb.cwndCredit = 0;
    const flight = tcb.cwndLimited ? tcb.cwnd : Math.min(tcb.cwnd, tcb.outstanding);
    return Math.max(Math.floor(flight / 2), leastThreshold(tcb));
  },
  onRoundTrip: hystartSample,
  onRestart(tcb: CongestionVariables): void {
    tcb.cwndCredit = 0;
  },
};
