/**
 * Throws test frames back as ../reflector.ts does, but another thread receives them: this one gets them through a ring.
 *
 *     deno run -A scripts/bench/cores/relay_reflector.ts DEVICE spin|sleep
 *
 * `spin` never sleeps here; `sleep` looks for 80 us and then blocks until the other thread wakes it.
 *
 * Owns: sending, the exchange of two addresses. Must not know: receiving.
 */
import { deviceMtu } from "../../../ffi/device_hardware.ts";
import { PacketTransmitter } from "../../../ffi/packet_transmitter.ts";
import { ETHERNET } from "../../../src/wire/ethernet.ts";
import { relayMemory, RelayRing } from "./relay_ring.ts";
import type { RelayPlan } from "./relay_worker.ts";

const BUDGET_FRAMES = 64;
const SPIN_MS = 0.08;
const RING_BYTES = 8 * 1024 * 1024;
const ADDRESS_BYTES = 6;

const [device, mode] = Deno.args;
const memory = relayMemory(RING_BYTES);
const plan: RelayPlan = { memory, device, filter: "ether proto 0x88b5", madeUpBytes: 0 };
const { port1, port2 } = new MessageChannel();
const worker = new Worker(new URL("relay_worker.ts", import.meta.url), { type: "module" });
const draining = new Promise((resolve) => port1.onmessage = resolve);
worker.postMessage(plan, [port2]);
await draining;
const transmitter = new PacketTransmitter({ device, mode: "gso", mtu: deviceMtu(device) ?? 1500 });
const ring = new RelayRing(memory);
const out = new Uint8Array(0x10000);

function throwBack(bytes: Uint8Array, offset: number, length: number): void {
  if (length > out.length) return;
  out.set(bytes.subarray(offset, offset + length));
  const source = offset + ETHERNET.SOURCE;
  const destination = offset + ETHERNET.DESTINATION;
  out.set(bytes.subarray(source, source + ADDRESS_BYTES), ETHERNET.DESTINATION);
  out.set(bytes.subarray(destination, destination + ADDRESS_BYTES), ETHERNET.SOURCE);
  transmitter.send(out, length, 0);
}

console.log("listening");
let trafficMs = performance.now();
for (;;) {
  const frames = ring.take(throwBack, BUDGET_FRAMES);
  transmitter.flush();
  const nowMs = performance.now();
  if (frames > 0) trafficMs = nowMs;
  else if (mode === "sleep" && nowMs - trafficMs >= SPIN_MS) ring.sleep();
}
