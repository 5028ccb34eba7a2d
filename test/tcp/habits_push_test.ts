/**
 * PSH at the ends of bursts, in both positions of `pushFlag` (src/tcp/bursts.ts): only ends of data bear it (MUST-61), or also the last
 * of several segments that leave back to back.
 */
import { assertEquals } from "@std/assert";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { SACK_OPTIONS, tenOut } from "./bulk_sender.ts";
import type { Peer } from "./peer.ts";
import { reachEstablished } from "./states.ts";

const MSS = 1460;

function pushed(peer: Peer): number[] {
  return peer.takeAll().filter(({ psh }) => psh).map(({ seq, data }) => seq + data.length);
}

function ten(tcp: Partial<TcpConfig>) {
  const made = reachEstablished({ tcp, options: SACK_OPTIONS });
  made.app.write(30 * MSS);
  return made;
}

Deno.test("without the habit a window full of a longer queue bears no PSH", () => {
  const { peer } = ten({});
  assertEquals(pushed(peer), []);
});

Deno.test("with it the last segment of each burst does, and none is more than half of the window", () => {
  const { peer } = ten({ pushFlag: "bursts-too", burstLeastSegments: 100 });
  assertEquals(pushed(peer), [1 + 5 * MSS, 1 + 10 * MSS]);
  // Two segments that one ACK lets out are a burst; a single one is none.
  peer.sends({ flags: "ACK", seq: 1, ack: 1 + MSS });
  assertEquals(pushed(peer), [1 + 12 * MSS]);
});

Deno.test("a small rest that has to wait is no part of the burst", () => {
  const { peer, app } = reachEstablished({ tcp: { pushFlag: "bursts-too" } });
  app.write(10);
  assertEquals(pushed(peer), [11]);
  app.write(2 * MSS + 10);
  assertEquals(pushed(peer), [11 + 2 * MSS], "Nagle keeps the last ten octets back");
});

Deno.test("a burst that leaves again as one bears PSH at its end again; parts of it, and without the habit all, do not", () => {
  const again = (pushFlag: TcpConfig["pushFlag"], sack: [number, number][]) => {
    const bulk = tenOut({ tcp: { pushFlag, burstLeastSegments: 100, slowStartSegments: Infinity } });
    bulk.passRtt();
    bulk.peer.takeAll();
    bulk.acks(0, { sack });
    const copies = bulk.peer.takeAll().filter(({ seq }) => seq < 1 + 5 * MSS);
    return copies.map(({ seq, psh }) => [(seq - 1) / MSS, psh]);
  };
  const whole: [number, number][] = [[5, 10]];
  assertEquals(again("bursts-too", whole), [[0, false], [1, false], [2, false], [3, false], [4, true]]);
  assertEquals(again("end-of-data", whole), [0, 1, 2, 3, 4].map((at) => [at, false]));
  // The last of the first five, by itself; and without its end.
  assertEquals(again("bursts-too", [[0, 4], [5, 10]]), [[4, false]]);
  assertEquals(again("bursts-too", [[4, 10]]), [0, 1, 2, 3].map((at) => [at, false]));
});
