/**
 * Whole lives of a fuzzed host: one seed, one life; a life that broke something can be lived again step by step, and shortened.
 *
 * Owns: how a life is set by its seed, living it, and making it as short as it can be. Must not know: which step comes
 * (host_inputs.ts), what must hold (fuzz_world.ts).
 */
import { SeededRandom } from "../../src/link/seeded_random.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { PROFILES } from "../../src/tcp/profiles.ts";
import { FuzzWorld, type Step, type WorldOptions } from "./fuzz_world.ts";
import { HostInputs } from "./host_inputs.ts";

/** Frames in a life. Local choice: long enough for a connection's whole life, short enough to be lived again. */
export const FRAMES_PER_LIFE = 250;
/** A life's settings and its steps draw from streams of their own. */
const STREAM = { options: 1, steps: 2 } as const;

/** What a life has seen. */
export interface LifeWitness {
  /** Frames by the state of the connection that they met. */
  readonly states: Map<string, number>;
  readonly rules: Set<string>;
}

/** The settings of a life. */
export function optionsOf(seed: number, ip: 4 | 6 = 4): WorldOptions {
  const random = new SeededRandom(seed, STREAM.options);
  const tcp: Partial<TcpConfig> = {
    sack: random.chance(0.8),
    timestamps: random.chance(0.8),
    windowScaling: random.chance(0.8),
    ecn: random.pick(["off", "accept", "request"]),
    noDelay: random.chance(0.5),
    congestionControl: random.pick(["cubic", "reno"]),
    synCookies: random.chance(0.7),
    maxOutOfOrderBlocks: random.pick([4, 256]),
    icmpHardErrors: random.pick(["soft", "abort"]),
    duplicateSyn: random.pick(["repeat-syn-ack", "rfc9293"]),
    timeWaitRst: random.pick(["close", "ignore"]),
    finWithoutAck: random.pick(["ack", "drop"]),
    missingTimestamp: random.pick(["drop", "accept"]),
  };
  const checksumPolicy = random.pick(["partial", "strict", "ignore"] as const);
  const others = { checksumPolicy, backlog: random.pick([1, 2, 8]), isObserved: random.chance(0.25), ip };
  // After all else, so that seeds of old findings mean what they meant.
  const habits = habitsOf(random);
  return { ...others, tcp: { ...tcp, ...habits }, fastOpen: random.pick([0, 1, 4]) };
}

/** Habits: none, a stack's, or any, each by itself. */
function habitsOf(random: SeededRandom): Partial<TcpConfig> {
  if (random.chance(0.4)) return {};
  const { linux, freebsd } = PROFILES;
  const stack = random.pick([{}, {}, linux.tcp, freebsd.tcp]);
  return {
    ...stack,
    listenSynAck: random.pick(["reset", "drop"]),
    synFin: random.pick(["take", "drop"]),
    closedPorts: random.pick(["reset", "silent-to-syn", "silent"]),
    resetCheck: random.pick(["rfc5961", "rfc793"]),
    synCheck: random.pick(["rfc5961", "rfc793"]),
    timeWaitSyn: random.pick(["challenge", "drop"]),
    timeWaitReopen: random.pick(["rfc6191", "beyond"]),
    windowUpdates: random.pick(["worthwhile", "every-ack"]),
    acceptance: random.pick(["offered", "buffer"]),
    finInAcks: random.chance(0.5),
    icmpInHandshake: random.pick(["abort", "abort-if-forbidden", "abort-at-any", "ignore"]),
    // Small, so that they are full now and then, and within the world's bound however they grow or are rounded.
    receiveBufferBytes: random.pick([4096, 12_000]),
    receiveBufferMostBytes: random.pick([0, 12_000]),
    sendBufferBytes: 12_000,
  };
}

/** Lives the life of a seed; throws what breaks in it. `record` gets copies of all steps. */
export function live(
  seed: number,
  { ip = 4, witness = null, record = null }: {
    readonly ip?: 4 | 6;
    readonly witness?: LifeWitness | null;
    readonly record?: Step[] | null;
  } = {},
): void {
  const onRule = witness === null ? null : (rule: string) => void witness.rules.add(rule);
  const world = new FuzzWorld(optionsOf(seed, ip), onRule);
  const inputs = new HostInputs(world, new SeededRandom(seed, STREAM.steps));
  for (let frames = 0; frames < FRAMES_PER_LIFE;) {
    const step = inputs.next();
    if (step.kind === "frame") frames++;
    record?.push(step.kind === "frame" ? { ...step, bytes: step.bytes.slice(0, step.length) } : step);
    takeAndCheck(world, step, witness);
  }
  world.end();
}

/** Takes kept steps in a world of their own; throws what breaks. */
export function relive(options: WorldOptions, steps: readonly Step[]): void {
  const world = new FuzzWorld(options);
  for (const step of steps) takeAndCheck(world, step, null);
  world.end();
}

function takeAndCheck(world: FuzzWorld, step: Step, witness: LifeWitness | null): void {
  world.take(step);
  if (step.kind !== "frame") {
    for (const connection of world.live) world.check(connection);
    return;
  }
  const { segmentFrom } = world.link;
  if (segmentFrom < 0) return;
  let state = "none";
  for (const connection of world.live) {
    if (connection.peerPort === segmentFrom) state = world.check(connection).state;
  }
  witness?.states.set(state, (witness.states.get(state) ?? 0) + 1);
}

/** The words by which a failure is known again. */
export function wordsOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n")[0].replace(/[:{].*$/s, "").replace(/-?\d+/g, "N").trim();
}

/**
 * As few of the steps as still break in the same words (Zeller and Hildebrandt 2002, ddmin): halves are left out, then
 * quarters, and so on to single steps.
 */
export function shortened(options: WorldOptions, steps: readonly Step[]): Step[] {
  const failure = failureOf(options, steps);
  if (failure === null) return [...steps];
  let kept = [...steps];
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < kept.length;) {
      const without = [...kept.slice(0, at), ...kept.slice(at + size)];
      if (failureOf(options, without) === failure) kept = without;
      else at += size;
    }
  }
  return kept;
}

function failureOf(options: WorldOptions, steps: readonly Step[]): string | null {
  try {
    relive(options, steps);
    return null;
  } catch (error) {
    return wordsOf(error);
  }
}
