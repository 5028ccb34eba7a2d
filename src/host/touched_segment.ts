/**
 * The segment in a frame that the fault injector has touched, for those who want to know which one it was.
 *
 * Owns: finding it. Must not know: what was done to the frame, or who asks. The frame is one that another end has made, so
 * that nothing in it is believed: what is no whole segment is none.
 */
import { EthernetHeader, ETHERTYPE, parseEthernet } from "../wire/ethernet.ts";
import { IP_PROTOCOL, IPV4, Ipv4Header, parseIpv4 } from "../wire/ipv4.ts";
import { parseTcp, TcpSegment } from "../wire/tcp.ts";
import type { Arrival } from "./arrival.ts";

/** A segment and where its addresses stand, seen from our end. */
export interface TouchedSegment {
  readonly segment: TcpSegment;
  /** What {@link Arrival} says of a segment that arrives, also of one that leaves. */
  readonly addresses: Pick<Arrival, "bytes" | "peerOffset" | "localOffset" | "addressBytes">;
  readonly localPort: number;
  readonly peerPort: number;
}

/** The segment that the first `length` bytes of `frame` carry, null where they carry none; valid until the next call. */
export function touchedSegment(
  frame: Uint8Array,
  length: number,
  direction: "in" | "out",
): TouchedSegment | null {
  if (parseEthernet(frame, length, ethernet) !== null || ethernet.type !== ETHERTYPE.IPV4) return null;
  const { payloadOffset } = ethernet;
  if (parseIpv4(frame, payloadOffset, length - payloadOffset, ip) !== null) return null;
  if (ip.protocol !== IP_PROTOCOL.TCP || ip.moreFragments || ip.fragmentOffset > 0) return null;
  if (parseTcp(frame, ip.payloadOffset, ip.payloadLength, segment) !== null) return null;
  const isIn = direction === "in";
  return {
    segment,
    addresses: {
      bytes: frame,
      peerOffset: isIn ? ip.sourceOffset : ip.destinationOffset,
      localOffset: isIn ? ip.destinationOffset : ip.sourceOffset,
      addressBytes: IPV4.ADDRESS_BYTES,
    },
    localPort: isIn ? segment.destinationPort : segment.sourcePort,
    peerPort: isIn ? segment.sourcePort : segment.destinationPort,
  };
}

// Used again for every frame.
const ethernet = new EthernetHeader();
const ip = new Ipv4Header();
const segment = new TcpSegment();
