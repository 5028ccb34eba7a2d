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
  assertEquals(kernelOwner(Uint8Array.of(127, 0, 0, 1), [LOOPBACK, ETH0])?.name, "lo");
});

Deno.test("the ends of the subnet are no hosts, and an address is named once", () => {
  assertThrows(() => judge("10.0.0.255"), CliError, "the broadcast address");
  assertThrows(() => judge("10.0.0.0"), CliError, "the address of the subnet");
  assertThrows(() => judge("10.0.0.9,10.0.0.9/24"), CliError, "twice");
});

Deno.test("proposals leave out what the kernel has", () => {
  const names = proposals(ETH0, [ETH0, device("eth3", ["10.0.0.228/24"])]).map(formatIpAddress);
  assertEquals(names[0], "10.0.0.227");
  assertEquals(proposals(device("veth0"), []), []);
});

Deno.test("the table of devices says of each whether it can be used", () => {
  assertEquals(interfacesText([ETH0, DOWN]).split("\n"), [
    "Device  MAC                Link   MTU  Addresses    For a server",
    "eth0    02:00:00:00:00:01  up    1500  10.0.0.1/24  usable",
    "eth1    02:00:00:00:00:01  down  1500  -            no: down; sudo ip link set eth1 up",
  ]);
});
