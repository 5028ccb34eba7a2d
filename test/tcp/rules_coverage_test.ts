/**
 * Every rule has a walk that makes the machine name it, and the machine names no rule that is not in the list.
 */
import { assert, assertEquals } from "@std/assert";
import { RULES } from "../../src/tcp/rules.ts";
import { RULE_WALKS } from "./rule_walks.ts";
import { TRANSITION_WALKS } from "./transition_walks.ts";

for (const [rule, walk] of Object.entries(RULE_WALKS)) {
  Deno.test(`rule ${rule} is hit`, () => {
    const { rules } = walk();
    assert(rules.includes(rule), `only ${[...new Set(rules)].join(", ")}`);
  });
}

Deno.test("rules that fire are in the list, and each says where it comes from", () => {
  const known = new Set(Object.keys(RULES));
  const fired = [...Object.values(RULE_WALKS), ...Object.values(TRANSITION_WALKS)].flatMap((walk) =>
    walk().rules
  );
  assertEquals([...new Set(fired)].filter((rule) => !known.has(rule)), []);
  for (const { rfc, text } of Object.values(RULES)) assert(rfc.length > 0 && text.length > 0);
});
