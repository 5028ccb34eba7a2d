/**
 * The window that is offered (RFC 9293 §3.8.6), held against an oracle in thousands of courses with buffers of odd sizes:
 * its right edge never moves left, not even by the rounding of a scaled window, and it moves right by steps that are
 * worth it (§3.8.6.2.2).
 *
 * Owns: the oracle, written from the RFC's rules. Must not know: how the machine keeps its window.
 */
import { assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { SACK_OPTIONS } from "./bulk_sender.ts";
import type { Seen } from "./peer.ts";
import {
  type Fixture,
  type FixtureOptions,
  reachEstablished,
  reachFinWait1,
  reachFinWait2,
} from "./states.ts";

const FIELD_MAX = 0xffff;
const OUR_MSS = 1460;

interface Step {
  readonly act: "text" | "read" | "wait";
  /** Of what could arrive or be read, how much: a share of it, or so many bytes. */
  readonly share: number;
  readonly bytes: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom("text", "text", "text", "read", "read", "wait"),
  share: fc.constantFrom(0, 0, 0, 0.1, 0.5, 0.5, 1),
  bytes: fc.oneof(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 3000 }),
    fc.constantFrom(1, 729, 730, 731, 1459, 1460, 1461, 2919, 2920, 2921),
  ),
});

/** The receiver as RFC 9293 §3.8.6 has it: what is unread, how far it is acknowledged, what was offered. */
class Receiver {
  readonly fixture: Fixture;
  readonly limit: number;
  /** One unit of the window field. */
  readonly unit: number;
  received = 0;
  unread = 0;
  edge: number;
  /** The rightmost edge that was ever offered: what lies before it is taken. */
  most: number;

  constructor(fixture: Fixture, limit: number) {
    this.fixture = fixture;
    this.limit = limit;
    this.unit = 2 ** fixture.peer.hostShift;
    this.edge = fixture.peer.hostRightEdge - 1;
    this.most = this.edge;
  }

  /** Bytes that may still come. */
  get offered(): number {
    return Math.max(0, this.most - this.received);
  }

  /** Room that could be offered, as far as the field can say it. */
  get room(): number {
    return Math.min(this.limit - this.unread, FIELD_MAX * this.unit);
  }

  /** RFC 9293 §3.8.6.2.2: the step that is worth it. */
  get step(): number {
    return Math.min(this.limit / 2, OUR_MSS);
  }

  take({ act, share, bytes }: Step): void {
    const { lab, peer, app } = this.fixture;
    let mayTell = false;
    if (act === "text") {
      const length = Math.min(this.offered, 9000, Math.max(bytes, Math.floor(share * this.offered)));
      if (length === 0) return;
      this.received += length;
      this.unread += length;
      peer.sends({ flags: "ACK", data: length });
    } else if (act === "read") {
      const count = Math.min(this.unread, Math.max(bytes, Math.floor(share * this.unread)));
      const isOwed = app.connection.info().timers["delayed-ack"] !== undefined;
      this.unread -= count;
      const gain = this.room - this.offered;
      const most = Math.min(this.limit, FIELD_MAX * this.unit);
      // Local choice of what is worth an ACK of its own: two segments or half of the buffer, where the peer could stand still.
      mayTell = count > 0 && gain >= Math.min(2 * OUR_MSS, most / 2) &&
        (this.offered < OUR_MSS || gain >= most / 4);
      app.read(count);
      if (mayTell || !isOwed) assertEquals(this.seen(), mayTell ? 1 : 0, "an update of the window");
    } else {
      lab.pass(50_000);
    }
    this.seen();
  }

  /** Holds what was sent against the rules; returns how many segments that was. */
  seen(): number {
    const all = this.fixture.peer.takeAll();
    for (const one of all) this.#check(one);
    return all.length;
  }

  #check({ flags, ack, window }: Seen): void {
    assertEquals([flags, ack], ["ACK", 1 + this.received]);
    const { offered, room, unit, step } = this;
    const wanted = room - offered >= step ? room : offered;
    const down = Math.floor(wanted / unit);
    const field = Math.min(FIELD_MAX, down * unit < offered ? down + 1 : down);
    const about = `room ${room}, offered ${offered}, unit ${unit}, limit ${this.limit}`;
    const edge = this.received + window * unit;
    // Segments of odd sizes make an edge that is rounded up go beyond the buffer; how far is another test's question.
    const isBeyond = this.received + field * unit > this.received - this.unread + this.limit + unit;
    if (!isBeyond) assertEquals(window, field, about);
    // SHLD-14: to the byte.
    const least = isBeyond ? this.edge - unit : this.edge;
    assertEquals(edge >= least, true, `the right edge moves left by ${this.edge - edge}: ${about}`);
    this.edge = edge;
    this.most = Math.max(this.most, edge);
  }
}

const limit = fc.oneof(
  fc.integer({ min: 500, max: 9000 }),
  fc.integer({ min: 9000, max: 80_000 }),
  fc.integer({ min: 80_000, max: 1_200_000 }),
  fc.constantFrom(2919, 2920, 2921, 4096, 65_535, 65_536, 65_537, 131_070, 131_071, 1_048_577),
);

for (const isScaled of [true, false]) {
  const name = isScaled ? "scaled" : "not scaled";
  Deno.test(`the window offered, ${name}: its right edge never moves left, and right by worthwhile steps only (SHLD-14, MUST-39, RFC 9293 §3.8.6.2.2, RFC 7323 §2.4)`, () => {
    fc.assert(
      fc.property(
        limit,
        fc.constantFrom(0, 1000),
        fc.array(step, { minLength: 10, maxLength: 60 }),
        (receiveBufferBytes, quickAcks, steps) => {
          const options: FixtureOptions = {
            autoRead: false,
            options: isScaled ? SACK_OPTIONS : { mss: 1460 },
            tcp: { receiveBufferBytes, quickAcks },
          };
          const receiver = new Receiver(reachEstablished(options), receiveBufferBytes);
          for (const one of steps) receiver.take(one);
        },
      ),
      { numRuns: 250 },
    );
  });
}

Deno.test("segments that are no multiple of the scale's unit do not make the buffer endless (SHLD-14, RFC 9293 §3.8.6, RFC 7323 §2.4)", () => {
  for (const [receiveBufferBytes, bytes] of [[100_000, 1], [0x100000, 31], [0x4000000, 1001]]) {
    const { peer, app } = reachEstablished({
      autoRead: false,
      options: SACK_OPTIONS,
      tcp: { receiveBufferBytes, quickAcks: 1_000_000 },
    });
    const unit = 2 ** peer.hostShift;
    const most = receiveBufferBytes + unit;
    // First nearly all in large pieces, then the last bytes in pieces that rounding up gives back each time.
    while (peer.next < receiveBufferBytes - 20_000) {
      peer.sends({ flags: "ACK", data: Math.min(60_000, receiveBufferBytes - 10_000 - peer.next) });
      peer.takeAll();
    }
    for (let i = 0; i < 40_000 && app.connection.readableBytes <= most; i++) {
      if (peer.hostRightEdge - peer.next < bytes) break;
      peer.sends({ flags: "ACK", data: bytes });
      if (peer.takeAll().at(-1)?.ack !== peer.next) break;
    }
    assertLessOrEqual(app.connection.readableBytes, most, `a buffer of ${receiveBufferBytes}`);
  }
});

Deno.test("a window opens by half of a small buffer, or by a full segment, not by a byte less (MUST-39, RFC 9293 §3.8.6.2.2)", () => {
  for (const [limitBytes, worth] of [[2000, 1000], [2919, 1460], [2920, 1460], [10_000, 1460]]) {
    const { peer, app } = reachEstablished({
      autoRead: false,
      tcp: { receiveBufferBytes: limitBytes, quickAcks: 1000 },
    });
    for (let seq = 1; seq <= limitBytes; seq += 1000) {
      peer.sends({ flags: "ACK", seq, ack: 1, data: Math.min(1000, limitBytes + 1 - seq) });
    }
    assertEquals(peer.takeAll().at(-1)?.window, 0);
    app.read(Math.ceil(worth) - 1);
    peer.takeAll();
    // A probe asks.
    peer.sends({ flags: "ACK", seq: limitBytes + 1, ack: 1, data: 1 });
    peer.expects({ flags: "ACK", ack: limitBytes + 1, window: 0 });
    app.read(1);
    const told = peer.takeAll();
    if (told.length === 0) {
      peer.sends({ flags: "ACK", seq: limitBytes + 1, ack: 1 });
      peer.expectsSilence();
      peer.sends({ flags: "ACK", seq: limitBytes + 1, ack: 1, data: 1 });
      told.push(...peer.takeAll());
    }
    assertEquals(told.map(({ window }) => window), [Math.ceil(worth)], `a buffer of ${limitBytes}`);
    peer.expectsSilence();
  }
});

Deno.test("room is told unasked from a quarter of the buffer on, not a byte before, while the peer has a segment's worth (local choice beside RFC 9293 §3.8.6.2.2)", () => {
  for (const [bytes, isTold] of [[9999, false], [10_000, true]] as const) {
    const { peer, app } = reachEstablished({
      autoRead: false,
      tcp: { receiveBufferBytes: 40_000, quickAcks: 1000 },
    });
    for (let seq = 1; seq <= 30_000; seq += 10_000) peer.sends({ flags: "ACK", seq, ack: 1, data: 10_000 });
    assertEquals(peer.takeAll().at(-1)?.window, 10_000);
    app.read(bytes);
    assertEquals(peer.takeAll().map(({ window }) => window), isTold ? [20_000] : []);
  }
});

for (const [state, reach] of [["FIN_WAIT_1", reachFinWait1], ["FIN_WAIT_2", reachFinWait2]] as const) {
  Deno.test(`${state}: a reader that makes room opens the window (RFC 9293 §3.10.3, §3.8.6.2.2)`, () => {
    const { peer, app } = reach({ autoRead: false, tcp: { receiveBufferBytes: 4000, quickAcks: 1000 } });
    const ack = state === "FIN_WAIT_1" ? 1 : 2;
    for (let seq = 1; seq <= 4000; seq += 1000) peer.sends({ flags: "ACK", seq, ack, data: 1000 });
    assertEquals(peer.takeAll().at(-1)?.window, 0);
    app.read(1000);
    peer.expectsSilence();
    app.read(2000);
    peer.expects({ flags: "ACK", seq: 2, ack: 4001, window: 3000 });
    peer.expectsSilence();
  });
}

Deno.test("after the peer's FIN nothing can come: a reader opens no window (RFC 9293 §3.10.3)", () => {
  const { peer, app } = reachEstablished({
    autoRead: false,
    tcp: { receiveBufferBytes: 4000, quickAcks: 1000 },
  });
  for (let seq = 1; seq < 4000; seq += 1000) {
    peer.sends({ flags: seq === 3001 ? "FIN ACK" : "ACK", seq, ack: 1, data: seq === 3001 ? 999 : 1000 });
  }
  peer.takeAll();
  assertEquals(app.state, "CLOSE_WAIT");
  app.read(3999);
  peer.expectsSilence();
});

Deno.test("an application that will not read opens what it had kept shut, and all that comes is taken (RFC 9293 §3.10.4)", () => {
  const { lab, peer, app } = reachEstablished({
    autoRead: false,
    tcp: { receiveBufferBytes: 4000, quickAcks: 1000 },
  });
  for (let seq = 1; seq < 4000; seq += 1000) peer.sends({ flags: "ACK", seq, ack: 1, data: 1000 });
  assertEquals(peer.takeAll().at(-1)?.window, 0);
  lab.user(() => app.connection.closeAndDrain());
  const [update, ...rest] = peer.takeAll();
  assertEquals([update.ack, update.window], [4001, 4000]);
  assertEquals(rest.length <= 1, true);
  for (let seq = 4001; seq < 12_000; seq += 1000) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: 1000 });
    const [seen, ...more] = peer.takeAll();
    assertEquals([seen.ack, seen.window >= 1460, more.length], [seq + 1000, true, 0]);
  }
  assertEquals(app.connection.readableBytes, 0);
});
