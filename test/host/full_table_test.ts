/**
 * A table of connections that is full: who goes, who stays, what is told of it.
 *
 * Owns: the demands of fair shares, by frames alone. Must not know: how victims are found.
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import type { TcpEvent } from "../../src/tcp/events.ts";
import type { AppLog } from "../tcp/app_log.ts";
import { FAMILY } from "../tcp/family.ts";
import { Lab, type LabOptions } from "../tcp/harness.ts";
import type { Peer } from "../tcp/peer.ts";
import { SECOND_US } from "../tcp/wire_ends.ts";

const PLACES = 100;
const GREEDY = [FAMILY.stranger(2000), FAMILY.stranger(2001)];
const HONEST = FAMILY.neighbor(77);
const DELAYED_ACK_US = 40_000;
const RESET = { flags: "RST ACK", seq: 1 } as const;

/** A lab whose table is small. */
class FullTable {
  readonly lab: Lab;
  readonly apps: AppLog[];

  constructor(options: LabOptions = {}) {
    this.lab = new Lab({ maxConnections: PLACES, ...options });
    this.apps = this.lab.listen();
  }

  /** A connection is established, a millisecond after the one before; `text` is sent at once. */
  opens(address: Uint8Array, text = ""): Peer {
    const { lab } = this;
    const peer = lab.peer({ address });
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
    if (text !== "") this.talks(peer, text);
    lab.pass(1000);
    return peer;
  }

  talks(peer: Peer, text: string): void {
    const seq = peer.next;
    peer.sends({ flags: "ACK", seq, ack: 1, data: text });
    this.lab.pass(DELAYED_ACK_US);
    peer.expects({ flags: "ACK", seq: 1, ack: seq + text.length });
    peer.expectsSilence();
  }

  counter(name: string): number {
    return this.lab.host.counters()[name] ?? 0;
  }

  closedEvents(): Extract<TcpEvent, { event: "closed" }>[] {
    return this.lab.events.filter((event) => event.event === "closed");
  }

  get size(): number {
    return this.lab.host.connections().length;
  }
}

Deno.test("silent connections from two hosts: the oldest goes, with a reset, an event and its counter; nobody else hears of it", () => {
  const table = new FullTable();
  const silent = Array.from({ length: PLACES }, (_, i) => table.opens(GREEDY[i % 2]));
  const left = [0, 1].map((host) => silent.filter((_, i) => i % 2 === host));
  assertEquals(table.size, PLACES);
  assertEquals(table.closedEvents().length, 0);
  for (let round = 0; round < 25; round++) {
    const honest = table.opens(HONEST, "hello");
    // Of both hosts in turn, as nearly as a look at the table for several makes it.
    const host = left.findIndex(([oldest]) => oldest.waiting > 0);
    assert(host >= 0, "neither host's oldest has gone");
    const victim = left[host].shift();
    assert(victim !== undefined);
    victim.expects({ ...RESET, ack: 1 });
    for (const peer of [...silent, honest]) peer.expectsSilence();
    assertLessOrEqual(Math.abs(left[0].length - left[1].length), 2);
    assertEquals(table.size, PLACES);
    assertEquals(table.counter("evicted-silent"), round + 1);
    const app = table.apps[silent.indexOf(victim)];
    assertEquals(app.closed, ["reset-by-us"]);
    const closed = table.closedEvents();
    assertEquals(closed.length, round + 1);
    assertEquals(closed[round].reason, "reset-by-us");
    assertEquals(closed[round].connection, app.connection.name);
  }
  assertEquals(table.counter("evicted-idle"), 0);
  assertEquals(table.counter("syn-dropped"), 0);
});

Deno.test("among those who have talked, the one idle longest goes", () => {
  const table = new FullTable();
  const idle = Array.from({ length: PLACES }, () => table.opens(GREEDY[0], "hello"));
  // The first half has been heard from lately.
  for (const peer of idle.slice(0, PLACES / 2)) {
    table.lab.pass(1000);
    table.talks(peer, "again");
  }
  for (let round = 0; round < 8; round++) {
    table.opens(HONEST, "hello");
    idle[PLACES / 2 + round].expects({ ...RESET, ack: 6 });
    for (const peer of idle) peer.expectsSilence();
  }
  assertEquals(table.counter("evicted-idle"), 8);
  assertEquals(table.counter("evicted-silent"), 0);
});

Deno.test("who never sent anything goes before who is idle, however long", () => {
  const table = new FullTable();
  const idle = Array.from({ length: PLACES / 2 }, () => table.opens(GREEDY[0], "hello"));
  table.lab.pass(1000 * SECOND_US);
  const silent = Array.from({ length: PLACES / 2 }, () => table.opens(GREEDY[0]));
  for (let round = 0; round < PLACES / 2; round++) {
    table.opens(HONEST, "hello");
    silent[round].expects({ ...RESET, ack: 1 });
  }
  for (const peer of idle) peer.expectsSilence();
  assertEquals(table.counter("evicted-silent"), PLACES / 2);
  table.opens(HONEST, "hello");
  assertEquals(table.counter("evicted-idle"), 1);
});

Deno.test("who is heard from after a look at the table is spared", () => {
  const table = new FullTable();
  const idle = Array.from({ length: PLACES }, () => table.opens(GREEDY[0], "hello"));
  table.opens(HONEST, "hello");
  idle[0].expects({ ...RESET, ack: 6 });
  // Those who would be next speak up.
  for (const peer of idle.slice(1, 20)) table.talks(peer, "wait");
  for (let round = 0; round < 30; round++) {
    table.opens(HONEST, "hello");
    idle[20 + round].expects({ ...RESET, ack: 6 });
  }
  for (const peer of idle.slice(1, 20)) peer.expectsSilence();
});

for (const greedy of [1, 2, 90]) {
  Deno.test(`a thousand newcomers from ${greedy} addresses: an honest peer keeps what it uses, and can always open`, () => {
    const table = new FullTable();
    const mine = Array.from({ length: 5 }, () => table.opens(HONEST, "hello"));
    for (let i = 0; i < 1000; i++) {
      const number = i % greedy;
      table.opens(FAMILY.stranger(3000 + number));
      assertLessOrEqual(table.size, PLACES);
      if (i % 50 !== 49) continue;
      // A silent connection of its own at the same time, and one that works.
      const other = table.opens(HONEST, "and this one");
      other.sends({ flags: "RST", seq: other.next });
      for (const peer of mine) table.talks(peer, "still here");
    }
    for (const peer of mine) peer.expectsSilence();
  });
}

Deno.test("a hundred addresses with one each: the oldest silent one goes, and who talks stays", () => {
  const table = new FullTable();
  const strangers = Array.from({ length: PLACES - 1 }, (_, i) => table.opens(FAMILY.stranger(4000 + i)));
  const honest = table.opens(HONEST, "hello");
  for (let i = 0; i < 300; i++) {
    strangers.push(table.opens(FAMILY.stranger(6000 + i)));
    strangers[i].expects({ ...RESET, ack: 1 });
    if (i % 20 === 0) table.talks(honest, "still here");
  }
  honest.expectsSilence();
});

Deno.test("who is greedy and honest at once loses only what lies above everyone's share", () => {
  const table = new FullTable();
  const many = Array.from({ length: 60 }, () => table.opens(GREEDY[0], "hello"));
  const few = Array.from({ length: 40 }, (_, i) => table.opens(FAMILY.stranger(4000 + i), "hello"));
  // 30 newcomers of their own: each takes the place of one of the sixty.
  for (let i = 0; i < 30; i++) {
    few.push(table.opens(FAMILY.stranger(6000 + i), "hello"));
    many[i].expects({ ...RESET, ack: 6 });
  }
  for (const peer of few) peer.expectsSilence();
});

Deno.test("with onFull refuse a SYN is dropped and counted, in silence; nobody is evicted, and a place that comes free is taken", () => {
  const table = new FullTable({ onFull: "refuse" });
  const peers = Array.from({ length: PLACES }, () => table.opens(GREEDY[0]));
  for (let i = 1; i <= 20; i++) {
    const late = table.lab.peer({ address: HONEST });
    late.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    late.expectsSilence();
    assertEquals(table.counter("syn-dropped"), i);
  }
  for (const peer of peers) peer.expectsSilence();
  assertEquals(table.size, PLACES);
  assertEquals(table.closedEvents().length, 0);
  for (const name of ["evicted-silent", "evicted-idle", "evicted-for-memory", "evicted-closing"]) {
    assertEquals(table.counter(name), 0);
  }
  const drops = table.lab.events.filter((event) => event.event === "drop");
  assertEquals(
    drops.map((event) => event.event === "drop" && event.reason),
    Array(20).fill("too-many-connections"),
  );
  peers[0].sends({ flags: "RST", seq: 1 });
  table.opens(HONEST, "hello");
});

Deno.test("connections that we opened never go, and when there are no others a SYN finds no room", () => {
  const table = new FullTable();
  const { lab } = table;
  const ours = Array.from({ length: PLACES - 10 }, () => {
    const peer = lab.peer({ address: FAMILY.neighbor(50) });
    const app = lab.connect(peer);
    peer.expects({ flags: "SYN", seq: 0 });
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1460 } });
    peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    return { peer, app };
  });
  for (let i = 0; i < 200; i++) table.opens(GREEDY[i % 2]);
  assertEquals(table.counter("evicted-silent"), 190);
  // More of ours take the places of theirs; then there is nobody left who could go.
  for (let i = 0; i < 10; i++) {
    const peer = lab.peer({ address: FAMILY.neighbor(50) });
    const app = lab.connect(peer);
    peer.expects({ flags: "SYN", seq: 0 });
    ours.push({ peer, app });
  }
  assertEquals(table.size, PLACES);
  let error: unknown = null;
  try {
    lab.connect(lab.peer({ address: FAMILY.neighbor(50) }));
  } catch (thrown) {
    error = thrown;
  }
  assert(error instanceof Error && /100 connections/.test(error.message), String(error));
  const late = lab.peer({ address: HONEST });
  late.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  late.expectsSilence();
  for (const { peer, app } of ours) {
    peer.expectsSilence();
    assertEquals(app.closed, []);
  }
});

Deno.test("half-open connections are bounded by the backlog, and let go in the end", () => {
  const lab = new Lab({ maxConnections: 1000 });
  lab.listen({ backlog: 30 });
  for (let i = 0; i < 500; i++) {
    const peer = lab.peer({ address: FAMILY.stranger(8000 + i) });
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    assertLessOrEqual(lab.host.connections().length, 30);
  }
  lab.pass(120 * SECOND_US);
  assertEquals(lab.host.connections().length, 0);
  assertEquals(lab.host.memory().usedBytes, 0);
});

Deno.test("a person reads no more than one line a second, and in the end of all who went", () => {
  const table = new FullTable();
  for (let i = 0; i < PLACES; i++) table.opens(GREEDY[0]);
  const beganUs = table.lab.nowUs;
  for (let i = 0; i < 3500; i++) table.opens(GREEDY[0]);
  const notices = table.lab.events.filter((event) => event.event === "notice");
  const seconds = (table.lab.nowUs - beganUs) / SECOND_US;
  assertLessOrEqual(notices.length, seconds + 1);
  assertLessOrEqual(seconds - 1, notices.length);
  const told = notices.map((event) => {
    assert(event.event === "notice");
    assertEquals(event.kind, "table-full");
    return Number(/(\d+) connection/.exec(event.message.replace(/^.*full: /, ""))?.[1]);
  });
  for (const [i, notice] of notices.entries()) {
    if (i > 0) assertLessOrEqual(1 - 1e-6, notice.time - notices[i - 1].time);
  }
  // The last line leaves out less than a second of it.
  const sum = told.reduce((total, count) => total + count, 0);
  assertLessOrEqual(table.counter("evicted-silent") - sum, 1001);
  assertLessOrEqual(sum, table.counter("evicted-silent"));
});
