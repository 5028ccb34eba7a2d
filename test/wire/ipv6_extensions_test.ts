/** Extension headers of IPv6: chains of every kind, the complaints that they ask for, fragments (RFC 8200 §4, RFC 7112). */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { emitIp, ipHeaderBytes, IpPacket, ROUTER_ALERT_BYTES } from "../../src/wire/ip.ts";
import { emitIpv6, IPV6, parseIpv6 } from "../../src/wire/ipv6.ts";
import { emitRouterAlert } from "../../src/wire/ipv6_extensions.ts";

const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const OPTIONS = 60;
const ADDRESSES = {
  source: Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2),
  destination: Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
};

/** A packet whose fixed header announces `first`, and these bytes behind it. */
function packetOf(first: number, behind: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(40 + behind.length);
  emitIpv6(bytes, 0, { ...ADDRESSES, protocol: first, payloadLength: behind.length, hopLimit: 64 });
  bytes.set(behind, 40);
  return bytes;
}

function read(bytes: Uint8Array, length = bytes.length): { reason: string | null; packet: IpPacket } {
  const packet = new IpPacket();
  // As the packet before it may have left it.
  packet.problemCode = 9;
  packet.routerAlertValue = 9;
  return { reason: parseIpv6(bytes, 0, length, packet), packet };
}

/** An extension header of 8 bytes that asks for nothing. */
function idle(kind: number, next: number): number[] {
  if (kind === ROUTING) return [next, 0, 7, 0, 0, 0, 0, 0];
  if (kind === FRAGMENT) return [next, 0, 0, 0, 0, 0, 0, 7];
  return [next, 0, 1, 4, 0, 0, 0, 0];
}

function chainOf(kinds: readonly number[], last: number): Uint8Array {
  const headers = kinds.flatMap((kind, i) => idle(kind, kinds[i + 1] ?? last));
  return packetOf(kinds[0] ?? last, [...headers, ...new Array(24).fill(0x50)]);
}

/** The header of a fragment whose whole continues with `next`. */
function part(next: number, offset: number, more: boolean): number[] {
  const word = offset | (more ? 1 : 0);
  return [next, 0, word >>> 8, word & 0xff, 0, 0, 0, 7];
}

Deno.test("property: headers in any order and number, up to eight, lead to what is behind them (RFC 8200 §4.1)", () => {
  fc.assert(fc.property(
    fc.boolean(),
    fc.array(fc.constantFrom(ROUTING, FRAGMENT, OPTIONS), { maxLength: 7 }),
    // AH, ESP, mobility and unknown numbers are the caller's.
    fc.constantFrom(TCP, UDP, ICMPV6, 59, 50, 51, 135, 139, 140, 253),
    (isAlerted, rest, last) => {
      const kinds = isAlerted ? [HOP_BY_HOP, ...rest] : rest;
      const { reason, packet } = read(chainOf(kinds, last));
      assertEquals(reason, null);
      const size = kinds.length * 8;
      assertEquals(
        [packet.protocol, packet.payloadOffset, packet.headerLength, packet.payloadLength],
        [last, 40 + size, 40 + size, 24],
      );
      assertEquals(packet.protocolOffset, kinds.length === 0 ? IPV6.NEXT_HEADER : 40 + size - 8);
      assertEquals([packet.isFragment, packet.problemCode, packet.totalLength], [false, -1, 64 + size]);
    },
  ));
});

Deno.test("a chain of a hundred headers, of each kind, is refused and asks for no message", () => {
  for (const kind of [ROUTING, FRAGMENT, OPTIONS]) {
    for (const count of [9, 100]) {
      const { reason, packet } = read(chainOf(new Array(count).fill(kind), TCP));
      assertEquals([reason, packet.problemCode], ["malformed-ipv6", -1], `${count} of ${kind}`);
    }
  }
});

Deno.test("a hop-by-hop header elsewhere than behind the fixed one is a next header that nobody knows (RFC 8200 §4)", () => {
  for (const kinds of [[OPTIONS, HOP_BY_HOP], [HOP_BY_HOP, HOP_BY_HOP], [FRAGMENT, ROUTING, HOP_BY_HOP]]) {
    const { reason, packet } = read(chainOf(kinds, TCP));
    // It points to the field that announces it, in the header before.
    const pointer = 40 + (kinds.length - 2) * 8;
    assertEquals(
      [reason, packet.problemCode, packet.problemPointer],
      ["unsupported-ipv6-header", 1, pointer],
      kinds.join(),
    );
  }
});

Deno.test("a routing header with segments left, of whatever type, is refused; its type is what is pointed to (RFC 8200 §4.4, RFC 5095)", () => {
  for (const type of [0, 1, 2, 3, 4, 200]) {
    const { reason, packet } = read(
      packetOf(OPTIONS, [...idle(OPTIONS, ROUTING), TCP, 0, type, 1, 0, 0, 0, 0]),
    );
    assertEquals([reason, packet.problemCode, packet.problemPointer], ["unsupported-ipv6-header", 0, 50]);
    assertEquals(read(packetOf(ROUTING, [TCP, 0, type, 0, 0, 0, 0, 0])).reason, null);
  }
});

Deno.test("options that are not known, by their two highest bits, in both headers that have them (RFC 8200 §4.2)", () => {
  const multicast = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  for (const first of [HOP_BY_HOP, OPTIONS]) {
    for (let kind = 2; kind < 256; kind++) {
      for (const isMulticast of [false, true]) {
        const bytes = packetOf(first, [TCP, 0, 0, kind, 3, 0, 0, 0]);
        if (isMulticast) bytes.set(multicast, IPV6.DESTINATION);
        const { reason, packet } = read(bytes);
        const action = kind >>> 6;
        assertEquals(reason, action === 0 ? null : "unsupported-ipv6-header", `${kind}`);
        const isTold = action === 2 || (action === 3 && !isMulticast);
        assertEquals(packet.problemCode, isTold ? 2 : -1, `${kind}`);
        if (isTold) assertEquals(packet.problemPointer, 43);
      }
    }
  }
});

Deno.test("a jumbo option is none in a packet of ordinary length, nor elsewhere than in a hop-by-hop header", () => {
  const { reason, packet } = read(packetOf(HOP_BY_HOP, [TCP, 0, 0xc2, 4, 0, 1, 0, 0]));
  assertEquals([reason, packet.problemCode, packet.problemPointer], ["unsupported-ipv6-header", 2, 42]);
  assertEquals(read(packetOf(OPTIONS, [TCP, 0, 0xc2, 4, 0, 1, 0, 0])).reason, "unsupported-ipv6-header");
});

Deno.test("payload length 0 of more than 65,535 bytes is the rest of the frame, as newer Linux writes it", () => {
  const bytes = new Uint8Array(40 + 70_000);
  bytes.set(packetOf(TCP, []));
  const { reason, packet } = read(bytes);
  assertEquals([reason, packet.payloadLength, packet.totalLength], [null, 70_000, 70_040]);
  assertEquals(read(bytes, 40 + 65_535).packet.payloadLength, 0);
});

Deno.test("a fragment begins behind its header, whichever it is; what follows there is the whole packet's", () => {
  const first = read(
    packetOf(HOP_BY_HOP, [
      ...idle(HOP_BY_HOP, FRAGMENT),
      ...part(OPTIONS, 0, true),
      ...idle(OPTIONS, UDP),
      ...new Array(8).fill(1),
    ]),
  );
  assertEquals(first.reason, null);
  const { packet } = first;
  assertEquals([packet.payloadOffset, packet.payloadLength, packet.headerLength], [56, 16, 56]);
  assertEquals([packet.protocol, packet.protocolOffset], [OPTIONS, 48]);
  assertEquals([packet.fragmentHeaderOffset, packet.fragmentNextOffset, packet.id], [48, 40, 7]);
  assertEquals([packet.isFragment, packet.moreFragments, packet.fragmentOffset], [true, true, 0]);
  const later = read(packetOf(FRAGMENT, [...part(OPTIONS, 16, false), 9, 9, 9])).packet;
  assertEquals([later.protocol, later.payloadOffset, later.payloadLength], [OPTIONS, 48, 3]);
});

Deno.test("a first fragment holds all headers up to the one above IP, or is refused with code 3 (RFC 7112 §5, RFC 8200 §4.5)", () => {
  const tcp = (
    bytes: number,
    words: number,
  ) => [...new Array(12).fill(0), words << 4, ...new Array(bytes - 13).fill(0)];
  const table: [string, number, number[], boolean][] = [
    ["TCP of 24 bytes", TCP, tcp(24, 5), true],
    ["TCP cut at 16 bytes", TCP, tcp(16, 5), false],
    ["TCP with options that are cut", TCP, tcp(24, 8), false],
    ["TCP with options", TCP, tcp(32, 8), true],
    ["UDP", UDP, new Array(8).fill(0), true],
    ["ICMPv6", ICMPV6, new Array(8).fill(0), true],
    ["an extension header, and nothing behind", OPTIONS, idle(OPTIONS, TCP), false],
    ["an extension header, and UDP", OPTIONS, [...idle(OPTIONS, UDP), ...new Array(8).fill(0)], true],
    ["an extension header that is cut", OPTIONS, [TCP, 3, 1, 4, 0, 0, 0, 0], false],
    ["no next header", 59, new Array(8).fill(0), true],
    ["a protocol that nobody knows", 253, new Array(8).fill(0), true],
  ];
  for (const [name, next, payload, isWhole] of table) {
    const { reason, packet } = read(packetOf(FRAGMENT, [...part(next, 0, true), ...payload]));
    assertEquals(reason, isWhole ? null : "unsupported-ipv6-header", name);
    assertEquals([packet.problemCode, packet.problemPointer], isWhole ? [-1, 0] : [3, 0], name);
    assertEquals(packet.totalLength, 48 + payload.length, "what an error quotes");
    // Later fragments and whole packets are not asked.
    assertEquals(read(packetOf(FRAGMENT, [...part(next, 8, true), ...payload])).reason, null, name);
  }
  assertEquals(read(packetOf(FRAGMENT, [...part(TCP, 0, false), 1])).reason, null, "an atomic fragment");
});

Deno.test("lengths that no whole packet can have are told, with the field (RFC 8200 §4.5)", () => {
  const odd = read(packetOf(FRAGMENT, [...part(UDP, 0, true), ...new Array(12).fill(0)]));
  assertEquals(
    [odd.reason, odd.packet.problemCode, odd.packet.problemPointer],
    ["unsupported-ipv6-header", 0, IPV6.PAYLOAD_LENGTH],
  );
  // The last may have any length, up to 65,535 with all that goes before it.
  assertEquals(read(packetOf(FRAGMENT, [...part(UDP, 65_528, false), ...new Array(7).fill(0)])).reason, null);
  const far = read(packetOf(FRAGMENT, [...part(UDP, 65_528, false), ...new Array(8).fill(0)]));
  assertEquals([far.reason, far.packet.problemCode, far.packet.problemPointer], [
    "unsupported-ipv6-header",
    0,
    42,
  ]);
  const before = [...idle(OPTIONS, FRAGMENT), ...part(UDP, 65_520, false)];
  assertEquals(read(packetOf(OPTIONS, [...before, ...new Array(7).fill(0)])).reason, null);
  const behind = read(packetOf(OPTIONS, [...before, ...new Array(8).fill(0)]));
  assertEquals([behind.packet.problemCode, behind.packet.problemPointer], [0, 50]);
  assertEquals(read(packetOf(FRAGMENT, part(UDP, 8, false))).reason, "malformed-ipv6", "nothing in it");
});

Deno.test("a fragment in a fragment is malformed: the outer one's place is never overwritten", () => {
  const inner = part(UDP, 0, false);
  const { reason, packet } = read(
    packetOf(FRAGMENT, [...part(FRAGMENT, 0, true), ...inner, ...new Array(8).fill(0)]),
  );
  assertEquals([reason, packet.moreFragments], ["malformed-ipv6", true]);
});

Deno.test("a router alert on the wire, and read again (RFC 2711 §2.1)", () => {
  const bytes = new Uint8Array(60).fill(0xa5);
  const fields = { ...ADDRESSES, protocol: ICMPV6, payloadLength: 4, hopLimit: 1, id: 0, routerAlert: true };
  assertEquals(emitIp(bytes, 0, fields), ipHeaderBytes(16) + ROUTER_ALERT_BYTES);
  assertEquals([...bytes.subarray(40, 49)], [ICMPV6, 0, 5, 2, 0, 0, 1, 0, 0xa5]);
  const { reason, packet } = read(bytes.subarray(0, 52));
  assertEquals([reason, packet.routerAlertValue, packet.protocol], [null, 0, ICMPV6]);
  assertEquals([packet.payloadOffset, packet.payloadLength], [48, 4]);
  assertEquals(read(packetOf(OPTIONS, [TCP, 0, 5, 2, 0, 0, 1, 0])).packet.routerAlertValue, -1, "elsewhere");
  assertEquals(read(packetOf(TCP, [])).packet.routerAlertValue, -1);
  const alone = new Uint8Array(9).fill(0xa5);
  assertEquals(emitRouterAlert(alone, 0, ICMPV6), 8);
  assertEquals([...alone], [ICMPV6, 0, 5, 2, 0, 0, 1, 0, 0xa5]);
});

Deno.test("property: what is emitted, with alert and fragment header, is parsed back from a dirty buffer", () => {
  fc.assert(fc.property(
    fc.boolean(),
    fc.boolean(),
    fc.nat(8000),
    fc.nat(0xffffffff),
    fc.nat(5),
    (routerAlert, moreFragments, eighths, id, offset) => {
      const fragmentOffset = eighths * 8;
      const bytes = new Uint8Array(offset + 90).fill(0xa5);
      const fields = { ...ADDRESSES, protocol: UDP, payloadLength: 16, hopLimit: 9, id, fragmentOffset };
      const size = emitIpv6(bytes, offset, { ...fields, moreFragments, routerAlert });
      const isFragment = moreFragments || eighths > 0;
      assertEquals(size, 40 + (routerAlert ? 8 : 0) + (isFragment ? 8 : 0));
      assert(bytes.subarray(offset + size).every((byte) => byte === 0xa5), "wrote beyond the header");
      const packet = new IpPacket();
      assertEquals(parseIpv6(bytes, offset, size + 16, packet), null);
      assertEquals(
        [packet.moreFragments, packet.fragmentOffset, packet.id, packet.routerAlertValue],
        [moreFragments, fragmentOffset, isFragment ? id : 0, routerAlert ? 0 : -1],
      );
      assertEquals([packet.protocol, packet.headerLength, packet.payloadLength], [UDP, size, 16]);
      for (let length = 0; length < size + 16; length++) {
        assertEquals(parseIpv6(bytes, offset, length, packet), "malformed-ipv6", `length ${length}`);
      }
    },
  ));
});
