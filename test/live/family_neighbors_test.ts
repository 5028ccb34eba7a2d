/**
 * Neighbours of both families: the kernel's entry for us stays REACHABLE, and who moves to another hardware address, they or we,
 * is followed within a retransmission (RFC 4861 §7.2.6, RFC 5227 §3).
 */
import { assertEquals, assertLess, assertLessOrEqual, assertMatch, assertStringIncludes } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { type FamilyAddresses, familyTest, OUR_MAC, runIn, runPeer, startPeer } from "./address_families.ts";
import { liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { serverFigures } from "./server_figures.ts";
import { waitFor } from "./wait_for.ts";

const PYTHON = { needs: ["python3", "ping"] };
/** Seconds for which a neighbour is watched. Linux believes one for 15 to 45 s: five minutes show more than one round. */
const WATCHED_S = Deno.env.get("TCPLAB_LONG") === "1" ? 300 : 20;
/** Another station's, and ours after a failover. */
const THEIR_NEW_MAC = "02:00:00:00:aa:01";
const OUR_NEW_MAC = "02:00:00:00:33:44";
/** What the client's kernel has of us: `10.33.0.3 dev veth-client lladdr 02:... REACHABLE`. */
async function neighborEntry(lab: PrivateLab, family: FamilyAddresses): Promise<string> {
  const line = `ip -${family.version} neigh show ${family.ours} dev ${lab.plan.devices.client}`;
  return (await runIn(lab, "client", line)).trim();
}

function serve(lab: PrivateLab, family: FamilyAddresses, args: readonly string[] = []) {
  return ServeProcess.start(lab, { args: ["--ip", family.oursWithPrefix, ...args], quiet: true });
}

familyTest(
  `while there is traffic the kernel's entry for us is REACHABLE, for ${WATCHED_S} s`,
  PYTHON,
  async (lab, family) => {
    await using _server = await serve(lab, family, ["--mac", OUR_MAC]);
    const ping = lab.spawn({
      side: "client",
      words: [
        "ping",
        `-${family.version}`,
        "-n",
        "-i",
        "0.5",
        // With a time limit the last request has none to be answered in.
        "-c",
        String(2 * WATCHED_S),
        "-W",
        "10",
        family.oursFromClient,
      ],
    });
    await waitFor(async () => (await neighborEntry(lab, family)).endsWith(" REACHABLE"), {
      what: "the entry is REACHABLE",
    });
    const seen = new Map<string, number>();
    while (!await ping.endsWithin(500)) {
      const entry = await neighborEntry(lab, family);
      assertStringIncludes(entry, OUR_MAC);
      const state = entry.split(" ").at(-1) ?? "";
      seen.set(state, (seen.get(state) ?? 0) + 1);
    }
    const { stdout } = await ping.result;
    assertMatch(stdout, / 0% packet loss/);
    // Between two rounds an answer in time makes it REACHABLE again: it never has to be asked for by all.
    for (const state of seen.keys()) {
      assertMatch(
        state,
        /^(REACHABLE|STALE|DELAY|PROBE)$/,
        JSON.stringify([...seen]),
      );
    }
    const others = [...seen].filter(([state]) => state !== "REACHABLE").reduce(
      (sum, [, count]) => sum + count,
      0,
    );
    assertLess(others, (seen.get("REACHABLE") ?? 0) / 2, JSON.stringify([...seen]));
  },
);

familyTest("a kernel that doubts us asks us alone, and has its answer", PYTHON, async (lab, family) => {
  await using _server = await serve(lab, family, ["--mac", OUR_MAC]);
  const settings = `/proc/sys/net/ipv${family.version}/neigh/${lab.plan.devices.client}`;
  // Doubts after less than a second, and asks a second later.
  await runIn(
    lab,
    "client",
    `echo 500 >${settings}/base_reachable_time_ms; echo 1 >${settings}/delay_first_probe_time`,
  );
  const peer = await startPeer(lab, ["hold", family.oursFromClient, 3333]);
  for (let round = 0; round < 3; round++) {
    for (const states of [/ (STALE|DELAY|PROBE)$/, / REACHABLE$/]) {
      await waitFor(async () => {
        const entry = await neighborEntry(lab, family);
        assertMatch(entry, / (REACHABLE|STALE|DELAY|PROBE)$/);
        return states.test(entry);
      }, { what: `the entry is ${states.source}`, withinMs: 20_000 });
    }
  }
  assertStringIncludes(await neighborEntry(lab, family), OUR_MAC);
  await peer.closeInput();
  assertEquals((await peer.result).code, 0);
});

/** A download that goes on until it is stopped, and how much has come by now. */
function startDownload(lab: PrivateLab, family: FamilyAddresses) {
  const words = ["python3", "-c", READER, family.oursFromClient];
  const reader = lab.spawn({ side: "client", words });
  const path = `/sys/class/net/${lab.plan.devices.client}/statistics/rx_bytes`;
  return { reader, bytes: async () => Number(await runIn(lab, "client", `cat ${path}`)) };
}

const READER = `
import socket, sys
peer = socket.create_connection((sys.argv[1], 3333), 60)
while peer.recv(65536):
    pass
`;

/** Waits until much more has come than what was under way. */
async function comesOn(bytes: () => Promise<number>): Promise<void> {
  const before = await bytes();
  await waitFor(async () => await bytes() >= before + 1_000_000, {
    what: "the download comes on",
    withinMs: 20_000,
  });
}

familyTest(
  "a client that moves in the middle of a download, and says so to all, is followed within a retransmission",
  PYTHON,
  async (lab, family) => {
    await using server = await serve(lab, family, ["--app", "chargen"]);
    const device = lab.plan.devices.client;
    const { reader, bytes } = startDownload(lab, family);
    await comesOn(bytes);
    const tell = family.version === 4 ? "ipv4/conf/DEV/arp_notify" : "ipv6/conf/DEV/ndisc_notify";
    await runIn(lab, "client", `echo 1 >/proc/sys/net/${tell.replace("DEV", device)}`);
    const { counters: before } = await serverFigures(lab);
    await runIn(lab, "client", `ip link set dev ${device} address ${THEIR_NEW_MAC}`);
    await comesOn(bytes);
    const { counters: after } = await serverFigures(lab);
    // Counted, not timed, for a busy machine takes its time: who does not follow sends again in vain, again and again.
    assertLessOrEqual(after.timeouts - before.timeouts, 1);
    await server.event(
      "notice",
      ({ kind, message }) => kind === "neighbor-moved" && message.includes(THEIR_NEW_MAC),
    );
    await reader.stop();
  },
);

familyTest(
  "a server of ours that takes an address over says so to all, and the kernel follows",
  PYTHON,
  async (lab, family) => {
    const first = await serve(lab, family, ["--mac", OUR_MAC]);
    await runPeer(lab, ["echo", family.oursFromClient, 3333, 1000]);
    assertStringIncludes(await neighborEntry(lab, family), OUR_MAC);
    // It has no time to say goodbye.
    await first.signal("SIGKILL");
    await first.stop();
    await using _second = await serve(lab, family, ["--mac", OUR_NEW_MAC]);
    await waitFor(async () => (await neighborEntry(lab, family)).includes(OUR_NEW_MAC), {
      what: "the kernel has our new hardware address",
      // It believes what it has for 15 s at the least, and nobody asks: it has been told.
      withinMs: 12_000,
    });
    const { bytes } = await runPeer(lab, ["echo", family.oursFromClient, 3333, 1000]);
    assertEquals(bytes, 1000);
  },
);

liveTest(
  "an entry that nobody answers for is told apart from one that is",
  { ...PYTHON, pcap: false },
  async (lab) => {
    // The measure of the tests above: where nobody is, the kernel's entry fails.
    const { devices, tcplabAddress } = lab.plan;
    await lab.run({ side: "client", words: ["ping", "-n", "-c", "1", "-W", "4", tcplabAddress] });
    const entry = await runIn(lab, "client", `ip neigh show ${tcplabAddress} dev ${devices.client}`);
    assertMatch(entry, / (FAILED|INCOMPLETE)/);
  },
);
