/**
 * Subnets of both families: which addresses of one a host may have, and which to propose.
 *
 * Owns: the arithmetic on prefixes, and the order of proposals. Must not know: devices, frames.
 */
import { type IpAddress, sameAddress } from "../wire/address.ts";

/** An address with its prefix: a subnet, and somebody in it. */
interface SubnetAddress {
  readonly address: IpAddress;
  readonly prefixLength: number;
}

const BITS = 32;
const IPV4_BYTES = 4;
/** The length of an interface identifier (RFC 4291 §2.5.1), and so of the prefix before it. */
const INTERFACE_ID_BYTES = 8;
/** RFC 3021: a prefix of 31 bits has two hosts and neither a network nor a broadcast address. */
const POINT_TO_POINT_BITS = 31;

/** An IPv4 address as an unsigned number. */
export function ipv4Number(address: IpAddress): number {
  return ((address[0] << 24) | (address[1] << 16) | (address[2] << 8) | address[3]) >>> 0;
}

/** The address of an unsigned number. */
export function ipv4Address(value: number): IpAddress {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** The mask's bits that name a host. */
function hostMask(prefixLength: number): number {
  // A shift by 32 is a shift by 0 in JavaScript.
  return prefixLength === BITS ? 0 : 0xffffffff >>> prefixLength;
}

/**
 * True for the address that names the subnet itself, the one whose host bits are all zero; in IPv6 it is that of its routers
 * (RFC 4291 §2.6.1), but for a prefix of 127 bits, which has two hosts (RFC 6164 §6).
 */
export function isNetworkAddress(address: IpAddress, prefixLength: number): boolean {
  if (address.length === IPV4_BYTES) {
    return prefixLength < POINT_TO_POINT_BITS && (ipv4Number(address) & hostMask(prefixLength)) === 0;
  }
  if (prefixLength >= address.length * 8 - 1) return false;
  return address.every((byte, place) => (byte & hostBits(place, prefixLength)) === 0);
}

/** The bits of an address's byte that name a host. */
function hostBits(place: number, prefixLength: number): number {
  return 0xff >>> Math.min(8, Math.max(0, prefixLength - 8 * place));
}

/**
 * Addresses of the subnet that a host could have, at most `count`, without those in `taken`. Local choice of the
 * order: downwards from nine tenths of the range (.228 of a /24), then upwards from there, away from routers and
 * the first addresses that people give by hand.
 */
export function candidateAddresses(
  subnet: SubnetAddress,
  options: { count: number; taken: readonly IpAddress[] },
): IpAddress[] {
  const edge = subnet.prefixLength < POINT_TO_POINT_BITS ? 1 : 0;
  const mask = hostMask(subnet.prefixLength);
  const network = (ipv4Number(subnet.address) & ~mask) >>> 0;
  const first = edge;
  const last = mask - edge;
  const taken = new Set(options.taken.map(ipv4Number));
  const found: IpAddress[] = [];
  const begin = first + Math.floor((last - first) * 0.9);
  // A subnet may have millions of addresses: look no further than `taken` can make necessary.
  const reach = options.count + taken.size;
  const consider = (host: number) => {
    const value = (network + host) >>> 0;
    if (found.length < options.count && !taken.has(value)) found.push(ipv4Address(value));
  };
  for (let host = begin; host >= first && begin - host <= reach; host--) consider(host);
  for (let host = begin + 1; host <= last && host - begin <= reach; host++) consider(host);
  return found;
}

/**
 * IPv6 addresses of the subnet that a host could have, at most `count`, made from `random` bytes (16 each time), without
 * those in `taken`. As RFC 8981 §3.3.1 makes them: an identifier that nobody can guess; a longer prefix leaves less of it.
 */
export function candidateIpv6Addresses(
  subnet: SubnetAddress,
  options: { count: number; taken: readonly IpAddress[]; random: () => Uint8Array },
): IpAddress[] {
  const { count, taken, random } = options;
  const found: IpAddress[] = [];
  const bits = Math.max(subnet.prefixLength, 8 * INTERFACE_ID_BYTES);
  // A small subnet may have nothing left: as many tries as may be found, and as may be taken.
  for (let tries = 2 * (count + taken.length); tries > 0 && found.length < count; tries--) {
    const chosen = random();
    const address = subnet.address.map((byte, place) => {
      const host = hostBits(place, bits);
      return (byte & ~host) | (chosen[place] & host);
    });
    if (isNetworkAddress(address, bits)) continue;
    if (![...taken, ...found].some((other) => sameAddress(other, address))) found.push(address);
  }
  return found;
}
