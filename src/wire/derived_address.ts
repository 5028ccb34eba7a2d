/**
 * Addresses that are made of other addresses, and those that are always the same.
 *
 * Owns: how a group goes to a hardware address, an address to its solicited-node group, a hardware address to an interface identifier.
 * Must not know: which of them are ours, which groups are joined.
 *
 * Implements RFC 4291 §2.5.1, §2.7.1 and appendix A, RFC 2464 §4, §5 and §7, RFC 1112 §6.4, RFC 3810 §5.2.14.
 */
import { bytesEqual, type IpAddress, type MacAddress } from "./address.ts";

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const MAC_BYTES = 6;
/** The universal/local bit of a hardware address, which an interface identifier has the other way round (RFC 4291 §2.5.1). */
const UNIVERSAL_BIT = 0x02;

/** ff02::1 */
export const ALL_NODES: IpAddress = linkGroup(0x01);
/** ff02::2 */
export const ALL_ROUTERS: IpAddress = linkGroup(0x02);
/** ff02::16, all routers that speak MLDv2: where reports go (RFC 3810 §5.2.14). */
export const ALL_MLDV2_ROUTERS: IpAddress = linkGroup(0x16);
/** ff02::1:ff00:0, of which the last three bytes are those of an address. */
const SOLICITED_NODE_PREFIX = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01, 0xff);

function linkGroup(last: number): IpAddress {
  const address = new Uint8Array(IPV6_BYTES);
  address.set([0xff, 0x02]);
  address[IPV6_BYTES - 1] = last;
  return address;
}

/** The multicast address on which the owner of `address` hears solicitations, ff02::1:ffXX:XXXX (RFC 4291 §2.7.1). */
export function solicitedNodeAddress(address: IpAddress): IpAddress {
  const result = new Uint8Array(IPV6_BYTES);
  const tail = SOLICITED_NODE_PREFIX.length;
  result.set(SOLICITED_NODE_PREFIX);
  result.set(address.subarray(tail), tail);
  return result;
}

/** Whether it is the solicited-node group of some address; `offset` finds it in a packet. */
export function isSolicitedNode(bytes: Uint8Array, offset = 0): boolean {
  return bytesEqual(bytes, offset, SOLICITED_NODE_PREFIX);
}

/** The hardware address that carries a group: 01:00:5e and the low 23 bits (RFC 1112 §6.4), or 33:33 and the last four bytes (RFC 2464 §7). */
export function multicastMac(group: IpAddress): MacAddress {
  return group.length === IPV4_BYTES
    ? Uint8Array.of(0x01, 0x00, 0x5e, group[1] & 0x7f, group[2], group[3])
    : Uint8Array.of(0x33, 0x33, group[12], group[13], group[14], group[15]);
}

/** The address with the first 64 bits of `prefix` and the identifier that `mac` gives: modified EUI-64 (RFC 4291 appendix A). */
export function addressFromMac(prefix: IpAddress, mac: MacAddress): IpAddress {
  const result = new Uint8Array(IPV6_BYTES);
  result.set(prefix.subarray(0, 8));
  result.set(mac.subarray(0, 3), 8);
  result.set([0xff, 0xfe], 11);
  result.set(mac.subarray(3, MAC_BYTES), 13);
  result[8] ^= UNIVERSAL_BIT;
  return result;
}

/** The link-local address that goes with a hardware address (RFC 2464 §5). */
export function linkLocalFromMac(mac: MacAddress): IpAddress {
  return addressFromMac(Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0), mac);
}
