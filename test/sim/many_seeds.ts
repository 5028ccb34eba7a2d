/**
 * The long run: thousands of seeds, beyond those of simulation_test.ts; `deno task test:long [FIRST [COUNT]]`. Seeds that
 * fail are printed, kept in failing_seeds.json, and from then on part of every test.
 */
import { failureText, keepSeed, runSeeds } from "./seed_runs.ts";

/** Behind the seeds that every test runs. */
const FIRST = 10_001;
/** Local choice: about a minute. */
const COUNT = 10_000;
const SEEDS_A_LINE = 1000;

const [first = FIRST, count = COUNT] = Deno.args.map(Number);
if (!Number.isInteger(first) || !Number.isInteger(count)) {
  console.error("Expected the first seed and how many, as in: deno task test:long 10001 10000");
  Deno.exit(2);
}
let failed = 0;
const beganMs = performance.now();
for (let from = first; from < first + count; from += SEEDS_A_LINE) {
  const { seeds, segments, streamBytes, failures } = runSeeds(
    from,
    Math.min(from + SEEDS_A_LINE, first + count) - 1,
  );
  const seconds = ((performance.now() - beganMs) / 1000).toFixed(1);
  console.log(
    `${seconds} s: seeds ${from} to ${from + seeds - 1}: ${segments} segments, ${streamBytes} bytes, ` +
      `${failures.length} failed`,
  );
  if (failures.length > 0) {
    console.error(failureText(failures));
    for (const { seed, message } of failures) keepSeed(seed, message);
  }
  failed += failures.length;
}
Deno.exit(failed > 0 ? 1 : 0);
