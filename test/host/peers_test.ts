/**
 * Peers: who counts as one, in both families, and who is remembered.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { peerKey, Peers } from "../../src/host/peers.ts";
import { at } from "./any_address.ts";

const SECOND_US = 1_000_000;

function bytes(length: number) {
  return fc.uint8Array({ minLength: length, maxLength: length });
}

Deno.test("a peer is an IPv4 address, or the first 64 bits of an IPv6 one; neither is taken for the other", () => {
  fc.assert(fc.property(fc.integer(), bytes(4), bytes(4), (seed, one, other) => {
    const peers = new Peers(seed);
    const peer = peers.join(one);
    assertEquals(peers.find(one.slice()) === peer, true);
    assertEquals(peers.find(other) === peer, one.join() === other.join());
    assertEquals(peerKey(other) === peerKey(one), one.join() === other.join());
  }));
  fc.assert(
    fc.property(fc.integer(), bytes(8), bytes(8), bytes(8), fc.nat(63), (seed, prefix, one, other, bit) => {
      const peers = new Peers(seed);
      const peer = peers.join(Uint8Array.of(...prefix, ...one));
      assertEquals(peers.find(Uint8Array.of(...prefix, ...other)) === peer, true);
      const elsewhere = prefix.slice();
      elsewhere[bit >> 3] ^= 1 << (bit & 7);
      assertEquals(peers.find(Uint8Array.of(...elsewhere, ...one)), null);
      const [key, same, another] = [[...prefix, ...one], [...prefix, ...other], [...elsewhere, ...one]]
        .map((address) => peerKey(Uint8Array.from(address)));
      assertEquals([key === same, key === another], [true, false]);
      assertEquals(peers.find(prefix.slice(0, 4)), null);
      // As it stands in a frame.
      assertEquals(peers.find(Uint8Array.of(1, 2, 3, ...prefix, ...other), 3, 16) === peer, true);
    }),
  );
});

/** An address of each family whose peer is that of `number`. */
const FAMILIES = [
  {
    family: "IPv4",
    peer: (number: number) => Uint8Array.of(10, number >>> 16, (number >>> 8) & 0xff, number & 0xff),
  },
  {
    family: "IPv6",
    peer: (number: number) =>
      Uint8Array.of(
        0x20,
        1,
        0xd,
        0xb8,
        0,
        number >>> 16,
        (number >>> 8) & 0xff,
        number & 0xff,
        ...Array<number>(8).fill(number & 7),
      ),
  },
];

for (const { family, peer } of FAMILIES) {
  Deno.test(`${family}: who has completed a handshake is remembered when the last connection ends, the others are not`, () => {
    const peers = new Peers(1);
    const known = peers.join(peer(1));
    assert(peers.join(peer(1)) === known);
    known.isKnown = true;
    const stranger = peers.join(peer(2));
    peers.leave(stranger, 5);
    peers.leave(known, 6);
    assertEquals([peers.find(peer(1)) === known, peers.find(peer(2))], [true, null]);
    peers.leave(known, 7);
    assertEquals([peers.find(peer(1)) === known, known.connections, known.leftUs], [true, 0, 7]);
    assert(peers.join(peer(1)) === known, "back, and the same");
    assertEquals(known.connections, 1);
  });

  Deno.test(`${family}: the latest 4,096 are remembered, however many come and go, and those with connections all`, () => {
    const peers = new Peers(2);
    const staying = peers.join(peer(0));
    staying.isKnown = true;
    for (let number = 1; number <= 20_000; number++) {
      const one = peers.join(peer(number));
      one.isKnown = true;
      peers.leave(one, number);
    }
    const remembered = Array.from({ length: 20_001 }, (_, number) => peers.find(peer(number))).filter((one) =>
      one !== null
    );
    assertEquals(remembered.length, 4097);
    assert(peers.find(peer(0)) === staying);
    assertEquals([peers.find(peer(20_000 - 4096)), peers.find(peer(20_000 - 4095))?.isKnown], [null, true]);
    // Who is back is not pushed out.
    const back = peers.join(peer(20_000 - 4095));
    for (let number = 30_000; number < 40_000; number++) {
      const one = peers.join(peer(number));
      one.isKnown = true;
      peers.leave(one, number);
    }
    assert(peers.find(peer(20_000 - 4095)) === back);
    assertEquals(peers.find(peer(20_000)), null);
  });

  Deno.test(`${family}: greedy is who has more than half of what others have on average, and no one who is alone`, () => {
    const peers = new Peers(3);
    const many = peers.join(peer(1));
    for (let i = 0; i < 99; i++) peers.join(peer(1));
    assertEquals(peers.isGreedy(many, 0), false, "alone");
    const few = peers.join(peer(2));
    few.isKnown = true;
    assertEquals([peers.isGreedy(many, 0), peers.isGreedy(few, 0)], [true, false]);
    peers.leave(few, 0);
    assertEquals(peers.isGreedy(many, 59 * SECOND_US), true, "it left just now");
    assertEquals(peers.isGreedy(many, 60 * SECOND_US), false);
  });
}

Deno.test("a network with 2^64 addresses is one greedy peer, not ten thousand modest ones (RFC 6177 §2)", () => {
  const peers = new Peers(4);
  const honest = peers.join(at("2001:db8:1::1"));
  const flood = Array.from(
    { length: 10_000 },
    (_, number) =>
      peers.join(
        Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, number >>> 8, number & 0xff, 1, 2, 3, 4, 5, 6),
      ),
  );
  assertEquals(new Set(flood).size, 1);
  assertEquals(flood[0].connections, 10_000);
  assertEquals([peers.isGreedy(flood[0], 0), peers.isGreedy(honest, 0)], [true, false]);
});
