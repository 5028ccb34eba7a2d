/**
 * Timestamps as protection against wrapped numbers, and what is echoed (RFC 7323 §3.2, §4.3, §5).
 */
import { assert, assertEquals } from "@std/assert";
import type { Seen } from "./peer.ts";
import { ALL_OPTIONS, type Fixture, type FixtureOptions, REACH, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** TSval of the peer at the time when the connection was established: a second after its clock began. */
const FIRST = 0x7fff_0000 + 1000;

function stamped(options: FixtureOptions = {}): Fixture {
  const fixture = reachEstablished({ options: ALL_OPTIONS, ...options });
  // From here on, each test says by itself what the timestamps are.
  fixture.peer.timestamps = false;
  return fixture;
}

function stamp(value: number, echo = 0) {
  return { timestamps: { value: (FIRST + value) >>> 0, echo } };
}

/** What was echoed, relative to FIRST. */
function echoed(seen: Seen): number {
  return ((seen.options.timestamps?.echo ?? 0) - FIRST) | 0;
}

Deno.test("PAWS: a segment older than TS.Recent is dropped, with an ACK (RFC 7323 §5.3 R1)", () => {
  const { peer, app } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "abc", options: stamp(5000) });
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 4, ack: 1, data: "old", options: stamp(4999) });
  peer.expects({ flags: "ACK", seq: 1, ack: 4 });
  peer.expectsSilence();
  assertEquals(app.text, "abc");
  peer.sends({ flags: "ACK", seq: 4, ack: 1, data: "new", options: stamp(5000) });
  assertEquals(app.text, "abcnew");
});

Deno.test("PAWS: an old FIN, SYN or ACK is dropped, too; an old RST is not (RFC 7323 §5.3 R1)", () => {
  for (const flags of ["FIN ACK", "SYN", "ACK"]) {
    const { lab, peer, app } = stamped();
    app.write("abc");
    peer.takeAll();
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "x", options: stamp(5000) });
    peer.takeAll();
    lab.takeTransitions();
    peer.sends({ flags, seq: 2, ack: 4, options: stamp(1) });
    peer.expects({ flags: "ACK", seq: 4, ack: 2 });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), []);
    assertEquals(app.connection.unackedBytes, 3, "the ACK did not count");
  }
  const { peer, app } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "x", options: stamp(5000) });
  peer.takeAll();
  peer.sends({ flags: "RST", seq: 2, options: stamp(1) });
  assertEquals(app.closed, ["reset-by-peer"], "PAWS is not for RST");
});

Deno.test("PAWS: comparison is modulo 2^32 (RFC 7323 §5.2)", () => {
  const { peer, app } = stamped();
  let seq = 1;
  // FIRST + 0x1_0000 is beyond 2^31; then on around the whole space in steps below 2^31.
  for (const value of [0x1_0000, 0x4000_0000, 0x8000_0000, 0xc000_0000, 0x1_0000_0000]) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: "x", options: stamp(value) });
    seq += 1;
  }
  assertEquals(app.text, "xxxxx");
  peer.takeAll();
  peer.sends({ flags: "ACK", seq, ack: 1, data: "y", options: stamp(0xffff_fff0) });
  peer.expects({ flags: "ACK", seq: 1, ack: seq });
  assertEquals(app.text, "xxxxx");
});

Deno.test("PAWS: after 24 days of silence TS.Recent no longer counts (RFC 7323 §5.5)", () => {
  const { lab, peer, app } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "a", options: stamp(5000) });
  lab.pass(25 * 24 * 3600 * SECOND_US);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 2, ack: 1, data: "b", options: stamp(4000) });
  assertEquals(app.text, "ab");
});

Deno.test("PAWS: in every synchronized state (RFC 7323 §5.3 R1)", () => {
  for (
    const state of [
      "ESTABLISHED",
      "FIN_WAIT_1",
      "FIN_WAIT_2",
      "CLOSE_WAIT",
      "CLOSING",
      "LAST_ACK",
      "TIME_WAIT",
    ] as const
  ) {
    const { lab, peer } = REACH[state]({ options: ALL_OPTIONS });
    const { next, seen } = peer;
    peer.timestamps = false;
    lab.takeTransitions();
    lab.pass(10_000);
    peer.sends({ flags: "FIN ACK", seq: next, ack: seen, data: "old", options: stamp(-60_000) });
    peer.expects({ flags: "ACK", seq: seen, ack: next });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), []);
  }
});

Deno.test("a segment without timestamps after they were agreed: dropped in silence, or taken (missingTimestamp; RFC 7323 §3.2)", () => {
  for (const missingTimestamp of ["drop", "accept"] as const) {
    const { lab, peer, app } = stamped({ tcp: { missingTimestamp } });
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "bare" });
    if (missingTimestamp === "drop") peer.expectsSilence();
    lab.pass(SECOND_US);
    assertEquals(app.text, missingTimestamp === "drop" ? "" : "bare");
    if (missingTimestamp === "drop") peer.expectsSilence();
    // A RST counts without, in both cases.
    peer.takeAll();
    peer.sends({ flags: "RST", seq: app.text.length + 1 });
    assertEquals(app.closed, ["reset-by-peer"]);
  }
});

Deno.test("timestamps on segments of a connection that did not agree on them do not count (RFC 7323 §3.2)", () => {
  const { peer, app } = reachEstablished();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "a", options: stamp(5000) });
  peer.sends({ flags: "ACK", seq: 2, ack: 1, data: "b", options: stamp(1) });
  assertEquals(app.text, "ab");
});

Deno.test("echo: the SYN, ACK echoes the SYN, the first ACK the SYN, ACK (RFC 7323 §3.2)", () => {
  const { peer, app } = stamped({ role: "client" });
  app.write("x");
  const [seen] = peer.takeAll();
  assertEquals(seen.options.timestamps?.echo, ALL_OPTIONS.timestamps?.value);
});

Deno.test("echo: with delayed ACKs the earliest unacknowledged segment's (RFC 7323 §4.3 (A))", () => {
  const { lab, peer } = stamped({ tcp: { quickAcks: 0, receiveBufferBytes: 0x8000 } });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 10, options: stamp(100) });
  peer.sends({ flags: "ACK", seq: 11, ack: 1, data: 10, options: stamp(200) });
  lab.pass(SECOND_US / 2);
  const [seen] = peer.takeAll();
  assertEquals([seen.ack, echoed(seen)], [21, 100]);
});

Deno.test("echo: a hole in the stream: that of the last segment in order; when it is filled, the filler's (RFC 7323 §4.3 (B), (C))", () => {
  const { peer } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100, options: stamp(100) });
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 201, ack: 1, data: 100, options: stamp(200) });
  const [hole] = peer.takeAll();
  assertEquals([hole.ack, echoed(hole)], [101, 100]);
  peer.sends({ flags: "ACK", seq: 101, ack: 1, data: 100, options: stamp(300) });
  const [filled] = peer.takeAll();
  assertEquals([filled.ack, echoed(filled)], [301, 300]);
});

Deno.test("echo: a segment beyond Last.ACK.sent does not change TS.Recent (RFC 7323 §4.3 (2))", () => {
  const { peer, app } = stamped();
  peer.sends({ flags: "ACK", seq: 101, ack: 1, data: 100, options: stamp(9000) });
  peer.takeAll();
  // If 9000 had become TS.Recent, this would be dropped.
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100, options: stamp(100) });
  assertEquals(app.bytesRead.length, 200);
});

Deno.test("echo: an old duplicate that covers Last.ACK.sent does change nothing backwards (RFC 7323 §4.3 (2))", () => {
  const { lab, peer } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100, options: stamp(500) });
  lab.pass(SECOND_US);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 101, ack: 1, data: 100, options: stamp(500) });
  lab.pass(SECOND_US);
  const [seen] = peer.takeAll();
  assertEquals(echoed(seen), 500);
});

Deno.test("a round trip is measured from what is echoed, also of what was sent twice (RFC 7323 §4.1, RFC 6298 §3)", () => {
  const { lab, peer, app } = reachEstablished({ options: ALL_OPTIONS, tcp: { noDelay: true } });
  app.write("one");
  const [first] = peer.takeAll();
  lab.pass(100_000);
  peer.sends({
    flags: "ACK",
    seq: 1,
    ack: 4,
    options: { timestamps: { value: peer.clock, echo: first.options.timestamps?.value ?? 0 } },
  });
  const { srttUs } = app.connection.info();
  assert(srttUs > 0 && srttUs <= 102_000);
});

Deno.test("an echo of nothing (TSecr 0) or from the future is no sample that breaks the timer (RFC 7323 §4.1)", () => {
  for (const echo of [0, 1, 0x8000_0000, 0xffff_ffff]) {
    const { lab, peer, app } = stamped();
    app.write("one");
    peer.takeAll();
    lab.pass(50_000);
    peer.sends({ flags: "ACK", seq: 1, ack: 4, options: stamp(50, echo) });
    const { srttUs, rtoUs } = app.connection.info();
    assert(srttUs >= 0 && srttUs < 60 * SECOND_US, `srtt ${srttUs}`);
    assert(rtoUs >= 1000 && rtoUs <= 120 * SECOND_US, `rto ${rtoUs}`);
  }
});
