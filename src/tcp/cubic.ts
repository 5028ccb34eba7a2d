/**
 * CUBIC congestion avoidance (RFC 9438).
 *
 * Owns: the cubic curve and its Reno-friendly region. Must not know: loss detection. Windows are counted
 * in segments inside, as in the RFC.
 */
import type { CongestionControl } from "./congestion.ts";
import { leastThreshold, slowStart } from "./slow_start.ts";
import type { Tcb } from "./tcb.ts";

/** RFC 9438 §4.6 and §5: beta and C. */
const BETA = 0.7;
const C = 0.4;
/** RFC 9438 §4.3: the Reno-friendly increase. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);

/** CUBIC, RFC 9438. */
export const cubic: CongestionControl = {
  name: "cubic",
  onAck(tcb: Tcb, ackedBytes: number, nowUs: number): void {
    if (tcb.cwnd < tcb.ssthresh) {
      slowStart(tcb, ackedBytes);
      return;
    }
    const mss = tcb.sendMss;
    const cwnd = tcb.cwnd / mss;
    const acked = ackedBytes / mss;
    if (tcb.cubicEpochUs === 0) {
      tcb.cubicEpochUs = nowUs;
      if (tcb.cubicWMax > cwnd) {
        tcb.cubicK = Math.cbrt((tcb.cubicWMax - cwnd) / C);
      } else {
        tcb.cubicWMax = cwnd;
        tcb.cubicK = 0;
      }
      tcb.cubicWEst = cwnd;
    }
    const elapsed = (nowUs - tcb.cubicEpochUs) / 1e6;
    // §4.3: the estimate of what Reno would have.
    const alpha = tcb.cubicWEst >= tcb.cubicCwndPrior ? 1 : ALPHA;
    tcb.cubicWEst += (alpha * acked) / cwnd;
    const now = C * (elapsed - tcb.cubicK) ** 3 + tcb.cubicWMax;
    let next: number;
    if (now < tcb.cubicWEst) {
      next = Math.max(cwnd, tcb.cubicWEst);
    } else {
      // §4.4, §4.5: a round trip ahead on the curve, within [cwnd, 1.5 cwnd].
      const ahead = C * (elapsed + tcb.srttUs / 1e6 - tcb.cubicK) ** 3 + tcb.cubicWMax;
      const target = ahead < cwnd ? cwnd : ahead > 1.5 * cwnd ? 1.5 * cwnd : ahead;
      next = cwnd + ((target - cwnd) / cwnd) * acked;
    }
    tcb.cwnd = next * mss;
  },
  onCongestion(tcb: Tcb): number {
    const mss = tcb.sendMss;
    const cwnd = tcb.cwnd / mss;
    // §4.7: fast convergence.
    tcb.cubicWMax = cwnd < tcb.cubicWMax ? (cwnd * (1 + BETA)) / 2 : cwnd;
    tcb.cubicCwndPrior = cwnd;
    tcb.cubicEpochUs = 0;
    const flight = tcb.cwndLimited ? tcb.cwnd : Math.min(tcb.cwnd, tcb.outstanding);
    return Math.max(Math.floor(flight * BETA), leastThreshold(tcb));
  },
  onRestart(tcb: Tcb): void {
    tcb.cubicEpochUs = 0;
  },
};
