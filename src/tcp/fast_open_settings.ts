/**
 * FastOpenSettings: what can be set about TCP Fast Open (RFC 7413), with the defaults and their sources.
 *
 * Owns: names, units and defaults. Must not know: who does Fast Open at all; that is asked for by each listener and each
 * active open.
 */

/** Settings of Fast Open; sizes in octets, times in microseconds. A part of the machine's settings (config.ts). */
export interface FastOpenSettings {
  /**
   * The option in which our SYN asks for a cookie: RFC 7413's (kind 34), that of the drafts before it (kind 254 with a magic
   * number), or the second one, once, where the first got no cookie. A cookie goes back in the form in which it came, and a
   * server answers in the form in which it was asked.
   */
  fastOpenOption: "standard" | "experimental" | "standard-then-experimental";
  /** What the cookies that we make are a hash of: the client's address (RFC 7413 §4.1.2), or of ours behind it as well (Linux). */
  fastOpenCookieInput: "peer" | "both-ends";
  /** Length of the cookies that we make: 4 to 16, even (RFC 7413 §4.1.1). */
  fastOpenCookieBytes: number;
  /** What a SYN's text leaves of the server's MSS to options: those that the SYN has, or as many as there could be (40). */
  fastOpenOptionRoom: "sent" | "all";
  /** How much a server takes whose MSS is not known: the default of RFC 9293 (MUST-15; RFC 7413 §4.2.2), or as much as our device carries. */
  fastOpenUnknownMss: "default" | "link";
  /** After a negative response (RFC 7413 §4.1.3.1) for so long no Fast Open is tried on that path; 0: it is always tried. */
  fastOpenPauseUs: number;
  /** A connection that was reset before its handshake was over counts as pending for so long still (RFC 7413 §5.1). */
  fastOpenResetHoldUs: number;
}

/** Defaults; each with its source, or as a local choice with the reason. */
export const DEFAULT_FAST_OPEN_SETTINGS: Readonly<FastOpenSettings> = {
  fastOpenOption: "standard",
  fastOpenCookieInput: "peer",
  // Local choice, as Linux: what SipHash makes; of the numbers one in 2^64 is good.
  fastOpenCookieBytes: 8,
  fastOpenOptionRoom: "sent",
  fastOpenUnknownMss: "default",
  // Local choice, as FreeBSD: long enough not to be felt, short enough for a server that was only busy.
  fastOpenPauseUs: 900_000_000,
  // Local choice, as Linux: about as long as a handshake that nobody finishes.
  fastOpenResetHoldUs: 60_000_000,
};
