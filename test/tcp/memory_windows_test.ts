/**
 * Windows while memory is used up: they shrink, what has been offered is never taken back (SHLD-14), what was offered is taken
 * while there is memory, and what could not be taken is taken when it is sent again.
 *
 * Owns: the demands of RFC 9293 §3.8.6 on a host whose memory is small. Must not know: how a share is reckoned.
 */
import {
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
} from "@std/assert";
import fc from "fast-check";
import { bytesOf } from "./app_log.ts";
import { SCALED } from "./crowd.ts";
import { type End, exhausted, opensOutward, sendsAll } from "./memory_exhaustion.ts";
import { Lab } from "./harness.ts";
import { reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const MEBIBYTE = 0x100000;
const SEGMENT = 1460;
const DELAYED_ACK_US = 40_000;

Deno.test("as memory is used, the windows that are offered shrink, down to two segments", () => {
  const lab = new Lab({ memoryBytes: 8 * MEBIBYTE });
  lab.listen({ autoRead: false });
  const windows: number[] = [];
  const grown: number[] = [];
  for (let i = 0; i < 12; i++) {
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: SCALED });
    windows.push(peer.hostWindow);
    peer.takeAll();
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    sendsAll({ peer, app: opensOutward(lab).app }, 1000);
    grown.push(peer.hostWindow);
    const end = opensOutward(lab);
    sendsAll(end, 600_000);
  }
  assertEquals(windows[0], 0xffff);
  assertGreaterOrEqual(grown[0], 0x80000);
  for (let i = 1; i < grown.length; i++) assertLessOrEqual(grown[i], grown[i - 1] + 64);
  assertLess(grown[grown.length - 1], 0x40000);
  assertGreaterOrEqual(grown[grown.length - 1], 2 * SEGMENT);
});

// -- What was offered is never taken back

type Deed = {
  readonly who: number;
  readonly length: number;
  readonly hole: number;
  readonly reads: number;
  readonly us: number;
};

const DEEDS = fc.array(
  fc.record({
    who: fc.nat(9),
    length: fc.oneof(fc.integer({ min: 1, max: SEGMENT }), fc.constant(SEGMENT)),
    hole: fc.constantFrom(0, 0, 0, 0, 1, 5000),
    reads: fc.constantFrom(0, 0, 0, 1, 1000, 100_000),
    us: fc.constantFrom(0, 0, 0, 1000, 50_000),
  }),
  { minLength: 50, maxLength: 250 },
);

/** Follows the right edge that one peer is shown; fails when it moves left. */
class Edge {
  readonly end: End;
  readonly #shift: number;
  #edge = 0;
  acked = 1;

  constructor(end: End, shift: number) {
    this.end = end;
    this.#shift = shift;
  }

  follows(): void {
    for (const seen of this.end.peer.takeAll()) {
      if (seen.flags.includes("RST") || seen.flags.includes("SYN")) continue;
      const edge = seen.ack + (seen.window << this.#shift);
      // A scaled field cannot say every edge: less than one unit may be lost in it (RFC 7323 §2.4).
      assertGreater(edge, this.#edge - (1 << this.#shift), "the right edge has moved left");
      if (edge > this.#edge) this.#edge = edge;
      if (seen.ack > this.acked) this.acked = seen.ack;
    }
  }
}

function runDeeds(deeds: readonly Deed[], memoryBytes: number): void {
  const lab = new Lab({ memoryBytes });
  lab.host.onRule = null;
  const apps = lab.listen({ autoRead: false });
  const edges: Edge[] = [];
  for (let i = 0; i < 10; i++) {
    const isScaled = i % 2 === 0;
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: isScaled ? SCALED : { mss: 1460, sackPermitted: true } });
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    edges.push(new Edge({ peer, app: apps[i] }, isScaled ? peer.hostShift : 0));
  }
  for (const { who, length, hole, reads, us } of deeds) {
    const edge = edges[who];
    const { peer, app } = edge.end;
    edge.follows();
    const { usedBytes } = lab.host.memory();
    const isAmple = usedBytes < 0.75 * memoryBytes - 2 * MEBIBYTE;
    // Many at once, so that memory is used up.
    const burst = length === SEGMENT ? 20 : 1;
    const first = edge.acked + hole;
    for (let i = 0; i < burst; i++) {
      const seq = first + i * length;
      const count = Math.min(length, peer.hostRightEdge - seq);
      if (count > 0) peer.sends({ flags: "ACK", seq, ack: 1, data: count });
    }
    const end = Math.min(first + burst * length, peer.hostRightEdge);
    if (isAmple && hole === 0 && app.closed.length === 0) {
      lab.pass(DELAYED_ACK_US);
      edge.follows();
      assertGreaterOrEqual(edge.acked, end, "what was offered is taken while there is memory");
    }
    if (reads > 0 && app.closed.length === 0) app.read(reads);
    lab.pass(us);
    for (const each of edges) each.follows();
  }
}

for (const memory of [0.5, 1, 4, 32]) {
  Deno.test(`the right edge never moves left, whatever memory is left: ${memory} MiB`, () => {
    fc.assert(fc.property(DEEDS, (deeds) => runDeeds(deeds, memory * MEBIBYTE)), { numRuns: 40 });
  });
}

// -- When memory is exhausted

Deno.test("exhausted: text in order is not taken and not acknowledged, and taken when it is sent again with memory back", () => {
  const { lab, ends } = exhausted(4 * MEBIBYTE, () => null);
  const { peer, app } = ends[ends.length - 1];
  const text = bytesOf(SEGMENT, 12_345);
  const seq = app.connection.info().bytesIn + 1;
  const refused = lab.host.counters()["memory-refused"];
  peer.takeAll();
  for (let again = 1; again <= 3; again++) {
    peer.sends({ flags: "ACK", seq, data: text });
    lab.pass(SECOND_US);
    peer.expectsSilence();
    assertEquals(lab.host.counters()["memory-refused"], refused + again);
  }
  // Others' applications read.
  for (const end of ends.slice(0, 10)) end.app.read();
  lab.pass(SECOND_US);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq, data: text });
  lab.pass(DELAYED_ACK_US);
  peer.expects({ flags: "ACK", ack: seq + SEGMENT });
  peer.expectsSilence();
  app.read(app.connection.readableBytes - SEGMENT);
  assertEquals(app.read(), text);
  // Nobody of them was ours to evict.
  for (const end of ends) assertEquals(end.app.closed, []);
});

Deno.test("exhausted: text out of order is answered, but neither kept nor reported", () => {
  const { lab, ends } = exhausted(4 * MEBIBYTE, () => null);
  const { peer, app } = ends[ends.length - 1];
  const next = app.connection.info().bytesIn + 1;
  const { usedBytes } = lab.host.memory();
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: next + 100, data: "beyond" });
  peer.expects({ flags: "ACK", ack: next, sack: [] });
  peer.expectsSilence();
  assertLessOrEqual(lab.host.memory().usedBytes, usedBytes + 256);
  for (const end of ends.slice(0, 30)) end.app.read();
  lab.pass(SECOND_US);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: next + 100, data: "beyond" });
  peer.expects({ flags: "ACK", ack: next, sack: [[next + 100, next + 106]] });
});

Deno.test("exhausted: ACKs, FINs and resets are heard all the same", () => {
  const { ends } = exhausted(4 * MEBIBYTE, () => null);
  const { peer, app } = ends[ends.length - 1];
  const next = app.connection.info().bytesIn + 1;
  peer.takeAll();
  peer.sends({ flags: "FIN ACK", seq: next });
  peer.expects({ flags: "ACK", ack: next + 1 });
  assertEquals(app.state, "CLOSE_WAIT");
  const other = ends[0];
  other.peer.sends({ flags: "RST", seq: other.app.connection.info().bytesIn + 1 });
  assertEquals(other.app.closed, ["reset-by-peer"]);
});

// -- The receive buffer

for (const receiveBufferBytes of [10_000, 0x10000, MEBIBYTE, 16 * MEBIBYTE]) {
  for (const reads of [0, 1]) {
    Deno.test(`a client that always leaves one octet of window: ${receiveBufferBytes} octets, ${reads} read a round`, () => {
      const { lab, peer, app } = reachEstablished({
        autoRead: false,
        options: SCALED,
        tcp: { receiveBufferBytes },
        memoryBytes: 1024 * MEBIBYTE,
      });
      lab.host.onRule = null;
      lab.host.observer = null;
      const unit = 1 << peer.hostShift;
      const rounds = receiveBufferBytes > MEBIBYTE ? 20_000 : 100_000;
      const text = new Uint8Array(SEGMENT);
      let next = 1;
      for (let round = 0; round < rounds; round++) {
        const count = Math.min(SEGMENT, peer.hostRightEdge - next - 1);
        if (count > 0) {
          peer.sends({ flags: "ACK", seq: next, ack: 1, data: text.subarray(0, count) });
          next += count;
        } else peer.sends({ flags: "ACK", seq: next - 1, ack: 1, data: "x" });
        if (reads > 0) lab.user(() => app.connection.skip(reads));
        peer.takeAll();
        assertLess(app.connection.readableBytes, receiveBufferBytes + unit);
      }
      lab.pass(DELAYED_ACK_US);
      assertGreaterOrEqual(app.connection.readableBytes, receiveBufferBytes - 2 * SEGMENT - unit);
      assertLessOrEqual(lab.host.memory().usedBytes, 2 * (receiveBufferBytes + unit) + 0x2000);
    });
  }
}
