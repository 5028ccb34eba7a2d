/**
 * Writes that begin a connection: `MSG_FASTOPEN`, and the first write after `TCP_FASTOPEN_CONNECT` has put `connect` off (RFC 7413
 * §4.2.1, Linux's interface).
 *
 * Owns: what leaves with the SYN, and what the call returns. Must not know: cookies.
 */
import type { CallOutcome } from "../kernel.ts";
import { takeError } from "./calls_socket.ts";
import { type Gathered, sendRequest } from "./data_requests.ts";
import { writeOn } from "./data_transfer.ts";
import { requestWith, synRoom } from "./fast_open_settings.ts";
import { blocking, type CallStart, errorOfRefusal, failed, type Process, succeeded } from "./process.ts";
import type { SocketDestination, TcpSocket } from "./tcp_socket.ts";

/** Sends the SYN, with as much as it takes. */
export function fastOpenSend(
  process: Process,
  socket: TcpSocket,
  { gathered, flags, to }: { gathered: Gathered; flags: readonly string[]; to: SocketDestination | null },
): CallStart {
  if (!process.ground.socketDefaults.fastOpenClient && socket.deferred === null) return failed("EOPNOTSUPP");
  if (to === null) return failed("EOPNOTSUPP");
  const isNews = socket.phase === "connected" && !socket.isConnectTold;
  if (isNews) {
    // As with `connect`: the first call after the handshake is told that all went well.
    socket.isConnectTold = true;
    return writeOn(process, socket, sendRequest(flags.filter((flag) => flag !== "MSG_FASTOPEN"), gathered));
  }
  const refused = refusal(socket);
  if (refused !== null) return refused;
  if (gathered.isBad) return failed("EFAULT");
  const request = sendRequest(flags.filter((flag) => flag !== "MSG_FASTOPEN"), gathered);
  const target = socket.deferred ?? to;
  const count = Math.max(0, Math.min(request.length, synRoom(process, socket, target)));
  const data = request.bytes?.subarray(0, count) ?? new Uint8Array(count);
  try {
    socket.connect(target, requestWith(process, socket, data));
  } catch (error) {
    return failed(errorOfRefusal(error));
  }
  if (request.zeroCopy && socket.settings.zeroCopy && count > 0) socket.errors.copied(socket.writtenBytes);
  const rest = {
    ...request,
    length: request.length - count,
    bytes: request.bytes === null ? null : request.bytes.subarray(count),
  };
  return afterSyn(process, socket, { count, rest });
}

/** What a socket that has been used says; null where a connection may begin. */
function refusal(socket: TcpSocket): CallOutcome | null {
  switch (socket.phase) {
    case "idle":
      return null;
    case "listening":
    case "connected":
      return failed("EISCONN");
    case "connecting":
      return failed("EALREADY");
    case "ended": {
      const pending = takeError(socket);
      return pending === null ? null : failed(pending);
    }
  }
}

/** Whoever blocks waits for the handshake, and then writes the rest. */
function afterSyn(
  process: Process,
  socket: TcpSocket,
  { count, rest }: { count: number; rest: Parameters<typeof writeOn>[2] },
): CallStart {
  let writing: CallStart | null = null;
  // Who waits has more to say: it leaves with the acknowledgment.
  if (rest.length > 0 && !socket.isNonBlocking && !rest.dontWait) {
    socket.whenReady = () => {
      socket.whenReady = null;
      writing = writeOn(process, socket, rest);
    };
  }
  const late = (): CallOutcome => count > 0 ? succeeded(count) : failed("EINPROGRESS");
  const look = (): CallOutcome | null => {
    if (socket.phase === "connecting") return null;
    const pending = takeError(socket);
    if (pending !== null) return failed(pending);
    socket.isConnectTold = true;
    if (rest.length === 0) return succeeded(count);
    if (writing === null) writing = writeOn(process, socket, rest);
    const outcome = "look" in writing ? writing.look() : writing;
    if (outcome === null || outcome.result < 0) return outcome;
    return { ...outcome, result: outcome.result + count };
  };
  return blocking(look, {
    mayBlock: !socket.isNonBlocking && !rest.dontWait,
    deadlineUs: process.deadlineAfter(socket.settings.sendTimeoutUs),
    late,
  });
}
