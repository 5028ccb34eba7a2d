/**
 * Answers to segments that are not acceptable, and their limits (RFC 9293 §3.10.7.4, RFC 5961 §7).
 *
 * Owns: how many such answers leave. Must not know: what provoked them.
 *
 * A segment with text or FIN is always answered: its sender sends again until it hears that we have it, and an answer has
 * neither. A bare one is answered once in half a second on each connection (as Linux's `tcp_invalid_ratelimit`), so that two
 * ends that disagree cannot answer each other without end. One at RCV.NXT - 1 asks whether we are there, or whether the
 * window is open, and is counted apart, so that what a stranger provokes does not stand in its way; of these a second one is
 * answered a little sooner, because the probes of an honest peer begin close to each other and double.
 *
 * Challenge ACKs, which strangers can provoke, have a bound of the host beside that. Nobody may be able to count it: what is
 * missing from one's own answers would tell of a number guessed on another's connection (CVE-2016-5696). So it differs from
 * second to second by half, and a connection alone cannot use up more than two.
 */
import type { MachineContext } from "./context.ts";
import type { RuleId } from "./rules.ts";
import { AnswerTimes, NEVER_ANSWERED, type Tcb } from "./tcb.ts";

const SECOND_US = 1_000_000;
/** As Linux: between two answers of a connection to window and keep-alive probes. */
const ANSWER_INTERVAL_US = 500_000;
/** Local choice: window probes double from the least RTO of common stacks, 200 ms; by then they are a second apart. */
const QUICK_PROBE_ANSWER_US = 200_000;
const PROBES_ANEW_US = 1_000_000;

/** An ACK has to leave when this event is over. */
export function oweAck(tcb: Tcb, rule: RuleId): void {
  tcb.ackNow = true;
  tcb.ackRule = rule;
}

/** The third step of the handshake (RFC 9293 §3.5): now, or within the delay where text may go with it. */
export function oweHandshakeAck(context: MachineContext, tcb: Tcb): void {
  if (tcb.config.handshakeAck === "at-once") oweAck(tcb, "ack.handshake");
  else tcb.delayedAckUs = context.nowUs + tcb.config.delayedAckUs;
}

/** The ACK that an unacceptable segment gets, within the limits; the segment is the one in hand. */
export function answerUnacceptable(context: MachineContext, tcb: Tcb, rule: RuleId): void {
  const { length, seq } = context.arriving;
  const isProbe = seq === tcb.rcvNxt - 1;
  // Where several may be answered in a row, a probe needs no place of its own.
  const hasOwnPlace = isProbe && tcb.config.answersPerInterval === 1;
  if (length === 0 && !(hasOwnPlace ? takeProbeAnswer(tcb, context.nowUs) : takeAnswer(tcb, context.nowUs))) {
    context.counters.answersHeld++;
    return;
  }
  oweAck(tcb, rule);
}

/** RFC 5961: `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`, within the limits of the connection and of the host. */
export function challengeAck(context: MachineContext, tcb: Tcb, rule: RuleId): void {
  const { counters } = context;
  // The host's bound last: what the connection's own limit holds takes nothing from others.
  if (!mayAnswer(tcb, context.nowUs) || !takeFromHost(context, tcb)) {
    counters.challengeAcksHeld++;
    return;
  }
  countAnswer(tcb, context.nowUs);
  counters.challengeAcks++;
  oweAck(tcb, rule);
}

/** The connection's own record, made when it first answers: most never do. */
function timesOf(tcb: Tcb): AnswerTimes {
  if (tcb.answers === NEVER_ANSWERED) tcb.answers = new AnswerTimes();
  return tcb.answers;
}

/** Whether the connection may answer a bare segment now. */
function mayAnswer(tcb: Tcb, nowUs: number): boolean {
  const { answerUs, answers } = tcb.answers;
  const { answerIntervalUs, answersPerInterval } = tcb.config;
  return nowUs - answerUs >= answerIntervalUs || answers < answersPerInterval;
}

/** It does. */
function countAnswer(tcb: Tcb, nowUs: number): void {
  const times = timesOf(tcb);
  if (nowUs - times.answerUs >= tcb.config.answerIntervalUs) {
    times.answerUs = nowUs;
    times.answers = 0;
  }
  times.answers++;
}

/** Whether it may; then it has. */
function takeAnswer(tcb: Tcb, nowUs: number): boolean {
  if (!mayAnswer(tcb, nowUs)) return false;
  countAnswer(tcb, nowUs);
  return true;
}

/** Whether it may answer a bare segment at RCV.NXT - 1 now; then it has. */
function takeProbeAnswer(tcb: Tcb, nowUs: number): boolean {
  const sinceUs = nowUs - tcb.answers.probeAnswerUs;
  if (sinceUs < (tcb.quickAnswerGiven ? ANSWER_INTERVAL_US : QUICK_PROBE_ANSWER_US)) return false;
  if (sinceUs < ANSWER_INTERVAL_US) tcb.quickAnswerGiven = true;
  else if (sinceUs >= PROBES_ANEW_US) tcb.quickAnswerGiven = false;
  timesOf(tcb).probeAnswerUs = nowUs;
  return true;
}

function takeFromHost(context: MachineContext, tcb: Tcb): boolean {
  const { nowUs } = context;
  if (nowUs - context.challengeWindowUs >= SECOND_US || nowUs < context.challengeWindowUs) {
    const bound = tcb.config.challengeAcksPerSecond;
    const half = Math.ceil(bound / 2);
    context.challengeWindowUs = nowUs;
    context.challengeLeft = half + context.random(half + 1);
  }
  if (context.challengeLeft <= 0) return false;
  context.challengeLeft--;
  return true;
}
