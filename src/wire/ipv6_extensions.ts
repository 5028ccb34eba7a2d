/**
 * IPv6 extension headers.
 *
 * Owns: the walk over them, what a host does with options and routes that it does not know, what a fragment must be, and writing the two
 * headers that we send. Must not know: the fixed header, reassembly, what the headers above mean.
 *
 * Implements RFC 8200 §4, RFC 5095 (routing type 0), RFC 6946 (atomic fragments), RFC 7112 (the first fragment holds the whole chain of
 * headers), RFC 2711 (router alert) and RFC 2675 §2 (jumbo payload).
 */
import { readU16, readU32, writeU16, writeU32 } from "./bytes.ts";
import type { DropReason } from "./drop_reason.ts";
import { IP_PROTOCOL, type IpPacket } from "./ip_packet.ts";

/** Next-header values of the extension headers that a host walks over. */
export const IPV6_EXTENSION = {
  HOP_BY_HOP: 0x00,
  ROUTING: 0x2b,
  FRAGMENT: 0x2c,
  DESTINATION_OPTIONS: 0x3c,
} as const;

/** Codes of ICMPv6's "parameter problem" (RFC 4443 §3.4, RFC 7112 §5): what a packet that is not taken asks for. */
export const IPV6_PROBLEM = { FIELD: 0x00, NEXT_HEADER: 0x01, OPTION: 0x02, INCOMPLETE_CHAIN: 0x03 } as const;

/** Offsets in an extension header; its length field counts 8-byte units beyond the first. */
const EXTENSION = {
  NEXT_HEADER: 0,
  LENGTH: 1,
  OPTIONS: 2,
  ROUTING_TYPE: 2,
  SEGMENTS_LEFT: 3,
  UNIT_BYTES: 8,
} as const;
/** Offsets in a fragment header. */
const FRAGMENT = { OFFSET_FLAGS: 2, ID: 4, BYTES: 8, MORE: 0x0001, OFFSET_MASK: 0xfff8 } as const;
/** Offsets in an option, and the kinds that matter here; the two highest bits say what to do with one that is not known. */
const OPTION = {
  KIND: 0,
  LENGTH: 1,
  VALUE: 2,
  PAD1: 0x00,
  PADN: 0x01,
  ROUTER_ALERT: 0x05,
  ROUTER_ALERT_BYTES: 2,
  JUMBO: 0xc2,
  JUMBO_BYTES: 4,
} as const;
/** What those two bits say (RFC 8200 §4.2). */
const ACTION = { SKIP: 0, DISCARD: 1, COMPLAIN_TO_UNICAST: 3 } as const;

const MAX_PAYLOAD_LENGTH = 0xffff;
/** Where the payload length stands in the fixed header; what complaints about lengths point to. */
const PAYLOAD_LENGTH_AT = 4;
const FIXED_HEADER_BYTES = 40;
/** Extension headers that are walked over at most; a local choice: RFC 8200 §4.1 knows seven places for one. */
const MAX_EXTENSIONS = 8;

/** Bytes that must be there of a header above IP, where one is told apart (RFC 7112 §3: of ICMPv6 type, code and checksum). */
const LEAST_UPPER_BYTES: Readonly<Record<number, number>> = {
  [IP_PROTOCOL.TCP]: 20,
  [IP_PROTOCOL.UDP]: 8,
  [IP_PROTOCOL.ICMPV6]: 4,
};
/** Where TCP's header says how long it is, and in which unit: the upper half of this byte counts words. */
const TCP_DATA_OFFSET = 12;

/** Where a packet's extension headers are. */
interface Chain {
  /** What the fixed header announces, and where it does. */
  readonly protocol: number;
  readonly protocolOffset: number;
  /** Where it stands. */
  readonly at: number;
  /** Where the packet ends. */
  readonly end: number;
}

/** Whether it is the number of a header that a host walks over; all others are the caller's, known or not. */
export function isIpv6Extension(header: number): boolean {
  return header === IPV6_EXTENSION.HOP_BY_HOP || header === IPV6_EXTENSION.ROUTING ||
    header === IPV6_EXTENSION.FRAGMENT || header === IPV6_EXTENSION.DESTINATION_OPTIONS;
}

/** The length in a jumbo payload option that opens the hop-by-hop header at `at`, where Linux puts it; else 0. */
export function jumboLength(bytes: Uint8Array, at: number): number {
  const option = at + EXTENSION.OPTIONS;
  const isJumbo = bytes[option + OPTION.KIND] === OPTION.JUMBO &&
    bytes[option + OPTION.LENGTH] === OPTION.JUMBO_BYTES;
  return isJumbo ? readU32(bytes, option + OPTION.VALUE) : 0;
}

/**
 * Goes from header to header until one that is no extension, in whatever order and number they come (RFC 8200 §4.1), and fills the rest of
 * `out`, whose fixed header has been read. A fragment's payload begins behind its fragment header, and what follows there belongs to the
 * whole packet: of a first fragment it is looked at, to see that the chain of headers is complete.
 */
export function walkExtensions(bytes: Uint8Array, chain: Chain, out: IpPacket): DropReason | null {
  const { end } = chain;
  let { protocol, protocolOffset, at } = chain;
  for (let count = 0; isIpv6Extension(protocol); count++) {
    if (count === MAX_EXTENSIONS) return "malformed-ipv6";
    if (protocol === IPV6_EXTENSION.HOP_BY_HOP && count > 0) {
      // RFC 8200 §4: elsewhere than behind the fixed header it is a next header that nobody knows.
      return complain(out, IPV6_PROBLEM.NEXT_HEADER, protocolOffset);
    }
    if (at + EXTENSION.UNIT_BYTES > end) return cutOff(out);
    const size = protocol === IPV6_EXTENSION.FRAGMENT
      ? FRAGMENT.BYTES
      : (bytes[at + EXTENSION.LENGTH] + 1) * EXTENSION.UNIT_BYTES;
    if (at + size > end) return cutOff(out);
    const reason = protocol === IPV6_EXTENSION.FRAGMENT
      ? takeFragment(bytes, { at, end, protocolOffset }, out)
      : protocol === IPV6_EXTENSION.ROUTING
      ? checkRouting(bytes, at, out)
      : checkOptions(bytes, { at, end: at + size, isHopByHop: protocol === IPV6_EXTENSION.HOP_BY_HOP }, out);
    if (reason !== null) return reason;
    const isOfThisPacket = !out.isFragment || protocol === IPV6_EXTENSION.FRAGMENT;
    protocolOffset = at + EXTENSION.NEXT_HEADER;
    protocol = bytes[protocolOffset];
    at += size;
    if (isOfThisPacket) {
      out.protocol = protocol;
      out.protocolOffset = protocolOffset;
      out.payloadOffset = at;
    }
    // What stands behind is no header but some bytes out of the middle of the packet.
    if (out.fragmentOffset > 0) break;
  }
  if (out.moreFragments && out.fragmentOffset === 0 && !holdsUpperHeader(bytes, { protocol, at, end })) {
    return cutOff(out);
  }
  out.headerLength = out.payloadOffset - out.headerOffset;
  out.payloadLength = end - out.payloadOffset;
  return null;
}

/** Notes the complaint that is owed; `at` is an offset in the buffer. */
function complain(out: IpPacket, code: number, at: number): DropReason {
  out.problemCode = code;
  out.problemPointer = at - out.headerOffset;
  return "unsupported-ipv6-header";
}

/** The chain goes on where the packet has ended: of a first fragment that has a code of its own, and points to the start (RFC 8200 §4.5). */
function cutOff(out: IpPacket): DropReason {
  if (!out.moreFragments) return "malformed-ipv6";
  return complain(out, IPV6_PROBLEM.INCOMPLETE_CHAIN, out.headerOffset);
}

function takeFragment(
  bytes: Uint8Array,
  { at, end, protocolOffset }: { readonly at: number; readonly end: number; readonly protocolOffset: number },
  out: IpPacket,
): DropReason | null {
  // Local choice: nobody who means well puts a fragment into a fragment; taking it would mean to put packets together twice.
  if (out.isFragment) return "malformed-ipv6";
  const word = readU16(bytes, at + FRAGMENT.OFFSET_FLAGS);
  const more = (word & FRAGMENT.MORE) !== 0;
  const offset = word & FRAGMENT.OFFSET_MASK;
  out.fragmentHeaderOffset = at;
  out.fragmentNextOffset = protocolOffset;
  out.moreFragments = more;
  out.fragmentOffset = offset;
  out.id = readU32(bytes, at + FRAGMENT.ID);
  // RFC 6946: what is at once the first and the last is a whole packet.
  if (!out.isFragment) return null;
  const length = end - at - FRAGMENT.BYTES;
  if (length === 0) return "malformed-ipv6";
  if (more && (length & 7) !== 0) {
    return complain(out, IPV6_PROBLEM.FIELD, out.headerOffset + PAYLOAD_LENGTH_AT);
  }
  // RFC 8200 §4.5: what is put together must fit, without the fragment header, into the payload length.
  const before = at - out.headerOffset - FIXED_HEADER_BYTES;
  if (before + offset + length > MAX_PAYLOAD_LENGTH) {
    return complain(out, IPV6_PROBLEM.FIELD, at + FRAGMENT.OFFSET_FLAGS);
  }
  return null;
}

/** RFC 8200 §4.4: a type that is not known, and none is (RFC 5095 for type 0), is passed over where its route is at its end. */
function checkRouting(bytes: Uint8Array, at: number, out: IpPacket): DropReason | null {
  if (bytes[at + EXTENSION.SEGMENTS_LEFT] === 0) return null;
  return complain(out, IPV6_PROBLEM.FIELD, at + EXTENSION.ROUTING_TYPE);
}

/** Applies to each option what its two highest bits say of hosts that do not know it (RFC 8200 §4.2). */
function checkOptions(
  bytes: Uint8Array,
  header: { readonly at: number; readonly end: number; readonly isHopByHop: boolean },
  out: IpPacket,
): DropReason | null {
  const { end, isHopByHop } = header;
  let at = header.at + EXTENSION.OPTIONS;
  while (at < end) {
    const kind = bytes[at + OPTION.KIND];
    if (kind === OPTION.PAD1) {
      at += 1;
      continue;
    }
    if (at + OPTION.VALUE > end) return "malformed-ipv6";
    const length = bytes[at + OPTION.LENGTH];
    const next = at + OPTION.VALUE + length;
    if (next > end) return "malformed-ipv6";
    const action = kind >>> 6;
    if (action !== ACTION.SKIP) {
      const isJumbo = isHopByHop && kind === OPTION.JUMBO && out.totalLength > MAX_PAYLOAD_LENGTH;
      if (!isJumbo) return refuseOption(bytes, { at, action }, out);
    } else if (isHopByHop && kind === OPTION.ROUTER_ALERT && length === OPTION.ROUTER_ALERT_BYTES) {
      out.routerAlertValue = readU16(bytes, at + OPTION.VALUE);
    }
    at = next;
  }
  return null;
}

/** 01: silently; 10: with a message; 11: with a message unless the destination is multicast. */
function refuseOption(
  bytes: Uint8Array,
  { at, action }: { readonly at: number; readonly action: number },
  out: IpPacket,
): DropReason {
  const isMulticast = bytes[out.destinationOffset] === 0xff;
  const isQuiet = action === ACTION.DISCARD || (action === ACTION.COMPLAIN_TO_UNICAST && isMulticast);
  return complain(out, isQuiet ? -1 : IPV6_PROBLEM.OPTION, at);
}

/** Whether a first fragment holds the header above IP as a whole (RFC 7112 §5). Of protocols that are not known nothing is asked. */
function holdsUpperHeader(
  bytes: Uint8Array,
  { protocol, at, end }: { readonly protocol: number; readonly at: number; readonly end: number },
): boolean {
  const least = LEAST_UPPER_BYTES[protocol] ?? 0;
  if (end - at < least) return false;
  return protocol !== IP_PROTOCOL.TCP || end - at >= (bytes[at + TCP_DATA_OFFSET] >>> 4) * 4;
}

/** Length in bytes of what {@link emitFragmentHeader} and {@link emitRouterAlert} write. */
export const EXTENSION_BYTES = { FRAGMENT: FRAGMENT.BYTES, ROUTER_ALERT: EXTENSION.UNIT_BYTES } as const;

/** What {@link emitFragmentHeader} writes; `fragmentOffset` is in bytes, a multiple of 8. */
interface FragmentFields {
  readonly protocol: number;
  readonly id: number;
  readonly moreFragments: boolean;
  readonly fragmentOffset: number;
}

/** Writes a fragment header at `at`; returns its length, 8 bytes. */
export function emitFragmentHeader(bytes: Uint8Array, at: number, fields: FragmentFields): number {
  bytes[at + EXTENSION.NEXT_HEADER] = fields.protocol;
  bytes[at + EXTENSION.LENGTH] = 0;
  writeU16(
    bytes,
    at + FRAGMENT.OFFSET_FLAGS,
    fields.fragmentOffset | (fields.moreFragments ? FRAGMENT.MORE : 0),
  );
  writeU32(bytes, at + FRAGMENT.ID, fields.id);
  return FRAGMENT.BYTES;
}

/**
 * Writes a hop-by-hop header with the router alert option at `at`, before a header of number `protocol`; returns its length, 8 bytes.
 * Its value says MLD (RFC 2711 §2.1), its rest is padding.
 */
export function emitRouterAlert(bytes: Uint8Array, at: number, protocol: number): number {
  bytes[at + EXTENSION.NEXT_HEADER] = protocol;
  bytes[at + EXTENSION.LENGTH] = 0;
  const option = at + EXTENSION.OPTIONS;
  bytes[option + OPTION.KIND] = OPTION.ROUTER_ALERT;
  bytes[option + OPTION.LENGTH] = OPTION.ROUTER_ALERT_BYTES;
  writeU16(bytes, option + OPTION.VALUE, 0);
  const padding = option + OPTION.VALUE + OPTION.ROUTER_ALERT_BYTES;
  bytes[padding + OPTION.KIND] = OPTION.PADN;
  bytes[padding + OPTION.LENGTH] = 0;
  return EXTENSION.UNIT_BYTES;
}
