/**
 * ICMP errors of both versions and connections: soft, hard, too big, source quench (RFC 9293 §3.9.2.2; RFC 5927; RFC 1191, RFC 8201).
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { ICMP_FAMILIES, type IcmpFamily, sendsIcmp } from "./icmp_craft.ts";
import { type Fixture, type FixtureOptions, reachEstablished, reachSynRcvd, reachSynSent } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** Established with three bytes in flight: numbers 1 to 3. */
function inFlight({ over }: IcmpFamily, options: FixtureOptions = {}): Fixture {
  const fixture = reachEstablished({ ...over, ...options });
  fixture.app.write("abc");
  fixture.peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "abc" });
  return fixture;
}

for (const family of ICMP_FAMILIES) {
  const { name: icmp, over, router } = family;

  for (const [name, type, code] of family.soft) {
    Deno.test(`${icmp} ${name} about text in flight: told to the application, the connection lives (MUST-54, MUST-56, SHLD-25, MUST-47)`, () => {
      for (const from of [undefined, router]) {
        const { lab, peer, app } = inFlight(family);
        lab.takeTransitions();
        sendsIcmp(peer, { type, code, seq: 1, ...(from === undefined ? {} : { from }) });
        peer.expectsSilence();
        assertEquals(lab.takeTransitions(), []);
        assertEquals(app.advice.length, 1);
        peer.sends({ flags: "ACK", seq: 1, ack: 4 });
        assertEquals([app.connection.unackedBytes, app.closed.length], [0, 0]);
      }
    });

    Deno.test(`${icmp} ${name} about our SYN: not the end (MUST-54, MUST-56)`, () => {
      const { lab, peer, app } = reachSynSent(over);
      sendsIcmp(peer, { type, code, seq: 0 });
      assertEquals(app.state, "SYN_SENT");
      lab.pass(1100_000);
      peer.expects({ flags: "SYN", seq: 0 });
      peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
      peer.expects({ flags: "ACK", seq: 1, ack: 1 });
      assertEquals(app.state, "ESTABLISHED");
    });
  }

  for (const [name, type, code] of family.hard) {
    Deno.test(`${icmp} ${name} about text in flight is told, and is not the end (RFC 5927 §5.2)`, () => {
      const { peer, app } = inFlight(family);
      sendsIcmp(peer, { type, code, seq: 3 });
      peer.expectsSilence();
      assertEquals([app.state, app.advice.length], ["ESTABLISHED", 1]);
      peer.sends({ flags: "ACK", seq: 1, ack: 4 });
      assertEquals([app.connection.unackedBytes, app.closed.length], [0, 0]);
    });

    Deno.test(`${icmp} ${name} about text in flight aborts where RFC 9293's letter is asked for (MUST-54, SHLD-26, MUST-12)`, () => {
      const { lab, peer, app } = inFlight(family, { tcp: { icmpHardErrors: "abort" } });
      lab.takeTransitions();
      sendsIcmp(peer, { type, code, seq: 3 });
      peer.takeAll();
      assertEquals(lab.takeTransitions(), ["ESTABLISHED>CLOSED"]);
      assertEquals(app.closed.length, 1);
      lab.pass(100 * SECOND_US);
      peer.expectsSilence();
    });

    Deno.test(`${icmp} ${name} about our SYN: the OPEN fails (MUST-54, SHLD-26)`, () => {
      const { lab, peer, app } = reachSynSent(over);
      lab.takeTransitions();
      sendsIcmp(peer, { type, code, seq: 0 });
      peer.expectsSilence();
      assertEquals(lab.takeTransitions(), ["SYN_SENT>CLOSED"]);
      assertEquals(app.closed, ["refused"]);
    });

    Deno.test(`${icmp} ${name} about our SYN, ACK ends the half-open connection, the listener goes on (MUST-54, SHLD-26)`, () => {
      const { lab, peer } = reachSynRcvd(over);
      sendsIcmp(peer, { type, code, seq: 0 });
      assertEquals(lab.host.connections().length, 0);
      peer.sends({ flags: "SYN", seq: 0 });
      peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    });

    for (const seq of [-1, 0, 4, 100_000, -100_000]) {
      Deno.test(`${icmp} ${name} about number ${seq}, which is not in flight, is ignored (RFC 5927 §4.1)`, () => {
        const { peer, app } = inFlight(family);
        sendsIcmp(peer, { type, code, seq });
        peer.expectsSilence();
        assertEquals([app.state, app.closed.length], ["ESTABLISHED", 0]);
      });
    }

    Deno.test(`${icmp} ${name} about an idle connection is ignored (RFC 5927 §4.1)`, () => {
      const { peer, app } = reachEstablished(over);
      for (const seq of [0, 1, 2]) sendsIcmp(peer, { type, code, seq });
      assertEquals([app.state, app.advice.length], ["ESTABLISHED", 0]);
    });
  }

  const [[, type, code]] = family.hard;

  Deno.test(`${icmp} about no connection of ours is ignored (MUST-54)`, () => {
    const { lab, peer, app } = inFlight(family);
    sendsIcmp(peer, { type, code, seq: 1, quotedPort: 9 });
    sendsIcmp(lab.peer(over.peer), { type, code, seq: 1 });
    assertEquals(app.state, "ESTABLISHED");
    peer.expectsSilence();
  });

  Deno.test(`${icmp} that quotes fewer than eight bytes of the segment is ignored (RFC 792)`, () => {
    const { peer, app } = inFlight(family);
    for (const quotedBytes of [0, 4, 7]) {
      sendsIcmp(peer, { type, code, seq: 1, quotedBytes });
    }
    assertEquals(app.state, "ESTABLISHED");
  });
}

Deno.test("ICMP source quench is dropped in silence (MUST-55)", () => {
  const { lab, peer, app } = inFlight(ICMP_FAMILIES[0]);
  const before = app.connection.info().cwnd;
  sendsIcmp(peer, { type: 4, code: 0, seq: 1 });
  peer.expectsSilence();
  assertEquals(app.connection.info().cwnd, before);
  assertEquals([app.state, app.advice.length], ["ESTABLISHED", 0]);
  lab.expectsNoStrays();
});

/** Established, with four full segments in flight. */
function bulkInFlight({ over, mss }: IcmpFamily): Fixture {
  const fixture = reachEstablished(over);
  fixture.app.write(4 * mss);
  assertEquals(fixture.peer.takeAll().length, 4);
  return fixture;
}

for (const family of ICMP_FAMILIES) {
  const { name: icmp, over, mss, narrow, tooBig } = family;

  Deno.test(`${icmp}: what we send may not be fragmented on its way: path MTU discovery (RFC 1191 §3)`, () => {
    const { peer, app } = reachEstablished(over);
    app.write(mss);
    const [seen] = peer.takeAll();
    assert(seen.packet.dontFragment);
  });

  Deno.test(`${icmp} too big: smaller segments, what was lost is sent again, no abort (MUST-54, MUST-16, RFC 1191 §3, RFC 5927 §7)`, () => {
    const { lab, peer, app } = bulkInFlight(family);
    sendsIcmp(peer, { ...tooBig, seq: 1, rest: narrow });
    lab.pass(5 * SECOND_US);
    const again = peer.takeAll();
    assertGreaterOrEqual(again.length, 1);
    assertEquals(again[0].seq, 1);
    for (const { packet } of again) assertLessOrEqual(packet.packetBytes, narrow);
    peer.sends({ flags: "ACK", seq: 1, ack: 4 * mss + 1 });
    app.write(5000);
    for (const { packet } of peer.takeAll()) assertLessOrEqual(packet.packetBytes, narrow);
    assertEquals([app.state, app.closed.length], ["ESTABLISHED", 0]);
  });

  Deno.test(`${icmp} too big about what is not in flight is ignored (RFC 5927 §7)`, () => {
    const { peer, app } = reachEstablished(over);
    sendsIcmp(peer, { ...tooBig, seq: 0, rest: 576 });
    sendsIcmp(peer, { ...tooBig, seq: 1, rest: 576 });
    app.write(mss);
    peer.expects({ flags: "ACK", seq: 1, data: mss });
  });

  Deno.test(`${icmp} too big with an MTU that is no smaller does no harm (RFC 1191 §3, RFC 5927 §7)`, () => {
    for (const rest of [1500, 9000, 65_535]) {
      const { peer, app, lab } = bulkInFlight(family);
      sendsIcmp(peer, { ...tooBig, seq: 1, rest });
      peer.sends({ flags: "ACK", seq: 1, ack: 4 * mss + 1 });
      lab.pass(SECOND_US);
      peer.takeAll();
      app.write(mss);
      peer.expects({
        flags: "ACK",
        seq: 4 * mss + 1,
        data: Uint8Array.from({ length: mss }, (_, i) => (i * 7 + (i >>> 8)) % 251),
      });
    }
  });
}

const [IPV4, IPV6] = ICMP_FAMILIES;

Deno.test("ICMP too big with an MTU that is absurdly small does no harm (RFC 1191 §3, RFC 5927 §7)", () => {
  for (const rest of [0, 1, 20, 40, 67]) {
    const { peer, app, lab } = bulkInFlight(IPV4);
    sendsIcmp(peer, { ...IPV4.tooBig, seq: 1, rest });
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
  const { lab, peer } = bulkInFlight(IPV4);
  sendsIcmp(peer, { ...IPV4.tooBig, seq: 1, rest: 300 });
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

Deno.test("ICMPv6 too big below 1280 bytes changes nothing; 1280 itself is taken (RFC 8201 §4)", () => {
  for (const rest of [0, 1, 68, 576, 1279]) {
    const { lab, peer, app } = bulkInFlight(IPV6);
    sendsIcmp(peer, { ...IPV6.tooBig, seq: 1, rest });
    peer.expectsSilence();
    assertEquals([app.connection.info().sendMss, app.connection.info().lostBytes], [1440, 0]);
    lab.expectsNoStrays();
  }
  const { peer, app } = bulkInFlight(IPV6);
  sendsIcmp(peer, { ...IPV6.tooBig, seq: 1, rest: 1280 });
  assertEquals(app.connection.info().sendMss, 1220);
  for (const { packet } of peer.takeAll()) assertLessOrEqual(packet.packetBytes, 1280);
});
