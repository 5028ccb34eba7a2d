/**
 * The active side against the kernel's TCP: the states of the client, refusal, time-out, reset, half-closing, and
 * bytes both ways. Shows MUST-13 from outside.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertStringIncludes } from "@std/assert";
import { eventsOf, pathOf, SERVER_PORT, startConnect, startKernelServer } from "./connect_process.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { undisturbed } from "./sent_again.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

const PYTHON = { needs: ["python3"] };
const PORT = String(SERVER_PORT);

function oneLine(stderr: string): string {
  const lines = stderr.trim().split("\n");
  assertEquals(lines.length, 1, stderr);
  return lines[0];
}

liveTest(
  "connect passes through the client's states, and stays in TIME_WAIT when told so",
  { offloads: false, needs: [...JUDGE_PROGRAMS, "ethtool", "python3"] },
  async (lab) => {
    await using file = await scratchFile(".pcapng");
    await using _server = await startKernelServer(lab, "echo");
    const { code, stdout, stderr, frames } = await undisturbed(file.path, async () => {
      const recording = await WireRecording.start(lab, file.path);
      const client = startConnect(lab, [PORT, "--log", "json", "--msl", "0.2", "--wait-time-wait"]);
      await client.write(new TextEncoder().encode("hello\n"));
      await client.closeInput();
      return { ...await client.result, frames: await recording.judge() };
    });
    assertEquals(code, 0, stderr);
    const events = eventsOf(stdout);
    const path = ["CLOSED", "SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT", "CLOSED"];
    assertEquals(pathOf(events), path);
    const closed = events.find((event) => event.event === "closed");
    assert(closed?.event === "closed");
    assertEquals([closed.reason, closed.bytesIn, closed.bytesOut, closed.states], ["normal", 6, 6, path]);
    const at = (state: string) =>
      events.find((event) => event.event === "transition" && event.to === state)?.time ?? NaN;
    assertGreaterOrEqual(closed.time - at("TIME_WAIT"), 0.4);
    assertEquals(events[events.length - 1].event, "summary");
    for (const frame of frames) {
      const where = `frame ${frame.number} (${frame.flags})`;
      assertEquals([frame.tcpChecksum, frame.malformed, frame.analysis], ["good", false, []], where);
    }
  },
);

liveTest("connect leaves TIME_WAIT at once by default, without a RST", PYTHON, async (lab) => {
  await using _server = await startKernelServer(lab, "echo");
  const client = startConnect(lab, [PORT, "--log", "json"]);
  await client.closeInput();
  const { code, stdout, stderr } = await client.result;
  assertEquals(code, 0, stderr);
  const events = eventsOf(stdout);
  assertEquals(pathOf(events).slice(-2), ["TIME_WAIT", "CLOSED"]);
  assert(!events.some((event) => event.event === "segment" && event.flags.includes("RST")), stdout);
  assertStringIncludes(oneLine(stderr), "Left TIME_WAIT early, which lasts 60 s");
});

liveTest("connect --keepalive probes the kernel's TCP, and the kernel answers", PYTHON, async (lab) => {
  await using _server = await startKernelServer(lab, "echo");
  const probed = Promise.withResolvers<void>();
  let probes = 0;
  const client = startConnect(lab, [PORT, "--log", "json", "--keepalive", "0.6/0.6/2"], (line) => {
    if (line.includes('"kind":"keepalive"') && ++probes === 3) probed.resolve();
  });
  client.result.then(({ stdout, stderr }) => probed.reject(new Error(`${stdout}${stderr}`)));
  // One more than would end the connection if nobody answered. (Linux answers one such segment in half a second.)
  await probed.promise;
  await client.closeInput();
  const { code, stdout, stderr } = await client.result;
  assertEquals(code, 0, stderr);
  assertEquals(pathOf(eventsOf(stdout)).slice(1, 3), ["SYN_SENT", "ESTABLISHED"]);
});

liveTest("connect without a log puts the peer's bytes, and nothing else, on stdout", PYTHON, async (lab) => {
  await using _server = await startKernelServer(lab, "echo");
  const text = Array.from({ length: 20_000 }, (_, i) => `line ${i} of a long text\n`).join("");
  const client = startConnect(lab, [PORT, "--log", "none"]);
  await client.write(new TextEncoder().encode(text));
  await client.closeInput();
  const { code, stdout, stderr } = await client.result;
  assertEquals([code, stdout.length], [0, text.length], stderr);
  assert(stdout === text);
});

liveTest("connect puts what arrives into a file, beside the log", PYTHON, async (lab) => {
  await using file = await scratchFile(".out");
  await using _server = await startKernelServer(lab, "close");
  const halfClosed = Promise.withResolvers<void>();
  const client = startConnect(lab, [PORT, "--log", "json", "-o", file.path], (line) => {
    if (line.includes('"to":"CLOSE_WAIT"')) halfClosed.resolve();
  });
  // The server closes first: our direction stays open until the input ends.
  await halfClosed.promise;
  await client.closeInput();
  const { code, stdout, stderr } = await client.result;
  assertEquals([code, stderr], [0, ""]);
  assertEquals(await Deno.readTextFile(file.path), "goodbye\n");
  assertEquals(pathOf(eventsOf(stdout)), [
    "CLOSED",
    "SYN_SENT",
    "ESTABLISHED",
    "CLOSE_WAIT",
    "LAST_ACK",
    "CLOSED",
  ]);
});

liveTest("a connection that is refused is one line and status 1", {}, async (lab) => {
  const client = startConnect(lab, [PORT, "--log", "json"]);
  const { code, stdout, stderr } = await client.result;
  assertEquals(code, 1);
  assertStringIncludes(oneLine(stderr), `${lab.plan.addresses.client}:${PORT} refuses the connection`);
  const events = eventsOf(stdout);
  assertEquals(pathOf(events), ["CLOSED", "SYN_SENT", "CLOSED"]);
  const closed = events.find((event) => event.event === "closed");
  assert(closed?.event === "closed");
  assertEquals(closed.reason, "refused");
});

liveTest("a SYN that nobody answers is sent again, and given up in time", { needs: ["nft"] }, async (lab) => {
  const rules = "add table ip t; add chain ip t c { type filter hook input priority 0; }; " +
    `add rule ip t c tcp dport ${PORT} drop`;
  assertEquals((await lab.run({ side: "client", words: ["nft", rules] })).code, 0);
  // A machine that stands still for three of the five seconds sends it again often enough in the others.
  const client = startConnect(lab, [PORT, "--log", "json", "--syn-timeout", "5", "--rto-initial", "0.1"]);
  const { code, stdout, stderr } = await client.result;
  assertEquals(code, 1);
  assertStringIncludes(oneLine(stderr), "does not answer the SYN");
  const events = eventsOf(stdout);
  const again = events.filter((event) => event.event === "retransmit");
  assertGreaterOrEqual(again.length, 2);
  assert(again.every((event) => event.kind === "syn"));
  const closed = events.find((event) => event.event === "closed");
  assert(closed?.event === "closed" && closed.reason === "timeout", stdout);
});

liveTest("a reset by the peer is one line and status 1", PYTHON, async (lab) => {
  await using _server = await startKernelServer(lab, "reset");
  const client = startConnect(lab, [PORT, "--log", "none"]);
  await client.write(new TextEncoder().encode("hello\n"));
  const { code, stderr } = await client.result;
  assertEquals(code, 1);
  assertStringIncludes(oneLine(stderr), "has reset the connection");
});

liveTest("Ctrl-C closes the connection in order, status 0", PYTHON, async (lab) => {
  await using _server = await startKernelServer(lab, "echo");
  const established = Promise.withResolvers<void>();
  const client = startConnect(lab, [PORT, "--log", "json"], (line) => {
    if (line.includes('"to":"ESTABLISHED"')) established.resolve();
  });
  await established.promise;
  await client.signal("SIGINT");
  const { code, stdout, stderr } = await client.result;
  assertEquals(code, 0, stderr);
  const path = pathOf(eventsOf(stdout));
  assertEquals(path.slice(0, 4), ["CLOSED", "SYN_SENT", "ESTABLISHED", "FIN_WAIT_1"]);
  assert(!stdout.includes('"RST"'), stdout);
});

liveTest("a host that does not answer ARP is one line and status 1, after three seconds", {}, async (lab) => {
  const beganMs = performance.now();
  const { code, stdout, stderr } = await startConnect(lab, ["10.33.0.77", PORT, "--log", "json"]).result;
  assertEquals(code, 1);
  assertStringIncludes(oneLine(stderr), "Nobody on veth-server answers ARP for 10.33.0.77");
  assertEquals(pathOf(eventsOf(stdout)), ["CLOSED", "SYN_SENT", "CLOSED"]);
  assertGreaterOrEqual(performance.now() - beganMs, 3000);
});

liveTest("hosts that cannot be reached are named before anything is sent", {}, async (lab) => {
  const cases: readonly (readonly [host: string, line: string])[] = [
    ["10.34.0.77", "10.34.0.77 is outside the subnet of --ip (10.33.0.3/24)"],
    [lab.plan.tcplabAddress, "is the address that tcplab itself answers for"],
    [lab.plan.addresses.server, "is this host's own address on veth-server"],
  ];
  for (const [host, line] of cases) {
    const { code, stdout, stderr } = await startConnect(lab, [host, PORT]).result;
    assertEquals([code, stdout], [1, ""], stderr);
    assertStringIncludes(oneLine(stderr), line);
  }
});

liveTest("a gateway leads to another subnet", PYTHON, async (lab) => {
  await using _server = await startKernelServer(lab, "echo");
  const words = ["ip", "address", "add", "10.99.0.1/32", "dev", "lo"];
  assertEquals((await lab.run({ side: "client", words })).code, 0);
  const args = ["10.99.0.1", PORT, "--gateway", lab.plan.addresses.client, "--log", "none"];
  const client = startConnect(lab, args);
  await client.write(new TextEncoder().encode("over the hill\n"));
  await client.closeInput();
  const { code, stdout, stderr } = await client.result;
  assertEquals([code, stdout], [0, "over the hill\n"], stderr);
});
