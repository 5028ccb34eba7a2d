/**
 * IpInput: an IPv4 packet on its way in, up to TCP's connections, ICMP errors about them, or an echo.
 *
 * Owns: the order of the checks on addresses, fragments, protocols and sums (RFC 1122 §3.2.1). Must not know: Ethernet
 * beyond where a frame came from, ARP, what TCP does with a segment (connections.ts).
 */
import { readU16 } from "../wire/bytes.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import { ETHERNET, type EthernetHeader } from "../wire/ethernet.ts";
import { ICMP_TYPE, IcmpMessage, parseIcmp, parseQuotedPacket, QuotedPacket } from "../wire/icmp.ts";
import { IP_PROTOCOL, IpPacket, parseIp } from "../wire/ip.ts";
import { IPV4 } from "../wire/ipv4.ts";
import type { Arrival } from "./arrival.ts";
import type { Connections } from "./connections.ts";
import type { EchoRequest } from "./echo.ts";
import type { HostCounters } from "./host_counters.ts";
import type { ToldIcmp } from "./demultiplexer.ts";
import { icmpNews } from "./icmp_input.ts";
import { icmpFields, icmpKind } from "./link_events.ts";
import type { OwnAddresses } from "./own_addresses.ts";
import type { TcpInput } from "./tcp_input.ts";

/** What packets are judged with, and handed to. */
interface IpInputOptions {
  readonly addresses: OwnAddresses;
  readonly tcp: TcpInput;
  readonly connections: Connections;
  readonly counters: HostCounters;
  /** Tells of a frame that was not taken, and counts it. */
  drop(reason: DropReason): void;
  /** Takes an echo request from a host that may be answered. */
  echo(request: EchoRequest): void;
}

/** The IPv4 input of one host. */
export class IpInput {
  readonly #options: IpInputOptions;
  readonly #connections: Connections;
  readonly #counters: HostCounters;
  // Records reused for every packet.
  readonly #ip = new IpPacket();
  readonly #icmp = new IcmpMessage();
  readonly #quoted = new QuotedPacket();
  readonly #arrival: Arrival = {
    bytes: new Uint8Array(0),
    peerOffset: 0,
    localOffset: 0,
    addressBytes: IPV4.ADDRESS_BYTES,
    macOffset: ETHERNET.SOURCE,
    ecn: 0,
    dscp: 0,
  };

  constructor(options: IpInputOptions) {
    this.#options = options;
    this.#connections = options.connections;
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
    if (ip.protocol === IP_PROTOCOL.TCP) this.#options.tcp.arrives(frame, ip);
    else if (ip.protocol === IP_PROTOCOL.ICMP && !ip.isIpv6) this.#icmpArrives(frame, ethernet);
    else this.#counters.drop("unknown-protocol");
  }

  #icmpArrives(frame: Uint8Array, ethernet: EthernetHeader): void {
    const ip = this.#ip;
    const arrival = this.#arrival;
    arrival.bytes = frame;
    arrival.peerOffset = ip.sourceOffset;
    if (!this.#options.addresses.isHostAddress(sourceOf(arrival))) {
      // RFC 1122 §3.2.1.3
      this.#options.drop("bad-source");
      return;
    }
    const message = this.#icmp;
    const reason = parseIcmp(frame, ip.payloadOffset, ip.payloadLength, message);
    if (reason !== null) {
      this.#options.drop(reason);
      return;
    }
    if (message.type === ICMP_TYPE.ECHO_REQUEST) {
      this.#options.echo({ frame, ethernet, ip, message });
      return;
    }
    const told: ToldIcmp | null = this.#connections.teller.isObserved
      ? { kind: icmpKind(message), make: () => icmpFields(message, { frame, ip }) }
      : null;
    const quoted = this.#quoted;
    switch (message.type) {
      case ICMP_TYPE.UNREACHABLE:
      case ICMP_TYPE.TIME_EXCEEDED:
      case ICMP_TYPE.PARAMETER_PROBLEM:
        break;
      default:
        // MUST-55: Source Quench, and whatever is no error about a packet of ours.
        this.#connections.icmpIsNews(told);
        return;
    }
    if (parseQuotedPacket(frame, message.payloadOffset, message.payloadLength, quoted) !== null) {
      this.#options.drop("malformed-icmp");
      return;
    }
    if (quoted.protocol !== IP_PROTOCOL.TCP || quoted.addressBytes !== IPV4.ADDRESS_BYTES) {
      this.#connections.icmpIsNews(told);
      return;
    }
    arrival.peerOffset = quoted.peerAddressOffset;
    arrival.localOffset = quoted.localAddressOffset;
    const { seq } = quoted;
    const packetBytes = readU16(frame, message.payloadOffset + IPV4.TOTAL_LENGTH);
    this.#connections.icmpArrives(
      arrival,
      { localPort: quoted.localPort, peerPort: quoted.peerPort, told },
      () => icmpNews(message, { seq, packetBytes }),
    );
  }
}

/** The address that a packet says it is from; a view. */
function sourceOf({ bytes, peerOffset, addressBytes }: Arrival): Uint8Array {
  return bytes.subarray(peerOffset, peerOffset + addressBytes);
}
