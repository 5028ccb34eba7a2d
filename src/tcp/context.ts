/**
 * MachineContext: what every procedure of the machine is handed beside the TCB.
 *
 * Owns: time, the effects queue, the rule in force, the arriving segment. Must not know: where time and
 * randomness come from.
 */
import type { TcpSegment } from "../wire/tcp.ts";
import { DeliveryTally } from "./delivery_tally.ts";
import { EFFECT, Effects } from "./effects.ts";
import type { Lender } from "./lender.ts";
import type { RuleId } from "./rules.ts";
import type { Tcb } from "./tcb.ts";

/** Counters of the machine, by name in the host's summary. */
export class MachineCounters {
  challengeAcks = 0;
  challengeAcksHeld = 0;
  pawsDrops = 0;
  outsideWindow = 0;
  outOfOrder = 0;
  islandsRefused = 0;
  duplicates = 0;
  retransmits = 0;
  timeouts = 0;
  fastRecoveries = 0;
  tailProbes = 0;
  undone = 0;
  probes = 0;
  keepAlives = 0;
  resetsOut = 0;
  resetsIn = 0;
  partialTaken = 0;
  ecnReductions = 0;
}

/** One per host; reused for every event. */
export class MachineContext {
  nowUs = 0;
  readonly effects = new Effects();
  readonly counters = new MachineCounters();
  /** Scratch of acknowledgment processing. */
  readonly tally = new DeliveryTally();
  readonly lender: Lender;
  /** The arriving segment, null while a user call or a deadline is worked on. */
  segment: TcpSegment | null = null;
  /** ECN codepoint of the packet that brought the segment. */
  segmentEcn = 0;
  /** Its DSCP. */
  segmentDscp = 0;
  /** The rule that decided last; shown with the segment. */
  rule: RuleId = "none";
  /** Called with every rule that fires; null costs one comparison. For coverage. */
  onRule: ((rule: RuleId) => void) | null = null;
  /** Largest payload of one SEND, when the link cuts large segments; 0 = the MSS. */
  largeSendBytes = 0;
  /** Header prediction (predict.ts); off only to compare. */
  predicts = true;
  /** Start of the current second of the challenge-ACK budget, and what is left of it (RFC 5961 §7). */
  challengeWindowUs = -Infinity;
  challengeLeft = 0;

  constructor(lender: Lender) {
    this.lender = lender;
  }

  /** Notes the rule that is being applied. */
  apply(rule: RuleId): void {
    this.rule = rule;
    if (this.onRule !== null) this.onRule(rule);
  }

  /** Notes that the segment is dropped, and why. */
  drop(tcb: Tcb | null, reason: string): void {
    this.effects.push(EFFECT.DROP, tcb).drop = reason;
  }
}
