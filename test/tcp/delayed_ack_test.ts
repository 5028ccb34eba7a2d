/**
 * When an ACK is sent: RFC 9293 §3.8.6.3, RFC 5681 §4.2 (delay, every second segment, at once out of order).
 */
import {
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
} from "@std/assert";
import { ALL_OPTIONS, type FixtureOptions, reachEstablished } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

const MS_US = 1000;

/** Established, with no quick ACKs and a buffer that the first window shows in full. */
function settled(options: FixtureOptions = {}) {
  return reachEstablished({ ...options, tcp: { quickAcks: 0, receiveBufferBytes: 0x8000, ...options.tcp } });
}

Deno.test("a lone segment's ACK waits, less than half a second (SHLD-18, MUST-40, RFC 9293 §3.8.6.3)", () => {
  const { lab, peer } = settled();
  peer.mark();
  const startUs = lab.nowUs;
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  peer.expectsSilence();
  lab.pass(499 * MS_US);
  const ack = peer.expects({ flags: "ACK", seq: 1, ack: 101 });
  assertGreater(ack.atUs, startUs);
  assertLess(ack.atUs - startUs, 500 * MS_US);
  peer.expectsSilence();
  lab.pass(SECOND_US);
  peer.expectsSilence();
});

Deno.test("however slowly segments come, each is acknowledged within half a second (MUST-40)", () => {
  const { lab, peer } = settled({ tcp: { delayedAckUs: 450 * MS_US } });
  const sentAtUs: number[] = [];
  for (let i = 0; i < 10; i++) {
    sentAtUs.push(lab.nowUs);
    peer.sends({ flags: "ACK", seq: 1 + i * 10, ack: 1, data: 10 });
    lab.pass(300 * MS_US);
  }
  lab.pass(SECOND_US);
  const acks = peer.takeAll();
  sentAtUs.forEach((atUs, i) => {
    const first = acks.find(({ ack }) => ack >= 11 + i * 10);
    assertLess((first?.atUs ?? Infinity) - atUs, 500 * MS_US);
  });
});

Deno.test("every second full-sized segment gets an ACK at once (SHLD-19, RFC 9293 §3.8.6.3, RFC 5681 §4.2)", () => {
  const { peer } = settled();
  for (let i = 0; i < 10; i++) {
    peer.sends({ flags: "ACK", seq: 1 + i * 1460, ack: 1, data: 1460 });
    if (i % 2 === 0) peer.expectsSilence();
    else peer.expects({ flags: "ACK", seq: 1, ack: 1 + (i + 1) * 1460 });
  }
  peer.expectsSilence();
});

Deno.test("two times the RMSS in smaller pieces gets an ACK at once, too (SHLD-19, RFC 9293 §3.8.6.3)", () => {
  const { peer } = settled();
  // "an ACK SHOULD be generated for at least every second full-sized segment or 2*RMSS bytes of new data".
  let bytes = 0;
  let acknowledged = 0;
  for (let i = 0; i < 20; i++) {
    peer.sends({ flags: "ACK", seq: 1 + bytes, ack: 1, data: 730 });
    bytes += 730;
    for (const { ack } of peer.takeAll()) acknowledged = ack - 1;
    assertLess(bytes - acknowledged, 2 * 1460 + 1);
  }
});

Deno.test("with options in every segment, full-sized is less than the MSS: every second still gets an ACK (SHLD-19)", () => {
  const { peer } = settled({ options: ALL_OPTIONS });
  for (let i = 0; i < 10; i++) {
    peer.sends({ flags: "ACK", seq: 1 + i * 1448, ack: 1, data: 1448 });
    if (i % 2 === 1) peer.expects({ flags: "ACK", seq: 1, ack: 1 + (i + 1) * 1448 });
  }
  peer.expectsSilence();
});

Deno.test("a segment larger than two full ones, as off-loads make them, gets an ACK at once (SHLD-19)", () => {
  const { peer } = settled();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 8000 });
  peer.expects({ flags: "ACK", seq: 1, ack: 8001 });
  peer.expectsSilence();
});

Deno.test("an ACK that waits rides on data instead (MUST-58, SHLD-18)", () => {
  const { lab, peer, app } = settled();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  peer.expectsSilence();
  app.write("answer");
  peer.expects({ flags: "ACK", seq: 1, ack: 101, data: "answer" });
  lab.pass(SECOND_US / 8);
  peer.expectsSilence();
});

Deno.test("out of order: an ACK at once, for each segment (RFC 5681 §4.2, MAY-13)", () => {
  const { peer } = settled();
  for (const seq of [1461, 2921, 4381]) {
    peer.sends({ flags: "ACK", seq, ack: 1, data: 1460 });
    peer.expects({ flags: "ACK", seq: 1, ack: 1 });
    peer.expectsSilence();
  }
});

Deno.test("a hole that is filled in part or in full: an ACK at once (RFC 5681 §4.2)", () => {
  const { peer } = settled();
  peer.sends({ flags: "ACK", seq: 301, ack: 1, data: 100 });
  peer.expects({ flags: "ACK", ack: 1 });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  peer.expects({ flags: "ACK", ack: 101 });
  peer.sends({ flags: "ACK", seq: 101, ack: 1, data: 200 });
  peer.expects({ flags: "ACK", ack: 401 });
  peer.expectsSilence();
});

Deno.test("a duplicate is acknowledged at once (RFC 5681 §4.2, RFC 9293 §3.10.7.4, first)", () => {
  const { lab, peer } = settled();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  lab.pass(SECOND_US);
  peer.takeAll();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  peer.expects({ flags: "ACK", seq: 1, ack: 101 });
  peer.expectsSilence();
});

Deno.test("FIN is acknowledged at once, with what waited (RFC 9293 §3.10.7.4, eighth; MUST-58)", () => {
  const { lab, peer } = settled();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  peer.expectsSilence();
  peer.sends({ flags: "FIN ACK", seq: 101, ack: 1 });
  peer.expects({ flags: "ACK", seq: 1, ack: 102 });
  lab.pass(SECOND_US);
  peer.expectsSilence();
});

Deno.test("pure ACKs are never acknowledged (RFC 9293 §3.4)", () => {
  const { lab, peer, app } = settled();
  app.write("abc");
  peer.takeAll();
  for (const ack of [1, 2, 3, 4, 4, 4]) peer.sends({ flags: "ACK", seq: 1, ack });
  for (const window of [1000, 2000, 0, 5]) peer.sends({ flags: "ACK", seq: 1, ack: 4, window });
  lab.pass(10 * SECOND_US);
  peer.expectsSilence();
});

Deno.test("a fast reader with more buffer than the window can say: the ACK waits all the same (SHLD-18, MUST-39)", () => {
  const { peer } = settled({ tcp: { receiveBufferBytes: 0x10_0000 } });
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 100 });
  // 100 bytes are no step to the right that is worth an ACK.
  peer.expectsSilence();
});

Deno.test("a young connection acknowledges at once, as often as it is told (quickAcks), then waits", () => {
  const { lab, peer } = settled({ tcp: { quickAcks: 4 } });
  let atOnce = 0;
  for (let i = 0; i < 10; i++) {
    peer.sends({ flags: "ACK", seq: 1 + i * 10, ack: 1, data: 10 });
    atOnce += peer.takeAll().length;
    lab.pass(SECOND_US / 2);
    peer.takeAll();
  }
  assertEquals(atOnce, 4);
});

Deno.test("bulk data: no more than one ACK for each segment, no less than for every second (SHLD-19, MUST-58)", () => {
  const { lab, peer, app } = reachEstablished({ options: ALL_OPTIONS });
  const segments = 200;
  for (let i = 0; i < segments; i++) peer.sends({ flags: "ACK", seq: 1 + i * 1448, ack: 1, data: 1448 });
  lab.pass(SECOND_US / 2);
  const acks = peer.takeAll();
  assertLessOrEqual(acks.length, segments);
  assertGreaterOrEqual(acks.length, segments / 2);
  assertEquals(acks[acks.length - 1].ack, 1 + segments * 1448);
  assertEquals(app.bytesRead.length, segments * 1448);
});

Deno.test("the delay is configurable and never beyond half a second by default (MUST-40)", () => {
  for (const delayedAckUs of [10 * MS_US, 200 * MS_US]) {
    const { lab, peer } = settled({ tcp: { delayedAckUs } });
    peer.mark();
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 10 });
    lab.pass(490 * MS_US);
    peer.expects({ flags: "ACK", ack: 11, afterUs: delayedAckUs });
    peer.expectsSilence();
  }
});
