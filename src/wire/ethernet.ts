/**
 * Ethernet II frames, with 802.1Q tags.
 *
 * Owns: the frame header. Must not know: what the payload is, whose address it carries.
 * Implements RFC 894 and IEEE 802.1Q (one tag, or a service tag and one tag).
 */
import { readU16, writeBytes, writeU16 } from "./bytes.ts";
import type { DropReason } from "./drop_reason.ts";

/** Offsets in an Ethernet header, bytes. */
export const ETHERNET = {
  DESTINATION: 0,
  SOURCE: 6,
  TYPE: 12,
  HEADER_BYTES: 14,
  ADDRESS_BYTES: 6,
  /** Shortest frame on a wire without its check sequence; devices and veth may hand up less. */
} as const;

/** Offsets in an 802.1Q tag, counted from the tag's own type field. */
const TAG = { TYPE: 0, CONTROL: 2, BYTES: 4, ID_MASK: 0x0fff } as const;

/** Values of the type field. */
export const ETHERTYPE = {
  IPV4: 0x0800,
  ARP: 0x0806,
  VLAN: 0x8100,
  IPV6: 0x86dd,
  SERVICE_VLAN: 0x88a8,
} as const;

/** Values of {@link EthernetHeader.lan} beside the ids of VLANs. */
export const LAN = {
  /** No tag, or one that says a priority and no VLAN (IEEE 802.1Q §9.6: the id 0). */
  UNTAGGED: -1,
  /** A service tag or stacked tags: a provider's network, to be answered with all of them or not at all. */
  STACKED: -2,
} as const;

/** Ids of VLANs that can be joined: 0 is none, 0xfff is reserved (IEEE 802.1Q table 9-2). */
export const VLAN_ID = { LEAST: 1, MOST: 0xffe } as const;

/** Tags that are taken off at most: a service tag and a customer tag. */
const MAX_TAGS = 2;

/** What {@link parseEthernet} found; the addresses stay in the frame at {@link ETHERNET} offsets. */
export class EthernetHeader {
  /** The type of what stands at `payloadOffset`, behind all tags. Below 0x0600 it is an 802.3 length. */
  type = 0;
  /** The 12-bit id of the innermost tag; -1 without a tag. */
  vlan = -1;
  /** The LAN that the frame belongs to: the id of its VLAN, or one of {@link LAN}. */
  lan: number = LAN.UNTAGGED;
  /** Offset of the payload in the frame, bytes. */
  payloadOffset = 0;
}

/** Reads the header of a frame of `length` bytes into `out`; a frame that ends inside its header or tags is malformed. */
export function parseEthernet(frame: Uint8Array, length: number, out: EthernetHeader): DropReason | null {
  if (length < ETHERNET.HEADER_BYTES) return "malformed-ethernet";
  let typeOffset: number = ETHERNET.TYPE;
  let type = readU16(frame, typeOffset);
  let vlan = -1;
  let lan: number = LAN.UNTAGGED;
  for (
    let tags = 0;
    tags < MAX_TAGS && (type === ETHERTYPE.VLAN || type === ETHERTYPE.SERVICE_VLAN);
    tags++
  ) {
    if (length < typeOffset + TAG.BYTES + 2) return "malformed-ethernet";
    vlan = readU16(frame, typeOffset + TAG.CONTROL) & TAG.ID_MASK;
    if (tags > 0 || type === ETHERTYPE.SERVICE_VLAN) lan = LAN.STACKED;
    else if (vlan !== 0) lan = vlan;
    typeOffset += TAG.BYTES;
    type = readU16(frame, typeOffset);
  }
  out.type = type;
  out.vlan = vlan;
  out.lan = lan;
  out.payloadOffset = typeOffset + 2;
  return null;
}

/** What {@link emitEthernet} writes; `vlan` as in {@link EthernetHeader}, no tag when absent or -1. */
interface EthernetFields {
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly type: number;
  readonly vlan?: number;
}

/** Writes the header at the start of `frame` and returns its length: 14 bytes, or 18 with a tag. */
export function emitEthernet(frame: Uint8Array, fields: EthernetFields): number {
  writeBytes(frame, ETHERNET.DESTINATION, fields.destination, ETHERNET.ADDRESS_BYTES);
  writeBytes(frame, ETHERNET.SOURCE, fields.source, ETHERNET.ADDRESS_BYTES);
  const vlan = fields.vlan ?? -1;
  let typeOffset: number = ETHERNET.TYPE;
  if (vlan >= 0) {
    writeU16(frame, typeOffset + TAG.TYPE, ETHERTYPE.VLAN);
    writeU16(frame, typeOffset + TAG.CONTROL, vlan & TAG.ID_MASK);
    typeOffset += TAG.BYTES;
  }
  writeU16(frame, typeOffset, fields.type);
  return typeOffset + 2;
}
