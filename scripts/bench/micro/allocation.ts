/**
 * Memory that a segment leaves to the garbage collector: the growth of V8's heap over a million segments.
 *
 *     deno run -A scripts/bench/micro/allocation.ts
 *
 * Owns: traffic without end, and the bytes that it makes the heap grow by. Must not know: what is allocated where.
 *
 * Each kind of traffic has a process of its own, whose young generation is so large that nothing is collected while it
 * runs: what the heap grows by is all that was allocated.
 */
import { findApplication } from "../../../src/app/applications.ts";
import { ENGINE_FLAGS } from "../../../src/cli/self_command.ts";
import { BenchPeer, type Family, FULL_SEGMENT } from "./bench_peer.ts";

const SEGMENTS = 1_000_000;
/** Until V8 has compiled everything for the last time; local choice: three times what it takes here. */
const WARM_SEGMENTS = 1_000_000;
const V8_FLAGS = `${ENGINE_FLAGS},--expose-gc,--min-semi-space-size=1024,--max-semi-space-size=1024`;

/** Octets each way after which positions in a stream are no small integers to V8 any more. */
const FAR_OCTETS = 2 ** 31;

/** What a kind of traffic sends each time, and how many segments that makes, both directions together. */
interface Traffic {
  readonly app: string;
  readonly segments: number;
  /** What carries it; 4 when absent. */
  readonly family?: Family;
  readonly send: (peer: BenchPeer) => void;
  /** What has come before, so that the streams are far on. */
  readonly before?: (peer: BenchPeer) => void;
}

function echo(peer: BenchPeer, bytes: number): void {
  peer.sendData(bytes);
  peer.acknowledge();
}

/** A count of small integers: what is not whole is an object to V8. */
function repeat(times: number, act: () => void): void {
  const whole = Math.ceil(times);
  for (let i = 0; i < whole; i++) act();
}

const TRAFFIC: Readonly<Record<string, Traffic>> = {
  // Every second segment is acknowledged.
  "upload": { app: "discard", segments: 1.5, send: (peer) => peer.sendData(FULL_SEGMENT[4]) },
  "echo": { app: "echo", segments: 3, send: (peer) => echo(peer, 64) },
  "upload over IPv6": {
    app: "discard",
    segments: 1.5,
    send: (peer) => peer.sendData(FULL_SEGMENT[6]),
    family: 6,
  },
  "echo over IPv6": { app: "echo", segments: 3, send: (peer) => echo(peer, 64), family: 6 },
  "upload beyond 2 GiB": {
    app: "discard",
    segments: 1.5,
    send: (peer) => peer.sendData(FULL_SEGMENT[4]),
    before: (peer) => repeat(FAR_OCTETS / FULL_SEGMENT[4], () => peer.sendData(FULL_SEGMENT[4])),
  },
  "echo beyond 2 GiB": {
    app: "echo",
    segments: 3,
    send: (peer) => echo(peer, 64),
    before: (peer) => repeat(FAR_OCTETS / FULL_SEGMENT[4], () => echo(peer, FULL_SEGMENT[4])),
  },
};

/** Kinds of traffic that {@link bytesPerSegment} knows. */
export const TRAFFIC_NAMES: readonly string[] = Object.keys(TRAFFIC);

/** Bytes of the heap that a segment of this traffic allocates. Throws an Error when the measurement fails. */
export async function bytesPerSegment(name: string): Promise<number> {
  const script = new URL(import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "--cached-only", "--allow-read", V8_FLAGS, script, name],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return Number(new TextDecoder().decode(stdout));
}

function measure({ app, segments, send, family = 4, before: first }: Traffic): number {
  const application = findApplication(app);
  if (application === null) throw new Error(`no application ${app}`);
  const peer = new BenchPeer({ accept: application.create({ nowEpochUs: () => 0 }), connections: 1, family });
  const sends = (count: number) => repeat(count / segments, () => send(peer));
  first?.(peer);
  sends(WARM_SEGMENTS);
  collect();
  const before = Deno.memoryUsage().heapUsed;
  sends(SEGMENTS);
  const grown = Deno.memoryUsage().heapUsed - before;
  peer.checkTaken();
  return grown / SEGMENTS;
}

/** V8's `gc`, which its flag puts there. */
function collect(): void {
  const gc: unknown = Reflect.get(globalThis, "gc");
  if (typeof gc !== "function") throw new Error("V8 was started without --expose-gc");
  gc();
}

if (import.meta.main) {
  const traffic = TRAFFIC[Deno.args[0]];
  if (traffic !== undefined) {
    console.log(measure(traffic));
  } else {
    for (const name of TRAFFIC_NAMES) {
      console.log(
        `${name}: ${(await bytesPerSegment(name)).toFixed(3)} bytes a segment, of ${SEGMENTS} segments`,
      );
    }
  }
}
