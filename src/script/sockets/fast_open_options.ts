/**
 * Options of Fast Open (RFC 7413): Linux's of listeners and of those who connect, and BSD's one for both.
 *
 * Owns: what they do and give back. Must not know: other options.
 */
import { unboxed } from "./call_arguments.ts";
import { flag, numberIn, type SocketOption, tellNumber } from "./option_value.ts";
import { failed, succeeded } from "./process.ts";

const KEY_BYTES = 16;

const fastOpen: SocketOption = {
  set: (place) => {
    const { socket, process } = place;
    const value = numberIn(place);
    if (value < 0) return failed("EINVAL");
    const { system, fastOpenClient, fastOpenServer } = process.ground.socketDefaults;
    const isListening = socket.phase === "listening";
    if (system === "linux" && socket.phase !== "idle" && !isListening) return failed("EINVAL");
    const isAllowed = isListening ? fastOpenServer : fastOpenServer || fastOpenClient;
    if (system === "bsd" && value > 0 && !isAllowed) return failed("EPERM");
    socket.settings.fastOpen = value;
    return succeeded(0);
  },
  get: (place) => tellNumber(place, place.socket.settings.fastOpen ?? 0),
};

const connect: SocketOption = {
  set: (place) => {
    const { socket, process } = place;
    const value = numberIn(place);
    if (value !== 0 && value !== 1) return failed("EINVAL");
    if (!process.ground.socketDefaults.fastOpenClient) return failed("EOPNOTSUPP");
    if (socket.phase !== "idle") return failed("EINVAL");
    socket.settings.fastOpenConnect = value === 1;
    return succeeded(0);
  },
  get: (place) => tellNumber(place, place.socket.settings.fastOpenConnect ? 1 : 0),
};

/** One key, or two: the first makes cookies, both are accepted. The fifth argument says how many octets count. */
const key: SocketOption = {
  set: ({ socket, args, value }) => {
    const inner = unboxed(value);
    if (inner.kind !== "string") throw args.unreadable(inner);
    const length = args.number(4);
    if (length !== KEY_BYTES && length !== 2 * KEY_BYTES) return failed("EINVAL");
    const octets = new Uint8Array(length);
    octets.set(Uint8Array.from(inner.value.slice(0, length), (character) => character.charCodeAt(0)));
    socket.settings.fastOpenKeys = length === KEY_BYTES
      ? [octets]
      : [octets.subarray(0, KEY_BYTES), octets.subarray(KEY_BYTES)];
    return succeeded(0);
  },
};

/** By name. */
export const FAST_OPEN_OPTIONS: Readonly<Record<string, SocketOption>> = {
  TCP_FASTOPEN: fastOpen,
  TCP_FASTOPEN_CONNECT: connect,
  TCP_FASTOPEN_KEY: key,
  TCP_FASTOPEN_NO_COOKIE: flag({
    get: ({ socket }) => socket.settings.fastOpenWithoutCookie,
    set: ({ socket }, on) => void (socket.settings.fastOpenWithoutCookie = on),
  }),
};
