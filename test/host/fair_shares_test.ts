/**
 * Who gives way when something has run out: whoever has most, down to one level; who has little loses nothing.
 *
 * Owns: the properties, and the level found in another way. Must not know: what has run out.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import fc from "fast-check";
import { chooseVictims, type Holder } from "../../src/host/fair_shares.ts";

type Item = Holder<number>;

const HOLDERS = fc.array(
  fc.record({ peer: fc.nat(7), weight: fc.integer({ min: 1, max: 50 }), order: fc.nat(1000) }),
  { maxLength: 60 },
).map((list): Item[] => list.map((about, item) => ({ item, ...about })));

function weightsByPeer(holders: readonly Item[]): Map<Item["peer"], number> {
  const weights = new Map<Item["peer"], number>();
  for (const { peer, weight } of holders) weights.set(peer, (weights.get(peer) ?? 0) + weight);
  return weights;
}

/** The level above which the peers together hold `amount`, by halving. */
function levelFor(weights: readonly number[], amount: number): number {
  let low = 0;
  let high = Math.max(0, ...weights);
  for (let i = 0; i < 60; i++) {
    const level = (low + high) / 2;
    const above = weights.reduce((sum, weight) => sum + Math.max(0, weight - level), 0);
    if (above >= amount) low = level;
    else high = level;
  }
  return low;
}

Deno.test("of whoever has most so much goes as is asked for, and no more than one too many", () => {
  fc.assert(fc.property(HOLDERS, fc.integer({ min: 1, max: 2000 }), (holders, amount) => {
    const victims = chooseVictims(holders, { amount }).map((item) => holders[item]);
    assertEquals(new Set(victims).size, victims.length, "nobody goes twice");
    const total = holders.reduce((sum, { weight }) => sum + weight, 0);
    const shed = victims.reduce((sum, { weight }) => sum + weight, 0);
    assertGreaterOrEqual(shed, Math.min(amount, total));
    const last = victims.at(-1);
    if (last !== undefined) assertLess(shed - last.weight, amount, "the last one need not have gone");
  }));
});

Deno.test("who has no more than the level loses nothing, and nobody is brought further below it than by one", () => {
  fc.assert(fc.property(HOLDERS, fc.integer({ min: 1, max: 2000 }), (holders, amount) => {
    const weights = weightsByPeer(holders);
    const level = levelFor([...weights.values()], amount);
    for (const item of chooseVictims(holders, { amount })) {
      const { peer, weight } = holders[item];
      const left = weights.get(peer) ?? 0;
      assert(left > level - 1e-6, `a peer with ${left} loses ${weight} although ${level} is everyone's`);
      weights.set(peer, left - weight);
    }
  }));
});

Deno.test("of one peer those go whose order is lowest, and in this order", () => {
  fc.assert(fc.property(HOLDERS, fc.integer({ min: 1, max: 2000 }), (holders, amount) => {
    const victims = chooseVictims(holders, { amount }).map((item) => holders[item]);
    for (const peer of weightsByPeer(holders).keys()) {
      const gone = victims.filter((victim) => victim.peer === peer).map(({ order }) => order);
      assertEquals(gone, gone.toSorted((a, b) => a - b));
      const stay = holders.filter((holder) => holder.peer === peer && !victims.includes(holder));
      for (const { order } of stay) assertGreaterOrEqual(order, gone.at(-1) ?? -Infinity);
    }
  }));
});

Deno.test("one with little among thousands of the greedy: only they lose, whatever the order", () => {
  const holders: Item[] = [];
  for (let item = 0; item < 5000; item++) {
    holders.push({ item, peer: item % 2, weight: 1, order: 1_000_000 + item });
  }
  // The honest one's are older than all of theirs.
  for (let i = 0; i < 20; i++) holders.push({ item: 5000 + i, peer: "honest", weight: 1, order: i });
  for (const amount of [1, 100, 4900]) {
    for (const item of chooseVictims(holders, { amount })) assertLess(item, 5000, `${amount} are wanted`);
  }
  assertEquals(chooseVictims(holders, { amount: 1 }), [0]);
});

Deno.test("nothing to choose from", () => {
  assertEquals(chooseVictims([], { amount: 10 }), []);
  assertEquals(chooseVictims([{ item: 1, peer: 0, weight: 5, order: 0 }], { amount: 0 }), []);
});

Deno.test("who has no more than the least loses nothing, even where that is not enough", () => {
  fc.assert(fc.property(HOLDERS, fc.integer({ min: 1, max: 2000 }), fc.nat(400), (holders, amount, least) => {
    const before = weightsByPeer(holders);
    const gone = new Set(chooseVictims(holders, { amount, least }));
    const left = weightsByPeer(holders.filter(({ item }) => !gone.has(item)));
    for (const [peer, weight] of before) {
      if (weight <= least) assertEquals(left.get(peer), weight);
      else if (weight - (left.get(peer) ?? 0) > 0) assertGreaterOrEqual((left.get(peer) ?? 0) + 50, least);
    }
    assertEquals(chooseVictims(holders, { amount, least: 0 }), chooseVictims(holders, { amount }));
  }));
});
