/** ICMP of both versions, and quoted packets. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseIpAddress } from "../../src/wire/address.ts";
import * as icmp from "../../src/wire/icmp.ts";
import * as icmpv6 from "../../src/wire/icmpv6.ts";
import { emitIpv4, IP_PROTOCOL, IPV4 } from "../../src/wire/ipv4.ts";
import { emitIpv6 } from "../../src/wire/ipv6.ts";
import { emitTcp, TcpSegment } from "../../src/wire/tcp.ts";

const u32 = fc.integer({ min: 0, max: 0xffffffff });

function ip(text: string): Uint8Array {
  const value = parseIpAddress(text);
  assert(value !== null);
  return value;
}

Deno.test("an echo request on the wire", () => {
  const bytes = Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9, 0x61, 0x62, 0x63);
  const fields = { type: icmp.ICMP_TYPE.ECHO_REQUEST, code: 0, restOfHeader: 0x12340001, payloadLength: 3 };
  assertEquals(icmp.emitIcmp(bytes, 0, fields), 8);
  assertEquals([...bytes], [8, 0, 0x21, 0x68, 0x12, 0x34, 0, 1, 0x61, 0x62, 0x63]);
});

Deno.test("property: an emitted message is parsed back, with and without a pseudo-header", () => {
  fc.assert(fc.property(
    fc.record({ type: fc.nat(255), code: fc.nat(255), restOfHeader: u32 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.nat(0x1ffff),
    fc.nat(5),
    (header, payload, pseudoSum, offset) => {
      const bytes = new Uint8Array(offset + 8 + payload.length + 3).fill(0xa5);
      bytes.set(payload, offset + 8);
      const fields = { ...header, payloadLength: payload.length };
      const length = 8 + payload.length;
      const expected = { ...fields, payloadOffset: offset + 8 };
      const message = new icmp.IcmpMessage();
      icmp.emitIcmp(bytes, offset, fields);
      assertEquals(icmp.parseIcmp(bytes, offset, length, message), null);
      assertEquals({ ...message }, expected);
      icmpv6.emitIcmpv6(bytes, offset, fields, pseudoSum);
      assertEquals(icmpv6.parseIcmpv6(bytes, offset, length, pseudoSum, message), null);
      assertEquals({ ...message }, expected);
      assertEquals(bytes.slice(offset + 8, offset + length), payload);
      assert(bytes.subarray(offset + length).every((byte) => byte === 0xa5), "wrote beyond the message");
    },
  ));
});

Deno.test("a short message is malformed, a damaged one has a wrong checksum", () => {
  const bytes = new Uint8Array(16);
  icmp.emitIcmp(bytes, 0, { type: 8, code: 0, restOfHeader: 1, payloadLength: 8 });
  const message = new icmp.IcmpMessage();
  for (let length = 0; length < 8; length++) {
    assertEquals(icmp.parseIcmp(bytes, 0, length, message), "malformed-icmp");
  }
  for (let bit = 0; bit < 128; bit++) {
    const wrong = bytes.slice();
    wrong[bit >>> 3] ^= 1 << (bit & 7);
    assertEquals(icmp.parseIcmp(wrong, 0, 16, message), "checksum", `bit ${bit}`);
  }
});

/** A TCP packet of ours, as an error quotes it. */
function quotedIpv4(): Uint8Array {
  const bytes = new Uint8Array(60);
  const addresses = { source: ip("10.0.0.1"), destination: ip("10.0.0.2") };
  emitIpv4(bytes, 0, { ...addresses, protocol: IP_PROTOCOL.TCP, payloadLength: 40, hopLimit: 1, id: 7 });
  emitTcp(bytes, 20, ourSegment());
  return bytes;
}

function ourSegment(): TcpSegment {
  const segment = new TcpSegment();
  segment.sourcePort = 3333;
  segment.destinationPort = 40_000;
  segment.seq = 0xfedcba98;
  return segment;
}

Deno.test("a quoted packet names its connection as soon as 8 bytes of TCP are there", () => {
  const bytes = new Uint8Array(70);
  bytes.set(quotedIpv4(), 5);
  const quoted = new icmp.QuotedPacket();
  for (let length = 0; length < 28; length++) {
    assertEquals(icmp.parseQuotedPacket(bytes, 5, length, quoted), "malformed-icmp", `length ${length}`);
  }
  for (const length of [28, 60]) {
    assertEquals(icmp.parseQuotedPacket(bytes, 5, length, quoted), null);
    assertEquals({ ...quoted }, {
      addressBytes: 4,
      localAddressOffset: 5 + IPV4.SOURCE,
      peerAddressOffset: 5 + IPV4.DESTINATION,
      packetBytes: 60,
      protocol: 6,
      protocolOffset: 5 + IPV4.PROTOCOL,
      upperOffset: 25,
      localPort: 3333,
      peerPort: 40_000,
      seq: 0xfedcba98,
    });
  }
});

Deno.test("a quoted packet with IPv4 options, a late fragment, another version", () => {
  const quoted = new icmp.QuotedPacket();
  const withOptions = new Uint8Array(68);
  withOptions.set(quotedIpv4().subarray(0, 20));
  withOptions[0] = 0x47;
  withOptions.set(quotedIpv4().subarray(20), 28);
  assertEquals(icmp.parseQuotedPacket(withOptions, 0, 36, quoted), null);
  assertEquals(quoted.localPort, 3333);
  assertEquals(icmp.parseQuotedPacket(withOptions, 0, 35, quoted), "malformed-icmp");
  const fragment = quotedIpv4();
  fragment[7] = 1;
  assertEquals(icmp.parseQuotedPacket(fragment, 0, 60, quoted), "malformed-icmp");
  for (const first of [0x44, 0x55, 0x00]) {
    const bytes = quotedIpv4();
    bytes[0] = first;
    assertEquals(icmp.parseQuotedPacket(bytes, 0, 60, quoted), "malformed-icmp");
  }
});

Deno.test("a quoted IPv6 packet", () => {
  const bytes = new Uint8Array(60);
  const addresses = { source: ip("fe80::1"), destination: ip("fe80::2") };
  emitIpv6(bytes, 0, { ...addresses, protocol: IP_PROTOCOL.TCP, payloadLength: 20, hopLimit: 1 });
  emitTcp(bytes, 40, ourSegment());
  const quoted = new icmp.QuotedPacket();
  for (let length = 0; length < 48; length++) {
    assertEquals(icmp.parseQuotedPacket(bytes, 0, length, quoted), "malformed-icmp");
  }
  assertEquals(icmp.parseQuotedPacket(bytes, 0, 48, quoted), null);
  assertEquals([quoted.addressBytes, quoted.localAddressOffset, quoted.peerAddressOffset], [16, 8, 24]);
  assertEquals([quoted.localPort, quoted.peerPort, quoted.seq], [3333, 40_000, 0xfedcba98]);
});

/** Extension headers of RFC 8200 §4, each with a place for what follows it. */
const EXTENSIONS = [
  ["hop-by-hop options", [0x00, [0, 0, 1, 4, 0, 0, 0, 0]]],
  ["a routing header of three units", [0x2b, [0, 2, 4, 0, ...new Array(20).fill(9)]]],
  ["destination options", [0x3c, [0, 1, 1, 12, ...new Array(12).fill(0)]]],
  ["a fragment header, the first of several", [0x2c, [0, 0, 0, 1, 1, 2, 3, 4]]],
  ["an atomic fragment header", [0x2c, [0, 0, 0, 0, 1, 2, 3, 4]]],
] as const;

/** An IPv6 packet of ours with extension headers between the fixed one and TCP. */
function extended(headers: readonly (readonly [number, readonly number[]])[]): Uint8Array {
  const first = [...quotedIpv6().subarray(0, 40)];
  const chain: number[] = [];
  let named = 6;
  for (const [number, header] of [...headers].reverse()) {
    chain.unshift(named, ...header.slice(1));
    named = number;
  }
  first[6] = named;
  first[5] = chain.length + 20;
  return Uint8Array.from([...first, ...chain, ...quotedIpv6().subarray(40)]);
}

function quotedIpv6(): Uint8Array {
  const bytes = new Uint8Array(60);
  const addresses = { source: ip("fe80::1"), destination: ip("fe80::2") };
  emitIpv6(bytes, 0, { ...addresses, protocol: IP_PROTOCOL.TCP, payloadLength: 20, hopLimit: 1 });
  emitTcp(bytes, 40, ourSegment());
  return bytes;
}

for (const [name, header] of EXTENSIONS) {
  Deno.test(`a quoted IPv6 packet with ${name} is walked to its segment, cut off it names nothing (RFC 8200 §4, RFC 4443 §2.4 (d))`, () => {
    const bytes = extended([header]);
    const upper = 40 + header[1].length;
    const quoted = new icmp.QuotedPacket();
    for (let length = 0; length < upper + 8; length++) {
      assertEquals(icmp.parseQuotedPacket(bytes, 0, length, quoted), "malformed-icmp", `length ${length}`);
    }
    for (const length of [upper + 8, bytes.length]) {
      assertEquals(icmp.parseQuotedPacket(bytes, 0, length, quoted), null);
      assertEquals([quoted.protocol, quoted.protocolOffset, quoted.upperOffset], [6, 40, upper]);
      assertEquals([quoted.localPort, quoted.peerPort, quoted.seq], [3333, 40_000, 0xfedcba98]);
      assertEquals(quoted.packetBytes, bytes.length);
    }
  });
}

Deno.test("a quoted IPv6 packet with all headers in a row; a later fragment names nothing, nor do more headers than eight", () => {
  const quoted = new icmp.QuotedPacket();
  const all = extended(EXTENSIONS.map(([, header]) => header));
  assertEquals(icmp.parseQuotedPacket(all, 0, all.length, quoted), null);
  assertEquals([quoted.localPort, quoted.protocol], [3333, 6]);
  const later = extended([[0x2c, [0, 0, 0, 8, 1, 2, 3, 4]]]);
  assertEquals(icmp.parseQuotedPacket(later, 0, later.length, quoted), "malformed-icmp");
  const options = EXTENSIONS[2][1];
  const eight = extended(Array.from({ length: 8 }, () => options));
  assertEquals(icmp.parseQuotedPacket(eight, 0, eight.length, quoted), null);
  for (const count of [9, 30]) {
    const many = extended(Array.from({ length: count }, () => options));
    assertEquals(icmp.parseQuotedPacket(many, 0, many.length, quoted), "malformed-icmp");
  }
});
