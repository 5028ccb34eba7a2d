/**
 * The addresses that a command line names: those of `--ip` and `--gateway`, of either family.
 *
 * Owns: what such a text may say, and every line that says what is wrong with it. Must not know: the machine that it will
 * run on; which device, whose subnet and who else has the address are judged later (address_choice.ts).
 *
 * RFC 4291 §2.5 (which IPv6 addresses can be a host's), RFC 4007 §11 (zones: `fe80::7%eth0`, and `fe80::7%eth0/64`).
 */
import {
  formatIpAddress,
  type IpAddress,
  isDirectedBroadcast,
  parseIpAddress,
  parsePrefix,
  sameAddress,
} from "../wire/address.ts";
import { isLinkLocal as isScopedToLink } from "../wire/address_scope.ts";
import { whyNoHostAddress } from "../wire/host_address.ts";
import { badValue, type GivenValue } from "./option_values.ts";
import { isNetworkAddress } from "./subnet.ts";

/** An address to answer for. */
export interface AddressRequest {
  readonly address: IpAddress;
  /** The address alone, without prefix and zone. */
  readonly text: string;
  /** Null where none was given: the device's subnet decides. */
  readonly prefixLength: number | null;
  /** The device after the `%` of a link-local address; null where there was none. */
  readonly zone: string | null;
}

/** An address with the link that it belongs to, as `fe80::1%eth0` says both. */
export interface ZonedAddress {
  readonly address: IpAddress;
  /** Null where none was given. */
  readonly zone: string | null;
}

const IPV4_BYTES = 4;
/** Local choice: networks larger than any that is one link. */
const LEAST_PREFIX = 8;

/** fe80::/10: an address that means something on one link only, so that it has a zone. One of IPv4 (RFC 3927) has none. */
export function isLinkLocal(address: IpAddress): boolean {
  return address.length !== IPV4_BYTES && isScopedToLink(address);
}

/** An address with or without a zone; null where the text is neither. Whether the zone has its place there is not judged. */
export function parseZoned(text: string): ZonedAddress | null {
  const percent = text.indexOf("%");
  const address = parseIpAddress(percent < 0 ? text : text.slice(0, percent));
  if (address === null) return null;
  return { address, zone: percent < 0 ? null : text.slice(percent + 1) };
}

/** What is wrong with the zone of an address, as what was expected; null where nothing is. */
export function zoneFault({ address, zone }: ZonedAddress): string | null {
  if (zone === null) return null;
  const text = formatIpAddress(address);
  if (!isLinkLocal(address)) {
    return `${text} without %${zone}: only a link-local IPv6 address (fe80::/10) has a zone`;
  }
  // RFC 4007 §11.2: the zone's name has at least one character; IFNAMSIZ leaves 15, none of them a slash or a space.
  if (/^[^\s/%]{1,15}$/.test(zone)) return null;
  return `the name of a device after the %, as in ${text}%eth0`;
}

/** The addresses of all `--ip`, in order. Throws a UsageError for what can be no host's, and for one that is there twice. */
export function parseAddresses(texts: readonly string[]): AddressRequest[] {
  const requests = texts.flatMap((text) => text.split(",")).map(parseAddress);
  requests.forEach(({ address, text }, position) => {
    if (requests.findIndex((other) => sameAddress(other.address, address)) < position) {
      throw badValue({ option: "ip", text }, "each address once, and this one is there twice: leave one out");
    }
  });
  return requests;
}

/** An address of `--ip`. Throws a UsageError for what can be no host's. */
export function parseAddress(text: string): AddressRequest {
  const value = { option: "ip", text };
  const [, before, zone, behind] = /^([^%/]*)(?:%([^/]*))?(\/.*)?$/s.exec(text) ?? [];
  const prefix = parsePrefix(`${before ?? text}${behind ?? ""}`);
  if (prefix === null) {
    throw badValue(value, "an address, as in 192.168.56.101, 192.168.56.101/24 or fd00::7/64");
  }
  const { address, prefixLength } = prefix;
  const why = whyNoHostAddress(address);
  if (why !== null) throw badValue(value, `the address of a host, and this is ${why}`);
  const misplaced = zoneFault({ address, zone: zone ?? null });
  if (misplaced !== null) throw badValue(value, misplaced);
  const most = address.length * 8;
  if (prefixLength !== null && (prefixLength < LEAST_PREFIX || prefixLength > most)) {
    throw badValue(value, `a /LEN from ${LEAST_PREFIX} to ${most}`);
  }
  if (prefixLength !== null && isDirectedBroadcast(address, address, prefixLength)) {
    throw badValue(value, "the address of a host, and this is the subnet's broadcast address");
  }
  if (prefixLength !== null && isNetworkAddress(address, prefixLength)) {
    throw badValue(value, `the address of a host, and this is ${subnetsOwn(address)}`);
  }
  return { address, text: formatIpAddress(address), prefixLength, zone: zone ?? null };
}

/** What the address is called whose host bits are all zero. */
export function subnetsOwn(address: IpAddress): string {
  return address.length === IPV4_BYTES
    ? "the subnet's own"
    : "the subnet's anycast address, which its routers have (RFC 4291 §2.6.1)";
}

/** The routers of `--gateway`: at most one of each family. Throws a UsageError for anything else. */
export function parseGateways(given: GivenValue): ZonedAddress[] {
  const gateways = given.text.split(",").map((text) => parseGateway({ option: given.option, text }));
  for (const bytes of [IPV4_BYTES, 16]) {
    if (gateways.filter(({ address }) => address.length === bytes).length > 1) {
      throw badValue(given, "one router of each family: ADDR, or ADDR,ADDR with one of IPv4 and one of IPv6");
    }
  }
  return gateways;
}

function parseGateway(value: GivenValue): ZonedAddress {
  const zoned = parseZoned(value.text);
  if (zoned === null) throw badValue(value, "the router's address, as in 192.168.56.1 or fe80::1");
  const why = whyNoHostAddress(zoned.address);
  if (why !== null) throw badValue(value, `the address of a router, and this is ${why}`);
  const misplaced = zoneFault(zoned);
  if (misplaced !== null) throw badValue(value, misplaced);
  return zoned;
}
