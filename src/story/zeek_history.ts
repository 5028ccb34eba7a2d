/**
 * A connection in the words of Zeek: its conn_state (`SF`, `S0`, `REJ`...) and its history in letters (`ShADadFf`).
 *
 * Owns: the rules by which these words are found, as Zeek's documentation of conn.log describes them and as its behaviour
 * shows: a coarse state of each end, letters that are recorded once, for each new number, or at 1, 10, 100... Must not
 * know: the states of RFC 9293, which say more and differ where Zeek's are coarse.
 *
 * Numbers are compared modulo 2^32, as there: this file speaks of what Zeek would say, not of what is right after 2 GiB.
 */
import { FLAG } from "../wire/tcp.ts";
import { ByteRanges } from "./byte_ranges.ts";
import type { StorySegment } from "./story_segment.ts";

const { SYN, FIN, RST, ACK } = FLAG;

type ZeekEndState =
  | "inactive"
  | "syn-sent"
  | "syn-ack-sent"
  | "partial"
  | "established"
  | "closed"
  | "reset";

/** Numbers of SYN and RST further away than this say nothing about what was sent. */
const TOO_FAR = 0x100000;

/** Local choice: each SYN, FIN and RST with another number than the last is a letter, and a flood of them would be a book. */
const MOST_LETTERS = 256;
/** No letter of Zeek's: there were more. */
const CUT_SIGN = "…";

interface ZeekEnd {
  isOriginator: boolean;
  state: ZeekEndState;
  previous: ZeekEndState;
  start: number;
  last: number;
  ack: number;
  lastSyn: number;
  lastFin: number;
  lastReset: number;
  finEnd: number | null;
  readonly once: Set<string>;
  /** How often, and when the next letter is due. */
  readonly scaled: Map<string, { count: number; next: number }>;
  /** Payload that passed, relative to the start. */
  readonly data: ByteRanges;
  /** All below was delivered, or is missing for good. */
  delivered: number;
}

function newEnd(isOriginator: boolean): ZeekEnd {
  return {
    isOriginator,
    state: "inactive",
    previous: "inactive",
    start: 0,
    last: 0,
    ack: 0,
    lastSyn: 0,
    lastFin: 0,
    lastReset: 0,
    finEnd: null,
    once: new Set(),
    scaled: new Map(),
    data: new ByteRanges(),
    delivered: 1,
  };
}

const delta = (a: number, b: number) => (a - b) | 0;

function setState(end: ZeekEnd, state: ZeekEndState): void {
  if (end.state === state) return;
  end.previous = end.state;
  end.state = state;
}

/** Well-known ports that speak for their owner being the server, where no SYN says who is. */
const SERVER_PORTS: ReadonlySet<number> = new Set([
  20,
  21,
  22,
  23,
  25,
  53,
  80,
  81,
  88,
  110,
  135,
  139,
  143,
  389,
  443,
  445,
  465,
  502,
  514,
  563,
  585,
  587,
  614,
  631,
  636,
  993,
  995,
  989,
  990,
  992,
  994,
  1080,
  1883,
  3128,
  3268,
  3306,
  3389,
  5060,
  5061,
  5222,
  5223,
  5269,
  5432,
  5900,
  6379,
  6666,
  6667,
  6668,
  6669,
  6697,
  8000,
  8080,
  8443,
  8888,
  20000,
]);

/** What Zeek would log. */
export class ZeekHistory {
  #history = "";
  #ends: Record<"originator" | "responder", ZeekEnd> = {
    originator: newEnd(true),
    responder: newEnd(false),
  };
  #originatorIs: StorySegment["from"] | null = null;

  /** Takes a segment; `ports`: of client and server, where they are known. */
  add(segment: StorySegment, ports: { readonly client: number; readonly server: number }): void {
    this.#originatorIs ??= this.#guessOriginator(segment, ports);
    const isFromOriginator = segment.from === this.#originatorIs;
    const end = isFromOriginator ? this.#ends.originator : this.#ends.responder;
    const peer = isFromOriginator ? this.#ends.responder : this.#ends.originator;
    if (segment.checksum === "wrong") {
      this.#scaled(end, "c");
      return;
    }
    this.#process(segment, { end, peer });
  }

  /** Ranges of payload that wait for what is missing before them. */
  get ranges(): number {
    return this.#ends.originator.data.count + this.#ends.responder.data.count;
  }

  /** Waits for nothing that is missing: what came behind it counts as delivered. */
  forgetRanges(): void {
    for (const end of [this.#ends.originator, this.#ends.responder]) {
      end.delivered = Math.max(end.delivered, end.data.end);
      end.data.clear();
    }
  }

  /** Letters of both ends, upper case for the originator. */
  get history(): string {
    return this.#history;
  }

  /** The conn_state. */
  get state(): string {
    const { originator, responder } = this.#ends;
    const [o, r] = [originator.state, responder.state];
    const isInactive = (state: ZeekEndState) => state === "inactive" || state === "partial";
    if (r === "reset") {
      const hasNoData = sizeOf(originator) === 0 && sizeOf(responder) === 0;
      if (o === "syn-sent" || o === "syn-ack-sent" || (o === "reset" && hasNoData)) return "REJ";
      return isInactive(o) ? "RSTRH" : "RSTR";
    }
    if (o === "reset") {
      if (!isInactive(r)) return "RSTO";
      return /^\^?S[^HAFGIQ]*R/.test(this.#history) ? "RSTOS0" : "OTH";
    }
    if (r === "closed" && o === "closed") return "SF";
    if (o === "closed") return isInactive(r) ? "SH" : "S2";
    if (r === "closed") return isInactive(o) ? "SHR" : "S3";
    if (o === "syn-sent" && r === "inactive") return "S0";
    return o === "established" && r === "established" ? "S1" : "OTH";
  }

  /** The sender of the first segment, unless that is no SYN and its port is a server's: then the other, marked `^`. */
  #guessOriginator(
    { flags, from }: StorySegment,
    ports: { readonly client: number; readonly server: number },
  ): StorySegment["from"] {
    const other = from === "client" ? "server" : "client";
    if ((flags & (SYN | ACK)) === SYN) return from;
    const [source, destination] = [ports[from], ports[other]];
    if (!SERVER_PORTS.has(source)) return from;
    const flips = !SERVER_PORTS.has(destination) || ((flags & SYN) === 0 && source < destination);
    if (flips) this.#history = "^";
    return flips ? other : from;
  }

  #letter(end: ZeekEnd, letter: string): void {
    if (this.#history.length > MOST_LETTERS) return;
    if (this.#history.length === MOST_LETTERS) this.#history += CUT_SIGN;
    else this.#history += end.isOriginator ? letter.toUpperCase() : letter;
  }

  #once(end: ZeekEnd, what: string, letter: string): boolean {
    if (end.once.has(what)) return true;
    end.once.add(what);
    this.#letter(end, letter);
    return false;
  }

  #scaled(end: ZeekEnd, letter: string): void {
    const entry = end.scaled.get(letter) ?? { count: 0, next: 1 };
    end.scaled.set(letter, entry);
    if (++entry.count !== entry.next) return;
    entry.next *= 10;
    this.#letter(end, letter);
  }

  #process(segment: StorySegment, { end, peer }: { end: ZeekEnd; peer: ZeekEnd }): void {
    const { flags, seq, ack, length, window } = segment;
    const isReset = (flags & RST) !== 0;
    const octets = ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0) + (isReset ? 0 : length);
    const last = (seq + octets) >>> 0;
    initialize(end, { flags, seq, last });
    const relative = delta(seq, end.start);
    this.#flagLetters(segment, { end, relative });
    if (window === 0 && !isReset && peer.state !== "closed" && end.state !== "reset") this.#scaled(end, "w");
    if ((flags & FIN) !== 0) end.finEnd = relative + octets;
    const acknowledged = (flags & ACK) === 0 ? 0 : acknowledge(peer, { ack, isReset });
    const moved = delta(last, end.last);
    const isFar = Math.abs(moved) > TOO_FAR && (flags & (SYN | RST)) !== 0;
    const isOnlyFin = (flags & FIN) !== 0 && end.last === (end.start + 1) >>> 0;
    if (isFar) {
      // Not believed.
    } else if (isOnlyFin) end.last = last;
    else if (end.state === "reset") {
      // Neither.
    } else if (moved > 0) end.last = last;
    else if (length > 0) this.#scaled(end, "t");
    changeEndState(segment, { end, peer, flip: () => this.#flip() });
    if (acknowledged > 0) this.#findGap(peer, { end, acknowledged });
    if (length > 0 && !isReset && relative >= 0) {
      const at = relative + ((flags & SYN) !== 0 ? 1 : 0);
      end.data.add(at, at + length);
      deliver(end);
    }
  }

  #flip(): void {
    const { originator, responder } = this.#ends;
    this.#ends = { originator: responder, responder: originator };
    originator.isOriginator = false;
    responder.isOriginator = true;
    this.#originatorIs = this.#originatorIs === "client" ? "server" : "client";
    this.#history = "^" + this.#history;
  }

  #flagLetters(
    { flags, length }: StorySegment,
    { end, relative }: { end: ZeekEnd; relative: number },
  ): void {
    const isSyn = (flags & SYN) !== 0;
    const isFin = (flags & FIN) !== 0;
    const isReset = (flags & RST) !== 0;
    if (Number(isSyn) + Number(isFin) + Number(isReset) > 1) {
      if (isFin && isReset) this.#once(end, "fin-rst", "i");
      else this.#once(end, "multi", "q");
    } else if (isSyn) {
      const letter = (flags & ACK) !== 0 ? "h" : "s";
      if (this.#once(end, "syn", letter) && relative !== end.lastSyn) this.#letter(end, letter);
      end.lastSyn = relative;
    } else if (isFin) {
      if (this.#once(end, "fin", "f") && relative + length !== end.lastFin) this.#letter(end, "f");
      end.lastFin = relative + length;
    } else if (isReset) {
      if (this.#once(end, "rst", "r") && relative !== end.lastReset) this.#letter(end, "r");
      end.lastReset = relative;
    } else if (length > 0 || (flags & ACK) !== 0) {
      // It began with a SYN, ACK, and something answers: no scan, so who was taken for the originator had been called.
      if (this.#history === "H") {
        this.#flip();
        this.#history = "^h";
      }
      if (length > 0) this.#once(end, "data", "d");
      else this.#once(end, "ack", "a");
    }
  }

  /** An acknowledgment of what never passed: a gap, where both ends are established or have closed from there. */
  #findGap(owner: ZeekEnd, { end, acknowledged }: { end: ZeekEnd; acknowledged: number }): void {
    let until = acknowledged;
    if (owner.finEnd !== null && until >= owner.finEnd) until = owner.finEnd - 1;
    if (until <= owner.delivered) return;
    const isPartial = owner.state === "partial" || end.state === "partial";
    if (until <= 2 && isPartial) return;
    const counts = isClean(owner) && isClean(end);
    while (owner.delivered < until) {
      if (counts) this.#scaled(owner, "g");
      const next = nextDataAt(owner);
      if (next >= until) {
        owner.delivered = until;
        break;
      }
      owner.delivered = next;
      deliver(owner);
    }
    deliver(owner);
  }
}

function isClean({ state, previous }: ZeekEnd): boolean {
  return state === "established" || state === "closed" && previous === "established";
}

function nextDataAt({ data, delivered }: ZeekEnd): number {
  for (const [left, right] of data.ranges()) if (right > delivered) return Math.max(left, delivered);
  return Infinity;
}

function deliver(end: ZeekEnd): void {
  for (const [left, right] of end.data.ranges()) {
    if (left > end.delivered) break;
    end.delivered = Math.max(end.delivered, right);
  }
  end.data.dropBelow(end.delivered);
}

/** Payload octets, judged by numbers. */
function sizeOf(end: ZeekEnd): number {
  const size = Math.max(delta(end.last, end.start), delta(end.ack, end.start));
  const withoutSyn = Math.max(0, size - 1);
  return Math.max(0, withoutSyn - (end.finEnd === null ? 0 : 1));
}

function initialize(end: ZeekEnd, { flags, seq, last }: { flags: number; seq: number; last: number }): void {
  const isSyn = (flags & SYN) !== 0;
  if (end.state === "inactive") {
    end.start = isSyn ? seq : (seq - 1) >>> 0;
    end.ack = end.start;
    end.last = isSyn ? last : seq;
    return;
  }
  if (!isSyn) return;
  const isNew = end.state === "syn-sent" || end.state === "syn-ack-sent"
    ? seq !== end.start
    : end.state === "established" || end.state === "partial" ||
      end.state === "reset" && end.previous === "inactive";
  if (!isNew) return;
  end.start = seq;
  end.ack = seq;
  end.last = last;
}

/** Returns how far the stream of `peer` is acknowledged, from its start. */
function acknowledge(peer: ZeekEnd, { ack, isReset }: { ack: number; isReset: boolean }): number {
  if (peer.state === "inactive") {
    peer.start = (ack - 1) >>> 0;
    peer.ack = peer.start;
    peer.last = peer.start;
    return 1;
  }
  const relative = delta(ack, peer.start);
  if (relative < 0) return 0;
  const further = delta(ack, peer.ack);
  if (!isReset && further > 0 && !(ack === 0 && further > TOO_FAR)) peer.ack = ack;
  return relative;
}

interface Change {
  readonly end: ZeekEnd;
  readonly peer: ZeekEnd;
  readonly flip: () => void;
}

function changeEndState(segment: StorySegment, change: Change): void {
  const { end, peer } = change;
  const { flags } = segment;
  switch (end.state) {
    case "inactive":
      leaveInactive(segment, change);
      break;
    case "syn-sent":
    case "syn-ack-sent":
      if ((flags & FIN) !== 0) setState(end, "closed");
      if ((flags & RST) !== 0) setState(end, "reset");
      break;
    case "established":
    case "partial":
      if ((flags & (SYN | ACK)) === SYN && end.state === "partial" && peer.state === "inactive") {
        setState(end, "syn-sent");
      }
      if ((flags & (FIN | RST)) === FIN) {
        setState(end, "closed");
        // FIN, then RST, and now the other's FIN: that was an ordinary end after all.
        if (peer.state === "reset" && peer.previous === "closed") setState(peer, "closed");
      }
      if ((flags & RST) !== 0) setState(end, "reset");
      break;
    case "closed":
      if ((flags & RST) !== 0 && peer.state !== "closed") setState(end, "reset");
      break;
    case "reset":
      break;
  }
}

function leaveInactive({ flags, seq, length }: StorySegment, { end, peer, flip }: Change): void {
  const hasAck = (flags & ACK) !== 0;
  if ((flags & SYN) !== 0) {
    if (end.isOriginator) {
      setState(end, hasAck ? "syn-ack-sent" : "syn-sent");
    } else {
      if (!hasAck && peer.state === "syn-ack-sent" && seq === end.start) {
        // SYN and SYN, ACK in the wrong order: who was taken for the responder has opened.
        flip();
        setState(peer, "established");
      }
      if (peer.state === "syn-sent") setState(peer, "established");
      setState(end, "established");
    }
  }
  if ((flags & FIN) !== 0) setState(end, "closed");
  if ((flags & RST) !== 0) setState(end, "reset");
  if (end.state !== "inactive") return;
  const isOddAnswer = !end.isOriginator && length === 0 && peer.state === "syn-sent";
  if (isOddAnswer) return;
  setState(end, hasAck && peer.state === "established" ? "established" : "partial");
}
