/**
 * SYN_SENT: RFC 9293 §3.10.7.3 in its order (ACK, RST, SYN, neither), and the user calls of §3.10 there.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { HOST_IP } from "./family.ts";
import { Lab } from "./harness.ts";
import { reachSynSent } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

Deno.test("an active OPEN sends <SEQ=ISS><CTL=SYN> and nothing else (RFC 9293 §3.10.1)", () => {
  const lab = new Lab();
  const peer = lab.peer();
  const app = lab.connect(peer);
  const syn = peer.expects({ flags: "SYN", seq: 0 });
  peer.expectsSilence();
  assertEquals(syn.absoluteAck, 0);
  assertEquals(syn.packet.source, HOST_IP);
  assertEquals(app.connection.localAddress, HOST_IP, "MUST-44: the source address is IP's choice");
  assertEquals(lab.takeTransitions(), ["CLOSED>SYN_SENT"]);
  assertEquals(app.opened, 0);
});

/** SEG.ACK =< ISS or SEG.ACK > SND.NXT, and what the answer is. */
for (const ack of [-1000, -1, 0, 2, 100]) {
  for (const flags of ["ACK", "SYN ACK", "FIN ACK", "PSH ACK", "SYN FIN ACK"]) {
    Deno.test(`SYN_SENT: <${flags}> with ACK ${ack} of what we never sent gets RST (RFC 9293 §3.10.7.3, first)`, () => {
      const { lab, peer, app } = reachSynSent();
      lab.takeTransitions();
      peer.sends({ flags, seq: 7, ack });
      peer.expects({ flags: "RST", seq: ack });
      peer.expectsSilence();
      assertEquals(app.state, "SYN_SENT");
      assertEquals(lab.takeTransitions(), []);
      // And the real answer still works.
      peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
      peer.expects({ flags: "ACK", seq: 1, ack: 1 });
      assertEquals(app.state, "ESTABLISHED");
    });
  }
  Deno.test(`SYN_SENT: <RST ACK> with ACK ${ack} is dropped in silence (RFC 9293 §3.10.7.3, first)`, () => {
    const { peer, app } = reachSynSent();
    peer.sends({ flags: "RST ACK", seq: 0, ack });
    peer.expectsSilence();
    assertEquals(app.state, "SYN_SENT");
    assertEquals(app.closed, []);
  });
}

Deno.test("SYN_SENT: RST with an acceptable ACK: refused, and the application is told (MUST-12, RFC 9293 §3.10.7.3, second)", () => {
  for (const seq of [0, 12345, -70000]) {
    const { lab, peer, app } = reachSynSent();
    lab.takeTransitions();
    // The sequence number does not count here: nothing is known to compare it with (RFC 5961 §3.2).
    peer.sends({ flags: "RST ACK", seq, ack: 1 });
    peer.expectsSilence();
    assertEquals(app.closed, ["refused"]);
    assertEquals(lab.takeTransitions(), ["SYN_SENT>CLOSED"]);
    assertEquals(lab.host.connections().length, 0);
    lab.pass(200 * SECOND_US);
    peer.expectsSilence();
  }
});

Deno.test("SYN_SENT: SYN, ACK establishes, and is acknowledged at once (RFC 9293 §3.10.7.3, fourth)", () => {
  const { lab, peer, app } = reachSynSent();
  lab.takeTransitions();
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1460 } });
  peer.expects({ flags: "ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), ["SYN_SENT>ESTABLISHED"]);
  assertEquals(app.opened, 1);
  lab.pass(10 * SECOND_US);
  peer.expectsSilence();
});

Deno.test("SYN_SENT: text on the SYN, ACK is taken, or taken when it comes again (RFC 9293 §3.10.7.3, fourth)", () => {
  const { lab, peer, app } = reachSynSent();
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, data: "hello" });
  lab.pass(SECOND_US);
  const answers = peer.takeAll();
  assert(answers.length >= 1);
  assertEquals(answers.map(({ flags }) => flags), answers.map(() => "ACK"));
  assertEquals(answers[answers.length - 1].ack, 6, "the text was valid and has to be processed further");
  assertEquals(app.text, "hello");
});

Deno.test("SYN_SENT: FIN on the SYN, ACK leads on to CLOSE_WAIT (RFC 9293 §3.10.7.3, fourth; §3.10.7.4, eighth)", () => {
  const { lab, peer, app } = reachSynSent();
  lab.takeTransitions();
  peer.sends({ flags: "SYN FIN ACK", seq: 0, ack: 1 });
  const answers = peer.takeAll();
  assertEquals(answers[answers.length - 1].ack, 2);
  assertEquals(app.state, "CLOSE_WAIT");
  assertEquals(app.peerClosed, 1);
});

Deno.test("SYN_SENT: SYN without ACK is a simultaneous open (MUST-10, RFC 9293 §3.10.7.3, fourth)", () => {
  const { lab, peer, app } = reachSynSent();
  lab.takeTransitions();
  peer.sends({ flags: "SYN", seq: 0 });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), ["SYN_SENT>SYN_RCVD"]);
  assertEquals(app.opened, 0);
});

for (const flags of ["", "FIN", "PSH", "URG"]) {
  Deno.test(`SYN_SENT: <${flags}>, neither SYN nor RST nor ACK, is dropped (RFC 9293 §3.10.7.3, fifth)`, () => {
    const { peer, app } = reachSynSent();
    peer.sends({ flags, seq: 0, data: "text" });
    peer.expectsSilence();
    assertEquals(app.state, "SYN_SENT");
  });
}

for (const flags of ["ACK", "FIN ACK", "PSH ACK", "URG ACK"]) {
  Deno.test(`SYN_SENT: <${flags}> with an acceptable ACK, but no SYN, is dropped (RFC 9293 §3.10.7.3, fifth)`, () => {
    const { peer, app } = reachSynSent();
    peer.sends({ flags, seq: 1, ack: 1, data: "text" });
    peer.expectsSilence();
    assertEquals(app.state, "SYN_SENT");
    assertEquals(app.text, "");
  });
}

Deno.test("SYN_SENT: CLOSE deletes the TCB, nothing is sent (RFC 9293 §3.10.4)", () => {
  const { lab, peer, app } = reachSynSent();
  app.close();
  peer.expectsSilence();
  assertEquals(app.state, "CLOSED");
  assertEquals(app.closed.length, 1);
  assertEquals(lab.host.connections().length, 0);
  lab.pass(200 * SECOND_US);
  peer.expectsSilence();
  // What arrives now finds no connection.
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.expects({ flags: "RST", seq: 1 });
  peer.expectsSilence();
});

Deno.test("SYN_SENT: ABORT deletes the TCB, nothing is sent (RFC 9293 §3.10.5)", () => {
  const { lab, peer, app } = reachSynSent();
  app.abort();
  peer.expectsSilence();
  assertEquals(app.closed.length, 1);
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("SYN_SENT: what is written is queued, and goes out after the handshake (RFC 9293 §3.10.2)", () => {
  const { peer, app } = reachSynSent();
  app.write("queued");
  peer.expectsSilence();
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1460 } });
  const answers = peer.takeAll();
  const data = answers.map((seen) => String.fromCharCode(...seen.data)).join("");
  assertEquals(data, "queued");
  for (const seen of answers) assertEquals([seen.flags, seen.seq, seen.ack], ["ACK", 1, 1]);
});

Deno.test("an active OPEN to a broadcast or multicast address is refused (MUST-46, RFC 9293 §3.9.2.3)", () => {
  for (const address of [[224, 0, 0, 1], [255, 255, 255, 255], [10, 0, 0, 255], [239, 1, 2, 3]]) {
    const lab = new Lab();
    assertThrows(() => lab.connect(lab.peer({ address: Uint8Array.from(address) })));
    assertEquals(lab.strays.length, 0);
    assertEquals(lab.host.connections().length, 0);
  }
});
