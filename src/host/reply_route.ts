/**
 * ReplyRoute: the way back to where the segment in hand came from, for answers that belong to no connection.
 *
 * Owns: the addresses, ports, hardware address and VLAN of that way; with which time to live and DSCP it is gone: those of whom
 * the segment was for, since a reset in the name of a connection is one of its segments (RFC 9293 §3.9.2, MUST-48, MUST-49). Must not
 * know: what is answered, or why.
 */
import { bytesEqual, connectionName } from "../wire/address.ts";
import { addressSum } from "../wire/ip.ts";
import type { TcpSegment } from "../wire/tcp.ts";
import { AddressBook } from "./address_book.ts";
import type { Arrival } from "./arrival.ts";
import { Neighbor } from "./neighbor.ts";
import type { SegmentRoute } from "./segment_writer.ts";

const MAC_BYTES = 6;

/** Of whose segments an answer is one. */
type Sender = Pick<SegmentRoute, "hopLimit" | "dscp">;

/** One per host; taken anew for each segment that needs it. */
export class ReplyRoute implements SegmentRoute {
  localAddress: Uint8Array = new Uint8Array(0);
  localPort = 0;
  peerAddress: Uint8Array = new Uint8Array(0);
  peerPort = 0;
  addressSum = 0;
  packetNumber = 0;
  peerUdpPort = 0;
  localUdpPort = 0;
  hop: Neighbor = new Neighbor(null, new Uint8Array(MAC_BYTES));
  readonly #addresses: AddressBook;
  #segment: TcpSegment | null = null;
  #from: Arrival | null = null;
  #sender: Sender | null = null;

  /** `seed`: 32 random bits. */
  constructor(seed: number) {
    this.#addresses = new AddressBook(seed);
  }

  /** Notes the segment in hand; costs nothing until {@link ReplyRoute.take}. */
  arrives(segment: TcpSegment, from: Arrival): void {
    this.#segment = segment;
    this.#from = from;
    this.#sender = null;
  }

  /** The segment is for a connection or a listener: what answers it is sent as its own segments are. */
  answersAs(sender: Sender): void {
    this.#sender = sender;
  }

  get hopLimit(): number {
    return this.#sender === null ? 0 : this.#sender.hopLimit;
  }

  get dscp(): number {
    return this.#sender === null ? 0 : this.#sender.dscp;
  }

  /** Takes the way back to where the noted segment came from. */
  take(): void {
    const segment = this.#segment;
    const from = this.#from;
    if (segment === null || from === null) return;
    const { bytes, localOffset, peerOffset, addressBytes, macOffset } = from;
    this.localAddress = this.#addresses.at(bytes, localOffset, addressBytes);
    this.peerAddress = this.#addresses.at(bytes, peerOffset, addressBytes);
    this.addressSum = addressSum(this.localAddress, this.peerAddress);
    this.localPort = segment.destinationPort;
    this.peerPort = segment.sourcePort;
    this.peerUdpPort = from.peerUdpPort;
    this.localUdpPort = from.localUdpPort;
    // Most strangers come by the same router or from the same neighbor: one record serves their connections.
    if (this.hop.mac === null || !bytesEqual(bytes, macOffset, this.hop.mac)) {
      this.hop = new Neighbor(null, bytes.slice(macOffset, macOffset + MAC_BYTES));
    }
  }

  /** Named as connections are. */
  get name(): string {
    return connectionName(this);
  }
}
