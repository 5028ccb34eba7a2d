/**
 * IPv4 subnets: which addresses of one a host may have, and which to propose.
 *
 * Owns: the arithmetic on prefixes, and the order of proposals. Must not know: devices, frames.
 */
import type { IpAddress } from "../wire/address.ts";

/** An address with its prefix: a subnet, and somebody in it. */
interface SubnetAddress {
  readonly address: IpAddress;
  readonly prefixLength: number;
}

const BITS = 32;
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

/** True for the address that names the subnet itself, the one whose host bits are all zero. */
export function isNetworkAddress(address: IpAddress, prefixLength: number): boolean {
  return prefixLength < POINT_TO_POINT_BITS && (ipv4Number(address) & hostMask(prefixLength)) === 0;
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
