/**
 * Which addresses one host can have, and what the others are.
 *
 * Owns: the words for it. Must not know: networks (whose broadcast address one is depends on the prefix: address.ts), options.
 *
 * RFC 1122 §3.2.1.3, RFC 4291 §2.5.
 */
import {
  formatIpAddress,
  inPrefix,
  type IpAddress,
  isIpv4Mapped,
  isLimitedBroadcast,
  isLoopback,
  isMulticastAddress,
  isUnspecified,
} from "./address.ts";
import { IPV4 } from "./ipv4.ts";
import { IPV6 } from "./ipv6.ts";

/** ::/96 (RFC 4291 §2.5.5.1): addresses of the other family in the clothes of this one. */
const COMPATIBLE = new Uint8Array(IPV6.ADDRESS_BYTES);
const COMPATIBLE_BITS = 96;

/** Why an address cannot be one host's, as what it is instead; null where it can. */
export function whyNoHostAddress(address: IpAddress): string | null {
  if (isUnspecified(address)) return "no address at all";
  if (isLoopback(address)) return "a loopback address, which never leaves a host";
  if (isMulticastAddress(address)) return "a multicast address";
  return address.length === IPV4.ADDRESS_BYTES ? whyNoIpv4Host(address) : whyNoIpv6Host(address);
}

function whyNoIpv4Host(address: IpAddress): string | null {
  if (address[0] === 0) return "no address at all";
  if (isLimitedBroadcast(address)) return "the broadcast address";
  if (address[0] >= 0xf0) return "a reserved address";
  return null;
}

function whyNoIpv6Host(address: IpAddress): string | null {
  const ipv4 = formatIpAddress(address.subarray(12));
  if (isIpv4Mapped(address)) {
    return `an IPv4 address in IPv6's form, which stands in no packet: write ${ipv4}`;
  }
  if (inPrefix(address, COMPATIBLE, COMPATIBLE_BITS)) {
    return "a reserved address (::/96, RFC 4291 §2.5.5.1)";
  }
  return null;
}
