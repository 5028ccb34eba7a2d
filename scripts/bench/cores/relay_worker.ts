/**
 * The thread that receives: drains a device into a ring, or makes up frames as fast as the ring takes them.
 *
 * Owns: the capture handle. Must not know: what becomes of the frames.
 *
 * Told by one message with a {@link RelayPlan} and a port, where it says "draining".
 */
import { openPcapLink } from "../../../ffi/pcap_link.ts";
import { RelayRing } from "./relay_ring.ts";

/** What the thread is to do. */
export interface RelayPlan {
  readonly memory: SharedArrayBuffer;
  /** Null: made-up frames of `madeUpBytes`. */
  readonly device: string | null;
  readonly filter: string;
  readonly madeUpBytes: number;
}

/** As many as the pump takes in one turn. */
const BUDGET_FRAMES = 64;
/** As the pump: 80 us of looking before a sleep. */
const SPIN_MS = 0.08;

async function drain(plan: RelayPlan, port: MessagePort): Promise<void> {
  const ring = new RelayRing(plan.memory);
  if (plan.device === null) makeUp(ring, plan.madeUpBytes);
  else {
    const link = openPcapLink({
      device: plan.device,
      mac: Uint8Array.of(0x02, 0, 0, 0, 0, 0x53),
      filter: plan.filter,
      // Nothing is sent here; the other ways would open a socket for it.
      tx: "inject",
    });
    port.postMessage("draining");
    const put = (frame: Uint8Array, length: number) => ring.put(frame, length);
    let trafficMs = performance.now();
    for (;;) {
      const frames = link.receive(put, BUDGET_FRAMES);
      if (frames > 0) ring.publish();
      const nowMs = performance.now();
      if (frames > 0) trafficMs = nowMs;
      else if (nowMs - trafficMs >= SPIN_MS) await link.wait(Infinity);
    }
  }
}

function makeUp(ring: RelayRing, bytes: number): never {
  const frame = new Uint8Array(bytes).fill(0x55);
  for (;;) {
    for (let frames = 0; frames < BUDGET_FRAMES; frames++) ring.put(frame, bytes);
    ring.publish();
  }
}

addEventListener("message", (event) => {
  if (event instanceof MessageEvent) drain(event.data, event.ports[0]);
});
