/**
 * Pieces of half of the window, into which a write is cut as a habit (src/tcp/written_pieces.ts), in both positions: where PSH stands.
 */
import { assertEquals } from "@std/assert";
import { tenOut } from "./bulk_sender.ts";
import type { Peer } from "./peer.ts";
import { reachEstablished } from "./states.ts";

const MSS = 1460;

/** The ends of segments with PSH, in segments of the stream. */
function pushed(peer: Peer): number[] {
  return peer.takeAll().filter(({ psh }) => psh).map(({ seq, data }) => (seq + data.length - 1) / MSS);
}

Deno.test("a long write: as one, or in pieces of half of the window, at whose end PSH may stand", () => {
  for (const writtenPieces of ["whole", "half-window"] as const) {
    const bulk = tenOut({
      queued: 60 * 1460,
      tcp: { writtenPieces, pushFlag: "bursts-too", burstLeastSegments: 60, slowStartSegments: Infinity },
    });
    bulk.passRtt();
    bulk.peer.takeAll();
    bulk.acks(10);
    // Half of the window is more than a piece may be, 44 segments; the first ten have left before the rest was written.
    assertEquals(pushed(bulk.peer), [20, 30]);
    bulk.passRtt();
    bulk.acks(30);
    assertEquals(pushed(bulk.peer), writtenPieces === "whole" ? [50, 60] : [50, 54, 60]);
  }
});

Deno.test("windows of a few segments: a write is pushed each half of the largest one, and all of it arrives", () => {
  for (const writtenPieces of ["whole", "half-window"] as const) {
    const { peer, app } = reachEstablished({ peer: { window: 4 * MSS }, tcp: { writtenPieces } });
    const all = 40 * MSS;
    assertEquals(app.write(all), all);
    const ends: number[] = [];
    let end = 1;
    for (let round = 0; round < 20; round++) {
      for (const { seq, data, psh } of peer.takeAll()) {
        assertEquals([seq, data.length], [end, MSS], "full segments, in order");
        end = seq + data.length;
        if (psh) ends.push((end - 1) / MSS);
      }
      peer.sends({ flags: "ACK", seq: 1, ack: end, window: 4 * MSS });
    }
    assertEquals(end, all + 1);
    assertEquals(ends.at(-1), 40);
    if (writtenPieces === "whole") assertEquals(ends, [40]);
    else assertEquals(ends.length > 8, true, `${ends}`);
  }
});
