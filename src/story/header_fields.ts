/**
 * A segment's TCP header, field by field with its bytes (RFC 9293 §3.1), for people.
 *
 * Owns: which fields there are, where each lies, and the clause that defines it. Must not know: languages, how a field is shown.
 *
 * The bytes are put together again from what is known of the segment. What nobody kept (the checksum, the urgent pointer) has
 * none; options stand in the order in which tcplab writes them, which another sender's may not have been.
 */
import { readU16, readU32 } from "../wire/bytes.ts";
import { emitTcp, FLAG, type FlagName, TCP, TcpSegment } from "../wire/tcp.ts";
import type { SegmentRow, StorySegment } from "./story_segment.ts";

/** Fields of the fixed header, and options by their kinds. */
export type FieldName =
  | "source-port"
  | "destination-port"
  | "sequence"
  | "acknowledgment"
  | "data-offset"
  | "reserved"
  | "flags"
  | "window"
  | "checksum"
  | "urgent-pointer"
  | "mss"
  | "window-scale"
  | "sack-permitted"
  | "sack"
  | "timestamps"
  | "padding";

/** One field. */
export interface HeaderField {
  readonly name: FieldName;
  /** Bits of the header, the first and the last. */
  readonly bits: readonly [first: number, last: number];
  /** Null where nobody knows them. */
  readonly bytes: readonly number[] | null;
  /** As the field says it. */
  readonly value: string;
  /** What it comes to, where that is something else: a position in the stream, bytes. */
  readonly meaning: string;
  readonly rfc: string;
}

/** A flag of the header. */
export interface HeaderFlag {
  readonly name: FlagName;
  readonly isSet: boolean;
  readonly bit: number;
  readonly rfc: string;
}

const CLAUSES: Readonly<Record<FieldName, string>> = {
  "source-port": "RFC 9293 §3.1",
  "destination-port": "RFC 9293 §3.1",
  "sequence": "RFC 9293 §3.4",
  "acknowledgment": "RFC 9293 §3.4",
  "data-offset": "RFC 9293 §3.1",
  "reserved": "RFC 9293 §3.1",
  "flags": "RFC 9293 §3.1",
  "window": "RFC 9293 §3.8.6",
  "checksum": "RFC 9293 §3.1",
  "urgent-pointer": "RFC 9293 §3.8.5",
  "mss": "RFC 9293 §3.7.1",
  "window-scale": "RFC 7323 §2.2",
  "sack-permitted": "RFC 2018 §2",
  "sack": "RFC 2018 §3",
  "timestamps": "RFC 7323 §3.2",
  "padding": "RFC 9293 §3.1",
};

/** From the most significant bit, as they stand in the header. */
const FLAG_BITS: readonly (readonly [FlagName, string])[] = [
  ["CWR", "RFC 3168 §6.1.2"],
  ["ECE", "RFC 3168 §6.1.3"],
  ["URG", "RFC 9293 §3.8.5"],
  ["ACK", "RFC 9293 §3.10.7.4"],
  ["PSH", "RFC 9293 §3.9.1.2"],
  ["RST", "RFC 9293 §3.5.2"],
  ["SYN", "RFC 9293 §3.5"],
  ["FIN", "RFC 9293 §3.6"],
];
/** The flags byte begins with this bit of the header. */
const FIRST_FLAG_BIT = TCP.FLAGS * 8;

/** The flags of a header, in the order of their bits. */
export function headerFlags(bits: number): HeaderFlag[] {
  return FLAG_BITS.map(([name, rfc], at) => ({
    name,
    isSet: (bits & FLAG[name]) !== 0,
    bit: FIRST_FLAG_BIT + at,
    rfc,
  }));
}

/** What options are called by their first byte (IANA's registry of TCP option kinds). */
const OPTION_NAMES: ReadonlyMap<number, FieldName> = new Map([
  [2, "mss"],
  [3, "window-scale"],
  [4, "sack-permitted"],
  [5, "sack"],
  [8, "timestamps"],
]);

/** The fields of a segment that went from `source` to `destination` (`IP:PORT`). */
export function headerFields(
  row: SegmentRow,
  { source, destination }: { readonly source: string; readonly destination: string },
): HeaderField[] {
  const { segment, relSeq, relAck, windowBytes } = row;
  const bytes = new Uint8Array(TCP.MAX_HEADER_BYTES);
  const length = emitTcp(bytes, 0, wireSegment(segment, { source, destination }));
  const field = (
    name: FieldName,
    { at, size, value, meaning = "", isKnown = true }: {
      at: number;
      size: number;
      value: string;
      meaning?: string;
      isKnown?: boolean;
    },
  ): HeaderField => ({
    name,
    bits: [at * 8, (at + size) * 8 - 1],
    bytes: isKnown ? [...bytes.subarray(at, at + size)] : null,
    value,
    meaning,
    rfc: CLAUSES[name],
  });
  const hasAck = (segment.flags & FLAG.ACK) !== 0;
  const isUrgent = (segment.flags & FLAG.URG) !== 0;
  const { window, checksum = "" } = segment;
  const scaled = windowBytes === null || windowBytes === window ? "" : `${windowBytes} B`;
  return [
    field("source-port", { at: TCP.SOURCE_PORT, size: 2, value: String(readU16(bytes, 0)) }),
    field("destination-port", { at: TCP.DESTINATION_PORT, size: 2, value: String(readU16(bytes, 2)) }),
    field("sequence", { at: TCP.SEQUENCE, size: 4, value: String(segment.seq), meaning: `+${relSeq}` }),
    field("acknowledgment", {
      at: TCP.ACKNOWLEDGMENT,
      size: 4,
      value: String(segment.ack),
      meaning: hasAck ? `+${relAck}` : "",
    }),
    ...offsetFields(length, bytes[TCP.DATA_OFFSET]),
    field("flags", { at: TCP.FLAGS, size: 1, value: `0x${segment.flags.toString(16).padStart(2, "0")}` }),
    field("window", { at: TCP.WINDOW, size: 2, value: String(window), meaning: scaled }),
    field("checksum", { at: TCP.CHECKSUM, size: 2, value: checksum, isKnown: false }),
    field("urgent-pointer", {
      at: TCP.URGENT_POINTER,
      size: 2,
      value: isUrgent ? "?" : "0",
      isKnown: !isUrgent,
    }),
    ...optionFields({ bytes: bytes.subarray(0, length), row, field }),
  ];
}

/** The byte of two fields: the header's length in words, and bits that nobody uses. */
function offsetFields(length: number, byte: number): HeaderField[] {
  const first = TCP.DATA_OFFSET * 8;
  const rfc = CLAUSES["data-offset"];
  const bytes = [byte];
  return [
    {
      name: "data-offset",
      bits: [first, first + 3],
      bytes,
      value: String(length / 4),
      meaning: `= ${length} B`,
      rfc,
    },
    { name: "reserved", bits: [first + 4, first + 7], bytes: [], value: "0", meaning: "", rfc },
  ];
}

type FieldMaker = (
  name: FieldName,
  about: { at: number; size: number; value: string; meaning?: string },
) => HeaderField;

function optionFields(
  { bytes, row, field }: { bytes: Uint8Array; row: SegmentRow; field: FieldMaker },
): HeaderField[] {
  const fields: HeaderField[] = [];
  for (let at: number = TCP.HEADER_BYTES; at < bytes.length;) {
    // No-operation and end of the list have no length.
    if (bytes[at] <= 1) {
      fields.push(field("padding", { at, size: 1, value: bytes[at] === 0 ? "end" : "nop" }));
      at++;
      continue;
    }
    const size = Math.max(2, bytes[at + 1]);
    const name = OPTION_NAMES.get(bytes[at]) ?? "padding";
    fields.push(field(name, { at, size, ...optionValue(name, { bytes, at, size, row }) }));
    at += size;
  }
  return fields;
}

function optionValue(
  name: FieldName,
  { bytes, at, size, row }: { bytes: Uint8Array; at: number; size: number; row: SegmentRow },
): { value: string; meaning?: string } {
  const { segment, relAck } = row;
  switch (name) {
    case "mss":
      return { value: String(readU16(bytes, at + 2)), meaning: "B" };
    case "window-scale":
      return { value: String(bytes[at + 2]), meaning: `× ${2 ** Math.min(14, bytes[at + 2])}` };
    case "timestamps":
      return { value: String(readU32(bytes, at + 2)), meaning: `← ${readU32(bytes, at + 6)}` };
    case "sack": {
      const blocks = Array.from({ length: (size - 2) / 8 }, (_, block) => at + 2 + 8 * block);
      const position = (place: number) => relAck + ((readU32(bytes, place) - segment.ack) | 0);
      return {
        value: blocks.map((place) => `${readU32(bytes, place)}–${readU32(bytes, place + 4)}`).join(", "),
        meaning: blocks.map((place) => `+${position(place)}–${position(place + 4)}`).join(", "),
      };
    }
    default:
      return { value: "" };
  }
}

function wireSegment(
  { seq, ack, flags, window, options }: StorySegment,
  { source, destination }: { source: string; destination: string },
): TcpSegment {
  const segment = new TcpSegment();
  segment.sourcePort = portOf(source);
  segment.destinationPort = portOf(destination);
  segment.seq = seq;
  segment.ack = ack;
  segment.flags = flags;
  segment.window = window;
  const { mss, windowScale, sackPermitted, sack = [], timestamps } = options;
  segment.mss = mss ?? -1;
  segment.windowScale = windowScale ?? -1;
  segment.sackPermitted = sackPermitted === true;
  segment.hasTimestamps = timestamps !== undefined;
  segment.tsValue = timestamps?.value ?? 0;
  segment.tsEcho = timestamps?.echo ?? 0;
  // As many as fit beside the others.
  const most = Math.min(sack.length, segment.hasTimestamps ? 3 : 4);
  segment.sackBlockCount = most;
  sack.slice(0, most).forEach(([left, right], at) => segment.sackBlocks.set([left, right], at * 2));
  return segment;
}

function portOf(endpoint: string): number {
  return Number(endpoint.slice(endpoint.lastIndexOf(":") + 1)) || 0;
}
