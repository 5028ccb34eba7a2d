/** A set whose oldest member is at hand: compared with a list, whatever is added, deleted and asked for. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { OldestFirst } from "../../src/host/oldest_first.ts";

const STEP = fc.oneof(
  fc.record({ act: fc.constant("add"), item: fc.nat(9) }),
  fc.record({ act: fc.constant("delete"), item: fc.nat(9) }),
  fc.record({ act: fc.constant("look"), item: fc.constant(0) }),
  fc.record({ act: fc.constant("take"), item: fc.constant(0) }),
);

Deno.test("oldest first: the same as a list, one step after the other", () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 80 }), (steps) => {
      const set = new OldestFirst<number>();
      let list: number[] = [];
      for (const { act, item } of steps) {
        if (act === "add") {
          set.add(item);
          if (!list.includes(item)) list.push(item);
        } else if (act === "delete") {
          assertEquals(set.delete(item), list.includes(item));
          list = list.filter((other) => other !== item);
        } else {
          const { oldest } = set;
          assertEquals(oldest, list[0] ?? null);
          if (act === "take" && oldest !== null) {
            set.delete(oldest);
            list.shift();
          }
        }
        assertEquals(set.size, list.length);
      }
    }),
    { numRuns: 2000 },
  );
});
