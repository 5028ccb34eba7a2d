/**
 * Router solicitations and advertisements.
 *
 * Owns: what stands in them. Must not know: which routers are believed, for how long, what becomes of a prefix.
 * Implements RFC 4861 §4.1, §4.2, §4.6.2 and §4.6.4, RFC 4191 §2.2 (the preference). Their validity (§6.1) is `neighborMessageFault`'s in neighbor_discovery.ts.
 */
import type { IpAddress, MacAddress } from "./address.ts";
import { readU32, writeBytes, writeU16, writeU32 } from "./bytes.ts";
import type { DropReason } from "./drop_reason.ts";
import { emitIcmpMessage, ICMP, type IcmpMessage } from "./icmp.ts";
import { ICMPV6_TYPE } from "./icmpv6.ts";
import { IPV6 } from "./ipv6.ts";
import {
  areOptionsWhole,
  emitOption,
  findOption,
  MAC_OPTION_BYTES,
  NEIGHBOR_OPTION,
  OPTION,
  optionBytes,
} from "./neighbor_options.ts";

/** Flags of an advertisement, in the second byte of the rest of the header. */
const ROUTER_FLAG = { MANAGED: 0x80, OTHER: 0x40 } as const;
/** The preference in that byte, and which that is: medium, high, reserved for medium, low (RFC 4191 §2.1, §2.2). */
const PREFERENCE_SHIFT = 3;
const PREFERENCE_MASK = 0x03;
const PREFERENCES = [0, 1, 0, -1] as const;
/** Offsets in the payload of an advertisement. */
const ADVERTISEMENT = { REACHABLE: 0, RETRANS: 4, OPTIONS: 8 } as const;
/** Offsets in a prefix option, and its flags. */
const PREFIX = {
  PREFIX_LENGTH: 2,
  FLAGS: 3,
  VALID: 4,
  PREFERRED: 8,
  RESERVED: 12,
  PREFIX: 16,
  BYTES: 32,
  ON_LINK: 0x80,
  AUTONOMOUS: 0x40,
} as const;
/** Offsets in an MTU option. */
const MTU = { RESERVED: 2, MTU: 4, BYTES: 8 } as const;

const MAX_PREFIX_LENGTH = 128;
/** A lifetime without end (RFC 4861 §4.6.2). */
export const INFINITE_LIFETIME_SECONDS = 0xffffffff;
/** Prefixes of one advertisement that are read, the first ones; local choice: networks have one or two for each of their providers. */
export const MAX_ADVERTISED_PREFIXES = 16;

/** High, medium, low (RFC 4191 §2.1). */
export type RouterPreference = 1 | 0 | -1;

/** A prefix that a router tells of. */
export class AdvertisedPrefix {
  /** Where it stands in the buffer, 16 bytes; bits behind its length are to be ignored. */
  prefixOffset = 0;
  /** Bits, at most 128. */
  prefixLength = 0;
  /** Whether addresses with it are neighbours'. */
  isOnLink = false;
  /** Whether hosts may make an address with it (RFC 4862 §5.5.3). */
  isAutonomous = false;
  /** {@link INFINITE_LIFETIME_SECONDS} for ever. */
  validSeconds = 0;
  preferredSeconds = 0;
}

/** What {@link parseRouterAdvertisement} found. Made once, filled again and again. */
export class RouterAdvertisement {
  /** For what the host sends; 0: the router does not say. */
  hopLimit = 0;
  /** Addresses, or other things, are to be had by DHCPv6. */
  isManaged = false;
  hasOtherConfig = false;
  /** For how long it is a default router; 0: it is none. */
  lifetimeSeconds = 0;
  /** Before which others: 1 high, 0 medium, -1 low (RFC 4191 §2.1). */
  preference: RouterPreference = 0;
  /** How long a neighbour that has answered is reachable, and how often one is asked; 0: the router does not say. */
  reachableMs = 0;
  retransMs = 0;
  /** Where the router's link-layer address stands, 6 bytes; -1 without. */
  macOffset = -1;
  /** The link's MTU, whatever it is worth; 0: the router does not say. */
  mtu = 0;
  /** Of {@link prefixes} that are of this advertisement. */
  prefixCount = 0;
  readonly prefixes: readonly AdvertisedPrefix[] = Array.from(
    { length: MAX_ADVERTISED_PREFIXES },
    () => new AdvertisedPrefix(),
  );
}

/** Reads an advertisement out of an ICMPv6 message that `parseIcmpv6` took; options of an odd length are passed over. */
export function parseRouterAdvertisement(
  bytes: Uint8Array,
  message: Readonly<IcmpMessage>,
  out: RouterAdvertisement,
): DropReason | null {
  const { payloadOffset, payloadLength, restOfHeader } = message;
  if (message.code !== 0 || payloadLength < ADVERTISEMENT.OPTIONS) return "malformed-icmp";
  const options = { at: payloadOffset + ADVERTISEMENT.OPTIONS, end: payloadOffset + payloadLength };
  if (!areOptionsWhole(bytes, options.at, options.end)) return "malformed-icmp";
  const flags = (restOfHeader >>> 16) & 0xff;
  out.hopLimit = restOfHeader >>> 24;
  out.isManaged = (flags & ROUTER_FLAG.MANAGED) !== 0;
  out.hasOtherConfig = (flags & ROUTER_FLAG.OTHER) !== 0;
  out.lifetimeSeconds = restOfHeader & 0xffff;
  out.preference = PREFERENCES[(flags >>> PREFERENCE_SHIFT) & PREFERENCE_MASK];
  out.reachableMs = readU32(bytes, payloadOffset + ADVERTISEMENT.REACHABLE);
  out.retransMs = readU32(bytes, payloadOffset + ADVERTISEMENT.RETRANS);
  out.macOffset = findOption(bytes, options, { kind: NEIGHBOR_OPTION.SOURCE_MAC, length: MAC_OPTION_BYTES });
  const mtuOffset = findOption(bytes, options, { kind: NEIGHBOR_OPTION.MTU, length: MTU.BYTES });
  out.mtu = mtuOffset < 0 ? 0 : readU32(bytes, mtuOffset - OPTION.VALUE + MTU.MTU);
  out.prefixCount = 0;
  for (let at = options.at; at < options.end; at += optionBytes(bytes, at)) {
    if (bytes[at + OPTION.KIND] === NEIGHBOR_OPTION.PREFIX) takePrefix(bytes, at, out);
  }
  return null;
}

function takePrefix(bytes: Uint8Array, at: number, out: RouterAdvertisement): void {
  if (optionBytes(bytes, at) !== PREFIX.BYTES || out.prefixCount === MAX_ADVERTISED_PREFIXES) return;
  const prefixLength = bytes[at + PREFIX.PREFIX_LENGTH];
  if (prefixLength > MAX_PREFIX_LENGTH) return;
  const prefix = out.prefixes[out.prefixCount++];
  const flags = bytes[at + PREFIX.FLAGS];
  prefix.prefixOffset = at + PREFIX.PREFIX;
  prefix.prefixLength = prefixLength;
  prefix.isOnLink = (flags & PREFIX.ON_LINK) !== 0;
  prefix.isAutonomous = (flags & PREFIX.AUTONOMOUS) !== 0;
  prefix.validSeconds = readU32(bytes, at + PREFIX.VALID);
  prefix.preferredSeconds = readU32(bytes, at + PREFIX.PREFERRED);
}

/** What {@link emitRouterAdvertisement} writes: as {@link RouterAdvertisement} names it, nothing and no option when absent. */
interface AdvertisementFields {
  readonly hopLimit?: number;
  readonly isManaged?: boolean;
  readonly hasOtherConfig?: boolean;
  readonly lifetimeSeconds?: number;
  readonly preference?: RouterPreference;
  readonly reachableMs?: number;
  readonly retransMs?: number;
  readonly mac?: MacAddress | null;
  readonly mtu?: number;
  readonly prefixes?: readonly PrefixFields[];
}

/** A prefix as {@link AdvertisedPrefix} names it. */
interface PrefixFields {
  readonly prefix: IpAddress;
  readonly prefixLength: number;
  readonly isOnLink: boolean;
  readonly isAutonomous: boolean;
  readonly validSeconds: number;
  readonly preferredSeconds: number;
}

/** Length in bytes of the message that {@link emitRouterAdvertisement} makes: what the pseudo-header needs beforehand. */
export function routerAdvertisementLength({ mac, mtu, prefixes }: AdvertisementFields): number {
  return ICMP.HEADER_BYTES + ADVERTISEMENT.OPTIONS + (mac ? MAC_OPTION_BYTES : 0) +
    (mtu === undefined ? 0 : MTU.BYTES) + (prefixes?.length ?? 0) * PREFIX.BYTES;
}

/** Writes a whole advertisement at `offset`, checksum included; returns its length. */
export function emitRouterAdvertisement(
  bytes: Uint8Array,
  offset: number,
  fields: AdvertisementFields,
  pseudoSum: number,
): number {
  const payload = offset + ICMP.HEADER_BYTES;
  writeU32(bytes, payload + ADVERTISEMENT.REACHABLE, fields.reachableMs ?? 0);
  writeU32(bytes, payload + ADVERTISEMENT.RETRANS, fields.retransMs ?? 0);
  let at = payload + ADVERTISEMENT.OPTIONS;
  if (fields.mac) at += emitOption(bytes, at, { kind: NEIGHBOR_OPTION.SOURCE_MAC, value: fields.mac });
  if (fields.mtu !== undefined) {
    bytes[at + OPTION.KIND] = NEIGHBOR_OPTION.MTU;
    bytes[at + OPTION.LENGTH] = MTU.BYTES / OPTION.UNIT_BYTES;
    writeU16(bytes, at + MTU.RESERVED, 0);
    writeU32(bytes, at + MTU.MTU, fields.mtu);
    at += MTU.BYTES;
  }
  for (const prefix of fields.prefixes ?? []) at += emitPrefix(bytes, at, prefix);
  // Two bits, signed: 1 high, 0 medium, -1 low (RFC 4191 §2.1).
  const preference = ((fields.preference ?? 0) & PREFERENCE_MASK) << PREFERENCE_SHIFT;
  const flags = (fields.isManaged ? ROUTER_FLAG.MANAGED : 0) |
    (fields.hasOtherConfig ? ROUTER_FLAG.OTHER : 0) | preference;
  const restOfHeader = ((fields.hopLimit ?? 0) << 24) | (flags << 16) | (fields.lifetimeSeconds ?? 0);
  const header = {
    type: ICMPV6_TYPE.ROUTER_ADVERTISEMENT,
    code: 0,
    restOfHeader,
    payloadLength: at - payload,
  };
  emitIcmpMessage(bytes, offset, header, pseudoSum);
  return at - offset;
}

function emitPrefix(bytes: Uint8Array, at: number, fields: PrefixFields): number {
  bytes[at + OPTION.KIND] = NEIGHBOR_OPTION.PREFIX;
  bytes[at + OPTION.LENGTH] = PREFIX.BYTES / OPTION.UNIT_BYTES;
  bytes[at + PREFIX.PREFIX_LENGTH] = fields.prefixLength;
  bytes[at + PREFIX.FLAGS] = (fields.isOnLink ? PREFIX.ON_LINK : 0) |
    (fields.isAutonomous ? PREFIX.AUTONOMOUS : 0);
  writeU32(bytes, at + PREFIX.VALID, fields.validSeconds);
  writeU32(bytes, at + PREFIX.PREFERRED, fields.preferredSeconds);
  writeU32(bytes, at + PREFIX.RESERVED, 0);
  writeBytes(bytes, at + PREFIX.PREFIX, fields.prefix, IPV6.ADDRESS_BYTES);
  return PREFIX.BYTES;
}

/** What {@link parseRouterSolicitation} found. */
export class RouterSolicitation {
  /** Where the link-layer address of who asks stands, 6 bytes; -1 without. */
  macOffset = -1;
}

/** Reads a solicitation as {@link parseRouterAdvertisement} reads its message. */
export function parseRouterSolicitation(
  bytes: Uint8Array,
  message: Readonly<IcmpMessage>,
  out: RouterSolicitation,
): DropReason | null {
  const { payloadOffset, payloadLength } = message;
  const options = { at: payloadOffset, end: payloadOffset + payloadLength };
  if (message.code !== 0 || !areOptionsWhole(bytes, options.at, options.end)) return "malformed-icmp";
  out.macOffset = findOption(bytes, options, { kind: NEIGHBOR_OPTION.SOURCE_MAC, length: MAC_OPTION_BYTES });
  return null;
}

/** Length in bytes of the message that {@link emitRouterSolicitation} makes. */
export function routerSolicitationLength({ mac }: { readonly mac: MacAddress | null }): number {
  return ICMP.HEADER_BYTES + (mac === null ? 0 : MAC_OPTION_BYTES);
}

/** Writes a whole solicitation at `offset`, checksum included; without `mac` where the source is `::` (RFC 4861 §4.1). Returns its length. */
export function emitRouterSolicitation(
  bytes: Uint8Array,
  offset: number,
  { mac }: { readonly mac: MacAddress | null },
  pseudoSum: number,
): number {
  const payload = offset + ICMP.HEADER_BYTES;
  const payloadLength = mac === null
    ? 0
    : emitOption(bytes, payload, { kind: NEIGHBOR_OPTION.SOURCE_MAC, value: mac });
  const header = { type: ICMPV6_TYPE.ROUTER_SOLICITATION, code: 0, restOfHeader: 0, payloadLength };
  emitIcmpMessage(bytes, offset, header, pseudoSum);
  return ICMP.HEADER_BYTES + payloadLength;
}
