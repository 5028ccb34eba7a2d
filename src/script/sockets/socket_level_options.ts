/**
 * Options of the level SOL_SOCKET.
 *
 * Owns: what they do and give back. Must not know: options of TCP and IP.
 */
import type { Expression } from "../values.ts";
import { textOf, unboxed } from "./call_arguments.ts";
import { takeError } from "./calls_socket.ts";
import { errorName } from "./constants.ts";
import {
  flag,
  keptNumber,
  membersIn,
  missing,
  numberIn,
  type OptionPlace,
  type SocketOption,
  tellMembers,
  tellNumber,
} from "./option_value.ts";
import { failed, succeeded } from "./process.ts";
import { LEAST_SEND_MEMORY } from "./send_memory.ts";

const SECOND_US = 1_000_000;
/** Linux's SOCK_MIN_RCVBUF. */
const LEAST_RECEIVE_BYTES = 2304;
/** What SO_TYPE tells of a stream. */
const STREAM = 1;

/** `SO_RCVBUF`, `SO_SNDBUF`: the value bounds what the machine holds; Linux gives twice of it back, for its overhead. */
function bufferOption(direction: "receive" | "send"): SocketOption {
  const key = direction === "receive" ? "receiveBufferBytes" : "sendBufferBytes";
  return {
    set: (place) => {
      const { socketDefaults: defaults } = place.process.ground;
      const { socket } = place;
      const asked = numberIn(place);
      if (asked <= 0 && defaults.system === "bsd") return failed("EINVAL");
      if (asked > defaults.mostBufferBytes && defaults.system === "bsd") return failed("ENOBUFS");
      const bytes = asked < 0 ? defaults.mostBufferBytes : Math.min(asked, defaults.mostBufferBytes);
      const least = direction === "receive" ? LEAST_RECEIVE_BYTES : LEAST_SEND_MEMORY;
      const held = defaults.doublesBuffers ? Math.max(bytes, least / 2) : bytes;
      socket.settings[key] = held;
      if (direction === "receive") {
        // Who says how much wants neither more nor growth.
        socket.configure({ receiveBufferBytes: held, receiveBufferMostBytes: 0 });
      } else {
        socket.sendMemory?.fix(2 * held);
        // What is counted is more than octets: they always fit.
        if (!defaults.doublesBuffers) socket.configure({ sendBufferBytes: held });
      }
      return succeeded(0);
    },
    get: (place) => tellNumber(place, bufferNow(place, direction)),
  };
}

function bufferNow({ process, socket }: OptionPlace, direction: "receive" | "send"): number {
  const { socketDefaults: defaults } = process.ground;
  const key = direction === "receive" ? "receiveBufferBytes" : "sendBufferBytes";
  const set = socket.settings[key];
  if (direction === "send" && socket.sendMemory !== null) return socket.sendMemory.limit;
  if (defaults.doublesBuffers) return set === null ? defaults[key] : 2 * set;
  const { connection } = socket;
  // What the machine has made of it: whole segments, or more, where the profile grows it.
  if (connection !== null && direction === "receive") return connection.config.receiveBufferBytes;
  return set ?? defaults[key];
}

/** `SO_RCVTIMEO`, `SO_SNDTIMEO`: `{sec=1, usec=0}`. */
function timeLimit(key: "receiveTimeoutUs" | "sendTimeoutUs"): SocketOption {
  const names = ["tv_sec", "tv_usec"];
  return {
    set: (place) => {
      const [seconds, microseconds] = membersIn(place, names);
      if (microseconds < 0 || microseconds >= SECOND_US) return failed("EDOM");
      const { settings } = place.socket;
      settings[key] = seconds < 0 ? 0 : seconds * SECOND_US + microseconds;
      return succeeded(0);
    },
    get: (place) => {
      const us = place.socket.settings[key];
      return tellMembers(place, names, [Math.floor(us / SECOND_US), us % SECOND_US]);
    },
  };
}

const LINGER_NAMES = ["onoff", "linger"];

const linger: SocketOption = {
  set: (place) => {
    const [isOn, seconds] = membersIn(place, LINGER_NAMES);
    place.socket.settings.lingerUs = isOn === 0 ? null : seconds * SECOND_US;
    return succeeded(0);
  },
  get: (place) => {
    const { lingerUs } = place.socket.settings;
    return tellMembers(place, LINGER_NAMES, [lingerUs === null ? 0 : 1, (lingerUs ?? 0) / SECOND_US]);
  },
};

/** `SO_ERROR`: the error that waits, which is then forgotten. */
const pendingError: SocketOption = {
  get: (place) => {
    const { args, value, socket } = place;
    const name = takeError(socket);
    const actual = name === null ? 0 : args.constant(name);
    const mismatch = args.compare(value, actual);
    if (mismatch === null) return succeeded(0);
    return succeeded(0, { expected: expectedError(value, args), actual: `[${name ?? "0"}]` });
  },
};

/** An expected error by its name, where it is written as a number. */
function expectedError(value: Expression, args: OptionPlace["args"]): string {
  const inner = unboxed(value);
  const isNumber = inner.kind === "number" && inner.value > 0;
  return isNumber ? `[${errorName(args.system, inner.value)}]` : textOf(value);
}

const keepAlive = flag({
  get: ({ socket }) => socket.settings.keepAlive,
  set: ({ socket }, on) => {
    socket.settings.keepAlive = on;
    if (socket.connection?.ended === null) socket.connection.setKeepAlive(socket.keepsAlive);
  },
});

const receiveLow: SocketOption = {
  set: (place) => {
    const value = numberIn(place);
    // 0 is taken for 1, and what is negative for as much as can be.
    place.socket.settings.receiveLowBytes = value === 0 ? 1 : value < 0 ? 0x7fff_ffff : value;
    return succeeded(0);
  },
  get: (place) => tellNumber(place, place.socket.settings.receiveLowBytes),
};

/** `SO_TIMESTAMPING` with `SOF_TIMESTAMPING_OPT_ID`: octets are counted from those that are acknowledged now, as Linux does. */
const timestamping: SocketOption = {
  set: (place) => {
    const { socket } = place;
    const flags = numberIn(place);
    const unacked = socket.connection?.unackedBytes ?? 0;
    const baseBytes = socket.writtenBytes - unacked;
    socket.settings.stamping = flags === 0 ? null : { flags, baseBytes };
    return succeeded(0);
  },
  get: (place) => tellNumber(place, place.socket.settings.stamping?.flags ?? 0),
};

/** By name. */
export const SOCKET_LEVEL_OPTIONS: Readonly<Record<string, SocketOption>> = {
  SO_RCVBUF: bufferOption("receive"),
  SO_SNDBUF: bufferOption("send"),
  SO_ERROR: pendingError,
  SO_LINGER: linger,
  SO_KEEPALIVE: keepAlive,
  SO_RCVTIMEO: timeLimit("receiveTimeoutUs"),
  SO_SNDTIMEO: timeLimit("sendTimeoutUs"),
  SO_RCVLOWAT: receiveLow,
  SO_ZEROCOPY: flag({
    get: ({ socket }) => socket.settings.zeroCopy,
    set: ({ socket }, on) => void (socket.settings.zeroCopy = on),
  }),
  SO_TIMESTAMPING: timestamping,
  SO_TYPE: { get: (place) => tellNumber(place, STREAM) },
  SO_ACCEPTCONN: { get: (place) => tellNumber(place, place.socket.phase === "listening" ? 1 : 0) },
  // Of no meaning to TCP, or to a host that has one process.
  SO_REUSEADDR: keptNumber("SO_REUSEADDR"),
  SO_REUSEPORT: keptNumber("SO_REUSEPORT"),
  SO_DEBUG: keptNumber("SO_DEBUG"),
  SO_PRIORITY: keptNumber("SO_PRIORITY"),
  SO_MARK: keptNumber("SO_MARK"),
  SO_DONTROUTE: keptNumber("SO_DONTROUTE"),
  SO_BROADCAST: keptNumber("SO_BROADCAST"),
  SO_MAX_PACING_RATE: missing("SO_MAX_PACING_RATE"),
  SO_OOBINLINE: missing("SO_OOBINLINE"),
};
