/**
 * What is known about the segments in flight, against a plain list of them, for SACKs with edges at random
 * (RFC 2018 §5, RFC 6675 §4): how much is SACKed and in flight, and what is sent again. A block counts for the segments that
 * it covers: receivers that report crumbs are not to cut what we send (the kind of CVE-2019-11478).
 *
 * Owns: the list of segments. Must not know: records.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { BulkSender, MS_US, SACK_OPTIONS } from "./bulk_sender.ts";

const SEGMENTS = 10;
const MSS = 1460;
const OCTETS = SEGMENTS * MSS;

interface News {
  /** How much further the cumulative ACK goes, most often not at all. */
  readonly advance: number;
  readonly blocks: readonly (readonly [left: number, length: number])[];
  readonly pauseUs: number;
}

const edge = fc.oneof(
  fc.integer({ min: 0, max: OCTETS + 100 }),
  fc.integer({ min: 0, max: SEGMENTS }).map((segment) => segment * MSS),
  fc.integer({ min: 0, max: SEGMENTS }).map((segment) => segment * MSS + 1),
);

const news: fc.Arbitrary<News> = fc.record({
  advance: fc.oneof(
    { arbitrary: fc.constant(0), weight: 4 },
    { arbitrary: fc.constantFrom(MSS, 2 * MSS, 3 * MSS), weight: 2 },
  ),
  blocks: fc.array(
    fc.tuple(edge, fc.oneof(fc.constantFrom(1, MSS, 2 * MSS), fc.integer({ min: 1, max: 6000 }))),
    { maxLength: 3 },
  ),
  pauseUs: fc.constantFrom(0, 0, 0, 1000, 30_000),
});

Deno.test("SACKed, lost and in flight: the figures are those of the segments, whatever the edges (RFC 2018 §5, RFC 6675 §4)", () => {
  fc.assert(
    fc.property(fc.array(news, { minLength: 1, maxLength: 20 }), (all) => {
      // Nothing more to send, so that all in flight is known; the peer's round trip is 100 ms.
      const bulk = new BulkSender({
        options: SACK_OPTIONS,
        tcp: { congestionControl: "reno" },
        queued: OCTETS,
      });
      bulk.takes();
      bulk.lab.pass(60 * MS_US);
      const isHere = Array.from({ length: OCTETS + 1 }, () => false);
      let una = 1;
      const checkAgain = (from: number) => {
        for (const { seq, data } of bulk.takes()) {
          assert(seq >= from && seq + data.length <= OCTETS + 1, `sent again: ${seq}, ${data.length} bytes`);
          const needless = Array.from(data).findIndex((_, i) => isHere[seq - 1 + i] === true);
          assertEquals(needless, -1, `sent again from ${seq}: what was SACKed`);
        }
      };
      for (const { advance, blocks, pauseUs } of all) {
        if (una > OCTETS) return;
        bulk.lab.pass(pauseUs);
        const beforeUna = una;
        checkAgain(una);
        una = Math.min(una + advance, OCTETS + 1);
        const sack = blocks.map(([left, length]): [number, number] => [1 + left, 1 + left + length]);
        // Only blocks that a sound receiver could send: above the ACK, within what was sent, not within one another.
        const sound = sack.filter(([left, right], i) =>
          left > una && right <= OCTETS + 1 &&
          sack.every(([l, r], j) => i === j || right < l || r < left)
        );
        for (const [left, right] of sound) {
          for (
            let segment = Math.ceil((left - 1) / MSS);
            segment < Math.floor((right - 1) / MSS);
            segment++
          ) {
            isHere.fill(true, segment * MSS, (segment + 1) * MSS);
          }
        }
        // What is acknowledged up to the next SACKed octet would be acknowledged too.
        while (una <= OCTETS && isHere[una - 1]) una++;
        bulk.peer.sends({
          flags: "ACK",
          ack: una,
          options: {
            sack: sound.filter(([left]) => left > una).map(([left, right]) =>
              bulk.peer.hostBlock(left, right)
            ),
          },
        });
        checkAgain(beforeUna);
        let sacked = 0;
        for (let octet = una; octet <= OCTETS; octet++) if (isHere[octet - 1]) sacked++;
        const { sackedBytes, lostBytes, resentBytes, inFlight, sendQueue } = bulk.info;
        assertEquals([sackedBytes, sendQueue], [sacked, OCTETS + 1 - una], `una ${una}`);
        assert(lostBytes >= 0 && lostBytes <= OCTETS + 1 - una - sacked, `lost ${lostBytes}`);
        assert(resentBytes >= 0 && resentBytes <= lostBytes, `resent ${resentBytes}`);
        assertEquals(inFlight, OCTETS + 1 - una - sacked - lostBytes + resentBytes);
      }
      bulk.peer.sends({ flags: "ACK", ack: OCTETS + 1 });
      const { sackedBytes, lostBytes, resentBytes, inFlight, sendQueue, timers } = bulk.info;
      assertEquals([sackedBytes, lostBytes, resentBytes, inFlight, sendQueue], [0, 0, 0, 0, 0]);
      assertEquals(timers, {});
      assertEquals(bulk.took(), []);
    }),
    { numRuns: 250 },
  );
});

Deno.test("SACK blocks that say nothing sound change no figure (RFC 2018 §5, RFC 6675 §3)", () => {
  const bulk = new BulkSender({ options: SACK_OPTIONS, queued: OCTETS });
  bulk.takes();
  bulk.lab.pass(60 * MS_US);
  bulk.peer.sends({ flags: "ACK", ack: 1 + MSS });
  bulk.takes();
  const { cwnd } = bulk.info;
  const end = 1 + OCTETS;
  // Empty, upside down, beyond what was sent by one, across SND.UNA.
  for (
    const [left, right] of [[5000, 5000], [6000, 5000], [end - 100, end + 1], [MSS, 2 * MSS], [
      end,
      end + 100,
    ]]
  ) {
    bulk.peer.sends({
      flags: "ACK",
      ack: 1 + MSS,
      options: { sack: [bulk.peer.hostBlock(left, right)] },
    });
    assertEquals([bulk.info.sackedBytes, bulk.info.cwnd, bulk.took()], [0, cwnd, []], `${left} to ${right}`);
  }
  bulk.peer.sends({ flags: "ACK", ack: 1 + MSS, options: { sack: [bulk.peer.hostBlock(end - 100, end)] } });
  assertEquals(bulk.info.sackedBytes, 0, "a part of a segment");
  bulk.peer.sends({
    flags: "ACK",
    ack: 1 + MSS,
    options: { sack: [bulk.peer.hostBlock(end - MSS - 1, end)] },
  });
  assertEquals(bulk.info.sackedBytes, MSS);
});
