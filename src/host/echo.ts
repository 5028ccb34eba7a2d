/**
 * Echo: the answer to "are you there?" (RFC 792, RFC 1122 §3.2.2.6).
 *
 * Owns: what the reply holds: the request's data, and its identification, so that one that is atomic gets an atomic reply
 * (RFC 6864 §4.1). Must not know: who deserves an answer.
 */
import { emitEthernet, ETHERNET, type EthernetHeader, ETHERTYPE } from "../wire/ethernet.ts";
import { emitIcmp, ICMP, ICMP_TYPE, type IcmpMessage } from "../wire/icmp.ts";
import { type IpPacket } from "../wire/ip_packet.ts";
import { emitIpv4, IP_PROTOCOL, IPV4 } from "../wire/ipv4.ts";

/** An echo request, parsed; its parts are places in `frame`. */
export interface EchoRequest {
  readonly frame: Uint8Array;
  readonly ethernet: EthernetHeader;
  readonly ip: IpPacket;
  readonly message: IcmpMessage;
}

/** Length of the reply's IP packet: one that the link does not carry is not sent. */
export function echoReplyBytes({ message }: EchoRequest): number {
  return IPV4.HEADER_BYTES + ICMP.HEADER_BYTES + message.payloadLength;
}

/** Writes the reply into `out`, from hardware address `mac`; returns the frame's length. */
export function writeEchoReply(
  out: Uint8Array,
  { frame, ethernet, ip, message }: EchoRequest,
  from: { readonly mac: Uint8Array; readonly ttl: number },
): number {
  const { payloadLength } = message;
  const ipOffset = emitEthernet(out, {
    destination: frame.subarray(ETHERNET.SOURCE, ETHERNET.SOURCE + 6),
    source: from.mac,
    type: ETHERTYPE.IPV4,
    vlan: ethernet.lan,
  });
  const icmpOffset = ipOffset + emitIpv4(out, ipOffset, {
    source: frame.subarray(ip.destinationOffset, ip.destinationOffset + IPV4.ADDRESS_BYTES),
    destination: frame.subarray(ip.sourceOffset, ip.sourceOffset + IPV4.ADDRESS_BYTES),
    protocol: IP_PROTOCOL.ICMP,
    payloadLength: ICMP.HEADER_BYTES + payloadLength,
    hopLimit: from.ttl,
    id: ip.id,
    dontFragment: ip.dontFragment,
  });
  const payloadOffset = icmpOffset + ICMP.HEADER_BYTES;
  out.set(frame.subarray(message.payloadOffset, message.payloadOffset + payloadLength), payloadOffset);
  emitIcmp(out, icmpOffset, {
    type: ICMP_TYPE.ECHO_REPLY,
    code: 0,
    restOfHeader: message.restOfHeader,
    payloadLength,
  });
  return payloadOffset + payloadLength;
}
