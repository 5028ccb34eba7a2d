/**
 * The TCP segment in a frame, for those who look at frames on their way: what a fault means, and what one has happened to.
 *
 * Owns: finding it. Must not know: what is done to the frame, or who asks. The frame is one that another end has made, so
 * that nothing in it is believed: what is no whole segment is none.
 */
import { EthernetHeader, ETHERTYPE, parseEthernet } from "../wire/ethernet.ts";
import { IpPacket } from "../wire/ip_packet.ts";
import { IP_PROTOCOL, IPV4, parseIpv4 } from "../wire/ipv4.ts";
import { IPV6, parseIpv6 } from "../wire/ipv6.ts";
import { parseTcp, TcpSegment } from "../wire/tcp.ts";

/** A segment, and where in the frame its addresses stand. */
export interface FrameSegment {
  readonly segment: TcpSegment;
  sourceOffset: number;
  destinationOffset: number;
  addressBytes: number;
}

/** The segment that the first `length` bytes of `frame` carry, null where they carry none; valid until the next call. */
export function segmentIn(frame: Uint8Array, length: number): FrameSegment | null {
  if (parseEthernet(frame, length, ethernet) !== null) return null;
  const { type, payloadOffset } = ethernet;
  const room = length - payloadOffset;
  if (type === ETHERTYPE.IPV4) {
    return parseIpv4(frame, payloadOffset, room, ipv4) === null
      ? behind(frame, ipv4, IPV4.ADDRESS_BYTES)
      : null;
  }
  if (type !== ETHERTYPE.IPV6 || parseIpv6(frame, payloadOffset, room, ipv6) !== null) return null;
  return behind(frame, ipv6, IPV6.ADDRESS_BYTES);
}

function behind(frame: Uint8Array, ip: IpPacket, addressBytes: number): FrameSegment | null {
  if (ip.protocol !== IP_PROTOCOL.TCP || ip.moreFragments || ip.fragmentOffset > 0) return null;
  if (parseTcp(frame, ip.payloadOffset, ip.payloadLength, found.segment) !== null) return null;
  found.sourceOffset = ip.sourceOffset;
  found.destinationOffset = ip.destinationOffset;
  found.addressBytes = addressBytes;
  return found;
}

// Used again for every frame.
const ethernet = new EthernetHeader();
const ipv4 = new IpPacket();
const ipv6 = new IpPacket();
const found: FrameSegment = {
  segment: new TcpSegment(),
  sourceOffset: 0,
  destinationOffset: 0,
  addressBytes: 0,
};
