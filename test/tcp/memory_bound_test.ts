/**
 * Memory has one bound, whoever attacks it and however: after every frame what is held is within it, and an honest client is
 * served within a second.
 *
 * Owns: the demands. Must not know: how the host keeps to them. The ways to attack are in memory_attacks.ts.
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { Crowd, Resident } from "./crowd.ts";
import { ATTACKS } from "./memory_attacks.ts";
import type { Peer } from "./peer.ts";
import { SECOND_US } from "./wire_ends.ts";

const MEBIBYTE = 0x100000;
const CLIENT_BYTES = 10_000;
const SECONDS = 5;
/** A connection without anything in its buffers, in V8's heap: measured. */
const CONNECTION_BYTES = 0x900;

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
      const residents = [0, 1, 2].map((number) => new Resident(crowd, number));
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
        for (const resident of residents) resident.talks();
      }
      assertEquals(crowd.lab.unlisted, []);
    });
  }
}

for (
  const { name, most } of [
    { name: "silent", most: 0 },
    { name: "zero window with chargen", most: 0x1400 },
    { name: "one octet at the far end of the window", most: 0x400 + 3 * 128 },
    // 255 of them, each with its record: what they are, and not the place to which they belong.
    { name: "crumbs 4 KiB apart", most: 255 * 3 * 128 + 0x1000 },
    { name: "FIN never acknowledged", most: 0x200 },
  ]
) {
  Deno.test(`${name}: what one costs beyond its connection is at most ${most} bytes`, () => {
    const attack = ATTACKS.find((each) => each.name === name);
    assert(attack !== undefined);
    const crowd = new Crowd({ app: attack.app, addresses: 100, memoryBytes: 1024 * MEBIBYTE });
    for (let i = 0; i < 20; i++) {
      const { usedBytes } = crowd.lab.host.memory();
      attack.comes(crowd);
      assertLessOrEqual(crowd.lab.host.memory().usedBytes - usedBytes, CONNECTION_BYTES + most);
    }
  });
}
