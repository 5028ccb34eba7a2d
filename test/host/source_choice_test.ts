/**
 * The choice of a source and the order of destinations: the examples of RFC 6724 §10, and the rules of §5 and §6 one by one.
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  chooseSource,
  policyOf,
  sortDestinations,
  type SourceCandidate,
} from "../../src/host/source_choice.ts";
import { formatIpAddress } from "../../src/wire/address.ts";
import { at } from "./any_address.ts";

/** `ADDRESS`, `ADDRESS/LENGTH` (64 or 24 when absent), a `!` behind it for a deprecated one. */
function candidate(text: string): SourceCandidate {
  const [address, length = address.includes(":") ? "64" : "24"] = text.replace("!", "").split("/");
  return {
    address: at(address),
    prefixLength: Number(length),
    state: text.endsWith("!") ? "deprecated" : "preferred",
  };
}

function chosen(destination: string, sources: readonly string[], hop = destination): string | null {
  const candidates = sources.map(candidate);
  const source = chooseSource(at(destination), { candidates, hop: at(hop) });
  return source === null ? null : formatIpAddress(source.address);
}

/** Whatever the order of the candidates, the same one is chosen. */
function chooses(destination: string, sources: readonly string[], expected: string): void {
  assertEquals(chosen(destination, sources), expected, `to ${destination}`);
  assertEquals(chosen(destination, sources.toReversed()), expected, `to ${destination}, reversed`);
}

function sorted(destinations: readonly string[], sources: readonly string[]): string[] {
  const candidates = sources.map(candidate);
  const sourceFor = (destination: Uint8Array) => chooseSource(destination, { candidates, hop: destination });
  return sortDestinations(destinations.map(at), { sourceFor }).map(formatIpAddress);
}

/** Whatever the order in which they are given, they are tried in this one. */
function sorts(expected: readonly string[], sources: readonly string[]): void {
  assertEquals(sorted(expected, sources), [...expected], `with ${sources}`);
  assertEquals(sorted(expected.toReversed(), sources), [...expected], `with ${sources}, reversed`);
}

Deno.test("the default policy table (RFC 6724 §2.1), at both ends of each prefix", () => {
  const table: [string, number, number][] = [
    ["::1", 50, 0],
    ["::", 1, 3],
    ["::ffff:ffff", 1, 3],
    ["::fffe:0:0", 40, 1],
    ["::ffff:0.0.0.0", 35, 4],
    ["::ffff:255.255.255.255", 35, 4],
    ["::1:0:0:0", 40, 1],
    ["2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 40, 1],
    ["2001::", 5, 5],
    ["2001:0:ffff:ffff:ffff:ffff:ffff:ffff", 5, 5],
    ["2001:1::", 40, 1],
    ["2001:db8::1", 40, 1],
    ["2002::", 30, 2],
    ["2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 30, 2],
    ["2003::", 40, 1],
    ["3ffe::1", 1, 12],
    ["3fff::1", 40, 1],
    ["fbff::1", 40, 1],
    ["fc00::1", 3, 13],
    ["fdff::1", 3, 13],
    ["fe80::1", 40, 1],
    ["febf::1", 40, 1],
    ["fec0::1", 1, 11],
    ["feff::1", 1, 11],
    ["ff02::1", 40, 1],
    ["10.0.0.1", 35, 4],
    ["255.255.255.255", 35, 4],
  ];
  for (const [address, precedence, label] of table) {
    const found = policyOf(at(address));
    assertEquals([found.precedence, found.label], [precedence, label], address);
  }
});

Deno.test("sources: the examples of RFC 6724 §10.1", () => {
  chooses("2001:db8:1::1", ["2001:db8:3::1", "fe80::1"], "2001:db8:3::1");
  chooses("ff05::1", ["2001:db8:3::1", "fe80::1"], "2001:db8:3::1");
  chooses("2001:db8:1::1", ["2001:db8:1::1!", "2001:db8:2::1"], "2001:db8:1::1");
  chooses("fe80::1", ["fe80::2!", "2001:db8:1::1"], "fe80::2");
  chooses("2001:db8:1::1", ["2001:db8:1::2", "2001:db8:3::2"], "2001:db8:1::2");
  chooses(
    "2002:c633:6401::1",
    ["2002:c633:6401::d5e3:7953:13eb:22e8", "2001:db8:1::2"],
    "2002:c633:6401:0:d5e3:7953:13eb:22e8",
  );
});

Deno.test("sources: each rule of RFC 6724 §5 counts before those behind it", () => {
  // 1 before 2: the same address although its scope is smaller.
  chooses("fe80::1", ["fe80::1!", "fe80::2"], "fe80::1");
  // 2: of those wide enough the narrowest, of those too narrow the widest.
  chooses("ff02::1", ["2001:db8::1", "fe80::1", "fec0::1"], "fe80::1");
  chooses("ff05::1", ["2001:db8::1", "fe80::1", "fec0::1"], "fec0::1");
  chooses("2001:db8::9", ["fe80::1", "fec0::1"], "fec0::1");
  // 2 before 3: a deprecated one of the right scope.
  chooses("2001:db8::9", ["2001:db8::1!", "fe80::1"], "2001:db8::1");
  // 3 before 6 and 8: one that is not deprecated, although label and prefix are worse.
  chooses("fd00::9", ["fd00::1!", "2001:db8::1"], "2001:db8::1");
  // 6 before 8: the label, although as many bits and more agree with the other one.
  chooses("2001:db8::9", ["2001:0:db8::1", "2a00::1"], "2a00::1");
  chooses("fd00::9", ["fd12:3456::1", "2001:db8::1"], "fd12:3456::1");
  // 8: bits beyond the prefix of the source do not count; then the first one is as good.
  chooses("2001:db8:0:1::9", ["2001:db8:0:1::1", "2001:db8:0:2::1"], "2001:db8:0:1::1");
  for (const sources of [["2001:db8::8", "2001:db8::1"], ["2001:db8::1", "2001:db8::8"]]) {
    assertEquals(chosen("2001:db8::9", sources), sources[0]);
  }
});

Deno.test("sources of IPv4: the network of the next hop, the narrowest that contains it (MUST-44)", () => {
  const sources = ["192.0.2.7/24", "10.0.0.1/8", "10.1.0.1/16", "10.1.2.1/24"];
  for (
    const [hop, source] of [["10.1.2.9", "10.1.2.1"], ["10.1.3.9", "10.1.0.1"], ["10.2.0.9", "10.0.0.1"]]
  ) {
    assertEquals(chosen("203.0.113.9", sources, hop), source);
    assertEquals(chosen(hop, sources.toReversed()), source);
  }
  assertEquals(chosen("203.0.113.9", sources, "198.51.100.1"), "192.0.2.7", "none is near: the first");
});

Deno.test("sources: the other family has none to give", () => {
  assertEquals(chosen("2001:db8::1", ["10.0.0.1"]), null);
  assertEquals(chosen("10.0.0.1", ["2001:db8::1", "fe80::1"]), null);
  assertEquals(chosen("10.0.0.1", []), null);
});

Deno.test("destinations: the examples of RFC 6724 §10.2", () => {
  sorts(["2001:db8:1::1", "198.51.100.121"], ["2001:db8:1::2", "fe80::1", "169.254.13.78/16"]);
  sorts(["198.51.100.121", "2001:db8:1::1"], ["fe80::1", "198.51.100.117"]);
  sorts(["2001:db8:1::1", "10.1.2.3"], ["2001:db8:1::2", "fe80::1", "10.1.2.4"]);
  sorts(["fe80::1", "2001:db8:1::1"], ["2001:db8:1::2", "fe80::2"]);
  sorts(["2001:db8:1::1", "fe80::1"], ["2001:db8:1::2", "fe80::2!"]);
  sorts(["2001:db8:1::1", "2001:db8:3ffe::1"], ["2001:db8:1::2", "2001:db8:3f44::2", "fe80::2"]);
  sorts(["fe80::1", "2002:c633:6401::1"], ["2002:c633:6401::2", "fe80::2"]);
  sorts(["2001:db8:1::1", "2002:c633:6401::1"], ["2002:c633:6401::2", "2001:db8:1::2", "fe80::2"]);
});

Deno.test("destinations: each rule of RFC 6724 §6 counts before those behind it", () => {
  // 1: what cannot be reached comes last, although IPv6 is preferred.
  sorts(["10.0.0.9", "2001:db8::9"], ["10.0.0.1"]);
  // 2 before 3: a source of the right scope, although it is deprecated.
  sorts(["10.0.0.9", "2001:db8::9"], ["10.0.0.1!", "fe80::1"]);
  // 3 before 6: IPv4, whose source is not deprecated.
  sorts(["10.0.0.9", "2001:db8::9"], ["10.0.0.1", "2001:db8::1!"]);
  // 5 before 6: IPv4 to IPv4, where IPv6 would go from another label.
  sorts(["10.0.0.9", "2001:db8::9"], ["10.0.0.1", "fd00::1"]);
  // 6: IPv6 before IPv4, and that before what is unique local (§2.1).
  sorts(["2001:db8::9", "10.0.0.9", "fd00::9"], ["10.0.0.1", "2001:db8::1", "fd00::1"]);
  // 8 before 9.
  sorts(["fe80::9", "2001:db8::9"], ["2001:db8::9/128", "fe80::1/10"]);
  // 9 not between families, and not for IPv4 beyond the source's prefix.
  sorts(["10.0.0.200", "10.0.9.1"], ["10.0.0.1/24"]);
});

Deno.test("destinations: where no rule tells them apart, they stay as they came (rule 10)", () => {
  const equal = ["10.0.0.9", "10.0.0.3", "10.0.0.200"];
  assertEquals(sorted(equal, ["10.0.0.1/24"]), equal);
  assertEquals(sorted(equal.toReversed(), ["10.0.0.1/24"]), equal.toReversed());
  assertEquals(sorted(["2001:db8::9", "10.0.0.1"], []), ["2001:db8::9", "10.0.0.1"]);
});

Deno.test("property: what is chosen is one of the candidates of the family, and sorting loses and invents nothing", () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const start = fc.constantFrom(
    [0xfe, 0x80],
    [0x20, 0x01, 0x0d, 0xb8],
    [0xfd],
    [0x20, 0x02],
    [0xff, 0x02],
    [],
  );
  const address = fc.oneof(
    bytes(4),
    fc.record({ start, rest: bytes(16) }).map(({ start, rest }) => {
      rest.set(start);
      return rest;
    }),
  );
  const source = fc.record({
    address,
    prefixLength: fc.nat(32),
    state: fc.constantFrom("preferred", "deprecated"),
  });
  fc.assert(fc.property(fc.array(address), fc.array(source), (destinations, candidates) => {
    const sourceFor = (destination: Uint8Array) =>
      chooseSource(destination, { candidates, hop: destination });
    for (const destination of destinations) {
      const family = candidates.filter((one) => one.address.length === destination.length);
      const found = sourceFor(destination);
      assertEquals(found === null, family.length === 0);
      if (found !== null) assertEquals(family.includes(found), true);
    }
    const inOrder = sortDestinations(destinations, { sourceFor });
    assertEquals(inOrder.length, destinations.length);
    assertEquals(new Set(inOrder), new Set(destinations));
    assertEquals(sortDestinations(inOrder, { sourceFor }), inOrder, "sorted once, sorted for good");
  }));
});
