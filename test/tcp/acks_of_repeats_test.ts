/**
 * What a segment says that repeats what is here already: where it ends at RCV.NXT, its ACK and window fields count
 * (RFC 9293 §3.10.7.4, first, fifth; as Linux and lwIP). Some peers never acknowledge otherwise.
 */
import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { bytesOf } from "./app_log.ts";
import type { Peer, PeerSegment } from "./peer.ts";
import { ALL_OPTIONS, type Fixture, type FixtureOptions, reachClosing, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const MS_US = 1000;

/** Established; 100 octets of the peer's text are here and acknowledged. */
function heard(options: FixtureOptions = {}): Fixture {
  const fixture = reachEstablished(options);
  const { lab, peer } = fixture;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  lab.pass(SECOND_US);
  peer.expects({ flags: "ACK", seq: 1, ack: 101 });
  peer.expectsSilence();
  return fixture;
}

/** Repeats that end at RCV.NXT = 101. */
const REPEATS: Readonly<Record<string, PeerSegment>> = {
  "the whole text again": { flags: "ACK", seq: 1, data: 100 },
  "the second half again": { flags: "ACK", seq: 51, data: 50 },
  "the last octet again": { flags: "ACK", seq: 100, data: bytesOf(1, 99) },
  "one octet of garbage at the last number": { flags: "ACK", seq: 100, data: "?" },
};

for (const [name, segment] of Object.entries(REPEATS)) {
  for (const options of [undefined, ALL_OPTIONS]) {
    const given = options === undefined ? {} : { options };
    const title = `${name} (${options === undefined ? "no options" : "all options"})`;

    Deno.test(`${title}: its ACK counts, nothing is sent again (RFC 9293 §3.10.7.4, fifth)`, () => {
      const { lab, peer, app } = heard(given);
      app.write("answer");
      peer.expects({ flags: "ACK", seq: 1, ack: 101, data: "answer" });
      peer.sends({ ...segment, ack: 7 });
      assertEquals(app.connection.unackedBytes, 0);
      peer.expects({ flags: "ACK", seq: 7, ack: 101 });
      lab.pass(60 * SECOND_US);
      peer.expectsSilence();
      assertEquals(app.bytesRead, bytesOf(100), "what is here stays as it was");
    });

    Deno.test(`${title}: its window counts (RFC 9293 §3.10.7.4, fifth)`, () => {
      const shift = options === undefined ? 0 : 7;
      const { lab, peer, app } = heard({ ...given, peer: { window: 1000 >> shift } });
      lab.user(() => app.connection.setNoDelay(true));
      app.write(5000);
      const first = peer.takeAll().reduce((sum, { data }) => sum + data.length, 0);
      assertGreater(first, 0);
      assertLess(first, 1001);
      peer.sends({ ...segment, ack: 1 + first, window: 8000 >> shift });
      const rest = peer.takeAll().reduce((sum, { data }) => sum + data.length, 0);
      assertEquals(first + rest, 5000, "all that waited leaves at once");
    });
  }

  Deno.test(`${name}, five times with data in flight: no duplicate ACKs (RFC 5681 §2)`, () => {
    const { peer, app } = heard();
    app.write(5840);
    assertEquals(peer.takeAll().length, 4);
    const { cwnd } = app.connection.info();
    for (let i = 0; i < 5; i++) {
      peer.sends({ ...segment, ack: 1 });
      for (const { data } of peer.takeAll()) assertEquals(data.length, 0, "answers, nothing sent again");
    }
    assertEquals([app.connection.info().recovery, app.connection.info().cwnd], ["open", cwnd]);
  });

  Deno.test(`${name}, with an ACK of what was never sent: that does not count (RFC 9293 §3.10.7.4, fifth)`, () => {
    const { lab, peer, app } = heard();
    app.write("answer");
    peer.takeAll();
    peer.sends({ ...segment, ack: 8 });
    const [answer, ...others] = peer.takeAll();
    assertEquals([answer.flags, answer.ack, answer.data.length, others.length], ["ACK", 101, 0, 0]);
    assertEquals(app.connection.unackedBytes, 6);
    lab.pass(SECOND_US);
    assertEquals(peer.takeAll()[0].seq, 1, "sent again in its time");
  });
}

Deno.test("older repeats, which end before RCV.NXT, draw an ACK and nothing more (RFC 9293 §3.10.7.4, first)", () => {
  for (const older of [{ seq: 1, data: 99 }, { seq: 1, data: 1 }, { seq: -50, data: 20 }, { seq: 100 }]) {
    const { lab, peer, app } = heard({ peer: { window: 1000 } });
    app.write("answer");
    peer.takeAll();
    peer.sends({ flags: "ACK", ack: 7, window: 9000, ...older });
    peer.expects({ flags: "ACK", seq: 7, ack: 101 });
    peer.expectsSilence();
    assertEquals([app.connection.unackedBytes, app.connection.info().sndWnd], [6, 1000]);
    lab.pass(SECOND_US);
    assertEquals(peer.takeAll()[0].seq, 1, "sent again in its time");
  }
});

// FIN again

/** The peer has sent 100 octets and FIN: RCV.NXT is 102. */
function heardAll(): Fixture {
  const fixture = heard();
  const { peer, app } = fixture;
  peer.sends({ flags: "FIN ACK", seq: 101, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 102 });
  peer.expectsSilence();
  assertEquals(app.state, "CLOSE_WAIT");
  return fixture;
}

Deno.test("CLOSE_WAIT: the ACK of a repeated FIN counts, with or without text before it (RFC 9293 §3.10.7.4, fifth, eighth)", () => {
  for (const [seq, data] of [[101, 0], [51, 50], [1, 100]]) {
    const { lab, peer, app } = heardAll();
    app.write("answer");
    peer.expects({ flags: "ACK", seq: 1, ack: 102, data: "answer" });
    peer.sends({ flags: "FIN ACK", seq, ack: 7, data });
    peer.expects({ flags: "ACK", seq: 7, ack: 102 });
    assertEquals([app.connection.unackedBytes, app.peerClosed], [0, 1]);
    lab.pass(60 * SECOND_US);
    peer.expectsSilence();
  }
});

Deno.test("LAST_ACK: a repeated FIN that acknowledges ours ends the connection (RFC 9293 §3.10.7.4, fifth)", () => {
  const { lab, peer, app } = heardAll();
  app.closeWrite();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 102 });
  lab.takeTransitions();
  peer.sends({ flags: "FIN ACK", seq: 101, ack: 2 });
  assertEquals(lab.takeTransitions(), ["LAST_ACK>CLOSED"]);
  assertEquals(app.closed, ["normal"]);
  peer.takeAll();
  lab.pass(60 * SECOND_US);
  peer.expectsSilence();
});

Deno.test("CLOSING: a repeated FIN that acknowledges ours leads to TIME_WAIT (RFC 9293 §3.10.7.4, fifth)", () => {
  const { lab, peer } = reachClosing();
  lab.takeTransitions();
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
  assertEquals(lab.takeTransitions(), ["CLOSING>TIME_WAIT"]);
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  lab.pass(10 * SECOND_US);
  peer.expectsSilence();
});

Deno.test("FIN_WAIT_1: repeated text that acknowledges our FIN leads to FIN_WAIT_2 (RFC 9293 §3.10.7.4, fifth)", () => {
  const { lab, peer, app } = heard();
  app.closeWrite();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 101 });
  lab.takeTransitions();
  peer.sends({ flags: "ACK", seq: 1, ack: 2, data: 100 });
  assertEquals(lab.takeTransitions(), ["FIN_WAIT_1>FIN_WAIT_2"]);
  peer.expects({ flags: "ACK", seq: 2, ack: 101 });
  lab.pass(10 * SECOND_US);
  peer.expectsSilence();
});

// Peers that never acknowledge otherwise

/**
 * Takes `bytes` from the host, one acknowledgment for two segments, 10 ms later; returns how many octets were sent. The
 * window stays at 20,000: without the window of these segments the download stalls.
 */
function downloads(
  { lab, peer, app }: Fixture,
  bytes: number,
  acknowledge: (peer: Peer, ack: number) => void,
) {
  let sent = 0;
  let arrived = 1;
  app.write(bytes);
  for (let rounds = 0; app.connection.unackedBytes > 0; rounds++) {
    assert(rounds < 1000, `stalled after ${arrived} octets`);
    const seen = peer.takeAll().filter(({ data }) => data.length > 0);
    sent += seen.reduce((sum, { data }) => sum + data.length, 0);
    lab.pass(10 * MS_US);
    for (const [i, { seq, data }] of seen.entries()) {
      if (seq <= arrived) arrived = Math.max(arrived, seq + data.length);
      if (i % 2 === 1 || i === seen.length - 1) acknowledge(peer, arrived);
    }
  }
  return sent;
}

const STUBBORN: Readonly<Record<string, (ack: number) => PeerSegment>> = {
  "sets FIN on every ACK": (ack) => ({ flags: "FIN ACK", seq: 101, ack }),
  "repeats its last text and FIN": (ack) => ({ flags: "FIN ACK", seq: 51, data: 50, ack }),
};

for (const [name, acknowledgment] of Object.entries(STUBBORN)) {
  Deno.test(`a peer that ${name} gets its download, nothing twice, no time-out (RFC 9293 §3.10.7.4, fifth)`, () => {
    const fixture = heardAll();
    const { lab, peer, app } = fixture;
    peer.window = 20_000;
    const startUs = lab.nowUs;
    const sent = downloads(fixture, 300_000, (to, ack) => to.sends(acknowledgment(ack)));
    assertEquals(sent, 300_000, "each octet once");
    assertLess(lab.nowUs - startUs, 3 * SECOND_US);
    assertEquals(lab.events.filter(({ event }) => event === "retransmit"), []);
    assertEquals(app.state, "CLOSE_WAIT");
  });
}

Deno.test("a peer that acknowledges by repeating its last octet gets its download (RFC 9293 §3.10.7.4, fifth)", () => {
  const fixture = heard({ options: ALL_OPTIONS });
  const { lab, peer } = fixture;
  const sent = downloads(
    fixture,
    300_000,
    (to, ack) => to.sends({ flags: "ACK", seq: 100, ack, data: "?", window: 0x400 }),
  );
  assertEquals(sent, 300_000, "each octet once");
  assertEquals(lab.events.filter(({ event }) => event === "retransmit"), []);
  peer.takeAll();
});
