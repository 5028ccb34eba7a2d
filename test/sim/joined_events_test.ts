/**
 * Events that can be joined: over every walk of a rule or a row, and over many simulated exchanges on bad paths, each event
 * that names a segment names the right one, and says the same about it.
 */
import { assert, assertEquals } from "@std/assert";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { demandJoined } from "../host/joined_events.ts";
import { BEGIN_AT } from "../tcp/begin_far.ts";
import { RULE_WALKS } from "../tcp/rule_walks.ts";
import { TRANSITION_WALKS } from "../tcp/transition_walks.ts";
import { scenarioOf } from "./scenario.ts";
import { simulate } from "./simulation.ts";

const SEEDS = 120;
/** What a person could still look through; the largest bulk transfers repeat what the others show. */
const MOST_EVENTS = 30_000;

for (const [what, walks] of [["rule", RULE_WALKS], ["row", TRANSITION_WALKS]] as const) {
  for (const [name, walk] of Object.entries(walks)) {
    Deno.test({
      name: `events can be joined on the walk of ${what} ${name}`,
      // begin_far.ts moves the streams when a connection opens, and here text leaves again in that very event: it is told half before.
      ignore: BEGIN_AT > 0 && name === "arrives.syn-sent.fast-open-again",
      fn: () => void demandJoined(walk().events),
    });
  }
}

Deno.test(`events can be joined on ${SEEDS} simulated exchanges, on both ends`, () => {
  const sum = new Map<string, number>();
  let skipped = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const ends: [TcpEvent[], TcpEvent[]] = [[], []];
    const keep = (end: 0 | 1) => (event: TcpEvent) => {
      if (ends[end].length <= MOST_EVENTS) ends[end].push(event);
    };
    simulate(scenarioOf(seed), { observers: [keep(0), keep(1)] });
    for (const events of ends) {
      if (events.length > MOST_EVENTS) {
        skipped++;
        continue;
      }
      try {
        const counts = demandJoined(events);
        for (const [name, count] of Object.entries(counts)) sum.set(name, (sum.get(name) ?? 0) + count);
      } catch (error) {
        throw new Error(`Seed ${seed}`, { cause: error });
      }
    }
  }
  // Each demand was made, and not once by chance.
  assertEquals([sum.size, skipped], [9, 0]);
  for (const [name, count] of sum) assert(count >= 20, `${name}: ${count}`);
});

Deno.test("a simulated exchange takes the same course whether somebody observes or not", () => {
  for (const seed of [3, 17, 42]) {
    const silent = simulate(scenarioOf(seed));
    assertEquals(simulate(scenarioOf(seed), { observers: [() => {}, () => {}] }), silent);
  }
});
