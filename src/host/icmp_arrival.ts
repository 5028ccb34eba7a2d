/**
 * IcmpArrival: an ICMP message that has come, of either version.
 *
 * Owns: the record, reused for every message, and what is known of a packet beside its own bytes. Must not know: what the
 * message means.
 */
import { IcmpMessage } from "../wire/icmp.ts";
import { IpPacket } from "../wire/ip_packet.ts";

/** How a packet came to us. */
export interface PacketOrigin {
  /** The frame that brought it; the last one, for a packet that was put together from fragments. */
  readonly frame: Uint8Array;
  /** Whether the frame was for our hardware address alone: neither broadcast nor multicast. */
  readonly isUnicast: boolean;
}

/** One message; everything in it is valid only while the frame is. */
export class IcmpArrival {
  /** What `packet` and `message` locate. */
  bytes: Uint8Array = new Uint8Array(0);
  packet = new IpPacket();
  origin: PacketOrigin = { frame: this.bytes, isUnicast: false };
  readonly message = new IcmpMessage();
}

/**
 * Copies the address at `offset` into a buffer of its length, so that it can be looked at by itself: messages come in
 * floods, and a view for each would be made for nothing.
 */
export class AddressCopy {
  readonly #four = new Uint8Array(4);
  readonly #sixteen = new Uint8Array(16);

  /** The copy of `addressBytes` bytes; valid until the next. */
  of(bytes: Uint8Array, offset: number, addressBytes: number): Uint8Array {
    const copy = addressBytes === 4 ? this.#four : this.#sixteen;
    for (let i = 0; i < addressBytes; i++) copy[i] = bytes[offset + i];
    return copy;
  }
}
