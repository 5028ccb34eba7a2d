/** Pinned numbers: what hangs on a secret is the same for the same one, and for the same seed. */
import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { createHost, memoryPair, VirtualClock } from "../../mod.ts";
import { seededSecret } from "../../src/runtime/secret.ts";

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
