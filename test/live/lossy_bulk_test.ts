/**
 * Bulk both ways over a path that loses and swaps frames: every byte arrives, in order, and what is sent again stays in
 * proportion to what was lost.
 *
 * The usual sizes take seconds; with TCPLAB_LONG=1 a whole gigabyte goes each way (`deno task test:long`).
 */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { besideTests, liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const IS_LONG = Deno.env.get("TCPLAB_LONG") === "1";
const MEGABYTE = 1_000_000;
const NEEDS = { needs: PEER_PROGRAMS, offloads: false };

/** A path, and how much goes over it: each way by itself, and both ways at once. */
interface Path {
  readonly faults: string;
  readonly bytes: number;
  readonly echoBytes: number;
}

const PATHS: readonly Path[] = [
  {
    faults: "drop=1%,reorder=1%,seed=11",
    bytes: (IS_LONG ? 1000 : 10) * MEGABYTE,
    echoBytes: (IS_LONG ? 1000 : 10) * MEGABYTE,
  },
  {
    faults: "drop=5%,reorder=2%,dup=1%,corrupt=0.5%,seed=12",
    bytes: (IS_LONG ? 1000 : 2) * MEGABYTE,
    // An echo is as slow as the slower of two lossy directions.
    echoBytes: (IS_LONG ? 100 : 2) * MEGABYTE,
  },
];

type Counters = Readonly<Record<string, number>>;

/** What the server counted, its faults included; ends it. */
async function countersOf(server: ServeProcess): Promise<Counters> {
  await server.stop();
  return (await server.event("summary")).counters;
}

/** Sends to discard, reads from chargen, and echoes; each with every byte accounted for. */
async function moveBothWays(lab: PrivateLab, { faults, bytes, echoBytes }: Path): Promise<Counters> {
  const args = ["--serve", "3333=echo,5001=discard,5002=chargen", "--fault", faults];
  await using server = await ServeProcess.start(lab, { args, quiet: true });
  await using peer = new KernelPeer(lab);
  const closedBy = async (localPort = 0) =>
    await server.event("closed", ({ connection }) => connection.endsWith(`:${localPort}`));

  const up = await peer.ask({ do: "connect", port: 5001 });
  await peer.ask({ do: "transfer", bytes });
  const discarded = await closedBy(up.localPort);
  assertEquals([discarded.reason, discarded.bytesIn, discarded.bytesOut], ["normal", bytes, 0]);

  const down = await peer.ask({ do: "connect", port: 5002 });
  const read = await peer.ask({ do: "pattern", bytes, toEnd: true });
  assertGreater(read.bytes ?? 0, bytes - 1);
  assertEquals([read.wrongAt, read.received], [null, read.expected]);
  const generated = await closedBy(down.localPort);
  assertEquals([generated.reason, generated.bytesOut], ["normal", read.bytes]);

  const both = await peer.ask({ do: "connect", port: 3333 });
  const echoed = await peer.ask({ do: "transfer", bytes: echoBytes });
  assertEquals([echoed.bytes, echoed.received], [echoBytes, echoed.sent]);
  const echo = await closedBy(both.localPort);
  assertEquals([echo.reason, echo.bytesIn, echo.bytesOut], ["normal", echoBytes, echoBytes]);
  return await countersOf(server);
}

for (const path of PATHS) {
  const size = `${path.bytes / MEGABYTE} MB`;
  liveTest(`${size} up, down and echoed over ${path.faults}`, NEEDS, async (lab) => {
    const counters = await moveBothWays(lab, path);
    const lost = counters["fault-out-dropped"] + counters["fault-out-corrupted"];
    assertGreater(lost, 50);
    // Most of what is lost is data, and sent again once, some of it twice; what is only late is seldom taken for lost.
    assertLess(counters.retransmits, 1.2 * lost + 100);
    // Seven time-outs to seventy recoveries, give or take: 4.7 to 75 recoveries for each in 142 runs at 5 %; 0.1 where a
    // loss is noticed a quarter of a second late.
    assertGreater(counters["fast-recoveries"], 3 * counters.timeouts, "time-outs are the exception");
  });
}

liveTest(
  "200 connections at once over a path that does everything wrong",
  { offloads: false },
  async (lab) => {
    const count = 200;
    const bytes = 40_000;
    const faults = "drop=2%,reorder=2%,dup=1%,corrupt=1%,delay=2ms,jitter=1ms,seed=13";
    await using server = await ServeProcess.start(lab, { args: ["--fault", faults], quiet: true });
    const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("echo_client.ts")];
    const numbers = [count, 50, bytes].map(String);
    const { code, stdout, stderr } = await lab.run({
      side: "client",
      words: [...words, lab.plan.tcplabAddress, "3333", ...numbers],
    });
    assertEquals([code, stdout.trim()], [0, JSON.stringify({ done: count, failed: [] })], stderr);
    await server.count("closed", count);
    for (const closed of server.all("closed")) {
      assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", bytes, bytes]);
    }
  },
);
