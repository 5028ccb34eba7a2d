/** The measure of events holds where a log hears all of them: pages are told no more than without one. */
import { assert, assertEquals } from "@std/assert";
import type { TcpEvent } from "../../src/tcp/events.ts";
import { EventBudget } from "../../src/web/event_budget.ts";
import { hubOn, SlowSocket } from "./hub_scene.ts";
import { PageScene } from "./page_scene.ts";

/** What a page is told of a connection beside a log that wants everything, in some turns. */
function looksOn(on: PageScene): { told: (turns: number) => TcpEvent[]; end: () => void; heard: TcpEvent[] } {
  const { hub } = hubOn(on);
  const socket = new SlowSocket();
  const client = hub.add(socket);
  assert(client !== null);
  hub.subscribe(client, 1);
  const heard: TcpEvent[] = [];
  const leave = on.session.stack.observe((event) => void heard.push(event));
  const told = (turns: number) => {
    const events: TcpEvent[] = [];
    for (let i = 0; i < turns; i++) {
      hub.turn();
      events.push(...socket.batches().flatMap((batch) => [...batch.events]));
    }
    return events;
  };
  return {
    told,
    heard,
    end: () => {
      leave();
      hub.end();
    },
  };
}

const lostIn = (events: readonly TcpEvent[]) =>
  events.reduce((sum, event) => sum + (event.event === "lost" ? event.count : 0), 0);
const segmentsIn = (events: readonly TcpEvent[]) =>
  events.flatMap((event) => event.event === "segment" ? [event.segment] : []);

Deno.test("beside a log a burst is told within the measure, what is beyond is counted at its place, the end is told whole", async () => {
  await using on = new PageScene();
  const { told, heard, end } = looksOn(on);
  const connection = await on.opens();
  for (let i = 0; i < 1200; i++) await on.talks(connection, "0123456789");
  const all = segmentsIn(heard);
  assert(all.length > 1800, `${all.length} segments are no burst`);
  const first = told(8);
  const few = segmentsIn(first);
  assert(few.length > 900 && few.length <= 1024, `${few.length} were told`);
  assertEquals(few, all.slice(0, few.length));
  assertEquals([lostIn(first), first.at(-1)?.event], [all.length - few.length, "lost"]);
  // In one turn more than is left: what moves the states is told in any case, and what is named is there.
  for (let i = 0; i < 300; i++) await on.talks(connection, "0123456789");
  await on.get(connection.closeWrite());
  assertEquals(await on.get(connection.read(new Uint8Array(1))), null);
  await on.settle();
  const last = told(8);
  const everything = [...first, ...last];
  assertEquals(segmentsIn(everything).length + lostIn(everything), segmentsIn(heard).length);
  const numbers = segmentsIn(everything);
  const moves = everything.flatMap((event) => event.event === "transition" ? [event] : []);
  assertEquals(moves.map(({ row }) => row), [
    "listen.syn",
    "syn-rcvd.ack",
    "established.fin",
    "close-wait.close",
    "last-ack.ack",
  ]);
  for (const { row, segment } of moves) assert(numbers.includes(segment), `${row} by ${segment}`);
  // In their order; the last, which carries no flag but ACK, too.
  assertEquals(numbers, numbers.toSorted((one, other) => (one ?? 0) - (other ?? 0)));
  assertEquals(numbers.at(-1), segmentsIn(heard).at(-1));
  end();
});

Deno.test("beside a log what is sent again is told, however much there was before it", async () => {
  await using on = new PageScene();
  const { told, heard, end } = looksOn(on);
  const connection = await on.opens();
  for (let i = 0; i < 1200; i++) await on.talks(connection, "0123456789");
  on.begins();
  assertEquals((await on.tells("/api/faults", { once: "out:drop:data" })).status, 200);
  assertEquals(await on.talks(connection, "again"), "again");
  const events = told(8);
  const repeat = events.find((event) => event.event === "retransmit");
  assert(repeat?.event === "retransmit");
  assert(segmentsIn(events).includes(repeat.segment));
  assertEquals(segmentsIn(events).length + lostIn(events), segmentsIn(heard).length);
  end();
});

Deno.test("of what is beyond the measure the figures are told all the same", async () => {
  await using on = new PageScene();
  const { hub } = hubOn(on);
  const socket = new SlowSocket();
  hub.add(socket);
  const [busy, other] = [await on.opens(), await on.opens()];
  await on.talks(other, "0123456789");
  for (let i = 0; i < 600; i++) await on.talks(busy, "0123456789");
  hub.turn();
  socket.take();
  for (let i = 0; i < 40; i++) await on.talks(busy, "0123456789");
  // The measure of those that nobody follows is spent.
  await on.talks(other, "more");
  hub.turn();
  const rows = socket.batches().flatMap((batch) => batch.rows);
  assertEquals(rows.map(({ id, bytesIn }) => [id, bytesIn]), [[1, 6400], [2, 14]]);
  hub.end();
});

Deno.test("a segment that was left out is told when it turns out to have moved a state, and is not counted then", async () => {
  await using on = new PageScene();
  const heard: TcpEvent[] = [];
  on.session.stack.observe((event) => void heard.push(event));
  await on.opens();
  const ack = heard.findLast((event) => event.event === "segment");
  const move = heard.findLast((event) => event.event === "transition");
  assert(ack?.event === "segment" && move?.event === "transition" && ack.segment === move.segment);
  const budget = new EventBudget({ isFollowed: () => true, isKnown: () => true });
  while (budget.segments(1)) budget.takes({ ...ack, segment: 1 }, 1);
  assertEquals([budget.segments(1), budget.takes(ack, 1), budget.takes(move, 1)], [false, false, true]);
  assertEquals(budget.segmentOf(move, 1), ack);
  assertEquals(budget.segmentOf(move, 1), null);
  assertEquals([budget.takeMissed(1), budget.takeMissed(1)], [2, 0]);
});
