/** Pinned numbers: what hangs on a secret is the same for the same one, and for the same seed. */
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { createHost, memoryPair, VirtualClock } from "../../mod.ts";
import { randomSecret, seededSecret } from "../../src/runtime/secret.ts";

/** Initial sequence number and port of a first connection. */
function firstNumbers(pinned: { seed?: number; secret?: Uint8Array }): readonly [iss: number, port: number] {
  const [link] = memoryPair();
  const host = createHost({ link, addresses: "10.0.0.1/24", clock: new VirtualClock(), ...pinned });
  const connection = host.connect({ address: Uint8Array.of(10, 0, 0, 2), port: 80, handler: {} });
  return [connection.info().iss, connection.localPort];
}

Deno.test("a seed pins sequence numbers and ports; other seeds, and none, have others", () => {
  assertEquals(firstNumbers({ seed: 7 }), firstNumbers({ seed: 7 }));
  assertEquals(firstNumbers({ seed: 7 }), firstNumbers({ secret: seededSecret(7) }));
  assertNotEquals(firstNumbers({ seed: 7 }), firstNumbers({ seed: 8 }));
  assertNotEquals(firstNumbers({}), firstNumbers({}));
});

Deno.test("streams of one seed are different secrets of 16 bytes", () => {
  const secrets = [0, 1, 2].map((stream) => seededSecret(1, stream));
  assertEquals(secrets.map(({ length }) => length), [16, 16, 16]);
  assertEquals(new Set(secrets.map(String)).size, 3);
});

Deno.test("a secret of a seed is the same on every machine: xoshiro128**, as another program computes it", () => {
  const hex = (seed: number, stream?: number) =>
    Array.from(seededSecret(seed, stream), (octet) => octet.toString(16).padStart(2, "0")).join("");
  assertEquals(hex(1), "f261457f86826f29356af7d1329388e3");
  assertEquals(hex(1, 0), hex(1));
  assertEquals(hex(1, 1), "e545172cc324d639a5c0bd65986ed039");
  assertEquals(hex(-5), "ec32e9a4188ffc7b8cc06e6ff93e92c8");
  // The lower 32 bits count.
  assertEquals([hex(7), hex(2 ** 40 + 7)], Array(2).fill("0d26ea1a675be47a773fa336a24e8fc6"));
});

Deno.test("a random secret is another one each time, of 16 bytes", () => {
  const secrets = Array.from({ length: 50 }, () => randomSecret());
  assertEquals(new Set(secrets.map(({ length }) => length)), new Set([16]));
  assertEquals(new Set(secrets.map(String)).size, 50);
});

Deno.test("a seed is a whole number, and no second secret", () => {
  for (const seed of [1.5, NaN, Infinity]) {
    assertThrows(() => firstNumbers({ seed }), RangeError, "whole number");
  }
  assertThrows(
    () => firstNumbers({ seed: 1, secret: new Uint8Array(16) }),
    TypeError,
    "Both seed and secret",
  );
});
