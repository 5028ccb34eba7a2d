/**
 * Linux in both roles, over each address family: conversations, bulk transfers, echo requests of any size, scans. tshark judges
 * every frame of ours.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import {
  addressesOfFamily,
  FAMILIES,
  type Family,
  type FamilyAddresses,
  familyTest,
  OUR_MAC,
  runIn,
  runPeer,
  startPeer,
  withPort,
} from "./address_families.ts";
import { eventsOf, pathOf } from "./connect_process.ts";
import { NMAP_PATIENCE } from "./nmap_patience.ts";
import { liveTest, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { assertStationIsRight } from "./station_judge.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";
import { assertOursAreRight } from "./wire_verdict.ts";

const PYTHON = { needs: ["python3"] };
/** Without off-loads the frames have the sums and sizes of a real wire. */
const JUDGED = { needs: [...JUDGE_PROGRAMS, "ethtool", "python3"], offloads: false };
const UPLOAD = 2_000_000;
const PORT = 5000;

/** A server of ours, at the family's address. */
function serve(lab: PrivateLab, { oursWithPrefix }: FamilyAddresses, args: readonly string[] = []) {
  return ServeProcess.start(lab, { args: ["--ip", oursWithPrefix, "--mac", OUR_MAC, ...args], quiet: true });
}

familyTest(
  "a client of the kernel sends two megabytes to echo and gets them back, each frame right",
  JUDGED,
  async (lab, family) => {
    await using file = await scratchFile(".pcapng");
    await using server = await serve(lab, family);
    const recording = await WireRecording.start(lab, file.path);
    const { sent, received, bytes } = await runPeer(lab, ["echo", family.oursFromClient, 3333, UPLOAD]);
    assertEquals([bytes, received], [UPLOAD, sent]);
    const { reason, states } = await server.event("closed");
    assertEquals(reason, "normal");
    assertEquals(states, ["LISTEN", "SYN_RCVD", "ESTABLISHED", "CLOSE_WAIT", "LAST_ACK", "CLOSED"]);
    const frames = await recording.judge();
    assertOursAreRight(frames, { ours: family.ours });
    // Not one byte of a segment's room is given away.
    const largest = Math.max(
      ...frames.filter(({ source }) => source === family.ours).map(({ length }) => length),
    );
    assertEquals(largest, 1500 - family.headerBytes - 12);
    await assertStationIsRight(file.path, OUR_MAC);
  },
);

familyTest("curl talks to echo", { needs: ["curl"] }, async (lab, family) => {
  await using server = await serve(lab, family);
  const echoed = Promise.withResolvers<void>();
  // In a URL the sign before a zone is itself escaped (RFC 6874 §2).
  const url = `telnet://${withPort(family.oursFromClient.replace("%", "%25"), 3333)}`;
  const curl = lab.spawn({
    side: "client",
    words: ["curl", `-${family.version}`, "--silent", "--no-buffer", "--max-time", "60", url],
    stdin: true,
    onStdout: () => echoed.resolve(),
  });
  await curl.write(new TextEncoder().encode("by curl\n"));
  // It looks for an answer for 0.1 s and then for input, in which it waits for ever where that goes on.
  await curl.closeInput();
  await Promise.race([echoed.promise, curl.result]);
  assertEquals((await curl.stop()).stdout, "by curl\n");
  const closed = await server.event("closed");
  assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", 8, 8]);
});

familyTest("connect talks to a server of the kernel, and closes in order", JUDGED, async (lab, family) => {
  await using file = await scratchFile(".pcapng");
  const server = await startPeer(lab, ["serve", PORT]);
  const recording = await WireRecording.start(lab, file.path);
  const { code, stdout, stderr } = await talkTo(lab, { family, text: "hello from tcplab\n" });
  assertEquals(code, 0, stderr);
  const events = eventsOf(stdout);
  assertEquals(pathOf(events).slice(0, 5), ["CLOSED", "SYN_SENT", "ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2"]);
  const closed = events.find((event) => event.event === "closed");
  assert(closed?.event === "closed");
  assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", 18, 18]);
  assertOursAreRight(await recording.judge(), { ours: family.ours });
  await assertStationIsRight(file.path, OUR_MAC);
  await server.stop();
});

/** `connect` on the server's device, to the client's kernel. */
async function talkTo(lab: PrivateLab, about: { family: FamilyAddresses; text: string; port?: number }) {
  const { family, text, port = PORT } = about;
  const client = lab.spawn({
    side: "server",
    words: [
      ...[
        ...selfCommand(),
        "connect",
        family.clientFromServer,
        String(port),
        "--iface",
        lab.plan.devices.server,
      ],
      ...["--ip", family.oursWithPrefix, "--mac", OUR_MAC, "--log", "json"],
    ],
    stdin: true,
  });
  await client.write(new TextEncoder().encode(text));
  await client.closeInput();
  return await client.result;
}

familyTest("connect to a port that nobody has is refused, in a line", {}, async (lab, family) => {
  const { code, stderr } = await talkTo(lab, { family, text: "", port: 9 });
  assertEquals([code, stderr.trim().split("\n").length], [1, 1], stderr);
  assertStringIncludes(stderr, "refuses the connection");
});

/** Data bytes of an echo request: a small one, the largest that are whole, the first that is not, and such of many fragments. */
const SIZES = [8, 1400, 1500, 8000, 60_000];

familyTest("ping of every size is answered, in fragments too", JUDGED, async (lab, family) => {
  await using file = await scratchFile(".pcapng");
  await using _server = await serve(lab, family);
  const recording = await WireRecording.start(lab, file.path);
  for (const size of SIZES) {
    const said = await runIn(
      lab,
      "client",
      `ping -${family.version} -n -c 3 -i 0.2 -W 5 -s ${size} ${family.oursFromClient}`,
    );
    assertMatch(said, / 3 received/, `${size} bytes: ${said}`);
  }
  await recording.end();
  const frames = await assertStationIsRight(file.path, OUR_MAC);
  // What does not fit goes out in as many frames as it needs, and in no others.
  assert(Math.max(...frames.map(({ length }) => length)) <= 1514);
  const room = Math.floor((1500 - (family.version === 4 ? 20 : 48)) / 8) * 8;
  const wanted = SIZES.map((size) => {
    const whole = 1500 - (family.version === 4 ? 20 : 40);
    return size + 8 <= whole ? 1 : Math.ceil((size + 8) / room);
  }).reduce((sum, count) => sum + 3 * count, 0);
  const echoes = frames.filter(({ protocols, length }) => !protocols.includes("arp") && length > 0);
  assert(echoes.length >= wanted, `${echoes.length} frames, and ${wanted} for the echoes`);
});

familyTest("nmap sees which ports are open", { needs: ["nmap"] }, async (lab, family) => {
  await using _server = await serve(lab, family);
  for (const scan of ["-sT", "-sS"]) {
    const version = family.version === 6 ? "-6" : "";
    const said = await runIn(
      lab,
      "client",
      `nmap ${version} -n -Pn ${NMAP_PATIENCE.join(" ")} ${scan} -p 3333,3334 ` +
        `-e ${lab.plan.devices.client} ${family.oursFromClient}`,
    );
    const states = [...said.matchAll(/^(\d+)\/tcp +(\S+)/gm)].map(([, port, state]) => [port, state]);
    assertEquals(states, [["3333", "open"], ["3334", "closed"]], said);
  }
});

/** Families of the kernels of a lab that has both: one server of ours answers in each. */
const BOTH: readonly Family[] = ["ipv4", "ipv6", "link-local"];

liveTest("one server answers at addresses of both families, and netstat has them all", {
  ...PYTHON,
  ipv6: true,
  missing: FAMILIES.length < BOTH.length ? "IPv6 comes later" : null,
}, async (lab) => {
  const all: FamilyAddresses[] = [];
  for (const family of BOTH) all.push(await addressesOfFamily(lab, family));
  const list = all.map(({ oursWithPrefix }) => oursWithPrefix).join(",");
  await using _server = await ServeProcess.start(lab, { args: ["--ip", list], quiet: true });
  const held = [];
  for (const { oursFromClient } of all) held.push(await startPeer(lab, ["hold", oursFromClient, 3333]));
  const { code, stdout, stderr } = await lab.run({ side: "server", words: [...selfCommand(), "netstat"] });
  assertEquals(code, 0, stderr);
  for (const { ours } of all) {
    const row = stdout.split("\n").find((line) =>
      line.includes(withPort(ours, 3333)) && line.includes("ESTABLISHED")
    );
    assert(row !== undefined, `${ours} in ${stdout}`);
  }
  for (const peer of held) {
    await peer.closeInput();
    assertEquals((await peer.result).code, 0);
  }
});
