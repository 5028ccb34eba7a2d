/**
 * ICMP errors and connections: soft, hard, too big, source quench (RFC 9293 §3.9.2.2; RFC 5927; RFC 1191).
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { ICMP_TYPE, ICMP_UNREACHABLE } from "../../src/wire/icmp.ts";
import { sendsIcmp } from "./icmp_craft.ts";
import { type Fixture, type FixtureOptions, reachEstablished, reachSynRcvd, reachSynSent } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const ROUTER = Uint8Array.of(10, 0, 0, 254);

/** Type and code of what must not abort (MUST-56). */
const SOFT: readonly (readonly [string, number, number])[] = [
  ["net unreachable", ICMP_TYPE.UNREACHABLE, 0],
  ["host unreachable", ICMP_TYPE.UNREACHABLE, 1],
  ["source route failed", ICMP_TYPE.UNREACHABLE, 5],
  ["TTL exceeded", ICMP_TYPE.TIME_EXCEEDED, 0],
  ["reassembly time exceeded", ICMP_TYPE.TIME_EXCEEDED, 1],
  ["parameter problem", ICMP_TYPE.PARAMETER_PROBLEM, 0],
];

/** Codes 2 to 4 of "destination unreachable" are hard; 4 is path MTU discovery's (RFC 1191), below. */
const HARD: readonly (readonly [string, number])[] = [
  ["protocol unreachable", ICMP_UNREACHABLE.PROTOCOL],
  ["port unreachable", ICMP_UNREACHABLE.PORT],
];

/** Established with three bytes in flight: numbers 1 to 3. */
function inFlight(options: FixtureOptions = {}): Fixture {
  const fixture = reachEstablished(options);
  fixture.app.write("abc");
  fixture.peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "abc" });
  return fixture;
}

for (const [name, type, code] of SOFT) {
  Deno.test(`ICMP ${name} about text in flight: told to the application, the connection lives (MUST-54, MUST-56, SHLD-25, MUST-47)`, () => {
    for (const from of [undefined, ROUTER]) {
      const { lab, peer, app } = inFlight();
      lab.takeTransitions();
      sendsIcmp(peer, { type, code, seq: 1, ...(from === undefined ? {} : { from }) });
      peer.expectsSilence();
      assertEquals(lab.takeTransitions(), []);
      assertEquals(app.advice.length, 1);
      peer.sends({ flags: "ACK", seq: 1, ack: 4 });
      assertEquals([app.connection.unackedBytes, app.closed.length], [0, 0]);
    }
  });

  Deno.test(`ICMP ${name} about our SYN: not the end (MUST-54, MUST-56)`, () => {
    const { lab, peer, app } = reachSynSent();
    sendsIcmp(peer, { type, code, seq: 0 });
    assertEquals(app.state, "SYN_SENT");
    lab.pass(1100_000);
    peer.expects({ flags: "SYN", seq: 0 });
    peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
    peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    assertEquals(app.state, "ESTABLISHED");
  });
}

for (const [name, code] of HARD) {
  const type = ICMP_TYPE.UNREACHABLE;
  Deno.test(`ICMP ${name} about text in flight is told, and is not the end (RFC 5927 §5.2)`, () => {
    const { peer, app } = inFlight();
    sendsIcmp(peer, { type, code, seq: 3 });
    peer.expectsSilence();
    assertEquals([app.state, app.advice.length], ["ESTABLISHED", 1]);
    peer.sends({ flags: "ACK", seq: 1, ack: 4 });
    assertEquals([app.connection.unackedBytes, app.closed.length], [0, 0]);
  });

  Deno.test(`ICMP ${name} about text in flight aborts where RFC 9293's letter is asked for (MUST-54, SHLD-26, MUST-12)`, () => {
    const { lab, peer, app } = inFlight({ tcp: { icmpHardErrors: "abort" } });
    lab.takeTransitions();
    sendsIcmp(peer, { type, code, seq: 3 });
    peer.takeAll();
    assertEquals(lab.takeTransitions(), ["ESTABLISHED>CLOSED"]);
    assertEquals(app.closed.length, 1);
    lab.pass(100 * SECOND_US);
    peer.expectsSilence();
  });

  Deno.test(`ICMP ${name} about our SYN: the OPEN fails (MUST-54, SHLD-26)`, () => {
    const { lab, peer, app } = reachSynSent();
    lab.takeTransitions();
    sendsIcmp(peer, { type, code, seq: 0 });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), ["SYN_SENT>CLOSED"]);
    assertEquals(app.closed, ["refused"]);
  });

  Deno.test(`ICMP ${name} about our SYN, ACK ends the half-open connection, the listener goes on (MUST-54, SHLD-26)`, () => {
    const { lab, peer } = reachSynRcvd();
    sendsIcmp(peer, { type, code, seq: 0 });
    assertEquals(lab.host.connections().length, 0);
    peer.sends({ flags: "SYN", seq: 0 });
    peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  });

  for (const seq of [-1, 0, 4, 100_000, -100_000]) {
    Deno.test(`ICMP ${name} about number ${seq}, which is not in flight, is ignored (RFC 5927 §4.1)`, () => {
      const { peer, app } = inFlight();
      sendsIcmp(peer, { type, code, seq });
      peer.expectsSilence();
      assertEquals([app.state, app.closed.length], ["ESTABLISHED", 0]);
    });
  }

  Deno.test(`ICMP ${name} about an idle connection is ignored (RFC 5927 §4.1)`, () => {
    const { peer, app } = reachEstablished();
    for (const seq of [0, 1, 2]) sendsIcmp(peer, { type, code, seq });
    assertEquals([app.state, app.advice.length], ["ESTABLISHED", 0]);
  });
}

Deno.test("ICMP source quench is dropped in silence (MUST-55)", () => {
  const { lab, peer, app } = inFlight();
  const before = app.connection.info().cwnd;
  sendsIcmp(peer, { type: ICMP_TYPE.SOURCE_QUENCH, code: 0, seq: 1 });
  peer.expectsSilence();
  assertEquals(app.connection.info().cwnd, before);
  assertEquals([app.state, app.advice.length], ["ESTABLISHED", 0]);
  lab.expectsNoStrays();
});

Deno.test("ICMP about no connection of ours is ignored (MUST-54)", () => {
  const { lab, peer, app } = inFlight();
  sendsIcmp(peer, { type: ICMP_TYPE.UNREACHABLE, code: ICMP_UNREACHABLE.PORT, seq: 1, quotedPort: 9 });
  sendsIcmp(lab.peer(), { type: ICMP_TYPE.UNREACHABLE, code: ICMP_UNREACHABLE.PORT, seq: 1 });
  assertEquals(app.state, "ESTABLISHED");
  peer.expectsSilence();
});

Deno.test("ICMP that quotes fewer than eight bytes of the segment is ignored (RFC 792)", () => {
  const { peer, app } = inFlight();
  for (const quotedBytes of [0, 4, 7]) {
    sendsIcmp(peer, { type: ICMP_TYPE.UNREACHABLE, code: ICMP_UNREACHABLE.PORT, seq: 1, quotedBytes });
  }
  assertEquals(app.state, "ESTABLISHED");
});

/** Established, with 5,840 bytes in flight in four segments. */
function bulkInFlight(): Fixture {
  const fixture = reachEstablished();
  fixture.app.write(4 * 1460);
  assertEquals(fixture.peer.takeAll().length, 4);
  return fixture;
}

const TOO_BIG = { type: ICMP_TYPE.UNREACHABLE, code: ICMP_UNREACHABLE.FRAGMENTATION_NEEDED };

Deno.test("what we send may not be fragmented on its way: path MTU discovery (RFC 1191 §3)", () => {
  const { peer, app } = reachEstablished();
  app.write(1460);
  const [seen] = peer.takeAll();
  assert(seen.packet.dontFragment);
});

Deno.test("ICMP too big: smaller segments, what was lost is sent again, no abort (MUST-54, MUST-16, RFC 1191 §3, RFC 5927 §7)", () => {
  const { lab, peer, app } = bulkInFlight();
  sendsIcmp(peer, { ...TOO_BIG, seq: 1, rest: 1000 });
  lab.pass(5 * SECOND_US);
  const again = peer.takeAll();
  assertGreaterOrEqual(again.length, 1);
  assertEquals(again[0].seq, 1);
  for (const { packet } of again) assertLessOrEqual(packet.packetBytes, 1000);
  peer.sends({ flags: "ACK", seq: 1, ack: 5841 });
  app.write(5000);
  for (const { packet } of peer.takeAll()) assertLessOrEqual(packet.packetBytes, 1000);
  assertEquals([app.state, app.closed.length], ["ESTABLISHED", 0]);
});

Deno.test("ICMP too big about what is not in flight is ignored (RFC 5927 §7)", () => {
  const { peer, app } = reachEstablished();
  sendsIcmp(peer, { ...TOO_BIG, seq: 0, rest: 576 });
  sendsIcmp(peer, { ...TOO_BIG, seq: 1, rest: 576 });
  app.write(1460);
  peer.expects({ flags: "ACK", seq: 1, data: 1460 });
});

Deno.test("ICMP too big with an MTU that is no smaller, or absurdly small, does no harm (RFC 1191 §3, RFC 5927 §7)", () => {
  for (const rest of [1500, 9000, 65_535]) {
    const { peer, app, lab } = bulkInFlight();
    sendsIcmp(peer, { ...TOO_BIG, seq: 1, rest });
    peer.sends({ flags: "ACK", seq: 1, ack: 5841 });
    lab.pass(SECOND_US);
    peer.takeAll();
    app.write(1460);
    peer.expects({
      flags: "ACK",
      seq: 5841,
      data: Uint8Array.from({ length: 1460 }, (_, i) => (i * 7 + (i >>> 8)) % 251),
    });
  }
  for (const rest of [0, 1, 20, 40, 67]) {
    const { peer, app, lab } = bulkInFlight();
    sendsIcmp(peer, { ...TOO_BIG, seq: 1, rest });
    lab.pass(5 * SECOND_US);
    const again = peer.takeAll();
    assertGreaterOrEqual(again.length, 1);
    // RFC 1191 §3: never below 68 bytes; without an MTU (0) an estimate, which is not below that either.
    assertGreaterOrEqual(Math.max(...again.map(({ packet }) => packet.packetBytes)), 68);
    for (const { data } of again) assert(data.length > 0);
    assertEquals(app.state, "ESTABLISHED");
  }
});

Deno.test("ICMP too big, 300 bytes: segments that fit, or that routers may cut (RFC 1191 §3)", () => {
  const { lab, peer } = bulkInFlight();
  sendsIcmp(peer, { ...TOO_BIG, seq: 1, rest: 300 });
  lab.pass(5 * SECOND_US);
  const again = peer.takeAll();
  assertGreaterOrEqual(again.length, 1);
  for (const { packet } of again) {
    assert(
      packet.packetBytes <= 300 || !packet.dontFragment,
      `${packet.packetBytes} bytes that nobody may cut`,
    );
  }
});
