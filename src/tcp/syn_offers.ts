/**
 * What our SYN asks for and offers, by how often it has been lost: what may have been why stays away from the next one.
 *
 * Owns: these decisions, and the rule that a SYN leaves by. Must not know: how a SYN is made, what its answer grants.
 */
import type { RuleId } from "./rules.ts";
import type { Tcb } from "./tcb.ts";

/** Whether our SYN offers options besides MSS: not after it has been lost so often that they may be why. */
export function offersOptions(tcb: Tcb): boolean {
  return tcb.passive || tcb.synRetransmits < tcb.config.plainSynAfter;
}

/**
 * Whether our SYN asks for ECN. RFC 3168 §6.1.1.1: one that is sent again does not, in case that was what lost it; some ask
 * a second time.
 */
export function asksForEcnNow(tcb: Tcb): boolean {
  const { ecn, ecnSynRetransmissions } = tcb.config;
  return ecn === "request" && tcb.synRetransmits <= ecnSynRetransmissions;
}

/** Why our SYN leaves. */
export function ruleOfSyn({ fastOpen }: Tcb): RuleId {
  if (fastOpen === null) return "open.active";
  return fastOpen.isRequest ? "open.fast-open-request" : "open.fast-open";
}
