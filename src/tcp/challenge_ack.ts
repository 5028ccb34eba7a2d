/**
 * Challenge ACKs (RFC 5961) and their rate limit (§7).
 *
 * Owns: the budget per second and host. Must not know: what provoked them.
 */
import type { MachineContext } from "./context.ts";
import type { RuleId } from "./rules.ts";
import { pushAck } from "./send_segment.ts";
import type { Tcb } from "./tcb.ts";

const SECOND_US = 1_000_000;

/** Sends `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>` unless this second's budget is spent; counts both. */
export function challengeAck(context: MachineContext, tcb: Tcb, rule: RuleId): void {
  if (context.nowUs - context.challengeWindowUs >= SECOND_US || context.nowUs < context.challengeWindowUs) {
    context.challengeWindowUs = context.nowUs;
    context.challengeLeft = tcb.config.challengeAcksPerSecond;
  }
  if (context.challengeLeft <= 0) {
    context.counters.challengeAcksHeld++;
    return;
  }
  context.challengeLeft--;
  context.counters.challengeAcks++;
  pushAck(context, tcb, rule);
}
