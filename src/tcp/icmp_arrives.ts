/**
 * ICMP messages about a connection (RFC 9293 §3.9.2.2, MUST-54 to MUST-56, SHLD-25, SHLD-26; RFC 5927; RFC 1191).
 *
 * Owns: what each kind does to a connection, and the check that the quoted segment is one of ours in flight.
 * Must not know: ICMP's types and codes; the host sorts them into kinds.
 */
import { endConnection, rowPrefix } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import { updateSendMss } from "./establish.ts";
import { output } from "./output.ts";
import { seqGe, seqLt } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

/** What an ICMP message means for TCP. */
export interface IcmpNews {
  readonly kind: "hard" | "soft" | "too-big";
  /** Sequence number of the quoted segment. */
  readonly seq: number;
  /** For `too-big`: largest TCP payload plus options that the path carries. */
  readonly pathMss: number;
  /** A few words for the application. */
  readonly text: string;
}

/**
 * Local choice: RFC 1191's smallest plausible path, 576 - 40; below it packets go without DF, so that a forged claim cannot make us send crumbs (RFC 5927 §7).
 */
const LEAST_PATH_MSS = 536;

/** Takes an ICMP message that quotes a segment of this connection. */
export function icmpArrives(context: MachineContext, tcb: Tcb, news: IcmpNews): void {
  // RFC 5927 §4.1: only what is in flight can have caused it.
  const isInFlight = seqGe(news.seq, tcb.sndUna) && seqLt(news.seq, tcb.sndNxt);
  if (!isInFlight || tcb.state === "TIME_WAIT") {
    context.apply("icmp.ignored");
    return;
  }
  switch (news.kind) {
    case "hard":
      // Deviation: RFC 5927 §5.2 would take it as soft in a synchronized state; RFC 9293 has it abort, and the check above
      // leaves a blind attacker to guess a number in flight.
      context.apply("icmp.hard-error");
      endConnection(context, tcb, { row: `${rowPrefix(tcb)}.icmp`, reason: "refused" });
      return;
    case "soft":
      context.apply("icmp.soft-error");
      context.effects.push(EFFECT.ADVICE, tcb).drop = news.text;
      return;
    case "too-big":
      pathShrank(context, tcb, news.pathMss);
  }
}

function pathShrank(context: MachineContext, tcb: Tcb, claimed: number): void {
  const pathMss = Math.max(claimed, LEAST_PATH_MSS);
  if (claimed < LEAST_PATH_MSS && tcb.dontFragment) tcb.dontFragment = false;
  else if (pathMss >= Math.min(tcb.pathMss, tcb.ourMss, tcb.peerMss)) {
    context.apply("icmp.ignored");
    return;
  }
  context.apply("icmp.too-big");
  tcb.pathMss = pathMss;
  const before = tcb.sendMss;
  updateSendMss(tcb);
  // RFC 1191 §3: what was too big is lost for sure; it is no sign of congestion (RFC 5681 has no part in it).
  const board = tcb.scoreboard;
  for (let index = 0; index < board.count; index++) {
    const record = board.at(index);
    if (((record.end - record.seq) | 0) > tcb.sendMss && record.seq !== tcb.iss) board.markLost(record);
  }
  if (board.lostBytes > 0 && (tcb.recovery === "open" || tcb.recovery === "disorder")) {
    // RFC 1191 §6.5: sent again without a reduction, so not as a fast recovery that the next ACK would begin.
    tcb.recovery = "loss";
    tcb.recover = tcb.sndNxt;
    tcb.sender.undoRetransmits = -1;
  }
  if (tcb.sendMss < before) tcb.cwnd = Math.max(tcb.cwnd, tcb.sendMss);
  output(context, tcb);
}
