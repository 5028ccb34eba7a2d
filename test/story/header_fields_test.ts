/** A header field by field: where each lies, its bytes, and the clause. */
import { assertEquals } from "@std/assert";
import { headerFields, headerFlags } from "../../src/story/header_fields.ts";
import type { SegmentRow } from "../../src/story/story_segment.ts";
import { FLAG } from "../../src/wire/tcp.ts";

function rowWith(
  segment: Partial<SegmentRow["segment"]>,
  about: Partial<SegmentRow> = {},
): SegmentRow {
  return {
    kind: "segment",
    index: 0,
    segment: {
      number: 1,
      time: 0,
      from: "client",
      flags: FLAG.ACK,
      seq: 0x01020304,
      ack: 0x0a0b0c0d,
      length: 0,
      window: 0x1234,
      options: {},
      ...segment,
    },
    relSeq: 0,
    relAck: 0,
    windowBytes: null,
    marks: [],
    fate: null,
    states: { client: null, server: null },
    revision: 1,
    ...about,
  };
}

const WAY = { source: "10.0.0.2:32770", destination: "[2001:db8::1]:80" };
const short = (row: SegmentRow) =>
  headerFields(row, WAY).map(({ name, bits, bytes, value, meaning }) => [
    name,
    bits.join("-"),
    bytes?.map((byte) => byte.toString(16).padStart(2, "0")).join(" ") ?? null,
    `${value} ${meaning}`.trim(),
  ]);

Deno.test("the fixed header: fields, bits, bytes", () => {
  assertEquals(short(rowWith({}, { relSeq: 5, relAck: 7, windowBytes: 0x12340 })), [
    ["source-port", "0-15", "80 02", "32770"],
    ["destination-port", "16-31", "00 50", "80"],
    ["sequence", "32-63", "01 02 03 04", "16909060 +5"],
    ["acknowledgment", "64-95", "0a 0b 0c 0d", "168496141 +7"],
    ["data-offset", "96-99", "50", "5 = 20 B"],
    ["reserved", "100-103", "", "0"],
    ["flags", "104-111", "10", "0x10"],
    ["window", "112-127", "12 34", "4660 74560 B"],
    ["checksum", "128-143", null, ""],
    ["urgent-pointer", "144-159", "00 00", "0"],
  ]);
});

Deno.test("the options of a SYN, with their padding", () => {
  const options = {
    mss: 1460,
    windowScale: 7,
    sackPermitted: true as const,
    timestamps: { value: 1, echo: 0 },
  };
  const fields = short(rowWith({ flags: FLAG.SYN, options })).slice(10);
  const named = Object.fromEntries(
    fields.filter(([name]) => name !== "padding").map(([name, , ...rest]) => [name, rest]),
  );
  assertEquals(named["mss"], ["02 04 05 b4", "1460 B"]);
  assertEquals(named["window-scale"], ["03 03 07", "7 × 128"]);
  assertEquals(named["sack-permitted"], ["04 02", ""]);
  assertEquals(named["timestamps"], ["08 0a 00 00 00 01 00 00 00 00", "1 ← 0"]);
  // One after the other, without a hole, and whole words.
  let end = 160;
  for (const [, bits] of fields) {
    const [first, last] = String(bits).split("-").map(Number);
    assertEquals(first, end);
    end = last + 1;
  }
  assertEquals(end % 32, 0);
});

Deno.test("SACK blocks are told as positions beyond 4 GiB, too", () => {
  const ack = 0xffff_ff00;
  const sack = [[0x10, 0x20]] as const;
  const fields = short(rowWith({ ack, options: { sack } }, { relAck: 2 ** 33 }));
  assertEquals(fields.find(([name]) => name === "sack")?.[3], `16–32 +${2 ** 33 + 0x110}–${2 ** 33 + 0x120}`);
});

Deno.test("five SACK blocks of a peer that lies do not fit, and nothing breaks", () => {
  const sack = [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]] as const;
  const field = short(rowWith({ options: { sack, timestamps: { value: 1, echo: 2 } } })).find(([name]) =>
    name === "sack"
  );
  assertEquals(String(field?.[3]).startsWith("1–2, 3–4, 5–6 "), true);
});

Deno.test("flags in the order of their bits, and an urgent pointer that nobody kept", () => {
  const flags = headerFlags(FLAG.SYN | FLAG.ECE | FLAG.CWR);
  assertEquals(flags.map(({ name, isSet, bit }) => `${name}${isSet ? "!" : ""}${bit}`), [
    "CWR!104",
    "ECE!105",
    "URG106",
    "ACK107",
    "PSH108",
    "RST109",
    "SYN!110",
    "FIN111",
  ]);
  assertEquals(short(rowWith({ flags: FLAG.URG | FLAG.ACK })).at(9), [
    "urgent-pointer",
    "144-159",
    null,
    "?",
  ]);
});
