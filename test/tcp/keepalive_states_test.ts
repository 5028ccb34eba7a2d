/**
 * Keep-alive by state, count and clock (RFC 9293 §3.8.4): where it does not run, and when it gives up.
 */
import { assertEquals } from "@std/assert";
import {
  type Fixture,
  REACH,
  reachEstablished,
  reachFinWait2,
  reachSynRcvd,
  reachSynSent,
  reachTimeWait,
} from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

function keepAlive({ lab, app }: Fixture, idleS: number, intervalS: number): void {
  lab.user(() => app.connection.setKeepAlive(true, idleS * SECOND_US, intervalS * SECOND_US));
}

Deno.test("keep-alive: no probe in SYN_SENT, only the SYN again; it begins when the connection is established (MUST-26)", () => {
  const fixture = reachSynSent();
  const { lab, peer, app } = fixture;
  keepAlive(fixture, 1, 1);
  lab.pass(20 * SECOND_US);
  const seen = peer.takeAll();
  assertEquals(seen.map(({ flags, seq }) => [flags, seq]), seen.map(() => ["SYN", 0]));
  assertEquals([seen.length, app.closed], [4, []], "after 1, 3, 7 and 15 s");
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1460 } });
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  lab.pass(SECOND_US - 1);
  peer.expectsSilence();
  lab.pass(1);
  peer.expects({ flags: "ACK", seq: 0, ack: 1 });
});

Deno.test("keep-alive: no probe in SYN_RCVD, only the SYN, ACK again; it begins when the connection is established (MUST-26)", () => {
  const fixture = reachSynRcvd();
  const { lab, peer, app } = fixture;
  keepAlive(fixture, 1, 1);
  lab.pass(20 * SECOND_US);
  const seen = peer.takeAll();
  assertEquals(seen.map(({ flags }) => flags), ["SYN ACK", "SYN ACK", "SYN ACK", "SYN ACK"]);
  assertEquals(app.closed, []);
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  lab.pass(SECOND_US - 1);
  peer.expectsSilence();
  lab.pass(1);
  peer.expects({ flags: "ACK", seq: 0, ack: 1 });
});

Deno.test("keep-alive: no probe in TIME_WAIT, whether it was switched on before or there; segments that come there start none (MUST-26, MUST-13)", () => {
  for (const isBefore of [true, false]) {
    const fixture = isBefore ? reachFinWait2() : reachTimeWait();
    const { lab, peer, app } = fixture;
    keepAlive(fixture, 1, 1);
    if (isBefore) {
      peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
      peer.expects({ flags: "ACK", seq: 2, ack: 2 });
    }
    lab.pass(5 * SECOND_US);
    peer.expectsSilence();
    peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
    peer.expects({ flags: "ACK", seq: 2, ack: 2 });
    lab.pass(59 * SECOND_US);
    peer.expectsSilence();
    assertEquals([app.state, app.closed], ["TIME_WAIT", []]);
    lab.pass(SECOND_US);
    assertEquals(app.closed, ["normal"]);
  }
});

for (const state of ["ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_2"] as const) {
  Deno.test(`keep-alive, ${state}: as many probes as are configured, at their times, then the end (MUST-27, MUST-29, MUST-12)`, () => {
    for (const keepAliveProbes of [1, 2, 9]) {
      const fixture = REACH[state]({ tcp: { keepAliveProbes } });
      const { lab, peer, app } = fixture;
      const { next, seen } = peer;
      lab.takeTransitions();
      keepAlive(fixture, 10, 3);
      peer.mark();
      for (let i = 0; i < keepAliveProbes; i++) {
        lab.pass((i === 0 ? 10 : 3) * SECOND_US - 1);
        peer.expectsSilence();
        lab.pass(1);
        peer.expects({ flags: "ACK", seq: seen - 1, ack: next });
        peer.expectsSilence();
      }
      lab.pass(3 * SECOND_US - 1);
      assertEquals(app.closed, []);
      lab.pass(1);
      assertEquals([app.closed, lab.takeTransitions()], [["timeout"], [`${state}>CLOSED`]]);
      peer.expectsSilence();
    }
  });
}

Deno.test("keep-alive: any segment of the peer begins the idle time anew, and the count (MUST-26, MUST-29)", () => {
  const fixture = reachEstablished({ tcp: { keepAliveProbes: 3, quickAcks: 1000 } });
  const { lab, peer, app } = fixture;
  keepAlive(fixture, 10, 2);
  for (let round = 0; round < 3; round++) {
    lab.pass(10 * SECOND_US);
    peer.expects({ flags: "ACK", seq: 0, ack: 1 });
    lab.pass(2 * SECOND_US);
    peer.expects({ flags: "ACK", seq: 0, ack: 1 });
    lab.pass(SECOND_US);
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    lab.pass(10 * SECOND_US - 1);
    peer.expectsSilence();
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  }
  assertEquals(app.closed, []);
});

Deno.test("keep-alive: not while text is out; after its ACK the idle time begins (MUST-26)", () => {
  const fixture = reachEstablished();
  const { lab, peer, app } = fixture;
  keepAlive(fixture, 2, 1);
  app.write("abc");
  lab.pass(7 * SECOND_US);
  for (const { seq, data } of peer.takeAll()) assertEquals([seq, data.length], [1, 3]);
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  lab.pass(2 * SECOND_US - 1);
  peer.expectsSilence();
  lab.pass(1);
  peer.expects({ flags: "ACK", seq: 3, ack: 1 });
});

Deno.test("keep-alive switched on again counts anew, from then (MUST-24)", () => {
  const fixture = reachEstablished({ tcp: { keepAliveProbes: 2 } });
  const { lab, peer, app } = fixture;
  keepAlive(fixture, 5, 1);
  lab.pass(6 * SECOND_US);
  assertEquals(peer.takeAll().length, 2);
  keepAlive(fixture, 5, 1);
  lab.pass(5 * SECOND_US - 1);
  peer.expectsSilence();
  lab.pass(SECOND_US + 1);
  assertEquals([peer.takeAll().length, app.closed], [2, []]);
  lab.user(() => app.connection.setKeepAlive(false));
  lab.pass(100 * SECOND_US);
  peer.expectsSilence();
  assertEquals([app.state, app.connection.info().timers], ["ESTABLISHED", {}]);
});
