/**
 * The BPF filter that a server sets on its device.
 *
 * Owns: the expression, in the language of pcap-filter(7). Must not know: how it is compiled or set.
 *
 * The lab's filter is `tcp port 3333`. A host of its own needs more than that: ARP, or nobody finds it; ICMP to
 * its addresses; and all TCP to its addresses, because a segment for a port where nobody listens gets a RST
 * (RFC 9293 §3.10.7.1), which a filter on the port would hide. Where the kernel owns the address too, the other
 * ports are the kernel's: then only our ports pass, and neither ARP requests nor echo requests are ours to answer.
 *
 * VLANs: Linux takes a tag off before the filter sees the frame, so that frames of all VLANs pass here, and the host
 * refuses those that are not its own. `not vlan` would refuse priority tags too, and shift the offsets of all that follows
 * it. With a VLAN of our own the filter begins with it, which is meant to shift them.
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
  /** The VLAN that we are in; null for none. */
  readonly vlan: number | null;
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
  return inVlan(`${arp} or ${icmp} or ${tcp}`, parts.vlan);
}

/**
 * The frames that a server lives on: TCP to its addresses and ports; without ports (the active side) to its addresses. A
 * `--filter` that has none of these in common with it leaves nothing to serve.
 */
export function servedFrames(parts: Pick<FilterParts, "addresses" | "ports">): string {
  const toUs = either(parts.addresses.map((address) => `dst host ${address}`));
  const ports = parts.ports.map((port) => `dst port ${port}`);
  return ["tcp", toUs, ...(ports.length === 0 ? [] : [either(ports)])].join(" and ");
}

/** The same filter for frames of one VLAN. */
export function inVlan(expression: string, vlan: number | null): string {
  return vlan === null ? expression : `vlan ${vlan} and (${expression})`;
}

function either(alternatives: readonly string[]): string {
  const distinct = [...new Set(alternatives)];
  return distinct.length === 1 ? distinct[0] : `(${distinct.join(" or ")})`;
}
