/**
 * What must hold of all events of one host, whatever has happened: that they can be joined.
 *
 * Owns: the demands. Must not know: how the events came about.
 */
import { assert, assertEquals } from "@std/assert";
import type { RetransmitEvent, SegmentEvent, TcpEvent, TransitionEvent } from "../../src/tcp/events.ts";
import { TRANSITIONS } from "../../src/tcp/transitions.ts";

/** How often each demand was made, so that a test can see that it was. */
interface JoinCounts {
  segments: number;
  moves: number;
  severalMoves: number;
  leaving: number;
  retransmits: number;
  repeats: number;
  drops: number;
  faults: number;
  lostOnTheWayIn: number;
}

/** Throws where two events of one host do not fit each other; all are there from the beginning. */
export function demandJoined(events: readonly TcpEvent[]): JoinCounts {
  const segments = new Map<number, { event: SegmentEvent; place: number }>();
  events.forEach((event, place) => {
    if (event.event !== "segment") return;
    const { segment, count } = event;
    if (count !== undefined) return;
    assert(segment !== undefined && !segments.has(segment), `twice or without a number: ${text(event)}`);
    segments.set(segment, { event, place });
  });
  const lost = new Set<number>();
  for (const event of events) {
    if (event.event === "fault" && event.direction === "recv" && event.segment !== undefined) {
      lost.add(event.segment);
    }
  }
  demandIds(events);
  const counts: JoinCounts = {
    segments: segments.size,
    moves: 0,
    severalMoves: 0,
    leaving: 0,
    retransmits: 0,
    repeats: 0,
    drops: 0,
    faults: 0,
    lostOnTheWayIn: 0,
  };
  const named = (event: TcpEvent & { readonly segment?: number }) => {
    const found = segments.get(event.segment ?? 0);
    assert(found !== undefined, `names no segment: ${text(event)}`);
    return found;
  };
  const movesOf = new Map<number, TransitionEvent[]>();
  events.forEach((event, place) => {
    if (event.event === "segment") {
      assert(event.rule !== "none", text(event));
    } else if (event.event === "transition") {
      const row = TRANSITIONS.find(({ id }) => id === event.row);
      assertEquals([row?.from, row?.to, row?.cause], [event.from, event.to, event.cause], text(event));
      if (event.cause !== "segment") {
        counts.leaving += demandLeaving(event, place, named) ? 1 : 0;
      } else if (event.row.endsWith(".icmp")) {
        assertEquals(event.segment, undefined, text(event));
      } else {
        const { segment = 0 } = named(event).event;
        movesOf.set(segment, [...movesOf.get(segment) ?? [], event]);
      }
    } else if (event.event === "retransmit") {
      counts.retransmits++;
      counts.repeats += demandRepeat(event, place, { named, segments }) ? 1 : 0;
    } else if (event.event === "drop" && event.segment !== undefined) {
      counts.drops++;
      if (!lost.has(event.segment)) assert(named(event).place < place, text(event));
    } else if (event.event === "fault") {
      counts.faults++;
      if (event.direction === "send" && event.segment !== undefined) demandHeader(event, named(event).event);
      const arrived = segments.get(event.segment ?? 0);
      if (event.direction === "recv" && arrived === undefined) counts.lostOnTheWayIn++;
      if (event.direction === "recv" && event.kind === "drop") assertEquals(arrived, undefined, text(event));
    }
  });
  for (const [number, moves] of movesOf) {
    const { event, place } = segments.get(number) ?? named(moves[0]);
    counts.moves += moves.length;
    if (moves.length > 1) counts.severalMoves++;
    demandSameRule(event, moves, events.slice(place, place + 20));
  }
  return counts;
}

/** The rule of a segment that changes states is that of the change, `rules` are those of all its changes. */
function demandSameRule(
  segment: SegmentEvent,
  moves: readonly TransitionEvent[],
  after: readonly TcpEvent[],
): void {
  const what = `${text(segment)}\n${moves.map(text).join("\n")}`;
  assertEquals(segment.direction, "recv", what);
  for (const move of moves) assertEquals(move.recv, segment.flags, what);
  const rules = segment.rules ?? [segment.rule];
  assertEquals(rules.at(-1), segment.rule, what);
  const own = moves.map(({ rule }) => rule);
  const others = rules.slice(own.length);
  assertEquals(rules.slice(0, own.length), own, what);
  if (others.length === 0) {
    assertEquals(segment.state, moves[moves.length - 1].to, what);
    return;
  }
  assertEquals(others.length, 1, what);
  if (moves[0].row === "time-wait.syn") {
    // The SYN has ended one connection, and then was a stranger's.
    assertEquals(segment.id, undefined, what);
    return;
  }
  // Text after CLOSE: the ACK that it brought counts, and then the connection is reset.
  const end = after.find((event) => event.event === "transition" && event.rule === others[0]);
  assertEquals(end?.event === "transition" && end.id === segment.id ? end.to : "", segment.state, what);
}

/** Of a change that a user or a deadline caused: the segment that goes out with it, if any, follows. */
function demandLeaving(
  event: TransitionEvent,
  place: number,
  named: (event: TransitionEvent) => { event: SegmentEvent; place: number },
): boolean {
  if (event.send === null) {
    assertEquals(event.segment, undefined, text(event));
    return false;
  }
  const leaving = named(event);
  assert(leaving.place > place, text(event));
  const { flags: all, direction, connection } = leaving.event;
  // The echo of congestion has nothing to do with the state; a SYN's two flags have.
  const flags = all.includes("SYN") ? all : all.filter((name) => name !== "ECE" && name !== "CWR");
  assertEquals([direction, connection, flags], ["send", event.connection, event.send], text(event));
  return true;
}

function demandRepeat(
  event: RetransmitEvent,
  place: number,
  among: {
    named: (event: RetransmitEvent) => { event: SegmentEvent; place: number };
    segments: ReadonlyMap<number, { event: SegmentEvent; place: number }>;
  },
): boolean {
  const { event: segment, place: after } = among.named(event);
  const told = [segment.direction, segment.connection, segment.seq, segment.relSeq, segment.length];
  assertEquals(told, ["send", event.connection, event.seq, event.relSeq, event.length], text(event));
  assert(after > place, text(event));
  if (event.repeats === undefined) {
    assert(event.kind === "probe" || event.kind === "keepalive", `repeats nothing: ${text(event)}`);
    return false;
  }
  // The last one before that carried its first octet, and no other.
  let last: SegmentEvent | null = null;
  for (const { event: sent, place: at } of among.segments.values()) {
    if (at > place || sent.direction !== "send" || sent.connection !== event.connection) continue;
    if (sent.id !== event.id) continue;
    const octets = sent.length + (sent.flags.includes("SYN") ? 1 : 0) + (sent.flags.includes("FIN") ? 1 : 0);
    if (event.relSeq >= sent.relSeq && event.relSeq < sent.relSeq + octets) last = sent;
  }
  assertEquals(event.repeats, last?.segment, text(event));
  return true;
}

function demandHeader(fault: TcpEvent & { event: "fault" }, segment: SegmentEvent): void {
  const of = (
    { connection, id, flags, seq, ack, relSeq, relAck, window, length }: typeof fault | SegmentEvent,
  ) => [connection, id, flags, seq, ack, relSeq, relAck, window, length];
  assertEquals(of(fault), of(segment), text(fault));
}

/** One number a connection, one connection a number, in order of opening; strangers have none. */
function demandIds(events: readonly TcpEvent[]): void {
  const names = new Map<number, string>();
  for (const event of events) {
    if (!("id" in event) || event.id === undefined) continue;
    assert(event.id > 0, text(event));
    const name = names.get(event.id);
    if (name === undefined) {
      assertEquals(event.id, names.size + 1, `not in order of opening: ${text(event)}`);
      names.set(event.id, event.connection ?? "");
    } else {
      assertEquals(event.connection, name, text(event));
    }
  }
}

function text(event: TcpEvent): string {
  return JSON.stringify(event);
}
