/**
 * The window that we offer (RFC 9293 §3.8.6): how far its right edge may go, and when that is worth telling.
 *
 * Owns: RCV.ADV, its right edge, and silly-window avoidance of the receiver. Must not know: what segment tells it.
 */
import { TIMESTAMP_OPTION_BYTES } from "./effects.ts";
import type { Tcb } from "./tcb.ts";

/** Largest value of the window field. */
const WINDOW_FIELD_MAX = 0xffff;

/** RFC 7323 §2.3. */
export const MAX_WINDOW_SHIFT = 14;

/** The smallest shift with which the whole receive buffer can be offered (RFC 7323 §2.2). */
export function windowShiftFor(bufferBytes: number): number {
  let shift = 0;
  for (let reach = WINDOW_FIELD_MAX; shift < MAX_WINDOW_SHIFT && reach < bufferBytes; shift++) reach *= 2;
  return shift;
}

/** Local choice: the unit of the window is at most this part of the buffer: a buffer smaller than the unit would always look full. */
const UNITS_OF_BUFFER = 4;

/** The shift that we offer. */
export function ourWindowShift({ config }: Tcb): number {
  const { windowScaleForBytes, receiveBufferBytes } = config;
  if (windowScaleForBytes <= receiveBufferBytes) return windowShiftFor(receiveBufferBytes);
  let shift = windowShiftFor(windowScaleForBytes);
  while (shift > 0 && UNITS_OF_BUFFER << shift > receiveBufferBytes) shift--;
  return shift;
}

/** Both buffers become a whole number of segments, where that is the habit: the MSS of this connection is known now. */
export function roundBuffers(tcb: Tcb): void {
  const { config } = tcb;
  if (config.bufferUnit !== "segments") return;
  const mss = Math.min(tcb.peerMss, tcb.ourMss);
  setBuffers(tcb, wholeSegments(config.receiveBufferBytes, mss), wholeSegments(config.sendBufferBytes, mss));
}

function wholeSegments(bytes: number, mss: number): number {
  return Math.ceil(bytes / mss) * mss;
}

/** Gives the connection buffers of its own. */
function setBuffers(tcb: Tcb, receiveBufferBytes: number, sendBufferBytes: number): void {
  const { config } = tcb;
  if (config.receiveBufferBytes === receiveBufferBytes && config.sendBufferBytes === sendBufferBytes) return;
  tcb.changeConfig({ receiveBufferBytes, sendBufferBytes });
}

/**
 * `length` bytes have arrived in order: when nearly as much as the buffer holds has, it grows to twice of that, where it may
 * grow at all. So it keeps pace with a sender in slow start, as Linux's and FreeBSD's do.
 */
export function growBuffer(tcb: Tcb, length: number): void {
  const { receiveBufferBytes, receiveBufferMostBytes, sendBufferBytes } = tcb.config;
  tcb.arrivedSinceGrowth += length;
  if (tcb.arrivedSinceGrowth * 8 < receiveBufferBytes * 7 || receiveBufferBytes >= receiveBufferMostBytes) {
    return;
  }
  tcb.arrivedSinceGrowth = 0;
  setBuffers(tcb, Math.min(2 * receiveBufferBytes, receiveBufferMostBytes), sendBufferBytes);
}

/** What may wait for the application: the buffer's size, or this connection's share of memory where that is less. */
function bufferBytes(tcb: Tcb): number {
  const limit = tcb.config.receiveBufferBytes;
  const { account } = tcb.pool;
  if (account.isAmple(limit)) return limit;
  const share = account.shareBytes();
  if (share >= limit) return limit;
  // A window of less than two segments would let nobody send well.
  const least = 2 * tcb.ourMss;
  return share > least ? share : least < limit ? least : limit;
}

/** The largest window that a buffer of this size and the field allow. */
function mostOfferable(tcb: Tcb, buffer: number): number {
  const sayable = WINDOW_FIELD_MAX << tcb.receiveShift;
  return buffer < sayable ? buffer : sayable;
}

/** Room for what has not arrived yet, as far as `most` goes. */
function offerableBytes(tcb: Tcb, buffer: number, most: number): number {
  const room = tcb.discarding ? buffer : buffer - tcb.receiveRing.length;
  return room < most ? room : most;
}

/**
 * Chooses the window to offer and notes its right edge, which does not move left (SHLD-14); returns the header's field.
 * Receiver silly-window avoidance (MUST-39): the edge moves only by a full segment or half the buffer at a time (RFC 9293
 * §3.8.6.2.2). While the application does not read it stays shut (MAY-8).
 */
export function offerWindow(tcb: Tcb): number {
  const buffer = bufferBytes(tcb);
  const limit = mostOfferable(tcb, buffer);
  const room = offerableBytes(tcb, buffer, limit);
  const offered = tcb.rcvWnd;
  if (tcb.config.windowUpdates === "every-ack") return offerAllRoom(tcb, { room, buffer });
  let window = offered;
  const step = tcb.ourMss < limit / 2 ? tcb.ourMss : limit / 2;
  if (room - offered >= step) window = room;
  const shift = tcb.receiveShift;
  let field = window >>> shift;
  // A scaled field must not take back what was offered: round up where rounding down would. But each rounding moves the edge,
  // and text in crumbs would so leave the buffer behind; when it is a unit ahead, less than a unit is taken back (RFC 7323
  // §2.4), and what was offered is still taken.
  const up = (field + 1) << shift;
  if (field << shift < offered && up <= room + (1 << shift)) field++;
  if (field > WINDOW_FIELD_MAX) field = WINDOW_FIELD_MAX;
  const edge = tcb.rcvNxt + (field << shift);
  if (edge > tcb.rcvAdv) tcb.rcvAdv = edge;
  return field;
}

/** The other habit: all the room, as soon as it is worth a segment. */
function offerAllRoom(
  tcb: Tcb,
  { room, buffer }: { readonly room: number; readonly buffer: number },
): number {
  const offered = tcb.rcvWnd;
  const isSilly = room < buffer / 4 && room < tcb.ourMss;
  const window = isSilly || room < offered ? offered : room;
  const unit = 1 << tcb.receiveShift;
  const field = Math.min(Math.ceil(window / unit), WINDOW_FIELD_MAX);
  const edge = tcb.rcvNxt + field * unit;
  if (edge > tcb.rcvAdv) tcb.rcvAdv = edge;
  return field;
}

/** The window of a SYN, which is never scaled (RFC 7323 §2.2). */
export function offerFirstWindow(tcb: Tcb): number {
  // Of a Fast Open's SYN there is text already, which takes room until it is read (RFC 7413 §4.2.2).
  const limit = Math.max(bufferBytes(tcb) - tcb.receiveRing.length, 0);
  if (tcb.config.firstWindow === "whole-segments") {
    // Of those that we would take: beside timestamps, once they are agreed, they hold less.
    const mss = tcb.ourMss - (tcb.timestamps ? TIMESTAMP_OPTION_BYTES : 0);
    const whole = limit - (limit % mss);
    if (whole > 0) return whole < WINDOW_FIELD_MAX ? whole : WINDOW_FIELD_MAX;
  }
  return limit < WINDOW_FIELD_MAX ? limit : WINDOW_FIELD_MAX;
}

/** The window of a SYN,ACK: no less than what has been offered behind it since (SHLD-14). */
export function offerWithSyn(tcb: Tcb): number {
  const window = offerFirstWindow(tcb);
  const offered = tcb.rcvWnd;
  // Only text or FIN of ours has told the peer of another window.
  if (tcb.sndNxt > 1 && offered > window) return offered < WINDOW_FIELD_MAX ? offered : WINDOW_FIELD_MAX;
  tcb.rcvAdv = tcb.rcvNxt + window;
  return window;
}

/** Whether the window could be opened by a step worth telling (RFC 9293 §3.8.6.2.2). */
export function canOpenWindow(tcb: Tcb): boolean {
  const buffer = bufferBytes(tcb);
  const limit = mostOfferable(tcb, buffer);
  const room = offerableBytes(tcb, buffer, limit);
  const offered = tcb.rcvWnd;
  const step = Math.min(2 * tcb.ourMss, limit / 2);
  // Tell it when the peer could otherwise stand still: half of the room is not offered.
  return room - offered >= step && (offered < tcb.ourMss || room - offered >= limit / 4);
}

/**
 * How far beyond RCV.NXT a segment is acceptable: as far as was offered (RFC 9293 §3.10.7.4), or to the end of the buffer.
 * A handshake that a listener began has no buffer yet.
 */
export function acceptedBytes(tcb: Tcb): number {
  const offered = tcb.rcvWnd;
  if (tcb.config.acceptance === "offered" || (tcb.state === "SYN_RCVD" && tcb.passive)) return offered;
  const free = bufferBytes(tcb) - tcb.receiveRing.length;
  return free > offered ? free : offered;
}

/** Room for what arrives: what is free, and what was offered beyond that. */
export function roomBytes(tcb: Tcb): number {
  const limit = bufferBytes(tcb);
  const free = tcb.discarding ? limit : limit - tcb.receiveRing.length;
  const offered = tcb.rcvWnd;
  return free > offered ? free : offered;
}
