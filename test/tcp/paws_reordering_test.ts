/**
 * Timestamps that are a little late because the path reorders, and those that are late indeed (RFC 7323 §5.3 R1, §5.5;
 * as Linux treats ACKs out of order).
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { MS_US, STAMPED_OPTIONS, tenOut } from "./bulk_sender.ts";
import type { Seen } from "./peer.ts";
import { ALL_OPTIONS, type Fixture, type FixtureOptions, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const DAY_US = 24 * 3600 * SECOND_US;
/** TSval of the peer when the connection was established. */
const FIRST = 0x7fff_0000 + 1000;

function stamp(value: number, echo = 0) {
  return { timestamps: { value: (FIRST + value) >>> 0, echo } };
}

/** Established with timestamps; each test says by itself what they are. */
function stamped(options: FixtureOptions = {}): Fixture {
  const fixture = reachEstablished({ options: ALL_OPTIONS, ...options });
  fixture.peer.timestamps = false;
  return fixture;
}

/** What was echoed, relative to FIRST. */
function echoed(seen: Seen): number {
  return ((seen.options.timestamps?.echo ?? 0) - FIRST) | 0;
}

Deno.test("twelve ACKs of a download in the reverse order: at most one answer, and all goes on (RFC 7323 §5.3)", () => {
  const bulk = tenOut({ options: STAMPED_OPTIONS });
  bulk.passRtt();
  const { clock, hostTimestamp } = bulk.peer;
  const { cwnd } = bulk.info;
  // The newest first: SND.UNA and TS.Recent are its own; eleven older ones follow, a millisecond each.
  bulk.acks(10, { value: clock, echo: hostTimestamp });
  const sent = bulk.took();
  assert(sent.length >= 10);
  let answers = 0;
  for (let age = 1; age <= 11; age++) {
    bulk.acks(Math.max(0, 10 - age), { value: clock - age, echo: hostTimestamp });
    answers += bulk.took().length;
  }
  assertLessOrEqual(answers, 1, "answers");
  assertEquals([bulk.info.recovery, bulk.info.sendQueue], ["open", 600_000 - 10 * bulk.mss]);
  assert(bulk.info.cwnd >= cwnd);
});

Deno.test("twelve duplicate ACKs at RCV.NXT whose timestamps are a little late: at most one answer (RFC 7323 §5.3)", () => {
  const { lab, peer, app } = stamped();
  lab.pass(SECOND_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text", options: stamp(1000) });
  lab.pass(SECOND_US);
  peer.takeAll();
  app.write("answer");
  peer.takeAll();
  for (let age = 1; age <= 12; age++) {
    peer.sends({ flags: "ACK", seq: 5, ack: 1, options: stamp(1000 - age) });
  }
  assertLessOrEqual(peer.takeAll().length, 1, "answers");
  assertEquals([app.connection.unackedBytes, app.state], [6, "ESTABLISHED"]);
});

Deno.test("reordered ACKs all the time: two answers a second at the most (RFC 7323 §5.3, RFC 5961 §7)", () => {
  for (const lateMs of [1, 20, 150, 5000, 100_000]) {
    const { lab, peer } = stamped();
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text", options: stamp(200_000) });
    lab.pass(SECOND_US);
    peer.takeAll();
    let answers = 0;
    for (let i = 0; i < 500; i++) {
      peer.sends({ flags: "ACK", seq: 5, ack: 1, options: stamp(200_000 + i) });
      peer.sends({ flags: "ACK", seq: 5, ack: 1, options: stamp(200_000 + i - lateMs) });
      answers += peer.takeAll().length;
      lab.pass(10 * MS_US);
    }
    assertLessOrEqual(answers, 11, `in five seconds, ${lateMs} ms late`);
  }
});

Deno.test("text that fails PAWS draws a duplicate ACK each time, and is not taken (RFC 7323 §5.3 R1)", () => {
  const { lab, peer, app } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text", options: stamp(5000) });
  lab.pass(SECOND_US);
  peer.takeAll();
  for (let i = 0; i < 8; i++) {
    peer.sends({ flags: "ACK", seq: 5 + i, ack: 1, data: "late", options: stamp(4000 + i) });
    peer.expects({ flags: "ACK", seq: 1, ack: 5 });
    peer.expectsSilence();
  }
  assertEquals(app.text, "text");
});

Deno.test("a FIN that fails PAWS draws a duplicate ACK, and does not close (RFC 7323 §5.3 R1)", () => {
  const { lab, peer, app } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text", options: stamp(5000) });
  lab.pass(SECOND_US);
  peer.takeAll();
  lab.takeTransitions();
  for (let i = 0; i < 4; i++) {
    peer.sends({ flags: "FIN ACK", seq: 5, ack: 1, options: stamp(4000) });
    peer.expects({ flags: "ACK", seq: 1, ack: 5 });
    peer.expectsSilence();
  }
  assertEquals([lab.takeTransitions(), app.peerClosed], [[], 0]);
});

Deno.test("an ACK that fails PAWS by far does not count: neither its number nor its window (RFC 7323 §5.3 R1)", () => {
  const { lab, peer, app } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "text", options: stamp(200_000) });
  lab.pass(SECOND_US);
  app.write("answer");
  peer.takeAll();
  const { sndWnd } = app.connection.info();
  peer.sends({ flags: "ACK", seq: 5, ack: 7, window: 1, options: stamp(1000) });
  assertLessOrEqual(peer.takeAll().length, 1);
  assertEquals([app.connection.unackedBytes, app.connection.info().sndWnd], [6, sndWnd]);
});

// 24 days

for (const days of [25, 40, 60, 100]) {
  Deno.test(`after ${days} idle days TS.Recent counts no more, and is replaced: PAWS is on again (RFC 7323 §5.5)`, () => {
    const { lab, peer, app } = stamped();
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "a", options: stamp(9000) });
    lab.pass(days * DAY_US);
    peer.takeAll();
    // The peer's clock went on, far enough to look old; or it was set back.
    const far = 4000;
    peer.sends({ flags: "ACK", seq: 2, ack: 1, data: "b", options: stamp(far) });
    lab.pass(SECOND_US);
    assertEquals(app.text, "ab");
    assertEquals(peer.takeAll().map(echoed), [far], "TS.Recent is the new one");
    // What is older than that is not taken any more.
    peer.sends({ flags: "ACK", seq: 3, ack: 1, data: "x", options: stamp(far - 1000) });
    peer.expects({ flags: "ACK", seq: 1, ack: 3 });
    assertEquals(app.text, "ab");
    // And it moves on.
    peer.sends({ flags: "ACK", seq: 3, ack: 1, data: "c", options: stamp(far + 2000) });
    lab.pass(SECOND_US);
    assertEquals(peer.takeAll().map(echoed), [far + 2000]);
    peer.sends({ flags: "ACK", seq: 4, ack: 1, data: "x", options: stamp(far) });
    peer.expects({ flags: "ACK", seq: 1, ack: 4 });
    peer.expectsSilence();
    assertEquals(app.text, "abc");
  });
}

Deno.test("a bare ACK after 25 idle days replaces TS.Recent as well (RFC 7323 §5.5)", () => {
  const { lab, peer, app } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "a", options: stamp(9000) });
  lab.pass(25 * DAY_US);
  peer.takeAll();
  app.write("still there?");
  assertEquals(peer.takeAll().length, 1);
  peer.sends({ flags: "ACK", seq: 2, ack: 13, options: stamp(4000) });
  peer.expectsSilence();
  assertEquals(app.connection.unackedBytes, 0);
  app.write("yes");
  assertEquals(peer.takeAll().map(echoed), [4000]);
});

Deno.test("after 20 idle days TS.Recent still counts (RFC 7323 §5.5)", () => {
  const { lab, peer, app } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "a", options: stamp(9000) });
  lab.pass(20 * DAY_US);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 2, ack: 1, data: "b", options: stamp(4000) });
  peer.expects({ flags: "ACK", seq: 1, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.text, "a");
});
