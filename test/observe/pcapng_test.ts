/**
 * The pcapng format: blocks byte by byte, and as tshark reads them.
 */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  emitPacketBlock,
  encodeComment,
  interfaceBlock,
  MAX_COMMENT_BYTES,
  packetBlockLength,
  type PacketInfo,
  sectionHeaderBlock,
  statisticsBlock,
} from "../../src/observe/pcapng.ts";
import { commentsIn, HAS_TSHARK, readBlocks, readPackets, tsharkFields } from "./capture_reading.ts";
import { CLIENT, SERVER, tcpFrame } from "./sample_frames.ts";

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function packetBlock(packet: PacketInfo): Uint8Array {
  // A dirty buffer: what the writer leaves out shows.
  const block = new Uint8Array(packetBlockLength(packet) + 8).fill(0xee);
  assertEquals(emitPacketBlock(block, 4, packet), block.length - 8);
  assertEquals([...block.subarray(0, 4), ...block.subarray(-4)], new Array(8).fill(0xee));
  return block.subarray(4, -4);
}

const HEADER = joined(
  sectionHeaderBlock({ application: "tcplab 0.1", os: "Linux" }),
  interfaceBlock({ name: "veth0", mac: Uint8Array.of(2, 0, 0, 0, 0, 1), filter: "tcp" }),
);

Deno.test("pcapng: section header and interface", () => {
  const [section, device] = readBlocks(HEADER);
  assertEquals([section.type, section.body.getUint32(0, true)], [0x0a0d0d0a, 0x1a2b3c4d]);
  assertEquals([section.body.getUint16(4, true), section.body.getUint16(6, true)], [1, 0]);
  assertEquals(section.body.getBigInt64(8, true), -1n);
  const texts = section.options.map(({ code, value }) => [code, new TextDecoder().decode(value)]);
  assertEquals(texts, [[3, "Linux"], [4, "tcplab 0.1"]]);
  assertEquals([device.type, device.body.getUint16(0, true), device.body.getUint32(4, true)], [1, 1, 262144]);
  assertEquals(device.options.map(({ code, value }) => [code, [...value]]), [
    [2, [..."veth0"].map((letter) => letter.charCodeAt(0))],
    [6, [2, 0, 0, 0, 0, 1]],
    [9, [6]],
    [11, [0, 0x74, 0x63, 0x70]],
  ]);
});

Deno.test("pcapng: a packet, byte by byte", () => {
  const block = packetBlock({
    frame: Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd, 0xee),
    length: 3,
    timestampUs: 0x0005_1234_89ab_cdef,
    direction: "out",
    comments: [encodeComment("§!")],
  });
  // deno-fmt-ignore
  assertEquals([...block], [
    6, 0, 0, 0, 56, 0, 0, 0,
    0, 0, 0, 0,
    0x34, 0x12, 0x05, 0x00, 0xef, 0xcd, 0xab, 0x89,
    3, 0, 0, 0, 3, 0, 0, 0,
    0xaa, 0xbb, 0xcc, 0,
    1, 0, 3, 0, 0xc2, 0xa7, 0x21, 0,
    2, 0, 4, 0, 2, 0, 0, 0,
    0, 0, 0, 0,
    56, 0, 0, 0,
  ]);
});

Deno.test("pcapng: what is written is read again, for any length, time, direction and comments", () => {
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 200 }),
    fc.integer({ min: 0, max: 2 ** 52 }),
    fc.constantFrom("in" as const, "out" as const),
    fc.array(fc.string({ minLength: 1, unit: "grapheme", maxLength: 50 }), { maxLength: 4 }),
    (frame, timestampUs, direction, comments) => {
      const block = packetBlock({
        frame,
        length: frame.length,
        timestampUs,
        direction,
        comments: comments.map(encodeComment),
      });
      assertEquals(readPackets(block), [
        { frame, direction, timestampUs, originalLength: frame.length, comments },
      ]);
    },
  ));
});

Deno.test("pcapng: a frame of 64 KiB is whole, a frame above the snap length is cut and tells so", () => {
  const large = packetBlock({
    frame: new Uint8Array(65549).fill(7),
    length: 65549,
    timestampUs: 0,
    direction: "in",
    comments: [],
  });
  assertEquals(readPackets(large)[0].frame.length, 65549);
  const larger = packetBlock({
    frame: new Uint8Array(300_000),
    length: 300_000,
    timestampUs: 0,
    direction: "in",
    comments: [],
  });
  const [packet] = readPackets(larger);
  assertEquals([packet.frame.length, packet.originalLength], [262144, 300_000]);
});

Deno.test("pcapng: a long comment is cut between characters", () => {
  const comment = new TextDecoder("utf-8", { fatal: true }).decode(encodeComment("x" + "§".repeat(2000)));
  assertEquals(comment, "x" + "§".repeat((MAX_COMMENT_BYTES - 2) / 2));
});

Deno.test("pcapng: statistics", () => {
  const [block] = readBlocks(
    statisticsBlock({
      timestampUs: 2 ** 40 + 5,
      received: 2 ** 33 + 1,
      dropped: 2,
      comments: [encodeComment("left over")],
    }),
  );
  assertEquals([block.type, block.body.getUint32(4, true), block.body.getUint32(8, true)], [5, 256, 5]);
  assertEquals(commentsIn(block.options), ["left over"]);
  assertEquals(
    block.options.slice(1).map((
      { code, value },
    ) => [code, new DataView(value.slice().buffer).getBigUint64(0, true)]),
    [[4, 2n ** 33n + 1n], [5, 2n]],
  );
});

Deno.test({
  name: "pcapng: tshark reads frames, times, directions and comments",
  ignore: !HAS_TSHARK,
  fn: async () => {
    const syn = tcpFrame(CLIENT, SERVER, { flags: ["SYN"] });
    const answer = tcpFrame(SERVER, CLIENT, { flags: ["SYN", "ACK"], ack: 1001 });
    const timestampUs = 1_700_000_000_123_456;
    const file = joined(
      HEADER,
      packetBlock({
        frame: syn,
        length: syn.length,
        timestampUs,
        direction: "in",
        comments: [encodeComment("LISTEN -> SYN_RCVD §3.10.7.2")],
      }),
      packetBlock({
        frame: answer,
        length: answer.length,
        timestampUs: timestampUs + 7,
        direction: "out",
        comments: [],
      }),
      statisticsBlock({ timestampUs, received: 1, dropped: 0 }),
    );
    const rows = await tsharkFields(file, [
      "frame.time_epoch",
      "frame.interface_name",
      "frame.packet_flags_direction",
      "ip.src",
      "tcp.dstport",
      "tcp.checksum.status",
      "frame.comment",
    ]);
    assertEquals(rows, [
      [
        "1700000000.123456000",
        "veth0",
        "0x00000001",
        "192.168.56.1",
        "3333",
        "1",
        "LISTEN -> SYN_RCVD §3.10.7.2",
      ],
      ["1700000000.123463000", "veth0", "0x00000002", "192.168.56.101", "51234", "1", ""],
    ]);
  },
});
