/**
 * Frames that wait for a hardware address, where only a SYN would be too small to reach the bounds: the cache alone.
 */
import { assertEquals } from "@std/assert";
import type { FrameHolder, Neighbor } from "../../src/host/neighbor.ts";
import { NeighborCache } from "../../src/host/neighbor_cache.ts";
import { ip, mac } from "./hand_frames.ts";

const PEER = ip("10.0.0.9");
const OURS = ip("10.0.0.1");
const PEER_MAC = mac("02:00:00:00:00:09");

/** A cache on a clock of its own, and what it sends, asks and tells. */
class CacheBench {
  readonly clock = { nowUs: 0 };
  readonly sent: Uint8Array[] = [];
  readonly labels: number[][] = [];
  readonly asked: string[] = [];
  readonly told: FrameHolder[] = [];
  readonly counts: Record<string, number> = {};
  readonly cache = new NeighborCache({
    clock: this.clock,
    protocolOf: () => ({
      ask: (neighbor, at) => this.asked.push(`${neighbor.address?.join(".")} ${at?.[5] ?? "all"}`),
    }),
    transmit: ({ bytes, cutBytes, label }) => {
      this.sent.push(bytes);
      this.labels.push([cutBytes, label]);
    },
    unreachable: (holder) => this.told.push(holder),
    moved: () => {},
    routerGone: () => {},
    count: (name) => this.counts[name] = (this.counts[name] ?? 0) + 1,
  });

  /** A new connection by way of the peer with a frame of this length that waits, its bytes all 7. */
  holds(length: number, address = PEER): { holder: FrameHolder; hop: Neighbor } {
    const hop = this.cache.entry(address, OURS);
    const holder = { length };
    this.cache.use(hop);
    this.holdsMore(holder, { hop, length });
    return { holder, hop };
  }

  holdsMore(holder: FrameHolder, about: { hop: Neighbor; length: number }): void {
    const frame = new Uint8Array(0x20000).fill(7);
    this.cache.hold(about.hop, { holder, frame, length: about.length });
    frame.fill(0);
  }

  answers(): void {
    this.cache.learn({ address: PEER, mac: PEER_MAC, isAnswer: true, target: null });
  }

  takeLengths(): number[] {
    return this.sent.splice(0).map(({ length }) => length);
  }
}

Deno.test("held frames: 65,536 bytes for one neighbor; beyond, the oldest goes", () => {
  const within = new CacheBench();
  for (const length of [16_000, 16_001, 16_002, 17_533]) within.holds(length);
  assertEquals([within.asked, within.cache.heldBytes], [["10.0.0.9 all"], 65_536]);
  within.answers();
  assertEquals([within.takeLengths(), within.cache.heldBytes], [[16_000, 16_001, 16_002, 17_533], 0]);

  const beyond = new CacheBench();
  for (const length of [16_000, 16_001, 16_002, 17_534]) beyond.holds(length);
  assertEquals(beyond.cache.heldBytes, 49_537);
  beyond.answers();
  assertEquals([beyond.takeLengths(), beyond.cache.heldBytes], [[16_001, 16_002, 17_534], 0]);
});

Deno.test("held frames: one that is larger than all the room does not wait, and pushes nobody out", () => {
  const bench = new CacheBench();
  for (const length of [30_000, 30_001]) bench.holds(length);
  bench.holds(70_000);
  assertEquals([bench.cache.heldBytes, bench.counts], [60_001, { "frames-not-held": 1 }]);
  bench.answers();
  assertEquals(bench.takeLengths(), [30_000, 30_001]);
});

Deno.test("held frames: a holder's later frame replaces its earlier one, at the end; each leaves as it was, to the address", () => {
  const bench = new CacheBench();
  const first = bench.holds(100);
  bench.holds(101);
  bench.holdsMore(first.holder, { hop: first.hop, length: 102 });
  bench.answers();
  assertEquals(bench.sent.map((frame) => [frame.length, frame.slice(0, 6).join(), frame[6], frame.at(-1)]), [
    [101, PEER_MAC.join(), 7, 7],
    [102, PEER_MAC.join(), 7, 7],
  ]);
  bench.sent.length = 0;
  bench.answers();
  assertEquals(bench.sent, []);
});

Deno.test("held frames: a megabyte for all neighbors together; what does not fit is counted, and its holder still told", () => {
  const bench = new CacheBench();
  const addresses = Array.from({ length: 20 }, (_, at) => ip(`10.0.1.${at}`));
  for (const address of addresses) bench.holds(60_000, address);
  // 17 times 60,000 bytes fit 1,048,576.
  assertEquals([bench.cache.heldBytes, bench.counts], [1_020_000, { "frames-not-held": 3 }]);
  for (let second = 1; second <= 3; second++) {
    bench.clock.nowUs = second * 1_000_000;
    bench.cache.tick();
  }
  assertEquals([bench.told.length, bench.cache.heldBytes, bench.asked.length], [20, 0, 60]);
});

Deno.test("held frames: a connection that ends takes its frame and its wish to be told with it (20,000 of them: nothing left)", () => {
  const bench = new CacheBench();
  const connections = Array.from({ length: 20_000 }, () => bench.holds(58));
  assertEquals([bench.cache.heldBytes, bench.cache.size], [64 * 58, 1]);
  const { hop } = connections[0];
  assertEquals([hop.users, hop.waiting?.size, hop.frames?.size], [20_000, 20_000, 64]);
  for (const { holder } of connections) bench.cache.release(hop, holder);
  assertEquals([bench.cache.heldBytes, hop.users, hop.waiting], [0, 0, null]);
  bench.clock.nowUs = 3_000_000;
  for (let at = 0; at < 3; at++) {
    bench.clock.nowUs += 1_000_000;
    bench.cache.tick();
  }
  assertEquals([bench.told, bench.cache.size, bench.cache.nextDeadlineUs], [[], 0, Infinity]);
});

Deno.test("held frames: each leaves with its cut size and its label", () => {
  const bench = new CacheBench();
  const { holder, hop } = bench.holds(100);
  bench.holds(101);
  bench.cache.hold(hop, {
    holder,
    frame: new Uint8Array(20_000),
    length: 20_000,
    cutBytes: 1448,
    label: 2 ** 33,
  });
  bench.answers();
  assertEquals([bench.takeLengths(), bench.labels], [[101, 20_000], [[0, 0], [1448, 2 ** 33]]]);
});
