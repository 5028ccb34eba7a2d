/**
 * What a virtual host offers of TCP Fast Open (RFC 7413): the parts of its interface (api.ts) that are for that alone.
 *
 * Owns: interfaces only. Must not know: how a cookie is made or kept.
 */

import type { TcpConfig } from "../tcp/config.ts";

/** What a listener wants of Fast Open; it does none unless it is asked to. */
export interface FastOpenListenOptions {
  /**
   * Bound on connections in SYN_RCVD that came with a valid cookie (RFC 7413 §5.1, PendingFastOpenRequests); 0 or absent: no
   * Fast Open. `accept` is called at the SYN; what came with it can be read, and answered, before the handshake is over.
   * Such text may come twice (§6.1): for an application that minds, this stays off.
   */
  readonly fastOpen?: number;
  /**
   * Text of a SYN is taken without a cookie too. Anybody can then have work done in the name of another (RFC 7413 §5): for
   * networks without strangers.
   */
  readonly fastOpenWithoutCookie?: boolean;
  /** Keys of this listener's own, as {@link FastOpenHostOptions.fastOpenKeys}. */
  readonly fastOpenKeys?: readonly Uint8Array[];
}

/** What a listener shows of Fast Open, and lets change. */
export interface FastOpenListener {
  /** Changes what {@link FastOpenListenOptions} has set, for SYNs that are still to come; what is left out stays. Throws RangeError. */
  setFastOpen(changes: FastOpenListenOptions): void;
}

/** What is sent with a SYN, or before the server has answered. */
export interface FastOpenRequest {
  /**
   * Goes out in the SYN, as much as fits, if there is a cookie for the server; else the SYN asks for one, and the data follows
   * after the handshake. May be empty. What the send buffer does not take is left out: `unackedBytes` tells how much was taken.
   * Data in a SYN may reach the server's application twice (RFC 7413 §6.1).
   */
  readonly data: Uint8Array;
  /** The data goes out without cookie and option, whether there is a cookie or not. */
  readonly withoutCookie?: boolean;
}

/** What an active open wants of Fast Open. */
export interface FastOpenConnectOptions {
  /** Absent: an ordinary SYN. */
  readonly fastOpen?: FastOpenRequest;
}

/** Whom a client would connect to. */
export interface FastOpenPath {
  /** Its address, 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Its port. */
  readonly port: number;
  /** The host's choice when absent. */
  readonly localAddress?: Uint8Array;
  /** As {@link FastOpenRequest.withoutCookie}. */
  readonly withoutCookie?: boolean;
  /** As in `connect`: settings that the connection would have of its own. */
  readonly tcp?: Partial<TcpConfig>;
}

/** A cookie that a server has given us, and the MSS that came with it. */
export interface FastOpenCookie {
  /** Ours; a server may hash it as well (RFC 7413 §4.1.3). */
  readonly localAddress: Uint8Array;
  /** The server's. */
  readonly address: Uint8Array;
  /** 4 to 16 octets. */
  readonly cookie: Uint8Array;
  /** Whether it came, and goes back, in the option of the drafts (kind 254). */
  readonly isExperimental: boolean;
  /** RFC 7413 §4.1.3: of its SYN-ACK. */
  readonly mss: number;
}

/** A cookie to keep; the local address is the one that the host would choose where it is absent. */
export interface GivenFastOpenCookie extends Omit<FastOpenCookie, "localAddress"> {
  /** Ours; the host's choice when absent. */
  readonly localAddress?: Uint8Array;
}

/** What a connection shows of Fast Open. */
export interface FastOpenConnection {
  /** It came with a valid cookie: its user may read and write before it is established. */
  readonly isFastOpen: boolean;
  /** Octets of the SYN's text, ours or the peer's, that its receiver has taken; 0 without any. */
  readonly synTextTaken: number;
  /** How much of it its receiver did not take, so far. */
  readonly synTextLeft: number;
}

/** A host's calls for Fast Open. */
export interface FastOpenHost {
  /** How many octets a SYN to there would carry now, 0 and more; -1: it would ask for a cookie, or do no Fast Open at all. */
  fastOpenRoom(path: FastOpenPath): number;
  /** The cookies that are kept, oldest first. */
  fastOpenCookies(): FastOpenCookie[];
  /**
   * Keeps a cookie that was got in another way. Throws RangeError when its length is none that a cookie may have, and what
   * `connect` throws where there is no way to the server.
   */
  keepFastOpenCookie(cookie: GivenFastOpenCookie): void;
  /** Forgets all cookies, and what is known of paths that do not carry Fast Open. */
  forgetFastOpen(): void;
}

/** What a host is given for Fast Open. */
export interface FastOpenHostOptions {
  /**
   * 16 octets each: the first makes cookies, and those of all are accepted; who comes with one of an older key gets a new one
   * (RFC 7413 §4.1.2). Absent: one that hangs on the host's secret.
   */
  readonly fastOpenKeys?: readonly Uint8Array[];
}
