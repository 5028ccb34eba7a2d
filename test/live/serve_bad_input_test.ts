/**
 * What `serve` says to input that cannot work: one line with the remedy, the right exit status, nothing left behind.
 */
import { assertEquals, assertMatch } from "@std/assert";
import type { LabProcess, ProcessResult } from "../../src/cli/lab_process.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { kernelClientCommand, selfCommand } from "../../src/cli/self_command.ts";
import { liveTest, refusalOf } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { waitFor } from "./wait_for.ts";

/** Devices that not every kernel has. */
const BRIDGE = "ip link add br9 type bridge";
const TUNNEL = "(ip link add tun9 type ipip local 10.33.0.1 remote 10.33.0.2 || " +
  "ip tuntap add tun9 mode tun) && ip link set tun9 up";

/** Who has not ended by then does not end; generous, because two cores may be very busy. */
const ENDING_MS = 30_000;

/** Runs a script on the server's side that makes a device. */
async function makeDevice(lab: PrivateLab, script: string): Promise<void> {
  const { code, stderr } = await lab.run({ side: "server", words: ["sh", "-c", script] });
  assertEquals(code, 0, stderr);
}

/** Runs `tcplab serve` with exactly these arguments on the server's side. */
async function serve(
  lab: PrivateLab,
  args: readonly string[],
  prefix: readonly string[] = [],
): Promise<ProcessResult> {
  const server = lab.spawn({ side: "server", words: [...prefix, ...selfCommand(), "serve", ...args] });
  if (!await server.endsWithin(ENDING_MS)) {
    await server.stop();
    throw new Error(`serve ${args.join(" ")} was expected to refuse, and it runs`);
  }
  return await server.result;
}

/** Waits until the process has written a line to stdout, or has ended. */
async function firstLine(process: LabProcess): Promise<void> {
  await waitFor(() => process.stdout.includes("\n") || process.ended, { what: "a first line, or the end" });
}

/** One line that says this, with status 1. */
function assertFailed(result: ProcessResult, line: RegExp): void {
  assertEquals([result.code, result.stdout], [1, ""], result.stderr);
  assertEquals(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
  assertMatch(result.stderr, line);
}

/** One line that says this, and the usage, with status 2. */
function assertUsage(result: ProcessResult, line: RegExp): void {
  assertEquals([result.code, result.stdout], [2, ""], result.stderr);
  const [first, usage, ...rest] = result.stderr.trimEnd().split("\n");
  assertMatch(first, line);
  assertMatch(usage, /^Usage: tcplab serve /);
  assertEquals(rest, []);
}

/** No rule, no socket file, no file of a recording. */
async function assertNothingLeft(lab: PrivateLab): Promise<void> {
  const script =
    "nft list ruleset 2>/dev/null; ls /run/tcplab 2>/dev/null; ls /tmp/tcplab-*.nft 2>/dev/null; true";
  const { stdout } = await lab.run({ side: "server", words: ["sh", "-c", script] });
  assertEquals(stdout, "");
}

liveTest("values that are wrong anywhere are wrong usage", {}, async (lab) => {
  const fixed = ["--iface", lab.plan.devices.server, "--ip", lab.plan.tcplabAddress];
  assertUsage(await serve(lab, [...fixed, "--port", "70000"]), /--port 70000: expected a port/);
  assertUsage(
    await serve(lab, [...fixed, "--mac", "ff:ff:ff:ff:ff:ff"]),
    /--mac ff:ff:ff:ff:ff:ff: expected/,
  );
  assertUsage(await serve(lab, [...fixed, "--filter", "tcp prot 80"]), /--filter tcp prot 80: expected/);
  assertUsage(await serve(lab, [...fixed, "--filter", "tcp) or (udp"]), /--filter tcp\) or \(udp: expected/);
  const deaf = /could ever pass it, because it is added to "tcp and dst host 10\.33\.0\.3 and dst port 3333"/;
  for (const filter of ["udp", "udp or icmp", "ip6", "not tcp", "dst port 99", "dst host 10.33.0.9", "arp"]) {
    assertUsage(await serve(lab, [...fixed, "--filter", filter]), deaf);
  }
  await assertNothingLeft(lab);
});

liveTest("a device that cannot be used is refused", {}, async (lab) => {
  const ip = ["--ip", lab.plan.tcplabAddress];
  assertFailed(await serve(lab, ["--iface", "eth9", ...ip]), /no device eth9.*veth-server/);
  assertFailed(await serve(lab, ["--iface", "lo", ...ip]), /lo cannot be used \(loopback/);
  await makeDevice(lab, "ip link add down9 type veth peer name peer9");
  assertFailed(await serve(lab, ["--iface", "down9", ...ip]), /down9.*\(down\).*ip link set down9 up/);
  await assertNothingLeft(lab);
});

liveTest("a device that does not speak Ethernet is refused", {
  missing: await refusalOf(TUNNEL, { why: "no tunnels in the kernel" }),
}, async (lab) => {
  await makeDevice(lab, TUNNEL);
  const args = ["--iface", "tun9", "--ip", lab.plan.tcplabAddress];
  assertFailed(
    await serve(lab, args),
    /tun9 cannot be used \((not Ethernet|not a network device with a hardware address)/,
  );
  await assertNothingLeft(lab);
});

liveTest("without rights or library it says how to get them", { needs: ["setpriv"] }, async (lab) => {
  const args = ["--iface", lab.plan.devices.server, "--ip", lab.plan.tcplabAddress];
  const withoutRights = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
  assertFailed(await serve(lab, args, withoutRights), /permission.*sudo/);
  assertFailed(
    await serve(lab, args, ["env", "TCPLAB_PCAP_LIBRARY=/nowhere"]),
    /libpcap could not be loaded/,
  );
  await assertNothingLeft(lab);
});

liveTest("an address in use is found through a device that belongs to a bridge", {
  missing: await refusalOf(BRIDGE, { why: "no bridges in the kernel" }),
}, async (lab) => {
  const { devices, addresses } = lab.plan;
  await makeDevice(lab, `${BRIDGE} && ip link set br9 up && ip link set ${devices.server} master br9`);
  assertFailed(
    await serve(lab, ["--iface", devices.server, "--ip", addresses.client]),
    /10\.33\.0\.2 is in use on veth-server, by ([0-9a-f]{2}:){5}/,
  );
});

liveTest("an address that is not free is refused, and a free one proposed", {}, async (lab) => {
  const { devices, addresses } = lab.plan;
  const device = ["--iface", devices.server];
  assertFailed(
    await serve(lab, [...device, "--ip", addresses.client]),
    /10\.33\.0\.2 is in use on veth-server, by ([0-9a-f]{2}:){5}/,
  );
  assertFailed(
    await serve(lab, [...device, "--ip", addresses.server]),
    /kernel's own address.*--rst-guard nft/,
  );
  assertFailed(
    await serve(lab, [...device, "--ip", "192.0.2.7"]),
    /outside the subnet.*--ip 192\.0\.2\.7\/24/,
  );
  assertFailed(await serve(lab, [...device, "--ip", "10.33.0.255"]), /broadcast address/);
  assertUsage(
    await serve(lab, device),
    /--ip is missing; 10\.33\.0\.228 (is|and fd33:\S+ are) free.*tcplab serve --iface veth-server --ip 10\.33\.0\.228(,fd33:\S+)?$/,
  );
  // One that somebody has is not proposed.
  await lab.run({ side: "client", words: ["ip", "address", "add", "10.33.0.228/24", "dev", devices.client] });
  assertUsage(await serve(lab, device), /--ip is missing; 10\.33\.0\.227 (is|and fd33:\S+ are) free/);
  await assertNothingLeft(lab);
});

liveTest(
  "doctor --ip judges as serve does: free, another host's, another server's, outside the subnet, no host's",
  {},
  async (lab) => {
    const { devices, addresses, tcplabAddress } = lab.plan;
    const doctor = async (ip: string) => {
      const words = [...selfCommand(), "doctor", "--json", "--iface", devices.server, "--ip", ip];
      const { code, stdout, stderr } = await lab.run({ side: "server", words });
      if (code === 2) return [code, stderr.split("\n")[0]];
      const findings: { check: string; status: string; detail: string }[] = JSON.parse(stdout);
      const found = findings.find(({ check }) => check === "address");
      return [code, found?.status, found?.detail];
    };
    const free = `${tcplabAddress} is not the kernel's, and nobody on ${devices.server} answers for it`;
    assertEquals(await doctor(tcplabAddress), [0, "ok", free]);
    const [code, status, detail] = await doctor(addresses.client);
    assertEquals([code, status], [1, "fail"]);
    assertMatch(String(detail), /^10\.33\.0\.2 is in use on veth-server, by [0-9a-f:]{17}$/);
    assertEquals((await doctor("10.44.0.3")).slice(0, 2), [1, "fail"]);
    assertEquals((await doctor("10.44.0.3/24")).slice(0, 2), [0, "ok"]);
    assertEquals((await doctor(addresses.server)).slice(0, 2), [0, "note"]);
    assertMatch(String((await doctor("224.0.0.1"))[1]), /--ip 224\.0\.0\.1: expected the address of a host/);
    const server = await ServeProcess.start(lab);
    const [takenCode, takenStatus, taken] = await doctor(tcplabAddress);
    assertEquals([takenCode, takenStatus], [1, "fail"]);
    assertMatch(String(taken), /^10\.33\.0\.3 is served already by process \d+/);
    assertEquals((await server.stop()).code, 0);
  },
);

liveTest("a second server on an address is refused, on the same port and on another", {}, async (lab) => {
  await using first = await ServeProcess.start(lab);
  assertFailed(await ServeProcess.refuse(lab), /10\.33\.0\.3:3333 is served already by process \d+/);
  assertFailed(
    await ServeProcess.refuse(lab, { args: ["--port", "80"] }),
    /10\.33\.0\.3 is served already.*--serve/,
  );
  await first.stop();
  await assertNothingLeft(lab);
});

liveTest("a recording that cannot be made is refused", {}, async (lab) => {
  const args = ["--iface", lab.plan.devices.server, "--ip", lab.plan.tcplabAddress, "--log", "none"];
  assertFailed(
    await serve(lab, [...args, "--write", "/nowhere/x.pcapng"]),
    /\/nowhere\/x\.pcapng cannot be written \(no such file/,
  );
  await assertNothingLeft(lab);
});

liveTest("a reader of the log that goes away ends the server with one line", {}, async (lab) => {
  const { devices, tcplabAddress } = lab.plan;
  const words = [
    ...selfCommand(),
    "serve",
    "--iface",
    devices.server,
    "--ip",
    tcplabAddress,
    "--log",
    "json",
  ];
  const script = `{ "$@"; echo "status $?" >&2; } | head -n 1`;
  const server = lab.spawn({ side: "server", words: ["sh", "-c", script, "sh", ...words] });
  await firstLine(server);
  // The reader has printed its line and goes a moment later: only what is told after that finds it gone.
  await waitFor(async () => {
    if (!server.ended) {
      await lab.run({
        side: "client",
        words: [...kernelClientCommand(), tcplabAddress, "3333", "--sleep", "0"],
      });
    }
    return server.ended;
  }, { what: "the server ends" });
  const { stderr } = await server.result;
  const [line, status, ...rest] = stderr.trimEnd().split("\n");
  assertMatch(line, /The log cannot be written to stdout \(its reader has gone\)/);
  assertEquals([status, rest], ["status 1", []], stderr);
  await assertNothingLeft(lab);
});

liveTest("a device that vanishes ends the server with one line", {}, async (lab) => {
  const { devices, tcplabAddress } = lab.plan;
  const words = [
    ...selfCommand(),
    "serve",
    "--iface",
    devices.server,
    "--ip",
    tcplabAddress,
    "--log",
    "json",
  ];
  const server = lab.spawn({ side: "server", words });
  await firstLine(server);
  await lab.run({ side: "server", words: ["ip", "link", "delete", devices.server] });
  if (!await server.endsWithin(ENDING_MS)) {
    throw new Error("The server did not notice that its device is gone");
  }
  const { code, stderr } = await server.result;
  assertEquals(code, 1, stderr);
  assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  assertMatch(stderr, /veth-server is gone/);
  await assertNothingLeft(lab);
});
