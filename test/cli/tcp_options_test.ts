/** The options of TCP: every setting has one, each value is judged, and each reaches the machine. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../src/cli/command.ts";
import { type ParsedOptions, parseOptions } from "../../src/cli/options.ts";
import { parseConnectionOptions, parseListeningOptions } from "../../src/cli/tcp_options.ts";
import { DEFAULT_FAST_OPEN_SETTINGS } from "../../src/tcp/fast_open_settings.ts";
import { DEFAULT_TCP_HABITS } from "../../src/tcp/habits.ts";
import { PROFILES } from "../../src/tcp/profiles.ts";
import { CONNECTION_OPTIONS, LISTENING_OPTIONS } from "../../src/cli/tcp_syntax.ts";
import { DEFAULT_TCP_CONFIG, type TcpConfig } from "../../src/tcp/config.ts";
import { Lab } from "../tcp/harness.ts";
import { ALL_OPTIONS, reachEstablished, reachFinWait2, reachSynRcvd, reachTimeWait } from "../tcp/states.ts";
import { SECOND_US } from "../tcp/wire_ends.ts";

const OPTIONS = [...CONNECTION_OPTIONS, ...LISTENING_OPTIONS] as const;

function parse(words: string): ParsedOptions<typeof OPTIONS[number]["name"]> {
  const args = words === "" ? [] : words.split(" ");
  return parseOptions(args, { command: "test", synopsis: "", description: "", options: OPTIONS });
}

function settings(words: string): Partial<TcpConfig> {
  const options = parse(words);
  return { ...parseConnectionOptions(options).tcp, ...parseListeningOptions(options).tcp };
}

/** What to type, and what it sets. */
const EACH: readonly (readonly [words: string, tcp: Partial<TcpConfig>])[] = [
  ["--recv-buffer 64K", { receiveBufferBytes: 0x10000 }],
  ["--send-buffer 2M", { sendBufferBytes: 0x200000 }],
  ["--mss 1000", { mss: 1000 }],
  ["--no-sack", { sack: false }],
  ["--no-timestamps", { timestamps: false }],
  ["--no-window-scale", { windowScaling: false }],
  ["--ecn request", { ecn: "request" }],
  ["--ecn off", { ecn: "off" }],
  ["--dscp 46", { dscp: 46 }],
  ["--msl 0.5", { mslUs: 500_000 }],
  ["--time-wait 2s", { timeWaitUs: 2_000_000 }],
  ["--fin-wait-2 5", { finWait2Us: 5_000_000 }],
  ["--rto-initial 3", { rtoInitialUs: 3_000_000 }],
  ["--rto-min 300ms", { rtoMinUs: 300_000 }],
  ["--rto-max 2m", { rtoMaxUs: 120_000_000 }],
  ["--r1 5", { r1Retransmissions: 5 }],
  ["--user-timeout 20", { r2Us: 20_000_000 }],
  ["--orphan-timeout 30", { orphanR2Us: 30_000_000 }],
  ["--keepalive 60/10/5", { keepAliveIdleUs: 60e6, keepAliveIntervalUs: 10e6, keepAliveProbes: 5 }],
  ["--keepalive 60", { keepAliveIdleUs: 60e6 }],
  ["--congestion reno", { congestionControl: "reno" }],
  ["--initial-window 2", { initialWindowSegments: 2 }],
  ["--no-delay", { noDelay: true }],
  ["--quick-acks 0", { quickAcks: 0 }],
  ["--delayed-ack 200ms", { delayedAckUs: 200_000 }],
  ["--max-out-of-order-blocks 4", { maxOutOfOrderBlocks: 4 }],
  ["--challenge-acks 0", { challengeAcksPerSecond: 0 }],
  ["--path-mtu-life 60", { pathMtuLifeUs: 60_000_000 }],
  ["--icmp-hard-errors abort", { icmpHardErrors: "abort" }],
  ["--duplicate-syn rfc9293", { duplicateSyn: "rfc9293" }],
  ["--time-wait-rst ignore", { timeWaitRst: "ignore" }],
  ["--fin-without-ack drop", { finWithoutAck: "drop" }],
  ["--missing-timestamp accept", { missingTimestamp: "accept" }],
  ["--fast-open-option experimental", { fastOpenOption: "experimental" }],
  ["--no-syn-cookies", { synCookies: false }],
  ["--syn-ack-retries 2", { synAckRetransmissions: 2 }],
];

/**
 * R2 for our own SYN is set where connections are opened; habits by `--profile`; by programs, for one connection, a cork, what is
 * not pushed, whether text outlives a reset, and what a packet's header says (of all connections: `--ttl`).
 */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "synR2Us",
  "cork",
  "push",
  "textAfterReset",
  "pathMtuDiscovery",
  "hopLimit",
  ...Object.keys(DEFAULT_TCP_HABITS),
  ...Object.keys(DEFAULT_FAST_OPEN_SETTINGS),
]);

Deno.test("every setting of TCP has an option", () => {
  const covered = new Set(EACH.flatMap(([, tcp]) => Object.keys(tcp)));
  const names = Object.keys(DEFAULT_TCP_CONFIG);
  assertEquals(names.filter((name) => !covered.has(name) && !ELSEWHERE.has(name)), []);
});

Deno.test("each option sets what it names, in the machine's units, and nothing else", () => {
  for (const [words, tcp] of EACH) assertEquals(settings(words), tcp, words);
});

Deno.test("a default that is said aloud sets nothing", () => {
  const words =
    "--msl 30 --ecn accept --congestion cubic --duplicate-syn repeat-syn-ack --time-wait-rst close " +
    "--fin-without-ack ack --missing-timestamp drop --fast-open-option standard --initial-window 10 --quick-acks 10 --delayed-ack 40ms " +
    "--rto-initial 1 --rto-min 0.2 --rto-max 60 --r1 3 --user-timeout 300 --orphan-timeout 100 --fin-wait-2 60 --max-out-of-order-blocks 256 " +
    "--challenge-acks 1000 --path-mtu-life 10m --icmp-hard-errors soft --dscp 0 --syn-cookies --syn-ack-retries 5 --recv-buffer 1M --send-buffer 1M " +
    "--keepalive 7200/75/9";
  assertEquals(settings(words), {});
});

Deno.test("bounds of the host, and keep-alive off by default", () => {
  const plain = parse("");
  const profile = PROFILES.rfc;
  assertEquals(parseConnectionOptions(plain), { profile, tcp: {}, keepAlive: false, ttl: null });
  assertEquals(parseListeningOptions(plain), {
    backlog: 1024,
    maxConnections: 65536,
    maxTimeWait: 32768,
    fastOpen: 0,
    fastOpenKeys: null,
    onFull: "evict",
    memoryBytes: null,
    tcp: {},
  });
  const given = parse(
    "--ttl 5 --keepalive 2h --backlog 3 --max-connections 7 --max-time-wait 9 --on-full refuse --memory 64M --fast-open 5 " +
      "--fast-open-key 000102030405060708090a0b0c0d0e0f",
  );
  assertEquals(parseConnectionOptions(given), { profile, tcp: {}, keepAlive: true, ttl: 5 });
  assertEquals(parseListeningOptions(given), {
    backlog: 3,
    maxConnections: 7,
    maxTimeWait: 9,
    fastOpen: 5,
    fastOpenKeys: [Uint8Array.from({ length: 16 }, (_, i) => i)],
    onFull: "refuse",
    memoryBytes: 64 * 0x100000,
    tcp: {},
  });
});

Deno.test("each bad value is one line with the option, the value and what was expected", () => {
  const cases: readonly (readonly [words: string, line: string])[] = [
    ["--duplicate-syn linux", "--duplicate-syn linux: expected one of repeat-syn-ack, rfc9293"],
    ["--time-wait-rst drop", "--time-wait-rst drop: expected one of close, ignore"],
    ["--fin-without-ack ignore", "--fin-without-ack ignore: expected one of ack, drop"],
    ["--missing-timestamp no", "--missing-timestamp no: expected one of drop, accept"],
    ["--congestion bbr", "--congestion bbr: expected one of cubic, reno"],
    ["--ecn on", "--ecn on: expected one of off, accept, request"],
    ["--initial-window 0", "--initial-window 0: expected segments from 1 to 1000"],
    ["--delayed-ack 0.5", "--delayed-ack 0.5: expected seconds"],
    ["--quick-acks -1", "--quick-acks"],
    ["--syn-ack-retries 31", "--syn-ack-retries 31: expected a whole number from 0 to 30"],
    ["--user-timeout 0", "--user-timeout 0: expected seconds"],
    ["--keepalive 60/10/5/1", "--keepalive 60/10/5/1: expected IDLE[/INTERVAL[/PROBES]]"],
    ["--keepalive 60/10/1", "--keepalive 1: expected probes from 2 to 1000"],
    ["--keepalive 60/", "--keepalive : expected seconds"],
    ["--max-out-of-order-blocks 0", "--max-out-of-order-blocks 0: expected"],
    ["--max-time-wait 0", "--max-time-wait 0: expected"],
    ["--challenge-acks many", "--challenge-acks many: expected"],
    ["--ttl 256", "--ttl 256: expected a whole number from 1 to 255"],
    ["--ttl 0", "--ttl 0: expected a whole number from 1 to 255"],
    ["--dscp 64", "--dscp 64: expected a whole number from 0 to 63"],
    ["--rto-min 10 --rto-max 2", "--rto-min (10 s) lies above --rto-max (2 s)"],
    ["--rto-initial 3 --rto-max 2", "--rto-initial (3 s) lies above --rto-max (2 s)"],
    ["--syn-cookies --no-syn-cookies", "--syn-cookies and --no-syn-cookies exclude each other"],
    ["--mss 87", "--mss 87: expected bytes from 88 to 65495"],
  ];
  for (const [words, line] of cases) {
    const error = assertThrows(() => settings(words), UsageError);
    assert(error.message.includes(line), `${words}: ${error.message}`);
    assert(!error.message.includes("\n"), words);
  }
});

Deno.test("--duplicate-syn reaches the machine", () => {
  for (const [words, flags, seq] of [["", "SYN ACK", 0], ["--duplicate-syn rfc9293", "ACK", 1]] as const) {
    const { peer } = reachSynRcvd({ tcp: settings(words) });
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    peer.expects({ flags, seq, ack: 1 });
    peer.expectsSilence();
  }
});

Deno.test("--time-wait-rst reaches the machine", () => {
  for (const [words, state] of [["", "CLOSED"], ["--time-wait-rst ignore", "TIME_WAIT"]] as const) {
    const { peer, app } = reachTimeWait({ tcp: settings(words) });
    peer.sends({ flags: "RST", seq: 2 });
    peer.expectsSilence();
    assertEquals(app.state, state);
  }
});

Deno.test("--fin-without-ack reaches the machine", () => {
  for (const [words, answers] of [["", true], ["--fin-without-ack drop", false]] as const) {
    const { peer } = reachEstablished({ tcp: settings(words) });
    peer.sends({ flags: "FIN", seq: -5 });
    if (answers) peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
  }
});

Deno.test("--missing-timestamp reaches the machine", () => {
  for (const [words, text] of [["", ""], ["--missing-timestamp accept", "hello"]] as const) {
    const { peer, app } = reachEstablished({ tcp: settings(words), options: ALL_OPTIONS });
    peer.sends({ flags: "ACK", seq: 1, data: "hello", options: { timestamps: null } });
    assertEquals(app.text, text);
  }
});

Deno.test("--ecn request asks for it on an active open, off grants it to nobody", () => {
  for (const [words, bits] of [["", "SYN"], ["--ecn request", "SYN ECE CWR"]] as const) {
    const lab = new Lab({ tcp: settings(words) });
    const peer = lab.peer();
    lab.connect(peer);
    peer.expects({ flags: bits, seq: 0 });
  }
  for (const [words, bits] of [["", "SYN ACK ECE"], ["--ecn off", "SYN ACK"]] as const) {
    const lab = new Lab({ tcp: settings(words) });
    lab.listen();
    const peer = lab.peer();
    peer.sends({ flags: "SYN ECE CWR", seq: 0, options: { mss: 1460 } });
    peer.expects({ flags: bits, seq: 0, ack: 1 });
  }
});

Deno.test("--initial-window bounds the first flight, --mss and --no-... the offer", () => {
  for (const [words, segments] of [["", 10], ["--initial-window 3", 3]] as const) {
    const { peer, app } = reachEstablished({ tcp: settings(words) });
    app.write(40_000);
    assertEquals(peer.takeAll().length, segments);
  }
  const lab = new Lab({ tcp: settings("--mss 1000 --no-sack --no-timestamps --no-window-scale") });
  lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: ALL_OPTIONS });
  assertEquals(peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 }).options, { mss: 1000 });
});

Deno.test("--delayed-ack and --quick-acks set when an acknowledgment leaves", () => {
  const options = ALL_OPTIONS;
  const { lab, peer } = reachEstablished({ tcp: settings("--quick-acks 0 --delayed-ack 300ms"), options });
  // The first text opens the window, which a SYN cannot state in full.
  peer.sends({ flags: "ACK", seq: 1, data: "x" });
  peer.takeAll();
  peer.mark();
  peer.sends({ flags: "ACK", seq: 2, data: "x" });
  peer.expectsSilence();
  lab.pass(SECOND_US);
  peer.expects({ flags: "ACK", seq: 1, ack: 3, afterUs: 300_000 });
  const quick = reachEstablished({ tcp: settings("--delayed-ack 300ms"), options });
  quick.peer.sends({ flags: "ACK", seq: 1, data: "x" });
  quick.peer.takeAll();
  quick.peer.sends({ flags: "ACK", seq: 2, data: "x" });
  quick.peer.expects({ flags: "ACK", seq: 1, ack: 3 });
});

Deno.test("--syn-ack-retries and --rto-initial set how a SYN-ACK is repeated", () => {
  const { lab, peer, app } = reachSynRcvd({ tcp: settings("--syn-ack-retries 2 --rto-initial 2") });
  peer.mark();
  lab.pass(100 * SECOND_US);
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1, afterUs: 2 * SECOND_US });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1, afterUs: 6 * SECOND_US });
  peer.expectsSilence();
  assertEquals(app.closed, ["timeout"]);
});

Deno.test("--user-timeout ends a connection whose peer does not answer", () => {
  const { lab, app } = reachEstablished({ tcp: settings("--user-timeout 5") });
  app.write("x");
  lab.pass(20 * SECOND_US);
  assertEquals(app.closed, ["timeout"]);
});

Deno.test("--msl, --time-wait and --fin-wait-2 set how long those states last", () => {
  for (const [words, seconds] of [["--msl 3", 6], ["--msl 3 --time-wait 2", 2]] as const) {
    const { lab, app } = reachTimeWait({ tcp: settings(words) });
    lab.pass((seconds - 0.1) * SECOND_US);
    assertEquals(app.state, "TIME_WAIT", words);
    lab.pass(0.2 * SECOND_US);
    assertEquals(app.state, "CLOSED", words);
  }
  const { lab, app } = reachFinWait2({ tcp: settings("--fin-wait-2 4") });
  app.close();
  lab.pass(3.9 * SECOND_US);
  assertEquals(app.state, "FIN_WAIT_2");
  lab.pass(0.2 * SECOND_US);
  assertEquals(app.closed, ["timeout"]);
});

Deno.test("--keepalive probes an idle connection, and gives it up", () => {
  const { lab, peer, app } = reachEstablished({ tcp: settings("--keepalive 10/2/3") });
  lab.user(() => app.connection.setKeepAlive(true));
  peer.mark();
  lab.pass(60 * SECOND_US);
  for (const seconds of [10, 12, 14]) {
    peer.expects({ flags: "ACK", seq: 0, ack: 1, afterUs: seconds * SECOND_US });
  }
  assertEquals(app.closed, ["timeout"]);
});

Deno.test("--max-out-of-order-blocks and --challenge-acks are bounds", () => {
  const islands = reachEstablished({ tcp: settings("--max-out-of-order-blocks 2") });
  for (const seq of [1001, 3001, 5001]) islands.peer.sends({ flags: "ACK", seq, ack: 1, data: 10 });
  assertEquals(islands.lab.host.counters()["out-of-order-refused"], 1);
  const silent = reachEstablished({ tcp: settings("--challenge-acks 0") });
  silent.peer.sends({ flags: "SYN", seq: 1 });
  silent.peer.expectsSilence();
});

Deno.test("--no-syn-cookies drops a SYN beyond the backlog", () => {
  for (const [words, answers] of [["", 2], ["--no-syn-cookies", 1]] as const) {
    const lab = new Lab({ tcp: settings(words) });
    lab.listen({ backlog: 1 });
    const peers = [lab.peer(), lab.peer()];
    for (const peer of peers) peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    assertEquals(peers.flatMap((peer) => peer.takeAll()).length, answers);
  }
});

Deno.test("--dscp and --ttl mark the packets", () => {
  const { ttl, tcp } = parseConnectionOptions(parse("--dscp 46 --ttl 7"));
  assert(ttl !== null);
  const lab = new Lab({ tcp, ttl });
  lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  const { packet } = peer.expects({ flags: "SYN ACK", seq: 0 });
  assertEquals([packet.dscp, packet.ttl], [46, 7]);
});

Deno.test("--recv-buffer bounds the window, --send-buffer what is taken, --rto-min the timer", () => {
  const tcp = settings("--recv-buffer 8K --send-buffer 4K --rto-min 700ms");
  const { peer, app } = reachEstablished({ tcp, autoRead: false });
  assertEquals(peer.hostWindow, 8192);
  assertEquals(app.write(20_000), 4096);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 4097 });
  assertEquals(app.connection.info().rtoUs, 700_000);
});

Deno.test("--congestion chooses the algorithm, --no-delay switches Nagle off, --r1 when the application is told", () => {
  for (const [words, name] of [["", "cubic"], ["--congestion reno", "reno"]] as const) {
    assertEquals(reachEstablished({ tcp: settings(words) }).app.connection.info().congestionControl, name);
  }
  for (const [words, segments] of [["", 1], ["--no-delay", 2]] as const) {
    const { peer, app } = reachEstablished({ tcp: settings(words) });
    for (const text of ["a", "b"]) app.write(text);
    assertEquals(peer.takeAll().length, segments);
  }
  const { lab, peer, app } = reachEstablished({ tcp: settings("--r1 1 --rto-max 2") });
  app.write("a");
  lab.pass(10 * SECOND_US);
  assertEquals(app.advice.length, 1);
  const times = peer.takeAll().map(({ atUs }) => atUs);
  const last = times.slice(1).map((at, i) => at - times[i]).at(-1);
  assertEquals(last, 2 * SECOND_US);
});

Deno.test("--profile: whose habits there are, and what is given beside it comes before it", () => {
  const { profile, tcp } = parseConnectionOptions(
    parse("--profile freebsd --delayed-ack 0.1 --rto-initial 1"),
  );
  assertEquals(profile.name, "freebsd");
  // What the profile has already need not be said.
  assertEquals(tcp, { delayedAckUs: 100_000 });
  // What is as without a profile has to be, where the profile has it otherwise.
  const linux = parseConnectionOptions(parse("--profile linux --quick-acks 10 --recv-buffer 1M"));
  assertEquals(linux.tcp, { quickAcks: 10, receiveBufferBytes: 0x100000, receiveBufferMostBytes: 0 });
  const listening = parseListeningOptions(parse("--syn-ack-retries 5"), PROFILES.freebsd);
  assertEquals(listening.tcp, { synAckRetransmissions: 5 });
  assertThrows(() => parseConnectionOptions(parse("--profile windows")), UsageError, "rfc");
});
