/**
 * User calls (RFC 9293 §3.10.1 to §3.10.6): OPEN, SEND, RECEIVE, CLOSE, ABORT.
 *
 * Owns: what each call means in each state. Must not know: who calls, or promises; what leaves when the event is over
 * (output.ts).
 */
import { FLAG } from "../wire/tcp.ts";
import { oweAck } from "./answer_limit.ts";
import { noteProgress } from "./buffer_shares.ts";
import type { TcpConfig } from "./config.ts";
import { changeState, endConnection, endWithReset } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { canOpenWindow } from "./receive_window.ts";
import type { RuleId } from "./rules.ts";
import { ruleOfSyn } from "./syn_offers.ts";
import type { Tcb } from "./tcb.ts";
import { endingRow } from "./transitions.ts";
import { updateSendMss } from "./send_mss.ts";

const { SYN, ECE, CWR } = FLAG;

/**
 * Active OPEN (§3.10.1): a SYN is owed. `tcb` is fresh: addresses, ISS and MSS set, state CLOSED; and, for Fast Open, what goes
 * with the SYN.
 */
export function openActive(context: MachineContext, tcb: Tcb): void {
  context.apply("open.active");
  tcb.openedUs = context.nowUs;
  changeState(context, tcb, "open.active", SYN | (tcb.config.ecn === "request" ? ECE | CWR : 0));
  tcb.synOwed = true;
  tcb.ackRule = ruleOfSyn(tcb);
  tcb.timerIsRto = true;
}

/** Whether SEND is still possible (§3.10.2): before CLOSE, in a state that can carry data now or later. */
export function canWrite(tcb: Tcb): boolean {
  if (tcb.finQueued) return false;
  switch (tcb.state) {
    case "SYN_SENT":
    case "SYN_RCVD":
    case "ESTABLISHED":
    case "CLOSE_WAIT":
      return true;
    default:
      return false;
  }
}

/** SEND with URGENT (MUST-30): all that is queued now is urgent. */
export function markUrgent(context: MachineContext, tcb: Tcb): void {
  context.apply("send.urgent");
  if (tcb.sendRing.length > 0) tcb.sndUp = tcb.sndRingStart + tcb.sendRing.length;
}

/** The application has taken `count` bytes out of the receive ring (§3.10.3): opens the window when that is worth it. */
export function dataTaken(context: MachineContext, tcb: Tcb, count: number): void {
  if (tcb.receiveRing.length === 0) tcb.releaseReceiveRing();
  noteProgress(tcb, count, context.nowUs);
  switch (tcb.state) {
    case "ESTABLISHED":
    case "FIN_WAIT_1":
    case "FIN_WAIT_2":
      break;
    default:
      return;
  }
  // An ACK that is owed anyway carries the window.
  if (!tcb.ackNow && canOpenWindow(tcb)) oweAck(tcb, "ack.window-update");
}

/** CLOSE (§3.10.4): FIN follows what is queued. Returns false when it had been called before. */
export function closeConnection(context: MachineContext, tcb: Tcb): boolean {
  if (tcb.finQueued) return false;
  switch (tcb.state) {
    case "SYN_SENT":
      context.apply("close.syn-sent");
      endConnection(context, tcb, { row: "syn-sent.close", reason: "normal" });
      return true;
    case "SYN_RCVD":
    case "ESTABLISHED":
    case "CLOSE_WAIT":
      tcb.finQueued = true;
      return true;
    default:
      return false;
  }
}

/**
 * CLOSE by an application that will not read any more. With bytes unread the peer has to learn that they are lost, and so it
 * has to of those that still come: RST (SHLD-3, RFC 1122 §4.2.2.13, RFC 2525 §2.17), as Linux.
 */
export function closeBothWays(context: MachineContext, tcb: Tcb): void {
  if (tcb.receiveRing.length > 0 && canReset(tcb)) {
    abortConnection(context, tcb, "close.unread");
    return;
  }
  tcb.refusesText = true;
  closeAndDrain(context, tcb);
}

/** CLOSE; what has come and what still comes is dropped after being acknowledged. */
export function closeAndDrain(context: MachineContext, tcb: Tcb): void {
  discardInput(context, tcb);
  closeConnection(context, tcb);
}

/** States in which a reset tells the peer something: it has not been told yet that we have both FINs. */
function canReset(tcb: Tcb): boolean {
  switch (tcb.state) {
    // With text to read only after a Fast Open.
    case "SYN_RCVD":
    case "ESTABLISHED":
    case "FIN_WAIT_1":
    case "FIN_WAIT_2":
    case "CLOSE_WAIT":
      return true;
    default:
      return false;
  }
}

function discardInput(context: MachineContext, tcb: Tcb): void {
  if (tcb.discarding) return;
  tcb.discarding = true;
  tcb.releaseReceiveRing();
  tcb.reassembly.text.clear();
  if (tcb.state === "FIN_WAIT_2") tcb.lifetimeUs = context.nowUs + tcb.config.finWait2Us;
}

/** Whether the application has gone and all that is awaited is the peer's part of the end: Linux calls it an orphan. */
export function isOrphan(tcb: Tcb): boolean {
  return tcb.finQueued && (tcb.finReceived || tcb.discarding);
}

/** ABORT (§3.10.5): RST where the peer may still hold the connection, and gone. `rule`: why, where it is no user's call. */
export function abortConnection(context: MachineContext, tcb: Tcb, rule: RuleId = "abort"): void {
  switch (tcb.state) {
    case "CLOSED":
    case "LISTEN":
      return;
    case "SYN_SENT":
      context.apply(rule);
      endConnection(context, tcb, { row: "syn-sent.close", reason: "reset-by-us" });
      return;
    case "CLOSING":
    case "LAST_ACK":
    case "TIME_WAIT":
      // §3.10.5: both sides have closed: delete the TCB, no RST.
      context.apply(rule);
      endConnection(context, tcb, { row: endingRow(tcb.state, "abort"), reason: "normal" });
      return;
    default:
      context.apply(rule);
      endWithReset(context, tcb, { row: endingRow(tcb.state, "abort"), rule });
  }
}

/**
 * Gives a connection settings of its own. Those of the handshake (MSS, SACK, timestamps, window scaling, the initial window) count
 * while it is still to come; what is in a buffer that gets smaller than that stays, and no window that was offered is taken
 * back (SHLD-14).
 */
export function changeSettings(tcb: Tcb, changes: Partial<TcpConfig>): void {
  tcb.changeConfig(changes);
  const { config } = tcb;
  if (changes.noDelay !== undefined) tcb.noDelay = config.noDelay;
  if (changes.mss !== undefined && tcb.synAcknowledged) updateSendMss(tcb);
  if (changes.quickAcks !== undefined) tcb.quickAcksLeft = config.quickAcks;
  if (changes.dscp !== undefined) tcb.dscp = config.dscp;
  if (changes.r2Us !== undefined) tcb.r2Us = config.r2Us;
  if (changes.keepAliveIdleUs !== undefined) tcb.keepAliveIdleUs = config.keepAliveIdleUs;
  if (changes.keepAliveIntervalUs !== undefined) tcb.keepAliveIntervalUs = config.keepAliveIntervalUs;
}

/** Switches keep-alive (MAY-5; MUST-24, MUST-25: off by default; MUST-27: interval configurable). */
export function setKeepAlive(context: MachineContext, tcb: Tcb, on: boolean): void {
  tcb.keepAlive = on;
  tcb.keepAliveSent = 0;
  tcb.keepAliveUs = on && tcb.state !== "TIME_WAIT" ? context.nowUs + tcb.keepAliveIdleUs : Infinity;
}
