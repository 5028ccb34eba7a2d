/**
 * Urgent data (RFC 9293 §3.8.5; RFC 6093): the pointer, the notice, how much there is.
 */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { bytesOf } from "./app_log.ts";
import { ALL_OPTIONS, reachEstablished, reachFinWait1, reachFinWait2 } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

Deno.test("urgent: the application is told at once, and how much there is (MUST-30, MUST-32, MUST-33, MUST-62)", () => {
  const { peer, app } = reachEstablished({ autoRead: false });
  peer.sends({ flags: "URG ACK", seq: 1, ack: 1, data: "abcde", urgentPointer: 3 });
  assertEquals(app.urgent, [3], "the pointer is that of the octet after the urgent data");
  assertEquals(app.connection.urgentBytes, 3);
  app.read(2);
  assertEquals(app.connection.urgentBytes, 1);
  app.read(1);
  assertEquals(app.connection.urgentBytes, 0);
  assertEquals(String.fromCharCode(...app.read()), "de", "urgent data stays in the stream");
});

Deno.test("urgent: announced before it arrives (MUST-32, MUST-33, RFC 9293 §3.8.5)", () => {
  const { peer, app } = reachEstablished({ autoRead: false });
  peer.sends({ flags: "URG ACK", seq: 1, ack: 1, urgentPointer: 500 });
  assertEquals(app.urgent.length, 1);
  assertEquals(app.connection.urgentBytes, 500);
  assertEquals(app.connection.readableBytes, 0);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 600 });
  app.read(100);
  assertEquals(app.connection.urgentBytes, 400);
  app.read();
  assertEquals(app.connection.urgentBytes, 0);
});

Deno.test("urgent data of any length, the whole range of the pointer (MUST-31)", () => {
  const { peer, app } = reachEstablished({ autoRead: false });
  peer.sends({ flags: "URG ACK", seq: 1, ack: 1, data: "x", urgentPointer: 0xffff });
  assertEquals(app.connection.urgentBytes, 0xffff);
});

Deno.test("urgent: RCV.UP only moves forward (RFC 9293 §3.10.7.4, sixth)", () => {
  const { peer, app } = reachEstablished({ autoRead: false });
  peer.sends({ flags: "URG ACK", seq: 1, ack: 1, data: "ab", urgentPointer: 10 });
  peer.sends({ flags: "URG ACK", seq: 3, ack: 1, data: "cd", urgentPointer: 2 });
  assertEquals(app.connection.urgentBytes, 10);
  peer.sends({ flags: "URG ACK", seq: 5, ack: 1, data: "ef", urgentPointer: 20 });
  assertEquals(app.connection.urgentBytes, 24);
});

Deno.test("urgent: a pointer at what was read already tells nothing (RFC 9293 §3.10.7.4, sixth)", () => {
  const { peer, app } = reachEstablished();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "abcdef" });
  peer.sends({ flags: "URG ACK", seq: 7, ack: 1, urgentPointer: 0 });
  assertEquals([app.urgent.length, app.connection.urgentBytes], [0, 0]);
});

Deno.test("urgent: a pointer without the URG bit does not count (RFC 9293 §3.1)", () => {
  const { peer, app } = reachEstablished();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "abc", urgentPointer: 2 });
  assertEquals([app.urgent.length, app.connection.urgentBytes], [0, 0]);
});

Deno.test("urgent counts in FIN_WAIT_1 and FIN_WAIT_2 (RFC 9293 §3.10.7.4, sixth)", () => {
  for (const reach of [reachFinWait1, reachFinWait2]) {
    const { peer, app } = reach({ autoRead: false });
    peer.sends({ flags: "URG ACK", seq: 1, ack: 1, data: "abc", urgentPointer: 2 });
    assertEquals(app.urgent, [2]);
  }
});

Deno.test("urgent: out of order too, the announcement does not wait for the text before it (MUST-32)", () => {
  const { peer, app } = reachEstablished({ autoRead: false });
  peer.sends({ flags: "URG ACK", seq: 11, ack: 1, data: "urgent", urgentPointer: 6 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "0123456789" });
  assertEquals(app.urgent.length, 1);
  assertEquals(app.connection.urgentBytes, 16);
  assertEquals(app.connection.readableBytes, 16);
});

Deno.test("urgent: across the end of the number space (MUST-62, RFC 9293 §3.4)", () => {
  const { peer, app } = reachEstablished({ autoRead: false, peer: { iss: 0xffff_fff0 } });
  peer.sends({ flags: "URG ACK", seq: 1, ack: 1, data: "abc", urgentPointer: 100 });
  assertEquals(app.connection.urgentBytes, 100);
});

Deno.test("urgent text and a FIN in one segment (RFC 9293 §3.10.7.4, sixth to eighth)", () => {
  const { lab, peer, app } = reachEstablished({ autoRead: false });
  peer.sends({ flags: "URG FIN ACK", seq: 1, ack: 1, data: "abc", urgentPointer: 3 });
  peer.expects({ flags: "ACK", seq: 1, ack: 5 });
  assertEquals([app.urgent.length, app.connection.urgentBytes, app.state], [1, 3, "CLOSE_WAIT"]);
  lab.pass(SECOND_US);
  assert(app.peerClosed === 1);
  assertGreaterOrEqual(app.readable, 1);
});

// Sending

Deno.test("urgent is sent as URG with the octet after the urgent data (MUST-30, MUST-62, SHLD-13)", () => {
  const { lab, peer, app } = reachEstablished();
  app.write("a");
  peer.expects({ flags: "ACK", seq: 1, data: "a" });
  // Nagle holds these until the ACK comes.
  app.write("bcde");
  lab.user(() => app.connection.markUrgent());
  peer.sends({ flags: "ACK", seq: 1, ack: 2 });
  const seen = peer.takeAll();
  assertEquals(seen.map(({ data }) => String.fromCharCode(...data)).join(""), "bcde");
  for (const { flags, seq, urgentPointer } of seen) {
    assertEquals([flags, seq + urgentPointer], ["ACK URG", 6]);
  }
  peer.sends({ flags: "ACK", seq: 1, ack: 6 });
  app.write("later");
  const [later] = peer.takeAll();
  assertEquals(later.flags, "ACK", "what comes after is not urgent");
});

Deno.test("urgent text that is sent again is still urgent (MUST-30, RFC 9293 §3.8.5)", () => {
  const { lab, peer, app } = reachEstablished();
  lab.user(() => {
    app.connection.write(bytesOf("abcde"));
    app.connection.markUrgent();
  });
  peer.takeAll();
  lab.pass(3 * SECOND_US);
  const again = peer.takeAll();
  assert(again.length >= 1);
  for (const { flags, seq, urgentPointer } of again) {
    assertEquals([flags, seq + urgentPointer], ["ACK URG", 6]);
  }
});

Deno.test("urgent data of any length: the pointer never says more than 16 bits can (MUST-31, MUST-62)", () => {
  const { lab, peer, app } = reachEstablished({ tcp: { initialWindowSegments: 1000 }, options: ALL_OPTIONS });
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  const length = 100_000;
  lab.user(() => app.connection.writeUrgent(bytesOf(length)));
  let announced = 0;
  for (let round = 0; round < 50; round++) {
    const seen = peer.takeAll();
    for (const { seq, flags, urgentPointer, data } of seen) {
      if (!flags.includes("URG")) continue;
      announced += 1;
      assert(seq + urgentPointer <= 1 + length, "not beyond the urgent data");
      if (length - seq < 0xffff) assertEquals(seq + urgentPointer, 1 + length);
      assert(data.length > 0 || urgentPointer > 0);
    }
    const end = Math.max(1, ...seen.map(({ seq, data }) => seq + data.length));
    peer.sends({ flags: "ACK", seq: 1, ack: Math.max(end, 1) });
    lab.pass(10_000);
    if (app.connection.unackedBytes === 0) break;
  }
  assert(announced > 0);
  assertEquals(app.connection.unackedBytes, 0);
});

Deno.test("urgent is announced at zero window, too: the peer is to read (MUST-66, RFC 9293 §3.8.5)", () => {
  const { lab, peer, app } = reachEstablished({ peer: { window: 0 } });
  lab.user(() => {
    app.connection.write(bytesOf("abcde"));
    app.connection.markUrgent();
  });
  lab.pass(5 * SECOND_US);
  const announced = peer.takeAll().filter(({ flags }) => flags.includes("URG"));
  assert(announced.length >= 1, "URG on an ACK or on a probe");
  for (const { seq, urgentPointer } of announced) assertEquals(seq + urgentPointer, 6);
});
