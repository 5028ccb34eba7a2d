/** Which hosts `--ip` and `--mac` ask for, what is no pair, and which hardware addresses the hosts of a device get. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { InterfaceInfo } from "../../ffi/interfaces.ts";
import type { ServedAddress } from "../../src/cli/address_choice.ts";
import { CliError, UsageError } from "../../src/cli/command.ts";
import { parseConnectOptions } from "../../src/cli/connect_options.ts";
import { chooseHosts } from "../../src/cli/host_choice.ts";
import { parseServeOptions } from "../../src/cli/serve_options.ts";
import { formatMac, parseIpAddress, sameAddress } from "../../src/wire/address.ts";

const parse = (words: string) => parseServeOptions(words.split(" ").filter((word) => word !== ""));

/** The hosts as text, `ADDRESS,... MAC`. */
function hostsOf(words: string): string[] {
  return parse(words).hosts.map(({ addresses, mac }) =>
    `${addresses.map(({ text }) => text).join(",")} ${
      mac.kind === "explicit" ? formatMac(mac.mac) : mac.kind
    }`
  );
}

Deno.test("with one --mac or none all addresses are one host's, however many times --ip is given", () => {
  assertEquals(hostsOf(""), [" auto"]);
  assertEquals(hostsOf("--mac device"), [" device"]);
  assertEquals(hostsOf("--ip 10.0.0.1,fd00::1 --ip 10.0.0.2"), ["10.0.0.1,fd00::1,10.0.0.2 auto"]);
  assertEquals(hostsOf("--ip 10.0.0.1 --ip 10.0.0.2 --mac 02:00:00:00:00:01"), [
    "10.0.0.1,10.0.0.2 02:00:00:00:00:01",
  ]);
});

Deno.test("with more each --ip has the --mac of its place, in whatever order they stand", () => {
  const hosts = ["10.0.0.1,fd00::1 02:00:00:00:00:01", "10.0.0.2 auto", "fd00::3 device"];
  const pairs =
    "--ip 10.0.0.1,fd00::1 --mac 02:00:00:00:00:01 --ip 10.0.0.2 --mac auto --ip fd00::3 --mac device";
  assertEquals(hostsOf(pairs), hosts);
  const apart =
    "--mac 02:00:00:00:00:01 --mac auto --mac device --ip 10.0.0.1,fd00::1 --ip 10.0.0.2 --ip fd00::3";
  assertEquals(hostsOf(apart), hosts);
  assertEquals(parse(pairs).addresses.map(({ text }) => text), [
    "10.0.0.1",
    "fd00::1",
    "10.0.0.2",
    "fd00::3",
  ]);
  const many = Array.from({ length: 64 }, (_, n) => `--ip 10.0.0.${n + 1} --mac auto`).join(" ");
  assertEquals(parse(many).hosts.length, 64);
});

Deno.test("what is no set of hosts is refused in a line that says why", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["--mac auto --mac auto", "--mac is given twice and --ip not at all: several hosts are pairs, --ip ADDR"],
    ["--ip 10.0.0.1 --mac auto --mac auto", "--mac is given twice and --ip once: several hosts are pairs"],
    ["--ip 10.0.0.1 --ip 10.0.0.2 --ip 10.0.0.3 --mac auto --mac auto", "twice and --ip 3 times"],
    [
      "--ip 10.0.0.1 --mac auto --ip 10.0.0.2,10.0.0.1 --mac auto",
      "--ip 10.0.0.1: expected each address once",
    ],
    ["--ip fd00::1 --mac auto --ip fd00:0::1 --mac auto", "--ip fd00::1: expected each address once"],
    [
      "--ip 10.0.0.1 --mac 02:00:00:00:00:0a --ip 10.0.0.2 --mac 02-00-00-00-00-0A",
      "--mac 02:00:00:00:00:0a: expected each hardware address once",
    ],
    [
      "--ip 10.0.0.1 --mac 02:00:00:00:00:0a --ip 10.0.0.2 --mac 02:00:00:00:00:0A",
      "--mac 02:00:00:00:00:0a: expected each hardware address once, and this one is there twice",
    ],
    ["--ip 10.0.0.1 --mac device --ip 10.0.0.2 --mac device", "--mac device: expected one host at most"],
    ["--ip 10.0.0.1 --mac auto --ip 10.0.0.2 --mac 01:00:00:00:00:01", "an address of one host"],
    [
      Array.from({ length: 5 }, (_, n) => `--ip 10.0.0.${n + 1} --mac auto`).join(" ") + " --memory 4M",
      "--memory 4M: expected 5M at least, for as many hosts",
    ],
    [
      Array.from({ length: 65 }, (_, n) => `--ip 10.0.0.${n + 1} --mac auto`).join(" "),
      "--mac is given 65 times: expected 64 hosts at most",
    ],
  ];
  for (const [words, expected] of cases) {
    const { message } = assertThrows(() => parse(words), UsageError, expected, words);
    assertEquals(message.split("\n").length, 1, words);
  }
  const connect = "10.0.0.9 80 --ip 10.0.0.1 --mac auto --ip 10.0.0.2 --mac auto".split(" ");
  assertThrows(() => parseConnectOptions(connect), UsageError, "--mac is given twice (auto and auto)");
});

const DEVICE: InterfaceInfo = {
  name: "eth0",
  description: "",
  addresses: [],
  mac: Uint8Array.of(2, 0xee, 0, 0, 0, 1),
  mtu: 1500,
  isUp: true,
  isRunning: true,
  isLoopback: false,
  isWireless: false,
  isEthernet: true,
  connection: "connected",
};

function served(text: string, kernelOwned = false): ServedAddress {
  return { address: parseIpAddress(text) ?? new Uint8Array(4), text, prefixLength: 24, kernelOwned };
}

function choose(words: string, about: { owned?: readonly string[]; device?: Partial<InterfaceInfo> } = {}) {
  const { hosts, addresses } = parse(words);
  const device = { ...DEVICE, ...about.device };
  return chooseHosts(hosts, {
    device,
    addresses: addresses.map(({ text }) => served(text, about.owned?.includes(text))),
  });
}

Deno.test("auto is another address for each host, the same each time, and locally administered", async () => {
  const words = "--ip 10.0.0.1 --mac auto --ip 10.0.0.2,fd00::2 --mac auto --ip 10.0.0.3 --mac device";
  const hosts = await choose(words);
  const again = await choose(words);
  assertEquals(hosts.map(({ mac }) => formatMac(mac)), again.map(({ mac }) => formatMac(mac)));
  assertEquals(new Set(hosts.map(({ mac }) => formatMac(mac))).size, 3);
  assertEquals(hosts.slice(0, 2).map(({ mac }) => mac[0] & 0x03), [0x02, 0x02]);
  assertEquals(hosts[2].mac, DEVICE.mac);
  assertEquals(hosts.map(({ addresses }) => addresses.map(({ text }) => text)), [
    ["10.0.0.1"],
    ["10.0.0.2", "fd00::2"],
    ["10.0.0.3"],
  ]);
  // A host has its address whoever else is on the device: the caches of its peers stay right.
  const [alone] = await choose("--ip 10.0.0.1");
  assertEquals(sameAddress(alone.mac, hosts[0].mac), true);
});

Deno.test("two hosts that would have one hardware address are refused, where only the device tells", async () => {
  const cases = [
    [
      choose("--ip 10.0.0.1 --mac device --ip 10.0.0.2 --mac 02:ee:00:00:00:01"),
      "of eth0: make them one host",
    ],
    [
      choose("--ip 10.0.0.1 --mac auto --ip 10.0.0.2 --mac auto", { owned: ["10.0.0.1", "10.0.0.2"] }),
      "10.0.0.1 and 10.0.0.2 would both have the hardware address 02:ee:00:00:00:01 of eth0",
    ],
    [
      choose("--ip 10.0.0.1 --mac device --ip 10.0.0.2 --mac auto", { device: { isWireless: true } }),
      "eth0 is wireless and carries its own hardware address only",
    ],
    [
      choose("--ip 10.0.0.1 --mac auto --ip 10.0.0.2 --mac 02:00:00:00:00:01", { owned: ["10.0.0.2"] }),
      "10.0.0.2 is the kernel's own address",
    ],
  ] as const;
  for (const [choosing, expected] of cases) await assertRejects(() => choosing, CliError, expected);
  const [owned, other] = await choose("--ip 10.0.0.1 --mac auto --ip 10.0.0.2 --mac auto", {
    owned: ["10.0.0.1"],
  });
  assertEquals([formatMac(owned.mac), other.mac[0] & 0x02], ["02:ee:00:00:00:01", 2]);
});
