/** The addresses of a command line, of either family: what they mean, and the exact line for each that will not do. */
import { assertEquals, assertThrows } from "@std/assert";
import { parseAddresses, parseGateways } from "../../src/cli/address_request.ts";
import { UsageError } from "../../src/cli/command.ts";
import { formatIpAddress } from "../../src/wire/address.ts";

function read(...texts: string[]) {
  return parseAddresses(texts).map(({ text, prefixLength, zone }) => [text, prefixLength, zone]);
}

Deno.test("a list mixes families, lengths and links", () => {
  assertEquals(read("192.0.2.7,fd00::7/64,fe80::7", "fe80::8%eth0,fe80::9%br-0.5/64"), [
    ["192.0.2.7", null, null],
    ["fd00::7", 64, null],
    ["fe80::7", null, null],
    ["fe80::8", null, "eth0"],
    ["fe80::9", 64, "br-0.5"],
  ]);
  assertEquals(read("FD00:0::0007/127", "10.0.0.3/32"), [["fd00::7", 127, null], ["10.0.0.3", 32, null]]);
  assertEquals(read("fd00::2/127", "fd00::/128"), [["fd00::2", 127, null], ["fd00::", 128, null]]);
});

const EXPECTED = "expected an address, as in 192.168.56.101, 192.168.56.101/24 or fd00::7/64";
const A_HOST = "expected the address of a host, and this is";
const LINES: readonly (readonly [text: string, line: string])[] = [
  ["10.0.0.256", `--ip 10.0.0.256: ${EXPECTED}`],
  ["localhost", `--ip localhost: ${EXPECTED}`],
  ["10.0.0.3,", `--ip : ${EXPECTED}`],
  ["fd00::1::2", `--ip fd00::1::2: ${EXPECTED}`],
  ["10.0.0.1/33", `--ip 10.0.0.1/33: ${EXPECTED}`],
  ["fd00::7/129", `--ip fd00::7/129: ${EXPECTED}`],
  ["fe80::7/64%eth0", `--ip fe80::7/64%eth0: ${EXPECTED}`],
  ["127.0.0.1", `--ip 127.0.0.1: ${A_HOST} a loopback address, which never leaves a host`],
  ["::1", `--ip ::1: ${A_HOST} a loopback address, which never leaves a host`],
  ["224.0.0.1", `--ip 224.0.0.1: ${A_HOST} a multicast address`],
  ["ff02::1", `--ip ff02::1: ${A_HOST} a multicast address`],
  ["255.255.255.255", `--ip 255.255.255.255: ${A_HOST} the broadcast address`],
  ["240.0.0.1", `--ip 240.0.0.1: ${A_HOST} a reserved address`],
  ["0.0.0.0", `--ip 0.0.0.0: ${A_HOST} no address at all`],
  ["::", `--ip ::: ${A_HOST} no address at all`],
  ["0.1.2.3", `--ip 0.1.2.3: ${A_HOST} no address at all`],
  [
    "::ffff:192.0.2.7",
    `--ip ::ffff:192.0.2.7: ${A_HOST} an IPv4 address in IPv6's form, which stands in no packet: write 192.0.2.7`,
  ],
  ["::7", `--ip ::7: ${A_HOST} a reserved address (::/96, RFC 4291 §2.5.5.1)`],
  ["10.0.0.255/24", `--ip 10.0.0.255/24: ${A_HOST} the subnet's broadcast address`],
  ["10.0.0.0/24", `--ip 10.0.0.0/24: ${A_HOST} the subnet's own`],
  [
    "fd00::/64",
    `--ip fd00::/64: ${A_HOST} the subnet's anycast address, which its routers have (RFC 4291 §2.6.1)`,
  ],
  ["10.0.0.1/4", "--ip 10.0.0.1/4: expected a /LEN from 8 to 32"],
  ["fd00::7/0", "--ip fd00::7/0: expected a /LEN from 8 to 128"],
  [
    "10.0.0.1%eth0",
    "--ip 10.0.0.1%eth0: expected 10.0.0.1 without %eth0: only a link-local IPv6 address (fe80::/10) has a zone",
  ],
  [
    "fd00::7%eth0",
    "--ip fd00::7%eth0: expected fd00::7 without %eth0: only a link-local IPv6 address (fe80::/10) has a zone",
  ],
  ["fe80::7%", "--ip fe80::7%: expected the name of a device after the %, as in fe80::7%eth0"],
  ["fe80::7%a%b", "--ip fe80::7%a%b: expected the name of a device after the %, as in fe80::7%eth0"],
  [
    "fe80::7%sixteen-letters.",
    "--ip fe80::7%sixteen-letters.: expected the name of a device after the %, as in fe80::7%eth0",
  ],
  [
    "10.0.0.1,10.0.0.1/24",
    "--ip 10.0.0.1: expected each address once, and this one is there twice: leave one out",
  ],
  [
    "fd00::7,fd00:0::7",
    "--ip fd00::7: expected each address once, and this one is there twice: leave one out",
  ],
];

for (const [text, line] of LINES) {
  Deno.test(`--ip ${text} is refused in one line`, () => {
    assertEquals(assertThrows(() => read(text), UsageError).message, line);
  });
}

Deno.test("--gateway is one router of each family, in any order", () => {
  const routers = (text: string) =>
    parseGateways({ option: "gateway", text }).map(({ address, zone }) => [formatIpAddress(address), zone]);
  assertEquals(routers("192.0.2.1"), [["192.0.2.1", null]]);
  assertEquals(routers("fe80::1%eth0,192.0.2.1"), [["fe80::1", "eth0"], ["192.0.2.1", null]]);
  const lines: readonly (readonly [text: string, line: string])[] = [
    ["router", "--gateway router: expected the router's address, as in 192.168.56.1 or fe80::1"],
    ["192.0.2.1/24", "--gateway 192.0.2.1/24: expected the router's address, as in 192.168.56.1 or fe80::1"],
    ["192.0.2.1,", "--gateway : expected the router's address, as in 192.168.56.1 or fe80::1"],
    ["ff02::2", "--gateway ff02::2: expected the address of a router, and this is a multicast address"],
    [
      "fd00::1%eth0",
      "--gateway fd00::1%eth0: expected fd00::1 without %eth0: only a link-local IPv6 address (fe80::/10) has a zone",
    ],
    [
      "192.0.2.1,192.0.2.2",
      "--gateway 192.0.2.1,192.0.2.2: expected one router of each family: ADDR, or ADDR,ADDR with one of IPv4 and one of IPv6",
    ],
  ];
  for (const [text, line] of lines) {
    assertEquals(assertThrows(() => routers(text), UsageError).message, line);
  }
});
