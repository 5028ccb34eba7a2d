/** Fragments put together, for both IP versions: orders, duplicates, overlaps, headers, time (RFC 791, 815, 1122, 3168, 5722, 8200). */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { REASSEMBLY_LIMITS as LIMITS } from "../../src/host/reassembly.ts";
import { IpPacket, parseIp } from "../../src/wire/ip.ts";
import { FragmentWire } from "./fragment_wire.ts";
import { HAND_FAMILIES, type HandFamily, type HandFragment, pattern, TCP } from "./hand_fragments.ts";

const ETHERNET_BYTES = 14;

/** One part of a datagram: from, to, and whether it is the last. */
interface Cut {
  readonly offset: number;
  readonly end: number;
  readonly more: boolean;
}

function frameOf(family: HandFamily, data: Uint8Array, cut: Cut, about: HandFragment = {}): Uint8Array {
  const { offset, end, more } = cut;
  return family.frame({ offset, more, ...about }, data.subarray(offset, end));
}

/** `length` bytes cut behind each of these units of 8 bytes. */
function cutsAt(length: number, units: readonly number[]): Cut[] {
  const inside = [...new Set(units.map((unit) => unit * 8))].filter((at) => at > 0 && at < length);
  const ends = [...inside.sort((a, b) => a - b), length];
  return ends.map((end, index) => ({
    offset: index === 0 ? 0 : ends[index - 1],
    end,
    more: end < length,
  }));
}

/** The headers of the whole: those of a packet that was never cut; of IPv4 with the fragments' identification. */
function wholeFrame(family: HandFamily, data: Uint8Array, about: HandFragment = {}): Uint8Array {
  return family.frame(about, data);
}

for (const family of HAND_FAMILIES) {
  const { name } = family;
  const cut = (offset: number, end: number, more: boolean): Cut => ({ offset, end, more });

  Deno.test(`reassembly, ${name}: two fragments are the packet that was cut, in a buffer of its own, with its record`, () => {
    const wire = new FragmentWire();
    const data = pattern(100);
    assertEquals(wire.gives(frameOf(family, data, cut(0, 64, true))), null);
    // Charged: the bytes, what a part costs, and the headers that are kept of the first.
    const headers = ETHERNET_BYTES + family.headerBytes + family.fragmentHeaderBytes;
    assertEquals([wire.reassembly.size, wire.reassembly.heldBytes], [1, headers + 64 + 256]);
    const frame = frameOf(family, data, cut(64, 100, false), { mac: "02:00:00:00:00:fe" });
    const whole = wire.gives(frame);
    assert(whole !== null);
    const { bytes, packet } = whole;
    // The sender's hardware address is that of the frame that completed it.
    assertEquals(bytes, wholeFrame(family, data, { mac: "02:00:00:00:00:fe" }));
    assert(bytes.buffer !== frame.buffer);
    const parsed = new IpPacket();
    const type = family.addressBytes === 4 ? 0x0800 : 0x86dd;
    assertEquals(parseIp(type, bytes, ETHERNET_BYTES, bytes.length - ETHERNET_BYTES, parsed), null);
    assertEquals({ ...packet }, { ...parsed });
    assertEquals(
      [packet.isFragment, packet.protocol, packet.payloadOffset, packet.payloadLength],
      [false, 17, ETHERNET_BYTES + family.headerBytes, 100],
    );
    assertEquals(wire.drops, []);
    assertEquals([wire.reassembly.size, wire.reassembly.heldBytes, wire.reassembly.isAtRest], [0, 0, true]);
    assertEquals(Object.fromEntries(wire.counts), { "fragments-in": 2, "reassembled": 1 });
  });

  Deno.test(`reassembly, ${name}: property: any order and any duplicates give the packet, exactly when all has come (RFC 815)`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 17, max: 400 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 60 }),
        (length, units, picks) => {
          const wire = new FragmentWire();
          const data = pattern(length);
          const cuts = cutsAt(length, units);
          if (cuts.length === 1) return;
          let seen = new Set<number>();
          // What is picked, and then all that is left, so that each run ends with a whole one.
          const order = [...picks.map((pick) => pick % cuts.length), ...cuts.keys()];
          for (const index of order) {
            seen.add(index);
            const whole = wire.wholeOf(frameOf(family, data, cuts[index]));
            if (seen.size < cuts.length) {
              assertEquals(whole, null);
            } else {
              assertEquals(whole, wholeFrame(family, data));
              seen = new Set();
            }
          }
          assertEquals(wire.drops, []);
          assert(wire.count("reassembled") >= 1);
          assertEquals(wire.reassembly.size, seen.size === 0 ? 0 : 1);
        },
      ),
      { numRuns: 300 },
    );
  });

  Deno.test(`reassembly, ${name}: property: any overlap drops the datagram, and all that comes of it, until it times out (RFC 5722 §3, RFC 1858)`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 40 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
        fc.record({
          first: fc.nat(),
          length: fc.nat(),
          at: fc.nat(),
          keys: fc.array(fc.nat(), { maxLength: 12 }),
        }),
        (units, cutUnits, bent) => {
          const wire = new FragmentWire();
          const data = pattern(units * 8);
          const cuts = cutsAt(units * 8, cutUnits);
          // An extra part inside of the datagram, one of whose ends lies inside of another part: it fits into no tiling.
          const start = bent.first % (units - 1);
          const end = start + 1 + bent.length % (units - 1 - start);
          const places = new Set(cuts.flatMap(({ offset, end }) => [offset, end]));
          if (cuts.length === 1 || (places.has(start * 8) && places.has(end * 8))) return;
          const order = cuts.map((_, index) => index)
            .sort((a, b) => (bent.keys[a] ?? a) - (bent.keys[b] ?? b) || a - b);
          const frames = order.map((index) => frameOf(family, data, cuts[index]));
          const extra = cut(start * 8, end * 8, true);
          frames.splice(bent.at % frames.length, 0, frameOf(family, data, extra));
          for (const frame of frames) assertEquals(wire.gives(frame), null);
          assertEquals(wire.count("reassembly-overlap"), 1);
          assertEquals([wire.reassembly.size, wire.reassembly.heldBytes, wire.timedOut.length], [0, 0, 0]);
          const again = () => cuts.map((each) => wire.wholeOf(frameOf(family, data, each)));
          wire.passes(LIMITS.WAIT_US - 1);
          assertEquals(again().filter((whole) => whole !== null), []);
          wire.passes(1);
          assertEquals(again().at(-1), wholeFrame(family, data));
          assertEquals(wire.count("reassembly-overlap"), 1);
        },
      ),
      { numRuns: 400 },
    );
  });

  const contradictions: readonly [string, readonly Cut[]][] = [
    ["in the middle of another", [cut(0, 64, true), cut(16, 24, true)]],
    ["over two others", [cut(0, 16, true), cut(16, 32, true), cut(0, 32, true)]],
    ["over the end of one", [cut(0, 32, true), cut(24, 48, true)]],
    ["over the beginning of one", [cut(24, 48, true), cut(0, 32, true)]],
    ["around one", [cut(24, 32, true), cut(16, 40, true)]],
    ["at the same place, longer", [cut(0, 16, true), cut(0, 24, true)]],
    ["at the same place, shorter", [cut(0, 24, true), cut(0, 16, true)]],
    ["a second end, further on", [cut(24, 32, false), cut(48, 56, false)]],
    ["a second end, before the first", [cut(48, 56, false), cut(24, 32, false)]],
    ["a part behind the end", [cut(24, 32, false), cut(32, 40, true)]],
    ["an end before a part", [cut(32, 40, true), cut(24, 32, false)]],
    ["the last once more, and no last now", [cut(24, 32, false), cut(24, 32, true)]],
    ["one once more as the last", [cut(24, 32, true), cut(24, 32, false)]],
  ];
  for (const [what, cuts] of contradictions) {
    Deno.test(`reassembly, ${name}: overlap: ${what}`, () => {
      const wire = new FragmentWire();
      const data = pattern(64);
      for (const each of cuts) assertEquals(wire.gives(frameOf(family, data, each)), null);
      assertEquals([wire.count("reassembly-overlap"), wire.drops, wire.reassembly.size], [
        1,
        ["fragment"],
        0,
      ]);
      wire.passes(LIMITS.WAIT_US);
      assertEquals(wire.timedOut, [], "silently (RFC 5722 §3)");
    });
  }

  Deno.test(`reassembly, ${name}: the same bytes at the same place are a duplicate; other bytes there are an overlap (RFC 8200 §4.5)`, () => {
    const wire = new FragmentWire();
    const data = pattern(48);
    const first = cut(0, 24, true);
    for (let times = 0; times < 3; times++) assertEquals(wire.gives(frameOf(family, data, first)), null);
    assertEquals([wire.count("fragments-duplicate"), wire.drops], [2, []]);
    const forged = data.slice();
    forged[23] ^= 1;
    assertEquals(wire.gives(frameOf(family, forged, first)), null);
    assertEquals([wire.count("reassembly-overlap"), wire.reassembly.size], [1, 0]);
    assertEquals(wire.gives(frameOf(family, data, cut(24, 48, false))), null);
    assertEquals(wire.drops, ["fragment", "fragment"]);
  });

  Deno.test(`reassembly, ${name}: what differs in source, destination or identification is of another datagram`, () => {
    const others: HandFragment[] = [{ from: 8 }, { to: 2 }, { id: 8 }, { id: 0xffff }];
    // RFC 791 §3.2: the protocol too; RFC 8200 §4.5: not the next header.
    if (name === "IPv4") others.push({ protocol: 50 });
    else others.push({ id: 0x10007 }, { id: 0xffffffff }, { id: 0x80000007 });
    const wire = new FragmentWire();
    const data = pattern(48);
    const all = [{}, ...others];
    for (const about of all) assertEquals(wire.gives(frameOf(family, data, cut(0, 24, true), about)), null);
    assertEquals(wire.reassembly.size, all.length);
    for (const about of all) {
      assertEquals(
        wire.wholeOf(frameOf(family, data, cut(24, 48, false), about)),
        wholeFrame(family, data, about),
      );
    }
    assertEquals(wire.reassembly.size, 0);
  });

  Deno.test(`reassembly, ${name}: the wait is 60 s from the fragment that came first, whatever comes later (RFC 1122 §3.3.2, RFC 8200 §4.5)`, () => {
    const wire = new FragmentWire();
    const data = pattern(64);
    const beganUs = wire.clock.nowUs;
    wire.gives(frameOf(family, data, cut(16, 24, true)));
    assertEquals(wire.reassembly.nextDeadlineUs, beganUs + 60_000_000);
    wire.passes(30_000_000);
    wire.gives(frameOf(family, data, cut(0, 16, true)));
    wire.gives(frameOf(family, data, cut(0, 16, true), { id: 8 }));
    assertEquals(wire.reassembly.nextDeadlineUs, beganUs + 60_000_000);
    wire.passes(29_999_999);
    assertEquals([wire.count("reassembly-timeout"), wire.reassembly.size], [0, 2]);
    wire.passes(1);
    assertEquals([wire.count("reassembly-timeout"), wire.reassembly.size], [1, 1]);
    assertEquals(wire.reassembly.nextDeadlineUs, beganUs + 90_000_000);
    wire.passes(30_000_000);
    assertEquals([wire.count("reassembly-timeout"), wire.reassembly.isAtRest], [2, true]);
    assertEquals(wire.reassembly.nextDeadlineUs, Infinity);
  });

  Deno.test(`reassembly, ${name}: whose time is over is not completed, though nobody has looked at the deadline`, () => {
    const wire = new FragmentWire();
    const data = pattern(64);
    wire.gives(frameOf(family, data, cut(0, 32, true)));
    wire.clock.nowUs += LIMITS.WAIT_US;
    assertEquals(wire.gives(frameOf(family, data, cut(32, 64, false))), null);
    assertEquals([wire.count("reassembly-timeout"), wire.timedOut.length, wire.reassembly.size], [1, 1, 1]);
  });

  Deno.test(`reassembly, ${name}: time exceeded is told only when the first fragment has come, with what an error may quote of it`, () => {
    const wire = new FragmentWire();
    const data = pattern(4000);
    wire.gives(frameOf(family, data, cut(8, 16, true), { id: 1 }));
    wire.gives(frameOf(family, data, cut(0, 800, true), { id: 2 }));
    wire.gives(frameOf(family, data, cut(0, 3200, true), { id: 3, vlan: 5 }));
    wire.passes(LIMITS.WAIT_US);
    assertEquals([wire.count("reassembly-timeout"), wire.timedOut.length], [3, 2]);
    const headers = family.headerBytes + family.fragmentHeaderBytes;
    const [small, large] = wire.timedOut;
    assertEquals(small.bytes, frameOf(family, data, cut(0, 800, true), { id: 2 }));
    assertEquals([small.totalLength, small.payloadLength], [headers + 800, 800]);
    // Without its tag.
    const sent = frameOf(family, data, cut(0, 3200, true), { id: 3 });
    assertEquals(large.bytes, sent.subarray(0, ETHERNET_BYTES + 1232));
    assertEquals([large.totalLength, large.payloadLength], [1232, 1232 - headers]);
  });

  Deno.test(`reassembly, ${name}: an error that cannot be told leaves nothing behind`, () => {
    const wire = new FragmentWire();
    const data = pattern(64);
    wire.gives(frameOf(family, data, cut(0, 32, true)));
    wire.gives(frameOf(family, data, cut(0, 32, true), { id: 8 }));
    wire.fault = new Error("no route");
    assertThrows(() => wire.passes(LIMITS.WAIT_US), Error, "no route");
    assertEquals([wire.reassembly.size, wire.timedOut.length], [1, 0]);
    wire.passes(0);
    assertEquals([wire.reassembly.size, wire.timedOut.length, wire.reassembly.heldBytes], [0, 1, 0]);
  });

  Deno.test(`reassembly, ${name}: a mark in any fragment marks the whole; marked and not capable do not go together (RFC 3168 §5.3)`, () => {
    const [NOT_ECT, ECT1, ECT0, CE] = [0, 1, 2, 3];
    const expected = (first: number, second: number): number | null => {
      if (first !== CE && second !== CE) return first;
      return first === NOT_ECT || second === NOT_ECT ? null : CE;
    };
    for (const first of [NOT_ECT, ECT1, ECT0, CE]) {
      for (const second of [NOT_ECT, ECT1, ECT0, CE]) {
        for (const isReversed of [false, true]) {
          const wire = new FragmentWire();
          const data = pattern(64);
          const frames = [
            frameOf(family, data, cut(0, 32, true), { ecn: first }),
            frameOf(family, data, cut(32, 64, false), { ecn: second }),
          ];
          if (isReversed) frames.reverse();
          assertEquals(wire.gives(frames[0]), null);
          const ecn = expected(first, second);
          const whole = ecn === null ? null : wholeFrame(family, data, { ecn });
          assertEquals(wire.wholeOf(frames[1]), whole, `${first} with ${second}`);
          assertEquals(wire.drops, ecn === null ? ["fragment"] : []);
          assertEquals(wire.count("reassembly-mixed-ecn"), ecn === null ? 1 : 0);
          assertEquals(wire.reassembly.size, 0);
        }
      }
    }
  });

  Deno.test(`reassembly, ${name}: empty fragments are dropped and take no place`, () => {
    const wire = new FragmentWire();
    const data = pattern(64);
    assertEquals(wire.gives(frameOf(family, data, cut(8, 8, true))), null);
    assertEquals(wire.gives(frameOf(family, data, cut(8, 8, false))), null);
    assertEquals(wire.gives(frameOf(family, data, cut(0, 0, true))), null);
    assertEquals([wire.drops.length, wire.reassembly.size, wire.problems], [3, 0, []]);
  });

  Deno.test(`reassembly, ${name}: a first fragment of TCP holds its header; none begins at the flags (RFC 1858 §3.2.2, RFC 3128, RFC 7112 §5)`, () => {
    const data = pattern(64);
    for (const end of [8, 16]) {
      const wire = new FragmentWire();
      assertEquals(wire.gives(frameOf(family, data, cut(0, end, true), { protocol: TCP })), null);
      const isIpv6 = name === "IPv6";
      assertEquals(wire.drops, [isIpv6 ? "unsupported-ipv6-header" : "fragment"]);
      assertEquals([wire.count("fragments-tiny"), wire.reassembly.size], [isIpv6 ? 0 : 1, 0]);
      assertEquals(wire.problems, isIpv6 ? [{ code: 3, pointer: 0 }] : []);
    }
    const wire = new FragmentWire();
    assertEquals(wire.gives(frameOf(family, data, cut(8, 64, false), { protocol: TCP })), null);
    assertEquals([wire.count("fragments-tiny"), wire.drops, wire.problems], [1, ["fragment"], []]);
    assertEquals(wire.gives(frameOf(family, data, cut(24, 64, false), { protocol: TCP })), null);
    assertEquals(
      wire.wholeOf(frameOf(family, data, cut(0, 24, true), { protocol: TCP })),
      wholeFrame(family, data, { protocol: TCP }),
    );
    // What has no flags may be cut there.
    for (const protocol of [17, family.icmp]) {
      assertEquals(wire.gives(frameOf(family, data, cut(0, 8, true), { protocol })), null);
      assertEquals(
        wire.wholeOf(frameOf(family, data, cut(8, 64, false), { protocol })),
        wholeFrame(family, data, { protocol }),
      );
    }
    assertEquals(wire.count("fragments-tiny"), 1);
  });

  Deno.test(`reassembly, ${name}: headers and tags of the first fragment; a tag is taken off`, () => {
    const wire = new FragmentWire();
    const data = pattern(64);
    const first = name === "IPv4"
      ? { hopLimit: 3, dontFragment: true, options: [7, 7, 4, 0, 0, 0, 0, 0] }
      : { hopLimit: 3, before: { header: 60, rest: [0, 1, 4, 0, 0, 0, 0] } };
    assertEquals(wire.gives(frameOf(family, data, cut(32, 64, false), { hopLimit: 200, vlan: 9 })), null);
    assertEquals(
      wire.wholeOf(frameOf(family, data, cut(0, 32, true), { ...first, vlan: 9 })),
      wholeFrame(family, data, first),
    );
  });
}

Deno.test("reassembly, IPv6: the next header of the whole is the first fragment's, whatever others say (RFC 8200 §4.5)", () => {
  const [, family] = HAND_FAMILIES;
  const wire = new FragmentWire();
  const data = pattern(64);
  const at = (offset: number, end: number, more: boolean, protocol: number) =>
    frameOf(family, data, { offset, end, more }, { protocol });
  assertEquals(wire.gives(at(24, 64, false, 99)), null);
  assertEquals(wire.wholeOf(at(0, 24, true, 17)), wholeFrame(family, data, { protocol: 17 }));
});

Deno.test("reassembly, IPv6: extension headers behind the fragment header are a part of what was cut", () => {
  const [, family] = HAND_FAMILIES;
  const wire = new FragmentWire();
  // Destination options, padding, and then UDP.
  const data = Uint8Array.from([17, 0, 1, 4, 0, 0, 0, 0, ...pattern(48)]);
  assertEquals(wire.gives(frameOf(family, data, { offset: 0, end: 16, more: true }, { protocol: 60 })), null);
  const whole = wire.gives(frameOf(family, data, { offset: 16, end: 56, more: false }, { protocol: 60 }));
  assert(whole !== null);
  assertEquals(whole.bytes, wholeFrame(family, data, { protocol: 60 }));
  const { protocol, headerLength, payloadOffset, payloadLength } = whole.packet;
  assertEquals([protocol, headerLength, payloadOffset, payloadLength], [17, 48, 62, 48]);
});

Deno.test("reassembly, IPv6: what follows the extension headers of a first fragment has to be there (RFC 7112 §5)", () => {
  const [, family] = HAND_FAMILIES;
  const data = Uint8Array.from([17, 0, 1, 4, 0, 0, 0, 0, ...pattern(48)]);
  const wire = new FragmentWire();
  assertEquals(wire.gives(frameOf(family, data, { offset: 0, end: 8, more: true }, { protocol: 60 })), null);
  assertEquals([wire.problems, wire.drops], [[{ code: 3, pointer: 0 }], ["unsupported-ipv6-header"]]);
});

Deno.test("reassembly, IPv6: an atomic fragment is no fragment: it never comes here (RFC 6946 §4)", () => {
  const [, family] = HAND_FAMILIES;
  const data = Uint8Array.from([17, 0, 0, 0, 0, 0, 0, 7, ...pattern(24)]);
  const frame = wholeFrame(family, data, { protocol: 44 });
  const packet = new IpPacket();
  assertEquals(parseIp(0x86dd, frame, 14, frame.length - 14, packet), null);
  assertEquals([packet.isFragment, packet.fragmentHeaderOffset, packet.id], [false, 54, 7]);
  assertEquals([packet.protocol, packet.payloadLength], [17, 24]);
});

Deno.test("reassembly, IPv6: fragments of a fragment are not taken", () => {
  const [, family] = HAND_FAMILIES;
  const wire = new FragmentWire();
  const data = pattern(64);
  // An atomic fragment header in front of the other: it would be left in the whole.
  const before = { header: 44, rest: [0, 0, 0, 0, 0, 0, 99] };
  assertEquals(wire.gives(frameOf(family, data, { offset: 0, end: 32, more: true }, { before })), null);
  assertEquals(wire.gives(frameOf(family, data, { offset: 32, end: 64, more: false }, { before })), null);
  assertEquals([wire.drops, wire.reassembly.size], [["malformed-ipv6"], 0]);
});
