/**
 * Neighbour solicitations, neighbour advertisements and redirects.
 *
 * Owns: what stands in them, and whether they may be believed to come from a neighbour (RFC 4861 §6.1, §7.1 and §8.1, for routers' messages
 * too). Must not know: the neighbour cache, which addresses are ours, when a message may be sent.
 *
 * Implements RFC 4861 §4.3 to §4.6 and these checks, RFC 6980 §5, and the nonce of RFC 7527 §4.1.
 */
import { type IpAddress, isUnspecified, type MacAddress } from "./address.ts";
import { isLinkLocal } from "./address_scope.ts";
import { writeBytes } from "./bytes.ts";
import { isSolicitedNode } from "./derived_address.ts";
import type { DropReason } from "./drop_reason.ts";
import { emitIcmpMessage, ICMP, type IcmpMessage } from "./icmp.ts";
import { ICMPV6_TYPE } from "./icmpv6.ts";
import type { IpPacket } from "./ip_packet.ts";
import { IPV6 } from "./ipv6.ts";
import {
  areOptionsWhole,
  emitOption,
  findOption,
  MAC_OPTION_BYTES,
  NEIGHBOR_OPTION,
  OPTION,
} from "./neighbor_options.ts";

/** Flags of an advertisement, in the rest of the header. */
export const NEIGHBOR_FLAG = { ROUTER: 0x80000000, SOLICITED: 0x40000000, OVERRIDE: 0x20000000 } as const;

/** The hop limit of every neighbour message: a router would have made it less (RFC 4861 §3.1). */
export const NEIGHBOR_HOP_LIMIT = 0xff;

/** Offsets in the payload of a neighbour message; the options follow the target. */
const NEIGHBOR = { TARGET: 0, OPTIONS: 16 } as const;
/** Offsets in the payload of a redirect. */
const REDIRECT = { TARGET: 0, DESTINATION: 16, OPTIONS: 32 } as const;
/** Where the options begin in the payload of each message, which is also how long it is at least. */
const OPTIONS_AT: Readonly<Record<number, number>> = {
  [ICMPV6_TYPE.ROUTER_SOLICITATION]: 0,
  [ICMPV6_TYPE.ROUTER_ADVERTISEMENT]: 8,
  [ICMPV6_TYPE.NEIGHBOR_SOLICITATION]: NEIGHBOR.OPTIONS,
  [ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT]: NEIGHBOR.OPTIONS,
  [ICMPV6_TYPE.REDIRECT]: REDIRECT.OPTIONS,
};
const MULTICAST_BYTE = 0xff;

/**
 * Whether a message of neighbour discovery may be believed, which the frame's length, hop limit and addresses tell: null, or why not.
 * `packet` is what carried `message`, whose checksum has been verified. Null too for messages of other types.
 */
export function neighborMessageFault(
  frame: Uint8Array,
  packet: Readonly<IpPacket>,
  message: Readonly<IcmpMessage>,
): DropReason | null {
  const optionsAt = OPTIONS_AT[message.type];
  if (optionsAt === undefined) return null;
  // RFC 6980 §5: not even in a packet that is whole in spite of its fragment header.
  if (packet.hopLimit !== NEIGHBOR_HOP_LIMIT || packet.fragmentHeaderOffset >= 0) {
    return "bad-neighbor-message";
  }
  if (message.code !== 0 || message.payloadLength < optionsAt) return "malformed-icmp";
  const options = {
    at: message.payloadOffset + optionsAt,
    end: message.payloadOffset + message.payloadLength,
  };
  if (!areOptionsWhole(frame, options.at, options.end)) return "malformed-icmp";
  return mayBe(frame, { packet, message, options }) ? null : "bad-neighbor-message";
}

/** What is asked of the addresses of each message. */
function mayBe(
  frame: Uint8Array,
  about: {
    readonly packet: Readonly<IpPacket>;
    readonly message: Readonly<IcmpMessage>;
    readonly options: { readonly at: number; readonly end: number };
  },
): boolean {
  const { packet, message, options } = about;
  const target = message.payloadOffset;
  const isFromNobody = isUnspecified(
    frame.subarray(packet.sourceOffset, packet.sourceOffset + IPV6.ADDRESS_BYTES),
  );
  const tellsSourceMac = () => hasOption(frame, options, NEIGHBOR_OPTION.SOURCE_MAC);
  switch (message.type) {
    case ICMPV6_TYPE.ROUTER_SOLICITATION: // §6.1.1
      return !(isFromNobody && tellsSourceMac());
    case ICMPV6_TYPE.ROUTER_ADVERTISEMENT: // §6.1.2
      return isLinkLocal(frame, packet.sourceOffset, IPV6.ADDRESS_BYTES);
    case ICMPV6_TYPE.NEIGHBOR_SOLICITATION: // §7.1.1
      if (frame[target] === MULTICAST_BYTE) return false;
      return !isFromNobody || (isSolicitedNode(frame, packet.destinationOffset) && !tellsSourceMac());
    case ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT: { // §7.1.2
      const isToGroup = frame[packet.destinationOffset] === MULTICAST_BYTE;
      const isSolicited = (message.restOfHeader & NEIGHBOR_FLAG.SOLICITED) !== 0;
      return frame[target] !== MULTICAST_BYTE && !(isToGroup && isSolicited);
    }
    default: { // §8.1; that it comes from the router in use is for who knows that.
      const destination = target + REDIRECT.DESTINATION;
      const isOnLink = sameBytes(frame, target, destination);
      return isLinkLocal(frame, packet.sourceOffset, IPV6.ADDRESS_BYTES) &&
        frame[destination] !== MULTICAST_BYTE &&
        (isOnLink || isLinkLocal(frame, target, IPV6.ADDRESS_BYTES));
    }
  }
}

/** Of whatever length. */
function hasOption(
  bytes: Uint8Array,
  { at, end }: { readonly at: number; readonly end: number },
  kind: number,
): boolean {
  for (let next = at; next < end; next += bytes[next + OPTION.LENGTH] * OPTION.UNIT_BYTES) {
    if (bytes[next + OPTION.KIND] === kind) return true;
  }
  return false;
}

function sameBytes(bytes: Uint8Array, a: number, b: number): boolean {
  for (let i = 0; i < IPV6.ADDRESS_BYTES; i++) {
    if (bytes[a + i] !== bytes[b + i]) return false;
  }
  return true;
}

/** What {@link parseNeighbor} found, as offsets in the buffer. */
export class NeighborMessage {
  /** Where the target address stands, 16 bytes. */
  targetOffset = 0;
  /** Where the link-layer address stands, 6 bytes: the source's of a solicitation, the target's of an advertisement; -1 without. */
  macOffset = -1;
  /** Where the nonce of a solicitation stands, 6 bytes; -1 without. By it a host knows its own probe again (RFC 7527 §4.2). */
  nonceOffset = -1;
  /** Bits of {@link NEIGHBOR_FLAG}, unsigned; of meaning for advertisements. */
  flags = 0;
}

/**
 * Reads a solicitation or advertisement out of an ICMPv6 message that `parseIcmpv6` took. Code, length, target and options are checked
 * here; what its packet tells besides, by {@link neighborMessageFault}.
 */
export function parseNeighbor(
  bytes: Uint8Array,
  message: Readonly<IcmpMessage>,
  out: NeighborMessage,
): DropReason | null {
  const { payloadOffset, payloadLength } = message;
  if (message.code !== 0 || payloadLength < NEIGHBOR.OPTIONS) return "malformed-icmp";
  const target = payloadOffset + NEIGHBOR.TARGET;
  if (bytes[target] === MULTICAST_BYTE) return "malformed-icmp";
  const options = { at: payloadOffset + NEIGHBOR.OPTIONS, end: payloadOffset + payloadLength };
  if (!areOptionsWhole(bytes, options.at, options.end)) return "malformed-icmp";
  const isSolicitation = message.type === ICMPV6_TYPE.NEIGHBOR_SOLICITATION;
  const kind = isSolicitation ? NEIGHBOR_OPTION.SOURCE_MAC : NEIGHBOR_OPTION.TARGET_MAC;
  const length = MAC_OPTION_BYTES;
  out.targetOffset = target;
  out.flags = message.restOfHeader;
  out.macOffset = findOption(bytes, options, { kind, length });
  out.nonceOffset = isSolicitation ? findOption(bytes, options, { kind: NEIGHBOR_OPTION.NONCE, length }) : -1;
  return null;
}

/** What {@link emitNeighbor} writes: `type` one of the two, `flags` for advertisements, no option without `mac` and `nonce`. */
interface NeighborFields {
  readonly type: number;
  readonly flags?: number;
  readonly target: IpAddress;
  readonly mac: MacAddress | null;
  /** 6 bytes, of a solicitation that looks for a duplicate (RFC 7527 §4.1). */
  readonly nonce?: Uint8Array;
}

/** Length in bytes of the message that {@link emitNeighbor} makes: what the pseudo-header needs beforehand. */
export function neighborLength({ mac, nonce }: Pick<NeighborFields, "mac" | "nonce">): number {
  const options = (mac === null ? 0 : 1) + (nonce === undefined ? 0 : 1);
  return ICMP.HEADER_BYTES + NEIGHBOR.OPTIONS + options * MAC_OPTION_BYTES;
}

/** Writes a whole neighbour message at `offset`, checksum included; returns its length, 24 bytes and 8 for each option. */
export function emitNeighbor(
  bytes: Uint8Array,
  offset: number,
  fields: NeighborFields,
  pseudoSum: number,
): number {
  const { type, target, mac, nonce } = fields;
  const payload = offset + ICMP.HEADER_BYTES;
  writeBytes(bytes, payload + NEIGHBOR.TARGET, target, IPV6.ADDRESS_BYTES);
  let at = payload + NEIGHBOR.OPTIONS;
  if (mac !== null) {
    const isSolicitation = type === ICMPV6_TYPE.NEIGHBOR_SOLICITATION;
    const kind = isSolicitation ? NEIGHBOR_OPTION.SOURCE_MAC : NEIGHBOR_OPTION.TARGET_MAC;
    at += emitOption(bytes, at, { kind, value: mac });
  }
  if (nonce !== undefined) at += emitOption(bytes, at, { kind: NEIGHBOR_OPTION.NONCE, value: nonce });
  const header = { type, code: 0, restOfHeader: fields.flags ?? 0, payloadLength: at - payload };
  emitIcmpMessage(bytes, offset, header, pseudoSum);
  return at - offset;
}

/** What {@link parseRedirect} found, as offsets in the buffer. */
export class RedirectMessage {
  /** The better next hop, which is the destination itself where that is a neighbour. */
  targetOffset = 0;
  destinationOffset = 0;
  /** Where the target's link-layer address stands, 6 bytes; -1 without. */
  macOffset = -1;
}

/** Reads a redirect (RFC 4861 §4.5) as {@link parseNeighbor} reads its messages; the packet that it quotes is passed over. */
export function parseRedirect(
  bytes: Uint8Array,
  message: Readonly<IcmpMessage>,
  out: RedirectMessage,
): DropReason | null {
  const { payloadOffset, payloadLength } = message;
  if (message.code !== 0 || payloadLength < REDIRECT.OPTIONS) return "malformed-icmp";
  const options = { at: payloadOffset + REDIRECT.OPTIONS, end: payloadOffset + payloadLength };
  if (!areOptionsWhole(bytes, options.at, options.end)) return "malformed-icmp";
  out.targetOffset = payloadOffset + REDIRECT.TARGET;
  out.destinationOffset = payloadOffset + REDIRECT.DESTINATION;
  out.macOffset = findOption(bytes, options, { kind: NEIGHBOR_OPTION.TARGET_MAC, length: MAC_OPTION_BYTES });
  return null;
}
