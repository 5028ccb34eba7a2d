/** Routers: the kernel's default routes as Linux writes them, and the choice between those and `--gateway`. */
import { assertEquals, assertThrows } from "@std/assert";
import type { ServedAddress } from "../../src/cli/address_choice.ts";
import { parseGateways } from "../../src/cli/address_request.ts";
import { CliError } from "../../src/cli/command.ts";
import { chooseGateways } from "../../src/cli/gateway_choice.ts";
import { nearest, parseIpv4Routes, parseIpv6Routes } from "../../src/cli/kernel_routes.ts";
import { formatIpAddress, parseIpAddress } from "../../src/wire/address.ts";

const IPV4_ROUTES = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth0	00000000	FE0200C0	0003	0	0	50	00000000	0	0	0
eth1	00000000	0101A8C0	0003	0	0	0	00000000	0	0	0
eth0	0000000A	010200C0	0003	0	0	0	000000FF	0	0	0
eth0	00000000	00000000	0001	0	0	0	00000000	0	0	0
`;
const ZEROS = "0".repeat(32);
const IPV6_ROUTES =
  `fd000000000000000000000000000000 40 ${ZEROS} 00 ${ZEROS} 00000100 00000001 00000000 00000001     eth0
${ZEROS} 00 ${ZEROS} 00 fe800000000000000000000000000001 00000400 00000003 00000000 00000003     eth0
${ZEROS} 00 ${ZEROS} 00 fe800000000000000000000000000009 00000200 00000003 00000000 00450003     eth1
${ZEROS} 00 ${ZEROS} 00 ${ZEROS} ffffffff 00000001 00000000 00200200       lo
${ZEROS} 00 ${ZEROS} 00 fe800000000000000000000000000007 00000001 00000003 00000000 00000203     eth0
`;

Deno.test("the kernel's default routes are those by the device, through a router", () => {
  const ipv4 = (text: string, device: string) =>
    parseIpv4Routes(text, { device, littleEndian: true }).map(({ gateway, metric }) => [
      formatIpAddress(gateway),
      metric,
    ]);
  assertEquals(ipv4(IPV4_ROUTES, "eth0"), [["192.0.2.1", 100], ["192.0.2.254", 50]]);
  assertEquals(ipv4(IPV4_ROUTES, "eth1"), [["192.168.1.1", 0]]);
  const bigEndian = parseIpv4Routes("x 00000000 C0000201 0003 0 0 0 00000000", {
    device: "x",
    littleEndian: false,
  });
  assertEquals(bigEndian.map(({ gateway }) => formatIpAddress(gateway)), ["192.0.2.1"]);
  const ipv6 = (device: string) =>
    parseIpv6Routes(IPV6_ROUTES, { device }).map(({ gateway, metric }) => [formatIpAddress(gateway), metric]);
  // A route that rejects leads nowhere.
  assertEquals(ipv6("eth0"), [["fe80::1", 0x400]]);
  assertEquals(ipv6("eth1"), [["fe80::9", 0x200]]);
  assertEquals(ipv6("lo"), []);
  for (
    const rubbish of ["", "\n\n", "eth0", "eth0 00000000", "eth0\t00000000\tXY\t0003\t0\t0\t0\t00000000"]
  ) {
    assertEquals([ipv4(rubbish, "eth0"), parseIpv6Routes(rubbish, { device: "eth0" })], [[], []]);
  }
});

Deno.test("of several default routes that with the least metric is taken", () => {
  const gateway = nearest(parseIpv4Routes(IPV4_ROUTES, { device: "eth0", littleEndian: true }));
  assertEquals([gateway === null ? "" : formatIpAddress(gateway), nearest([])], ["192.0.2.254", null]);
});

function served(text: string, prefixLength: number): ServedAddress {
  return { address: parseIpAddress(text) ?? new Uint8Array(4), text, prefixLength, kernelOwned: false };
}

const BOTH = [served("192.0.2.7", 24), served("fd00::7", 64)];

function choose(given: string, kernels: string[], addresses = BOTH) {
  const { gateways, remark } = chooseGateways({
    given: given === "" ? [] : parseGateways({ option: "gateway", text: given }),
    addresses,
    device: "eth0",
    kernels: () => kernels.map((text) => parseIpAddress(text) ?? new Uint8Array(4)),
  });
  return [gateways.map(formatIpAddress).join(","), remark];
}

Deno.test("a family without a router of its own takes the kernel's, and that is said", () => {
  assertEquals(choose("192.0.2.1,fe80::1", ["192.0.2.9", "fe80::9"]), ["192.0.2.1,fe80::1", null]);
  assertEquals(choose("192.0.2.1", ["192.0.2.9", "fe80::9"]), [
    "192.0.2.1,fe80::9",
    "The router is fe80::9, by the kernel's default route on eth0 (--gateway names another)",
  ]);
  assertEquals(choose("", ["192.0.2.9", "fe80::9"]), [
    "192.0.2.9,fe80::9",
    "The routers are 192.0.2.9 and fe80::9, by the kernel's default routes on eth0 (--gateway names another)",
  ]);
  assertEquals(choose("", []), ["", null]);
});

Deno.test("a router of the kernel's that we could not reach, or are ourselves, is none", () => {
  assertEquals(choose("", ["198.51.100.1", "fd01::1"]), ["", null]);
  assertEquals(choose("", ["192.0.2.7", "fd00::7"]), ["", null]);
  assertEquals(choose("", ["192.0.2.1", "fe80::1"], [served("192.0.2.7", 24)])[0], "192.0.2.1");
});

Deno.test("a router of --gateway that cannot be reached is refused", () => {
  const lines: readonly (readonly [given: string, addresses: ServedAddress[], line: string])[] = [
    [
      "198.51.100.1",
      BOTH,
      "--gateway 198.51.100.1 is outside the subnets of --ip (192.0.2.7/24): name a router on the link (ip route shows it)",
    ],
    [
      "fe80::1",
      [BOTH[0]],
      "--gateway fe80::1: none of --ip (192.0.2.7/24) is an IPv6 address, from which it could be reached: add one, or leave it out",
    ],
    [
      "192.0.2.1",
      [BOTH[1]],
      "--gateway 192.0.2.1: none of --ip (fd00::7/64) is an IPv4 address, from which it could be reached: add one, or leave it out",
    ],
    [
      "fe80::1%eth1",
      BOTH,
      "--gateway fe80::1%eth1: the router is on the link of eth1, and the device is eth0: write fe80::1, or --iface eth1",
    ],
    ["fd00::7", BOTH, "--gateway fd00::7 is the address that tcplab itself answers for: name the router's"],
  ];
  for (const [given, addresses, line] of lines) {
    assertEquals(assertThrows(() => choose(given, [], addresses), CliError).message, line);
  }
});
