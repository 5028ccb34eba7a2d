/**
 * Record marks: ends of records in the stream that an application sends, which no segment spans (POSIX's `MSG_EOR`, and what Linux
 * makes of it for TCP). TCP has no records (RFC 9293 §3.10.2: the stream of octets is all that the peer sees); a mark only says
 * where segments end, as a PUSH does (MUST-60), and holds for what is sent again too.
 *
 * Owns: the marks of a connection. Must not know: windows, Nagle.
 */
import type { Tcb } from "./tcb.ts";

/** Local choice: ends of records that wait in a send buffer; those beyond are no ends. */
const MOST_MARKS = 4096;

/** All that is queued now ends a record. */
export function markRecordEnd(tcb: Tcb): void {
  const end = tcb.sndRingStart + tcb.sendRing.length;
  const marks = (tcb.recordMarks ?? []).filter((mark) => mark > tcb.sndUna);
  if (end > tcb.sndUna && marks.at(-1) !== end && marks.length < MOST_MARKS) marks.push(end);
  tcb.recordMarks = marks.length > 0 ? marks : null;
}

/** The end of the record that has the octet at `position`; Infinity where none is marked. */
export function recordEndAfter({ recordMarks }: Tcb, position: number): number {
  if (recordMarks === null) return Infinity;
  return recordMarks.find((mark) => mark > position) ?? Infinity;
}
