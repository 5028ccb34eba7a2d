/**
 * Multicast listener discovery: who wants to hear which groups.
 *
 * Owns: queries of both versions, the report of version 2, report and done of version 1. Must not know: which groups are joined, when a
 * report is due.
 *
 * Implements RFC 3810 §5.1, §5.2, §6.2 (what a query must be) and §8.1 (which version it is), RFC 2710 §3. The router alert that all
 * of these carry is the IP header's (`routerAlert` of `emitIp`).
 */
import type { IpAddress } from "./address.ts";
import { isLinkLocal } from "./address_scope.ts";
import { readU16, writeBytes, writeU16 } from "./bytes.ts";
import type { DropReason } from "./drop_reason.ts";
import { emitIcmpMessage, ICMP, type IcmpMessage } from "./icmp.ts";
import { ICMPV6_TYPE } from "./icmpv6.ts";
import type { IpPacket } from "./ip_packet.ts";
import { IPV6 } from "./ipv6.ts";

/** The hop limit of every message: none leaves the link (RFC 3810 §5). */
export const LISTENER_HOP_LIMIT = 1;

/** Types of records in a report (RFC 3810 §5.2.12): an answer to a query, or a change. */
export const LISTENER_RECORD = {
  IS_INCLUDE: 0x01,
  IS_EXCLUDE: 0x02,
  TO_INCLUDE: 0x03,
  TO_EXCLUDE: 0x04,
  ALLOW: 0x05,
  BLOCK: 0x06,
} as const;

/** Offsets in the payload of a query; version 1 ends behind the group. */
const QUERY = { GROUP: 0, FLAGS: 16, INTERVAL: 17, SOURCE_COUNT: 18, SOURCES: 20 } as const;
const QUERY_V1_BYTES = QUERY.FLAGS;
const SUPPRESS_FLAG = 0x08;
/** Offsets in a record of a report. */
const RECORD = { TYPE: 0, AUXILIARY: 1, SOURCE_COUNT: 2, GROUP: 4, SOURCES: 20 } as const;

/** What {@link parseListenerQuery} found. The robustness and the interval of the querier are another router's business. */
export class ListenerQuery {
  /** Which version the querier speaks: 1 or 2. */
  version = 2;
  /** Within which time an answer is asked for. */
  maxResponseMs = 0;
  /** Where the group stands, 16 bytes: all zero asks for all groups. */
  groupOffset = 0;
  isGeneral = false;
  /** Routers are not to take this for news; hosts answer nevertheless. */
  suppressesRouters = false;
  /** Where the addresses stand for which alone is asked, 16 bytes each, and how many. */
  sourcesOffset = 0;
  sourceCount = 0;
}

/**
 * Reads a query out of an ICMPv6 message that `parseIcmpv6` took; one of a length that no version has is malformed (RFC 3810 §8.1), and so is
 * one that announces more sources than are there.
 */
export function parseListenerQuery(
  bytes: Uint8Array,
  message: Readonly<IcmpMessage>,
  out: ListenerQuery,
): DropReason | null {
  const { payloadOffset: at, payloadLength } = message;
  const code = message.restOfHeader >>> 16;
  if (payloadLength === QUERY_V1_BYTES) {
    out.version = 1;
    out.maxResponseMs = code;
    out.suppressesRouters = false;
    out.sourceCount = 0;
  } else if (payloadLength >= QUERY.SOURCES) {
    const sourceCount = readU16(bytes, at + QUERY.SOURCE_COUNT);
    if (QUERY.SOURCES + sourceCount * IPV6.ADDRESS_BYTES > payloadLength) return "malformed-icmp";
    out.version = 2;
    out.maxResponseMs = decodeMaxResponse(code);
    out.suppressesRouters = (bytes[at + QUERY.FLAGS] & SUPPRESS_FLAG) !== 0;
    out.sourceCount = sourceCount;
  } else {
    return "malformed-icmp";
  }
  out.groupOffset = at + QUERY.GROUP;
  out.sourcesOffset = at + QUERY.SOURCES;
  out.isGeneral = isZero(bytes, out.groupOffset);
  return null;
}

/** Milliseconds; from 32,768 on the code is a floating-point number (RFC 3810 §5.1.3). */
function decodeMaxResponse(code: number): number {
  if (code < 0x8000) return code;
  const mantissa = (code & 0x0fff) | 0x1000;
  const exponent = (code >>> 12) & 0x07;
  return mantissa * 2 ** (exponent + 3);
}

function isZero(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < IPV6.ADDRESS_BYTES; i++) {
    if (bytes[at + i] !== 0) return false;
  }
  return true;
}

/**
 * Whether a query may be believed to come from a router of this link, null, or why not: from a link-local address, hop limit 1, with a router
 * alert (RFC 3810 §6.2), and about a group or all.
 */
export function listenerQueryFault(
  frame: Uint8Array,
  packet: Readonly<IpPacket>,
  query: Readonly<ListenerQuery>,
): DropReason | null {
  const isFromRouter = packet.hopLimit === LISTENER_HOP_LIMIT && packet.routerAlertValue >= 0 &&
    isLinkLocal(frame, packet.sourceOffset, IPV6.ADDRESS_BYTES);
  const isAboutGroup = query.isGeneral || frame[query.groupOffset] === 0xff;
  return isFromRouter && isAboutGroup ? null : "bad-neighbor-message";
}

/** A record of a report; without sources a host hears all (exclude none) or nothing (include none). */
export interface ListenerRecord {
  /** One of {@link LISTENER_RECORD}. */
  readonly type: number;
  readonly group: IpAddress;
  readonly sources?: readonly IpAddress[];
}

/** Length in bytes of the report that {@link emitListenerReport} makes: what the pseudo-header needs beforehand. */
export function listenerReportLength(records: readonly ListenerRecord[]): number {
  let length: number = ICMP.HEADER_BYTES;
  for (const { sources = [] } of records) length += RECORD.SOURCES + sources.length * IPV6.ADDRESS_BYTES;
  return length;
}

/** Writes a whole report of version 2 at `offset`, checksum included; returns its length. */
export function emitListenerReport(
  bytes: Uint8Array,
  offset: number,
  records: readonly ListenerRecord[],
  pseudoSum: number,
): number {
  let at = offset + ICMP.HEADER_BYTES;
  for (const { type, group, sources = [] } of records) {
    bytes[at + RECORD.TYPE] = type;
    bytes[at + RECORD.AUXILIARY] = 0;
    writeU16(bytes, at + RECORD.SOURCE_COUNT, sources.length);
    writeBytes(bytes, at + RECORD.GROUP, group, IPV6.ADDRESS_BYTES);
    at += RECORD.SOURCES;
    for (const source of sources) {
      writeBytes(bytes, at, source, IPV6.ADDRESS_BYTES);
      at += IPV6.ADDRESS_BYTES;
    }
  }
  const payloadLength = at - offset - ICMP.HEADER_BYTES;
  const header = { type: ICMPV6_TYPE.LISTENER_REPORT, code: 0, restOfHeader: records.length, payloadLength };
  emitIcmpMessage(bytes, offset, header, pseudoSum);
  return at - offset;
}

/** Length in bytes of the message that {@link emitListenerV1} makes. */
export const LISTENER_V1_BYTES: number = ICMP.HEADER_BYTES + IPV6.ADDRESS_BYTES;

/** Writes a report or "done" of version 1, for a link whose querier speaks no other (RFC 3810 §8.2.1); returns its length, 24 bytes. */
export function emitListenerV1(
  bytes: Uint8Array,
  offset: number,
  { type, group }: { readonly type: number; readonly group: IpAddress },
  pseudoSum: number,
): number {
  writeBytes(bytes, offset + ICMP.HEADER_BYTES, group, IPV6.ADDRESS_BYTES);
  const header = { type, code: 0, restOfHeader: 0, payloadLength: IPV6.ADDRESS_BYTES };
  emitIcmpMessage(bytes, offset, header, pseudoSum);
  return LISTENER_V1_BYTES;
}
