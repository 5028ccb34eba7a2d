/** Where a capture was made, by each sign: sums left to a device, TTLs, halves of the handshake. */
import { assertEquals } from "@std/assert";
import { type CapturePointFacts, capturePointOf } from "../../src/story/capture_point.ts";

const NOTHING: CapturePointFacts = {
  partialSums: { client: 0, server: 0 },
  judgedSums: { client: 10, server: 10 },
  ttl: { client: null, server: null },
  halves: null,
};

function place(facts: Partial<CapturePointFacts>): string {
  const { at, confidence } = capturePointOf({ ...NOTHING, ...facts });
  return `${at} ${confidence}`;
}

Deno.test("sums that are left to a device are seen on the machine that sends", () => {
  assertEquals(place({ partialSums: { client: 10, server: 0 } }), "client certain");
  assertEquals(place({ partialSums: { client: 0, server: 6 } }), "server certain");
  assertEquals(place({ partialSums: { client: 9, server: 9 } }), "both certain");
  // One of ten fits by chance: 1 in 65,536, or a forged one.
  assertEquals(place({ partialSums: { client: 1, server: 0 } }), "unknown likely");
});

Deno.test("a TTL that was not counted down is that of a neighbour, or of the machine itself", () => {
  assertEquals(place({ ttl: { client: 64, server: 53 } }), "client likely");
  assertEquals(place({ ttl: { client: 119, server: 255 } }), "server likely");
  assertEquals(place({ ttl: { client: 60, server: 120 } }), "between likely");
  assertEquals(place({ ttl: { client: 64, server: 64 } }), "unknown likely");
  assertEquals(place({ ttl: { client: 64, server: null } }), "unknown likely");
});

Deno.test("the half of the handshake towards the nearer end takes next to no time", () => {
  assertEquals(place({ halves: [0.03, 0.0001] }), "client likely");
  assertEquals(place({ halves: [0.0001, 0.03] }), "server likely");
  assertEquals(place({ halves: [0.01, 0.02] }), "unknown likely");
  assertEquals(
    capturePointOf({ ...NOTHING, ttl: { client: 64, server: 50 }, halves: [0.03, 0.0001] }).text,
    "by TTL it is no router away from the client and 14 routers from the server, and the client answers at once",
  );
});
