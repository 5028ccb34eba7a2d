/**
 * MachineContext: what every procedure of the machine is handed beside the TCB.
 *
 * Owns: time, the effects queue, the rule in force, the arriving segment. Must not know: where time and
 * randomness come from.
 */
import { TcpSegment } from "../wire/tcp.ts";
import { ArrivingSegment } from "./arriving_segment.ts";
import { EFFECT, Effects } from "./effects.ts";
import type { BufferPool } from "./fast/buffer_pool.ts";
import { RateSample } from "./rate_sample.ts";
import type { RuleId } from "./rules.ts";
import type { Tcb } from "./tcb.ts";

/** Counters of the machine, by name in the host's summary. */
export class MachineCounters {
  challengeAcks = 0;
  challengeAcksHeld = 0;
  answersHeld = 0;
  pawsDrops = 0;
  outsideWindow = 0;
  /** ICMP messages about a segment that is not in flight. */
  icmpOutsideWindow = 0;
  outOfOrder = 0;
  outOfOrderRefused = 0;
  duplicates = 0;
  retransmits = 0;
  /** Of these, SYNs and SYN,ACKs. */
  synRetransmits = 0;
  timeouts = 0;
  fastRecoveries = 0;
  tailProbes = 0;
  undone = 0;
  probes = 0;
  keepAlives = 0;
  /** Segments that a device cuts off larger ones, beyond the first of each. */
  partsCut = 0;
  resetsOut = 0;
  resetsIn = 0;
  partialTaken = 0;
  /** Segments whose text was not taken because memory was short. */
  memoryRefused = 0;
  ecnReductions = 0;
}

/** One per host; reused for every event. */
export class MachineContext {
  /** Now; what is sent leaves at this time or a little later. */
  nowUs = 0;
  /**
   * When the segment in hand arrived, `nowUs` or a little earlier: what is measured from arrivals (round trips, losses)
   * counts by it, and events tell it. The same as `nowUs` while a user call or a deadline is worked on.
   */
  arrivedUs = 0;
  readonly effects: Effects = new Effects();
  readonly counters = new MachineCounters();
  /** What the acknowledgment in hand tells. */
  readonly sample: RateSample = new RateSample();
  readonly pool: BufferPool;
  /** The segment in hand. */
  readonly arriving: ArrivingSegment = new ArrivingSegment(new TcpSegment());
  /** Flag bits of the segment in hand, -1 while a user call or a deadline is worked on. */
  arrivingFlags = -1;
  /** ECN codepoint of the packet that brought the segment. */
  segmentEcn = 0;
  /** Its DSCP. */
  segmentDscp = 0;
  /** The rule that decided last; shown with the segment. */
  rule: RuleId = "none";
  /** Called with every rule that fires; null costs one comparison. For coverage. */
  onRule: ((rule: RuleId) => void) | null = null;
  /** Header prediction (fast/header_prediction.ts); off only to compare. */
  predicts = true;
  /** Start of the current second of the host's budget of challenge ACKs, and what is left of it (answer_limit.ts). */
  challengeWindowUs = -Infinity;
  challengeLeft = 0;
  /** State of {@link MachineContext.random}; the host begins it with what nobody outside can know. */
  randomState = 1;

  constructor(pool: BufferPool) {
    this.pool = pool;
  }

  /** A user call or a deadline is worked on from now on, at this time. */
  setNow(nowUs: number): void {
    this.nowUs = nowUs;
    this.arrivedUs = nowUs;
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

  /** A number from 0 to `bound` - 1 (Marsaglia's xorshift): for bounds that nobody outside should be able to count. */
  random(bound: number): number {
    let state = this.randomState;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.randomState = state;
    return (state >>> 0) % bound;
  }
}
