/**
 * How far an IP address reaches, and the zone that one of a small scope needs.
 *
 * Owns: scopes, and the text `fe80::1%eth0`. Must not know: which interfaces there are, what a zone's name stands for.
 * Implements RFC 4291 §2.4 to §2.7, RFC 4007 §4 and §11, RFC 6724 §3 (scopes of unicast and IPv4 addresses).
 */
import {
  formatIpAddress,
  type IpAddress,
  isLoopback,
  isMulticastAddress,
  parseIpAddress,
} from "./address.ts";

const IPV4_BYTES = 4;

/** Scopes, the smaller the nearer: the numbers that multicast addresses carry (RFC 4291 §2.7), which unicast addresses are compared by. */
export const ADDRESS_SCOPE = {
  INTERFACE: 0x1,
  LINK: 0x2,
  ADMIN: 0x4,
  SITE: 0x5,
  ORGANIZATION: 0x8,
  GLOBAL: 0xe,
} as const;

/** fe80::/10 (RFC 4291 §2.5.6) or 169.254.0.0/16 (RFC 3927); `offset` finds it in a packet, `addressBytes` is its length. */
export function isLinkLocal(bytes: Uint8Array, offset = 0, addressBytes: number = bytes.length): boolean {
  return addressBytes === IPV4_BYTES
    ? bytes[offset] === 169 && bytes[offset + 1] === 254
    : bytes[offset] === 0xfe && (bytes[offset + 1] & 0xc0) === 0x80;
}

/**
 * The scope of an address, one of {@link ADDRESS_SCOPE} or a number between that nobody has assigned. Private IPv4 and unique local IPv6
 * addresses are global here, loopback is of the link (RFC 6724 §3.1 and §3.2, RFC 4007 §4).
 */
export function scopeOf(address: IpAddress): number {
  if (address.length === IPV4_BYTES) {
    // RFC 5771 §4: 224.0.0.0/24 is never forwarded.
    const isLinkGroup = address[0] === 224 && address[1] === 0 && address[2] === 0;
    return isLinkGroup || isLinkLocal(address) || isLoopback(address)
      ? ADDRESS_SCOPE.LINK
      : ADDRESS_SCOPE.GLOBAL;
  }
  if (isMulticastAddress(address)) return address[1] & 0x0f;
  if (isLinkLocal(address) || isLoopback(address)) return ADDRESS_SCOPE.LINK;
  // fec0::/10, deprecated by RFC 3879, and still to be told apart (RFC 6724 §3.1).
  if (address[0] === 0xfe && (address[1] & 0xc0) === 0xc0) return ADDRESS_SCOPE.SITE;
  return ADDRESS_SCOPE.GLOBAL;
}

/** Whether it names a host only together with a zone: one of a link, or of an interface, but loopback (RFC 4007 §5). */
export function needsZone(address: IpAddress): boolean {
  return address.length !== IPV4_BYTES && scopeOf(address) <= ADDRESS_SCOPE.LINK && !isLoopback(address);
}

/** An address and the zone that it was written with. */
export interface ScopedAddress {
  readonly address: IpAddress;
  /** The name or number of an interface, as it was written; null without. */
  readonly zone: string | null;
}

/** A zone is what an interface can be called: no blank, no delimiter of addresses, prefixes, endpoints and lists. */
const ZONE = /^[^\s%/\[\],]+$/;

/**
 * What `fe80::1%eth0`, or an address of either version without a zone, says; null when it is neither (RFC 4007 §11.2). That an address has
 * a zone which needs none is the caller's to judge ({@link needsZone}).
 */
export function parseScopedAddress(text: string): ScopedAddress | null {
  const percent = text.indexOf("%");
  const address = parseIpAddress(percent < 0 ? text : text.slice(0, percent));
  if (address === null) return null;
  if (percent < 0) return { address, zone: null };
  const zone = text.slice(percent + 1);
  return address.length === IPV4_BYTES || !ZONE.test(zone) ? null : { address, zone };
}

/** The text that {@link parseScopedAddress} reads. */
export function formatScopedAddress({ address, zone }: ScopedAddress): string {
  const text = formatIpAddress(address);
  return zone === null ? text : `${text}%${zone}`;
}
