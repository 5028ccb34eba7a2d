/** The choice of a device, and the judgement on addresses. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { InterfaceInfo } from "../../ffi/interfaces.ts";
import { type AddressScene, judgeAddresses, kernelOwner, proposals } from "../../src/cli/address_choice.ts";
import { CliError, UsageError } from "../../src/cli/command.ts";
import { judgeDevice, pickDevice } from "../../src/cli/device.ts";
import { interfacesText } from "../../src/cli/interfaces.ts";
import { parseServeOptions } from "../../src/cli/serve_options.ts";
import { formatIpAddress, parsePrefix } from "../../src/wire/address.ts";

function device(name: string, addresses: string[] = [], over: Partial<InterfaceInfo> = {}): InterfaceInfo {
  return {
    name,
    description: null,
    addresses: addresses.map((text) => {
      const prefix = parsePrefix(text);
      assert(prefix !== null && prefix.prefixLength !== null);
      return { address: prefix.address, prefixLength: prefix.prefixLength };
    }),
    mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
    mtu: 1500,
    isEthernet: true,
    isUp: true,
    isRunning: true,
    isLoopback: false,
    isWireless: false,
    connection: "connected",
    ...over,
  };
}

const LOOPBACK = device("lo", ["127.0.0.1/8"], { isLoopback: true, mac: null, isEthernet: false });
const ETH0 = device("eth0", ["10.0.0.1/24"]);
const DOWN = device("eth1", [], { isUp: false, isRunning: false });

Deno.test("the only usable device is taken, more than one have to be named", () => {
  assertEquals(pickDevice([LOOPBACK, ETH0, DOWN], null).name, "eth0");
  assertThrows(
    () => pickDevice([ETH0, device("eth2", ["10.0.2.1/24"])], null),
    UsageError,
    "more than one device: eth0 (10.0.0.1/24), eth2 (10.0.2.1/24)",
  );
  assertThrows(() => pickDevice([LOOPBACK], null), CliError, "no device to serve on");
});

Deno.test("a device that will not do is refused with the reason and the remedy", () => {
  const all = [
    LOOPBACK,
    ETH0,
    DOWN,
    device("tun0", [], { isEthernet: false, mac: null }),
    device("any", [], { mac: null, isEthernet: null }),
  ];
  assertThrows(() => pickDevice(all, "eth9"), CliError, "There is no device eth9: usable here: eth0");
  assertThrows(() => pickDevice(all, "lo"), CliError, "loopback");
  assertThrows(() => pickDevice(all, "eth1"), CliError, "sudo ip link set eth1 up");
  assertThrows(() => pickDevice(all, "tun0"), CliError, "not Ethernet");
  assertThrows(() => pickDevice(all, "any"), CliError, "not a network device");
});

Deno.test("a device without carrier can be used: the other end may come", () => {
  const { usable, note } = judgeDevice(device("br0", [], { isRunning: false }));
  assertEquals([usable, note.startsWith("no carrier")], [true, true]);
});

function judge(ip: string, over: Partial<AddressScene> = {}) {
  const scene: AddressScene = {
    device: ETH0,
    devices: [LOOPBACK, ETH0, device("eth2", ["10.0.2.1/24"])],
    rstGuard: "off",
    ...over,
  };
  return judgeAddresses(parseServeOptions(["--ip", ip]).addresses, scene).map((
    { text, prefixLength, kernelOwned },
  ) => [
    text,
    prefixLength,
    kernelOwned,
  ]);
}

Deno.test("an address inside the subnet takes its prefix, one outside needs its own", () => {
  assertEquals(judge("10.0.0.9"), [["10.0.0.9", 24, false]]);
  assertEquals(judge("10.0.0.9/28,10.9.9.9/16"), [["10.0.0.9", 28, false], ["10.9.9.9", 16, false]]);
  assertThrows(() => judge("10.9.9.9"), CliError, "outside the subnet of eth0 (10.0.0.1/24)");
});

Deno.test("a device without an address has no subnet to be outside of", () => {
  assertEquals(judge("10.9.9.9", { device: device("veth0") }), [["10.9.9.9", 24, false]]);
});

Deno.test("the kernel's own addresses are refused, or guarded", () => {
  assertThrows(() => judge("10.0.0.1"), CliError, "--rst-guard nft");
  assertThrows(() => judge("10.0.2.1"), CliError, "on eth2");
  assertThrows(() => judge("10.0.2.1/24", { rstGuard: "nft" }), CliError, "on eth2");
  assertEquals(judge("10.0.0.1", { rstGuard: "nft" }), [["10.0.0.1", 24, true]]);
  assertEquals(
    kernelOwner(Uint8Array.of(127, 0, 0, 1), { device: ETH0, devices: [LOOPBACK, ETH0] })?.name,
    "lo",
  );
});

Deno.test("the ends of the subnet are no hosts, and an address is named once", () => {
  assertThrows(() => judge("10.0.0.255"), CliError, "the broadcast address");
  assertThrows(() => judge("10.0.0.0"), CliError, "the address of the subnet");
  assertThrows(() => judge("10.0.0.9,10.0.0.9/24"), UsageError, "twice");
});

const DUAL = device("eth0", ["10.0.0.1/24", "fd00::1/64", "fe80::1/64"]);
/** Bytes that look random: 1, 2, 3, ... in their last place. */
function counting(): () => Uint8Array {
  let next = 0;
  return () => new Uint8Array(16).fill(0xaa).with(15, ++next);
}

Deno.test("proposals leave out what the kernel has", () => {
  const scene = { device: ETH0, devices: [ETH0, device("eth3", ["10.0.0.228/24"])] };
  const { ipv4, ipv6 } = proposals(scene, counting());
  assertEquals(formatIpAddress(ipv4[0]), "10.0.0.227");
  assertEquals(ipv6, []);
  assertEquals(proposals({ device: device("veth0"), devices: [] }, counting()), { ipv4: [], ipv6: [] });
});

Deno.test("a device with subnets of both families has proposals of both; a link-local address is no subnet", () => {
  const { ipv4, ipv6 } = proposals({ device: DUAL, devices: [DUAL] }, counting());
  assertEquals([ipv4.length, ipv6.length], [8, 8]);
  assertEquals(ipv6.slice(0, 2).map(formatIpAddress), [
    "fd00::aaaa:aaaa:aaaa:aa01",
    "fd00::aaaa:aaaa:aaaa:aa02",
  ]);
  const local = device("eth0", ["fe80::1/64", "fd00::1/128"]);
  assertEquals(proposals({ device: local, devices: [local] }, counting()).ipv6, []);
});

Deno.test("IPv6 addresses are judged by the device's IPv6 subnets, a link-local one by its link", () => {
  const scene = { device: DUAL, devices: [LOOPBACK, DUAL, device("eth2", ["fe80::9/64", "fd02::1/64"])] };
  const judged = (ip: string, over: Partial<AddressScene> = {}) => judge(ip, { ...scene, ...over });
  assertEquals(judged("10.0.0.7,fd00::7,fe80::7"), [
    ["10.0.0.7", 24, false],
    ["fd00::7", 64, false],
    ["fe80::7", 64, false],
  ]);
  assertEquals(judged("fe80::7%eth0,fd09::7/48"), [["fe80::7", 64, false], ["fd09::7", 48, false]]);
  // Where there is no subnet, the usual one; another link's address of the same text is not ours.
  assertEquals(judged("fd09::7", { device: device("eth5") }), [["fd09::7", 64, false]]);
  assertEquals(judged("fe80::9"), [["fe80::9", 64, false]]);
  assertEquals(judged("fe80::1,fd00::1", { rstGuard: "nft" }), [["fe80::1", 64, true], [
    "fd00::1",
    64,
    true,
  ]]);
  const lines: readonly (readonly [ip: string, line: string])[] = [
    [
      "fd09::7",
      "fd09::7 is outside the subnet of eth0 (fd00::1/64), where no host there would look for it: " +
      "choose one inside, or say how large its own subnet is (--ip fd09::7/64)",
    ],
    [
      "fe80::7%eth2",
      "--ip fe80::7%eth2: the address is for the link of eth2, and the device is eth0: " +
      "write fe80::7, or --iface eth2",
    ],
    [
      "fe80::1",
      "fe80::1 is the kernel's own address on eth0, and the kernel would reset every connection: " +
      "choose an address that nobody has (leave --ip out to have one proposed), or add --rst-guard nft",
    ],
    [
      "fd02::1",
      "fd02::1 is the kernel's own address, on eth2: serve on that device, or choose an address that nobody has",
    ],
    [
      "fd00::",
      "fd00:: is the routers' anycast address of the subnet on eth0: choose the address of a host in it",
    ],
    [
      "fe80::",
      "--ip fe80::: expected the address of a host, and this is the subnet's anycast address, which its " +
      "routers have (RFC 4291 §2.6.1)",
    ],
  ];
  for (const [ip, line] of lines) assertEquals(assertThrows(() => judged(ip), CliError).message, line);
  const narrow = device("eth0", [], { mtu: 1279 });
  assertEquals(judged("10.0.0.7", { device: narrow }).length, 1);
  assertEquals(
    assertThrows(() => judged("10.0.0.7,fd00::7", { device: narrow }), CliError).message,
    "--ip fd00::7: eth0 carries packets of 1279 bytes, and IPv6 needs 1280 (RFC 8200 §5): " +
      "sudo ip link set eth0 mtu 1280, or leave it out",
  );
});

Deno.test("the table of devices says of each whether it can be used", () => {
  assertEquals(interfacesText([ETH0, DOWN]).split("\n"), [
    "Device  MAC                Link   MTU  Addresses    For a server",
    "eth0    02:00:00:00:00:01  up    1500  10.0.0.1/24  usable",
    "eth1    02:00:00:00:00:01  down  1500  -            no: down; sudo ip link set eth1 up",
  ]);
  assertEquals(
    interfacesText([device("eth0", ["fe80::1/64", "fd00::1/64", "10.0.0.1/24"])]).split("\n")[1],
    "eth0    02:00:00:00:00:01  up    1500  10.0.0.1/24 fe80::1%eth0/64 fd00::1/64  usable",
  );
});
