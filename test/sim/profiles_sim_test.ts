/**
 * Profiles over bad paths: with the habits of each the bytes arrive, nothing is left at the end, whoever the other end is, and loss
 * costs about as much as without them.
 */
import { assert } from "@std/assert";
import { boundMegabitsPerSecond, measureLoss } from "../../scripts/simulate_loss.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { PROFILES } from "../../src/tcp/profiles.ts";
import { scenarioOf } from "./scenario.ts";
import { simulate } from "./simulation.ts";

const PAIRS = [["linux", "linux"], ["linux", "rfc"], ["rfc", "linux"], ["linux", "freebsd"], [
  "freebsd",
  "linux",
]] as const;
/** Each seed is another weather and another shape of traffic; the pairs take turns. */
const SEEDS = 150;

Deno.test(`${SEEDS} scenarios with profiles: all arrives, and nothing is left (docs/simulation.md)`, () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const scenario = scenarioOf(70_000 + seed);
    const [caller, called] = PAIRS[seed % PAIRS.length];
    // What a scenario varies it varies still.
    const withHabits = (side: 0 | 1, habits: Partial<TcpConfig>) => ({ ...habits, ...scenario.tcp[side] });
    simulate({
      ...scenario,
      tcp: [withHabits(0, PROFILES[caller].tcp), withHabits(1, PROFILES[called].tcp)],
    });
  }
});

for (const lossRate of [0.01, 0.05]) {
  Deno.test(`throughput under loss with the habits of Linux: ${lossRate * 100} %`, () => {
    const { tcp } = PROFILES.linux;
    const given = {
      name: "linux",
      roundTripMs: 20,
      reorder: 0.01,
      transferBytes: 3_000_000,
      lossRate,
      tcp: { ...tcp, receiveBufferBytes: 0x100000 },
    };
    const bound = boundMegabitsPerSecond(given);
    const runs = [11, 12, 13].map((seed) => measureLoss(given, seed));
    const speed = runs.reduce((sum, run) => sum + run.megabitsPerSecond, 0) / runs.length;
    assert(speed >= 0.5 * bound, `${(speed / bound * 100).toFixed(0)} % of the bound`);
    const again = runs.reduce((sum, run) => sum + run.retransmits / run.segments, 0) / runs.length;
    assert(again < 1.4 * lossRate + 0.01, `${(again * 100).toFixed(2)} % sent again`);
  });
}
