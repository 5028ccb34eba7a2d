/**
 * DeliveryTally: what one acknowledgment tells about delivery.
 *
 * Owns: totals over the records that an ACK and its SACK blocks newly cover, the round-trip sample, and
 * the RACK variables' candidates (RFC 8985 §6.2). Must not know: what is done with them.
 */
import type { SendRecord } from "./scoreboard.ts";
import { seqDiff, seqLt } from "./sequence.ts";

/** One per host, reset for each acknowledgment. */
export class DeliveryTally {
  nowUs = 0;
  /** Bytes below the new SND.UNA that were not SACKed before, plus bytes newly SACKed. */
  deliveredBytes = 0;
  /** Round trip of the newest first transmission that was covered, or -1 (Karn's rule, MUST-18: never of one sent twice). */
  rttUs = -1;
  #rttSentUs = -1;
  /** Send time and order of the most recently sent piece that is now known to have arrived; order 0 when none. */
  rackSentUs = 0;
  rackOrder = 0;
  /** A piece arrived out of its order that had been sent only once. */
  reordered = false;
  /** A covered piece had been sent more than once. */
  retransmitted = false;
  /** A covered piece came by cumulative acknowledgment and had been sent only once. */
  firstTimeAcked = false;

  #minRttUs = 0;
  #fack = 0;
  #tsEcho = -1;
  #tsOffset = 0;

  /**
   * Begins. `minRttUs`, and `tsEcho` (-1 without timestamps) with our `tsOffset`, guard against taking the ACK of an
   * original for that of its copy (RFC 8985 §6.2 step 2).
   */
  begin(about: { nowUs: number; minRttUs: number; fack: number; tsEcho: number; tsOffset: number }): void {
    this.nowUs = about.nowUs;
    this.deliveredBytes = 0;
    this.rttUs = -1;
    this.#rttSentUs = -1;
    this.rackOrder = 0;
    this.reordered = false;
    this.retransmitted = false;
    this.firstTimeAcked = false;
    this.#minRttUs = about.minRttUs === Infinity ? 0 : about.minRttUs;
    this.#fack = about.fack;
    this.#tsEcho = about.tsEcho;
    this.#tsOffset = about.tsOffset;
  }

  /** A record is newly covered; call before its marks change. */
  take(record: SendRecord): void {
    if (record.sacked) return;
    this.deliveredBytes += seqDiff(record.end, record.seq);
    const roundTrip = this.nowUs - record.sentUs;
    if (record.retransmits === 0) {
      this.firstTimeAcked = true;
      if (record.sentUs > this.#rttSentUs) {
        this.#rttSentUs = record.sentUs;
        this.rttUs = roundTrip;
      }
      if (seqLt(record.end, this.#fack)) this.reordered = true;
    } else {
      this.retransmitted = true;
      if (roundTrip < this.#minRttUs || this.#isEchoOlder(record)) return;
    }
    if (record.order > this.rackOrder) {
      this.rackOrder = record.order;
      this.rackSentUs = record.sentUs;
    }
  }

  /** Whether the echoed timestamp is older than the copy. */
  #isEchoOlder(record: SendRecord): boolean {
    if (this.#tsEcho < 0) return false;
    const stamp = (Math.floor(record.sentUs / 1000) + this.#tsOffset) >>> 0;
    return seqLt(this.#tsEcho, stamp);
  }
}
