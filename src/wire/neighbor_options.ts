/**
 * The options of neighbour discovery messages.
 *
 * Owns: going from option to option, and the hardware address that one can hold. Must not know: which message has which options, what
 * they mean to a host. Implements RFC 4861 §4.6; the nonce of RFC 3971 §5.3.2, which RFC 7527 puts into probes.
 */
import type { MacAddress } from "./address.ts";
import { writeBytes } from "./bytes.ts";

/** Kinds of options that are read; others are passed over by their length. */
export const NEIGHBOR_OPTION = {
  SOURCE_MAC: 0x01,
  TARGET_MAC: 0x02,
  PREFIX: 0x03,
  MTU: 0x05,
  NONCE: 0x0e,
} as const;

/** Offsets in an option; its length counts units of 8 bytes. */
export const OPTION = { KIND: 0, LENGTH: 1, VALUE: 2, UNIT_BYTES: 8 } as const;

/** Length in bytes of an option with an Ethernet address. */
export const MAC_OPTION_BYTES: number = OPTION.UNIT_BYTES;
/** Length in bytes of a nonce: the least that RFC 3971 §5.3.2 allows, and what Linux sends. */
export const NONCE_BYTES = 6;

const MAC_BYTES = 6;

/**
 * Options of a message at most; a message with more is refused. Local choice: a router tells of some prefixes, routes and name servers; in
 * 1,500 bytes there is room for 180 empty ones, which nobody means.
 */
const MAX_OPTIONS = 64;

/** Whether the options from `at` end where the message does, none of length 0, and not too many (RFC 4861 §6.1, §7.1). */
export function areOptionsWhole(bytes: Uint8Array, at: number, end: number): boolean {
  let next = at;
  for (let count = 0; next < end; count++) {
    if (count === MAX_OPTIONS || next + OPTION.UNIT_BYTES > end) return false;
    const length = optionBytes(bytes, next);
    if (length === 0 || next + length > end) return false;
    next += length;
  }
  return true;
}

/** Length in bytes of the option at `at`. */
export function optionBytes(bytes: Uint8Array, at: number): number {
  return bytes[at + OPTION.LENGTH] * OPTION.UNIT_BYTES;
}

/** Where the value of the last option of this kind and length stands, -1 without one; the options are whole. */
export function findOption(
  bytes: Uint8Array,
  range: { readonly at: number; readonly end: number },
  wanted: { readonly kind: number; readonly length: number },
): number {
  let found = -1;
  for (let at = range.at; at < range.end; at += optionBytes(bytes, at)) {
    if (bytes[at + OPTION.KIND] === wanted.kind && optionBytes(bytes, at) === wanted.length) {
      found = at + OPTION.VALUE;
    }
  }
  return found;
}

/** Writes an option of one unit, with 6 bytes of value; returns its length, 8 bytes. */
export function emitOption(
  bytes: Uint8Array,
  at: number,
  { kind, value }: { readonly kind: number; readonly value: MacAddress },
): number {
  bytes[at + OPTION.KIND] = kind;
  bytes[at + OPTION.LENGTH] = 1;
  writeBytes(bytes, at + OPTION.VALUE, value, MAC_BYTES);
  return OPTION.UNIT_BYTES;
}
