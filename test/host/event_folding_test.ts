/** What strangers cause is told a few times a second, and counted: nothing is lost, and a connection's own is never folded. */
import { assert, assertEquals } from "@std/assert";
import { EventFolding, FOLD } from "../../src/host/event_folding.ts";
import type { DropEvent, SegmentEvent, TcpEvent } from "../../src/tcp/events.ts";
import { SECOND_US, segmentFrame, WireHost } from "./wire_host.ts";

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;
const MOST = 5;
const EPOCH_S = 1_700_000_000;

type Told = DropEvent | SegmentEvent;

/** Kind, what it is alike by, and how many it stands for. */
function told(events: readonly TcpEvent[]): string[] {
  return events.filter((event): event is Told => event.event === "drop" || event.event === "segment").map(
    (event) => {
      const what = event.event === "drop" ? `drop ${event.reason}` : `${event.direction} ${event.rule}`;
      return event.count === undefined ? what : `${what} x${event.count}`;
    },
  );
}

function summed(events: readonly TcpEvent[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const text of told(events)) {
    const [what, count] = text.split(" x");
    sums[what] = (sums[what] ?? 0) + Number(count ?? 1);
  }
  return sums;
}

Deno.test("folding: the first of a kind in a second by themselves, the others as one at its end", () => {
  const wire = new WireHost({ foldAfter: MOST });
  for (let i = 0; i < 12; i++) wire.gives(segmentFrame({ seq: 1000 + i, flags: SYN }));
  const each = ["recv arrives.closed.reset", "send arrives.closed.reset", "drop no-listener"];
  assertEquals(told(wire.events.splice(0)), Array(MOST).fill(each).flat());
  wire.pass(SECOND_US - 1);
  assertEquals(wire.events, []);
  assertEquals(wire.host.nextDeadlineUs(), wire.nowUs + 1);
  wire.pass(1);
  assertEquals(told(wire.events), [
    "drop no-listener x7",
    "recv arrives.closed.reset x7",
    "send arrives.closed.reset x7",
  ]);
  for (const { time } of wire.events) assertEquals(time, EPOCH_S + 2);
  const [drop, received, sent] = wire.events.splice(0);
  // Many of them are no single connection's; a segment shows one of them, the sixth.
  assertEquals(drop, { event: "drop", time: EPOCH_S + 2, reason: "no-listener", count: 7 });
  assert(received.event === "segment" && sent.event === "segment");
  assertEquals([received.seq, received.flags, received.state], [1005, ["SYN"], "CLOSED"]);
  assertEquals([sent.ack, sent.flags], [1006, ["RST", "ACK"]]);
  // Nothing is left, and nothing wakes the host.
  assertEquals(wire.host.nextDeadlineUs(), Infinity);
  wire.pass(100 * SECOND_US);
  assertEquals(wire.events, []);
  // The next second begins anew.
  for (let i = 0; i < MOST + 1; i++) wire.gives(segmentFrame({ seq: 1000, flags: RST }));
  assertEquals(told(wire.events), Array(MOST).fill(["recv arrives.closed.rst", "drop no-listener"]).flat());
});

Deno.test("folding: one alone that is too many is told as it is", () => {
  const wire = new WireHost({ foldAfter: MOST });
  for (let i = 0; i < MOST + 1; i++) wire.gives(segmentFrame({ seq: 1000 + i, flags: RST }));
  wire.events.length = 0;
  wire.pass(SECOND_US);
  assertEquals(told(wire.events), ["drop no-listener", "recv arrives.closed.rst"]);
  const [drop] = wire.events;
  assert(drop.event === "drop" && drop.connection !== undefined);
});

Deno.test("folding: a second that is over is told before what comes after it, without a tick in between", () => {
  const wire = new WireHost({ foldAfter: MOST });
  for (let i = 0; i < 9; i++) wire.gives(segmentFrame({ seq: 1, flags: RST }));
  wire.events.length = 0;
  wire.nowUs += 3 * SECOND_US;
  wire.gives(segmentFrame({ seq: 1, flags: RST }));
  assertEquals(told(wire.events), [
    "drop no-listener x4",
    "recv arrives.closed.rst x4",
    "recv arrives.closed.rst",
    "drop no-listener",
  ]);
});

Deno.test("folding: one alone of a second that is over is told after the frame in hand, which has no part in it", () => {
  const wire = new WireHost({ foldAfter: MOST });
  for (let i = 0; i < MOST + 1; i++) wire.gives(segmentFrame({ seq: 1000 + i, flags: RST }));
  wire.events.length = 0;
  wire.nowUs += 3 * SECOND_US;
  wire.gives(segmentFrame({ seq: 1, flags: SYN }));
  const reset = ["recv arrives.closed.reset", "send arrives.closed.reset", "drop no-listener"];
  assertEquals(told(wire.events.splice(0)), reset);
  assertEquals(wire.host.nextDeadlineUs(), wire.nowUs);
  wire.host.tick(wire.nowUs);
  assertEquals(told(wire.events.splice(0)), ["drop no-listener", "recv arrives.closed.rst"]);
  wire.pass(10 * SECOND_US);
  assertEquals(wire.events, []);
  // Who leaves hears it too.
  for (let i = 0; i < MOST + 1; i++) wire.gives(segmentFrame({ seq: 1000 + i, flags: RST }));
  wire.nowUs += 3 * SECOND_US;
  wire.gives(segmentFrame({ seq: 1, flags: SYN }));
  wire.events.length = 0;
  wire.host.observer = null;
  assertEquals(told(wire.events), ["drop no-listener", "recv arrives.closed.rst"]);
});

Deno.test("folding: cookies for a flood of SYNs are folded, connections never are", () => {
  const wire = new WireHost({ foldAfter: MOST });
  wire.host.listen({ port: 80, backlog: 3, accept: () => ({}) });
  wire.events.length = 0;
  for (let i = 0; i < 103; i++) wire.gives(segmentFrame({ sourcePort: 5000 + i, seq: 1000, flags: SYN }));
  const counts = summed(wire.events);
  assertEquals([counts["recv arrives.listen.syn"], counts["send arrives.listen.syn"]], [3, 3]);
  assertEquals([counts["recv arrives.listen.cookie-sent"], counts["send arrives.listen.cookie-sent"]], [
    MOST,
    MOST,
  ]);
  assertEquals(wire.events.filter(({ event }) => event === "transition").length, 4 - 1);
  wire.events.length = 0;
  wire.pass(SECOND_US);
  assertEquals(told(wire.events.splice(0)).filter((text) => text.includes("cookie")), [
    "recv arrives.listen.cookie-sent x95",
    "send arrives.listen.cookie-sent x95",
  ]);
});

Deno.test("folding: an observer that leaves hears what has been folded for it", () => {
  const wire = new WireHost({ foldAfter: MOST });
  for (let i = 0; i < 9; i++) wire.gives(segmentFrame({ seq: 1, flags: RST }));
  wire.events.length = 0;
  wire.host.observer = null;
  assertEquals(told(wire.events), ["drop no-listener x4", "recv arrives.closed.rst x4"]);
  assertEquals(wire.host.nextDeadlineUs(), Infinity);
  const later: TcpEvent[] = [];
  wire.host.observer = (event) => later.push(event);
  wire.pass(SECOND_US);
  assertEquals(later, [], "who has just come hears nothing of what was before");
});

Deno.test("folding: a connection's own segments, transitions and end are all told, its drops counted with all others", () => {
  const wire = new WireHost({ foldAfter: MOST });
  wire.host.listen({ port: 80, accept: () => ({}) });
  const [synAck] = wire.gives(segmentFrame({ seq: 1000, flags: SYN }));
  const iss = new DataView(synAck.buffer, synAck.byteOffset).getUint32(14 + 20 + 4);
  wire.gives(segmentFrame({ seq: 1001, ack: iss + 1, flags: ACK }));
  wire.events.length = 0;
  // Blind resets outside the window: RFC 5961 §3.2 drops them in silence.
  for (let i = 0; i < 20; i++) wire.gives(segmentFrame({ seq: 0x5000_0000 + i, flags: RST }));
  wire.gives(segmentFrame({ seq: 1001, ack: iss + 1, flags: FIN | ACK }));
  const events = wire.events.splice(0);
  assertEquals(events.filter((event) => event.event === "segment" && event.direction === "recv").length, 21);
  assertEquals(told(events).filter((text) => text === "drop outside-window").length, MOST);
  assert(events.some((event) => event.event === "transition" && event.to === "CLOSE_WAIT"));
  wire.pass(SECOND_US);
  assertEquals(told(wire.events).filter((text) => text.startsWith("drop")), ["drop outside-window x15"]);
});

Deno.test("folding: notices of one kind are counted, those of another told", () => {
  const folding = new EventFolding(2);
  const notice = (
    message: string,
  ) => ({ event: "notice", time: 1, kind: "a", message, connection: "x-y" } as const);
  folding.take(0);
  assertEquals([1, 2, 3, 4].map(() => folding.judge("notice", "a")), [
    FOLD.TELL,
    FOLD.TELL,
    FOLD.KEEP,
    FOLD.KEEP,
  ]);
  folding.keep(notice("third"));
  assertEquals(folding.judge("notice", "a"), FOLD.COUNT);
  assertEquals([folding.judge("notice", "b"), folding.judge("drop", "a")], [FOLD.TELL, FOLD.TELL]);
  assertEquals([folding.dueUs, folding.isOver(SECOND_US - 1), folding.isOver(SECOND_US)], [
    SECOND_US,
    false,
    true,
  ]);
  assertEquals(folding.take(SECOND_US), [{
    event: "notice",
    time: 1,
    kind: "a",
    message: "third",
    count: 3,
  }]);
  assertEquals([folding.take(2 * SECOND_US), folding.dueUs], [[], Infinity]);
});

Deno.test("folding: without the option everything is told", () => {
  const wire = new WireHost();
  wire.events.length = 0;
  for (let i = 0; i < 300; i++) wire.gives(segmentFrame({ seq: 1, flags: RST }));
  assertEquals(summed(wire.events), { "recv arrives.closed.rst": 300, "drop no-listener": 300 });
  assertEquals(wire.events.length, 600);
  assertEquals(wire.host.nextDeadlineUs(), Infinity);
});
