/**
 * TCP options.
 *
 * Owns: the option list of a TCP header, both ways. Must not know: what an option means to a connection, or on
 * which segments it is allowed.
 *
 * Implements RFC 9293 §3.1 and §3.2 (EOL, NOP, MSS; MUST-4, MUST-5, MUST-6, MUST-7, MUST-64, MUST-68), RFC 7323 §2.2
 * and §3.2 (window scale, timestamps), RFC 2018 §2 and §3 (SACK permitted, SACK), RFC 7413 §4.1.1 (fast_open_option.ts).
 */
import { readU16, readU32, writeU16, writeU32 } from "./bytes.ts";
import {
  emitBareFastOpen,
  emitFastOpen,
  FAST_OPEN_OPTION,
  fastOpenBytes,
  type FastOpenOption,
  readFastOpen,
} from "./fast_open_option.ts";

/** Option kinds (IANA's TCP parameters). */
const TCP_OPTION = {
  END: 0x00,
  NOP: 0x01,
  MSS: 0x02,
  WINDOW_SCALE: 0x03,
  SACK_PERMITTED: 0x04,
  SACK: 0x05,
  TIMESTAMPS: 0x08,
} as const;

/** Length fields of the options, kind and length bytes included. */
const LENGTH = {
  MSS: 4,
  WINDOW_SCALE: 3,
  SACK_PERMITTED: 2,
  TIMESTAMPS: 10,
  SACK_HEAD: 2,
  SACK_BLOCK: 8,
} as const;

/** Offsets inside an option. */
const OPTION = { KIND: 0, LENGTH: 1, VALUE: 2, ECHO: 6 } as const;

/** Room for options in a TCP header: the data offset counts to 60 bytes, 20 of which are fixed. */
const MAX_OPTION_BYTES = 40;
/** SACK blocks that fit into {@link MAX_OPTION_BYTES}. */
export const MAX_SACK_BLOCKS = 4;

/** NOP, NOP, timestamps: the word that begins nearly every segment's options. */
const ALIGNED_TIMESTAMPS = 0x0101080a;
const ALIGNED_TIMESTAMPS_BYTES = 12;

/** The options of one segment: what was there on parsing, what is to be there on emitting. */
export interface TcpOptions extends FastOpenOption {
  /** Maximum segment size; -1 when absent. */
  mss: number;
  /** Shift count as on the wire, 0 to 255; -1 when absent. */
  windowScale: number;
  /** RFC 2018 §2: the option was there. */
  sackPermitted: boolean;
  /** RFC 7323 §3: the option was there. */
  hasTimestamps: boolean;
  /** TSval, unsigned; of meaning only with `hasTimestamps`. */
  tsValue: number;
  /** TSecr, unsigned; likewise. */
  tsEcho: number;
  /** Pairs in `sackBlocks` that count, 0 to 4. */
  sackBlockCount: number;
  /** Left and right edges in turn, absolute sequence numbers; room for four blocks. */
  readonly sackBlocks: Uint32Array;
  /** The list broke off at an option with an illegal length (MUST-7); those before it count. */
  optionsMalformed: boolean;
  /** Options of other kinds that were passed over (MUST-6). */
  unknownOptions: number;
  /** How they are to be written: one behind the other, and padded (RFC 9293 §3.1), instead of each on a word. */
  isPacked: boolean;
}

/** Sets every option to absent. */
export function clearTcpOptions(out: TcpOptions): void {
  out.mss = -1;
  out.windowScale = -1;
  out.sackPermitted = false;
  out.hasTimestamps = false;
  out.tsValue = 0;
  out.tsEcho = 0;
  out.sackBlockCount = 0;
  out.fastOpen = -1;
  out.optionsMalformed = false;
  out.unknownOptions = 0;
}

/**
 * Reads the options between `offset` and `end` into `out`, which starts from "all absent".
 *
 * An option of a length that runs over `end`, is below 2, or is not its kind's sets `optionsMalformed` and ends the
 * list (MUST-7); the rest of the segment is as good as before. A repeated option: the last one counts.
 */
export function parseTcpOptions(bytes: Uint8Array, offset: number, end: number, out: TcpOptions): void {
  clearTcpOptions(out);
  if (end === offset) return;
  if (end === offset + ALIGNED_TIMESTAMPS_BYTES && readU32(bytes, offset) === ALIGNED_TIMESTAMPS) {
    out.hasTimestamps = true;
    out.tsValue = readU32(bytes, offset + 2 + OPTION.VALUE);
    out.tsEcho = readU32(bytes, offset + 2 + OPTION.ECHO);
    return;
  }
  let i = offset;
  while (i < end) {
    const kind = bytes[i + OPTION.KIND];
    if (kind === TCP_OPTION.END) return;
    if (kind === TCP_OPTION.NOP) {
      i += 1;
      continue;
    }
    const length = i + OPTION.LENGTH < end ? bytes[i + OPTION.LENGTH] : 0;
    if (length < OPTION.VALUE || i + length > end || !readOption(bytes, i, length, out)) {
      out.optionsMalformed = true;
      return;
    }
    i += length;
  }
}

/** Reads the option at `at`; false when `length` is not one that its kind may have. */
function readOption(bytes: Uint8Array, at: number, length: number, out: TcpOptions): boolean {
  switch (bytes[at + OPTION.KIND]) {
    case TCP_OPTION.MSS:
      if (length !== LENGTH.MSS) return false;
      out.mss = readU16(bytes, at + OPTION.VALUE);
      return true;
    case TCP_OPTION.WINDOW_SCALE:
      if (length !== LENGTH.WINDOW_SCALE) return false;
      out.windowScale = bytes[at + OPTION.VALUE];
      return true;
    case TCP_OPTION.SACK_PERMITTED:
      if (length !== LENGTH.SACK_PERMITTED) return false;
      out.sackPermitted = true;
      return true;
    case TCP_OPTION.TIMESTAMPS:
      if (length !== LENGTH.TIMESTAMPS) return false;
      out.hasTimestamps = true;
      out.tsValue = readU32(bytes, at + OPTION.VALUE);
      out.tsEcho = readU32(bytes, at + OPTION.ECHO);
      return true;
    case TCP_OPTION.SACK: {
      const edgesLength = length - LENGTH.SACK_HEAD;
      if (edgesLength === 0 || edgesLength % LENGTH.SACK_BLOCK !== 0) return false;
      const edges = edgesLength >>> 2;
      for (let edge = 0; edge < edges; edge++) {
        out.sackBlocks[edge] = readU32(bytes, at + OPTION.VALUE + edge * 4);
      }
      out.sackBlockCount = edges >>> 1;
      return true;
    }
    case FAST_OPEN_OPTION.STANDARD:
    case FAST_OPEN_OPTION.EXPERIMENTAL:
      if (!readFastOpen(bytes, at, length, out)) out.unknownOptions += 1;
      return true;
    default:
      out.unknownOptions += 1;
      return true;
  }
}

/**
 * Writes the options of `options` at `offset`; returns their length, a multiple of 4, at most 40 bytes.
 *
 * The layout is the customary one, each 32-bit value aligned: MSS; SACK-permitted with timestamps, or either with two
 * NOPs in front; NOP and window scale; Fast Open; NOP, NOP and SACK. SACK blocks that do not fit are left out, the last ones
 * first (RFC 2018 §4 puts the most recent first). Every layout ends on a word, so that there is never an end-of-list
 * with padding behind it to fill (MUST-69).
 */
export function emitTcpOptions(bytes: Uint8Array, offset: number, options: Readonly<TcpOptions>): number {
  if (options.isPacked) return emitPacked(bytes, offset, options);
  let at = offset;
  if (options.mss >= 0) at = emitMss(bytes, at, options.mss);
  if (options.sackPermitted || options.hasTimestamps) {
    if (options.sackPermitted && !options.hasTimestamps) at = emitNops(bytes, at);
    at = options.sackPermitted ? emitSackPermitted(bytes, at) : emitNops(bytes, at);
  }
  if (options.hasTimestamps) at = emitTimestamps(bytes, at, options);
  if (options.windowScale >= 0) {
    bytes[at++] = TCP_OPTION.NOP;
    at = emitWindowScale(bytes, at, options.windowScale);
  }
  if (options.fastOpen >= 0) at = emitFastOpen(bytes, at, MAX_OPTION_BYTES - (at - offset), options);
  if (options.sackBlockCount > 0) at = emitSack(bytes, at, MAX_OPTION_BYTES - (at - offset), options);
  return at - offset;
}

/**
 * The layout of 4.4BSD: MSS, window scale at an odd place, SACK-permitted at an even one, timestamps and SACK with their
 * values on words, Fast Open at any place; END and zeros up to a word (MUST-69).
 */
function emitPacked(bytes: Uint8Array, offset: number, options: Readonly<TcpOptions>): number {
  let at = offset;
  if (options.mss >= 0) at = emitMss(bytes, at, options.mss);
  if (options.windowScale >= 0) {
    if ((at - offset) % 2 === 0) bytes[at++] = TCP_OPTION.NOP;
    at = emitWindowScale(bytes, at, options.windowScale);
  }
  if (options.sackPermitted) {
    if ((at - offset) % 2 !== 0) bytes[at++] = TCP_OPTION.NOP;
    at = emitSackPermitted(bytes, at);
  }
  if (options.hasTimestamps) {
    while ((at - offset) % 4 !== 2) bytes[at++] = TCP_OPTION.NOP;
    at = emitTimestamps(bytes, at, options);
  }
  // In a room of whole words, whatever stands at its end.
  const wordsEnd = (at - offset + 3) & ~3;
  if (
    options.fastOpen >= 0 &&
    wordsEnd + fastOpenBytes(options.fastOpen, options.isFastOpenExperimental) <= MAX_OPTION_BYTES
  ) {
    at = emitBareFastOpen(bytes, at, options);
  }
  if (options.sackBlockCount > 0) {
    const room = MAX_OPTION_BYTES - (at - offset);
    at = emitSack(bytes, at, room, options);
  }
  while ((at - offset) % 4 !== 0) bytes[at++] = TCP_OPTION.END;
  return at - offset;
}

function emitMss(bytes: Uint8Array, at: number, mss: number): number {
  bytes[at + OPTION.KIND] = TCP_OPTION.MSS;
  bytes[at + OPTION.LENGTH] = LENGTH.MSS;
  writeU16(bytes, at + OPTION.VALUE, mss);
  return at + LENGTH.MSS;
}

function emitSackPermitted(bytes: Uint8Array, at: number): number {
  bytes[at + OPTION.KIND] = TCP_OPTION.SACK_PERMITTED;
  bytes[at + OPTION.LENGTH] = LENGTH.SACK_PERMITTED;
  return at + LENGTH.SACK_PERMITTED;
}

function emitTimestamps(bytes: Uint8Array, at: number, options: Readonly<TcpOptions>): number {
  bytes[at + OPTION.KIND] = TCP_OPTION.TIMESTAMPS;
  bytes[at + OPTION.LENGTH] = LENGTH.TIMESTAMPS;
  writeU32(bytes, at + OPTION.VALUE, options.tsValue);
  writeU32(bytes, at + OPTION.ECHO, options.tsEcho);
  return at + LENGTH.TIMESTAMPS;
}

function emitWindowScale(bytes: Uint8Array, at: number, shift: number): number {
  bytes[at + OPTION.KIND] = TCP_OPTION.WINDOW_SCALE;
  bytes[at + OPTION.LENGTH] = LENGTH.WINDOW_SCALE;
  bytes[at + OPTION.VALUE] = shift;
  return at + LENGTH.WINDOW_SCALE;
}

/** Two NOPs that bring the values behind a two-byte option head onto a word boundary; returns where they end. */
function emitNops(bytes: Uint8Array, at: number): number {
  bytes[at] = TCP_OPTION.NOP;
  bytes[at + 1] = TCP_OPTION.NOP;
  return at + 2;
}

/** Writes as many SACK blocks as `room` bytes take; returns the end of what was written. */
function emitSack(bytes: Uint8Array, offset: number, room: number, options: Readonly<TcpOptions>): number {
  const fit = Math.floor((room - 2 - LENGTH.SACK_HEAD) / LENGTH.SACK_BLOCK);
  const count = Math.min(options.sackBlockCount, fit, MAX_SACK_BLOCKS);
  if (count <= 0) return offset;
  const at = emitNops(bytes, offset);
  bytes[at + OPTION.KIND] = TCP_OPTION.SACK;
  bytes[at + OPTION.LENGTH] = LENGTH.SACK_HEAD + count * LENGTH.SACK_BLOCK;
  for (let edge = 0; edge < count * 2; edge++) {
    writeU32(bytes, at + OPTION.VALUE + edge * 4, options.sackBlocks[edge]);
  }
  return at + LENGTH.SACK_HEAD + count * LENGTH.SACK_BLOCK;
}
