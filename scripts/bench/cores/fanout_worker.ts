/**
 * One member of a fanout group: a capture of its own, a host of its own, the same address and applications as all others.
 *
 * Owns: opening, joining, serving, telling its counters. Must not know: how many others there are.
 *
 * It is told what to do by one message with a {@link MemberPlan} and a port. It says "joined" there, serves from
 * the answer "go" on, and answers each "counts" with {@link MemberCounts}.
 */
import { deviceMtu } from "../../../ffi/device_hardware.ts";
import { openPcapDevice } from "../../../ffi/pcap_device.ts";
import { PcapLink } from "../../../ffi/pcap_link.ts";
import { MAXIMUM_SNAPLEN_BYTES } from "../../../ffi/pcap_symbols.ts";
import { openTransmitter } from "../../../ffi/transmit_choice.ts";
import { findApplication } from "../../../src/app/applications.ts";
import { composeFilter } from "../../../src/cli/filter.ts";
import { faultLink } from "../../../src/link/fault_link.ts";
import { NO_FAULTS } from "../../../src/link/fault_spec.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { createStack } from "../../../src/runtime/create_stack.ts";
import type { Stack } from "../../../src/runtime/stack.ts";
import { PORTS } from "../contestants.ts";
import { BlockingWaitLink } from "./blocking_wait.ts";
import { joinFanout, type Spread } from "./fanout.ts";

/** What a member is to do. */
export interface MemberPlan {
  /** From 0; member 0 announces the address. */
  readonly number: number;
  readonly device: string;
  /** The address to serve, `10.33.0.3`. */
  readonly ip: string;
  readonly mac: Uint8Array;
  /** The same for all: a SYN cookie must be good wherever its ACK arrives. */
  readonly secret: Uint8Array;
  readonly group: number;
  /** Null: the only reader of the device, in no group. */
  readonly spread: Spread | null;
  /** How long the pump looks for a next frame before it sleeps, microseconds. */
  readonly spinUs: number;
  /** Whether it waits by blocking its thread (blocking_wait.ts). */
  readonly blocks: boolean;
  /** Share of frames that are lost on purpose, each way: 0 to 1. */
  readonly loss: number;
}

/** What a member has counted. */
export type MemberCounts = Readonly<Record<string, number>>;

const RING_MIB = 64;
const ETHERNET_MTU = 1500;
const US_PER_MS = 1000;
const MOST_CONNECTIONS = 1_000_000;
/** No frame has this type (IEEE 802 reserves it): whoever joins before the others must not take their frames. */
const NOTHING = "ether proto 0xffff";

async function serve(plan: MemberPlan, port: MessagePort): Promise<void> {
  const device = openPcapDevice({
    device: plan.device,
    capture: "immediate",
    readTimeoutMs: 1,
    ringMib: RING_MIB,
    snaplenBytes: MAXIMUM_SNAPLEN_BYTES,
    promiscuous: true,
  });
  const mtu = deviceMtu(plan.device) ?? ETHERNET_MTU;
  const transmitter = openTransmitter(device, { wish: "auto", mtu });
  const link = new PcapLink(device, { mac: plan.mac, mtu, capture: "immediate", transmitter });
  link.setFilter(NOTHING);
  if (plan.spread !== null) joinFanout(device.selectableFd, { group: plan.group, spread: plan.spread });
  const go = nextMessage(port);
  port.postMessage("joined");
  await go;
  const stack = start(plan, { link, descriptor: device.selectableFd });
  port.onmessage = () => port.postMessage({ ...stack.host.counters(), ...link.stats() });
  link.setFilter(composeFilter({
    addresses: [plan.ip],
    ports: Object.values(PORTS),
    kernelOwned: false,
    user: null,
  }));
  port.postMessage("serving");
  await stack.done;
}

function start(plan: MemberPlan, { link, descriptor }: { link: PcapLink; descriptor: number }): Stack {
  const clock = systemClock();
  const direction = { ...NO_FAULTS, drop: plan.loss };
  const faults = { seed: plan.number + 1, in: direction, out: direction };
  const lossy = plan.loss === 0 ? link : faultLink(link, { faults, nowUs: () => clock.nowUs() });
  // The pump waits for the first time while its stack is being made.
  let deadlineUs = () => Infinity;
  const deadlineMs = () => (deadlineUs() - clock.nowUs()) / US_PER_MS;
  const stack = createStack({
    link: plan.blocks ? new BlockingWaitLink(lossy, { descriptor, deadlineMs }) : lossy,
    addresses: `${plan.ip}/24`,
    clock,
    secret: plan.secret,
    spinUs: plan.spinUs,
    maxConnections: MOST_CONNECTIONS,
    announce: plan.number === 0,
  });
  deadlineUs = () => stack.host.nextDeadlineUs();
  for (const [name, port] of Object.entries(PORTS)) {
    const application = findApplication(name);
    if (application === null) throw new Error(`there is no application ${name}`);
    const accept = application.create({ nowEpochUs: () => clock.epochUs + clock.nowUs() });
    stack.host.listen({ port, backlog: 1024, accept });
  }
  return stack;
}

function nextMessage(port: MessagePort): Promise<unknown> {
  return new Promise((resolve) => port.onmessage = (event) => resolve(event.data));
}

addEventListener("message", (event) => {
  if (event instanceof MessageEvent) serve(event.data, event.ports[0]);
});
