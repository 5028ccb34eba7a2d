/** When a transition that was seen counts as a row that was expected. */
import { assertEquals } from "@std/assert";
import { LAB_ROWS, seenRows } from "../../src/cli/seen_transitions.ts";
import type { TransitionEvent } from "../../src/tcp/events.ts";

/** The event that a row of the table makes when it happens. */
function eventOf(id: string, change: Partial<TransitionEvent> = {}): TransitionEvent {
  const row = LAB_ROWS.find((candidate) => candidate.id === id);
  if (row === undefined) throw new Error(`There is no row ${id}`);
  const { from, to, recv, send, cause, rfc } = row;
  const connection = "10.33.0.3:3333-10.33.0.2:40000";
  return {
    event: "transition",
    time: 0,
    connection,
    from,
    to,
    recv,
    send,
    cause,
    row: id,
    rule: id,
    rfc,
    ...change,
  };
}

Deno.test("the lab's table has six rows, from CLOSED to CLOSED", () => {
  assertEquals(LAB_ROWS.map((row) => row.labStep), [1, 2, 3, 4, 5, 6]);
  assertEquals(LAB_ROWS.map((row) => row.from).concat("CLOSED").slice(1), LAB_ROWS.map((row) => row.to));
});

Deno.test("every row that happens is seen, and no other", () => {
  for (const row of LAB_ROWS) assertEquals([...seenRows([eventOf(row.id)])], [[row.id, 1]]);
  assertEquals(seenRows([]).size, 0);
});

Deno.test("a segment may carry more than the row asks for, never less", () => {
  assertEquals(seenRows([eventOf("syn-rcvd.ack", { recv: ["PSH", "ACK"] })]).has("syn-rcvd.ack"), true);
  assertEquals(seenRows([eventOf("established.fin", { send: null })]).has("established.fin"), false);
  assertEquals(seenRows([eventOf("listen.syn", { recv: ["ACK"] })]).has("listen.syn"), false);
});
