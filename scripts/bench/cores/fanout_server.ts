/**
 * A server of several workers that share one device, one address and one MAC, and no state.
 *
 *     deno run -A scripts/bench/cores/fanout_server.ts DEVICE IP WORKERS hash|own|stored [SPIN_US] [LOSS] [block]
 *
 * Owns: starting the workers together, and printing their counters, a JSON object each, at SIGTERM. Must not know: frames.
 */
import { randomSecret } from "../../../src/runtime/secret.ts";
import { type Spread, SPREADS } from "./fanout.ts";
import type { MemberCounts, MemberPlan } from "./fanout_worker.ts";

/** Locally administered; the lab has no other of this number. */
const MAC = Uint8Array.of(0x02, 0, 0, 0, 0x33, 0x33);
const SPIN_US = 80;
/** Local choice: groups are counted by network namespace, and a lab has one of its own. */
const GROUP = 0x7463;

async function main(args: readonly string[]): Promise<void> {
  const [device, ip, workers, spreadName, spinUs = String(SPIN_US), loss = "0", wait = ""] = args;
  const spread = SPREADS.find((name) => name === spreadName);
  if (spread === undefined || !(Number(workers) >= 1)) {
    throw new Error("expected DEVICE IP WORKERS hash|own|stored [SPIN_US] [LOSS] [block]");
  }
  const plan = {
    device,
    ip,
    mac: MAC,
    secret: randomSecret(),
    group: GROUP,
    spinUs: Number(spinUs),
    blocks: wait === "block",
  };
  const members = Array.from({ length: Number(workers) }, (_, number) => {
    const alone: Spread | null = Number(workers) === 1 ? null : spread;
    return startMember({ ...plan, number, spread: alone, loss: Number(loss) });
  });
  // In this order: where one serves before the last has joined, connections change hands.
  for (const member of members) await answer(member);
  for (const member of members) await ask(member, "go");
  console.log("listening");
  Deno.addSignalListener("SIGTERM", async () => {
    for (const member of members) {
      const counts = await ask<MemberCounts>(member, "counts");
      console.log(JSON.stringify(counts));
    }
    Deno.exit(0);
  });
}

function startMember(plan: MemberPlan): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL("fanout_worker.ts", import.meta.url), { type: "module" });
  worker.onerror = (event) => {
    console.error(event.message);
    Deno.exit(1);
  };
  worker.postMessage(plan, [port2]);
  return port1;
}

function answer<T>(port: MessagePort): Promise<T> {
  return new Promise((resolve) => port.onmessage = (event) => resolve(event.data));
}

function ask<T>(port: MessagePort, question: string): Promise<T> {
  const answered = answer<T>(port);
  port.postMessage(question);
  return answered;
}

await main(Deno.args);
