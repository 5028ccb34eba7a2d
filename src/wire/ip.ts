/**
 * IP packets of either version.
 *
 * Owns: the choice of the version's codec (ipv4.ts, ipv6.ts), by the packet's first bits or an address's length, and the pseudo-header's sum.
 * Must not know: routing, reassembly, who is addressed.
 */
import type { DropReason } from "./drop_reason.ts";
import { ETHERTYPE } from "./ethernet.ts";
import { IP_PROTOCOL, type IpFields, IpPacket } from "./ip_packet.ts";
import { addressSum as ipv4AddressSum, emitIpv4, IPV4, parseIpv4 } from "./ipv4.ts";
import { addressSum as ipv6AddressSum, emitIpv6, IPV6, parseIpv6 } from "./ipv6.ts";
import { EXTENSION_BYTES } from "./ipv6_extensions.ts";

export { IP_PROTOCOL, type IpFields, IpPacket };

/** What `routerAlert` adds to the header. */
export const ROUTER_ALERT_BYTES: number = EXTENSION_BYTES.ROUTER_ALERT;

/** Reads the header of a packet of the version that `type` announces ({@link ETHERTYPE}); else as `parseIpv4` and `parseIpv6`. */
export function parseIp(
  type: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  out: IpPacket,
): DropReason | null {
  return type === ETHERTYPE.IPV4
    ? parseIpv4(bytes, offset, length, out)
    : parseIpv6(bytes, offset, length, out);
}

/** Writes a header of the version of `source` at `offset`; returns its length, bytes. */
export function emitIp(bytes: Uint8Array, offset: number, fields: IpFields): number {
  return fields.source.length === IPV4.ADDRESS_BYTES
    ? emitIpv4(bytes, offset, fields)
    : emitIpv6(bytes, offset, fields);
}

/** Length of the header that {@link emitIp} writes for addresses of so many bytes, without a fragment's and without {@link ROUTER_ALERT_BYTES}. */
export function ipHeaderBytes(addressBytes: number): number {
  return addressBytes === IPV4.ADDRESS_BYTES ? IPV4.HEADER_BYTES : IPV6.HEADER_BYTES;
}

/** What a frame with a packet of addresses of so many bytes has as its type. */
export function etherTypeOf(addressBytes: number): number {
  return addressBytes === IPV4.ADDRESS_BYTES ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6;
}

/** The partial sum of two addresses of one version: their part of the pseudo-header's. */
export function addressSum(source: Uint8Array, destination: Uint8Array): number {
  if (source.length === IPV4.ADDRESS_BYTES) return ipv4AddressSum(source, destination);
  return ipv6AddressSum(source, destination);
}

/** The pseudo-header's sum over a payload of `length` bytes, given {@link addressSum} (RFC 9293 §3.1, RFC 8200 §8.1). */
export function pseudoSum(addresses: number, protocol: number, length: number): number {
  return addresses + protocol + (length & 0xffff) + (length >>> 16);
}
