/**
 * IpPacket: what is known of an IP packet, of either version, once its header is read.
 *
 * Owns: the record; whoever holds one knows no version. Must not know: how a header is laid out (ipv4.ts, ipv6.ts).
 */

/** Numbers of the protocols above IP; for IPv6 the last of the chain of headers. */
export const IP_PROTOCOL = {
  ICMP: 0x01,
  TCP: 0x06,
  UDP: 0x11,
  ICMPV6: 0x3a,
  /** RFC 8200 §4.7: whatever stands behind is ignored, and no error. */
  NO_NEXT_HEADER: 0x3b,
} as const;

/**
 * One packet. Offsets count from the start of the buffer, lengths are bytes. Made once and used for every packet: what one
 * version does not have stands at its first value.
 */
export class IpPacket {
  /** Length of its addresses, which tells the version: 4 or 16. */
  addressBytes = 4;
  /** Where the packet begins. */
  headerOffset = 0;
  /** The header with its options (IPv4), or the fixed header and all extension headers (IPv6), of a fragment up to its fragment header. */
  headerLength = 0;
  /** Header and payload; for a packet above 65,535 bytes the true length, not the field. */
  totalLength = 0;
  dscp = 0;
  ecn = 0;
  /** RFC 6437; 0 for IPv4. */
  flowLabel = 0;
  /** TTL, or hop limit. */
  hopLimit = 0;
  /** What stands at `payloadOffset`: of an IPv6 fragment that can be another extension header. */
  protocol = 0;
  /** Where the number stands that announces it: what a "next header unrecognized" points to (RFC 8200 §4). */
  protocolOffset = 0;
  sourceOffset = 0;
  destinationOffset = 0;
  /** The sum of both addresses: their part of the pseudo-header's. */
  addressSum = 0;
  payloadOffset = 0;
  payloadLength = 0;
  /** The identification: 16 bits, or the 32 of a fragment header. */
  id = 0;
  /** IPv4; what cannot be fragmented on its way anyhow has it set. */
  dontFragment = false;
  moreFragments = false;
  /** The value of a router alert option (RFC 2711), 0 for MLD; -1 without one. */
  routerAlertValue = -1;
  /** In bytes. A packet is a fragment when this is above 0 or `moreFragments` is set. */
  fragmentOffset = 0;
  /** Where the fragment header is, -1 without one; the packet is whole nevertheless when offset and flag are zero (RFC 6946). */
  fragmentHeaderOffset = -1;
  /** Where the number stands that announces the fragment header. */
  fragmentNextOffset = -1;
  /**
   * Of a packet that is not taken: the code of the parameter problem message that RFC 8200 asks for, -1 for none; and the byte at
   * fault, counted from the start of the packet.
   */
  problemCode = -1;
  problemPointer = 0;

  /** Whether it is a part of a packet. */
  get isFragment(): boolean {
    return this.moreFragments || this.fragmentOffset > 0;
  }

  /** Whether it is IPv6. */
  get isIpv6(): boolean {
    return this.addressBytes !== 4;
  }
}

/** What a header is written of, of either version. What a version does not have is not written: `flowLabel`, `routerAlert`, `dontFragment`, the `id` of a whole IPv6 packet. */
export interface IpFields {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly protocol: number;
  /** Without the headers that are written. */
  readonly payloadLength: number;
  /** TTL, or hop limit. */
  readonly hopLimit: number;
  readonly id: number;
  readonly dscp?: number;
  readonly ecn?: number;
  readonly flowLabel?: number;
  readonly dontFragment?: boolean;
  /** Of a fragment: whether more follow (false), and where its payload belongs, bytes, a multiple of 8 (0). */
  readonly moreFragments?: boolean;
  readonly fragmentOffset?: number;
  /** Of IPv6: a hop-by-hop header with the router alert option precedes what `protocol` says (RFC 2711), as MLD asks for. */
  readonly routerAlert?: boolean;
  /** The sum of the two addresses, where the caller has it. */
  readonly addressSum?: number;
}
