/** Subnets, MAC choices, the filter and the guard's rules: the pure parts behind `serve`. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../src/cli/command.ts";
import { parseMacChoice, stableMac } from "../../src/cli/mac_choice.ts";
import {
  candidateAddresses,
  candidateIpv6Addresses,
  ipv4Address,
  ipv4Number,
  isNetworkAddress,
} from "../../src/cli/subnet.ts";
import {
  formatIpAddress,
  inPrefix,
  type IpAddress,
  isDirectedBroadcast,
  isMulticastMac,
  parseIpAddress,
} from "../../src/wire/address.ts";

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  assert(address !== null, text);
  return address;
}

Deno.test("candidates begin away from the ends and leave out what is taken", () => {
  const subnet = { address: ip("192.168.56.1"), prefixLength: 24 };
  const names = candidateAddresses(subnet, { count: 3, taken: [ip("192.168.56.227")] }).map(formatIpAddress);
  assertEquals(names, ["192.168.56.228", "192.168.56.226", "192.168.56.225"]);
});

Deno.test("the smallest subnets have the candidates that they have", () => {
  const all = (text: string, prefixLength: number) =>
    candidateAddresses({ address: ip(text), prefixLength }, { count: 9, taken: [ip(text)] }).map(
      formatIpAddress,
    );
  assertEquals(all("10.0.0.1", 30), ["10.0.0.2"]);
  assertEquals(all("10.0.0.0", 31), ["10.0.0.1"]);
  assertEquals(all("10.0.0.0", 32), []);
});

Deno.test("every candidate is a host of the subnet, and none comes twice", () => {
  fc.assert(fc.property(
    fc.integer({ min: 0, max: 0xffffffff }),
    fc.integer({ min: 8, max: 31 }),
    fc.integer({ min: 1, max: 20 }),
    (value, prefixLength, count) => {
      const subnet = { address: ipv4Address(value), prefixLength };
      const found = candidateAddresses(subnet, { count, taken: [subnet.address] });
      for (const address of found) {
        assert(inPrefix(address, subnet.address, prefixLength));
        assert(!isNetworkAddress(address, prefixLength));
        assert(!isDirectedBroadcast(address, subnet.address, prefixLength));
        assert(ipv4Number(address) !== value >>> 0);
      }
      assertEquals(new Set(found.map(ipv4Number)).size, found.length);
      const hosts = prefixLength === 31 ? 1 : 2 ** (32 - prefixLength) - 3;
      assert(found.length >= Math.min(count, hosts));
    },
  ));
});

Deno.test("the automatic MAC is stable, local and of one host", async () => {
  const identity = { machine: "m", device: "eth0", ip: "10.0.0.1" };
  const mac = await stableMac(identity);
  assertEquals(await stableMac(identity), mac);
  assertEquals(mac.length, 6);
  assertEquals(mac[0] & 0x03, 0x02);
  assert(!isMulticastMac(mac));
  assert(String(await stableMac({ ...identity, ip: "10.0.0.2" })) !== String(mac));
});

Deno.test("--mac takes its three forms", () => {
  const parse = (text: string) => parseMacChoice({ option: "mac", text });
  assertEquals(parse("auto"), { kind: "auto" });
  assertEquals(parse("device"), { kind: "device" });
  assertEquals(parse("02-00-00-00-33-33"), { kind: "explicit", mac: Uint8Array.of(2, 0, 0, 0, 0x33, 0x33) });
  assertThrows(() => parse("03:00:00:00:00:01"), UsageError);
});

Deno.test("an IPv6 subnet's own address is that with no host bits, but for the two hosts of a /127", () => {
  const cases: readonly (readonly [text: string, prefixLength: number, isOwn: boolean])[] = [
    ["fd00::", 64, true],
    ["fd00::1", 64, false],
    ["fd00:0:0:1::", 63, false],
    ["fd00:0:0:2::", 63, true],
    ["fd00::8", 125, true],
    ["fd00::9", 125, false],
    ["fd00::2", 127, false],
    ["fd00::2", 128, false],
  ];
  for (const [text, prefixLength, isOwn] of cases) {
    assertEquals(isNetworkAddress(ip(text), prefixLength), isOwn, `${text}/${prefixLength}`);
  }
});

Deno.test("IPv6 candidates keep the prefix, and take the rest from what is random", () => {
  const random = () => new Uint8Array(16).fill(0xff);
  const of = (text: string, prefixLength: number, taken: string[] = []) =>
    candidateIpv6Addresses({ address: ip(text), prefixLength }, { count: 2, taken: taken.map(ip), random })
      .map(formatIpAddress);
  // The same each time: one is found, and the search ends.
  assertEquals(of("fd00::1", 64), ["fd00::ffff:ffff:ffff:ffff"]);
  // A short prefix has 64 bits before the identifier all the same.
  assertEquals(of("fd00:1:2:3::1", 48), ["fd00:1:2:3:ffff:ffff:ffff:ffff"]);
  assertEquals(of("fd00::1", 125), ["fd00::7"]);
  assertEquals(of("fd00::1", 125, ["fd00::7"]), []);
  const zeros = { count: 1, taken: [], random: () => new Uint8Array(16) };
  assertEquals(candidateIpv6Addresses({ address: ip("fd00::1"), prefixLength: 64 }, zeros), []);
});
