/**
 * The machine against a plain reference TCP over paths drawn at random: loss, doubling, delay, jitter, windows and buffers
 * of odd sizes, both directions at once. What holds of every segment is in reference_peer.ts; here all must arrive.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { SeededRandom } from "../../src/link/seeded_random.ts";
import { bytesOf } from "./app_log.ts";
import { PLAIN_OPTIONS, SACK_OPTIONS } from "./bulk_sender.ts";
import { ReferencePeer } from "./reference_peer.ts";
import { reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const OURS = 12_000;
const THEIRS = 9000;

const conditions = fc.record({
  seed: fc.integer({ min: 1, max: 0xffff_ffff }),
  loss: fc.constantFrom(0, 0.02, 0.1, 0.25),
  duplication: fc.constantFrom(0, 0.05),
  delayUs: fc.constantFrom(100, 5000, 40_000),
  jitterUs: fc.constantFrom(0, 1000, 30_000),
  window: fc.integer({ min: 1500, max: 30_000 }),
  receiveBufferBytes: fc.integer({ min: 1500, max: 40_000 }),
  sack: fc.boolean(),
  iss: fc.constantFrom(0, 0xffff_ff00, 0x7fff_f000, 0xffff_e000),
});

Deno.test("text both ways over paths drawn at random: all arrives, nothing forbidden is sent (MUST-18, MUST-19, SHLD-14, SHLD-31, MUST-34)", () => {
  fc.assert(
    fc.property(conditions, (drawn) => {
      const { seed, loss, duplication, delayUs, jitterUs, window, receiveBufferBytes, sack, iss } = drawn;
      const fixture = reachEstablished({
        options: sack ? { ...SACK_OPTIONS, windowScale: 0 } : { ...PLAIN_OPTIONS, windowScale: 0 },
        peer: { window, iss },
        // TIME_WAIT outlasts a peer whose last ACKs are lost again and again: a RST would be right, and say nothing here.
        tcp: { receiveBufferBytes, mslUs: 60 * SECOND_US, r2Us: 3600 * SECOND_US },
      });
      const { lab, app } = fixture;
      const random = new SeededRandom(seed);
      const path = {
        random: () => random.below(1_000_000) / 1_000_000,
        loss,
        duplication,
        delayUs,
        jitterUs,
      };
      const reference = new ReferencePeer(fixture, { path, window, bytesToSend: THEIRS, sack });
      let written = 0;
      const isDone = reference.run(lab.nowUs + 3600 * SECOND_US, () => {
        if (written === OURS || app.connection.writableBytes === 0) return;
        written += app.write(bytesOf(Math.min(5000, OURS - written), written));
        if (written === OURS) app.closeWrite();
      });
      assert(isDone, `${reference.received} of ${OURS}, ${app.bytesRead.length} of ${THEIRS}, ${app.state}`);
      assertEquals(reference.received, OURS);
      assertEquals(app.bytesRead, bytesOf(THEIRS));
    }),
    { numRuns: 40 },
  );
});
