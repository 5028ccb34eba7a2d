/**
 * Far into a connection: more bytes than sequence numbers have room for, each compared, over a good path and over one
 * that loses a little.
 *
 * Marks that are kept for the life of a connection and compared modulo 2^32 go wrong from 2^31 octets on; here both
 * directions pass 2^32. Takes minutes, so only with TCPLAB_LONG=1 (`deno task test:long`).
 */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import type { RetransmitEvent } from "../../src/tcp/events.ts";
import { KernelPeer, PEER_PROGRAMS } from "./kernel_peer.ts";
import { besideTests, liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

const GIGABYTE = 1_000_000_000;
const IS_LONG = Deno.env.get("TCPLAB_LONG") === "1";
const NEEDS = { needs: PEER_PROGRAMS, missing: IS_LONG ? null : "takes minutes, TCPLAB_LONG=1 runs it" };

/** Both directions pass 2^33. */
const FAR = 9 * GIGABYTE;
/** Each direction passes 2^32, with losses on both sides of it. */
const LOSSY = 5 * GIGABYTE;
/** Some 340 of the segments of {@link LOSSY}. */
const LOSS = "drop=0.01%";
/** As many of the last retransmissions are all of data beyond 2^32, where a seventh of the losses are. */
const LAST = 30;

const SERVICES = ["--serve", "3333=echo,5001=discard,5002=chargen"];

/** The whole way both ways at once; gives what was sent again. */
async function echo(lab: PrivateLab, { args, bytes }: { args: readonly string[]; bytes: number }) {
  await using server = await ServeProcess.start(lab, { args: [...SERVICES, ...args], quiet: true });
  await using peer = new KernelPeer(lab);
  await peer.ask({ do: "connect", port: 3333 });
  const echoed = await peer.ask({ do: "farTransfer", bytes });
  assertEquals([echoed.bytes, echoed.wrongAt], [bytes, null]);
  const closed = await server.event("closed");
  assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", bytes, bytes]);
  return server.all("retransmit");
}

/** One way and then the other, as fast as it goes. */
async function upAndDown(lab: PrivateLab, { args, bytes }: { args: readonly string[]; bytes: number }) {
  await using server = await ServeProcess.start(lab, { args: [...SERVICES, ...args], quiet: true });
  await using peer = new KernelPeer(lab);
  const { localPort } = await peer.ask({ do: "connect", port: 5001 });
  assertEquals((await peer.ask({ do: "farTransfer", bytes })).bytes, 0);
  const up = await server.event("closed", ({ connection }) => connection.endsWith(`:${localPort}`));
  assertEquals([up.reason, up.bytesIn, up.bytesOut], ["normal", bytes, 0]);
  const words = [Deno.execPath(), "run", "--quiet", "--allow-net", besideTests("chargen_client.ts")];
  const { code, stdout, stderr } = await lab.run({
    side: "client",
    words: [...words, lab.plan.tcplabAddress, "5002", String(bytes)],
  });
  assertEquals(code, 0, stderr);
  const down = JSON.parse(stdout);
  assertEquals(down.wrongAt, -1, `${down.bytes} bytes came`);
  assertGreater(down.bytes, bytes - 1);
  return server.all("retransmit");
}

/** Losses far in are mended as those at first: at once, and seldom by a time-out. */
function assertMendedAtOnce(again: readonly RetransmitEvent[]): void {
  assertGreater(again.length, 3 * LAST);
  for (const part of [again.slice(0, LAST), again.slice(-LAST)]) {
    const kinds = part.map(({ kind }) => kind);
    assertLess(kinds.filter((kind) => kind === "rto").length, LAST / 5, kinds.join());
  }
}

liveTest("9 GB are echoed, each byte compared", NEEDS, async (lab) => {
  await echo(lab, { args: [], bytes: FAR });
});

liveTest("9 GB up, then 9 GB down", NEEDS, async (lab) => {
  await upAndDown(lab, { args: [], bytes: FAR });
});

for (const [name, args] of [["with SACK", []], ["without SACK", ["--no-sack"]]] as const) {
  const lossy = [...args, "--fault", `${LOSS},seed=21`];
  liveTest(`5 GB are echoed over a path that loses, ${name}`, NEEDS, async (lab) => {
    assertMendedAtOnce(await echo(lab, { args: lossy, bytes: LOSSY }));
  });

  liveTest(`5 GB up, then 5 GB down over a path that loses, ${name}`, NEEDS, async (lab) => {
    assertMendedAtOnce(await upAndDown(lab, { args: lossy, bytes: LOSSY }));
  });
}
