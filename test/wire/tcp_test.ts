/** TCP headers and options: tables of value and bytes, truncation, illegal options, round trips. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { foldSum, pseudoHeaderSum } from "../../src/wire/checksum.ts";
import {
  CHECKSUM_VERDICT,
  checksumVerdict,
  emitTcp,
  FLAG,
  flagBits,
  type FlagName,
  flagNames,
  parseTcp,
  TCP,
  tcpChecksum,
  TcpSegment,
} from "../../src/wire/tcp.ts";

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u16 = fc.nat(0xffff);

/** What of a segment a peer can see. */
function visible(segment: TcpSegment): Record<string, unknown> {
  const { buffer: _buffer, payloadOffset: _offset, sackBlocks, ...rest } = segment;
  return { ...rest, sack: [...sackBlocks.subarray(0, segment.sackBlockCount * 2)] };
}

/** The segment whose option bytes are these, padded with zeros to a word. */
function parseOptions(options: readonly number[]): TcpSegment {
  const headerLength = 20 + Math.ceil(options.length / 4) * 4;
  const bytes = new Uint8Array(headerLength);
  bytes[TCP.DATA_OFFSET] = headerLength << 2;
  bytes.set(options, TCP.HEADER_BYTES);
  const segment = new TcpSegment();
  assertEquals(parseTcp(bytes, 0, headerLength, segment), null);
  return segment;
}

function options(change: (segment: TcpSegment) => void): number[] {
  const segment = new TcpSegment();
  change(segment);
  const bytes = new Uint8Array(60).fill(0xa5);
  return [...bytes.subarray(TCP.HEADER_BYTES, emitTcp(bytes, 0, segment))];
}

Deno.test("a header on the wire", () => {
  const segment = new TcpSegment();
  segment.sourcePort = 3333;
  segment.destinationPort = 51_000;
  segment.seq = 0xfffffffe;
  segment.ack = 0x80000001;
  segment.flags = FLAG.PSH | FLAG.ACK;
  segment.window = 64_240;
  segment.urgentPointer = 0x0102;
  const bytes = new Uint8Array(24).fill(0xa5);
  assertEquals(emitTcp(bytes, 2, segment), 20);
  const expected = "0d 05 c7 38 ff ff ff fe 80 00 00 01 50 18 fa f0 00 00 01 02";
  assertEquals(
    [...bytes.subarray(2, 22)].map((byte) => byte.toString(16).padStart(2, "0")).join(" "),
    expected,
  );
  assertEquals([bytes[1], bytes[22]], [0xa5, 0xa5]);
});

Deno.test("flags have names, in the order in which they are told", () => {
  assertEquals(flagNames(FLAG.SYN | FLAG.ACK), ["SYN", "ACK"]);
  assertEquals(flagNames(FLAG.FIN | FLAG.PSH | FLAG.ACK), ["FIN", "PSH", "ACK"]);
  assertEquals(flagNames(0xff), ["SYN", "FIN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]);
  assertEquals(flagNames(0), []);
  assertStrictEquals(flagNames(0x12), flagNames(0x12));
  for (let bits = 0; bits < 256; bits++) assertEquals(flagBits(flagNames(bits)), bits);
  const shuffled: FlagName[] = ["ACK", "SYN"];
  assertEquals(flagBits(shuffled), 0x12);
});

Deno.test("the customary layouts of options", () => {
  const ts = (segment: TcpSegment) => {
    segment.hasTimestamps = true;
    segment.tsValue = 0x01020304;
    segment.tsEcho = 0xf0f0f0f0;
  };
  const tsBytes = [8, 10, 1, 2, 3, 4, 0xf0, 0xf0, 0xf0, 0xf0];
  assertEquals(options(() => {}), []);
  assertEquals(options((s) => s.mss = 1460), [2, 4, 0x05, 0xb4]);
  assertEquals(options(ts), [1, 1, ...tsBytes]);
  assertEquals(options((s) => s.sackPermitted = true), [1, 1, 4, 2]);
  assertEquals(options((s) => s.windowScale = 7), [1, 3, 3, 7]);
  const syn = options((s) => {
    ts(s);
    s.mss = 1460;
    s.sackPermitted = true;
    s.windowScale = 0;
  });
  assertEquals(syn, [2, 4, 0x05, 0xb4, 4, 2, ...tsBytes, 1, 3, 3, 0]);
  const sack = options((s) => {
    ts(s);
    s.sackBlockCount = 1;
    s.sackBlocks.set([0xffffff00, 0x10]);
  });
  assertEquals(sack, [1, 1, ...tsBytes, 1, 1, 5, 10, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0x10]);
});

Deno.test("SACK blocks that do not fit are left out, the last first", () => {
  const count = (change: (segment: TcpSegment) => void) => {
    const bytes = new Uint8Array(60);
    const segment = new TcpSegment();
    segment.sackBlockCount = 4;
    segment.sackBlocks.set([1, 2, 3, 4, 5, 6, 7, 8]);
    change(segment);
    const length = emitTcp(bytes, 0, segment);
    assert(length <= TCP.MAX_HEADER_BYTES);
    const parsed = new TcpSegment();
    parseTcp(bytes, 0, length, parsed);
    const blocks = parsed.sackBlockCount * 2;
    assertEquals([...parsed.sackBlocks.subarray(0, blocks)], [1, 2, 3, 4, 5, 6, 7, 8].slice(0, blocks));
    return parsed.sackBlockCount;
  };
  assertEquals(count(() => {}), 4);
  assertEquals(count((s) => s.hasTimestamps = true), 3);
  assertEquals(
    count((s) => {
      s.hasTimestamps = s.sackPermitted = true;
      s.mss = s.windowScale = 1;
    }),
    2,
  );
});

Deno.test("property: an emitted segment is parsed back, from a dirty buffer and a dirty record", () => {
  const orAbsent = (value: fc.Arbitrary<number>) => fc.oneof(fc.constant(-1), value);
  fc.assert(fc.property(
    fc.record({
      sourcePort: u16,
      destinationPort: u16,
      seq: u32,
      ack: u32,
      flags: fc.nat(255),
      window: u16,
      urgentPointer: u16,
      mss: orAbsent(u16),
      windowScale: orAbsent(fc.nat(255)),
      sackPermitted: fc.boolean(),
      hasTimestamps: fc.boolean(),
      tsValue: u32,
      tsEcho: u32,
    }),
    fc.array(u32, { maxLength: 8 }),
    fc.nat(50),
    fc.nat(20),
    (fields, edges, payloadLength, offset) => {
      const segment = Object.assign(new TcpSegment(), fields);
      if (!segment.hasTimestamps) segment.tsValue = segment.tsEcho = 0;
      segment.sackBlocks.set(edges);
      const plainBytes = (segment.mss >= 0 ? 4 : 0) + (segment.windowScale >= 0 ? 4 : 0) +
        (segment.hasTimestamps ? 12 : segment.sackPermitted ? 4 : 0);
      segment.sackBlockCount = Math.min(
        edges.length >>> 1,
        Math.max(0, Math.floor((40 - plainBytes - 4) / 8)),
      );
      segment.payloadLength = payloadLength;
      const bytes = new Uint8Array(offset + 60 + payloadLength + 4).fill(0xa5);
      const length = emitTcp(bytes, offset, segment);
      assert(length >= 20 && length <= 60 && length % 4 === 0);
      assert(bytes.subarray(offset + length).every((byte) => byte === 0xa5), "wrote beyond the header");
      const parsed = parseOptions([
        3,
        3,
        9,
        4,
        2,
        2,
        4,
        1,
        1,
        8,
        10,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        77,
        2,
        5,
        10,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        1,
        2,
        9,
      ]);
      assertEquals(parseTcp(bytes, offset, length + payloadLength, parsed), null);
      assertEquals(visible(parsed), visible(segment));
      assertStrictEquals(parsed.buffer, bytes);
      assertEquals(parsed.payloadOffset, offset + length);
    },
  ));
});

Deno.test("a segment cut off anywhere in its header is malformed, and so is an impossible data offset", () => {
  const bytes = new Uint8Array(64);
  const segment = new TcpSegment();
  segment.hasTimestamps = true;
  const headerLength = emitTcp(bytes, 0, segment);
  for (let length = 0; length < headerLength; length++) {
    assertEquals(parseTcp(bytes, 0, length, segment), "malformed-tcp", `length ${length}`);
  }
  for (let words = 0; words < 16; words++) {
    bytes[TCP.DATA_OFFSET] = words << 4;
    assertEquals(
      parseTcp(bytes, 0, 40, segment),
      words < 5 || words > 10 ? "malformed-tcp" : null,
      `${words} words`,
    );
  }
});

Deno.test("reserved bits are ignored", () => {
  const bytes = new Uint8Array(20);
  bytes[TCP.DATA_OFFSET] = 0x5f;
  const segment = new TcpSegment();
  assertEquals(parseTcp(bytes, 0, 20, segment), null);
  assertEquals(segment.headerLength, 20);
});

Deno.test("options in any order and alignment, among unknown ones", () => {
  const segment = parseOptions([
    ...[3, 3, 7],
    ...[254, 4, 0xe2, 0xd4],
    ...[4, 2],
    ...[8, 10, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff],
    ...[30, 2],
    ...[2, 4, 0x23, 0x00],
    ...[5, 10, 0, 0, 0, 5, 0, 0, 0, 9],
  ]);
  assertEquals([segment.windowScale, segment.sackPermitted, segment.mss], [7, true, 0x2300]);
  assertEquals([segment.hasTimestamps, segment.tsValue, segment.tsEcho], [true, 1, 0xffffffff]);
  assertEquals([segment.sackBlockCount, segment.sackBlocks[0], segment.sackBlocks[1]], [1, 5, 9]);
  assertEquals([segment.unknownOptions, segment.optionsMalformed], [2, false]);
});

Deno.test("nothing behind the end-of-list option counts", () => {
  const segment = parseOptions([1, 0, 2, 4, 5, 0xb4]);
  assertEquals([segment.mss, segment.optionsMalformed], [-1, false]);
});

Deno.test("a repeated option: the last one counts", () => {
  assertEquals(parseOptions([2, 4, 0, 1, 2, 4, 0, 2]).mss, 2);
});

Deno.test("MUST-7: an illegal length ends the list, and what came before it counts", () => {
  const table: [string, number[]][] = [
    ["length zero", [2, 0, 0, 0]],
    ["length one", [77, 1, 0, 0]],
    ["MSS of 3", [2, 3, 5, 1]],
    ["MSS of 5", [2, 5, 5, 0xb4, 0]],
    ["window scale of 4", [3, 4, 7, 7]],
    ["SACK-permitted of 3", [4, 3, 0]],
    ["timestamps of 9", [8, 9, 0, 0, 0, 0, 0, 0, 0]],
    ["SACK without a block", [5, 2]],
    ["SACK of one block and a half", [5, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["unknown beyond the header", [77, 9, 0, 0]],
    ["MSS beyond the header", [1, 1, 2, 4]],
    ["a kind without a length at the end", [1, 1, 1, 2]],
    ["an unknown kind at the end", [1, 1, 1, 99]],
  ];
  for (const [name, bytes] of table) {
    const segment = parseOptions([3, 3, 7, 1, ...bytes]);
    assertEquals([segment.optionsMalformed, segment.windowScale], [true, 7], name);
    assertEquals([segment.mss, segment.sackPermitted, segment.sackBlockCount], [-1, false, 0], name);
  }
});

Deno.test("the usual timestamps layout and a near miss of it give the same", () => {
  const value = [0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 1];
  for (const list of [[1, 1, 8, 10, ...value], [8, 10, ...value, 1, 1], [1, 8, 10, ...value, 0]]) {
    const segment = parseOptions(list);
    assertEquals([segment.hasTimestamps, segment.tsValue, segment.tsEcho], [true, 0xdeadbeef, 1]);
  }
});

Deno.test("property: four SACK blocks are the most that a header holds, and no option bytes throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const segment = parseOptions([...bytes]);
    assert(segment.sackBlockCount >= 0 && segment.sackBlockCount <= 4);
    assert(segment.mss >= -1 && segment.mss <= 0xffff && segment.windowScale <= 0xff);
  }));
});

/** A segment of `payload` behind its two IPv4 addresses, with a correct checksum. */
function checked(payload: Uint8Array): { bytes: Uint8Array; length: number; pseudoSum: number } {
  const bytes = new Uint8Array(8 + 20 + payload.length);
  bytes.set([10, 0, 0, 1, 10, 0, 0, 2]);
  const segment = new TcpSegment();
  segment.seq = 0x12345678;
  const length = emitTcp(bytes, 8, segment) + payload.length;
  bytes.set(payload, 28);
  const pseudoSum = pseudoHeaderSum(bytes, 0, 4, 6, length);
  setChecksum(bytes, tcpChecksum(bytes, 8, length, pseudoSum));
  return { bytes, length, pseudoSum };
}

function setChecksum(bytes: Uint8Array, value: number): void {
  bytes[8 + TCP.CHECKSUM] = value >>> 8;
  bytes[8 + TCP.CHECKSUM + 1] = value & 0xff;
}

Deno.test("property: checksums are judged correct, partial, or wrong", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat(1 << 20), (payload, where) => {
    const { bytes, length, pseudoSum } = checked(payload);
    assertEquals(checksumVerdict(bytes, 8, length, pseudoSum, true), CHECKSUM_VERDICT.CORRECT);
    const correct = tcpChecksum(bytes, 8, length, pseudoSum);
    const partial = foldSum(pseudoSum);
    fc.pre(correct !== partial);
    assertEquals(checksumVerdict(bytes, 8, length, pseudoSum), CHECKSUM_VERDICT.CORRECT);
    setChecksum(bytes, partial);
    assertEquals(checksumVerdict(bytes, 8, length, pseudoSum), CHECKSUM_VERDICT.PARTIAL);
    assertEquals(checksumVerdict(bytes, 8, length, pseudoSum, true), CHECKSUM_VERDICT.PARTIAL);
    assertEquals(tcpChecksum(bytes, 8, length, pseudoSum), correct, "the field's content does not matter");
    setChecksum(bytes, correct);
    const bit = where % (length * 8);
    bytes[8 + (bit >>> 3)] ^= 1 << (bit & 7);
    assert(
      checksumVerdict(bytes, 8, length, pseudoSum, true) !== CHECKSUM_VERDICT.CORRECT,
      "one bit changed",
    );
  }));
});

Deno.test("a sum that is both correct and partial is called correct only on request", () => {
  // Among all payloads of two bytes there is one that makes the two sums the same.
  const payload = new Uint8Array(2);
  for (let word = 0; word < 0x10000; word++) {
    payload[0] = word >>> 8;
    payload[1] = word & 0xff;
    const { bytes, length, pseudoSum } = checked(payload);
    if (tcpChecksum(bytes, 8, length, pseudoSum) !== foldSum(pseudoSum)) continue;
    assertEquals(checksumVerdict(bytes, 8, length, pseudoSum), CHECKSUM_VERDICT.PARTIAL);
    assertEquals(checksumVerdict(bytes, 8, length, pseudoSum, true), CHECKSUM_VERDICT.CORRECT);
    return;
  }
  throw new Error("No payload makes the two sums equal, although one in 65,536 should");
});
