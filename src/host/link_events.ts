/**
 * Events about ARP, NDP and ICMP, made from packets as values.
 *
 * Owns: the building of events, and what a packet is called. Must not know: what a packet leads to.
 */
import type { ArpEvent, IcmpEvent, NdpEvent } from "../tcp/events.ts";
import { formatIpAddress, formatMac, isUnspecified, sameAddress } from "../wire/address.ts";
import { ARP_OPERATION, type ArpPacket } from "../wire/arp.ts";
import { ICMP_TYPE, ICMP_UNREACHABLE, type IcmpMessage } from "../wire/icmp.ts";
import { type IpPacket } from "../wire/ip_packet.ts";
import { IPV4 } from "../wire/ipv4.ts";
import type { NeighborTalk } from "./ndp_output.ts";

/** What an ARP packet is (RFC 826, RFC 5227 §1.1). */
export function arpKind(packet: ArpPacket): ArpEvent["kind"] {
  if (packet.operation === ARP_OPERATION.REPLY) return "reply";
  if (isUnspecified(packet.senderIp)) return "probe";
  return sameAddress(packet.senderIp, packet.targetIp) ? "announcement" : "request";
}

/** What an ARP packet's event says beside its kind and direction. */
export function arpFields(packet: ArpPacket): Pick<ArpEvent, "sender" | "senderMac" | "target"> {
  return {
    sender: formatIpAddress(packet.senderIp),
    senderMac: formatMac(packet.senderMac),
    target: formatIpAddress(packet.targetIp),
  };
}

/** What a message of neighbor discovery is (RFC 4861 §4.3, §4.4, RFC 4862 §5.4.2). */
export function ndpKind({ isSolicitation, isSolicited, source }: NeighborTalk): NdpEvent["kind"] {
  if (isSolicitation) return isUnspecified(source) ? "probe" : "solicitation";
  return isSolicited ? "advertisement" : "announcement";
}

/** What its event says beside its kind and direction. */
export function ndpFields(talk: NeighborTalk): Pick<NdpEvent, "sender" | "senderMac" | "target" | "to"> {
  return {
    sender: formatIpAddress(talk.source),
    senderMac: formatMac(talk.mac),
    target: formatIpAddress(talk.target),
    to: formatIpAddress(talk.destination),
  };
}

/** What an ICMP message is. */
export function icmpKind({ type, code }: IcmpMessage): IcmpEvent["kind"] {
  switch (type) {
    case ICMP_TYPE.ECHO_REQUEST:
      return "echo-request";
    case ICMP_TYPE.ECHO_REPLY:
      return "echo-reply";
    case ICMP_TYPE.UNREACHABLE:
      return code === ICMP_UNREACHABLE.FRAGMENTATION_NEEDED ? "too-big" : "unreachable";
    case ICMP_TYPE.TIME_EXCEEDED:
      return "time-exceeded";
    case ICMP_TYPE.PARAMETER_PROBLEM:
      return "parameter-problem";
    default:
      return "other";
  }
}

/** What the event of a received message says beside its kind; `frame` holds the packet's header `ip`. */
export function icmpFields(
  message: IcmpMessage,
  packet: { readonly frame: Uint8Array; readonly ip: IpPacket },
): Pick<IcmpEvent, "type" | "code" | "from" | "to"> {
  const { frame, ip } = packet;
  const at = (offset: number) => formatIpAddress(frame.subarray(offset, offset + IPV4.ADDRESS_BYTES));
  return {
    type: message.type,
    code: message.code,
    from: at(ip.sourceOffset),
    to: at(ip.destinationOffset),
  };
}
