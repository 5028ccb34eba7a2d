/**
 * Both sides at once: simultaneous open (RFC 9293 §3.5, figure 7) and simultaneous close (§3.6, figure 13).
 */
import { assertEquals } from "@std/assert";
import { Lab } from "./harness.ts";
import { ALL_OPTIONS, reachEstablished, reachFinWait1, reachSynSent } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

Deno.test("simultaneous open, figure 7: SYN crosses SYN, SYN-ACK crosses SYN-ACK (MUST-10)", () => {
  const { lab, peer, app } = reachSynSent();
  lab.takeTransitions();
  peer.sends({ flags: "SYN", seq: 0, options: { mss: 1000 } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.expectsSilence();
  // The peer's SYN, ACK: its SYN is an old one to us, the ACK in it is what we wait for.
  peer.sends({ flags: "SYN ACK", seq: 0, ack: 1, options: { mss: 1000 } });
  assertEquals(lab.takeTransitions(), ["SYN_SENT>SYN_RCVD", "SYN_RCVD>ESTABLISHED"]);
  assertEquals(app.opened, 1);
  // At most one ACK, and certainly no RST and no SYN.
  for (const { flags, seq, ack } of peer.takeAll()) assertEquals([flags, seq, ack], ["ACK", 1, 1]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "hello" });
  app.write("hi");
  assertEquals(app.text, "hello");
  const sent = peer.takeAll().map(({ data }) => String.fromCharCode(...data)).join("");
  assertEquals(sent, "hi");
});

Deno.test("simultaneous open: options are agreed on as otherwise (MUST-10, RFC 7323 §1.3)", () => {
  const { peer, app } = reachSynSent();
  peer.sends({ flags: "SYN", seq: 0, options: ALL_OPTIONS });
  const synAck = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals(synAck.options.sackPermitted, true);
  assertEquals(synAck.options.timestamps?.echo, ALL_OPTIONS.timestamps?.value);
  peer.timestamps = true;
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  assertEquals(app.state, "ESTABLISHED");
  const { sackPermitted, timestamps, sendWindowShift } = app.connection.info();
  assertEquals([sackPermitted, timestamps, sendWindowShift], [true, true, 7]);
});

Deno.test("simultaneous open with an old duplicate SYN: it is reset, then all goes well (MUST-10, RFC 9293 §3.5)", () => {
  const { lab, peer, app } = reachSynSent();
  lab.takeTransitions();
  // An old SYN of the peer, far away; the peer resets our answer to it.
  peer.sends({ flags: "SYN", seq: -5000 });
  const answer = peer.takeAll();
  assertEquals(answer.map(({ flags, ack }) => [flags, ack]), [["SYN ACK", -4999]]);
  peer.sends({ flags: "RST", seq: -4999 });
  assertEquals(lab.takeTransitions(), ["SYN_SENT>SYN_RCVD", "SYN_RCVD>CLOSED"]);
  assertEquals(app.closed, ["refused"]);
});

Deno.test("simultaneous open: what was written before goes out afterwards (MUST-10)", () => {
  const { peer, app } = reachSynSent();
  app.write("early");
  peer.sends({ flags: "SYN", seq: 0 });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "early" });
});

Deno.test("simultaneous close, figure 13: FIN crosses FIN, both go through CLOSING to TIME_WAIT (MUST-13)", () => {
  for (const role of ["server", "client"] as const) {
    const { lab, peer, app } = reachFinWait1({ role, tcp: { mslUs: SECOND_US } });
    lab.takeTransitions();
    peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
    peer.expects({ flags: "ACK", seq: 2, ack: 2 });
    peer.sends({ flags: "ACK", seq: 2, ack: 2 });
    peer.expectsSilence();
    lab.pass(3 * SECOND_US);
    assertEquals(lab.takeTransitions(), ["FIN_WAIT_1>CLOSING", "CLOSING>TIME_WAIT", "TIME_WAIT>CLOSED"]);
    assertEquals(app.closed, ["normal"]);
    peer.expectsSilence();
  }
});

Deno.test("simultaneous close with text under way both ways: nothing is lost (MUST-13, RFC 9293 §3.6)", () => {
  const { peer, app } = reachEstablished();
  app.write("ours");
  app.closeWrite();
  const sent = peer.takeAll();
  assertEquals(sent.map(({ data }) => String.fromCharCode(...data)).join(""), "ours");
  assertEquals(sent[sent.length - 1].flags, "FIN ACK");
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1, data: "theirs" });
  peer.expects({ flags: "ACK", seq: 6, ack: 8 });
  assertEquals([app.state, app.text], ["CLOSING", "theirs"]);
  peer.sends({ flags: "ACK", seq: 8, ack: 5 });
  assertEquals(app.state, "CLOSING");
  peer.sends({ flags: "ACK", seq: 8, ack: 6 });
  assertEquals(app.state, "TIME_WAIT");
  peer.expectsSilence();
});

Deno.test("simultaneous close: a lost FIN of ours is sent again from CLOSING (MUST-18)", () => {
  const { lab, peer, app } = reachFinWait1();
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  lab.pass(2 * SECOND_US);
  const [again] = peer.takeAll();
  assertEquals([again.flags, again.seq, again.ack], ["FIN ACK", 1, 2]);
  peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  assertEquals(app.state, "TIME_WAIT");
});

Deno.test("text and FIN of a SYN that crosses ours wait until the handshake is over (RFC 9293 §3.10.7.3)", () => {
  for (const [flags, ended] of [["SYN", false], ["SYN FIN", true]] as const) {
    const { lab, peer, app } = reachSynSent();
    peer.sends({ flags, seq: 0, data: "abc", options: { mss: 1460 } });
    // Not acknowledged yet: what is behind the SYN is the peer's to send again if we forget it.
    peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    peer.expectsSilence();
    assertEquals(app.text, "");
    peer.sends({ flags: "ACK", seq: ended ? 5 : 4, ack: 1 });
    assertEquals([app.text, app.state], ["abc", ended ? "CLOSE_WAIT" : "ESTABLISHED"]);
    lab.pass(SECOND_US);
    const acks = peer.takeAll();
    assertEquals(acks[acks.length - 1].ack, ended ? 5 : 4);
  }
});

Deno.test("a SYN that crosses ours may ask for ECN, and is granted it (RFC 3168 §6.1.1)", () => {
  for (const ecn of ["off", "accept", "request"] as const) {
    const lab = new Lab({ tcp: { ecn } });
    const peer = lab.peer();
    const app = lab.connect(peer);
    peer.takeAll();
    peer.sends({ flags: "SYN ECE CWR", seq: 0, options: { mss: 1460 } });
    peer.expects({ flags: ecn === "off" ? "SYN ACK" : "SYN ACK ECE", seq: 0, ack: 1 });
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    assertEquals(app.connection.info().ecn, ecn !== "off");
  }
});
