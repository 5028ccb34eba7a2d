/**
 * SEGMENT ARRIVES in SYN_SENT (RFC 9293 §3.10.7.3), in the RFC's order: ACK, RST, SYN.
 *
 * Owns: the answers to our SYN, simultaneous open included (MUST-10). Must not know: how the SYN was sent.
 */
import { FLAG } from "../wire/tcp.ts";
import { oweHandshakeAck } from "./answer_limit.ts";
import { keepSynText, textArrives, urgentArrives } from "./arrives_text.ts";
import type { ArrivingSegment } from "./arriving_segment.ts";
import { changeState, endConnection } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { agreeOptions, asksForEcn, establish, learnIrs, takeFirstWindow } from "./establish.ts";
import { stampAt } from "./rate_sample.ts";
import { roundBuffers } from "./receive_window.ts";
import { replyWithReset } from "./reset.ts";
import { seqLt } from "./sequence.ts";
import { asksForEcnNow } from "./syn_offers.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, RST, ACK, ECE, CWR } = FLAG;

/** Takes one segment in SYN_SENT; its sequence number means nothing yet. */
export function synSentArrives(context: MachineContext, tcb: Tcb, segment: ArrivingSegment): void {
  const { flags, ack, header } = segment;
  const hasAck = (flags & ACK) !== 0;
  if (hasAck && (ack <= tcb.sndUna || ack > tcb.sndNxt)) {
    context.apply("arrives.syn-sent.wrong-ack");
    context.drop(tcb, "wrong-ack");
    if ((flags & RST) === 0) replyWithReset(context, header, "arrives.syn-sent.wrong-ack");
    return;
  }
  if ((flags & RST) !== 0) {
    if (!hasAck) {
      // RFC 5961 §3.2 and RFC 9293: a reset without ACK proves nothing here.
      context.apply("arrives.syn-sent.rst-without-ack");
      context.drop(tcb, "rst-without-ack");
      return;
    }
    context.apply("arrives.syn-sent.rst");
    context.counters.resetsIn++;
    endConnection(context, tcb, { row: "syn-sent.rst", reason: "refused" });
    return;
  }
  if (hasAck && tcb.config.synAckEcho === "of-our-syn" && !echoesOurSyn(context, tcb, segment)) {
    context.apply("arrives.syn-sent.wrong-echo");
    context.drop(tcb, "wrong-echo");
    replyWithReset(context, header, "arrives.syn-sent.wrong-echo");
    return;
  }
  if ((flags & SYN) === 0) {
    context.apply("arrives.syn-sent.neither-syn-nor-rst");
    context.drop(tcb, "not-syn");
    return;
  }
  learnIrs(tcb, header);
  segment.read(tcb, header);
  agreeOptions(context, tcb, header);
  roundBuffers(tcb);
  if (hasAck) {
    context.apply("arrives.syn-sent.syn-ack");
    // RFC 3168 §6.1.1: a SYN-ACK with ECE and without CWR grants what our SYN asked for.
    tcb.ecn = asksForEcnNow(tcb) && (flags & (ECE | CWR)) === ECE;
    establish(context, tcb, { row: "syn-sent.syn-ack", segment, sendFlags: ACK });
    oweHandshakeAck(context, tcb);
    urgentArrives(context, tcb, segment);
    textArrives(context, tcb, segment);
    return;
  }
  context.apply("arrives.syn-sent.syn");
  // RFC 3168 §6.1.1: a SYN that asks for ECN may be granted it, whoever else has sent one.
  tcb.ecn = tcb.config.ecn !== "off" && asksForEcn(header);
  takeFirstWindow(tcb, segment);
  keepSynText(context, tcb, segment);
  changeState(context, tcb, "syn-sent.syn", SYN | ACK | (tcb.ecn ? ECE : 0));
  tcb.synOwed = true;
  tcb.ackRule = "arrives.syn-sent.syn";
  tcb.timerIsRto = true;
}

/** Whether the timestamp that comes back, where one does (RFC 7323 §3.2: 0 is none), may be of a SYN that we have sent. */
function echoesOurSyn({ nowUs }: MachineContext, tcb: Tcb, { header }: ArrivingSegment): boolean {
  if (!tcb.config.timestamps || !header.hasTimestamps || header.tsEcho === 0) return true;
  return !seqLt(header.tsEcho, stampAt(tcb, tcb.openedUs)) && !seqLt(stampAt(tcb, nowUs), header.tsEcho);
}
