/**
 * FIN_WAIT_1: our FIN is out and not yet acknowledged (RFC 9293 §3.10.7.4, §3.6).
 */
import { assertEquals, assertThrows } from "@std/assert";
import { reachEstablished, reachFinWait1 } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const ROLES = ["server", "client"] as const;

for (const role of ROLES) {
  Deno.test(`FIN_WAIT_1 (${role}): the ACK of our FIN leads to FIN_WAIT_2 (RFC 9293 §3.10.7.4, fifth)`, () => {
    const { lab, peer } = reachFinWait1({ role });
    lab.takeTransitions();
    peer.sends({ flags: "ACK", seq: 1, ack: 2 });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), ["FIN_WAIT_1>FIN_WAIT_2"]);
  });

  Deno.test(`FIN_WAIT_1 (${role}): FIN without the ACK of ours leads to CLOSING (RFC 9293 §3.10.7.4, eighth)`, () => {
    const { lab, peer, app } = reachFinWait1({ role });
    lab.takeTransitions();
    peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
    peer.expects({ flags: "ACK", seq: 2, ack: 2 });
    peer.expectsSilence();
    assertEquals(lab.takeTransitions(), ["FIN_WAIT_1>CLOSING"]);
    assertEquals(app.peerClosed, 1);
  });

  Deno.test(`FIN_WAIT_1 (${role}): FIN with the ACK of ours leads to TIME_WAIT (MUST-13, RFC 9293 §3.10.7.4, eighth)`, () => {
    const { lab, peer, app } = reachFinWait1({ role });
    lab.takeTransitions();
    peer.sends({ flags: "FIN ACK", seq: 1, ack: 2 });
    peer.expects({ flags: "ACK", seq: 2, ack: 2 });
    peer.expectsSilence();
    const path = lab.takeTransitions();
    assertEquals(path[path.length - 1].split(">")[1], "TIME_WAIT");
    assertEquals(path[0].split(">")[0], "FIN_WAIT_1");
    assertEquals(app.state, "TIME_WAIT");
  });

  Deno.test(`FIN_WAIT_1 (${role}): text is still delivered and acknowledged: half-closed (RFC 9293 §3.10.7.4, seventh)`, () => {
    const { lab, peer, app } = reachFinWait1({ role });
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "more" });
    assertEquals(app.text, "more");
    lab.pass(100_000);
    const seen = peer.takeAll().filter(({ flags }) => flags === "ACK");
    assertEquals(seen.map(({ seq, ack }) => [seq, ack]), [[2, 5]]);
    assertEquals(app.state, "FIN_WAIT_1");
  });

  Deno.test(`FIN_WAIT_1 (${role}): ACK of FIN, text and FIN in one segment (RFC 9293 §3.10.7.4, fifth to eighth)`, () => {
    const { peer, app } = reachFinWait1({ role });
    peer.sends({ flags: "FIN ACK", seq: 1, ack: 2, data: "last" });
    peer.expects({ flags: "ACK", seq: 2, ack: 6 });
    peer.expectsSilence();
    assertEquals([app.text, app.state], ["last", "TIME_WAIT"]);
  });
}

Deno.test("FIN_WAIT_1: an ACK of the text, but not of the FIN, changes no state (RFC 9293 §3.10.7.4, fifth)", () => {
  const { lab, peer, app } = reachEstablished();
  app.write("abc");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "abc" });
  app.closeWrite();
  peer.expects({ flags: "FIN ACK", seq: 4, ack: 1 });
  lab.takeTransitions();
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), []);
  peer.sends({ flags: "ACK", seq: 1, ack: 5 });
  assertEquals(lab.takeTransitions(), ["FIN_WAIT_1>FIN_WAIT_2"]);
});

Deno.test("FIN_WAIT_1: the FIN is sent after all that is queued, when the window lets it (RFC 9293 §3.10.4)", () => {
  const { lab, peer, app } = reachEstablished({ peer: { window: 4 } });
  app.connection.setNoDelay(true);
  app.write("abcdefg");
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: "abcd" });
  lab.takeTransitions();
  app.closeWrite();
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 5 });
  // The last text and the FIN, in one segment or in two.
  const seen = peer.takeAll();
  assertEquals(seen.map(({ data }) => String.fromCharCode(...data)).join(""), "efg");
  assertEquals(seen[seen.length - 1].flags, "FIN ACK");
  assertEquals(app.state, "FIN_WAIT_1");
});

Deno.test("FIN_WAIT_1: no more SENDs are accepted (RFC 9293 §3.10.2)", () => {
  const { lab, peer, app } = reachFinWait1();
  assertThrows(() => app.write("too late"));
  assertEquals(app.connection.writableBytes, 0);
  lab.pass(1000);
  peer.expectsSilence();
});

Deno.test("FIN_WAIT_1: a second CLOSE sends no second FIN (RFC 9293 §3.10.4)", () => {
  const { peer, app } = reachFinWait1();
  app.closeWrite();
  app.close();
  peer.expectsSilence();
  assertEquals(app.state, "FIN_WAIT_1");
});

Deno.test("FIN_WAIT_1: ABORT sends <SEQ=SND.NXT><CTL=RST> (RFC 9293 §3.10.5)", () => {
  const { lab, peer, app } = reachFinWait1();
  app.abort();
  const [reset, ...others] = peer.takeAll();
  assertEquals([reset.flags.split(" ")[0], reset.seq, others.length], ["RST", 2, 0]);
  assertEquals(app.closed, ["reset-by-us"]);
  lab.pass(100 * SECOND_US);
  peer.expectsSilence();
});

Deno.test("FIN_WAIT_1: RST at RCV.NXT resets (RFC 9293 §3.10.7.4, second; MUST-12)", () => {
  const { lab, peer, app } = reachFinWait1();
  lab.takeTransitions();
  peer.sends({ flags: "RST", seq: 1 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), ["FIN_WAIT_1>CLOSED"]);
  assertEquals(app.closed, ["reset-by-peer"]);
  assertEquals(lab.host.connections().length, 0);
});

Deno.test("FIN_WAIT_1: our FIN is not acknowledged by an ACK beyond it (RFC 9293 §3.10.7.4, fifth)", () => {
  const { peer, app } = reachFinWait1();
  peer.sends({ flags: "ACK", seq: 1, ack: 3 });
  peer.expects({ flags: "ACK", seq: 2, ack: 1 });
  peer.expectsSilence();
  assertEquals(app.state, "FIN_WAIT_1");
});

Deno.test("FIN_WAIT_1: FIN out of order waits; then CLOSING (SHLD-31, RFC 9293 §3.10.7.4, eighth)", () => {
  const { peer, app } = reachFinWait1();
  peer.sends({ flags: "FIN ACK", seq: 4, ack: 1 });
  peer.expects({ flags: "ACK", seq: 2, ack: 1 });
  peer.expectsSilence();
  assertEquals(app.state, "FIN_WAIT_1");
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "abc" });
  peer.expects({ flags: "ACK", seq: 2, ack: 5 });
  peer.expectsSilence();
  assertEquals([app.state, app.text], ["CLOSING", "abc"]);
});
