/**
 * CallSteps: what a system call of a script does, when it has to be done, and what it has to give.
 *
 * Owns: calls that block while the next steps run, one at a time, as packetdrill has it; the verdict on a call. Must not know: what a
 * call does (the kernel's), how results are read from a socket.
 */
import { isFinishedBy, unreadableResult } from "./call_results.ts";
import type { CallOutcome, Kernel, RunningCall } from "./kernel.ts";
import { printCall } from "./print_expression.ts";
import { secondsText, timeFault } from "./timing.ts";
import type { CallEvent, Step } from "./values.ts";
import { StepFailed, unsupportedProblem } from "./verdict.ts";
import type { StepDue } from "./packet_steps.ts";
import type { World } from "./world.ts";

/** How long a step waits for a call before it that still blocks; packetdrill's. */
const PATIENCE_US = 1_000_000;

/** What calls are played with. */
export interface CallGround {
  readonly world: World;
  readonly kernel: Kernel;
  /** Told of each call that has returned. */
  readonly returned: (call: CallEvent, outcome: CallOutcome) => void;
  /** A call that did not give what the script says: throws, or lets it pass. */
  readonly failed: (failure: StepFailed) => void;
}

/** A call that has begun, and is not judged yet. */
interface Pending {
  readonly step: Step;
  readonly call: CallEvent;
  readonly due: StepDue;
  readonly running: RunningCall;
}

/** See the file's comment. */
export class CallSteps {
  readonly #ground: CallGround;
  #pending: Pending | null = null;

  constructor(ground: CallGround) {
    this.#ground = ground;
  }

  /** Calls that block look again, and one that has returned is judged. Throws {@link StepFailed}. */
  progress(): void {
    this.#ground.kernel.progress();
    this.#judgePending();
  }

  /** Makes a call, now. One that the script says blocks goes on while the next steps run. */
  begin(step: Step, call: CallEvent, due: StepDue): void {
    const { world, kernel } = this.#ground;
    const unreadable = unreadableResult(call);
    if (unreadable !== null) throw new StepFailed(unsupportedProblem(unreadable, call.place));
    this.#waitForPending(step, call, due);
    const running = kernel.begin(call);
    this.#pending = { step, call, due, running };
    world.settle();
    this.#judgePending();
    if (due.endUs !== null || this.#isIdle) return;
    // It blocks though the script does not say so: nothing else happens until it returns.
    while (!this.#isIdle && world.advance(Infinity));
    if (!this.#isIdle) this.#neverReturns("and nothing is due any more");
  }

  /** The script is at its end: what still blocks has to return in its time. */
  finish(): void {
    const pending = this.#pending;
    if (pending === null) return;
    const { world } = this.#ground;
    const { endUs, slackUs } = pending.due;
    const untilUs = (endUs ?? world.nowUs) + slackUs;
    while (!this.#isIdle && world.advance(untilUs));
    if (!this.#isIdle) this.#neverReturns("at the end of the script");
  }

  /** A new reading each time: whoever asks has let time pass since. */
  get #isIdle(): boolean {
    return this.#pending === null;
  }

  #waitForPending(step: Step, call: CallEvent, due: StepDue): void {
    const { world } = this.#ground;
    const untilUs = world.nowUs + PATIENCE_US;
    while (!this.#isIdle && world.advance(untilUs));
    const { pending } = { pending: this.#pending };
    if (pending === null) return;
    throw new StepFailed({
      kind: "fail",
      place: step.event.place,
      what: `the call of line ${pending.step.place.line} still blocks`,
      expected: `${secondsText(due.fromUs ?? world.nowUs)} ${printCall(call)}`,
      actual: `${secondsText(world.nowUs)} ${printCall(pending.call)} has not returned`,
      rule: null,
    });
  }

  #judgePending(): void {
    const pending = this.#pending;
    if (pending === null || pending.running.outcome === null) return;
    this.#pending = null;
    const { outcome, endedUs } = pending.running;
    this.#ground.returned(pending.call, outcome);
    const failure = this.#judge(pending, outcome, endedUs ?? this.#ground.world.nowUs);
    if (failure !== null) this.#ground.failed(failure);
  }

  #judge(pending: Pending, outcome: CallOutcome, endedUs: number): StepFailed | null {
    const { step, call, due } = pending;
    const faults: string[] = [];
    if (!isFinishedBy(call, outcome)) {
      faults.push(outcome.errno === null ? "result" : `result (${outcome.errno})`);
    }
    if (outcome.mismatch !== null) faults.push("argument");
    if (due.endUs !== null) {
      const end = { fromUs: due.endUs, untilUs: due.endUs, slackUs: due.slackUs };
      const fault = timeFault(end, endedUs, "return");
      if (fault !== null) faults.push(fault);
    }
    if (faults.length === 0) return null;
    const { mismatch } = outcome;
    const isOnlyArgument = mismatch !== null && isFinishedBy(call, outcome);
    return new StepFailed({
      kind: "fail",
      place: step.event.place,
      what: `${call.name}: ${faults.join(", ")}`,
      expected: isOnlyArgument ? mismatch.expected : printCall(call),
      actual: isOnlyArgument ? mismatch.actual : printCall(asReturned(call, outcome)),
      rule: null,
    });
  }

  #neverReturns(when: string): never {
    const pending = this.#pending;
    if (pending === null) throw new Error("no call is under way");
    const { step, call } = pending;
    throw new StepFailed({
      kind: "fail",
      place: step.event.place,
      what: `${call.name} blocks, ${when}`,
      expected: printCall(call),
      actual: `not returned at ${secondsText(this.#ground.world.nowUs)}`,
      rule: null,
    });
  }
}

/** The call with what it has given, as a script would write it. */
function asReturned(call: CallEvent, outcome: CallOutcome): CallEvent {
  const { result, errno } = outcome;
  return {
    ...call,
    result: { kind: "number", place: call.place, value: result, text: String(result) },
    errno,
    note: null,
    remark: null,
  };
}
