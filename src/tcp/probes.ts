/**
 * Probes: segments that leave although the windows, or an idle connection, give no reason to: tail loss probe (RFC 8985 §7),
 * zero-window probe (RFC 9293 §3.8.6.1), keep-alive (§3.8.4).
 *
 * Owns: what a probe is made of. Must not know: when one is due (deadlines.ts).
 */
import { FLAG } from "../wire/tcp.ts";
import type { MachineContext } from "./context.ts";
import { resendRecord, tellRetransmit } from "./resend.ts";
import { effectiveMss } from "./segment_options.ts";
import { sendPiece } from "./send_new.ts";
import { dataFlags, pushSegment, segmentOf } from "./send_segment.ts";
import type { Tcb } from "./tcb.ts";

const { ACK } = FLAG;

/** Sends the probes that are owed. */
export function sendProbes(context: MachineContext, tcb: Tcb): void {
  if (tcb.tailProbeOwed) sendTailProbe(context, tcb);
  if (tcb.windowProbeOwed) sendWindowProbe(context, tcb);
  if (tcb.keepAliveOwed) sendKeepAlive(context, tcb);
  forgetProbes(tcb);
}

/** No probe is owed any more. */
function forgetProbes(tcb: Tcb): void {
  tcb.tailProbeOwed = false;
  tcb.windowProbeOwed = false;
  tcb.keepAliveOwed = false;
}

/** RFC 8985 §7.3: new data if there is any, else the last segment again. */
function sendTailProbe(context: MachineContext, tcb: Tcb): void {
  const board = tcb.scoreboard;
  context.apply("recovery.tail-probe");
  context.counters.tailProbes++;
  const isNew = probeWithNewData(context, tcb);
  tcb.sender.tlpIsRetransmit = !isNew;
  if (!isNew) {
    let index = board.count - 1;
    const last = board.at(index);
    if (last.end - last.seq > tcb.sendMss) {
      board.split(index, last.end - tcb.sendMss);
      index = board.count - 1;
    }
    resendRecord(context, tcb, { index, kind: "tlp" });
  }
  tcb.sender.tlpEnd = tcb.sndNxt;
}

/**
 * One segment of new data beyond the congestion window, and what Nagle holds back too: that is as good a probe as any. False
 * when the peer's window, or the queue, has none.
 */
function probeWithNewData(context: MachineContext, tcb: Tcb): boolean {
  const unsent = tcb.finSent ? 0 : tcb.unsentBytes;
  if (unsent === 0) return false;
  const mss = effectiveMss(tcb);
  const { windowRoom } = tcb;
  const length = Math.min(unsent, mss, windowRoom);
  const isWorthIt = length === mss || length === unsent || length >= tcb.maxSndWnd / 2;
  if (length <= 0 || !isWorthIt) return false;
  const withFin = length === unsent && tcb.finQueued && windowRoom > length;
  sendPiece(context, tcb, { length, withFin });
  return true;
}

function sendWindowProbe(context: MachineContext, tcb: Tcb): void {
  tcb.beginSending();
  context.counters.probes++;
  if (tcb.config.windowProbe === "bare" && tcb.windowRoom <= 0) {
    sendBareProbe(context, tcb);
  } else if (tcb.outstanding > 0) {
    // The octet sent before, again.
    context.apply("send.window-probe");
    resendRecord(context, tcb, { index: 0, kind: "probe", limitBytes: 1 });
  } else if (tcb.unsentBytes === 0) {
    // Our FIN takes the place of an octet.
    context.apply("send.window-probe");
    sendPiece(context, tcb, { length: 0, withFin: true });
  } else {
    probeWindowWithNewData(context, tcb);
  }
}

/** Below what is acknowledged: the answer tells the window, whatever has become of the text behind it. */
function sendBareProbe(context: MachineContext, tcb: Tcb): void {
  const seq = tcb.sndUna - 1;
  context.apply("send.window-probe");
  tellRetransmit(context, tcb, { kind: "probe", seq, length: 0, count: tcb.timerBackoff });
  pushSegment(context, tcb, segmentOf("send.window-probe", ACK, seq, 0));
}

/** MUST-36, §3.8.6.1: one octet of new data; or, the window being small but open, what fits (the override time-out). */
function probeWindowWithNewData(context: MachineContext, tcb: Tcb): void {
  const { windowRoom, sndNxt } = tcb;
  const isOpen = windowRoom > 0;
  const length = isOpen ? Math.min(windowRoom, tcb.unsentBytes, tcb.sendMss) : 1;
  const rule = isOpen ? "send.override" : "send.window-probe";
  context.apply(rule);
  if (!isOpen) tellRetransmit(context, tcb, { kind: "probe", seq: sndNxt, length, count: tcb.timerBackoff });
  // MUST-61: the last of what is queued has PSH.
  const flags = dataFlags(isOpen && length === tcb.unsentBytes, false);
  pushSegment(context, tcb, segmentOf(rule, flags, sndNxt, length));
  tcb.sendNext(length).sentUs = context.nowUs;
  if (isOpen) {
    tcb.timerBackoff = 0;
    tcb.timerIsRto = true;
  }
}

/** RFC 9293 §3.8.4: SEG.SEQ = SND.NXT - 1, no data (SHLD-12). */
function sendKeepAlive(context: MachineContext, tcb: Tcb): void {
  const seq = tcb.sndNxt - 1;
  context.apply("keepalive.probe");
  tellRetransmit(context, tcb, { kind: "keepalive", seq, length: 0, count: tcb.keepAliveSent });
  pushSegment(context, tcb, segmentOf("keepalive.probe", ACK, seq, 0));
}
