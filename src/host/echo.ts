/**
 * Echo: the answer to "are you there?" of either version (RFC 792, RFC 1122 §3.2.2.6, RFC 4443 §4.2).
 *
 * Owns: what the reply holds: the request's data, and for IPv4 its identification, so that one that is atomic gets an atomic reply
 * (RFC 6864 §4.1); and who answers where a group was asked. Must not know: how a packet is sent, or cut to fragments.
 */
import type { IpHabits } from "../tcp/profile.ts";
import { isMulticastAddress } from "../wire/address.ts";
import { ETHERNET } from "../wire/ethernet.ts";
import { emitIcmpMessage, ICMP, ICMP_TYPE } from "../wire/icmp.ts";
import { ICMPV6_TYPE } from "../wire/icmpv6.ts";
import { IP_PROTOCOL } from "../wire/ip_packet.ts";
import { IPV4 } from "../wire/ipv4.ts";
import type { EventTeller } from "./event_teller.ts";
import type { HostCounters } from "./host_counters.ts";
import { AddressCopy, IcmpArrival } from "./icmp_arrival.ts";
import type { IcmpLimit, IcmpRates } from "./icmp_limit.ts";
import type { OutgoingPacket, PacketSender } from "./ip_output.ts";
import { icmpFields } from "./link_events.ts";

/**
 * Local choice: what `ping -f` reaches on a veth pair is below it, and the answers are a few percent of a core; twice that
 * for all askers, so that one alone leaves as much for the others.
 */
export const ECHO_RATES: IcmpRates = {
  hostIntervalUs: 100,
  hostBurst: 1000,
  allIntervalUs: 50,
  allBurst: 2000,
};

/** Local choice: a reply that leaves in many frames counts as one for each of so many bytes. */
const COST_BYTES = 1500;
/** The largest payload of a packet: of IPv4 without the header, of IPv6 without a jumbo payload option. */
const IPV4_MOST_BYTES = 0xffff - IPV4.HEADER_BYTES;
const IPV6_MOST_BYTES = 0xffff;

/** RFC 792. */
const USUAL_HABITS: Pick<IpHabits, "echoCode" | "echoDontFragment"> = {
  echoCode: "zero",
  echoDontFragment: "as-asked",
};

/** What answers are made with. */
interface EchoOptions {
  readonly clock: { readonly nowUs: number };
  readonly sender: PacketSender;
  readonly limit: IcmpLimit;
  readonly counters: Pick<HostCounters, "count" | "echoReplies">;
  readonly teller: Pick<EventTeller, "isObserved" | "icmp">;
  /** The address of ours that answers an address, where a group was asked; null for none. */
  sourceFor(destination: Uint8Array): Uint8Array | null;
  /** Code 0, and DF as asked, when absent. */
  readonly habits?: Pick<IpHabits, "echoCode" | "echoDontFragment">;
}

/** The echo of one host. */
export class Echo {
  readonly #options: EchoOptions;
  readonly #destination = new AddressCopy();
  readonly #source = new AddressCopy();
  // Used again for every request: they come in floods.
  readonly #ipv4Reply = new Ipv4EchoReply();
  readonly #ipv6Reply = new EchoReply();

  constructor(options: EchoOptions) {
    this.#options = options;
    const { echoCode, echoDontFragment } = options.habits ?? USUAL_HABITS;
    for (const reply of [this.#ipv4Reply, this.#ipv6Reply]) reply.copiesCode = echoCode === "as-asked";
    this.#ipv4Reply.mayBeCut = echoDontFragment === "never";
  }

  /** Takes a request of a source that can be a host's; `icmp` is not kept. */
  arrives(icmp: IcmpArrival): void {
    const { teller, counters, limit, clock, sender } = this.#options;
    const { bytes, packet, message } = icmp;
    if (teller.isObserved) {
      teller.icmp({ direction: "recv", kind: "echo-request" }, () => icmpFields(message, { bytes, packet }));
    }
    const { addressBytes } = packet;
    const isIpv4 = addressBytes === IPV4.ADDRESS_BYTES;
    const payloadLength = ICMP.HEADER_BYTES + message.payloadLength;
    if (payloadLength > (isIpv4 ? IPV4_MOST_BYTES : IPV6_MOST_BYTES)) return;
    const peer = this.#destination.of(bytes, packet.sourceOffset, addressBytes);
    const source = this.#sourceOf(icmp, peer);
    if (source === null) return;
    if (!limit.take(peer, clock.nowUs, Math.ceil(payloadLength / COST_BYTES))) {
      counters.count("echo-limited");
      return;
    }
    counters.echoReplies++;
    const reply = isIpv4 ? this.#ipv4Reply.follow(icmp) : this.#ipv6Reply;
    reply.icmp = icmp;
    reply.source = source;
    reply.destination = peer;
    reply.payloadLength = payloadLength;
    reply.mac.set(icmp.origin.frame.subarray(ETHERNET.SOURCE, ETHERNET.SOURCE + reply.mac.length));
    if (teller.isObserved) {
      const { type } = reply;
      teller.icmp({ direction: "send", kind: "echo-reply" }, () => {
        const reversed = { bytes, packet, from: source };
        return icmpFields({ type, code: reply.code }, reversed);
      });
    }
    sender.send(reply);
  }

  /** RFC 4443 §4.2: the address that was asked; where that is a group, one of ours. IPv4's groups are not answered. */
  #sourceOf({ bytes, packet, origin }: IcmpArrival, peer: Uint8Array): Uint8Array | null {
    const asked = this.#source.of(bytes, packet.destinationOffset, packet.addressBytes);
    if (!isMulticastAddress(asked)) return origin.isUnicast ? asked : null;
    return packet.isIpv6 ? this.#options.sourceFor(peer) : null;
  }
}

/** A reply on its way out. */
class EchoReply implements OutgoingPacket {
  icmp = new IcmpArrival();
  source: Uint8Array = new Uint8Array(0);
  destination: Uint8Array = new Uint8Array(0);
  payloadLength = 0;
  copiesCode = false;
  readonly mac = new Uint8Array(6);

  get protocol(): number {
    return IP_PROTOCOL.ICMPV6;
  }

  get code(): number {
    return this.copiesCode ? this.icmp.message.code : 0;
  }

  /** Of the message. */
  get type(): number {
    return ICMPV6_TYPE.ECHO_REPLY;
  }

  write(frame: Uint8Array, offset: number, pseudo: number): void {
    const { bytes, message } = this.icmp;
    const { payloadOffset, payloadLength, restOfHeader } = message;
    frame.set(bytes.subarray(payloadOffset, payloadOffset + payloadLength), offset + ICMP.HEADER_BYTES);
    const { type, code } = this;
    emitIcmpMessage(frame, offset, { type, code, restOfHeader, payloadLength }, pseudo);
  }
}

/** The same of IPv4: with identification, and a sum without a pseudo-header. */
class Ipv4EchoReply extends EchoReply {
  id = 0;
  dontFragment = false;
  mayBeCut = false;

  override get protocol(): number {
    return IP_PROTOCOL.ICMP;
  }

  override get type(): number {
    return ICMP_TYPE.ECHO_REPLY;
  }

  follow({ packet }: IcmpArrival): this {
    this.id = packet.id;
    this.dontFragment = packet.dontFragment && !this.mayBeCut;
    return this;
  }

  override write(frame: Uint8Array, offset: number): void {
    super.write(frame, offset, 0);
  }
}
