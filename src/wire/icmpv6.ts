/**
 * ICMPv6 messages.
 *
 * Owns: types and codes of version 6, and the checksum over the pseudo-header. Must not know: what neighbour discovery and multicast
 * listeners put into their messages (neighbor_discovery.ts, router_messages.ts, multicast_listener.ts), when a message may be sent.
 * Implements RFC 4443 §2 to §4; the types of RFC 4861 §4, RFC 2710 §3 and RFC 3810 §5.
 */
import type { DropReason } from "./drop_reason.ts";
import { emitIcmpMessage, type IcmpFields, type IcmpMessage, parseIcmpMessage } from "./icmp.ts";

export { IPV6_PROBLEM as ICMPV6_PARAMETER_PROBLEM } from "./ipv6_extensions.ts";

/** Types of ICMPv6 that are told apart. */
export const ICMPV6_TYPE = {
  UNREACHABLE: 0x01,
  /** The rest of the header is the MTU. */
  PACKET_TOO_BIG: 0x02,
  TIME_EXCEEDED: 0x03,
  /** The rest of the header points to the byte at fault. */
  PARAMETER_PROBLEM: 0x04,
  ECHO_REQUEST: 0x80,
  ECHO_REPLY: 0x81,
  /** Both versions; the length tells them apart (RFC 3810 §8.1). */
  LISTENER_QUERY: 0x82,
  LISTENER_REPORT_V1: 0x83,
  LISTENER_DONE: 0x84,
  ROUTER_SOLICITATION: 0x85,
  ROUTER_ADVERTISEMENT: 0x86,
  NEIGHBOR_SOLICITATION: 0x87,
  NEIGHBOR_ADVERTISEMENT: 0x88,
  REDIRECT: 0x89,
  LISTENER_REPORT: 0x8f,
} as const;

/** Codes of "destination unreachable" (RFC 4443 §3.1). */
export const ICMPV6_UNREACHABLE = {
  NO_ROUTE: 0x00,
  PROHIBITED: 0x01,
  BEYOND_SCOPE: 0x02,
  ADDRESS: 0x03,
  PORT: 0x04,
  SOURCE_POLICY: 0x05,
  REJECT_ROUTE: 0x06,
} as const;

/** Codes of "time exceeded" (RFC 4443 §3.3): on its way, or while fragments were waited for. */
export const ICMPV6_TIME_EXCEEDED = { HOP_LIMIT: 0x00, REASSEMBLY: 0x01 } as const;

/** Types from here on inform; those below are errors, known or not (RFC 4443 §2.1). */
const FIRST_INFORMATIONAL = 0x80;

/** Whether a message of this type is an error: no error may answer it (RFC 4443 §2.4 (e.1)). */
export function isIcmpv6Error(type: number): boolean {
  return type < FIRST_INFORMATIONAL;
}

/** Reads the message in the `length` bytes from `offset` into `out`; its checksum covers the pseudo-header too. */
export function parseIcmpv6(
  bytes: Uint8Array,
  offset: number,
  length: number,
  pseudoSum: number,
  out: IcmpMessage,
): DropReason | null {
  return parseIcmpMessage(bytes, offset, length, pseudoSum, out);
}

/** Writes a header over a payload that is already in place, as `emitIcmp` does; returns 8. */
export function emitIcmpv6(bytes: Uint8Array, offset: number, fields: IcmpFields, pseudoSum: number): number {
  return emitIcmpMessage(bytes, offset, fields, pseudoSum);
}
