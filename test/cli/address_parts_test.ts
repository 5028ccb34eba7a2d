/** Subnets, MAC choices, the filter and the guard's rules: the pure parts behind `serve`. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../src/cli/command.ts";
import { composeFilter } from "../../src/cli/filter.ts";
import { parseMacChoice, stableMac } from "../../src/cli/mac_choice.ts";
import { candidateAddresses, ipv4Address, ipv4Number, isNetworkAddress } from "../../src/cli/subnet.ts";
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

Deno.test("the filter passes ARP, and ICMP and TCP to our addresses", () => {
  const parts = { addresses: ["10.0.0.3"], ports: [3333], kernelOwned: false, user: null, vlan: null };
  assertEquals(composeFilter(parts), "arp or (icmp and dst host 10.0.0.3) or (tcp and dst host 10.0.0.3)");
  assertEquals(
    composeFilter({ ...parts, addresses: ["10.0.0.3", "10.0.0.4"], user: "src port 5 or src port 6" }),
    "arp or (icmp and (dst host 10.0.0.3 or dst host 10.0.0.4)) or " +
      "(tcp and (dst host 10.0.0.3 or dst host 10.0.0.4) and (src port 5 or src port 6))",
  );
  assertEquals(
    composeFilter({ ...parts, vlan: 7 }),
    "vlan 7 and (arp or (icmp and dst host 10.0.0.3) or (tcp and dst host 10.0.0.3))",
  );
});

Deno.test("where the kernel owns the address, only our ports pass and nothing that the kernel answers", () => {
  const parts = { addresses: ["10.0.0.3"], ports: [80, 81], kernelOwned: true, user: null, vlan: null };
  assertEquals(
    composeFilter(parts),
    "(arp[6:2] = 0x2) or (icmp and dst host 10.0.0.3 and icmp[icmptype] != 0x8) or " +
      "(tcp and dst host 10.0.0.3 and (dst port 80 or dst port 81))",
  );
});
