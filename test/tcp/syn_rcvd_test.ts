/**
 * SYN_RCVD: RFC 9293 §3.10.7.4 where that state differs, for both ways that lead here, and the switch `duplicateSyn`.
 */
import { assert, assertEquals } from "@std/assert";
import { Lab } from "./harness.ts";
import { reachSynRcvd } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const ROLES = ["server", "client"] as const;

for (const role of ROLES) {
  Deno.test(`SYN_RCVD (${role}): the ACK of our SYN establishes; no answer (RFC 9293 §3.10.7.4, fifth)`, () => {
    const { lab, peer, app } = reachSynRcvd({ role });
    lab.takeTransitions();
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), ["SYN_RCVD>ESTABLISHED"]);
    assertEquals(app.opened, 1);
    lab.pass(300 * SECOND_US);
    peer.expectsSilence();
  });

  Deno.test(`SYN_RCVD (${role}): text with the ACK of our SYN is delivered (RFC 9293 §3.10.7.4, seventh)`, () => {
    const { lab, peer, app } = reachSynRcvd({ role });
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "hello" });
    assertEquals(app.state, "ESTABLISHED");
    assertEquals(app.text, "hello");
    lab.pass(SECOND_US / 2);
    peer.expects({ flags: "ACK", seq: 1, ack: 6 });
    peer.expectsSilence();
  });

  Deno.test(`SYN_RCVD (${role}): FIN with the ACK of our SYN leads to CLOSE_WAIT (RFC 9293 §3.10.7.4, eighth)`, () => {
    const { peer, app } = reachSynRcvd({ role });
    peer.sends({ flags: "FIN ACK", seq: 1, ack: 1, data: "bye" });
    peer.expects({ flags: "ACK", seq: 1, ack: 5 });
    peer.expectsSilence();
    assertEquals(app.state, "CLOSE_WAIT");
    assertEquals([app.opened, app.peerClosed, app.text], [1, 1, "bye"]);
  });

  for (const ack of [-1, 0, 2, 5000]) {
    Deno.test(`SYN_RCVD (${role}): ACK ${ack}, not that of our SYN, gets <SEQ=SEG.ACK><CTL=RST> (RFC 9293 §3.10.7.4, fifth; §3.5.2, 2)`, () => {
      const { lab, peer, app } = reachSynRcvd({ role });
      lab.takeTransitions();
      peer.sends({ flags: "ACK", seq: 1, ack });
      peer.expects({ flags: "RST", seq: ack });
      peer.expectsSilence();
      assertEquals(lab.takeTransitions(), []);
      assertEquals(app.state, "SYN_RCVD");
      peer.sends({ flags: "ACK", seq: 1, ack: 1 });
      assertEquals(app.state, "ESTABLISHED");
    });
  }

  Deno.test(`SYN_RCVD (${role}): a segment without ACK is dropped (RFC 9293 §3.10.7.4, fifth)`, () => {
    const { peer, app } = reachSynRcvd({ role });
    for (const flags of ["", "FIN", "PSH", "URG"]) peer.sends({ flags, seq: 1, data: "x" });
    peer.expectsSilence();
    assertEquals(app.state, "SYN_RCVD");
    assertEquals(app.text, "");
  });

  for (const seq of [-70_000, -1, "right edge", "beyond"] as const) {
    Deno.test(`SYN_RCVD (${role}): ACK at ${seq}, outside the window, gets an ACK and nothing else (RFC 9293 §3.10.7.4, first)`, () => {
      const { peer, app } = reachSynRcvd({ role });
      const at = typeof seq === "number" ? seq : peer.hostRightEdge + (seq === "beyond" ? 9999 : 0);
      peer.sends({ flags: "ACK", seq: at, ack: 1 });
      peer.expects({ flags: "ACK", seq: 1, ack: 1 });
      peer.expectsSilence();
      assertEquals(app.state, "SYN_RCVD");
    });
  }

  Deno.test(`SYN_RCVD (${role}): RST outside the window is dropped in silence (RFC 9293 §3.10.7.4, first)`, () => {
    const { peer, app } = reachSynRcvd({ role });
    peer.sends({ flags: "RST", seq: 0 });
    peer.sends({ flags: "RST ACK", seq: peer.hostRightEdge, ack: 1 });
    peer.expectsSilence();
    assertEquals(app.state, "SYN_RCVD");
  });

  Deno.test(`SYN_RCVD (${role}): RST inside the window but not at its edge gets a challenge ACK (RFC 5961 §3.2)`, () => {
    const { peer, app } = reachSynRcvd({ role });
    peer.sends({ flags: "RST", seq: 2 });
    peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
    assertEquals(app.state, "SYN_RCVD");
  });

  Deno.test(`SYN_RCVD (${role}): CLOSE sends FIN, and our ACKed SYN and FIN lead to FIN_WAIT_2 (RFC 9293 §3.10.4)`, () => {
    const { lab, peer, app } = reachSynRcvd({ role });
    lab.takeTransitions();
    app.closeWrite();
    // "If no SENDs have been issued and there is no pending data to send, then form a FIN segment and send it".
    peer.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), ["SYN_RCVD>FIN_WAIT_1"]);
    peer.sends({ flags: "ACK", seq: 1, ack: 2 });
    peer.expectsSilence();
    assertEquals(app.state, "FIN_WAIT_2");
  });

  Deno.test(`SYN_RCVD (${role}): ABORT sends RST (RFC 9293 §3.10.5)`, () => {
    const { lab, peer, app } = reachSynRcvd({ role });
    app.abort();
    const reset = peer.takeAll();
    assertEquals(reset.map(({ flags, seq }) => [flags.split(" ")[0], seq]), [["RST", 1]]);
    assertEquals(app.closed, ["reset-by-us"]);
    assertEquals(lab.host.connections().length, 0);
  });

  Deno.test(`SYN_RCVD (${role}): what is written waits for the handshake (RFC 9293 §3.10.2)`, () => {
    const { peer, app } = reachSynRcvd({ role });
    app.write("queued");
    peer.expectsSilence();
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "queued" });
    peer.expectsSilence();
  });

  Deno.test(`SYN_RCVD (${role}): text before the ACK of our SYN is kept or comes again, once delivered (SHLD-31)`, () => {
    const { lab, peer, app } = reachSynRcvd({ role });
    peer.sends({ flags: "ACK", seq: 6, ack: 1, data: "world" });
    assertEquals(app.state, "ESTABLISHED");
    assertEquals(app.text, "");
    peer.takeAll();
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "hello" });
    assertEquals(app.text, "helloworld");
    lab.pass(SECOND_US / 2);
    peer.expects({ flags: "ACK", seq: 1, ack: 11 });
    peer.expectsSilence();
  });

  Deno.test(`SYN_RCVD (${role}): the first ACK sets SND.WND, SND.WL1, SND.WL2 (RFC 9293 §3.10.7.4, fifth)`, () => {
    // Half of the largest window may be filled (RFC 9293 §3.8.6.2.1), so the test keeps windows alike.
    const { peer, app } = reachSynRcvd({ role, peer: { window: 10 } });
    peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 5 });
    app.connection.setNoDelay(true);
    app.write("1234567");
    peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "12345" });
    peer.expectsSilence();
  });
}

Deno.test("SYN_RCVD from LISTEN: RST at RCV.NXT returns to LISTEN; nobody is told (MUST-11, RFC 9293 §3.10.7.4, second)", () => {
  const { lab, peer, app } = reachSynRcvd();
  lab.takeTransitions();
  peer.sends({ flags: "RST", seq: 1 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), ["SYN_RCVD>LISTEN"]);
  assertEquals(app.opened, 0);
  assertEquals(lab.host.connections().length, 0);
  lab.pass(300 * SECOND_US);
  peer.expectsSilence();
  // The listener still listens.
  peer.sends({ flags: "SYN", seq: 0 });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.expectsSilence();
});

Deno.test("SYN_RCVD from SYN_SENT: RST at RCV.NXT: refused, the application is told (MUST-11, MUST-12, RFC 9293 §3.10.7.4, second)", () => {
  const { lab, peer, app } = reachSynRcvd({ role: "client" });
  lab.takeTransitions();
  peer.sends({ flags: "RST", seq: 1 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), ["SYN_RCVD>CLOSED"]);
  assertEquals(app.closed, ["refused"]);
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("SYN_RCVD from LISTEN, duplicateSyn rfc9293: a SYN in the window returns to LISTEN (MUST-11, RFC 9293 §3.10.7.4, fourth)", () => {
  const { lab, peer, app } = reachSynRcvd({ tcp: { duplicateSyn: "rfc9293" } });
  lab.takeTransitions();
  peer.sends({ flags: "SYN", seq: 5 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), ["SYN_RCVD>LISTEN"]);
  assertEquals(app.opened, 0);
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("SYN_RCVD from SYN_SENT: a SYN in the window gets a challenge ACK (MUST-11, RFC 9293 §3.10.7.4, fourth)", () => {
  for (const duplicateSyn of ["rfc9293", "repeat-syn-ack"] as const) {
    const { peer, app } = reachSynRcvd({ role: "client", tcp: { duplicateSyn } });
    peer.sends({ flags: "SYN", seq: 5 });
    peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
    assertEquals(app.state, "SYN_RCVD");
  }
});

Deno.test("SYN_RCVD, duplicateSyn rfc9293: the same SYN again is outside the window: an ACK (RFC 9293 §3.10.7.4, first)", () => {
  for (const role of ROLES) {
    const { peer, app } = reachSynRcvd({ role, tcp: { duplicateSyn: "rfc9293" } });
    peer.sends({ flags: "SYN", seq: 0 });
    peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
    assertEquals(app.state, "SYN_RCVD");
  }
});

Deno.test("SYN_RCVD, duplicateSyn repeat-syn-ack: the same SYN again gets the same SYN, ACK (default; RFC 9293 §3.8.1)", () => {
  for (const role of ROLES) {
    const { peer, app } = reachSynRcvd({ role });
    const iss = peer.hostIss;
    for (let i = 0; i < 3; i++) {
      peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
      const again = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
      assertEquals(again.absoluteSeq, iss);
      assert(again.options.mss !== undefined);
      peer.expectsSilence();
    }
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    assertEquals(app.state, "ESTABLISHED");
  }
});

Deno.test("SYN_RCVD: repeating its SYN, a peer does not make the table grow (MUST-42)", () => {
  const { lab, peer } = reachSynRcvd();
  for (let i = 0; i < 50; i++) peer.sends({ flags: "SYN", seq: 0 });
  assertEquals(lab.host.connections().length, 1);
});

Deno.test("SYN_RCVD: the peer's SYN with another number while ours is unacknowledged: an old duplicate recovers (RFC 9293 §3.5, figure 8)", () => {
  // The old duplicate SYN is answered, its sender resets it, and the new SYN is answered.
  const lab = new Lab();
  const apps = lab.listen();
  const old = lab.peer({ port: 5000, iss: 90 });
  old.sends({ flags: "SYN", seq: 0 });
  old.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  old.sends({ flags: "RST", seq: 1 });
  old.expectsSilence();
  const fresh = lab.peer({ port: 5000, iss: 100 });
  fresh.sends({ flags: "SYN", seq: 0 });
  fresh.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  fresh.sends({ flags: "ACK", seq: 1, ack: 1 });
  fresh.expectsSilence();
  assertEquals(apps[apps.length - 1].state, "ESTABLISHED");
});
