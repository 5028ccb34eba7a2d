/**
 * User calls (RFC 9293 §3.10.1 to §3.10.6): OPEN, SEND, RECEIVE, CLOSE, ABORT.
 *
 * Owns: what each call means in each state. Must not know: who calls, or promises.
 */
import { FLAG } from "../wire/tcp.ts";
import { changeState, endConnection, rowPrefix } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { prepareTransfer } from "./establish.ts";
import { output } from "./output.ts";
import { armRto } from "./retransmit_timer.ts";
import { canOpenWindow, pushAck, pushReset, pushSegment } from "./send_segment.ts";
import { seqAdd } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, FIN, ACK, RST, ECE, CWR } = FLAG;

/** Active OPEN (§3.10.1): sends SYN. `tcb` is fresh: addresses, ISS and MSS set, state CLOSED. */
export function openActive(context: MachineContext, tcb: Tcb): void {
  context.apply("open.active");
  tcb.openedUs = context.nowUs;
  tcb.sndUna = tcb.iss;
  tcb.sndNxt = seqAdd(tcb.iss, 1);
  tcb.sndRingSeq = tcb.sndNxt;
  const flags = SYN | (tcb.config.ecn === "request" ? ECE | CWR : 0);
  changeState(context, tcb, "open.active", flags);
  pushSegment(context, tcb, flags, tcb.iss, 0, "open.active");
  tcb.addInFlight(tcb.iss, tcb.sndNxt, context);
  tcb.lastSendUs = context.nowUs;
  armRto(context, tcb);
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

/** Data has been put into the send ring (§3.10.2): sends what may go. */
export function dataQueued(context: MachineContext, tcb: Tcb): void {
  output(context, tcb);
}

/** SEND with URGENT (MUST-30): all that is queued now is urgent. */
export function markUrgent(context: MachineContext, tcb: Tcb): void {
  context.apply("send.urgent");
  tcb.sndUp = seqAdd(tcb.sndRingSeq, tcb.sendRing.length);
  output(context, tcb);
}

/** The application has taken bytes out of the receive ring (§3.10.3): opens the window when that is worth it. */
export function dataTaken(context: MachineContext, tcb: Tcb): void {
  if (tcb.receiveRing.length === 0 && tcb.reassembly.count === 0) tcb.releaseReceiveRing();
  switch (tcb.state) {
    case "ESTABLISHED":
    case "FIN_WAIT_1":
    case "FIN_WAIT_2":
      break;
    default:
      return;
  }
  // An ACK that is owed anyway carries the window.
  if (!tcb.ackNow && canOpenWindow(tcb)) pushAck(context, tcb, "ack.window-update");
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
      // §3.10.4: nothing queued: FIN at once; else after ESTABLISHED.
      tcb.finQueued = true;
      if (tcb.sendRing.length === 0) finFromSynRcvd(context, tcb);
      return true;
    case "ESTABLISHED":
    case "CLOSE_WAIT":
      tcb.finQueued = true;
      output(context, tcb);
      return true;
    default:
      return false;
  }
}

function finFromSynRcvd(context: MachineContext, tcb: Tcb): void {
  prepareTransfer(tcb);
  tcb.beginSending();
  context.apply("close.fin");
  changeState(context, tcb, "syn-rcvd.close", FIN | ACK);
  tcb.finSent = true;
  tcb.finSeq = tcb.sndNxt;
  pushSegment(context, tcb, FIN | ACK, tcb.finSeq, 0, "close.fin");
  tcb.sndNxt = seqAdd(tcb.finSeq, 1);
  tcb.addInFlight(tcb.finSeq, tcb.sndNxt, context);
}

/** The application will read no more: what is there and what comes is dropped after being acknowledged. */
export function discardInput(context: MachineContext, tcb: Tcb): void {
  if (tcb.discarding) return;
  tcb.discarding = true;
  const hadBytes = tcb.receiveRing.length > 0;
  tcb.releaseReceiveRing();
  if (tcb.state === "FIN_WAIT_2") tcb.lifetimeUs = context.nowUs + tcb.config.finWait2Us;
  if (hadBytes) dataTaken(context, tcb);
}

/** ABORT (§3.10.5): RST where the peer may still hold the connection, and gone. */
export function abortConnection(context: MachineContext, tcb: Tcb): void {
  switch (tcb.state) {
    case "CLOSED":
    case "LISTEN":
      return;
    case "SYN_SENT":
      context.apply("abort");
      endConnection(context, tcb, { row: "syn-sent.close", reason: "reset-by-us" });
      return;
    case "CLOSING":
    case "LAST_ACK":
    case "TIME_WAIT":
      // §3.10.5: both sides have closed: delete the TCB, no RST.
      context.apply("abort");
      endConnection(context, tcb, { row: `${rowPrefix(tcb)}.abort`, reason: "normal" });
      return;
    default:
      context.apply("abort");
      endConnection(context, tcb, {
        row: `${rowPrefix(tcb)}.abort`,
        reason: "reset-by-us",
        sendFlags: RST | ACK,
      });
      pushReset(context, tcb, "abort");
  }
}

/** Switches keep-alive (MAY-5; MUST-24, MUST-25: off by default; MUST-27: interval configurable). */
export function setKeepAlive(context: MachineContext, tcb: Tcb, on: boolean): void {
  tcb.keepAlive = on;
  tcb.keepAliveSent = 0;
  tcb.keepAliveUs = on && tcb.state !== "TIME_WAIT" ? context.nowUs + tcb.keepAliveIdleUs : Infinity;
}
