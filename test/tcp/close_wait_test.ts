/**
 * CLOSE_WAIT: the peer has sent its FIN, we may send on (RFC 9293 §3.10.7.4, §3.10.4).
 */
import { assertEquals } from "@std/assert";
import { reachCloseWait, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

for (const role of ["server", "client"] as const) {
  Deno.test(`CLOSE_WAIT (${role}): CLOSE sends FIN and leads to LAST_ACK (RFC 9293 §3.10.4)`, () => {
    const { lab, peer, app } = reachCloseWait({ role });
    lab.takeTransitions();
    app.closeWrite();
    peer.expects({ flags: "FIN ACK", seq: 1, ack: 2 });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), ["CLOSE_WAIT>LAST_ACK"]);
  });

  Deno.test(`CLOSE_WAIT (${role}): what is written is sent, then the FIN (RFC 9293 §3.10.2, §3.10.4)`, () => {
    const { lab, peer, app } = reachCloseWait({ role });
    app.write("answer");
    peer.expects({ flags: "ACK", seq: 1, ack: 2, data: "answer" });
    peer.expectsSilence();
    peer.sends({ flags: "ACK", seq: 2, ack: 7 });
    app.write("more");
    peer.expects({ flags: "ACK", seq: 7, ack: 2, data: "more" });
    app.closeWrite();
    peer.expects({ flags: "FIN ACK", seq: 11, ack: 2 });
    peer.sends({ flags: "ACK", seq: 2, ack: 12 });
    peer.expectsSilence();
    assertEquals(app.closed, ["normal"]);
    lab.pass(200 * SECOND_US);
    peer.expectsSilence();
  });
}

Deno.test("CLOSE_WAIT: it lasts until the user closes (RFC 9293 §3.3.2)", () => {
  const { lab, peer, app } = reachCloseWait();
  lab.pass(24 * 3600 * SECOND_US);
  peer.expectsSilence();
  assertEquals(app.state, "CLOSE_WAIT");
});

Deno.test("CLOSE_WAIT: the peer's FIN again gets an ACK again (RFC 9293 §3.10.7.4, first)", () => {
  const { peer, app } = reachCloseWait();
  for (let i = 0; i < 3; i++) {
    peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
    peer.expects({ flags: "ACK", seq: 1, ack: 2 });
    peer.expectsSilence();
  }
  assertEquals([app.state, app.peerClosed], ["CLOSE_WAIT", 1]);
});

Deno.test("CLOSE_WAIT: text after the FIN is ignored (RFC 9293 §3.10.7.4, seventh)", () => {
  const { lab, peer, app } = reachCloseWait();
  peer.sends({ flags: "ACK", seq: 2, ack: 1, data: "ghost" });
  peer.sends({ flags: "ACK", seq: 20, ack: 1, data: "ghost" });
  lab.pass(SECOND_US);
  // Whether it says so or not: what is acknowledged does not move.
  for (const { flags, seq, ack } of peer.takeAll()) assertEquals([flags, seq, ack], ["ACK", 1, 2]);
  assertEquals([app.text, app.connection.readableBytes, app.state], ["", 0, "CLOSE_WAIT"]);
});

Deno.test("CLOSE_WAIT: URG is ignored (RFC 9293 §3.10.7.4, sixth)", () => {
  const { peer, app } = reachCloseWait();
  peer.sends({ flags: "URG ACK", seq: 2, ack: 1, urgentPointer: 5 });
  peer.takeAll();
  assertEquals(app.urgent, []);
});

Deno.test("CLOSE_WAIT: RST at RCV.NXT resets (RFC 9293 §3.10.7.4, second; MUST-12)", () => {
  const { lab, peer, app } = reachCloseWait();
  lab.takeTransitions();
  peer.sends({ flags: "RST", seq: 2 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), ["CLOSE_WAIT>CLOSED"]);
  assertEquals(app.closed, ["reset-by-peer"]);
});

Deno.test("CLOSE_WAIT: ABORT sends RST (RFC 9293 §3.10.5)", () => {
  const { peer, app } = reachCloseWait();
  app.abort();
  const [reset, ...others] = peer.takeAll();
  assertEquals([reset.flags.split(" ")[0], reset.seq, others.length], ["RST", 1, 0]);
  assertEquals(app.closed, ["reset-by-us"]);
});

Deno.test("CLOSE_WAIT: ACKs move SND.UNA and the window as in ESTABLISHED (RFC 9293 §3.10.7.4, fifth)", () => {
  const { peer, app } = reachEstablished({ peer: { window: 10 } });
  app.connection.setNoDelay(true);
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 2 });
  app.write("0123456789abcdefghij");
  peer.expects({ flags: "ACK", seq: 1, ack: 2, data: "0123456789" });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 2, ack: 11, window: 10 });
  peer.expects({ flags: "ACK", seq: 11, ack: 2, data: "abcdefghij" });
  peer.expectsSilence();
});

Deno.test("CLOSE_WAIT: bytes received before the FIN can still be read (RFC 9293 §3.10.3)", () => {
  const { peer, app } = reachEstablished({ autoRead: false });
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1, data: "unread" });
  peer.expects({ flags: "ACK", seq: 1, ack: 8 });
  assertEquals([app.state, app.connection.readableBytes, app.connection.atEnd], ["CLOSE_WAIT", 6, false]);
  assertEquals(String.fromCharCode(...app.read()), "unread");
  assertEquals(app.connection.atEnd, true);
});

Deno.test("CLOSE_WAIT: an ACK of what was never sent gets an ACK (RFC 9293 §3.10.7.4, fifth)", () => {
  const { peer, app } = reachCloseWait();
  peer.sends({ flags: "ACK", seq: 2, ack: 5 });
  peer.expects({ flags: "ACK", seq: 1, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.state, "CLOSE_WAIT");
});
