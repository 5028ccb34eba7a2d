/**
 * DeliveryTally: what one acknowledgment tells about delivery.
 *
 * Owns: totals over the records that an ACK and its SACK blocks newly cover, the round-trip sample, and
 * the RACK variables' candidates (RFC 8985 §6.2). Must not know: what is done with them.
 */
import type { SendRecord } from "./scoreboard.ts";
import { seqDiff, seqGt, seqLt } from "./sequence.ts";

/** One per host, reset for each acknowledgment. */
export class DeliveryTally {
  nowUs = 0;
  /** Bytes below the new SND.UNA that were not SACKed before, plus bytes newly SACKed. */
  deliveredBytes = 0;
  /** Round trip of the newest first transmission that was covered, or -1 (Karn's rule, MUST-18: never of one sent twice). */
  rttUs = -1;
  #rttSentUs = -1;
  /** Send time and end of the most recently sent piece that is now known to have arrived; -1 when none. */
  rackSentUs = -1;
  rackEnd = 0;
  /** A piece arrived out of its order that had been sent only once. */
  reordered = false;
  /** A covered piece had been sent more than once. */
  retransmitted = false;
  /** A covered piece came by cumulative acknowledgment and had been sent only once. */
  firstTimeAcked = false;

  #minRttUs = 0;
  #fack = 0;

  /** Begins; `minRttUs` guards against taking the ACK of an original for that of its copy (RFC 8985 §6.2). */
  begin(nowUs: number, minRttUs: number, fack: number): void {
    this.nowUs = nowUs;
    this.deliveredBytes = 0;
    this.rttUs = -1;
    this.#rttSentUs = -1;
    this.rackSentUs = -1;
    this.reordered = false;
    this.retransmitted = false;
    this.firstTimeAcked = false;
    this.#minRttUs = minRttUs === Infinity ? 0 : minRttUs;
    this.#fack = fack;
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
      if (roundTrip < this.#minRttUs) return;
    }
    if (
      record.sentUs > this.rackSentUs ||
      (record.sentUs === this.rackSentUs && seqGt(record.end, this.rackEnd))
    ) {
      this.rackSentUs = record.sentUs;
      this.rackEnd = record.end;
    }
  }
}
