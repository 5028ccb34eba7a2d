/**
 * Receiving in a thread of its own, beside receiving where the frames are used: frames thrown back, round trips, and what
 * the ring between two threads costs by itself.
 *
 *     deno run -A scripts/bench/cores/relay_bench.ts [--rounds 3] [--seconds 1]
 *
 * Owns: the runs in turn, and the table. Must not know: how frames get through the ring (relay_ring.ts).
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path";
import { PrivateLab } from "../../../src/cli/private_lab.ts";
import { BenchFailure, numbersOf } from "../bench_lab.ts";
import { buildNativePrograms, type NativePrograms } from "../native_programs.ts";
import { spreadOf } from "../statistics.ts";
import { formatNumber, renderText } from "../text_table.ts";
import { relayMemory, RelayRing } from "./relay_ring.ts";
import type { RelayPlan } from "./relay_worker.ts";

const FRAME_BYTES = [60, 1514] as const;
/** Many frames under way, and one: its round trip is the time between two. */
const WINDOWS = [64, 1] as const;
const GRACE_MS = 10_000;
const RING_BYTES = 8 * 1024 * 1024;
const RING_MS = 1000;
const BUDGET_FRAMES = 64;
const US_PER_SECOND = 1e6;
const NS_PER_MS = 1e6;

const DENO = [Deno.execPath(), "run", "--quiet", "--cached-only", "--allow-all"];
const REFLECTORS: readonly { name: string; words: (device: string) => string[] }[] = [
  { name: "one thread", words: (device) => [...DENO, scriptPath("../reflector.ts"), device] },
  {
    name: "receives in a worker, main spins",
    words: (device) => [...DENO, scriptPath("relay_reflector.ts"), device, "spin"],
  },
  {
    name: "receives in a worker, main sleeps",
    words: (device) => [...DENO, scriptPath("relay_reflector.ts"), device, "sleep"],
  },
];

function scriptPath(name: string): string {
  return fromFileUrl(new URL(name, import.meta.url));
}

/** Frames per second by frame size and window, in the order of the table. */
async function reflect(
  programs: NativePrograms,
  reflector: { words: (device: string) => string[] },
  seconds: number,
): Promise<number[]> {
  await using lab = await PrivateLab.open({ readable: [programs.reflector] });
  const { devices } = lab.plan;
  const listening = Promise.withResolvers<void>();
  const back = lab.spawn({
    side: "server",
    words: reflector.words(devices.server),
    onStdout: () => listening.resolve(),
  });
  await Promise.race([listening.promise, back.result]);
  const figures: number[] = [];
  try {
    for (const window of WINDOWS) {
      for (const bytes of FRAME_BYTES) {
        const numbers = [bytes, seconds, window, await back.insidePid() ?? 0].map(String);
        const words = [programs.reflector, "throw", devices.client, ...numbers];
        const throwing = lab.spawn({ side: "client", words });
        if (!await throwing.endsWithin(seconds * 1000 + GRACE_MS)) await throwing.stop();
        const { code, stdout, stderr } = await throwing.result;
        if (code !== 0 || back.ended) throw new BenchFailure(`${stderr}${back.stderr}`.trim());
        const { framesPerSecond, lost } = numbersOf(stdout);
        if (lost > 0) console.error(`${lost} frames lost`);
        figures.push(window === 1 ? US_PER_SECOND / framesPerSecond : framesPerSecond);
      }
    }
  } finally {
    await back.signal("SIGKILL");
  }
  return figures;
}

/** Nanoseconds per frame from one core to another, when both do nothing else. */
async function ringCost(bytes: number): Promise<number> {
  const memory = relayMemory(RING_BYTES);
  const worker = new Worker(new URL("relay_worker.ts", import.meta.url), { type: "module" });
  const plan: RelayPlan = { memory, device: null, filter: "", madeUpBytes: bytes };
  worker.postMessage(plan, [new MessageChannel().port1]);
  const ring = new RelayRing(memory);
  const own = new Uint8Array(bytes);
  const take = (frame: Uint8Array, offset: number, length: number) =>
    own.set(frame.subarray(offset, offset + length));
  let frames = 0;
  while (frames === 0) {
    frames = ring.take(take, BUDGET_FRAMES);
    // The message is delivered, and the worker started, only while the event loop gets its turns.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const spans: number[] = [];
  for (let span = 0; span < 3; span++) {
    const began = performance.now();
    frames = 0;
    while (performance.now() - began < RING_MS / 2) frames += ring.take(take, BUDGET_FRAMES);
    spans.push((performance.now() - began) * NS_PER_MS / frames);
  }
  worker.terminate();
  // The first span warms the compiler.
  return Math.min(...spans.slice(1));
}

const given = parseArgs(Deno.args, { string: ["rounds", "seconds"], default: { rounds: "3", seconds: "1" } });
await using programs = await buildNativePrograms();
const rounds = new Map<string, number[][]>();
for (let round = 0; round < Number(given.rounds); round++) {
  for (const reflector of REFLECTORS) {
    const figures = await reflect(programs, reflector, Number(given.seconds));
    rounds.set(reflector.name, [...rounds.get(reflector.name) ?? [], figures]);
  }
}
const head = [
  "reflector",
  "60 B, frames/s",
  "1514 B, frames/s",
  "60 B, round trip us",
  "1514 B, round trip us",
];
const rows = [...rounds].map(([name, all]) => [
  name,
  ...head.slice(1).map((_, column) => {
    const spread = spreadOf(all.map((figures) => figures[column]));
    if (spread === null) return "";
    const digits = column < FRAME_BYTES.length ? 0 : 1;
    const [median, least, most] = [spread.median, spread.least, spread.most]
      .map((value) => formatNumber(value, digits));
    return `${median} (${least} to ${most})`;
  }),
]);
console.log(renderText({ head, rows }));
for (const bytes of FRAME_BYTES) {
  console.log(`Through the ring, ${bytes} B: ${formatNumber(await ringCost(bytes), 0)} ns a frame`);
}
Deno.exit(0);
