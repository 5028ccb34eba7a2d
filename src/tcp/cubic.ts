/**
 * CUBIC congestion avoidance (RFC 9438).
 *
 * Owns: the cubic curve and its Reno-friendly region. Must not know: loss detection. Windows are counted
 * in segments inside, as in the RFC.
 */
import type { CongestionControl, CongestionVariables } from "./congestion_control.ts";
import { hystartSample, leastThreshold, slowStart } from "./slow_start.ts";

/** RFC 9438 §4.6 and §5: beta and C. */
const BETA = 0.7;
const C = 0.4;
/** RFC 9438 §4.3: the Reno-friendly increase. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);

/** CUBIC, RFC 9438. */
export const cubic: CongestionControl = {
  name: "cubic",
  growsFull: false,
  onAck(tcb: CongestionVariables, ackedBytes: number, nowUs: number): void {
    if (tcb.cwnd < tcb.ssthresh) {
      slowStart(tcb, ackedBytes);
      return;
    }
    const mss = tcb.sendMss;
    const cwnd = tcb.cwnd / mss;
    const acked = ackedBytes / mss;
    if (tcb.sender.cubicEpochUs === 0) {
      tcb.sender.cubicEpochUs = nowUs;
      if (tcb.sender.cubicWMax > cwnd) {
        tcb.sender.cubicK = Math.cbrt((tcb.sender.cubicWMax - cwnd) / C);
      } else {
        tcb.sender.cubicWMax = cwnd;
        tcb.sender.cubicK = 0;
      }
      tcb.sender.cubicWEst = cwnd;
    }
    const elapsed = (nowUs - tcb.sender.cubicEpochUs) / 1e6;
    // §4.3: the estimate of what Reno would have.
    const alpha = tcb.sender.cubicWEst >= tcb.sender.cubicCwndPrior ? 1 : ALPHA;
    tcb.sender.cubicWEst += (alpha * acked) / cwnd;
    const now = C * (elapsed - tcb.sender.cubicK) ** 3 + tcb.sender.cubicWMax;
    let next: number;
    if (now < tcb.sender.cubicWEst) {
      next = Math.max(cwnd, tcb.sender.cubicWEst);
    } else {
      // §4.4, §4.5: a round trip ahead on the curve, within [cwnd, 1.5 cwnd].
      const ahead = C * (elapsed + tcb.srttUs / 1e6 - tcb.sender.cubicK) ** 3 + tcb.sender.cubicWMax;
      const target = ahead < cwnd ? cwnd : ahead > 1.5 * cwnd ? 1.5 * cwnd : ahead;
      next = cwnd + ((target - cwnd) / cwnd) * acked;
    }
    tcb.cwnd = next * mss;
  },
  onCongestion(tcb: CongestionVariables, _nowUs: number, isTimeout: boolean): number {
    const mss = tcb.sendMss;
    const cwnd = tcb.cwnd / mss;
    // §4.7: fast convergence. §4.8: after a time-out the curve begins where congestion avoidance does.
    if (isTimeout) tcb.sender.cubicWMax = 0;
    else tcb.sender.cubicWMax = cwnd < tcb.sender.cubicWMax ? (cwnd * (1 + BETA)) / 2 : cwnd;
    tcb.sender.cubicCwndPrior = cwnd;
    tcb.sender.cubicEpochUs = 0;
    const flight = tcb.cwndLimited ? tcb.cwnd : Math.min(tcb.cwnd, tcb.outstanding);
    return Math.max(Math.floor(flight * BETA), leastThreshold(tcb));
  },
  onRoundTrip: hystartSample,
  onRestart(tcb: CongestionVariables): void {
    tcb.sender.cubicEpochUs = 0;
  },
};
