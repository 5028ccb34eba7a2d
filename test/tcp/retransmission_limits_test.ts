/**
 * How long a connection tries (RFC 9293 §3.8.3): R1 by the count of retransmissions, R2 by the clock, SYN and SYN-ACK by
 * bounds of their own; and which RTO the handshake leaves behind (RFC 6298 §5.7).
 */
import { assertEquals } from "@std/assert";
import { MS_US, SACK_OPTIONS, STAMPED_OPTIONS } from "./bulk_sender.ts";
import type { OptionValues } from "./frame_craft.ts";
import { type Fixture, type FixtureOptions, reachEstablished, reachSynRcvd, reachSynSent } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** Runs to the next deadline of the host and over it. */
function step({ lab }: Fixture): void {
  lab.passUntil(lab.host.nextDeadlineUs());
}

/** Goes on until so many segments have left. */
function untilSent(fixture: Fixture, count: number): void {
  for (let sent = 0; sent < count;) {
    step(fixture);
    sent += fixture.peer.takeAll().length;
  }
}

for (let r1 = 1; r1 <= 5; r1++) {
  Deno.test(`R1 of ${r1}: the application is told when retransmission ${r1} has gone unanswered, once (MUST-20, SHLD-9, SHLD-10)`, () => {
    const fixture = reachEstablished({ tcp: { r1Retransmissions: r1, r2Us: 3000 * SECOND_US } });
    const { peer, app } = fixture;
    app.write("text");
    assertEquals(peer.takeAll().length, 1);
    untilSent(fixture, r1);
    assertEquals(app.advice, [], `${r1} retransmissions have left`);
    untilSent(fixture, 1);
    assertEquals(app.advice.length, 1);
    untilSent(fixture, 3);
    assertEquals(app.advice.length, 1, "told once");
    // An answer, and then silence again: told again, after as many.
    peer.sends({ flags: "ACK", seq: 1, ack: 5 });
    app.write("more");
    assertEquals(peer.takeAll().length, 1);
    untilSent(fixture, r1);
    assertEquals(app.advice.length, 1);
    untilSent(fixture, 1);
    assertEquals(app.advice.length, 2);
    assertEquals(app.closed, []);
  });

  Deno.test(`R1 of ${r1} for a SYN (MUST-20, MUST-22, SHLD-9)`, () => {
    const fixture = reachSynSent({ tcp: { r1Retransmissions: r1 } });
    const { app } = fixture;
    untilSent(fixture, r1);
    assertEquals(app.advice, []);
    untilSent(fixture, 1);
    assertEquals(app.advice.length, 1);
    untilSent(fixture, 1);
    assertEquals([app.advice.length, app.state], [1, "SYN_SENT"]);
  });
}

Deno.test("R2 closes so long after the text left, to the microsecond, whenever the last timer ran (MUST-20, MUST-21, SHLD-11)", () => {
  for (const r2Us of [5 * SECOND_US, 100 * SECOND_US, 123_456_789, 300 * SECOND_US]) {
    for (const options of [{ mss: 1460 }, SACK_OPTIONS]) {
      const { lab, peer, app } = reachEstablished({ options, tcp: { r2Us } });
      lab.pass(77_777);
      app.write("text");
      lab.pass(r2Us - 1);
      assertEquals([app.state, app.closed], ["ESTABLISHED", []]);
      lab.takeTransitions();
      peer.takeAll();
      lab.pass(1);
      assertEquals([app.closed, lab.takeTransitions()], [["timeout"], ["ESTABLISHED>CLOSED"]]);
      lab.pass(1000 * SECOND_US);
      peer.expectsSilence();
    }
  }
});

Deno.test("R2 that is set while text waits counts from the same moment (MUST-21)", () => {
  const { lab, app } = reachEstablished();
  app.write("text");
  lab.pass(3 * SECOND_US);
  app.connection.setUserTimeout(20 * SECOND_US);
  lab.pass(16 * SECOND_US);
  assertEquals(app.closed, []);
  lab.pass(60 * SECOND_US);
  assertEquals(app.closed, ["timeout"]);
});

Deno.test("R2 in every state in which something of ours is out (MUST-20)", () => {
  const FROM = { ESTABLISHED: "text", FIN_WAIT_1: "close", CLOSE_WAIT: "text", LAST_ACK: "close" } as const;
  for (const [state, what] of Object.entries(FROM)) {
    const fixture = reachEstablished({ tcp: { r2Us: 10 * SECOND_US } });
    const { lab, peer, app } = fixture;
    if (state === "CLOSE_WAIT" || state === "LAST_ACK") peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
    if (what === "text") app.write("text");
    else app.closeWrite();
    assertEquals(app.state, state);
    lab.pass(10 * SECOND_US - 1);
    lab.takeTransitions();
    assertEquals(app.closed, []);
    lab.pass(1);
    assertEquals([app.closed, lab.takeTransitions()], [["timeout"], [`${state}>CLOSED`]]);
  }
});

Deno.test("R2 of a FIN whose application has gone, to the microsecond (MUST-20, SHLD-11)", () => {
  for (const orphanR2Us of [100 * SECOND_US, 123_456_789]) {
    const { lab, app } = reachEstablished({ tcp: { orphanR2Us } });
    app.close();
    lab.pass(orphanR2Us - 1);
    assertEquals([app.state, app.closed], ["FIN_WAIT_1", []]);
    lab.pass(1);
    assertEquals(app.closed, ["timeout"]);
  }
});

Deno.test("R2 of window probes that nobody answers, to the microsecond from the first of them (MUST-20)", () => {
  const r2Us = 10 * SECOND_US;
  const fixture = reachEstablished({ tcp: { r2Us } });
  const { lab, peer, app } = fixture;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0 });
  app.write("text");
  untilSent(fixture, 1);
  lab.pass(r2Us - 1);
  assertEquals([app.state, app.closed], ["ESTABLISHED", []]);
  lab.pass(1);
  assertEquals(app.closed, ["timeout"]);
});

Deno.test("a SYN is given up so long after OPEN, to the microsecond (MUST-22, MUST-23)", () => {
  for (const synR2Us of [180 * SECOND_US, 200 * SECOND_US]) {
    const { lab, peer, app } = reachSynSent({ tcp: { synR2Us, r2Us: 5 * SECOND_US } });
    const openedUs = lab.nowUs;
    lab.passUntil(openedUs + synR2Us - 1);
    assertEquals([app.state, app.closed], ["SYN_SENT", []]);
    lab.takeTransitions();
    peer.takeAll();
    lab.pass(1);
    assertEquals([app.closed, lab.takeTransitions()], [["timeout"], ["SYN_SENT>CLOSED"]]);
    lab.pass(1000 * SECOND_US);
    peer.expectsSilence();
  }
});

Deno.test("a SYN-ACK is sent again so many times, doubling from 1 s, and forgotten (MUST-22)", () => {
  for (const synAckRetransmissions of [0, 1, 3, 5]) {
    const fixture = reachSynRcvd({ tcp: { synAckRetransmissions } });
    const { lab, peer, app } = fixture;
    peer.mark();
    for (let i = 0; i < synAckRetransmissions; i++) {
      lab.pass(2 ** i * SECOND_US - 1);
      peer.expectsSilence();
      lab.pass(1);
      peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    }
    lab.pass(2 ** synAckRetransmissions * SECOND_US - 1);
    assertEquals(app.closed, []);
    lab.pass(1);
    assertEquals(app.closed, ["timeout"]);
    peer.expectsSilence();
  }
});

// RFC 6298 §5.7: the RTO of 3 s

interface Handshake {
  readonly role: "server" | "client";
  readonly options: OptionValues;
  readonly isLost: boolean;
}

/** ESTABLISHED after a round trip of 100 ms, the first SYN or SYN-ACK lost or not; what the RTO is then. */
function rtoAfter({ role, options, isLost }: Handshake): number {
  const how: FixtureOptions = { role, options };
  const fixture = role === "client" ? reachSynSent(how) : reachSynRcvd(how);
  const { lab, peer, app } = fixture;
  if (isLost) {
    lab.pass(SECOND_US);
    peer.expects({ flags: role === "client" ? "SYN" : "SYN ACK", seq: 0 });
  }
  lab.pass(100 * MS_US);
  const isStamped = options.timestamps !== undefined;
  peer.timestamps = isStamped;
  if (role === "client") {
    const stamps = isStamped ? { timestamps: { value: peer.clock, echo: peer.hostTimestamp } } : {};
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { ...options, ...stamps } });
  } else {
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  }
  assertEquals(app.state, "ESTABLISHED");
  return app.connection.info().rtoUs;
}

for (const role of ["server", "client"] as const) {
  Deno.test(`${role}: the RTO is 3 s after a lost SYN whose round trip is not known, else the measured one (MUST-18, RFC 6298 §2.2, §5.7)`, () => {
    assertEquals(rtoAfter({ role, options: SACK_OPTIONS, isLost: true }), 3 * SECOND_US);
    assertEquals(rtoAfter({ role, options: SACK_OPTIONS, isLost: false }), 300 * MS_US);
    assertEquals(rtoAfter({ role, options: STAMPED_OPTIONS, isLost: false }), 300 * MS_US);
    // RFC 7323 §4.1: the echo tells which SYN was answered.
    assertEquals(rtoAfter({ role, options: STAMPED_OPTIONS, isLost: true }), 300 * MS_US);
  });
}

Deno.test("after a lost SYN the first measurement replaces the 3 s (RFC 6298 §2.2)", () => {
  const { lab, peer, app } = reachSynRcvd({ options: SACK_OPTIONS });
  lab.pass(SECOND_US + 100 * MS_US);
  peer.expects({ flags: "SYN ACK", seq: 0 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  app.write("text");
  peer.expects({ flags: "ACK", seq: 1, data: "text" });
  lab.pass(100 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 5 });
  assertEquals(app.connection.info().rtoUs, 300 * MS_US);
});
