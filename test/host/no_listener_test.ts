/**
 * Segments for a port where nobody listens: the whole frame that comes back, from whom and to whom; and sources that
 * get no answer at all (MUST-63).
 */
import { assertEquals } from "@std/assert";
import { ethernet, ip, tcp } from "./hand_frames.ts";
import { OUR_MAC, PEER_MAC, ROUTER_MAC, SECOND_US, WireHost } from "./wire_host.ts";
import { endpoint, familyOfText, segmentOf, WIRE_FAMILIES } from "./wire_families.ts";

const SYN = 2;
const RST = 4;
const ACK = 16;

interface Reset {
  readonly to?: string;
  readonly vlan?: number;
  readonly source: string;
  readonly target: string;
  readonly seq: number;
  readonly ack?: number;
  readonly ttl?: number;
}

/** Without options; IPv4's with DF and identification 0, IPv6's without class and flow label. */
function reset(about: Reset): Uint8Array {
  const { to = PEER_MAC, vlan, source, target, seq, ack, ttl = 64 } = about;
  const segment = tcp({
    source,
    target,
    sourcePort: 80,
    targetPort: 4000,
    seq,
    ...(ack === undefined ? { flags: RST } : { ack, flags: RST | ACK }),
  });
  const family = familyOfText(target);
  return ethernet(
    { to, from: OUR_MAC, type: family.type, ...(vlan === undefined ? {} : { vlan }) },
    family.packet({ source, target, protocol: 6, ttl, dontFragment: true }, segment),
  );
}

/** Sources that are no one host's, as events show them, and some beside those; the host is at `addresses`. */
const SOURCES = {
  IPv4: {
    addresses: ["10.0.0.1/24", "192.168.7.1/30"],
    nobodies: [
      "0.0.0.0",
      "127.0.0.1",
      "127.255.255.254",
      "224.0.0.1",
      "239.255.255.255",
      "255.255.255.255",
      "10.0.0.255",
      "192.168.7.3",
      "10.0.0.1",
      "192.168.7.1",
    ],
    hosts: [
      "10.0.0.254",
      "10.0.1.255",
      "192.168.7.2",
      "192.168.7.255",
      "223.255.255.255",
      "126.255.255.255",
      "128.0.0.1",
      "0.0.0.1",
    ],
    // RFC 3021 §2.1
    narrow: ["10.0.0.1/32", "10.0.2.2/31"],
    pair: ["10.0.2.3", "10.0.2.2"],
  },
  IPv6: {
    addresses: ["fd00::1/64", "fd07::1/126"],
    // RFC 4291 §2.5.2, §2.5.3, §2.7
    nobodies: ["::", "::1", "ff01::1", "ff02::1", "ff0e::1", "ffff::", "fd00::1", "fd07::1"],
    // IPv6 has no broadcast.
    hosts: [
      "fd00::fe",
      "fd00::ffff:ffff:ffff:ffff",
      "fd07::3",
      "fe80::9",
      "fe00::1",
      "2001:db8::1",
      "1::1",
      "::fffe:a00:9",
    ],
    // RFC 6164 §5
    narrow: ["fd00::1/128", "fd02::2/127"],
    pair: ["fd02::3", "fd02::2"],
  },
};

for (const family of WIRE_FAMILIES) {
  const { name, us, peer, second, far, addresses } = family;
  const sources = SOURCES[name];
  const only = { source: us, target: peer };
  const segment = (fields: Parameters<typeof segmentOf>[1], data = "") => segmentOf(family, fields, data);

  Deno.test(`${name}, nobody listens: the reset, field by field, without options (RFC 9293 §3.10.7.1)`, () => {
    const wire = new WireHost({ addresses: [addresses[0]] });
    wire.answers(
      segment({ seq: 1000, flags: SYN, options: [2, 4, 5, 0xb4] }),
      reset({ ...only, seq: 0, ack: 1001 }),
    );
    wire.answers(segment({ seq: 1000, flags: SYN }, "abc"), reset({ ...only, seq: 0, ack: 1004 }));
    wire.answers(segment({ seq: 7, ack: 0xfffffffe, flags: ACK }), reset({ ...only, seq: 0xfffffffe }));
    wire.answers(segment({ seq: 7, flags: RST }));
    const { "no-listener": noListener, "segments-in": taken, "segments-out": sent } = wire.takeCounts();
    assertEquals([noListener, taken, sent], [4, 4, 3]);
    wire.pass(100 * SECOND_US);
    wire.expects();
  });

  Deno.test(`${name}, nobody listens: the reset leaves from the address that was asked, on the VLAN, by the router`, () => {
    const wire = new WireHost({ addresses, ttl: 99, vlan: 9 });
    wire.answers(
      segment({ seq: 1000, flags: SYN, target: second, vlan: 9 }),
      reset({ ...only, seq: 0, ack: 1001, source: second, vlan: 9, ttl: 99 }),
    );
    wire.answers(
      segment({ seq: 1000, flags: SYN, source: far, from: ROUTER_MAC, vlan: 9 }),
      reset({ ...only, seq: 0, ack: 1001, target: far, to: ROUTER_MAC, vlan: 9, ttl: 99 }),
    );
  });

  Deno.test(`${name}: sources that are no host's get no answer, a counter and an event each (MUST-63)`, () => {
    const wire = new WireHost({ addresses: sources.addresses });
    wire.user((host) => host.listen({ port: 80, accept: () => ({}) }));
    for (const source of sources.nobodies) {
      for (const flags of [SYN, ACK]) {
        wire.answers(segment({ seq: 1, flags, source }));
        assertEquals(wire.takeDrops(), [`bad-source ${endpoint(us, 80)}-${endpoint(source, 4000)}`]);
      }
    }
    assertEquals(wire.takeCounts()["drop-bad-source"], 2 * sources.nobodies.length);
    assertEquals(wire.host.connections(), []);
  });

  Deno.test(`${name}: sources beside those are hosts (MUST-63)`, () => {
    const wire = new WireHost({ addresses: sources.addresses });
    for (const source of sources.hosts) {
      wire.answers(
        segment({ seq: 1000, flags: SYN, source }),
        reset({ ...only, seq: 0, ack: 1001, target: source }),
      );
      assertEquals(wire.takeDrops(), [`no-listener ${endpoint(us, 80)}-${endpoint(source, 4000)}`]);
    }
  });

  Deno.test(`${name}: in a network of two the last address is a host's (RFC 3021 §2.1, RFC 6164 §5)`, () => {
    const wire = new WireHost({ addresses: sources.narrow });
    const [theirs, ours] = sources.pair;
    const connection = wire.user((host) => host.connect({ address: ip(theirs), port: 80, handler: {} }));
    assertEquals(connection.localAddress, ip(ours));
  });
}

Deno.test("IPv6: an IPv4 address in IPv6's clothes is no host's (RFC 4942 §2.2)", () => {
  const [, family] = WIRE_FAMILIES;
  const wire = new WireHost({ addresses: family.addresses });
  for (const flags of [SYN, ACK]) wire.answers(segmentOf(family, { seq: 1, flags, source: "::ffff:a00:9" }));
  assertEquals(wire.takeCounts()["drop-bad-source"], 2);
});
