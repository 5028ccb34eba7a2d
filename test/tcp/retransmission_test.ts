/**
 * Retransmission by the timer: RFC 6298 with Karn's rule, for text, SYN, SYN-ACK and FIN; R1 and R2 (RFC 9293 §3.8.1 to §3.8.3).
 *
 * Without SACK and timestamps, so that nothing but the timer repairs. What SACK adds is in sack_sender_test.ts.
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLess, assertLessOrEqual } from "@std/assert";
import { DEFAULT_TCP_CONFIG } from "../../src/tcp/config.ts";
import { Lab } from "./harness.ts";
import type { Peer, Seen } from "./peer.ts";
import { type Fixture, type FixtureOptions, reachEstablished, reachSynRcvd, reachSynSent } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const MS_US = 1000;

/** Established, with one round trip of `rttUs` measured on the handshake and a minimum that does not show. */
function measured(rttUs: number, options: FixtureOptions = {}): Fixture {
  const tcp = { rtoMinUs: 10 * MS_US, noDelay: true, ...options.tcp };
  const fixture = reachSynRcvd({ ...options, tcp });
  fixture.lab.pass(rttUs);
  fixture.peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  fixture.peer.expectsSilence();
  fixture.peer.mark();
  return fixture;
}

/** Times between the segments, milliseconds, the first counted from `fromUs`. */
function intervalsMs(seen: readonly Seen[], fromUs: number): number[] {
  return seen.map(({ atUs }, i) => Math.round((atUs - (i === 0 ? fromUs : seen[i - 1].atUs)) / MS_US));
}

function assertIntervals(seen: readonly Seen[], fromUs: number, expectedMs: readonly number[]): void {
  const got = intervalsMs(seen, fromUs);
  assertEquals(got.length, expectedMs.length, `intervals ${got}, expected ${expectedMs}`);
  got.forEach((ms, i) => {
    // 2 ms, or half a percent where deadlines are far away.
    const slack = Math.max(2, expectedMs[i] / 200);
    assert(Math.abs(ms - expectedMs[i]) <= slack, `intervals ${got}, expected ${expectedMs}`);
  });
}

Deno.test("SYN is sent again after 1 s, then doubling, to at most 60 s, and given up after 3 minutes at least (MUST-18, MUST-22, MUST-23, RFC 6298 §2.1, §5.5)", () => {
  const lab = new Lab();
  const peer = lab.peer();
  const startUs = lab.nowUs;
  const app = lab.connect(peer);
  const first = peer.expects({ flags: "SYN", seq: 0 });
  lab.pass(179 * SECOND_US);
  assertEquals(app.closed, [], "R2 of a SYN is three minutes at least");
  lab.pass(120 * SECOND_US);
  assertEquals(app.closed, ["timeout"]);
  const again = peer.takeAll();
  for (const { flags, absoluteSeq } of again) assertEquals([flags, absoluteSeq], ["SYN", first.absoluteSeq]);
  const expectedMs = [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000];
  assertIntervals(again.slice(0, expectedMs.length), startUs, expectedMs);
  assertLessOrEqual(again.length, expectedMs.length + 1);
  assertEquals(lab.host.connections().length, 0);
  peer.expectsSilence();
});

Deno.test("SYN: the application hears of R1 while it goes on (SHLD-9, SHLD-10, MUST-20, RFC 9293 §3.8.3)", () => {
  const { lab, peer, app } = reachSynSent();
  lab.pass(2900 * MS_US);
  assertEquals(app.advice, [], "not before the third retransmission");
  lab.pass(13 * SECOND_US);
  assertGreaterOrEqual(app.advice.length, 1);
  assertEquals(app.closed, []);
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals(app.state, "ESTABLISHED");
});

Deno.test("SYN-ACK is sent again after 1 s, then doubling, and forgotten (MUST-18, MUST-22, RFC 9293 §3.8.3)", () => {
  const { lab, peer } = reachSynRcvd();
  const startUs = lab.nowUs;
  lab.takeTransitions();
  lab.pass(120 * SECOND_US);
  const again = peer.takeAll();
  for (const { flags, seq, ack } of again) assertEquals([flags, seq, ack], ["SYN ACK", 0, 1]);
  assertIntervals(again, startUs, [1000, 2000, 4000, 8000, 16_000]);
  assertEquals(lab.takeTransitions(), ["SYN_RCVD>CLOSED"]);
  assertEquals(lab.host.connections().length, 0);
  peer.expectsSilence();
});

Deno.test("SYN-ACK of a simultaneous open is sent again too (MUST-18, MUST-10)", () => {
  const { lab, peer, app } = reachSynRcvd({ role: "client" });
  lab.pass(20 * SECOND_US);
  const again = peer.takeAll();
  assertGreaterOrEqual(again.length, 3);
  for (const { flags, seq, ack } of again) assertEquals([flags, seq, ack], ["SYN ACK", 0, 1]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  assertEquals(app.state, "ESTABLISHED");
});

Deno.test("a SYN, ACK that comes again is acknowledged again: our ACK was lost (RFC 9293 §3.5)", () => {
  const { peer, app } = reachEstablished({ role: "client" });
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  assertEquals(app.state, "ESTABLISHED");
});

Deno.test("the first RTO is SRTT + 4 RTTVAR = 3 R (MUST-18, RFC 6298 §2.2)", () => {
  for (const rttMs of [20, 100, 400]) {
    const { lab, peer, app } = measured(rttMs * MS_US);
    app.write("text");
    peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "text" });
    lab.pass(3 * rttMs * MS_US - 5 * MS_US);
    peer.expectsSilence();
    lab.pass(10 * MS_US);
    peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "text", afterUs: 3 * rttMs * MS_US });
    peer.expectsSilence();
  }
});

Deno.test("the next RTO follows RTTVAR and SRTT (MUST-18, RFC 6298 §2.3)", () => {
  // R = 100: SRTT 100, RTTVAR 50. R' = 180: RTTVAR 3/4 50 + 1/4 80 = 57.5, SRTT 7/8 100 + 1/8 180 = 110. RTO 340.
  const { lab, peer, app } = measured(100 * MS_US);
  app.write("one");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "one" });
  lab.pass(180 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  const { srttUs, rttvarUs } = app.connection.info();
  assertEquals([Math.round(srttUs), Math.round(rttvarUs)], [110_000, 57_500]);
  peer.mark();
  app.write("two");
  peer.expects({ flags: "ACK", seq: 4, ack: 1, data: "two" });
  lab.pass(345 * MS_US);
  peer.expects({ flags: "ACK", seq: 4, ack: 1, data: "two", afterUs: 340 * MS_US });
});

Deno.test("the RTO has a minimum and a maximum of 60 s at least (MUST-18, RFC 6298 §2.4, §2.5)", () => {
  const { lab, peer, app } = measured(1 * MS_US, { tcp: { rtoMinUs: 200 * MS_US } });
  const startUs = lab.nowUs;
  app.write("text");
  peer.expects({ flags: "ACK", seq: 1, data: "text" });
  lab.pass(205 * MS_US);
  peer.expects({ flags: "ACK", seq: 1, data: "text", afterUs: 200 * MS_US });
  lab.pass(299 * SECOND_US - (lab.nowUs - startUs));
  const gaps = intervalsMs(peer.takeAll(), startUs);
  assertEquals(Math.max(...gaps), 60_000);
});

Deno.test("each expiry doubles the RTO; R1 is told, R2 closes (MUST-18, MUST-20, SHLD-9, SHLD-10, SHLD-11, MUST-12, RFC 6298 §5.5, RFC 9293 §3.8.3)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  const startUs = lab.nowUs;
  app.write("text");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  lab.pass(300 * MS_US + 600 * MS_US + 5 * MS_US);
  assertEquals(app.advice, [], "R1 is three retransmissions at least");
  lab.pass(99 * SECOND_US - (lab.nowUs - startUs));
  assertGreaterOrEqual(app.advice.length, 1);
  assertEquals(app.closed, [], "R2 is 100 seconds at least");
  const again = peer.takeAll();
  for (const { flags, seq, data } of again) assertEquals([flags, seq, data.length], ["ACK", 1, 4]);
  assertIntervals(again, startUs, [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400]);
  lab.pass(DEFAULT_TCP_CONFIG.r2Us + 61 * SECOND_US - 99 * SECOND_US);
  assertEquals(app.closed, ["timeout"]);
  assertEquals(lab.host.connections().length, 0);
  peer.takeAll();
  lab.pass(600 * SECOND_US);
  peer.expectsSilence();
});

Deno.test("the application sets R2 (MUST-21, RFC 9293 §3.8.3)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  app.connection.setUserTimeout(10 * SECOND_US);
  app.write("text");
  lab.pass(9 * SECOND_US);
  assertEquals(app.closed, []);
  lab.pass(10 * SECOND_US);
  assertEquals(app.closed, ["timeout"]);
  peer.takeAll();
  lab.pass(100 * SECOND_US);
  peer.expectsSilence();
});

Deno.test("R2 counts from the oldest unacknowledged text: an ACK gives new time (RFC 9293 §3.8.3)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  app.connection.setUserTimeout(10 * SECOND_US);
  app.write("a");
  lab.pass(8 * SECOND_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  app.write("b");
  lab.pass(8 * SECOND_US);
  assertEquals(app.closed, []);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 3 });
  lab.pass(60 * SECOND_US);
  assertEquals(app.closed, []);
  peer.expectsSilence();
});

Deno.test("Karn: the ACK of what was sent twice is no sample, and the RTO stays backed off until there is one (MUST-18, RFC 6298 §3, §5)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  app.write("one");
  lab.pass(350 * MS_US);
  assertEquals(peer.takeAll().length, 2);
  lab.pass(450 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  assertEquals(Math.round(app.connection.info().srttUs), 100_000);
  peer.mark();
  app.write("two");
  peer.expects({ flags: "ACK", seq: 4, ack: 1, data: "two" });
  lab.pass(590 * MS_US);
  peer.expectsSilence();
  lab.pass(20 * MS_US);
  peer.expects({ flags: "ACK", seq: 4, ack: 1, data: "two", afterUs: 600 * MS_US });
});

Deno.test("Karn: a fresh sample ends the back-off (MUST-18, RFC 6298 §5)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  app.write("one");
  lab.pass(950 * MS_US);
  assertEquals(peer.takeAll().length, 3);
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  app.write("two");
  lab.pass(100 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 7 });
  peer.takeAll();
  // RTTVAR 37.5, SRTT 100: 250 ms.
  peer.mark();
  app.write("six");
  peer.expects({ flags: "ACK", seq: 7, ack: 1, data: "six" });
  lab.pass(255 * MS_US);
  peer.expects({ flags: "ACK", seq: 7, ack: 1, data: "six", afterUs: 250 * MS_US });
});

Deno.test("a SYN sent twice makes the RTO 3 s when text begins (MUST-18, RFC 6298 §5.7)", () => {
  const { lab, peer, app } = reachSynSent();
  lab.pass(1500 * MS_US);
  peer.expects({ flags: "SYN", seq: 0 });
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1460 } });
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  peer.mark();
  app.write("text");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  lab.pass(3100 * MS_US);
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "text", afterUs: 3000 * MS_US });
  peer.expectsSilence();
});

Deno.test("a SYN-ACK sent twice makes the RTO 3 s when text begins (MUST-18, RFC 6298 §5.7)", () => {
  const { lab, peer, app } = reachSynRcvd();
  lab.pass(1500 * MS_US);
  peer.expects({ flags: "SYN ACK", seq: 0 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.mark();
  app.write("text");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  lab.pass(3100 * MS_US);
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "text", afterUs: 3000 * MS_US });
});

Deno.test("the timer runs from the first unacknowledged segment, not from the last sent (RFC 6298 §5.1)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  app.write("a");
  lab.pass(200 * MS_US);
  app.write("b");
  assertEquals(peer.takeAll().length, 2);
  lab.pass(105 * MS_US);
  // A window of one full segment has room for both small ones.
  const again = peer.takeAll();
  assertEquals([again[0].seq, intervalsMs(again, lab.nowUs)[0]], [1, -5]);
});

Deno.test("the timer stops when all is acknowledged (RFC 6298 §5.2)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  app.write("a");
  peer.takeAll();
  lab.pass(100 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  lab.pass(1000 * SECOND_US);
  peer.expectsSilence();
  assertEquals(app.closed, []);
});

Deno.test("an ACK of new text restarts the timer (RFC 6298 §5.3)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  app.write("a");
  app.write("b");
  assertEquals(peer.takeAll().length, 2);
  lab.pass(100 * MS_US);
  // The sample of 100 ms makes the RTO 250 ms.
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  peer.mark();
  lab.pass(240 * MS_US);
  peer.expectsSilence();
  lab.pass(20 * MS_US);
  peer.expects({ flags: "ACK", seq: 2, ack: 1, data: "b", afterUs: 250 * MS_US });
  peer.expectsSilence();
});

Deno.test("a duplicate ACK does not restart the timer (RFC 6298 §5.3)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  app.write("a");
  peer.takeAll();
  lab.pass(200 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  lab.pass(105 * MS_US);
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "a", afterUs: 300 * MS_US });
});

Deno.test("on expiry the earliest segment alone is sent again, and the window is one segment (MUST-19, RFC 6298 §5.4, RFC 5681 §3.1)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  app.write(10 * 1460);
  assertEquals(peer.takeAll().length, 10);
  lab.pass(305 * MS_US);
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: 1460 });
  peer.expectsSilence();
  // Its ACK lets two go: slow start from one segment.
  lab.pass(100 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 1461 });
  const two = peer.takeAll();
  assertEquals(two.map(({ seq }) => seq), [1461, 2921]);
  lab.pass(100 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 4381 });
  const more = peer.takeAll();
  assertLessOrEqual(more.length, 4);
  assertGreaterOrEqual(more.length, 3);
  assertEquals(more[0].seq, 4381);
});

Deno.test("ssthresh after an expiry is half of the flight, and two segments at least (MUST-19, RFC 5681 §3.1)", () => {
  for (const [segments, atLeast, atMost] of [[10, 2, 7], [1, 2, 2]] as const) {
    const { lab, peer, app } = measured(100 * MS_US, { tcp: { congestionControl: "reno" } });
    app.write(segments * 1460);
    peer.takeAll();
    lab.pass(305 * MS_US);
    const { ssthresh, cwnd } = app.connection.info();
    assertGreaterOrEqual(ssthresh, atLeast * 1460);
    assertLessOrEqual(ssthresh, Math.max(2, Math.floor(segments / 2)) * 1460);
    assertLessOrEqual(ssthresh, atMost * 1460);
    assertEquals(cwnd, 1460);
  }
});

Deno.test("FIN is sent again, doubling, and R2 closes (MUST-18, MUST-20)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  const startUs = lab.nowUs;
  app.closeWrite();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
  lab.pass(20 * SECOND_US);
  const again = peer.takeAll();
  for (const { flags, seq } of again) assertEquals([flags, seq], ["FIN ACK", 1]);
  assertIntervals(again, startUs, [300, 600, 1200, 2400, 4800, 9600]);
  lab.pass(400 * SECOND_US);
  assertEquals(app.closed, ["timeout"]);
});

Deno.test("text before the FIN is sent again before it, FIN and all (MUST-18)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  app.write("text");
  app.closeWrite();
  peer.takeAll();
  lab.pass(305 * MS_US);
  const again = peer.takeAll();
  assertEquals(again[0].seq, 1);
  assertEquals(String.fromCharCode(...again[0].data), "text");
  peer.sends({ flags: "ACK", seq: 1, ack: 5 });
  lab.pass(2 * SECOND_US);
  const rest = peer.takeAll();
  if (again[0].flags !== "FIN ACK") assert(rest.some(({ flags, seq }) => flags === "FIN ACK" && seq === 5));
  peer.sends({ flags: "ACK", seq: 1, ack: 6 });
  assertEquals(app.state, "FIN_WAIT_2");
});

Deno.test("what is sent again carries what is known now: RCV.NXT and the window (RFC 9293 §3.8.1)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  app.write("text");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "text" });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "news" });
  lab.pass(305 * MS_US);
  const seen = peer.takeAll();
  const again = seen[seen.length - 1];
  assertEquals([again.flags, again.seq, again.ack, again.data.length], ["ACK", 1, 5, 4]);
});

Deno.test("a partial ACK of a segment: only the rest has to be sent again (RFC 9293 §3.10.7.4, fifth)", () => {
  const { lab, peer, app } = measured(100 * MS_US);
  app.write("abcdef");
  peer.expects({ flags: "ACK", seq: 1, data: "abcdef" });
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  lab.pass(SECOND_US / 2);
  const [again] = peer.takeAll();
  assertLessOrEqual(again.seq, 4);
  assertEquals(again.seq + again.data.length, 7);
  peer.sends({ flags: "ACK", seq: 1, ack: 7 });
  assertEquals(app.connection.unackedBytes, 0);
});

Deno.test("a thousand lost retransmissions are no storm: at most a handful a minute (RFC 6298 §5.5)", () => {
  const { lab, peer, app } = measured(100 * MS_US, { tcp: { r2Us: 3600 * SECOND_US } });
  app.write(100_000);
  peer.takeAll();
  lab.pass(60 * SECOND_US);
  assertLess(peer.takeAll().length, 12);
  lab.pass(600 * SECOND_US);
  assertLessOrEqual(peer.takeAll().length, 12);
  assertEquals(app.closed, []);
  resumes(peer);
});

/** The peer is back: everything arrives after all. */
function resumes(peer: Peer): void {
  const { lab } = peer;
  let acknowledged = 1;
  for (let round = 0; round < 200 && acknowledged < 100_001; round++) {
    lab.pass(100 * MS_US);
    peer.sends({ flags: "ACK", seq: 1, ack: acknowledged });
    for (const { seq, data } of peer.takeAll()) {
      if (seq === acknowledged) acknowledged += data.length;
    }
    peer.sends({ flags: "ACK", seq: 1, ack: acknowledged });
    for (const { seq, data } of peer.takeAll()) {
      if (seq === acknowledged) acknowledged += data.length;
    }
  }
  assertEquals(acknowledged, 100_001);
}
