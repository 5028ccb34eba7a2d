/**
 * WrittenPieces: what is written is cut, as a habit, into pieces of half of the largest window; a piece ends a burst, and now and then one
 * is pushed.
 *
 * Owns: where these pieces end. Must not know: who writes, what is sent when. RFC 9293 §3.9.1.2 leaves the size of segments to the sender;
 * the habit is Linux's (`tcp_sendmsg_locked`, `tcp_bound_to_half_wnd`, `forced_push`), where only PSH shows it.
 */
import { NO_PIECES, type PieceEnd } from "./piece_end.ts";
import { effectiveMss } from "./segment_options.ts";
import type { Tcb } from "./tcb.ts";

/** Local choice: more places are not remembered, as many as a large buffer has with windows of a few segments. */
const MOST_PIECES = 1024;
/** Largest piece: what a device cuts at once. */
const MOST_PIECE_BYTES = 0xfe00;
/** A window that was never larger than this is not halved (TCP_MSS_DEFAULT). */
const SMALL_WINDOW = 536;

/** Where what has been written ends. */
function writtenEnd(tcb: Tcb): number {
  return tcb.sndRingStart + tcb.sendRing.length;
}

function cutsPieces(tcb: Tcb): boolean {
  return tcb.config.writtenPieces === "half-window" && tcb.synAcknowledged;
}

/** How much may be written before that is to be sent, and the rest written behind it. */
export function pieceRoom(tcb: Tcb): number {
  if (!cutsPieces(tcb)) return Infinity;
  const size = pieceSize(tcb);
  goOnWithRest(tcb);
  const room = size - (writtenEnd(tcb) - pieceStart(tcb));
  return room > 0 ? room : size;
}

/** A full piece of which a part has left meanwhile is not full any more, while nothing is behind it. */
function goOnWithRest(tcb: Tcb): void {
  const { pieceEnds, tailStart } = tcb.sender;
  const last = pieceEnds[pieceEnds.length - 1];
  if (last?.end !== writtenEnd(tcb)) return;
  if (tcb.sndNxt <= tailStart || tcb.sndNxt >= last.end) return;
  pieceEnds.pop();
}

function halfWindow({ maxSndWnd }: Tcb): number {
  return maxSndWnd > SMALL_WINDOW ? maxSndWnd >>> 1 : maxSndWnd;
}

function pieceSize(tcb: Tcb): number {
  const mss = effectiveMss(tcb);
  const most = Math.min(halfWindow(tcb), MOST_PIECE_BYTES);
  return Math.max(most - (most % mss), mss);
}

/** Where the piece begins that a write goes on with. */
function pieceStart(tcb: Tcb): number {
  const { pieceEnds, tailStart } = tcb.sender;
  const end = writtenEnd(tcb);
  if (tcb.unsentBytes === 0 || (pieceEnds.length > 0 && pieceEnds[pieceEnds.length - 1].end === end)) {
    return end;
  }
  return tailStart > tcb.sndNxt ? tailStart : tcb.sndNxt;
}

/** `count` octets have been written, no more than {@link pieceRoom} said; `isLast`: the write ends with them. */
export function noteWritten(tcb: Tcb, count: number, isLast: boolean): void {
  if (!cutsPieces(tcb)) return;
  tcb.beginSending();
  const { sender } = tcb;
  const end = writtenEnd(tcb);
  const begin = end - count;
  const { pieceEnds } = sender;
  const isNew = tcb.unsentBytes === count ||
    (pieceEnds.length > 0 && pieceEnds[pieceEnds.length - 1].end === begin);
  sender.tailStart = isNew ? begin : Math.max(sender.tailStart, tcb.sndNxt);
  if (end - sender.tailStart >= pieceSize(tcb)) {
    const isPushed = end > sender.pushedTo + halfWindow(tcb);
    if (isPushed) sender.pushedTo = end;
    addEnd(tcb, { end, isPushed });
  }
  sender.writeGoesOn = !isLast;
  if (isLast && tcb.config.push) sender.pushedTo = end;
}

function addEnd(tcb: Tcb, piece: PieceEnd): void {
  const { sender } = tcb;
  forgetPieces(tcb);
  if (sender.pieceEnds === NO_PIECES) sender.pieceEnds = [];
  const { pieceEnds } = sender;
  const last = pieceEnds[pieceEnds.length - 1];
  if (last?.end === piece.end) pieceEnds.pop();
  if (pieceEnds.length < MOST_PIECES) pieceEnds.push(piece);
}

/** Those that have been reached. */
function forgetPieces(tcb: Tcb): void {
  const { pieceEnds } = tcb.sender;
  let gone = 0;
  while (gone < pieceEnds.length && pieceEnds[gone].end <= tcb.sndNxt) gone++;
  if (gone > 0) pieceEnds.splice(0, gone);
}

/** The first end beyond `position`; null when what is written goes on from there without one. */
export function pieceEndAfter(tcb: Tcb, position: number): PieceEnd | null {
  const { pieceEnds } = tcb.sender;
  if (pieceEnds.length === 0) return null;
  let low = 0;
  let high = pieceEnds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pieceEnds[middle].end <= position) low = middle + 1;
    else high = middle;
  }
  return low < pieceEnds.length ? pieceEnds[low] : null;
}
