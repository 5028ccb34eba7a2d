/**
 * ICMP messages about a connection (RFC 9293 §3.9.2.2, MUST-54 to MUST-56, SHLD-25, SHLD-26; RFC 5927; RFC 1191).
 *
 * Owns: what each kind does to a connection, and the check that the quoted segment is one of ours in flight.
 * Must not know: ICMP's types and codes; the host sorts them into kinds.
 */
import { endConnection } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT, TIMESTAMP_OPTION_BYTES } from "./effects.ts";
import { repairTooBig } from "./recovery.ts";
import { positionOf } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";
import { endingRow } from "./transitions.ts";
import { udpBytes, updateSendMss } from "./send_mss.ts";

/** What an ICMP message means for TCP. */
export interface IcmpNews {
  readonly kind: "hard" | "soft" | "too-big";
  /** Sequence number of the quoted segment, as on the wire. */
  readonly seq: number;
  /** For `too-big`: largest TCP payload plus options that the path carries. */
  readonly pathMss: number;
  /** A few words for the application. */
  readonly text: string;
  /**
   * Of `soft`: what it is to stacks that give up an opening connection for more than hard errors: somebody forbids it, the path
   * does not go there, or it may be anything else.
   */
  readonly inHandshake: "forbidden" | "unreachable" | "other";
}

/** Takes an ICMP message that quotes a segment of this connection. */
export function icmpArrives(context: MachineContext, tcb: Tcb, news: IcmpNews): void {
  // RFC 5927 §4.1: only what is in flight can have caused it.
  const seq = positionOf(news.seq, tcb.iss, tcb.sndUna);
  const isInFlight = seq >= tcb.sndUna && seq < tcb.sndNxt;
  if (!isInFlight) context.counters.icmpOutsideWindow++;
  if (!isInFlight || tcb.state === "TIME_WAIT") {
    context.apply("icmp.ignored");
    return;
  }
  switch (news.kind) {
    case "hard":
      if (tcb.config.icmpInHandshake === "ignore" && isOpening(tcb)) {
        context.apply("icmp.ignored");
        return;
      }
      if (isHard(tcb)) {
        endByError(context, tcb);
        return;
      }
      context.apply("icmp.hard-as-soft");
      context.effects.push(EFFECT.ADVICE, tcb).drop = news.text;
      return;
    case "soft":
      if (isOpening(tcb) && endsHandshake(tcb, news)) {
        // Where nobody has refused, what was wrong has to be told.
        if (news.inHandshake !== "forbidden") context.effects.push(EFFECT.ADVICE, tcb).drop = news.text;
        endByError(context, tcb);
        return;
      }
      context.apply("icmp.soft-error");
      context.effects.push(EFFECT.ADVICE, tcb).drop = news.text;
      return;
    case "too-big": {
      const carried = news.pathMss - udpBytes(tcb.config);
      if (isSynTextTooBig(tcb, seq, carried)) {
        takePathLimit(context, tcb, news.pathMss);
        if (tcb.fastOpen !== null) tcb.fastOpen.isTooBig = true;
        // Again, and without text.
        tcb.scoreboard.markLost(tcb.scoreboard.at(0));
      } else if (isLarger(tcb, seq, carried)) pathShrank(context, tcb, news.pathMss);
      else context.apply("icmp.ignored");
    }
  }
}

/**
 * Deviation: RFC 9293 §3.9.2.2 (SHLD-26) has a hard error abort; RFC 5927 §5.2, and Linux, take it as soft once a connection
 * is synchronized: a stranger needs 65,536 messages at the most to quote a number in flight.
 */
function isHard(tcb: Tcb): boolean {
  return isOpening(tcb) || tcb.config.icmpHardErrors === "abort";
}

function endByError(context: MachineContext, tcb: Tcb): void {
  context.apply("icmp.hard-error");
  endConnection(context, tcb, { row: endingRow(tcb.state, "icmp"), reason: "refused" });
}

/** Whether a soft error is one that ends a connection that is still to open, where stacks differ. */
function endsHandshake({ config }: Tcb, { inHandshake }: IcmpNews): boolean {
  switch (config.icmpInHandshake) {
    case "abort":
    case "ignore":
      return false;
    case "abort-if-forbidden":
      return inHandshake !== "other";
    case "abort-at-any":
      return true;
  }
}

function isOpening(tcb: Tcb): boolean {
  return tcb.state === "SYN_SENT" || tcb.state === "SYN_RCVD";
}

/** Whether the message is about our first SYN, whose text made it larger than what is said to fit. */
function isSynTextTooBig({ state, fastOpen, synRetransmits }: Tcb, seq: number, pathMss: number): boolean {
  if (state !== "SYN_SENT" || fastOpen === null || synRetransmits > 0 || seq !== 0) return false;
  return fastOpen.textBytes > 0 && fastOpen.textBytes + TIMESTAMP_OPTION_BYTES > pathMss;
}

/** RFC 5927 §7.2: only a segment that is larger than what is said to fit can have caused the message. */
function isLarger(tcb: Tcb, seq: number, pathMss: number): boolean {
  const index = tcb.scoreboard.find(seq);
  if (index < 0) return false;
  const record = tcb.scoreboard.at(index);
  const segmentBytes = record.cutBytes > 0 ? record.cutBytes : record.end - record.seq;
  return !record.isSyn && segmentBytes + (tcb.timestamps ? TIMESTAMP_OPTION_BYTES : 0) > pathMss;
}

function pathShrank(context: MachineContext, tcb: Tcb, claimed: number): void {
  const { leastPathMss, canFragment } = tcb.internet;
  const pathMss = Math.max(claimed, leastPathMss);
  const isNarrower = pathMss < tcb.pathMss &&
    pathMss - udpBytes(tcb.config) < Math.min(tcb.ourMss, tcb.peerMss);
  // Below what we go down to packets lose their DF, once.
  const losesDf = canFragment && claimed < leastPathMss && tcb.dontFragment;
  if (!isNarrower && !losesDf) {
    context.apply("icmp.ignored");
    return;
  }
  takePathLimit(context, tcb, claimed);
  repairTooBig(tcb);
  if (tcb.cwnd < tcb.sendMss) tcb.cwnd = tcb.sendMss;
}

function takePathLimit(context: MachineContext, tcb: Tcb, claimed: number): void {
  const { leastPathMss, canFragment } = tcb.internet;
  context.apply("icmp.too-big");
  if (canFragment && claimed < leastPathMss) tcb.dontFragment = false;
  tcb.pathMss = Math.max(claimed, leastPathMss);
  tcb.sender.pathMtuUntilUs = context.nowUs + tcb.config.pathMtuLifeUs;
  updateSendMss(tcb);
}
