/**
 * The frames of a capture file as tshark tells them, and as we do, field by field in the same words.
 *
 * Owns: both tellings, and that they are the same. Must not know: where a file comes from.
 */
import { assertEquals } from "@std/assert";
import { formatIpAddress } from "../../src/wire/address.ts";
import type { CapturedPacket } from "../../src/wire/capture_packet.ts";
import { DissectedSegment, Dissector } from "../../src/wire/dissect.ts";
import { readCapture } from "./capture_readings.ts";

/** What is compared of every frame. */
const FRAME_FIELDS = ["frame.number", "frame.time_epoch", "frame.len", "frame.cap_len"] as const;
/** What is compared of a frame with a segment, and how it is said. */
const SEGMENT_FIELDS = [
  "ieee8021ad.id",
  "vlan.id",
  "ip.src",
  "ip.dst",
  "ipv6.src",
  "ipv6.dst",
  "ip.ttl",
  "ipv6.hlim",
  "ip.id",
  "tcp.srcport",
  "tcp.dstport",
  "tcp.seq_raw",
  "tcp.ack_raw",
  "tcp.flags",
  "tcp.window_size_value",
  "tcp.len",
  "tcp.options.mss_val",
  "tcp.options.wscale.shift",
  "tcp.options.timestamp.tsval",
  "tcp.options.timestamp.tsecr",
  "tcp.options.sack_le",
  "tcp.options.sack_re",
] as const;

/** Where a row says whether the frame has a segment. */
const PORT_AT = FRAME_FIELDS.length + SEGMENT_FIELDS.indexOf("tcp.srcport");
const SERVICE_VLAN_AT = FRAME_FIELDS.length + SEGMENT_FIELDS.indexOf("ieee8021ad.id");
const VLAN_AT = FRAME_FIELDS.length + SEGMENT_FIELDS.indexOf("vlan.id");
const FLAGS_AT = FRAME_FIELDS.length + SEGMENT_FIELDS.indexOf("tcp.flags");
const LENGTH_AT = FRAME_FIELDS.length + SEGMENT_FIELDS.indexOf("tcp.len");

/** Wireshark's own habits that change numbers or put several frames together. */
const PREFERENCES = [
  "tcp.relative_sequence_numbers:FALSE",
  "tcp.desegment_tcp_streams:FALSE",
  "ip.defragment:FALSE",
  "ipv6.defragment:FALSE",
  "nameres.network_name:FALSE",
];

/** A row for each frame, the fields as {@link FRAME_FIELDS} and {@link SEGMENT_FIELDS} name them; the latter empty without a segment. */
type Rows = readonly (readonly string[])[];

async function tsharkRows(path: string): Promise<Rows> {
  const fields = [...FRAME_FIELDS, ...SEGMENT_FIELDS, "frame.protocols"].flatMap((field) => ["-e", field]);
  const preferences = PREFERENCES.flatMap((preference) => ["-o", preference]);
  const { stdout, stderr, success } = await new Deno.Command("tshark", {
    args: [
      "-n",
      "-r",
      path,
      ...preferences,
      "-T",
      "fields",
      "-E",
      "separator=/t",
      "-E",
      "occurrence=a",
      ...fields,
    ],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(text.decode(stderr));
  const lines = text.decode(stdout).split("\n").filter((line) => line !== "");
  return lines.filter((line) => !isOtherBlock(line)).map((line) => {
    const cells = line.split("\t");
    // The four bits above the flags are reserved, but for one (RFC 9768 §3.1), and are not read here.
    cells[FLAGS_AT] = cells[FLAGS_AT].replace(/^0x0[0-9a-f]/, "0x00");
    // Service tags have a field of their own there, and stand before the others.
    cells[VLAN_AT] = [cells[SERVICE_VLAN_AT], cells[VLAN_AT]].filter((cell) => cell !== "").join();
    cells[SERVICE_VLAN_AT] = "";
    // What is no segment is compared as a frame alone; one that an error quotes is none.
    const isSegment = /:tcp\b/.test(cells.pop()?.replace(/:icmp.*$/, "") ?? "");
    return !isSegment ? cells.map((cell, i) => i < FRAME_FIELDS.length ? cell : "") : cells;
  });
}

/** Custom blocks are frames to tshark, without a time and of no protocol. */
function isOtherBlock(line: string): boolean {
  const cells = line.split("\t");
  return cells[FRAME_FIELDS.indexOf("frame.time_epoch")] === "" && cells.at(-1) === "data";
}

const dissector = new Dissector();
const out = new DissectedSegment();

function rowOf(packet: CapturedPacket): string[] {
  const seconds = `${packet.seconds}.${String(packet.nanoseconds).padStart(9, "0")}`;
  const frame = [
    packet.number,
    packet.hasTime ? seconds : "",
    packet.originalLength,
    packet.bytes.length,
  ].map(String);
  if (dissector.dissect(packet, out) !== null) return [...frame, ...SEGMENT_FIELDS.map(() => "")];
  const { segment, vlans } = out;
  const isV4 = out.addressBytes === 4;
  const [source, target] = [out.source, out.destination].map(formatIpAddress);
  const blocks = [...segment.sackBlocks.subarray(0, segment.sackBlockCount * 2)];
  const hex = (value: number) => `0x${value.toString(16).padStart(4, "0")}`;
  const known = (value: number) => value < 0 ? "" : String(value);
  const values: Readonly<Record<typeof SEGMENT_FIELDS[number], string>> = {
    "ieee8021ad.id": "",
    "vlan.id": vlans.join(),
    "ip.src": isV4 ? source : "",
    "ip.dst": isV4 ? target : "",
    "ipv6.src": isV4 ? "" : source,
    "ipv6.dst": isV4 ? "" : target,
    "ip.ttl": isV4 ? String(out.ttl) : "",
    "ipv6.hlim": isV4 ? "" : String(out.ttl),
    "ip.id": isV4 ? hex(out.ipId) : "",
    "tcp.srcport": String(segment.sourcePort),
    "tcp.dstport": String(segment.destinationPort),
    "tcp.seq_raw": String(segment.seq),
    "tcp.ack_raw": String(segment.ack),
    "tcp.flags": hex(segment.flags),
    "tcp.window_size_value": String(segment.window),
    "tcp.len": String(out.length),
    "tcp.options.mss_val": known(segment.mss),
    "tcp.options.wscale.shift": known(segment.windowScale),
    "tcp.options.timestamp.tsval": segment.hasTimestamps ? String(segment.tsValue) : "",
    "tcp.options.timestamp.tsecr": segment.hasTimestamps ? String(segment.tsEcho) : "",
    "tcp.options.sack_le": blocks.filter((_, i) => i % 2 === 0).join(),
    "tcp.options.sack_re": blocks.filter((_, i) => i % 2 === 1).join(),
  };
  return [...frame, ...SEGMENT_FIELDS.map((field) => values[field])];
}

/** Demands that tshark and we read the same frames in a file, and nothing is wrong with it; gives how many there are, and how many octets of text. */
export async function assertReadAsTshark(
  path: string,
): Promise<{ frames: number; segments: number; text: number }> {
  const theirs = await tsharkRows(path);
  const { packets, problem } = readCapture(await Deno.readFile(path), [4096]);
  assertEquals(problem, null);
  const ours = packets.map(rowOf);
  const fields = [...FRAME_FIELDS, ...SEGMENT_FIELDS];
  const named = (rows: Rows) =>
    rows.map((row) => Object.fromEntries(row.map((cell, i) => [fields[i], cell])));
  const first = ours.findIndex((row, i) => row.join("\t") !== theirs[i]?.join("\t"));
  if (first >= 0) {
    assertEquals(named(ours.slice(first, first + 1)), named(theirs.slice(first, first + 1)), path);
  }
  assertEquals(ours.length, theirs.length, path);
  const segments = theirs.filter((row) => row[PORT_AT] !== "");
  const text = segments.reduce((sum, row) => sum + Number(row[LENGTH_AT]), 0);
  return { frames: theirs.length, segments: segments.length, text };
}

/** A file converted by editcap, beside the original; `args` are options of it. */
export async function editedCapture(path: string, args: readonly string[]): Promise<string> {
  const edited = `${path}.${args.join("").replace(/\W/g, "")}`;
  const { success, stderr } = await new Deno.Command("editcap", {
    args: [...args, path, edited],
    stdin: "null",
  })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return edited;
}
