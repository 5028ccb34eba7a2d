/**
 * Calls that move octets: read, readv, recv, recvfrom, write, writev, send, sendto.
 *
 * Owns: how their arguments say how much, and which flags they know. Must not know: what a read or a write comes to.
 */
import { UnsupportedConstruct } from "../kernel.ts";
import type { Expression } from "../values.ts";
import { bufferOf, type CallArguments, type CallBuffer } from "./call_arguments.ts";
import { beginConnect, destinationOf } from "./calls_socket.ts";
import { MOST_CALL_BYTES, readFrom, type ReadRequest, writeOn, type WriteRequest } from "./data_transfer.ts";
import { type CallMethod, type CallStart, failed, type Process, succeeded } from "./process.ts";
import { fastOpenSend } from "./fast_open_send.ts";
import type { SocketDestination, TcpSocket } from "./tcp_socket.ts";

/** Flags of receiving calls, besides `MSG_ERRQUEUE` that is a call by itself. */
const RECEIVE_FLAGS: ReadonlySet<string> = new Set([
  "MSG_PEEK",
  "MSG_DONTWAIT",
  "MSG_WAITALL",
  "MSG_TRUNC",
  "MSG_NOSIGNAL",
  "MSG_CMSG_CLOEXEC",
]);

/** Flags of sending calls. */
const SEND_FLAGS: ReadonlySet<string> = new Set([
  "MSG_DONTWAIT",
  "MSG_NOSIGNAL",
  "MSG_MORE",
  "MSG_ZEROCOPY",
  "MSG_OOB",
  "MSG_EOR",
]);

/** Pieces of memory together: how long, and the octets where the script gives any. */
export interface Gathered {
  readonly length: number;
  readonly bytes: Uint8Array | null;
  /** One of them is `NULL` and not empty. */
  readonly isBad: boolean;
}

/** What flags say of a read. */
export function receiveRequest(flags: readonly string[], length: number): ReadRequest {
  demandFlags(flags, RECEIVE_FLAGS);
  return {
    length: demandLength(length),
    dontWait: flags.includes("MSG_DONTWAIT"),
    peek: flags.includes("MSG_PEEK"),
    waitAll: flags.includes("MSG_WAITALL"),
  };
}

/** What flags say of a write. */
export function sendRequest(flags: readonly string[], { length, bytes }: Gathered): WriteRequest {
  demandFlags(flags, SEND_FLAGS);
  return {
    length: demandLength(length),
    bytes,
    dontWait: flags.includes("MSG_DONTWAIT"),
    more: flags.includes("MSG_MORE"),
    zeroCopy: flags.includes("MSG_ZEROCOPY"),
    urgent: flags.includes("MSG_OOB"),
    endsRecord: flags.includes("MSG_EOR"),
  };
}

function demandFlags(flags: readonly string[], known: ReadonlySet<string>): void {
  const unknown = flags.find((flag) => !known.has(flag));
  if (unknown !== undefined) throw new UnsupportedConstruct(unknown);
}

function demandLength(length: number): number {
  if (length >= 0 && length <= MOST_CALL_BYTES) return length;
  throw new UnsupportedConstruct(`a call about ${length} octets`);
}

/** One piece. */
export function gatherOne(buffer: CallBuffer, length: number): Gathered {
  const bytes = buffer.kind === "bytes" ? padded(buffer.bytes, demandLength(length)) : null;
  return { length, bytes, isBad: buffer.kind === "null" && length > 0 };
}

/** What memory holds of a string: its octets, then zeros. */
function padded(bytes: Uint8Array, length: number): Uint8Array {
  const memory = new Uint8Array(length);
  memory.set(bytes.subarray(0, length));
  return memory;
}

/** `[{..., 40}, {"abc", 3}]`. */
export function gather(args: CallArguments, vector: Expression): Gathered {
  if (vector.kind !== "array") throw args.unreadable(vector);
  const pieces = vector.items.map((item) => {
    if (item.kind !== "struct" || item.fields.length !== 2) throw args.unreadable(item);
    const [memory, length] = item.fields;
    return gatherOne(bufferOf(memory.value, args.call.name), args.valueOf(length.value));
  });
  const length = demandLength(pieces.reduce((sum, piece) => sum + piece.length, 0));
  const isBad = pieces.some((piece) => piece.isBad);
  if (pieces.every(({ bytes }) => bytes === null)) return { length, bytes: null, isBad };
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    if (piece.bytes !== null) bytes.set(piece.bytes, at);
    at += piece.length;
  }
  return { length, bytes, isBad };
}

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
