/**
 * Echo of both versions (RFC 792, RFC 1122 §3.2.2.6, RFC 4443 §4.1 and §4.2): what was sent comes back, whatever its size.
 */
import { assertEquals } from "@std/assert";
import { hex } from "./hand_frames.ts";
import { fragmentHeader, type HandExtension } from "./hand_ipv6.ts";
import { FAMILIES, type HandPacket, icmpPacket, IcmpParts, PEER_STATION } from "./icmp_parts.ts";
import { SECOND_US } from "./wire_host.ts";

function data(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 7 + (at >>> 8)) & 0xff);
}

for (const family of FAMILIES) {
  const { name, our, ourOther, peer, headerBytes, echo: [asks, replies], nobodies } = family;
  const request = (about: { rest?: number; data?: Uint8Array; sumError?: number } & HandPacket = {}) => {
    const { rest = 0x00070001, data: payload = data(56), sumError = 0, ...header } = about;
    return icmpPacket(family, { type: asks, code: 0, rest, sumError }, payload, header);
  };
  const reply = (about: { rest?: number; data?: Uint8Array } & HandPacket = {}) => {
    const { rest = 0x00070001, data: payload = data(56), source = our, target = peer, ...header } = about;
    return icmpPacket(family, { type: replies, code: 0, rest }, payload, { source, target, ...header });
  };
  const assertSent = (sent: readonly Uint8Array[], ...expected: readonly Uint8Array[]) =>
    assertEquals(sent.map(hex), expected.map(hex));

  Deno.test(`${name} echo: identifier, sequence number and data come back once, to the station that asked`, () => {
    const parts = new IcmpParts(family);
    for (const rest of [0, 1, 0xffff0000, 0x80000000, 0xffffffff]) {
      assertSent(parts.gives(request({ rest })), reply({ rest }));
    }
    parts.gives(request());
    assertEquals([parts.drops, parts.counts], [[], {}]);
    assertEquals(parts.events, []);
  });

  Deno.test(`${name} echo: any length of data comes back, up to the largest packet there is`, () => {
    const parts = new IcmpParts(family);
    const most = (name === "IPv4" ? 0xffff - headerBytes : 0xffff) - 8;
    for (const length of [0, 1, 2, 1472, 1473, 9000, 60_000, most - 1, most]) {
      parts.nowUs += SECOND_US;
      assertSent(parts.gives(request({ data: data(length) })), reply({ data: data(length) }));
    }
  });

  Deno.test(`${name} echo: of two addresses the one that was asked answers`, () => {
    const parts = new IcmpParts(family);
    assertSent(parts.gives(request({ target: ourOther })), reply({ source: ourOther }));
  });

  Deno.test(`${name} echo: nobody's sources, our own among them, get silence`, () => {
    for (const source of nobodies) {
      const parts = new IcmpParts(family);
      assertSent(parts.gives(request({ source })));
      assertEquals(parts.drops, ["bad-source"], source);
    }
  });

  Deno.test(`${name} echo: a frame for everybody with our address in it gets silence`, () => {
    const parts = new IcmpParts(family);
    assertSent(parts.gives(request(), { isUnicast: false }));
  });

  Deno.test(`${name} echo: a wrong sum is dropped at every bit, and so is what is no message`, () => {
    const parts = new IcmpParts(family);
    for (const at of [0, 1, 2, 4, 8, 30, 63]) {
      for (let bit = 0; bit < 8; bit++) {
        const packet = request();
        packet[headerBytes + at] ^= 1 << bit;
        assertSent(parts.gives(packet));
      }
    }
    assertEquals(new Set(parts.drops), new Set(["checksum"]));
    assertEquals(parts.drops.length, 56);
  });

  Deno.test(`${name} echo: replies that nobody asked for do nothing`, () => {
    const parts = new IcmpParts(family);
    assertSent(parts.gives(icmpPacket(family, { type: replies, code: 0 }, data(56))));
    assertEquals([parts.drops, parts.unrelated], [[], 1]);
  });

  Deno.test(`${name} echo: a reply in many frames counts as so many: 24 of 60,000 bytes at once`, () => {
    const parts = new IcmpParts(family);
    const packet = request({ data: data(60_000) });
    let count = 0;
    for (let i = 0; i < 40; i++) count += parts.gives(packet).length;
    // 41 for each, and the last one begins below the thousand.
    assertEquals(count, 25);
    assertEquals(parts.counts, { "echo-limited": 15 });
    parts.nowUs += SECOND_US;
    assertEquals(parts.gives(packet).length, 1);
  });

  Deno.test(`${name} echo: 1,000 at once for one, 2,000 for all, whoever they are; ten thousand ask`, () => {
    const parts = new IcmpParts(family);
    const sourceOf = (i: number) =>
      name === "IPv4" ? `10.0.${1 + (i >> 8)}.${i & 0xff}` : `fd00::${(i + 1).toString(16)}:9`;
    let one = 0;
    const packet = request({ data: data(0) });
    for (let i = 0; i < 1500; i++) one += parts.gives(packet).length;
    assertEquals(one, 1000);
    let all = 0;
    for (let i = 0; i < 10_000; i++) {
      all += parts.gives(request({ data: data(0), source: sourceOf(i) })).length;
    }
    assertEquals(all, 1000);
    assertEquals(parts.counts, { "echo-limited": 9500 });
    // Ten thousand a second for one.
    parts.nowUs += SECOND_US;
    let second = 0;
    for (let step = 0; step < 100; step++) {
      for (let i = 0; i < 200; i++) second += parts.gives(packet).length;
      parts.nowUs += SECOND_US / 100;
    }
    assertEquals(second, 1000 + 9_900);
  });

  Deno.test(`${name} echo: both are told, where somebody hears`, () => {
    const parts = new IcmpParts(family);
    parts.isObserved = true;
    parts.gives(request());
    assertEquals(parts.events, [
      { direction: "recv", kind: "echo-request", type: asks, code: 0, from: peer, to: our },
      { direction: "send", kind: "echo-reply", type: replies, code: 0, from: our, to: peer },
    ]);
  });
}

const [IPV4, IPV6] = FAMILIES;

Deno.test("IPv4 echo: to a group, whoever let it through, gets silence (RFC 1122 §3.2.2.6)", () => {
  const parts = new IcmpParts(IPV4);
  assertEquals(parts.gives(icmpPacket(IPV4, { type: 8, code: 0 }, data(8), { target: "224.0.0.1" })), []);
});

Deno.test("IPv4 echo: an atomic request gets an atomic reply, another one its identification (RFC 6864 §4.1)", () => {
  const parts = new IcmpParts(IPV4);
  for (const packet of [{ id: 0, dontFragment: true }, { id: 0xabcd }, { id: 5, dontFragment: true }]) {
    const [sent] = parts.gives(icmpPacket(IPV4, { type: 8, code: 0 }, data(8), packet));
    const expected = icmpPacket(IPV4, { type: 0, code: 0 }, data(8), {
      source: IPV4.our,
      target: IPV4.peer,
      ...packet,
    });
    assertEquals(hex(sent), hex(expected));
  }
});

Deno.test("IPv6 echo: a group is answered from an address of ours of the asker's scope, at the rate of all (RFC 4443 §4.2)", () => {
  for (const [source, ours] of [["fe80::9", "fe80::1"], ["fd00::9", "fd00::1"]]) {
    const parts = new IcmpParts(IPV6);
    const asked = icmpPacket(IPV6, { type: 128, code: 0, rest: 7 }, data(8), { source, target: "ff02::1" });
    const answer = icmpPacket(IPV6, { type: 129, code: 0, rest: 7 }, data(8), {
      source: ours,
      target: source,
    });
    assertEquals(parts.gives(asked, { isUnicast: false }).map(hex), [hex(answer)]);
    let more = 0;
    for (let i = 0; i < 2000; i++) more += parts.gives(asked, { isUnicast: false }).length;
    assertEquals(more, 999);
  }
});

/** Hop-by-hop options, a routing header with nothing left, destination options, an atomic fragment header (RFC 8200 §4). */
const PASSED_OVER: readonly HandExtension[] = [
  [0, [0, 0, 1, 4, 0, 0, 0, 0]],
  [43, [0, 0, 1, 0, 0, 0, 0, 0]],
  [60, [0, 0, 1, 4, 0, 0, 0, 0]],
  fragmentHeader(0, false),
];

Deno.test("IPv6 echo: extension headers of the request are passed over, and not sent back", () => {
  const parts = new IcmpParts(IPV6);
  const answer = icmpPacket(IPV6, { type: 129, code: 0 }, data(8), { source: IPV6.our, target: IPV6.peer });
  for (const extensions of [...PASSED_OVER.map((header) => [header]), PASSED_OVER]) {
    const asked = icmpPacket(IPV6, { type: 128, code: 0 }, data(8), { extensions });
    assertEquals(parts.gives(asked).map(hex), [hex(answer)]);
  }
});

for (const family of FAMILIES) {
  Deno.test(`${family.name} echo: the reply goes to the station from which the frame came`, () => {
    const parts = new IcmpParts(family);
    const stations: (Uint8Array | null)[] = [];
    const packet = icmpPacket(family, { type: family.echo[0], code: 0 }, data(8));
    parts.take = () => {
      stations.push(...parts.takeStations());
      return [];
    };
    parts.gives(packet);
    parts.gives(packet, { from: "02:00:00:00:00:fe" });
    assertEquals(stations, [PEER_STATION, Uint8Array.of(2, 0, 0, 0, 0, 0xfe)]);
  });
}
