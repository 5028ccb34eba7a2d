/**
 * SACK blocks take room of the segment that carries them: how many there are, and how much text is left beside them
 * (MUST-16, RFC 9293 §3.7.1; RFC 2018 §3; RFC 6691 §2).
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { PLAIN_OPTIONS, SACK_OPTIONS, STAMPED_OPTIONS } from "./bulk_sender.ts";
import { HEADERS, LAB_MTU } from "./family.ts";
import type { OptionValues } from "./frame_craft.ts";
import type { Peer, Seen } from "./peer.ts";
import { type Fixture, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** Two NOPs, kind, length; then eight octets a block (RFC 2018 §3). */
const sackBytes = (blocks: number) => blocks === 0 ? 0 : 4 + 8 * blocks;

interface Kind {
  readonly name: string;
  readonly options: OptionValues;
  /** Octets of timestamps, padded. */
  readonly stamps: number;
  /** Most blocks of a segment (RFC 2018 §3). */
  readonly most: number;
}

const KINDS: readonly Kind[] = [
  { name: "SACK alone", options: SACK_OPTIONS, stamps: 0, most: 4 },
  { name: "SACK beside timestamps", options: STAMPED_OPTIONS, stamps: 12, most: 3 },
];

/** Blocks of 100 bytes arrive out of order, each behind a hole; the blocks that an ACK tells, newest first. */
function holes({ peer }: Fixture, count: number): [number, number][] {
  const blocks: [number, number][] = [];
  for (let i = 0; i < count; i++) {
    const left = 1001 + 1000 * i;
    peer.sends({ flags: "ACK", seq: left, data: 100, ack: 1 });
    blocks.unshift([left, left + 100]);
  }
  peer.takeAll();
  return blocks;
}

/** Each block that the segment of a peer tells, and the whole of its size. */
function assertRoom(peer: Peer, seen: Seen, blocks: readonly (readonly [number, number])[]): void {
  assertEquals(peer.sackOf(seen), blocks);
  assertLessOrEqual(seen.packet.packetBytes, LAB_MTU);
}

for (const { name, options, stamps, most } of KINDS) {
  for (let count = 0; count <= 6; count++) {
    const told = Math.min(count, most);
    Deno.test(`${name}, ${count} blocks held: ${told} of them beside text, which is shorter by as much (MUST-16, SHLD-28, RFC 2018 §3)`, () => {
      const fixture = reachEstablished({ options });
      const { peer, app } = fixture;
      const blocks = holes(fixture, count).slice(0, most);
      app.write(6000);
      const full = LAB_MTU - HEADERS - stamps - sackBytes(told);
      const segments = peer.takeAll();
      assertEquals(segments.length, Math.ceil(6000 / full));
      const rest = segments.pop();
      assertEquals(rest?.data.length, 6000 % full);
      for (const seen of segments) {
        assertRoom(peer, seen, blocks);
        assertEquals([seen.data.length, seen.packet.packetBytes], [full, LAB_MTU]);
      }
    });
  }

  Deno.test(`${name}: a bare ACK tells ${most} blocks, and none when nothing is missing (RFC 2018 §3, §4)`, () => {
    const fixture = reachEstablished({ options });
    const { peer } = fixture;
    const blocks = holes(fixture, 7);
    peer.sends({ flags: "ACK", seq: 20_001, ack: 1, data: 50 });
    const [seen] = peer.takeAll();
    assertRoom(peer, seen, [[20_001, 20_051] as const, ...blocks].slice(0, most));
    assertEquals(seen.packet.packetBytes, HEADERS + stamps + sackBytes(most));
  });

  Deno.test(`${name}: a duplicate is the first block and counts as one (RFC 2883 §4, RFC 2018 §3)`, () => {
    for (const count of [0, 1, 2, 3, 5]) {
      const fixture = reachEstablished({ options });
      const { peer } = fixture;
      peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 500 });
      const blocks = holes(fixture, count);
      peer.sends({ flags: "ACK", seq: 101, ack: 1, data: 200 });
      const [seen, ...more] = peer.takeAll();
      assertEquals(more, []);
      assertRoom(peer, seen, [[101, 301] as const, ...blocks].slice(0, most));
      // Told once.
      peer.sends({ flags: "ACK", seq: 9001, ack: 1, data: 10 });
      const [next] = peer.takeAll();
      assertRoom(peer, next, [[9001, 9011] as const, ...blocks].slice(0, most));
    }
  });

  Deno.test(`${name}: text that is sent again keeps its size, no packet is too large; blocks are told by ACKs (MUST-16, RFC 2018 §3)`, () => {
    const fixture = reachEstablished({ options });
    const { lab, peer, app } = fixture;
    app.write(1460 - stamps);
    assertEquals(peer.takeAll().map(({ data }) => data.length), [1460 - stamps]);
    const blocks = holes(fixture, 2);
    lab.pass(3 * SECOND_US);
    const again = peer.takeAll();
    assert(again.length > 0, "it is sent again");
    for (const { seq, data, packet } of again) {
      assertEquals([seq, data.length], [1, 1460 - stamps]);
      assertLessOrEqual(packet.packetBytes, LAB_MTU);
    }
    // An ACK that is owed for what comes out of order is not taken by text that has no room for it.
    peer.sends({ flags: "ACK", seq: 9001, ack: 1, data: 100 });
    assertEquals(peer.takeAll().map((seen) => peer.sackOf(seen)), [
      [[9001, 9101] as const, ...blocks].slice(0, most),
    ]);
  });

  Deno.test(`${name}: a segment that acknowledges and leaves a hole: the block is told, no packet is too large (MUST-16, MAY-13)`, () => {
    const fixture = reachEstablished({ options });
    const { peer, app } = fixture;
    app.write(40_000);
    const flight = peer.takeAll();
    const ack = flight[3].seq + flight[3].data.length;
    peer.sends({ flags: "ACK", seq: 2001, ack, data: 300 });
    const answers = peer.takeAll();
    assert(answers.length >= 2, "new text, and what is owed");
    for (const { packet } of answers) assertLessOrEqual(packet.packetBytes, LAB_MTU);
    assert(answers.some((seen) => peer.sackOf(seen).some(([left]) => left === 2001)), "the block is told");
  });
}

Deno.test("without SACK nothing is taken off for holes (MUST-16)", () => {
  const fixture = reachEstablished({ options: PLAIN_OPTIONS });
  const { peer, app } = fixture;
  holes(fixture, 4);
  app.write(2920);
  for (const seen of peer.takeAll()) {
    assertEquals([seen.data.length, seen.options.sack], [1460, undefined]);
  }
});

Deno.test("the peer's MSS bounds text, timestamps and blocks together (MUST-16, RFC 6691 §2)", () => {
  for (const mss of [100, 536, 1000]) {
    const fixture = reachEstablished({ options: { ...STAMPED_OPTIONS, mss } });
    const { peer, app } = fixture;
    holes(fixture, 3);
    app.write(mss);
    const [seen] = peer.takeAll();
    assertEquals([seen.data.length, peer.sackOf(seen).length], [mss - 12 - sackBytes(3), 3]);
  }
});
