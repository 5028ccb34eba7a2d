/**
 * Packets of IPv6, and some of IPv4, that no well-behaved host sends: each gets what its RFC says or silence, floods are bounded, and
 * after each group both families are served at once.
 *
 * The groups, and what the RFCs have of them, are in hostile6_headers.py, hostile6_messages.py and hostile6_segments.py.
 */
import { assert, assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { OUR_MAC, runIn, runPeer } from "./address_families.ts";
import { NMAP_PATIENCE, scanFrom } from "./nmap_patience.ts";
import { besideTests, liveTest, type LiveTestOptions, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { serverFigures } from "./server_figures.ts";
import { framesOfStation } from "./station_judge.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

const OPEN = 3333;
const CLOSED = 4444;
const CHARGEN = 5002;
const PROGRAMS = ["python3", "ethtool", ...JUDGE_PROGRAMS];
const IS_LONG = Deno.env.get("TCPLAB_LONG") === "1";
/** Floods are as long as their names say with TCPLAB_LONG=1, else so many times shorter. */
const SHORT_SHARE = 5;
/** Local choice: what the program takes in any case is less than the half; a flood that fills memory would take far more. */
const MOST_MEMORY_MIB = 400;
const BYTES = 200_000;
const LARGE_PING = 65_000;
/** RFC 4861 §10: MAX_NEIGHBOR_ADVERTISEMENT, of the address that is given and of the link-local one. */
const ANNOUNCEMENTS = 2 * 3;

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
  /says that it has|has moved|is a default router|The router|The default routers have changed|no router any more|is no longer|connections? (was|were) reset/;

function hostileTest(name: string, hostility: Hostility): void {
  const { program, groups, args = [], missing = null, counted } = hostility;
  const options: LiveTestOptions = { needs: PROGRAMS, ipv6: true, offloads: false, missing };
  liveTest(`hostile: ${name}`, options, async (lab) => {
    await using file = await scratchFile(".pcapng");
    await using server = await startServer(lab, args);
    const recording = await WireRecording.start(lab, file.path);
    await claimsAreOver(server);
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
    await assertOursAreRight(file.path);
  });
}

/**
 * Waits until it has claimed its addresses, told so, and will not say so again: before, who asks for one of them has it, and an
 * announcement that comes between a question and its answer looks like one.
 */
async function claimsAreOver(server: ServeProcess): Promise<void> {
  let announcements = 0;
  await server.event("ndp", ({ kind }) => kind === "announcement" && ++announcements === ANNOUNCEMENTS);
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
  const rest = [OPEN, CLOSED, CHARGEN, IS_LONG ? 1 : SHORT_SHARE].map(String);
  const { code, stdout, stderr } = await lab.run({ side: "client", words: [...words, ...rest] });
  assertEquals([code, stderr], [0, ""], group);
  const cases: HostileCase[] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertGreater(cases.length, 0);
  return cases;
}

/** Every frame of ours is well formed and has right sums; what an ICMP error quotes is the sender's, and as wrong as it was. */
async function assertOursAreRight(path: string): Promise<void> {
  const frames = await framesOfStation(path, OUR_MAC);
  assertGreater(frames.length, 100);
  const isQuote = (protocols: string) => /:icmp(v6:ipv6|:ip)\b/.test(protocols);
  const faulty = frames.filter(({ faults, protocols }) =>
    faults.length > 0 && !(isQuote(protocols) && faults.every((fault) => !fault.startsWith("bad")))
  );
  assertEquals(faulty.slice(0, 3), [], `${faulty.length} of ${frames.length} frames`);
}

/** A client of each family at the same time, and pings of many fragments. */
async function assertServesBothAtOnce(lab: PrivateLab): Promise<void> {
  const { tcplabAddress, tcplabAddress6 } = lab.plan;
  const both = [tcplabAddress, tcplabAddress6];
  const echoed = await Promise.all(both.map((address) => runPeer(lab, ["echo", address, OPEN, BYTES])));
  for (const { bytes, sent, received } of echoed) assertEquals([bytes, received], [BYTES, sent]);
  // The second and third are for what the floods have left in the limits of echo.
  const answered = await Promise.all(
    both.map((address) =>
      runIn(lab, "client", `ping -n -c 3 -i 0.3 -W 20 -s ${LARGE_PING} ${address} | grep -c ' bytes from '`)
    ),
  );
  for (const count of answered) assertGreater(Number(count), 0, `a ping of ${LARGE_PING} bytes`);
}

/** Every table within its bound, memory too, and no exception that was held up at the last moment. */
async function assertBounded(lab: PrivateLab, counted: readonly string[]): Promise<void> {
  const { pid, counters } = await serverFigures(lab);
  for (const name of ["application-errors", "observer-errors"]) assertEquals(counters[name] ?? 0, 0, name);
  for (const name of counted) assertGreater(counters[name] ?? 0, 0, name);
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
  groups: ["solicitations", "advertisements", "repair", "floods"],
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

hostileTest("queries that no router sends, a flood of them (RFC 3810), and nobody is a router with --no-ra", {
  program: "messages",
  groups: ["listeners", "no-routers"],
  args: ["--no-ra"],
  counted: ["mld-queries-in", "mld-limited", "mld-reports-out", "drop-bad-neighbor-message", "ra-ignored"],
});

hostileTest(
  "impossible IPv4, TCP over IPv6, too big, a flood of SYNs (RFC 1122, 6864, 9293, 6437, 8201, 5927, 4987)",
  {
    program: "segments",
    groups: ["ipv4", "segments", "too-big", "syn-flood"],
    args: ["--backlog", "64"],
    counted: ["drop-bad-source", "drop-checksum", "icmp-errors-out", "path-mtu-learnt", "syn-cookies-sent"],
  },
);

liveTest("hostile: nmap -6 sees what it sees of Linux", {
  needs: [...PROGRAMS, "nmap"],
  ipv6: true,
  offloads: false,
}, async (lab) => {
  await using file = await scratchFile(".pcapng");
  await using server = await startServer(lab);
  const recording = await WireRecording.start(lab, file.path);
  const address = lab.plan.tcplabAddress6;
  const nmap = async (...args: string[]) => {
    const words = ["nmap", "-6", "-n", "-Pn", ...NMAP_PATIENCE, ...args, address];
    const { code, stdout, stderr } = await lab.run({ side: "client", words });
    assertEquals(code, 0, stderr);
    return stdout;
  };
  const states = async (scan: readonly string[], ports = `${OPEN},${CLOSED}`) =>
    [...(await nmap(...scan, "-p", ports)).matchAll(/^\d+(?:\/\w+)? +(\S+) .*$/gm)].map(([, state]) => state);
  const [syn, connect, none, fin, xmas, ack, udp, protocols, system] = await Promise.all([
    states(scanFrom("-sS", 1)),
    states(["-sT"]),
    states(scanFrom("-sN", 2)),
    states(scanFrom("-sF", 3)),
    states(scanFrom("-sX", 4)),
    states(scanFrom("-sA", 5)),
    states(["-sU"], "53,4444"),
    states(["-sO"], "6,17,58,59,132,253"),
    nmap("-O", "--max-os-tries", "1", "-p", `${OPEN},${CLOSED}`),
  ]);
  for (const scan of [syn, connect]) assertEquals(scan, ["open", "closed"]);
  for (const scan of [none, fin, xmas]) assertEquals(scan, ["open|filtered", "closed"]);
  assertEquals(ack, ["unfiltered", "unfiltered"]);
  assertEquals(udp, ["closed", "closed"]);
  // Next header 59 is answered by nobody (RFC 8200 §4.7).
  assertEquals(protocols, ["open", "open", "open", "open|filtered", "closed", "closed"]);
  assertStringIncludes(system, "Network Distance: 1 hop");
  await assertServesBothAtOnce(lab);
  await assertBounded(lab, ["resets-out", "icmp-errors-out"]);
  await recording.end();
  assertEquals(server.stderr, "");
  assertEquals((await server.stop()).code, 0);
  await assertOursAreRight(file.path);
});
