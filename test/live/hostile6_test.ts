/**
 * Packets of IPv6, and some of IPv4, that no well-behaved host sends: each gets what its RFC says or silence, floods are bounded, and
 * after each group both families are served at once.
 *
 * The groups, and what the RFCs have of them, are in hostile6_headers.py, hostile6_messages.py and hostile6_segments.py.
 */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { OUR_MAC, runIn, runPeer } from "./address_families.ts";
import { besideTests, liveTest, type LiveTestOptions, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { serverFigures } from "./server_figures.ts";
import { assertStationIsRight } from "./station_judge.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

const OPEN = 3333;
const CLOSED = 4444;
const CHARGEN = 5002;
const PROGRAMS = ["python3", "ethtool", ...JUDGE_PROGRAMS];
const IS_LONG = Deno.env.get("TCPLAB_LONG") === "1";
/** Local choice: what the program takes in any case is less than the half; a flood that fills memory would take far more. */
const MOST_MEMORY_MIB = 400;
const BYTES = 200_000;
const LARGE_PING = 60_000;

/** Groups of one program, one after the other against one server. */
interface Hostility {
  readonly program: "headers" | "messages" | "segments";
  readonly groups: readonly string[];
  /** More arguments of `serve`. */
  readonly args?: readonly string[];
  readonly missing?: string | null;
  /** Counters that must have counted something; what they are about was seen. */
  readonly counted: readonly string[];
}

/** A case as the programs tell it. */
interface HostileCase {
  readonly case: string;
  readonly replies: unknown;
  readonly expected: unknown;
}

/** What the server says, which nobody of these should have moved it to do. */
const TOLD =
  /says that it has|has moved|is a default router|The router|no router any more|is no longer|connections? (was|were) reset/;

function hostileTest(name: string, hostility: Hostility): void {
  const { program, groups, args = [], missing = null, counted } = hostility;
  const options: LiveTestOptions = { needs: PROGRAMS, ipv6: true, offloads: false, missing };
  liveTest(`hostile: ${name}`, options, async (lab) => {
    await using file = await scratchFile(".pcapng");
    await using server = await startServer(lab, args);
    const recording = await WireRecording.start(lab, file.path);
    for (const group of groups) {
      for (const each of await casesOf(lab, program, group)) {
        assertEquals(each.replies, each.expected, `${group}: ${each.case}`);
      }
    }
    await assertServesBothAtOnce(lab);
    await assertBounded(lab, counted);
    await recording.end();
    assertEquals(server.stderr.split("\n").filter((line) => line !== "" && !TOLD.test(line)), []);
    assertEquals((await server.stop()).code, 0);
    await assertStationIsRight(file.path, OUR_MAC);
  });
}

/** A server of both families, on a device whose kernel listens to no router of ours, nor does the client's. */
async function startServer(lab: PrivateLab, args: readonly string[] = []): Promise<ServeProcess> {
  const { plan } = lab;
  for (const side of ["client", "server"] as const) {
    await runIn(lab, side, `echo 0 >/proc/sys/net/ipv6/conf/${plan.devices[side]}/accept_ra`);
  }
  const addresses = `${plan.tcplabAddress}/${plan.prefixLength},${plan.tcplabAddress6}/${plan.prefixLength6}`;
  const services = `${OPEN}=echo,${CHARGEN}=chargen`;
  return await ServeProcess.start(lab, {
    args: ["--ip", addresses, "--mac", OUR_MAC, "--serve", services, ...args],
    quiet: true,
  });
}

async function casesOf(lab: PrivateLab, program: string, group: string): Promise<HostileCase[]> {
  const { devices, tcplabAddress6, tcplabAddress } = lab.plan;
  const target = [group, devices.client, OUR_MAC, tcplabAddress6, tcplabAddress];
  const words = ["python3", "-B", besideTests(`hostile6_${program}.py`), ...target];
  const ports = [OPEN, CLOSED, CHARGEN].map(String);
  const { code, stdout, stderr } = await lab.run({ side: "client", words: [...words, ...ports] });
  assertEquals([code, stderr], [0, ""], group);
  const cases: HostileCase[] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertGreater(cases.length, 0);
  return cases;
}

/** A client of each family at the same time, and pings of many fragments. */
async function assertServesBothAtOnce(lab: PrivateLab): Promise<void> {
  const { tcplabAddress, tcplabAddress6 } = lab.plan;
  const both = [tcplabAddress, tcplabAddress6];
  const echoed = await Promise.all(both.map((address) => runPeer(lab, ["echo", address, OPEN, BYTES])));
  for (const { bytes, sent, received } of echoed) assertEquals([bytes, received], [BYTES, sent]);
  for (const address of both) {
    // The second and third are for what the floods have left in the limits of echo.
    const ping = `ping -n -c 3 -i 0.3 -W 2 -s ${LARGE_PING} ${address} | grep -c ' bytes from '`;
    assertGreater(Number(await runIn(lab, "client", ping)), 0, `ping of ${LARGE_PING} bytes to ${address}`);
  }
}

/** Every table within its bound, memory too, and no exception that was held up at the last moment. */
async function assertBounded(lab: PrivateLab, counted: readonly string[]): Promise<void> {
  const { pid, counters } = await serverFigures(lab);
  for (const name of ["application-errors", "observer-errors"]) assertEquals(counters[name], 0, name);
  for (const name of counted) assertGreater(counters[name], 0, name);
  const status = await runIn(lab, "server", `cat /proc/${pid}/status`);
  const resident = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  assert(resident !== undefined, status);
  assertLess(Number(resident) / 1024, MOST_MEMORY_MIB, "resident memory, MiB");
}

hostileTest("extension headers in each order, unknown, faulty, a hundred of them, cut (RFC 8200 §4)", {
  program: "headers",
  groups: ["headers"],
  counted: [
    "drop-unsupported-ipv6-header",
    "drop-malformed-ipv6",
    "drop-unknown-protocol",
    "icmp-errors-out",
  ],
});

hostileTest(
  "fragments that overlap, hide, lie or never complete (RFC 8200 §4.5, 5722, 6946, 7112, 1858, 3128)",
  {
    program: "headers",
    groups: ["fragments", "fragments4", "incomplete"],
    counted: [
      "reassembled",
      "reassembly-overlap",
      "reassembly-evicted",
      "fragments-duplicate",
      "fragments-tiny",
    ],
  },
);

hostileTest("datagrams that are not complete after sixty seconds (RFC 8200 §4.5, RFC 1122 §3.3.2)", {
  program: "headers",
  groups: ["unfinished"],
  missing: IS_LONG ? null : "takes a minute, TCPLAB_LONG=1 runs it",
  counted: ["reassembly-timeout"],
});

hostileTest("ICMPv6: echo to groups, errors about what there must be none, a limit (RFC 4443)", {
  program: "messages",
  groups: ["echoes", "errors"],
  counted: ["icmp-limited", "icmp-errors-out", "drop-bad-source", "drop-checksum"],
});

hostileTest("neighbor discovery in every invalid form, of strangers, in floods (RFC 4861 §7.1, RFC 4862)", {
  program: "messages",
  groups: ["solicitations", "advertisements", "floods"],
  counted: [
    "drop-bad-neighbor-message",
    "ndp-limited",
    "redirects-ignored",
    "address-conflicts",
    "neighbors-moved",
  ],
});

hostileTest("routers that are none, and thousands of them (RFC 4861 §6.1.2)", {
  program: "messages",
  groups: ["routers"],
  counted: ["ra-in", "ra-limited", "ra-bad-mtu", "ra-bad-parameter", "drop-bad-neighbor-message"],
});

hostileTest("with --no-ra nobody is a router", {
  program: "messages",
  groups: ["no-routers"],
  args: ["--no-ra"],
  counted: ["ra-ignored"],
});

hostileTest("queries for groups that no router sends, and a flood of them (RFC 3810)", {
  program: "messages",
  groups: ["listeners"],
  counted: ["mld-queries-in", "mld-limited", "mld-reports-out", "drop-bad-neighbor-message"],
});

hostileTest("IPv4 of impossible sources, source routes, numbers of fragments (RFC 1122, RFC 6864)", {
  program: "segments",
  groups: ["ipv4"],
  counted: ["drop-bad-source", "icmp-errors-out"],
});

hostileTest(
  "TCP over IPv6: segment sizes, sums, flow labels, too big, forged too big (RFC 9293, 6437, 8201, 5927)",
  {
    program: "segments",
    groups: ["segments", "too-big"],
    counted: ["path-mtu-learnt", "drop-checksum", "drop-bad-source"],
  },
);

hostileTest("a flood of 50,000 SYNs over IPv6 (RFC 4987)", {
  program: "segments",
  groups: ["syn-flood"],
  args: ["--backlog", "64"],
  counted: ["syn-cookies-sent"],
});
