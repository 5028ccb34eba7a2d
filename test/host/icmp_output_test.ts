/**
 * ICMP errors that we send, of both versions: what they say, and all the cases in which there must be none (RFC 1122 §3.2.2, RFC 4443 §2.4).
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { four, hex } from "./hand_frames.ts";
import { fragmentHeader, type HandExtension } from "./hand_ipv6.ts";
import { FAMILIES, type Family, icmpPacket, IcmpParts, packetOf, PEER_STATION, udp } from "./icmp_parts.ts";
import { SECOND_US } from "./wire_host.ts";

const UDP = 17;
const KINDS = ["protocol-unreachable", "port-unreachable", "reassembly-time"] as const;
const [IPV4, IPV6] = FAMILIES;
/** An option that asks for a message whoever was addressed (its highest bits are 10), and what it must not be without (11). */
const ASKING: HandExtension = [60, [0, 0, 0x80, 4, 0, 0, 0, 0]];
const ASKING_OF_ONE: HandExtension = [60, [0, 0, 0xc0, 4, 0, 0, 0, 0]];

function assertSent(sent: readonly Uint8Array[], ...expected: readonly Uint8Array[]): void {
  assertEquals(sent.map(hex), expected.map(hex));
}

/** The error about a packet, which quotes all of it. */
function errorAbout(
  family: Family,
  about: { type: number; code: number; rest?: number },
  packet: Uint8Array,
  source = family.our,
) {
  const most = family.mostBytes - family.headerBytes - 8;
  return icmpPacket(family, about, packet.subarray(0, most), { source, target: family.peer });
}

for (const family of FAMILIES) {
  const { name, sent, headerBytes, mostBytes, nobodies, groups, errors } = family;
  const datagram = packetOf(family, { protocol: UDP }, udp());

  for (const kind of KINDS) {
    const [type, code] = sent[kind];
    // RFC 4443 §3.4: where the number stands that was not recognized.
    const rest = name === "IPv6" && kind === "protocol-unreachable" ? 6 : 0;

    Deno.test(`${name}: ${kind} is type ${type} code ${code}, from the address that was asked, and quotes the packet`, () => {
      for (const target of [family.our, family.ourOther]) {
        const parts = new IcmpParts(family);
        const packet = packetOf(family, { protocol: UDP, target }, udp());
        assertSent(parts.errs(kind, packet), errorAbout(family, { type, code, rest }, packet, target));
        assertEquals(parts.counts, { "icmp-errors-out": 1 });
      }
    });

    Deno.test(`${name}: ${kind} quotes as much as fits into ${mostBytes} bytes`, () => {
      const parts = new IcmpParts(family);
      for (
        const length of [
          mostBytes - 2 * headerBytes - 17,
          mostBytes - 2 * headerBytes - 16,
          mostBytes,
          60_000,
        ]
      ) {
        parts.nowUs += SECOND_US;
        const packet = packetOf(family, { protocol: UDP }, udp(new Uint8Array(length)));
        const [error] = parts.errs(kind, packet);
        assertSent([error], errorAbout(family, { type, code, rest }, packet));
        assertLessOrEqual(error.length, mostBytes);
      }
    });

    Deno.test(`${name}: no ${kind} about an error, about one that cannot be seen to be none; about an echo there is`, () => {
      const parts = new IcmpParts(family);
      for (const bad of errors) {
        assertSent(parts.errs(kind, icmpPacket(family, { type: bad, code: 0 }, datagram)));
      }
      assertSent(parts.errs(kind, packetOf(family, {}, new Uint8Array(0))));
      assertEquals(
        parts.errs(kind, icmpPacket(family, { type: family.echo[0], code: 0 }, datagram)).length,
        1,
      );
    });

    Deno.test(`${name}: no ${kind} to who is no single host, or about what was for more than one`, () => {
      const parts = new IcmpParts(family);
      for (const source of nobodies) {
        assertSent(parts.errs(kind, packetOf(family, { source, protocol: UDP }, udp())));
      }
      for (const target of groups) {
        assertSent(parts.errs(kind, packetOf(family, { target, protocol: UDP }, udp())));
      }
      assertSent(parts.errs(kind, datagram, { isUnicast: false }));
      // Nor about what was for somebody else.
      assertSent(
        parts.errs(
          kind,
          packetOf(
            family,
            { target: family.peer, source: family.peer.replace("9", "8"), protocol: UDP },
            udp(),
          ),
        ),
      );
      assertEquals(parts.counts, {});
    });
  }

  Deno.test(`${name}: ten errors to one at once, then ten a second; fifty to all, then a hundred a second (RFC 4443 §2.4 (f))`, () => {
    const parts = new IcmpParts(family);
    const flood = (count: number, sources = 1) => {
      let out = 0;
      for (let i = 0; i < count; i++) {
        const source = sources === 1
          ? family.peer
          : name === "IPv4"
          ? `10.0.0.${10 + i % 200}`
          : `fd00::${(16 + i).toString(16)}`;
        out += parts.errs("port-unreachable", packetOf(family, { protocol: UDP, source }, udp())).length;
      }
      return out;
    };
    assertEquals(flood(10_000), 10);
    assertEquals(flood(10_000, 10_000), 40);
    assertEquals(parts.counts, { "icmp-errors-out": 50, "icmp-limited": 19_950 });
    let second = 0;
    parts.nowUs += 10 * SECOND_US;
    flood(100);
    for (let step = 0; step < 100; step++) {
      parts.nowUs += SECOND_US / 100;
      second += flood(10);
    }
    assertEquals(second, 10);
    parts.nowUs += 10 * SECOND_US;
    flood(200, 200);
    second = 0;
    for (let step = 0; step < 100; step++) {
      parts.nowUs += SECOND_US / 100;
      second += flood(200, 200);
    }
    assertEquals(second, 100);
  });

  Deno.test(`${name}: what must not be answered takes nothing from the limit, nor does silence`, () => {
    const parts = new IcmpParts(family);
    for (let i = 0; i < 1000; i++) parts.errs("port-unreachable", datagram, { isUnicast: false });
    parts.isSilent = true;
    for (let i = 0; i < 1000; i++) assertSent(parts.errs("port-unreachable", datagram));
    parts.isSilent = false;
    assertEquals(parts.errs("port-unreachable", datagram).length, 1);
  });

  Deno.test(`${name}: an error goes to the station that sent the packet; where that is not at hand any more it is routed`, () => {
    const parts = new IcmpParts(family);
    const stations: (Uint8Array | null)[] = [];
    parts.take = () => {
      stations.push(...parts.takeStations());
      return [];
    };
    parts.errs("reassembly-time", datagram);
    parts.errs("reassembly-time", datagram, { isRouted: true });
    assertEquals(stations, [PEER_STATION, null]);
  });

  Deno.test(`${name}: an error is told, with its addresses`, () => {
    const parts = new IcmpParts(family);
    parts.isObserved = true;
    parts.errs("port-unreachable", datagram);
    const [type, code] = sent["port-unreachable"];
    assertEquals(parts.events, [
      { direction: "send", kind: "unreachable", type, code, from: family.our, to: family.peer },
    ]);
  });

  Deno.test(`${name}: whatever bytes come, at most one packet leaves, never about an error, never too long`, () => {
    const parts = new IcmpParts(family);
    const anybody = fc.constantFrom(family.peer, family.our, family.ourOther, ...nobodies, ...groups);
    const mostly = (address: string) =>
      fc.oneof({ weight: 9, arbitrary: fc.constant(address) }, { weight: 1, arbitrary: anybody });
    fc.assert(
      fc.property(
        fc.record({
          kind: fc.constantFrom(...KINDS, "parameter-problem" as const),
          protocol: fc.integer({ min: 0, max: 255 }),
          source: mostly(family.peer),
          target: mostly(family.our),
          payload: fc.uint8Array({ maxLength: 200 }),
          isUnicast: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, {
            weight: 1,
            arbitrary: fc.boolean(),
          }),
          change: fc.option(fc.record({ at: fc.nat(80), to: fc.integer({ min: 0, max: 255 }) })),
        }),
        ({ kind, protocol, source, target, payload, isUnicast, change }) => {
          parts.nowUs += SECOND_US;
          const packet = packetOf(family, { source, target, protocol }, payload);
          if (change !== null && change.at < packet.length) packet[change.at] = change.to;
          const answers = parts.errs(kind, packet, { isUnicast });
          assertLessOrEqual(answers.length, 1);
          for (const answer of answers) {
            assertLessOrEqual(answer.length, mostBytes);
            assertEquals(parts.errs("port-unreachable", answer), [], "an error about an error");
          }
          assertLessOrEqual(
            parts.gives(icmpPacket(family, { type: protocol, code: 0 }, payload), { isUnicast }).length,
            1,
          );
        },
      ),
      { numRuns: 3000 },
    );
    assert((parts.counts["icmp-errors-out"] ?? 0) > 100, `only ${parts.counts["icmp-errors-out"]} were sent`);
  });
}

// -- IPv4 alone

Deno.test("IPv4: no error about a later fragment, but about the first (RFC 1122 §3.2.2)", () => {
  const parts = new IcmpParts(IPV4);
  for (const kind of KINDS) {
    const later = packetOf(IPV4, { protocol: UDP, fragmentOffset: 8 }, udp());
    assertSent(parts.errs(kind, later));
    const first = packetOf(IPV4, { protocol: UDP, moreFragments: true }, udp());
    const [type, code] = IPV4.sent[kind];
    assertSent(parts.errs(kind, first), errorAbout(IPV4, { type, code }, first));
  }
});

Deno.test("IPv4: no parameter problem is sent", () => {
  const parts = new IcmpParts(IPV4);
  assertSent(parts.errs("parameter-problem", packetOf(IPV4, { protocol: UDP }, udp())));
});

// -- IPv6 alone

Deno.test("IPv6: an unrecognized next header is pointed to, behind however many headers (RFC 4443 §3.4)", () => {
  const parts = new IcmpParts(IPV6);
  const padding: HandExtension = [60, [0, 0, 1, 4, 0, 0, 0, 0]];
  for (const count of [0, 1, 2, 5]) {
    const packet = packetOf(
      IPV6,
      { protocol: 132, extensions: Array.from({ length: count }, () => padding) },
      new Uint8Array(20),
    );
    const rest = count === 0 ? 6 : 40 + 8 * (count - 1);
    assertSent(
      parts.errs("protocol-unreachable", packet),
      errorAbout(IPV6, { type: 4, code: 1, rest }, packet),
    );
  }
});

Deno.test("IPv6: no next header is no unrecognized one (RFC 8200 §4.7)", () => {
  const parts = new IcmpParts(IPV6);
  assertSent(parts.errs("protocol-unreachable", packetOf(IPV6, { protocol: 59 }, new Uint8Array(9))));
});

Deno.test("IPv6: a parameter problem says where and what, also of what was sent to a group, where the option asks for it (RFC 4443 §2.4 (e.3))", () => {
  const parts = new IcmpParts(IPV6);
  const one = packetOf(IPV6, { protocol: UDP, extensions: [ASKING] }, udp());
  assertSent(parts.errs("parameter-problem", one), errorAbout(IPV6, { type: 4, code: 2, rest: 42 }, one));
  const all = packetOf(IPV6, { protocol: UDP, extensions: [ASKING], target: "ff02::1" }, udp());
  assertSent(
    parts.errs("parameter-problem", all, { isUnicast: false }),
    errorAbout(IPV6, { type: 4, code: 2, rest: 42 }, all),
  );
  const ofOne = packetOf(IPV6, { protocol: UDP, extensions: [ASKING_OF_ONE] }, udp());
  assertSent(parts.errs("parameter-problem", ofOne), errorAbout(IPV6, { type: 4, code: 2, rest: 42 }, ofOne));
  const allOfOne = packetOf(IPV6, { protocol: UDP, extensions: [ASKING_OF_ONE], target: "ff02::1" }, udp());
  assertSent(parts.errs("parameter-problem", allOfOne, { isUnicast: false }));
  // A routing header that is not at its end, RFC 8200 §4.4: code 0, and no exception for groups.
  const routed: HandExtension = [43, [0, 0, 9, 1, 0, 0, 0, 0]];
  const wrong = packetOf(IPV6, { protocol: UDP, extensions: [routed] }, udp());
  assertSent(parts.errs("parameter-problem", wrong), errorAbout(IPV6, { type: 4, code: 0, rest: 42 }, wrong));
  const wrongToAll = packetOf(IPV6, { protocol: UDP, extensions: [routed], target: "ff02::1" }, udp());
  assertSent(parts.errs("parameter-problem", wrongToAll, { isUnicast: false }));
  // What is for another host is not ours to judge.
  const others = packetOf(IPV6, { protocol: UDP, extensions: [ASKING], target: "fd00::77" }, udp());
  assertSent(parts.errs("parameter-problem", others));
  assertSent(parts.errs("parameter-problem", others, { isUnicast: false }));
});

Deno.test("IPv6: no parameter problem about an error behind the option, nor to an unspecified source", () => {
  const parts = new IcmpParts(IPV6);
  assertSent(
    parts.errs(
      "parameter-problem",
      icmpPacket(IPV6, { type: 1, code: 4 }, new Uint8Array(60), { extensions: [ASKING] }),
    ),
  );
  assertSent(
    parts.errs(
      "parameter-problem",
      packetOf(IPV6, { protocol: UDP, extensions: [ASKING], source: "::" }, udp()),
    ),
  );
  const [sent] = parts.errs(
    "parameter-problem",
    icmpPacket(IPV6, { type: 128, code: 0 }, new Uint8Array(60), { extensions: [ASKING] }),
  );
  assertEquals(sent.subarray(40, 48), Uint8Array.of(4, 2, sent[42], sent[43], ...four(42)));
});

Deno.test("IPv6: about fragments of ICMP that may be an error nothing is said; about the first of an echo there is", () => {
  const parts = new IcmpParts(IPV6);
  const message = (type: number, header: HandExtension) =>
    icmpPacket(IPV6, { type, code: 0 }, new Uint8Array(24), { extensions: [header] });
  assertSent(parts.errs("reassembly-time", message(1, fragmentHeader(0, true))));
  assertSent(parts.errs("reassembly-time", message(128, fragmentHeader(8, true))));
  assertEquals(parts.errs("reassembly-time", message(128, fragmentHeader(0, true))).length, 1);
});
