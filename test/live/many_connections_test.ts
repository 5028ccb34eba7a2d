/**
 * Many kernel clients, one after another and at once, each with 10 kB there and back.
 */
import { assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { besideTests, liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const BYTES_EACH = 10_000;

async function echoMany(lab: PrivateLab, many: { connections: number; atOnce: number }): Promise<void> {
  await using server = await ServeProcess.start(lab, { args: ["--port", "5000"] });
  const numbers = [many.connections, many.atOnce, BYTES_EACH].map(String);
  const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("echo_client.ts")];
  const address = [lab.plan.tcplabAddress, "5000"];
  const client = await lab.run({ side: "client", words: [...words, ...address, ...numbers] });
  assertEquals(client.stdout.trim(), `{"done":${many.connections},"failed":[]}`, client.stderr);

  await server.count("closed", many.connections);
  const closed = server.all("closed");
  assertEquals(closed.length, many.connections);
  for (const { connection, reason, bytesIn, bytesOut } of closed) {
    assertEquals([reason, bytesIn, bytesOut], ["normal", BYTES_EACH, BYTES_EACH], connection);
  }
  assertEquals(new Set(closed.map((event) => event.connection)).size, many.connections);
  assertEquals((await server.stop()).code, 0);
}

liveTest("100 connections one after another, 10 kB echoed on each", {}, async (lab) => {
  await echoMany(lab, { connections: 100, atOnce: 1 });
});

liveTest("50 connections at once, 10 kB echoed on each", {}, async (lab) => {
  await echoMany(lab, { connections: 50, atOnce: 50 });
});
