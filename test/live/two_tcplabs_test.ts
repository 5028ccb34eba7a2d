/**
 * Two tcplabs that talk to each other, no kernel's TCP between them: on one cable, and across a switch with three clients that
 * looks into MLD; over each address family.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { LabSide } from "../../src/cli/lab_plan.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { selfCommand } from "../../src/cli/self_command.ts";
import { FAMILIES, type FamilyAddresses, familyTest, OUR_MAC, runIn, runPeer } from "./address_families.ts";
import { eventsOf } from "./connect_process.ts";
import { scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { assertStationIsRight } from "./station_judge.ts";
import { waitFor } from "./wait_for.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

const JUDGED = { needs: [...JUDGE_PROGRAMS, "ethtool"], offloads: false };
const SWITCHED = { ...JUDGED, needs: [...JUDGED.needs, "bridge", "python3"], bridge: true, hosts: 3 };
const TEXT = "0123456789abcdef".repeat(20_000);

function serve(lab: PrivateLab, { oursWithPrefix }: FamilyAddresses) {
  return ServeProcess.start(lab, { args: ["--ip", oursWithPrefix, "--mac", OUR_MAC], quiet: true });
}

/** A client of ours on another side than the server's: it sends {@link TEXT}, and demands it back. */
async function talk(
  lab: PrivateLab,
  about: { family: FamilyAddresses; side: LabSide; number: number },
): Promise<void> {
  const { family, side, number } = about;
  const own = family.oursWithPrefix.replace(/3\//, `${number}/`);
  const target = family.family === "link-local" ? `${family.ours}%${lab.plan.devices[side]}` : family.ours;
  const client = lab.spawn({
    side,
    words: [
      ...[...selfCommand(), "connect", target, "3333", "--iface", lab.plan.devices[side], "--ip", own],
      ...["--mac", macOfOurs(number), "--log", "json", "--show", "transitions"],
    ],
    stdin: true,
  });
  await client.write(new TextEncoder().encode(TEXT));
  await client.closeInput();
  const { code, stdout, stderr } = await client.result;
  assertEquals(code, 0, stderr);
  const closed = eventsOf(stdout).find((event) => event.event === "closed");
  assert(closed?.event === "closed", stdout);
  assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", TEXT.length, TEXT.length]);
}

function macOfOurs(number: number): string {
  return `02:00:00:00:55:0${number}`;
}

familyTest(
  "two tcplabs on a cable talk to each other, each frame of both right",
  JUDGED,
  async (lab, family) => {
    await using file = await scratchFile(".pcapng");
    await using server = await serve(lab, family);
    const recording = await WireRecording.start(lab, file.path);
    await talk(lab, { family, side: "client", number: 4 });
    assertEquals((await server.event("closed")).reason, "normal");
    await recording.end();
    for (const mac of [OUR_MAC, macOfOurs(4)]) await assertStationIsRight(file.path, mac);
  },
);

familyTest(
  "across a switch with three clients two tcplabs and a kernel talk to a third at once",
  SWITCHED,
  async (lab, family) => {
    await using server = await serve(lab, family);
    const fromKernel = family.family === "link-local"
      ? `${family.ours}%${lab.plan.devices.client3}`
      : family.ours;
    const [, , { sent, received }] = await Promise.all([
      talk(lab, { family, side: "client", number: 4 }),
      talk(lab, { family, side: "client2", number: 5 }),
      runPeer(lab, ["echo", fromKernel, 3333, TEXT.length], "client3"),
    ]);
    assertEquals(received, sent);
    await server.count("closed", 3);
    assertEquals(server.all("closed").map(({ reason }) => reason), ["normal", "normal", "normal"]);
    // The switch has learnt where we are, as of any other station.
    assertStringIncludes(await runIn(lab, "switch", "bridge fdb show dev to-server"), OUR_MAC);
  },
);

familyTest(
  "a switch that looks into MLD knows our groups, and so a client behind it still finds us",
  { ...SWITCHED, families: FAMILIES.filter((name) => name !== "ipv4") },
  async (lab, family) => {
    await using _server = await serve(lab, family);
    // The solicited-node group of ...:3 (RFC 4291 §2.7.1).
    await waitFor(
      async () =>
        (await runIn(lab, "switch", "bridge mdb show")).includes("port to-server grp ff02::1:ff00:3"),
      { what: "the switch knows that we listen to our group" },
    );
    // By now it keeps from a port what has not been asked for there: who asks for us by the group has its answer all the same.
    await runIn(lab, "client", `ip -6 neigh flush dev ${lab.plan.devices.client}`);
    await talkByKernel(lab, family);
  },
);

async function talkByKernel(lab: PrivateLab, family: FamilyAddresses): Promise<void> {
  const { sent, received } = await runPeer(lab, ["echo", family.oursFromClient, 3333, 10_000]);
  assertEquals(received, sent);
}
