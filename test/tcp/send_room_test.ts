/**
 * Room to send (RFC 9293 §3.10.2): how much a write or an echo takes, what waits, when the application is told of new
 * room, and what CLOSE does to all of it.
 */
import { assertEquals, assertThrows } from "@std/assert";
import { bytesOf } from "./app_log.ts";
import { type Fixture, type FixtureOptions, REACH, reachEstablished, reachSynRcvd } from "./states.ts";

const LIMIT = 3000;

function small(options: FixtureOptions = {}): Fixture {
  return reachEstablished({ ...options, tcp: { sendBufferBytes: LIMIT, noDelay: true, ...options.tcp } });
}

function echo({ lab, app }: Fixture): number {
  return lab.user(() => app.connection.echo());
}

Deno.test("a write takes what there is room for, and says how much (RFC 9293 §3.10.2)", () => {
  const { peer, app } = small({ peer: { window: 0 } });
  assertEquals(app.connection.writableBytes, LIMIT);
  assertEquals(app.write(1000), 1000);
  assertEquals([app.connection.writableBytes, app.connection.unackedBytes], [LIMIT - 1000, 1000]);
  assertEquals(app.write(5000), LIMIT - 1000);
  assertEquals([app.connection.writableBytes, app.connection.unackedBytes], [0, LIMIT]);
  assertEquals(app.write(1), 0);
  assertEquals(app.write(""), 0);
  peer.expectsSilence();
});

Deno.test("a part of what is given is written: from offset, so many bytes (RFC 9293 §3.10.2)", () => {
  const { lab, peer, app } = small();
  const bytes = bytesOf("abcdefgh");
  assertEquals(lab.user(() => app.connection.write(bytes, 2, 3)), 3);
  peer.expects({ flags: "ACK", seq: 1, data: "cde" });
  peer.sends({ flags: "ACK", seq: 1, ack: 4 });
  assertEquals(lab.user(() => app.connection.write(bytes, 6)), 2);
  peer.expects({ flags: "ACK", seq: 4, data: "gh" });
  assertEquals(lab.user(() => app.connection.write(bytes, 8)), 0);
  peer.expectsSilence();
});

Deno.test("room comes back by acknowledgment, not by sending (RFC 9293 §3.8)", () => {
  const { peer, app } = small();
  assertEquals(app.write(LIMIT), LIMIT);
  assertEquals(peer.takeAll().length, 3);
  assertEquals(app.connection.writableBytes, 0);
  peer.sends({ flags: "ACK", seq: 1, ack: 501 });
  assertEquals([app.connection.writableBytes, app.connection.unackedBytes], [500, LIMIT - 500]);
  assertEquals(app.write(2000), 500);
});

Deno.test("who was refused room is told when a third of it is free, once", () => {
  const { peer, app } = small();
  app.write(LIMIT + 1);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1000 });
  assertEquals(app.writable, 0, "999 of 3,000 bytes");
  peer.sends({ flags: "ACK", seq: 1, ack: 1001 });
  assertEquals(app.writable, 1, "1,000 of 3,000 bytes");
  peer.sends({ flags: "ACK", seq: 1, ack: 2001 });
  assertEquals(app.writable, 1, "it knows");
  peer.sends({ flags: "ACK", seq: 1, ack: LIMIT + 1 });
  assertEquals(app.writable, 2, "all is acknowledged");
});

Deno.test("who was refused nothing is told when all is acknowledged, not before", () => {
  const { peer, app } = small();
  app.write(LIMIT);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 2001 });
  assertEquals(app.writable, 0);
  peer.sends({ flags: "ACK", seq: 1, ack: LIMIT + 1 });
  assertEquals(app.writable, 1);
});

Deno.test("an application that writes on when it is told so fills the stream without a gap", () => {
  const { peer, app } = small();
  let written = app.write(LIMIT + 1);
  let told = 0;
  let received = 0;
  for (let round = 0; round < 40; round++) {
    for (const { seq, data } of peer.takeAll()) {
      assertEquals(seq, 1 + received, "in order");
      assertEquals(data, bytesOf(data.length, received));
      received += data.length;
    }
    peer.sends({ flags: "ACK", seq: 1, ack: 1 + received });
    if (app.writable > told) {
      told = app.writable;
      const more = bytesOf(5000, written);
      written += app.write(more);
    }
  }
  assertEquals(received >= 20 * LIMIT, true, `${received} bytes`);
});

Deno.test("an echo takes what both buffers allow; the rest waits in the receive buffer", () => {
  const fixture = small({ autoRead: false, peer: { window: 0 }, tcp: { quickAcks: 0 } });
  const { peer, app } = fixture;
  for (let seq = 1; seq <= 4000; seq += 1000) peer.sends({ flags: "ACK", seq, ack: 1, data: 1000 });
  assertEquals(app.connection.readableBytes, 4000);
  assertEquals(echo(fixture), LIMIT);
  assertEquals([app.connection.readableBytes, app.connection.writableBytes], [1000, 0]);
  assertEquals(echo(fixture), 0, "no room");
  assertEquals(app.connection.readableBytes, 1000);
  peer.takeAll();
  // The window opens, and what is acknowledged makes room, of which the echo is told.
  peer.sends({ flags: "ACK", seq: 4001, ack: 1, window: 2920 });
  const sent = peer.takeAll();
  assertEquals(sent.map(({ data }) => data.length), [1460, 1460]);
  peer.sends({ flags: "ACK", seq: 4001, ack: 2921, window: 2920 });
  assertEquals(app.writable, 1);
  assertEquals(echo(fixture), 1000);
  assertEquals(app.connection.readableBytes, 0);
  assertEquals(echo(fixture), 0, "nothing to echo");
  const bytes = [...sent, ...peer.takeAll()].flatMap(({ data }) => Array.from(data));
  assertEquals(Uint8Array.from(bytes), bytesOf(bytes.length), "the bytes in their order");
});

Deno.test("an echo that took all is not told of room", () => {
  const fixture = small({ autoRead: false });
  const { peer, app } = fixture;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 2000 });
  peer.takeAll();
  assertEquals(echo(fixture), 2000);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 2001, ack: 1461 });
  assertEquals(app.writable, 0);
  peer.sends({ flags: "ACK", seq: 2001, ack: 2001 });
  assertEquals(app.writable, 1, "all is acknowledged");
});

Deno.test("what is echoed carries the ACK of what was echoed (MUST-58)", () => {
  const fixture = reachEstablished({ autoRead: false, tcp: { quickAcks: 0 } });
  const { lab, peer } = fixture;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "ping" });
  peer.expectsSilence();
  assertEquals(echo(fixture), 4);
  peer.expects({ flags: "ACK", seq: 1, ack: 5, data: "ping", psh: true });
  lab.pass(100_000);
  peer.expectsSilence();
});

Deno.test("in SYN_RCVD what is written waits for the handshake, as much as there is room for (RFC 9293 §3.10.2)", () => {
  const { peer, app } = reachSynRcvd({ tcp: { sendBufferBytes: 100 } });
  assertEquals(app.write(60), 60);
  assertEquals(app.write(60), 40);
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 1, data: twoWrites(60, 40), psh: true });
  peer.expectsSilence();
});

/** Two writes of a pattern, each from its beginning. */
function twoWrites(first: number, second: number): Uint8Array {
  return Uint8Array.from([...bytesOf(first), ...bytesOf(second)]);
}

for (const state of ["ESTABLISHED", "SYN_RCVD", "CLOSE_WAIT"] as const) {
  Deno.test(`${state}: no SEND after a CLOSE that still waits for its text to leave (RFC 9293 §3.10.2)`, () => {
    const fixture = REACH[state]({ peer: { window: 0 } });
    const { lab, peer, app } = fixture;
    app.write("queued");
    app.closeWrite();
    peer.expectsSilence();
    assertEquals(app.state, state, "the FIN waits behind the text");
    assertEquals(app.connection.writableBytes, 0);
    assertThrows(() => app.write("more"));
    assertThrows(() => lab.user(() => app.connection.writeUrgent(bytesOf("more"))));
    assertEquals(echo(fixture), 0);
    assertEquals(app.connection.unackedBytes, 6, "nothing was added");
    const next = state === "CLOSE_WAIT" ? 2 : 1;
    peer.sends({ flags: "ACK", seq: next, ack: 1, window: 1000 });
    peer.expects({ flags: "FIN ACK", seq: 1, ack: next, data: "queued" });
    peer.expectsSilence();
  });
}

Deno.test("a second CLOSE changes nothing (RFC 9293 §3.10.4)", () => {
  const { lab, peer, app } = reachEstablished({ peer: { window: 0 } });
  app.write("queued");
  app.closeWrite();
  app.closeWrite();
  lab.takeTransitions();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 1000 });
  peer.expects({ flags: "FIN ACK", seq: 1, data: "queued" });
  app.closeWrite();
  assertEquals(lab.takeTransitions(), ["ESTABLISHED>FIN_WAIT_1"]);
  peer.expectsSilence();
});

Deno.test("switching Nagle off lets out at once what waits, before anything else is written (MUST-17)", () => {
  const { lab, peer, app } = reachEstablished();
  app.write("a");
  app.write("b");
  app.write("c");
  peer.expects({ flags: "ACK", seq: 1, data: "a", psh: true });
  peer.expectsSilence();
  lab.user(() => app.connection.setNoDelay(true));
  peer.expects({ flags: "ACK", seq: 2, data: "bc", psh: true });
  peer.expectsSilence();
  app.write("d");
  peer.expects({ flags: "ACK", seq: 4, data: "d", psh: true });
  lab.user(() => app.connection.setNoDelay(false));
  app.write("e");
  peer.expectsSilence();
});
