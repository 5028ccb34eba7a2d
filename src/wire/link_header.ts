/**
 * What stands before the IP packet in a capture, for each link type that is known here.
 *
 * Owns: the headers of Ethernet, Linux's cooked captures, loopback devices, PPP, netfilter's log and raw IP; VLAN tags, MPLS labels and PPPoE
 * headers, however many. Must not know: what is done with the packet, files.
 *
 * Source: tcpdump.org's list of link-layer header types (LINKTYPE_ values); IEEE 802.1Q and 802.1ad for tags; RFC 3032 §2.1 (labels),
 * RFC 2516 §4 (PPPoE), RFC 1661 §2 (PPP). The stack itself takes less: see ethernet.ts.
 */
import { readU16, readU32 } from "./bytes.ts";
import { ETHERNET, ETHERTYPE } from "./ethernet.ts";
import { readU32Little } from "./little_endian.ts";

/** The link types that can be read. Raw IP has several numbers: those below 101 are what some systems wrote by mistake. */
export const LINK_TYPE = {
  NULL: 0,
  ETHERNET: 1,
  PPP: 9,
  FDDI: 10,
  RAW_BSD: 12,
  RAW_OPENBSD: 14,
  PPP_HDLC: 50,
  PPP_ETHER: 51,
  RAW: 101,
  LOOP: 108,
  LINUX_COOKED: 113,
  IPV4: 228,
  IPV6: 229,
  NFLOG: 239,
  LINUX_COOKED_2: 276,
} as const;

/** Frame control and two addresses; then LLC, where the upper half of frame control says so (ISO 9314-2). */
const FDDI = { CONTROL: 0, KIND_MASK: 0xf0, LLC: 0x50, BYTES: 13 } as const;
/** Offsets in a Linux cooked header of the first kind. */
const COOKED = { PROTOCOL: 14, BYTES: 16 } as const;
/** Offsets in one of the second kind. */
const COOKED_2 = { PROTOCOL: 0, INTERFACE: 4, BYTES: 20 } as const;
/** The address family before a packet of a loopback device. */
const FAMILY = { BYTES: 4, IPV4: 2, LINUX_IPV6: 10, MOST: 0xffff } as const;
/** NetBSD and OpenBSD, FreeBSD, macOS. */
const BSD_IPV6: readonly number[] = [24, 28, 30];

/** A tag's bytes, counted from behind the type field that announced it. */
const TAG = { CONTROL: 0, TYPE: 2, BYTES: 4, ID_MASK: 0x0fff } as const;
/** Where the type field is a length, RFC 1042 puts the type behind these six octets: LLC's, and those of no organization. */
const SNAP = { LEAST_TYPE: 0x0600, BEGINS: [0xaa, 0xaa, 0x03, 0, 0, 0], TYPE: 6, BYTES: 8 } as const;
/** What stacked tags were announced by before 802.1ad. */
const OLD_SERVICE_TAGS: readonly number[] = [0x9100, 0x9200];
/** Local choice: twice as many as any provider stacks; each costs time. */
const MAX_TAGS = 8;

/** MPLS: a label, and the bit that says that it is the last one. */
const LABEL = { TYPES: [0x8847, 0x8848], LAST: 2, LAST_MASK: 0x01, BYTES: 4 } as const;
const LABEL_TYPES: readonly number[] = LABEL.TYPES;
/** PPPoE's session stage. */
const PPPOE = { TYPE: 0x8864, BYTES: 6 } as const;
/** Address and control field, which PPP may leave out; an odd octet is a protocol number of one octet (RFC 1661 §6.5). */
const PPP = { ADDRESS: 0xff, CONTROL: 0x03, IPV4: 0x21, IPV6: 0x57 } as const;
/** Netfilter's log: family, version, resource; then attributes, of which one is the packet. Lengths are in the order of who captured. */
const NFLOG = { FAMILY: 0, BYTES: 4, PACKET: 9, LEAST_ATTRIBUTE: 4 } as const;

/** No type field has this value. */
const NO_PROTOCOL = -1;
const NO_VLANS: readonly number[] = [];

/** Why nothing could be found behind a link header. */
export type LinkSkip = "link-type" | "malformed-link";

/** What {@link parseLinkHeader} found. */
export class LinkHeader {
  /** An {@link ETHERTYPE} of the payload; -1 where the header names a protocol that has none. */
  protocol = NO_PROTOCOL;
  payloadOffset = 0;
  /** The ids of the tags, from the outermost to the innermost. */
  vlans: readonly number[] = NO_VLANS;
  /** The number of the interface, where the header says it (Linux's cooked captures of the second kind); else 0. */
  interfaceIndex = 0;
}

/** Whether packets of this link type can be read. */
export function isKnownLinkType(linkType: number): boolean {
  return KNOWN.has(linkType);
}

const KNOWN: ReadonlySet<number> = new Set(Object.values(LINK_TYPE));

/** Reads the link header of a captured packet into `out`. A packet that ends inside it is malformed, or was cut very short. */
export function parseLinkHeader(linkType: number, bytes: Uint8Array, out: LinkHeader): LinkSkip | null {
  out.vlans = NO_VLANS;
  out.interfaceIndex = 0;
  switch (linkType) {
    case LINK_TYPE.ETHERNET:
      return takeType(bytes, ETHERNET.TYPE, ETHERNET.HEADER_BYTES, out);
    case LINK_TYPE.FDDI:
      return takeFddi(bytes, out);
    case LINK_TYPE.LINUX_COOKED:
      return takeType(bytes, COOKED.PROTOCOL, COOKED.BYTES, out);
    case LINK_TYPE.LINUX_COOKED_2:
      if (bytes.length < COOKED_2.BYTES) return "malformed-link";
      out.interfaceIndex = readU32(bytes, COOKED_2.INTERFACE);
      return takeType(bytes, COOKED_2.PROTOCOL, COOKED_2.BYTES, out);
    case LINK_TYPE.NULL:
    case LINK_TYPE.LOOP:
      return takeFamily(bytes, out);
    case LINK_TYPE.PPP:
    case LINK_TYPE.PPP_HDLC:
      return takePpp(bytes, 0, out);
    case LINK_TYPE.PPP_ETHER:
      return takePpp(bytes, PPPOE.BYTES, out);
    case LINK_TYPE.NFLOG:
      return takeLogged(bytes, out);
    case LINK_TYPE.RAW:
    case LINK_TYPE.RAW_BSD:
    case LINK_TYPE.RAW_OPENBSD:
    case LINK_TYPE.IPV4:
    case LINK_TYPE.IPV6:
      return takeVersion(bytes, out);
    default:
      return "link-type";
  }
}

/** Takes the type at `typeOffset`, and the tags that follow the header of `headerBytes`, if that is what the type announces. */
function takeType(
  bytes: Uint8Array,
  typeOffset: number,
  headerBytes: number,
  out: LinkHeader,
): LinkSkip | null {
  if (bytes.length < headerBytes) return "malformed-link";
  let type = readU16(bytes, typeOffset);
  let at = headerBytes;
  if (isTag(type)) {
    const vlans: number[] = [];
    for (; isTag(type) && vlans.length < MAX_TAGS; at += TAG.BYTES) {
      if (bytes.length < at + TAG.BYTES) return "malformed-link";
      vlans.push(readU16(bytes, at + TAG.CONTROL) & TAG.ID_MASK);
      type = readU16(bytes, at + TAG.TYPE);
    }
    out.vlans = vlans;
  }
  if (type < SNAP.LEAST_TYPE && isSnap(bytes, at)) {
    type = readU16(bytes, at + SNAP.TYPE);
    at += SNAP.BYTES;
  }
  if (type === PPPOE.TYPE) return takePpp(bytes, at + PPPOE.BYTES, out);
  if (LABEL_TYPES.includes(type)) return takeLabels(bytes, at, out);
  out.protocol = type;
  out.payloadOffset = at;
  return null;
}

/** IP over FDDI has LLC's header and SNAP's always (RFC 1390). */
function takeFddi(bytes: Uint8Array, out: LinkHeader): LinkSkip | null {
  if (bytes.length < FDDI.BYTES) return "malformed-link";
  const isLlc = (bytes[FDDI.CONTROL] & FDDI.KIND_MASK) === FDDI.LLC;
  const isTyped = isLlc && isSnap(bytes, FDDI.BYTES);
  out.protocol = isTyped ? readU16(bytes, FDDI.BYTES + SNAP.TYPE) : NO_PROTOCOL;
  out.payloadOffset = FDDI.BYTES + (isTyped ? SNAP.BYTES : 0);
  return null;
}

/** Behind the last label stands a packet of which nothing says what it is: its first four bits do, where it is IP. */
function takeLabels(bytes: Uint8Array, start: number, out: LinkHeader): LinkSkip | null {
  let at = start;
  for (let labels = 0;; labels++) {
    if (bytes.length < at + LABEL.BYTES || labels === MAX_TAGS) return "malformed-link";
    const isLast = (bytes[at + LABEL.LAST] & LABEL.LAST_MASK) !== 0;
    at += LABEL.BYTES;
    if (isLast) break;
  }
  if (bytes.length === at) return "malformed-link";
  out.protocol = protocolOfVersion(bytes[at]);
  out.payloadOffset = at;
  return null;
}

function takePpp(bytes: Uint8Array, start: number, out: LinkHeader): LinkSkip | null {
  let at = start;
  if (bytes[at] === PPP.ADDRESS && bytes[at + 1] === PPP.CONTROL) at += 2;
  if (bytes.length < at + 2) return "malformed-link";
  const isShort = (bytes[at] & 0x01) !== 0;
  const protocol = isShort ? bytes[at] : readU16(bytes, at);
  out.protocol = protocol === PPP.IPV4
    ? ETHERTYPE.IPV4
    : protocol === PPP.IPV6
    ? ETHERTYPE.IPV6
    : NO_PROTOCOL;
  out.payloadOffset = at + (isShort ? 1 : 2);
  return null;
}

function takeLogged(bytes: Uint8Array, out: LinkHeader): LinkSkip | null {
  const family = bytes[NFLOG.FAMILY];
  for (let at = NFLOG.BYTES; at + NFLOG.LEAST_ATTRIBUTE <= bytes.length;) {
    // A packet is shorter than what its length would be in the wrong order, mostly; its type never is.
    const isLittle = bytes[at + 3] === 0;
    const length = isLittle ? bytes[at] | (bytes[at + 1] << 8) : readU16(bytes, at);
    const type = isLittle ? bytes[at + 2] : readU16(bytes, at + 2);
    if (length < NFLOG.LEAST_ATTRIBUTE) break;
    if (type === NFLOG.PACKET) {
      out.protocol = family === FAMILY.IPV4
        ? ETHERTYPE.IPV4
        : family === FAMILY.LINUX_IPV6
        ? ETHERTYPE.IPV6
        : NO_PROTOCOL;
      out.payloadOffset = at + NFLOG.LEAST_ATTRIBUTE;
      return null;
    }
    at += (length + 3) & ~3;
  }
  return "malformed-link";
}

function isSnap(bytes: Uint8Array, at: number): boolean {
  return bytes.length >= at + SNAP.BYTES && SNAP.BEGINS.every((byte, i) => bytes[at + i] === byte);
}

function isTag(type: number): boolean {
  return type === ETHERTYPE.VLAN || type === ETHERTYPE.SERVICE_VLAN || OLD_SERVICE_TAGS.includes(type);
}

/** The family is in the order of the machine that captured (null) or of the network (loop); a small number shows which. */
function takeFamily(bytes: Uint8Array, out: LinkHeader): LinkSkip | null {
  if (bytes.length < FAMILY.BYTES) return "malformed-link";
  const big = readU32(bytes, 0);
  const family = big <= FAMILY.MOST ? big : readU32Little(bytes, 0);
  const isIpv6 = family === FAMILY.LINUX_IPV6 || BSD_IPV6.includes(family);
  out.protocol = family === FAMILY.IPV4 ? ETHERTYPE.IPV4 : isIpv6 ? ETHERTYPE.IPV6 : NO_PROTOCOL;
  out.payloadOffset = FAMILY.BYTES;
  return null;
}

/** Nothing stands before the packet, whose first four bits say what it is. */
function takeVersion(bytes: Uint8Array, out: LinkHeader): LinkSkip | null {
  if (bytes.length === 0) return "malformed-link";
  out.protocol = protocolOfVersion(bytes[0]);
  out.payloadOffset = 0;
  return null;
}

function protocolOfVersion(first: number): number {
  const version = first >>> 4;
  return version === 4 ? ETHERTYPE.IPV4 : version === 6 ? ETHERTYPE.IPV6 : NO_PROTOCOL;
}
