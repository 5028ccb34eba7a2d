/**
 * The BPF filter that a server sets on its device.
 *
 * Owns: the expression, in the language of pcap-filter(7). Must not know: how it is compiled or set.
 *
 * The seed's filter was `tcp port 3333`. A host of its own needs more than that: ARP, or nobody finds it; ICMP to
 * its addresses; and all TCP to its addresses, because a segment for a port where nobody listens gets a RST
 * (RFC 9293 §3.10.7.1), which a filter on the port would hide. Where the kernel owns the address too, the other
 * ports are the kernel's: then only our ports pass, and neither ARP requests nor echo requests are ours to answer.
 *
 * VLANs: the expression has no `vlan` clause, which in pcap-filter shifts the offsets of all that follows it. A
 * tagged frame passes only where the device has taken the tag off; to serve a VLAN, use its own device (eth0.5).
 */

/** What the filter is made from. */
interface FilterParts {
  /** Addresses to answer for, as text. */
  readonly addresses: readonly string[];
  /** Ports where somebody listens. */
  readonly ports: readonly number[];
  /** True when the kernel owns one of the addresses, so that only our ports may pass. */
  readonly kernelOwned: boolean;
  /** `--filter`, and-ed to the TCP part; null when not given. */
  readonly user: string | null;
}

/** Composes the filter expression. */
export function composeFilter(parts: FilterParts): string {
  const toUs = either(parts.addresses.map((address) => `dst host ${address}`));
  const conditions = ["tcp", toUs];
  if (parts.kernelOwned) conditions.push(either(parts.ports.map((port) => `dst port ${port}`)));
  if (parts.user !== null) conditions.push(`(${parts.user})`);
  const tcp = `(${conditions.join(" and ")})`;
  // Operation 0x2 of ARP is a reply: that much is needed to find the peers (RFC 826).
  const arp = parts.kernelOwned ? "(arp[6:2] = 0x2)" : "arp";
  // ICMP type 0x8 is an echo request: the kernel answers those for an address of its own.
  const icmp = parts.kernelOwned ? `(icmp and ${toUs} and icmp[icmptype] != 0x8)` : `(icmp and ${toUs})`;
  return `${arp} or ${icmp} or ${tcp}`;
}

function either(alternatives: readonly string[]): string {
  const distinct = [...new Set(alternatives)];
  return distinct.length === 1 ? distinct[0] : `(${distinct.join(" or ")})`;
}
