/**
 * Arrival: where a packet came from, as places in its frame.
 *
 * Owns: the record, reused for every packet. Must not know: what the packet holds.
 */

/** Offsets into a frame; valid only while the frame is. */
export interface Arrival {
  bytes: Uint8Array;
  /** Where the IP addresses stand. */
  peerOffset: number;
  localOffset: number;
  addressBytes: number;
  /** Where the sender's hardware address stands. */
  macOffset: number;
  /** ECN codepoint of the IP header. */
  ecn: number;
  dscp: number;
}
