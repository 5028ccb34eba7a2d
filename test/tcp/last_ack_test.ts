/**
 * LAST_ACK: the peer's FIN, then ours; the ACK of ours ends it all (RFC 9293 §3.10.7.4).
 */
import { assert, assertEquals } from "@std/assert";
import { reachLastAck } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

for (const role of ["server", "client"] as const) {
  Deno.test(`LAST_ACK (${role}): the ACK of our FIN closes; no TIME_WAIT on this side (MUST-12, MUST-13, RFC 9293 §3.10.7.4, fifth)`, () => {
    const { lab, peer, app } = reachLastAck({ role });
    lab.takeTransitions();
    peer.sends({ flags: "ACK", seq: 2, ack: 2 });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), ["LAST_ACK>CLOSED"]);
    assertEquals(app.closed, ["normal"]);
    assertEquals(lab.host.connections().length, 0);
    lab.pass(200 * SECOND_US);
    peer.expectsSilence();
  });
}

Deno.test("LAST_ACK: an ACK that is not of our FIN changes nothing (RFC 9293 §3.10.7.4, fifth)", () => {
  const { peer, app } = reachLastAck();
  peer.sends({ flags: "ACK", seq: 2, ack: 1 });
  peer.expectsSilence();
  assertEquals(app.state, "LAST_ACK");
});

Deno.test("LAST_ACK: an ACK beyond our FIN gets an ACK (RFC 9293 §3.10.7.4, fifth)", () => {
  const { peer, app } = reachLastAck();
  peer.sends({ flags: "ACK", seq: 2, ack: 3 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.state, "LAST_ACK");
});

Deno.test("LAST_ACK: the peer's FIN again gets an ACK again (RFC 9293 §3.10.7.4, first)", () => {
  const { peer, app } = reachLastAck();
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.state, "LAST_ACK");
});

Deno.test("LAST_ACK: our FIN is sent again until it is acknowledged (MUST-18)", () => {
  const { lab, peer, app } = reachLastAck();
  lab.pass(10 * SECOND_US);
  const again = peer.takeAll();
  assert(again.length >= 2);
  for (const { flags, seq, ack } of again) assertEquals([flags, seq, ack], ["FIN ACK", 1, 2]);
  peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  assertEquals(app.closed, ["normal"]);
});

Deno.test("LAST_ACK: RST at RCV.NXT closes (RFC 9293 §3.10.7.4, second)", () => {
  const { lab, peer, app } = reachLastAck();
  lab.takeTransitions();
  peer.sends({ flags: "RST", seq: 2 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), ["LAST_ACK>CLOSED"]);
  assertEquals(app.closed.length, 1);
});

Deno.test("LAST_ACK: ABORT deletes the TCB without a RST (RFC 9293 §3.10.5)", () => {
  const { lab, peer, app } = reachLastAck();
  app.abort();
  peer.expectsSilence();
  assertEquals(app.closed.length, 1);
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("LAST_ACK: after it, a late segment finds no connection (RFC 9293 §3.10.7.1)", () => {
  const { lab, peer } = reachLastAck();
  peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  lab.pass(SECOND_US);
  // The listener still holds the port; an ACK there is bad too.
  peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  peer.expects({ flags: "RST", seq: 2 });
  peer.expectsSilence();
});

Deno.test("LAST_ACK: text after the FIN is ignored, the ACK with it counts (RFC 9293 §3.10.7.4)", () => {
  const { peer, app } = reachLastAck();
  peer.sends({ flags: "ACK", seq: 2, ack: 2, data: "ghost" });
  peer.expectsSilence();
  assertEquals([app.text, app.closed], ["", ["normal"]]);
});
