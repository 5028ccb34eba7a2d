/** The order of events: what came at once, what was sent when nothing can come before it any more. */
import { assertEquals } from "@std/assert";
import { EventOrder } from "../../src/runtime/event_order.ts";
import type { ClosedEvent, SegmentEvent, TcpEvent, TransitionEvent } from "../../src/tcp/events.ts";

const EPOCH_US = 1_700_000_000_000_000;
const CONNECTION = "10.0.0.1:7-10.0.0.2:4711";

function bench(tell: (event: TcpEvent) => void = () => {}) {
  const told: string[] = [];
  const thrown: unknown[] = [];
  const order = new EventOrder({
    epochUs: EPOCH_US,
    tell: (event) => {
      const what = event.event === "segment" ? `${event.direction} ${event.seq}` : event.event;
      told.push(`${what} @${Math.round(event.time * 1e6) - EPOCH_US}`);
      tell(event);
    },
    onThrown: (error) => thrown.push(error),
  });
  return { order, thrown, takeTold: () => told.splice(0) };
}

const seconds = (us: number) => (EPOCH_US + us) / 1e6;

function segment(direction: "recv" | "send", seq: number, us: number): SegmentEvent {
  return {
    event: "segment",
    time: seconds(us),
    connection: CONNECTION,
    direction,
    flags: ["ACK"],
    seq,
    ack: 0,
    relSeq: seq,
    relAck: 0,
    window: 0,
    length: 0,
    options: {},
    state: "ESTABLISHED",
    rule: "none",
  };
}

function closed(us: number): ClosedEvent {
  return {
    event: "closed",
    time: seconds(us),
    connection: CONNECTION,
    reason: "normal",
    bytesIn: 0,
    bytesOut: 0,
    durationMs: 0,
    states: [],
  };
}

function transition(cause: TransitionEvent["cause"], us: number): TransitionEvent {
  return {
    event: "transition",
    time: seconds(us),
    connection: CONNECTION,
    from: "ESTABLISHED",
    to: "CLOSE_WAIT",
    cause,
    recv: null,
    send: null,
    rule: "none",
    row: "none",
    rfc: "none",
  };
}

Deno.test("event order: what is sent waits until it has left, and for frames that were captured before", () => {
  const { order, takeTold } = bench();
  order.looking();
  order.arrived(100);
  order.observe(segment("recv", 1, 100));
  order.observe(segment("send", 11, 100));
  order.looked(false);
  assertEquals([takeTold(), order.isOpen], [["recv 1 @100"], true]);
  order.departing(150);
  assertEquals([takeTold(), order.isOpen, order.isHolding], [[], false, true]);
  // Captured before the answer to the first had left, and taken after.
  order.looking();
  order.arrived(140);
  order.observe(segment("recv", 2, 140));
  order.arrived(160);
  order.observe(segment("recv", 3, 160));
  assertEquals(takeTold(), ["recv 2 @140", "send 11 @150", "recv 3 @160"]);
  order.looked(true);
  assertEquals([takeTold(), order.isHolding], [[], false]);
});

Deno.test("event order: a look that finds nothing lets go of what had left before it, and of nothing else", () => {
  const { order, takeTold } = bench();
  order.looking();
  order.looked(true);
  order.observe(segment("send", 11, 90));
  order.departing(100);
  order.looking();
  order.observe(segment("send", 12, 90));
  order.departing(110);
  order.looked(true);
  assertEquals(takeTold(), ["send 11 @100"]);
  order.looking();
  order.looked(false);
  assertEquals(takeTold(), []);
  order.looking();
  order.looked(true);
  assertEquals(takeTold(), ["send 12 @110"]);
});

Deno.test("event order: the end of a connection comes after its last words", () => {
  const { order, takeTold } = bench();
  order.looking();
  order.arrived(100);
  order.observe(segment("recv", 1, 100));
  order.observe(segment("send", 11, 100));
  order.observe(closed(100));
  order.looked(true);
  order.departing(120);
  order.looking();
  order.looked(true);
  assertEquals(takeTold(), ["recv 1 @100", "send 11 @120", "closed @120"]);
});

Deno.test("event order: an application that closes on a frame does so after the answer to it", () => {
  const { order, takeTold } = bench();
  order.looking();
  order.arrived(100);
  order.observe(segment("recv", 1, 100));
  order.observe(transition("segment", 100));
  order.observe(segment("send", 11, 100));
  order.observe(transition("user", 100));
  order.observe(segment("send", 11, 100));
  assertEquals(takeTold(), ["recv 1 @100", "transition @100"]);
  order.looked(true);
  order.departing(130);
  order.looking();
  order.looked(true);
  assertEquals(takeTold(), ["send 11 @130", "transition @130", "send 11 @130"]);
});

Deno.test("event order: time never runs back, also where a frame shows late", () => {
  const { order, takeTold } = bench();
  order.looking();
  order.observe(segment("send", 11, 90));
  order.departing(100);
  order.looked(true);
  order.looking();
  order.looked(true);
  order.looking();
  order.arrived(95);
  order.observe(segment("recv", 1, 95));
  assertEquals(takeTold(), ["send 11 @100", "recv 1 @100"]);
});

Deno.test("event order: at rest what happens is told at once, and at the end everything", () => {
  const { order, takeTold } = bench();
  order.observe(closed(5));
  order.looking();
  order.looked(true);
  order.resting();
  order.observe(closed(7));
  assertEquals(takeTold(), ["closed @5", "closed @7"]);
  order.observe(segment("send", 11, 8));
  order.observe(closed(9));
  order.end();
  assertEquals([takeTold(), order.isHolding], [["send 11 @7", "closed @7"], false]);
});

Deno.test("event order: what a reader throws is counted, whenever it was told", () => {
  const { order, thrown } = bench(() => {
    throw new Error("no");
  });
  order.looking();
  order.arrived(1);
  order.observe(segment("recv", 1, 1));
  order.observe(segment("send", 11, 1));
  order.departing(2);
  order.arrived(3);
  assertEquals(thrown.length, 2);
});
