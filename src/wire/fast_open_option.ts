/**
 * The Fast Open option (RFC 7413 §4.1.1): kind 34, and the experimental kind 254 with a magic number of the drafts before it.
 *
 * Owns: both forms, both ways. Must not know: what a cookie is worth, on which segments the option counts, or what lengths
 * are good; a length that is none is read all the same, so that whoever looks can tell it from no option at all.
 */
import { readU16, writeU16 } from "./bytes.ts";

/** Kinds of option (IANA's TCP parameters; RFC 6994 for the experimental one). */
export const FAST_OPEN_OPTION = { STANDARD: 0x22, EXPERIMENTAL: 0xfe } as const;

/** What tells this use of the experimental kind from others (IANA's TCP experimental option identifiers). */
const MAGIC = 0xf989;
const NOP = 0x01;

/** Octets before the cookie. */
const HEAD_BYTES = { STANDARD: 2, EXPERIMENTAL: 4 } as const;
const OFFSET = { KIND: 0, LENGTH: 1, MAGIC: 2 } as const;

/** The option of one segment. */
export interface FastOpenOption {
  /** Length of the cookie, 0 for a request; -1 when the option is absent. The other two fields have no meaning then. */
  fastOpen: number;
  /** The cookie; of a parsed segment a view, valid as long as its buffer is. */
  fastOpenCookie: Uint8Array;
  /** It stands in the experimental form. */
  isFastOpenExperimental: boolean;
}

/** Reads the option of `length` octets at `at`; false when it is another use of the experimental kind. */
export function readFastOpen(bytes: Uint8Array, at: number, length: number, out: FastOpenOption): boolean {
  const isExperimental = bytes[at + OFFSET.KIND] === FAST_OPEN_OPTION.EXPERIMENTAL;
  const head = isExperimental ? HEAD_BYTES.EXPERIMENTAL : HEAD_BYTES.STANDARD;
  if (isExperimental && (length < head || readU16(bytes, at + OFFSET.MAGIC) !== MAGIC)) return false;
  out.fastOpen = length - head;
  out.fastOpenCookie = bytes.subarray(at + head, at + length);
  out.isFastOpenExperimental = isExperimental;
  return true;
}

/** Octets that the option takes with a cookie of `cookieBytes`, NOPs up to a whole word included. */
export function fastOpenBytes(cookieBytes: number, isExperimental: boolean): number {
  const head = isExperimental ? HEAD_BYTES.EXPERIMENTAL : HEAD_BYTES.STANDARD;
  return (head + cookieBytes + 3) & ~3;
}

/**
 * Writes the option at `at`, which begins a word, with NOPs behind it up to the next; returns where that is. It is left out
 * when it does not fit into `room` octets (RFC 7413 §4.2.2, step 1.a of the client).
 */
export function emitFastOpen(
  bytes: Uint8Array,
  at: number,
  room: number,
  option: Readonly<FastOpenOption>,
): number {
  const { fastOpen, isFastOpenExperimental } = option;
  const taken = fastOpenBytes(fastOpen, isFastOpenExperimental);
  if (taken > room) return at;
  const end = emitBareFastOpen(bytes, at, option);
  for (let i = end; i < at + taken; i++) bytes[i] = NOP;
  return at + taken;
}

/** Writes the option at `at` with nothing behind it; returns its end. There is room for it. */
export function emitBareFastOpen(bytes: Uint8Array, at: number, option: Readonly<FastOpenOption>): number {
  const { fastOpen, fastOpenCookie, isFastOpenExperimental } = option;
  const head = isFastOpenExperimental ? HEAD_BYTES.EXPERIMENTAL : HEAD_BYTES.STANDARD;
  bytes[at + OFFSET.KIND] = isFastOpenExperimental
    ? FAST_OPEN_OPTION.EXPERIMENTAL
    : FAST_OPEN_OPTION.STANDARD;
  bytes[at + OFFSET.LENGTH] = head + fastOpen;
  if (isFastOpenExperimental) writeU16(bytes, at + OFFSET.MAGIC, MAGIC);
  for (let i = 0; i < fastOpen; i++) bytes[at + head + i] = fastOpenCookie[i];
  return at + head + fastOpen;
}
