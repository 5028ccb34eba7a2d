/**
 * Captured packets as segments: what the headers say, whatever the capture left out; and the reason where there is no segment.
 */
import { assert, assertEquals } from "@std/assert";
import { readU16, writeU16 } from "../../src/wire/bytes.ts";
import { checksum } from "../../src/wire/checksum.ts";
import type { DissectedSegment, SkipReason } from "../../src/wire/dissect.ts";
import { IPV4 } from "../../src/wire/ipv4.ts";
import { FLAG } from "../../src/wire/tcp.ts";
import { ALL_OPTIONS } from "../tcp/states.ts";
import { craftPacket, craftSegment, type Route } from "../tcp/frame_craft.ts";
import { HOST_MAC, HOST_V4, HOST_V6, PEER_MAC, PEER_V4, PEER_V6 } from "../tcp/wire_ends.ts";
import { dissected, packetOf } from "./capture_readings.ts";

const V4: Route = { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V4, target: HOST_V4 };
const V6: Route = { sourceMac: PEER_MAC, targetMac: HOST_MAC, source: PEER_V6, target: HOST_V6 };
const SEGMENT = { sourcePort: 40_000, targetPort: 7777, seq: 0xffff_fff0, ack: 77, window: 501, ecn: 2 };
const DATA = new Uint8Array(100).fill(0x61);
const ETHERNET_BYTES = 14;

const PLAIN = { ...SEGMENT, flags: FLAG.ACK | FLAG.PSH, data: DATA };
const SYN = { ...SEGMENT, flags: FLAG.SYN, options: ALL_OPTIONS, data: new Uint8Array(0) };

function segmentOf(frame: Uint8Array, original: number = frame.length): DissectedSegment {
  const found = dissected(packetOf(1, frame, original));
  assert(typeof found !== "string", `skipped: ${found}`);
  return found;
}

function reasonOf(frame: Uint8Array, original: number = frame.length): SkipReason {
  const found = dissected(packetOf(1, frame, original));
  assert(typeof found === "string", "not skipped");
  return found;
}

/** A frame with some of its bytes changed. */
function changed(frame: Uint8Array, changes: Readonly<Record<number, number>>): Uint8Array {
  const copy = frame.slice();
  for (const [at, value] of Object.entries(changes)) copy[Number(at)] = value;
  return copy;
}

/** What matters of a segment, as one value. */
function facts(found: DissectedSegment): unknown {
  const { segment } = found;
  return {
    from: [[...found.source], segment.sourcePort],
    to: [[...found.destination], segment.destinationPort],
    numbers: [segment.flags, segment.seq, segment.ack, segment.window],
    length: found.length,
    kept: segment.payloadLength,
    checksum: found.checksum,
    ip: [found.ttl, found.dscp, found.ecn, found.ipId, found.ipChecksum],
    vlans: found.vlans,
  };
}

for (const [family, route] of [["IPv4", V4], ["IPv6", V6]] as const) {
  Deno.test(`dissect: ${family} that is shorter than its header says, without a word of the capture: the header counts`, () => {
    const frame = craftSegment(route, PLAIN);
    const ends = segmentOf(frame.subarray(0, frame.length - 10));
    assertEquals([ends.length, ends.checksum, ends.isShort], [100, "unknown", true]);
    const cut = segmentOf(frame.subarray(0, frame.length - 10), frame.length);
    assertEquals([cut.length, cut.checksum, cut.isShort], [100, "unknown", false]);
    assertEquals(segmentOf(frame).isShort, false);
  });

  const ipBytes = family === "IPv4" ? 20 : 40;
  const frame = craftSegment(route, PLAIN);
  const expected = {
    from: [[...route.source], 40_000],
    to: [[...route.target], 7777],
    numbers: [FLAG.ACK | FLAG.PSH, 0xffff_fff0, 77, 501],
    length: 100,
    kept: 100,
    checksum: "correct",
    ip: [64, 0, 2, family === "IPv4" ? 1 : -1, "correct"],
    vlans: [],
  };

  Deno.test(`${family}: every field of a segment, on every link`, () => {
    assertEquals(facts(segmentOf(frame)), expected);
    const packet = frame.subarray(ETHERNET_BYTES);
    const [high, low] = frame.subarray(12);
    const links: readonly (readonly [number, readonly number[]])[] = [
      [101, []],
      [family === "IPv4" ? 228 : 229, []],
      [0, [family === "IPv4" ? 2 : 30, 0, 0, 0]],
      [108, [0, 0, 0, family === "IPv4" ? 2 : 28]],
      [113, [0, 0, 0, 1, 0, 6, ...PEER_MAC, 0, 0, high, low]],
      [276, [high, low, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, ...PEER_MAC, 0, 0]],
    ];
    for (const [linkType, header] of links) {
      const found = dissected(packetOf(linkType, Uint8Array.of(...header, ...packet)));
      assert(typeof found !== "string", `${linkType}: ${found}`);
      assertEquals(facts(found), expected);
    }
    const tags = [0x88, 0xa8, 0, 100, 0x81, 0, 0, 7];
    const tagged = Uint8Array.of(...frame.subarray(0, 12), ...tags, ...frame.subarray(12));
    assertEquals(facts(segmentOf(tagged)), { ...expected, vlans: [100, 7] });
  });

  Deno.test(`${family}: padding behind the packet is no text`, () => {
    const ack = craftSegment(route, { ...PLAIN, flags: FLAG.ACK, data: new Uint8Array(0) });
    const padded = segmentOf(Uint8Array.of(...ack, 1, 2, 3, 4, 5, 6));
    assertEquals([padded.length, padded.segment.payloadLength, padded.checksum], [0, 0, "correct"]);
  });

  Deno.test(`${family}: a frame cut by the capture has the length that its headers say`, () => {
    const headers = ETHERNET_BYTES + ipBytes + 20;
    const cut = facts(segmentOf(frame.subarray(0, headers + 10), frame.length));
    assertEquals(cut, { ...expected, kept: 10, checksum: "unknown" });
    assertEquals(facts(segmentOf(frame.subarray(0, headers), frame.length)), {
      ...expected,
      kept: 0,
      checksum: "unknown",
    });
    for (let length = 0; length < headers; length++) {
      assertEquals(reasonOf(frame.subarray(0, length), frame.length), "headers-cut", `${length}`);
    }
  });

  Deno.test(`${family}: of options that the capture cut, those before the cut count`, () => {
    const syn = craftSegment(route, SYN);
    const whole = segmentOf(syn);
    const { mss, windowScale, sackPermitted, hasTimestamps, tsValue } = whole.segment;
    assertEquals([whole.areOptionsCut, mss > 0, sackPermitted, hasTimestamps, windowScale >= 0], [
      false,
      true,
      true,
      true,
      true,
    ]);
    // MSS, SACK permitted and two octets of the timestamps.
    const optionsAt = ETHERNET_BYTES + ipBytes + 20;
    const cut = segmentOf(syn.subarray(0, optionsAt + 10), syn.length);
    assertEquals(
      [cut.areOptionsCut, cut.length, cut.segment.mss, cut.segment.sackPermitted, cut.segment.hasTimestamps],
      [true, 0, mss, true, false],
    );
    assertEquals([cut.segment.optionsMalformed, cut.segment.payloadLength, cut.checksum], [
      false,
      0,
      "unknown",
    ]);
    const { seq, ack, flags, window, sourcePort, destinationPort } = cut.segment;
    assertEquals([seq, ack, flags, window, sourcePort, destinationPort], [
      SYN.seq,
      SYN.ack,
      SYN.flags,
      SYN.window,
      SYN.sourcePort,
      SYN.targetPort,
    ]);
    assert(cut.segment.buffer === cut.bytes);
    const more = segmentOf(syn.subarray(0, optionsAt + 16), syn.length);
    assertEquals([more.segment.hasTimestamps, more.segment.tsValue, more.segment.windowScale], [
      true,
      tsValue,
      -1,
    ]);
    assertEquals(more.segment.payloadOffset, optionsAt + 16);
  });

  Deno.test(`${family}: checksums: wrong, and left to a device`, () => {
    assertEquals(segmentOf(craftSegment(route, { ...PLAIN, corrupt: true })).checksum, "wrong");
    const at = ETHERNET_BYTES + ipBytes + 16;
    // The folded pseudo-header, summed here word by word.
    let sum = 6 + (frame.length - ETHERNET_BYTES - ipBytes);
    for (let i = family === "IPv4" ? 26 : 22; i < ETHERNET_BYTES + ipBytes; i += 2) sum += readU16(frame, i);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    const partial = changed(frame, { [at]: sum >>> 8, [at + 1]: sum & 0xff });
    assertEquals(segmentOf(partial).checksum, "partial");
    assertEquals(facts(segmentOf(partial)), { ...expected, checksum: "partial" });
  });

  Deno.test(`${family}: a length of 0, left to a device that cuts, means all there is`, () => {
    const lengthAt = ETHERNET_BYTES + (family === "IPv4" ? 2 : 4);
    const left = changed(frame, { [lengthAt]: 0, [lengthAt + 1]: 0 });
    if (family === "IPv4") {
      writeU16(left, ETHERNET_BYTES + IPV4.CHECKSUM, 0);
      writeU16(left, ETHERNET_BYTES + IPV4.CHECKSUM, checksum(left, ETHERNET_BYTES, 20));
    }
    assertEquals(facts(segmentOf(left)), expected);
    assertEquals(facts(segmentOf(left.subarray(0, 90), left.length)), {
      ...expected,
      kept: 90 - ETHERNET_BYTES - ipBytes - 20,
      checksum: "unknown",
    });
    // 70,000 octets of text: more than the field can say.
    const large = new Uint8Array(ETHERNET_BYTES + ipBytes + 20 + 70_000);
    large.set(left);
    const found = segmentOf(large);
    assertEquals([found.length, found.segment.payloadLength], [70_000, 70_000]);
  });

  Deno.test(`${family}: where there is no segment, why`, () => {
    const packetAt = ETHERNET_BYTES;
    const tcpAt = packetAt + ipBytes;
    const udp = craftPacket(route, { protocol: 17, length: 8, fill: () => {} });
    assertEquals(reasonOf(udp), "not-tcp");
    assertEquals(reasonOf(udp.subarray(0, tcpAt)), "not-tcp");
    assertEquals(reasonOf(changed(frame, { [packetAt]: 0x50 })), "malformed-ip");
    assertEquals(reasonOf(frame.subarray(0, packetAt + ipBytes - 1)), "malformed-ip");
    assertEquals(reasonOf(changed(frame, { [tcpAt + 12]: 0x40 })), "malformed-tcp");
    // A data offset beyond the end of the packet is no cut: the packet is as long as it says.
    const short = craftSegment(route, { ...PLAIN, data: new Uint8Array(4) });
    assertEquals(reasonOf(changed(short, { [tcpAt + 12]: 0xf0 })), "malformed-tcp");
    assertEquals(reasonOf(changed(short, { [tcpAt + 12]: 0xf0 }), 1500), "malformed-tcp");
    const tooShort = changed(frame, {
      [packetAt + (family === "IPv4" ? 3 : 5)]: family === "IPv4" ? 39 : 19,
    });
    assertEquals(reasonOf(tooShort), "malformed-tcp");
    assertEquals(reasonOf(frame.subarray(0, tcpAt + 19)), "malformed-tcp");
  });
}

Deno.test("IPv4: fragments, options, DSCP, and a header's checksum that is wrong or left out", () => {
  const frame = craftSegment(V4, PLAIN);
  assertEquals(reasonOf(changed(frame, { 20: 0x20 })), "fragment");
  assertEquals(reasonOf(changed(frame, { 21: 0x01 })), "fragment");
  // "Do not fragment" is none.
  assertEquals(segmentOf(changed(frame, { 20: 0x40 })).ipChecksum, "wrong");
  assertEquals(segmentOf(changed(frame, { 24: 0, 25: 0 })).ipChecksum, "partial");
  const options = Uint8Array.of(...frame.subarray(0, 34), 1, 1, 1, 0, ...frame.subarray(34));
  options[14] = 0x46;
  options[17] += 4;
  options[15] = 0xb9;
  writeU16(options, 24, 0);
  writeU16(options, 24, checksum(options, 14, 24));
  const found = segmentOf(options);
  assertEquals([found.length, found.checksum, found.ipChecksum, found.dscp, found.ecn], [
    100,
    "correct",
    "correct",
    46,
    1,
  ]);
  assertEquals(reasonOf(options.subarray(0, 36), options.length), "headers-cut");
  assertEquals(reasonOf(changed(frame, { 14: 0x44 })), "malformed-ip");
  assertEquals(reasonOf(changed(frame, { 17: 19, 16: 0 })), "malformed-ip");
});

/** An IPv6 frame with extension headers, each 8 octets from these kinds; the first octets of each as given. */
function extended(frame: Uint8Array, headers: readonly (readonly [number, readonly number[]])[]): Uint8Array {
  const chain = headers.flatMap(([, bytes], i) => [headers[i + 1]?.[0] ?? 6, ...bytes]);
  const out = Uint8Array.of(...frame.subarray(0, 54), ...chain, ...frame.subarray(54));
  out[20] = headers[0][0];
  writeU16(out, 18, out.length - 54);
  return out;
}

Deno.test("IPv6: extension headers are walked over, fragments told", () => {
  const frame = craftSegment(V6, PLAIN);
  const options: readonly number[] = [0, 1, 4, 0, 0, 0, 0];
  const whole: readonly number[] = [0, 0, 0, 0, 0, 0, 1];
  const found = segmentOf(
    extended(frame, [[0, options], [43, [0, 0, 0, 0, 0, 0, 0]], [60, options], [44, whole]]),
  );
  assertEquals([found.length, found.checksum], [100, "correct"]);
  assertEquals(reasonOf(extended(frame, [[44, [0, 0, 1, 0, 0, 0, 1]]])), "fragment");
  assertEquals(reasonOf(extended(frame, [[44, [0, 0, 8, 0, 0, 0, 1]]])), "fragment");
  assertEquals(reasonOf(extended(frame, [[43, [0, 0, 1, 0, 0, 0, 0]]])), "ipv6-header");
  assertEquals(reasonOf(extended(frame, [[60, [0, 0x40, 4, 0, 0, 0, 0]]])), "ipv6-header");
  assertEquals(reasonOf(extended(frame, [[60, [200, 1, 4, 0, 0, 0, 0]]])), "malformed-ip");
  // Cut in its headers, and behind them.
  const long = extended(frame, [[0, options], [60, options]]);
  assertEquals(reasonOf(long.subarray(0, 54 + 12), long.length), "headers-cut");
  const cut = segmentOf(long.subarray(0, 54 + 16 + 20), long.length);
  assertEquals([cut.length, cut.checksum, cut.segment.seq], [100, "unknown", 0xffff_fff0]);
});

Deno.test("IPv6: a jumbo payload option, as Linux writes it into large packets", () => {
  const frame = craftSegment(V6, PLAIN);
  const jumbo = extended(frame, [[0, [0, 0xc2, 4, 0, 1, 0x11, 0x84]]]);
  const large = new Uint8Array(14 + 40 + 8 + 20 + 70_000);
  large.set(jumbo.subarray(0, 54 + 8 + 20));
  writeU16(large, 18, 0);
  assertEquals(segmentOf(large).length, 70_000);
  assertEquals(segmentOf(large.subarray(0, 100), large.length).length, 70_000);
});

Deno.test("what is no IP packet, and links that are not known", () => {
  const arp = Uint8Array.of(...PEER_MAC, ...HOST_MAC, 0x08, 0x06, ...new Uint8Array(28));
  assertEquals(reasonOf(arp), "not-ip");
  assertEquals(dissected(packetOf(0, Uint8Array.of(7, 0, 0, 0, 1))), "not-ip");
  assertEquals(dissected(packetOf(105, new Uint8Array(60))), "link-type");
  assertEquals(dissected(packetOf(105, new Uint8Array(60), 1500)), "link-type");
  assertEquals(reasonOf(arp.subarray(0, 13)), "malformed-link");
  assertEquals(reasonOf(arp.subarray(0, 13), 42), "headers-cut");
});

Deno.test("one record is filled again and again: nothing of the packet before stays", () => {
  const syn = segmentOf(craftSegment(V4, SYN));
  const plain = segmentOf(craftSegment(V6, PLAIN));
  assertEquals([plain.segment.mss, plain.segment.windowScale, plain.ipId, plain.addressBytes], [
    -1,
    -1,
    -1,
    16,
  ]);
  assertEquals([syn.length, plain.length], [0, 100]);
});

/** A packet as the payload of one more. */
function inside(packet: Uint8Array, protocol: number, header: readonly number[] = []): Uint8Array {
  const length = 20 + header.length + packet.length;
  return Uint8Array.of(
    ...[0x45, 0, length >>> 8, length & 0xff, 0, 0, 0, 0, 9, protocol, 0, 0, ...PEER_V4, ...HOST_V4],
    ...header,
    ...packet,
  );
}

function framed(packet: Uint8Array): Uint8Array {
  return Uint8Array.of(...HOST_MAC, ...PEER_MAC, 8, 0, ...packet);
}

Deno.test("packets in packets: IPv4 and IPv6, GRE with its optional fields; what is in them is told", () => {
  const four = craftSegment(V4, PLAIN).subarray(ETHERNET_BYTES);
  const six = craftSegment(V6, PLAIN).subarray(ETHERNET_BYTES);
  for (const [packet, protocol, type] of [[four, 4, 0x0800], [six, 41, 0x86dd]] as const) {
    const plain = facts(segmentOf(craftSegment(packet === four ? V4 : V6, PLAIN)));
    const types = [type >>> 8, type & 0xff];
    assertEquals(facts(segmentOf(framed(inside(packet, protocol)))), plain);
    assertEquals(facts(segmentOf(framed(inside(packet, 47, [0, 0, ...types])))), plain);
    // Checksum, key, number: four octets each.
    assertEquals(
      facts(segmentOf(framed(inside(packet, 47, [0xb0, 0, ...types, ...new Uint8Array(12)])))),
      plain,
    );
    assertEquals(facts(segmentOf(framed(inside(inside(packet, protocol), 4)))), plain);
  }
});

Deno.test("packets in packets: what is not read, ends too soon, or has no end", () => {
  const four = craftSegment(V4, PLAIN).subarray(ETHERNET_BYTES);
  // PPTP's version, routing, Ethernet in GRE.
  assertEquals(reasonOf(framed(inside(four, 47, [0x20, 1, 0x88, 0x0b]))), "not-tcp");
  assertEquals(reasonOf(framed(inside(four, 47, [0x40, 0, 8, 0]))), "not-tcp");
  assertEquals(reasonOf(framed(inside(four, 47, [0, 0, 0x65, 0x58]))), "not-ip");
  assertEquals(reasonOf(framed(inside(new Uint8Array(0), 47, [0, 0]))), "malformed-ip");
  assertEquals(reasonOf(framed(inside(new Uint8Array(0), 4))), "malformed-ip");
  const outer = inside(four, 4);
  assertEquals(reasonOf(framed(changed(outer, { 6: 0x20 }))), "fragment");
  const nested = (times: number): Uint8Array => times === 0 ? four : inside(nested(times - 1), 4);
  assertEquals(segmentOf(framed(nested(4))).length, 100);
  assertEquals(reasonOf(framed(nested(5))), "not-tcp");
});
