/**
 * A veth as it comes, with its offloads on: partial checksums and frames larger than the MTU.
 */
import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { kernelClientCommand } from "../../src/cli/self_command.ts";
import { besideTests, liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const MEGABYTE = 1_000_000;

async function sendBulk(
  lab: PrivateLab,
  bytes: number,
): Promise<{ sent: string; received: string; bytes: number }> {
  const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("bulk_client.ts")];
  const address = [lab.plan.tcplabAddress, "3333", String(bytes)];
  const { code, stdout, stderr } = await lab.run({ side: "client", words: [...words, ...address] });
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

liveTest("default offloads: 4 MB come back with the right sum", {}, async (lab) => {
  await using server = await ServeProcess.start(lab);
  const sums = await sendBulk(lab, 4 * MEGABYTE);
  assertEquals(sums.bytes, 4 * MEGABYTE);
  assertEquals(sums.received, sums.sent);
  const closed = await server.event("closed");
  assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", 4 * MEGABYTE, 4 * MEGABYTE]);
  const largest = Math.max(
    ...server.all("segment").filter((event) => event.direction === "recv").map((event) => event.length),
  );
  assertGreater(largest, 1500, "the kernel handed over frames larger than the MTU");
  const counters = await summaryOf(server);
  assertGreater(
    counters["checksum-partial"] ?? 0,
    0,
    `partial checksums are counted: ${JSON.stringify(counters)}`,
  );
});

liveTest("default offloads: 8 MB are discarded to the last byte", {}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--app", "discard"] });
  await sendBulk(lab, 8 * MEGABYTE);
  const closed = await server.event("closed");
  assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", 8 * MEGABYTE, 0]);
});

liveTest("--checksum strict drops what an offloading kernel sends, and says so", {}, async (lab) => {
  await using server = await ServeProcess.start(lab, { args: ["--checksum", "strict"] });
  const client = [...kernelClientCommand(), lab.plan.tcplabAddress, "3333"];
  const waiting = lab.spawn({ side: "client", words: client });
  const drop = await server.event("drop");
  await waiting.stop();
  assertStringIncludes(drop.reason, "checksum");
  assertEquals(server.all("transition").filter((event) => event.to === "SYN_RCVD"), []);
});

async function summaryOf(server: ServeProcess): Promise<Readonly<Record<string, number>>> {
  await server.stop();
  return server.all("summary")[0]?.counters ?? {};
}
