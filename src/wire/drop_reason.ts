/**
 * Why a frame was not taken.
 *
 * Owns: the closed list of reasons that the codec, and the host around it, can give.
 * Must not know: counters, events, replies. A malformed frame is a value, never an exception.
 */

/** Every reason, in the order in which a frame meets the checks; counters are made from this list. */
export const DROP_REASONS = [
  /** Shorter than an Ethernet header with its tags. */
  "malformed-ethernet",
  /** It belongs to a VLAN that is not ours, or to none where ours is one. */
  "other-vlan",
  /** Neither ARP, IPv4 nor IPv6. */
  "unknown-ethertype",
  /** The frame's hardware address, or the packet's address, is another's. */
  "not-for-us",
  "malformed-arp",
  "malformed-ipv4",
  "malformed-ipv6",
  /** An IPv6 option, routing header, chain of headers or fragment that RFC 8200 §4 does not let a host pass over. */
  "unsupported-ipv6-header",
  /** A piece of a larger packet that cannot be one, or whose packet is given up. */
  "fragment",
  /** The packet carries a protocol that the host does not speak. */
  "unknown-protocol",
  "malformed-icmp",
  /** Neighbour discovery or listener discovery that no neighbour can have sent (RFC 4861 §6.1, §7.1, §8.1; RFC 3810 §6.2). */
  "bad-neighbor-message",
  "malformed-tcp",
  /** A header or segment whose checksum is wrong, whichever protocol's it is. */
  "checksum",
  /** A source address that nobody may have: multicast, broadcast, unspecified (RFC 9293 §3.9.2.3, MUST-63). */
  "bad-source",
] as const;

/** One of {@link DROP_REASONS}. */
export type DropReason = typeof DROP_REASONS[number];
