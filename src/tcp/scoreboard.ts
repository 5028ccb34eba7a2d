/**
 * Scoreboard: what has been sent and not yet acknowledged, with what is known about each piece
 * (RFC 6675 §3, RFC 8985 §5.2).
 *
 * Owns: records in sequence order without gaps from SND.UNA to SND.NXT, and their byte totals.
 * Must not know: windows, timers. A record is one send, of any size; it is split where an
 * acknowledgment or SACK edge falls inside it.
 */
import type { DeliveryTally } from "./delivery_tally.ts";
import { seqDiff, seqGe, seqGt, seqLe, seqLt } from "./sequence.ts";

/** One piece of sequence space in flight. */
export interface SendRecord {
  seq: number;
  end: number;
  /** When it was last sent. */
  sentUs: number;
  /** Place of that send among all: tells what left first when the clock does not. */
  order: number;
  /** How often it was sent again. */
  retransmits: number;
  sacked: boolean;
  lost: boolean;
  /** Sent again since it was marked lost, and that copy is in flight. */
  resent: boolean;
}

/** Local choice: records kept for reuse, shared by all connections; beyond it the collector takes them. */
const KEPT_RECORDS = 4096;
const kept: SendRecord[] = [];

/** Local choice: a list that was longer is thrown away when it is empty, so that no short one drags its memory along. */
const SHORT_LIST = 64;

function newRecord(seq: number, end: number): SendRecord {
  const record = kept.pop();
  if (record === undefined) {
    return { seq, end, sentUs: 0, order: 0, retransmits: 0, sacked: false, lost: false, resent: false };
  }
  record.seq = seq;
  record.end = end;
  record.sentUs = 0;
  record.retransmits = 0;
  record.sacked = false;
  record.lost = false;
  record.resent = false;
  return record;
}

/** Counts sends, of all connections together: only the order within one connection matters, and boards are lent. */
let sends = 0;

/** Records of one connection. */
export class Scoreboard {
  #records: SendRecord[] = [];
  #head = 0;
  readonly #isResting: boolean;
  /** Bytes SACKed. */
  sackedBytes = 0;
  /** Records SACKed: pieces of any size. */
  sackedCount = 0;
  /** Bytes marked lost (and not SACKed). */
  lostBytes = 0;
  /** Bytes of lost records whose new copy is in flight. */
  resentBytes = 0;

  /** `isResting`: stands for the boards of connections with nothing in flight, and takes nothing. */
  constructor(options: { isResting: boolean } = { isResting: false }) {
    this.#isResting = options.isResting;
  }

  get count(): number {
    return this.#records.length - this.#head;
  }

  /** The record at `index`, 0 the oldest. */
  at(index: number): SendRecord {
    return this.#records[this.#head + index];
  }

  /** Notes a first transmission, whose time the caller sets; `seq` (words may have a sign) continues the last record's end. */
  add(seq: number, end: number): SendRecord {
    if (this.#isResting) throw new Error("A connection at rest must be lent a scoreboard first: a defect");
    const record = newRecord(seq >>> 0, end >>> 0);
    record.order = ++sends;
    this.#records.push(record);
    return record;
  }

  /** Index of the record that holds `seq`, or -1. */
  find(seq: number): number {
    let low = this.#head;
    let high = this.#records.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const record = this.#records[middle];
      if (seqLt(seq, record.seq)) high = middle - 1;
      else if (seqGe(seq, record.end)) low = middle + 1;
      else return middle - this.#head;
    }
    return -1;
  }

  /** Splits the record at `index` at sequence number `at`, which lies strictly inside. */
  split(index: number, at: number): void {
    const place = this.#head + index;
    const record = this.#records[place];
    const rest = newRecord(at, record.end);
    rest.sentUs = record.sentUs;
    rest.order = record.order;
    rest.retransmits = record.retransmits;
    rest.sacked = record.sacked;
    if (record.sacked) this.sackedCount++;
    rest.lost = record.lost;
    rest.resent = record.resent;
    record.end = at;
    this.#records.splice(place + 1, 0, rest);
  }

  /** Joins the record at `index` and the next one, both lost and not sent again yet, into one. */
  join(index: number): void {
    const place = this.#head + index;
    const record = this.#records[place];
    const [next] = this.#records.splice(place + 1, 1);
    record.end = next.end;
    if (next.retransmits > record.retransmits) record.retransmits = next.retransmits;
    if (kept.length < KEPT_RECORDS) kept.push(next);
  }

  /**
   * Removes everything below the ACK, a word with a sign or without, showing each record or part that leaves to `tally`
   * (oldest first).
   */
  acknowledge(signedAck: number, tally: DeliveryTally): void {
    const ack = signedAck >>> 0;
    while (this.#head < this.#records.length) {
      const record = this.#records[this.#head];
      if (seqLe(ack, record.seq)) break;
      if (seqLt(ack, record.end)) this.split(0, ack);
      tally.take(record);
      this.#unmark(record);
      // Its place keeps pointing at it until the list is cut; nothing looks there.
      if (kept.length < KEPT_RECORDS) kept.push(record);
      this.#head++;
    }
    if (this.#head === this.#records.length) {
      // The list keeps its room: it is lent on.
      if (this.#head > SHORT_LIST) this.#records = [];
      else while (this.#records.length > 0) this.#records.pop();
      this.#head = 0;
    } else if (this.#head > 256 && this.#head * 2 > this.#records.length) {
      this.#records.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /**
   * Marks `[left, right)` as SACKed, splitting records at its edges; shows `tally` each record that was not
   * SACKed before. Returns the bytes newly SACKed.
   */
  sack(left: number, right: number, tally: DeliveryTally): number {
    let index = this.find(left);
    if (index < 0) return 0;
    let bytes = 0;
    while (index < this.count) {
      const record = this.at(index);
      if (seqGe(record.seq, right)) break;
      if (record.sacked) {
        index++;
        continue;
      }
      if (seqLt(record.seq, left)) {
        this.split(index, left);
        index++;
        continue;
      }
      if (seqGt(record.end, right)) this.split(index, right);
      tally.take(record);
      this.#unmark(record);
      record.lost = false;
      record.resent = false;
      record.sacked = true;
      this.sackedCount++;
      const length = seqDiff(record.end, record.seq);
      this.sackedBytes += length;
      bytes += length;
      index++;
    }
    return bytes;
  }

  /** Marks a record lost; it is to be sent again. A copy already in flight is given up too. */
  markLost(record: SendRecord): void {
    if (record.sacked) return;
    const length = seqDiff(record.end, record.seq);
    if (!record.lost) {
      record.lost = true;
      this.lostBytes += length;
    }
    if (record.resent) {
      record.resent = false;
      this.resentBytes -= length;
    }
  }

  /** Takes the lost mark back (after a spurious reduction). */
  unmarkLost(record: SendRecord): void {
    if (record.sacked) return;
    this.#unmark(record);
    record.lost = false;
    record.resent = false;
  }

  /** Notes that a record goes out again. */
  markResent(record: SendRecord, nowUs: number): void {
    record.sentUs = nowUs;
    record.order = ++sends;
    record.retransmits++;
    if (record.lost && !record.resent) {
      record.resent = true;
      this.resentBytes += seqDiff(record.end, record.seq);
    }
  }

  /** Forgets all SACKs: the peer has dropped what it had reported (RFC 2018 §8, reneging). */
  forgetSacks(): void {
    for (let i = this.#head; i < this.#records.length; i++) this.#records[i].sacked = false;
    this.sackedBytes = 0;
    this.sackedCount = 0;
  }

  /** Removes the newest record (a window probe that was not taken). Returns its first sequence number. */
  dropNewest(): number {
    const record = this.#records.pop();
    if (record === undefined) return 0;
    this.#unmark(record);
    if (this.#head === this.#records.length) {
      this.#records.length = 0;
      this.#head = 0;
    }
    return record.seq;
  }

  /** Bytes believed to be in the network, RFC 6675 §4's "pipe", out of `outstanding` bytes sent. */
  pipe(outstanding: number): number {
    return outstanding - this.sackedBytes - this.lostBytes + this.resentBytes;
  }

  clear(): void {
    if (this.#records.length > 0) this.#records = [];
    this.#head = 0;
    this.sackedCount = 0;
    this.sackedBytes = 0;
    this.sackedCount = 0;
    this.lostBytes = 0;
    this.resentBytes = 0;
  }

  #unmark(record: SendRecord): void {
    const length = seqDiff(record.end, record.seq);
    if (record.sacked) {
      this.sackedBytes -= length;
      this.sackedCount--;
    }
    if (record.lost) this.lostBytes -= length;
    if (record.resent) this.resentBytes -= length;
  }
}
