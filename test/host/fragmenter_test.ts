/** Packets cut into fragments, for both IP versions (RFC 791 §3.2, RFC 8200 §4.5), and their identifications (RFC 7739). */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { FragmentIds, fragments } from "../../src/host/fragmenter.ts";
import { FragmentWire } from "./fragment_wire.ts";
import { HAND_FAMILIES, type HandFamily, type HandFragment, pattern } from "./hand_fragments.ts";

/** Cuts a packet; the fragments as they were handed out. */
function cutUp(
  family: HandFamily,
  about: {
    header?: HandFragment;
    data: Uint8Array;
    mtu: number;
    id?: number;
    ipOffset?: number;
    extraHeader?: number;
  },
): Uint8Array[] {
  const { header = {}, data, mtu, id = 7, ipOffset = 14, extraHeader = 0 } = about;
  const frame = family.frame(header, data);
  const headerBytes = family.headerBytes + extraHeader;
  const frames: Uint8Array[] = [];
  const options = { ipOffset, headerBytes, payloadLength: data.length, mtu, id };
  const before = frame.slice();
  const count = fragments(frame, options, (fragment, length) => frames.push(fragment.slice(0, length)));
  assertEquals(count, frames.length);
  assertEquals(frame, before, "what was cut is as it was");
  return frames;
}

for (const family of HAND_FAMILIES) {
  const { name } = family;
  const headers = family.headerBytes + family.fragmentHeaderBytes;

  Deno.test(`fragmenter, ${name}: what is cut, byte by byte`, () => {
    const data = pattern(100);
    const header = { protocol: family.icmp, hopLimit: 33, dontFragment: true, ecn: 2 };
    // Room for 47 bytes: 40 of them.
    const frames = cutUp(family, { header, data, mtu: headers + 47, id: 0x1234 });
    const about = { ...header, dontFragment: false, id: 0x1234 };
    assertEquals(frames, [
      family.frame({ ...about, more: true }, data.subarray(0, 40)),
      family.frame({ ...about, offset: 40, more: true }, data.subarray(40, 80)),
      family.frame({ ...about, offset: 80 }, data.subarray(80)),
    ]);
  });

  Deno.test(`fragmenter, ${name}: a tag stays`, () => {
    const data = pattern(100);
    const frames = cutUp(family, { header: { vlan: 9 }, data, mtu: headers + 64, ipOffset: 18 });
    assertEquals(frames, [
      family.frame({ vlan: 9, more: true }, data.subarray(0, 64)),
      family.frame({ vlan: 9, offset: 64 }, data.subarray(64)),
    ]);
  });

  Deno.test(`fragmenter, ${name}: property: none is larger than the MTU, and together they are the packet`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: headers + 32, max: 1500 }),
        fc.nat(0xffff),
        (length, mtu, id) => {
          if (Math.ceil(length / (Math.floor((mtu - headers) / 8) * 8)) > 128) return;
          const data = pattern(length);
          const frames = cutUp(family, { data, mtu, id });
          for (const frame of frames) assert(frame.length - 14 <= mtu, `${frame.length} of ${mtu}`);
          const fewest = Math.ceil(length / (Math.floor((mtu - headers) / 8) * 8));
          assertEquals(frames.length, fewest);
          if (fewest === 1) return;
          const wire = new FragmentWire();
          const wholes = frames.map((frame) => wire.wholeOf(frame));
          assertEquals(wholes.slice(0, -1).filter((whole) => whole !== null), []);
          assertEquals(wholes.at(-1), family.frame(name === "IPv4" ? { id } : {}, data));
        },
      ),
      { numRuns: 300 },
    );
  });

  Deno.test(`fragmenter, ${name}: the largest packet at the smallest MTU of IPv6 is put together again`, () => {
    const data = pattern(0xffff - (name === "IPv4" ? 20 : 0));
    const frames = cutUp(family, { data, mtu: 1280 });
    const wire = new FragmentWire();
    const wholes = frames.map((frame) => wire.wholeOf(frame));
    assertEquals(wholes.at(-1), family.frame({}, data));
    assertEquals(frames.length, Math.ceil(data.length / (name === "IPv4" ? 1256 : 1232)));
  });

  Deno.test(`fragmenter, ${name}: what cannot be cut is not`, () => {
    const data = pattern(100);
    assertEquals(cutUp(family, { data, mtu: headers + 7 }), []);
    assertEquals(cutUp(family, { data, mtu: headers + 8 }).length, 13);
    assertEquals(cutUp(family, { data, mtu: 0 }), []);
    const extra = name === "IPv4" ? 4 : 8;
    const part = { header: { more: true }, data, mtu: headers + 40, extraHeader: family.fragmentHeaderBytes };
    assertEquals(cutUp(family, part), []);
    const header = { options: [1, 1, 1, 1], before: { header: 60, rest: [0, 1, 4, 0, 0, 0, 0] } };
    for (const extraHeader of [0, extra]) {
      assertEquals(cutUp(family, { header, data, mtu: headers + 40, extraHeader }), []);
    }
    const outgrown = pattern(0x10000);
    if (name === "IPv4") assertEquals(cutUp(family, { data: outgrown, mtu: 1500 }), []);
  });
}

Deno.test("identifications: of one pair each is one more, and none tells of another pair's or another host's", () => {
  const secret = pattern(16);
  const ids = new FragmentIds(secret);
  for (const bytes of [4, 16]) {
    const here = new Uint8Array(bytes).fill(1);
    const peers = Array.from({ length: 32 }, (_, at) => new Uint8Array(bytes).fill(at + 2));
    const firsts = peers.map((peer) => ids.next(here, peer));
    assertEquals(new Set(firsts).size, 32);
    // Far from each other, in all 32 bits: by chance, none of 32 lies within 2^16 of the one before.
    firsts.forEach((first, at) => {
      if (at > 0) assert(Math.abs(first - firsts[at - 1]) > 0x10000, `${first}`);
    });
    assert(firsts.some((first) => first > 0x7fffffff));
    const [peer, ...others] = peers;
    for (let sent = 0; sent < 1000; sent++) ids.next(here, peer);
    // Hardly any other counts along with it.
    const alone = others.filter((other, at) => ((ids.next(here, other) - firsts[at + 1]) >>> 0) < 8);
    assert(alone.length >= 28, `${alone.length}`);
    const before = ids.next(here, peer);
    assertEquals((ids.next(here, peer) - before) >>> 0, 1);
    const elsewhere = new FragmentIds(secret.map((byte) => byte ^ 1)).next(here, peer);
    assert(Math.abs(elsewhere - firsts[0]) > 0x10000);
    // The way back counts by itself.
    assert(Math.abs(ids.next(peer, here) - before) > 0x10000);
  }
});

Deno.test("identifications: 70,000 in a row of one pair are all different, and in IPv4 none comes before 65,536 others", () => {
  const ids = new FragmentIds(pattern(16));
  const pair = [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 9)];
  const all = Array.from({ length: 70_000 }, () => ids.next(pair[0], pair[1]));
  assertEquals(new Set(all).size, 70_000);
  assertEquals(new Set(all.slice(0, 0x10000).map((id) => id & 0xffff)).size, 0x10000);
});
