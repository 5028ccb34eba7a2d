/**
 * What is refused, segment by segment, each in a connection of its own (RFC 9293 §3.10.7.4, first to fifth; RFC 5961): one
 * answer or none, and nothing else changes. Every case here is run; what would be acceptable has its own expectation.
 */
import { assertEquals } from "@std/assert";
import { PLAIN_OPTIONS } from "./bulk_sender.ts";
import { type Fixture, REACH, reachEstablished, reachTimeWait } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** Figures of a connection that a refused segment must leave alone. */
function figures({ app }: Fixture): unknown {
  const { sndUna, sndNxt, sndWnd, rcvNxt, cwnd, dup, unsent } = {
    ...app.connection.info(),
    dup: app.urgent.length,
  };
  return [app.state, sndUna, sndNxt, sndWnd, rcvNxt, cwnd, dup, unsent, app.text, app.peerClosed, app.closed];
}

interface Refusal {
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly data: string;
  readonly answers: number;
}

function refuses(fixture: Fixture, { flags, seq, ack, data, answers }: Refusal): void {
  const { lab, peer } = fixture;
  const { next, seen } = peer;
  const before = figures(fixture);
  peer.sends({ flags, seq, ack, data, window: 77, urgentPointer: 3 });
  for (let i = 0; i < answers; i++) peer.expects({ flags: "ACK", seq: seen, ack: next });
  peer.expectsSilence();
  assertEquals(figures(fixture), before);
  lab.pass(10 * SECOND_US);
  peer.expectsSilence();
}

/** Text and flags that end one octet before RCV.NXT, or lie further back: all old. */
const OLD = [
  { seq: -3, data: "abcd" },
  { seq: -4, data: "abcd" },
  { seq: -1, data: "" },
  { seq: -70_000, data: "abcd" },
];

for (const { seq, data } of OLD) {
  for (const flags of ["ACK", "PSH ACK", "URG ACK", ""]) {
    Deno.test(`ESTABLISHED: <${flags}> at ${seq} with "${data}" lies before RCV.NXT: one ACK, nothing taken (RFC 9293 §3.10.7.4, first)`, () => {
      refuses(reachEstablished(), { flags, seq, ack: 1, data, answers: 1 });
    });
  }
  for (const flags of ["SYN", "SYN ACK", "FIN ACK"]) {
    // FIN and SYN are an octet more: they lie before the text, so that the whole ends where the text alone did.
    Deno.test(`ESTABLISHED: <${flags}> at ${seq - 1} with "${data}" lies before RCV.NXT: one ACK, nothing taken (RFC 9293 §3.10.7.4, first)`, () => {
      refuses(reachEstablished(), { flags, seq: seq - 1, ack: 1, data, answers: 1 });
    });
  }
  for (const flags of ["RST", "RST ACK"]) {
    Deno.test(`ESTABLISHED: <${flags}> at ${seq} with "${data}": silence (RFC 5961 §3.2)`, () => {
      refuses(reachEstablished(), { flags, seq, ack: 1, data, answers: 0 });
    });
  }
}

Deno.test("ESTABLISHED: old text with a FIN whose number is RCV.NXT is a FIN, not old (RFC 9293 §3.10.7.4, eighth)", () => {
  const { peer, app } = reachEstablished();
  peer.sends({ flags: "FIN ACK", seq: -3, ack: 1, data: "abcd" });
  peer.expects({ flags: "ACK", seq: 1, ack: 2 });
  peer.expectsSilence();
  assertEquals([app.state, app.text], ["CLOSE_WAIT", ""]);
});

Deno.test("ESTABLISHED: text up to RCV.NXT and one octet more: the octet is taken (RFC 9293 §3.10.7.4, first)", () => {
  const { lab, peer, app } = reachEstablished();
  peer.sends({ flags: "ACK", seq: -2, ack: 1, data: "abcd" });
  lab.pass(SECOND_US);
  peer.expects({ flags: "ACK", seq: 1, ack: 2 });
  assertEquals(app.text, "d");
});

Deno.test("TIME_WAIT: a SYN before RCV.NXT gets one ACK, not a RST, and opens nothing (RFC 5961 §4.2, RFC 9293 §3.10.7.4, fourth)", () => {
  for (const seq of [1, 0, -9, -70_000]) {
    const fixture = reachTimeWait();
    const { lab, peer, app } = fixture;
    lab.takeTransitions();
    peer.sends({ flags: "SYN", seq });
    peer.expects({ flags: "ACK", seq: 2, ack: 2 });
    peer.expectsSilence();
    assertEquals([app.state, lab.takeTransitions()], ["TIME_WAIT", []]);
  }
});

// The ACK field

Deno.test("an ACK of what was never sent gets one ACK and counts for nothing, by one octet (RFC 9293 §3.10.7.4, fifth)", () => {
  const fixture = reachEstablished();
  const { peer, app } = fixture;
  app.write("abc");
  peer.takeAll();
  const before = figures(fixture);
  peer.sends({ flags: "ACK", seq: 1, ack: 5, data: "text", window: 9 });
  peer.expects({ flags: "ACK", seq: 4, ack: 1 });
  peer.expectsSilence();
  assertEquals(figures(fixture), before);
  peer.sends({ flags: "ACK", seq: 1, ack: 4, window: 9 });
  assertEquals([app.connection.unackedBytes, app.connection.info().sndWnd], [0, 9]);
});

Deno.test("an ACK older than the largest window is dropped with an ACK, at the edge it is taken (MAY-12, RFC 5961 §5.2)", () => {
  for (const [older, isTaken] of [[1000, true], [1001, false]] as const) {
    const fixture = reachEstablished({ peer: { window: 1000 } });
    const { peer, app } = fixture;
    for (let ack = 1; ack < 3001; ack += 1000) {
      app.write(1000);
      peer.takeAll();
      peer.sends({ flags: "ACK", seq: 1, ack: ack + 1000, window: 1000 });
    }
    peer.sends({ flags: "ACK", seq: 1, ack: 3001 - older, data: "text", window: 1000 });
    assertEquals(app.text, isTaken ? "text" : "");
    assertEquals(peer.takeAll().map(({ flags, ack }) => [flags, ack]), [["ACK", isTaken ? 5 : 1]]);
  }
});

Deno.test("the window is taken from a segment that is as new as the last, not from an older one (RFC 9293 §3.10.7.4, fifth)", () => {
  const { peer, app } = reachEstablished({ options: PLAIN_OPTIONS, tcp: { quickAcks: 1000 } });
  const window = () => app.connection.info().sndWnd / 128;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 10, window: 100 });
  assertEquals(window(), 100);
  app.write(50);
  // The same number and the same ACK; then the same number and a newer ACK.
  peer.sends({ flags: "ACK", seq: 11, ack: 1, window: 200 });
  peer.sends({ flags: "ACK", seq: 11, ack: 1, window: 150 });
  assertEquals(window(), 150);
  peer.sends({ flags: "ACK", seq: 11, ack: 21, window: 300 });
  assertEquals(window(), 300);
  // An older ACK with the same number: late.
  peer.sends({ flags: "ACK", seq: 11, ack: 11, window: 400 });
  assertEquals(window(), 300);
  // A newer number with the same ACK.
  peer.sends({ flags: "ACK", seq: 11, ack: 21, data: 10, window: 500 });
  peer.sends({ flags: "ACK", seq: 21, ack: 21, window: 600 });
  assertEquals(window(), 600);
});

// CLOSE and ABORT

Deno.test("FIN_WAIT_2 ends so long after the application has gone, to the microsecond; while it reads, it lasts (finWait2Us)", () => {
  for (const isIn of [true, false]) {
    const { lab, peer, app } = reachEstablished({ tcp: { finWait2Us: 7 * SECOND_US } });
    // Gone before FIN_WAIT_2 or in it.
    if (isIn) app.closeWrite();
    else app.close();
    peer.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
    lab.pass(100_000);
    peer.sends({ flags: "ACK", seq: 1, ack: 2 });
    assertEquals(app.state, "FIN_WAIT_2");
    if (isIn) {
      lab.pass(1000 * SECOND_US);
      assertEquals([app.state, app.connection.info().timers], ["FIN_WAIT_2", {}]);
      app.close();
    }
    assertEquals(app.connection.info().timers, { "fin-wait-2": 7 * SECOND_US });
    lab.pass(7 * SECOND_US - 1);
    assertEquals(app.closed, []);
    lab.pass(1);
    assertEquals(app.closed, ["timeout"]);
    peer.expectsSilence();
  }
});

Deno.test("an application that goes while its text waits: no end of FIN_WAIT_2 before there is one (RFC 9293 §3.10.4)", () => {
  const { lab, peer, app } = reachEstablished({ tcp: { finWait2Us: 7 * SECOND_US }, peer: { window: 0 } });
  app.write("text");
  app.close();
  assertEquals(app.connection.info().timers["fin-wait-2"], undefined);
  lab.pass(60 * SECOND_US);
  peer.takeAll();
  assertEquals([app.state, app.closed], ["ESTABLISHED", []]);
});

const ABORTS = {
  SYN_SENT: { answers: 0, reason: "reset-by-us" },
  SYN_RCVD: { answers: 1, reason: "reset-by-us" },
  ESTABLISHED: { answers: 1, reason: "reset-by-us" },
  FIN_WAIT_1: { answers: 1, reason: "reset-by-us" },
  FIN_WAIT_2: { answers: 1, reason: "reset-by-us" },
  CLOSE_WAIT: { answers: 1, reason: "reset-by-us" },
  CLOSING: { answers: 0, reason: "normal" },
  LAST_ACK: { answers: 0, reason: "normal" },
  TIME_WAIT: { answers: 0, reason: "normal" },
} as const;

for (
  const state of [
    "SYN_SENT",
    "SYN_RCVD",
    "ESTABLISHED",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "CLOSE_WAIT",
    "CLOSING",
    "LAST_ACK",
    "TIME_WAIT",
  ] as const
) {
  const { answers, reason } = ABORTS[state];
  Deno.test(`ABORT in ${state}: ${answers === 0 ? "silence" : "one RST at SND.NXT"}, and all is forgotten (RFC 9293 §3.10.5)`, () => {
    const { lab, peer, app } = REACH[state]();
    const { next, seen } = peer;
    lab.takeTransitions();
    app.abort();
    if (answers > 0) peer.expects({ flags: "RST ACK", seq: seen, ack: next, window: 0 });
    peer.expectsSilence();
    assertEquals([app.closed, lab.takeTransitions()], [[reason], [`${state}>CLOSED`]]);
    assertEquals(lab.host.connections().length, 0);
    app.abort();
    lab.pass(400 * SECOND_US);
    peer.expectsSilence();
    assertEquals(app.closed, [reason], "told once");
  });

  Deno.test(`CLOSE a second time in ${state} changes nothing (RFC 9293 §3.10.4)`, () => {
    const { lab, peer, app } = REACH[state]();
    app.closeWrite();
    peer.takeAll();
    lab.takeTransitions();
    app.closeWrite();
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), []);
  });
}
