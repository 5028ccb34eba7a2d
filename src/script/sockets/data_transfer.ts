/**
 * Data transfer: what a read and a write of a socket come to (RFC 9293 §3.9.1, SEND and RECEIVE).
 *
 * Owns: how much is moved, when a call waits and how long, and with which error it ends, on Linux and on BSD. Must not know:
 * how a call names its memory (calls_data.ts, calls_messages.ts).
 */
import type { CallOutcome } from "../kernel.ts";
import { takeError } from "./calls_socket.ts";
import { blocking, type CallStart, failed, type Process, succeeded } from "./process.ts";
import type { TcpSocket } from "./tcp_socket.ts";

/** Most octets of one call; local choice: as much as Linux moves at once would hold a gigabyte for a script's typing error. */
export const MOST_CALL_BYTES = 0x1000_0000;
/** What is written. */
export interface WriteRequest {
  readonly length: number;
  /** The octets; null: zeros, as packetdrill's. */
  readonly bytes: Uint8Array | null;
  readonly dontWait: boolean;
  /** `MSG_MORE`. */
  readonly more: boolean;
  /** `MSG_ZEROCOPY`. */
  readonly zeroCopy: boolean;
  /** `MSG_OOB`. */
  readonly urgent: boolean;
  /** `MSG_EOR`. */
  readonly endsRecord: boolean;
  /** Where segments end for want of room for more pieces of memory, in order; only where they are not copied (`SO_ZEROCOPY`). */
  readonly cuts: readonly number[];
}

/** What is read. */
export interface ReadRequest {
  readonly length: number;
  readonly dontWait: boolean;
  readonly peek: boolean;
  /** `MSG_WAITALL`. */
  readonly waitAll: boolean;
  /** Hears of what was read, before the outcome is given; may add to it. */
  readonly done?: (count: number) => CallOutcome;
}

/** Writes, as `send` does. */
export function writeOn(process: Process, socket: TcpSocket, request: WriteRequest): CallStart {
  const { system } = process.ground.socketDefaults;
  let written = 0;
  let isWaiting = false;
  const look = (): CallOutcome | null => {
    const { connection } = socket;
    const pending = takeError(socket);
    if (pending !== null) return written > 0 ? keepError(socket, pending, written) : failed(pending);
    if (socket.isWriteShut) return failed("EPIPE");
    if (socket.phase === "connecting" && system === "bsd") return failed("ENOTCONN");
    if (socket.phase === "connecting") return null;
    if (connection === null || socket.phase !== "connected") {
      return failed(socket.phase === "idle" && system === "bsd" ? "ENOTCONN" : "EPIPE");
    }
    // Who has waited goes on when there is room worth it, as `poll` has it.
    if (isWaiting && !socket.isWritable) return null;
    written += moveOut(socket, request, written);
    if (written >= request.length) return finishWrite(socket, request, written);
    isWaiting = true;
    socket.wantsRoom = true;
    return null;
  };
  return blocking(look, {
    mayBlock: !socket.isNonBlocking && !request.dontWait,
    deadlineUs: process.deadlineAfter(socket.settings.sendTimeoutUs),
    late: () => written > 0 ? finishWrite(socket, request, written) : failed("EAGAIN"),
  });
}

/** Part had been written: the error waits for the next call. */
function keepError(socket: TcpSocket, pending: string, written: number): CallOutcome {
  socket.pendingError = pending;
  return succeeded(written);
}

/** Hands the host as much of the rest as it takes, a part up to where a segment ends after the other. */
function moveOut(socket: TcpSocket, request: WriteRequest, from: number): number {
  const cuts = socket.settings.zeroCopy ? request.cuts : [];
  let at = from;
  for (const cut of cuts) {
    if (cut <= at) continue;
    at += movePart(socket, request, { from: at, to: cut });
    if (at < cut) return at - from;
    socket.connection?.endRecord();
  }
  return at + movePart(socket, request, { from: at, to: request.length }) - from;
}

function movePart(
  socket: TcpSocket,
  request: WriteRequest,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  const { connection } = socket;
  if (connection === null) return 0;
  const cork = request.more || socket.settings.cork;
  if ((cork && !connection.config.cork) || (request.more && connection.config.push)) {
    connection.configure({ cork, push: !request.more });
  }
  const most = socket.takeRoom(to - from);
  if (most === 0) return 0;
  const bytes = request.bytes === null ? new Uint8Array(most) : request.bytes.subarray(from, from + most);
  const isLast = from + most === request.length;
  const taken = request.urgent && isLast ? connection.writeUrgent(bytes) : connection.write(bytes);
  // What was held back leaves together with this.
  if (request.endsRecord && isLast && taken === most) connection.endRecord();
  const isPushed = request.more || connection.config.push;
  if ((!cork && connection.config.cork) || !isPushed) {
    socket.heldMore = null;
    connection.configure({ cork, push: true });
  }
  socket.wrote(taken);
  return taken;
}

function finishWrite(socket: TcpSocket, request: WriteRequest, written: number): CallOutcome {
  const { connection, settings, errors } = socket;
  if (connection === null) return succeeded(written);
  const end = socket.writtenBytes;
  if (request.zeroCopy && settings.zeroCopy && written > 0) errors.copied(end);
  if (settings.stamping !== null && written > 0) {
    const { flags, baseBytes } = settings.stamping;
    errors.stamped(end, { key: end - 1 - baseBytes, wishes: stampWishes(flags) });
  }
  if (request.more) {
    // Or after a time-out, as all that a sender holds back (RFC 9293 §3.8.6.2.1, the override).
    socket.heldMore = connection.info().segmentsIn;
  }
  return succeeded(written);
}

/** Of `SOF_TIMESTAMPING_...`: those that ask for something about what is sent. */
const STAMP_SENT = 0x2;
const STAMP_SCHEDULED = 0x100;
const STAMP_ACKNOWLEDGED = 0x200;

function stampWishes(flags: number): { scheduled: boolean; sent: boolean; acknowledged: boolean } {
  return {
    scheduled: (flags & STAMP_SCHEDULED) !== 0,
    sent: (flags & STAMP_SENT) !== 0,
    acknowledged: (flags & STAMP_ACKNOWLEDGED) !== 0,
  };
}

/** Reads, as `recv` does. */
export function readFrom(process: Process, socket: TcpSocket, request: ReadRequest): CallStart {
  const { system } = process.ground.socketDefaults;
  const done = request.done ?? ((count: number) => succeeded(count));
  let taken = 0;
  const look = (): CallOutcome | null => {
    const { connection } = socket;
    if (socket.deferred !== null) return null;
    if (socket.phase === "idle" || socket.phase === "listening") return failed("ENOTCONN");
    if (socket.phase === "connecting") {
      return system === "bsd" && socket.isNonBlocking ? failed("EAGAIN") : null;
    }
    const readableBytes = socket.bytesBeforeMark();
    const wanted = request.length - taken;
    const least = request.waitAll ? wanted : Math.min(wanted, socket.settings.receiveLowBytes);
    if (connection !== null && readableBytes > 0 && (readableBytes >= least || request.waitAll)) {
      const count = Math.min(wanted, readableBytes);
      if (!request.peek) connection.skip(count);
      taken += count;
      if (!request.waitAll || taken >= request.length || request.peek) return done(taken);
    }
    const pending = taken > 0 ? null : takeError(socket);
    if (pending !== null) return failed(pending);
    if (socket.isAtEnd || request.length === 0) return done(taken);
    return null;
  };
  return blocking(look, {
    mayBlock: !socket.isNonBlocking && !request.dontWait,
    deadlineUs: process.deadlineAfter(socket.settings.receiveTimeoutUs),
    late: () => taken > 0 ? done(taken) : failed("EAGAIN"),
  });
}
