/**
 * Expected against seen: which rows of the transition table an event stream has gone through.
 *
 * Owns: when a transition that was seen counts as a row that was expected. Must not know: where the events come from.
 */
import type { FlagName, TcpEvent, TransitionEvent } from "../tcp/events.ts";
import { type Transition, TRANSITIONS } from "../tcp/transitions.ts";

/** The rows of the lab's table, in its order: what a server goes through when its client closes. */
export const LAB_ROWS: readonly Transition[] = TRANSITIONS.filter((row) => row.labStep !== undefined)
  .toSorted((a, b) => (a.labStep ?? 0) - (b.labStep ?? 0));

/** How often each row of the table happened, by its id; rows that did not happen are left out. */
export function seenRows(events: Iterable<TcpEvent>): ReadonlyMap<string, number> {
  const seen = new Map<string, number>();
  for (const event of events) {
    if (event.event !== "transition") continue;
    for (const row of TRANSITIONS) if (isRow(row, event)) seen.set(row.id, (seen.get(row.id) ?? 0) + 1);
  }
  return seen;
}

function isRow(row: Transition, event: TransitionEvent): boolean {
  return row.from === event.from && row.to === event.to && row.cause === event.cause &&
    (row.recv === null ? event.recv === null : carries(event.recv, row.recv)) &&
    (row.send === null || carries(event.send, row.send));
}

/** A segment may carry more than the row asks for (PSH with the first data, say), never less. */
function carries(seen: readonly FlagName[] | null, expected: readonly FlagName[]): boolean {
  return seen !== null && expected.every((flag) => seen.includes(flag));
}
