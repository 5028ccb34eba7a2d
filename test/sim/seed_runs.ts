/**
 * Running many seeds, and keeping those that failed.
 *
 * Owns: the corpus file and the line that tells how to see a failure again. Must not know: what a seed means.
 */
import type { FaultDirection } from "../../src/link/fault_spec.ts";
import { type Scenario, scenarioOf } from "./scenario.ts";
import { simulate, type SimulationReport } from "./simulation.ts";
import { FAMILY, type Family } from "../tcp/family.ts";

/** A scenario that once failed, in full: it means the same when seeds have come to mean something else. */
interface KeptScenario {
  readonly found: string;
  readonly scenario: Scenario;
  /** The version of IP over which it failed, where that was not the first. */
  readonly ip?: "IPv6";
  /** Seconds that the transfer may take, where being slow was the failure. */
  readonly mostSeconds?: number;
}

const CORPUS = new URL("./failing_seeds.json", import.meta.url);

/** All scenarios that ever failed. */
export function keptScenarios(): KeptScenario[] {
  const kept: KeptScenario[] = JSON.parse(Deno.readTextFileSync(CORPUS));
  return kept.map((one) => {
    const { scenario } = one;
    const { faults } = scenario;
    const whole = { ...faults, in: withInfinity(faults.in), out: withInfinity(faults.out) };
    return { ...one, scenario: { ...scenario, faults: whole } };
  });
}

/** JSON has no Infinity. */
function withInfinity(direction: FaultDirection): FaultDirection {
  return { ...direction, rateBitsPerSecond: direction.rateBitsPerSecond ?? Infinity };
}

/** Adds the scenario of a seed to the corpus, unless it is there. */
export function keepSeed(seed: number, found: string): void {
  const kept: KeptScenario[] = JSON.parse(Deno.readTextFileSync(CORPUS));
  if (kept.some(({ scenario }) => scenario.seed === seed)) return;
  kept.push({ found, scenario: scenarioOf(seed), ...(FAMILY.name === "IPv6" ? { ip: FAMILY.name } : {}) });
  Deno.writeTextFileSync(CORPUS, `${JSON.stringify(kept, null, 1)}\n`);
}

/** What many seeds came to. */
interface SeedsReport {
  readonly seeds: number;
  readonly segments: number;
  readonly streamBytes: number;
  readonly failures: readonly { readonly seed: number; readonly message: string }[];
}

/** Runs seeds `from` to `to`; a seed that fails does not end the run. */
export function runSeeds(from: number, to: number, family: Family = FAMILY): SeedsReport {
  const failures: { seed: number; message: string }[] = [];
  let segments = 0;
  let streamBytes = 0;
  for (let seed = from; seed <= to; seed++) {
    try {
      const report: SimulationReport = simulate(scenarioOf(seed), { family });
      segments += report.segments;
      streamBytes += report.streamBytes;
    } catch (error) {
      failures.push({ seed, message: error instanceof Error ? error.message : String(error) });
    }
  }
  return { seeds: to - from + 1, segments, streamBytes, failures };
}

/** One line a failure, with the command that shows it. */
export function failureText(failures: SeedsReport["failures"]): string {
  return failures.map(({ seed, message }) =>
    `seed ${seed}: ${message}\n  again: deno run -A test/sim/reproduce.ts ${seed}`
  ).join("\n");
}
