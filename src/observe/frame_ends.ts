/**
 * Which TCP connection a frame belongs to, for those who join frames with events.
 *
 * Owns: finding ports, flags and sequence number in a whole frame. Must not know: why anybody asks.
 */
import { formatEndpoint } from "../wire/address.ts";
import { EthernetHeader, ETHERTYPE, parseEthernet } from "../wire/ethernet.ts";
import { IP_PROTOCOL, IPV4, Ipv4Header, parseIpv4 } from "../wire/ipv4.ts";
import { IPV6, Ipv6Header, parseIpv6 } from "../wire/ipv6.ts";
import { parseTcp, TcpSegment } from "../wire/tcp.ts";

/** The TCP segment that a frame carries. */
export interface FrameEnds {
  /** `IP:PORT` of the sender. */
  readonly source: string;
  /** `IP:PORT` of the receiver. */
  readonly destination: string;
  /** Bits of `FLAG`. */
  readonly flags: number;
  readonly seq: number;
  /** Payload bytes. */
  readonly length: number;
}

const ethernet = new EthernetHeader();
const ipv4 = new Ipv4Header();
const ipv6 = new Ipv6Header();
const segment = new TcpSegment();

/** What bytes 0 to `length - 1` of `frame` carry, or null when that is no whole TCP segment. */
export function frameEnds(frame: Uint8Array, length: number): FrameEnds | null {
  if (parseEthernet(frame, length, ethernet) !== null) return null;
  const isIpv4 = ethernet.type === ETHERTYPE.IPV4;
  if (!isIpv4 && ethernet.type !== ETHERTYPE.IPV6) return null;
  const packetLength = length - ethernet.payloadOffset;
  const trouble = isIpv4
    ? parseIpv4(frame, ethernet.payloadOffset, packetLength, ipv4)
    : parseIpv6(frame, ethernet.payloadOffset, packetLength, ipv6);
  const packet = isIpv4 ? ipv4 : ipv6;
  if (trouble !== null || packet.protocol !== IP_PROTOCOL.TCP || packet.fragmentOffset > 0) return null;
  if (parseTcp(frame, packet.payloadOffset, packet.payloadLength, segment) !== null) return null;
  const addressBytes = isIpv4 ? IPV4.ADDRESS_BYTES : IPV6.ADDRESS_BYTES;
  const endpoint = (offset: number, port: number) =>
    formatEndpoint(frame.subarray(offset, offset + addressBytes), port);
  return {
    source: endpoint(packet.sourceOffset, segment.sourcePort),
    destination: endpoint(packet.destinationOffset, segment.destinationPort),
    flags: segment.flags,
    seq: segment.seq,
    length: segment.payloadLength,
  };
}
