/** The arguments of `connect`: what they mean, and the line for each bad value. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/command.ts";
import { parseConnectOptions } from "../../src/cli/connect_options.ts";
import { formatIpAddress } from "../../src/wire/address.ts";
import { parseFaultSpec } from "../../src/link/fault_spec.ts";

function parse(words: string) {
  return parseConnectOptions(words.split(" "));
}

Deno.test("a host and a port are enough; the rest has the defaults of serve", () => {
  const { ground, ...config } = parse("10.33.0.2 5000");
  assertEquals(config, {
    host: "10.33.0.2",
    literal: { address: Uint8Array.of(10, 33, 0, 2), zone: null },
    family: null,
    port: 5000,
    localPort: null,
    timeoutMs: null,
    isVerbose: false,
    sleepMs: 0,
    waitTimeWait: false,
    fastOpen: null,
    output: null,
    isStdoutFree: false,
  });
  assertEquals([ground.services, ground.tcp, ground.log, ground.keepAlive], [[], {}, "text", false]);
});

Deno.test("what concerns device, wire, output and TCP means what it means for serve", () => {
  const config = parse(
    "10.33.0.2 80 -i eth0 --ip 10.33.0.3/24,10.33.0.4 --log none -w x.pcapng --no-sack --congestion reno " +
      "--local-port 4000 --gateway 10.33.0.1 --sleep 200ms --wait-time-wait --syn-timeout 5 -o out --duration 2",
  );
  const { ground } = config;
  assertEquals([config.localPort, config.sleepMs, config.waitTimeWait, config.output], [
    4000,
    200,
    true,
    "out",
  ]);
  assertEquals(ground.gateways, [{ address: Uint8Array.of(10, 33, 0, 1), zone: null }]);
  assertEquals([ground.device, ground.log, ground.write, ground.durationMs], [
    "eth0",
    "none",
    "x.pcapng",
    2000,
  ]);
  assertEquals(ground.addresses.map(({ text, prefixLength }) => [text, prefixLength]), [
    ["10.33.0.3", 24],
    ["10.33.0.4", null],
  ]);
  assertEquals(ground.tcp, { sack: false, congestionControl: "reno", synR2Us: 5_000_000 });
  assertEquals(ground.services, [{ port: 4000, app: "" }]);
  assertEquals(parse("10.33.0.2 80 --syn-timeout 3m").ground.tcp, {});
});

Deno.test("faults are those of serve, word by word", () => {
  const spec = "in:drop=1%,out:reorder=2%,delay=20ms,seed=7";
  assertEquals(parse(`10.33.0.2 80 --fault ${spec}`).ground.faults, parseFaultSpec(spec));
  assertEquals(parse("10.33.0.2 80").ground.faults, null);
});

Deno.test("each bad value is one line with what was expected", () => {
  const cases: readonly (readonly [words: string, line: string])[] = [
    ["10.33.0.2", "expected HOST PORT"],
    ["10.33.0.2 5000 6000", 'Unexpected argument "6000"'],
    ["127.0.0.1 80", "HOST 127.0.0.1: expected the address of a host, and this is a loopback address"],
    ["0.0.0.0 80", "this is no address at all"],
    ["224.0.0.1 80", "this is a multicast address"],
    ["255.255.255.255 80", "this is the broadcast address"],
    [
      "::1 80",
      "HOST ::1: expected the address of a host, and this is a loopback address, which never leaves a host",
    ],
    [":: 80", "HOST ::: expected the address of a host, and this is no address at all"],
    ["ff02::1 80", "HOST ff02::1: expected the address of a host, and this is a multicast address"],
    [
      "::ffff:10.0.0.1 80",
      "and this is an IPv4 address in IPv6's form, which stands in no packet: write 10.0.0.1",
    ],
    [
      "fd33::1%eth0 80",
      "HOST fd33::1%eth0: expected fd33::1 without %eth0: only a link-local IPv6 address (fe80::/10) has a zone",
    ],
    ["10.33.0.2%eth0 80", "HOST 10.33.0.2%eth0: expected 10.33.0.2 without %eth0"],
    ["fe80::1% 80", "HOST fe80::1%: expected the name of a device after the %, as in fe80::1%eth0"],
    ["-6 10.33.0.2 80", "HOST 10.33.0.2: expected an IPv6 address with -6, and this is one of IPv4"],
    ["-4 fd33::1 80", "HOST fd33::1: expected an IPv4 address with -4, and this is one of IPv6"],
    ["-4 -6 x 80", "-4 and -6 exclude each other"],
    ["-6 -6 x 80", "--ipv6 is given twice"],
    [
      "fd33::1:: 80",
      "HOST fd33::1::: expected an address, as in 192.168.56.1 or fe80::1%eth0, or the name of a host",
    ],
    ["10.33 80", "HOST 10.33: expected an address"],
    ["10.33.0.256 80", "HOST 10.33.0.256: expected an address"],
    ["a..b 80", "HOST a..b: expected an address"],
    ["a/24 80", "HOST a/24: expected an address"],
    ["x 80 --timeout 0", "--timeout 0: expected seconds"],
    ["x 80 -7", "Unexpected argument"],
    ["10.33.0.2 0", "PORT 0: expected a port from 1 to 65535"],
    ["10.33.0.2 http", "PORT http: expected a port"],
    ["10.33.0.2 80 --gateway router", "--gateway router: expected the router's address, as in"],
    ["10.33.0.2 80 --local-port 0", "--local-port 0: expected a port"],
    ["10.33.0.2 80 --rst-guard nft", "--rst-guard nft needs --local-port N"],
    ["10.33.0.2 80 --syn-timeout 0", "--syn-timeout 0: expected seconds"],
    ["10.33.0.2 80 --app echo", "Unknown option --app"],
    ["10.33.0.2 80 --backlog 5", "Unknown option --backlog"],
    ["10.33.0.2 80 --fault drop=2", "--fault drop=2: expected"],
    ["10.33.0.2 80 --fault loss=1%", "--fault loss=1%: there is no loss; the words are drop, dup,"],
    ["10.33.0.2 80 --ecn on", "--ecn on: expected one of off, accept, request"],
    ["10.33.0.2 80 --output -", "--output -: expected a FILE: - is standard output for --write of"],
    ["10.33.0.2 80 --log-file -", "--log-file -: expected a FILE: - is standard output for --write of"],
    ["10.33.0.2 80 --write - --log none", "with --log none what the peer sends goes there: give --output"],
    ["10.33.0.2 80 --write - --log-file l", "with --log-file what the peer sends goes there: give --output"],
    ["10.33.0.2 80 --payload --log none", "--payload needs a log"],
    ["10.33.0.2 80 --payload --payload", "--payload is given twice"],
    ["10.33.0.2 80 --iface a --iface b", "--iface is given twice"],
  ];
  for (const [words, line] of cases) {
    const error = assertThrows(() => parse(words), UsageError);
    assert(error.message.includes(line), `${words}: ${error.message}`);
    assert(!error.message.includes("\n"), words);
  }
});

Deno.test("what arrives goes to stdout where the log does not, and the recording then needs it to have another place", () => {
  const isFree = (words: string) => parse(`10.33.0.2 80 ${words}`).isStdoutFree;
  assertEquals(["-i a", "--log none", "--log-file l", "--log json --log-file l"].map(isFree), [
    false,
    true,
    true,
    true,
  ]);
  for (const words of ["--write - --log-file l -o o", "--write - --log none -o o", "--write - --log json"]) {
    assertEquals(parse(`10.33.0.2 80 ${words}`).ground.write, "-");
  }
});

Deno.test("HOST may be a name, or an address of either family with its link", () => {
  const of = (words: string) => {
    const { literal, family, ground } = parse(words);
    return [
      literal === null ? null : formatIpAddress(literal.address),
      literal?.zone ?? null,
      family,
      ground.device,
    ];
  };
  assertEquals(of("example.org 80"), [null, null, null, null]);
  assertEquals(of("-6 my_host-1 80"), [null, null, 6, null]);
  assertEquals(of("x. 80 -4"), [null, null, 4, null]);
  assertEquals(of("fd33::1 80 -6"), ["fd33::1", null, 6, null]);
  assertEquals(of("fe80::1%eth0 80 -i eth0"), ["fe80::1", "eth0", null, "eth0"]);
});

Deno.test("-v makes the log tell everything, and needs none", () => {
  const { isVerbose, ground } = parse("x 80 -v");
  assertEquals([isVerbose, ground.logStyle.kinds.includes("timers")], [true, true]);
  const { isVerbose: isStill, ground: { log } } = parse("x 80 -v --log none --timeout 1.5");
  assertEquals([isStill, log, parse("x 80 --timeout 1.5").timeoutMs], [true, "none", 1500]);
});
