/**
 * FIN_WAIT_2: our FIN is acknowledged, the peer may send on (RFC 9293 §3.10.7.4, §3.6).
 */
import { assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_TCP_CONFIG } from "../../src/tcp/config.ts";
import { reachEstablished, reachFinWait2 } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

for (const role of ["server", "client"] as const) {
  Deno.test(`FIN_WAIT_2 (${role}): FIN leads to TIME_WAIT and is acknowledged (MUST-13, RFC 9293 §3.10.7.4, eighth)`, () => {
    const { lab, peer, app } = reachFinWait2({ role });
    lab.takeTransitions();
    peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
    peer.expects({ flags: "ACK", seq: 2, ack: 2 });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), ["FIN_WAIT_2>TIME_WAIT"]);
    assertEquals([app.peerClosed, app.closed.length], [1, 0]);
  });

  Deno.test(`FIN_WAIT_2 (${role}): text is delivered as long as the peer sends (RFC 9293 §3.10.7.4, seventh)`, () => {
    const { lab, peer, app } = reachFinWait2({ role });
    for (let i = 0; i < 100; i++) {
      peer.sends({ flags: "ACK", seq: 1 + i * 1000, ack: 2, data: 1000 });
      lab.pass(SECOND_US / 10);
    }
    assertEquals(app.bytesRead.length, 100_000);
    const seen = peer.takeAll();
    assertEquals(seen[seen.length - 1].ack, 100_001);
    for (const { flags, seq } of seen) assertEquals([flags, seq], ["ACK", 2]);
    assertEquals(app.state, "FIN_WAIT_2");
  });
}

Deno.test("FIN_WAIT_2: with a reader there is no time-out: half-closed for as long as it takes (RFC 9293 §3.6)", () => {
  const { lab, peer, app } = reachFinWait2();
  lab.pass(24 * 3600 * SECOND_US);
  peer.expectsSilence();
  assertEquals(app.state, "FIN_WAIT_2");
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  assertEquals(app.state, "TIME_WAIT");
});

Deno.test("FIN_WAIT_2: when the application has gone (close), it ends after finWait2Us", () => {
  const { lab, peer, app } = reachEstablished();
  app.close();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  assertEquals(app.state, "FIN_WAIT_2");
  lab.takeTransitions();
  lab.pass(DEFAULT_TCP_CONFIG.finWait2Us - SECOND_US);
  assertEquals(lab.takeTransitions(), []);
  lab.pass(2 * SECOND_US);
  assertEquals(lab.takeTransitions(), ["FIN_WAIT_2>CLOSED"]);
  assertEquals(app.closed.length, 1);
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("FIN_WAIT_2: nothing can be written (RFC 9293 §3.10.2)", () => {
  const { peer, app } = reachFinWait2();
  assertThrows(() => app.write("no"));
  peer.expectsSilence();
});

Deno.test("FIN_WAIT_2: RST at RCV.NXT resets (RFC 9293 §3.10.7.4, second; MUST-12)", () => {
  const { lab, peer, app } = reachFinWait2();
  lab.takeTransitions();
  peer.sends({ flags: "RST", seq: 1 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), ["FIN_WAIT_2>CLOSED"]);
  assertEquals(app.closed, ["reset-by-peer"]);
});

Deno.test("FIN_WAIT_2: ABORT sends RST (RFC 9293 §3.10.5)", () => {
  const { peer, app } = reachFinWait2();
  app.abort();
  const [reset, ...others] = peer.takeAll();
  assertEquals([reset.flags.split(" ")[0], reset.seq, others.length], ["RST", 2, 0]);
  assertEquals(app.closed, ["reset-by-us"]);
});

Deno.test("FIN_WAIT_2: an old ACK, and one of what was never sent (RFC 9293 §3.10.7.4, fifth)", () => {
  const { peer, app } = reachFinWait2();
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 3 });
  peer.expects({ flags: "ACK", seq: 2, ack: 1 });
  peer.expectsSilence();
  assertEquals(app.state, "FIN_WAIT_2");
});

Deno.test("FIN_WAIT_2: text and FIN out of order come together (SHLD-31)", () => {
  const { peer, app } = reachFinWait2();
  peer.sends({ flags: "FIN ACK", seq: 7, ack: 2, data: "789" });
  peer.expects({ flags: "ACK", seq: 2, ack: 1 });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 2, data: "123456" });
  peer.expects({ flags: "ACK", seq: 2, ack: 11 });
  peer.expectsSilence();
  assertEquals([app.text, app.state], ["123456789", "TIME_WAIT"]);
});

Deno.test("MAY-1, SHLD-3: after close() text that nobody will read is dropped, or answered with RST; never delivered late", () => {
  const { lab, peer, app } = reachEstablished();
  app.close();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  peer.sends({ flags: "ACK", seq: 1, ack: 2, data: "anybody?" });
  lab.pass(SECOND_US);
  assertEquals(app.text, "");
  const [answer] = peer.takeAll();
  // The half-duplex close (MAY-1) answers RST (SHLD-3); the full-duplex one takes the text and drops it.
  if (answer.flags.startsWith("RST")) assertEquals(app.closed.length, 1);
  else assertEquals([answer.flags, answer.ack], ["ACK", 9]);
});
