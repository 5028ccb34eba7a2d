/**
 * A kernel client over `serve --fault`: every byte arrives both ways, with each fault by itself and with all of them, and the
 * wire shows that the faults were there.
 */
import { assert, assertEquals } from "@std/assert";
import type { PrivateLab } from "../../src/cli/private_lab.ts";
import { besideTests, liveTest } from "./private_lab.ts";
import { ServeProcess } from "./serve_process.ts";

/** Bytes each way: enough for hundreds of faults at one percent, and over in a second or two. */
const BYTES = 4_000_000;

const FAULTS: readonly { readonly spec: string; readonly counter: string; readonly bytes?: number }[] = [
  { spec: "drop=1%,seed=7", counter: "fault-out-dropped" },
  { spec: "in:drop=5%,seed=8", counter: "fault-in-dropped" },
  { spec: "dup=2%,seed=9", counter: "fault-out-duplicated" },
  { spec: "reorder=2%,seed=10", counter: "fault-in-reordered" },
  { spec: "corrupt=0.5%,seed=11", counter: "fault-out-corrupted" },
  { spec: "delay=5ms,jitter=2ms,seed=12", counter: "fault-in-frames" },
  { spec: "rate=50mbit,seed=13", counter: "fault-out-frames", bytes: 2_000_000 },
  {
    spec: "drop=1%,dup=1%,reorder=2%,corrupt=0.5%,delay=2ms,jitter=1ms,rate=100mbit,seed=14",
    counter: "fault-out-dropped",
    bytes: 2_000_000,
  },
];

async function moveBytes(lab: PrivateLab, bytes: number): Promise<void> {
  const words = ["deno", "run", "--allow-net", besideTests("bulk_client.ts"), lab.plan.tcplabAddress, "3333"];
  words[0] = Deno.execPath();
  const client = await lab.run({ side: "client", words: [...words, String(bytes)] });
  assertEquals(client.code, 0, client.stderr);
  const { sent, received, bytes: bytesIn } = JSON.parse(client.stdout);
  assertEquals([bytesIn, received], [bytes, sent]);
}

for (const { spec, counter, bytes = BYTES } of FAULTS) {
  liveTest(`bytes through serve --fault ${spec}`, {}, async (lab) => {
    const server = await ServeProcess.start(lab, { args: ["--fault", spec], quiet: true });
    await moveBytes(lab, bytes);
    const closed = await server.event("closed");
    assertEquals([closed.reason, closed.bytesIn, closed.bytesOut], ["normal", bytes, bytes]);
    await server.stop();
    const summary = await server.event("summary");
    assert(summary.counters[counter] > 0, JSON.stringify(summary.counters));
    assert(server.stderr.includes("Frames are disturbed on purpose: in "), server.stderr);
  });
}
