/**
 * Finding out what was lost: RACK (RFC 8985 §6) with SACK, three duplicate ACKs without (RFC 5681 §3.2).
 *
 * Owns: the RACK variables and the lost marks. Must not know: what the congestion window does about it.
 */
import type { RateSample } from "./rate_sample.ts";
import type { Tcb } from "./tcb.ts";

/** DupThresh, RFC 5681 §3.2, RFC 8985 §6.2. */
const DUPLICATE_ACK_THRESHOLD = 3;

/** Local choice: reordering in a host's own queues does not shrink with the round trip (Linux began with 1 ms too). */
const LEAST_REORDER_WINDOW_US = 1_000;

/** RFC 8985 §6.2 step 4: recoveries without D-SACK after which the reordering window is narrow again. */
const REORDER_PERSIST_RECOVERIES = 16;

/** Local choice: the reordering window is bounded by the round trip long before. */
const MOST_REORDER_STEPS = 20;

/** What an acknowledgment tells about losses: marks them. */
export function detectLoss(tcb: Tcb, sample: RateSample, nowUs: number): void {
  if (!tcb.sack) {
    emulateSacks(tcb);
    detectDuplicateLoss(tcb);
    return;
  }
  updateRack(tcb, sample, nowUs);
  detectRackLoss(tcb, nowUs);
}

/** RFC 8985 §6.2 step 4: a needless retransmission widens the reordering window, once a round trip. */
export function widenReorderWindow(tcb: Tcb): void {
  const { sender } = tcb;
  if (tcb.sndUna < sender.rackDsackRound) return;
  sender.rackReorderPersist = REORDER_PERSIST_RECOVERIES;
  sender.rackReorderSteps = Math.min(sender.rackReorderSteps + 1, MOST_REORDER_STEPS);
  sender.rackDsackRound = tcb.sndNxt;
}

/** Takes what the sample tells of the newest delivery (RFC 8985 §6.2, steps 1 to 3). */
function updateRack(tcb: Tcb, sample: RateSample, nowUs: number): void {
  const { sender } = tcb;
  if (sample.reordered) sender.rackReorderSeen = true;
  const isOfLast = tcb.config.rackRoundTrip === "last-covered";
  // The two times may be of two clocks (round_trip.ts): nothing would be waited for less than not at all.
  if (isOfLast && sample.lastOrder > 0) {
    sender.rackRttUs = Math.max(0, nowUs - sample.lastSentUs);
  }
  if (sample.rackOrder <= sender.rackOrder) return;
  sender.rackOrder = sample.rackOrder;
  if (isOfLast) return;
  sender.rackRttUs = Math.max(0, nowUs - sample.rackSentUs);
}

/** RFC 8985 §6.2 step 4: how long to wait for a piece that may only be late. */
function reorderWindowUs(tcb: Tcb): number {
  if (!tcb.sender.rackReorderSeen) {
    if (tcb.recovery === "recovery" || tcb.recovery === "loss") return 0;
    // Segments of any size; one large send counts as what it was cut into.
    const { sackedBytes, sackedCount } = tcb.scoreboard;
    const isEnough = sackedCount >= DUPLICATE_ACK_THRESHOLD ||
      sackedBytes >= DUPLICATE_ACK_THRESHOLD * tcb.sendMss;
    if (isEnough) return 0;
  }
  const least = tcb.minRttUs === Infinity ? tcb.srttUs : tcb.minRttUs;
  const windowUs = Math.min((tcb.sender.rackReorderSteps * least) / 4, tcb.srttUs);
  return windowUs < LEAST_REORDER_WINDOW_US ? LEAST_REORDER_WINDOW_US : windowUs;
}

/**
 * Marks as lost what was sent long enough before the newest delivery (RFC 8985 §6.2 step 5), and notes when the next piece
 * will count as lost.
 */
export function detectRackLoss(tcb: Tcb, nowUs: number): void {
  const board = tcb.scoreboard;
  tcb.sender.reorderDueUs = Infinity;
  if (board.sackedBytes === 0 && tcb.recovery === "open") return;
  const { rackOrder, rackRttUs } = tcb.sender;
  if (rackOrder === 0) return;
  const patienceUs = rackRttUs + reorderWindowUs(tcb);
  let lastUs = 0;
  for (let index = 0; index < board.count; index++) {
    const record = board.at(index);
    // "Sent before" by order of sending: exact where RFC 8985's time and sequence number can tie.
    if (record.order >= rackOrder) {
      // Beyond the first that was sent once, and later, all were sent later still.
      if (record.retransmits === 0) break;
      continue;
    }
    if (record.sacked || (record.lost && !record.resent)) continue;
    // Times are compared, not differences: rounded, one could be a little more than nothing for ever.
    const dueUs = record.sentUs + patienceUs;
    if (dueUs <= nowUs) board.markLost(record);
    else if (dueUs > lastUs) lastUs = dueUs;
  }
  if (lastUs > 0) tcb.sender.reorderDueUs = lastUs + tcb.config.reorderSlopUs;
}

/** Without SACK: the third duplicate ACK means that the first segment is lost (RFC 5681 §3.2 step 2). */
function detectDuplicateLoss(tcb: Tcb): void {
  if (tcb.dupAcks !== DUPLICATE_ACK_THRESHOLD || tcb.recovery === "recovery") return;
  // RFC 6582 §3.2 step 2: duplicates of where the last recovery ended may be its own doing.
  if (tcb.sndUna <= tcb.recover) return;
  markFirstLost(tcb);
}

/** Marks the first segment's worth in flight as lost (also for NewReno's partial ACKs, RFC 6582 §3.2 step 5). */
export function markFirstLost(tcb: Tcb): void {
  const board = tcb.scoreboard;
  if (board.count === 0) return;
  const record = board.at(0);
  const end = record.seq + tcb.sendMss;
  if (record.end > end) board.split(0, end);
  board.markLost(board.at(0));
}

/**
 * A time-out: the first piece is lost, and all that was sent a round trip and the reordering window ago (RFC 8985 §6.3);
 * without SACK, all (RFC 6298 §5.4 and slow start from there).
 */
export function markTimedOut(tcb: Tcb, nowUs: number): void {
  const board = tcb.scoreboard;
  // The first piece SACKed but not acknowledged after a whole RTO: the peer has dropped it (RFC 2018 §8).
  if (board.count > 0 && board.at(0).sacked) board.forgetSacks();
  const ageUs = tcb.sack ? tcb.sender.rackRttUs + reorderWindowUs(tcb) : 0;
  for (let index = 0; index < board.count; index++) {
    const record = board.at(index);
    if (index === 0 || record.sentUs + ageUs <= nowUs) board.markLost(record);
  }
}

/** Without SACK, each duplicate ACK tells that one segment has left the network: counted as SACKed bytes. Limited transmit (RFC 3042 §2) follows. */
export function emulateSacks(tcb: Tcb): void {
  const board = tcb.scoreboard;
  const most = Math.max(0, tcb.outstanding - tcb.sendMss - board.lostBytes + board.resentBytes);
  // RFC 5681 §3.2 step 4: duplicates stand for no more than what was out when they began.
  const begun = tcb.recovery === "recovery" ? tcb.sender.prrRecoverFs : tcb.outstanding;
  board.sackedBytes = Math.min(tcb.dupAcks * tcb.sendMss, most, begun);
}
