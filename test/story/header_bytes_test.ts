/** A captured header: every bit of it is kept, in little room, and told field by field whatever it holds. */
import { assert, assertEquals } from "@std/assert";
import { headerBytes, headerString, packedHeader, unpackedHeader } from "../../src/story/header_bytes.ts";
import { type HeaderField, headerFields } from "../../src/story/header_fields.ts";
import { PacketStory } from "../../src/story/from_packets.ts";
import { Story } from "../../src/story/story.ts";
import { storedSource, storeStory } from "../../src/story/stored_story.ts";
import type { SegmentRow } from "../../src/story/story_segment.ts";
import { DissectedSegment, Dissector } from "../../src/wire/dissect.ts";
import { SeededRandom } from "../../src/link/seeded_random.ts";
import { optionsOf } from "./frame_dissector.ts";

const WAY = { source: "10.0.0.2:40000", destination: "10.0.0.1:80" };
/** A SYN as Linux sends it: its options are in another order than tcplab's, with a checksum. */
const LINUX_SYN =
  "9c40 0050 01020304 00000000 a002 faf0 1a2b 0000 020405b4 0402 080a 00000005 00000000 01 030307";

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** The row of a segment with this header and so many octets of data, as a capture tells it. */
function rowOf(header: Uint8Array, kept = header.length): SegmentRow {
  const ip = bytesOf("4500 0000 0000 4000 4006 0000 0a000002 0a000001");
  const whole = Uint8Array.of(...ip, ...header);
  whole.set([whole.length >> 8, whole.length & 0xff], 2);
  const dissected = new DissectedSegment();
  const packet = {
    ...{ number: 1, timeUs: 0, comments: [], originalLength: whole.length },
    ...{ bytes: whole.subarray(0, ip.length + kept), interface: { linkType: 101 } },
  };
  const reason = new Dissector().dissect(Object.assign(Object.create(null), packet), dissected);
  assertEquals(reason, null);
  const { segment, length, ttl } = dissected;
  const { row } = new PacketStory(new Story()).add({
    ...{ number: 1, time: 0, ...WAY, flags: segment.flags, seq: segment.seq, ack: segment.ack },
    ...{ window: segment.window, options: optionsOf(segment), length, ttl },
    header: headerString(dissected.header),
  });
  return row;
}

const namesOf = (fields: readonly HeaderField[]) =>
  fields.map(({ name, bytes, value, meaning }) =>
    `${name} ${(bytes ?? []).map((byte) => byte.toString(16).padStart(2, "0")).join("")} ${value} ${meaning}`
      .trim()
  );

/** Fields one after the other, without a hole, to the end. */
function assertWhole(fields: readonly HeaderField[], length: number): void {
  let end = 0;
  for (const { bits: [first, last] } of fields) {
    assertEquals(first, end);
    end = last + 1;
  }
  assertEquals(end, length * 8);
}

Deno.test("a captured header has its checksum, and its options as they lay", () => {
  const fields = headerFields(rowOf(bytesOf(LINUX_SYN)), WAY);
  assertWhole(fields, 40);
  assertEquals(namesOf(fields).slice(8), [
    "checksum 1a2b 0x1a2b",
    "urgent-pointer 0000 0",
    "mss 020405b4 1460 B",
    "sack-permitted 0402",
    "timestamps 080a0000000500000000 5 ← 0",
    "padding 01 nop",
    "window-scale 030307 7 × 128",
  ]);
});

Deno.test("bits that nobody uses, an urgent pointer, options that nobody knows and what lies behind the end", () => {
  const header = "9c40 0050 00000001 00000002 9b30 0100 ffff 0123 2204aabb 0304ffff 00 dead 05 02 010101";
  const fields = headerFields(rowOf(bytesOf(header).slice(0, 36)), WAY);
  assertWhole(fields, 36);
  assertEquals(namesOf(fields).slice(4), [
    "data-offset 9b 9 = 36 B",
    "reserved  11",
    "flags 30 0x30",
    "window 0100 256",
    "checksum ffff 0xffff",
    "urgent-pointer 0123 291",
    "option 2204aabb 34",
    // A window scale is three octets long.
    "option 0304ffff 3",
    "padding 00dead0502010101 end",
  ]);
});

Deno.test("an option that says it is longer than the header, and a header that the capture cut", () => {
  const lying = bytesOf("9c40 0050 00000001 00000002 6010 0100 ffff 0000 080a 0000");
  assertEquals(namesOf(headerFields(rowOf(lying), WAY)).slice(10), ["option 080a0000 8"]);
  const cut = headerFields(rowOf(bytesOf(LINUX_SYN), 27), WAY);
  assertWhole(cut, 27);
  assertEquals(namesOf(cut).slice(10), ["mss 020405b4 1460 B", "sack-permitted 0402", "option 08 8"]);
});

Deno.test("stored and read again it is the same, whatever its bits are; most take a few letters", () => {
  const random = new SeededRandom(1, 0);
  for (let times = 0; times < 2000; times++) {
    const words = 5 + random.below(11);
    const header = Uint8Array.from({ length: words * 4 }, () => random.below(256));
    header.set(bytesOf("9c40 0050"));
    header[12] = (words << 4) | (header[12] & 0x0f);
    const { segment } = rowOf(header);
    assertEquals(headerBytes(segment, WAY), header);
    const packed = packedHeader(segment, WAY) ?? "";
    const { header: _, ...stored } = JSON.parse(JSON.stringify(segment));
    assertEquals(unpackedHeader(packed, { segment: stored, way: WAY }), segment.header);
  }
  const ack = rowOf(bytesOf("9c40 0050 00000001 00000002 8010 0100 1a2b 0000 0101080a 00000001 00000002"));
  const rebuilt = { ...ack.segment, header: undefined };
  assertEquals(packedHeader(rebuilt, WAY), undefined);
  assertEquals(headerBytes(rebuilt, WAY).subarray(16, 18), new Uint8Array(2));
  assertEquals(packedHeader(ack.segment, WAY), "20101a2b");
});

Deno.test("a damaged file's packed header breaks nothing", () => {
  const { segment } = rowOf(bytesOf(LINUX_SYN));
  for (const packed of ["", "ff", "ffff00", "05ff0102030405", "zz", "1410" + "ff".repeat(80)]) {
    assert(unpackedHeader(packed, { segment, way: WAY }).length <= 60);
  }
});

Deno.test("the page's file has the headers of the rows that it keeps", () => {
  const story = new Story();
  const packets = new PacketStory(story);
  const header = bytesOf(LINUX_SYN);
  for (let number = 1; number <= 200; number++) {
    header[17] = number;
    const { segment } = rowOf(header);
    const { flags, seq, ack, window, options } = segment;
    const told = { flags, seq, ack, window, options, time: number, length: 0, number };
    packets.add({ ...told, ...WAY, checksum: "correct", header: headerString(header) });
  }
  const [connection] = story.connections();
  const again = storedSource(JSON.parse(JSON.stringify(storeStory(connection, 100))));
  const rows = again.segmentRows();
  assertEquals(rows.length, 100);
  for (const { segment } of rows) {
    header[17] = segment.number;
    assertEquals(segment.header, headerString(header), String(segment.number));
  }
});
