/**
 * SocketSettings: what has been set on a socket, kept for when there is a connection or a listener that it counts for.
 *
 * Owns: the record, and what of it a new socket of a listener takes over. Must not know: names of options (options.ts).
 */
import type { TcpConfig } from "../../tcp/config.ts";
import type { SocketDefaults } from "../../tcp/profile.ts";

/** Flags of `SO_TIMESTAMPING` that say what is to be told; null: nothing. */
export interface StampingSettings {
  /** As the script gave them. */
  readonly flags: number;
  /** Position in what is written from which octets are counted (`SOF_TIMESTAMPING_OPT_ID`). */
  readonly baseBytes: number;
}

/** See the file's comment. Times in microseconds; sizes in bytes. */
export interface SocketSettings {
  /** What goes into the settings of the connection or the listener. */
  readonly tcp: Partial<TcpConfig>;
  /** As `SO_RCVBUF` and `SO_SNDBUF` were set, before any doubling; null: never. */
  receiveBufferBytes: number | null;
  sendBufferBytes: number | null;
  keepAlive: boolean;
  /** `SO_LINGER`: how long `close` waits; null: off. */
  lingerUs: number | null;
  receiveTimeoutUs: number;
  sendTimeoutUs: number;
  receiveLowBytes: number;
  /** `TCP_NOTSENT_LOWAT` as set; 0: the default. */
  notSentLowBytes: number;
  /** `TCP_CORK`, `TCP_NOPUSH`. */
  cork: boolean;
  zeroCopy: boolean;
  stamping: StampingSettings | null;
  tellsInQueue: boolean;
  ttl: number | null;
  tos: number;
  fastOpenConnect: boolean;
  fastOpenWithoutCookie: boolean;
  /** `TCP_FASTOPEN` of a listener, or of a BSD's client; null: never set. */
  fastOpen: number | null;
  fastOpenKeys: readonly Uint8Array[] | null;
  udpPort: number;
  /** Values that are kept and given back, and mean nothing to TCP here. */
  readonly kept: Map<string, number>;
}

/** Of a socket on which nothing has been set. */
export function freshSettings(): SocketSettings {
  return {
    tcp: {},
    receiveBufferBytes: null,
    sendBufferBytes: null,
    keepAlive: false,
    lingerUs: null,
    receiveTimeoutUs: 0,
    sendTimeoutUs: 0,
    receiveLowBytes: 1,
    notSentLowBytes: 0,
    cork: false,
    zeroCopy: false,
    stamping: null,
    tellsInQueue: false,
    ttl: null,
    tos: 0,
    fastOpenConnect: false,
    fastOpenWithoutCookie: false,
    fastOpen: null,
    fastOpenKeys: null,
    udpPort: 0,
    kept: new Map(),
  };
}

/** Of a socket that a listener makes. */
export function inheritedSettings(from: SocketSettings): SocketSettings {
  return { ...from, tcp: { ...from.tcp }, kept: new Map(from.kept), stamping: null };
}

/** From how many octets on that have not been sent a socket is not writable. */
export function notSentLimit(settings: SocketSettings, defaults: Readonly<SocketDefaults>): number {
  return settings.notSentLowBytes > 0 ? settings.notSentLowBytes : defaults.notSentLowBytes;
}
