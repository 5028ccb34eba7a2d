/**
 * The version of IP over which the tests run that do not depend on it, and its figures.
 *
 *     TCPLAB_IP=6 deno test -A test/tcp test/fuzz test/sim test/host test/runtime      (deno task test:ipv6)
 *
 * Owns: that choice, and what differs between the versions for a test: addresses, bytes of headers, the MTU that a segment
 * needs. Must not know: what is tested. A test of one version alone says so by {@link ipv4Test}; one that has to hold over
 * both in every run goes through {@link FAMILIES}. RFC 791, RFC 8200; RFC 9293 §3.7.1.
 */
import { formatEndpoint, formatIpAddress } from "../../src/wire/address.ts";
import { HOST_PORT, HOST_V4, HOST_V6, PEER_V4, PEER_V6 } from "./wire_ends.ts";

/** Without options. */
const TCP_HEADER_BYTES = 20;
/** Payload of a full segment on the wire of the tests: their numbers are the same over both versions. */
const LAB_MSS = 1460;

/** One version of IP on the wire of the tests. */
export interface Family {
  readonly name: "IPv4" | "IPv6";
  readonly host: Uint8Array;
  readonly peer: Uint8Array;
  readonly prefixLength: number;
  /** Bytes of the IP header, without options. */
  readonly headerBytes: number;
  /** The least MTU that a link may have (RFC 791 §3.2, RFC 8200 §5). */
  readonly leastMtu: number;
  /** MSS of a peer that offers none (MUST-15). */
  readonly defaultMss: number;
  /** The least MTU of a path that TCP follows, whatever ICMP says. */
  readonly leastPathMtu: number;
  /** The address of a host on the same link: 1 to 254. */
  neighbor(number: number): Uint8Array;
  /** The address of a host behind a router: from 0, thousands of them, each in a network of its own. */
  stranger(index: number): Uint8Array;
  /** The MTU of a link on which segments of `mss` bytes, without options, are full. */
  mtuFor(mss: number): number;
}

export const IPV4_FAMILY: Family = {
  name: "IPv4",
  host: HOST_V4,
  peer: PEER_V4,
  prefixLength: 24,
  headerBytes: 20,
  leastMtu: 68,
  defaultMss: 536,
  leastPathMtu: 576,
  neighbor: (number) => withEnd(HOST_V4, number),
  stranger: (index) => Uint8Array.of(10, 1, 1 + (index >> 7), 1 + (index & 127)),
  mtuFor: (mss) => mss + 20 + TCP_HEADER_BYTES,
};

export const IPV6_FAMILY: Family = {
  name: "IPv6",
  host: HOST_V6,
  peer: PEER_V6,
  prefixLength: 64,
  headerBytes: 40,
  leastMtu: 1280,
  defaultMss: 1220,
  leastPathMtu: 1280,
  neighbor: (number) => withEnd(HOST_V6, number),
  stranger: (index) => Uint8Array.of(0xfd, 1, 0, 0, 0, 0, index >> 8, index, 0, 0, 0, 0, 0, 0, 0, 1),
  mtuFor: (mss) => mss + 40 + TCP_HEADER_BYTES,
};

export const FAMILIES: readonly Family[] = [IPV4_FAMILY, IPV6_FAMILY];

/** The one of this run; `deno task test:ipv6` takes IPv6. */
export const FAMILY = chosen(Deno.env.get("TCPLAB_IP") ?? "4");
/** The host's address in it, and the peer's. */
export const HOST_IP = FAMILY.host;
export const PEER_IP = FAMILY.peer;
export const IS_IPV6 = FAMILY === IPV6_FAMILY;
/** MTU of the wire of the tests. */
export const LAB_MTU = FAMILY.mtuFor(LAB_MSS);
/** The address of a host on the link as text. */
export const addressText = (number: number): string => formatIpAddress(FAMILY.neighbor(number));
/** The same with the length of the link's prefix. */
export const addressOnLink = (number: number): string => `${addressText(number)}/${FAMILY.prefixLength}`;
/** What events call the first connection of a peer to the wire's port. */
export const LAB_CONNECTION = `${formatEndpoint(HOST_IP, HOST_PORT)}-${formatEndpoint(PEER_IP, 40_000)}`;
/** Headers of IP and TCP before each segment, without options. */
export const HEADERS = FAMILY.headerBytes + TCP_HEADER_BYTES;

/** A test of what only IPv4 has. Over IPv6 it stands among those ignored. */
export function ipv4Test(name: string, fn: () => void | Promise<void>): void {
  Deno.test({ name: IS_IPV6 ? `IPv4 alone: ${name}` : name, fn, ignore: IS_IPV6 });
}

/** The family of an address. */
export function familyOf(address: Uint8Array): Family {
  return address.length === IPV4_FAMILY.host.length ? IPV4_FAMILY : IPV6_FAMILY;
}

function chosen(version: string): Family {
  if (version === "4") return IPV4_FAMILY;
  if (version === "6") return IPV6_FAMILY;
  throw new Error(`TCPLAB_IP: expected 4 or 6, got ${version}`);
}

/** The address with another host's number, of which there are 254 in a prefix of 24 bits. */
function withEnd(address: Uint8Array, number: number): Uint8Array {
  const other = address.slice();
  other[other.length - 1] = number;
  return other;
}
