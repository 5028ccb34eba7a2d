/**
 * How fast a connection is under loss, in virtual time: near what the model of Mathis allows, and without sending much more
 * again than was lost. docs/simulation.md has the figures at length.
 */
import { assert } from "@std/assert";
import { boundMegabitsPerSecond, type LossCase, measureLoss } from "../../scripts/simulate_loss.ts";

const COMMON = { roundTripMs: 20, reorder: 0, transferBytes: 3_000_000 } as const;

const CASES: readonly (LossCase & { readonly leastShare: number })[] = [
  {
    ...COMMON,
    name: "CUBIC, 1 %",
    lossRate: 0.01,
    tcp: { congestionControl: "cubic" },
    leastShare: 0.75,
  },
  {
    ...COMMON,
    name: "Reno, 1 %",
    lossRate: 0.01,
    tcp: { congestionControl: "reno" },
    leastShare: 0.65,
  },
  {
    ...COMMON,
    name: "CUBIC, 1 %, 2 % out of order",
    lossRate: 0.01,
    reorder: 0.02,
    tcp: { congestionControl: "cubic" },
    leastShare: 0.7,
  },
  {
    ...COMMON,
    name: "CUBIC, 5 %",
    lossRate: 0.05,
    tcp: { congestionControl: "cubic" },
    leastShare: 0.55,
  },
  {
    ...COMMON,
    name: "NewReno without SACK, 5 %",
    lossRate: 0.05,
    tcp: { congestionControl: "reno", sack: false },
    leastShare: 0.3,
  },
];

for (const given of CASES) {
  Deno.test(`throughput under loss: ${given.name}`, () => {
    const bound = boundMegabitsPerSecond(given);
    const runs = [11, 12, 13].map((seed) => measureLoss(given, seed));
    const speed = runs.reduce((sum, run) => sum + run.megabitsPerSecond, 0) / runs.length;
    assert(
      speed >= given.leastShare * bound,
      `${speed.toFixed(2)} Mbit/s is ${(speed / bound * 100).toFixed(0)} % of the bound`,
    );
    const again = runs.reduce((sum, run) => sum + run.retransmits / run.segments, 0) / runs.length;
    assert(again < 1.4 * given.lossRate + 0.005, `${(again * 100).toFixed(2)} % sent again`);
  });
}
