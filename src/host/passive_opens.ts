/**
 * Passive opens: what becomes of a segment that belongs to no connection, but to a listener.
 *
 * Owns: the verdict, with the bounds of the backlog and SYN cookies beyond it (RFC 4987 §3.6). Must not know: how a
 * verdict is performed (connection_requests.ts); nothing is changed and nothing is sent here.
 */
import { seqAdd } from "../tcp/sequence.ts";
import type { FourTuple } from "../tcp/initial_sequence.ts";
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import type { Listener } from "./listeners.ts";
import { COOKIE_LIFE_US, type SynCookies } from "./syn_cookies.ts";

const { SYN, ACK, RST } = FLAG;

/** What is to be done. */
export type PassiveVerdict =
  /** A connection begins: from a SYN, or from the ACK of a cookie with the MSS that it kept. */
  | { readonly kind: "accept"; readonly cookie: { readonly iss: number; readonly mss: number } | null }
  /** The SYN is answered from `iss`, and nothing is kept. */
  | { readonly kind: "cookie"; readonly iss: number }
  /** No answer: the client tries again, and may find room then. */
  | { readonly kind: "drop"; readonly reason: "backlog-full" | "accept-queue-full" | "too-many-connections" }
  /** Not for the listener: the machine's answer in LISTEN (RFC 9293 §3.10.7.2), RST where one is due. */
  | { readonly kind: "reset"; readonly reason: "not-a-request" | "bad-cookie" | "too-many-connections" };

/** What the verdict depends on besides the segment. */
export interface PassiveOpenSituation {
  readonly listener: Listener;
  readonly tuple: FourTuple;
  readonly nowUs: number;
  /** Whether the host may hold one more connection, if need be in place of another. */
  readonly hasRoom: boolean;
  /** Whether another one would have to go. */
  readonly isFull: boolean;
  /** What a SYN without MSS option means (RFC 9293 §3.7.1), by the version of IP. */
  readonly defaultMss: number;
  /** Null where cookies are switched off. */
  readonly cookies: SynCookies | null;
  /** Every SYN is answered with a cookie. */
  readonly onlyCookies: boolean;
}

const ACCEPT: PassiveVerdict = { kind: "accept", cookie: null };
const BACKLOG_FULL: PassiveVerdict = { kind: "drop", reason: "backlog-full" };
const ACCEPT_QUEUE_FULL: PassiveVerdict = { kind: "drop", reason: "accept-queue-full" };
const TOO_MANY: PassiveVerdict = { kind: "drop", reason: "too-many-connections" };
const NOT_A_REQUEST: PassiveVerdict = { kind: "reset", reason: "not-a-request" };
const BAD_COOKIE: PassiveVerdict = { kind: "reset", reason: "bad-cookie" };
const NO_ROOM_FOR_COOKIE: PassiveVerdict = { kind: "reset", reason: "too-many-connections" };

/** The verdict on a segment to a listener. */
export function passiveVerdict(segment: TcpSegment, situation: PassiveOpenSituation): PassiveVerdict {
  switch (segment.flags & (SYN | ACK | RST)) {
    case SYN:
      return synVerdict(segment, situation);
    case ACK:
      return ackVerdict(segment, situation);
    default:
      return NOT_A_REQUEST;
  }
}

function synVerdict(segment: TcpSegment, situation: PassiveOpenSituation): PassiveVerdict {
  const { listener, cookies } = situation;
  if (!situation.hasRoom) return TOO_MANY;
  // A cookie would only add to those who wait already.
  if (listener.isAcceptQueueFull) return ACCEPT_QUEUE_FULL;
  // Whoever can invent addresses must not end connections: where one would have to go, the client has to answer first.
  const hasPlace = !listener.isBacklogFull && !(situation.isFull && cookies !== null);
  if (hasPlace && !situation.onlyCookies) return ACCEPT;
  if (cookies === null) return BACKLOG_FULL;
  const mss = segment.mss > 0 ? segment.mss : situation.defaultMss;
  const iss = cookies.make(situation.tuple, { seq: segment.seq, mss }, situation.nowUs);
  return iss < 0 ? BACKLOG_FULL : { kind: "cookie", iss };
}

/** Any segment with the ACK may bring a cookie back, with text or FIN too: the bare ACK before it may be lost. */
function ackVerdict(segment: TcpSegment, situation: PassiveOpenSituation): PassiveVerdict {
  const { listener, cookies, nowUs } = situation;
  // Guesses count only while a cookie may be under way.
  if (cookies === null || nowUs - listener.cookieSentUs >= COOKIE_LIFE_US) return NOT_A_REQUEST;
  const iss = seqAdd(segment.ack, -1);
  const mss = cookies.check(situation.tuple, { seq: seqAdd(segment.seq, -1), cookie: iss }, nowUs);
  if (mss < 0) return BAD_COOKIE;
  if (!situation.hasRoom) return NO_ROOM_FOR_COOKIE;
  // The half-open ones do not count here: that there are too many of them is what cookies are for.
  if (listener.isAcceptQueueFull) return ACCEPT_QUEUE_FULL;
  return { kind: "accept", cookie: { iss, mss } };
}
