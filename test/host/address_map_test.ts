/** AddressMap: values by addresses of both families; what meets in one place is told apart. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { addressHash } from "../../src/host/address_hash.ts";
import { AddressMap } from "../../src/host/address_map.ts";

/** Of so few addresses many are the same, and many begin alike. */
const KEY = fc.record({
  bytes: fc.array(fc.nat(2), { minLength: 16, maxLength: 16 }),
  length: fc.constantFrom(4, 8, 16),
});

Deno.test("property: agrees with a map by text under any mix of setting, taking out and looking", () => {
  const step = fc.record({ kind: fc.constantFrom("set", "set", "delete", "get"), key: KEY });
  fc.assert(fc.property(fc.integer(), fc.array(step, { maxLength: 200 }), (seed, steps) => {
    const map = new AddressMap<number>(seed);
    const model = new Map<string, number>();
    steps.forEach(({ kind, key: { bytes, length } }, number) => {
      const address = Uint8Array.from(bytes);
      const text = bytes.slice(0, length).join();
      if (kind === "set") {
        map.set(address, length, number);
        model.set(text, number);
      } else if (kind === "delete") {
        assertEquals(map.delete(address, length), model.delete(text));
      }
      assertEquals(map.get(Uint8Array.of(7, 7, ...bytes), 2, length), model.get(text) ?? null);
      assertEquals(map.size, model.size);
    });
  }));
});

/** Addresses of which all have the same hash: found by looking, as a stranger who knew the seed would. */
function meeting(seed: number, count: number): Uint8Array[] {
  const byHash = new Map<number, Uint8Array[]>();
  const address = new Uint8Array(16).fill(0xfd);
  const view = new DataView(address.buffer);
  for (let number = 0; number < 2 ** 20; number++) {
    // In two words: of addresses that differ in one word alone no two meet.
    view.setUint32(4, Math.imul(number, 0x9e3779b1));
    view.setUint32(12, Math.imul(number, 0x6c078965));
    const hash = addressHash(address, 0, 16, seed);
    const same = byHash.get(hash) ?? [];
    byHash.set(hash, same);
    same.push(address.slice());
    if (same.length === count) return same;
  }
  throw new Error("Among a million addresses no two have the same hash");
}

Deno.test("two that meet in one place are told apart, whichever goes first", () => {
  const seed = 0x1234;
  const addresses = meeting(seed, 2);
  const orders = [[0, 1], [1, 0]];
  for (const order of orders) {
    const map = new AddressMap<number>(seed);
    addresses.forEach((address, value) => map.set(address, 16, value));
    assertEquals(addresses.map((address) => map.get(address, 0, 16)), [0, 1]);
    addresses.forEach((address, value) => map.set(address, 16, value + 10));
    assertEquals([map.size, ...addresses.map((address) => map.get(address, 0, 16))], [2, 10, 11]);
    for (const [step, which] of order.entries()) {
      assert(map.delete(addresses[which], 16));
      assertEquals(map.delete(addresses[which], 16), false);
      assertEquals(map.get(addresses[which], 0, 16), null);
      assertEquals(map.size, 1 - step);
      if (step === 0) assertEquals(map.get(addresses[order[1]], 0, 16), order[1] + 10);
    }
  }
});

Deno.test("those that meet under one seed do not under another: nobody can choose addresses for a table that he does not know", () => {
  const addresses = meeting(0x1234, 2);
  let again = 0;
  for (let seed = 0; seed < 1000; seed++) {
    const [one, other] = addresses.map((address) => addressHash(address, 0, 16, seed * 0x9e3779b1));
    if (one === other) again++;
  }
  assertEquals(again, 0);
});

Deno.test("a length is part of the key, and nothing is left when all is taken out", () => {
  const map = new AddressMap<string>(5);
  const address = Uint8Array.from({ length: 16 }, (_, at) => at);
  for (const length of [4, 8, 16]) map.set(address, length, `${length}`);
  assertEquals([4, 8, 16].map((length) => map.get(address, 0, length)), ["4", "8", "16"]);
  map.clear();
  assertEquals([map.size, map.get(address, 0, 8)], [0, null]);
});
