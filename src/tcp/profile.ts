/**
 * Profile: the habits of a TCP implementation, where the RFCs leave freedom, as data.
 *
 * Owns: what a profile is made of. Must not know: any profile by its name (profiles.ts has them), or what a habit is for:
 * the machine and the host read their own settings and are never told where these come from.
 */
import type { TcpConfig } from "./config.ts";

/** Names that `--profile` takes. */
export type ProfileName = "rfc" | "linux" | "freebsd";

/** What the IP layer of such a host does by habit. */
export interface IpHabits {
  /** Time to live of what is sent (MUST-49). */
  readonly ttl: number;
  /**
   * IPv4's identification of segments, which all have DF (RFC 6864 §4.1 leaves it open then): counted for each connection; counted,
   * but 0 in a SYN,ACK, which Linux sends before there is a socket; or 0 in all.
   */
  readonly identification: "counted" | "counted-but-syn-ack" | "zero";
  /** The code of an echo reply: 0 (RFC 792), or that of the request. */
  readonly echoCode: "zero" | "as-asked";
  /** DF of an echo reply: that of the request, or none. */
  readonly echoDontFragment: "as-asked" | "never";
}

/** Whose error numbers, and whose answers to calls, programs find. */
export type SystemHabits = "linux" | "bsd";

/** What a program finds when it asks a socket that it has set nothing on. */
export interface SocketDefaults {
  /** Whose error numbers they are. */
  readonly system: SystemHabits;
  /** `SO_RCVBUF` and `SO_SNDBUF` before anything is set or agreed. */
  readonly receiveBufferBytes: number;
  /** The same of what is sent. */
  readonly sendBufferBytes: number;
  /** Largest value that these two take. */
  readonly mostBufferBytes: number;
  /** `SO_RCVBUF` and `SO_SNDBUF` are doubled when they are set (Linux's way to count its own overhead). */
  readonly doublesBuffers: boolean;
  /** Fast Open (RFC 7413) for active opens, and for listeners that ask for it. */
  readonly fastOpenClient: boolean;
  /** The same for listeners. */
  readonly fastOpenServer: boolean;
  /** Data in a SYN without a cookie: sent, taken. */
  readonly fastOpenClientWithoutCookie: boolean;
  /** The same of those that come. */
  readonly fastOpenServerWithoutCookie: boolean;
  /** Every listener does it, with a bound of its backlog. */
  readonly fastOpenEveryListener: boolean;
  /** Keys of cookies of 16 octets each in hexadecimal, the first makes them; empty: from the host's secret. */
  readonly fastOpenKeys: readonly string[];
  /** How long no Fast Open is tried after a black hole (RFC 7413 §4.1.3.1), seconds; 0: it is always tried. */
  readonly fastOpenBlackholeSeconds: number;
  /** `TCP_NOTSENT_LOWAT`; Infinity: no bound. */
  readonly notSentLowBytes: number;
  /** Peers are asked for life whatever `SO_KEEPALIVE` says, which is against MUST-25. */
  readonly keepsAllAlive: boolean;
}

/** A profile. What it does not name is as it is without one. */
export interface Profile {
  /** What it is called. */
  readonly name: ProfileName;
  /** Settings of TCP that differ from the defaults. */
  readonly tcp: Readonly<Partial<TcpConfig>>;
  /** What its packets look like. */
  readonly ip: Readonly<IpHabits>;
  /** What its sockets say of themselves. */
  readonly sockets: Readonly<SocketDefaults>;
}
