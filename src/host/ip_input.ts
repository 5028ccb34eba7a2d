/**
 * IpInput: a packet of either version on its way in, up to TCP's connections, or to ICMP.
 *
 * Owns: the order of the checks on addresses, fragments, protocols and sums (RFC 1122 §3.2.1). Must not know: Ethernet
 * beyond where a frame came from, ARP, what TCP does with a segment (connections.ts).
 */
import type { DropReason } from "../wire/drop_reason.ts";
import type { EthernetHeader } from "../wire/ethernet.ts";
import { IP_PROTOCOL, IpPacket, parseIp } from "../wire/ip.ts";
import type { HostCounters } from "./host_counters.ts";
import type { IcmpInput } from "./icmp_input.ts";
import type { Icmpv6Input } from "./icmpv6_input.ts";
import type { IcmpErrorKind, IcmpOutput } from "./icmp_output.ts";
import type { MulticastGroups } from "./multicast_groups.ts";
import type { OwnAddresses } from "./own_addresses.ts";
import type { Reassembly } from "./reassembly.ts";
import type { TcpInput } from "./tcp_input.ts";
import type { UdpInput } from "./udp_input.ts";

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** What packets are judged with, and handed to. */
interface IpInputOptions {
  readonly addresses: OwnAddresses;
  /** Which groups of IPv6 are ours; null for none. */
  readonly groups: Pick<MulticastGroups, "isJoined"> | null;
  readonly reassembly: Pick<Reassembly, "arrives">;
  readonly tcp: TcpInput;
  readonly udp: Pick<UdpInput, "arrives">;
  readonly icmp: Pick<IcmpInput, "arrives">;
  readonly icmpv6: Pick<Icmpv6Input, "arrives">;
  /** Tells the sender where nobody takes a packet. */
  readonly icmpOutput: Pick<IcmpOutput, "error">;
  readonly counters: HostCounters;
  /** Tells of a frame that was not taken, and counts it. */
  drop(reason: DropReason): void;
}

/** The IP input of one host. */
export class IpInput {
  readonly #options: IpInputOptions;
  readonly #counters: HostCounters;
  // Records reused for every packet.
  readonly #ip = new IpPacket();
  readonly #origin = { frame: NO_BYTES, isUnicast: false };
  readonly #subject = { bytes: NO_BYTES, packet: this.#ip, origin: this.#origin };

  constructor(options: IpInputOptions) {
    this.#options = options;
    this.#counters = options.counters;
  }

  /** Takes the packet in a frame of `length` bytes; `isUnicast`: the frame came to our own hardware address. */
  arrives(frame: Uint8Array, length: number, about: { ethernet: EthernetHeader; isUnicast: boolean }): void {
    const ip = this.#ip;
    const { ethernet, isUnicast } = about;
    const { payloadOffset } = ethernet;
    const { addresses, reassembly } = this.#options;
    const reason = parseIp(ethernet.type, frame, payloadOffset, length - payloadOffset, ip);
    if (reason !== null) {
      this.#options.drop(reason);
      if (ip.problemCode >= 0) {
        this.#cameBy(frame, isUnicast);
        this.#tellSender("parameter-problem", frame, ip);
      }
      return;
    }
    // MUST-57: a broadcast never opens a connection; nothing else of ours listens to one, but to the groups of IPv6.
    const isOurs = isUnicast && addresses.isOurs(frame, ip.destinationOffset, ip.addressBytes);
    if (!isOurs && !this.#isForOurGroup(frame)) {
      this.#counters.drop("not-for-us");
      return;
    }
    if (!ip.isFragment) {
      // What nearly every packet is.
      if (isOurs && ip.protocol === IP_PROTOCOL.TCP) this.#options.tcp.arrives(frame, ip);
      else this.#deliver(frame, ip, { frame, isUnicast, isOurs });
      return;
    }
    const whole = reassembly.arrives(frame, ip);
    if (whole !== null) this.#deliver(whole.bytes, whole.packet, { frame, isUnicast, isOurs });
  }

  #isForOurGroup(frame: Uint8Array): boolean {
    const { groups } = this.#options;
    return groups !== null && this.#ip.isIpv6 && groups.isJoined(frame, this.#ip.destinationOffset);
  }

  #deliver(
    bytes: Uint8Array,
    packet: IpPacket,
    about: { frame: Uint8Array; isUnicast: boolean; isOurs: boolean },
  ): void {
    const { tcp, udp, icmp, icmpv6 } = this.#options;
    const { TCP, ICMP, ICMPV6, NO_NEXT_HEADER, UDP } = IP_PROTOCOL;
    const { protocol, isIpv6 } = packet;
    this.#cameBy(about.frame, about.isUnicast);
    if (protocol === TCP) {
      if (about.isOurs) tcp.arrives(bytes, packet);
      else this.#counters.drop("not-for-us");
    } else if (protocol === UDP && about.isOurs && udp.arrives(bytes, packet)) {
      return;
    } else if (protocol === ICMP && !isIpv6) {
      icmp.arrives(bytes, packet, this.#origin);
    } else if (protocol === ICMPV6 && isIpv6) {
      icmpv6.arrives(bytes, packet, this.#origin);
    } else {
      // RFC 1122 §3.2.2.1, RFC 4443 §3.1 and §3.4: nobody speaks the protocol; nobody is at the port of UDP.
      this.#counters.drop("unknown-protocol");
      // RFC 8200 §4.7: of that nothing is wanted.
      if (protocol === NO_NEXT_HEADER && isIpv6) return;
      this.#tellSender(protocol === UDP ? "port-unreachable" : "protocol-unreachable", bytes, packet);
    }
  }

  #cameBy(frame: Uint8Array, isUnicast: boolean): void {
    this.#origin.frame = frame;
    this.#origin.isUnicast = isUnicast;
  }

  #tellSender(kind: IcmpErrorKind, bytes: Uint8Array, packet: IpPacket): void {
    this.#subject.bytes = bytes;
    this.#subject.packet = packet;
    this.#options.icmpOutput.error(kind, this.#subject);
  }
}
