/**
 * Memory has one bound, whoever attacks it and however: after every frame what is held is within it, and an honest client is
 * served within a second.
 *
 * Owns: the demands. Must not know: how the host keeps to them. The ways to attack are in memory_attacks.ts.
 */
import { assertEquals } from "@std/assert";
import { Crowd } from "./crowd.ts";
import { ATTACKS } from "./memory_attacks.ts";
import type { Peer } from "./peer.ts";
import { SECOND_US } from "./wire_ends.ts";

const MEBIBYTE = 0x100000;
const CLIENT_BYTES = 10_000;
const SECONDS = 5;

for (const attack of ATTACKS) {
  const crowds = [
    { addresses: 1, memory: 4 },
    { addresses: 2, memory: 16 },
    { addresses: attack.strangers, memory: 4 },
  ];
  for (const { addresses, memory } of crowds) {
    Deno.test(`${attack.name}: ${addresses} addresses, ${memory} MiB`, () => {
      const { app } = attack;
      const crowd = new Crowd({ app, addresses, memoryBytes: memory * MEBIBYTE });
      crowd.serves(CLIENT_BYTES);
      const strangers: Peer[] = [];
      for (let second = 0; second < SECONDS; second++) {
        for (let i = 0; i < attack.strangers / SECONDS; i++) {
          strangers.push(attack.comes(crowd));
          crowd.check();
          // Nobody does all this in no time.
          if (i % 50 === 49) crowd.pass(1000, 1000);
        }
        crowd.serves(CLIENT_BYTES);
        crowd.pass(SECOND_US);
        for (const peer of strangers) {
          attack.everySecond?.(peer);
          crowd.check();
        }
        crowd.serves(CLIENT_BYTES);
      }
      assertEquals(crowd.lab.unlisted, []);
    });
  }
}
