/** Scopes of addresses, zones in their text, and addresses that are made of others. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { formatIpAddress, formatMac, parseIpAddress, parseMac } from "../../src/wire/address.ts";
import {
  ADDRESS_SCOPE,
  formatScopedAddress,
  isLinkLocal,
  needsZone,
  parseScopedAddress,
  scopeOf,
} from "../../src/wire/address_scope.ts";
import {
  addressFromMac,
  ALL_MLDV2_ROUTERS,
  ALL_NODES,
  ALL_ROUTERS,
  isSolicitedNode,
  linkLocalFromMac,
  multicastMac,
  solicitedNodeAddress,
} from "../../src/wire/derived_address.ts";

function ip(text: string): Uint8Array {
  const value = parseIpAddress(text);
  assert(value !== null, text);
  return value;
}

function mac(text: string): Uint8Array {
  const value = parseMac(text);
  assert(value !== null, text);
  return value;
}

Deno.test("scopes (RFC 4291 §2.7, RFC 4007 §4, RFC 6724 §3)", () => {
  const { INTERFACE, LINK, ADMIN, SITE, ORGANIZATION, GLOBAL } = ADDRESS_SCOPE;
  const table: [string, number][] = [
    ["fe80::1", LINK],
    ["febf:ffff::1", LINK],
    ["fec0::1", SITE],
    ["feff::1", SITE],
    ["fe7f::1", GLOBAL],
    ["fd00::1", GLOBAL],
    ["2001:db8::1", GLOBAL],
    ["::1", LINK],
    ["::", GLOBAL],
    ["ff01::1", INTERFACE],
    ["ff02::1", LINK],
    ["ff12::1", LINK],
    ["ff04::1", ADMIN],
    ["ff05::2", SITE],
    ["ff08::1", ORGANIZATION],
    ["ff3e::1", GLOBAL],
    ["ff07::1", 7],
    ["169.254.0.1", LINK],
    ["127.0.0.1", LINK],
    ["224.0.0.251", LINK],
    ["224.0.1.1", GLOBAL],
    ["10.0.0.1", GLOBAL],
    ["192.168.0.1", GLOBAL],
    ["169.253.0.1", GLOBAL],
  ];
  for (const [text, scope] of table) assertEquals(scopeOf(ip(text)), scope, text);
});

Deno.test("link-local addresses, by themselves and in a packet", () => {
  assert(isLinkLocal(ip("fe80::1")) && isLinkLocal(ip("febf::")) && isLinkLocal(ip("169.254.255.255")));
  for (const text of ["fec0::1", "fe7f::1", "ff02::1", "::1", "169.255.0.1", "168.254.0.1"]) {
    assert(!isLinkLocal(ip(text)), text);
  }
  const packet = Uint8Array.of(1, 2, ...ip("fe80::1"), ...ip("169.254.1.1"), 0xfe, 0x80);
  assert(isLinkLocal(packet, 2, 16) && isLinkLocal(packet, 18, 4));
  assert(!isLinkLocal(packet, 3, 16) && !isLinkLocal(packet, 22, 4));
});

Deno.test("a zone is needed by what is of a link or an interface", () => {
  for (const text of ["fe80::1", "ff02::1", "ff01::1"]) assert(needsZone(ip(text)), text);
  for (const text of ["fd00::1", "::1", "::", "ff05::1", "ff0e::1", "169.254.0.1", "224.0.0.1"]) {
    assert(!needsZone(ip(text)), text);
  }
});

Deno.test("text with a zone (RFC 4007 §11.2)", () => {
  const read = (text: string) => {
    const scoped = parseScopedAddress(text);
    return scoped === null ? null : [formatIpAddress(scoped.address), scoped.zone];
  };
  assertEquals(read("fe80::1%eth0"), ["fe80::1", "eth0"]);
  assertEquals(read("FE80::1%2"), ["fe80::1", "2"]);
  assertEquals(read("ff02::1%br-lan.7"), ["ff02::1", "br-lan.7"]);
  assertEquals(read("fe80::1"), ["fe80::1", null]);
  assertEquals(read("10.0.0.1"), ["10.0.0.1", null]);
  const bad = [
    "fe80::1%",
    "%eth0",
    "10.0.0.1%eth0",
    "fe80::1%a%b",
    "fe80::1%a b",
    "fe80::1%eth0/64",
    "",
    "x%y",
  ];
  for (const text of [...bad, "fe80::1%eth0]", "fe80::1%a,fe80::2", "fe80::1%\n"]) {
    assertEquals(read(text), null, text);
  }
});

Deno.test("property: what is formatted with a zone is read again", () => {
  const zone = fc.option(fc.stringMatching(/^[a-zA-Z0-9._@:-]{1,15}$/), { nil: null });
  fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), zone, (address, zone) => {
    assertEquals(parseScopedAddress(formatScopedAddress({ address, zone })), { address, zone });
  }));
});

Deno.test("property: no text makes the reader of zones throw", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("f", "e", "8", "0", ":", "%", ".", "/", " ", "e") }),
      (text) => {
        const scoped = parseScopedAddress(text);
        if (scoped !== null) assertEquals(parseScopedAddress(formatScopedAddress(scoped)), scoped);
      },
    ),
  );
});

Deno.test("groups that are always the same, and those of an address (RFC 4291 §2.7.1)", () => {
  assertEquals([ALL_NODES, ALL_ROUTERS, ALL_MLDV2_ROUTERS].map(formatIpAddress), [
    "ff02::1",
    "ff02::2",
    "ff02::16",
  ]);
  const group = solicitedNodeAddress(ip("2001:db8::12:3456"));
  assertEquals(formatIpAddress(group), "ff02::1:ff12:3456");
  // The example of RFC 4291 §2.7.1.
  assertEquals(formatIpAddress(solicitedNodeAddress(ip("4037::01:800:200E:8C6C"))), "ff02::1:ff0e:8c6c");
  assert(isSolicitedNode(group) && isSolicitedNode(Uint8Array.of(9, ...group), 1));
  for (const text of ["ff02::1", "ff02::1:fe12:3456", "ff05::1:ff12:3456", "ff02::1:0:ff12:3456"]) {
    assert(!isSolicitedNode(ip(text)), text);
  }
});

Deno.test("hardware addresses of groups (RFC 1112 §6.4, RFC 2464 §7)", () => {
  const table: [string, string][] = [
    ["224.0.0.1", "01:00:5e:00:00:01"],
    ["239.129.2.3", "01:00:5e:01:02:03"],
    ["224.255.255.255", "01:00:5e:7f:ff:ff"],
    ["ff02::1", "33:33:00:00:00:01"],
    ["ff02::1:ff12:3456", "33:33:ff:12:34:56"],
  ];
  for (const [group, expected] of table) assertEquals(formatMac(multicastMac(ip(group))), expected);
});

Deno.test("interface identifiers from a hardware address (RFC 4291 appendix A, RFC 2464 §4 and §5)", () => {
  // The example of RFC 2464 §4.
  assertEquals(formatIpAddress(linkLocalFromMac(mac("34:56:78:9a:bc:de"))), "fe80::3656:78ff:fe9a:bcde");
  assertEquals(formatIpAddress(linkLocalFromMac(mac("02:00:5e:10:00:01"))), "fe80::5eff:fe10:1");
  assertEquals(
    formatIpAddress(addressFromMac(ip("2001:db8:1:2:3:4:5:6"), mac("00:11:22:33:44:55"))),
    "2001:db8:1:2:211:22ff:fe33:4455",
  );
});
