/** What the options at the head of a script come to, in both dialects, and what is refused. */
import { assert, assertEquals } from "@std/assert";
import { parseScript } from "../../src/script/parse_script.ts";
import { type RunConfig, runConfig, type RunWishes } from "../../src/script/run_config.ts";
import { formatIpAddress } from "../../src/wire/address.ts";

const STEP = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n";

function configOf(head: string, wishes: RunWishes = {}): RunConfig {
  const result = runConfig(parseScript(`${head}\n${STEP}`, "t"), wishes);
  assert("config" in result, JSON.stringify(result));
  return result.config;
}

function problemOf(head: string, wishes: RunWishes = {}): string {
  const result = runConfig(parseScript(`${head}\n${STEP}`, "t"), wishes);
  assert("problem" in result);
  const { problem } = result;
  const words = problem.kind === "unsupported" ? problem.construct : problem.message;
  return `${problem.kind} ${problem.place.line}: ${words}`;
}

function endsOf({ ends, routerAddress }: RunConfig): string[] {
  return [ends.localAddress, ends.remoteAddress, routerAddress].map(formatIpAddress);
}

Deno.test("without options a script has packetdrill's own addresses, ports, MTU and tolerance", () => {
  const config = configOf("");
  assertEquals(endsOf(config), ["192.168.0.1", "192.0.2.1", "192.168.0.2"]);
  const { ends, mtu, toleranceUs, tolerancePercent } = config;
  assertEquals([ends.bindPort, ends.connectPort, mtu, toleranceUs, tolerancePercent], [
    8080,
    8080,
    1500,
    4000,
    12.5,
  ]);
  const ipv6 = configOf("--ip_version=ipv6");
  assertEquals(endsOf(ipv6), ["fd3d:fa7b:d17d::1", "2001:db8::1", "fd3d:fa7b:d17d::2"]);
  assertEquals([ipv6.mtu, ipv6.prefixLength], [1500, 48]);
  const mapped = configOf('--ip_version="ipv4-mapped-ipv6"');
  assertEquals([mapped.ends.ipVersion, mapped.ends.localAddress.length], ["ipv4-mapped-ipv6", 4]);
});

Deno.test("options are taken: addresses with a prefix or in quotes, ports, MTU, tolerances, switches", () => {
  const config = configOf(`--local_ip=10.0.0.9
--remote_ip="10.0.0.7/32"
--gateway_ip=10.0.0.8
--bind_port=99
--connect_port=98
--mtu=9000
--tolerance_usecs=75000
--tcp_ts_tick_usecs=1000
--strict_segments
--non_fatal=packet
--udp_encapsulation=tcp`);
  assertEquals(endsOf(config), ["10.0.0.9", "10.0.0.7", "10.0.0.8"]);
  const { ends, mtu, toleranceUs, timestampTickUs, strictSegments, nonFatal, udpEncapsulation } = config;
  assertEquals([ends.bindPort, ends.connectPort, mtu, toleranceUs, timestampTickUs], [
    99,
    98,
    9000,
    75000,
    1000,
  ]);
  assertEquals([strictSegments, nonFatal, udpEncapsulation], [true, { packet: true, call: false }, true]);
});

Deno.test("who runs a script goes before the script: another version keeps the segments' sizes, and other addresses count for nothing", () => {
  const config = configOf("--local_ip=10.0.0.9\n--remote_ip=10.0.0.7", {
    ipVersion: "ipv6",
    defined: new Set(["X"]),
  });
  assertEquals(endsOf(config)[0], "fd3d:fa7b:d17d::1");
  assertEquals([config.mtu, config.defined.has("X")], [1520, true]);
  assertEquals(configOf("--mtu=1500", { ipVersion: "ipv6" }).mtu, 1500);
  assertEquals(configOf("--ip_version=ipv6", { ipVersion: "ipv6" }).mtu, 1500);
  const strict = configOf("", { strict: true });
  assertEquals([strict.tolerancePercent, strict.strictSegments], [0, true]);
});

Deno.test("options of who runs a script go before the script's own, and a wrong one is no line's", () => {
  const options = new Map([["mtu", "9000"], ["remote_ip", "10.1.1.1"], ["strict_segments", ""]]);
  const config = configOf("--mtu=1500\n--bind_port=99", { options });
  assertEquals([config.mtu, config.ends.bindPort, config.strictSegments], [9000, 99, true]);
  assertEquals(endsOf(config)[1], "10.1.1.1");
  assertEquals(problemOf("", { options: new Map([["mtu", "1"]]) }).slice(0, 8), "error 0:");
});

Deno.test("a router that would be the host itself, or the peer, is another one", () => {
  assertEquals(endsOf(configOf("--local_ip=192.168.0.2")), ["192.168.0.2", "192.0.2.1", "192.168.0.3"]);
  assertEquals(
    endsOf(configOf("--local_ip=10.0.0.254\n--remote_ip=10.0.0.1\n--gateway_ip=10.0.0.254"))[2],
    "10.0.0.2",
  );
});

Deno.test("one address for both ends is refused: the stack would talk to itself, and nothing would be sent", () => {
  const words =
    "expected two addresses, one for each end (--remote_ip= gives the peer another), found 192.0.2.1 for both";
  assertEquals(problemOf("--mtu=1500\n--local_ip=192.0.2.1"), `error 2: ${words}`);
  assertEquals(
    problemOf("--remote_ip=192.168.0.1"),
    `error 1: ${words.replace("192.0.2.1", "192.168.0.1")}`,
  );
  const localAddress = { address: Uint8Array.of(192, 0, 2, 1), prefixLength: 24 };
  assertEquals(problemOf("", { localAddress }), `error 0: ${words}`);
  assertEquals(endsOf(configOf("--remote_ip=192.0.2.2", { localAddress })).slice(0, 2), [
    "192.0.2.1",
    "192.0.2.2",
  ]);
});

Deno.test("what makes no sense, or is not there, is named with its line", () => {
  assertEquals(problemOf("--mtu=67"), "error 1: expected a number from 68 to 65535 behind --mtu=, found 67");
  assertEquals(problemOf("--bind_port=0").slice(0, 7), "error 1");
  assertEquals(
    problemOf("--mtu=1500\n--local_ip=::1"),
    "error 2: expected an IPv4 address behind --local_ip=, found ::1",
  );
  assertEquals(problemOf("--wire_server"), "unsupported 1: --wire_server");
  assertEquals(problemOf("--udp_encapsulation=sctp"), "unsupported 1: --udp_encapsulation=sctp");
});
