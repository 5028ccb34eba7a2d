/**
 * Many inputs for one target: each made from a seed and its own number, so that any of them can be made again alone.
 *
 * Owns: making inputs for parsers and readers, running them, what is measured of a run, and what a failure is told as. Must
 * not know: how many inputs a day has (fuzz.ts), the kept findings (fuzz_findings.ts).
 */
import { SeededRandom } from "../../src/link/seeded_random.ts";
import { RULES } from "../../src/tcp/rules.ts";
import { type Step, type WorldOptions } from "./fuzz_world.ts";
import { FRAMES_PER_LIFE, type LifeWitness, live, optionsOf, shortened } from "./host_lives.ts";
import { fillWithNoise, mutateBytes, mutateText } from "./input_mutations.ts";
import { PARSER_TARGETS, type ParserTarget, REFUSED } from "./parser_targets.ts";
import { TEXT_TARGETS, type TextTarget } from "./text_targets.ts";

/** An input that broke something. */
export type Finding =
  | { readonly target: string; readonly bytes: Uint8Array; readonly error: unknown }
  | { readonly target: string; readonly text: string; readonly error: unknown }
  | {
    readonly target: HostTarget;
    readonly options: WorldOptions;
    readonly steps: readonly Step[];
    readonly error: unknown;
  };

/** What a run of one target came to. */
export interface RunResult {
  readonly target: string;
  readonly inputs: number;
  /** Inputs that the parser took, or frames that met a connection. */
  readonly taken: number;
  readonly seconds: number;
  /** The slowest input (of the host: the slowest life), milliseconds, the least of three runs. */
  readonly slowestMs: number;
  readonly findings: readonly Finding[];
}

/** What was asked of a run. */
interface RunOrder {
  readonly seed: number;
  readonly inputs: number;
  readonly onProgress?: () => void;
}

/** The names of the whole host as a target, and the version of IP that each speaks. */
export const HOST_TARGETS = { "host": 4, "host over IPv6": 6 } as const;
type HostTarget = keyof typeof HOST_TARGETS;
/** All targets, the host last. */
export const TARGET_NAMES: readonly string[] = [
  ...PARSER_TARGETS.map(({ name }) => name),
  ...TEXT_TARGETS.map(({ name }) => name),
  ...Object.keys(HOST_TARGETS),
];
/** How many rules the machine has; `none` is not one. */
export const RULE_COUNT = Object.keys(RULES).length - 1;

/** Where an input stands in its buffer; what is around it is noise. */
const MOST_INPUT_BYTES = 2048;
const MOST_OFFSET_BYTES = 32;
/** Findings of one target in one run after which it stops: they will be one and the same. */
const MOST_FINDINGS = 5;
/** Looked at again when it took longer; local choice: a thousand times what the slowest should take. */
const SLOW_MS = 250;
const GOLDEN_GAMMA = 0x9e3779b9;

/** Runs one target. */
export function runTarget(name: string, order: RunOrder & { readonly witness: LifeWitness }): RunResult {
  const parser = PARSER_TARGETS.find((target) => target.name === name);
  if (parser !== undefined) return runParser(parser, order);
  const reader = TEXT_TARGETS.find((target) => target.name === name);
  if (reader !== undefined) return runReader(reader, order);
  if (isHostTarget(name)) return runHost(name, order);
  throw new Error(`There is no target ${name}; the targets are ${TARGET_NAMES.join(", ")}`);
}

function runParser(target: ParserTarget, order: RunOrder): RunResult {
  const bytes = new Uint8Array(MOST_INPUT_BYTES);
  fillWithNoise(bytes, 0, new SeededRandom(order.seed));
  const once = (index: number): { taken: boolean; finding: Finding | null } => {
    const { offset, length, random } = makeInput(target, bytes, { seed: order.seed, index });
    try {
      const read = target.read(bytes, offset, length);
      // What stands behind must not matter: now and then it is changed, and the input read again.
      if (index % 8 === 0) {
        fillWithNoise(bytes, offset + length, random);
        const again = target.read(bytes, offset, length);
        if (again !== read) throw new Error("It reads beyond its end: other bytes there, another result");
      }
      return { taken: read !== REFUSED, finding: null };
    } catch (error) {
      return {
        taken: false,
        finding: { target: target.name, bytes: bytes.slice(offset, offset + length), error },
      };
    }
  };
  return runMany(target.name, order, once);
}

function makeInput(
  target: ParserTarget,
  bytes: Uint8Array,
  which: { readonly seed: number; readonly index: number },
): { offset: number; length: number; random: SeededRandom } {
  const random = new SeededRandom(which.seed + Math.imul(which.index, GOLDEN_GAMMA), target.name.length);
  const offset = random.below(MOST_OFFSET_BYTES);
  const seed = random.pick(target.seeds);
  bytes.set(seed, offset);
  let length = seed.length;
  if (random.chance(0.02)) {
    // Noise from the first byte on.
    length = random.below(200);
    fillWithNoise(bytes.subarray(offset, offset + length), 0, random);
  } else {
    const whole = bytes.subarray(offset);
    length = mutateBytes(whole, length, { random, changes: random.below(5) });
  }
  if (target.mend !== undefined && random.chance(0.8)) target.mend(bytes, offset, length);
  return { offset, length, random };
}

function runReader(target: TextTarget, order: RunOrder): RunResult {
  return runMany(target.name, order, (index) => {
    const random = new SeededRandom(order.seed + Math.imul(index, GOLDEN_GAMMA), target.name.length);
    const text = mutateText(random.pick(target.seeds), random);
    try {
      return { taken: target.read(text), finding: null };
    } catch (error) {
      return { taken: false, finding: { target: target.name, text, error } };
    }
  });
}

/** Whether a target is a whole host. */
export function isHostTarget(name: string): name is HostTarget {
  return name in HOST_TARGETS;
}

function runHost(target: HostTarget, order: RunOrder & { readonly witness: LifeWitness }): RunResult {
  const { witness } = order;
  const metBefore = framesMet(witness);
  const lives = Math.ceil(order.inputs / FRAMES_PER_LIFE);
  const result = runMany(target, { ...order, inputs: lives }, (index, isAgain) => {
    const seed = (order.seed + Math.imul(index, GOLDEN_GAMMA)) | 0;
    try {
      live(seed, { ip: HOST_TARGETS[target], witness: isAgain ? null : witness });
      return { taken: true, finding: null };
    } catch (error) {
      return { taken: false, finding: hostFinding(target, { seed, error }) };
    }
  });
  const taken = framesMet(witness) - metBefore;
  return { ...result, inputs: result.inputs * FRAMES_PER_LIFE, taken };
}

/** Frames that met a connection so far, in the lives of all targets that the witness has seen. */
function framesMet({ states }: LifeWitness): number {
  return [...states].reduce((sum, [state, count]) => state === "none" ? sum : sum + count, 0);
}

/** The life again, with its steps written down, and as short as it can be. */
function hostFinding(
  target: HostTarget,
  { seed, error }: { readonly seed: number; readonly error: unknown },
): Finding {
  const ip = HOST_TARGETS[target];
  const steps: Step[] = [];
  try {
    live(seed, { ip, record: steps });
  } catch {
    // As before; the steps are what is wanted.
  }
  const options = optionsOf(seed, ip);
  return { target, options, steps: shortened(options, steps), error };
}

function runMany(
  target: string,
  order: RunOrder,
  once: (index: number, isAgain: boolean) => { taken: boolean; finding: Finding | null },
): RunResult {
  const findings: Finding[] = [];
  let taken = 0;
  let slowestMs = 0;
  const beganMs = performance.now();
  let index = 0;
  for (let lastMs = beganMs; index < order.inputs && findings.length < MOST_FINDINGS; index++) {
    const one = once(index, false);
    if (one.taken) taken++;
    if (one.finding !== null) findings.push(one.finding);
    const nowMs = performance.now();
    if (nowMs - lastMs > slowestMs && one.finding === null) {
      slowestMs = leastMs(nowMs - lastMs, () => once(index, true));
    }
    lastMs = performance.now();
    if (index % 0x10000 === 0) order.onProgress?.();
  }
  if (slowestMs > SLOW_MS) {
    const error = new Error(`An input of "${target}" takes ${slowestMs.toFixed(0)} ms`);
    findings.push({ target, text: `seed ${order.seed}`, error });
  }
  return { target, inputs: index, taken, seconds: (performance.now() - beganMs) / 1000, slowestMs, findings };
}

/** Somebody else may have had the core: only what is slow every time is slow. */
function leastMs(firstMs: number, again: () => void): number {
  if (firstMs < 1) return firstMs;
  let least = firstMs;
  for (let run = 0; run < 2; run++) {
    const beganMs = performance.now();
    again();
    least = Math.min(least, performance.now() - beganMs);
  }
  return least;
}
