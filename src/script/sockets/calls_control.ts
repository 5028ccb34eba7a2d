/**
 * Calls that set and ask: setsockopt, getsockopt, fcntl, ioctl.
 *
 * Owns: which table an option is in, and the commands of fcntl and ioctl. Must not know: what an option does.
 */
import { UnsupportedConstruct } from "../kernel.ts";
import { meantText } from "../misspelt.ts";
import { type CallArguments, isNull } from "./call_arguments.ts";
import { FAST_OPEN_OPTIONS } from "./fast_open_options.ts";
import { IP_LEVEL_OPTIONS } from "./ip_level_options.ts";
import type { SocketOption } from "./option_value.ts";
import { type CallMethod, failed, succeeded } from "./process.ts";
import { SOCKET_LEVEL_OPTIONS } from "./socket_level_options.ts";
import { TCP_LEVEL_OPTIONS } from "./tcp_level_options.ts";
import { TcpSocket } from "./tcp_socket.ts";

const TCP_OPTIONS: Readonly<Record<string, SocketOption>> = { ...TCP_LEVEL_OPTIONS, ...FAST_OPEN_OPTIONS };

const LEVELS: Readonly<Record<string, Readonly<Record<string, SocketOption>>>> = {
  SOL_SOCKET: SOCKET_LEVEL_OPTIONS,
  SOL_TCP: TCP_OPTIONS,
  IPPROTO_TCP: TCP_OPTIONS,
  SOL_IP: IP_LEVEL_OPTIONS,
  IPPROTO_IP: IP_LEVEL_OPTIONS,
  SOL_IPV6: IP_LEVEL_OPTIONS,
  IPPROTO_IPV6: IP_LEVEL_OPTIONS,
};

/** Options of FreeBSD's stack of the name "rack": its default one, whose name ours goes by, has none of them (ENOPROTOOPT). */
const OTHER_STACK = "TCP_RACK_";
const REFUSED: SocketOption = {};

/** The option that the second and third arguments name. */
function optionOf(args: CallArguments): SocketOption {
  const level = args.word(1);
  const name = args.word(2);
  const table = Object.hasOwn(LEVELS, level) ? LEVELS[level] : undefined;
  if (table === TCP_OPTIONS && name.startsWith(OTHER_STACK)) return REFUSED;
  if (table === undefined || !Object.hasOwn(table, name)) {
    const meant = table === undefined
      ? meantText(level, Object.keys(LEVELS))
      : meantText(name, Object.keys(table));
    throw new UnsupportedConstruct(`${args.call.name}(${level}, ${name})${meant}`);
  }
  return table[name];
}

/** setsockopt(fd, level, name, value, length). */
const setsockopt: CallMethod = (process, args) => {
  args.demand(5);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  const { set } = optionOf(args);
  const value = args.at(3);
  if (set === undefined) return failed("ENOPROTOOPT");
  if (value.kind === "word" && isNull(value)) return failed("EFAULT");
  return set({ process, socket, args, value });
};

/** getsockopt(fd, level, name, value, length): the value as it comes back. */
const getsockopt: CallMethod = (process, args) => {
  args.demand(5);
  const { socket, error } = process.socketOf(args);
  if (socket === null) return error;
  const { get } = optionOf(args);
  const value = args.at(3);
  if (get === undefined) return failed("ENOPROTOOPT");
  if (value.kind === "word" && isNull(value)) return failed("EFAULT");
  return get({ process, socket, args, value });
};

const FCNTL_COMMANDS = ["F_GETFL", "F_SETFL", "F_GETFD", "F_SETFD"];

/** fcntl(fd, F_GETFL), fcntl(fd, F_SETFL, flags). */
const fcntl: CallMethod = (process, args) => {
  args.demand(2, 3);
  const descriptor = process.find(args.number(0));
  if (descriptor === null) return failed("EBADF");
  switch (args.word(1)) {
    case "F_GETFL":
      return succeeded(
        args.constant("O_RDWR") | (descriptor.isNonBlocking ? args.constant("O_NONBLOCK") : 0),
      );
    case "F_SETFL":
      descriptor.isNonBlocking = (args.number(2) & args.constant("O_NONBLOCK")) !== 0;
      return succeeded(0);
    case "F_GETFD":
    case "F_SETFD":
      // Nobody calls exec here.
      return succeeded(0);
    default:
      throw new UnsupportedConstruct(`fcntl(${args.word(1)})${meantText(args.word(1), FCNTL_COMMANDS)}`);
  }
};

const IOCTL_COMMANDS = [
  "FIONBIO",
  "FIONREAD",
  "SIOCINQ",
  "TIOCINQ",
  "SIOCOUTQ",
  "TIOCOUTQ",
  "FIONWRITE",
  "SIOCOUTQNSD",
  "FIONSPACE",
];

/** ioctl(fd, command, [value]): the value as it comes back. */
const ioctl: CallMethod = (process, args) => {
  args.demand(3);
  const descriptor = process.find(args.number(0));
  if (descriptor === null) return failed("EBADF");
  const command = args.word(1);
  if (command === "FIONBIO") {
    descriptor.isNonBlocking = (args.boxed(2) ?? 0) !== 0;
    return succeeded(0);
  }
  if (!(descriptor instanceof TcpSocket)) return failed("ENOTTY");
  if (descriptor.phase === "listening") return failed("EINVAL");
  const value = queueLength(descriptor, command);
  if (value === null) {
    throw new UnsupportedConstruct(`ioctl(${command})${meantText(command, IOCTL_COMMANDS)}`);
  }
  return succeeded(0, args.compare(args.at(2), value));
};

/** What one of the commands about queues tells; null for another command. */
function queueLength(socket: TcpSocket, command: string): number | null {
  const { connection } = socket;
  switch (command) {
    case "FIONREAD":
    case "SIOCINQ":
    case "TIOCINQ":
      return socket.readableBytes;
    case "SIOCOUTQ":
    case "TIOCOUTQ":
    case "FIONWRITE":
      return connection?.unackedBytes ?? 0;
    case "SIOCOUTQNSD":
      return connection?.info().unsent ?? 0;
    case "FIONSPACE":
      return connection?.writableBytes ?? 0;
    default:
      return null;
  }
}

/** By name. */
export const CONTROL_CALLS: Readonly<Record<string, CallMethod>> = { setsockopt, getsockopt, fcntl, ioctl };
