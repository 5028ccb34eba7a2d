/** IPv4 and IPv6 headers: tables, lengths, truncation, round trips. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { readU16 } from "../../src/wire/bytes.ts";
import { checksum } from "../../src/wire/checksum.ts";
import { IpPacket } from "../../src/wire/ip_packet.ts";
import { emitIpv4, IP_PROTOCOL, IPV4, parseIpv4 } from "../../src/wire/ipv4.ts";
import { emitIpv6, IPV6, parseIpv6 } from "../../src/wire/ipv6.ts";

const SOURCE = Uint8Array.of(10, 0, 0, 2);
const DESTINATION = Uint8Array.of(10, 0, 0, 1);
const ipv6 = (last: number) => Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last);

/** Puts a correct checksum into a header that a test has bent. */
function mend(bytes: Uint8Array, headerLength = 20): Uint8Array {
  bytes[IPV4.CHECKSUM] = bytes[IPV4.CHECKSUM + 1] = 0;
  const value = checksum(bytes, 0, headerLength);
  bytes[IPV4.CHECKSUM] = value >>> 8;
  bytes[IPV4.CHECKSUM + 1] = value & 0xff;
  return bytes;
}

function packet(payloadLength: number): Uint8Array {
  const bytes = new Uint8Array(20 + payloadLength);
  emitIpv4(bytes, 0, {
    source: SOURCE,
    destination: DESTINATION,
    protocol: 6,
    payloadLength,
    hopLimit: 64,
    id: 0x1234,
  });
  return bytes;
}

Deno.test("an IPv4 header on the wire", () => {
  const bytes = new Uint8Array(20);
  const fields = {
    source: SOURCE,
    destination: DESTINATION,
    protocol: 6,
    payloadLength: 40,
    hopLimit: 64,
    id: 0x1234,
  };
  assertEquals(emitIpv4(bytes, 0, { ...fields, dontFragment: true, dscp: 0x2e, ecn: 1 }), 20);
  const expected = [0x45, 0xb9, 0, 60, 0x12, 0x34, 0x40, 0, 64, 6, 0x13, 0xcd, 10, 0, 0, 2, 10, 0, 0, 1];
  assertEquals([...bytes], expected);
});

Deno.test("property: an emitted IPv4 header is parsed back, from a dirty buffer and any offset", () => {
  const address = fc.uint8Array({ minLength: 4, maxLength: 4 });
  fc.assert(fc.property(
    fc.record({
      source: address,
      destination: address,
      protocol: fc.nat(255),
      payloadLength: fc.nat(65_515),
      hopLimit: fc.nat(255),
      id: fc.nat(0xffff),
      dscp: fc.nat(63),
      ecn: fc.nat(3),
      dontFragment: fc.boolean(),
    }),
    fc.nat(18),
    (fields, offset) => {
      const bytes = new Uint8Array(offset + 24).fill(0xa5);
      assertEquals(emitIpv4(bytes, offset, fields), 20);
      assert(bytes.subarray(offset + 20).every((byte) => byte === 0xa5), "wrote beyond the header");
      const header = new IpPacket();
      assertEquals(parseIpv4(bytes, offset, 20 + fields.payloadLength, header), null);
      assertEquals({ ...header }, {
        ...new IpPacket(),
        headerOffset: offset,
        headerLength: 20,
        totalLength: 20 + fields.payloadLength,
        dscp: fields.dscp,
        ecn: fields.ecn,
        id: fields.id,
        dontFragment: fields.dontFragment,
        protocolOffset: offset + 9,
        moreFragments: false,
        fragmentOffset: 0,
        hopLimit: fields.hopLimit,
        protocol: fields.protocol,
        sourceOffset: offset + 12,
        destinationOffset: offset + 16,
        addressSum: [12, 14, 16, 18].reduce((sum, at) => sum + readU16(bytes, offset + at), 0),
        payloadOffset: offset + 20,
        payloadLength: fields.payloadLength,
      });
      assertEquals(checksum(bytes, offset, 20), 0);
      assertEquals(bytes.slice(header.sourceOffset, header.sourceOffset + 4), fields.source);
      assertEquals(bytes.slice(header.destinationOffset, header.destinationOffset + 4), fields.destination);
    },
  ));
});

Deno.test("an IPv4 packet cut off at any length is malformed, and padding behind it is not", () => {
  const bytes = packet(26);
  const header = new IpPacket();
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(parseIpv4(bytes, 0, length, header), "malformed-ipv4", `length ${length}`);
  }
  const padded = new Uint8Array(60);
  padded.set(bytes);
  assertEquals(parseIpv4(padded, 0, 60, header), null);
  assertEquals(header.payloadLength, 26);
});

Deno.test("IPv4 options are skipped", () => {
  const bytes = new Uint8Array(60 + 8);
  bytes.set(packet(0));
  bytes[0] = 0x4f;
  bytes[IPV4.TOTAL_LENGTH + 1] = 68;
  bytes.fill(1, 20, 60);
  const header = new IpPacket();
  assertEquals(parseIpv4(mend(bytes, 60), 0, 68, header), null);
  assertEquals([header.headerLength, header.payloadOffset, header.payloadLength], [60, 60, 8]);
});

Deno.test("IPv4 headers that cannot be are malformed, those damaged on the way have a wrong checksum", () => {
  const header = new IpPacket();
  const bend = (offset: number, value: number) => {
    const bytes = packet(4);
    bytes[offset] = value;
    return mend(bytes);
  };
  assertEquals(parseIpv4(bend(0, 0x65), 0, 24, header), "malformed-ipv4", "version 6");
  assertEquals(parseIpv4(bend(0, 0x44), 0, 24, header), "malformed-ipv4", "header of 16 bytes");
  assertEquals(parseIpv4(bend(0, 0x47), 0, 24, header), "malformed-ipv4", "header longer than the packet");
  assertEquals(parseIpv4(bend(3, 19), 0, 24, header), "malformed-ipv4", "shorter than its header");
  assertEquals(parseIpv4(bend(3, 0), 0, 24, header), "malformed-ipv4", "total length zero in a small frame");
  for (let bit = 0; bit < 160; bit++) {
    const bytes = packet(4);
    bytes[bit >>> 3] ^= 1 << (bit & 7);
    assert(parseIpv4(bytes, 0, 24, header) !== null, `bit ${bit}`);
  }
});

Deno.test("total length zero means the rest of a frame above 65,535 bytes", () => {
  const length = 66_000;
  const bytes = packet(length - 20);
  assertEquals([bytes[2], bytes[3]], [0, 0]);
  const header = new IpPacket();
  assertEquals(parseIpv4(bytes, 0, length, header), null);
  assertEquals([header.totalLength, header.payloadLength], [length, length - 20]);
  assertEquals(parseIpv4(bytes, 0, 65_535, header), "malformed-ipv4");
});

Deno.test("IPv4 says its length up to 65,535 bytes, and 0 beyond", () => {
  const bytes = new Uint8Array(0x10100);
  const header = new IpPacket();
  for (const [whole, told] of [[65_535, 65_535], [65_536, 0], [65_600, 0]]) {
    const fields = {
      source: new Uint8Array(4),
      destination: new Uint8Array(4),
      protocol: 6,
      hopLimit: 1,
      id: 0,
    };
    emitIpv4(bytes, 0, { ...fields, payloadLength: whole - 20 });
    assertEquals((bytes[2] << 8) | bytes[3], told);
    assertEquals(parseIpv4(bytes, 0, whole, header), null);
    assertEquals([header.totalLength, header.payloadLength], [whole, whole - 20]);
  }
});

Deno.test("IPv4 fragments are recognised", () => {
  const header = new IpPacket();
  const fragment = (word: number) => {
    const bytes = packet(8);
    bytes[6] = word >>> 8;
    bytes[7] = word & 0xff;
    assertEquals(parseIpv4(mend(bytes), 0, 28, header), null);
    return [header.dontFragment, header.moreFragments, header.fragmentOffset];
  };
  assertEquals(fragment(0x4000), [true, false, 0]);
  assertEquals(fragment(0x2000), [false, true, 0]);
  assertEquals(fragment(0x20b9), [false, true, 1480]);
  assertEquals(fragment(0x1ffc), [false, false, 65_504]);
});

Deno.test("an IPv4 fragment that cannot be put together is malformed: nothing in it, beyond 65,535, not a multiple of 8 (RFC 791 §3.2)", () => {
  const reason = (word: number, payloadLength: number) => {
    const bytes = packet(payloadLength);
    bytes[6] = word >>> 8;
    bytes[7] = word & 0xff;
    return parseIpv4(mend(bytes), 0, bytes.length, new IpPacket());
  };
  assertEquals(reason(0x2000, 0), "malformed-ipv4", "an empty first");
  assertEquals(reason(0x0001, 0), "malformed-ipv4", "an empty last");
  assertEquals(reason(0x2000, 12), "malformed-ipv4", "a first of 12 bytes");
  assertEquals(reason(0x0001, 12), null, "a last of 12 bytes");
  // The ping of death: 65,512 + 20 + 3 is the most that fits.
  assertEquals(reason(65_512 / 8, 3), null);
  assertEquals(reason(65_512 / 8, 4), "malformed-ipv4");
  assertEquals(reason(0x1fff, 8), "malformed-ipv4");
  // What is no fragment may be empty.
  assertEquals(reason(0x4000, 0), null);
});

Deno.test("a record that a refused IPv6 packet has filled says nothing of it with an IPv4 packet", () => {
  const header = new IpPacket();
  const alerted = extended(0, [0x2c, 0, 5, 2, 0, 0, 1, 0, 6, 0, 0, 1, 0, 0, 0, 7], [1, 2, 3, 4]);
  assertEquals(parseIpv6(alerted, 0, alerted.length, header), "unsupported-ipv6-header");
  assert(header.problemCode >= 0 && header.routerAlertValue >= 0 && header.isFragment);
  const bytes = packet(4);
  assertEquals(parseIpv4(bytes, 0, bytes.length, header), null);
  assertEquals([header.problemCode, header.routerAlertValue, header.fragmentHeaderOffset], [-1, -1, -1]);
  assertEquals([header.isFragment, header.isIpv6, header.flowLabel], [false, false, 0]);
});

Deno.test("property: an emitted IPv6 header is parsed back", () => {
  const address = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(fc.property(
    fc.record({
      source: address,
      destination: address,
      protocol: fc.constantFrom(IP_PROTOCOL.TCP, IP_PROTOCOL.ICMPV6, IP_PROTOCOL.UDP, 0x3b),
      payloadLength: fc.nat(0xffff),
      hopLimit: fc.nat(255),
      dscp: fc.nat(63),
      ecn: fc.nat(3),
      flowLabel: fc.nat(0xfffff),
    }),
    fc.nat(18),
    (fields, offset) => {
      const bytes = new Uint8Array(offset + 44).fill(0xa5);
      assertEquals(emitIpv6(bytes, offset, fields), 40);
      assert(bytes.subarray(offset + 40).every((byte) => byte === 0xa5), "wrote beyond the header");
      const header = new IpPacket();
      assertEquals(parseIpv6(bytes, offset, 40 + fields.payloadLength, header), null);
      const { source, destination, ...numbers } = fields;
      assertEquals({ ...header, ...numbers }, { ...header });
      assertEquals(header.payloadOffset, offset + 40);
      assertEquals(bytes.slice(header.sourceOffset, header.sourceOffset + 16), source);
      assertEquals(bytes.slice(header.destinationOffset, header.destinationOffset + 16), destination);
    },
  ));
});

/** An IPv6 packet with these extension headers (or whatever the bytes are) before `protocol`. */
function extended(
  firstHeader: number,
  extensions: readonly number[],
  payload: readonly number[] = [1, 2, 3, 4],
) {
  const payloadLength = extensions.length + payload.length;
  const bytes = new Uint8Array(40 + payloadLength);
  const fields = {
    source: ipv6(2),
    destination: ipv6(1),
    protocol: firstHeader,
    payloadLength,
    hopLimit: 64,
  };
  emitIpv6(bytes, 0, fields);
  bytes.set(extensions, 40);
  bytes.set(payload, 40 + extensions.length);
  return bytes;
}

Deno.test("hop-by-hop, routing, destination and fragment headers are walked over", () => {
  const hopByHop = [0x2b, 0, 1, 4, 0, 0, 0, 0];
  const routing = [0x3c, 0, 0, 0, 0, 0, 0, 0];
  const destination = [0x2c, 1, 0, 1, 0, 0x1e, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  const atomicFragment = [0x06, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef];
  const bytes = extended(0, [...hopByHop, ...routing, ...destination, ...atomicFragment]);
  const header = new IpPacket();
  assertEquals(parseIpv6(bytes, 0, bytes.length, header), null);
  assertEquals([header.protocol, header.payloadOffset, header.payloadLength], [6, 80, 4]);
  assertEquals([header.fragmentHeaderOffset >= 0, header.fragmentOffset, header.moreFragments], [
    true,
    0,
    false,
  ]);
  assertEquals(header.id, 0xdeadbeef);
  for (let length = 0; length < bytes.length; length++) {
    assertEquals(parseIpv6(bytes, 0, length, header), "malformed-ipv6", `length ${length}`);
  }
});

Deno.test("a later fragment ends the walk", () => {
  const bytes = extended(0x2c, [0x00, 0, 0x05, 0xa9, 0, 0, 0, 1], [9, 9, 9, 9, 9, 9, 9, 9]);
  const header = new IpPacket();
  assertEquals(parseIpv6(bytes, 0, bytes.length, header), null);
  assertEquals([header.fragmentOffset, header.moreFragments, header.payloadLength], [1448, true, 8]);
});

Deno.test("extension headers that a host must not pass over, with the complaint that RFC 8200 asks for", () => {
  const table: [string, number, number[], number, number][] = [
    ["option type 01: silence", 0x3c, [6, 0, 0x40, 4, 0, 0, 0, 0], -1, 42],
    ["option type 10", 0x3c, [6, 0, 0x80, 4, 0, 0, 0, 0], 2, 42],
    ["option type 11, unicast", 0x00, [6, 0, 1, 0, 0xc9, 2, 0, 0], 2, 44],
    ["segments left", 0x2b, [6, 0, 4, 1, 0, 0, 0, 0], 0, 42],
  ];
  for (const [name, first, extension, code, pointer] of table) {
    const bytes = extended(first, extension);
    const header = new IpPacket();
    assertEquals(parseIpv6(bytes, 0, bytes.length, header), "unsupported-ipv6-header", name);
    assertEquals([header.problemCode, header.problemPointer], [code, pointer], name);
  }
  const multicast = extended(0x3c, [6, 0, 0xc9, 4, 0, 0, 0, 0]);
  multicast[IPV6.DESTINATION] = 0xff;
  const header = new IpPacket();
  assertEquals(parseIpv6(multicast, 0, multicast.length, header), "unsupported-ipv6-header");
  assertEquals(header.problemCode, -1);
});

Deno.test("extension headers that cannot be are malformed", () => {
  const pad = [1, 4, 0, 0, 0, 0];
  const table: [string, number, number[]][] = [
    ["an option beyond its header", 0x3c, [6, 0, 1, 5, 0, 0, 0, 0]],
    ["an option cut off in its head", 0x3c, [6, 0, 1, 3, 0, 0, 0, 1]],
    ["a header beyond the packet", 0x3c, [6, 9, ...pad]],
    ["a chain without end", 0x3c, Array.from({ length: 12 }, () => [0x3c, 0, ...pad]).flat()],
  ];
  for (const [name, first, extension] of table) {
    const bytes = extended(first, extension);
    assertEquals(parseIpv6(bytes, 0, bytes.length, new IpPacket()), "malformed-ipv6", name);
  }
});

Deno.test("the walk goes on behind a whole fragment and an idle routing header, through eight headers, to no next header", () => {
  const destination = (next: number) => [next, 0, 1, 4, 0, 0, 0, 0];
  const table: [string, number, number[], number | null][] = [
    ["fragment, then options", 0x2c, [0x3c, 0, 0, 0, 0, 0, 0, 1, ...destination(6)], 6],
    ["a routing header with no segments left", 0x2b, [6, 0, 4, 0, 0, 0, 0, 0], 6],
    ["no next header", 0x3c, destination(59), 59],
    ["eight", 0x3c, [...Array.from({ length: 7 }, () => destination(0x3c)).flat(), ...destination(6)], 6],
    ["nine", 0x3c, [...Array.from({ length: 8 }, () => destination(0x3c)).flat(), ...destination(6)], null],
  ];
  for (const [name, first, extension, protocol] of table) {
    const bytes = extended(first, extension, new Array(40).fill(1));
    const header = new IpPacket();
    const reason = parseIpv6(bytes, 0, bytes.length, header);
    assertEquals(reason, protocol === null ? "malformed-ipv6" : null, name);
    if (protocol !== null) assertEquals([header.protocol, header.payloadLength], [protocol, 40], name);
  }
});

Deno.test("a jumbo option gives the length of an IPv6 packet above 65,535 bytes", () => {
  const total = 70_000;
  const bytes = new Uint8Array(40 + total);
  emitIpv6(bytes, 0, { source: ipv6(2), destination: ipv6(1), protocol: 0, payloadLength: 0, hopLimit: 64 });
  bytes.set([6, 0, 0xc2, 4, total >>> 24, (total >>> 16) & 0xff, (total >>> 8) & 0xff, total & 0xff], 40);
  const header = new IpPacket();
  assertEquals(parseIpv6(bytes, 0, bytes.length, header), null);
  assertEquals([header.protocol, header.payloadOffset, header.payloadLength], [6, 48, total - 8]);
  assertEquals(parseIpv6(bytes, 0, bytes.length - 1, header), "malformed-ipv6");
});

Deno.test("another version is not IPv6", () => {
  const bytes = extended(6, []);
  bytes[0] = 0x45;
  assertEquals(parseIpv6(bytes, 0, bytes.length, new IpPacket()), "malformed-ipv6");
});
