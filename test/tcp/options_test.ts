/**
 * TCP options on the wire: MSS, window scale, SACK-permitted, timestamps; unknown ones, unaligned ones, illegal lengths
 * (RFC 9293 §3.2, §3.7.1; RFC 7323; RFC 2018; RFC 6691).
 */
import { assert, assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { TCP } from "../../src/wire/tcp.ts";
import { FAMILY, HEADERS, LAB_MTU } from "./family.ts";
import type { OptionValues } from "./frame_craft.ts";
import { Lab, type LabOptions } from "./harness.ts";
import type { Peer, Seen } from "./peer.ts";
import { ALL_OPTIONS, type Fixture, reachEstablished, reachSynSent } from "./states.ts";
import { SECOND_US } from "./wire_ends.ts";

/** The SYN, ACK that a SYN with these option bytes gets, and what is left of the connection. */
function answered(rawOptions: readonly number[], options: LabOptions = {}): Fixture & { synAck: Seen } {
  const lab = new Lab(options);
  const apps = lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, rawOptions });
  const synAck = peer.expects({ flags: "SYN ACK", seq: 0, ack: 1 });
  peer.expectsSilence();
  return { lab, peer, app: apps[0], synAck };
}

/** The largest segment that the host sends now. */
function largestSent({ lab, peer, app }: Fixture): number {
  peer.sends({ flags: "ACK", seq: 1, ack: 1 });
  app.write(20_000);
  lab.pass(1000);
  return Math.max(...peer.takeAll().map(({ data }) => data.length));
}

Deno.test("MSS is sent on SYN and on SYN, ACK: MTU less the headers (MUST-14, SHLD-5, MAY-3, MUST-67, RFC 9293 §3.7.1)", () => {
  for (const mtu of [FAMILY.leastPathMtu, 1500, 9000]) {
    const server = answered([], { mtu });
    assertEquals(server.synAck.options.mss, mtu - HEADERS);
    const lab = new Lab({ mtu });
    const peer = lab.peer();
    lab.connect(peer);
    assertEquals(peer.expects({ flags: "SYN", seq: 0 }).options.mss, mtu - HEADERS);
  }
});

Deno.test("MSS is not reduced by options that the sender will add (RFC 6691 §2, MUST-67)", () => {
  const lab = new Lab();
  lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: ALL_OPTIONS });
  assertEquals(peer.expects({ flags: "SYN ACK" }).options.mss, 1460);
});

Deno.test("no MSS offered: 536 or 1220 is the most that we send (MUST-15, RFC 9293 §3.7.1)", () => {
  assertEquals(largestSent(answered([])), FAMILY.defaultMss);
  const client = reachSynSent();
  client.peer.sends({ flags: "SYN ACK", seq: 0, ack: 1 });
  client.peer.takeAll();
  assertEquals(largestSent(client), FAMILY.defaultMss);
});

for (const mss of [100, 536, 1000, 1460, 9000, 65_535]) {
  Deno.test(`MSS ${mss} offered: the smaller of that and what our MTU takes (MUST-14, MUST-16, SHLD-6, SHLD-28)`, () => {
    const fixture = answered([2, 4, mss >> 8, mss & 0xff]);
    assertEquals(largestSent(fixture), Math.min(mss, 1460));
  });
}

Deno.test("the effective send MSS is less the options that go with it (MUST-16, RFC 9293 §3.7.1)", () => {
  const fixture = reachEstablished({ options: { ...ALL_OPTIONS, mss: 1000 } });
  assertEquals(largestSent(fixture), 1000 - 12);
});

Deno.test("SACK blocks on data count as options too (MUST-16)", () => {
  const { lab, peer, app } = reachEstablished({ options: ALL_OPTIONS });
  peer.sends({ flags: "ACK", seq: 3001, ack: 1, data: 100 });
  peer.sends({ flags: "ACK", seq: 5001, ack: 1, data: 100 });
  peer.takeAll();
  app.write(20_000);
  lab.pass(1000);
  for (const { packet } of peer.takeAll()) assertLessOrEqual(packet.packetBytes, LAB_MTU);
});

Deno.test("an MSS of 0 or 1 does no harm: connection stays, segments are small but not empty (MUST-14)", () => {
  for (const mss of [0, 1, 10]) {
    const fixture = answered([2, 4, 0, mss]);
    const { lab, peer, app } = fixture;
    peer.sends({ flags: "ACK", seq: 1, ack: 1 });
    app.write(200);
    lab.pass(1000);
    const seen = peer.takeAll();
    assert(seen.length > 0, "something is sent");
    assert(seen.every(({ data }) => data.length > 0), "nothing empty");
  }
});

Deno.test("MSS in a segment that is no SYN does not count (MUST-5, MUST-65)", () => {
  const fixture = reachEstablished();
  fixture.peer.sends({ flags: "ACK", seq: 1, ack: 1, rawOptions: [2, 4, 0, 100] });
  assertEquals(largestSent(fixture), 1460);
});

Deno.test("options on ordinary segments are accepted: NOP, EOL, timestamps, unknown (MUST-5, MUST-4, MUST-6)", () => {
  const { peer, app } = reachEstablished();
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "a", rawOptions: [1, 1, 1, 1] });
  peer.sends({ flags: "ACK", seq: 2, ack: 1, data: "b", rawOptions: [0, 0, 0, 0] });
  peer.sends({ flags: "ACK", seq: 3, ack: 1, data: "c", rawOptions: [0, 2, 4, 1] });
  peer.sends({ flags: "ACK", seq: 4, ack: 1, data: "d", rawOptions: [254, 4, 1, 2] });
  peer.sends({ flags: "ACK", seq: 5, ack: 1, data: "e", rawOptions: [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0] });
  assertEquals(app.text, "abcde");
});

/** Option bytes, and the MSS that must be understood. */
const SYN_OPTIONS: readonly (readonly [string, readonly number[], number])[] = [
  ["unknown ones before (MUST-6, MUST-68)", [99, 3, 7, 1, 254, 6, 1, 2, 3, 4, 1, 1, 2, 4, 3, 0xe8], 1000],
  ["unknown ones of length 2 (MUST-6, MUST-68)", [99, 2, 2, 4, 3, 0xe8, 1, 1], 1000],
  ["MSS at an odd offset (MUST-64)", [1, 2, 4, 3, 0xe8, 1, 1, 1], 1000],
  ["MSS at offset 3 (MUST-64)", [1, 1, 1, 2, 4, 3, 0xe8, 0], 1000],
  ["EOL ends the list (MUST-4)", [0, 1, 1, 1, 2, 4, 3, 0xe8], FAMILY.defaultMss],
  ["only NOPs (MUST-4)", [1, 1, 1, 1], FAMILY.defaultMss],
  ["MSS twice", [2, 4, 3, 0xe8, 2, 4, 3, 0xe8], 1000],
  ["40 bytes of options", [...Array.from({ length: 36 }, () => 1), 2, 4, 3, 0xe8], 1000],
];

for (const [name, bytes, mss] of SYN_OPTIONS) {
  Deno.test(`SYN with ${name}: understood`, () => {
    assertEquals(largestSent(answered(bytes)), mss);
  });
}

/** Illegal lengths (MUST-7): what is before them counts or not, but nothing breaks. */
const ILLEGAL: readonly (readonly [string, readonly number[]])[] = [
  ["length 0", [99, 0, 1, 1]],
  ["length 1", [99, 1, 1, 1]],
  ["a length beyond the header", [99, 40, 1, 1]],
  ["a kind in the last byte", [1, 1, 1, 2]],
  ["MSS of length 0", [2, 0, 3, 0xe8]],
  ["MSS of length 3", [2, 3, 3, 1]],
  ["MSS of length 40", [2, 40, 3, 0xe8]],
  ["window scale of length 2", [3, 2, 7, 1]],
  ["SACK permitted of length 3", [4, 3, 1, 1]],
  ["timestamps of length 9", [8, 9, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1]],
  ["SACK of length 9", [5, 9, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1]],
];

for (const [name, bytes] of ILLEGAL) {
  Deno.test(`an option with an illegal length (${name}) does no harm, on SYN or elsewhere (MUST-7, RFC 9293 §3.2)`, () => {
    const { peer, app, lab } = answered(bytes);
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "a", rawOptions: bytes });
    peer.sends({ flags: "ACK", seq: 2, ack: 1, data: "b" });
    lab.pass(SECOND_US / 2);
    // The segment may be taken or dropped; the connection lives, and the peer's next try succeeds.
    peer.sends({ flags: "ACK", seq: 1, ack: 1, data: "ab" });
    assertEquals(app.text, "ab");
    assertEquals(app.state, "ESTABLISHED");
  });
}

Deno.test("our own options: length fields, word boundary, zeros after EOL (MUST-68, MUST-69, RFC 9293 §3.1)", () => {
  const seen: Seen[] = [];
  const { peer, lab, app } = reachEstablished({ options: ALL_OPTIONS });
  app.write("abc");
  peer.sends({ flags: "ACK", seq: 5001, ack: 1, data: 10 });
  lab.pass(SECOND_US);
  seen.push(...peer.takeAll(), answered([2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 1, 1]).synAck);
  for (const { packet } of seen) assertLegalOptions(packet.payload);
});

function assertLegalOptions(segment: Uint8Array): void {
  const end = (segment[TCP.DATA_OFFSET] >>> 4) * 4;
  let at = TCP.HEADER_BYTES;
  while (at < end) {
    if (segment[at] === 0) {
      while (at < end) assertEquals(segment[at++], 0);
    } else if (segment[at] === 1) at += 1;
    else {
      assert(segment[at + 1] >= 2 && at + segment[at + 1] <= end);
      at += segment[at + 1];
    }
  }
}

// What is agreed on only when both offer it

const OFFERS: readonly (readonly [string, OptionValues])[] = [
  ["nothing", {}],
  ["MSS", { mss: 1400 }],
  ["window scale", { windowScale: 3 }],
  ["SACK permitted", { sackPermitted: true }],
  ["timestamps", { timestamps: { value: 77, echo: 0 } }],
  ["all", { mss: 1400, windowScale: 3, sackPermitted: true, timestamps: { value: 77, echo: 0 } }],
];

for (const [name, offer] of OFFERS) {
  Deno.test(`SYN with ${name}: the SYN, ACK answers with that and no more (RFC 7323 §1.3, §2.2, §3.2; RFC 2018 §2)`, () => {
    const lab = new Lab();
    lab.listen();
    const peer = lab.peer();
    peer.sends({ flags: "SYN", seq: 0, options: offer });
    const { options } = peer.expects({ flags: "SYN ACK" });
    assert(options.mss !== undefined, "MAY-3");
    assertEquals(options.windowScale !== undefined, offer.windowScale !== undefined);
    assertEquals(options.sackPermitted === true, offer.sackPermitted === true);
    assertEquals(options.timestamps !== undefined, offer.timestamps !== undefined);
    if (offer.timestamps !== undefined) assertEquals(options.timestamps?.echo, 77);
  });
}

Deno.test("an active SYN offers all of it, TSecr 0; switched off, none of it (RFC 7323, RFC 2018)", () => {
  const { synOptions: on } = activeSyn({});
  assertEquals([on.sackPermitted, on.windowScale !== undefined, on.timestamps?.echo], [true, true, 0]);
  const { synOptions: off } = activeSyn({ sack: false, windowScaling: false, timestamps: false });
  assertEquals([off.sackPermitted, off.windowScale, off.timestamps], [undefined, undefined, undefined]);
});

function activeSyn(tcp: NonNullable<LabOptions["tcp"]>): { synOptions: OptionValues; peer: Peer } {
  const lab = new Lab({ tcp });
  const peer = lab.peer();
  lab.connect(peer);
  return { synOptions: peer.expects({ flags: "SYN", seq: 0 }).options, peer };
}

Deno.test("switched off, what the peer offers is not granted (RFC 7323 §1.3, RFC 2018 §2)", () => {
  const lab = new Lab({ tcp: { sack: false, windowScaling: false, timestamps: false } });
  lab.listen();
  const peer = lab.peer();
  peer.sends({ flags: "SYN", seq: 0, options: ALL_OPTIONS });
  const { options } = peer.expects({ flags: "SYN ACK" });
  assertEquals([options.sackPermitted, options.windowScale, options.timestamps], [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("timestamps agreed: on every segment but RST, TSecr echoes; not agreed: on none (RFC 7323 §3.2)", () => {
  const { lab, peer, app } = reachEstablished({ options: ALL_OPTIONS });
  app.write("abc");
  peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 3000 });
  app.closeWrite();
  lab.pass(10 * SECOND_US);
  for (const { options } of peer.takeAll()) {
    assert(options.timestamps !== undefined);
    assertGreater(options.timestamps.echo, 0x7fff_0000);
  }
  const plain = reachEstablished();
  plain.app.write("abc");
  plain.peer.sends({ flags: "ACK", seq: 1, ack: 1, data: 3000 });
  plain.lab.pass(10 * SECOND_US);
  for (const { options } of plain.peer.takeAll()) assertEquals(options.timestamps, undefined);
});

Deno.test("a client whose SYN, ACK lacks timestamps, scale or SACK does without (RFC 7323 §1.3)", () => {
  const { lab, peer, app } = reachEstablished({ role: "client", options: { mss: 1460 } });
  app.write("abc");
  peer.sends({ flags: "ACK", seq: 2001, ack: 1, data: 10 });
  lab.pass(SECOND_US);
  for (const { options } of peer.takeAll()) assertEquals(options, {});
});

Deno.test("a scale of more than 14 is taken as 14 (RFC 7323 §2.3)", () => {
  const { peer, app } = reachEstablished({
    options: { mss: 1460, windowScale: 200 },
    tcp: { initialWindowSegments: 1000 },
  });
  assertEquals(app.connection.info().sendWindowShift, 14);
  peer.sends({ flags: "ACK", seq: 1, ack: 1, window: 2 });
  assertEquals(app.connection.info().sndWnd, 2 << 14);
});

Deno.test("our own scale is not more than 14 and no less than the buffer needs (RFC 7323 §2.3)", () => {
  for (const receiveBufferBytes of [0x8000, 0x10_0000, 0x40_0000]) {
    const { synOptions } = activeSyn({ receiveBufferBytes });
    const scale = synOptions.windowScale ?? -1;
    assert(scale >= 0 && scale <= 14);
    assertLessOrEqual(receiveBufferBytes, 0xffff * 2 ** scale + 2 ** scale);
  }
});

Deno.test("the timestamp clock goes at 1 ms to 1 s a tick and never back (RFC 7323 §5.4)", () => {
  const { lab, peer, app } = reachEstablished({ options: ALL_OPTIONS });
  app.connection.setNoDelay(true);
  let last = 0;
  for (let i = 0; i < 10; i++) {
    app.write("x");
    const [seen] = peer.takeAll();
    const value = seen.options.timestamps?.value ?? 0;
    if (i > 0) {
      const ticks = (value - last) | 0;
      assert(ticks >= 1 && ticks <= 1000, `${ticks} ticks in a second`);
    }
    last = value;
    peer.sends({ flags: "ACK", seq: 1, ack: 2 + i });
    lab.pass(SECOND_US);
  }
});

Deno.test("a smaller path: no segment is above the link's MTU, with all options (MUST-16, SHLD-6)", () => {
  for (const mtu of [FAMILY.leastPathMtu, 1280, 1500]) {
    const { lab, peer, app } = reachEstablished({ mtu, options: { ...ALL_OPTIONS, mss: 65_000 } });
    app.write(30_000);
    lab.pass(1000);
    const sizes = peer.takeAll().map(({ packet }) => packet.packetBytes);
    assertEquals(Math.max(...sizes), mtu);
    assertLess(0, sizes.length);
  }
});
