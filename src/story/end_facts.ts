/**
 * What the segments of a connection show about one end: which were sent by it, which passed towards it, and which of these
 * it has shown to have received.
 *
 * Owns: these facts, each with the segment that shows it. Must not know: states (state_path.ts makes a path of facts).
 *
 * A capture shows what is sent, not what arrives. Beyond that this file relies on two things only: that what an end
 * receives has passed the capture before (but for what the capture itself missed), and that an end acknowledges nothing
 * that it has not received. The capture may be anywhere on the way: what an end sent may have been lost before it.
 */
import { FLAG } from "../wire/tcp.ts";
import type { Placement, ShadowEnd } from "./shadow_end.ts";
import type { StorySegment } from "./story_segment.ts";

/** Where something was seen. */
export interface Sighting {
  /** Number of the segment. */
  readonly number: number;
  readonly time: number;
}

/** What is known of one end. Null: not seen. */
export interface EndFacts {
  /** The first segment that it sent. */
  first: Sighting | null;
  /** Its SYN without ACK. */
  syn: Sighting | null;
  synAck: Sighting | null;
  /** The other's SYN passed towards it. */
  peerSyn: Sighting | null;
  /** One without ACK: both ends call. */
  peerBareSyn: Sighting | null;
  /** It acknowledged the other's SYN, or sent data, so that it must be beyond the handshake. */
  opened: Sighting | null;
  /** An acknowledgment of its SYN passed towards it. */
  openable: Sighting | null;
  /** Its FIN, where it lies, and what the first one seen acknowledges. */
  fin: (Sighting & { readonly at: number; readonly ack: number }) | null;
  /** An acknowledgment of its FIN passed towards it. */
  finAcked: Sighting | null;
  /** It showed that it has received one. */
  finAckedProof: Sighting | null;
  /** The other's FIN passed towards it. */
  peerFin: (Sighting & { readonly at: number }) | null;
  /**
   * The last time before it acknowledged it, or what the other sent after its FIN to fill a hole before it: a FIN counts when
   * all before it has arrived (RFC 9293 §3.10.7.4, eighth check).
   */
  peerFinAgain: Sighting | null;
  /** It acknowledged the other's FIN. */
  peerFinAcked: Sighting | null;
  /** At that time its own FIN had been seen, and no acknowledgment of it had passed towards it. */
  peerFinCameFirst: boolean;
  /** It acknowledged the other's FIN by a segment that shows that its own had not left. */
  closeWaitProof: Sighting | null;
  /** One past what segments towards it carried that did not acknowledge its FIN. */
  carriedUnacked: number;
  /** Its RST; `isRefusal`: in answer to a SYN, before anything else. */
  reset: OwnReset | null;
  /** A RST in its name after which it went on, and the segment that shows that. */
  forgedReset: { readonly reset: Sighting; readonly by: Sighting } | null;
  /** A RST passed towards it that it should take. */
  peerReset: (Sighting & { readonly at: number }) | null;
}

/** A RST, where it lies, and what it acknowledges; -1 where that is nothing. */
export interface OwnReset extends Sighting {
  readonly at: number;
  readonly ack: number;
  readonly isRefusal: boolean;
  readonly isSure: boolean;
  /** TTL or hop limit of its packet, where that was seen. */
  readonly ttl: number | null;
}

/** Nothing is known. */
export function newEndFacts(): EndFacts {
  return {
    first: null,
    syn: null,
    synAck: null,
    peerSyn: null,
    peerBareSyn: null,
    opened: null,
    openable: null,
    fin: null,
    finAcked: null,
    finAckedProof: null,
    peerFin: null,
    peerFinAgain: null,
    peerFinAcked: null,
    peerFinCameFirst: false,
    closeWaitProof: null,
    carriedUnacked: 0,
    reset: null,
    forgedReset: null,
    peerReset: null,
  };
}

/** A segment between two ends of which facts are kept; `from` and `to` are as they were before it. */
export interface Passage {
  readonly segment: StorySegment;
  readonly place: Placement;
  readonly from: { readonly facts: EndFacts; readonly shadow: ShadowEnd };
  readonly to: { readonly facts: EndFacts; readonly shadow: ShadowEnd };
  /** False where it cannot have been received: lost on purpose, or with a wrong sum. */
  readonly canArrive: boolean;
  /** It is a copy: its sender has sent it before, but it may be this one that arrives. */
  readonly isCopy: boolean;
}

/** Local choice: what an end still sends so long after a RST passed towards it shows that it did not take it. */
const RESET_DOUBT_SECONDS = 1;

/** Takes what a segment shows. Returns whether anything is new. */
export function noteFacts(passage: Passage): boolean {
  const isNew = !passage.isCopy && noteSent(passage);
  return passage.canArrive && notePassed(passage) || isNew;
}

/** What it shows about the end that sent it. */
function noteSent(passage: Passage): boolean {
  const { segment, from: { facts } } = passage;
  const { number, time, flags } = segment;
  const seen: Sighting = { number, time };
  let isNew = false;
  if (facts.first === null) {
    facts.first = seen;
    isNew = true;
  }
  if ((flags & FLAG.RST) !== 0) return noteReset(passage, seen) || isNew;
  if ((flags & FLAG.SYN) !== 0) return noteSyn(passage, seen) || isNew;
  if (facts.peerReset !== null && isUnimpressed(passage, facts.peerReset)) {
    facts.peerReset = null;
    isNew = true;
  }
  if (facts.reset !== null && goesOn(passage, facts.reset)) {
    facts.forgedReset ??= { reset: facts.reset, by: seen };
    facts.reset = null;
    isNew = true;
  }
  if (facts.opened === null && showsOpen(passage)) {
    facts.opened = seen;
    isNew = true;
  }
  const showsArrival = noteAcknowledged(passage, seen);
  const closes = noteFin(passage, seen);
  return showsArrival || closes || isNew;
}

/** Whether it shows that its sender has not taken a RST: it answers what came behind that, or speaks long after it. */
function isUnimpressed(
  { segment, place }: Passage,
  reset: { readonly at: number; readonly time: number },
): boolean {
  if (place.isStray) return false;
  return segment.time - reset.time > RESET_DOUBT_SECONDS ||
    (segment.flags & FLAG.ACK) !== 0 && place.ack > reset.at;
}

/**
 * Whether its sender has never sent the RST in its name: nothing new leaves behind a RST (RFC 9293 §3.10.5), and what it had
 * overtaken does not take long.
 */
function goesOn({ segment, place, from: { shadow } }: Passage, { at, time }: OwnReset): boolean {
  if (place.isStray || segment.checksum === "wrong") return false;
  const isNew = place.end > place.start && place.start >= Math.max(at, shadow.sentEnd);
  return isNew || segment.time - time > RESET_DOUBT_SECONDS;
}

function noteSyn({ segment: { flags }, from: { facts } }: Passage, seen: Sighting): boolean {
  if ((flags & FLAG.ACK) === 0) {
    if (facts.syn !== null) return false;
    facts.syn = seen;
  } else {
    if (facts.synAck !== null) {
      // It asks again: what would have opened it has not come.
      if (facts.openable === null || facts.opened !== null) return false;
      facts.openable = null;
      return true;
    }
    facts.synAck = seen;
  }
  return true;
}

/**
 * Whether its sender must be beyond the handshake. Who opened is in ESTABLISHED when it acknowledges the SYN, ACK; who was
 * called, or calls at the same time, may send a bare ACK of the SYN before that (RFC 9293 §3.10.7.4, first check): only what
 * acknowledges more, or carries data, shows it. Data that came with a SYN is acknowledged early (§3.4).
 */
function showsOpen({ segment, place, from, to }: Passage): boolean {
  if ((segment.flags & FLAG.ACK) === 0 || place.isStray) return false;
  if (place.start < 1 || place.ack < 1) return false;
  const isCaller = from.facts.syn !== null && to.facts.syn === null;
  // Of a way that was not captured its acknowledgments alone tell.
  if (isCaller && to.facts.first === null) return place.start <= from.shadow.sentEnd;
  if (isCaller) return to.facts.synAck !== null && place.ack <= to.shadow.sentEnd;
  if (from.facts.syn === null && from.facts.synAck === null) return to.facts.synAck !== null;
  if (to.shadow.synDataBytes > 0) return place.ack > 1 + to.shadow.synDataBytes;
  return place.ack > 1 && place.ack <= to.shadow.sentEnd || segment.length > 0;
}

/** It acknowledges what the other has sent: the other's FIN, or what came only with an acknowledgment of its own. */
function noteAcknowledged({ segment, place, from, to }: Passage, seen: Sighting): boolean {
  const { facts, shadow } = from;
  const { flags, length } = segment;
  if ((flags & FLAG.ACK) === 0 || place.isStray || place.ack > to.shadow.sentEnd) return false;
  let isNew = false;
  if (
    facts.fin !== null && facts.finAcked !== null && facts.finAckedProof === null &&
    place.ack > facts.carriedUnacked
  ) {
    facts.finAckedProof = seen;
    isNew = true;
  }
  const { finAt } = to.shadow;
  if (finAt === null || place.ack <= finAt) return isNew;
  if (facts.peerFinAcked === null) {
    facts.peerFinAcked = seen;
    facts.peerFinCameFirst = facts.fin !== null && facts.finAcked === null;
    isNew = true;
  }
  // The number of a bare ACK is SND.NXT: where that is one past an octet that was seen, the FIN has not left.
  const isBare = length === 0 && (flags & FLAG.FIN) === 0;
  if (isBare && facts.fin === null && facts.closeWaitProof === null && place.start === shadow.seen.end) {
    facts.closeWaitProof = seen;
    isNew = true;
  }
  return isNew;
}

function noteFin({ segment, place, from }: Passage, seen: Sighting): boolean {
  const { facts } = from;
  if ((segment.flags & FLAG.FIN) === 0 || facts.fin !== null || place.isStray) return false;
  const at = place.end - 1;
  facts.fin = { ...seen, at, ack: place.ack };
  return true;
}

/**
 * A synchronized end sends a RST when it gives the connection up, or has none any more: either way it is CLOSED. Before that
 * a RST may reject somebody else's ACK and change nothing (RFC 9293 §3.10.7.3, §3.5.2): then its number is that ACK's. Where
 * that ACK was one that the connection takes, there is none any more.
 */
function noteReset({ segment, place, from, to }: Passage, seen: Sighting): boolean {
  const { facts, shadow } = from;
  if (facts.reset !== null || place.isStray) return false;
  const hasAck = (segment.flags & FLAG.ACK) !== 0;
  const ttl = segment.ttl ?? null;
  if (facts.syn === null && facts.synAck === null && to.facts.syn !== null && facts.opened === null) {
    // The answer of an end that has no connection: RFC 9293 §3.10.7.1.
    if (!hasAck || place.ack < 1 || place.ack > to.shadow.sentEnd) return false;
    facts.reset = { ...seen, at: place.start, ack: place.ack, isRefusal: true, isSure: true, ttl };
    return true;
  }
  const isSynchronized = facts.opened !== null;
  if (!isSynchronized) {
    const isMidstream = !shadow.hasSyn && !to.shadow.hasSyn;
    const wasAnswered = (facts.openable !== null || isMidstream) && place.start >= 1 &&
      place.start === shadow.acked && place.start <= shadow.sentEnd;
    if (!hasAck && !wasAnswered) return false;
  }
  const isOwn = place.start >= Math.min(shadow.acked, shadow.sentEnd) - 1;
  if (!isOwn) return false;
  facts.reset = {
    ...seen,
    at: place.start,
    ack: hasAck ? place.ack : -1,
    isRefusal: false,
    isSure: isSynchronized,
    ttl,
  };
  return true;
}

/** What it shows about the end to which it goes, if it arrives. */
function notePassed(passage: Passage): boolean {
  const { segment, place, from, to } = passage;
  const { facts } = to;
  const { number, time, flags } = segment;
  const seen: Sighting = { number, time };
  if (place.isStray) return false;
  const hasAck = (flags & FLAG.ACK) !== 0;
  let isNew = false;
  if ((flags & FLAG.RST) !== 0) {
    if (facts.peerReset !== null || !isTakenReset(passage)) return false;
    facts.peerReset = { ...seen, at: place.start };
    return true;
  }
  if ((flags & FLAG.SYN) !== 0 && facts.peerSyn === null) {
    facts.peerSyn = seen;
    if (!hasAck) facts.peerBareSyn = seen;
    isNew = true;
  }
  const { fin } = facts;
  const acknowledgesFin = fin !== null && hasAck && place.ack > fin.at && place.ack <= fin.at + 1;
  if (!acknowledgesFin && place.end > facts.carriedUnacked) facts.carriedUnacked = place.end;
  if (acknowledgesFin && facts.finAcked === null) {
    facts.finAcked = seen;
    isNew = true;
  }
  const isSent = hasAck && place.ack >= 1 && place.ack <= to.shadow.sentEnd;
  // Of several SYN, ACKs the one that is answered is the likely one to have arrived.
  const isAskedAgain = (flags & FLAG.SYN) !== 0 && facts.opened === null && facts.openable !== null &&
    facts.syn !== null && facts.synAck === null;
  if ((facts.openable === null || isAskedAgain) && isSent && (facts.syn !== null || facts.synAck !== null)) {
    facts.openable = seen;
    isNew = true;
  }
  if ((flags & FLAG.FIN) !== 0 && from.facts.fin !== null && facts.peerFinAcked === null) {
    facts.peerFin ??= { ...seen, at: place.end - 1 };
    facts.peerFinAgain = seen;
    isNew = true;
  } else if (facts.peerFin !== null && facts.peerFinAcked === null && fillsHole(passage)) {
    facts.peerFinAgain = seen;
    isNew = true;
  }
  return isNew;
}

/** Whether a segment carries something that its receiver has not acknowledged. */
function fillsHole({ place, to }: Passage): boolean {
  return place.end > place.start && place.end > Math.max(0, to.shadow.lastAck);
}

/** Whether a RST is one that its receiver should take: at RCV.NXT (RFC 9293 §3.5.3), or acknowledging a SYN. */
function isTakenReset({ segment, place, from, to }: Passage): boolean {
  const isSynSent = to.facts.syn !== null && to.facts.synAck === null && to.facts.opened === null;
  if (isSynSent && from.facts.synAck === null) {
    return (segment.flags & FLAG.ACK) !== 0 && place.ack >= 1 && place.ack <= to.shadow.sentEnd;
  }
  const nextLeast = Math.max(0, to.shadow.lastAck);
  return place.start >= nextLeast && place.start <= Math.max(from.shadow.sentEnd, nextLeast);
}

/** A segment that was believed to have passed towards an end was lost: what rested on it alone is not known. */
export function forgetPassage(facts: EndFacts, number: number): void {
  if (facts.peerSyn?.number === number) facts.peerSyn = null;
  if (facts.peerBareSyn?.number === number) facts.peerBareSyn = null;
  if (facts.openable?.number === number) facts.openable = null;
  if (facts.finAcked?.number === number) facts.finAcked = null;
  if (facts.peerFin?.number === number) facts.peerFin = null;
  if (facts.peerFinAgain?.number === number) facts.peerFinAgain = null;
  if (facts.peerReset?.number === number) facts.peerReset = null;
}
