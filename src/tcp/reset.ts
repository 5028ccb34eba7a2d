/**
 * Resets that answer a segment (RFC 9293 §3.5.2, §3.10.7.1): for no connection, or for an ACK that fits none.
 *
 * Owns: the numbers in such a reset. Must not know: addresses; the host answers to where the segment came from.
 */
import { FLAG, type TcpSegment } from "../wire/tcp.ts";
import type { TcpConfig } from "./config.ts";
import type { MachineContext } from "./context.ts";
import { EFFECT } from "./effects.ts";
import type { RuleId } from "./rules.ts";
import { seqAdd } from "./sequence.ts";

const { FIN, SYN, RST, ACK } = FLAG;

/**
 * Queues the reset that `segment` deserves: with ACK, `<SEQ=SEG.ACK><CTL=RST>`, else
 * `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`. The effect has no TCB. Never call it for a segment with RST.
 */
export function replyWithReset(context: MachineContext, segment: TcpSegment, rule: RuleId): void {
  const effect = context.effects.push(EFFECT.SEND, null);
  context.counters.resetsOut++;
  effect.state = "CLOSED";
  effect.length = 0;
  effect.window = 0;
  effect.urgentPointer = 0;
  effect.ecn = 0;
  effect.cutBytes = 0;
  effect.rule = rule;
  if ((segment.flags & ACK) !== 0) {
    effect.flags = RST;
    effect.seq = segment.ack;
    effect.ack = 0;
  } else {
    const length = segment.payloadLength + ((segment.flags & SYN) !== 0 ? 1 : 0) +
      ((segment.flags & FIN) !== 0 ? 1 : 0);
    effect.flags = RST | ACK;
    effect.seq = 0;
    effect.ack = seqAdd(segment.seq, length);
  }
}

/** A segment for which there is no connection and no listener (RFC 9293 §3.10.7.1). */
export function closedArrives(
  context: MachineContext,
  segment: TcpSegment,
  closedPorts: TcpConfig["closedPorts"] = "reset",
): void {
  if ((segment.flags & RST) !== 0) {
    context.apply("arrives.closed.rst");
  } else if (closedPorts === "silent" || (closedPorts === "silent-to-syn" && (segment.flags & SYN) !== 0)) {
    context.apply("arrives.closed.silent");
  } else {
    context.apply("arrives.closed.reset");
    replyWithReset(context, segment, "arrives.closed.reset");
  }
  context.drop(null, "no-listener");
}
