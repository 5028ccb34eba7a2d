/**
 * Sending again: one record of the scoreboard, in the size in which it was sent or larger.
 *
 * Owns: the segment that a record becomes (data, FIN, SYN) and the totals. Must not know: why it is resent.
 */
import { FLAG } from "../wire/tcp.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import type { RetransmitKind } from "./events.ts";
import { stampAt } from "./rate_sample.ts";
import { recordEndAfter } from "./record_marks.ts";
import { noteForUndo } from "./recovery.ts";
import type { RuleId } from "./rules.ts";
import type { SendRecord } from "./scoreboard.ts";
import { dataFlags, pushSegment, segmentOf } from "./send_segment.ts";
import { asksForEcnNow } from "./syn_offers.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, ACK, ECE, CWR } = FLAG;

const RULE_OF_KIND: Readonly<Record<RetransmitKind, RuleId>> = {
  "rto": "retransmit.rto",
  "fast": "retransmit.fast",
  "tlp": "retransmit.tail-probe",
  "syn": "retransmit.syn",
  "syn-ack": "retransmit.syn-ack",
  "fin": "retransmit.rto",
  "probe": "retransmit.window-probe",
  "keepalive": "keepalive.probe",
};

/** What to send again and as what it is told. `limitBytes` cuts the payload shorter than the MSS. */
interface Resend {
  readonly index: number;
  readonly kind: RetransmitKind;
  readonly limitBytes?: number;
  /** The record before it has left again right now. */
  readonly goesOn?: boolean;
}

/** Queues the record at `index` again, as one segment; the rest of a larger record stays behind as its own. */
export function resendRecord(context: MachineContext, tcb: Tcb, resend: Resend): void {
  const board = tcb.scoreboard;
  const { index } = resend;
  const record = board.at(index);
  if (record.isSyn) {
    resendSyn(context, tcb, record);
    return;
  }
  // Not less for what SACK blocks would take: cut by that, what is sent again would end in crumbs.
  const limit = Math.min(tcb.sendMss, resend.limitBytes ?? Infinity);
  if (dataEnd(record) - record.seq > limit) board.split(index, record.seq + limit);
  if (record.lost) joinLost(tcb, index, limit);
  const end = dataEnd(record);
  const length = end - record.seq;
  board.markResent(record, context.nowUs);
  const kind = record.hasFin && length === 0 && resend.kind === "rto" ? "fin" : resend.kind;
  tellRetransmit(context, tcb, { kind, seq: record.seq, length, count: record.retransmits });
  const isLast = length > 0 &&
    (end >= tcb.sndRingStart + tcb.sendRing.length || end === recordEndAfter(tcb, record.seq) ||
      endsSynText(tcb, end) || (record.endsBurst && resend.goesOn === true));
  const flags = dataFlags(isLast, record.hasFin);
  pushSegment(context, tcb, segmentOf(RULE_OF_KIND[kind], flags, record.seq, length));
  if (tcb.recovery === "recovery") tcb.sender.prrOut += length;
  noteForUndo(tcb, { seq: record.seq, end: record.end, stamp: stampAt(tcb, context.nowUs) });
}

/** The text that our SYN had is a burst of its own when it leaves again, and its end is pushed where bursts are. */
function endsSynText({ config, fastOpen, passive }: Tcb, end: number): boolean {
  return fastOpen !== null && !passive && end === 1 + fastOpen.textBytes && config.pushFlag === "bursts-too";
}

/** Where a record's text ends: our FIN behind it is no text. */
function dataEnd(record: SendRecord): number {
  return record.hasFin ? record.end - 1 : record.end;
}

/** Small pieces that are all lost go as one segment (RFC 9293 §3.8.1 allows repacketizing). */
function joinLost(tcb: Tcb, index: number, limit: number): void {
  const board = tcb.scoreboard;
  const record = board.at(index);
  while (index + 1 < board.count) {
    const next = board.at(index + 1);
    if (!next.lost || next.resent || next.sacked || dataEnd(next) - record.seq > limit) return;
    if (recordEndAfter(tcb, record.seq) <= next.seq) return;
    board.join(index);
  }
}

function resendSyn(context: MachineContext, tcb: Tcb, record: SendRecord): void {
  tcb.scoreboard.markResent(record, context.nowUs);
  tcb.synRetransmits++;
  const isActive = tcb.state === "SYN_SENT";
  const kind = isActive ? "syn" : "syn-ack";
  tellRetransmit(context, tcb, { kind, seq: record.seq, length: 0, count: record.retransmits });
  const flags = isActive ? SYN | (asksForEcnNow(tcb) ? ECE | CWR : 0) : SYN | ACK | (tcb.ecn ? ECE : 0);
  pushSegment(context, tcb, segmentOf(RULE_OF_KIND[kind], flags, record.seq, 0));
}

/**
 * Tells the observers of a segment that is sent again, and counts it where it is a retransmission. A probe of a shut
 * window and a keep-alive ask whether the peer is there, and mend no loss: Linux counts neither among those that `ss`
 * shows (tcp_write_wakeup), and counts a tail loss probe that repeats a segment, which is a retransmission of ours too.
 */
export function tellRetransmit(
  context: MachineContext,
  tcb: Tcb,
  told: { kind: RetransmitKind; seq: number; length: number; count: number },
): void {
  if (told.kind !== "probe" && told.kind !== "keepalive") {
    tcb.retransmits++;
    context.counters.retransmits++;
    if (told.kind === "syn" || told.kind === "syn-ack") context.counters.synRetransmits++;
  }
  const effect = context.effects.push(EFFECT.RETRANSMIT, tcb);
  effect.retransmit = told.kind;
  effect.seq = told.seq;
  effect.length = told.length;
  effect.count = told.count;
}
