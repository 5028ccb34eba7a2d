/**
 * Measures how fast one connection of ours is under loss, in virtual time, and sets it beside what the model of Mathis allows;
 * writes docs/simulation.md. `deno run --allow-write=docs scripts/simulate_loss.ts`
 *
 * Owns: the measurement and its page. The same every time: it is a simulation with fixed seeds.
 */
import type { HostConnection } from "../src/host/api.ts";
import { Host } from "../src/host/host.ts";
import { faultLink } from "../src/link/fault_link.ts";
import { type FaultDirection, NO_FAULTS } from "../src/link/fault_spec.ts";
import { memoryPair } from "../src/link/memory_link.ts";
import { VirtualClock } from "../src/runtime/clock.ts";
import { VirtualNetwork } from "../src/runtime/virtual_network.ts";
import type { TcpConfig } from "../src/tcp/config.ts";

const PAGE = new URL("../docs/simulation.md", import.meta.url);
const ADDRESSES = [Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2)] as const;
const PORT = 5001;
const MTU = 1500;
/** Payload of a full segment with timestamps. */
const SEGMENT_BYTES = MTU - 40 - 12;
/** Local choice: above a hundred losses at 1 %, so that seeds hardly differ. */
const TRANSFER_BYTES = 20_000_000;
const SEEDS = [1, 2, 3] as const;
/** Sqrt(3/2): one acknowledgment a segment, losses at even distances (Mathis, Semke, Mahdavi, Ott 1997, table 1). */
const MATHIS_CONSTANT = Math.sqrt(3 / 2);

/** What is measured: `lossRate` and `reorder` from 0 to 1. */
export interface LossCase {
  readonly name: string;
  readonly lossRate: number;
  readonly roundTripMs: number;
  readonly reorder: number;
  readonly tcp: Partial<TcpConfig>;
  /** Bytes to send (20 MB). */
  readonly transferBytes?: number;
}

/** What came of it. */
interface LossMeasurement {
  readonly megabitsPerSecond: number;
  readonly retransmits: number;
  readonly timeouts: number;
  readonly segments: number;
}

const STACKS: readonly { readonly name: string; readonly tcp: Partial<TcpConfig> }[] = [
  { name: "CUBIC, SACK", tcp: { congestionControl: "cubic" } },
  { name: "Reno, SACK", tcp: { congestionControl: "reno" } },
  { name: "Reno, no SACK", tcp: { congestionControl: "reno", sack: false } },
];

/** Sends bytes from one host to the other over a path that loses data segments. Throws when they take above an hour. */
export function measureLoss(given: LossCase, seed: number): LossMeasurement {
  const { transferBytes = TRANSFER_BYTES } = given;
  const clock = new VirtualClock({ nowUs: 1_000_000 });
  const network = new VirtualNetwork(clock);
  const [senderLink, receiverLink] = memoryPair({ mtu: MTU, queueFrames: 0x10000 });
  const way: FaultDirection = { ...NO_FAULTS, delayUs: given.roundTripMs * 500 };
  const bad = faultLink(senderLink, {
    faults: { seed, out: { ...way, drop: given.lossRate, reorder: given.reorder }, in: way },
    nowUs: () => clock.nowUs(),
  });
  const buffers = { receiveBufferBytes: 0x800000, sendBufferBytes: 0x800000 };
  const [sender, receiver] = [bad, receiverLink].map((link, side) =>
    new Host({
      link,
      addresses: [{ address: ADDRESSES[side], prefixLength: 24 }],
      secret: new Uint8Array(16).fill(side + seed),
      epochUs: 0,
      nowUs: clock.nowUs(),
      tcp: { ...buffers, ...given.tcp },
    })
  );
  network.join({ host: sender, link: bad, nextDueUs: () => bad.nextDueUs() });
  network.join({ host: receiver, link: receiverLink });
  let receivedBytes = 0;
  receiver.listen({
    port: PORT,
    accept: () => ({ onReadable: (connection) => receivedBytes += connection.skip(Infinity) }),
  });
  const block = new Uint8Array(0x10000);
  let sentBytes = 0;
  const send = (connection: HostConnection) => {
    while (sentBytes < transferBytes) {
      const taken = connection.write(block, 0, Math.min(block.length, transferBytes - sentBytes));
      if (taken === 0) return;
      sentBytes += taken;
    }
  };
  const beganUs = clock.nowUs();
  const connection = sender.connect({
    address: ADDRESSES[1],
    port: PORT,
    handler: { onOpen: send, onWritable: send },
  });
  if (!network.advanceUntil(() => receivedBytes === transferBytes, 3_600_000_000)) {
    throw new Error(`${given.name} at ${given.lossRate}: only ${receivedBytes} bytes after an hour`);
  }
  const { retransmits, segmentsOut } = connection.info();
  return {
    megabitsPerSecond: (transferBytes * 8) / (clock.nowUs() - beganUs),
    retransmits,
    timeouts: sender.counters()["timeouts"],
    segments: segmentsOut,
  };
}

/** What the model of Mathis allows, Mbit/s. */
export function boundMegabitsPerSecond({ lossRate, roundTripMs }: LossCase): number {
  return (SEGMENT_BYTES * 8 * MATHIS_CONSTANT) / (roundTripMs * 1000 * Math.sqrt(lossRate));
}

function row(given: LossCase): string {
  const runs = SEEDS.map((seed) => measureLoss(given, seed));
  const mean = (pick: (run: LossMeasurement) => number) =>
    runs.reduce((sum, run) => sum + pick(run), 0) / runs.length;
  const speed = mean((run) => run.megabitsPerSecond);
  const bound = boundMegabitsPerSecond(given);
  const again = mean((run) => run.retransmits / run.segments) * 100;
  return `| ${given.lossRate * 100} % | ${given.roundTripMs} ms | ${
    given.reorder * 100
  } % | ${given.name} | ` +
    `${speed.toFixed(2)} | ${bound.toFixed(2)} | ${(speed / bound * 100).toFixed(0)} % | ${
      again.toFixed(2)
    } % | ` +
    `${mean((run) => run.timeouts).toFixed(0)} |`;
}

function page(rows: readonly string[]): string {
  const megabytes = TRANSFER_BYTES / 1e6;
  return `# Simulation

The stack is tried on a virtual clock, in memory, where an hour takes milliseconds and the same seed takes the same course.

- \`test/sim/simulation_test.ts\`: two hosts over a path that loses, copies, reorders, damages, marks, delays and slows frames in both
  directions, with settings and traffic drawn from a seed. Every byte has to arrive once and in order, both ends
  have to reach CLOSED, nothing may be left behind, and the effort is bounded; a judge on the wire, who knows nothing of
  the machine, reads every segment. Scenarios that ever failed are kept in \`test/sim/failing_seeds.json\` and run each time.
- \`test/sim/explorer_test.ts\`: every order of user calls, deliveries, losses and timeouts between two hosts, to the end of a
  budget, with the invariant of the TLA+ model of RFC 9293: with nothing in flight, one side is ESTABLISHED only
  if the other is.
- \`deno task test:long\`: thousands of seeds more, and the far searches of the explorer.
- \`deno run -A test/sim/reproduce.ts SEED\`: one simulation again, with all that both hosts say.

## Throughput under loss

Written by \`scripts/simulate_loss.ts\`; do not edit. The figures are the same on every machine.

One connection sends ${megabytes} MB between two of our hosts (MTU ${MTU}, segments of ${SEGMENT_BYTES} bytes, buffers of 8 MiB)
over a path without a rate limit that loses data segments at random; the means of ${SEEDS.length} seeds. Beside it stands
the bound of Mathis, Semke, Mahdavi and Ott (1997), \`MSS / RTT * sqrt(3/2) / sqrt(p)\`, for a sender that behaves like
Reno, never times out, and hears an acknowledgment for each segment.

| loss | round trip | reordering | sender | Mbit/s | bound | of the bound | sent again | timeouts |
|---|---|---|---|---|---|---|---|---|
${rows.join("\n")}

How to read it: the bound is a model, not a law. CUBIC backs off to 0.7 of its window where Reno halves it (RFC 9438 §4.6), and
so may stay above a bound that was made for Reno; delayed acknowledgments, of which the model knows nothing, cost Reno
a little, timeouts more: at 5 % the window is five segments, too few for three duplicates when two are lost, and a lost
retransmission is often a timeout. What is sent again should be what was lost, and little more.
`;
}

if (import.meta.main) {
  const rows: string[] = [];
  for (const lossRate of [0.01, 0.05]) {
    for (const roundTripMs of [10, 100]) {
      for (const { name, tcp } of STACKS) rows.push(row({ lossRate, roundTripMs, reorder: 0, tcp, name }));
    }
    rows.push(row({ lossRate, roundTripMs: 10, reorder: 0.02, ...STACKS[0] }));
  }
  Deno.writeTextFileSync(PAGE, page(rows));
  console.log(rows.join("\n"));
}
