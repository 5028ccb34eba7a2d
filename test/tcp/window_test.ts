/**
 * Windows: zero-window probes, shrinking, silly windows on both sides, updates (RFC 9293 §3.8.6), scaling (RFC 7323 §2).
 */
import { assert, assertEquals, assertGreaterOrEqual, assertLess, assertLessOrEqual } from "@std/assert";
import { ALL_OPTIONS, type FixtureOptions, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const MS_US = 1000;

/** Established with a peer whose window is `window`. */
function withWindow(window: number, options: FixtureOptions = {}) {
  return reachEstablished({ ...options, peer: { window } });
}

// Sending

Deno.test("never a byte beyond SND.UNA + SND.WND (MUST-34, RFC 9293 §3.8.6)", () => {
  const { lab, peer, app } = withWindow(1000);
  app.connection.setNoDelay(true);
  app.write(5000);
  peer.expects({ flags: "ACK", seq: 1, data: 1000 });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 1001, window: 1000 });
  peer.expects({ flags: "ACK", seq: 1001, data: 1000 });
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq: 1, ack: 2001, window: 0xffff });
  lab.pass(10 * MS_US);
  const bytes = peer.takeAll().reduce((sum, { data }) => sum + data.length, 0);
  assertEquals(bytes, 3000);
});

Deno.test("a window of 0xffff is 65,535, not -1 (MUST-1, RFC 9293 §3.1)", () => {
  const { peer, app } = withWindow(0xffff, { tcp: { initialWindowSegments: 1000 } });
  app.write(100_000);
  const bytes = peer.takeAll().reduce((sum, { data }) => sum + data.length, 0);
  assertGreaterOrEqual(bytes, 0xffff - 1460);
  assertLessOrEqual(bytes, 0xffff);
});

Deno.test("a scaled window is used with more than 16 bits (REC-1, MUST-1, RFC 7323 §2.3)", () => {
  const { peer, app } = reachEstablished({
    options: { mss: 1460, windowScale: 4 },
    tcp: { initialWindowSegments: 1000 },
  });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0xffff });
  app.connection.setNoDelay(true);
  app.write(500_000);
  const bytes = peer.takeAll().reduce((sum, { data }) => sum + data.length, 0);
  assertEquals(bytes, 500_000);
});

Deno.test("the window of a SYN is never scaled (RFC 7323 §2.2)", () => {
  const { peer, app } = reachEstablished({
    role: "client",
    options: { mss: 1460, windowScale: 10 },
    peer: { window: 50 },
  });
  app.connection.setNoDelay(true);
  app.write(200);
  // From the SYN, ACK: 50 bytes, and no 51,200.
  peer.expects({ flags: "ACK", seq: 1, data: 50 });
  peer.expectsSilence();
});

Deno.test("zero window: the first probe after one RTO, then at growing distances (MUST-36, SHLD-29, SHLD-30, RFC 9293 §3.8.6.1)", () => {
  const { lab, peer, app } = withWindow(0);
  const { rtoUs } = app.connection.info();
  const startUs = lab.nowUs;
  app.write("abcdef");
  peer.expectsSilence();
  lab.pass(rtoUs - 5 * MS_US);
  peer.expectsSilence();
  lab.pass(100 * SECOND_US);
  const probes = peer.takeAll();
  assertGreaterOrEqual(probes.length, 5);
  assert(Math.abs(probes[0].atUs - startUs - rtoUs) < 5 * MS_US, "the first probe comes after one RTO");
  let gapUs = probes[0].atUs - startUs;
  for (let i = 1; i < probes.length; i++) {
    const nextUs = probes[i].atUs - probes[i - 1].atUs;
    if (gapUs * 2 < 60 * SECOND_US) {
      assertGreaterOrEqual(nextUs, gapUs * 2 - 20 * MS_US, "each interval is twice the one before");
    } else assertGreaterOrEqual(nextUs, 59 * SECOND_US);
    gapUs = nextUs;
  }
  // One octet of new text at least must reach the peer, or what is at the edge already (RFC 9293 §3.8.6.1).
  for (const { seq, data, flags } of probes) {
    assertEquals(flags, "ACK");
    assertLessOrEqual(seq, 1);
    assertLessOrEqual(seq + data.length, 2, "at most one octet beyond the window");
  }
});

Deno.test("zero window: it stays open as long as the peer acknowledges the probes (MUST-37, RFC 9293 §3.8.6.1)", () => {
  const { lab, peer, app } = withWindow(0);
  app.write("abcdef");
  for (let i = 0; i < 60; i++) {
    lab.pass(60 * SECOND_US);
    const probes = peer.takeAll();
    // The peer has no room: it acknowledges what it had before.
    if (probes.length > 0) peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0 });
  }
  assertEquals([app.state, app.closed], ["ESTABLISHED", []]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 1000 });
  const seen = peer.takeAll();
  assertEquals(seen.map(({ data }) => String.fromCharCode(...data)).join(""), "abcdef");
});

Deno.test("zero window: probes that nobody answers end at R2 (RFC 9293 §3.8.6.1, §3.8.3)", () => {
  const { lab, peer, app } = withWindow(0);
  app.write("abcdef");
  lab.pass(1000 * SECOND_US);
  peer.takeAll();
  assertEquals(app.closed, ["timeout"]);
});

Deno.test("a probe's octet that was taken counts (MUST-36, RFC 9293 §3.8.6.1)", () => {
  const { lab, peer, app } = withWindow(0);
  app.connection.setNoDelay(true);
  app.write("abcdef");
  lab.pass(2 * SECOND_US);
  const probes = peer.takeAll();
  const end = Math.max(...probes.map(({ seq, data }) => seq + data.length));
  peer.sends({ flags: "ACK", seq: 1, ack: end, window: 100 });
  const rest = peer.takeAll();
  assertEquals(rest[0].seq, end);
  assertEquals(rest.map(({ data }) => String.fromCharCode(...data)).join(""), "abcdef".slice(end - 1));
});

Deno.test("the window opens: what waits goes at once (RFC 9293 §3.8.6.1)", () => {
  const { lab, peer, app } = withWindow(0);
  app.write("abcdef");
  lab.pass(300 * MS_US);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 1000 });
  const [text] = peer.takeAll();
  assertEquals([text.flags, text.seq + text.data.length], ["ACK", 7]);
});

Deno.test("a FIN waits for no window of its own: it is sent, or probed, at zero window (RFC 9293 §3.8.6.1)", () => {
  const { lab, peer, app } = withWindow(0);
  app.closeWrite();
  lab.pass(5 * SECOND_US);
  const seen = peer.takeAll();
  assertGreaterOrEqual(seen.length, 1);
  assert(seen.some(({ flags, seq }) => flags === "FIN ACK" && seq === 1), "the FIN");
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  assertEquals(app.state, "FIN_WAIT_2");
});

Deno.test("the window shrinks: no new text, what was sent is sent again inside it, nothing times out (MUST-34, SHLD-15, SHLD-16, SHLD-17, RFC 9293 §3.8.6)", () => {
  const { lab, peer, app } = withWindow(5000, { tcp: { r2Us: 120 * SECOND_US } });
  app.write(8000);
  const sent = peer.takeAll();
  const sentBytes = sent.reduce((sum, { data }) => sum + data.length, 0);
  assertGreaterOrEqual(sentBytes, 4380);
  // 1,460 arrived; the right edge moves from 5,001 left to 2,921: the usable window is negative.
  peer.sends({ flags: "ACK", seq: 1, ack: 1461, window: 1460 });
  peer.expectsSilence();
  lab.pass(2 * SECOND_US);
  const again = peer.takeAll();
  assertGreaterOrEqual(again.length, 1);
  for (const { seq, data } of again) {
    assertGreaterOrEqual(seq, 1461 - 1);
    assertLessOrEqual(seq + data.length, 1461 + 1460, "inside the window now");
  }
  peer.sends({ flags: "ACK", seq: 1, ack: 2921, window: 0xffff });
  for (let round = 0; round < 10; round++) {
    lab.pass(5 * SECOND_US);
    const end = Math.max(2921, ...peer.takeAll().map(({ seq, data }) => seq + data.length));
    peer.sends({ flags: "ACK", seq: 1, ack: end, window: 0xffff });
  }
  assertEquals([app.state, app.connection.unackedBytes], ["ESTABLISHED", 0]);
});

Deno.test("the window shrinks to zero with text under way: probed in the standard way (MUST-35, SHLD-17, MUST-37, RFC 9293 §3.8.6)", () => {
  const { lab, peer, app } = withWindow(5000, { tcp: { r2Us: 120 * SECOND_US } });
  app.write(4000);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0 });
  for (let i = 0; i < 30; i++) {
    lab.pass(20 * SECOND_US);
    for (const { seq, data } of peer.takeAll()) {
      assertEquals(seq, 1);
      assertLessOrEqual(data.length, 1460);
    }
    peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 0 });
  }
  assertEquals([app.state, app.closed], ["ESTABLISHED", []]);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 5000 });
  lab.pass(120 * SECOND_US);
  const end = Math.max(...peer.takeAll().map(({ seq, data }) => seq + data.length));
  assertGreaterOrEqual(end, 2);
});

Deno.test("what was sent before the window shrank may be sent again beyond it (MAY-7, RFC 9293 §3.8.6)", () => {
  const { lab, peer, app } = withWindow(5000);
  app.write(1460);
  peer.expects({ flags: "ACK", seq: 1, data: 1460 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 100 });
  peer.expectsSilence();
  lab.pass(2 * SECOND_US);
  const again = peer.takeAll();
  assertGreaterOrEqual(again.length, 1);
  for (const { seq, data } of again) assertEquals([seq, data.length], [1, 1460]);
});

Deno.test("sender's silly window: small offers are not filled before the override (MUST-38, RFC 9293 §3.8.6.2.1)", () => {
  const { lab, peer, app } = withWindow(4380);
  app.connection.setNoDelay(true);
  app.write(20_000);
  assertEquals(peer.takeAll().length, 3);
  // All acknowledged, but only 100 bytes of room: below the MSS and below half of the largest window.
  peer.sends({ flags: "ACK", seq: 1, ack: 4381, window: 100 });
  peer.expectsSilence();
  lab.pass(50 * MS_US);
  peer.expectsSilence();
  // "The override timeout should be in the range 0.1 - 1.0 seconds."
  lab.pass(1000 * MS_US);
  const [text] = peer.takeAll();
  assertEquals([text.seq, text.data.length], [4381, 100]);
});

Deno.test("sender's silly window: half of the largest window may be filled (MUST-38, RFC 9293 §3.8.6.2.1 (3))", () => {
  const { peer, app } = withWindow(1000);
  app.connection.setNoDelay(true);
  app.write(5000);
  peer.expects({ flags: "ACK", seq: 1, data: 1000 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1001, window: 500 });
  peer.expects({ flags: "ACK", seq: 1001, data: 500 });
  peer.expectsSilence();
});

Deno.test("sender's silly window: all that is queued may go when it fits (MUST-38, RFC 9293 §3.8.6.2.1 (2))", () => {
  const { peer, app } = withWindow(4380);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 100 });
  app.write(100);
  peer.expects({ flags: "ACK", seq: 1, data: 100, psh: true });
  peer.expectsSilence();
});

// Receiving

Deno.test("the window offered shrinks with what is not read, its right edge stays (SHLD-14, MAY-8, RFC 9293 §3.8.6)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false, tcp: { receiveBufferBytes: 10_000 } });
  const edge = peer.hostRightEdge;
  assertEquals(edge, 10_001);
  let seq = 1;
  for (const length of [1460, 1460, 1460, 1460, 1460, 1460]) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: length });
    seq += length;
    lab.pass(500 * MS_US);
    for (const seen of peer.takeAll()) {
      assertGreaterOrEqual(seen.ack + seen.window, edge, "never from the right");
    }
  }
  assertEquals(app.connection.readableBytes, 8760);
  assertEquals(peer.hostWindow, 1240);
});

Deno.test("a window that is shut stays where it is: text beyond gets an ACK with window 0, nothing is lost (MAY-8, RFC 9293 §3.8.6)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false, tcp: { receiveBufferBytes: 4000 } });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1460 });
  peer.sends({ flags: "ACK", seq: 1461, ack: 1, data: 1460 });
  peer.sends({ flags: "ACK", seq: 2921, ack: 1, data: 1080 });
  lab.pass(500 * MS_US);
  const seen = peer.takeAll();
  assertEquals([seen[seen.length - 1].ack, seen[seen.length - 1].window], [4001, 0]);
  // The probe.
  peer.sends({ flags: "ACK", seq: 4001, ack: 1, data: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 4001, window: 0 });
  peer.expectsSilence();
  assertEquals(app.read().length, 4000);
  const [update] = peer.takeAll();
  assertEquals([update.flags, update.ack, update.window], ["ACK", 4001, 4000]);
  peer.sends({ flags: "ACK", seq: 4001, ack: 1, data: 1 });
  assertEquals(app.connection.readableBytes, 1);
});

Deno.test("at zero window, ACK, URG and RST are processed (MUST-66, RFC 9293 §3.10.7.4, first)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false, tcp: { receiveBufferBytes: 2000 } });
  app.write("abc");
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 2000 });
  lab.pass(500 * MS_US);
  peer.takeAll();
  assertEquals(peer.hostWindow, 0);
  // An ACK at RCV.NXT without text.
  peer.sends({ flags: "ACK", seq: 2001, ack: 4 });
  peer.expectsSilence();
  assertEquals(app.connection.unackedBytes, 0);
  // Text with ACK and URG: the text is dropped, URG and ACK count.
  app.write("de");
  peer.expects({ flags: "ACK", seq: 4, ack: 2001, data: "de" });
  peer.sends({ flags: "URG ACK", seq: 2001, ack: 6, data: "xyz", urgentPointer: 3 });
  assertEquals(app.urgent.length, 1);
  assertEquals(app.connection.unackedBytes, 0);
  assertEquals(app.connection.readableBytes, 2000);
  peer.takeAll();
  peer.sends({ flags: "RST", seq: 2001 });
  assertEquals(app.closed, ["reset-by-peer"]);
});

Deno.test("at zero window, RST beyond RCV.NXT is dropped (MUST-66, RFC 5961 §3.2)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false, tcp: { receiveBufferBytes: 2000 } });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 2000 });
  lab.pass(500 * MS_US);
  peer.takeAll();
  peer.sends({ flags: "RST", seq: 2002 });
  peer.expectsSilence();
  assertEquals(app.state, "ESTABLISHED");
});

Deno.test("receiver's silly window: no small step to the right (MUST-39, RFC 9293 §3.8.6.2.2)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false, tcp: { receiveBufferBytes: 10_000 } });
  let seq = 1;
  for (const length of [1460, 1460, 1460, 1460, 1460, 1460, 1240]) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: length });
    seq += length;
  }
  lab.pass(500 * MS_US);
  peer.takeAll();
  assertEquals(peer.hostWindow, 0);
  // 1,000 bytes of room are less than half of the buffer and than a segment.
  app.read(1000);
  peer.expectsSilence();
  peer.sends({ flags: "ACK", seq, ack: 1, data: 1 });
  peer.expects({ flags: "ACK", ack: 10_001, window: 0 });
  peer.expectsSilence();
  // min(half the buffer, Eff.snd.MSS) = 1,460 is reached: told at once, or to whoever probes.
  app.read(500);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq, ack: 1, data: 1 });
  lab.pass(500 * MS_US);
  assertGreaterOrEqual(peer.hostRightEdge, 10_001 + 1460);
  peer.takeAll();
});

Deno.test("a shut window that opens by two segments is told without being asked (RFC 9293 §3.8.6.1, §3.8.6.2.2)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false, tcp: { receiveBufferBytes: 10_000 } });
  for (let seq = 1; seq < 10_001; seq += 1000) peer.sends({ flags: "ACK", seq, ack: 1, data: 1000 });
  lab.pass(500 * MS_US);
  peer.takeAll();
  assertEquals(peer.hostWindow, 0);
  app.read(3000);
  peer.expects({ flags: "ACK", seq: 1, ack: 10_001, window: 3000 });
  peer.expectsSilence();
});

Deno.test("receiver's silly window: half of a small buffer is step enough (MUST-39, RFC 9293 §3.8.6.2.2)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false, tcp: { receiveBufferBytes: 2000 } });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 2000 });
  lab.pass(500 * MS_US);
  peer.takeAll();
  app.read(900);
  peer.expectsSilence();
  app.read(100);
  peer.expects({ flags: "ACK", ack: 2001, window: 1000 });
  peer.expectsSilence();
});

Deno.test("reading byte by byte does not give an update each time (MUST-39, MUST-58)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false, tcp: { receiveBufferBytes: 10_000 } });
  let seq = 1;
  for (const length of [1460, 1460, 1460, 1460, 1460, 1460, 1240]) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: length });
    seq += length;
  }
  lab.pass(500 * MS_US);
  peer.takeAll();
  for (let i = 0; i < 10_000; i++) app.read(1);
  const updates = peer.takeAll();
  assertLess(updates.length, 10);
  let edge = 10_001;
  for (const { ack, window } of updates) {
    assertGreaterOrEqual(ack + window - edge, 1460, "each a step of a segment");
    edge = ack + window;
  }
  lab.pass(500 * MS_US);
});

Deno.test("text larger than the window: the part that fits is taken (RFC 9293 §3.10.7.4, first)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false, tcp: { receiveBufferBytes: 1000 } });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1400 });
  lab.pass(500 * MS_US);
  const seen = peer.takeAll();
  assertEquals([seen[seen.length - 1].ack, seen[seen.length - 1].window], [1001, 0]);
  assertEquals(app.connection.readableBytes, 1000);
});

Deno.test("a FIN behind text that does not fit does not count (RFC 9293 §3.10.7.4, first)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false, tcp: { receiveBufferBytes: 1000 } });
  peer.sends({ flags: "FIN ACK", seq: 1, ack: 1, data: 1400 });
  lab.pass(500 * MS_US);
  assertEquals([app.state, app.peerClosed, app.connection.readableBytes], ["ESTABLISHED", 0, 1000]);
  app.read();
  peer.takeAll();
  peer.sends({ flags: "FIN ACK", seq: 1001, ack: 1, data: 400 });
  assertEquals([app.state, app.connection.readableBytes], ["CLOSE_WAIT", 400]);
});

Deno.test("with scaling, the right edge does not move left by rounding (SHLD-14, RFC 7323 §2.4)", () => {
  const { lab, peer } = reachEstablished({
    autoRead: false,
    options: ALL_OPTIONS,
    tcp: { receiveBufferBytes: 0x10_0000 },
  });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1 });
  lab.pass(500 * MS_US);
  peer.takeAll();
  let edge = peer.hostRightEdge;
  let seq = 2;
  for (const length of [1, 7, 1448, 100, 33, 1000, 1448, 1448, 3]) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: length });
    seq += length;
    lab.pass(500 * MS_US);
    for (const seen of peer.takeAll()) {
      const here = seen.ack + (seen.window << peer.hostShift);
      assertGreaterOrEqual(here + (1 << peer.hostShift) - 1, edge, "not by more than the rounding");
      edge = Math.max(edge, here);
    }
  }
});

Deno.test("a window beyond 64 KiB is offered by scaling, and used in full (REC-1, RFC 7323 §2)", () => {
  const { lab, peer, app } = reachEstablished({
    autoRead: false,
    options: ALL_OPTIONS,
    tcp: { receiveBufferBytes: 0x4_0000 },
  });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1 });
  lab.pass(500 * MS_US);
  peer.takeAll();
  assertGreaterOrEqual(peer.hostWindow, 0x3_0000);
  let seq = 2;
  while (seq + 1448 <= 0x3_0000) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: 1448 });
    seq += 1448;
  }
  assertEquals(app.connection.readableBytes, seq - 1);
});
