/**
 * Probing a window that is shut (RFC 9293 §3.8.6.1): how much a probe carries, when it leaves, what its answer changes,
 * and the override of silly-window avoidance (§3.8.6.2.1).
 */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { MS_US, PLAIN_OPTIONS, SACK_OPTIONS, STAMPED_OPTIONS } from "./bulk_sender.ts";
import type { OptionValues } from "./frame_craft.ts";
import type { Seen } from "./peer.ts";
import { type Fixture, type FixtureOptions, REACH, reachSynRcvd } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const KINDS: readonly (readonly [name: string, options: OptionValues])[] = [
  ["no options", { mss: 1460 }],
  ["SACK", SACK_OPTIONS],
  ["timestamps", STAMPED_OPTIONS],
];

/** ESTABLISHED after a round trip of so many milliseconds, with this window; with 100 ms the RTO is 300 ms. */
function measured(window: number, rttMs: number, options: FixtureOptions = {}): Fixture {
  const fixture = reachSynRcvd({ ...options, peer: { window, ...options.peer } });
  const { lab, peer, app } = fixture;
  peer.timestamps = options.options?.timestamps !== undefined;
  lab.pass(rttMs * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  assertEquals(app.state, "ESTABLISHED");
  return fixture;
}

/** The peer's window is shut from the beginning. */
function shut(options: FixtureOptions = {}): Fixture {
  return measured(0, 100, options);
}

function rto({ app }: Fixture): number {
  return app.connection.info().rtoUs;
}

/** The next segment that leaves within `us`, and when. */
function next({ lab, peer }: Fixture, us: number): { seen: Seen; afterUs: number } {
  const startUs = lab.nowUs;
  const endUs = startUs + us;
  while (lab.nowUs < endUs) {
    lab.passUntil(Math.min(endUs, Math.max(lab.nowUs + 1, lab.host.nextDeadlineUs())));
    const all = peer.takeAll();
    if (all.length === 0) continue;
    assertEquals(all.length, 1, "one segment at a time");
    return { seen: all[0], afterUs: all[0].atUs - startUs };
  }
  throw new Error(`nothing left within ${us} us`);
}

function near(us: number, wantedUs: number): void {
  assert(Math.abs(us - wantedUs) <= 2 * MS_US, `after ${us} us instead of ${wantedUs}`);
}

for (const [name, options] of KINDS) {
  Deno.test(`a window probe carries one octet of what waits, each time, ${name} (MUST-36, RFC 9293 §3.8.6.1)`, () => {
    for (const waiting of [1, 2, 1459, 1460, 20_000]) {
      const fixture = shut({ options });
      const { peer, app } = fixture;
      app.write(waiting);
      peer.expectsSilence();
      for (let i = 0; i < 5; i++) {
        const { seen } = next(fixture, 60 * SECOND_US);
        assertEquals([seen.flags, seen.seq, seen.data.length], ["ACK", 1, 1]);
      }
      assertEquals(app.connection.info().unsent, waiting - 1);
    }
  });

  Deno.test(`a window that shuts on text under way is probed with one octet of it, ${name} (MUST-35, SHLD-17, RFC 9293 §3.8.6)`, () => {
    const fixture = shut({ options });
    const { peer, app } = fixture;
    peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 100 });
    peer.expectsSilence();
    app.write(100);
    peer.expects({ flags: "ACK", seq: 1, data: 100 });
    peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0 });
    const cwnd = app.connection.info().cwnd;
    for (let i = 0; i < 4; i++) {
      const { seen } = next(fixture, 60 * SECOND_US);
      // The first may be the tail loss probe, which repeats what is under way.
      if (i > 0 || seen.data.length !== 100) assertEquals([seen.seq, seen.data.length], [1, 1]);
    }
    assertEquals(app.connection.info().cwnd, cwnd, "probing is no sign of congestion");
  });
}

Deno.test("probes come after one RTO, then at doubled distances up to a minute, also when each is answered (SHLD-29, SHLD-30, MUST-37)", () => {
  for (const isAnswered of [false, true]) {
    const fixture = shut({ options: SACK_OPTIONS, tcp: { r2Us: 1000 * SECOND_US } });
    const { peer, app } = fixture;
    let wantedUs = rto(fixture);
    app.write(5000);
    for (let i = 0; i < 10; i++) {
      const { seen, afterUs } = next(fixture, 100 * SECOND_US);
      assertEquals([seen.seq, seen.data.length], [1, 1]);
      near(afterUs, Math.min(wantedUs, 60 * SECOND_US));
      wantedUs *= 2;
      if (isAnswered) peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0 });
      peer.expectsSilence();
    }
    assertEquals(app.connection.info().retransmits, 0, "a probe is no retransmission");
  }
});

Deno.test("an RTO of more than a second is waited for, too: the bounds of the override are not those of a probe (SHLD-29)", () => {
  for (const [rttMs, rtoMs] of [[600, 1800], [20, 200]]) {
    const fixture = measured(0, rttMs, { options: SACK_OPTIONS });
    fixture.app.write(5000);
    near(next(fixture, 60 * SECOND_US).afterUs, rtoMs * MS_US);
    near(next(fixture, 60 * SECOND_US).afterUs, 2 * rtoMs * MS_US);
  }
});

Deno.test("a window that opens and shuts again is probed after one RTO: the back-off begins anew (SHLD-29, SHLD-30)", () => {
  const fixture = shut({ options: SACK_OPTIONS });
  const { lab, peer, app } = fixture;
  app.write(6000);
  for (let i = 0; i < 4; i++) next(fixture, 60 * SECOND_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: Math.ceil(1460 / 128) });
  assertEquals(peer.takeAll().map(({ seq, data }) => [seq, data.length]), [[1, 1460]]);
  lab.pass(100 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 1461, window: 0 });
  const { seen, afterUs } = next(fixture, 60 * SECOND_US);
  assertEquals([seen.seq, seen.data.length], [1461, 1]);
  near(afterUs, rto(fixture));
  near(next(fixture, 60 * SECOND_US).afterUs, 2 * rto(fixture));
});

Deno.test("an octet that a probe brought over counts; the next probe carries the next one (MUST-36, MUST-37)", () => {
  for (const options of [PLAIN_OPTIONS, SACK_OPTIONS]) {
    const fixture = shut({ options });
    const { peer, app } = fixture;
    app.write(4);
    for (let octet = 0; octet < 4; octet++) {
      const { seen, afterUs } = next(fixture, 60 * SECOND_US);
      assertEquals([seen.seq, seen.data.length, seen.psh], [1 + octet, 1, false]);
      assertGreaterOrEqual(afterUs, 200 * MS_US);
      peer.sends({ flags: "ACK", seq: 1, ack: 2 + octet, window: 0 });
      peer.expectsSilence();
    }
    assertEquals([app.connection.unackedBytes, app.state], [0, "ESTABLISHED"]);
    fixture.lab.pass(100 * SECOND_US);
    peer.expectsSilence();
  }
});

Deno.test("a probe that was not taken goes with the rest when the window opens, in full segments (RFC 9293 §3.8.6.1)", () => {
  const fixture = shut({ options: SACK_OPTIONS });
  const { lab, peer, app } = fixture;
  app.write(3000);
  next(fixture, SECOND_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0xff });
  assertEquals(peer.takeAll().map(({ seq, data }) => [seq, data.length]), [[1, 1460], [1461, 1460], [
    2921,
    80,
  ]]);
  const { lostBytes, recovery, inFlight } = app.connection.info();
  assertEquals([lostBytes, recovery, inFlight], [0, "open", 3000]);
  lab.pass(100 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 3001, window: 0xff });
  lab.pass(100 * SECOND_US);
  peer.expectsSilence();
});

Deno.test("nothing waits: a shut window is not probed (RFC 9293 §3.8.6.1)", () => {
  const fixture = shut();
  fixture.lab.pass(1000 * SECOND_US);
  fixture.peer.expectsSilence();
  assertEquals(fixture.app.connection.info().timers, {});
});

Deno.test("a FIN behind a shut window is the probe: sent again as such, and it ends when it is taken (RFC 9293 §3.8.6.1)", () => {
  const fixture = shut({ options: SACK_OPTIONS });
  const { lab, peer, app } = fixture;
  app.closeWrite();
  peer.expectsSilence();
  assertEquals(app.state, "ESTABLISHED");
  near(probeOfFin(fixture), rto(fixture));
  assertEquals(app.state, "FIN_WAIT_1");
  near(probeOfFin(fixture), 2 * rto(fixture));
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0 });
  near(probeOfFin(fixture), 4 * rto(fixture));
  peer.sends({ flags: "ACK", seq: 1, ack: 2, window: 0 });
  assertEquals(app.state, "FIN_WAIT_2");
  lab.pass(1000 * SECOND_US);
  peer.expectsSilence();
});

function probeOfFin(fixture: Fixture): number {
  const { seen, afterUs } = next(fixture, 60 * SECOND_US);
  assertEquals([seen.flags, seen.seq, seen.data.length], ["FIN ACK", 1, 0]);
  return afterUs;
}

Deno.test("text and FIN behind a shut window: octet by octet, the FIN last (MUST-36)", () => {
  const fixture = shut({ options: SACK_OPTIONS });
  const { peer, app } = fixture;
  app.write("ab");
  app.closeWrite();
  for (const seq of [1, 2]) {
    const { seen } = next(fixture, 60 * SECOND_US);
    assertEquals([seen.flags, seen.seq, seen.data.length], ["ACK", seq, 1]);
    peer.sends({ flags: "ACK", seq: 1, ack: seq + 1, window: 0 });
  }
  const { seen } = next(fixture, 60 * SECOND_US);
  assertEquals([seen.flags, seen.seq], ["FIN ACK", 3]);
});

Deno.test("CLOSE_WAIT: what waits behind a shut window is probed there too (MUST-36)", () => {
  const fixture = REACH.CLOSE_WAIT({ peer: { window: 0 } });
  const { peer, app } = fixture;
  app.write("ab");
  peer.expectsSilence();
  const { seen } = next(fixture, 60 * SECOND_US);
  assertEquals([seen.flags, seen.seq, seen.data.length, seen.ack], ["ACK", 1, 1, 2]);
});

Deno.test("a window too small for a segment is filled after an RTO, of 0.1 to 1 s (MUST-38, RFC 9293 §3.8.6.2.1)", () => {
  for (
    const [rttMs, rtoMinMs, wantedMs] of [[1, 20, 100], [10, 200, 200], [100, 200, 300], [600, 200, 1000]]
  ) {
    const tcp = { noDelay: true, rtoMinUs: rtoMinMs * MS_US };
    const fixture = measured(2000, rttMs, { options: { mss: 1460 }, tcp });
    const { peer, app } = fixture;
    // 700 bytes are no full segment, not all that waits, and less than half of the largest window.
    peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 700 });
    app.write(5000);
    peer.expectsSilence();
    const { seen, afterUs } = next(fixture, 5 * SECOND_US);
    assertEquals([seen.seq, seen.data.length], [1, 700]);
    near(afterUs, wantedMs * MS_US);
    // It is no probe: unanswered it is sent again as any text is, whole.
    const again = next(fixture, 60 * SECOND_US);
    assertEquals([again.seen.seq, again.seen.data.length], [1, 700]);
    near(again.afterUs, rto(fixture) / 2);
  }
});

Deno.test("the override does not count as a probe: after it a shut window is probed after one RTO (SHLD-29)", () => {
  const fixture = measured(2000, 100, { options: SACK_OPTIONS, tcp: { noDelay: true } });
  const { lab, peer, app } = fixture;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 1 });
  app.write(5000);
  assertEquals(next(fixture, SECOND_US).seen.data.length, 128);
  lab.pass(100 * MS_US);
  peer.sends({ flags: "ACK", seq: 1, ack: 129, window: 0 });
  const { seen, afterUs } = next(fixture, 60 * SECOND_US);
  assertEquals([seen.seq, seen.data.length], [129, 1]);
  near(afterUs, rto(fixture));
});

Deno.test("probes that nobody answers end the connection at R2; an answer gives new time (MUST-37, MUST-20, RFC 9293 §3.8.3)", () => {
  for (const isAnswered of [false, true]) {
    const fixture = shut({ options: SACK_OPTIONS, tcp: { r2Us: 120 * SECOND_US } });
    const { lab, peer, app } = fixture;
    app.write(5000);
    let lastUs = lab.nowUs;
    for (let i = 0; i < 4; i++) {
      const { seen } = next(fixture, 100 * SECOND_US);
      lastUs = seen.atUs;
    }
    if (isAnswered) peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0 });
    // Without an answer R2 counts from the first probe, with one from there on.
    lab.passUntil(lastUs + 110 * SECOND_US);
    assertEquals(app.closed, []);
    lab.passUntil(lastUs + (isAnswered ? 119 : 185) * SECOND_US);
    assertEquals(app.closed, isAnswered ? [] : ["timeout"]);
  }
});
