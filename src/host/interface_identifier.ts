/**
 * Interface identifiers: IPv6 addresses that a host makes of a prefix and its hardware address.
 *
 * Owns: the modified EUI-64 format (RFC 4291 appendix A) as Ethernet has it (RFC 2464 §4, §5). Must not know: which prefixes
 * there are. Deviation: RFC 8064 wants identifiers that tell no hardware address; ours is made up or chosen, and a student
 * is to see one in the other.
 */
import { IPV6 } from "../wire/ipv6.ts";

/** RFC 4291 §2.5.1: bits of the prefix before an identifier. */
const PREFIX_BYTES = 8;
/** RFC 4291 appendix A: these stand between the two halves of a hardware address, and this bit says that it is everywhere the only one. */
const FILLING = [0xff, 0xfe];
const UNIVERSAL_BIT = 0x02;
const LINK_LOCAL_PREFIX: Uint8Array = Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0);

/** The address of the host with `mac` in the network of 64 bits with which `prefix` begins. */
export function addressInPrefix(prefix: Uint8Array, mac: Uint8Array): Uint8Array {
  const address = new Uint8Array(IPV6.ADDRESS_BYTES);
  address.set(prefix.subarray(0, PREFIX_BYTES));
  address.set([...mac.subarray(0, 3), ...FILLING, ...mac.subarray(3, 6)], PREFIX_BYTES);
  address[PREFIX_BYTES] ^= UNIVERSAL_BIT;
  return address;
}

/** fe80::/64 with the identifier of `mac` (RFC 2464 §5). */
export function linkLocalAddress(mac: Uint8Array): Uint8Array {
  return addressInPrefix(LINK_LOCAL_PREFIX, mac);
}
