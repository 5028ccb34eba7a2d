/**
 * SEGMENT ARRIVES in SYN_SENT (RFC 9293 §3.10.7.3), in the RFC's order: ACK, RST, SYN.
 *
 * Owns: the answers to our SYN, simultaneous open included (MUST-10). Must not know: how the SYN was sent.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import { oweAck, textArrives, urgentArrives } from "./arrives_text.ts";
import { changeState, endConnection } from "./change_state.ts";
import type { MachineContext } from "./context.ts";
import { agreeOptions, establish, takeFirstWindow } from "./establish.ts";
import { output } from "./output.ts";
import { replyWithReset } from "./reset.ts";
import { armRto } from "./retransmit_timer.ts";
import { pushSegment } from "./send_segment.ts";
import { seqAdd, seqGt, seqLe } from "./sequence.ts";
import type { Tcb } from "./tcb.ts";

const { SYN, RST, ACK, ECE, CWR } = FLAG;

/** Takes one segment in SYN_SENT. */
export function synSentArrives(context: MachineContext, tcb: Tcb, segment: TcpSegment): void {
  const { flags, ack } = segment;
  const hasAck = (flags & ACK) !== 0;
  if (hasAck && (seqLe(ack, tcb.iss) || seqGt(ack, tcb.sndNxt))) {
    context.apply("arrives.syn-sent.wrong-ack");
    context.drop(tcb, "wrong-ack");
    if ((flags & RST) === 0) replyWithReset(context, segment, "arrives.syn-sent.wrong-ack");
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
  if ((flags & SYN) === 0) {
    context.apply("arrives.syn-sent.neither-syn-nor-rst");
    context.drop(tcb, "not-syn");
    return;
  }
  tcb.irs = segment.seq;
  tcb.rcvNxt = seqAdd(segment.seq, 1);
  tcb.rcvAdv = seqAdd(tcb.rcvNxt, Math.min(tcb.receiveRing.limitBytes, 0xffff));
  agreeOptions(context, tcb, segment);
  if (hasAck) {
    context.apply("arrives.syn-sent.syn-ack");
    // RFC 3168 §6.1.1: a SYN-ACK with ECE and without CWR grants what our first SYN asked for.
    tcb.ecn = tcb.config.ecn === "request" && tcb.synRetransmits === 0 && (flags & (ECE | CWR)) === ECE;
    establish(context, tcb, { row: "syn-sent.syn-ack", segment, sendFlags: ACK });
    oweAck(tcb, "ack.handshake");
    urgentArrives(context, tcb, segment);
    textArrives(context, tcb, segment);
    output(context, tcb);
    return;
  }
  context.apply("arrives.syn-sent.syn");
  takeFirstWindow(tcb, segment);
  changeState(context, tcb, "syn-sent.syn", SYN | ACK);
  pushSegment(context, tcb, SYN | ACK, tcb.iss, 0, "arrives.syn-sent.syn");
  armRto(context, tcb);
}
