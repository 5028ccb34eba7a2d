/**
 * Segments that no well-behaved host sends: each gets what RFC 9293 says or silence, and the server serves on.
 */
import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { type FlagName } from "../../src/tcp/events.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { NMAP_PATIENCE, scanFrom } from "./nmap_patience.ts";
import { besideTests, liveTest, scratchFile } from "./private_lab.ts";
import { SCAPY_PYTHON } from "./scapy_python.ts";
import { ServeProcess } from "./serve_process.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";
import { assertOursAreRight } from "./wire_verdict.ts";

const OPEN = 3333;
const CLOSED = 4444;
const PROGRAMS = [...PEER_PROGRAMS, ...JUDGE_PROGRAMS];

/** Flags, sequence number, acknowledgment (null without ACK), data. */
type Reply = readonly [flags: string, seq: number, ack: number | null, data: string];

/** What hostile_frames.py begins with. */
const ISN = 1000;
const NOTHING = 5000;

/** In the order of the event log; the index in {@link FLAG_BITS} is the bit. */
const FLAG_ORDER: readonly FlagName[] = ["SYN", "FIN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
const FLAG_BITS: readonly FlagName[] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

function flagNames(bits: number): string {
  return FLAG_ORDER.filter((name) => (bits & (1 << FLAG_BITS.indexOf(name))) !== 0).join(",");
}

/** RFC 9293 §3.10.7.1: what a port where nobody listens answers; the sequence number of a SYN-ACK is not foretold. */
function expectedOfClosed(flags: string): unknown[] {
  const has = (name: FlagName) => flags.split(",").includes(name);
  if (has("RST")) return [];
  if (has("ACK")) return [["RST", NOTHING, 0]];
  return [["RST,ACK", 0, ISN + (has("SYN") ? 1 : 0) + (has("FIN") ? 1 : 0)]];
}

/** RFC 9293 §3.10.7.2, and RFC 3168 §6.1.1 for the answer to a SYN that asks for ECN. */
function expectedOfListen(flags: string): unknown[] {
  const has = (name: FlagName) => flags.split(",").includes(name);
  if (has("RST")) return [];
  if (has("ACK")) return [["RST", NOTHING, 0]];
  if (!has("SYN")) return [];
  return [[has("ECE") && has("CWR") ? "SYN,ACK,ECE" : "SYN,ACK", "any", ISN + 1]];
}

/** On an established connection that has got 16 bytes and echoed them, unless the case says otherwise. */
const EXPECTED: Readonly<Record<string, readonly Reply[]>> = {
  "overlapping data": [["PSH,ACK", 0, 4, "abcd"], ["ACK", 4, 8, ""], ["PSH,ACK", 4, 8, "efgh"]],
  "old data": [["ACK", 8, 8, ""]],
  "data behind a gap": [["ACK", 8, 8, ""]],
  "the gap filled, and more than it": [["PSH,ACK", 8, 16, "ijklmnop"]],
  "data right of the window": [["ACK", 16, 16, ""]],
  "an acknowledgment of what was never sent": [["ACK", 16, 16, ""]],
  "data without ACK": [],
  "a keep-alive probe": [["ACK", 16, 16, ""]],
  "RST left of the window": [],
  "RST right of the window": [],
  // RFC 5961 §3.2 and §4.2: challenge ACKs.
  "RST in the window, and again at once": [["ACK", 16, 16, ""]],
  "SYN in the window": [["ACK", 16, 16, ""]],
  "SYN at the left edge": [["ACK", 16, 16, ""]],
  "SYN,ACK at the left edge": [["ACK", 16, 16, ""]],
  "FIN right of the window": [["ACK", 16, 16, ""]],
  "data with a wrong TCP checksum": [],
  "data with a wrong IP checksum": [],
  "a part of data": [],
  "data after all that": [["PSH,ACK", 16, 21, "right"]],
  "RST at the left edge": [],
  "data after the RST": [["RST", 21, null, ""]],
  "urgent pointer past the data": [["PSH,ACK", 0, 3, "urg"]],
  "urgent pointer 0": [["PSH,ACK", 3, 6, "ent"]],
  "reserved bits": [["PSH,ACK", 6, 9, "res"]],
  "IP options": [["PSH,ACK", 9, 12, "opt"]],
  "every flag at the left edge": [],
  "data after every flag": [["RST", 12, null, ""]],
  "after MSS 0 and a scale of 200": [["PSH,ACK", 0, 4, "tiny"]],
};

/** A server that has been through all that still echoes, has said nothing on stderr, and counts no connection left. */
async function assertServesOn(lab: PrivateLab, server: ServeProcess): Promise<void> {
  await using peer = new KernelPeer(lab);
  const bytes = 300_000;
  await peer.ask({ do: "connect", port: OPEN });
  const echoed = await peer.ask({ do: "transfer", bytes });
  assertEquals([echoed.bytes, echoed.received], [bytes, echoed.sent]);
  await server.event("closed", (event) => event.reason === "normal" && event.bytesIn === bytes);
  assertEquals((await server.stop()).code, 0);
  assertEquals(server.stderr, "");
}

interface HostileCase {
  readonly case: string;
  readonly replies: readonly unknown[];
}

liveTest("frames made by hand get what the RFC says, or silence", {
  needs: PROGRAMS,
  missing: SCAPY_PYTHON === null ? "not installed: scapy" : null,
  offloads: false,
}, async (lab) => {
  await using file = await scratchFile(".pcapng");
  await using server = await ServeProcess.start(lab);
  const { mac, ip } = await server.event("listening");
  const recording = await WireRecording.start(lab, file.path);
  const words = [SCAPY_PYTHON ?? "python3", "-B", besideTests("hostile_frames.py"), lab.plan.devices.client];
  const target = [mac, ip, String(OPEN), String(CLOSED)];
  const hostile = await lab.run({ side: "client", words: [...words, ...target] });
  assertEquals([hostile.code, hostile.stderr], [0, ""]);
  const cases: HostileCase[] = hostile.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const repliesTo = new Map(cases.map((hostileCase) => [hostileCase.case, hostileCase.replies]));

  for (let bits = 0; bits < 256; bits++) {
    const flags = flagNames(bits);
    const ofListen = (repliesTo.get(`listen ${flags}`) ?? ["no such case"]).map((reply) =>
      Array.isArray(reply) && String(reply[0]).startsWith("SYN") ? [reply[0], "any", reply[2]] : reply
    );
    assertEquals(ofListen, expectedOfListen(flags), `${flags} to a listener`);
    assertEquals(repliesTo.get(`closed ${flags}`), expectedOfClosed(flags), `${flags} to a closed port`);
    repliesTo.delete(`listen ${flags}`);
    repliesTo.delete(`closed ${flags}`);
  }
  const accurate = "SYN that asks for Accurate ECN";
  assertEquals(repliesTo.get(accurate), [["SYN,ACK,ECE", 0, 0]], accurate);
  repliesTo.delete(accurate);
  for (const [name, replies] of Object.entries(EXPECTED)) {
    assertEquals(repliesTo.get(name), replies, name);
    repliesTo.delete(name);
  }
  for (const [name, replies] of repliesTo) {
    // The data came with the odd option, or comes with the repetition that has none: it is acknowledged either way.
    if (name.startsWith("after an option")) assertMatch(JSON.stringify(replies), /ACK",\d+,4,/, name);
    else assertEquals(replies, [], name);
  }
  assertGreater(repliesTo.size, 25, "what must not be answered at all");
  await assertServesOn(lab, server);
  assertOursAreRight(await recording.judge(), { ours: ip, crafted: true });
});

liveTest("nmap and hping3 see what they should, and the server serves on", {
  needs: [...PROGRAMS, "nmap", "hping3"],
  offloads: false,
}, async (lab) => {
  await using file = await scratchFile(".pcapng");
  const services = ["--serve", `${OPEN}=echo,5002=chargen,5004=daytime`];
  await using server = await ServeProcess.start(lab, { args: services });
  const recording = await WireRecording.start(lab, file.path);
  const nmap = async (...args: string[]) => {
    const words = ["nmap", "-n", "-Pn", ...NMAP_PATIENCE, ...args];
    const { code, stdout, stderr } = await lab.run({
      side: "client",
      words: [...words, lab.plan.tcplabAddress],
    });
    assertEquals(code, 0, stderr);
    return [...stdout.matchAll(/^(\d+)\/tcp +(\S+) *(.*)$/gm)].map(([, port, state, service]) =>
      [Number(port), state, service.trim()] as const
    );
  };
  const ports = ["-p", `${OPEN},${CLOSED}`];
  const states = async (scan: string, place: number) =>
    (await nmap(...scanFrom(scan, place), ...ports)).map(([, state]) => state);
  const [syn, none, fin, xmas, ack, maimon, versions] = await Promise.all([
    states("-sS", 1),
    states("-sN", 2),
    states("-sF", 3),
    states("-sX", 4),
    states("-sA", 5),
    states("-sM", 6),
    nmap("-sV", "--version-intensity", "0", "-p", "5002,5004"),
    nmap("-O", "--max-os-tries", "1", ...ports),
  ]);
  assertEquals(syn, ["open", "closed"]);
  for (const silent of [none, fin, xmas]) assertEquals(silent, ["open|filtered", "closed"]);
  assertEquals(ack, ["unfiltered", "unfiltered"]);
  assertEquals(maimon, ["closed", "closed"], "RFC 9293 §3.10.7.2: FIN,ACK to a listener gets a RST");
  assertEquals(versions.map(([port, state]) => [port, state]), [[5002, "open"], [5004, "open"]]);
  assertMatch(versions[0][2], /^chargen/);
  assertMatch(versions[1][2], /^daytime/);

  // One after the other: hping3 takes every segment that comes from there for an answer to its own.
  const hping = async (flags: readonly string[], port: number, answers: number) => {
    const words = ["hping3", "-n", "-c", "3", "-i", "u10000", "-p", String(port), ...flags];
    let seen: string[] = [];
    // It waits a second for the last answer: where the machine is held up for so long, it is asked again.
    for (let times = 0; times < 10 && (times === 0 || seen.length < answers); times++) {
      const { stdout } = await lab.run({ side: "client", words: [...words, lab.plan.tcplabAddress] });
      seen = [...stdout.matchAll(/ flags=(\S+) /g)].map(([, each]) => each);
    }
    return seen;
  };
  const odd: readonly (readonly [flags: string[], listen: string[], closed: string[]])[] = [
    [["-S", "-F"], ["SA", "SA", "SA"], ["RA", "RA", "RA"]],
    [["-S", "-X", "-Y"], ["SAX", "SAX", "SAX"], ["RA", "RA", "RA"]],
    [["-S", "-A", "-U"], ["R", "R", "R"], ["R", "R", "R"]],
    [["-F", "-P", "-U"], [], ["RA", "RA", "RA"]],
  ];
  for (const [flags, listen, closed] of odd) {
    assertEquals(await hping(flags, OPEN, listen.length), listen, `${flags} to a listener`);
    assertEquals(await hping(flags, CLOSED, closed.length), closed, `${flags} to a closed port`);
  }
  await assertServesOn(lab, server);
  assertOursAreRight(await recording.judge(), { ours: lab.plan.tcplabAddress, crafted: true });
});
