/**
 * Two hosts over bad paths in virtual time: some hundred seeds, and every scenario that ever failed. Thousands more:
 * `deno task test:long`.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { NO_FAULTS } from "../../src/link/fault_spec.ts";
import { type Scenario, scenarioOf } from "./scenario.ts";
import { failureText, keptScenarios, runSeeds } from "./seed_runs.ts";
import { simulate } from "./simulation.ts";
import { SimulationFailure } from "./talker.ts";
import { FAMILY, IPV6_FAMILY } from "../tcp/family.ts";

const SEEDS = 600;
const SEEDS_A_TEST = 100;

for (let from = 1; from <= SEEDS; from += SEEDS_A_TEST) {
  const to = from + SEEDS_A_TEST - 1;
  Deno.test(`simulation: seeds ${from} to ${to}: every byte once and in order, both sides CLOSED, no storm`, () => {
    const { failures } = runSeeds(from, to);
    assertEquals(failures.length, 0, failureText(failures));
  });
}

for (const { found, scenario, ip, mostSeconds = Infinity } of keptScenarios()) {
  Deno.test(`simulation: once failed (seed ${scenario.seed}): ${found}`, () => {
    const { transferSeconds } = simulate(scenario, { family: ip === "IPv6" ? IPV6_FAMILY : FAMILY });
    assert(transferSeconds <= mostSeconds, `took ${transferSeconds} s, above ${mostSeconds}`);
  });
}

Deno.test("simulation: the same scenario takes the same course", () => {
  for (const seed of [3, 17, 42]) {
    assertEquals(simulate(scenarioOf(seed)), simulate(scenarioOf(seed)));
  }
});

Deno.test("simulation: the seeds of this test try every shape and weather, and really disturb", () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { shape, weather } = scenarioOf(seed);
    seen.add(shape).add(weather);
  }
  assertEquals(seen.size, 15 + 9, [...seen].join(" "));
  const lossy = scenarioOf(1);
  const { faults } = simulate({
    ...lossy,
    faults: { ...lossy.faults, in: { ...NO_FAULTS, drop: 0.1 }, out: { ...NO_FAULTS, duplicate: 0.5 } },
  });
  assert((faults.in?.dropped ?? 0) + (faults.out?.duplicated ?? 0) > 0);
});

/** A scenario without faults in which the ends expect of each other what `change` says. */
function brokenScenario(change: { expectBytes?: number; expectSalt?: number }): Scenario {
  const plan = { sendBytes: 5000, expectBytes: 5000, sendSalt: 1, expectSalt: 1 };
  return {
    ...scenarioOf(1),
    faults: { seed: 1, in: NO_FAULTS, out: NO_FAULTS },
    mayAbort: false,
    connections: [{ opensUs: 0, port: 0, isSimultaneous: false, plans: [plan, { ...plan, ...change }] }],
  };
}

Deno.test("simulation: notices a byte that is wrong, and bytes that are missing", () => {
  simulate(brokenScenario({}));
  assertThrows(() => simulate(brokenScenario({ expectSalt: 2 })), SimulationFailure, "wrong byte at 0");
  assertThrows(
    () => simulate(brokenScenario({ expectBytes: 5001 })),
    SimulationFailure,
    "5000 of 5001 bytes",
  );
  assertThrows(
    () => simulate(brokenScenario({ expectBytes: 4999 })),
    SimulationFailure,
    "more bytes than were sent",
  );
});
