/**
 * Options of the level of TCP.
 *
 * Owns: what they do and give back. Must not know: options of sockets and of IP; Fast Open's have a file of their own.
 */
import type { TcpConfig } from "../../tcp/config.ts";
import { UnsupportedConstruct } from "../kernel.ts";
import { unboxed } from "./call_arguments.ts";
import {
  boundedNumber,
  flag,
  missing,
  numberIn,
  type OptionPlace,
  type SocketOption,
  tellNumber,
  tellText,
} from "./option_value.ts";
import { failed, succeeded } from "./process.ts";

const SECOND_US = 1_000_000;
const MILLISECOND_US = 1000;
/** Bounds of TCP_MAXSEG on Linux; BSD's are wider at the lower end. */
const LEAST_MSS = 88;
const MOST_MSS = 0x7fff;
/** RFC 9293 §3.7.1: without a connection. */
const DEFAULT_MSS = { 4: 536, 16: 1220 } as const;
/** What timestamps take of each segment. */
const TIMESTAMP_BYTES = 12;
/** Most seconds that keep-alive takes on Linux (MAX_TCP_KEEPIDLE); BSD's bound is of the same order. */
const MOST_KEEP_ALIVE_S = 32_767;
/** What Linux gives up after by itself: TCP_SYN_RETRIES. */
const MOST_SYN_COUNT = 127;
const MOST_PORT = 0xffff;

/** The settings that hold for this socket now. */
function settingsOf({ process, socket }: OptionPlace): Readonly<TcpConfig> {
  if (socket.connection !== null) return socket.connection.config;
  return { ...process.ground.host.config, ...socket.settings.tcp };
}

const noDelay = flag({
  get: (place) => settingsOf(place).noDelay,
  set: ({ socket }, on) => {
    socket.heldMore = on ? null : socket.heldMore;
    // What a cork holds back leaves, and it stays on for what follows (Linux's TCP_NAGLE_PUSH).
    const { cork } = socket.settings;
    if (on && socket.connection?.config.cork === true) socket.connection.configure({ cork: false });
    socket.configure({ noDelay: on });
    if (on && cork) socket.connection?.configure({ cork });
  },
});

/** `TCP_CORK`, `TCP_NOPUSH`. */
const cork = flag({
  get: ({ socket }) => socket.settings.cork,
  set: ({ socket }, on) => {
    socket.settings.cork = on;
    socket.heldMore = null;
    socket.configure({ cork: on });
  },
});

const maxSegment: SocketOption = {
  set: (place) => {
    const { socket, args } = place;
    const value = numberIn(place);
    const least = args.system === "linux" ? LEAST_MSS : 1;
    if (value !== 0 && (value < least || value > MOST_MSS)) return failed("EINVAL");
    if (socket.phase !== "connected") {
      socket.configure({ mss: value });
    } else if (args.system === "bsd") {
      // It can only get smaller.
      if (value > segmentBytes(place)) return failed("EINVAL");
      socket.configure({ mss: value });
    } else {
      // Linux keeps it for a connection that does not come any more.
      socket.settings.tcp.mss = value;
    }
    return succeeded(0);
  },
  get: (place) => {
    const { socket } = place;
    const { connection } = socket;
    const set = socket.settings.tcp.mss ?? 0;
    if (connection === null || socket.phase !== "connected") {
      return tellNumber(
        place,
        set > 0 ? set : DEFAULT_MSS[place.process.ground.ends.localAddress.length === 4 ? 4 : 16],
      );
    }
    return tellNumber(place, segmentBytes(place));
  },
};

/** What a full segment carries: BSD counts options as text here. */
function segmentBytes({ socket, args }: OptionPlace): number {
  if (socket.connection === null) return 0;
  const { sendMss, timestamps } = socket.connection.info();
  return sendMss + (args.system === "bsd" && timestamps ? TIMESTAMP_BYTES : 0);
}

/** Seconds of one of the settings. */
function seconds(
  name: "keepAliveIdleUs" | "keepAliveIntervalUs" | "synR2Us",
): SocketOption {
  return boundedNumber({
    least: 1,
    most: MOST_KEEP_ALIVE_S,
    get: (place) => settingsOf(place)[name] / SECOND_US,
    set: ({ socket }, value) => {
      socket.configure({ [name]: value * SECOND_US });
      if (socket.keepsAlive && socket.connection?.ended === null) {
        socket.connection.setKeepAlive(true);
      }
    },
  });
}

const userTimeout = boundedNumber({
  least: 0,
  most: Infinity,
  get: ({ socket }) => socket.settings.kept.get("TCP_USER_TIMEOUT") ?? 0,
  set: ({ process, socket }, value) => {
    socket.settings.kept.set("TCP_USER_TIMEOUT", value);
    const { r2Us, orphanR2Us } = process.ground.host.config;
    const us = value * MILLISECOND_US;
    socket.configure(value === 0 ? { r2Us, orphanR2Us } : { r2Us: us, orphanR2Us: us });
  },
});

const notSentLow = boundedNumber({
  least: 0,
  most: 0xffff_ffff,
  get: ({ socket }) => socket.settings.notSentLowBytes,
  set: ({ socket }, value) => void (socket.settings.notSentLowBytes = value),
});

const linger2 = boundedNumber({
  least: -1,
  most: Infinity,
  get: (place) => settingsOf(place).finWait2Us / SECOND_US,
  set: ({ process, socket }, value) => {
    const { finWait2Us } = process.ground.host.config;
    socket.configure({ finWait2Us: value === 0 ? finWait2Us : Math.max(value, 0) * SECOND_US });
  },
});

const congestion: SocketOption = {
  set: (place) => {
    const inner = unboxed(place.value);
    if (inner.kind !== "string") throw place.args.unreadable(inner);
    const name = inner.value.replaceAll("\0", "").replace("newreno", "reno");
    if (name !== "cubic" && name !== "reno") return failed("ENOENT");
    if (place.socket.connection !== null && place.socket.connection.config.congestionControl !== name) {
      throw new UnsupportedConstruct("TCP_CONGESTION on a connection");
    }
    place.socket.configure({ congestionControl: name });
    return succeeded(0);
  },
  get: (place) => tellText(place, settingsOf(place).congestionControl),
};

/** `TCP_FUNCTION_BLK`: there is one stack, which goes by the name of FreeBSD's default one. */
const functionBlock: SocketOption = {
  set: ({ value, args }) => {
    const name = value.kind === "struct"
      ? value.fields.find((field) => field.name === "function_set_name")?.value
      : undefined;
    if (name?.kind !== "string") throw args.unreadable(value);
    if (name.value !== "freebsd") throw new UnsupportedConstruct(`TCP_FUNCTION_BLK ${name.value}`);
    return succeeded(0);
  },
};

/** `TCP_NOOPT`: a SYN without any option. */
const noOptions = flag({
  get: (place) => !settingsOf(place).mssOption,
  set: ({ process, socket }, on) => {
    const { mssOption, sack, timestamps, windowScaling } = process.ground.host.config;
    socket.configure(
      on
        ? { mssOption: false, sack: false, timestamps: false, windowScaling: false }
        : { mssOption, sack, timestamps, windowScaling },
    );
  },
});

/** `TCP_QUICKACK`: off, ACKs wait for text to go with, that of the handshake as well; on, as many as usual leave at once. */
const quickAck = flag({
  get: (place) => settingsOf(place).handshakeAck === "at-once",
  set: ({ process, socket }, on) => {
    const { quickAcks } = process.ground.host.config;
    socket.configure({ handshakeAck: on ? "at-once" : "delayed", quickAcks: on ? quickAcks : 0 });
  },
});

/** Port of the peer's UDP (FreeBSD): only before there is a connection, and only where the host does TCP in UDP. */
const udpPort: SocketOption = {
  set: (place) => {
    const { process, socket } = place;
    const value = numberIn(place);
    if (value < 0 || value > MOST_PORT || socket.phase !== "idle") return failed("EINVAL");
    if (value !== 0 && process.ground.host.config.udpPort === 0) return failed("EINVAL");
    socket.settings.udpPort = value;
    socket.configure({ peerUdpPort: value });
    return succeeded(0);
  },
  get: (place) =>
    tellNumber(place, place.socket.connection?.config.peerUdpPort ?? place.socket.settings.udpPort),
};

/** By name. */
export const TCP_LEVEL_OPTIONS: Readonly<Record<string, SocketOption>> = {
  TCP_NODELAY: noDelay,
  TCP_CORK: cork,
  TCP_NOPUSH: cork,
  TCP_MAXSEG: maxSegment,
  TCP_USER_TIMEOUT: userTimeout,
  TCP_NOTSENT_LOWAT: notSentLow,
  TCP_KEEPIDLE: seconds("keepAliveIdleUs"),
  TCP_KEEPINTVL: seconds("keepAliveIntervalUs"),
  TCP_KEEPINIT: seconds("synR2Us"),
  TCP_KEEPCNT: boundedNumber({
    least: 1,
    most: MOST_SYN_COUNT,
    get: (place) => settingsOf(place).keepAliveProbes,
    set: ({ socket }, value) => socket.configure({ keepAliveProbes: value }),
  }),
  TCP_SYNCNT: boundedNumber({
    least: 1,
    most: MOST_SYN_COUNT,
    get: (place) => settingsOf(place).synRetransmissions,
    set: ({ socket }, value) => socket.configure({ synRetransmissions: value }),
  }),
  TCP_LINGER2: linger2,
  TCP_QUICKACK: quickAck,
  TCP_CONGESTION: congestion,
  TCP_INQ: flag({
    get: ({ socket }) => socket.settings.tellsInQueue,
    set: ({ socket }, on) => void (socket.settings.tellsInQueue = on),
  }),
  TCP_FUNCTION_BLK: functionBlock,
  TCP_NOOPT: noOptions,
  TCP_REMOTE_UDP_ENCAPS_PORT: udpPort,
  TCP_MD5SIG: missing("TCP_MD5SIG"),
  TCP_INFO: missing("getsockopt(TCP_INFO)"),
};
