/**
 * TIME_WAIT: 2 MSL, the peer's FIN again, RST with its switch, a new SYN (RFC 9293 §3.6.1, §3.10.7.4; RFC 6191; RFC 1337).
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import type { Peer } from "./peer.ts";
import { ALL_OPTIONS, type Fixture, reachClosing, reachTimeWait } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const MSL_US = 30 * SECOND_US;

for (const role of ["server", "client"] as const) {
  Deno.test(`TIME_WAIT (${role}) lasts 2 MSL, and then all is forgotten (MUST-13, RFC 9293 §3.6.1)`, () => {
    const { lab, peer, app } = reachTimeWait({ role, tcp: { mslUs: MSL_US } });
    lab.takeTransitions();
    lab.pass(2 * MSL_US - SECOND_US / 10);
    assertEquals(app.state, "TIME_WAIT");
    assertEquals(app.closed, []);
    lab.pass(SECOND_US / 5);
    assertEquals(lab.takeTransitions(), ["TIME_WAIT>CLOSED"]);
    assertEquals(app.closed, ["normal"]);
    assertEquals(lab.host.connections().length, 0);
    peer.expectsSilence();
  });
}

Deno.test("TIME_WAIT: also when it was reached through CLOSING (MUST-13)", () => {
  const { lab, peer, app } = reachClosing({ tcp: { mslUs: MSL_US } });
  peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  assertEquals(app.state, "TIME_WAIT");
  lab.pass(2 * MSL_US - SECOND_US / 10);
  assertEquals(app.state, "TIME_WAIT");
  lab.pass(SECOND_US / 5);
  assertEquals(app.closed, ["normal"]);
});

Deno.test("TIME_WAIT, timeWaitRst close: RST at RCV.NXT closes (default; RFC 9293 §3.10.7.4, second)", () => {
  const { lab, peer, app } = reachTimeWait({ tcp: { timeWaitRst: "close" } });
  lab.takeTransitions();
  peer.sends({ flags: "RST", seq: 2 });
  peer.expectsSilence();
  assertEquals(lab.takeTransitions(), ["TIME_WAIT>CLOSED"]);
  assertEquals(app.closed.length, 1);
});

Deno.test("TIME_WAIT: RST outside the window is dropped; inside but not at the edge, a challenge ACK (RFC 5961 §3.2)", () => {
  const { peer, app } = reachTimeWait();
  peer.sends({ flags: "RST", seq: 1 });
  peer.expectsSilence();
  peer.sends({ flags: "RST", seq: 3 });
  peer.expects({ flags: "ACK", seq: 2, ack: 2 });
  peer.expectsSilence();
  assertEquals(app.state, "TIME_WAIT");
});

Deno.test("TIME_WAIT: ABORT deletes the TCB in silence (RFC 9293 §3.10.5)", () => {
  const { lab, peer, app } = reachTimeWait();
  app.abort();
  peer.expectsSilence();
  assertEquals(app.closed.length, 1);
  assertEquals(lab.host.connections().length, 0);
});

/** The same peer opens anew: same port, an ISS so much larger than the last number of the old connection. */
function opensAnew({ lab, peer }: Fixture, beyond: number): Peer {
  return lab.peer({ port: peer.port, iss: (peer.iss + 2 + beyond) >>> 0 });
}

for (const beyond of [0, 1, 70_000, 0x4000_0000]) {
  Deno.test(`TIME_WAIT: a SYN ${beyond} beyond RCV.NXT opens a new connection, with a larger ISS of ours (MAY-2, RFC 9293 §3.6.1)`, () => {
    const fixture = reachTimeWait();
    const { lab, peer, app } = fixture;
    lab.pass(SECOND_US);
    const again = opensAnew(fixture, beyond);
    again.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
    again.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    again.expectsSilence();
    assertEquals(app.closed.length, 1);
    // "(1) assigns its initial sequence number for the new connection to be larger than the largest used before".
    assertGreater((again.hostIss - (peer.hostIss + 2)) | 0, -1);
    again.sends({ flags: "ACK", seq: 1, ack: 1, data: "new" });
    const now = lab.host.connections();
    assertEquals(now.map(({ state }) => state), ["ESTABLISHED"]);
  });
}

for (const beyond of [-1, -2, -3, -70_000]) {
  Deno.test(`TIME_WAIT: a SYN ${-beyond} before RCV.NXT is an old duplicate: ACK (MAY-2, RFC 9293 §3.6.1, §3.10.7.4)`, () => {
    const fixture = reachTimeWait();
    const { peer, app } = fixture;
    peer.sends({ flags: "SYN", seq: 2 + beyond });
    peer.expects({ flags: "ACK", seq: 2, ack: 2 });
    peer.expectsSilence();
    assertEquals(app.state, "TIME_WAIT");
  });
}

Deno.test("TIME_WAIT: a SYN with a larger timestamp opens a new connection, whatever its number (SHLD-4, RFC 6191 §2)", () => {
  for (const beyond of [1, -1, -70_000, 500_000]) {
    const fixture = reachTimeWait({ options: ALL_OPTIONS });
    const { lab, peer, app } = fixture;
    lab.pass(SECOND_US);
    const again = opensAnew(fixture, beyond);
    again.sends({
      flags: "SYN",
      seq: 0,
      options: { ...ALL_OPTIONS, timestamps: { value: peer.clock, echo: 0 } },
    });
    again.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
    again.expectsSilence();
    assertEquals(app.closed.length, 1);
  }
});

Deno.test("TIME_WAIT: a SYN with the same timestamp: only a larger number opens (SHLD-4, RFC 6191 §2)", () => {
  for (const [beyond, opens] of [[10, true], [-10, false]] as const) {
    const fixture = reachTimeWait({ options: ALL_OPTIONS });
    const { peer, app } = fixture;
    const again = opensAnew(fixture, beyond);
    again.hostIss = peer.hostIss;
    again.sends({
      flags: "SYN",
      seq: 0,
      options: { ...ALL_OPTIONS, timestamps: { value: peer.clock, echo: 0 } },
    });
    const [answer] = again.takeAll();
    assertEquals(answer.flags, opens ? "SYN ACK" : "ACK");
    assertEquals(app.state === "TIME_WAIT", !opens);
  }
});

Deno.test("TIME_WAIT: a SYN with a smaller timestamp opens nothing (SHLD-4, RFC 6191 §2)", () => {
  for (const beyond of [10, -10]) {
    const fixture = reachTimeWait({ options: ALL_OPTIONS });
    const { lab, peer, app } = fixture;
    lab.pass(SECOND_US);
    const again = opensAnew(fixture, beyond);
    again.sends({
      flags: "SYN",
      seq: 0,
      options: { ...ALL_OPTIONS, timestamps: { value: peer.clock - 60_000, echo: 0 } },
    });
    const seen = again.takeAll();
    assert(seen.every(({ flags }) => flags === "ACK"), "at most an ACK");
    assertEquals(app.state, "TIME_WAIT");
  }
});

Deno.test("TIME_WAIT: a SYN without timestamps after a connection with them: by its number (RFC 6191 §2)", () => {
  const fixture = reachTimeWait({ options: ALL_OPTIONS });
  const { app, lab } = fixture;
  lab.pass(SECOND_US);
  const again = opensAnew(fixture, 1000);
  again.sends({ flags: "SYN", seq: 0, options: { mss: 1460 } });
  again.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  assertEquals(app.closed.length, 1);
});

Deno.test("TIME_WAIT of an active open: nobody listens there, a new SYN gets no connection (RFC 9293 §3.10.7)", () => {
  const fixture = reachTimeWait({ role: "client" });
  const { lab, peer } = fixture;
  const again = lab.peer({ port: peer.port, iss: (peer.iss + 1000) >>> 0, hostPort: peer.hostPortSeen });
  again.sends({ flags: "SYN", seq: 0 });
  const seen = again.takeAll();
  assert(seen.every(({ flags }) => flags !== "SYN ACK"), "no listener, no connection");
});

Deno.test("TIME_WAIT: text and URG are ignored (RFC 9293 §3.10.7.4, sixth, seventh)", () => {
  const { peer, app } = reachTimeWait();
  peer.sends({ flags: "URG ACK", seq: 2, ack: 2, data: "ghost", urgentPointer: 3 });
  for (const { flags, seq, ack } of peer.takeAll()) assertEquals([flags, seq, ack], ["ACK", 2, 2]);
  assertEquals([app.text, app.urgent.length, app.state], ["", 0, "TIME_WAIT"]);
});
