/**
 * One thread of work that a server does, without a client that wants a core for itself: see scale_check.ts.
 *
 * Owns: doing it for a while, and counting. Must not know: how many do the same.
 *
 * Told by a message with a {@link ScalePlan} and a port, where it answers with units per second.
 */
import { PacketTransmitter } from "../../../ffi/packet_transmitter.ts";
import { findApplication } from "../../../src/app/applications.ts";
import { writeU16 } from "../../../src/wire/bytes.ts";
import { ETHERNET } from "../../../src/wire/ethernet.ts";
import { BenchPeer } from "../micro/bench_peer.ts";

/** What to do. */
export interface ScalePlan {
  /** `machine`: echoes of 64 bytes by a host that has no device. `send`: frames of 64 or 1514 bytes to nobody. */
  readonly work: "machine" | "send 64" | "send 1514";
  readonly device: string;
  /** Seconds not counted, and counted. */
  readonly warm: number;
  readonly seconds: number;
}

const CONNECTIONS = 32;
const MESSAGE_BYTES = 64;
/** Units between two looks at the clock. */
const UNITS_PER_LOOK = 256;
const ETHERTYPE_TEST = 0x88b5;
const MTU = 1500;

interface Work {
  /** Does one unit. */
  readonly unit: () => void;
  /** Throws unless all of it was done. */
  readonly check: () => void;
}

function workOf(plan: ScalePlan): Work {
  return plan.work === "machine" ? echoes() : sending(plan.device, Number(plan.work.split(" ")[1]));
}

function echoes(): Work {
  const application = findApplication("echo");
  if (application === null) throw new Error("there is no application echo");
  const accept = application.create({ nowEpochUs: () => 0 });
  const peer = new BenchPeer({ accept, connections: CONNECTIONS });
  const unit = () => {
    peer.sendData(MESSAGE_BYTES);
    peer.acknowledge();
    peer.nextConnection();
  };
  return { unit, check: () => peer.checkTaken() };
}

/** The receiving kernel finds that the frames are for somebody else, and drops them. */
function sending(device: string, bytes: number): Work {
  const transmitter = new PacketTransmitter({ device, mode: "batch", mtu: MTU });
  const frame = new Uint8Array(bytes).fill(0x55);
  frame.set([0x02, 0, 0, 0, 0, 0x99], ETHERNET.DESTINATION);
  frame.set([0x02, 0, 0, 0, 0, 0x53], ETHERNET.SOURCE);
  writeU16(frame, ETHERNET.SOURCE + 6, ETHERTYPE_TEST);
  const check = () => {
    const { sendErrors } = transmitter.counts;
    if (sendErrors > 0) throw new Error(`${sendErrors} frames were refused: ${transmitter.lastError}`);
  };
  return { unit: () => transmitter.send(frame, bytes, 0), check };
}

function measure(plan: ScalePlan): number {
  const { unit, check } = workOf(plan);
  let counted = 0;
  let began = performance.now();
  const countsFrom = began + plan.warm * 1000;
  for (let now = began; now < countsFrom + plan.seconds * 1000; now = performance.now()) {
    if (now < countsFrom) {
      counted = 0;
      began = now;
    }
    for (let units = 0; units < UNITS_PER_LOOK; units++) unit();
    counted += UNITS_PER_LOOK;
  }
  const unitsPerSecond = counted / (performance.now() - began) * 1000;
  check();
  return unitsPerSecond;
}

addEventListener("message", (event) => {
  if (event instanceof MessageEvent) event.ports[0].postMessage(measure(event.data));
});
