/**
 * Habits of a connection, each in both positions: which reset and which SYN end it, how many answers a stranger gets, how FIN goes
 * with ACKs, which second segment is acknowledged, and what is added to a time-out (src/tcp/habits.ts).
 */
import { assert, assertEquals } from "@std/assert";
import { Lab } from "./harness.ts";
import {
  ALL_OPTIONS,
  reachEstablished,
  reachFinWait1,
  reachLastAck,
  reachSynSent,
  reachTimeWait,
} from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const MS_US = 1000;

Deno.test("a reset in the window: only at RCV.NXT (RFC 5961 §3.2), or anywhere (RFC 793)", () => {
  for (const resetCheck of ["rfc5961", "rfc793"] as const) {
    const { peer, app } = reachEstablished({ tcp: { resetCheck } });
    peer.sends({ flags: "RST", seq: 100 });
    if (resetCheck === "rfc5961") peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
    assertEquals(app.state, resetCheck === "rfc5961" ? "ESTABLISHED" : "CLOSED");
    assertEquals(app.connection.ended, resetCheck === "rfc5961" ? null : "reset-by-peer");
    const { peer: other, app: kept } = reachEstablished({ tcp: { resetCheck } });
    other.sends({ flags: "RST", seq: 0 });
    other.expectsSilence();
    assertEquals(kept.state, "ESTABLISHED", "outside the window it never counts");
  }
});

Deno.test("a reset after both have closed is told to nobody, or is a reset", () => {
  for (const resetAfterClose of ["quiet", "told"] as const) {
    const { peer, app } = reachLastAck({ tcp: { resetAfterClose } });
    peer.sends({ flags: "RST", seq: 2 });
    assertEquals(app.connection.ended, resetAfterClose === "quiet" ? "normal" : "reset-by-peer");
  }
});

Deno.test("a SYN in the window is challenged (RFC 5961 §4.2), or reset (RFC 793)", () => {
  for (const synCheck of ["rfc5961", "rfc793"] as const) {
    const { peer, app } = reachEstablished({ tcp: { synCheck } });
    peer.sends({ flags: "SYN", seq: 1 });
    if (synCheck === "rfc5961") peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    else peer.expects({ flags: "RST ACK", seq: 1, ack: 1, window: 0 });
    peer.expectsSilence();
    assertEquals(app.state, synCheck === "rfc5961" ? "ESTABLISHED" : "CLOSED");
    if (synCheck === "rfc793") assertEquals(app.connection.ended, "reset-by-peer");
    // Outside it the connection lives in any case.
    const { peer: other, app: kept } = reachEstablished({ tcp: { synCheck } });
    other.sends({ flags: "SYN", seq: -100 });
    other.expects({ flags: "ACK", seq: 1, ack: 1 });
    assertEquals(kept.state, "ESTABLISHED");
  }
});

Deno.test("RFC 793's checks never end TIME_WAIT by a SYN", () => {
  const { peer, app } = reachTimeWait({ tcp: { synCheck: "rfc793", timeWaitReopen: "beyond" } });
  peer.sends({ flags: "SYN", seq: 2 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  assertEquals(app.state, "TIME_WAIT");
});

Deno.test("bare segments that are not acceptable get one answer in half a second, or so many in so long", () => {
  for (const [answersPerInterval, answerIntervalUs] of [[1, 500_000], [5, SECOND_US]]) {
    const { lab, peer } = reachEstablished({ tcp: { answersPerInterval, answerIntervalUs } });
    let answers = 0;
    for (let i = 0; i < 10; i++) {
      peer.sends({ flags: "ACK", seq: -50, ack: 1 });
      answers += peer.takeAll().length;
      lab.pass(10 * MS_US);
    }
    assertEquals(answers, answersPerInterval);
    lab.pass(answerIntervalUs);
    peer.sends({ flags: "ACK", seq: -50, ack: 1 });
    assertEquals(peer.takeAll().length, 1);
  }
});

Deno.test("in FIN_WAIT_1 the ACK of the peer's FIN is bare, or carries our FIN again", () => {
  for (const finInAcks of [false, true]) {
    const { lab, peer, app } = reachFinWait1({ tcp: { finInAcks } });
    peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
    if (finInAcks) peer.expects({ flags: "FIN ACK", seq: 1, ack: 2 });
    else peer.expects({ flags: "ACK", seq: 2, ack: 2 });
    assertEquals(app.state, "CLOSING");
    // A challenge ACK is bare in either case.
    peer.sends({ flags: "SYN", seq: 2 });
    peer.expects({ flags: "ACK", seq: 2, ack: 2 });
    peer.sends({ flags: "ACK", seq: 2, ack: 2 });
    peer.expectsSilence();
    assertEquals(app.state, "TIME_WAIT");
    assertEquals(lab.unlisted, []);
  }
});

Deno.test("in LAST_ACK too ACKs carry the FIN until it is acknowledged, and its time-out is as without", () => {
  const { lab, peer, app } = reachLastAck({ tcp: { finInAcks: true } });
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 2 });
  lab.pass(5 * SECOND_US);
  const again = peer.takeAll();
  assert(again.length > 0 && again.every(({ flags, seq }) => flags === "FIN ACK" && seq === 1));
  peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.state, "CLOSED");
});

Deno.test("every second full-sized segment is acknowledged at once (SHLD-19), or every second of any size", () => {
  for (const ackEverySecond of ["full-sized", "any"] as const) {
    const { lab, peer } = reachEstablished({ tcp: { quickAcks: 0, ackEverySecond } });
    for (let i = 0; i < 6; i++) {
      peer.sends({ flags: "ACK", seq: 1 + 10 * i, ack: 1, data: 10 });
      if (i % 2 === 1 && ackEverySecond === "any") peer.expects({ flags: "ACK", ack: 11 + 10 * i });
      peer.expectsSilence();
    }
    lab.pass(SECOND_US);
    assertEquals(peer.takeAll().length, ackEverySecond === "any" ? 0 : 1);
  }
});

Deno.test("a slop is added to every time-out but the first, and not doubled with it (RFC 6298 §5.5)", () => {
  for (const [rtoSlopUs, times] of [[0, [1, 2, 4]], [200_000, [1, 2.2, 4.2]]] as const) {
    const { lab, peer } = reachSynSent({ tcp: { rtoSlopUs } });
    for (const seconds of times) {
      peer.mark();
      lab.pass(Math.round(seconds * SECOND_US));
      peer.expects({ flags: "SYN", seq: 0, afterUs: seconds * SECOND_US });
    }
  }
});

Deno.test("a slop is added to what has been measured (RFC 6298 §2.3)", () => {
  const rto = [0, 200_000].map((rtoSlopUs) => {
    const lab = new Lab({ tcp: { rtoSlopUs, rtoMinUs: 30_000 } });
    const apps = lab.listen();
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    lab.pass(100 * MS_US);
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    return apps[0].connection.info().rtoUs;
  });
  assertEquals(rto, [300_000, 500_000]);
});

Deno.test("a time-out lies beyond the smoothed round trip by the grain of the clock, or by more where that is set (RFC 6298 §2.3)", () => {
  const rto = [1000, 200_000].map((rtoVarianceMinUs) => {
    const lab = new Lab({ tcp: { rtoVarianceMinUs, rtoMinUs: 1000 } });
    const apps = lab.listen();
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    lab.pass(20 * MS_US);
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    return apps[0].connection.info().rtoUs;
  });
  // SRTT 20 ms, and 4 * RTTVAR is 40 ms.
  assertEquals(rto, [60_000, 220_000]);
});

Deno.test("slow start grows by eight segments an ACK at the most, by two, or by all (RFC 9406, RFC 3465)", () => {
  const grown = [8, 2, Infinity].map((slowStartSegments) => {
    const { lab, peer, app } = reachEstablished({ options: ALL_OPTIONS, tcp: { slowStartSegments } });
    app.write(200_000);
    const { cwnd } = app.connection.info();
    lab.pass(MS_US);
    const sent = peer.takeAll();
    const last = sent[sent.length - 1];
    peer.sends({ flags: "ACK", seq: 1, ack: last.seq + last.data.length });
    return Math.round((app.connection.info().cwnd - cwnd) / 1448);
  });
  assertEquals(grown, [8, 2, 10]);
});

Deno.test("after idleness the window is the initial one, or stays (RFC 5681 §4.1)", () => {
  for (const restartAfterIdle of [true, false]) {
    const { lab, peer, app } = reachEstablished({ options: ALL_OPTIONS, tcp: { restartAfterIdle } });
    const initial = app.connection.info().cwnd;
    app.write(initial);
    lab.pass(20 * MS_US);
    for (const { seq, data } of peer.takeAll()) {
      peer.sends({ flags: "ACK", seq: 1, ack: seq + data.length });
    }
    const grown = app.connection.info().cwnd;
    assert(grown > initial);
    lab.pass(10 * SECOND_US);
    app.write(100);
    assertEquals(app.connection.info().cwnd, restartAfterIdle ? initial : grown);
  }
});

Deno.test("ACKs at once end when they are used up, or with text that answers the peer's", () => {
  for (const quickAcksEnd of ["counted", "replying"] as const) {
    const { lab, peer, app } = reachEstablished({ tcp: { quickAcks: 10, quickAcksEnd } });
    // Text long before the peer has said anything answers nothing.
    app.write("hello");
    peer.expects({ flags: "ACK", seq: 1, data: "hello" });
    lab.pass(MS_US);
    peer.sends({ flags: "ACK", seq: 1, ack: 6, data: "ask" });
    peer.expects({ flags: "ACK", seq: 6, ack: 4 });
    app.write("say");
    peer.expects({ flags: "ACK", seq: 6, ack: 4, data: "say" });
    lab.pass(SECOND_US);
    peer.takeAll();
    peer.sends({ flags: "ACK", seq: 4, ack: 9, data: "more" });
    if (quickAcksEnd === "counted") {
      peer.expects({ flags: "ACK", seq: 9, ack: 8 });
    } else {
      peer.expectsSilence();
      lab.pass(40 * MS_US);
      peer.expects({ flags: "ACK", seq: 9, ack: 8 });
    }
    peer.expectsSilence();
  }
});
