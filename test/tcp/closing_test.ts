/**
 * CLOSING: both have sent FIN, ours is not acknowledged (RFC 9293 §3.10.7.4, §3.6 case 3).
 */
import { assert, assertEquals } from "@std/assert";
import { reachClosing } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

for (const role of ["server", "client"] as const) {
  Deno.test(`CLOSING (${role}): the ACK of our FIN leads to TIME_WAIT (MUST-13, RFC 9293 §3.10.7.4, fifth)`, () => {
    const { lab, peer, app } = reachClosing({ role });
    lab.takeTransitions();
    peer.sends({ flags: "ACK", seq: 2, ack: 2 });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), ["CLOSING>TIME_WAIT"]);
    assertEquals(app.closed, []);
  });
}

Deno.test("CLOSING: an ACK that is not of our FIN is ignored (RFC 9293 §3.10.7.4, fifth)", () => {
  const { lab, peer, app } = reachClosing();
  lab.takeTransitions();
  peer.sends({ flags: "ACK", seq: 2, ack: 1 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), []);
  assertEquals(app.state, "CLOSING");
});

Deno.test("CLOSING: an ACK beyond our FIN gets an ACK (RFC 9293 §3.10.7.4, fifth)", () => {
  const { peer, app } = reachClosing();
  peer.sends({ flags: "ACK", seq: 2, ack: 3 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.state, "CLOSING");
});

Deno.test("CLOSING: the peer's FIN again, without and with the ACK of ours (RFC 9293 §3.10.7.4, first)", () => {
  const { peer, app } = reachClosing();
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.state, "CLOSING");
  // Outside the window: an ACK goes back and the segment is dropped; a bare ACK then ends the state.
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  peer.expectsSilence();
  assert(app.state === "CLOSING" || app.state === "TIME_WAIT");
});

Deno.test("CLOSING: our FIN is sent again until it is acknowledged (MUST-18)", () => {
  const { lab, peer, app } = reachClosing();
  lab.pass(10 * SECOND_US);
  const again = peer.takeAll();
  assert(again.length >= 2);
  for (const { flags, seq, ack } of again) assertEquals([flags, seq, ack], ["FIN ACK", 1, 2]);
  peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  assertEquals(app.state, "TIME_WAIT");
});

Deno.test("CLOSING: RST at RCV.NXT closes (RFC 9293 §3.10.7.4, second)", () => {
  const { lab, peer, app } = reachClosing();
  lab.takeTransitions();
  peer.sends({ flags: "RST", seq: 2 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), ["CLOSING>CLOSED"]);
  assertEquals(app.closed.length, 1);
});

Deno.test("CLOSING: ABORT deletes the TCB without a RST (RFC 9293 §3.10.5)", () => {
  const { lab, peer, app } = reachClosing();
  app.abort();
  peer.expectsSilence();
  assertEquals(app.closed.length, 1);
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("CLOSING: text after the FIN is ignored (RFC 9293 §3.10.7.4, seventh)", () => {
  const { peer, app } = reachClosing();
  peer.sends({ flags: "ACK", seq: 2, ack: 1, data: "ghost" });
  for (const { flags, seq, ack } of peer.takeAll()) assertEquals([flags, seq, ack], ["ACK", 2, 2]);
  assertEquals([app.text, app.state], ["", "CLOSING"]);
});
