/**
 * The BPF filter that a server sets on its device.
 *
 * Owns: the expression, in the language of pcap-filter(7). Must not know: how it is compiled or set.
 *
 * The lab's filter is `tcp port 3333`. A host of its own needs more than that: ARP and neighbor discovery, or nobody finds
 * it; and whatever is for its addresses, because a segment for a port where nobody listens gets a RST (RFC 9293
 * §3.10.7.1), a protocol that it does not have an ICMP error (RFC 1122 §3.2.2.1, RFC 4443 §3.1), and the fragments of a
 * packet, and the header behind an extension header, are found by no test of a port. Where the kernel owns the address too,
 * all that is the kernel's: then only TCP to our ports passes, and of ARP, ICMP and neighbor discovery only answers.
 *
 * VLANs: Linux takes a tag off before the filter sees the frame, so that frames of all VLANs pass here, and the host
 * refuses those that are not its own. `not vlan` would refuse priority tags too, and shift the offsets of all that follows
 * it. With a VLAN of our own the filter begins with it, which is meant to shift them.
 */

/** An address to answer for. */
interface FilterAddress {
  /** The address, without prefix and zone. */
  readonly text: string;
  /** True when the kernel owns it too, so that only our ports may pass. */
  readonly kernelOwned: boolean;
}

/** What the filter is made from. */
interface FilterParts {
  readonly addresses: readonly FilterAddress[];
  /** Ports where somebody listens. */
  readonly ports: readonly number[];
  /** `--filter`, and-ed to the TCP part; null when not given. */
  readonly user: string | null;
  /** The VLAN that we are in; null for none. */
  readonly vlan: number | null;
}

/** Operation 0x2 of ARP is a reply: that much is needed to find the peers (RFC 826). */
const ARP_REPLY = "arp[6:2] = 0x2";
/** ICMP type 0x8 is an echo request: the kernel answers those for an address of its own. */
const NOT_ECHO_REQUEST = "icmp[icmptype] != 0x8";
/** A fragment of IPv4 has an offset, or more to follow; one of IPv6 a header of its own (0x2c; RFC 791 §3.1, RFC 8200 §4.5). */
const FRAGMENT = "((ip and ip[6:2] & 0x3fff != 0) or (ip6 and ip6[6] = 0x2c))";
/**
 * What comes to groups: neighbor and router discovery, and the queries of multicast listener discovery, which stand behind a
 * hop-by-hop header (next headers 0x3a and 0; RFC 4443 §1, RFC 3810 §5). And behind destination options and in fragments (0x3c and 0x2c),
 * because pings of a group may come so, and some options are to be complained of whoever was addressed (RFC 8200 §4.2).
 */
const GROUPS = "(ip6[24] = 0xff and (ip6[6] = 0x3a or ip6[6] = 0x0 or ip6[6] = 0x3c or ip6[6] = 0x2c))";
/** ICMPv6 types: errors are 0x1 to 0x4, 0x86 is a router's advertisement, 0x88 a neighbor's (RFC 4443 §2.1, RFC 4861 §4). */
const ICMPV6_NEWS = "(ip6[40] <= 0x4 or ip6[40] = 0x88)";
const ADVERTISED_TO_GROUPS = "(ip6[24] = 0xff and ip6[6] = 0x3a and (ip6[40] = 0x86 or ip6[40] = 0x88))";

/** Composes the filter expression. */
export function composeFilter(parts: FilterParts): string {
  const { addresses } = parts;
  const free = addresses.filter((address) => !address.kernelOwned);
  const owned = addresses.filter((address) => address.kernelOwned);
  const alternatives: string[] = [];
  if (addresses.some(isIpv4)) alternatives.push(free.some(isIpv4) ? "arp" : `(${ARP_REPLY})`);
  if (addresses.some(isIpv6)) alternatives.push(free.some(isIpv6) ? GROUPS : ADVERTISED_TO_GROUPS);
  if (free.length > 0) alternatives.push(toFree(free, parts.user));
  if (owned.length > 0) alternatives.push(...toOwned(owned, parts));
  return inVlan(alternatives.join(" or "), parts.vlan);
}

function toFree(addresses: readonly FilterAddress[], user: string | null): string {
  const toUs = toOneOf(addresses);
  return user === null ? toUs : `(${toUs} and (not tcp or ${FRAGMENT} or (${user})))`;
}

/** Fragments are left out: those of other ports are the kernel's, and only the first tells of which they are. */
function toOwned(addresses: readonly FilterAddress[], { ports, user }: FilterParts): string[] {
  const [ipv4, ipv6] = [addresses.filter(isIpv4), addresses.filter(isIpv6)];
  const conditions = ["tcp", toOneOf(addresses), either(ports.map((port) => `dst port ${port}`))];
  if (user !== null) conditions.push(`(${user})`);
  return [
    ...(ipv4.length === 0 ? [] : [`(icmp and ${toOneOf(ipv4)} and ${NOT_ECHO_REQUEST})`]),
    ...(ipv6.length === 0 ? [] : [`(icmp6 and ${toOneOf(ipv6)} and ${ICMPV6_NEWS})`]),
    `(${conditions.join(" and ")})`,
  ];
}

/**
 * The frames that a server lives on: TCP to its addresses and ports; without ports (the active side) to its addresses. A
 * `--filter` that has none of these in common with it leaves nothing to serve.
 */
export function servedFrames(parts: Pick<FilterParts, "addresses" | "ports">): string {
  const ports = parts.ports.map((port) => `dst port ${port}`);
  return ["tcp", toOneOf(parts.addresses), ...(ports.length === 0 ? [] : [either(ports)])].join(" and ");
}

/** The same filter for frames of one VLAN. */
export function inVlan(expression: string, vlan: number | null): string {
  return vlan === null ? expression : `vlan ${vlan} and (${expression})`;
}

function isIpv6({ text }: FilterAddress): boolean {
  return text.includes(":");
}

function isIpv4(address: FilterAddress): boolean {
  return !isIpv6(address);
}

function toOneOf(addresses: readonly FilterAddress[]): string {
  return either(addresses.map(({ text }) => `dst host ${text}`));
}

function either(alternatives: readonly string[]): string {
  const distinct = [...new Set(alternatives)];
  return distinct.length === 1 ? distinct[0] : `(${distinct.join(" or ")})`;
}
