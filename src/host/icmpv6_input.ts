/**
 * Icmpv6Input: ICMP of IPv6 that arrives (RFC 4443 §2.4): echo requests, errors, and what others have asked to hear: neighbour
 * discovery, router discovery, multicast listener discovery.
 *
 * Owns: the checks of the sum, the source and the destination, and the sorting. Must not know: what an error means
 * (icmp_meanings.ts), how an answer is made (echo.ts), what the others do with theirs.
 */
import type { DropReason } from "../wire/drop_reason.ts";
import type { IcmpMessage } from "../wire/icmp.ts";
import { ICMPV6_TYPE, parseIcmpv6 } from "../wire/icmpv6.ts";
import { pseudoSum } from "../wire/ip.ts";
import { IP_PROTOCOL, type IpPacket } from "../wire/ip_packet.ts";
import type { Echo } from "./echo.ts";
import { AddressCopy, IcmpArrival, type PacketOrigin } from "./icmp_arrival.ts";
import type { IcmpErrors } from "./icmp_errors.ts";
import type { OwnAddresses } from "./own_addresses.ts";

/** The first byte of a multicast address (RFC 4291 §2.7). */
const MULTICAST = 0xff;

/**
 * Hears messages of some types whose sum is right, from whatever source but a group. It checks the rest by itself: the hop
 * limit, the code, the lengths, the addresses.
 */
export interface Icmpv6Listener {
  /** `frame` is a whole one as it came, and holds packet and message. Says why the message was not taken, where it was not. */
  arrives(frame: Uint8Array, packet: IpPacket, message: IcmpMessage): DropReason | null | void;
}

/** What messages are judged with, and handed to. */
interface Icmpv6InputOptions {
  readonly addresses: Pick<OwnAddresses, "isHostAddress">;
  readonly echo: Pick<Echo, "arrives">;
  readonly errors: Pick<IcmpErrors, "arrives">;
  /** Who hears which type. */
  readonly listeners: ReadonlyMap<number, Icmpv6Listener>;
  /** Tells of a message that was not taken, and counts it. */
  drop(reason: DropReason): void;
}

/** The ICMPv6 input of one host. */
export class Icmpv6Input {
  readonly #options: Icmpv6InputOptions;
  readonly #icmp = new IcmpArrival();
  readonly #source = new AddressCopy();

  constructor(options: Icmpv6InputOptions) {
    this.#options = options;
  }

  /** Takes a whole packet to an address of ours, or to a group that we are in; `packet` locates it in `bytes`. */
  arrives(bytes: Uint8Array, packet: IpPacket, origin: PacketOrigin): void {
    const { addresses, echo, errors, listeners, drop } = this.#options;
    const { payloadOffset, payloadLength } = packet;
    if (bytes[packet.sourceOffset] === MULTICAST) {
      // RFC 4291 §2.7
      drop("bad-source");
      return;
    }
    const icmp = this.#icmp;
    const { message } = icmp;
    const pseudo = pseudoSum(packet.addressSum, IP_PROTOCOL.ICMPV6, payloadLength);
    const reason = parseIcmpv6(bytes, payloadOffset, payloadLength, pseudo, message);
    if (reason !== null) {
      drop(reason);
      return;
    }
    const listener = listeners.get(message.type);
    if (listener !== undefined) {
      // RFC 6980 §5: neighbour discovery never comes in fragments, and nothing else that is heard here needs them.
      const isWhole = packet.fragmentHeaderOffset < 0 && bytes === origin.frame;
      const fault = isWhole ? listener.arrives(bytes, packet, message) ?? null : "bad-neighbor-message";
      if (fault !== null) drop(fault);
      return;
    }
    if (!addresses.isHostAddress(this.#source.of(bytes, packet.sourceOffset, packet.addressBytes))) {
      drop("bad-source");
      return;
    }
    icmp.bytes = bytes;
    icmp.packet = packet;
    icmp.origin = origin;
    if (message.type === ICMPV6_TYPE.ECHO_REQUEST) {
      echo.arrives(icmp);
    } else if (bytes[packet.destinationOffset] === MULTICAST) {
      // Our packets leave from addresses of our own, and nobody complains of them to a group.
      drop("not-for-us");
    } else {
      errors.arrives(icmp);
    }
  }
}
