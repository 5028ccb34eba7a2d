/**
 * CLOSED: what segments get for which there is no connection and no listener (RFC 9293 §3.5.2 group 1, §3.10.7.1).
 */
import { assertEquals } from "@std/assert";
import { Lab } from "./harness.ts";
import { reachEstablished } from "./states.ts";

/** With ACK: <SEQ=SEG.ACK><CTL=RST>. Without: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>. */
const ANSWERS = [
  { flags: "SYN", data: 0, answer: { flags: "RST ACK", seq: 0, ack: 101 } },
  { flags: "SYN", data: 5, answer: { flags: "RST ACK", seq: 0, ack: 106 } },
  { flags: "FIN", data: 0, answer: { flags: "RST ACK", seq: 0, ack: 101 } },
  { flags: "SYN FIN", data: 3, answer: { flags: "RST ACK", seq: 0, ack: 105 } },
  { flags: "", data: 0, answer: { flags: "RST ACK", seq: 0, ack: 100 } },
  { flags: "PSH URG", data: 7, answer: { flags: "RST ACK", seq: 0, ack: 107 } },
  { flags: "ACK", data: 0, answer: { flags: "RST", seq: 4242 } },
  { flags: "ACK", data: 9, answer: { flags: "RST", seq: 4242 } },
  { flags: "SYN ACK", data: 0, answer: { flags: "RST", seq: 4242 } },
  { flags: "FIN ACK", data: 0, answer: { flags: "RST", seq: 4242 } },
  { flags: "PSH ACK", data: 2, answer: { flags: "RST", seq: 4242 } },
] as const;

for (const { flags, data, answer } of ANSWERS) {
  Deno.test(`CLOSED answers <${flags}> with ${data} bytes with ${answer.flags} (RFC 9293 §3.10.7.1)`, () => {
    const lab = new Lab();
    const peer = lab.peer();
    // No SYN of ours was seen: the host's numbers are absolute here.
    peer.sends({ flags, seq: 100, ack: 4242, data });
    const reset = peer.expects(answer);
    peer.expectsSilence();
    if (!answer.flags.includes("ACK")) {
      assertEquals(reset.absoluteAck, 0, "a RST without ACK has no number there");
    }
    assertEquals(reset.window, 0);
    lab.pass(120_000_000);
    peer.expectsSilence();
    lab.expectsNoStrays();
  });
}

for (const flags of ["RST", "RST ACK", "RST SYN", "RST FIN ACK", "RST PSH ACK URG"]) {
  Deno.test(`CLOSED discards <${flags}> in silence (RFC 9293 §3.10.7.1)`, () => {
    const lab = new Lab();
    const peer = lab.peer();
    peer.sends({ flags, seq: 100, ack: 4242 });
    peer.sends({ flags, seq: 0, ack: 0, data: "late words" });
    peer.expectsSilence();
    lab.expectsNoStrays();
  });
}

Deno.test("CLOSED: RST numbers wrap around modulo 2^32 (RFC 9293 §3.4)", () => {
  const lab = new Lab();
  const peer = lab.peer({ iss: 0xffff_ffff });
  peer.sends({ flags: "SYN", seq: 0 });
  assertEquals(peer.expects({ flags: "RST ACK", seq: 0 }).absoluteAck, 0);
  peer.sends({ flags: "FIN", seq: 0, data: "abc" });
  assertEquals(peer.expects({ flags: "RST ACK", seq: 0 }).absoluteAck, 3);
  peer.expectsSilence();
});

Deno.test("CLOSED: a listener on another port changes nothing, and opening one disturbs nobody (MUST-41)", () => {
  const { lab, peer, app } = reachEstablished();
  const others = lab.listen({ port: 8888 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "still here" });
  assertEquals(app.text, "still here");
  const stranger = lab.peer({ hostPort: 9999 });
  stranger.sends({ flags: "SYN", seq: 0 });
  stranger.expects({ flags: "RST ACK", seq: 0, ack: 1 });
  stranger.expectsSilence();
  assertEquals(others.length, 0);
  assertEquals(app.state, "ESTABLISHED");
});

Deno.test("CLOSED after LISTEN: a closed listener no longer answers SYN, its connections live on (RFC 9293 §3.10.4)", () => {
  const lab = new Lab();
  const apps = lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  apps.close();
  const late = lab.peer();
  late.sends({ flags: "SYN", seq: 0 });
  late.expects({ flags: "RST ACK", seq: 0, ack: 1 });
  late.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "x" });
  assertEquals(apps[0].text, "x");
});

Deno.test("CLOSED: a wrong checksum gets no answer at all, not even a RST (MUST-3)", () => {
  const lab = new Lab();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, corrupt: true });
  peer.sends({ flags: "ACK", seq: 0, ack: 77, corrupt: true });
  peer.expectsSilence();
  lab.expectsNoStrays();
});
