/**
 * How large a segment may be on its way: what ICMP has said of the path (RFC 1191), and what our own device carries.
 *
 * Owns: the begin and the end of a path's limit, and how a connection follows its device. Must not know: ICMP, where
 * a limit is remembered between connections, devices.
 */
import { repairTooBig } from "./recovery.ts";
import { NO_PATH_LIMIT, type Tcb } from "./tcb.ts";
import { updateSendMss } from "./send_mss.ts";

/** What is known of a path. */
export interface PathLimit {
  /** Largest TCP payload plus options that the path carries. */
  readonly pathMss: number;
  /** False where the path is narrower than what we go down to: packets leave without DF. */
  readonly dontFragment: boolean;
  /** Until when it counts, microseconds (RFC 1191 §6.3). */
  readonly untilUs: number;
}

/** The limit that holds for a connection now, or null. */
export function pathLimitOf(tcb: Tcb): PathLimit | null {
  if (tcb.pathMss === NO_PATH_LIMIT && tcb.dontFragment) return null;
  const { pathMss, dontFragment } = tcb;
  return { pathMss, dontFragment, untilUs: tcb.sender.pathMtuUntilUs };
}

/** A connection begins on a path of which something is known (RFC 1191 §3); `tcb` is fresh. */
export function beginWithPathLimit(tcb: Tcb, limit: PathLimit): void {
  tcb.beginSending();
  tcb.pathMss = limit.pathMss;
  tcb.dontFragment = limit.dontFragment;
  tcb.sender.pathMtuUntilUs = limit.untilUs;
}

/** RFC 1191 §6.3: what ICMP said of the path is forgotten after a while, so that a false claim does not last. */
export function forgetPathLimit(tcb: Tcb): void {
  tcb.sender.pathMtuUntilUs = Infinity;
  tcb.pathMss = NO_PATH_LIMIT;
  tcb.dontFragment = true;
  updateSendMss(tcb);
}

/**
 * The device carries another size than before ({@link InternetLayer.linkMss}). What is in flight and larger than that
 * is taken for lost, as where a router has said so: a device drops, or refuses, what is too large for it, and says
 * nothing. Larger again, what the peer was offered stays as it is: only new connections offer more. Returns whether there
 * is something to be sent again.
 */
export function followLink(tcb: Tcb): boolean {
  const { state } = tcb;
  if (state === "CLOSED" || state === "LISTEN" || state === "TIME_WAIT") return false;
  // Our SYN may have to be sent again, with what holds now.
  if ((state === "SYN_SENT" || state === "SYN_RCVD") && tcb.internet.linkMss < tcb.ourMss) {
    tcb.ourMss = tcb.internet.linkMss;
  }
  const before = tcb.sendMss;
  updateSendMss(tcb);
  if (tcb.sendMss >= before) return false;
  repairTooBig(tcb);
  if (tcb.cwnd < tcb.sendMss) tcb.cwnd = tcb.sendMss;
  return tcb.scoreboard.lostBytes > 0;
}
