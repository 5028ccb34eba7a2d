/**
 * What was held comes back: after resets exactly what remains is charged, memory goes back to the system within a second, and
 * whatever happens to connections, nothing is charged when there are none.
 *
 * Owns: the demands, and random courses of many connections at once. Must not know: who is charged for what.
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import fc from "fast-check";
import { findApplication } from "../../src/app/applications.ts";
import { BEGIN_AT } from "./begin_far.ts";
import { Crowd, SCALED } from "./crowd.ts";
import { AppLog } from "./app_log.ts";
import { FAMILY } from "./family.ts";
import { Lab } from "./harness.ts";
import { ATTACKS } from "./memory_attacks.ts";
import type { Peer } from "./peer.ts";
import { HOST_PORT, SECOND_US } from "./wire_ends.ts";

const MEBIBYTE = 0x100000;
/** What a host keeps for whoever comes next. */
const KEPT_BYTES = 6 * MEBIBYTE;

for (const attack of ATTACKS) {
  Deno.test(`${attack.name}: after resets nothing is held, and after a second nothing is reserved`, () => {
    const crowd = new Crowd({ app: attack.app, addresses: 3, memoryBytes: 64 * MEBIBYTE });
    const { host } = crowd.lab;
    assertEquals(host.memory().usedBytes, 0);
    const strangers: Peer[] = [];
    for (let i = 0; i < Math.min(500, attack.strangers); i++) strangers.push(attack.comes(crowd));
    crowd.pass(50_000);
    assert(host.memory().usedBytes > 0);
    // Those who came last go first, so that what is kept at hand lies in what was taken last.
    const half = strangers.reverse().splice(0, strangers.length / 2);
    const before = host.memory().usedBytes;
    for (const peer of half) crowd.leaves(peer);
    const left = host.memory().usedBytes;
    assert(left > 0);
    assert(left < before * 0.8, `${left} of ${before} bytes are left`);
    for (const peer of strangers) crowd.leaves(peer);
    assertEquals(host.connections().length, 0);
    assertEquals(host.memory().usedBytes, 0);
    assertEquals(host.memory().bufferBytes, 0);
    crowd.pass(SECOND_US);
    assertLessOrEqual(host.memory().reservedBytes, KEPT_BYTES);
  });
}

// -- Random courses

type Deed =
  | { readonly does: "opens"; readonly scaled: boolean; readonly window: number }
  | {
    readonly does: "text";
    readonly who: number;
    readonly at: number;
    readonly length: number;
    readonly fin: boolean;
  }
  | { readonly does: "acks"; readonly who: number; readonly part: number; readonly window: number }
  | { readonly does: "resets"; readonly who: number; readonly off: number }
  | { readonly does: "app"; readonly who: number; readonly what: AppDeed; readonly count: number }
  | { readonly does: "waits"; readonly us: number };

const APP_DEEDS = [
  "read",
  "read",
  "skip",
  "write",
  "write",
  "fill",
  "echo",
  "closeWrite",
  "close",
  "closeAndDrain",
  "abort",
] as const;
type AppDeed = typeof APP_DEEDS[number];

const MANY = 12;
const who = fc.nat(MANY - 1);
const DEED: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 2, arbitrary: opens() },
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constant("text" as const),
      who,
      at: fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: -3000, max: 60_000 })),
      length: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 1460 }), fc.constant(1460)),
      fin: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant("acks" as const),
      who,
      part: fc.constantFrom(0, 0.5, 1, 1),
      window: fc.constantFrom(0, 1, 10, 0xffff),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant("resets" as const),
      who,
      off: fc.constantFrom(0, 0, 1, 99_999),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant("app" as const),
      who,
      what: fc.constantFrom(...APP_DEEDS),
      count: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 50_000 })),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant("waits" as const),
      us: fc.oneof(fc.nat(50_000), fc.nat(2_000_000), fc.constant(70 * SECOND_US)),
    }),
  },
);

function opens(): fc.Arbitrary<Deed> {
  return fc.record({
    does: fc.constant("opens" as const),
    scaled: fc.boolean(),
    window: fc.constantFrom(0, 100, 0xffff, 0xffff),
  });
}

/** A lab in which a random course is run. */
class Course {
  readonly lab: Lab;
  readonly #apps: AppLog[];
  readonly #peers: Peer[] = [];
  /** What each peer's host has acknowledged. */
  readonly #acked = new Map<Peer, number>();

  constructor(memoryBytes: number) {
    this.lab = new Lab({ memoryBytes, maxConnections: MANY, maxClosing: 3, tcp: { mslUs: SECOND_US } });
    this.lab.host.onRule = null;
    this.#apps = this.lab.listen({ autoRead: false });
  }

  does(deed: Deed): void {
    const { lab } = this;
    if (deed.does === "waits") lab.pass(deed.us);
    else if (deed.does === "opens") this.#opens(deed);
    else if (deed.does === "app") this.#callsApp(deed);
    else if (this.#peers.length > 0) this.#sends(deed, this.#peers[deed.who % this.#peers.length]);
    const { usedBytes, limitBytes } = lab.host.memory();
    assertLessOrEqual(usedBytes, limitBytes);
    assert(usedBytes >= 0, `${usedBytes} bytes are held`);
  }

  #opens({ scaled, window }: { scaled: boolean; window: number }): void {
    const peer = this.lab.peer({ address: FAMILY.neighbor(10 + this.#peers.length % 3) });
    peer.window = window;
    peer.sends({ flags: "SYN", seq: 0, options: scaled ? SCALED : { mss: 1460 } });
    if (peer.seen === 0) return;
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    this.#peers.push(peer);
    if (this.#peers.length > MANY) this.#peers.shift();
  }

  #sends(deed: Extract<Deed, { who: number }>, peer: Peer): void {
    const next = peer.takeAll().reduce((ack, seen) => Math.max(ack, seen.ack), this.#acked.get(peer) ?? 1);
    this.#acked.set(peer, next);
    if (deed.does === "text") {
      const seq = Math.max(1, next + deed.at);
      peer.sends({ flags: deed.fin ? "FIN ACK" : "ACK", seq, data: deed.length, ack: 1 });
    } else if (deed.does === "acks") {
      peer.sends({ flags: "ACK", seq: next, ack: Math.floor(peer.seen * deed.part), window: deed.window });
    } else if (deed.does === "resets") peer.sends({ flags: "RST", seq: next + deed.off });
  }

  #callsApp({ who, what, count }: Extract<Deed, { does: "app" }>): void {
    const app = this.#apps.at(-1 - who);
    if (app === undefined || app.connection.ended !== null) return;
    const { connection } = app;
    this.lab.user(() => {
      if (what === "read") connection.read(new Uint8Array(count));
      else if (what === "skip") connection.skip(count);
      else if (what !== "write" && what !== "fill") connection[what]();
      else if (connection.writableBytes > 0) connection[what](new Uint8Array(count));
    });
  }

  /** All connections end; nothing is held. */
  ends(how: "aborts" | "waits"): void {
    const { lab } = this;
    const { host } = lab;
    if (how === "waits") {
      for (const connection of host.connections()) lab.user(() => connection.closeAndDrain());
      lab.pass(1000 * SECOND_US);
    }
    for (const connection of host.connections()) lab.user(() => connection.abort());
    assertEquals(host.connections().length, 0);
    assertEquals(host.memory().usedBytes, 0, "something stays charged");
    assertEquals(host.memory().bufferBytes, 0, "something stays lent");
    assertEquals(lab.unlisted, []);
  }
}

const COURSES = { numRuns: BEGIN_AT > 0 ? 20 : 120 };

for (const memoryBytes of [4 * MEBIBYTE, 0x40000, 0x10000]) {
  Deno.test(`random courses of a dozen connections with ${memoryBytes >> 10} KiB leave nothing behind`, () => {
    fc.assert(
      fc.property(
        fc.array(DEED, { minLength: 20, maxLength: 150 }),
        fc.constantFrom("aborts" as const, "waits" as const),
        (deeds, how) => {
          const course = new Course(memoryBytes);
          for (const deed of deeds) course.does(deed);
          course.ends(how);
        },
      ),
      COURSES,
    );
  });
}

for (const name of ["echo", "chargen", "discard", "daytime", "close", "hold"]) {
  Deno.test(`what ${name} left unread or unsent is given back when its connection has ended in order`, () => {
    const lab = new Lab({ memoryBytes: MEBIBYTE });
    const accept = findApplication(name)?.create({ nowEpochUs: () => 0 });
    assert(accept !== undefined);
    lab.user(() => lab.host.listen({ port: HOST_PORT, accept }));
    const peer = lab.peer({ window: 100 });
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1000 });
    peer.sends({ flags: "ACK", seq: 2001, ack: 1, data: 1000 });
    peer.sends({ flags: "FIN ACK", seq: 3001, ack: peer.seen });
    peer.sends({ flags: "FIN ACK", seq: 1001, ack: peer.seen, data: 1000 });
    for (let round = 0; round < 30; round++) {
      lab.pass(10_000);
      peer.sends({ flags: "ACK", seq: 3002, ack: peer.seen });
    }
    lab.pass(400 * SECOND_US);
    for (const connection of lab.host.connections()) lab.user(() => connection.abort());
    assertEquals(lab.host.memory().usedBytes, 0);
  });
}

Deno.test("an application that leaves text unread and closes in order leaves nothing charged, and can read it still", () => {
  const lab = new Lab({ memoryBytes: MEBIBYTE });
  const apps = lab.listen({ autoRead: false });
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1, data: 1000 });
  apps[0].closeWrite();
  peer.sends({ flags: "ACK", seq: 1002, ack: 2 });
  assertEquals(apps[0].closed, ["normal"]);
  assertEquals(lab.host.connections().length, 0);
  assertEquals(lab.host.memory().usedBytes, 0);
  assertEquals(apps[0].read().length, 1000);
  assertEquals(lab.host.memory().usedBytes, 0);
});

Deno.test("an application that does not mind what comes gives back at once what lies beyond a hole", () => {
  const lab = new Lab({ memoryBytes: MEBIBYTE });
  const apps = lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.sends({ flags: "ACK", seq: 2000, ack: 1, data: 1000 });
  const { bufferBytes } = lab.host.memory();
  assert(bufferBytes > 0);
  lab.user(() => apps[0].connection.closeAndDrain());
  assertEquals(lab.host.memory().bufferBytes, 0);
  // The hole is filled all the same, and all of it acknowledged.
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 2, data: 1999 });
  peer.expects({ flags: "ACK", ack: 3000 });
  peer.sends({ flags: "RST", seq: 3000 });
  assertEquals(lab.host.memory().usedBytes, 0);
});
