/**
 * A router whose path is narrow, between tcplab and Linux, in both families and both roles: path MTU discovery by "fragmentation
 * needed" (RFC 1191) and by "packet too big" (RFC 8201), on a real path.
 */
import { assert, assertEquals, assertLess } from "@std/assert";
import { selfCommand } from "../../src/cli/self_command.ts";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import {
  type FamilyAddresses,
  familyTest,
  OUR_MAC,
  ROUTED_FAMILIES,
  runPeer,
  startPeer,
} from "./address_families.ts";
import { eventsOf } from "./connect_process.ts";
import { scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { assertStationIsRight } from "./station_judge.ts";
import { JUDGE_PROGRAMS, type JudgedFrame, WireRecording } from "./wire_judge.ts";
import { assertOursAreRight } from "./wire_verdict.ts";

const ETHERNET_BYTES = 14;
const WIDE = 1500;
/** Bytes of a transfer: some hundred segments. */
const BYTES = 1_000_000;
const PORT = 5000;

/** The router, as tcplab's side has it. */
function gatewayOf(lab: PrivateLab, { version }: FamilyAddresses): string {
  const { router } = lab.plan;
  assert(router !== null);
  return version === 4 ? router.addresses.server : router.addresses6.server;
}

/** The largest of ours at first and in the end: it begins as large as its device carries, and shrinks to the path. */
function assertShrinks(frames: readonly JudgedFrame[], about: { ours: string; mtu: number }): void {
  const sizes = frames.filter(({ source, length }) => source === about.ours && length > 0)
    .map(({ frameLength }) => frameLength - ETHERNET_BYTES);
  assertEquals(Math.max(...sizes), WIDE);
  const fits = sizes.map((size) => size <= about.mtu);
  // What had been sent before the word came is the first window, and no more.
  const tooLarge = fits.filter((fit) => !fit).length;
  assertLess(tooLarge, 50, `${tooLarge} of ${sizes.length} segments are too large`);
  assertEquals(Math.max(...sizes.slice(sizes.length >> 1)), about.mtu);
}

for (const mtu of [1280, 1400]) {
  const ROUTED = {
    needs: [...JUDGE_PROGRAMS, "python3", "ethtool"],
    offloads: false,
    router: true,
    routerMtuBytes: mtu,
    families: ROUTED_FAMILIES,
  };

  familyTest(
    `a download through a router with MTU ${mtu} arrives, in segments that shrink`,
    ROUTED,
    async (lab, family) => {
      await using file = await scratchFile(".pcapng");
      await using server = await ServeProcess.start(lab, {
        args: ["--ip", family.oursWithPrefix, "--mac", OUR_MAC, "--app", "chargen"],
        quiet: true,
      });
      const recording = await WireRecording.start(lab, file.path, { side: "server" });
      const { bytes } = await runPeer(lab, ["download", family.ours, 3333, BYTES]);
      assert(bytes >= BYTES);
      await server.event("closed");
      const frames = await recording.judge();
      assertOursAreRight(frames, { ours: family.ours });
      assertShrinks(frames, { ours: family.ours, mtu });
      await assertStationIsRight(file.path, OUR_MAC);
    },
  );

  familyTest(
    `an upload and its echo pass a router with MTU ${mtu}, both ends shrink`,
    ROUTED,
    async (lab, family) => {
      await using file = await scratchFile(".pcapng");
      await using server = await ServeProcess.start(lab, {
        args: ["--ip", family.oursWithPrefix, "--mac", OUR_MAC],
        quiet: true,
      });
      const recording = await WireRecording.start(lab, file.path, { side: "server" });
      const { sent, received, sendMss } = await runPeer(lab, ["echo", family.ours, 3333, BYTES]);
      assertEquals(received, sent);
      // The kernel's own, without the twelve bytes of timestamps.
      assertEquals(sendMss, mtu - family.headerBytes - 12);
      assertEquals((await server.event("closed")).reason, "normal");
      assertShrinks(await recording.judge(), { ours: family.ours, mtu });
    },
  );

  familyTest(
    `connect through a router with MTU ${mtu} sends segments that shrink`,
    ROUTED,
    async (lab, family) => {
      await using file = await scratchFile(".pcapng");
      const server = await startPeer(lab, ["serve", PORT]);
      const recording = await WireRecording.start(lab, file.path, { side: "server" });
      const client = lab.spawn({
        side: "server",
        words: [
          ...[...selfCommand(), "connect", family.client, String(PORT), "--iface", lab.plan.devices.server],
          ...["--ip", family.oursWithPrefix, "--mac", OUR_MAC, "--gateway", gatewayOf(lab, family)],
          ...["--log", "json", "--show", "transitions"],
        ],
        stdin: true,
      });
      await client.write(new TextEncoder().encode("0123456789abcdef".repeat(BYTES / 16)));
      await client.closeInput();
      const { code, stdout, stderr } = await client.result;
      assertEquals(code, 0, stderr);
      const closed = eventsOf(stdout).find((event) => event.event === "closed");
      assert(closed?.event === "closed");
      assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", BYTES, BYTES]);
      const frames = await recording.judge();
      assertOursAreRight(frames, { ours: family.ours });
      assertShrinks(frames, { ours: family.ours, mtu });
      await server.stop();
    },
  );
}
