/**
 * runScript: a script from its first step to its last, against the true host, on a clock that is a number.
 *
 * Owns: the order of steps and their times, and how the parts that play them are put together. Must not know: real time, files, what a
 * step's kind does (packet_steps.ts, call_steps.ts, shell_steps.ts, code.ts).
 */
import { LinkError } from "../link/link.ts";
import type { FrameTap } from "../link/tap.ts";
import { DEFAULT_TCP_CONFIG } from "../tcp/config.ts";
import type { Observer } from "../tcp/events.ts";
import type { Profile } from "../tcp/profile.ts";
import { CallSteps } from "./call_steps.ts";
import { type CodeNames, evaluateCode } from "./code.ts";
import { stepsFor } from "./conditions.ts";
import { EventLog, type TraceEntry } from "./event_log.ts";
import { type CallOutcome, type Kernel, type KernelFactory, UnsupportedConstruct } from "./kernel.ts";
import { PacketSteps, type StepDue } from "./packet_steps.ts";
import { printStep } from "./print_script.ts";
import { type RunConfig, runConfig, type RunWishes } from "./run_config.ts";
import {
  carryOut,
  type SettingsInForce,
  settingsOf,
  type ShellGround,
  type TrueShell,
} from "./shell_steps.ts";
import { dueTime, secondsText, timeFault, toleranceUs } from "./timing.ts";
import type { CallEvent, Place, Script, Step } from "./values.ts";
import { StepFailed, type Verdict } from "./verdict.ts";
import { type LiveWire, WireFailed, World, WorldExhausted } from "./world.ts";

export type { TraceEntry, Verdict };

/** How a script is run. */
export interface RunOptions {
  readonly profile: Profile;
  readonly kernel: KernelFactory;
  readonly wishes?: RunWishes;
  /** Told of each step and of what the host does, in order. */
  readonly onTrace?: (entry: TraceEntry) => void;
  /** Hears of every frame; times since 1970. */
  readonly tap?: FrameTap;
  /** Hears of every event of the host. */
  readonly observe?: Observer;
  /** Wall clock at the beginning, microseconds since 1970; 0 when absent. */
  readonly epochUs?: number;
  /** The host stands on this wire, and time is real; {@link RunWishes.localAddress} is its address there. */
  readonly wire?: LiveWire;
  /** Whether the real time that the script may take is over. */
  readonly isOutOfTime?: () => boolean;
  /** Carries out lines that nobody here understands; without it they are `unsupported`. */
  readonly shell?: TrueShell;
}

/** How a script went. */
export interface RunResult {
  readonly verdict: Verdict;
  /** Time that passed in the script's world, microseconds. */
  readonly virtualUs: number;
  /** Steps that were played, the last one among them where it failed. */
  readonly steps: number;
}

/** Runs a script. Never throws for what is in it. */
export function runScript(script: Script, options: RunOptions): RunResult {
  const read = runConfig(script, options.wishes ?? {});
  if ("problem" in read) return { verdict: read.problem, virtualUs: 0, steps: 0 };
  try {
    return new ScriptRun(script, { config: read.config, options }).run();
  } catch (error) {
    if (isOfWire(error)) {
      const verdict = wireVerdict(error, { place: NO_PLACE, actual: "so from the beginning" });
      return { verdict, virtualUs: 0, steps: 0 };
    }
    // The world cannot be made of what the script's options say.
    const isAddressGiven = options.wishes?.localAddress !== undefined;
    const place = (isAddressGiven ? undefined : script.options[0]?.place) ?? NO_PLACE;
    return { verdict: { kind: "error", place, message: ownWords(error) }, virtualUs: 0, steps: 0 };
  }
}

/** Of what is not in the script. */
const NO_PLACE: Place = { line: 0, column: 0 };

function ownWords(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isOfWire(error: unknown): error is Error {
  return error instanceof WireFailed || error instanceof LinkError;
}

/** What the script says has not failed, but nothing of it can be told from here on. */
function wireVerdict(
  { message }: Error,
  { place, actual }: { readonly place: Place; readonly actual: string },
): Verdict {
  return {
    kind: "fail",
    place,
    what: message,
    expected: "a device that carries what the stack sends",
    actual,
    rule: null,
  };
}

class ScriptRun {
  readonly #script: Script;
  readonly #config: RunConfig;
  readonly #options: RunOptions;
  readonly #log: EventLog;
  readonly #world: World;
  readonly #kernel: Kernel;
  readonly #packets: PacketSteps;
  readonly #calls: CallSteps;
  readonly #settings: SettingsInForce;
  /** What the script's code has given values to. */
  readonly #names: CodeNames = new Map();
  #played = 0;
  /** The step that is being played, for what goes wrong besides; before the first one, what whoever runs the script says. */
  #place = NO_PLACE;

  constructor(script: Script, about: { readonly config: RunConfig; readonly options: RunOptions }) {
    const { config, options } = about;
    this.#script = script;
    this.#config = config;
    this.#options = options;
    this.#settings = settingsOf(options.profile, DEFAULT_TCP_CONFIG);
    this.#log = new EventLog({ nowUs: () => this.#world.nowUs, onTrace: options.onTrace ?? null });
    this.#world = new World({
      profile: options.profile,
      localAddress: config.ends.localAddress,
      prefixLength: config.prefixLength,
      routerAddress: config.routerAddress,
      mtu: config.mtu,
      host: { pinned: config.pinned },
      ...(options.epochUs === undefined ? {} : { epochUs: options.epochUs }),
      ...(options.wire === undefined ? {} : { wire: options.wire }),
      ...(options.tap === undefined ? {} : { tap: options.tap }),
      ...(options.isOutOfTime === undefined ? {} : { isOutOfTime: options.isOutOfTime }),
    });
    const { observe } = options;
    this.#world.host.observer = observe === undefined ? this.#log.observe : (event) => {
      this.#log.observe(event);
      observe(event);
    };
    const settings = this.#settings;
    const world = this.#world;
    this.#kernel = options.kernel({
      host: world.host,
      ends: config.ends,
      get nowUs(): number {
        return world.nowUs;
      },
      get socketDefaults() {
        return settings.sockets;
      },
    });
    const note = (place: Place, text: string) => this.#note(place, text);
    this.#packets = new PacketSteps({ world, config, log: this.#log, note });
    this.#calls = new CallSteps({
      world,
      kernel: this.#kernel,
      returned: (call, outcome) => this.#returned(call, outcome),
      failed: (failure) => {
        if (!config.nonFatal.call || failure.verdict.kind !== "fail") throw failure;
        this.#note(failure.verdict.place, `let pass: ${failure.verdict.what}`);
      },
    });
    world.onProgress = () => this.#calls.progress();
    world.otherDeadlineUs = () => this.#kernel.nextDeadlineUs();
  }

  run(): RunResult {
    let verdict: Verdict = { kind: "pass" };
    try {
      this.#playAll();
    } catch (error) {
      verdict = this.#verdictOf(error);
    }
    return { verdict, virtualUs: this.#world.nowUs, steps: this.#played };
  }

  #playAll(): void {
    const { setUp, steps: parts } = this.#script;
    if (setUp !== null) {
      this.#place = setUp.place;
      carryOut(setUp, this.#shellGround());
    }
    this.#world.begin();
    let before: { readonly step: Step; readonly dueUs: number } | null = null;
    for (const step of stepsFor(parts, (name) => this.#config.defined.has(name))) {
      this.#place = step.event.place;
      this.#played++;
      const due = this.#dueOf(step, before);
      this.#play(step, due);
      before = { step, dueUs: due.fromUs ?? this.#world.nowUs };
    }
    this.#calls.finish();
    if (this.#config.strict) this.#demandSilence();
    this.#world.demandWire({ now: true });
  }

  /** Relative times count from now, but from the time of the step before where packets follow each other that are given. */
  #dueOf(step: Step, before: { readonly step: Step; readonly dueUs: number } | null): StepDue {
    const { time } = step;
    this.#world.catchUp();
    const areBothGiven = before !== null && isGiven(before.step) && isGiven(step);
    const baseUs = areBothGiven ? before.dueUs : this.#world.nowUs;
    const due = dueTime(time, baseUs);
    const beforeUs = before?.dueUs ?? null;
    const tolerance = { us: this.#config.toleranceUs, percent: this.#config.tolerancePercent };
    const slackUs = toleranceUs(tolerance, due.fromUs ?? this.#world.nowUs, beforeUs);
    if (time.base === "absolute" && before?.step.time.base === "absolute" && due.fromUs !== null) {
      if (beforeUs !== null && due.fromUs < beforeUs) {
        throw new StepFailed({
          kind: "error",
          place: step.event.place,
          message: `time goes back from ${secondsText(beforeUs)} to ${secondsText(due.fromUs)}`,
        });
      }
    }
    return { ...due, slackUs };
  }

  #play(step: Step, due: StepDue): void {
    const { event } = step;
    // A packet that is demanded may come before its time, which is then told; all else waits for it.
    const isDemanded = event.kind === "packet" && event.direction === "outbound";
    if (!isDemanded) this.#waitUntil(step, due);
    if (this.#options.onTrace !== undefined) {
      this.#trace({ line: step.place.line, kind: "step", text: printStep(step) });
    }
    switch (event.kind) {
      case "packet":
        if (event.direction === "inbound") this.#packets.give(event);
        else this.#demand(step, due);
        return;
      case "call":
        this.#calls.begin(step, event, due);
        return;
      case "shell":
        carryOut(event, this.#shellGround());
        return;
      case "code":
        this.#check(step, event.text);
    }
  }

  #demand(step: Step, due: StepDue): void {
    if (step.event.kind !== "packet") return;
    try {
      this.#packets.demand(step, step.event, due);
    } catch (error) {
      const mayPass = this.#config.nonFatal.packet && error instanceof StepFailed &&
        error.verdict.kind === "fail";
      if (!mayPass) throw error;
      this.#note(step.event.place, `let pass: ${error.verdict.kind === "fail" ? error.verdict.what : ""}`);
    }
  }

  #waitUntil(step: Step, due: StepDue): void {
    if (due.fromUs === null || due.untilUs === null) return;
    this.#world.advanceTo(due.fromUs);
    const range = { fromUs: due.fromUs, untilUs: due.untilUs, slackUs: due.slackUs };
    const fault = timeFault(range, this.#world.nowUs, "step");
    if (fault === null) return;
    throw new StepFailed({
      kind: "fail",
      place: step.event.place,
      what: fault,
      expected: printStep(step),
      actual: `the steps before took until ${secondsText(this.#world.nowUs)}`,
      rule: null,
    });
  }

  #check(step: Step, text: string): void {
    const result = evaluateCode(text, this.#kernel.variables(), { names: this.#names });
    for (const line of result.printed) this.#note(step.event.place, `prints: ${line}`);
    if (result.kind === "ok") return;
    if (result.kind === "unsupported") {
      throw new StepFailed({
        kind: "unsupported",
        construct: `%{ ${result.construct} }%`,
        place: step.event.place,
      });
    }
    throw new StepFailed({
      kind: "fail",
      place: step.event.place,
      what: "an assertion fails",
      expected: result.expected,
      actual: result.actual,
      rule: this.#log.lastRule,
    });
  }

  #returned(call: CallEvent, outcome: CallOutcome): void {
    if (call.name === "socket" && outcome.result >= 0) this.#packets.flows.socketMade();
  }

  #demandSilence(): void {
    const { lostFrames } = this.#world.link;
    const surplus = this.#packets.surplus();
    if (surplus === null && lostFrames === 0) return;
    const place = this.#place;
    const actual = surplus === null
      ? `${lostFrames} frames that no step took`
      : `${secondsText(surplus.frame.atUs)} ${this.#packets.surplusText(surplus, place)}`;
    throw new StepFailed({
      kind: "fail",
      place,
      what: "a packet that no step asks for",
      expected: "nothing more",
      actual,
      rule: surplus === null ? null : this.#log.ruleOf(surplus.frame.segment),
    });
  }

  #shellGround(): ShellGround {
    return {
      world: this.#world,
      kernel: this.#kernel,
      settings: this.#settings,
      shell: this.#options.shell ?? null,
      note: (place, text) => this.#note(place, text),
    };
  }

  #verdictOf(error: unknown): Verdict {
    if (error instanceof StepFailed) return error.verdict;
    const place = this.#place;
    if (error instanceof UnsupportedConstruct) {
      return { kind: "unsupported", construct: error.message, place };
    }
    if (error instanceof WorldExhausted) {
      return {
        kind: "fail",
        place,
        what: error.message,
        expected: "an end",
        actual: `still running at ${secondsText(this.#world.nowUs)}`,
        rule: this.#log.lastRule,
      };
    }
    if (isOfWire(error)) {
      return wireVerdict(error, { place, actual: `seen at ${secondsText(this.#world.nowUs)}` });
    }
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { kind: "error", place, message: `tcplab itself failed: ${message}` };
  }

  #note(place: Place, text: string): void {
    this.#trace({ line: place.line, kind: "note", text });
  }

  #trace(entry: Omit<TraceEntry, "atUs">): void {
    this.#options.onTrace?.({ atUs: this.#world.nowUs, ...entry });
  }
}

function isGiven({ event }: Step): boolean {
  return event.kind === "packet" && event.direction === "inbound";
}
