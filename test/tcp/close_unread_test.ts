/**
 * CLOSE with text that was received and not read: the peer is told that it is lost, by RST (RFC 2525 §2.17; RFC 1122
 * §4.2.2.13; SHLD-3). CLOSE after all was read, and closing for writing alone, send FIN.
 */
import { assertEquals } from "@std/assert";
import type { Fixture } from "./states.ts";
import { ALL_OPTIONS, type FixtureOptions, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const OFFERS: readonly FixtureOptions[] = [{}, { options: ALL_OPTIONS }, { role: "client" }];

/** Established; six octets have arrived and were not read. */
function unread(options: FixtureOptions = {}): Fixture {
  const fixture = reachEstablished({ ...options, autoRead: false });
  const { lab, peer, app } = fixture;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "abcdef" });
  lab.pass(SECOND_US);
  peer.expects({ flags: "ACK", seq: 1, ack: 7 });
  peer.expectsSilence();
  assertEquals(app.connection.readableBytes, 6);
  lab.takeTransitions();
  return fixture;
}

/** Demands a RST with this number, and that the connection is gone. */
function assertReset({ lab, peer, app }: Fixture, from: string, seq: number): void {
  const [reset, ...others] = peer.takeAll();
  assertEquals(reset?.flags.split(" ")[0], "RST");
  assertEquals([reset.seq, reset.data.length, others.length], [seq, 0, 0]);
  assertEquals(lab.takeTransitions(), [`${from}>CLOSED`]);
  assertEquals(app.closed, ["reset-by-us"]);
  assertEquals(lab.host.connections().length, 0);
  lab.pass(300 * SECOND_US);
  peer.expectsSilence();
  // What the peer still sends finds nobody (RFC 9293 §3.10.7.1).
  peer.sends({ flags: "ACK", ack: seq, data: "late" });
  peer.expects({ flags: "RST", seq });
  peer.expectsSilence();
}

Deno.test("ESTABLISHED: close() with unread text sends RST, no FIN (RFC 2525 §2.17, SHLD-3)", () => {
  for (const offer of OFFERS) {
    const fixture = unread(offer);
    fixture.app.close();
    assertReset(fixture, "ESTABLISHED", 1);
  }
});

Deno.test("a reset says why in the log: unread text, or text after CLOSE, and no ABORT of a user", () => {
  const rulesOfReset = ({ lab }: Fixture) =>
    lab.events.filter(({ event }) => event === "segment" || event === "transition").slice(-2).map((event) =>
      "rule" in event ? event.rule : ""
    ).sort();
  const early = unread();
  early.app.close();
  assertEquals(rulesOfReset(early), ["close.unread", "close.unread"]);
  const late = reachEstablished();
  late.app.close();
  late.peer.sends({ flags: "ACK", seq: 1, ack: 2, data: "late" });
  assertEquals(rulesOfReset(late), ["close.late-text", "close.late-text"]);
});

Deno.test("ESTABLISHED: one unread octet is enough (RFC 2525 §2.17, SHLD-3)", () => {
  const fixture = unread();
  fixture.app.read(5);
  fixture.peer.takeAll();
  fixture.app.close();
  assertReset(fixture, "ESTABLISHED", 1);
});

Deno.test("CLOSE_WAIT: close() with unread text sends RST, too (RFC 2525 §2.17, SHLD-3)", () => {
  for (const offer of OFFERS) {
    const fixture = unread(offer);
    const { lab, peer, app } = fixture;
    peer.sends({ flags: "FIN ACK", seq: 7, ack: 1 });
    peer.expects({ flags: "ACK", seq: 1, ack: 8 });
    lab.takeTransitions();
    app.close();
    assertReset(fixture, "CLOSE_WAIT", 1);
  }
});

Deno.test("FIN_WAIT_1 and FIN_WAIT_2: close() after closeWrite(), with unread text, sends RST (RFC 2525 §2.17, SHLD-3)", () => {
  for (const state of ["FIN_WAIT_1", "FIN_WAIT_2"]) {
    const fixture = unread();
    const { lab, peer, app } = fixture;
    app.closeWrite();
    peer.expects({ flags: "FIN ACK", seq: 1, ack: 7 });
    if (state === "FIN_WAIT_2") peer.sends({ flags: "ACK", seq: 7, ack: 2 });
    peer.expectsSilence();
    assertEquals(app.state, state);
    lab.takeTransitions();
    app.close();
    assertReset(fixture, state, 2);
  }
});

Deno.test("text of ours that waits is not sent before that RST (RFC 9293 §3.10.5)", () => {
  const fixture = unread({ peer: { window: 2 } });
  const { peer, app } = fixture;
  app.write("answer");
  const sent = peer.takeAll().reduce((sum, { data }) => sum + data.length, 0);
  app.close();
  assertReset(fixture, "ESTABLISHED", 1 + sent);
});

Deno.test("close() after all was read: FIN, TIME_WAIT, normal (RFC 9293 §3.10.4)", () => {
  for (const offer of OFFERS) {
    const { lab, peer, app } = unread(offer);
    assertEquals(app.read().length, 6);
    peer.takeAll();
    app.close();
    peer.expects({ flags: "FIN ACK", seq: 1, ack: 7 });
    peer.expectsSilence();
    peer.sends({ flags: "ACK", seq: 7, ack: 2 });
    peer.sends({ flags: "FIN ACK", seq: 7, ack: 2 });
    peer.expects({ flags: "ACK", seq: 2, ack: 8 });
    assertEquals(lab.takeTransitions(), [
      "ESTABLISHED>FIN_WAIT_1",
      "FIN_WAIT_1>FIN_WAIT_2",
      "FIN_WAIT_2>TIME_WAIT",
    ]);
    lab.pass(300 * SECOND_US);
    assertEquals(app.closed, ["normal"]);
    peer.expectsSilence();
  }
});

Deno.test("close() with nothing ever received: FIN (RFC 9293 §3.10.4)", () => {
  const { peer, app } = reachEstablished({ autoRead: false });
  app.close();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.expectsSilence();
  assertEquals(app.state, "FIN_WAIT_1");
});

Deno.test("close() in CLOSE_WAIT with the peer's FIN alone unread: FIN (RFC 9293 §3.10.4)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false });
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 2 });
  app.close();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 2 });
  peer.sends({ flags: "ACK", seq: 2, ack: 2 });
  assertEquals([app.closed, lab.host.connections().length], [["normal"], 0]);
});

Deno.test("an application that skips what it does not want has read it: FIN (RFC 2525 §2.17)", () => {
  const { lab, peer, app } = unread();
  assertEquals(lab.user(() => app.connection.skip(6)), 6);
  peer.takeAll();
  app.close();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 7 });
  peer.expectsSilence();
});

Deno.test("closeWrite() with unread text: FIN, and reading goes on (RFC 9293 §3.10.4, §3.6)", () => {
  for (const offer of OFFERS) {
    const { lab, peer, app } = unread(offer);
    app.closeWrite();
    peer.expects({ flags: "FIN ACK", seq: 1, ack: 7 });
    peer.expectsSilence();
    peer.sends({ flags: "ACK", seq: 7, ack: 2, data: "ghi" });
    lab.pass(SECOND_US);
    peer.expects({ flags: "ACK", seq: 2, ack: 10 });
    assertEquals(app.state, "FIN_WAIT_2");
    app.read();
    peer.takeAll();
    assertEquals(app.text, "abcdefghi");
    peer.sends({ flags: "FIN ACK", seq: 10, ack: 2 });
    peer.expects({ flags: "ACK", seq: 2, ack: 11 });
    lab.pass(300 * SECOND_US);
    assertEquals(app.closed, ["normal"]);
    peer.expectsSilence();
  }
});

Deno.test("closeWrite(), the rest is read, then close(): no second FIN, no RST (RFC 9293 §3.10.4)", () => {
  const { lab, peer, app } = unread();
  app.closeWrite();
  peer.expects({ flags: "FIN ACK", seq: 1, ack: 7 });
  peer.sends({ flags: "ACK", seq: 7, ack: 2 });
  app.read();
  peer.takeAll();
  app.close();
  peer.expectsSilence();
  assertEquals([app.state, app.closed.length], ["FIN_WAIT_2", 0]);
  lab.takeTransitions();
});
