/**
 * PSH and the sizes of segments (RFC 9293 §3.9.1.2, §3.8.6.2.1): the flag stands on what ends the queue and nowhere else,
 * and segments are as large as they may be.
 */
import { assertEquals } from "@std/assert";
import { PLAIN_OPTIONS, SACK_OPTIONS } from "./bulk_sender.ts";
import type { Peer } from "./peer.ts";
import { reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

function shape(peer: Peer): [number, number, boolean][] {
  return peer.takeAll().map(({ seq, data, psh }) => [seq, data.length, psh]);
}

Deno.test("PSH is set on the last segment of what is queued, and on no other (MUST-61, MUST-60, SHLD-28)", () => {
  for (
    const [bytes, wanted] of [
      [1, [[1, 1, true]]],
      [1460, [[1, 1460, true]]],
      [2920, [[1, 1460, false], [1461, 1460, true]]],
      [4380, [[1, 1460, false], [1461, 1460, false], [2921, 1460, true]]],
    ] as const
  ) {
    const { peer, app } = reachEstablished();
    app.write(bytes);
    assertEquals(shape(peer), wanted.map((one) => [...one]));
  }
});

Deno.test("the small rest of a write bears PSH when it leaves (MUST-61)", () => {
  const { peer, app } = reachEstablished({ tcp: { noDelay: true } });
  app.write(3000);
  assertEquals(shape(peer), [[1, 1460, false], [1461, 1460, false], [2921, 80, true]]);
});

Deno.test("what waits together leaves together, with one PSH at its end (SHLD-27, MAY-16)", () => {
  const { peer, app } = reachEstablished();
  app.write(1);
  assertEquals(shape(peer), [[1, 1, true]]);
  for (let i = 0; i < 20; i++) app.write(100);
  // 2,000 bytes wait: a full segment may leave although something is out.
  assertEquals(shape(peer), [[2, 1460, false]]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1462 });
  assertEquals(shape(peer), [[1462, 540, true]]);
});

Deno.test("a window that cuts the queue: what leaves is not its end, so no PSH (MUST-61)", () => {
  const { peer, app } = reachEstablished({ peer: { window: 2920 } });
  app.write(5000);
  assertEquals(shape(peer), [[1, 1460, false], [1461, 1460, false]]);
  peer.sends({ flags: "ACK", seq: 1, ack: 2921, window: 2920 });
  assertEquals(shape(peer), [[2921, 1460, false], [4381, 620, true]]);
});

Deno.test("what is sent again bears PSH as it did, or as it is the end by now (MUST-61)", () => {
  for (const options of [PLAIN_OPTIONS, SACK_OPTIONS]) {
    const { lab, peer, app } = reachEstablished({ options });
    app.write(2920);
    shape(peer);
    lab.pass(20 * SECOND_US);
    for (const [seq, length, psh] of shape(peer)) assertEquals([length, psh], [1460, seq === 1461]);
    // The last of then is not the end any more.
    app.write(1460);
    peer.sends({ flags: "ACK", seq: 1, ack: 1461 });
    lab.pass(60 * SECOND_US);
    const again = shape(peer);
    assertEquals(again.length > 0, true);
    for (const [seq, , psh] of again) assertEquals(psh, seq === 2921);
  }
});

Deno.test("FIN behind text rides on its last segment, with PSH; a FIN alone bears none (MUST-61, RFC 9293 §3.10.4)", () => {
  const { lab, peer, app } = reachEstablished();
  lab.user(() => {
    app.connection.write(new Uint8Array(1));
    app.connection.write(new Uint8Array(9));
    app.connection.closeWrite();
  });
  const seen = peer.takeAll();
  assertEquals(seen.map(({ flags, seq, data, psh }) => [flags, seq, data.length, psh]), [
    ["ACK", 1, 1, true],
    ["FIN ACK", 2, 9, true],
  ]);
  const other = reachEstablished();
  other.app.closeWrite();
  assertEquals(other.peer.expects({ flags: "FIN ACK", seq: 1 }).psh, false);
});

Deno.test("an ACK bears no PSH (MUST-61)", () => {
  const { peer } = reachEstablished();
  peer.sends({ flags: "PSH ACK", seq: 1, ack: 1, data: 100 });
  assertEquals(peer.expects({ flags: "ACK", seq: 1, ack: 101 }).psh, false);
});
