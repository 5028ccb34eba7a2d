/**
 * Sending again: one record of the scoreboard, cut to what fits a segment now.
 *
 * Owns: the segment that a record becomes (data, FIN, SYN) and the totals. Must not know: why it is resent.
 */
import { FLAG } from "../wire/tcp.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import type { RetransmitKind } from "./events.ts";
import { dataFlags, effectiveMss, pushSegment, timestampNow } from "./send_segment.ts";
import type { RuleId } from "./rules.ts";
import { seqAdd, seqDiff, seqGt, seqLt, seqMax, seqMin } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

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
export interface Resend {
  readonly index: number;
  readonly kind: RetransmitKind;
  readonly limitBytes?: number;
}

/** Queues the record at `index` again, as one segment; the rest of a larger record stays behind as its own. */
export function resendRecord(context: MachineContext, tcb: Tcb, resend: Resend): void {
  const board = tcb.scoreboard;
  const { index } = resend;
  let record = board.at(index);
  const isSyn = record.seq === tcb.iss;
  if (isSyn) {
    resendSyn(context, tcb, resend);
    return;
  }
  const limit = Math.min(effectiveMss(tcb), resend.limitBytes ?? Infinity);
  const finEnd = seqAdd(tcb.finSeq, 1);
  let dataEnd = tcb.finSent && seqGt(record.end, tcb.finSeq) ? tcb.finSeq : record.end;
  if (seqDiff(dataEnd, record.seq) > limit) {
    board.split(index, seqAdd(record.seq, limit));
    record = board.at(index);
    dataEnd = record.end;
  }
  if (record.lost) dataEnd = joinLost(tcb, index, limit);
  const length = seqDiff(dataEnd, record.seq);
  const withFin = tcb.finSent && record.end === finEnd;
  board.markResent(record, context.nowUs);
  const kind = withFin && length === 0 && resend.kind === "rto" ? "fin" : resend.kind;
  tellRetransmit(context, tcb, { kind, seq: record.seq, length, count: record.retransmits });
  const ringEnd = seqAdd(tcb.sndRingSeq, tcb.sendRing.length);
  const isLast = length > 0 && !seqLt(dataEnd, ringEnd);
  pushSegment(context, tcb, dataFlags(isLast, withFin), record.seq, length, RULE_OF_KIND[kind]);
  if (tcb.recovery === "recovery") tcb.sender.prrOut += length;
  if (tcb.sender.undoRetransmits >= 0) {
    if (tcb.sender.undoRetransmits === 0 && tcb.sender.undoStampUs === 0) {
      tcb.sender.undoStampUs = timestampNow(context, tcb);
    }
    const { sender } = tcb;
    const isFirst = sender.undoRetransmits === 0;
    sender.undoLeft = isFirst ? record.seq : seqMin(sender.undoLeft, record.seq);
    sender.undoRight = isFirst ? record.end : seqMax(sender.undoRight, record.end);
    sender.undoRetransmits++;
  }
}

/** Small pieces that are all lost go as one segment (RFC 9293 §3.8.1 allows repacketizing). Returns where the data ends. */
function joinLost(tcb: Tcb, index: number, limit: number): number {
  const board = tcb.scoreboard;
  const record = board.at(index);
  let dataEnd = tcb.finSent && seqGt(record.end, tcb.finSeq) ? tcb.finSeq : record.end;
  while (index + 1 < board.count) {
    const next = board.at(index + 1);
    if (!next.lost || next.resent || next.sacked) break;
    const nextEnd = tcb.finSent && seqGt(next.end, tcb.finSeq) ? tcb.finSeq : next.end;
    if (seqDiff(nextEnd, record.seq) > limit) break;
    board.join(index);
    dataEnd = nextEnd;
  }
  return dataEnd;
}

function resendSyn(context: MachineContext, tcb: Tcb, resend: Resend): void {
  const record = tcb.scoreboard.at(resend.index);
  tcb.scoreboard.markResent(record, context.nowUs);
  tcb.synRetransmits++;
  const isActive = tcb.state === "SYN_SENT";
  const kind = isActive ? "syn" : "syn-ack";
  tellRetransmit(context, tcb, { kind, seq: tcb.iss, length: 0, count: record.retransmits });
  // RFC 3168 §6.1.1.1: a repeated SYN does not ask for ECN, in case that was what lost it.
  const { SYN, ACK, ECE } = FLAG;
  const flags = isActive ? SYN : SYN | ACK | (tcb.ecn ? ECE : 0);
  pushSegment(context, tcb, flags, tcb.iss, 0, RULE_OF_KIND[kind]);
}

/** Counts a retransmission and tells the observers. */
export function tellRetransmit(
  context: MachineContext,
  tcb: Tcb,
  told: { kind: RetransmitKind; seq: number; length: number; count: number },
): void {
  tcb.retransmits++;
  context.counters.retransmits++;
  const effect = context.effects.push(EFFECT.RETRANSMIT, tcb);
  effect.retransmit = told.kind;
  effect.seq = told.seq;
  effect.length = told.length;
  effect.count = told.count;
}
