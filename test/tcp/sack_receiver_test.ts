/**
 * What we report with SACK: which blocks, in which order, how many (RFC 2018 §3, §4), and D-SACK (RFC 2883 §4).
 */
import { assert, assertEquals } from "@std/assert";
import { ALL_OPTIONS, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const SACK_ONLY = { mss: 1460, sackPermitted: true };

/** Established with SACK and without timestamps: room for four blocks. */
function sacked() {
  return reachEstablished({ options: SACK_ONLY, tcp: { quickAcks: 0, receiveBufferBytes: 0x8000 } });
}

Deno.test("no SACK without SACK-permitted (RFC 2018 §2)", () => {
  const { peer } = reachEstablished();
  peer.sends({ flags: "ACK", seq: 101, ack: 1, data: 100 });
  peer.expects({ flags: "ACK", ack: 1, sack: [] });
  peer.expectsSilence();
});

Deno.test("in order, no block (RFC 2018 §4)", () => {
  const { lab, peer } = sacked();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  lab.pass(SECOND_US / 2);
  peer.expects({ flags: "ACK", ack: 101, sack: [] });
});

Deno.test("a lost first segment: the blocks grow (RFC 2018 §8 case 2)", () => {
  const { peer } = sacked();
  for (let i = 1; i < 8; i++) {
    peer.sends({ flags: "ACK", seq: 1 + i * 500, ack: 1, data: 500 });
    peer.expects({ flags: "ACK", ack: 1, sack: [[501, 501 + i * 500]] });
  }
  peer.expectsSilence();
});

Deno.test("every other segment lost: the newest block first, up to four (RFC 2018 §4, §8 case 3)", () => {
  const { peer } = sacked();
  const blocks: [number, number][] = [];
  for (const seq of [501, 1501, 2501, 3501, 4501]) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: 500 });
    blocks.unshift([seq, seq + 500]);
    peer.expects({ flags: "ACK", ack: 1, sack: blocks.slice(0, 4) });
  }
  // "the fourth packet is received out of order": its block comes first, merged with its neighbours.
  peer.sends({ flags: "ACK", seq: 2001, ack: 1, data: 500 });
  peer.expects({ flags: "ACK", ack: 1, sack: [[1501, 3001], [4501, 5001], [3501, 4001], [501, 1001]] });
  // The second segment: joins the left.
  peer.sends({ flags: "ACK", seq: 1001, ack: 1, data: 500 });
  peer.expects({ flags: "ACK", ack: 1, sack: [[501, 3001], [4501, 5001], [3501, 4001]] });
  // The first: what remains is beyond.
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 500 });
  peer.expects({ flags: "ACK", ack: 3001, sack: [[4501, 5001], [3501, 4001]] });
  peer.expectsSilence();
});

Deno.test("with timestamps there is room for three (RFC 2018 §3)", () => {
  const { peer } = reachEstablished({ options: ALL_OPTIONS });
  for (const seq of [501, 1501, 2501, 3501]) peer.sends({ flags: "ACK", seq, ack: 1, data: 500 });
  const seen = peer.takeAll();
  assertEquals(peer.sackOf(seen[3]), [[3501, 4001], [2501, 3001], [1501, 2001]]);
});

Deno.test("every block that is held is reported three times at least, while there is room (RFC 2018 §4 (c))", () => {
  const { peer } = sacked();
  const times = new Map<number, number>();
  for (let i = 0; i < 20; i++) {
    peer.sends({ flags: "ACK", seq: 501 + i * 1000, ack: 1, data: 500 });
    for (const seen of peer.takeAll()) {
      for (const [left] of peer.sackOf(seen)) times.set(left, (times.get(left) ?? 0) + 1);
    }
  }
  for (let i = 0; i < 17; i++) assert((times.get(501 + i * 1000) ?? 0) >= 3);
});

Deno.test("blocks are contiguous and isolated: neighbours are joined, both ways (RFC 2018 §3)", () => {
  const { peer } = sacked();
  peer.sends({ flags: "ACK", seq: 201, ack: 1, data: 100 });
  peer.expects({ flags: "ACK", ack: 1, sack: [[201, 301]] });
  peer.sends({ flags: "ACK", seq: 401, ack: 1, data: 100 });
  peer.expects({ flags: "ACK", ack: 1, sack: [[401, 501], [201, 301]] });
  peer.sends({ flags: "ACK", seq: 301, ack: 1, data: 100 });
  peer.expects({ flags: "ACK", ack: 1, sack: [[201, 501]] });
});

Deno.test("data that we send carries the blocks as well (RFC 2018 §4)", () => {
  const { peer, app } = sacked();
  peer.sends({ flags: "ACK", seq: 101, ack: 1, data: 100 });
  peer.takeAll();
  app.write("x");
  const [seen] = peer.takeAll();
  assertEquals([seen.data.length, seen.ack], [1, 1]);
  assertEquals(peer.sackOf(seen), [[101, 201]]);
});

Deno.test("blocks are right across the end of the number space (RFC 9293 §3.4)", () => {
  const { peer } = reachEstablished({ options: SACK_ONLY, peer: { iss: 0xffff_ff00 } });
  peer.sends({ flags: "ACK", seq: 201, ack: 1, data: 200 });
  peer.expects({ flags: "ACK", ack: 1, sack: [[201, 401]] });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 200 });
  peer.expects({ flags: "ACK", ack: 401, sack: [] });
});

Deno.test("a lone FIN beyond a hole: acknowledged when the hole is filled, no byte of it in a block (RFC 2018 §3)", () => {
  const { peer, app } = sacked();
  peer.sends({ flags: "FIN ACK", seq: 201, ack: 1, data: 100 });
  const [seen] = peer.takeAll();
  assertEquals(peer.sackOf(seen)[0][0], 201);
  assert([301, 302].includes(peer.sackOf(seen)[0][1]));
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 200 });
  peer.expects({ flags: "ACK", ack: 302, sack: [] });
  assertEquals(app.state, "CLOSE_WAIT");
});

// D-SACK

Deno.test("D-SACK: a duplicate below the cumulative ACK is the first block (RFC 2883 §4.1.1, example 1)", () => {
  const { lab, peer } = sacked();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 500 });
  peer.sends({ flags: "ACK", seq: 501, ack: 1, data: 500 });
  lab.pass(SECOND_US / 2);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 501, ack: 1, data: 500 });
  peer.expects({ flags: "ACK", ack: 1001, sack: [[501, 1001]] });
  peer.expectsSilence();
  // Reported once: the next ACK has it no more.
  peer.sends({ flags: "ACK", seq: 1001, ack: 1, data: 500 });
  lab.pass(SECOND_US / 2);
  peer.expects({ flags: "ACK", ack: 1501, sack: [] });
});

Deno.test("D-SACK: a duplicate below, with blocks above: it comes first (RFC 2883 §4.1.2, example 2)", () => {
  const { lab, peer } = sacked();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 500 });
  peer.sends({ flags: "ACK", seq: 1001, ack: 1, data: 500 });
  lab.pass(SECOND_US / 2);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 500 });
  peer.expects({ flags: "ACK", ack: 501, sack: [[1, 501], [1001, 1501]] });
  peer.expectsSilence();
});

Deno.test("D-SACK: a duplicate of an island: the duplicate, then the island that holds it (RFC 2883 §4.1.3, example 3)", () => {
  const { peer } = sacked();
  for (const seq of [1001, 1501]) peer.sends({ flags: "ACK", seq, ack: 1, data: 500 });
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1501, ack: 1, data: 500 });
  peer.expects({ flags: "ACK", ack: 1, sack: [[1501, 2001], [1001, 2001]] });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 2001, ack: 1, data: 500 });
  peer.expects({ flags: "ACK", ack: 1, sack: [[1001, 2501]] });
});

Deno.test("D-SACK: part of a segment is a duplicate below the ACK (RFC 2883 §4.2)", () => {
  const { lab, peer, app } = sacked();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 500 });
  lab.pass(SECOND_US / 2);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 251, ack: 1, data: 500 });
  lab.pass(SECOND_US / 2);
  peer.expects({ flags: "ACK", ack: 751, sack: [[251, 501]] });
  assertEquals(app.bytesRead.length, 750);
});

Deno.test("D-SACK: a filled hole with an overlap of the island above (RFC 2883 §4.2.2)", () => {
  const { peer, app } = sacked();
  peer.sends({ flags: "ACK", seq: 501, ack: 1, data: 500 });
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 700 });
  peer.expects({ flags: "ACK", ack: 1001, sack: [[501, 701]] });
  assertEquals(app.bytesRead.length, 1000);
});

Deno.test("D-SACK: two duplicate parts in one segment: the first is reported (RFC 2883 §4.2.3)", () => {
  const { peer } = sacked();
  peer.sends({ flags: "ACK", seq: 501, ack: 1, data: 500 });
  peer.sends({ flags: "ACK", seq: 1501, ack: 1, data: 500 });
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 501, ack: 1, data: 1500 });
  peer.expects({ flags: "ACK", ack: 1, sack: [[501, 1001], [501, 2001]] });
});

Deno.test("the right edge of a block never lies beyond what was received (RFC 2018 §3)", () => {
  const { peer } = reachEstablished({
    options: SACK_ONLY,
    autoRead: false,
    tcp: { receiveBufferBytes: 2000 },
  });
  peer.sends({ flags: "ACK", seq: 1001, ack: 1, data: 1400 });
  // Only 1,000 of the 1,400 fit into the window.
  peer.expects({ flags: "ACK", ack: 1, sack: [[1001, 2001]] });
});
