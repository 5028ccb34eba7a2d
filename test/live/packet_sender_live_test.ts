/**
 * The fast ways of sending on Linux, `--tx batch` and `--tx gso`: a kernel receives what was sent, over good and bad
 * lines, with off-loads and without, and tshark finds plain TCP on the wire.
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import type { SegmentEvent } from "../../src/tcp/events.ts";
import { besideTests, liveTest, refusalOf, scratchFile } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";
import { JUDGE_PROGRAMS, WireRecording } from "./wire_judge.ts";

const MEGABYTE = 1_000_000;
/** An Ethernet header and the MTU of the lab. */
const LARGEST_FRAME_BYTES = 1514;

/** A line of 400 Mbit/s with a queue shorter than a congestion window. */
const SLOW_LINE = ["root", "tbf", "rate", "400mbit", "burst", "128kb", "limit", "256kb"];

/** Local choice: of some hundred large segments chance may take none, so in one of two thousand downloads. */
const MOST_DOWNLOADS = 5;

interface Transfer {
  readonly bytes: number;
  readonly wrongAt: number;
}

/** Why there can be no slow line here, or null. */
const slowLineRefusal = await refusalOf(
  `ip link add one type veth && tc qdisc add dev one ${SLOW_LINE.join(" ")}`,
  { why: "no tc, or no tbf in the kernel" },
);

/** Reads at least `bytes` bytes of the server's chargen. */
async function download(lab: PrivateLab, bytes: number): Promise<Transfer> {
  const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("chargen_client.ts")];
  const { code, stdout, stderr } = await lab.run({
    side: "client",
    words: [...words, lab.plan.tcplabAddress, "3333", String(bytes)],
  });
  assertEquals(code, 0, stderr);
  const transfer: Transfer = JSON.parse(stdout);
  assertEquals(transfer.wrongAt, -1, `${transfer.bytes} bytes came`);
  assertGreater(transfer.bytes, bytes - 1);
  return transfer;
}

function chargen(lab: PrivateLab, transmit: string): Promise<ServeProcess> {
  return ServeProcess.start(lab, { args: ["--app", "chargen", "--tx", transmit] });
}

/** A segment that was sent whole, to be cut on its way. */
const isSentWhole = ({ direction, cut }: SegmentEvent) => direction === "send" && cut !== undefined;

async function onClient(lab: PrivateLab, words: readonly string[]): Promise<void> {
  const { code, stderr } = await lab.run({ side: "client", words });
  assertEquals(code, 0, stderr);
}

/** From now on the client loses so many of a thousand packets from tcplab, at random. */
async function loseAtRandom(lab: PrivateLab, perMille: number): Promise<void> {
  const script = `add table ip loss
    add chain ip loss input { type filter hook input priority 0; policy accept; }
    add rule ip loss input tcp sport 3333 numgen random mod 1000 < ${perMille} counter drop`;
  await onClient(lab, ["nft", script]);
}

async function lostCount(lab: PrivateLab): Promise<number> {
  const { stdout } = await lab.run({ side: "client", words: ["nft", "list", "table", "ip", "loss"] });
  return Number(/counter packets (\d+)/.exec(stdout)?.[1]);
}

const BULK = [
  { transmit: "gso", offloads: true, bytes: 200 * MEGABYTE },
  { transmit: "gso", offloads: false, bytes: 40 * MEGABYTE },
  { transmit: "batch", offloads: true, bytes: 30 * MEGABYTE },
  { transmit: "batch", offloads: false, bytes: 20 * MEGABYTE },
];

for (const { transmit, offloads, bytes } of BULK) {
  const name = `--tx ${transmit}, offloads ${offloads ? "on" : "off"}: ${bytes / MEGABYTE} MB arrive as sent`;
  liveTest(name, { offloads, needs: ["ethtool"] }, async (lab) => {
    await using server = await chargen(lab, transmit);
    await download(lab, bytes);
    if (transmit === "gso") {
      // The log is read behind the transfer: what stands in it is waited for.
      await server.event("segment", (event) => isSentWhole(event) && event.length > 60_000);
    } else {
      await server.stop();
      assertEquals(server.all("segment").filter(isSentWhole), []);
    }
  });
}

for (const transmit of ["batch", "gso"]) {
  for (const offloads of [true, false]) {
    const name = `--tx ${transmit}, offloads ${offloads ? "on" : "off"}: losses are mended`;
    liveTest(name, { offloads, needs: ["ethtool", "nft"] }, async (lab) => {
      await using server = await chargen(lab, transmit);
      // With off-loads on, what is lost in gso mode is a whole large segment.
      await loseAtRandom(lab, transmit === "gso" && offloads ? 20 : 3);
      for (let count = 0; count < MOST_DOWNLOADS && await lostCount(lab) === 0; count++) {
        await download(lab, 20 * MEGABYTE);
      }
      assertGreater(await lostCount(lab), 0);
      await server.event("retransmit");
    });
  }
}

for (const transmit of ["batch", "gso"]) {
  liveTest(`--tx ${transmit}: an echo of 20 MB has the right sum`, {}, async (lab) => {
    await using server = await ServeProcess.start(lab, { args: ["--tx", transmit] });
    const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("bulk_client.ts")];
    const { code, stdout, stderr } = await lab.run({
      side: "client",
      words: [...words, lab.plan.tcplabAddress, "3333", String(20 * MEGABYTE)],
    });
    assertEquals(code, 0, stderr);
    const sums = JSON.parse(stdout);
    assertEquals([sums.bytes, sums.received], [20 * MEGABYTE, sums.sent]);
    const closed = await server.event("closed");
    assertEquals([closed.reason, closed.bytesOut], ["normal", 20 * MEGABYTE]);
  });
}

liveTest("--tx gso over a slow line: a full queue loses frames, and they come again", {
  missing: slowLineRefusal,
}, async (lab) => {
  const { code, stderr } = await lab.run({
    side: "server",
    words: ["tc", "qdisc", "add", "dev", lab.plan.devices.server, ...SLOW_LINE],
  });
  assertEquals(code, 0, stderr);
  await using server = await chargen(lab, "gso");
  // What the queue has refused, two or three times a download: a machine that is slower than the line does not fill it.
  const isRefused = async () => {
    const { stdout } = await lab.run({ side: "server", words: ["tc", "-s", "qdisc", "show"] });
    return !/\bdropped 0\b/.test(stdout.split("qdisc tbf")[1]);
  };
  for (let count = 0; count < MOST_DOWNLOADS && !await isRefused(); count++) {
    await download(lab, 20 * MEGABYTE);
  }
  await server.stop();
  const { counters } = await server.event("summary");
  assertGreater(counters["link-send-errors"] ?? 0, 0, JSON.stringify(counters));
});

liveTest("--tx gso, offloads off: on the wire there are plain segments with right checksums", {
  offloads: false,
  needs: ["ethtool", ...JUDGE_PROGRAMS],
}, async (lab) => {
  await using scratch = await scratchFile(".pcapng");
  await using server = await chargen(lab, "gso");
  const wire = await WireRecording.start(lab, scratch.path);
  await download(lab, 2 * MEGABYTE);
  const frames = (await wire.judge()).filter((frame) => frame.source === lab.plan.tcplabAddress);
  await server.event("segment", isSentWhole);
  assertGreater(frames.length, 1000);
  assertEquals(frames.filter((frame) => frame.malformed), []);
  assertEquals(frames.filter((frame) => frame.tcpChecksum !== "good" || frame.ipChecksum !== "good"), []);
  assert(frames.every((frame) => frame.frameLength <= LARGEST_FRAME_BYTES));
});

liveTest("--tx gso: small segments have whole checksums, large ones partial sums as the kernel's own", {
  needs: JUDGE_PROGRAMS,
}, async (lab) => {
  await using scratch = await scratchFile(".pcapng");
  await using _server = await chargen(lab, "gso");
  const wire = await WireRecording.start(lab, scratch.path);
  await download(lab, 2 * MEGABYTE);
  const frames = (await wire.judge()).filter((frame) => frame.source === lab.plan.tcplabAddress);
  const large = frames.filter((frame) => frame.frameLength > LARGEST_FRAME_BYTES);
  const small = frames.filter((frame) => frame.frameLength <= LARGEST_FRAME_BYTES);
  assertGreater(large.length, 0);
  assertGreater(small.length, 0);
  assertEquals(frames.filter((frame) => frame.malformed || frame.ipChecksum !== "good"), []);
  assertEquals(small.filter((frame) => frame.tcpChecksum !== "good"), []);
});
