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
import type { IcmpOutput } from "./icmp_output.ts";
import type { OwnAddresses } from "./own_addresses.ts";
import type { TcpInput } from "./tcp_input.ts";

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** What packets are judged with, and handed to. */
interface IpInputOptions {
  readonly addresses: OwnAddresses;
  readonly tcp: TcpInput;
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
    const reason = parseIp(ethernet.type, frame, payloadOffset, length - payloadOffset, ip);
    if (reason !== null) {
      this.#options.drop(reason);
      if (reason === "unsupported-ipv6-header") {
        this.#cameBy(frame, isUnicast);
        this.#options.icmpOutput.error("parameter-problem", this.#subject);
      }
      return;
    }
    // MUST-57: a broadcast never opens a connection; nothing else of ours listens to one.
    if (!isUnicast || !this.#options.addresses.isOurs(frame, ip.destinationOffset, ip.addressBytes)) {
      this.#counters.drop("not-for-us");
      return;
    }
    if (ip.moreFragments || ip.fragmentOffset > 0) {
      this.#options.drop("fragment");
      return;
    }
    if (ip.protocol === IP_PROTOCOL.TCP) {
      this.#options.tcp.arrives(frame, ip);
      return;
    }
    this.#cameBy(frame, isUnicast);
    const { ICMP, ICMPV6 } = IP_PROTOCOL;
    if (ip.protocol === ICMP && !ip.isIpv6) this.#options.icmp.arrives(frame, ip, this.#origin);
    else if (ip.protocol === ICMPV6 && ip.isIpv6) this.#options.icmpv6.arrives(frame, ip, this.#origin);
    else this.#refuse();
  }

  #cameBy(frame: Uint8Array, isUnicast: boolean): void {
    this.#origin.frame = frame;
    this.#origin.isUnicast = isUnicast;
    this.#subject.bytes = frame;
  }

  /** RFC 1122 §3.2.2.1, RFC 4443 §3.1 and §3.4: nobody speaks the protocol; nobody is at the port of UDP. */
  #refuse(): void {
    this.#counters.drop("unknown-protocol");
    const isUdp = this.#ip.protocol === IP_PROTOCOL.UDP;
    this.#options.icmpOutput.error(isUdp ? "port-unreachable" : "protocol-unreachable", this.#subject);
  }
}
