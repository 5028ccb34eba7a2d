/**
 * Events about ARP, NDP and ICMP, made from packets as values.
 *
 * Owns: the building of events, and what a packet is called. Must not know: what a packet leads to.
 */
import type { ArpEvent, IcmpEvent, NdpEvent } from "../tcp/events.ts";
import { formatIpAddress, formatMac, isUnspecified, sameAddress } from "../wire/address.ts";
import { ARP_OPERATION, type ArpPacket } from "../wire/arp.ts";
import { ICMP_TYPE, ICMP_UNREACHABLE, type IcmpMessage } from "../wire/icmp.ts";
import { ICMPV6_TYPE } from "../wire/icmpv6.ts";
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

/** What a message is, of the ICMP that goes with addresses of so many bytes. */
export function icmpKind(
  addressBytes: number,
  message: Pick<IcmpMessage, "type" | "code">,
): IcmpEvent["kind"] {
  return addressBytes === IPV4.ADDRESS_BYTES ? icmpv4Kind(message) : icmpv6Kind(message);
}

function icmpv4Kind({ type, code }: Pick<IcmpMessage, "type" | "code">): IcmpEvent["kind"] {
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

function icmpv6Kind({ type }: Pick<IcmpMessage, "type">): IcmpEvent["kind"] {
  switch (type) {
    case ICMPV6_TYPE.ECHO_REQUEST:
      return "echo-request";
    case ICMPV6_TYPE.ECHO_REPLY:
      return "echo-reply";
    case ICMPV6_TYPE.UNREACHABLE:
      return "unreachable";
    case ICMPV6_TYPE.PACKET_TOO_BIG:
      return "too-big";
    case ICMPV6_TYPE.TIME_EXCEEDED:
      return "time-exceeded";
    case ICMPV6_TYPE.PARAMETER_PROBLEM:
      return "parameter-problem";
    default:
      return "other";
  }
}

/**
 * What the event of a message says beside its kind. `packet`, in `bytes`, is the one that brought it; or, where `from` is
 * given, the one that is answered with it from there.
 */
export function icmpFields(
  { type, code }: Pick<IcmpMessage, "type" | "code">,
  about: { readonly bytes: Uint8Array; readonly packet: IpPacket; readonly from?: Uint8Array },
): Pick<IcmpEvent, "type" | "code" | "from" | "to"> {
  const { bytes, packet, from } = about;
  const at = (offset: number) => formatIpAddress(bytes.subarray(offset, offset + packet.addressBytes));
  return from === undefined
    ? { type, code, from: at(packet.sourceOffset), to: at(packet.destinationOffset) }
    : { type, code, from: formatIpAddress(from), to: at(packet.sourceOffset) };
}
