/**
 * IcmpOutput: ICMP errors that we send about packets that came, of both versions.
 *
 * Owns: when one is sent at all (RFC 1122 §3.2.2, RFC 4443 §2.4 (e) and (f)), what it quotes, and from which address. Must not know: what
 * was wrong with the packet, how one is sent. TCP has its own way to refuse, RST: nobody calls this for a segment's port.
 */
import { isMulticastAddress } from "../wire/address.ts";
import { readU16 } from "../wire/bytes.ts";
import { ETHERNET } from "../wire/ethernet.ts";
import { emitIcmpMessage, ICMP, ICMP_TYPE, ICMP_UNREACHABLE } from "../wire/icmp.ts";
import {
  ICMPV6_PARAMETER_PROBLEM,
  ICMPV6_TIME_EXCEEDED,
  ICMPV6_TYPE,
  ICMPV6_UNREACHABLE,
  isIcmpv6Error,
} from "../wire/icmpv6.ts";
import { IP_PROTOCOL, type IpPacket } from "../wire/ip_packet.ts";
import { IPV4 } from "../wire/ipv4.ts";
import { IPV6 } from "../wire/ipv6.ts";
import { parseQuotedHeaders, QuotedPacket } from "../wire/quoted_packet.ts";
import type { EventTeller } from "./event_teller.ts";
import { AddressCopy, type PacketOrigin } from "./icmp_arrival.ts";
import type { IcmpLimit } from "./icmp_limit.ts";
import type { OutgoingPacket, PacketSender } from "./ip_output.ts";
import { icmpFields, icmpKind } from "./link_events.ts";

/**
 * What was wrong. `protocol-unreachable` is of IPv6 an unrecognized next header (RFC 4443 §3.4); `parameter-problem` exists of IPv6 alone,
 * and says what `problemCode` and `problemPointer` of the packet say.
 */
export type IcmpErrorKind =
  | "protocol-unreachable"
  | "port-unreachable"
  | "reassembly-time"
  | "parameter-problem";

/** The packet that an error is about. Of one that could not be parsed to its end the addresses and the problem are read. */
export interface ErrorSubject {
  readonly bytes: Uint8Array;
  readonly packet: IpPacket;
  /** Null where the frame is not at hand any more: it came to our own hardware address, and the error is routed. */
  readonly origin: PacketOrigin | null;
}

/** RFC 1812 §4.3.2.3: as much as fits into what everybody can take; RFC 4443 §2.4 (c). */
const IPV4_MOST_BYTES = 576;
const IPV6_MOST_BYTES = 1280;
/** The first byte of a multicast address (RFC 4291 §2.7). */
const IPV6_MULTICAST = 0xff;
/** RFC 792. */
const IPV4_REASSEMBLY_TIME = 0x01;
/** RFC 1122 §3.2.2: the errors of ICMP; redirect (RFC 792) is one. */
const IPV4_REDIRECT = 0x05;
const IPV4_ERRORS: readonly number[] = [
  ICMP_TYPE.UNREACHABLE,
  ICMP_TYPE.SOURCE_QUENCH,
  IPV4_REDIRECT,
  ICMP_TYPE.TIME_EXCEEDED,
  ICMP_TYPE.PARAMETER_PROBLEM,
];

/** What is known of addresses; a host's `OwnAddresses` know it. */
interface AddressJudge {
  isOurs(bytes: Uint8Array, offset: number, addressBytes: number): boolean;
  isHostAddress(address: Uint8Array): boolean;
}

/** What errors are judged and made with. */
interface IcmpOutputOptions {
  readonly clock: { readonly nowUs: number };
  readonly addresses: AddressJudge;
  readonly sender: PacketSender;
  readonly limit: IcmpLimit;
  readonly teller: Pick<EventTeller, "isObserved" | "icmp">;
  /** Whether answers to whom we have nothing with stay away now, because too much arrives; it counts by itself. */
  keepsSilent(): boolean;
  /** The address of ours that answers an address, where the packet was to none of ours; null for none. */
  sourceFor(destination: Uint8Array): Uint8Array | null;
  /** Called with `icmp-errors-out`, `icmp-limited`. */
  readonly count: (name: string) => void;
}

/** The errors that one host sends. */
export class IcmpOutput {
  readonly #options: IcmpOutputOptions;
  readonly #quoted = new QuotedPacket();
  readonly #peer = new AddressCopy();
  readonly #local = new AddressCopy();
  readonly #routed = new IcmpError();
  readonly #direct = new DirectIcmpError();

  constructor(options: IcmpOutputOptions) {
    this.#options = options;
  }

  /** Sends one error about a packet, or none where there must not be one; `about` is not kept. */
  error(kind: IcmpErrorKind, about: ErrorSubject): void {
    const { addresses, clock, limit, teller } = this.#options;
    const { bytes, packet, origin } = about;
    const error = origin === null ? this.#routed : this.#direct;
    const length = lengthOf(about);
    if (parseQuotedHeaders(bytes, packet.headerOffset, length, this.#quoted) !== null) return;
    if (!error.name(kind, packet, this.#quoted) || !this.#deserves(about, error, length)) return;
    const peer = this.#peer.of(bytes, packet.sourceOffset, packet.addressBytes);
    if (!addresses.isHostAddress(peer)) return;
    const source = this.#sourceOf(about, peer);
    if (source === null || this.#options.keepsSilent()) return;
    if (!limit.take(peer, clock.nowUs)) {
      this.#options.count("icmp-limited");
      return;
    }
    this.#options.count("icmp-errors-out");
    if (origin !== null) this.#direct.follow(origin);
    error.source = source;
    error.destination = peer;
    error.quote(bytes, packet, length);
    if (teller.isObserved) {
      const { type, code } = error;
      teller.icmp(
        { direction: "send", kind: icmpKind(packet.addressBytes, error) },
        () => icmpFields({ type, code }, { bytes, packet, from: source }),
      );
    }
    this.#options.sender.send(error);
  }

  /** The rules of RFC 1122 §3.2.2 and RFC 4443 §2.4 (e), but for the source. */
  #deserves({ bytes, packet, origin }: ErrorSubject, error: IcmpError, length: number): boolean {
    const { addressBytes, destinationOffset } = packet;
    const isToUs = this.#options.addresses.isOurs(bytes, destinationOffset, addressBytes);
    if (!isToUs || origin?.isUnicast === false) {
      // RFC 4443 §2.4 (e.3), (e.4): except for an option that asks for it, whoever was addressed.
      if (!error.isUnrecognizedOption || !(isToUs || bytes[destinationOffset] === IPV6_MULTICAST)) {
        return false;
      }
    }
    const { protocol, upperOffset } = this.#quoted;
    const isLater = upperOffset < 0;
    // RFC 1122 §3.2.2; RFC 4443 does not forbid it.
    if (isLater && !packet.isIpv6) return false;
    if (protocol !== (packet.isIpv6 ? IP_PROTOCOL.ICMPV6 : IP_PROTOCOL.ICMP)) return true;
    // RFC 1122 §3.2.2, RFC 4443 §2.4 (e.1), (e.2): no error about an error; what cannot be seen to be none is taken for one.
    return !isLater && upperOffset < packet.headerOffset + length &&
      !isError(packet.isIpv6, bytes[upperOffset]);
  }

  /** RFC 1122 §3.2.2 (RFC 1812 §4.3.2.4), RFC 4443 §2.2: the address that the packet was sent to; where that is a group, one of ours. */
  #sourceOf({ bytes, packet }: ErrorSubject, peer: Uint8Array): Uint8Array | null {
    const asked = this.#local.of(bytes, packet.destinationOffset, packet.addressBytes);
    return isMulticastAddress(asked) ? this.#options.sourceFor(peer) : asked;
  }
}

/** Whether a message of the type is an error, or counts as one. */
function isError(isIpv6: boolean, type: number): boolean {
  // RFC 4443 §2.4 (e.2): a redirect counts as one.
  if (isIpv6) return isIcmpv6Error(type) || type === ICMPV6_TYPE.REDIRECT;
  return IPV4_ERRORS.includes(type);
}

/** How much of the packet is there; of one that was not parsed to its end its header alone tells. */
function lengthOf({ bytes, packet }: ErrorSubject): number {
  const { headerOffset } = packet;
  const told = packet.isIpv6
    ? IPV6.HEADER_BYTES + readU16(bytes, headerOffset + IPV6.PAYLOAD_LENGTH)
    : packet.totalLength;
  return Math.min(told, bytes.length - headerOffset);
}

/** An error on its way out, used again for each. */
class IcmpError implements OutgoingPacket {
  source: Uint8Array = new Uint8Array(0);
  destination: Uint8Array = new Uint8Array(0);
  protocol = 0;
  payloadLength = 0;
  type = 0;
  code = 0;
  #rest = 0;
  #quoted: Uint8Array = new Uint8Array(0);
  #quotedOffset = 0;

  get isUnrecognizedOption(): boolean {
    const isProblem = this.protocol === IP_PROTOCOL.ICMPV6 && this.type === ICMPV6_TYPE.PARAMETER_PROBLEM;
    return isProblem && this.code === ICMPV6_PARAMETER_PROBLEM.OPTION;
  }

  /** Takes the type, code and pointer of an error about a packet; false where there is none of the kind. */
  name(kind: IcmpErrorKind, packet: IpPacket, quoted: QuotedPacket): boolean {
    return packet.isIpv6 ? this.#nameIpv6(kind, packet, quoted) : this.#nameIpv4(kind);
  }

  #nameIpv4(kind: IcmpErrorKind): boolean {
    this.protocol = IP_PROTOCOL.ICMP;
    this.#rest = 0;
    switch (kind) {
      case "protocol-unreachable":
        this.#become(ICMP_TYPE.UNREACHABLE, ICMP_UNREACHABLE.PROTOCOL);
        return true;
      case "port-unreachable":
        this.#become(ICMP_TYPE.UNREACHABLE, ICMP_UNREACHABLE.PORT);
        return true;
      case "reassembly-time":
        this.#become(ICMP_TYPE.TIME_EXCEEDED, IPV4_REASSEMBLY_TIME);
        return true;
      case "parameter-problem":
        return false;
    }
  }

  #nameIpv6(kind: IcmpErrorKind, packet: IpPacket, quoted: QuotedPacket): boolean {
    this.protocol = IP_PROTOCOL.ICMPV6;
    this.#rest = 0;
    switch (kind) {
      case "protocol-unreachable":
        // RFC 8200 §4.7: "no next header" is nothing that could not be recognized.
        if (quoted.protocol === IP_PROTOCOL.NO_NEXT_HEADER) return false;
        this.#become(ICMPV6_TYPE.PARAMETER_PROBLEM, ICMPV6_PARAMETER_PROBLEM.NEXT_HEADER);
        this.#rest = quoted.protocolOffset - packet.headerOffset;
        return true;
      case "port-unreachable":
        this.#become(ICMPV6_TYPE.UNREACHABLE, ICMPV6_UNREACHABLE.PORT);
        return true;
      case "reassembly-time":
        this.#become(ICMPV6_TYPE.TIME_EXCEEDED, ICMPV6_TIME_EXCEEDED.REASSEMBLY);
        return true;
      case "parameter-problem":
        if (packet.problemCode < 0) return false;
        this.#become(ICMPV6_TYPE.PARAMETER_PROBLEM, packet.problemCode);
        this.#rest = packet.problemPointer;
        return true;
    }
  }

  #become(type: number, code: number): void {
    this.type = type;
    this.code = code;
  }

  /** Takes as much of the packet as fits. */
  quote(bytes: Uint8Array, packet: IpPacket, length: number): void {
    const most = packet.isIpv6 ? IPV6_MOST_BYTES - IPV6.HEADER_BYTES : IPV4_MOST_BYTES - IPV4.HEADER_BYTES;
    this.payloadLength = Math.min(most, ICMP.HEADER_BYTES + length);
    this.#quoted = bytes;
    this.#quotedOffset = packet.headerOffset;
  }

  write(frame: Uint8Array, offset: number, pseudo: number): void {
    const { type, code } = this;
    const payloadLength = this.payloadLength - ICMP.HEADER_BYTES;
    const quoted = this.#quoted.subarray(this.#quotedOffset, this.#quotedOffset + payloadLength);
    frame.set(quoted, offset + ICMP.HEADER_BYTES);
    const initialSum = this.protocol === IP_PROTOCOL.ICMPV6 ? pseudo : 0;
    emitIcmpMessage(frame, offset, { type, code, restOfHeader: this.#rest, payloadLength }, initialSum);
  }
}

/** One that goes to the station from which the packet came: a stranger's packets put nobody into the neighbour cache. */
class DirectIcmpError extends IcmpError {
  readonly mac = new Uint8Array(6);

  follow({ frame }: PacketOrigin): void {
    this.mac.set(frame.subarray(ETHERNET.SOURCE, ETHERNET.SOURCE + this.mac.length));
  }
}
