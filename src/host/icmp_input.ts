/**
 * IcmpInput: ICMP of IPv4 that arrives: echo requests, and errors (RFC 792, RFC 1122 §3.2.2).
 *
 * Owns: the checks of the source and the sum, and the sorting. Must not know: what an error means (icmp_meanings.ts), how
 * an answer is made (echo.ts).
 */
import type { DropReason } from "../wire/drop_reason.ts";
import { ICMP_TYPE, parseIcmp } from "../wire/icmp.ts";
import type { IpPacket } from "../wire/ip_packet.ts";
import type { Echo } from "./echo.ts";
import { AddressCopy, IcmpArrival, type PacketOrigin } from "./icmp_arrival.ts";
import type { IcmpErrors } from "./icmp_errors.ts";
import type { OwnAddresses } from "./own_addresses.ts";

/** What messages are judged with, and handed to. */
interface IcmpInputOptions {
  readonly addresses: Pick<OwnAddresses, "isHostAddress">;
  readonly echo: Pick<Echo, "arrives">;
  readonly errors: Pick<IcmpErrors, "arrives">;
  /** Tells of a message that was not taken, and counts it. */
  drop(reason: DropReason): void;
}

/** The ICMP input of one host. */
export class IcmpInput {
  readonly #options: IcmpInputOptions;
  readonly #icmp = new IcmpArrival();
  readonly #source = new AddressCopy();

  constructor(options: IcmpInputOptions) {
    this.#options = options;
  }

  /** Takes a whole packet to an address of ours, which `packet` locates in `bytes`. */
  arrives(bytes: Uint8Array, packet: IpPacket, origin: PacketOrigin): void {
    const { addresses, echo, errors } = this.#options;
    if (!addresses.isHostAddress(this.#source.of(bytes, packet.sourceOffset, packet.addressBytes))) {
      // RFC 1122 §3.2.1.3
      this.#options.drop("bad-source");
      return;
    }
    const icmp = this.#icmp;
    const reason = parseIcmp(bytes, packet.payloadOffset, packet.payloadLength, icmp.message);
    if (reason !== null) {
      this.#options.drop(reason);
      return;
    }
    icmp.bytes = bytes;
    icmp.packet = packet;
    icmp.origin = origin;
    if (icmp.message.type === ICMP_TYPE.ECHO_REQUEST) echo.arrives(icmp);
    else errors.arrives(icmp);
  }
}
