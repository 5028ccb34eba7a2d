/**
 * FastOpen: what a connection that does Fast Open (RFC 7413) has beside its TCB.
 *
 * Owns: that record, and which lengths a cookie may have (§4.1.1). Must not know: procedures.
 */

/** RFC 7413 §4.1.1: 4 to 16 octets, and an even number of them. */
export const COOKIE_BYTES = { LEAST: 4, MOST: 16 } as const;

/** Whether a cookie may be so long; an option of another length is ignored (RFC 7413 §4.1.1). */
export function isCookieLength(bytes: number): boolean {
  return bytes >= COOKIE_BYTES.LEAST && bytes <= COOKIE_BYTES.MOST && bytes % 2 === 0;
}

/** What a server's answer to our SYN has brought. */
export interface FastOpenAnswer {
  /** Null: none, or none of a good length. */
  readonly cookie: Uint8Array | null;
  readonly isExperimental: boolean;
  /** The server's MSS. */
  readonly mss: number;
}

/** One per connection that does Fast Open. */
export class FastOpen {
  /** What the option of our first SYN or SYN,ACK holds; empty: it asks for a cookie; null: it has no such option. */
  readonly cookie: Uint8Array | null;
  readonly isExperimental: boolean;
  /** The peer's SYN had a good cookie: its text is taken, and the application served before the handshake is over. */
  readonly isAccepted: boolean;
  /** Most octets of text that our SYN may have. */
  readonly mostTextBytes: number;
  /** The owner's own: counted among its listener's pending requests (RFC 7413 §5.1). */
  isPending = false;
  /** Text of the SYN, ours or the peer's, and how much of it its receiver took. */
  textBytes = 0;
  takenBytes = 0;
  /** A router has said that our SYN was too big with it: it was sent again for that. */
  isTooBig = false;
  /** Null while there is none, and on the server's side. */
  answer: FastOpenAnswer | null = null;

  constructor(
    about: {
      cookie: Uint8Array | null;
      isExperimental?: boolean;
      isAccepted?: boolean;
      mostTextBytes?: number;
    },
  ) {
    this.cookie = about.cookie;
    this.isExperimental = about.isExperimental ?? false;
    this.isAccepted = about.isAccepted ?? false;
    this.mostTextBytes = about.mostTextBytes ?? 0;
  }

  /** Our SYN asks for a cookie. */
  get isRequest(): boolean {
    return this.cookie !== null && this.cookie.length === 0;
  }
}
