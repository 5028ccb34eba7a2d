/**
 * What any one segment must lead to in any state: RFC 9293 §3.10.7 with RFC 5961, as a function of numbers alone.
 *
 * Owns: the expected outcome. Must not know: the code under test. Where the RFC leaves a choice, the outcome has more
 * than one allowed reply, and says why.
 */
import type { TcpState } from "../../src/tcp/state.ts";

/** A segment, its numbers relative; what is not its business (window, options) is left out. */
interface Arrival {
  readonly syn: boolean;
  readonly ack: boolean;
  readonly rst: boolean;
  readonly fin: boolean;
  readonly seq: number;
  readonly ackNumber: number;
  readonly text: number;
}

/** The variables of the connection that decide (RFC 9293 §3.3.1). */
export interface Situation {
  readonly state: TcpState;
  readonly passive: boolean;
  readonly sndUna: number;
  readonly sndNxt: number;
  /** The largest window that the peer has offered. */
  readonly maxSndWnd: number;
  readonly rcvNxt: number;
  readonly rcvWnd: number;
  readonly irs: number;
  /** The switches of the three points on which stacks differ. */
  readonly duplicateSyn: "repeat-syn-ack" | "rfc9293";
  readonly timeWaitRst: "close" | "ignore";
  readonly finWithoutAck: "ack" | "drop";
}

/** One reply, with the numbers that it must have. */
export interface Reply {
  readonly flags: "ACK" | "RST" | "RST ACK" | "SYN ACK";
  /** Null where the number is not known beforehand (a new ISS). */
  readonly seq: number | null;
  readonly ack: number;
}

export interface Outcome {
  /** Allowed replies; null stands for silence. */
  readonly replies: readonly (Reply | null)[];
  readonly next: TcpState;
  /** Bytes that reach the application; null where they may come now or when they are sent again. */
  readonly delivered: number | null;
  readonly why: string;
}

export function expectedOutcome(segment: Arrival, now: Situation): Outcome {
  switch (now.state) {
    case "CLOSED":
      return inClosed(segment);
    case "LISTEN":
      return inListen(segment);
    case "SYN_SENT":
      return inSynSent(segment, now);
    default:
      return inOthers(segment, now);
  }
}

function lengthOf(segment: Arrival): number {
  return segment.text + (segment.syn ? 1 : 0) + (segment.fin ? 1 : 0);
}

/** §3.10.7.1 */
function inClosed(segment: Arrival): Outcome {
  const stays = { next: "CLOSED", delivered: 0 } as const;
  if (segment.rst) return { ...stays, replies: [null], why: "RST is discarded" };
  if (segment.ack) return { ...stays, replies: [resetAt(segment)], why: "RST at SEG.ACK" };
  const reset: Reply = { flags: "RST ACK", seq: 0, ack: segment.seq + lengthOf(segment) };
  return { ...stays, replies: [reset], why: "RST, ACK" };
}

/** §3.10.7.2 */
function inListen(segment: Arrival): Outcome {
  const stays = { next: "LISTEN", delivered: 0 } as const;
  if (segment.rst) return { ...stays, replies: [null], why: "first: RST is ignored" };
  if (segment.ack) return { ...stays, replies: [resetAt(segment)], why: "second: an ACK is bad" };
  if (segment.syn) {
    const synAck: Reply = { flags: "SYN ACK", seq: null, ack: segment.seq + 1 };
    return { replies: [synAck], next: "SYN_RCVD", delivered: 0, why: "third: SYN" };
  }
  return { ...stays, replies: [null], why: "fourth: dropped" };
}

/** §3.10.7.3 */
function inSynSent(segment: Arrival, now: Situation): Outcome {
  const stays = { next: "SYN_SENT", delivered: 0 } as const;
  if (segment.ack && (segment.ackNumber <= 0 || segment.ackNumber > now.sndNxt)) {
    if (segment.rst) return { ...stays, replies: [null], why: "first: RST with a bad ACK" };
    return { ...stays, replies: [resetAt(segment)], why: "first: a bad ACK" };
  }
  if (segment.rst) {
    const next = segment.ack ? "CLOSED" : "SYN_SENT";
    return { replies: [null], next, delivered: 0, why: "second: RST" };
  }
  if (!segment.syn) return { ...stays, replies: [null], why: "fifth: neither SYN nor RST" };
  if (!segment.ack) {
    const synAck: Reply = { flags: "SYN ACK", seq: 0, ack: segment.seq + 1 };
    return { replies: [synAck], next: "SYN_RCVD", delivered: 0, why: "fourth: SYN without ACK" };
  }
  const end = segment.seq + 1 + segment.text + (segment.fin ? 1 : 0);
  const ack: Reply = { flags: "ACK", seq: now.sndNxt, ack: end };
  const next = segment.fin ? "CLOSE_WAIT" : "ESTABLISHED";
  return { replies: [ack], next, delivered: segment.text, why: "fourth: SYN, ACK" };
}

/** §3.10.7.4 */
function inOthers(segment: Arrival, now: Situation): Outcome {
  const { state, rcvNxt } = now;
  const stays = { next: state, delivered: 0 } as const;
  const ack: Reply = { flags: "ACK", seq: now.sndNxt, ack: rcvNxt };

  // A SYN, and nothing but that, in TIME_WAIT that is beyond all that was received may open anew (§3.6.1, MAY-2): we do.
  const isBareSyn = segment.syn && !segment.ack && !segment.rst && !segment.fin;
  if (state === "TIME_WAIT" && isBareSyn && segment.seq >= rcvNxt) {
    const synAck: Reply = { flags: "SYN ACK", seq: null, ack: segment.seq + 1 };
    return { replies: [synAck], next: "SYN_RCVD", delivered: 0, why: "MAY-2: a new connection" };
  }
  // RFC 1337 fix 1, by switch.
  if (state === "TIME_WAIT" && segment.rst && now.timeWaitRst === "ignore") {
    return { ...stays, replies: [null], why: "RFC 1337: RST is ignored" };
  }

  if (state === "SYN_RCVD" && segment.syn && !segment.rst && segment.seq === now.irs) {
    const duplicate = inDuplicateSyn(segment, now);
    if (duplicate !== null) return duplicate;
  }

  // First
  const isValidReset = segment.rst && segment.seq === rcvNxt; // Counts at zero window, too (MUST-66).
  if (!isValidReset && !isAcceptable(segment, now)) {
    if (segment.rst) return { ...stays, replies: [null], why: "first: RST outside the window" };
    if (segment.fin && !segment.ack && !segment.syn && now.finWithoutAck === "drop") {
      // No RFC says whether the switch means a FIN at a window that is shut, too.
      const replies = now.rcvWnd === 0 ? [null, ack] : [null];
      return { ...stays, replies, why: "first: FIN without ACK outside the window, by switch" };
    }
    return outsideTheWindow(segment, now);
  }

  // Second
  if (segment.rst) {
    if (segment.seq < rcvNxt) return { ...stays, replies: [null], why: "second: RST outside the window" };
    if (segment.seq !== rcvNxt) return { ...stays, replies: [ack], why: "second: RST not at RCV.NXT" };
    const next = state === "SYN_RCVD" && now.passive ? "LISTEN" : "CLOSED";
    return { replies: [null], next, delivered: 0, why: "second: RST at RCV.NXT" };
  }

  // Fourth
  if (segment.syn) {
    if (state === "SYN_RCVD" && now.passive) {
      return { replies: [null], next: "LISTEN", delivered: 0, why: "fourth: SYN, opened passively" };
    }
    return { ...stays, replies: [ack], why: "fourth: challenge ACK" };
  }

  // Fifth
  if (!segment.ack) return { ...stays, replies: [null], why: "fifth: no ACK" };
  if (state === "SYN_RCVD") {
    if (segment.ackNumber <= now.sndUna || segment.ackNumber > now.sndNxt) {
      return { ...stays, replies: [resetAt(segment)], why: "fifth: SYN_RCVD, a bad ACK" };
    }
    return textAndFin(segment, { ...now, state: "ESTABLISHED" });
  }
  if (segment.ackNumber > now.sndNxt) {
    return { ...stays, replies: [ack], why: "fifth: ACK of what was never sent" };
  }
  if (segment.ackNumber < now.sndUna - now.maxSndWnd) {
    return { ...stays, replies: [ack], why: "fifth: RFC 5961 §5.2, too old an ACK" };
  }
  // In the matrix SND.NXT - 1 is our FIN, where there is one.
  const isFinAcknowledged = segment.ackNumber === now.sndNxt;
  switch (state) {
    case "FIN_WAIT_1":
      return textAndFin(segment, { ...now, state: isFinAcknowledged ? "FIN_WAIT_2" : "FIN_WAIT_1" });
    case "CLOSING":
      if (!isFinAcknowledged) return { ...stays, replies: [null], why: "fifth: CLOSING, ignored" };
      return textAndFin(segment, { ...now, state: "TIME_WAIT" });
    case "LAST_ACK":
      if (isFinAcknowledged) {
        return { replies: [null], next: "CLOSED", delivered: 0, why: "fifth: our FIN is acknowledged" };
      }
      return textAndFin(segment, now);
    default:
      return textAndFin(segment, now);
  }
}

/**
 * The first step's answer; and of what ends at RCV.NXT, text or FIN once more, the ACK field counts: where our FIN is
 * acknowledged by it, it is (a deviation of ours, as Linux).
 */
function outsideTheWindow(segment: Arrival, now: Situation): Outcome {
  const { state, rcvNxt } = now;
  const ack: Reply = { flags: "ACK", seq: now.sndNxt, ack: rcvNxt };
  const length = segment.text + (segment.fin ? 1 : 0);
  const counts = segment.ack && !segment.syn && length > 0 && segment.seq + length === rcvNxt;
  if (counts && segment.ackNumber === now.sndNxt) {
    const why = "first: here already, and our FIN is acknowledged";
    if (state === "LAST_ACK") return { replies: [null], next: "CLOSED", delivered: 0, why };
    if (state === "FIN_WAIT_1") return { replies: [ack], next: "FIN_WAIT_2", delivered: 0, why };
    if (state === "CLOSING") return { replies: [ack], next: "TIME_WAIT", delivered: 0, why };
  }
  return { replies: [ack], next: state, delivered: 0, why: "first: outside the window" };
}

/** What of a segment lies inside the window: "the idealized segment" of the first step. */
function trimmed(segment: Arrival, { rcvNxt, rcvWnd }: Situation): Arrival {
  const old = Math.max(0, rcvNxt - segment.seq);
  const seq = segment.seq + old;
  const end = rcvNxt + rcvWnd;
  const text = Math.min(Math.max(0, segment.text - old), Math.max(0, end - seq));
  return { ...segment, seq, text, fin: segment.fin && segment.seq + segment.text < end };
}

/** Steps seven and eight, in the state that the ACK has led to. */
function textAndFin(whole: Arrival, now: Situation): Outcome {
  const segment = trimmed(whole, now);
  const { state, rcvNxt } = now;
  const ack: Reply = { flags: "ACK", seq: now.sndNxt, ack: rcvNxt };
  const isInOrder = segment.seq === rcvNxt;
  const isReceiving = state === "ESTABLISHED" || state === "FIN_WAIT_1" || state === "FIN_WAIT_2";
  const isEmpty = segment.text === 0 && !segment.fin;
  if (!isReceiving) {
    // The peer has sent its FIN: text and FIN beyond it cannot be. They are ignored; MAY-13 and "acknowledge it"
    // (TIME_WAIT, fifth; FIN, eighth) let an ACK of what was received go out, and no other.
    const mayAnswer = whole.seq !== rcvNxt || segment.fin || state === "TIME_WAIT";
    return {
      replies: isEmpty && whole.seq === rcvNxt ? [null] : mayAnswer ? [null, ack] : [null],
      next: state,
      delivered: 0,
      why: "seventh: nothing can come after the peer's FIN",
    };
  }
  if (isEmpty) {
    const replies = isInOrder ? [null] : [null, ack];
    return { replies, next: state, delivered: 0, why: "an ACK and no more (MAY-13 beyond the left edge)" };
  }
  if (!isInOrder) {
    return { replies: [ack], next: state, delivered: 0, why: "seventh: kept, duplicate ACK" };
  }
  const answer = { ...ack, ack: rcvNxt + segment.text + (segment.fin ? 1 : 0) };
  const next = !segment.fin
    ? state
    : state === "ESTABLISHED"
    ? "CLOSE_WAIT"
    : state === "FIN_WAIT_1"
    ? "CLOSING"
    : "TIME_WAIT";
  return {
    replies: [answer],
    next,
    delivered: segment.text,
    why: segment.fin ? "eighth: FIN" : "seventh: text",
  };
}

/** The same SYN again in SYN_RCVD, where the switch decides; null where it is like any other segment. */
function inDuplicateSyn(segment: Arrival, now: Situation): Outcome | null {
  const ack: Reply = { flags: "ACK", seq: now.sndNxt, ack: now.rcvNxt };
  if (segment.ack) {
    // The crossed SYN, ACK of a simultaneous open (§3.5, figure 7); the SYN is trimmed off as old (first).
    if (now.passive || segment.ackNumber !== now.sndNxt) return null;
    const withText = { ...ack, ack: now.rcvNxt + segment.text };
    return { replies: [null, ack, withText], next: "ESTABLISHED", delivered: null, why: "simultaneous open" };
  }
  if (now.duplicateSyn === "rfc9293") return null;
  const synAck: Reply = { flags: "SYN ACK", seq: 0, ack: now.rcvNxt };
  return { replies: [synAck], next: now.state, delivered: 0, why: "the same SYN again, by switch" };
}

/** The four cases of §3.4. */
function isAcceptable(segment: Arrival, { rcvNxt, rcvWnd }: Situation): boolean {
  if (rcvWnd === 0) return lengthOf(segment) === 0 && segment.seq === rcvNxt;
  const isInWindow = (number: number) => number >= rcvNxt && number < rcvNxt + rcvWnd;
  const length = lengthOf(segment);
  return isInWindow(segment.seq) || (length > 0 && isInWindow(segment.seq + length - 1));
}

function resetAt(segment: Arrival): Reply {
  return { flags: "RST", seq: segment.ackNumber, ack: 0 };
}
