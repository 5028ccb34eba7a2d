/** Addresses: text both ways, prefixes, and what kind an address is. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import * as address from "../../src/wire/address.ts";
import {
  bytesEqual,
  formatIpAddress,
  parseIpAddress,
  parsePrefix,
  sameAddress,
} from "../../src/wire/address.ts";

/** The address that a test wrote down, which must be one. */
function ip(text: string): Uint8Array {
  const value = parseIpAddress(text);
  assert(value !== null, `not an address: ${text}`);
  return value;
}

Deno.test("IPv4 text is a strict dotted quad", () => {
  assertEquals(ip("192.168.56.101"), Uint8Array.of(192, 168, 56, 101));
  assertEquals(ip("0.0.0.0"), new Uint8Array(4));
  const bad = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4 ",
    "1.2.3.-4",
    "1.2.3.0x4",
    "1..2.3",
    "a",
  ];
  for (const text of bad) assertEquals(parseIpAddress(text), null, text);
});

Deno.test("IPv6 text is read in all its forms", () => {
  const table: [string, string][] = [
    ["::", "00000000000000000000000000000000"],
    ["::1", "00000000000000000000000000000001"],
    ["1::", "00010000000000000000000000000000"],
    ["2001:DB8::8:800:200c:417a", "20010db80000000000080800200c417a"],
    ["2001:db8:0:0:8:800:200c:417a", "20010db80000000000080800200c417a"],
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
    ["::ffff:129.144.52.38", "00000000000000000000ffff81903426"],
    ["::13.1.68.3", "0000000000000000000000000d014403"],
    ["1:2:3:4:5:6:1.2.3.4", "00010002000300040005000601020304"],
  ];
  for (const [text, hex] of table) {
    assertEquals([...ip(text)].map((byte) => byte.toString(16).padStart(2, "0")).join(""), hex, text);
  }
});

Deno.test("what is not IPv6 text gives null", () => {
  const bad = [
    ":",
    ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "12345::",
    "g::",
    "1:2:3:4:5:6:7:",
    ":1:2:3:4:5:6:7",
    "::1.2.3",
    "::1.2.3.4:5",
    "1.2.3.4::",
    "1:2:3:4:5:6:7:1.2.3.4",
    "fe80::1%eth0",
    "::1 ",
    "::-1",
  ];
  for (const text of bad) assertEquals(parseIpAddress(text), null, text);
});

Deno.test("IPv6 is written as RFC 5952 demands", () => {
  const table: [string, string][] = [
    ["2001:0db8::0001", "2001:db8::1"],
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:DB8::ABCD", "2001:db8::abcd"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["fe80:0:0:0:0:0:0:0", "fe80::"],
    ["::ffff:c000:0280", "::ffff:192.0.2.128"],
    ["::ff:c000:280", "::ff:c000:280"],
    ["::ff00:c000:280", "::ff00:c000:280"],
    ["::1:ffff:c000:280", "::1:ffff:c000:280"],
  ];
  for (const [text, canonical] of table) assertEquals(formatIpAddress(ip(text)), canonical, text);
});

Deno.test("property: the text of an address is read back as the address", () => {
  const group = fc.oneof(fc.constant(0), fc.nat(0xff));
  fc.assert(fc.property(
    fc.oneof(
      fc.array(group, { minLength: 4, maxLength: 4 }),
      fc.array(group, { minLength: 16, maxLength: 16 }),
    ),
    (bytes) => assertEquals(ip(formatIpAddress(Uint8Array.from(bytes))), Uint8Array.from(bytes)),
  ));
});

Deno.test("property: no text makes a parser throw", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:./]{0,40}$/)), (text) => {
    parseIpAddress(text);
    parsePrefix(text);
    address.parseMac(text);
  }));
});

Deno.test("a prefix length is optional and bounded by the version", () => {
  assertEquals(parsePrefix("10.0.0.1/24"), { address: ip("10.0.0.1"), prefixLength: 24 });
  assertEquals(parsePrefix("10.0.0.1"), { address: ip("10.0.0.1"), prefixLength: null });
  assertEquals(parsePrefix("fe80::1/128"), { address: ip("fe80::1"), prefixLength: 128 });
  assertEquals(parsePrefix("10.0.0.1/0"), { address: ip("10.0.0.1"), prefixLength: 0 });
  for (
    const text of [
      "10.0.0.1/33",
      "fe80::/129",
      "10.0.0.1/",
      "10.0.0.1/08",
      "10.0.0.1/-1",
      "/24",
      "10.0.0.1/24/1",
    ]
  ) {
    assertEquals(parsePrefix(text), null, text);
  }
});

Deno.test("addresses are inside a prefix by its bits", () => {
  assert(address.inPrefix(ip("10.0.0.200"), ip("10.0.0.1"), 24));
  assert(!address.inPrefix(ip("10.0.1.200"), ip("10.0.0.1"), 24));
  assert(address.inPrefix(ip("10.0.0.127"), ip("10.0.0.1"), 25));
  assert(!address.inPrefix(ip("10.0.0.128"), ip("10.0.0.1"), 25));
  assert(address.inPrefix(ip("8.8.8.8"), ip("10.0.0.1"), 0));
  assert(!address.inPrefix(ip("10.0.0.2"), ip("10.0.0.1"), 32));
  assert(address.inPrefix(ip("2001:db8::5"), ip("2001:db8::"), 64));
  assert(!address.inPrefix(ip("::1"), ip("10.0.0.1"), 0));
});

Deno.test("two addresses are the same by version and bytes", () => {
  assert(sameAddress(ip("10.0.0.1"), Uint8Array.of(10, 0, 0, 1)));
  assert(!sameAddress(ip("10.0.0.1"), ip("10.0.0.2")));
  assert(!sameAddress(ip("0.0.0.0"), ip("::")));
  assert(bytesEqual(Uint8Array.of(9, 1, 2, 3), 1, Uint8Array.of(1, 2, 3)));
  assert(!bytesEqual(Uint8Array.of(9, 1, 2), 1, Uint8Array.of(1, 2, 3)));
});

Deno.test("hardware addresses are read with colons or dashes and written with colons", () => {
  assertEquals(address.parseMac("02:00:5E:10:00:0f"), Uint8Array.of(2, 0, 0x5e, 0x10, 0, 0xf));
  assertEquals(address.parseMac("02-00-5e-10-00-0f"), Uint8Array.of(2, 0, 0x5e, 0x10, 0, 0xf));
  assertEquals(address.formatMac(Uint8Array.of(2, 0, 0x5e, 0x10, 0, 0xf)), "02:00:5e:10:00:0f");
  for (
    const text of [
      "",
      "02:00:5e:10:00",
      "02:00:5e:10:00:0f:11",
      "02:00-5e:10:00:0f",
      "2:0:5e:10:0:f",
      "0g:00:00:00:00:00",
    ]
  ) {
    assertEquals(address.parseMac(text), null, text);
  }
});

Deno.test("special addresses are known by their bytes", () => {
  assert(address.isMulticastMac(address.BROADCAST_MAC));
  assert(address.isMulticastMac(Uint8Array.of(0x33, 0x33, 0, 0, 0, 1)));
  assert(!address.isMulticastMac(Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 1), 1));
  assert(address.isMulticastAddress(ip("224.0.0.1")) && address.isMulticastAddress(ip("239.255.255.255")));
  assert(address.isMulticastAddress(ip("ff02::1")));
  assert(!address.isMulticastAddress(ip("223.255.255.255")) && !address.isMulticastAddress(ip("240.0.0.1")));
  assert(!address.isMulticastAddress(ip("fe80::1")));
  assert(address.isUnspecified(ip("0.0.0.0")) && address.isUnspecified(ip("::")));
  assert(!address.isUnspecified(ip("::1")));
  assert(address.isLoopback(ip("127.9.9.9")) && address.isLoopback(ip("::1")));
  assert(!address.isLoopback(ip("128.0.0.1")) && !address.isLoopback(ip("1::1")));
  assert(!address.isLoopback(ip("::")) && !address.isLoopback(ip("::2")));
  assert(address.isLimitedBroadcast(ip("255.255.255.255")));
  assert(
    !address.isLimitedBroadcast(ip("255.255.255.254")) &&
      !address.isLimitedBroadcast(new Uint8Array(16).fill(255)),
  );
});

Deno.test("IPv4-mapped addresses are ::ffff:0:0/96 (RFC 4291 §2.5.5.2)", () => {
  for (const text of ["::ffff:0.0.0.0", "::ffff:10.0.0.1", "::ffff:255.255.255.255"]) {
    assert(address.isIpv4Mapped(ip(text)), text);
  }
  for (
    const text of [
      "::10.0.0.1",
      "::fffe:10.0.0.1",
      "::ffff:0:10.0.0.1",
      "1::ffff:10.0.0.1",
      "0:0:0:0:1:ffff:1:1",
      "255.255.1.1",
    ]
  ) {
    assert(!address.isIpv4Mapped(ip(text)), text);
  }
});

Deno.test("a directed broadcast has all host bits set, in networks that have one", () => {
  const table: [string, string, number, boolean][] = [
    ["10.0.0.255", "10.0.0.1", 24, true],
    ["10.0.0.254", "10.0.0.1", 24, false],
    ["10.0.1.255", "10.0.0.1", 24, false],
    ["10.0.0.3", "10.0.0.1", 30, true],
    ["10.0.0.1", "10.0.0.0", 31, false],
    ["10.0.0.1", "10.0.0.1", 32, false],
    ["255.255.255.255", "10.0.0.1", 0, true],
    ["10.255.255.255", "10.1.2.3", 8, true],
    ["ff02::1", "ff02::", 64, false],
    ["ffff:ffff::", "ffff:ffff::", 24, false],
  ];
  for (const [text, network, prefixLength, expected] of table) {
    assertEquals(
      address.isDirectedBroadcast(ip(text), ip(network), prefixLength),
      expected,
      `${text}/${prefixLength}`,
    );
  }
});

Deno.test("an endpoint puts IPv6 into brackets", () => {
  assertEquals(address.formatEndpoint(ip("10.0.0.1"), 80), "10.0.0.1:80");
  assertEquals(address.formatEndpoint(ip("fe80::1"), 80), "[fe80::1]:80");
  assertEquals(["10.0.0.1:80", "[fe80::1]:443", "*:7", "7", "*:*", ""].map(address.portOf), [
    80,
    443,
    7,
    7,
    0,
    0,
  ]);
});

Deno.test("a connection is called by both its ends, ours first", () => {
  const ends = (local: string, peer: string) => ({
    localAddress: ip(local),
    localPort: 80,
    peerAddress: ip(peer),
    peerPort: 50000,
  });
  assertEquals(address.connectionName(ends("10.0.0.1", "10.0.0.2")), "10.0.0.1:80-10.0.0.2:50000");
  assertEquals(address.connectionName(ends("fd00::1", "fd00::2")), "[fd00::1]:80-[fd00::2]:50000");
});
