/**
 * IcmpErrors: errors of either version that arrive, on their way to the connection that they are about (RFC 1122 §3.2.2, RFC 4443 §2.4 (d),
 * RFC 9293 §3.9.2.2).
 *
 * Owns: finding the quoted segment's connection; an error about nothing costs a look-up. Must not know: what a type and code
 * mean (icmp_meanings.ts), what the machine does then.
 */
import type { IcmpNews } from "../tcp/icmp_arrives.ts";
import type { Tcb } from "../tcp/tcb.ts";
import type { DropReason } from "../wire/drop_reason.ts";
import { ICMPV6_TYPE } from "../wire/icmpv6.ts";
import { IP_PROTOCOL } from "../wire/ip_packet.ts";
import { TCP } from "../wire/tcp.ts";
import { UDP } from "../wire/udp.ts";
import { parseQuotedPacket, QuotedPacket } from "../wire/quoted_packet.ts";
import { readU16, readU32 } from "../wire/bytes.ts";
import { type Arrival, newArrival } from "./arrival.ts";
import type { ToldIcmp } from "./demultiplexer.ts";
import type { EventTeller } from "./event_teller.ts";
import type { IcmpArrival } from "./icmp_arrival.ts";
import { meaningOf, newsOf } from "./icmp_meanings.ts";
import { icmpFields, icmpKind } from "./link_events.ts";

/** Who has the connections: `Connections`. */
export interface ErrorReceiver {
  readonly teller: Pick<EventTeller, "isObserved">;
  icmpArrives(
    from: Arrival,
    about: { localPort: number; peerPort: number; told: ToldIcmp | null },
    make: (tcb: Pick<Tcb, "internet">) => IcmpNews | null,
  ): void;
  icmpIsNews(told: ToldIcmp | null): void;
}

/** What errors are handed to. */
interface IcmpErrorsOptions {
  readonly connections: ErrorReceiver;
  /** A router says that what is quoted, which is no segment, was too big for `mtu` bytes; the offsets are of addresses in `bytes`. */
  tooBig(bytes: Uint8Array, quoted: QuotedPacket, mtu: number): void;
  /** The port from which TCP goes in UDP; 0: it does not. */
  udpPort(): number;
  /** Tells of a message that was not taken, and counts it. */
  drop(reason: DropReason): void;
}

/** Ports and sequence number, which tell whose a segment is. */
const TCP_BEGINNING_BYTES = 8;

/** The errors that arrive at one host. */
export class IcmpErrors {
  readonly #options: IcmpErrorsOptions;
  readonly #quoted = new QuotedPacket();
  readonly #about: { localPort: number; peerPort: number; told: ToldIcmp | null } = {
    localPort: 0,
    peerPort: 0,
    told: null,
  };
  readonly #arrival = newArrival();
  /** The message in hand, for {@link IcmpErrors.#make}, which is made once. */
  #icmp: IcmpArrival | null = null;
  readonly #make = ({ internet }: Pick<Tcb, "internet">): IcmpNews | null =>
    this.#icmp === null ? null : newsOf(this.#icmp.message, this.#quoted, internet);

  constructor(options: IcmpErrorsOptions) {
    this.#options = options;
  }

  /** Takes a message that is no echo request, of a source that can be a host's: an error, or of no meaning to us. */
  arrives(icmp: IcmpArrival): void {
    const { connections } = this.#options;
    const { bytes, packet, message } = icmp;
    const { addressBytes } = packet;
    if (meaningOf(addressBytes, message) === null) {
      connections.icmpIsNews(this.told(icmp));
      return;
    }
    const quoted = this.#quoted;
    const reason = parseQuotedPacket(bytes, message.payloadOffset, message.payloadLength, quoted);
    if (reason !== null) {
      this.#options.drop(reason);
      return;
    }
    const udpPort = quoted.protocol === IP_PROTOCOL.UDP && quoted.addressBytes === addressBytes
      ? this.#takeUdp(icmp)
      : 0;
    if ((quoted.protocol !== IP_PROTOCOL.TCP && udpPort === 0) || quoted.addressBytes !== addressBytes) {
      const isTooBig = packet.isIpv6 && message.type === ICMPV6_TYPE.PACKET_TOO_BIG;
      if (isTooBig && quoted.protocol === IP_PROTOCOL.ICMPV6) {
        this.#options.tooBig(bytes, quoted, message.restOfHeader);
      }
      connections.icmpIsNews(this.told(icmp));
      return;
    }
    const arrival = this.#arrival;
    arrival.bytes = bytes;
    arrival.addressBytes = addressBytes;
    arrival.peerOffset = quoted.peerAddressOffset;
    arrival.localOffset = quoted.localAddressOffset;
    arrival.peerUdpPort = udpPort;
    const about = this.#about;
    about.localPort = quoted.localPort;
    about.peerPort = quoted.peerPort;
    about.told = this.told(icmp);
    this.#icmp = icmp;
    connections.icmpArrives(arrival, about, this.#make);
  }

  /**
   * What is quoted is a datagram: where it holds a segment of ours, that segment's beginning is taken for what is quoted. Returns
   * the peer's port of UDP, 0 where it holds none.
   */
  #takeUdp({ bytes, message }: IcmpArrival): number {
    const quoted = this.#quoted;
    const { peerPort: udpPort, localPort, upperOffset } = quoted;
    if (localPort !== this.#options.udpPort()) return 0;
    const at = upperOffset + UDP.HEADER_BYTES;
    if (at + TCP_BEGINNING_BYTES > message.payloadOffset + message.payloadLength) return 0;
    quoted.localPort = readU16(bytes, at + TCP.SOURCE_PORT);
    quoted.peerPort = readU16(bytes, at + TCP.DESTINATION_PORT);
    quoted.seq = readU32(bytes, at + TCP.SEQUENCE);
    return udpPort;
  }

  /** What is told of a message; null where nobody hears. */
  told({ bytes, packet, message }: IcmpArrival): ToldIcmp | null {
    if (!this.#options.connections.teller.isObserved) return null;
    return {
      kind: icmpKind(packet.addressBytes, message),
      make: () => icmpFields(message, { bytes, packet }),
    };
  }
}
