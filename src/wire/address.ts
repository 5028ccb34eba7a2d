/**
 * IP and MAC addresses.
 *
 * Owns: addresses as bytes, of either IP version, and their text forms; the questions that bytes alone answer.
 * Must not know: interfaces, routes, which addresses are ours.
 *
 * Implements RFC 4291 §2.2 (IPv6 text), RFC 5952 (its canonical form), RFC 4632 (prefixes), RFC 1122 §3.2.1.3 (special addresses).
 */

/** An IP address: 4 bytes (IPv4) or 16 (IPv6), in network order; never changed once made. */
export type IpAddress = Uint8Array;
/** A hardware address, 6 bytes. */
export type MacAddress = Uint8Array;

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const MAC_BYTES = 6;

/** ff:ff:ff:ff:ff:ff */
export const BROADCAST_MAC: MacAddress = new Uint8Array(MAC_BYTES).fill(0xff);

/** The address that `text` names, or null: dotted quad without leading zeros, or IPv6 (RFC 4291 §2.2) without a zone. */
export function parseIpAddress(text: string): IpAddress | null {
  return text.includes(":") ? parseIpv6Text(text) : parseIpv4Text(text);
}

function parseIpv4Text(text: string): IpAddress | null {
  const parts = text.split(".");
  if (parts.length !== IPV4_BYTES) return null;
  const address = new Uint8Array(IPV4_BYTES);
  for (let i = 0; i < IPV4_BYTES; i++) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(parts[i])) return null;
    const value = Number(parts[i]);
    if (value > 0xff) return null;
    address[i] = value;
  }
  return address;
}

function parseIpv6Text(text: string): IpAddress | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0], halves.length === 1);
  if (head === null) return null;
  const address = new Uint8Array(IPV6_BYTES);
  if (halves.length === 1) {
    if (head.length !== IPV6_BYTES) return null;
    address.set(head);
    return address;
  }
  const tail = parseGroups(halves[1], true);
  // "::" stands for one group of zeros at least.
  if (tail === null || head.length + tail.length > IPV6_BYTES - 2) return null;
  address.set(head);
  address.set(tail, IPV6_BYTES - tail.length);
  return address;
}

/** The bytes of groups separated by single colons; only the last text of all (`atEnd`) may close with a dotted quad. */
function parseGroups(text: string, atEnd: boolean): number[] | null {
  const bytes: number[] = [];
  if (text === "") return bytes;
  const groups = text.split(":");
  for (let i = 0; i < groups.length; i++) {
    const group = groups[i];
    if (group.includes(".")) {
      const quad = atEnd && i === groups.length - 1 ? parseIpv4Text(group) : null;
      if (quad === null) return null;
      bytes.push(...quad);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
      const value = parseInt(group, 16);
      bytes.push(value >>> 8, value & 0xff);
    }
  }
  return bytes;
}

/**
 * The customary text of an address; for IPv6 the one that RFC 5952 allows, IPv4-mapped addresses with a dotted quad.
 *
 * ```ts
 * import { formatIpAddress } from "@tcplab/tcplab";
 *
 * const text = formatIpAddress(Uint8Array.of(10, 0, 0, 1));
 * if (text !== "10.0.0.1") throw new Error(text);
 * ```
 */
export function formatIpAddress(address: IpAddress): string {
  if (address.length === IPV4_BYTES) return dottedQuad(address, 0);
  if (isIpv4Mapped(address)) return `::ffff:${dottedQuad(address, 12)}`;
  const groups: number[] = [];
  for (let i = 0; i < IPV6_BYTES; i += 2) groups.push((address[i] << 8) | address[i + 1]);
  const run = longestZeroRun(groups);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (run.length < 2) return hex(groups);
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}`;
}

/** Every connection has a name: 11 ns, `join` takes 80. */
function dottedQuad(bytes: Uint8Array, offset: number): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/** The longest run of zero groups, the first of equals (RFC 5952 §4.2.3). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, i) => {
    if (group !== 0) start = i + 1;
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start };
  });
  return best;
}

/** ::ffff:0:0/96 (RFC 4291 §2.5.5.2): an IPv4 address as programs write it; it has no business on a wire (RFC 4942 §2.2). */
export function isIpv4Mapped(address: IpAddress): boolean {
  return address.length === IPV6_BYTES && allBytes(address, 0, 10, 0) && address[10] === 0xff &&
    address[11] === 0xff;
}

/** An address with the length of its network's prefix in bits, null when the text had none. */
interface AddressPrefix {
  readonly address: IpAddress;
  readonly prefixLength: number | null;
}

/** What `10.0.0.1/24` or `10.0.0.1` says, or null when it is neither. Host bits are kept. */
export function parsePrefix(text: string): AddressPrefix | null {
  const slash = text.indexOf("/");
  const address = parseIpAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  if (slash < 0) return { address, prefixLength: null };
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(digits)) return null;
  const prefixLength = Number(digits);
  return prefixLength <= address.length * 8 ? { address, prefixLength } : null;
}

/** Whether two addresses are of one version and equal. */
export function sameAddress(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && bytesEqual(a, 0, b);
}

/** Whether the bytes of `buffer` from `offset` on are those of `other`, all of it. */
export function bytesEqual(buffer: Uint8Array, offset: number, other: Uint8Array): boolean {
  for (let i = 0; i < other.length; i++) {
    if (buffer[offset + i] !== other[i]) return false;
  }
  return true;
}

/** Whether the first `prefixLength` bits of both addresses are the same; never for two versions. */
export function inPrefix(address: IpAddress, prefixAddress: IpAddress, prefixLength: number): boolean {
  if (address.length !== prefixAddress.length) return false;
  const whole = prefixLength >>> 3;
  for (let i = 0; i < whole; i++) {
    if (address[i] !== prefixAddress[i]) return false;
  }
  const restBits = prefixLength & 7;
  return restBits === 0 || ((address[whole] ^ prefixAddress[whole]) >>> (8 - restBits)) === 0;
}

/** The hardware address in `text` (`02:00:5e:10:00:01`, or with dashes), or null. */
export function parseMac(text: string): MacAddress | null {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text) && !/^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/i.test(text)) {
    return null;
  }
  return Uint8Array.from(text.split(/[:-]/), (pair) => parseInt(pair, 16));
}

/** Six pairs of lower-case hex digits with colons. */
export function formatMac(mac: MacAddress): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** Whether the group bit is set (IEEE 802), as it is in the broadcast address too; `offset` finds it in a frame. */
export function isMulticastMac(bytes: Uint8Array, offset = 0): boolean {
  return (bytes[offset] & 0x01) !== 0;
}

/** Whether it can be one station's: no group address, which goes to everybody, and not zero, which is nobody's. */
export function isStationMac(mac: MacAddress): boolean {
  return !isMulticastMac(mac) && !allBytes(mac, 0, MAC_BYTES, 0);
}

/** 224.0.0.0/4 or ff00::/8. */
export function isMulticastAddress(address: IpAddress): boolean {
  return address.length === IPV4_BYTES ? (address[0] & 0xf0) === 0xe0 : address[0] === 0xff;
}

/** 0.0.0.0 or ::. */
export function isUnspecified(address: IpAddress): boolean {
  return allBytes(address, 0, address.length, 0);
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: IpAddress): boolean {
  if (address.length === IPV4_BYTES) return address[0] === 0x7f;
  return allBytes(address, 0, IPV6_BYTES - 1, 0) && address[IPV6_BYTES - 1] === 1;
}

/** 255.255.255.255. */
export function isLimitedBroadcast(address: IpAddress): boolean {
  return address.length === IPV4_BYTES && allBytes(address, 0, IPV4_BYTES, 0xff);
}

/**
 * Whether `address` is the broadcast address of the network that `network` (any address of it) and `prefixLength`
 * name. IPv6 has none, nor have networks of 31 and 32 bits (RFC 3021 §2.1).
 */
export function isDirectedBroadcast(address: IpAddress, network: IpAddress, prefixLength: number): boolean {
  if (address.length !== IPV4_BYTES || prefixLength > 30 || !inPrefix(address, network, prefixLength)) {
    return false;
  }
  const value = (address[0] << 24) | (address[1] << 16) | (address[2] << 8) | address[3];
  const hostMask = 0xffffffff >>> prefixLength;
  return (value & hostMask) >>> 0 === hostMask;
}

/** `10.0.0.1:80`, or `[fe80::1]:80` (RFC 3986 §3.2.2). */
export function formatEndpoint(address: IpAddress, port: number): string {
  return endpointText(formatIpAddress(address), port);
}

/** The same from an address, or the name of a host, that is text already. */
export function endpointText(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The port at the end of an endpoint's text, with or without an address before it; 0 where there is none. */
export function portOf(endpoint: string): number {
  return Number(endpoint.slice(endpoint.lastIndexOf(":") + 1)) || 0;
}

/** The two ends of a connection. */
interface TwoEnds {
  readonly localAddress: IpAddress;
  readonly localPort: number;
  readonly peerAddress: IpAddress;
  readonly peerPort: number;
}

/** What a connection is called everywhere: `10.0.0.1:80-10.0.0.2:50000`, IPv6 in brackets. */
export function connectionName(ends: TwoEnds): string {
  const local = formatEndpoint(ends.localAddress, ends.localPort);
  return `${local}-${formatEndpoint(ends.peerAddress, ends.peerPort)}`;
}

function allBytes(bytes: Uint8Array, from: number, to: number, value: number): boolean {
  for (let i = from; i < to; i++) {
    if (bytes[i] !== value) return false;
  }
  return true;
}
