/**
 * Header prediction over whole courses of a connection: two labs, one with it and one without, live through the same
 * thousands of courses, and all that can be seen of them must be the same at each step: every octet on the wire with its
 * time, events, rules, counters, deadlines, and `info()`.
 *
 * Owns: the courses, which are what a peer does on a path that loses, delays and doubles. What prediction must not
 * overlook one by one is in prediction_test.ts.
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { bytesOf } from "./app_log.ts";
import { SACK_OPTIONS } from "./bulk_sender.ts";
import { Lab } from "./harness.ts";
import type { Seen } from "./peer.ts";
import { ALL_OPTIONS, type Fixture, type FixtureOptions, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const DAY_US = 24 * 3600 * SECOND_US;

/** Text that shows where each byte belongs, made once. */
const TEXT = bytesOf(1_000_000);

/** One end's course: what the peer has left out, what of the host's it has acknowledged. */
class Course {
  readonly fixture: Fixture;
  readonly #isSack: boolean;
  readonly #isStamped: boolean;
  #holes: { seq: number; bytes: number }[] = [];
  #acked = 1;
  #finAt = -1;
  /** TSval that the peer adds to its clock. */
  #lateMs = 0;

  constructor(fixture: Fixture) {
    this.fixture = fixture;
    const { sackPermitted, timestamps } = fixture.app.connection.info();
    this.#isSack = sackPermitted;
    this.#isStamped = timestamps;
    fixture.peer.timestamps = false;
  }

  take(step: Step): void {
    const { lab, peer, app } = this.fixture;
    const { connection } = app;
    switch (step.act) {
      case "text": {
        // Up to the FIN, where that has come before.
        const bytes = this.#finAt < 0 ? step.bytes : Math.min(step.bytes, this.#finAt - peer.next);
        if (bytes > 0) this.#sends(peer.next, { ...step, bytes });
        return;
      }
      case "skip":
        if (this.#finAt >= 0) return;
        this.#holes.push({ seq: peer.next, bytes: step.bytes });
        peer.next += step.bytes;
        return;
      case "fill": {
        const hole = this.#holes.shift();
        if (hole !== undefined) this.#sends(hole.seq, { ...step, bytes: hole.bytes });
        return;
      }
      case "again":
        return this.#sends(Math.max(1, peer.next - step.bytes), step);
      case "ack":
        this.#acked = peer.seen;
        return this.#sends(peer.next, { ...step, bytes: 0 });
      case "part":
        this.#acked += Math.floor((peer.seen - this.#acked) / 2);
        return this.#sends(peer.next, { ...step, bytes: 0 });
      case "fin":
        return this.#fin(step);
      case "window":
        peer.window = step.window;
        return;
      case "late":
        this.#lateMs = step.bytes % 50;
        return;
      case "write":
        if (connection.writableBytes > 0) app.write(TEXT.subarray(0, step.bytes));
        return;
      case "urgent":
        if (connection.writableBytes > 0) {
          lab.user(() => connection.writeUrgent(TEXT.subarray(0, step.bytes)));
        }
        return;
      case "read":
        lab.user(() => connection.skip(step.bytes));
        return;
      case "close":
        lab.user(() => connection.closeWrite());
        return;
      case "keep":
        lab.user(() => connection.setKeepAlive(step.isOdd, SECOND_US, SECOND_US / 2));
        return;
      case "wait":
        lab.pass(step.us);
    }
  }

  /** All that can be seen of this end from outside. */
  seen(): unknown {
    const { lab, peer, app } = this.fixture;
    return {
      wire: peer.takeAll().map(line),
      strays: lab.strays.splice(0).length,
      events: lab.events.splice(0),
      rules: lab.rules.splice(0),
      told: [app.readable, app.writable, app.peerClosed, app.urgent, app.closed, app.advice],
      info: app.connection.info(),
      urgent: app.connection.urgentBytes,
      deadline: lab.host.nextDeadlineUs(),
    };
  }

  /** Behind the next text, or alone and before it: then the text follows. */
  #fin(step: Step): void {
    const { peer } = this.fixture;
    const { next } = peer;
    if (this.#finAt < 0) this.#finAt = next + step.bytes;
    const bytes = step.isOdd || this.#finAt < next ? 0 : this.#finAt - next;
    this.#sends(this.#finAt - bytes, { ...step, bytes, flags: "FIN ACK" });
    if (bytes === 0) peer.next = next;
  }

  counters(): unknown {
    return this.fixture.lab.host.counters();
  }

  #sends(seq: number, step: Step): void {
    const { peer, app } = this.fixture;
    const { bytes, flags, isOdd } = step;
    const sack = this.#isSack && isOdd && peer.seen > this.#acked + 10
      ? [peer.hostBlock(this.#acked + 5, peer.seen)]
      : [];
    const stamp = { value: (peer.clock - this.#lateMs) >>> 0, echo: peer.hostTimestamp };
    peer.sends({
      flags,
      seq,
      ack: this.#acked,
      data: TEXT.subarray(seq - 1, seq - 1 + bytes),
      ecn: app.connection.info().ecn ? step.ecn : 0,
      ...(flags.includes("URG") ? { urgentPointer: 1 + bytes % 3000 } : {}),
      options: {
        ...(this.#isStamped ? { timestamps: stamp } : {}),
        ...(sack.length > 0 ? { sack } : {}),
      },
    });
  }
}

/** A segment in one line, with a sum over its text. */
function line(seen: Seen): string {
  let sum = 0;
  for (const byte of seen.data) sum = (sum * 31 + byte) >>> 0;
  const { flags, psh, seq, ack, window, urgentPointer, options, packet, atUs } = seen;
  const ip = [packet.ecn, packet.dscp, packet.ipId, packet.ttl].join();
  return [
    flags,
    psh,
    seq,
    ack,
    window,
    urgentPointer,
    seen.data.length,
    sum,
    JSON.stringify(options),
    ip,
    atUs,
  ]
    .join(" ");
}

interface Step {
  readonly act: Act;
  readonly bytes: number;
  readonly flags: string;
  readonly window: number;
  readonly ecn: number;
  readonly us: number;
  readonly isOdd: boolean;
}

/** What may happen, and how often beside the rest. */
const ACTS = [
  ["text", 30],
  ["skip", 3],
  ["fill", 5],
  ["again", 2],
  ["ack", 6],
  ["part", 2],
  ["fin", 1],
  ["window", 2],
  ["late", 1],
  ["write", 6],
  ["urgent", 1],
  ["read", 4],
  ["close", 1],
  ["keep", 1],
  ["wait", 12],
] as const;

type Act = (typeof ACTS)[number][0];

const act: fc.Arbitrary<Act> = fc.oneof(
  ...ACTS.map(([name, weight]) => ({ arbitrary: fc.constant<Act>(name), weight })),
);

const step: fc.Arbitrary<Step> = fc.record({
  act,
  bytes: fc.oneof(fc.constantFrom(1, 100, 1448, 1448, 1448, 1460, 2896), fc.integer({ min: 1, max: 5000 })),
  flags: fc.constantFrom("ACK", "ACK", "ACK", "ACK", "PSH ACK", "PSH ACK", "URG ACK", "ACK CWR"),
  window: fc.constantFrom(0, 1, 50, 500, 0xffff),
  ecn: fc.constantFrom(0, 2, 2, 3),
  us: fc.constantFrom(
    0,
    0,
    1,
    700,
    1000,
    20_000,
    40_000,
    41_000,
    150_000,
    300_000,
    2 * SECOND_US,
    25 * DAY_US,
  ),
  isOdd: fc.boolean(),
});

/** What brings to light what `info()` does not tell: TS.Recent and its age, Last.ACK.sent, a window in use. */
const LAST: Omit<Step, "act" | "us"> = { bytes: 500, flags: "ACK", window: 0xffff, ecn: 0, isOdd: false };
const CODA: readonly Step[] = [
  { ...LAST, act: "window", us: 0 },
  { ...LAST, act: "fill", us: 0 },
  { ...LAST, act: "fill", us: 0 },
  { ...LAST, act: "ack", us: 0 },
  { ...LAST, act: "write", us: 0, bytes: 15_000 },
  { ...LAST, act: "ack", us: 0 },
  { ...LAST, act: "wait", us: 10_000 },
  { ...LAST, act: "ack", us: 0 },
  { ...LAST, act: "late", us: 0, bytes: 9 },
  { ...LAST, act: "text", us: 0 },
  { ...LAST, act: "wait", us: 23.99 * DAY_US },
  { ...LAST, act: "late", us: 0, bytes: 0 },
  { ...LAST, act: "text", us: 0 },
];

function reachWithEcn(options: FixtureOptions): Fixture {
  const lab = new Lab(options);
  const apps = lab.listen(options.autoRead === undefined ? {} : { autoRead: options.autoRead });
  const peer = lab.peer();
  peer.sends({ flags: "SYN ECE CWR", seq: 0, options: SACK_OPTIONS });
  peer.expects({ flags: "SYN ACK ECE", seq: 0, ack: 1 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  return { lab, peer, app: apps[0] };
}

const KINDS: readonly (readonly [
  name: string,
  reach: (options: FixtureOptions) => Fixture,
  options: FixtureOptions,
])[] = [
  ["no options", reachEstablished, {}],
  ["SACK", reachEstablished, { options: SACK_OPTIONS }],
  ["SACK and timestamps, a small buffer", reachEstablished, {
    options: ALL_OPTIONS,
    tcp: { receiveBufferBytes: 9000 },
  }],
  ["SACK and timestamps, numbers that wrap", reachEstablished, {
    options: ALL_OPTIONS,
    peer: { iss: 0xffff_f000 },
  }],
  ["ECN", reachWithEcn, { tcp: { quickAcks: 0 } }],
  ["an active open", reachEstablished, { role: "client", options: ALL_OPTIONS, tcp: { quickAcks: 0 } }],
];

for (const [name, reach, options] of KINDS) {
  Deno.test(`header prediction over whole courses changes nothing that can be seen: ${name}`, () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { minLength: 3, maxLength: 40 }), (autoRead, steps) => {
        const predicting = new Course(reach({ ...options, autoRead, headerPrediction: true }));
        const plain = new Course(reach({ ...options, autoRead, headerPrediction: false }));
        for (const one of [...steps, ...CODA]) {
          predicting.take(one);
          plain.take(one);
          const ways = [predicting.seen(), plain.seen()];
          // To compare what is written down is faster than to walk through it, and there is much of it.
          if (JSON.stringify(ways[0]) !== JSON.stringify(ways[1])) assertEquals(ways[0], ways[1]);
        }
        assertEquals(predicting.counters(), plain.counters());
      }),
      { numRuns: 350 },
    );
  });
}
