/**
 * Calls that move octets: read, readv, recv, recvfrom, write, writev, send, sendto.
 *
 * Owns: what each call does with its socket. Must not know: what a read or a write comes to, flags.
 */
import { beginConnect, destinationOf } from "./calls_socket.ts";
import { gather, type Gathered, gatherOne, receiveRequest, sendRequest } from "./data_requests.ts";
import { readFrom, type ReadRequest, writeOn } from "./data_transfer.ts";
import { fastOpenSend } from "./fast_open_send.ts";
import { type CallMethod, type CallStart, failed, type Process, succeeded } from "./process.ts";
import type { SocketDestination, TcpSocket } from "./tcp_socket.ts";

// -- Reading

/** read(fd, memory, length), recv(fd, memory, length, flags), recvfrom(fd, memory, length, flags, address, length). */
const read: CallMethod = (process, args) => {
  args.demand(3, 6);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  const length = args.number(2);
  const flags = args.count > 3 ? args.flagNames(3) : [];
  const request = receiveRequest(flags, length);
  return readInto(process, socket, { request, isBad: args.buffer(1).kind === "null" && length > 0 });
};

/** readv(fd, vector, count). */
const readv: CallMethod = (process, args) => {
  args.demand(3);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  const { length, isBad } = gather(args, args.at(1));
  return readInto(process, socket, { request: receiveRequest([], length), isBad });
};

/** Bad memory is found out only when there is something to put into it. */
export function readInto(
  process: Process,
  socket: TcpSocket,
  { request, isBad }: { request: ReadRequest; isBad: boolean },
): CallStart {
  if (isBad && socket.readableBytes > 0) return failed("EFAULT");
  return readFrom(process, socket, request);
}

// -- Writing

/** write(fd, memory, length), send(fd, memory, length, flags). */
const write: CallMethod = (process, args) => {
  args.demand(3, 4);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  const gathered = gatherOne(args.buffer(1), args.number(2));
  return writeFrom(process, socket, { gathered, flags: args.count > 3 ? args.flagNames(3) : [] });
};

/** writev(fd, vector, count). */
const writev: CallMethod = (process, args) => {
  args.demand(3);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  return writeFrom(process, socket, { gathered: gather(args, args.at(1)), flags: [] });
};

/** sendto(fd, memory, length, flags, address, length). */
const sendto: CallMethod = (process, args) => {
  args.demand(6);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  const gathered = gatherOne(args.buffer(1), args.number(2));
  const flags = args.flagNames(3);
  return sendTo(process, socket, { gathered, flags, to: destinationOf(process, args.address(4)) });
};

/** Writes what has been gathered. */
export function writeFrom(
  process: Process,
  socket: TcpSocket,
  { gathered, flags }: { gathered: Gathered; flags: readonly string[] },
): CallStart {
  if (socket.deferred !== null) {
    return fastOpenSend(process, socket, { gathered, flags, to: socket.deferred });
  }
  const request = sendRequest(flags, gathered);
  if (gathered.isBad && socket.phase === "connected" && !socket.isWriteShut) return failed("EFAULT");
  return writeOn(process, socket, request);
}

/** Writes to somebody: on BSD the call connects first, where nothing is connected. */
export function sendTo(
  process: Process,
  socket: TcpSocket,
  about: {
    gathered: Gathered;
    flags: readonly string[];
    to: SocketDestination | null;
  },
): CallStart {
  const { gathered, flags, to } = about;
  if (flags.includes("MSG_FASTOPEN")) return fastOpenSend(process, socket, about);
  const isFree = socket.phase === "idle";
  if (process.ground.socketDefaults.system === "bsd" && isFree && to !== null) {
    const wasNonBlocking = socket.isNonBlocking;
    socket.isNonBlocking = true;
    const { length, bytes } = sendRequest(flags, gathered);
    const isFast = (socket.settings.fastOpen ?? 0) !== 0 && process.ground.socketDefaults.fastOpenClient;
    const data = bytes ?? new Uint8Array(length);
    const begun = beginConnect(process, socket, to, isFast ? { data } : undefined);
    socket.isNonBlocking = wasNonBlocking;
    if ("errno" in begun && begun.errno !== "EINPROGRESS") return begun;
    return succeeded(isFast ? socket.writtenBytes : socket.queueBeforeOpen(data));
  }
  return writeFrom(process, socket, { gathered, flags });
}

/** By name. */
export const DATA_CALLS: Readonly<Record<string, CallMethod>> = {
  read,
  readv,
  recv: read,
  recvfrom: read,
  write,
  writev,
  send: write,
  sendto,
};
