/**
 * What a receiver owes exactly (RFC 9293 §3.8.6.3, RFC 5681 §4.2, RFC 2883, RFC 7323 §4.3): when an ACK leaves, to the
 * microsecond; what it reports, to the byte; what is echoed; how many holes are kept.
 */
import { assertEquals } from "@std/assert";
import { BEGIN_AT } from "./begin_far.ts";
import { SACK_OPTIONS } from "./bulk_sender.ts";
import type { Seen } from "./peer.ts";
import { ALL_OPTIONS, type Fixture, type FixtureOptions, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const DELAY_US = 40_000;

/** A receiver that delays its ACKs from the beginning; its window never has to be told anew. */
function patient(options: FixtureOptions = {}): Fixture {
  return reachEstablished({
    ...options,
    tcp: { quickAcks: 0, receiveBufferBytes: 0x8000, ...options.tcp },
  });
}

// When an ACK leaves

Deno.test("a lone segment is acknowledged after 40 ms exactly, counted from the segment (SHLD-18, MUST-40)", () => {
  for (const delayedAckUs of [DELAY_US, 1000, 300_000]) {
    const { lab, peer } = patient({ tcp: { delayedAckUs } });
    lab.pass(123_456);
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 10 });
    lab.pass(delayedAckUs - 1);
    peer.expectsSilence();
    lab.pass(1);
    peer.expects({ flags: "ACK", seq: 1, ack: 11 });
    lab.pass(SECOND_US);
    peer.expectsSilence();
  }
});

Deno.test("a second small segment does not put the ACK off (SHLD-18, MUST-58)", () => {
  const { lab, peer } = patient();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 10 });
  lab.pass(30_000);
  peer.sends({ flags: "ACK", seq: 11, ack: 1, data: 10 });
  lab.pass(9999);
  peer.expectsSilence();
  lab.pass(1);
  peer.expects({ flags: "ACK", seq: 1, ack: 21 });
  // The next one waits its own 40 ms.
  peer.sends({ flags: "ACK", seq: 21, ack: 1, data: 10 });
  lab.pass(DELAY_US - 1);
  peer.expectsSilence();
  lab.pass(1);
  peer.expects({ flags: "ACK", seq: 1, ack: 31 });
  peer.expectsSilence();
});

Deno.test("two full-sized segments are acknowledged at once, one octet less is not (SHLD-19, RFC 9293 §3.8.6.3)", () => {
  const { lab, peer } = patient();
  let seq = 1;
  const sends = (data: number) => {
    peer.sends({ flags: "ACK", seq, ack: 1, data });
    seq += data;
  };
  for (let i = 0; i < 3; i++) {
    sends(1460);
    peer.expectsSilence();
    sends(1460);
    peer.expects({ flags: "ACK", ack: seq });
    peer.expectsSilence();
  }
  sends(1460);
  sends(1459);
  peer.expectsSilence();
  sends(1);
  peer.expects({ flags: "ACK", ack: seq });
  // What was acknowledged does not count again.
  sends(1460);
  lab.pass(DELAY_US);
  peer.expects({ flags: "ACK", ack: seq });
  sends(1460);
  peer.expectsSilence();
});

Deno.test("an ACK that rode on text counts: the next segment waits anew (MUST-58)", () => {
  const { lab, peer, app } = patient();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1460 });
  app.write("x");
  peer.expects({ flags: "ACK", seq: 1, ack: 1461, data: "x" });
  peer.sends({ flags: "ACK", seq: 1461, ack: 2, data: 1460 });
  peer.expectsSilence();
  lab.pass(DELAY_US - 1);
  peer.expectsSilence();
  lab.pass(1);
  peer.expects({ flags: "ACK", seq: 2, ack: 2921 });
  peer.expectsSilence();
});

for (const what of ["a hole", "old text"] as const) {
  Deno.test(`after ${what} the next ten segments are acknowledged at once each, then every second (RFC 5681 §4.2)`, () => {
    const { lab, peer } = reachEstablished({ tcp: { quickAcks: 10, receiveBufferBytes: 0x8000 } });
    let seq = 1;
    const sends = (data: number) => {
      peer.sends({ flags: "ACK", seq, ack: 1, data });
      seq += data;
    };
    const settle = () => {
      lab.pass(SECOND_US);
      peer.takeAll();
    };
    for (let i = 0; i < 12; i++) sends(100);
    settle();
    sends(100);
    peer.expectsSilence();
    settle();
    if (what === "a hole") {
      peer.sends({ flags: "ACK", seq: seq + 100, ack: 1, data: 100 });
      peer.expects({ flags: "ACK", ack: seq });
      sends(100);
      seq += 100;
      peer.expects({ flags: "ACK", ack: seq });
    } else {
      peer.sends({ flags: "ACK", seq: seq - 100, ack: 1, data: 100 });
      peer.expects({ flags: "ACK", ack: seq });
    }
    let quick = 0;
    for (; quick < 20; quick++) {
      sends(100);
      if (peer.takeAll().length === 0) break;
    }
    // Those that answered the hole itself may count.
    assertEquals(quick >= 8 && quick <= 10, true, `${quick} quick ACKs`);
    settle();
    sends(100);
    peer.expectsSilence();
  });
}

// What is reported as a duplicate

/** Bytes 1 to 1,000 are here. */
function thousand(options = SACK_OPTIONS): Fixture {
  const fixture = patient({ options });
  const { lab, peer } = fixture;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1000 });
  lab.pass(DELAY_US);
  peer.expects({ flags: "ACK", ack: 1001, sack: [] });
  return fixture;
}

Deno.test("D-SACK of an old segment: both edges are those of the segment (RFC 2883 §4.1)", () => {
  for (const [left, right] of [[1, 1001], [1, 2], [1000, 1001], [400, 700]]) {
    const { peer } = thousand();
    peer.sends({ flags: "ACK", seq: left, ack: 1, data: right - left });
    peer.expects({ flags: "ACK", ack: 1001, sack: [[left, right]] });
    peer.expectsSilence();
    // Once.
    peer.sends({ flags: "ACK", seq: 2001, ack: 1, data: 5 });
    peer.expects({ flags: "ACK", ack: 1001, sack: [[2001, 2006]] });
    peer.expectsSilence();
  }
});

Deno.test("D-SACK of a segment that begins with old text: only the old part, up to RCV.NXT (RFC 2883 §4.2)", () => {
  for (const left of [1, 500, 1000]) {
    const { lab, peer, app } = thousand();
    peer.sends({ flags: "ACK", seq: left, ack: 1, data: 1001 - left + 40 });
    lab.pass(DELAY_US);
    peer.expects({ flags: "ACK", ack: 1041, sack: [[left, 1001]] });
    peer.expectsSilence();
    assertEquals(app.bytesRead.length, 1040);
  }
});

Deno.test({
  name:
    "D-SACK: text from before the connection is no duplicate of it, nor is a segment without text (RFC 2883 §4)",
  // A stream that is far on has had text there.
  ignore: BEGIN_AT > 0,
  fn: () => {
    const { peer } = thousand();
    for (const [seq, data] of [[-100, 50], [-100, 100], [900, 0]]) {
      peer.sends({ flags: "ACK", seq, ack: 1, data });
      peer.expects({ flags: "ACK", ack: 1001, sack: [] });
      peer.expectsSilence();
    }
  },
});

Deno.test("no D-SACK where SACK was not agreed (RFC 2883 §4)", () => {
  const { peer } = thousand({ mss: 1460 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  peer.expects({ flags: "ACK", ack: 1001, sack: [] });
  peer.expectsSilence();
});

// What is echoed

const FIRST = 0x7fff_0000 + 1000;

function stamped(options: FixtureOptions = {}): Fixture {
  const fixture = reachEstablished({ options: ALL_OPTIONS, ...options });
  fixture.peer.timestamps = false;
  return fixture;
}

function stamp(value: number) {
  return { timestamps: { value: (FIRST + value) >>> 0, echo: 0 } };
}

function echoed(seen: Seen): number {
  return ((seen.options.timestamps?.echo ?? 0) - FIRST) | 0;
}

Deno.test("an old duplicate with an older timestamp does not set TS.Recent back (RFC 7323 §4.3, §5.3 R1)", () => {
  const { peer, app } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100, options: stamp(100) });
  peer.sends({ flags: "ACK", seq: 101, ack: 1, data: 100, options: stamp(500) });
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100, options: stamp(100) });
  assertEquals(echoed(peer.expects({ flags: "ACK", ack: 201 })), 500);
  peer.expectsSilence();
  // What lies between the two is still too old.
  peer.sends({ flags: "ACK", seq: 201, ack: 1, data: 100, options: stamp(499) });
  assertEquals(echoed(peer.expects({ flags: "ACK", ack: 201 })), 500);
  assertEquals(app.bytesRead.length, 200);
  peer.sends({ flags: "ACK", seq: 201, ack: 1, data: 100, options: stamp(501) });
  assertEquals(echoed(peer.expects({ flags: "ACK", ack: 301 })), 501);
});

Deno.test("text that is sent again with a newer timestamp is echoed, though it is old (RFC 7323 §4.1)", () => {
  const { peer } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100, options: stamp(100) });
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100, options: stamp(300) });
  assertEquals(echoed(peer.expects({ flags: "ACK", ack: 101 })), 300);
});

Deno.test("a bare ACK with a newer timestamp is echoed from then on (RFC 7323 §4.3)", () => {
  const { peer, app } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, options: stamp(700) });
  app.write("x");
  assertEquals(echoed(peer.expects({ flags: "ACK", seq: 1, data: "x" })), 700);
});

Deno.test("after 24 days TS.Recent begins anew: what came then is echoed, and PAWS is on again (RFC 7323 §5.5)", () => {
  const { lab, peer, app } = stamped();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "a", options: stamp(5000) });
  lab.pass(25 * 24 * 3600 * SECOND_US);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 2, ack: 1, data: "b", options: stamp(4000) });
  lab.pass(SECOND_US);
  assertEquals(echoed(peer.expects({ flags: "ACK", ack: 3 })), 4000);
  peer.sends({ flags: "ACK", seq: 3, ack: 1, data: "c", options: stamp(3999) });
  peer.expects({ flags: "ACK", ack: 3 });
  assertEquals(app.text, "ab");
});

// Urgent

Deno.test("the same urgent pointer is told once, however often it comes (MUST-32, RFC 9293 §3.10.7.4, sixth)", () => {
  const { peer, app } = reachEstablished({ autoRead: false });
  peer.sends({ flags: "URG ACK", seq: 1, ack: 1, data: "ab", urgentPointer: 10 });
  peer.sends({ flags: "URG ACK", seq: 3, ack: 1, data: "cd", urgentPointer: 8 });
  peer.sends({ flags: "URG ACK", seq: 5, ack: 1, urgentPointer: 6 });
  peer.sends({ flags: "URG ACK", seq: 5, ack: 1, urgentPointer: 5 });
  assertEquals(app.urgent, [10]);
  peer.sends({ flags: "URG ACK", seq: 5, ack: 1, urgentPointer: 7 });
  assertEquals(app.urgent, [10, 11], "one octet further");
});

// Holes

Deno.test("of holes only so many are kept; what touches one that is kept is taken, the rest is sent again (SHLD-31)", () => {
  const most = 5;
  const { peer, app } = patient({ options: SACK_OPTIONS, tcp: { maxOutOfOrderBlocks: most } });
  const block = (i: number) => 101 + 200 * i;
  for (let i = 0; i < most; i++) {
    peer.sends({ flags: "ACK", seq: block(i), ack: 1, data: 100 });
    peer.expects({ flags: "ACK", ack: 1 });
  }
  assertEquals(app.connection.info().outOfOrderBytes, 100 * most);
  // One more hole is refused, before, between and behind those that there are; the ACK still tells of what is kept.
  for (const seq of [50, block(0) + 150, block(most)]) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: 10 });
    const seen = peer.expects({ flags: "ACK", ack: 1 });
    assertEquals(peer.sackOf(seen)[0], [block(most - 1), block(most - 1) + 100]);
    assertEquals(app.connection.info().outOfOrderBytes, 100 * most);
  }
  // On either side of a kept block there is no new hole.
  peer.sends({ flags: "ACK", seq: block(2) + 100, ack: 1, data: 10 });
  peer.expects({ flags: "ACK", ack: 1 });
  peer.sends({ flags: "ACK", seq: block(1) - 10, ack: 1, data: 10 });
  const seen = peer.expects({ flags: "ACK", ack: 1 });
  assertEquals(peer.sackOf(seen).slice(0, 2), [[block(1) - 10, block(1) + 100], [block(2), block(2) + 110]]);
  assertEquals(app.connection.info().outOfOrderBytes, 100 * most + 20);
  // Two that are joined leave room for another.
  peer.sends({ flags: "ACK", seq: block(3) + 100, ack: 1, data: 100 });
  peer.expects({ flags: "ACK", ack: 1 });
  peer.sends({ flags: "ACK", seq: block(most), ack: 1, data: 10 });
  assertEquals(peer.sackOf(peer.expects({ flags: "ACK", ack: 1 }))[0], [block(most), block(most) + 10]);
  // All of it again: every byte is right.
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 1300 });
  peer.expects({ flags: "ACK", ack: 1301 });
  assertEquals([app.bytesRead.length, app.connection.info().outOfOrderBytes], [1300, 0]);
  peer.expectsSilence();
});

// Probes of both ends

/** Our window is shut and so is the peer's; text of ours waits. */
function bothShut(): Fixture {
  const fixture = reachEstablished({
    autoRead: false,
    options: SACK_OPTIONS,
    peer: { window: 0 },
    tcp: { receiveBufferBytes: 2000, quickAcks: 1000 },
  });
  const { peer, app } = fixture;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 2000 });
  peer.expects({ flags: "ACK", ack: 2001, window: 0 });
  app.write("abc");
  peer.expectsSilence();
  return fixture;
}

Deno.test("both ends probe: an ACK at RCV.NXT - 1 is read while our probe is out, one at RCV.NXT - 2 is not (RFC 9293 §3.8.6.1)", () => {
  for (const [seq, isRead] of [[2000, true], [1999, false]] as const) {
    const { lab, peer, app } = bothShut();
    lab.pass(app.connection.info().rtoUs);
    peer.expects({ flags: "ACK", seq: 1, data: bytes("a") });
    peer.sends({ flags: "ACK", seq, ack: 2, window: 0 });
    peer.takeAll();
    assertEquals(app.connection.unackedBytes, isRead ? 2 : 3, `at ${seq}`);
  }
});

Deno.test("an ACK at RCV.NXT - 1 is not read while no probe of ours is out (RFC 9293 §3.10.7.4, first)", () => {
  const { peer, app } = reachEstablished({ tcp: { quickAcks: 1000 } });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  app.write("abc");
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 100, ack: 4 });
  peer.expects({ flags: "ACK", seq: 4, ack: 101 });
  peer.expectsSilence();
  assertEquals(app.connection.unackedBytes, 3);
});

Deno.test("while our probe is out a bare ACK bears the probe's number, so that a shut end can read it (RFC 9293 §3.8.6.1)", () => {
  const { lab, peer, app } = bothShut();
  lab.pass(app.connection.info().rtoUs);
  peer.expects({ flags: "ACK", seq: 1, data: bytes("a") });
  // The peer probes, too.
  peer.sends({ flags: "ACK", seq: 2001, ack: 1, window: 0, data: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 2001, window: 0 });
  peer.expectsSilence();
});

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
