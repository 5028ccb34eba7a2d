/**
 * Scoreboard: what has been sent and not yet acknowledged, with what is known about each piece
 * (RFC 6675 §3, RFC 8985 §5.2).
 *
 * Owns: records in order of their positions, without gaps from SND.UNA to SND.NXT, their byte totals, and which of them
 * the acknowledgment in hand has newly covered. Must not know: windows, timers. A record is one send, of any size; it is
 * split where an acknowledgment falls inside it, or a SACK edge that leaves whole segments on both sides.
 */

/** One piece of the stream in flight. */
export interface SendRecord {
  seq: number;
  end: number;
  /** When it was last sent. */
  sentUs: number;
  /** Place of that send among all: tells what left first when the clock does not. */
  order: number;
  /** How often it was sent again. */
  retransmits: number;
  /** Bytes at which whoever carries it cuts it into segments; 0 for a segment by itself. */
  cutBytes: number;
  /** It is our SYN. */
  isSyn: boolean;
  /** Our FIN is its last octet. */
  hasFin: boolean;
  sacked: boolean;
  lost: boolean;
  /** Sent again since it was marked lost, and that copy is in flight. */
  resent: boolean;
  /** It ended a burst of several segments, and bore PSH for that (`pushFlag`). */
  endsBurst: boolean;
}

/** As how many segments a record left. */
export function segmentsOf({ seq, end, cutBytes }: SendRecord): number {
  return cutBytes > 0 ? Math.ceil((end - seq) / cutBytes) : 1;
}

/** Local choice: records kept for reuse, shared by all connections; beyond it the collector takes them. */
const KEPT_RECORDS = 4096;
const kept: SendRecord[] = [];

/** Local choice: a list that was longer is thrown away when it is empty, so that no short one drags its memory along. */
const SHORT_LIST = 64;

/**
 * Local choice: records of one connection, so that an acknowledgment has a bounded number to go through; a send buffer of
 * 1 MiB in full segments has 750.
 */
export const MOST_RECORDS = 0x2000;

/** Its range is the caller's to set: handed over, positions that are no small integers would each be an object to V8. */
function newRecord(): SendRecord {
  const record = kept.pop();
  if (record === undefined) {
    return {
      seq: 0,
      end: 0,
      sentUs: 0,
      order: 0,
      retransmits: 0,
      cutBytes: 0,
      isSyn: false,
      hasFin: false,
      sacked: false,
      lost: false,
      resent: false,
      endsBurst: false,
    };
  }
  record.sentUs = 0;
  record.retransmits = 0;
  record.cutBytes = 0;
  record.isSyn = false;
  record.hasFin = false;
  record.sacked = false;
  record.lost = false;
  record.resent = false;
  record.endsBurst = false;
  return record;
}

/** Counts sends, of all connections together: only the order within one connection matters, and boards are lent. */
let sends = 0;

/** Records of one connection. */
export class Scoreboard {
  #records: SendRecord[] = [];
  #head = 0;
  readonly #isResting: boolean;
  /** Taken off since the acknowledgment in hand began: for reuse when it is over. */
  readonly #removed: SendRecord[] = [];
  /**
   * What the acknowledgment in hand has newly covered, by number or by SACK, in the order found; valid until
   * {@link Scoreboard.endAcknowledgment}.
   */
  readonly delivered: SendRecord[] = [];
  /** Bytes SACKed. */
  sackedBytes = 0;
  /** Records SACKed: pieces of any size. */
  sackedCount = 0;
  /** Bytes marked lost (and not SACKed). */
  lostBytes = 0;
  /** Bytes that the acknowledgment in hand has shown to be lost, copies of what was lost before among them. */
  newlyLostBytes = 0;
  /** Bytes of lost records whose new copy is in flight. */
  resentBytes = 0;
  /** What has been charged for its records (fast/buffer_pool.ts). */
  chargedBytes = 0;

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

  /** Notes a first transmission; the caller sets its range, which continues the last record's, and its time. */
  add(): SendRecord {
    if (this.#isResting) throw new Error("A connection at rest must be lent a scoreboard first: a defect");
    const record = newRecord();
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
      if (seq < record.seq) high = middle - 1;
      else if (seq >= record.end) low = middle + 1;
      else return middle - this.#head;
    }
    return -1;
  }

  /** Splits the record at `index` at position `at`, which lies strictly inside. */
  split(index: number, at: number): void {
    const place = this.#head + index;
    const record = this.#records[place];
    const rest = newRecord();
    rest.seq = at;
    rest.end = record.end;
    rest.sentUs = record.sentUs;
    rest.order = record.order;
    rest.retransmits = record.retransmits;
    rest.cutBytes = record.cutBytes;
    rest.hasFin = record.hasFin;
    rest.sacked = record.sacked;
    if (record.sacked) this.sackedCount++;
    rest.lost = record.lost;
    rest.resent = record.resent;
    rest.endsBurst = record.endsBurst;
    record.end = at;
    record.hasFin = false;
    record.endsBurst = false;
    this.#records.splice(place + 1, 0, rest);
  }

  /** Joins the record at `index` and the next one, both lost and not sent again yet, into one. */
  join(index: number): void {
    const place = this.#head + index;
    const record = this.#records[place];
    const [next] = this.#records.splice(place + 1, 1);
    record.end = next.end;
    record.cutBytes = 0;
    record.hasFin = next.hasFin;
    record.endsBurst = next.endsBurst;
    if (next.retransmits > record.retransmits) record.retransmits = next.retransmits;
    if (kept.length < KEPT_RECORDS) kept.push(next);
  }

  /**
   * Removes everything below SEG.ACK; what was not SACKed before counts as delivered. The segment is passed, not its number:
   * a position that is no small integer would be made an object of.
   */
  acknowledge({ ack }: { readonly ack: number }): void {
    while (this.#head < this.#records.length) {
      const record = this.#records[this.#head];
      if (ack <= record.seq) break;
      if (ack < record.end) this.split(0, ack);
      if (!record.sacked) this.delivered.push(record);
      this.#unmark(record);
      // Its place keeps pointing at it until the list is cut; nothing looks there.
      this.#removed.push(record);
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
   * Marks `[left, right)` as SACKed, as far as it covers whole segments as they were sent: a receiver that reports crumbs
   * must not cut what we send into crumbs (the kind of CVE-2019-11478). Returns the bytes newly SACKed.
   */
  sack(left: number, right: number): number {
    let index = this.find(left);
    if (index < 0) return 0;
    let bytes = 0;
    for (; index < this.count; index++) {
      const record = this.at(index);
      if (record.seq >= right) break;
      if (record.sacked) continue;
      const { seq, end } = record;
      const cut = record.cutBytes > 0 ? record.cutBytes : end - seq;
      const from = seq < left ? seq + Math.ceil((left - seq) / cut) * cut : seq;
      const until = end > right ? seq + Math.floor((right - seq) / cut) * cut : end;
      if (from >= end || until <= from) continue;
      if (from > seq) {
        this.split(index, from);
        continue;
      }
      if (until < end) this.split(index, until);
      this.delivered.push(record);
      this.#unmark(record);
      record.lost = false;
      record.resent = false;
      record.sacked = true;
      this.sackedCount++;
      const length = record.end - record.seq;
      this.sackedBytes += length;
      bytes += length;
    }
    return bytes;
  }

  /** The acknowledgment in hand has been gone through: {@link Scoreboard.delivered} is empty again. */
  endAcknowledgment(): void {
    while (this.delivered.length > 0) this.delivered.pop();
    this.newlyLostBytes = 0;
    for (let record = this.#removed.pop(); record !== undefined; record = this.#removed.pop()) {
      if (kept.length < KEPT_RECORDS) kept.push(record);
    }
  }

  /** Marks a record lost; it is to be sent again. A copy already in flight is given up too. */
  markLost(record: SendRecord): void {
    if (record.sacked) return;
    const length = record.end - record.seq;
    if (!record.lost || record.resent) this.newlyLostBytes += length;
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
      this.resentBytes += record.end - record.seq;
    }
  }

  /** Forgets all SACKs: the peer has dropped what it had reported (RFC 2018 §8, reneging). */
  forgetSacks(): void {
    for (let i = this.#head; i < this.#records.length; i++) this.#records[i].sacked = false;
    this.sackedBytes = 0;
    this.sackedCount = 0;
  }

  /** Removes the newest record (a window probe that was not taken). Returns its first position. */
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
    this.endAcknowledgment();
    this.sackedBytes = 0;
    this.sackedCount = 0;
    this.lostBytes = 0;
    this.resentBytes = 0;
  }

  #unmark(record: SendRecord): void {
    const length = record.end - record.seq;
    if (record.sacked) {
      this.sackedBytes -= length;
      this.sackedCount--;
    }
    if (record.lost) this.lostBytes -= length;
    if (record.resent) this.resentBytes -= length;
  }
}
