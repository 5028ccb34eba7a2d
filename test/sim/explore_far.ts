/**
 * The explorer's far searches, part of `deno task test:long`: the same properties as in explorer_test.ts, with more losses,
 * timeouts and aborts on one path.
 */
import { explore } from "./explorer.ts";
import { FAR, NEAR } from "./reaches.ts";

/** Local choice: three times what any of the searches needs. */
const MOST_PATHS = 400_000;
const MOST_DEPTH = 100;

let failed = 0;
for (const reach of [...NEAR, ...FAR]) {
  const beganMs = performance.now();
  try {
    const { states, paths, depth, isComplete } = explore({ ...reach, depth: MOST_DEPTH, paths: MOST_PATHS });
    const seconds = ((performance.now() - beganMs) / 1000).toFixed(1);
    console.log(`${reach.name}: ${states} states, ${paths} paths, up to ${depth} steps, ${seconds} s`);
    if (!isComplete || states < reach.leastStates) {
      console.error(`  expected an end, and ${reach.leastStates} states or more`);
      failed++;
    }
  } catch (error) {
    console.error(`${reach.name}: ${error instanceof Error ? error.message : error}`);
    failed++;
  }
}
Deno.exit(failed > 0 ? 1 : 0);
