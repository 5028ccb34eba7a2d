/**
 * A short run of what `deno task fuzz` does by the million, always the same; and every input that it has ever found, by name.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { keptFindings, takeAgain } from "./fuzz_findings.ts";
import { isHostTarget, RULE_COUNT, runTarget, TARGET_NAMES } from "./fuzz_runs.ts";
import { FuzzWorld, type Step } from "./fuzz_world.ts";
import { HOST_V4 } from "../tcp/wire_ends.ts";
import { live, optionsOf, relive, shortened } from "./host_lives.ts";

const SEED = 20_261_129;
const INPUTS = { bytes: 3_000, text: 300, host: 40_000 } as const;

function inputsFor(target: string): number {
  if (isHostTarget(target)) return INPUTS.host;
  return TARGET_NAMES.indexOf(target) < TARGET_NAMES.indexOf("fault spec") ? INPUTS.bytes : INPUTS.text;
}

for (const target of TARGET_NAMES) {
  Deno.test(`fuzz: many inputs for ${target}`, () => {
    const witness = { states: new Map<string, number>(), rules: new Set<string>() };
    const { findings, inputs, taken } = runTarget(target, { seed: SEED, inputs: inputsFor(target), witness });
    for (const { error } of findings) throw error;
    assertEquals(inputs, inputsFor(target));
    // Inputs that are all refused at the door would say nothing of what is behind it.
    assert(taken > inputs / 100, `only ${taken} of ${inputs} were taken`);
    if (!isHostTarget(target)) return;
    const states = [
      "SYN_SENT",
      "SYN_RCVD",
      "ESTABLISHED",
      "FIN_WAIT_1",
      "FIN_WAIT_2",
      "CLOSE_WAIT",
      "CLOSING",
    ];
    for (const state of [...states, "LAST_ACK", "TIME_WAIT"]) {
      assert(witness.states.has(state), `no frame in ${state}`);
    }
    assert(witness.rules.size > RULE_COUNT * 0.9, `only ${witness.rules.size} of ${RULE_COUNT} rules fired`);
  });
}

for (const finding of keptFindings()) {
  Deno.test(`fuzz, found once: ${finding.name}`, () => takeAgain(finding));
}

Deno.test("fuzz: a second host's frames are counted without the first's", () => {
  const witness = { states: new Map<string, number>(), rules: new Set<string>() };
  const first = runTarget("host", { seed: SEED, inputs: 500, witness });
  const again = runTarget("host", { seed: SEED, inputs: 500, witness });
  assert(first.taken > 0);
  assertEquals(again.taken, first.taken);
});

Deno.test("fuzz: a life can be lived again from its steps", () => {
  const steps: Step[] = [];
  live(SEED, { record: steps });
  relive(optionsOf(SEED), steps);
});

Deno.test("fuzz: a life that breaks something is shortened to the steps that do", () => {
  const steps: Step[] = [];
  live(SEED, { record: steps });
  // An exception of our own making: nobody connects to himself.
  const broken: Step = { kind: "connect", address: HOST_V4, port: 80 };
  const withIt = [...steps.slice(0, 40), broken, ...steps.slice(40)];
  assertThrows(() => relive(optionsOf(SEED), withIt), Error, "not the address of another host");
  assertEquals(shortened(optionsOf(SEED), withIt), [broken]);
});

Deno.test("fuzz: the world notices what must not be", () => {
  const world = new FuzzWorld(optionsOf(SEED));
  const frame = new Uint8Array(60);
  // A host that speaks in another's name, and in a frame that no one can read.
  assertThrows(() => world.link.send(frame, 60), Error, "another's hardware address");
  assertThrows(() => world.link.send(frame, 10), Error, "no one can read");
});
