/**
 * The transition table and the machine say the same: every row is walked, and every change of state is a row
 * (RFC 9293 §3.3.2, Figure 5).
 */
import { assert, assertEquals } from "@std/assert";
import { TRANSITIONS } from "../../src/tcp/transitions.ts";
import { isOf } from "./row_steps.ts";
import { TRANSITION_WALKS } from "./transition_walks.ts";

Deno.test("the rows of the transition table have ids of their own", () => {
  assertEquals(new Set(TRANSITIONS.map(({ id }) => id)).size, TRANSITIONS.length);
});

Deno.test("there is a walk for each row, and a row for each walk", () => {
  assertEquals(Object.keys(TRANSITION_WALKS).sort(), TRANSITIONS.map(({ id }) => id).sort());
});

for (const row of TRANSITIONS) {
  Deno.test(`row ${row.id}: ${row.from}, ${row.event} -> ${row.to} (${row.rfc})`, () => {
    const walk = TRANSITION_WALKS[row.id];
    assert(walk !== undefined);
    const { transitions } = walk();
    const event = transitions.find((one) => isOf(row, one));
    const seen = transitions.map(({ from, to, cause, recv, send }) =>
      `${from}>${to} ${cause} ${recv} ${send}`
    );
    assert(event !== undefined, `seen: ${seen.join("; ")}`);
    assertEquals(event.send ?? null, row.send, "what goes out with it");
    assertEquals(event.rfc, row.rfc);
    // And nothing else changed on the way that no row allows.
    for (const one of transitions) {
      assert(TRANSITIONS.some((any) => isOf(any, one)), `${one.from}>${one.to} is no row`);
    }
  });
}
