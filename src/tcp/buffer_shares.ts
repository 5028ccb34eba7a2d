/**
 * How much one connection's buffers may come to (RFC 9293 §3.8.6 leaves it open), and whether it makes progress.
 *
 * Owns: the size of the send buffer as it is now, and the mark of progress. Must not know: the window that we offer
 * (receive_window.ts), or what happens to a connection that makes none (host/memory_relief.ts).
 */
import type { Tcb } from "./tcb.ts";

/** Local choice: what an application that could send for ever gives us ahead of a peer that asks for nothing. */
const LEAST_ASKED_BYTES = 0x1000;

/** Local choice: less than this in one direction is no progress while more waits: who reads an octet a second reads nothing. */
const PROGRESS_BYTES = 0x1000;

/** How many bytes the send buffer takes: its size, or this connection's share of memory where that is less. */
export function sendLimitBytes(tcb: Tcb): number {
  const limitBytes = tcb.config.sendBufferBytes;
  const { account } = tcb.pool;
  if (account.isAmple(limitBytes)) return limitBytes;
  const share = account.shareBytes();
  // Blocks are powers of two: a share between two of them is the smaller one.
  return share >= limitBytes ? limitBytes : 1 << (31 - Math.clz32(share));
}

/**
 * How many bytes an application that could send for ever gives us: what the peer asks for and the path carries, twice over,
 * so that the buffer is filled again while its first half is in flight.
 */
export function askedLimitBytes(tcb: Tcb): number {
  const limit = sendLimitBytes(tcb);
  const wanted = 2 * (tcb.cwnd < tcb.sndWnd ? tcb.cwnd : tcb.sndWnd);
  // CUBIC's window is no whole number, and what is written must be one.
  const asked = wanted > LEAST_ASKED_BYTES ? Math.floor(wanted) : LEAST_ASKED_BYTES;
  return asked < limit ? asked : limit;
}

/** Whether a third of the buffer is free for an application that waits for room: each ACK alone would wake it too often. */
export function hasRoomToTell(tcb: Tcb): boolean {
  const limit = tcb.fillsAsAsked ? askedLimitBytes(tcb) : sendLimitBytes(tcb);
  return (limit - tcb.sendRing.length) * 3 >= limit;
}

/** Room in the send buffer. */
export function sendRoomBytes(tcb: Tcb): number {
  const room = sendLimitBytes(tcb) - tcb.sendRing.length;
  return room > 0 ? room : 0;
}

/** `bytes` have left a buffer for good: read by the application, or acknowledged by the peer. */
export function noteProgress(tcb: Tcb, bytes: number, nowUs: number): void {
  tcb.progressBytes += bytes;
  if (tcb.progressBytes < PROGRESS_BYTES && tcb.sendRing.length + tcb.receiveRing.length > 0) return;
  tcb.progressBytes = 0;
  tcb.progressUs = nowUs;
}

/** Memory that a connection's buffers have, without its record. */
export function heldBytes(tcb: Tcb): number {
  return tcb.sendRing.heldBytes + tcb.receiveRing.heldBytes + tcb.reassembly.heldBytes +
    tcb.scoreboard.chargedBytes;
}
