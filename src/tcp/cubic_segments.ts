/**
 * CUBIC that counts whole segments, as Linux has it (`tcp_cubic`): the window grows by one for so many acknowledged, a loss reduces the
 * window whatever of it was in use, and slow start ends where HyStart sees delay or a long train of ACKs.
 *
 * Owns: that arithmetic, and the first HyStart (S. Ha, I. Rhee, "Taming the elephants"). Must not know: loss detection, how far
 * the window is in use. The curve is that of RFC 9438 §4.2, beta and C too.
 */
import type { CongestionControl, CongestionVariables } from "./congestion_control.ts";

/** RFC 9438 §4.6, §5, in parts of 1024 as the kernel counts. */
const BETA = 717 / 1024;
const C = 410 / 1024;
/** RFC 9438 §4.3: what Reno would have grows by one for cwnd times so much acknowledged; in eighths, rounded down. */
const RENO_DIVISOR_EIGHTHS = 15;
/** At most so often is the curve looked at, while the window stays as it is. */
const UPDATE_US = 31_250;
/** Before anything was lost: one for twenty acknowledged at the least. */
const UNKNOWN_CURVE_COUNT = 20;
/** The window never grows by more than a half in a round trip. */
const LEAST_COUNT = 2;

/** HyStart: below so many segments slow start goes on in any case. */
const LEAST_WINDOW = 16;
const LEAST_DELAY_US = 4_000;
const MOST_DELAY_US = 16_000;
const DELAY_DIVISOR = 8;
const ROUND_SAMPLES = 8;
/** ACKs so close behind one another are of one train. */
const TRAIN_GAP_US = 2_000;
/** After a reduction round trips are those of a queue that empties. */
const SETTLING_US = 1_000_000;

/** See the file's comment. */
export const cubicSegments: CongestionControl = {
  name: "cubic",
  growsFull: true,
  onAck(tcb: CongestionVariables, ackedBytes: number, nowUs: number): void {
    const mss = tcb.sendMss;
    let acked = ackedBytes / mss;
    if (tcb.cwnd < tcb.ssthresh) {
      const before = tcb.cwnd;
      tcb.cwnd = Math.min(before + ackedBytes, tcb.ssthresh);
      acked -= (tcb.cwnd - before) / mss;
      if (acked <= 0) return;
    }
    const cwnd = Math.floor(tcb.cwnd / mss);
    const count = countFor(tcb, { cwnd, acked, nowUs });
    // The credit is in segments here.
    let credit = tcb.cwndCredit;
    let growth = 0;
    if (credit >= count) {
      credit = 0;
      growth = 1;
    }
    credit += acked;
    const more = Math.floor(credit / count);
    tcb.cwndCredit = credit - more * count;
    tcb.cwnd += (growth + more) * mss;
  },
  onCongestion(tcb: CongestionVariables, nowUs: number, isTimeout: boolean): number {
    const { sender } = tcb;
    const mss = tcb.sendMss;
    const cwnd = Math.floor(tcb.cwnd / mss);
    sender.cubicEpochUs = 0;
    // §4.7: fast convergence.
    sender.cubicWMax = cwnd < sender.cubicWMax ? Math.floor((cwnd * (1 + BETA)) / 2) : cwnd;
    if (isTimeout) forgetAll(tcb, nowUs);
    return Math.max(Math.floor(cwnd * BETA), 2) * mss;
  },
  onRestart(tcb: CongestionVariables): void {
    tcb.sender.cubicEpochUs = 0;
  },
  onRoundTrip(tcb: CongestionVariables, rttUs: number, nowUs: number): void {
    const { sender } = tcb;
    if (sender.cubicEpochUs !== 0 && nowUs - sender.cubicEpochUs < SETTLING_US) return;
    const delayUs = Math.max(rttUs, 1);
    if (delayUs < sender.hystartBaselineUs) sender.hystartBaselineUs = delayUs;
    if (!sender.hystartFound && tcb.cwnd < tcb.ssthresh) judge(tcb, delayUs, nowUs);
  },
};

function forgetAll(tcb: CongestionVariables, nowUs: number): void {
  const { sender } = tcb;
  sender.cubicWMax = 0;
  sender.cubicCount = 0;
  sender.cubicLastCwnd = 0;
  sender.cubicUpdatedUs = 0;
  sender.cubicAcked = 0;
  sender.hystartBaselineUs = Infinity;
  sender.hystartFound = false;
  beginRound(tcb, nowUs);
}

/** For how many segments acknowledged the window grows by one. */
function countFor(
  tcb: CongestionVariables,
  now: { cwnd: number; acked: number; nowUs: number },
): number {
  const { sender } = tcb;
  const { cwnd, acked, nowUs } = now;
  sender.cubicAcked += acked;
  if (sender.cubicLastCwnd === cwnd && nowUs - sender.cubicUpdatedUs <= UPDATE_US) return sender.cubicCount;
  sender.cubicLastCwnd = cwnd;
  sender.cubicUpdatedUs = nowUs;
  if (sender.cubicEpochUs === 0) {
    sender.cubicEpochUs = nowUs;
    sender.cubicAcked = acked;
    sender.cubicWEst = cwnd;
    sender.cubicK = sender.cubicWMax > cwnd ? Math.cbrt((sender.cubicWMax - cwnd) / C) : 0;
    sender.cubicCwndPrior = Math.max(sender.cubicWMax, cwnd);
  }
  const least = sender.hystartBaselineUs === Infinity ? 0 : sender.hystartBaselineUs;
  const offset = (nowUs - sender.cubicEpochUs + least) / 1e6 - sender.cubicK;
  const target = sender.cubicCwndPrior + Math.sign(offset) * Math.floor(C * Math.abs(offset) ** 3);
  let count = target > cwnd ? Math.floor(cwnd / (target - cwnd)) : 100 * cwnd;
  if (sender.cubicWMax === 0 && count > UNKNOWN_CURVE_COUNT) count = UNKNOWN_CURVE_COUNT;
  // §4.3: not slower than Reno.
  const divisor = Math.floor((cwnd * RENO_DIVISOR_EIGHTHS) / 8);
  if (sender.cubicAcked > divisor) {
    const steps = Math.ceil((sender.cubicAcked - divisor) / divisor);
    sender.cubicAcked -= steps * divisor;
    sender.cubicWEst += steps;
  }
  if (sender.cubicWEst > cwnd) count = Math.min(count, Math.floor(cwnd / (sender.cubicWEst - cwnd)));
  sender.cubicCount = Math.max(count, LEAST_COUNT);
  return sender.cubicCount;
}

function beginRound(tcb: CongestionVariables, nowUs: number): void {
  const { sender } = tcb;
  sender.hystartRoundUs = nowUs;
  sender.hystartTrainUs = nowUs;
  sender.hystartRoundEnd = tcb.sndNxt;
  sender.hystartMinRttUs = Infinity;
  sender.hystartSamples = 0;
}

/** Slow start ends where the window stands when a round has become slower, or its ACKs go on for half of the least round trip. */
function judge(tcb: CongestionVariables, delayUs: number, nowUs: number): void {
  const { sender } = tcb;
  if (tcb.sndUna > sender.hystartRoundEnd) beginRound(tcb, nowUs);
  if (tcb.cwnd < LEAST_WINDOW * tcb.sendMss) return;
  const least = sender.hystartBaselineUs;
  if (nowUs - sender.hystartTrainUs <= TRAIN_GAP_US) {
    sender.hystartTrainUs = nowUs;
    if (nowUs - sender.hystartRoundUs > least / 2) endSlowStart(tcb);
  }
  if (delayUs < sender.hystartMinRttUs) sender.hystartMinRttUs = delayUs;
  if (sender.hystartSamples < ROUND_SAMPLES) {
    sender.hystartSamples++;
    return;
  }
  const allowed = Math.min(Math.max(least / DELAY_DIVISOR, LEAST_DELAY_US), MOST_DELAY_US);
  if (sender.hystartMinRttUs > least + allowed) endSlowStart(tcb);
}

function endSlowStart(tcb: CongestionVariables): void {
  tcb.sender.hystartFound = true;
  tcb.ssthresh = tcb.cwnd;
}
