/**
 * A segment's TCP header, field by field with its bytes (RFC 9293 §3.1), for people.
 *
 * Owns: which fields there are, where each lies, and the clause that defines it. Must not know: languages, how a field is shown.
 *
 * Of a captured segment they are those that were captured. Of one that events tell of they are put together again from what is
 * known of it: what nobody kept (the checksum, the urgent pointer) has none, and options stand in the order in which tcplab
 * writes them, which another sender's may not have been.
 */
import { isCookieLength } from "../tcp/fast_open_record.ts";
import { readU16, readU32 } from "../wire/bytes.ts";
import { hexOf } from "../wire/hex.ts";
import { FLAG, type FlagName, TCP } from "../wire/tcp.ts";
import { headerBytes, type Way } from "./header_bytes.ts";
import type { SegmentRow } from "./story_segment.ts";

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
  | "fast-open"
  /** One that is not known here, or not as long as it has to be. */
  | "option"
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
  "fast-open": "RFC 7413 §4.1.1",
  "option": "RFC 9293 §3.2",
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

/** What options are called by their first byte (IANA's registry of TCP option kinds), and how long each is; SACK's blocks vary. */
const OPTIONS: ReadonlyMap<number, { readonly name: FieldName; readonly fits: (size: number) => boolean }> =
  new Map([
    [2, { name: "mss", fits: (size) => size === 4 }],
    [3, { name: "window-scale", fits: (size) => size === 3 }],
    [4, { name: "sack-permitted", fits: (size) => size === 2 }],
    [5, { name: "sack", fits: (size) => size >= 10 && size % 8 === 2 }],
    [8, { name: "timestamps", fits: (size) => size === 10 }],
    [34, { name: "fast-open", fits: (size) => size === 2 || isCookieLength(size - 2) }],
  ]);

/** The fields of a segment that went from `source` to `destination` (`IP:PORT`). */
export function headerFields(
  row: SegmentRow,
  way: Way,
): HeaderField[] {
  const { segment, relSeq, relAck, windowBytes } = row;
  const bytes = headerBytes(segment, way);
  const isTrue = segment.header !== undefined;
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
    ...offsetFields(bytes[TCP.DATA_OFFSET]),
    field("flags", { at: TCP.FLAGS, size: 1, value: `0x${segment.flags.toString(16).padStart(2, "0")}` }),
    field("window", { at: TCP.WINDOW, size: 2, value: String(window), meaning: scaled }),
    field("checksum", {
      at: TCP.CHECKSUM,
      size: 2,
      value: isTrue ? `0x${readU16(bytes, TCP.CHECKSUM).toString(16).padStart(4, "0")}` : checksum,
      meaning: isTrue ? checksum : "",
      isKnown: isTrue,
    }),
    field("urgent-pointer", {
      at: TCP.URGENT_POINTER,
      size: 2,
      value: isTrue ? String(readU16(bytes, TCP.URGENT_POINTER)) : isUrgent ? "?" : "0",
      isKnown: isTrue || !isUrgent,
    }),
    ...optionFields({ bytes, row, field }),
  ];
}

/** The byte of two fields: the header's length in words, and bits that nobody uses yet. */
function offsetFields(byte: number): HeaderField[] {
  const first = TCP.DATA_OFFSET * 8;
  const rfc = CLAUSES["data-offset"];
  const bytes = [byte];
  return [
    {
      name: "data-offset",
      bits: [first, first + 3],
      bytes,
      value: String(byte >>> 4),
      meaning: `= ${(byte >>> 4) * 4} B`,
      rfc,
    },
    {
      name: "reserved",
      bits: [first + 4, first + 7],
      bytes: [],
      value: String(byte & 0x0f),
      meaning: "",
      rfc,
    },
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
    // Behind the end of the list nothing counts; a no-operation has no length.
    if (bytes[at] <= 1) {
      const isEnd = bytes[at] === 0;
      const size = isEnd ? bytes.length - at : 1;
      fields.push(field("padding", { at, size, value: isEnd ? "end" : "nop" }));
      at += size;
      continue;
    }
    // What a peer that lies says of its length goes no further than the header.
    const size = Math.min(Math.max(2, bytes[at + 1] ?? 2), bytes.length - at);
    const known = OPTIONS.get(bytes[at]);
    const name = known?.fits(size) === true ? known.name : "option";
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
    case "fast-open":
      return { value: hexOf(bytes.subarray(at + 2, at + size)) };
    case "sack": {
      const blocks = Array.from({ length: (size - 2) / 8 }, (_, block) => at + 2 + 8 * block);
      const position = (place: number) => relAck + ((readU32(bytes, place) - segment.ack) | 0);
      return {
        value: blocks.map((place) => `${readU32(bytes, place)}–${readU32(bytes, place + 4)}`).join(", "),
        meaning: blocks.map((place) => `+${position(place)}–${position(place + 4)}`).join(", "),
      };
    }
    case "option":
      return { value: String(bytes[at]) };
    default:
      return { value: "" };
  }
}
