/**
 * Arrival: where a packet came from, as places in its frame.
 *
 * Owns: the record, reused for every packet. Must not know: what the packet holds.
 */

import { ETHERNET } from "../wire/ethernet.ts";

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
  /** Where it came in UDP, its ports; 0 where it did not. */
  peerUdpPort: number;
  localUdpPort: number;
}

/** A record to be filled; the hardware address stands where Ethernet has it. */
export function newArrival(): Arrival {
  return {
    bytes: new Uint8Array(0),
    peerOffset: 0,
    localOffset: 0,
    addressBytes: 0,
    macOffset: ETHERNET.SOURCE,
    ecn: 0,
    dscp: 0,
    peerUdpPort: 0,
    localUdpPort: 0,
  };
}
