/**
 * Keep-alive (RFC 9293 §3.8.4).
 */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { ALL_OPTIONS, type Fixture, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const HOUR_US = 3600 * SECOND_US;

function keptAlive(idleS: number, intervalS: number): Fixture {
  const fixture = reachEstablished();
  const { lab, app, peer } = fixture;
  lab.user(() => app.connection.setKeepAlive(true, idleS * SECOND_US, intervalS * SECOND_US));
  peer.mark();
  return fixture;
}

Deno.test("keep-alive is off unless asked for (MUST-25, MUST-24)", () => {
  for (const options of [undefined, ALL_OPTIONS]) {
    const { lab, peer, app } = reachEstablished(options === undefined ? {} : { options });
    lab.pass(100 * HOUR_US);
    peer.expectsSilence();
    assertEquals(app.state, "ESTABLISHED");
  }
});

Deno.test("keep-alive: a probe at SND.NXT - 1 without data, which the peer answers (SHLD-12, MUST-27, MAY-5)", () => {
  const { lab, peer, app } = keptAlive(10, 2);
  lab.pass(9 * SECOND_US);
  peer.expectsSilence();
  lab.pass(1100_000);
  peer.expects({ flags: "ACK", seq: 0, ack: 1, afterUs: 10 * SECOND_US, withinUs: 20_000 });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  lab.pass(9 * SECOND_US);
  peer.expectsSilence();
  assertEquals(app.state, "ESTABLISHED");
  assertEquals(app.connection.info().retransmits, 0, "a probe is no retransmission");
});

Deno.test("keep-alive: only when idle: what arrives puts it off (MUST-26)", () => {
  const { lab, peer } = keptAlive(10, 2);
  for (let i = 0; i < 20; i++) {
    lab.pass(8 * SECOND_US);
    peer.sends({ flags: "ACK", seq: 1 + i, ack: 1, data: "x" });
    lab.pass(SECOND_US);
    for (const { seq, flags } of peer.takeAll()) {
      assertEquals([flags, seq], ["ACK", 1], "the ACK of x, no probe");
    }
  }
});

Deno.test("keep-alive: not while text is unacknowledged; that is the other timer's (MUST-26)", () => {
  const { lab, peer, app } = keptAlive(5, 1);
  app.write("abc");
  lab.pass(60 * SECOND_US);
  for (const { seq, data } of peer.takeAll()) assertEquals([seq, data.length], [1, 3]);
});

Deno.test("keep-alive: one lost answer is not death; many are (MUST-29, MUST-12)", () => {
  const { lab, peer, app } = keptAlive(10, 2);
  lab.pass(10_100_000);
  peer.expects({ flags: "ACK", seq: 0, ack: 1 });
  lab.pass(2 * SECOND_US);
  peer.expects({ flags: "ACK", seq: 0, ack: 1 });
  assertEquals(app.state, "ESTABLISHED");
  // The peer is there after all.
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  lab.pass(9 * SECOND_US);
  peer.expectsSilence();
  lab.pass(200 * SECOND_US);
  const probes = peer.takeAll().filter(({ flags }) => flags === "ACK");
  assertGreaterOrEqual(probes.length, 2);
  assertEquals(app.closed, ["timeout"]);
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("keep-alive: the interval between probes is the one that was set (MUST-27)", () => {
  const { lab, peer } = keptAlive(10, 3);
  lab.pass(10_100_000 + 3 * 3 * SECOND_US);
  const probes = peer.takeAll();
  assert(probes.length >= 4);
  for (let i = 1; i < probes.length; i++) {
    const gapUs = probes[i].atUs - probes[i - 1].atUs;
    assert(Math.abs(gapUs - 3 * SECOND_US) < 50_000, `${gapUs}`);
  }
});

Deno.test("keep-alive can be switched off again (MUST-24)", () => {
  const { lab, peer, app } = keptAlive(10, 2);
  lab.user(() => app.connection.setKeepAlive(false));
  lab.pass(10 * HOUR_US);
  peer.expectsSilence();
});

Deno.test("keep-alive: a peer that has forgotten the connection resets it (RFC 9293 §3.8.4)", () => {
  const { lab, peer, app } = keptAlive(10, 2);
  lab.pass(10_100_000);
  peer.takeAll();
  peer.sends({ flags: "RST", seq: 1 });
  assertEquals(app.closed, ["reset-by-peer"]);
});
