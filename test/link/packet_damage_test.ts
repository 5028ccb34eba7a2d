/**
 * Damage and marks in packets of both families, with and without a tag: what changes, what is put right with it, and
 * what stays.
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { flipBit, isNeighborTalk, markCongestion } from "../../src/link/packet_damage.ts";
import { SeededRandom } from "../../src/link/seeded_random.ts";
import { readU16, writeU16 } from "../../src/wire/bytes.ts";
import { checksum, foldSum, pseudoHeaderSum } from "../../src/wire/checksum.ts";
import { ETHERTYPE } from "../../src/wire/ethernet.ts";
import { CHECKSUM_VERDICT, checksumVerdict, FLAG, TCP } from "../../src/wire/tcp.ts";
import { craftPacket, craftSegment, type Route } from "../tcp/frame_craft.ts";
import { HOST_MAC, HOST_V4, HOST_V6, PEER_MAC, PEER_V4, PEER_V6 } from "../tcp/wire_ends.ts";

interface Family {
  readonly route: Route;
  readonly headerBytes: number;
  readonly addressesAt: number;
  readonly addressBytes: number;
}

const V4: Family = {
  route: { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V4, target: HOST_V4 },
  headerBytes: 20,
  addressesAt: 12,
  addressBytes: 4,
};
const V6: Family = {
  route: { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V6, target: HOST_V6 },
  headerBytes: 40,
  addressesAt: 8,
  addressBytes: 16,
};
const FAMILIES: Readonly<Record<string, Family>> = { IPv4: V4, IPv6: V6 };
const DATA_BYTES = 12;

function segment({ route }: Family, ecn = 0): Uint8Array {
  return craftSegment(route, {
    sourcePort: 1,
    targetPort: 2,
    flags: FLAG.ACK,
    seq: 3,
    ack: 4,
    window: 5,
    ecn,
    data: new Uint8Array(DATA_BYTES).fill(0xa5),
  }).slice();
}

/** The frame with an 802.1Q tag in it. */
function tagged(frame: Uint8Array): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), 0x81, 0, 0, 5, ...frame.subarray(12));
}

/** With `count` bytes behind the packet. */
function padded(frame: Uint8Array, count: number): Uint8Array {
  const longer = new Uint8Array(frame.length + count);
  longer.set(frame);
  return longer;
}

/** The IPv4 header with a word of options in it. */
function withIpOptions(frame: Uint8Array): Uint8Array {
  const longer = Uint8Array.of(...frame.subarray(0, 34), 1, 1, 1, 0, ...frame.subarray(34));
  longer[14] = 0x46;
  writeU16(longer, 16, readU16(longer, 16) + 4);
  writeU16(longer, 24, 0);
  writeU16(longer, 24, checksum(longer, 14, 24));
  return longer;
}

/** The bits in which two frames differ, as far as bytes differ in one bit; a byte with more of them counts as -1. */
function changedBits(before: Uint8Array, after: Uint8Array): number[] {
  const bits: number[] = [];
  for (let at = 0; at < before.length; at++) {
    const change = before[at] ^ after[at];
    if (change !== 0) bits.push((change & (change - 1)) === 0 ? at * 8 + Math.log2(change) : -1);
  }
  return bits;
}

/** Every bit of a frame that damage hits in `tries` times; each time exactly one. */
function hitBits(frame: Uint8Array, length = frame.length, tries = 12_000): Set<number> {
  const random = new SeededRandom(1);
  const hit = new Set<number>();
  for (let i = 0; i < tries; i++) {
    const damaged = frame.slice();
    flipBit(damaged, length, random);
    const bits = changedBits(frame, damaged);
    assert(bits.length === 1 && bits[0] >= 0, `${bits}`);
    hit.add(bits[0]);
  }
  return hit;
}

/** The bits from byte `start` up to byte `end`. */
function bitsOf(start: number, end: number): number[] {
  return Array.from({ length: (end - start) * 8 }, (_, i) => start * 8 + i);
}

for (const [name, family] of Object.entries(FAMILIES)) {
  Deno.test(`packet damage: any bit of an ${name} packet may flip, and none of what is around it`, () => {
    const frame = segment(family);
    const sorted = (bits: Iterable<number>) => [...bits].sort((a, b) => a - b);
    assertEquals(sorted(hitBits(padded(frame, 9))), bitsOf(14, frame.length));
    assertEquals(sorted(hitBits(tagged(frame))), bitsOf(18, frame.length + 4));
    // What stands behind the frame's end in its buffer is not on the wire.
    assertEquals(sorted(hitBits(padded(frame, 300), frame.length)), bitsOf(14, frame.length));
  });

  Deno.test(`packet damage: an ${name} packet whose length cannot be is damaged up to the frame's end`, () => {
    const lengthAt = name === "IPv4" ? 16 : 18;
    for (const told of [0, 0xffff]) {
      const frame = segment(family);
      writeU16(frame, lengthAt, told);
      const hit = hitBits(frame);
      const packetEnd = told === 0 && name === "IPv6" ? 54 : frame.length;
      assertEquals([Math.min(...hit), Math.max(...hit)], [14 * 8, packetEnd * 8 - 1]);
    }
    // Cut off before its IP header is whole.
    const hit = hitBits(segment(family), 14 + family.headerBytes - 1);
    assertEquals([Math.min(...hit), Math.max(...hit)], [14 * 8, (14 + family.headerBytes - 1) * 8 - 1]);
  });

  Deno.test(`packet damage: an ${name} segment whose sum was left to a device gets it before it is damaged`, () => {
    const lengthBytes = TCP.HEADER_BYTES + DATA_BYTES;
    const cases = [
      segment(family),
      tagged(segment(family)),
      ...(name === "IPv4" ? [withIpOptions(segment(family))] : []),
    ];
    for (const whole of cases) {
      const tcpAt = whole.length - lengthBytes;
      const addresses = tcpAt - family.headerBytes + family.addressesAt - (whole[14] === 0x46 ? 4 : 0);
      const pseudo = pseudoHeaderSum(whole, addresses, family.addressBytes, 6, lengthBytes);
      assertEquals(checksumVerdict(whole, tcpAt, lengthBytes, pseudo, true), CHECKSUM_VERDICT.CORRECT);
      const partial = whole.slice();
      writeU16(partial, tcpAt + TCP.CHECKSUM, foldSum(pseudo));
      assertNotEquals(partial, whole);
      for (let seed = 0; seed < 50; seed++) {
        const damaged = padded(partial, 3);
        flipBit(damaged, damaged.length, new SeededRandom(seed));
        assertEquals(changedBits(padded(whole, 3), damaged).length, 1, "one bit beside the completed packet");
      }
    }
  });

  Deno.test(`packet damage: a wrong ${name} sum, and one that is no TCP segment's, stay what they were`, () => {
    const wrong = segment(family);
    wrong[wrong.length - 1] ^= 0xff;
    hitBits(wrong, wrong.length, 50);
    // A UDP packet that has, where TCP's sum would be, what would look like a partial one.
    const fill = (bytes: Uint8Array, at: number, pseudo: number) =>
      writeU16(bytes, at + TCP.CHECKSUM, foldSum(pseudo));
    hitBits(craftPacket(family.route, { protocol: 17, length: 20, fill }).slice(), undefined, 50);
    // Less than a TCP header.
    hitBits(craftPacket(family.route, { protocol: 6, length: 19, fill }).slice(), undefined, 50);
  });

  Deno.test(`packet damage: an ${name} mark is for capable senders, and nothing but the mark and its sum changes`, () => {
    for (
      const [before, after, isNew] of [[0, 0, false], [1, 3, true], [2, 3, true], [3, 3, false]] as const
    ) {
      for (const frame of [segment(family, before), tagged(segment(family, before))]) {
        const tag = frame.length - segment(family).length;
        const expected = tag === 0 ? segment(family, after) : tagged(segment(family, after));
        assertEquals(markCongestion(frame, frame.length), isNew);
        assertEquals(frame, expected);
      }
    }
    const short = segment(family, 1);
    assertEquals(markCongestion(short, 14 + family.headerBytes - 1), false);
    assertEquals(short, segment(family, 1));
    assertEquals(markCongestion(short, 14 + family.headerBytes), true, "the header alone is enough");
  });
}

Deno.test("packet damage: what is no IP packet is neither marked nor spared", () => {
  const arp = new Uint8Array(42).fill(0xff);
  writeU16(arp, 12, ETHERTYPE.ARP);
  assertEquals(markCongestion(arp, arp.length), false);
  assertEquals(arp.slice(14), new Uint8Array(28).fill(0xff));
  const hit = hitBits(arp);
  assertEquals([Math.min(...hit), Math.max(...hit)], [14 * 8, 42 * 8 - 1]);
  // Nothing in it is taken for a length.
  const long = new Uint8Array(100);
  writeU16(long, 12, ETHERTYPE.ARP);
  const longHit = hitBits(long);
  assertEquals([Math.min(...longHit), Math.max(...longHit)], [14 * 8, 100 * 8 - 1]);
});

Deno.test("packet damage: frames without a payload stay as they are, and damage draws once in any case", () => {
  for (const length of [0, 13, 14]) {
    const frame = segment(V4, 1);
    const random = new SeededRandom(4);
    flipBit(frame, length, random);
    assertEquals(frame, segment(V4, 1));
    const other = new SeededRandom(4);
    other.fraction();
    assertEquals(random.uint32(), other.uint32(), `${length}`);
  }
  const frame = segment(V4, 1);
  assertEquals([markCongestion(frame, 13), frame], [false, segment(V4, 1)]);
});

Deno.test("packet damage: neighbors' talk is ARP and neighbor discovery, behind tags too, and nothing else", () => {
  const arp = new Uint8Array(60);
  writeU16(arp, 12, ETHERTYPE.ARP);
  const talks = (
    frame: Uint8Array,
    length = frame.length,
  ) => [isNeighborTalk(frame, length), isNeighborTalk(tagged(frame), length + 4)];
  assertEquals(talks(arp), [true, true]);
  assertEquals([talks(segment(V4)), talks(segment(V6))], [[false, false], [false, false]]);
  // RFC 4861 §4: 133 to 137; an echo request (128), a report (143) and an error (2) are none.
  const told = (type: number, length = 16) => {
    const frame = craftPacket(V6.route, { protocol: 58, length, fill: (bytes, at) => bytes[at] = type })
      .slice();
    return talks(frame);
  };
  for (const type of [133, 134, 135, 136, 137]) assertEquals(told(type), [true, true], `${type}`);
  for (const type of [2, 128, 132, 138, 143]) assertEquals(told(type), [false, false], `${type}`);
  assertEquals([told(135, 0), talks(arp, 13)], [[false, false], [false, false]]);
});
