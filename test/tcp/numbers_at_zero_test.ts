/**
 * Marks that happen to lie at sequence number zero, or at the number before it: no number is special (RFC 9293 §3.4).
 */
import { assert, assertEquals } from "@std/assert";
import { bytesOf } from "./app_log.ts";
import { BulkSender, MS_US, SACK_OPTIONS } from "./bulk_sender.ts";
import type { LabOptions } from "./harness.ts";
import { type Fixture, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** Octets of the peer before its number zero: relative number `BEFORE` is 0 on the wire. */
const BEFORE = 101;
const PEER = { iss: (2 ** 32 - BEFORE) >>> 0 };

/** Where the relative number 0, 1 or -1 away from the wire's zero is. */
const NEAR = [-1, 0, 1].map((off) => BEFORE + off);

function quick(): Fixture {
  return reachEstablished({ autoRead: false, options: SACK_OPTIONS, peer: PEER, tcp: { quickAcks: 1000 } });
}

Deno.test("D-SACK: a duplicate that begins at number zero, or ends there (RFC 2883 §4, RFC 9293 §3.4)", () => {
  for (const at of NEAR) {
    const { peer } = quick();
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 300 });
    peer.expects({ flags: "ACK", ack: 301, sack: [] });
    peer.sends({ flags: "ACK", seq: at, ack: 1, data: 50 });
    peer.expects({ flags: "ACK", ack: 301, sack: [[at, at + 50]] });
    peer.sends({ flags: "ACK", seq: at - 50, ack: 1, data: 50 });
    peer.expects({ flags: "ACK", ack: 301, sack: [[at - 50, at]] });
    peer.expectsSilence();
  }
});

Deno.test("a FIN out of order whose number is zero (RFC 9293 §3.10.7.4, eighth; §3.4)", () => {
  for (const at of NEAR) {
    const { peer, app } = quick();
    peer.sends({ flags: "FIN ACK", seq: at - 20, ack: 1, data: 20 });
    peer.expects({ flags: "ACK", ack: 1, sack: [[at - 20, at]] });
    assertEquals(app.peerClosed, 0);
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: at - 21 });
    peer.expects({ flags: "ACK", ack: at + 1, sack: [] });
    assertEquals([app.state, app.peerClosed], ["CLOSE_WAIT", 1]);
    // And alone.
    const other = quick();
    other.peer.sends({ flags: "FIN ACK", seq: at, ack: 1 });
    other.peer.expects({ flags: "ACK", ack: 1 });
    other.peer.sends({ flags: "ACK", seq: 1, ack: 1, data: at - 1 });
    other.peer.expects({ flags: "ACK", ack: at + 1 });
    assertEquals(other.app.state, "CLOSE_WAIT");
  }
});

Deno.test("an urgent pointer to number zero is told, once (MUST-62, RFC 9293 §3.4)", () => {
  for (const at of NEAR) {
    const { peer, app } = quick();
    peer.sends({ flags: "URG ACK", seq: 1, ack: 1, data: 10, urgentPointer: at - 1 });
    peer.sends({ flags: "URG ACK", seq: 11, ack: 1, data: 10, urgentPointer: at - 11 });
    assertEquals([app.urgent, app.connection.urgentBytes], [[at - 1], at - 1]);
    peer.sends({ flags: "ACK", seq: 21, ack: 1, data: 300 });
    app.read(at - 2);
    assertEquals(app.connection.urgentBytes, 1);
    app.read(1);
    assertEquals(app.connection.urgentBytes, 0);
  }
});

// Our own numbers: the ISS goes with a clock, so that the time of the OPEN chooses it.

/** A lab whose next connection of the usual peer begins `before` octets before the wire's zero. */
function startFor(before: number, options: LabOptions): number {
  const probe = reachEstablished(options);
  const { iss } = probe.app.connection.info();
  return SECOND_US + ((2 ** 32 - before - iss) >>> 0) * 4;
}

Deno.test("our urgent data that ends at number zero (MUST-62, RFC 9293 §3.4)", () => {
  const startUs = startFor(BEFORE, {});
  for (const at of NEAR) {
    const { lab, peer, app } = reachEstablished({ startUs });
    assertEquals((app.connection.info().iss + BEFORE) >>> 0, 0);
    lab.user(() => app.connection.writeUrgent(bytesOf(at - 1)));
    const seen = peer.expects({ flags: "ACK URG", seq: 1, data: at - 1 });
    assertEquals(seen.urgentPointer, at - 1);
    peer.expectsSilence();
  }
});

Deno.test("text, FIN and what is sent again across our number zero (RFC 9293 §3.4)", () => {
  const startUs = startFor(BEFORE, {});
  for (const at of NEAR) {
    const { lab, peer, app } = reachEstablished({ startUs });
    app.write(at - 1);
    app.closeWrite();
    // The FIN's number is `at`.
    assertEquals(peer.takeAll().at(-1)?.flags, "FIN ACK");
    lab.pass(10 * SECOND_US);
    const again = peer.takeAll();
    assert(again.length > 0);
    for (const { seq, data } of again) assertEquals(seq + data.length, at);
    peer.sends({ flags: "ACK", seq: 1, ack: at + 1 });
    assertEquals([app.state, app.connection.unackedBytes], ["FIN_WAIT_2", 0]);
  }
});

Deno.test("a tail loss probe whose end is our number zero is one at a time, and judged as any (RFC 8985 §7.3, §7.4.2)", () => {
  const probe = new BulkSender({ queued: 0 });
  const bytes = 4 * probe.mss;
  const { iss } = probe.info;
  for (const off of [-1, 0, 1]) {
    const startUs = SECOND_US + ((2 ** 32 - bytes - 1 + off - iss) >>> 0) * 4;
    const bulk = new BulkSender({ queued: 0, startUs, tcp: { congestionControl: "reno" } });
    bulk.writes(bytes);
    bulk.expects([0, 1, 2, 3]);
    assertEquals(bulk.info.sndNxt | 0, off);
    bulk.lab.pass(200 * MS_US);
    bulk.expects([3]);
    assertEquals(Object.keys(bulk.info.timers), ["rto"]);
    bulk.acks(4);
    bulk.writes(2 * bulk.mss);
    bulk.expects([4, 5]);
    bulk.passRtt();
    bulk.acks(6);
    assertEquals(bulk.ssthresh, 2, "no D-SACK came: the probe repaired a loss");
  }
});
