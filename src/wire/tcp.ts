/**
 * TCP segments.
 *
 * Owns: the TCP header, its flags and its checksum. Must not know: connections, states, what a segment leads to.
 * Implements RFC 9293 §3.1 (header, pseudo-header; MUST-2, MUST-3), with ECE and CWR of RFC 3168. The options are in tcp_options.ts.
 */
import { readU16, readU32, writeU16, writeU32 } from "./bytes.ts";
import { foldSum, sumBytes } from "./checksum.ts";
import type { DropReason } from "./drop_reason.ts";
import { emitTcpOptions, MAX_SACK_BLOCKS, parseTcpOptions, type TcpOptions } from "./tcp_options.ts";

/** Offsets in a TCP header, bytes. */
export const TCP = {
  SOURCE_PORT: 0,
  DESTINATION_PORT: 2,
  SEQUENCE: 4,
  ACKNOWLEDGMENT: 8,
  DATA_OFFSET: 12,
  FLAGS: 13,
  WINDOW: 14,
  CHECKSUM: 16,
  URGENT_POINTER: 18,
  HEADER_BYTES: 20,
  MAX_HEADER_BYTES: 60,
} as const;

/** Bits of the flags byte. */
export const FLAG = {
  FIN: 0x01,
  SYN: 0x02,
  RST: 0x04,
  PSH: 0x08,
  ACK: 0x10,
  URG: 0x20,
  ECE: 0x40,
  CWR: 0x80,
} as const;

/** A TCP flag's name; arrays of them keep this order: SYN, FIN, RST, PSH, ACK, URG, ECE, CWR. */
export type FlagName = "SYN" | "FIN" | "RST" | "PSH" | "ACK" | "URG" | "ECE" | "CWR";

/** The order in which flags are told, which is not that of their bits. */
const FLAG_ORDER: readonly FlagName[] = ["SYN", "FIN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

const FLAG_NAMES: readonly (readonly FlagName[])[] = Array.from(
  { length: 0x100 },
  (_, bits) => Object.freeze(FLAG_ORDER.filter((name) => (bits & FLAG[name]) !== 0)),
);

/** The names of the flags set in `bits` (0 to 255); always the same frozen array for the same bits. */
export function flagNames(bits: number): readonly FlagName[] {
  return FLAG_NAMES[bits & 0xff];
}

/** The flags byte with exactly these flags set. */
export function flagBits(names: readonly FlagName[]): number {
  let bits = 0;
  for (const name of names) bits |= FLAG[name];
  return bits;
}

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** A TCP segment: the header as plain fields, the payload as a place in a buffer. Made once, used again and again. */
export class TcpSegment implements TcpOptions {
  /** Of who sends it. */
  sourcePort = 0;
  /** Of who is to get it. */
  destinationPort = 0;
  /** SEG.SEQ, 0 to 2^32 - 1. */
  seq = 0;
  /** SEG.ACK, 0 to 2^32 - 1; of meaning only with the ACK flag. */
  ack = 0;
  /** Bits of {@link FLAG}. */
  flags = 0;
  /** SEG.WND as it stands in the header, unscaled. */
  window = 0;
  /** SEG.UP; of meaning only with the URG flag. */
  urgentPointer = 0;
  /** Header and options, bytes; set by parsing and by emitting. */
  headerLength = 0;
  /** What the payload lies in; for a parsed segment the frame, valid as long as that is. */
  buffer: Uint8Array = NO_BYTES;
  /** Where in {@link TcpSegment.buffer} the payload begins. */
  payloadOffset = 0;
  /** Its length, bytes. */
  payloadLength = 0;
  mss: number = -1;
  windowScale: number = -1;
  /** As {@link TcpOptions.sackPermitted}. */
  sackPermitted = false;
  /** As {@link TcpOptions.hasTimestamps}. */
  hasTimestamps = false;
  tsValue = 0;
  tsEcho = 0;
  sackBlockCount = 0;
  readonly sackBlocks: Uint32Array = new Uint32Array(MAX_SACK_BLOCKS * 2);
  fastOpen: number = -1;
  fastOpenCookie: Uint8Array = NO_BYTES;
  isFastOpenExperimental = false;
  optionsMalformed = false;
  unknownOptions = 0;
  isPacked = false;
}

/**
 * Reads the segment in the `length` bytes from `offset` into `segment`, options included; the checksum is
 * {@link checksumVerdict}'s business.
 *
 * A segment shorter than its header, or with a data offset below 5, is malformed. Illegal options make
 * `optionsMalformed` true, and the segment counts nevertheless.
 */
export function parseTcp(
  bytes: Uint8Array,
  offset: number,
  length: number,
  segment: TcpSegment,
): DropReason | null {
  if (length < TCP.HEADER_BYTES) return "malformed-tcp";
  // The upper four bits count 32-bit words; the reserved bits below them are ignored (RFC 9293 §3.1).
  const headerLength = (bytes[offset + TCP.DATA_OFFSET] & 0xf0) >>> 2;
  if (headerLength < TCP.HEADER_BYTES || headerLength > length) return "malformed-tcp";
  segment.sourcePort = readU16(bytes, offset + TCP.SOURCE_PORT);
  segment.destinationPort = readU16(bytes, offset + TCP.DESTINATION_PORT);
  segment.seq = readU32(bytes, offset + TCP.SEQUENCE);
  segment.ack = readU32(bytes, offset + TCP.ACKNOWLEDGMENT);
  segment.flags = bytes[offset + TCP.FLAGS];
  segment.window = readU16(bytes, offset + TCP.WINDOW);
  segment.urgentPointer = readU16(bytes, offset + TCP.URGENT_POINTER);
  segment.headerLength = headerLength;
  segment.buffer = bytes;
  segment.payloadOffset = offset + headerLength;
  segment.payloadLength = length - headerLength;
  parseTcpOptions(bytes, offset + TCP.HEADER_BYTES, offset + headerLength, segment);
  return null;
}

/**
 * Writes header and options at `offset`, the checksum field zero, and returns their length, 20 to 60 bytes; the
 * payload is the caller's to place behind them. Sets `segment.headerLength`.
 */
export function emitTcp(bytes: Uint8Array, offset: number, segment: TcpSegment): number {
  const headerLength = TCP.HEADER_BYTES + emitTcpOptions(bytes, offset + TCP.HEADER_BYTES, segment);
  segment.headerLength = headerLength;
  writeU16(bytes, offset + TCP.SOURCE_PORT, segment.sourcePort);
  writeU16(bytes, offset + TCP.DESTINATION_PORT, segment.destinationPort);
  writeU32(bytes, offset + TCP.SEQUENCE, segment.seq);
  writeU32(bytes, offset + TCP.ACKNOWLEDGMENT, segment.ack);
  bytes[offset + TCP.DATA_OFFSET] = headerLength << 2; // Words in the upper half; reserved bits zero (RFC 9293 §3.1).
  bytes[offset + TCP.FLAGS] = segment.flags;
  writeU16(bytes, offset + TCP.WINDOW, segment.window);
  writeU16(bytes, offset + TCP.CHECKSUM, 0);
  writeU16(bytes, offset + TCP.URGENT_POINTER, segment.urgentPointer);
  return headerLength;
}

/**
 * The checksum of the segment in the `length` bytes from `offset` (MUST-2), whatever its checksum field holds now;
 * `pseudoSum` comes from `pseudoHeaderSum`.
 */
export function tcpChecksum(bytes: Uint8Array, offset: number, length: number, pseudoSum: number): number {
  // Adding a word's complement takes it out of the sum; a pseudo-header is never all zero, so neither is the sum.
  const sum = sumBytes(bytes, offset, length, pseudoSum);
  return ~foldSum(sum + (~readU16(bytes, offset + TCP.CHECKSUM) & 0xffff)) & 0xffff;
}

/** Values of {@link checksumVerdict}. */
export const CHECKSUM_VERDICT = {
  CORRECT: 0,
  /** The sender left the sum to a device that it never met: the field holds the pseudo-header's part only. */
  PARTIAL: 1,
  WRONG: 2,
} as const;

/** One of {@link CHECKSUM_VERDICT}. */
type ChecksumVerdict = typeof CHECKSUM_VERDICT[keyof typeof CHECKSUM_VERDICT];

/**
 * Judges the checksum of a received segment (MUST-3).
 *
 * A partial one equals the folded sum of the pseudo-header, not complemented, as Linux leaves it for off-loading
 * devices. That test needs no pass over the payload and comes first, so one correct segment in 65,536 is called
 * partial. With `exact`, for those who refuse partial sums, the full sum comes first.
 */
export function checksumVerdict(
  bytes: Uint8Array,
  offset: number,
  length: number,
  pseudoSum: number,
  exact = false,
): ChecksumVerdict {
  const partial = readU16(bytes, offset + TCP.CHECKSUM) === foldSum(pseudoSum);
  if (partial && !exact) return CHECKSUM_VERDICT.PARTIAL;
  if (foldSum(sumBytes(bytes, offset, length, pseudoSum)) === 0xffff) return CHECKSUM_VERDICT.CORRECT;
  return partial ? CHECKSUM_VERDICT.PARTIAL : CHECKSUM_VERDICT.WRONG;
}
