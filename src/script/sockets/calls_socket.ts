/**
 * Calls that make sockets and bring them to a peer, and end them: socket, bind, listen, accept, connect, shutdown, close (RFC 9293
 * §3.9.1).
 *
 * Owns: what each of them checks, answers and waits for, on Linux and on BSD. Must not know: what is read or written.
 */
import type { FastOpenRequest } from "../../host/fast_open_api.ts";
import { isUnspecified, sameAddress } from "../../wire/address.ts";
import type { CallOutcome } from "../kernel.ts";
import { UnsupportedConstruct } from "../kernel.ts";
import { meantText } from "../misspelt.ts";
import type { CallAddress, CallArguments } from "./call_arguments.ts";
import { constantOf } from "./constants.ts";
import {
  blocking,
  type CallMethod,
  type CallStart,
  errorOfRefusal,
  failed,
  type Process,
  succeeded,
} from "./process.ts";
import { askForCookie, synRoom } from "./fast_open_settings.ts";
import { type SocketDestination, TcpSocket } from "./tcp_socket.ts";

/** Most that `listen` takes for the backlog. Local choice, as Linux's somaxconn. */
const MOST_BACKLOG = 4096;

const SOCKET_TYPES = ["SOCK_STREAM", "SOCK_NONBLOCK", "SOCK_CLOEXEC"];

const socket: CallMethod = (process, args) => {
  args.demand(3);
  const { system } = args;
  const type = args.flagNames(1);
  const rest = type.filter((name) => name !== "SOCK_NONBLOCK" && name !== "SOCK_CLOEXEC");
  if (rest.length !== 1 || rest[0] !== "SOCK_STREAM") {
    const meant = rest.map((name) => meantText(name, SOCKET_TYPES)).join("");
    throw new UnsupportedConstruct(
      rest.length === 0 ? "socket() of another type" : `${rest.join("|")}${meant}`,
    );
  }
  const protocol = args.number(2);
  if (protocol !== 0 && protocol !== constantOf(system, "IPPROTO_TCP")) return failed("EPROTONOSUPPORT");
  if (!args.isAny(0)) {
    const family = args.word(0);
    const isFour = process.ground.ends.ipVersion === "ipv4";
    if (family !== (isFour ? "AF_INET" : "AF_INET6")) {
      throw new UnsupportedConstruct(`socket(${family})${meantText(family, ["AF_INET", "AF_INET6"])}`);
    }
  }
  const made = new TcpSocket(process);
  made.isNonBlocking = type.includes("SOCK_NONBLOCK");
  process.isAbout(made);
  return process.open(made, args);
};

const bind: CallMethod = (process, args) => {
  args.demand(3);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  if (socket.bound !== null || socket.phase !== "idle") return failed("EINVAL");
  const { ends } = process.ground;
  const given = args.address(1);
  const isGiven = !args.isAny(1);
  const address = given.address ?? (isGiven ? null : ends.localAddress);
  const isAnywhere = address === null || isUnspecified(address);
  if (
    !isAnywhere && !sameAddress(address, ends.localAddress) &&
    (socket.settings.kept.get("IP_FREEBIND") ?? 0) === 0
  ) {
    return failed("EADDRNOTAVAIL");
  }
  const port = given.port ?? ends.bindPort;
  const mayShare = isReusing(socket);
  for (const other of process.sockets()) {
    if (other === socket || other.bound?.port !== port || port === 0) continue;
    if (other.phase === "listening" || !mayShare || !isReusing(other)) return failed("EADDRINUSE");
  }
  socket.bound = { address: isAnywhere ? null : address, port };
  return succeeded(0);
};

function isReusing({ settings: { kept } }: TcpSocket): boolean {
  return (kept.get("SO_REUSEADDR") ?? 0) !== 0 || (kept.get("SO_REUSEPORT") ?? 0) !== 0;
}

const listen: CallMethod = (process, args) => {
  args.demand(2);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  if (socket.phase !== "idle" && socket.phase !== "listening") return failed("EINVAL");
  if (socket.bound === null || socket.bound.port === 0) {
    throw new UnsupportedConstruct("listen() on a socket without a port");
  }
  const asked = args.number(1);
  const backlog = asked < 0 || asked > MOST_BACKLOG ? MOST_BACKLOG : asked;
  // Both let one more in than is said; BSD half as many besides.
  const bound = args.system === "linux" ? backlog + 1 : Math.floor(backlog * 1.5) + 1;
  try {
    socket.listen(bound);
  } catch (refusal) {
    return failed(errorOfRefusal(refusal));
  }
  return succeeded(0);
};

/** accept(fd, address, length) and accept4(fd, address, length, flags). */
const accept: CallMethod = (process, args) => {
  args.demand(3, 4);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  if (socket.phase !== "listening") return failed("EINVAL");
  const flags = args.count === 4 ? args.flagNames(3) : [];
  const look = (): CallOutcome | null => {
    const child = socket.accept();
    if (child === null) return null;
    if (flags.includes("SOCK_NONBLOCK")) child.isNonBlocking = true;
    process.isAbout(child);
    const { connection } = child;
    const mismatch = connection === null
      ? null
      : args.compareAddress(args.at(1), { address: connection.peerAddress, port: connection.peerPort });
    return process.open(child, args, mismatch);
  };
  return blocking(look, {
    mayBlock: !socket.isNonBlocking,
    deadlineUs: process.deadlineAfter(socket.settings.receiveTimeoutUs),
    late: () => failed("EAGAIN"),
  });
};

const connect: CallMethod = (process, args) => {
  args.demand(3);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  const to = destinationOf(process, args.address(1));
  if (to === null) {
    // AF_UNSPEC: the socket is to be free again.
    return disconnect(socket);
  }
  const again = connectAgain(socket, args);
  if (again !== null) return again;
  if (!socket.settings.fastOpenConnect) return beginConnect(process, socket, to);
  if (synRoom(process, socket, to) < 0) {
    return beginConnect(process, socket, to, askForCookie(process, socket));
  }
  // Nothing leaves before there is something to say.
  socket.deferred = to;
  return succeeded(0);
};

/** Whom an address argument means; null for `AF_UNSPEC`. */
export function destinationOf(
  process: Process,
  { family, address, port }: CallAddress,
): SocketDestination | null {
  if (family === 0 && address === null) return null;
  const { ends } = process.ground;
  return { address: address ?? ends.remoteAddress, port: port ?? ends.connectPort };
}

function disconnect(socket: TcpSocket): CallOutcome {
  socket.connection?.abort();
  socket.connection = null;
  socket.pendingError = null;
  socket.phase = "idle";
  return succeeded(0);
}

/** connect on a socket that has been used; null where a connection may begin. */
function connectAgain(socket: TcpSocket, { system }: CallArguments): CallStart | null {
  switch (socket.phase) {
    case "idle":
      return socket.deferred === null ? null : failed("EISCONN");
    case "listening":
      return failed(system === "linux" ? "EISCONN" : "EOPNOTSUPP");
    case "connecting":
      return connecting(socket, "EALREADY");
    case "connected":
      if (system === "linux" && !socket.isConnectTold) {
        socket.isConnectTold = true;
        return succeeded(0);
      }
      return failed("EISCONN");
    case "ended": {
      const pending = takeError(socket);
      if (pending !== null) return failed(pending);
      if (system === "bsd") return failed("EINVAL");
      return null;
    }
  }
}

/** Begins a connection and waits for it, where the socket blocks. */
export function beginConnect(
  process: Process,
  socket: TcpSocket,
  to: SocketDestination,
  fastOpen?: FastOpenRequest,
): CallStart {
  try {
    socket.connect(to, fastOpen);
  } catch (refusal) {
    return failed(errorOfRefusal(refusal));
  }
  return connecting(socket, "EINPROGRESS", process.deadlineAfter(socket.settings.sendTimeoutUs));
}

/** Waits for the end of the handshake. */
function connecting(socket: TcpSocket, meanwhile: string, deadlineUs = Infinity): CallStart {
  const look = (): CallOutcome | null => {
    if (socket.phase === "connecting") return null;
    const pending = takeError(socket);
    if (pending !== null) return failed(pending);
    socket.isConnectTold = true;
    return succeeded(0);
  };
  return blocking(look, { mayBlock: !socket.isNonBlocking, deadlineUs, late: () => failed(meanwhile) });
}

/** The error that waits, which is told once. */
export function takeError(socket: TcpSocket): string | null {
  const { pendingError } = socket;
  socket.pendingError = null;
  return pendingError;
}

const shutdown: CallMethod = (process, args) => {
  args.demand(2);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  const how = args.number(1);
  if (how < 0 || how > 2) return failed("EINVAL");
  const { connection } = socket;
  if (
    connection === null || socket.phase === "ended" ||
    (socket.phase === "connecting" && args.system === "bsd")
  ) {
    return failed("ENOTCONN");
  }
  if (how !== 1) socket.isReadShut = true;
  if (how !== 0 && !socket.isWriteShut) {
    socket.isWriteShut = true;
    connection.closeWrite();
  }
  socket.wake();
  return succeeded(0);
};

const close: CallMethod = (process, args) => {
  args.demand(1);
  const number = args.number(0);
  const descriptor = process.find(number);
  if (descriptor === null) return failed("EBADF");
  const isOver = descriptor.close();
  process.forget(number);
  if (isOver === null) return succeeded(0);
  const lingerUs = descriptor instanceof TcpSocket ? descriptor.settings.lingerUs ?? 0 : 0;
  return blocking(() => isOver() ? succeeded(0) : null, {
    mayBlock: true,
    deadlineUs: process.deadlineAfter(lingerUs),
    late: () => succeeded(0),
  });
};

/** By name. */
export const SOCKET_CALLS: Readonly<Record<string, CallMethod>> = {
  socket,
  bind,
  listen,
  accept,
  accept4: accept,
  connect,
  shutdown,
  close,
};
