/** What HOST of `connect` may mean: names, links, and which of the addresses can be reached. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { InterfaceInfo } from "../../ffi/interfaces.ts";
import { CliError, UsageError } from "../../src/cli/command.ts";
import { parseConnectOptions } from "../../src/cli/connect_options.ts";
import {
  deviceFor,
  NameLookupError,
  reachableTargets,
  resolveTargets,
} from "../../src/cli/connect_targets.ts";
import { formatIpAddress, type IpAddress, parseIpAddress, parsePrefix } from "../../src/wire/address.ts";

function ip(text: string): IpAddress {
  return parseIpAddress(text) ?? new Uint8Array(4);
}

async function resolve(words: string, found: string[] | Error) {
  const lookUp = () =>
    found instanceof Error
      ? Promise.reject(found)
      : Promise.resolve(found.map((text) => ({ address: ip(text), zone: null })));
  const targets = await resolveTargets(parseConnectOptions(words.split(" ")), lookUp);
  return targets.map(({ address, zone }) => formatIpAddress(address) + (zone === null ? "" : `%${zone}`));
}

Deno.test("an address is not looked up; a name gives its addresses, each once", async () => {
  const never = new NameLookupError("asked");
  assertEquals(await resolve("fe80::1%eth0 80", never), ["fe80::1%eth0"]);
  const found = ["fd00::1", "fd00::2", "fd00::3", "192.0.2.1", "fd00::1"];
  assertEquals(await resolve("x 80", found), ["fd00::1", "fd00::2", "fd00::3", "192.0.2.1"]);
  assertEquals(await resolve("x 80 -4", found), ["192.0.2.1"]);
  assertEquals(await resolve("x 80 -6", found), ["fd00::1", "fd00::2", "fd00::3"]);
  // What no host can have is left out, and a name of a thousand addresses is cut.
  assertEquals(await resolve("x 80", ["127.0.0.1", "ff02::1", "192.0.2.1"]), ["192.0.2.1"]);
  const many = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${(i & 0x7f) + 1}`);
  assertEquals((await resolve("x 80", many)).length, 16);
});

Deno.test("a name without an address that is wanted is refused, and the line says what it has", async () => {
  const cases: readonly (readonly [words: string, found: string[] | Error, line: string])[] = [
    [
      "nobody.invalid 80",
      new NameLookupError("Name or service not known"),
      "HOST nobody.invalid: the resolver has no address for it (Name or service not known): give an address, or look with getent hosts nobody.invalid",
    ],
    ["x 80 -6", ["192.0.2.1"], "HOST x has no IPv6 address (it has 192.0.2.1): leave -6 out"],
    ["x 80", [], "HOST x has no address: look with getent hosts x"],
    [
      "localhost 80",
      ["::1", "127.0.0.1"],
      "HOST localhost is ::1: expected the address of a host, and this is a loopback address, which never leaves a host",
    ],
  ];
  for (const [words, found, line] of cases) {
    assertEquals((await assertRejects(() => resolve(words, found), CliError)).message, line);
  }
});

function device(name: string, addresses: readonly string[] = []): InterfaceInfo {
  return {
    name,
    description: null,
    addresses: addresses.map((text) => {
      const { address, prefixLength } = parsePrefix(text) ??
        { address: new Uint8Array(4), prefixLength: null };
      return { address, prefixLength: prefixLength ?? 0 };
    }),
    mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
    mtu: 1500,
    isEthernet: true,
    isUp: true,
    isRunning: true,
    isLoopback: false,
    isWireless: false,
    connection: "connected",
  };
}

const DEVICES = [device("eth0", ["192.0.2.1/24", "fe80::1/64"]), device("eth1", ["fe80::1/64"])];

Deno.test("a link-local HOST needs its link, where there is more than one", () => {
  const of = (text: string, zone: string | null, wanted: string | null, devices = DEVICES) =>
    deviceFor({ host: text, device: wanted }, { targets: [{ address: ip(text), zone }], devices });
  assertEquals(of("fe80::9", "eth1", null), "eth1");
  assertEquals(of("fe80::9", null, "eth0"), "eth0");
  assertEquals(of("fe80::9", null, null, [DEVICES[0]]), null);
  assertEquals(of("192.0.2.9", null, null), null);
  assertEquals(
    assertThrows(() => of("fe80::9", null, null), UsageError).message,
    "HOST fe80::9: a link-local address is of one link, and there is more than one (eth0, eth1): " +
      "write fe80::9%eth0, or --iface eth0",
  );
});

function reach(
  targets: string[],
  from: { ours?: string[]; gateways?: string[]; host?: string; zone?: string; acceptRa?: boolean } = {},
) {
  const { ours = ["192.0.2.7/24", "fd00::7/64"], gateways = [], host = targets[0], acceptRa = false } = from;
  const addresses = ours.map((text) => {
    const [address, length] = text.split("/");
    return { address: ip(address), text: address, prefixLength: Number(length), kernelOwned: false };
  });
  return reachableTargets(targets.map((text) => ({ address: ip(text), zone: from.zone ?? null })), {
    host,
    ground: { link: { name: "eth0" }, addresses, gateways: gateways.map(ip) },
    devices: DEVICES,
    acceptRa,
  }).map(formatIpAddress);
}

Deno.test("what is on the link can be reached, and what a router of its family leads to", () => {
  assertEquals(reach(["192.0.2.9"]), ["192.0.2.9"]);
  assertEquals(reach(["fe80::9"]), ["fe80::9"]);
  assertEquals(reach(["fd00::9", "198.51.100.1"], { host: "x" }), ["fd00::9"]);
  assertEquals(reach(["2001:db8::1", "198.51.100.1"], { gateways: ["fe80::2"], host: "x" }), ["2001:db8::1"]);
  assertEquals(reach(["2001:db8::1", "198.51.100.1"], { gateways: ["192.0.2.2"], host: "x" }), [
    "198.51.100.1",
  ]);
  // A router may still make itself known.
  assertEquals(reach(["2001:db8::1"], { acceptRa: true }), ["2001:db8::1"]);
});

Deno.test("the order is that of RFC 6724 from where we stand, and the families take turns", () => {
  const ours = ["192.0.2.7/24", "fd00::7/64"];
  // Rule 6: precedence 3 of a unique local address, 35 of IPv4. Rule 2: a link-local one only from its like.
  assertEquals(reach(["fd00::1", "fd00::2", "192.0.2.11", "192.0.2.12", "192.0.2.13"], { ours, host: "x" }), [
    "192.0.2.11",
    "fd00::1",
    "192.0.2.12",
    "fd00::2",
    "192.0.2.13",
  ]);
  // Precedence 40 of a global one; fd00::1 has a source of its own label (rule 5).
  const global = { ours: [...ours, "2001:db8::7/64"], host: "x" };
  assertEquals(reach(["192.0.2.11", "fd00::1", "2001:db8::1"], global), [
    "2001:db8::1",
    "192.0.2.11",
    "fd00::1",
  ]);
});

Deno.test("what cannot be reached is refused in one line that says why", () => {
  const cases: readonly (readonly [line: string, ...Parameters<typeof reach>])[] = [
    [
      "198.51.100.1 is outside the subnet of --ip (192.0.2.7/24), and no router is known: name it with --gateway ADDR (ip route shows it)",
      ["198.51.100.1"],
      { acceptRa: true },
    ],
    [
      "x (2001:db8::1) is outside the subnet of --ip (fd00::7/64), and no router is known: name it with --gateway ADDR (ip route shows it)",
      ["2001:db8::1"],
      { host: "x", gateways: ["192.0.2.2"] },
    ],
    [
      "fd00::9 is an IPv6 address, and none of --ip (192.0.2.7/24) is: add one to --ip, from which to connect",
      ["fd00::9"],
      { ours: ["192.0.2.7/24"] },
    ],
    ["192.0.2.7 is the address that tcplab itself answers for: choose another HOST or --ip", ["192.0.2.7"]],
    [
      "fe80::1 is this host's own address on eth0, and its kernel never sees what leaves there: connect to another host, or from the other end of the wire",
      ["fe80::1"],
    ],
    [
      "HOST fe80::9%eth1 is on the link of eth1, and the device is eth0: write fe80::9, or --iface eth1",
      ["fe80::9"],
      { zone: "eth1" },
    ],
  ];
  for (const [line, ...args] of cases) {
    assertEquals(assertThrows(() => reach(...args), CliError).message, line);
  }
});
