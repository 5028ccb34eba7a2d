/**
 * How often what is not acceptable is answered: one answer a connection and half second, each connection by itself, and
 * never in the way of what an honest peer asks (RFC 9293 §3.10.7.4; RFC 5961 §7; CVE-2016-5696).
 */
import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { Lab, type LabOptions } from "./harness.ts";
import type { Peer, PeerSegment } from "./peer.ts";
import { type Fixture, REACH, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const MS_US = 1000;
const HALF_US = SECOND_US / 2;

/** Segments without text that are not acceptable, as a peer with these numbers would send them. */
const UNACCEPTABLE: Readonly<Record<string, (peer: Peer) => PeerSegment>> = {
  "an ACK beyond the window": (peer) => ({ flags: "ACK", seq: peer.hostRightEdge + 1000 }),
  "an ACK before the window": (peer) => ({ flags: "ACK", seq: peer.next - 5 }),
  "a keep-alive probe": (peer) => ({ flags: "ACK", seq: peer.next - 1 }),
  "a SYN before the window": (peer) => ({ flags: "SYN", seq: peer.next - 9 }),
  "a SYN beyond the window": (peer) => ({ flags: "SYN", seq: peer.hostRightEdge + 9 }),
  "a SYN in the window": (peer) => ({ flags: "SYN", seq: peer.next }),
  "a RST in the window": (peer) => ({ flags: "RST", seq: peer.next + 10 }),
  "an ACK of what was never sent": (peer) => ({ flags: "ACK", seq: peer.next, ack: peer.seen + 1000 }),
  "an ACK older than any window": (peer) => ({ flags: "ACK", seq: peer.next, ack: peer.seen - 100_000 }),
};

/** States in which each kind is not acceptable and answered with an ACK. */
function statesFor(name: string): readonly (keyof typeof REACH)[] {
  const common = ["ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING", "LAST_ACK"] as const;
  if (name.startsWith("an ACK b") || name.startsWith("a keep-alive")) {
    return ["SYN_RCVD", ...common, "TIME_WAIT"];
  }
  // In TIME_WAIT a SYN may open anew, and no ACK field is looked at.
  return name === "a SYN before the window" || name.startsWith("a RST") ? [...common, "TIME_WAIT"] : common;
}

/** Sends `count` of these at one moment; returns how many answers came. */
function answersTo(peer: Peer, segment: PeerSegment, count: number): number {
  peer.takeAll();
  const { next } = peer;
  for (let i = 0; i < count; i++) peer.sends(segment);
  peer.next = next;
  return peer.takeAll().length;
}

/** Window probes of an honest peer begin 200 ms apart and double: the second answer comes a little sooner. */
const PROBE = "a keep-alive probe";

for (const [name, craft] of Object.entries(UNACCEPTABLE).filter(([name]) => name !== PROBE)) {
  Deno.test(`${name}, a hundred times in a moment: one answer, and the next half a second later (RFC 5961 §7)`, () => {
    for (const state of statesFor(name)) {
      const { lab, peer } = REACH[state]();
      const segment = craft(peer);
      lab.takeTransitions();
      assertEquals(answersTo(peer, segment, 100), 1, state);
      lab.pass(HALF_US - 10 * MS_US);
      assertEquals(answersTo(peer, segment, 100), 0, `${state}: the half second is not over`);
      lab.pass(20 * MS_US);
      assertEquals(answersTo(peer, segment, 100), 1, `${state}: the half second is over`);
      assertEquals(lab.takeTransitions(), []);
    }
  });
}

Deno.test("a bare probe at RCV.NXT - 1: a second answer after 200 ms, then one in half a second (local choice; RFC 5961 §7)", () => {
  for (const state of statesFor(PROBE)) {
    const { lab, peer } = REACH[state]();
    const probe = UNACCEPTABLE[PROBE](peer);
    const at: number[] = [];
    for (let ms = 0; ms < 2000; ms += 10) {
      if (answersTo(peer, probe, 10) > 0) at.push(ms);
      lab.pass(10 * MS_US);
      peer.takeAll();
    }
    assertEquals(at, [0, 200, 700, 1200, 1700], state);
  }
});

Deno.test("the probes of a peer that doubles from 200 ms are all answered (RFC 9293 §3.8.6.1)", () => {
  const { lab, peer } = reachEstablished();
  for (let gapMs = 200; gapMs < 60_000; gapMs *= 2) {
    lab.pass(gapMs * MS_US);
    assertEquals(answersTo(peer, UNACCEPTABLE[PROBE](peer), 1), 1, `${gapMs} ms after the one before`);
  }
});

Deno.test("the kinds of unacceptable segments share the half second of their connection (RFC 5961 §7)", () => {
  const { peer } = reachEstablished();
  const { next } = peer;
  for (const craft of Object.values(UNACCEPTABLE)) {
    peer.sends(craft(peer));
    peer.next = next;
  }
  assertEquals(peer.takeAll().length, 2, "the probe is counted apart");
});

Deno.test("text that was here before is answered every time: the peer may have lost the ACK (RFC 9293 §3.10.7.4, first)", () => {
  const { lab, peer } = reachEstablished();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1000 });
  lab.pass(SECOND_US);
  assertEquals(answersTo(peer, { flags: "ACK", seq: 1, ack: 1, data: 500 }, 20), 20);
});

Deno.test("text beyond the window is answered every time (RFC 9293 §3.10.7.4, first)", () => {
  const { peer } = reachEstablished();
  assertEquals(answersTo(peer, { flags: "ACK", seq: peer.hostRightEdge + 1, ack: 1, data: 500 }, 20), 20);
});

Deno.test("ordinary ACKs are not held back by the limit (RFC 5961 §7, RFC 9293 §3.8.6.3)", () => {
  const { lab, peer, app } = reachEstablished();
  assertEquals(answersTo(peer, { flags: "RST", seq: 100 }, 50), 1);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1000 });
  lab.pass(100 * MS_US);
  peer.expects({ flags: "ACK", seq: 1, ack: 1001 });
  peer.expectsSilence();
  assertEquals(app.bytesRead.length, 1000);
});

Deno.test("a RST at RCV.NXT counts, however many challenges went before (RFC 5961 §3.2)", () => {
  const { peer, app } = reachEstablished();
  answersTo(peer, { flags: "RST", seq: 100 }, 1000);
  peer.sends({ flags: "RST", seq: 1 });
  peer.expectsSilence();
  assertEquals(app.closed, ["reset-by-peer"]);
});

/** One host with many connections. */
function crowd(count: number, options: LabOptions = {}): { lab: Lab; peers: Peer[] } {
  const lab = new Lab(options);
  lab.listen({ autoRead: false, backlog: 4096 });
  return { lab, peers: Array.from({ length: count }, () => joins(lab)) };
}

function joins(lab: Lab): Peer {
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  return peer;
}

Deno.test("a stranger's thousand challenges on his connection take no answer from another (CVE-2016-5696)", () => {
  const { peers: [stranger, honest] } = crowd(2);
  for (const flags of ["RST", "SYN"]) assertLessOrEqual(answersTo(stranger, { flags, seq: 100 }, 1000), 1);
  // The honest peer has crashed and opens anew (RFC 9293 §3.5.1, figure 9): without an answer it waits for its timer.
  honest.sends({ flags: "SYN", seq: 400_000 });
  honest.expects({ flags: "ACK", seq: 1, ack: 1 });
  honest.expectsSilence();
});

for (const data of [0, 1]) {
  Deno.test(`300 idle connections that probe by keep-alive in the same second (${data} octets): all are answered, each second (RFC 9293 §3.8.4, §3.10.7.4)`, () => {
    const { lab, peers } = crowd(300);
    for (const peer of peers) peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "x" });
    lab.pass(10 * SECOND_US);
    for (const peer of peers) peer.takeAll();
    for (let round = 0; round < 5; round++) {
      for (const peer of peers) {
        peer.sends({ flags: "ACK", seq: 1, ack: 1, data: data === 0 ? "" : "?" });
        peer.expects({ flags: "ACK", seq: 1, ack: 2 });
        peer.expectsSilence();
      }
      lab.pass(SECOND_US);
    }
  });
}

Deno.test("keep-alive probes are answered while the stranger draws all challenges that the host grants (RFC 5961 §7)", () => {
  const { lab, peers } = crowd(400);
  lab.pass(10 * SECOND_US);
  for (const peer of peers.slice(0, 300)) answersTo(peer, { flags: "RST", seq: 10 }, 10);
  for (const peer of peers.slice(300)) {
    peer.sends({ flags: "ACK", seq: 0, ack: 1 });
    peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
  }
});

/** A probe of RFC 9293 has an octet beyond the window, one of Linux none and the number before. */
const WINDOW_PROBES = [
  { form: "an octet beyond it", probe: { seq: 4001, data: 1 }, waits: [200, 400, 800, 1600, 3200] },
  { form: "the number before it, empty", probe: { seq: 4000 }, waits: [600, 1200, 2400, 4800] },
] as const;

for (const { form, probe, waits } of WINDOW_PROBES) {
  Deno.test(`250 senders that probe a shut window (${form}): every probe of each is answered (RFC 9293 §3.8.6.1, §3.10.7.4)`, () => {
    const { lab, peers } = crowd(250, { tcp: { receiveBufferBytes: 4000 } });
    for (const peer of peers) shuts(peer);
    lab.pass(SECOND_US);
    for (const peer of peers) peer.takeAll();
    for (const waitMs of waits) {
      lab.pass(waitMs * MS_US);
      for (const peer of peers) {
        peer.sends({ flags: "ACK", ack: 1, ...probe });
        peer.expects({ flags: "ACK", seq: 1, ack: 4001, window: 0 });
        peer.expectsSilence();
      }
    }
  });
}

/** Fills the window of a host with a receive buffer of 4,000 bytes. */
function shuts(peer: Peer): void {
  for (let seq = 1; seq < 4001; seq += 1000) peer.sends({ flags: "ACK", seq, ack: 1, data: 1000 });
}

Deno.test("the attack of CVE-2016-5696 with one connection: the stranger counts the same, whether his guess on another connection drew a challenge or not", () => {
  const counts = [100, 0x4000_0000].map((guess) => {
    const { lab, peers: [stranger, victim] } = crowd(2);
    lab.pass(10 * SECOND_US);
    return Array.from({ length: 4 }, () => {
      victim.sends({ flags: "RST", seq: guess });
      const count = answersTo(stranger, { flags: "RST", seq: 10 }, 300);
      lab.pass(SECOND_US);
      return count;
    });
  });
  assertEquals(counts[0], counts[1]);
});

Deno.test("the attack of CVE-2016-5696 with 300 connections: what is counted does not tell whether the guess was right", () => {
  const { lab, peers: [victim, ...strangers] } = crowd(301);
  lab.pass(10 * SECOND_US);
  const counted = (guess: number) => {
    lab.passUntil((Math.floor(lab.nowUs / SECOND_US) + 1) * SECOND_US);
    victim.sends({ flags: "RST", seq: guess });
    return strangers.reduce((sum, peer) => sum + answersTo(peer, { flags: "RST", seq: 10 }, 2), 0);
  };
  const pairs = Array.from({ length: 32 }, () => [counted(100), counted(0x4000_0000)]);
  // A budget that is always the same shows one less in each pair.
  const untold = pairs.filter(([right, wrong]) => right >= wrong).length;
  assertGreater(untold, 6, `${untold} of ${pairs.length} pairs tell nothing: ${JSON.stringify(pairs)}`);
});

Deno.test("challenge ACKs of the whole host have a bound a second, which is not twice the same (RFC 5961 §7)", () => {
  const { lab, peers } = crowd(1000);
  const seconds = Array.from({ length: 8 }, () => {
    lab.passUntil((Math.floor(lab.nowUs / SECOND_US) + 2) * SECOND_US);
    return peers.reduce((sum, peer) => sum + answersTo(peer, { flags: "RST", seq: 10 }, 1), 0);
  });
  for (const count of seconds) assert(count >= 500 && count < 1000, `${seconds}`);
  assertGreater(new Set(seconds).size, 3, `${seconds}`);
});

/** Bare ACKs with which an end can disagree, for both windows open and shut. */
const DISAGREEMENTS: Readonly<Record<string, (fixture: Fixture) => PeerSegment>> = {
  "beyond the window": ({ peer }) => ({ flags: "ACK", seq: peer.hostRightEdge + 5000 }),
  "before the window": ({ peer }) => ({ flags: "ACK", seq: peer.next - 5000 }),
  "one before the window": ({ peer }) => ({ flags: "ACK", seq: peer.next - 1 }),
  "one beyond RCV.NXT": ({ peer }) => ({ flags: "ACK", seq: peer.next + 1 }),
  "of what was never sent": ({ peer }) => ({ flags: "ACK", ack: peer.seen + 5000 }),
  "older than any window": ({ peer }) => ({ flags: "ACK", ack: peer.seen - 100_000 }),
};

for (const [name, craft] of Object.entries(DISAGREEMENTS)) {
  Deno.test(`two ends disagree, ACKs ${name}: they do not answer each other without end, whatever the windows (RFC 5961 §7, RFC 9293 §3.10.7.4)`, () => {
    for (const [window, isShut] of [[0xffff, false], [0xffff, true], [0, false], [0, true]] as const) {
      const fixture = reachEstablished({
        autoRead: false,
        peer: { window },
        tcp: { receiveBufferBytes: 4000 },
      });
      const { lab, peer } = fixture;
      if (isShut) {
        shuts(peer);
        lab.pass(SECOND_US);
        assertEquals(peer.hostWindow, 0);
      }
      const segment = craft(fixture);
      peer.takeAll();
      let answers = 0;
      // The other end answers each answer a millisecond later, and asks by itself ten times a second.
      let isAnswering = true;
      for (let ms = 0; ms < 10_000; ms++) {
        if (isAnswering || ms % 100 === 0) peer.sends(segment);
        const came = peer.takeAll().length;
        answers += came;
        isAnswering = came > 0;
        lab.pass(MS_US);
      }
      assertLess(answers, 22, `more than two a second; window ${window}, ours ${isShut ? "shut" : "open"}`);
    }
  });
}
